//! Answers from the archive: manifests of the past, and objects that have left memory. Files are read
//! on threads of their own.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use bytes::Bytes;

use super::rendered::Rendered;
use super::reply::Reply;
use crate::archive::{Shelf, Stretch, is_lost};
use crate::media::MediaKind;
use crate::observe::Metrics;
use crate::packager::{Lineage, PastLists, Rendition, Segment, Snapshot, extended, past};
use crate::repackage::transport_stream;
use crate::resolve::{
    Archived, ArchivedFile, Container, Derived, DerivedName, EndpointRules, Missing, NoPast,
    NotNow, Object, ObjectKind, PastManifest, PastView, Resolution, View, ViewKind, recipe,
    render_past,
};
use crate::runtime::ChannelHandle;
use crate::units::MediaTime;

/// A manifest of the past.
pub(super) async fn manifest(
    channel: &Arc<ChannelHandle>,
    rules: &Arc<EndpointRules>,
    view: PastView,
    snapshot: Arc<Snapshot>,
) -> Reply {
    if let Some(rendered) = channel.renderings.past(rules, &view) {
        return whole(&view, rendered);
    }
    let (channel, rules) = (Arc::clone(channel), Arc::clone(rules));
    let made = tokio::task::spawn_blocking(move || make(&channel, &rules, &view, &snapshot));
    // A rendering that panicked has been told of; its reader is told that there is nothing.
    made.await.unwrap_or(Reply::NotFound(Missing::NotKept))
}

fn whole(view: &PastView, rendered: Arc<Rendered>) -> Reply {
    Reply::Past { rendered, what: view.what.clone(), fresh: None }
}

fn make(
    channel: &ChannelHandle,
    rules: &EndpointRules,
    view: &PastView,
    snapshot: &Snapshot,
) -> Reply {
    let (from, to) = view.stretch(rules);
    // A media playlist shows its own rendition alone.
    let asked = match &view.what {
        PastManifest::Media(name) => Some(name.as_str()),
        PastManifest::Mpd(_) | PastManifest::Multivariant => None,
    };
    let stored = match channel.shelf() {
        Some(shelf) => shelf.rows(&snapshot.lineage(rules.segmentation), (from, to), asked),
        None => Ok(BTreeMap::new()),
    };
    let stored = match stored {
        Ok(stored) => stored,
        Err(error) => {
            failed(channel, &error);
            return Reply::Unavailable(NotNow::Unreadable);
        }
    };
    let live = snapshot.segmentations.get(&rules.segmentation);
    let lists = lists_of(stored);
    match render_past(rules, view, lists, live) {
        Ok(text) => {
            let rendered = Arc::new(Rendered::new(&text.text));
            if text.ended {
                channel.renderings.keep_past(rules, view, &rendered);
                return whole(view, rendered);
            }
            Reply::Past { rendered, what: view.what.clone(), fresh: Some(text.target) }
        }
        Err(NoPast::Missing(missing)) => Reply::NotFound(missing),
        Err(NoPast::NotNow(why)) => Reply::Unavailable(why),
    }
}

/// A manifest of what is live that reaches further back than memory does.
pub(super) async fn beyond(
    channel: &Arc<ChannelHandle>,
    rules: &Arc<EndpointRules>,
    snapshot: &Arc<Snapshot>,
    view: View,
    metrics: &Metrics,
) -> Option<Arc<Rendered>> {
    if let Some(rendered) = channel.renderings.known(rules, snapshot, view) {
        return Some(rendered);
    }
    let (channel, rules) = (Arc::clone(channel), Arc::clone(rules));
    let (snapshot, metrics) = (Arc::clone(snapshot), metrics.clone());
    let made = tokio::task::spawn_blocking(move || {
        let with = || Cow::Owned(extend(&channel, &rules, &snapshot, view));
        channel.renderings.get_of(&rules, &snapshot, view, &metrics, with)
    });
    made.await.ok().flatten()
}

/// The snapshot with what the archive has before it of the lists that `view` shows.
fn extend(
    channel: &ChannelHandle,
    rules: &EndpointRules,
    snapshot: &Snapshot,
    view: View,
) -> Snapshot {
    let mut snapshot = snapshot.clone();
    let (Some(shelf), Some(live)) =
        (channel.shelf(), snapshot.segmentations.get_mut(&rules.segmentation))
    else {
        return snapshot;
    };
    let asked = match view.kind {
        ViewKind::Media { rendition, .. } => live.rendition(rendition),
        // It lists no segment.
        ViewKind::Multivariant => return snapshot,
        ViewKind::Mpd => None,
    };
    let fronts = live.renditions.iter().filter_map(|list| list.rows.get(0));
    let Some(to) = fronts.map(|row| row.end_time().floor_millis()).max() else { return snapshot };
    let newest = live.renditions.iter().filter_map(|list| list.rows.last());
    let newest = newest.map(|row| row.end_time().floor_millis()).max().unwrap_or(to);
    let window = if view.kind == ViewKind::Mpd { rules.dash_window } else { rules.hls_window };
    // What is listed at least lies in front of a hole, where one is.
    let least = live.least_listed().max(live.duration.times(i64::from(rules.segments)));
    let reach = (window + least.times(2)).floor_millis() + 60_000;
    let name = asked.map(|list| list.rendition.name.clone());
    match shelf.rows(&live.lineage, (newest - reach, to), name.as_deref()) {
        Ok(stored) => *live = extended(live, &lists_of(stored)),
        Err(error) => failed(channel, &error),
    }
    snapshot
}

