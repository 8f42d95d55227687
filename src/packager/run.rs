//! A run: tracks in step from a start to a break. Chunks end at the leading track's sync samples
//! and on the part grid; segmentations cut where they will; Periods begin at common cuts.

use std::collections::VecDeque;
use std::sync::Arc;

use super::cadence::{Rhythm, half};
use super::chunker::{ChunkBuilder, Timed};
use super::contract::{LeftOut, PeriodReason, Report, SourceId};
use super::grid::{frames_in, part_target};
use super::period::{Period, PeriodTrack};
use super::segmentation::{Cut, RunClock, Segment, Segmentation};
use super::state::{RenditionId, Reserved, State};
use super::timeline::{Mapping, Placed, Repaired, TrackClock};
use super::watch::SourceTrack;
use crate::isobmff::init_segment;
use crate::media::{MediaKind, Sample, TrackInfo};
use crate::units::{Bitrate, FrameRate, MediaDuration, MediaTime};

/// What manifests declare over what was measured: 110 %.
const RATE_MARGIN: (u64, u64) = (110, 100);

/// An instant at which the leading track's chunks end.
#[derive(Clone, Debug)]
struct Boundary {
    at: MediaTime,
    /// By segmentation: whether it cuts here.
    cuts: Vec<Option<Cut>>,
    /// The Period from here on.
    period: Arc<Period>,
    /// Whether parts are counted anew from here.
    restarts_grid: bool,
}

/// One track in step.
#[derive(Debug)]
struct RunTrack {
    key: SourceTrack,
    info: TrackInfo,
    rendition: RenditionId,
    clock: TrackClock,
    builder: ChunkBuilder,
    /// Samples the leading track has not reached yet.
    queue: VecDeque<Timed>,
    queued_bytes: usize,
    /// The boundary this track meets next, counted from the run's first.
    next_boundary: u64,
    frames_in_part: i64,
    frames_per_part: i64,
    /// Whether it takes part in the Period; the others wait for one that includes them.
    member: bool,
    /// Whether a sync sample of a waiting track was seen at a boundary.
    aligned: bool,
    /// Whether its source has gone.
    leaving: bool,
    /// Whether it has met a boundary of a Period it takes part in.
    active: bool,
    bytes: u64,
    ticks: i64,
}

/// What a run is given each time it is called.
#[derive(Debug)]
pub(super) struct Surroundings<'a> {
    pub(super) state: &'a mut State,
    pub(super) segmentations: &'a mut [Segmentation],
    pub(super) reports: &'a mut Vec<Report>,
    /// Raised to the state's revision that must be on disk before what is used now is published.
    pub(super) needs_state: &'a mut u64,
    pub(super) state_changed: &'a mut bool,
}

/// Tracks in step.
#[derive(Debug)]
pub(super) struct Run {
    tracks: Vec<RunTrack>,
    pub(super) mapping: Mapping,
    clock: RunClock,
    /// The last instant of the sync grid.
    last_grid: Option<MediaTime>,
    last_sync: Option<MediaTime>,
    boundaries: VecDeque<Boundary>,
    /// Boundaries dropped from the front of the queue: all tracks have passed them.
    passed: u64,
    period: Option<Arc<Period>>,
    /// A Period that should begin at the next common cut.
    pending: Option<PeriodReason>,
    /// Up to where the leading track has come.
    reached: Option<MediaTime>,
    part_target: Option<MediaDuration>,
}

/// How a run is begun.
#[derive(Debug)]
pub(super) struct Beginning {
    pub(super) tracks: Vec<(SourceTrack, TrackInfo, MediaDuration)>,
    pub(super) mapping: Mapping,
    pub(super) rhythm: Rhythm,
    pub(super) frame: MediaDuration,
    pub(super) origin: MediaTime,
    pub(super) reason: PeriodReason,
}

/// What became of a sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Taken {
    #[default]
    Yes,
    /// A break: the run must end and a new one begin with this sample.
    Break(PeriodReason),
}

