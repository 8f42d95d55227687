//! A reader that reloads everything whenever it changes, and holds each version against the last.

use std::collections::BTreeMap;

use headwater::manifest::Dates;
use headwater::packager::{RenditionView, SegmentationView, Snapshot};
use headwater::resolve::{EndpointRules, Form};

use crate::answers::{manifest, playlist};
use crate::dash::{self, Mpd};
use crate::model::{self, Playlist};
use crate::rules;
use crate::scenario::{shown, view};

/// What one reader of one endpoint has.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    lists: BTreeMap<String, (u64, Playlist)>,
    mpd: Option<(u64, Mpd)>,
    /// Versions seen of media playlists and of MPDs.
    pub(crate) seen: (usize, usize),
    /// Delta updates merged.
    pub(crate) merged: usize,
    /// Whether the source may go: then a low-latency list may end without a hint.
    pub(crate) lenient: bool,
}

impl Reader {
    /// Takes the next snapshot.
    pub(crate) fn take(&mut self, snapshot: &Snapshot, rules: &EndpointRules) {
        if rules.protocol.has_hls() {
            self.playlists(snapshot, rules);
        }
        if rules.protocol.has_dash() {
            self.mpd(snapshot, rules);
        }
    }

    fn playlists(&mut self, snapshot: &Snapshot, rules: &EndpointRules) {
        let Some(view) = snapshot.segmentations.get(&rules.segmentation) else { return };
        let sparse = rules.presentation.dates != Dates::All;
        let mut all = Vec::new();
        let mut fresh = Vec::new();
        let lists = listed(view, rules);
        for list in &lists {
            let name = list.rendition.name.clone();
            let had = self.lists.get(&name);
            // An ended channel's text differs under the version it had before.
            if let Some((_, had)) =
                had.filter(|(v, l)| *v == list.version && l.ended == snapshot.ended)
            {
                all.push((name, had.clone()));
                continue;
            }
            let Some(text) = playlist(snapshot, rules, &name, None) else {
                assert!(had.is_none(), "H12, H14: what was shown is shown on");
                return;
            };
            let now = model::read(&text);
            self.seen.0 += 1;
            rules::holds(&now, self.lenient, sparse);
            if let Some((_, had)) = had {
                rules::follows(had, &now);
                if !snapshot.ended && rules.protocol.low_latency() {
                    self.merged += usize::from(delta(snapshot, rules, &name, had, &now));
                }
            }
            fresh.extend((list.version == snapshot.version).then(|| name.clone()));
            self.lists.insert(name.clone(), (list.version, now.clone()));
            all.push((name, now));
        }
        if lists.len() == all.len() {
            rules::agree(&all, &fresh, &shown(view, rules));
        }
    }

    fn mpd(&mut self, snapshot: &Snapshot, rules: &EndpointRules) {
        let Some(text) = manifest(snapshot, rules, Form::Mpd) else {
            assert!(self.mpd.is_none(), "what was shown is shown on");
            return;
        };
        let version = view(snapshot, rules).version;
        let now = dash::read(&text);
        self.seen.1 += 1;
        if let Some((had_version, had)) = &self.mpd {
            dash::follows(had, &now);
            let same = *had_version == version && !snapshot.ended;
            assert!(!same || had.text == now.text, "a version has one text");
        }
        self.mpd = Some((version, now));
    }
}

/// The lists of an endpoint's media playlists, whether its multivariant playlist names them or not.
pub(crate) fn listed<'a>(
    view: &'a SegmentationView,
    rules: &EndpointRules,
) -> Vec<&'a RenditionView> {
    let muxed: Vec<_> = view.current_muxed().filter(|_| rules.muxed()).collect();
    if muxed.is_empty() { view.current().collect() } else { muxed }
}

/// Asks for a delta update and merges it: what comes out is the full playlist. Whether any segment
/// was skipped.
fn delta(
    snapshot: &Snapshot,
    rules: &EndpointRules,
    name: &str,
    had: &Playlist,
    full: &Playlist,
) -> bool {
    let text = playlist(snapshot, rules, name, Some("_HLS_skip=YES")).expect("there is enough");
    let delta = model::read(&text);
    if delta.skipped == 0 {
        assert_eq!(&delta, full, "L30: nothing to skip, so the full playlist");
        return false;
    }
    rules::holds(&delta, true, rules.presentation.dates != Dates::All);
    let from = delta.skipped as usize - 1;
    let far: i64 = full.segments[from..].iter().map(|s| s.micros).sum();
    assert!(far > full.can_skip_until.expect("L06") - 1000, "L31: {far} µs from the end");
    // §6.2.5.1: a client whose playlist is older than half the skip boundary does not ask for one.
    let known = (had.sequence + had.segments.len() as u64 - full.sequence) as usize;
    let unknown: i64 =
        full.segments[known.min(full.segments.len())..].iter().map(|s| s.micros).sum();
    if unknown > full.can_skip_until.expect("L06") / 2 {
        return false;
    }
    // Listed parts of what is kept may go in the version that a delta is laid over.
    let mut merged = model::merge(had, &delta);
    for (segment, full) in merged.segments.iter_mut().zip(&full.segments) {
        if full.parts.is_empty() {
            segment.parts.clear();
        }
    }
    // The date of what has become the first segment follows from those it knows.
    if rules.presentation.dates != Dates::All {
        merged.segments[0].date.clone_from(&full.segments[0].date);
    }
    assert_eq!(
        &merged, full,
        "L31, L33: the delta merged into the previous playlist is the full one"
    );
    true
}
