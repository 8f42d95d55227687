//! A segmentation whose durations are changed: its lists go on, under numbers that go on.

use super::Segmentation;
use crate::packager::cadence::Rhythm;
use crate::packager::config::SegmentationWanted;
use crate::units::MediaDuration;

impl Segmentation {
    /// Takes other wishes. Segments and parts are as long as they were until the next
    /// [`Segmentation::begin_run`] or [`Segmentation::change`].
    pub(in crate::packager) fn set_wanted(&mut self, wanted: SegmentationWanted) {
        let newly_nominal = wanted.nominal && !self.wanted.nominal;
        if self.key() != wanted.key {
            // Its numbers are no slots of other durations.
            self.offset = None;
        }
        self.wanted = wanted;
        for builder in self.builders.values_mut() {
            builder.dirty = true;
        }
        if newly_nominal {
            self.restore_spans();
        }
    }

    /// Whether other wishes need a Period: other durations, or parts that begin elsewhere or are
    /// listed otherwise.
    pub(in crate::packager) fn must_change(&self, next: &SegmentationWanted) -> bool {
        let own = &self.wanted;
        !own.key.is_as_long_as(next.key)
            || own.leads_parts != next.leads_parts
            || own.nominal != next.nominal
            || own.key.part_ms.is_some() && own.muxed != next.muxed
    }

    /// Makes segments and parts as they are asked for from the next cut on, at which a Period
    /// begins.
    pub(in crate::packager) fn change(&mut self, rhythm: Rhythm, parts: Option<MediaDuration>) {
        let next = self.last_number.map_or(1, |last| last + 1);
        let parts = parts.filter(|_| self.key().part_ms.is_some());
        self.parts_of = self.key().part_ms;
        if parts != self.part_target {
            self.parts_before = Some((next, self.part_target));
            self.part_target = parts;
        }
        self.set_rhythm(rhythm);
    }

    /// The part duration its part target was found for, where that is not the key's.
    pub(in crate::packager) fn parts_of(&self) -> Option<u32> {
        self.parts_of.filter(|ms| self.key().part_ms != Some(*ms))
    }

    /// The part target of a segment.
    pub(super) fn part_target_of(&self, number: u64) -> Option<MediaDuration> {
        match self.parts_before {
            Some((from, before)) if number < from => before,
            _ => self.part_target,
        }
    }
}