impl Run {
    pub(super) fn new(beginning: Beginning, around: &mut Surroundings<'_>) -> Self {
        let part_ms = around.segmentations.iter().find_map(|s| s.key().part_ms);
        let frames: Vec<MediaDuration> = beginning
            .tracks
            .iter()
            .map(|(_, info, frame)| {
                info.codec
                    .frame_duration()
                    .filter(|_| info.kind() == MediaKind::Audio)
                    .unwrap_or(*frame)
            })
            .collect();
        let target =
            part_ms.map(|ms| part_target(MediaDuration::from_millis(i64::from(ms)), &frames));
        let clock = RunClock {
            rhythm: beginning.rhythm,
            frame: beginning.frame,
            origin: beginning.origin,
            absolute: beginning.mapping.absolute,
        };
        for segmentation in around.segmentations.iter_mut() {
            let stored = around.state.segmentations.get(&segmentation.key());
            segmentation.begin_run(beginning.rhythm, target, stored);
        }
        let mut run = Run {
            tracks: Vec::new(),
            mapping: beginning.mapping,
            clock,
            last_grid: None,
            last_sync: None,
            boundaries: VecDeque::new(),
            passed: 0,
            period: None,
            pending: Some(beginning.reason),
            reached: None,
            part_target: target,
        };
        for ((key, info, _), frame) in beginning.tracks.into_iter().zip(frames) {
            run.add_track(key, info, frame, around);
        }
        for track in &mut run.tracks {
            track.member = true;
        }
        run
    }

    /// What the next run is to know of this one.
    pub(super) fn rhythm(&self) -> (Rhythm, MediaDuration) {
        (self.clock.rhythm, self.clock.frame)
    }

    pub(super) fn infos(&self) -> impl Iterator<Item = (&SourceTrack, &TrackInfo)> {
        self.tracks.iter().filter(|t| !t.leaving).map(|t| (&t.key, &t.info))
    }

    pub(super) fn pending_bytes(&self) -> usize {
        self.tracks.iter().map(|t| t.queued_bytes).sum()
    }

    fn add_track(
        &mut self,
        key: SourceTrack,
        info: TrackInfo,
        frame: MediaDuration,
        around: &mut Surroundings<'_>,
    ) {
        let identity = super::watch::identity(&info);
        let ordinal =
            self.tracks.iter().filter(|t| super::watch::identity(&t.info) == identity).count();
        let known = around.state.renditions.len();
        let rendition = around.state.rendition(identity.0, &identity.1, identity.2, ordinal);
        *around.state_changed |= around.state.renditions.len() != known;
        let clock = TrackClock::new(&info, frame);
        let builder = ChunkBuilder::new(clock.timescale(), clock.frame());
        let nominal = MediaDuration::new(clock.frame(), clock.timescale());
        self.tracks.push(RunTrack {
            key,
            rendition,
            frames_per_part: self
                .part_target
                .map_or(i64::MAX, |t| frames_in(t, frame.min(nominal)).max(1)),
            clock,
            builder,
            info,
            queue: VecDeque::new(),
            queued_bytes: 0,
            next_boundary: 0,
            frames_in_part: 0,
            member: false,
            aligned: false,
            leaving: false,
            active: false,
            bytes: 0,
            ticks: 0,
        });
    }

    /// A track is declared while the run goes on: the same again is nothing, new settings are a
    /// break, a new one waits for a Period.
    pub(super) fn declare(
        &mut self,
        key: SourceTrack,
        info: TrackInfo,
        limit: usize,
        around: &mut Surroundings<'_>,
    ) -> Taken {
        if let Some(known) = self.tracks.iter().find(|t| t.key == key) {
            return if known.info == info {
                Taken::Yes
            } else {
                Taken::Break(PeriodReason::SettingsChanged)
            };
        }
        let identity = super::watch::identity(&info);
        if self
            .tracks
            .iter()
            .any(|t| super::watch::identity(&t.info) == identity && t.key.0 != key.0)
        {
            let same = self.tracks.iter().find(|t| super::watch::identity(&t.info) == identity);
            if same.is_some_and(|t| t.info.variant == info.variant) {
                return Taken::Break(PeriodReason::SourceReturned);
            }
            let track = format!("{}-{}", identity.0, info.variant.as_str());
            around.reports.push(Report::TrackLeftOut { track, why: LeftOut::DuplicateLanguage });
            return Taken::Yes;
        }
        if self.tracks.len() >= limit {
            let track = identity.0.to_string();
            around.reports.push(Report::TrackLeftOut { track, why: LeftOut::TooManyTracks });
            return Taken::Yes;
        }
        let frame = info.codec.frame_duration().unwrap_or(self.clock.frame);
        self.add_track(key, info, frame, around);
        if let Some(track) = self.tracks.last_mut() {
            track.next_boundary = self.passed + self.boundaries.len() as u64;
        }
        Taken::Yes
    }