fn lists_of(stored: BTreeMap<String, Stretch>) -> PastLists {
    let stored = stored.into_iter();
    stored.map(|(name, Stretch { rendition, rows })| (name, (rendition, rows))).collect()
}

/// What stands in the place of what is not there.
pub(super) fn refusal(resolution: &Resolution) -> Reply {
    match resolution {
        Resolution::Gone => Reply::Gone,
        Resolution::NotFound(missing) => Reply::NotFound(*missing),
        _ => Reply::NotFound(Missing::Unknown),
    }
}

fn failed(channel: &ChannelHandle, error: &io::Error) {
    let (group, name) = (&channel.group, &channel.name);
    tracing::warn!(group, channel = name, %error, "the archive cannot be read");
}

/// An object of the archive; `None` where it is not there, or not what was written.
///
/// # Errors
/// Where the archive has it and cannot be read.
pub(super) async fn object(
    channel: &Arc<ChannelHandle>,
    rules: &Arc<EndpointRules>,
    archived: Archived,
) -> Result<Option<Object>, NotNow> {
    let (channel, rules) = (Arc::clone(channel), Arc::clone(rules));
    let read = tokio::task::spawn_blocking(move || {
        let Some(shelf) = channel.shelf() else { return Ok(None) };
        let lineage = channel.snapshot().lineage(rules.segmentation);
        read((shelf, &lineage), &rules, &archived).or_else(|error| {
            failed(&channel, &error);
            if is_lost(&error) { Ok(None) } else { Err(NotNow::Unreadable) }
        })
    });
    read.await.unwrap_or(Ok(None))
}

fn read(
    (shelf, lineage): (&Shelf, &Lineage),
    rules: &EndpointRules,
    asked: &Archived,
) -> io::Result<Option<Object>> {
    let container = rules.protocol.container();
    let object = |body: Vec<Bytes>, kind, media| Object { body, kind, media, container };
    match asked.file {
        ArchivedFile::Init(period) => {
            let found = shelf.period(&asked.rendition, period)?;
            let init = found.and_then(|(rendition, period)| {
                let init = period.track(rendition.id)?.init.clone();
                Some(object(vec![init], ObjectKind::Init, rendition.kind))
            });
            Ok(init)
        }
        ArchivedFile::Segment(number) => {
            let found = shelf.segment(lineage, &asked.rendition, number)?;
            let Some((rendition, segment)) = found else { return Ok(None) };
            let (media, kind) = (rendition.kind, ObjectKind::Segment);
            if container == Container::Cmaf {
                return Ok(Some(object(segment.body(), kind, media)));
            }
            let made = transport((shelf, lineage), rules, &rendition, &segment)?;
            Ok(made.map(|body| object(body, kind, MediaKind::Video)))
        }
    }
}

/// A segment as a transport stream: made of what it was made of when it was live.
fn transport(
    (shelf, lineage): (&Shelf, &Lineage),
    rules: &EndpointRules,
    rendition: &Rendition,
    segment: &Segment,
) -> io::Result<Option<Vec<Bytes>>> {
    let (key, number, id) = (rules.segmentation, segment.number, rendition.id);
    let muxed = rules.muxed() && rendition.kind == MediaKind::Video;
    let first = number.saturating_sub(u64::from(!segment.first));
    let with = |name: &str| -> io::Result<Vec<Arc<Segment>>> {
        let mut rows = Vec::new();
        for number in first..=number {
            rows.extend(shelf.segment(lineage, name, number)?.map(|(_, row)| Arc::new(row)));
        }
        Ok(rows)
    };
    let mut lists = PastLists::new();
    if let Some(audio) = segment.period.default_audio().filter(|_| muxed) {
        let (from, to) = (segment.start_time().floor_millis(), segment.end_time().floor_millis());
        let beside = shelf.rows(lineage, (from, to), None)?.into_iter();
        for (name, stretch) in beside.filter(|(_, s)| s.rendition.id == audio.rendition) {
            let rows = with(&name)?;
            lists.insert(name, (stretch.rendition, rows));
        }
    }
    lists.insert(rendition.name.clone(), (rendition.clone(), with(&rendition.name)?));
    let Some(view) = past(key, lists, None, MediaTime::from_millis(0), |_| true) else {
        return Ok(None);
    };
    let segmentations = BTreeMap::from([(key, view)]);
    let snapshot = Snapshot { segmentations, ..Snapshot::default() };
    let name = DerivedName::Segment(number);
    let derived = Derived { segmentation: key, rendition: id, muxed, name };
    Ok(recipe(&snapshot, &derived).map(|recipe| transport_stream(&recipe)))
}
