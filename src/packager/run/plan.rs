//! What happens at a sync sample of the leading track: cuts, Periods, and whether the source still
//! keeps its cadence.

use std::sync::Arc;

use super::super::cadence::{Rhythm, half};
use super::super::contract::{PeriodReason, Report};
use super::super::period::Period;
use super::super::segmentation::Cut;
use super::track::{name_of, period_track, reserve};
use super::{Boundary, Run, Surroundings};
use crate::units::{MediaDuration, MediaTime};

/// Sync samples in a row at one distance that make a cadence again.
const REGAIN_SYNCS: usize = 7;

impl Run {
    /// Whether chunks end at a sync sample of the leading track: at each, unless they are dense.
    pub(super) fn is_boundary(&mut self, at: MediaTime) -> bool {
        let Rhythm::Even { interval, dense: true } = self.clock.rhythm else { return true };
        let near = half(self.clock.frame);
        let grid = self.last_grid.unwrap_or(self.clock.origin);
        self.last_grid.is_none() && (at - grid).abs() <= near
            || self.last_grid.is_some() && at + near >= grid + interval
    }

    /// Decides what happens at a sync sample of the leading track; nothing before the first cut.
    pub(super) fn plan(
        &mut self,
        at: MediaTime,
        around: &mut Surroundings<'_>,
    ) -> Option<Boundary> {
        if self.not_before.is_some_and(|there| at < there) {
            return None;
        }
        self.keep_rhythm(at, around);
        let (rhythm, frame) = (self.clock.rhythm, self.clock.frame);
        let first = self.period.is_none();
        if around.segmentations.iter().any(|s| s.cuts_at(at, rhythm, frame) && s.off_nominal(at)) {
            self.pending.get_or_insert(PeriodReason::OffNominal);
        }
        let longest = around.segmentations.iter().map(|s| s.duration).max();
        let common = around
            .segmentations
            .iter()
            .filter(|s| Some(s.duration) == longest)
            .all(|s| s.cuts_at(at, rhythm, frame));
        // What cannot wait for a common cut: nothing before it is to be reckoned from.
        let now =
            matches!(self.pending, Some(PeriodReason::CadenceLost | PeriodReason::MediaMissing));
        let begins = self.pending.filter(|_| first || common || now);
        if begins.is_some()
            && let Some(regained) = self.regained.take()
        {
            self.clock.rhythm = regained;
            self.last_grid = Some(at);
            for segmentation in around.segmentations.iter_mut() {
                segmentation.set_rhythm(regained);
            }
        }
        let rhythm = self.clock.rhythm;
        let grid = begins.and_then(|_| self.regrid(around));
        let mut cuts: Vec<Option<Cut>> = Vec::new();
        for segmentation in around.segmentations.iter() {
            let stored = around.state.segmentations.get(&segmentation.key());
            cuts.push(if !segmentation.started() {
                segmentation.first_cut(at, &self.clock, stored)
            } else if begins.is_some() || segmentation.cuts_at(at, rhythm, frame) {
                Some(segmentation.next_cut(at, &self.clock))
            } else {
                None
            });
        }
        if first && cuts.iter().all(Option::is_none) {
            return None;
        }
        let (period, begins_period) = match (begins, &self.period) {
            (None, Some(period)) => (Arc::clone(period), false),
            (reason, _) => {
                (self.begin_period(at, reason.unwrap_or(PeriodReason::Started), around), true)
            }
        };
        let mut restarts_grid = grid.is_some();
        for (segmentation, cut) in around.segmentations.iter_mut().zip(&cuts) {
            let Some(cut) = cut else { continue };
            restarts_grid |= segmentation.wanted.leads_parts;
            segmentation.note_span(&period, at, cut.number, rhythm);
            if let Some(needed) = segmentation.note_cut(cut) {
                around.reports.push(Report::TargetRaised { from: segmentation.target, to: needed });
                segmentation.target = needed;
                self.pending.get_or_insert(PeriodReason::TargetRaised);
            }
            reserve(segmentation, cut, at, around.state, around.needs_state);
            *around.state_changed = true;
        }
        Some(Boundary { at, base: at, cuts, period, begins_period, restarts_grid, grid })
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
                self.look_for_cadence(at, around);
                if let Some(since) = since.filter(|since| *since > longest) {
                    self.clock.rhythm = Rhythm::Irregular { longest: since };
                }
            }
        }
    }

    /// A source that has lost its cadence finds it again when so many sync samples in a row come
    /// at one distance; the next Period takes it up.
    fn look_for_cadence(&mut self, at: MediaTime, around: &mut Surroundings<'_>) {
        self.recent.push_back(at);
        if self.recent.len() > REGAIN_SYNCS {
            self.recent.pop_front();
        }
        let (Some(first), true) = (self.recent.front(), self.recent.len() == REGAIN_SYNCS) else {
            return;
        };
        let frame = self.clock.frame;
        let count = i64::try_from(REGAIN_SYNCS - 1).unwrap_or(1);
        let frames = ((at - *first) + half(frame)).div_floor(frame);
        let interval = frame.times(frames / count);
        let even = frames % count == 0
            && interval.is_positive()
            && self
                .recent
                .iter()
                .zip(0..)
                .all(|(t, k)| (*first + interval.times(k) - *t).abs() <= half(frame));
        if even && self.regained.is_none() {
            let dense = interval < MediaDuration::from_millis(500);
            if dense {
                return;
            }
            self.regained = Some(Rhythm::Even { interval, dense });
            self.pending.get_or_insert(PeriodReason::CadenceFound);
            around.reports.push(Report::CadenceFound { interval });
        } else if !even {
            self.regained = None;
        }
    }

    fn begin_period(
        &mut self,
        at: MediaTime,
        reason: PeriodReason,
        around: &mut Surroundings<'_>,
    ) -> Arc<Period> {
        self.pending = None;
        for track in self.tracks.iter().filter(|t| t.leaving) {
            for segmentation in around.segmentations.iter_mut() {
                segmentation.await_no_more(track.rendition);
            }
        }
        self.tracks.retain(|t| !t.leaving);
        for track in &mut self.tracks {
            if !track.member && track.aligned {
                track.member = true;
                let track = name_of(around.state, track.rendition);
                around.reports.push(Report::TrackJoined { track });
            }
        }
        let ordinal = around.state.period_ordinal.map_or(0, |last| last + 1);
        around.state.period_ordinal = Some(ordinal);
        // An id names objects: it only rises, whatever the clock does.
        let next = around.state.period_id.map_or(i64::MIN, |last| last + 1);
        let id = at.floor_millis().max(next);
        around.state.period_id = Some(id);
        *around.state_changed = true;
        *around.needs_state = around.state.revision + 1;
        let members = self.tracks.iter().filter(|t| t.member);
        let period = Arc::new(Period {
            id,
            ordinal,
            tracks: members.map(|t| period_track(t, self.clock.frame, around.state)).collect(),
        });
        for segmentation in around.segmentations.iter_mut() {
            segmentation.await_tracks(&period);
        }
        around.reports.push(Report::PeriodBegan { id: period.id, reason });
        self.period = Some(Arc::clone(&period));
        period
    }
}
