//! The part grid of a run, and what becomes of a run when other lists are asked for: lists come and
//! go at once, durations change at the next Period, at a cut that all share.

use super::super::cadence::{Rhythm, half};
use super::super::grid::{frames_in, part_target, parts_fit, with_rounding};
use super::{Beginner, Run, Surroundings};
use crate::media::MediaKind;
use crate::packager::contract::PeriodReason;
use crate::packager::segmentation::Cut;
use crate::units::{MediaDuration, Timescale};

/// No track is too late by less. A part, as low latency would have it, is less than what encoders
/// leave between sound and picture.
const LATENESS_MIN: MediaDuration = MediaDuration::from_millis(1000);

/// The part grid of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::packager) struct Grid {
    /// PART-TARGET; `None` without parts.
    pub(super) target: Option<MediaDuration>,
    /// The milliseconds that were asked for.
    asked: Option<u32>,
}

/// What a part grid must know of a track.
#[derive(Clone, Copy, Debug)]
pub(super) struct TrackFrame {
    /// The length of a frame.
    pub(super) length: MediaDuration,
    scale: Timescale,
    pub(super) audio: bool,
}

impl TrackFrame {
    pub(super) fn of(track: &Beginner) -> Self {
        let audio = track.info.kind() == MediaKind::Audio;
        let told = track.info.codec.frame_duration().filter(|_| audio);
        let scale = track.info.codec.media_timescale(track.info.timescale);
        TrackFrame { length: told.unwrap_or(track.frame), scale, audio }
    }
}

impl Grid {
    /// The grid that suits these tracks, or the one of the run before where that does.
    pub(super) fn for_tracks(
        tracks: &[TrackFrame],
        rhythm: Rhythm,
        around: &Surroundings<'_>,
    ) -> Self {
        let asked = around.segmentations.iter().find_map(|s| {
            let segment = rhythm.segment_duration(s.key().segment_duration());
            let stored = around.state.segmentations.get(&s.key());
            let before = stored.filter(|s| s.parts_of.is_none()).and_then(|s| s.part_target);
            s.key().part_ms.map(|ms| (ms, segment, before))
        });
        let frames: Vec<MediaDuration> = tracks.iter().map(|track| track.length).collect();
        let target = asked.map(|(ms, segment, before)| {
            let asked = MediaDuration::from_millis(i64::from(ms));
            let kept = before.filter(|before| parts_fit(*before, &frames));
            let target = kept.unwrap_or_else(|| part_target(asked, segment, &frames));
            let rounded =
                |target, track: &TrackFrame| with_rounding(target, track.length, track.scale);
            tracks.iter().fold(target, rounded)
        });
        Grid { target, asked: asked.map(|(ms, ..)| ms) }
    }

    /// Frames of a track that a part has.
    pub(super) fn frames(self, frame: MediaDuration) -> i64 {
        self.target.map_or(i64::MAX, |target| frames_in(target, frame).max(1))
    }
}

/// How far behind the leading track another may be.
pub(super) fn lateness(around: &Surroundings<'_>) -> MediaDuration {
    let shortest = around.segmentations.iter().map(|s| s.duration).min();
    shortest.map_or(LATENESS_MIN, |d| half(d).max(LATENESS_MIN))
}

/// Whether audio has to say when it has come to the leading track's part ends.
pub(super) fn is_muxed(around: &Surroundings<'_>) -> bool {
    around.segmentations.iter().any(|s| s.part_target.is_some() && s.wanted.muxed)
}

/// What has become of the list of segmentations.
#[derive(Clone, Debug, Default)]
pub(in crate::packager) struct Rearranged {
    /// Where those that stay stood before.
    pub(in crate::packager) kept: Vec<usize>,
    /// Behind them, those that begin as copies: of which of the kept ones.
    pub(in crate::packager) copies: Vec<usize>,
    /// Whether any is to have other segments or parts, or to be listed in another way.
    pub(in crate::packager) changed: bool,
}

impl Run {
    /// Goes on with other segmentations: those kept, copies of them, and behind these new ones,
    /// which begin at the next sync sample of the leading track.
    pub(in crate::packager) fn rearrange(
        &mut self,
        how: &Rearranged,
        around: &mut Surroundings<'_>,
    ) {
        for boundary in &mut self.boundaries {
            let cut = |at: &usize| boundary.cuts.get(*at).cloned().flatten();
            let mut cuts: Vec<Option<Cut>> = how.kept.iter().map(cut).collect();
            cuts.extend(how.copies.iter().map(|of| cuts[*of].clone()).collect::<Vec<_>>());
            boundary.cuts = cuts;
        }
        let (rhythm, slack) = (self.clock.rhythm, self.slack);
        for new in around.segmentations.iter_mut().skip(how.kept.len() + how.copies.len()) {
            let stored = around.state.segmentations.get(&new.key());
            new.begin_run(rhythm, None, slack, stored);
            if let Some(period) = &self.period {
                new.await_tracks(period);
            }
            self.changed |= new.key().part_ms.is_some();
        }
        self.changed |= how.changed;
        if self.changed {
            self.pending.get_or_insert(PeriodReason::Configured);
        }
    }

    /// Has segments and parts made as they are asked for, where they have changed. Gives the part
    /// grid, where it is another.
    pub(super) fn regrid(&mut self, around: &mut Surroundings<'_>) -> Option<Grid> {
        if !std::mem::take(&mut self.changed) {
            return None;
        }
        let frame = |track: &super::RunTrack| TrackFrame {
            length: track.frame,
            scale: track.info.codec.media_timescale(track.info.timescale),
            audio: track.info.kind() == MediaKind::Audio,
        };
        let members = self.tracks.iter().filter(|track| track.member);
        let frames: Vec<TrackFrame> = members.map(frame).collect();
        let rhythm = self.clock.rhythm;
        let grid = Grid::for_tracks(&frames, rhythm, around);
        for segmentation in around.segmentations.iter_mut() {
            segmentation.change(rhythm, grid.target);
        }
        self.lateness = lateness(around);
        self.muxed = is_muxed(around);
        let before = std::mem::replace(&mut self.grid, grid);
        (before != grid).then_some(grid)
    }
}

/// Parts from a boundary on.
pub(super) fn apply(grid: Option<Grid>, track: &mut super::RunTrack) {
    if let Some(grid) = grid {
        let nominal = MediaDuration::new(track.clock.frame(), track.clock.timescale());
        track.frames_per_part = grid.frames(track.frame.min(nominal));
        track.frames_in_part = 0;
    }
}
