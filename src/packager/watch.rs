//! Start-up: media is held back until its rhythm is known, or, after a break, until all tracks that
//! took part have a sync sample at one instant again.

mod watched;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::cadence::{Found, Rhythm, dense, find, half};
use super::contract::{LeftOut, PeriodReason, Report, SourceId};
use super::state::LastRun;
use crate::media::{Language, MediaKind, Sample, TrackId, TrackInfo, VariantName};
use crate::units::{MediaDuration, MediaTime};

pub(super) use watched::Watched;

/// A track of one session of a source.
pub(super) type SourceTrack = (SourceId, TrackId);

/// How long a break waits for the tracks that took part before it, and for what they still owe it.
pub(super) const PATIENCE: MediaDuration = MediaDuration::from_millis(2000);
/// Sound and picture of one moment arrive within this of each other.
const SKEW_MAX: MediaDuration = MediaDuration::from_millis(2500);
/// After a break, clocks that stand farther apart have jumped apart: a track so late is left out.
const SKEW_RESUMED_MAX: MediaDuration = MediaDuration::from_millis(1000);

/// What the watch found: a run can begin.
#[derive(Debug)]
pub(super) struct Start {
    /// Who takes part, the leading track first, then video by size, then audio.
    pub(super) tracks: Vec<SourceTrack>,
    /// The sync samples' rhythm.
    pub(super) rhythm: Rhythm,
    /// The leading track's frame.
    pub(super) frame: MediaDuration,
    /// The first instant of the run, on the source's clock.
    pub(super) at: MediaTime,
    /// An instant of the sync grid, on the source's clock.
    pub(super) origin: MediaTime,
    /// The newest media of the leading track, on the source's clock.
    pub(super) newest: MediaTime,
    /// Added to the source times of each track alone: its clock stands apart from the leading one's.
    pub(super) shifts: BTreeMap<SourceTrack, MediaDuration>,
}

/// What a run before the break knew.
#[derive(Debug)]
pub(super) struct Resume {
    /// The rhythm and frame of the leading video, where one led.
    pub(super) video: Option<(Rhythm, MediaDuration)>,
    /// Rungs and languages that took part.
    pub(super) tracks: BTreeSet<(MediaKind, VariantName, Language)>,
}

/// Media held back.
#[derive(Debug, Default)]
pub(super) struct Watch {
    pub(super) tracks: BTreeMap<SourceTrack, Watched>,
    resume: Option<Resume>,
    /// Whether a run is to begin with the newest sync sample, not with the first.
    from_newest: bool,
    bytes: usize,
    pub(super) reports: Vec<Report>,
}

impl Watch {
    /// With what the last run of an input knew, where there was one.
    pub(super) fn after(run: Option<&LastRun>) -> Self {
        let resume = |run: &LastRun| Resume { video: run.video, tracks: run.tracks.clone() };
        Watch { resume: run.map(resume), ..Watch::default() }
    }

    pub(super) fn resuming(resume: Resume) -> Self {
        Watch { resume: Some(resume), ..Watch::default() }
    }

    /// The same for a run that begins with its newest sync sample: until then something else plays.
    pub(super) fn beginning_with_newest(self) -> Self {
        Watch { from_newest: true, ..self }
    }

    pub(super) fn declare(&mut self, key: SourceTrack, info: TrackInfo, limit: usize) {
        if !self.tracks.contains_key(&key) && self.tracks.len() >= limit {
            let track = info.kind().to_string();
            self.reports.push(Report::TrackLeftOut { track, why: LeftOut::TooManyTracks });
            return;
        }
        // New settings: what came before cannot be in the same run.
        let earlier = self.tracks.remove(&key).map(|old| old.outlived_by(&info));
        let earlier = earlier.unwrap_or_default();
        self.tracks.insert(key, Watched { info, samples: VecDeque::new(), earlier });
    }

    /// Waits for these tracks too, as a source that returns whole brings them all.
    pub(super) fn expect(&mut self, tracks: &BTreeSet<(MediaKind, VariantName, Language)>) {
        if let Some(resume) = &mut self.resume {
            resume.tracks.extend(tracks.iter().cloned());
        }
    }

    /// Whether a run would be led by a track of that kind.
    pub(super) fn leads(&self, key: SourceTrack) -> bool {
        let leading = self.tracks.values().map(|watched| watched.info.kind()).min();
        self.kind(key).is_some_and(|kind| Some(kind) == leading)
    }

    pub(super) fn forget(&mut self, source: SourceId) {
        self.tracks.retain(|(s, _), _| *s != source);
    }