    /// A source has gone. Gives whether any track of the run is left.
    pub(super) fn lose(&mut self, source: SourceId) -> Remaining {
        for track in self.tracks.iter_mut().filter(|t| t.key.0 == source) {
            track.leaving = true;
        }
        self.tracks.retain(|t| t.member || !t.leaving);
        if self.tracks.iter().filter(|t| t.member).all(|t| t.leaving) {
            return Remaining::None;
        }
        if self.tracks.first().is_some_and(|leader| leader.leaving) {
            return Remaining::NotTheLeader;
        }
        if self.tracks.iter().any(|t| t.leaving) {
            self.pending.get_or_insert(PeriodReason::TracksChanged);
        }
        Remaining::Leader
    }

    /// Takes a sample of a track of the run; others are passed over.
    pub(super) fn sample(
        &mut self,
        key: SourceTrack,
        sample: &Sample,
        around: &mut Surroundings<'_>,
    ) -> Taken {
        let Some(index) = self.tracks.iter().position(|t| t.key == key) else { return Taken::Yes };
        let track = &mut self.tracks[index];
        let timed = match track.clock.place(&self.mapping, sample) {
            Placed::At(timed, repaired) => {
                if repaired == Repaired::Yes {
                    let track = name_of(around.state, track.rendition);
                    around.reports.push(Report::TimestampRepaired { track });
                }
                timed
            }
            Placed::Overlaps => {
                let track = name_of(around.state, track.rendition);
                around.reports.push(Report::TimestampRepaired { track });
                return Taken::Yes;
            }
            Placed::Jump => return Taken::Break(PeriodReason::TimestampJump),
        };
        if index == 0 {
            self.lead(timed, around);
            for follower in 1..self.tracks.len() {
                self.follow(follower, around);
            }
        } else {
            track.queued_bytes += timed.data.len();
            track.queue.push_back(timed);
            self.follow(index, around);
        }
        self.forget_boundaries();
        Taken::Yes
    }

    fn lead(&mut self, timed: Timed, around: &mut Surroundings<'_>) {
        let scale = self.tracks[0].clock.timescale();
        let at = MediaTime::new(timed.pts, scale);
        let end = MediaTime::new(timed.dts + self.tracks[0].clock.frame(), scale);
        if timed.sync
            && self.is_boundary(at)
            && let Some(boundary) = self.plan(at, around)
        {
            self.boundaries.push_back(boundary);
            self.meet(0, timed.dts, around);
        }
        self.reached = Some(end);
        if self.tracks[0].active {
            self.put(0, timed, around);
        }
    }

    /// Whether chunks end at a sync sample of the leading track: at each, unless they are dense.
    fn is_boundary(&mut self, at: MediaTime) -> bool {
        let Rhythm::Even { interval, dense: true } = self.clock.rhythm else { return true };
        let near = half(self.clock.frame);
        let grid = self.last_grid.unwrap_or(self.clock.origin);
        self.last_grid.is_none() && (at - grid).abs() <= near
            || self.last_grid.is_some() && at + near >= grid + interval
    }

