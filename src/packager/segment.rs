//! Segments and parts: runs of chunks with a number or a time for a name.

use std::sync::Arc;

use bytes::Bytes;

use super::chunker::Chunk;
use super::period::Period;
use crate::isobmff::SEGMENT_TYPE;
use crate::units::{MediaDuration, MediaTime, Timescale};

/// What a row stands for.
#[derive(Clone, Debug)]
pub enum SegmentContent {
    /// Runs of chunks.
    Media {
        /// In order; at least one.
        chunks: Vec<Arc<Chunk>>,
        /// The same chunks as parts, on a low-latency segmentation.
        parts: Vec<Part>,
    },
    /// Chunks that lie in the archive alone: known by their times, served from there.
    Stored,
    /// Nothing was there: EXT-X-GAP.
    Gap,
}

/// A segment: addressable, never changed once published (invariant 1).
#[derive(Clone, Debug)]
pub struct Segment {
    /// Media sequence number, `$Number$` and object name (invariant 5).
    pub number: u64,
    /// The Period it lies in.
    pub period: Arc<Period>,
    /// Whether it is its Period's first: it carries EXT-X-DISCONTINUITY, except where no Period came before.
    pub begins_period: bool,
    /// Whether its rendition has none before it in the Period.
    pub first: bool,
    /// First tick since the Unix epoch.
    pub start: i64,
    /// Ticks.
    pub duration: i64,
    /// Ticks a second.
    pub timescale: Timescale,
    /// Media or a gap.
    pub content: SegmentContent,
}

impl Segment {
    /// When it begins.
    #[must_use]
    pub fn start_time(&self) -> MediaTime {
        MediaTime::new(self.start, self.timescale)
    }

    /// When it ends.
    #[must_use]
    pub fn end_time(&self) -> MediaTime {
        MediaTime::new(self.start + self.duration, self.timescale)
    }

    /// How long it is.
    #[must_use]
    pub fn length(&self) -> MediaDuration {
        MediaDuration::new(self.duration, self.timescale)
    }

    /// Whether it is a gap.
    #[must_use]
    pub fn is_gap(&self) -> bool {
        matches!(self.content, SegmentContent::Gap)
    }

    /// Whether its bytes are in the archive alone.
    #[must_use]
    pub fn is_stored(&self) -> bool {
        matches!(self.content, SegmentContent::Stored)
    }

    /// Its parts; none in a gap, in the archive or without a part grid.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        match &self.content {
            SegmentContent::Media { parts, .. } => parts,
            SegmentContent::Stored | SegmentContent::Gap => &[],
        }
    }

    /// The body: the segment type box, then the chunks. Nothing where they are not in memory.
    #[must_use]
    pub fn body(&self) -> Vec<Bytes> {
        match &self.content {
            SegmentContent::Media { chunks, .. } => body(true, chunks),
            SegmentContent::Stored | SegmentContent::Gap => Vec::new(),
        }
    }

    /// Bytes of the body.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.body().iter().map(|b| b.len() as u64).sum()
    }
}

/// A part: an addressable piece of a segment.
#[derive(Clone, Debug)]
pub struct Part {
    /// First tick since the Unix epoch; names the object within its Period.
    pub start: i64,
    /// Ticks.
    pub duration: i64,
    /// Whether decoding can begin in it.
    pub independent: bool,
    /// Whether it is its segment's first and carries the segment type box.
    pub first: bool,
    /// Whether its segment ends with it, as far as was known when it was published: where the next
    /// cut comes unforeseen none of its parts says so.
    pub last: bool,
    /// In order; at least one.
    pub chunks: Vec<Arc<Chunk>>,
}

impl Part {
    /// The body. A segment is exactly its parts laid end to end (invariant 2).
    #[must_use]
    pub fn body(&self) -> Vec<Bytes> {
        body(self.first, &self.chunks)
    }
}

fn body(first: bool, chunks: &[Arc<Chunk>]) -> Vec<Bytes> {
    let prefix = first.then(|| Bytes::from_static(SEGMENT_TYPE));
    prefix.into_iter().chain(chunks.iter().map(|c| c.bytes.clone())).collect()
}

/// A segment in the making.
#[derive(Clone, Debug)]
pub struct OpenSegment {
    /// The number it will have.
    pub number: u64,
    /// The Period it lies in.
    pub period: Arc<Period>,
    /// As in [`Segment::begins_period`].
    pub begins_period: bool,
    /// As in [`Segment::first`].
    pub first: bool,
    /// First tick since the Unix epoch; `None` until its first chunk is there.
    pub start: Option<i64>,
    /// Parts published so far.
    pub parts: Vec<Part>,
    /// Chunks after them.
    pub ahead: Vec<Arc<Chunk>>,
}
