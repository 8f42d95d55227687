//! How far what is published strays from true time.

use headwater::packager::{SegmentationKey, Snapshot};
use headwater::units::Timescale;

use crate::origin::BEGINNING_S;

const KEY: SegmentationKey = SegmentationKey::new(2000, None);

/// The lateness of each segment's end at the moment it is published, microseconds.
#[derive(Debug, Default)]
pub(crate) struct Steady {
    last: u64,
    first: Option<i64>,
    pub(crate) least: i64,
    pub(crate) most: i64,
}

impl Steady {
    pub(crate) fn note(&mut self, snapshot: &Snapshot, now: i64) {
        let Some(view) = snapshot.segmentations.get(&KEY) else { return };
        let Some(row) = view.renditions.first().and_then(|list| list.rows.last()) else { return };
        if row.number <= self.last || row.is_gap() {
            return;
        }
        self.last = row.number;
        let end = row.end_time().rescale(Timescale::MICROS).ticks() - BEGINNING_S * 1_000_000;
        let late = now - end;
        let late = late - *self.first.get_or_insert(late);
        (self.least, self.most) = (self.least.min(late), self.most.max(late));
    }
}