    /// Decides what happens at a sync sample of the leading track; nothing before the first cut.
    fn plan(&mut self, at: MediaTime, around: &mut Surroundings<'_>) -> Option<Boundary> {
        self.keep_rhythm(at, around);
        let (rhythm, frame) = (self.clock.rhythm, self.clock.frame);
        let first = self.period.is_none();
        let longest = around.segmentations.iter().map(|s| s.duration).max();
        let common = around
            .segmentations
            .iter()
            .filter(|s| Some(s.duration) == longest)
            .all(|s| s.cuts_at(at, rhythm, frame));
        let lost = self.pending == Some(PeriodReason::CadenceLost);
        let begins = self.pending.filter(|_| first || common || lost);
        let mut cuts: Vec<Option<Cut>> = Vec::new();
        for segmentation in around.segmentations.iter() {
            let stored = around.state.segmentations.get(&segmentation.key());
            cuts.push(if !segmentation.started() {
                segmentation.first_cut(at, &self.clock, stored)
            } else if begins.is_some() || segmentation.cuts_at(at, rhythm, frame) {
                Some(segmentation.next_cut())
            } else {
                None
            });
        }
        if first && cuts.iter().all(Option::is_none) {
            return None;
        }
        let period = match (begins, &self.period) {
            (None, Some(period)) => Arc::clone(period),
            (reason, _) => self.begin_period(at, reason.unwrap_or(PeriodReason::Started), around),
        };
        let mut restarts_grid = false;
        for (segmentation, cut) in around.segmentations.iter_mut().zip(&cuts) {
            let Some(cut) = cut else { continue };
            restarts_grid |= segmentation.part_target.is_some();
            if let Some(needed) = segmentation.note_cut(at, cut.number) {
                around.reports.push(Report::TargetRaised { from: segmentation.target, to: needed });
                segmentation.target = needed;
                self.pending.get_or_insert(PeriodReason::TargetRaised);
            }
            reserve(segmentation, cut, at, around.state, around.needs_state);
            *around.state_changed = true;
        }
        Some(Boundary { at, cuts, period, restarts_grid })
    }

    /// Whether the source still keeps its cadence: a sync sample within half a frame of each last
    /// grid instant + k·G. Those between do not count.
    fn keep_rhythm(&mut self, at: MediaTime, around: &mut Surroundings<'_>) {
        let since = self.last_sync.map(|last| at - last);
        self.last_sync = Some(at);
        match self.clock.rhythm {
            Rhythm::Even { interval, .. } => {
                let Some(grid) = self.last_grid else {
                    self.last_grid = Some(at);
                    return;
                };
                let expected = grid + interval;
                let near = half(self.clock.frame);
                if (at - expected).abs() <= near {
                    self.last_grid = Some(at);
                } else if at > expected {
                    let longest = since.unwrap_or(interval).max(interval);
                    self.clock.rhythm = Rhythm::Irregular { longest };
                    around.reports.push(Report::CadenceIrregular { longest });
                    self.pending = Some(PeriodReason::CadenceLost);
                    for segmentation in around.segmentations.iter_mut() {
                        segmentation.set_rhythm(self.clock.rhythm);
                    }
                }
            }
            Rhythm::Irregular { longest } => {
                if let Some(since) = since.filter(|since| *since > longest) {
                    self.clock.rhythm = Rhythm::Irregular { longest: since };
                }
            }
        }
    }

    fn begin_period(
        &mut self,
        at: MediaTime,
        reason: PeriodReason,
        around: &mut Surroundings<'_>,
    ) -> Arc<Period> {
        self.pending = None;
        self.tracks.retain(|t| !t.leaving);
        for track in &mut self.tracks {
            if !track.member && (track.aligned || track.info.kind() == MediaKind::Audio) {
                track.member = true;
                let track = name_of(around.state, track.rendition);
                around.reports.push(Report::TrackJoined { track });
            }
        }
        let ordinal = around.state.period_ordinal.map_or(0, |last| last + 1);
        around.state.period_ordinal = Some(ordinal);
        *around.state_changed = true;
        *around.needs_state = around.state.revision + 1;
        let members = self.tracks.iter().filter(|t| t.member);
        let period = Arc::new(Period {
            id: at.floor_millis(),
            ordinal,
            tracks: members.map(|t| period_track(t, self.clock.frame)).collect(),
        });
        around.reports.push(Report::PeriodBegan { id: period.id, reason });
        self.period = Some(Arc::clone(&period));
        period
    }

