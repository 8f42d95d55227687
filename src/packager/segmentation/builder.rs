//! One rendition's list in the making.

use std::sync::Arc;

use super::super::chunker::Chunk;
use super::super::segment::{OpenSegment, Part};
use super::super::snapshot::Report;
use super::super::state::{Rendition, RenditionId};
use super::super::window::Rows;
use super::Segmentation;
use crate::units::{MediaDuration, Timescale};

/// A part that ends so near to where the cadence has the next cut ends its segment.
const NEAR_CUT: MediaDuration = MediaDuration::from_millis(25);

/// One rendition's list in the making.
#[derive(Clone, Debug)]
pub(super) struct Builder {
    pub(super) rows: Rows,
    pub(super) open: Option<OpenSegment>,
    pub(super) chunks: Vec<Arc<Chunk>>,
    /// How many of `chunks` lie in published parts.
    pub(super) parted: usize,
    pub(super) timescale: Timescale,
    /// The last number readers know.
    pub(super) published: Option<u64>,
    /// Numbers after whose rows the target duration was raised, each with the one before.
    pub(super) raises: Arc<[(u64, u32)]>,
    /// What manifests say of it at its version: its rates, which other segmentations raise too,
    /// change with its rows only.
    pub(super) rendition: Option<Arc<Rendition>>,
    /// The same as of the newest row in a Period that has media of all its tracks.
    pub(super) whole: Option<Arc<Rendition>>,
    /// Name of the part that comes next: Period id and decode time.
    pub(super) next_part: Option<(i64, i64)>,
    pub(super) reports: Arc<[Report]>,
    /// Bytes of all rows.
    pub(super) bytes: u64,
    pub(super) version: u64,
    pub(super) dirty: bool,
}

impl Builder {
    /// A list without rows, of times in `timescale`.
    pub(super) fn new(timescale: Timescale) -> Self {
        Builder {
            rows: Rows::default(),
            open: None,
            chunks: Vec::new(),
            parted: 0,
            timescale,
            published: None,
            raises: Arc::new([]),
            rendition: None,
            whole: None,
            next_part: None,
            reports: Arc::new([]),
            bytes: 0,
            version: 0,
            dirty: true,
        }
    }

    /// The open segment as readers see it.
    pub(super) fn open(&self) -> Option<OpenSegment> {
        let mut open = self.open.clone()?;
        open.ahead = self.chunks[self.parted..].to_vec();
        Some(open)
    }

    /// The target duration was `old` for all rows readers know.
    pub(super) fn note_raise(&mut self, old: u32) {
        let first = self.rows.get(0).map_or(0, |row| row.number);
        let known = self.raises.iter().copied().filter(|(number, _)| *number >= first);
        self.raises = known.chain(self.published.map(|number| (number, old))).collect();
        self.dirty = true;
    }

    /// Ends the part in the making; `last` where the segment ends with it.
    pub(super) fn end_part(&mut self, last: bool) {
        let Some(open) = &mut self.open else { return };
        let chunks = self.chunks[self.parted..].to_vec();
        let (Some(first), Some(end)) = (chunks.first(), chunks.last()) else { return };
        open.parts.push(Part {
            start: first.start,
            duration: end.end() - first.start,
            independent: chunks.iter().any(|c| c.sync),
            first: self.parted == 0,
            last,
            chunks,
        });
        self.parted = self.chunks.len();
        self.dirty = true;
    }
}

impl Segmentation {
    /// The part grid ends a part of a rendition here.
    pub(in crate::packager) fn end_part(&mut self, rendition: RenditionId) {
        let open = self.builders.get(&rendition).and_then(|builder| builder.open.as_ref());
        if open.is_none_or(|open| self.part_target_of(open.number).is_none()) {
            return;
        }
        let foreseen = self.duration - NEAR_CUT;
        let Some(builder) = self.builders.get_mut(&rendition) else { return };
        let (Some(open), Some(last)) = (&builder.open, builder.chunks.last()) else { return };
        let length =
            MediaDuration::new(last.end() - open.start.unwrap_or(last.end()), builder.timescale);
        builder.next_part = Some((open.period.id, last.end()));
        builder.end_part(self.even && length >= foreseen);
        self.deliver(rendition);
    }
}
