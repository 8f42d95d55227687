//! A run: tracks in step from a start to a break. Chunks end at the leading track's sync samples
//! and on the part grid; segmentations cut where they will; Periods begin at common cuts.

mod follow;
mod members;
mod plan;
mod regrid;
mod track;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::cadence::{Rhythm, half};
use super::chunker::{ChunkBuilder, Timed};
use super::contract::{InputId, PeriodReason, Report};
use super::period::Period;
use super::segmentation::{Cut, RunClock, Segmentation};
use super::state::State;
use super::timeline::{Mapping, Placed, Repaired, TrackClock};
use super::watch::SourceTrack;
use crate::media::{MediaKind, Sample, TrackInfo};
use crate::units::{Bitrate, MediaDuration, MediaTime};
pub(super) use regrid::Rearranged;
use regrid::{Grid, TrackFrame, is_muxed, lateness};
use track::{Came, RunTrack, close_chunk, name_of};

/// An instant at which the leading track's chunks end.
#[derive(Clone, Debug)]
pub(super) struct Boundary {
    pub(super) at: MediaTime,
    /// Where the leading track's chunk begins there: predicted durations may have brought the one
    /// before past `at`, or not up to it. Audio is cut here.
    pub(super) base: MediaTime,
    /// By segmentation: whether it cuts here.
    pub(super) cuts: Vec<Option<Cut>>,
    /// The Period from here on.
    pub(super) period: Arc<Period>,
    /// Whether that Period begins here.
    pub(super) begins_period: bool,
    /// Whether parts are counted anew from here.
    pub(super) restarts_grid: bool,
    /// The part grid from here on, where it is another.
    pub(super) grid: Option<Grid>,
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
    /// Up to where the leading track has come, but for half a frame.
    reached: Option<MediaTime>,
    /// Sync samples of the leading track while it keeps no cadence, the newest few.
    recent: VecDeque<MediaTime>,
    /// A cadence found again, to be taken up with the next Period.
    regained: Option<Rhythm>,
    /// No cut before this.
    not_before: Option<MediaTime>,
    /// How far behind the leading track another may be.
    lateness: MediaDuration,
    grid: Grid,
    /// How much later than the leading track others may be cut: the longest audio frame.
    slack: MediaDuration,
    /// Whether other segments or parts have been asked for since the newest Period began.
    changed: bool,
    /// Whether audio has to say when it has come to the leading track's part ends.
    muxed: bool,
}

/// A track that a run begins with.
#[derive(Debug)]
pub(super) struct Beginner {
    pub(super) key: SourceTrack,
    pub(super) info: TrackInfo,
    pub(super) frame: MediaDuration,
    /// Added to its source times alone.
    pub(super) shift: MediaDuration,
    /// What it measured before, where that is known.
    pub(super) rate: Option<Bitrate>,
}

