//! Numbers without media: listed as gaps, so that numbers are consecutive in every list.

use std::sync::Arc;

use super::{Cut, Segmentation};
use crate::packager::segment::{Segment, SegmentContent};
use crate::packager::state::RenditionId;
use crate::packager::window::Rows;
use crate::units::{MediaDuration, MediaTime};

/// A hole of no more is none to a player: its own tolerance is wider.
const LEAST_HOLE: MediaDuration = MediaDuration::from_millis(100);

/// What a gap looks like.
#[derive(Clone, Copy)]
enum Like<'a> {
    /// It stands in the place of another rendition's row.
    Row(&'a Segment),
    /// It stands behind the last row and is so long.
    Length(MediaDuration),
    /// It stands behind the last row and ends here, if that is no longer than a segment may be.
    Until(MediaTime),
}

impl Segmentation {
    /// How many gaps stand for a hole: as many as fill it, so that a player that adds up what a list
    /// says (shaka-player does) stays with one that reads its dates. With parts those that fit into
    /// it, and one at least: behind more, sound waits for ever in hls.js. They are the longer.
    pub(super) fn gaps_of(&self, hole: MediaDuration) -> u64 {
        let gaps = match self.part_target {
            _ if hole <= LEAST_HOLE => 0,
            Some(_) => hole.div_floor(self.duration).max(1),
            None => hole.div_ceil(self.duration),
        };
        u64::try_from(gaps).unwrap_or(0)
    }

    /// The longest a gap may be: D; with parts what still rounds to the target duration (rfc8216bis
    /// §4.4.3.1).
    pub(super) fn longest_gap(&self) -> MediaDuration {
        let target = MediaDuration::from_secs(self.target.into());
        let rounding = MediaDuration::from_millis(if self.part_target.is_some() { 490 } else { 0 });
        self.duration.max(target + rounding)
    }

    /// Lists the gaps of a cut in a rendition behind its last row, before it opens the first segment
    /// of a run. They end at the same instants in all renditions, the last where the run begins;
    /// the first begins where the rendition's own media ended.
    pub(in crate::packager) fn add_gaps(&mut self, rendition: RenditionId, cut: &Cut) {
        if cut.gaps.is_empty() {
            return;
        }
        self.catch_up(rendition, cut.gaps.start);
        let last = cut.gaps.end - 1;
        for number in cut.gaps.clone() {
            let behind = i64::try_from(last - number).unwrap_or(0);
            self.add_gap(rendition, number, Like::Until(cut.at - cut.gap.times(behind)));
        }
    }

    /// Lists what a rendition missed before `number` while it took no part: gaps under the numbers,
    /// times and Periods of the others. Where that is more than any list shows, its list starts
    /// afresh.
    pub(super) fn catch_up(&mut self, rendition: RenditionId, number: u64) {
        let last = self.builders.get(&rendition).and_then(|b| b.rows.last());
        let Some(next) = last.map(|row| row.number + 1).filter(|next| *next < number) else {
            return;
        };
        if number - next > self.gaps_max() {
            if let Some(builder) = self.builders.get_mut(&rendition) {
                builder.rows = Rows::default();
                builder.bytes = 0;
                builder.dirty = true;
            }
            return;
        }
        for missed in next..number {
            let like = self.builders.values().find_map(|b| b.rows.by_number(missed)).cloned();
            let like = like.as_deref().map_or(Like::Length(self.duration), Like::Row);
            self.add_gap(rendition, missed, like);
        }
    }

    /// Lists what renditions other than `active` miss before `number`, as far as it is known.
    pub(in crate::packager) fn list_gaps_of_others(&mut self, active: &[RenditionId], number: u64) {
        let others: Vec<RenditionId> =
            self.builders.keys().filter(|id| !active.contains(id)).copied().collect();
        for rendition in others {
            self.catch_up(rendition, number);
        }
    }

    fn add_gap(&mut self, rendition: RenditionId, number: u64, like: Like<'_>) {
        let longest = self.longest_gap();
        let Some(builder) = self.builders.get_mut(&rendition) else { return };
        let Some(last) = builder.rows.last() else { return };
        let scale = last.timescale;
        let (period, start, end) = match like {
            Like::Row(row) => {
                let ticks = |time: MediaTime| time.rescale(scale).ticks();
                // What this rendition has may reach over the others' cut: rows end in order.
                let start = ticks(row.start_time()).max(last.start + last.duration);
                (&row.period, start, ticks(row.end_time()).max(start + 1))
            }
            Like::Length(length) => {
                let start = last.start + last.duration;
                (&last.period, start, start + length.rescale(scale).ticks().max(1))
            }
            Like::Until(end) => {
                let start = last.start + last.duration;
                let most = longest.rescale(scale).ticks();
                (&last.period, start, end.rescale(scale).ticks().clamp(start + 1, start + most))
            }
        };
        let gap = Segment {
            number,
            period: Arc::clone(period),
            begins_period: period.ordinal != last.period.ordinal,
            first: period.ordinal != last.period.ordinal,
            start,
            duration: end - start,
            timescale: scale,
            content: SegmentContent::Gap,
        };
        builder.rows.push(Arc::new(gap));
        builder.dirty = true;
    }
}
