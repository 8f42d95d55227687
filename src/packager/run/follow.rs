//! How the tracks of a run keep up with the leading one.

use super::super::cadence::half;
use super::super::chunker::Timed;
use super::super::contract::{LeftOut, PeriodReason, Report};
use super::regrid::apply;
use super::track::{close_chunk, name_of};
use super::{Boundary, Run, Surroundings};
use crate::media::MediaKind;
use crate::units::{MediaDuration, MediaTime};

impl Run {
    /// A track meets its next boundary: its chunk ends, and what cuts there cuts. `next` is the
    /// decode time of the track's first sample behind it.
    pub(super) fn meet(&mut self, index: usize, next: i64, around: &mut Surroundings<'_>) {
        let track = &mut self.tracks[index];
        let Some(boundary) = self.boundaries.get((track.next_boundary - self.passed) as usize)
        else {
            return;
        };
        track.next_boundary += 1;
        let (restarts_grid, grid) = (boundary.restarts_grid, boundary.grid);
        close_chunk(track, Some(next), restarts_grid, None, around);
        if restarts_grid {
            track.frames_in_part = 0;
        }
        apply(grid, track);
        track.active = boundary.period.track(track.rendition).is_some();
        if !track.active {
            return;
        }
        if boundary.begins_period && track.builder.hole_before(next) * 2 > track.clock.frame() {
            track.builder.forget_end();
        }
        let base = track.builder.next_base().or(Some(next));
        for (segmentation, cut) in around.segmentations.iter_mut().zip(&boundary.cuts) {
            let Some(cut) = cut else {
                // Audio may have ended its last chunk before: with a part of the leading track.
                if restarts_grid {
                    segmentation.end_part(track.rendition);
                }
                continue;
            };
            segmentation.add_gaps(track.rendition, cut);
            let closed = segmentation.open(track.rendition, cut.number, &boundary.period, base);
            if let Some(closed) = closed {
                track.measure(&closed, around.state, around.state_changed);
            }
        }
    }

    /// Adds a sample to a track's chunk; ends the part it fills.
    pub(super) fn put(&mut self, index: usize, timed: Timed, around: &mut Surroundings<'_>) {
        let track = &mut self.tracks[index];
        let end = timed.dts + timed.duration.unwrap_or(track.clock.frame());
        track.builder.push(timed);
        track.frames_in_part += 1;
        let full = track.frames_in_part >= track.frames_per_part;
        let passed = track.pass_part_ends(end);
        if full {
            track.frames_in_part = 0;
        }
        if full || passed.is_some() {
            close_chunk(track, None, full, passed, around);
        }
        if index == 0 && full {
            self.tell_part_end();
        }
    }

    /// Tells audio where a part of the leading track has ended: its chunks end there too, so that
    /// what begins within a part can be sent with it.
    pub(super) fn tell_part_end(&mut self) {
        let Some((leader, others)) = self.tracks.split_first_mut() else { return };
        if !self.muxed || leader.info.kind() != MediaKind::Video {
            return;
        }
        let Some(base) = leader.builder.next_base() else { return };
        let at = MediaTime::new(base, leader.clock.timescale());
        let audio = others.iter_mut().filter(|t| t.member && t.info.kind() == MediaKind::Audio);
        for track in audio.filter(|t| t.part_ends.back().is_none_or(|last| *last < at)) {
            track.part_ends.push_back(at);
        }
    }

    /// Lets a track come up to where the leading one is.
    pub(super) fn follow(&mut self, index: usize, around: &mut Surroundings<'_>) {
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
            let cut = |b: &Boundary| if video { b.at } else { b.base };
            let behind = boundary.filter(|b| decode + near >= cut(b));
            match behind {
                Some(b) if !track.member => {
                    // Not in the Period: only watched for a sync sample at a boundary.
                    let hit = sync
                        && (start - b.at).abs() <= half(self.clock.frame)
                        && reached - b.at <= half(self.lateness);
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
            let start = MediaTime::new(sample.dts, track.clock.timescale());
            let prompt = self.reached.is_some_and(|reached| reached - start <= half(self.lateness));
            if track.info.kind() == MediaKind::Audio && !track.aligned && prompt {
                track.aligned = true;
                self.pending.get_or_insert(PeriodReason::TracksChanged);
            }
            return;
        }
        if track.active {
            self.put(index, sample, around);
        }
    }

    /// Whether another track must lead: the one that does is silent for two segments, or it is
    /// audio and video has come.
    pub(super) fn should_lead(
        &mut self,
        index: usize,
        timed: &Timed,
        around: &Surroundings<'_>,
    ) -> bool {
        let Some(reached) = self.reached else { return false };
        let track = &self.tracks[index];
        let audio_leads = self.tracks[0].info.kind() == MediaKind::Audio;
        if audio_leads && track.info.kind() == MediaKind::Video && timed.sync {
            return true;
        }
        let longest =
            around.segmentations.iter().map(|s| s.duration).max().unwrap_or(self.lateness);
        let ahead = MediaTime::new(timed.dts, track.clock.timescale()) - reached;
        let silent = track.member && ahead > longest.times(2);
        self.tracks[0].leaving |= silent;
        silent
    }

    /// Leaves out tracks that have not come to a cut which the leading one is long past.
    pub(super) fn leave_late(&mut self, around: &mut Surroundings<'_>) {
        let Some(reached) = self.reached else { return };
        for index in 1..self.tracks.len() {
            let track = &self.tracks[index];
            let next =
                self.boundaries.get((track.next_boundary.saturating_sub(self.passed)) as usize);
            let late = next.is_some_and(|b| reached - b.at > self.lateness);
            if late && track.member {
                self.leave_out(index, LeftOut::Late, around);
            } else if late {
                // A track that takes no part and delivers nothing holds no boundary back.
                self.tracks[index].next_boundary += 1;
            }
        }
    }

    /// Lists what renditions miss that take no part: gaps under the numbers of the others.
    pub(super) fn list_gaps(&self, around: &mut Surroundings<'_>) {
        let Some(boundary) = self.boundaries.back() else { return };
        let active: Vec<_> =
            self.tracks.iter().filter(|t| t.active || t.member).map(|t| t.rendition).collect();
        for (segmentation, cut) in around.segmentations.iter_mut().zip(&boundary.cuts) {
            if let Some(cut) = cut {
                segmentation.list_gaps_of_others(&active, cut.number);
            }
        }
    }

    fn leave_out(&mut self, index: usize, why: LeftOut, around: &mut Surroundings<'_>) {
        let track = &mut self.tracks[index];
        let name = name_of(around.state, track.rendition);
        around.reports.push(Report::TrackLeftOut { track: name, why });
        let end = self.reached.map(|reached| reached + half(self.clock.frame));
        let ends_part = track.part_ends.front().copied().or(end);
        close_chunk(track, None, true, ends_part.filter(|_| self.muxed), around);
        track.part_ends.clear();
        for segmentation in around.segmentations.iter_mut() {
            segmentation.close(track.rendition);
            segmentation.await_no_more(track.rendition);
        }
        // What it delivers until it returns is no one's: its next chunk begins where it returns.
        track.builder.forget_end();
        track.member = false;
        track.active = false;
        track.aligned = false;
        track.queue.clear();
        track.queued_bytes = 0;
        self.pending.get_or_insert(PeriodReason::TracksChanged);
    }
}
