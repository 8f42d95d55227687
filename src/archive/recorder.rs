//! What a channel's archive still lacks of what the channel shows: a function of a snapshot and of
//! what has been written.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::record::{Record, RowRecord};
use crate::packager::{
    Chunk, Period, RenditionId, Segment, SegmentContent, SegmentationKey, Snapshot,
};
use crate::units::MediaTime;

/// What has been written of a channel.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// By list, its last row.
    rows: BTreeMap<(SegmentationKey, RenditionId), u64>,
    /// By rendition, the Period and end of its last chunk.
    chunks: BTreeMap<RenditionId, (u64, i64)>,
}

impl Written {
    /// Whether a row has been.
    #[must_use]
    pub fn has(&self, key: SegmentationKey, rendition: RenditionId, number: u64) -> bool {
        self.rows.get(&(key, rendition)).is_some_and(|last| *last >= number)
    }

    /// Notes a row.
    pub fn note_row(&mut self, key: SegmentationKey, rendition: RenditionId, number: u64) {
        let last = self.rows.entry((key, rendition)).or_default();
        *last = number.max(*last);
    }

    /// Notes that a rendition's chunks are there up to `end` of the Period `ordinal`.
    pub fn note_chunk(&mut self, rendition: RenditionId, ordinal: u64, end: i64) {
        let last = self.chunks.entry(rendition).or_insert((ordinal, end));
        *last = (ordinal, end).max(*last);
    }
}

/// A segment and the list it is in.
type Row = (SegmentationKey, Arc<Segment>);

/// What is to be appended to one rendition's reels at once, all of one Period.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Whose.
    pub rendition: RenditionId,
    /// Its name in URLs, which is its folder's.
    pub name: String,
    /// The Period it lies in.
    pub period: Arc<Period>,
    /// Chunks that no reel has yet, in order.
    pub chunks: Vec<Arc<Chunk>>,
    /// Rows that they complete, and gaps.
    pub rows: Vec<Row>,
}

impl Batch {
    /// When its first row begins.
    #[must_use]
    pub fn begins(&self) -> Option<MediaTime> {
        self.rows.iter().map(|(_, row)| row.start_time()).min()
    }

    /// When its last row ends.
    #[must_use]
    pub fn end(&self) -> Option<MediaTime> {
        self.rows.iter().map(|(_, row)| row.end_time()).max()
    }

    /// What the index says of it, where its chunks begin at `offset` of the reel.
    #[must_use]
    pub fn records(&self, mut offset: u64) -> Vec<Record> {
        let mut records = Vec::new();
        for chunk in &self.chunks {
            // A chunk is bounded far below 4 GiB (limits.pending_bytes), and lasts seconds.
            let length = u32::try_from(chunk.bytes.len()).unwrap_or(u32::MAX);
            records.push(Record::Chunk {
                offset,
                length,
                start: chunk.start,
                duration: u32::try_from(chunk.duration).unwrap_or(u32::MAX),
                sync: chunk.sync,
                ends_part: chunk.ends_part,
                checksum: crc32fast::hash(&chunk.bytes),
            });
            offset += u64::from(length);
        }
        for (key, row) in &self.rows {
            records.extend(row.parts().iter().map(|part| Record::Part {
                start: part.start,
                duration: u32::try_from(part.duration).unwrap_or(u32::MAX),
                last: part.last,
            }));
            records.push(Record::Row(RowRecord {
                key: *key,
                number: row.number,
                start: row.start,
                duration: row.duration,
                begins_period: row.begins_period,
                first: row.first,
                gap: row.is_gap(),
            }));
        }
        records
    }

    /// Notes that it has been written.
    pub fn note(&self, written: &mut Written) {
        for (key, row) in &self.rows {
            written.note_row(*key, self.rendition, row.number);
        }
        if let Some(last) = self.chunks.last() {
            written.note_chunk(self.rendition, self.period.ordinal, last.end());
        }
    }
}

/// What `snapshot` shows that has not been written, in the order it is to be.
#[must_use]
pub fn news(snapshot: &Snapshot, written: &Written) -> Vec<Batch> {
    let mut rows: BTreeMap<(RenditionId, u64), Vec<Row>> = BTreeMap::new();
    let mut names = BTreeMap::new();
    for (key, view) in &snapshot.segmentations {
        for list in &view.renditions {
            let id = list.rendition.id;
            names.insert(id, list.rendition.name.clone());
            let new = list.rows.partition_point(|row| written.has(*key, id, row.number));
            for row in list.rows.iter_from(new) {
                let of_period = rows.entry((id, row.period.ordinal)).or_default();
                of_period.push((*key, Arc::clone(row)));
            }
        }
    }
    let batches = rows.into_iter().filter_map(|((rendition, ordinal), mut rows)| {
        rows.sort_by_key(|(key, row)| (row.end_time(), *key, row.number));
        let period = Arc::clone(&rows.first()?.1.period);
        let name = names.get(&rendition)?.clone();
        let mut chunks: Vec<Arc<Chunk>> = Vec::new();
        let mut there = written.chunks.get(&rendition).copied();
        for chunk in rows.iter().flat_map(|(_, row)| chunks_of(row)) {
            if there.is_none_or(|there| (ordinal, chunk.start) >= there) {
                there = Some((ordinal, chunk.end()));
                chunks.push(Arc::clone(chunk));
            }
        }
        Some(Batch { rendition, name, period, chunks, rows })
    });
    batches.collect()
}

fn chunks_of(row: &Segment) -> &[Arc<Chunk>] {
    match &row.content {
        SegmentContent::Media { chunks, .. } => chunks,
        SegmentContent::Stored | SegmentContent::Gap => &[],
    }
}
