//! A segmentation's lists after a restart: what readers knew goes on (invariants 4, 10).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Segmentation;
use super::builder::Builder;
use crate::packager::cadence::Rhythm;
use crate::packager::segment::Segment;
use crate::packager::state::{RenditionId, Reserved};
use crate::units::{MediaDuration, MediaTime};

/// Numbers that a life before this one may have used, and until when its media may have reached.
#[derive(Clone, Copy, Debug)]
pub(super) struct Before {
    /// The highest such number.
    pub(super) number: u64,
    /// Its end.
    pub(super) end: MediaTime,
}

impl Segmentation {
    /// Takes over the rows of the life before this one, oldest first. What that life had in the
    /// making is missing: its numbers are listed as gaps once the next run begins.
    pub(in crate::packager) fn restore(
        &mut self,
        rows: BTreeMap<RenditionId, Vec<Arc<Segment>>>,
        stored: &Reserved,
        rhythm: Option<Rhythm>,
    ) {
        for (rendition, rows) in rows {
            self.restore_rendition(rendition, rows);
        }
        let last = self.builders.values().filter_map(|b| b.rows.last());
        self.last_number = last.map(|row| row.number).max();
        if self.last_number.is_none() {
            return;
        }
        let end = MediaTime::from_millis(stored.end_ms);
        self.before = Some(Before { number: stored.number, end });
        self.named_before = stored.number;
        if let Some(rhythm) = rhythm {
            self.duration = rhythm.segment_duration(self.key().segment_duration());
        }
        self.target = stored.target;
        self.offset = stored.offset;
        self.part_target = stored.part_target.filter(|_| self.key().part_ms.is_some());
        self.told_part_target = stored.part_target;
        self.parts_of = stored.parts_of.or(self.key().part_ms);
        self.longest_listed = self.longest_made;
        self.restore_spans();
    }

    fn restore_rendition(&mut self, rendition: RenditionId, segments: Vec<Arc<Segment>>) {
        let Some(last) = segments.last() else { return };
        let mut builder = Builder::new(last.timescale);
        self.end = self.end.max(Some(last.end_time()));
        for segment in segments {
            builder.bytes += segment.size();
            if !segment.is_gap() {
                self.longest_made = self.longest_made.max(segment.length());
            }
            builder.rows.push(segment);
        }
        self.builders.insert(rendition, builder);
    }

    /// The number that follows the last, and never one that a life before this one may have used.
    pub(super) fn after_before(&self, number: u64) -> u64 {
        self.before.map_or(number, |before| number.max(before.number + 1))
    }

    /// The highest number that readers of the life before this one may know.
    pub(in crate::packager) fn named_before(&self) -> u64 {
        self.named_before
    }

    /// No media is put before this.
    pub(in crate::packager) fn floor(&self) -> Option<MediaTime> {
        self.end.max(self.before.map(|before| before.end))
    }

    /// How long each gap is that stands for a hole of `hole`.
    pub(super) fn gap_length(&self, hole: MediaDuration, gaps: u64) -> MediaDuration {
        let count = u32::try_from(gaps).ok().and_then(std::num::NonZeroU32::new);
        let share = count.map_or(self.duration, |count| hole.divided_by(count));
        let longest = if self.part_target.is_some() { self.longest_gap() } else { self.duration };
        share.clamp(MediaDuration::from_millis(1), longest)
    }
}
