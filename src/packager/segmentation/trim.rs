//! Rows that no reader may ask for any more, and what memory has no room for.

use super::Segmentation;
use crate::packager::state::RenditionId;
use crate::units::MediaDuration;

impl Segmentation {
    /// Removes rows no reader may ask for any more: a row outlives its last listing by its own
    /// duration and that of the longest list (rfc8216bis §6.2.2), and the limits of memory. A hole
    /// however long leaves as many rows as a list shows: who reads goes on from there.
    /// True where the limit of Periods, not age, removed any.
    pub(in crate::packager) fn trim(&mut self, periods_max: usize) -> bool {
        // MPDs end before a Period that is incomplete, and their windows reach back from there.
        if self.first_incomplete().is_some() {
            return false;
        }
        let mut crossed = false;
        let keep = self.list_span().times(2) + self.duration.times(2);
        let least = MediaDuration::from_secs(3 * i64::from(self.target));
        let floor = self.wanted.segments.max(3) as usize + 1;
        let (video, other): (Vec<RenditionId>, Vec<RenditionId>) =
            self.builders.keys().partition(|id| self.shown.contains_key(id));
        let mut front = None;
        for rendition in video.iter().chain(&other) {
            let Some(builder) = self.builders.get_mut(rendition) else { continue };
            // A list of video with its audio is behind the video's own.
            let rows = self.shown.get(rendition).map(|shown| shown.rows(&builder.rows));
            let own = rows.is_some();
            let mut rows = rows.unwrap_or(builder.rows.len());
            // After a long hole the old rows stay until enough new ones follow it (invariant 12), and
            // the one before them: a transport stream is made with it.
            let spare = builder.rows.last_spanning(rows, least).unwrap_or(0);
            let mut spare = spare.saturating_sub(1);
            while let (Some(first), Some(last)) = (builder.rows.get(0), builder.rows.last()) {
                let old = rows > floor && last.end_time() - first.end_time() > keep;
                let periods = last.period.ordinal - first.period.ordinal >= periods_max as u64;
                // What a video's list names is made with its audio.
                let needed = !own && front.is_some_and(|front| first.number >= front);
                if !periods && (!old || spare == 0 || needed) {
                    break;
                }
                (rows, spare) = (rows.saturating_sub(1), spare.saturating_sub(1));
                crossed |= periods && !old;
                builder.bytes -= builder.rows.remove_first().map_or(0, |row| row.size());
                builder.dirty = true;
            }
            let first = builder.rows.get(0).filter(|_| own).map(|row| row.number);
            front = front.into_iter().chain(first).min();
        }
        if crossed {
            self.spans.curtail();
        }
        crossed
    }

    /// Removes the oldest row of every rendition, to get under a limit of memory. Gives the bytes
    /// freed, were no other segmentation to hold them.
    pub(in crate::packager) fn drop_oldest(&mut self) -> bool {
        let mut dropped = false;
        for builder in self.builders.values_mut().filter(|b| b.rows.len() > 3) {
            // A row that lies in the archive has no size, and makes way for one that has.
            builder.bytes -= builder.rows.remove_first().map_or(0, |row| row.size());
            builder.dirty = true;
            dropped = true;
        }
        self.spans.curtail();
        dropped
    }
}