    /// Holds a sample back. A step backward or a hole drops what came before it.
    pub(super) fn push(&mut self, key: SourceTrack, sample: Sample, bytes_max: usize) {
        let Some(track) = self.tracks.get_mut(&key) else { return };
        if let Some(last) = track.samples.back() {
            let step = track.time(sample.dts) - track.time(last.dts);
            if step > MediaDuration::from_secs(1) || step < MediaDuration::from_millis(-100) {
                track.samples.clear();
                track.earlier.clear();
            }
        }
        self.bytes += sample.data.len();
        track.samples.push_back(sample);
        if self.bytes > bytes_max {
            self.reports.push(Report::PendingOverflow);
            self.bytes = 0;
            for track in self.tracks.values_mut() {
                track.samples.drain(..track.samples.len() / 2);
                self.bytes += track.samples.iter().map(|s| s.data.len()).sum::<usize>();
            }
        }
    }

    /// Whether a run can begin, now that a sample of `key` has come.
    pub(super) fn start(&self, key: SourceTrack, reason: PeriodReason) -> Option<Start> {
        let order = self.order();
        let leader = *order.first()?;
        if self.waits_for_first_samples() {
            return None;
        }
        let watched = self.tracks.get(&leader)?;
        let newest_is_sync = self.tracks.get(&key)?.samples.back()?.sync;
        let late_enough = watched.samples.len() % 32 == 0;
        if !newest_is_sync && !late_enough {
            return None;
        }
        let known = self.resume.as_ref().and_then(|resume| match watched.info.kind() {
            MediaKind::Video => resume.video,
            MediaKind::Audio => Some((dense(watched.frame()), watched.frame())),
        });
        let frame = known.map_or_else(|| watched.frame(), |(_, frame)| frame);
        let followers: Vec<SourceTrack> = order[1..].to_vec();
        let syncs = watched.syncs();
        let most = if reason == PeriodReason::Started { SKEW_MAX } else { SKEW_RESUMED_MAX };
        let shifts = self.shifts(watched.newest()?, most);
        let mut start = match (&self.resume, known) {
            (Some(resume), Some(known)) => {
                self.resumed_start(leader, &followers, (&syncs, &shifts), (resume, known))
            }
            _ => self.first_start(leader, &followers, (&syncs, &shifts), frame),
        }?;
        start.shifts = shifts;
        // The leading track's newest may not have come of the other rungs.
        let waits = self.from_newest && syncs.last().is_some_and(|newest| start.at < *newest);
        (!waits).then_some(start)
    }

    /// How much each track's source times must be moved so that its newest media lies with the
    /// leading track's: nothing, unless its clock stands apart by more than interleaving explains.
    fn shifts(
        &self,
        leading: MediaTime,
        most: MediaDuration,
    ) -> BTreeMap<SourceTrack, MediaDuration> {
        let shift = |watched: &Watched| {
            let skew = watched.newest()? - leading;
            (skew.abs() > most).then(|| MediaDuration::from_millis(-skew.floor_millis()))
        };
        let none = MediaDuration::ZERO;
        self.tracks.iter().map(|(key, w)| (*key, shift(w).unwrap_or(none))).collect()
    }

    /// The first of `instants`, or the last where that is wanted, at which all `audio` has begun, but for two frames, over which browsers
    /// play without a stop: a Period that begins with the picture alone has a hole where players
    /// look for sound.
    fn heard_from(
        &self,
        instants: impl IntoIterator<Item = MediaTime>,
        audio: &[SourceTrack],
        shifts: &BTreeMap<SourceTrack, MediaDuration>,
    ) -> Option<MediaTime> {
        let begins = |key: &SourceTrack| {
            let watched = self.tracks.get(key)?;
            let first = watched.time(watched.samples.front()?.pts) + *shifts.get(key)?;
            Some(first - watched.frame().times(2))
        };
        let latest = audio.iter().filter_map(begins).max();
        let mut heard = instants.into_iter().filter(|at| latest.is_none_or(|latest| latest <= *at));
        if self.from_newest { heard.last() } else { heard.next() }
    }

    fn first_start(
        &self,
        leader: SourceTrack,
        followers: &[SourceTrack],
        (syncs, shifts): (&[MediaTime], &BTreeMap<SourceTrack, MediaDuration>),
        frame: MediaDuration,
    ) -> Option<Start> {
        let newest = self.tracks.get(&leader)?.newest()?;
        let videos = |key: &&SourceTrack| self.kind(**key) == Some(MediaKind::Video);
        let mut common = self.tracks.get(&leader)?.earlier_and_syncs();
        let mut held = syncs.to_vec();
        let mut aligned = Vec::new();
        for key in followers.iter().filter(videos) {
            let other = self.tracks.get(key)?;
            let both = matching(&common, &other.earlier_and_syncs(), frame);
            if both.len() >= 2 {
                common = both;
                held = matching(&held, &other.syncs(), frame);
                aligned.push(*key);
            } else if other.newest().is_none_or(|t| t < newest) && !out_of_patience(syncs, newest) {
                return None;
            }
        }
        let Found::Rhythm(rhythm, origin) = find(&common, frame) else { return None };
        let audio = followers.iter().filter(|k| self.kind(**k) == Some(MediaKind::Audio));
        let audio: Vec<SourceTrack> = audio.copied().collect();
        let instants = held.iter().copied().filter(|t| *t >= origin);
        let at = self.heard_from(instants.clone(), &audio, shifts).or(instants.max())?;
        let tracks = std::iter::once(leader).chain(aligned).chain(audio).collect();
        Some(Start { tracks, rhythm, frame, at, origin, newest, shifts: BTreeMap::new() })
    }