/// How a run is begun.
#[derive(Debug)]
pub(super) struct Beginning {
    pub(super) tracks: Vec<Beginner>,
    pub(super) mapping: Mapping,
    pub(super) rhythm: Rhythm,
    pub(super) frame: MediaDuration,
    pub(super) origin: MediaTime,
    /// Media before this is there already: with absolute time it is dropped as a duplicate.
    pub(super) not_before: Option<MediaTime>,
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
        let frames: Vec<TrackFrame> = beginning.tracks.iter().map(TrackFrame::of).collect();
        let grid = Grid::for_tracks(&frames, beginning.rhythm, around);
        let clock = RunClock {
            rhythm: beginning.rhythm,
            frame: beginning.frame,
            origin: beginning.origin,
            absolute: beginning.mapping.absolute,
        };
        let audio = frames.iter().skip(1).filter(|frame| frame.audio).map(|frame| frame.length);
        let slack = audio.max().unwrap_or(MediaDuration::ZERO);
        for segmentation in around.segmentations.iter_mut() {
            let stored = around.state.segmentations.get(&segmentation.key());
            segmentation.begin_run(beginning.rhythm, grid.target, slack, stored);
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
            recent: VecDeque::new(),
            regained: None,
            not_before: beginning.not_before,
            lateness: lateness(around),
            grid,
            slack,
            changed: false,
            muxed: is_muxed(around),
        };
        for (track, frame) in beginning.tracks.into_iter().zip(frames) {
            run.add_track(Beginner { frame: frame.length, ..track }, around);
        }
        for track in &mut run.tracks {
            track.member = true;
        }
        run
    }

    /// What the next run is to know of this one: the rhythm and frame of video that leads.
    pub(super) fn rhythm(&self) -> Option<(Rhythm, MediaDuration)> {
        let video = self.tracks.first().is_some_and(|t| t.info.kind() == MediaKind::Video);
        video.then_some((self.clock.rhythm, self.clock.frame))
    }

    /// Whether a sample is the leading track's, and the longest segmentation cuts at it.
    pub(super) fn cuts_at(
        &self,
        key: SourceTrack,
        sample: &Sample,
        segmentations: &[Segmentation],
    ) -> bool {
        let Some(leader) = self.tracks.first().filter(|t| t.key == key && sample.sync) else {
            return false;
        };
        let at = self.mapping.apply(MediaTime::new(sample.pts, leader.info.timescale));
        let longest = segmentations.iter().max_by_key(|s| s.duration);
        longest.is_some_and(|s| s.cuts_at(at, self.clock.rhythm, self.clock.frame))
    }

    /// Whether a sample is there already.
    pub(super) fn has(&self, key: SourceTrack, sample: &Sample) -> bool {
        let track = self.tracks.iter().find(|t| t.key == key);
        track.is_some_and(|t| t.clock.is_past(&self.mapping, sample))
    }

    /// Where the leading track has come to, if `key` leads.
    pub(super) fn reached_by(&self, key: SourceTrack) -> Option<MediaTime> {
        self.tracks.first().filter(|t| t.key == key).and(self.reached)
    }

    pub(super) fn infos(&self) -> impl Iterator<Item = (&SourceTrack, &TrackInfo)> {
        self.tracks.iter().filter(|t| !t.leaving).map(|t| (&t.key, &t.info))
    }

    /// Whether a track follows and has the settings it began with.
    pub(super) fn follows(&self, key: SourceTrack, declared: Option<&TrackInfo>) -> bool {
        let track = self.tracks.iter().skip(1).find(|track| track.key == key);
        track.is_some_and(|track| declared == Some(&track.info))
    }

    /// Whether every track that has the settings it began with has come to where the leading one is.
    pub(super) fn has_all(&self, declared: &BTreeMap<SourceTrack, TrackInfo>) -> bool {
        let mut followers = self.tracks.iter().skip(1).filter(|t| t.member && !t.leaving);
        followers.all(|t| !t.queue.is_empty() || declared.get(&t.key) != Some(&t.info))
    }

    pub(super) fn pending_bytes(&self) -> usize {
        self.tracks.iter().map(|t| t.queued_bytes).sum()
    }

    fn add_track(
        &mut self,
        Beginner { key, info, frame, shift, rate }: Beginner,
        around: &mut Surroundings<'_>,
    ) {
        let identity = super::watch::identity(&info);
        let ordinal =
            self.tracks.iter().filter(|t| super::watch::identity(&t.info) == identity).count();
        let slate = key.0.input == InputId::SLATE;
        let wanted = (identity.0, &identity.1, identity.2);
        let (rendition, changed) = around.state.claim(wanted, ordinal, slate);
        *around.state_changed |= changed;
        let clock = TrackClock::new(&info, frame, shift);
        let builder = ChunkBuilder::new(clock.timescale(), clock.frame());
        let nominal = MediaDuration::new(clock.frame(), clock.timescale());
        self.tracks.push(RunTrack {
            key,
            rendition,
            frames_per_part: self.grid.frames(frame.min(nominal)),
            frame,
            clock,
            builder,
            info,
            queue: VecDeque::new(),
            queued_bytes: 0,
            part_ends: VecDeque::new(),
            next_boundary: 0,
            frames_in_part: 0,
            member: false,
            aligned: false,
            leaving: false,
            active: false,
            bytes: 0,
            ticks: 0,
            before: rate,
            came: Came::default(),
        });
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
        self.tracks[index].came.note(&timed);
        if index == 0 {
            self.lead(timed, around);
            for follower in 1..self.tracks.len() {
                self.follow(follower, around);
            }
            self.leave_late(around);
        } else if self.should_lead(index, &timed, around) {
            return Taken::Break(PeriodReason::TracksChanged);
        } else {
            let track = &mut self.tracks[index];
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
        let is_boundary = timed.sync && self.is_boundary(at);
        if is_boundary && self.is_missed(&timed, around) {
            self.pending = Some(PeriodReason::MediaMissing);
        }
        if is_boundary && let Some(boundary) = self.plan(at, around) {
            self.boundaries.push_back(boundary);
            self.meet(0, timed.dts, around);
            let base = self.tracks[0].builder.next_base();
            if let (Some(base), Some(boundary)) = (base, self.boundaries.back_mut()) {
                boundary.base = MediaTime::new(base, scale);
            }
            if self.boundaries.back().is_some_and(|b| b.restarts_grid) {
                self.tell_part_end();
            }
            self.list_gaps(around);
        }
        // Half a frame short: rounded times of two tracks must not let one pass a cut that the
        // leading one is about to make.
        self.reached = Some(end - half(self.clock.frame));
        if self.tracks[0].active {
            self.put(0, timed, around);
        }
    }

    /// Whether media is missing right before a cut where the last part has ended already: with the
    /// predicted end of that part for its first decode time a segment would begin before its first
    /// frame is shown.
    fn is_missed(&self, timed: &Timed, around: &Surroundings<'_>) -> bool {
        let track = &self.tracks[0];
        let hole = track.builder.hole_before(timed.dts);
        let at = MediaTime::new(timed.pts, track.clock.timescale());
        let (rhythm, frame) = (self.clock.rhythm, self.clock.frame);
        // One frame may have come with the time of another, moved up by a tick.
        hole * 2 > track.clock.frame() * 3
            && around.segmentations.iter().any(|s| s.cuts_at(at, rhythm, frame))
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
        self.reached = self.reached.map(|reached| reached + half(self.clock.frame));
        for index in 1..self.tracks.len() {
            self.follow(index, around);
        }
        let end = self.reached;
        for track in self.tracks.iter_mut().filter(|t| t.member) {
            let ends_part = track.part_ends.front().copied().or(end).filter(|_| self.muxed);
            close_chunk(track, None, true, ends_part, around);
            for segmentation in around.segmentations.iter_mut() {
                if let Some(closed) = segmentation.close(track.rendition) {
                    track.measure(&closed, around.state, around.state_changed);
                }
                segmentation.await_no_more(track.rendition);
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