    /// A track meets its next boundary: its chunk ends, and what cuts there cuts. `next` is the
    /// decode time of the track's first sample behind it.
    fn meet(&mut self, index: usize, next: i64, around: &mut Surroundings<'_>) {
        let track = &mut self.tracks[index];
        let Some(boundary) = self.boundaries.get((track.next_boundary - self.passed) as usize)
        else {
            return;
        };
        track.next_boundary += 1;
        close_chunk(track, Some(next), boundary.restarts_grid, around);
        if boundary.restarts_grid {
            track.frames_in_part = 0;
        }
        track.active = boundary.period.track(track.rendition).is_some();
        if !track.active {
            return;
        }
        let base = track.builder.next_base().or(Some(next));
        for (segmentation, cut) in around.segmentations.iter_mut().zip(&boundary.cuts) {
            let Some(cut) = cut else { continue };
            segmentation.add_gaps(track.rendition, cut.gaps.clone());
            let closed = segmentation.open(track.rendition, cut.number, &boundary.period, base);
            if let Some(closed) = closed {
                track.measure(&closed, around.state, around.state_changed);
            }
        }
    }

    /// Adds a sample to a track's chunk; ends the part it fills.
    fn put(&mut self, index: usize, timed: Timed, around: &mut Surroundings<'_>) {
        let track = &mut self.tracks[index];
        track.builder.push(timed);
        track.frames_in_part += 1;
        if track.frames_in_part >= track.frames_per_part {
            track.frames_in_part = 0;
            close_chunk(track, None, true, around);
        }
    }

    /// Lets a track come up to where the leading one is.
    fn follow(&mut self, index: usize, around: &mut Surroundings<'_>) {
        let Some(reached) = self.reached else { return };
        loop {
            let track = &mut self.tracks[index];
            let scale = track.clock.timescale();
            let Some(sample) = track.queue.front() else { return };
            let start = MediaTime::new(sample.pts.max(sample.dts), scale);
            let decode = MediaTime::new(sample.dts, scale);
            if decode >= reached {
                return;
            }
            let video = track.info.kind() == MediaKind::Video;
            let near = if video { half(self.clock.frame) } else { MediaDuration::ZERO };
            let boundary =
                self.boundaries.get((track.next_boundary.saturating_sub(self.passed)) as usize);
            let (sync, dts) = (sample.sync, sample.dts);
            let behind = boundary.filter(|b| decode + near >= b.at);
            match behind {
                Some(b) if !track.member => {
                    // Not in the Period: only watched for a sync sample at a boundary.
                    let hit = sync && (start - b.at).abs() <= half(self.clock.frame);
                    track.next_boundary += 1;
                    if hit && !track.aligned {
                        track.aligned = true;
                        self.pending.get_or_insert(PeriodReason::TracksChanged);
                    }
                }
                Some(b)
                    if video
                        && b.cuts.iter().any(Option::is_some)
                        && !(sync && (decode - b.at).abs() <= near) =>
                {
                    self.leave_out(index, LeftOut::Misaligned, around);
                    return;
                }
                Some(_) => self.meet(index, dts, around),
                None => self.advance(index, around),
            }
        }
    }

    /// Moves the front of a follower's queue into its chunk, or drops it where it takes no part.
    fn advance(&mut self, index: usize, around: &mut Surroundings<'_>) {
        let track = &mut self.tracks[index];
        let Some(sample) = track.queue.pop_front() else { return };
        track.queued_bytes -= sample.data.len();
        if !track.member {
            if track.info.kind() == MediaKind::Audio && !track.aligned {
                track.aligned = true;
                self.pending.get_or_insert(PeriodReason::TracksChanged);
            }
            return;
        }
        if track.active {
            self.put(index, sample, around);
        }
    }

    fn leave_out(&mut self, index: usize, why: LeftOut, around: &mut Surroundings<'_>) {
        let track = &mut self.tracks[index];
        let name = name_of(around.state, track.rendition);
        around.reports.push(Report::TrackLeftOut { track: name, why });
        close_chunk(track, None, true, around);
        for segmentation in around.segmentations.iter_mut() {
            segmentation.close(track.rendition);
        }
        track.member = false;
        track.active = false;
        track.aligned = false;
        track.queue.clear();
        track.queued_bytes = 0;
        self.pending.get_or_insert(PeriodReason::TracksChanged);
    }