    fn resumed_start(
        &self,
        leader: SourceTrack,
        followers: &[SourceTrack],
        (syncs, shifts): (&[MediaTime], &BTreeMap<SourceTrack, MediaDuration>),
        (resume, (rhythm, frame)): (&Resume, (Rhythm, MediaDuration)),
    ) -> Option<Start> {
        let newest = self.tracks.get(&leader)?.newest()?;
        let first = *syncs.first()?;
        let waited = newest - first >= PATIENCE;
        let here: BTreeSet<_> = self.tracks.values().map(|w| identity(&w.info)).collect();
        if !resume.tracks.is_subset(&here) && !waited {
            return None;
        }
        let mut common = syncs.to_vec();
        let mut tracks = vec![leader];
        let mut audio = Vec::new();
        for key in followers {
            let other = self.tracks.get(key)?;
            if other.info.kind() == MediaKind::Video {
                let both = matching(&common, &other.syncs(), frame);
                if both.is_empty() {
                    if !waited {
                        return None;
                    }
                    continue;
                }
                common = both;
            } else if other.samples.is_empty() && !waited {
                return None;
            } else {
                audio.push(*key);
            }
            tracks.push(*key);
        }
        let heard = self.heard_from(common.iter().copied(), &audio, shifts);
        let at = heard.or_else(|| common.last().copied().filter(|_| waited))?;
        Some(Start { tracks, rhythm, frame, at, origin: at, newest, shifts: BTreeMap::new() })
    }

    /// Whether a declared track has nothing yet, and the others not so much that it is past waiting for.
    fn waits_for_first_samples(&self) -> bool {
        let held =
            self.tracks.values().filter_map(|w| Some(w.newest()? - w.time(w.samples.front()?.pts)));
        self.tracks.values().any(|w| w.samples.is_empty())
            && held.max().is_none_or(|span| span < PATIENCE)
    }

    fn kind(&self, key: SourceTrack) -> Option<MediaKind> {
        self.tracks.get(&key).map(|w| w.info.kind())
    }

    /// The tracks with media: video by size, then audio, one of each language unless they come in
    /// one rung. The first leads.
    fn order(&self) -> Vec<SourceTrack> {
        let mut order: Vec<(&SourceTrack, &Watched)> =
            self.tracks.iter().filter(|(_, w)| !w.samples.is_empty()).collect();
        order.sort_by_key(|(key, watched)| rank(&watched.info, key));
        let mut languages: BTreeMap<Language, VariantName> = BTreeMap::new();
        order.retain(|(_, w)| match w.info.kind() {
            MediaKind::Video => true,
            MediaKind::Audio => {
                let first = languages.entry(w.info.language).or_insert(w.info.variant.clone());
                *first == w.info.variant
            }
        });
        order.into_iter().map(|(key, _)| *key).collect()
    }
}

/// Whether a rung that delivers nothing has been waited for long enough.
fn out_of_patience(syncs: &[MediaTime], newest: MediaTime) -> bool {
    let longest = syncs.windows(2).map(|w| w[1] - w[0]).max().unwrap_or(PATIENCE);
    syncs.first().is_some_and(|first| newest - *first >= longest.times(4).max(PATIENCE.times(2)))
}

/// What a track is, over reconnects.
pub(super) fn identity(info: &TrackInfo) -> (MediaKind, VariantName, Language) {
    let variant = match info.kind() {
        MediaKind::Video => info.variant.clone(),
        MediaKind::Audio => VariantName::default(),
    };
    (info.kind(), variant, info.language)
}

/// Order of tracks: video before audio, larger pictures first, then by rung, then as declared.
fn rank(
    info: &TrackInfo,
    key: &SourceTrack,
) -> (MediaKind, std::cmp::Reverse<u32>, VariantName, SourceTrack) {
    let size = info.codec.picture().map_or(0, |picture| picture.area());
    (info.kind(), std::cmp::Reverse(size), info.variant.clone(), *key)
}

/// Those of `ours` that `theirs` has within half a frame. Both ascend.
fn matching(ours: &[MediaTime], theirs: &[MediaTime], frame: MediaDuration) -> Vec<MediaTime> {
    ours.iter()
        .copied()
        .filter(|t| {
            let at = theirs.partition_point(|other| *other + half(frame) < *t);
            theirs.get(at).is_some_and(|other| (*other - *t).abs() <= half(frame))
        })
        .collect()
}