    fn forget_boundaries(&mut self) {
        let slowest = self.tracks.iter().map(|t| t.next_boundary).min().unwrap_or(0);
        while self.passed < slowest && self.boundaries.pop_front().is_some() {
            self.passed += 1;
        }
    }

    /// Ends the run: every track is brought up to where the leading one ends, and every open
    /// segment closed with what it has.
    pub(super) fn finish(mut self, around: &mut Surroundings<'_>) {
        for index in 1..self.tracks.len() {
            self.follow(index, around);
        }
        for track in self.tracks.iter_mut().filter(|t| t.member) {
            close_chunk(track, None, true, around);
            for segmentation in around.segmentations.iter_mut() {
                if let Some(closed) = segmentation.close(track.rendition) {
                    track.measure(&closed, around.state, around.state_changed);
                }
            }
        }
    }
}

/// What is left of a run when a source has gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Remaining {
    /// The leading track; the others leave at the next common cut.
    #[default]
    Leader,
    /// Tracks, but not the leading one.
    NotTheLeader,
    /// Nothing.
    None,
}

impl RunTrack {
    /// Raises the rates manifests declare by what a segment measures.
    fn measure(&mut self, segment: &Segment, state: &mut State, changed: &mut bool) {
        let Some(rendition) = state.renditions.get_mut(self.rendition.0 as usize) else { return };
        let size = segment.size();
        self.bytes += size;
        self.ticks += segment.duration;
        let peak = with_margin(Bitrate::of(size, segment.length()));
        let span = MediaDuration::new(self.ticks, segment.timescale);
        let average = with_margin(Bitrate::of(self.bytes, span)).min(peak.max(rendition.peak));
        if peak > rendition.peak || average > rendition.average {
            rendition.peak = rendition.peak.max(peak);
            rendition.average = rendition.average.max(average);
            *changed = true;
        }
    }
}

/// A measured rate with the margin manifests declare, in whole kilobits.
fn with_margin(rate: Bitrate) -> Bitrate {
    Bitrate((rate.0.saturating_mul(RATE_MARGIN.0) / RATE_MARGIN.1).div_ceil(1000) * 1000)
}

fn close_chunk(
    track: &mut RunTrack,
    next: Option<i64>,
    part_end: bool,
    around: &mut Surroundings<'_>,
) {
    let Some(chunk) = track.builder.close(next) else { return };
    let chunk = Arc::new(chunk);
    for segmentation in around.segmentations.iter_mut() {
        segmentation.add(track.rendition, &chunk, part_end);
    }
}

/// Reserves the number after the one a cut uses, and says which state must be on disk for this one.
fn reserve(
    segmentation: &Segmentation,
    cut: &Cut,
    at: MediaTime,
    state: &mut State,
    needs: &mut u64,
) {
    let revision = state.revision;
    let stored: &mut Reserved = state.segmentations.entry(segmentation.key()).or_default();
    let ahead = stored.number >= cut.number;
    stored.number = cut.number + 1;
    stored.target = segmentation.target;
    stored.end_ms = (at + segmentation.duration.times(2)).floor_millis();
    *needs = (*needs).max(if ahead { revision } else { revision + 1 });
}

fn period_track(track: &RunTrack, leading_frame: MediaDuration) -> PeriodTrack {
    let timescale = track.clock.timescale();
    let frame = track.info.codec.frame_duration().unwrap_or(leading_frame);
    PeriodTrack {
        rendition: track.rendition,
        codec: track.info.codec.clone(),
        timescale,
        frame_rate: match track.info.kind() {
            MediaKind::Video => rate_of(frame),
            MediaKind::Audio => None,
        },
        language: track.info.language,
        init: init_segment(&track.info.codec, timescale, track.info.language),
    }
}

/// The rate whose frames are this long, where it is a fraction of 32-bit numbers.
fn rate_of(frame: MediaDuration) -> Option<FrameRate> {
    let rate = FrameRate::new(frame.scale().get(), u32::try_from(frame.ticks()).ok()?)?;
    (rate.frames.get() / rate.seconds.get() < 1000).then_some(rate)
}

fn name_of(state: &State, rendition: RenditionId) -> String {
    state.renditions.get(rendition.0 as usize).map_or_else(String::new, |r| r.name.clone())
}
