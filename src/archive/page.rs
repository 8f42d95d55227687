//! A page: what a reel holds, read from its index, without its media.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::load::content;
use super::place::Place;
use super::record::Record;
use super::reel::{self, Head};
use crate::media::{MediaKind, VariantName};
use crate::packager::{
    Chunk, Period, Rendition, RenditionId, Segment, SegmentContent, SegmentationKey,
};
use crate::units::{Bitrate, MediaTime, Timescale};

/// What a reel holds.
#[derive(Debug)]
pub(super) struct Page {
    place: Place,
    /// Bytes of the index it was read from.
    index: u64,
    /// Whether that lies in the store, where it grows no more.
    stored: bool,
    /// Whose, and in which Period.
    told: Told,
    records: Vec<Record>,
    rows: BTreeMap<SegmentationKey, Vec<Arc<Segment>>>,
}

/// Whose a reel is, and the Period it lies in: what its head says.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) rendition: RenditionId,
    pub(super) period: Arc<Period>,
    timescale: Timescale,
}

impl Told {
    fn read(head: &[u8]) -> io::Result<Self> {
        let damaged = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
        let head: Head = reel::head(head).map_err(|error| damaged(error.to_string()))?;
        let period = head.period().map_err(|error| damaged(error.to_string()))?;
        let timescale = head.timescale();
        let timescale =
            timescale.ok_or_else(|| damaged("its rendition has no track".to_owned()))?;
        Ok(Told { rendition: head.rendition, period: Arc::new(period), timescale })
    }
}

/// A row and its parts, with the bytes of its chunks.
type Parts = Vec<(i64, u32, bool)>;

impl Page {
    /// Reads the index of a reel, and its head where that is not `told` by another reel of the same
    /// rendition and Period.
    ///
    /// # Errors
    /// Where files cannot be read, or are not what they should be.
    pub(super) fn read(place: Place, told: Option<Told>) -> io::Result<Self> {
        let (index, stored) = place.index()?;
        let (records, _, _) = reel::believed(&index);
        let damaged = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
        let Some(Record::Note { length, .. }) = records.first() else {
            return Err(damaged("the index says nothing of a head".to_owned()));
        };
        let told = match told {
            Some(told) => told,
            None => Told::read(&place.read_at(0, *length as usize)?)?,
        };
        let mut page =
            Page { place, index: index.len() as u64, stored, told, records, rows: BTreeMap::new() };
        page.lay_out();
        Ok(page)
    }

    fn lay_out(&mut self) {
        for record in &self.records {
            let Record::Row(row) = record else { continue };
            let content = if row.gap { SegmentContent::Gap } else { SegmentContent::Stored };
            let segment = row.segment(&self.told.period, self.told.timescale, content);
            self.rows.entry(row.key).or_default().push(Arc::new(segment));
        }
    }

    /// What its head says.
    #[must_use]
    pub(super) fn told(&self) -> &Told {
        &self.told
    }

    /// The reel.
    #[must_use]
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Whether the reel has nothing that it lacks.
    pub(super) fn is_whole(&self) -> io::Result<bool> {
        Ok(self.place.grown()?.map_or(self.stored, |length| length == self.index))
    }

    /// What its index says.
    #[must_use]
    pub(super) fn records(&self) -> &[Record] {
        &self.records
    }

    /// The rows of a list, in order, without their bytes.
    #[must_use]
    pub(super) fn rows(&self, key: SegmentationKey) -> &[Arc<Segment>] {
        self.rows.get(&key).map_or(&[], Vec::as_slice)
    }

    /// The rendition as far as its reels know it: its rates are those of this one.
    #[must_use]
    pub(super) fn rendition(&self, name: &str) -> Option<Rendition> {
        let track = self.told.period.track(self.told.rendition)?;
        let kind: MediaKind = track.codec.kind();
        let (mut bytes, mut ticks) = (0, 0);
        for record in &self.records {
            if let Record::Chunk { length, duration, .. } = record {
                bytes += u64::from(*length);
                ticks += u64::from(*duration);
            }
        }
        let bits = bytes.saturating_mul(8).saturating_mul(u64::from(self.told.timescale.get()));
        let average = Bitrate(bits.checked_div(ticks).unwrap_or(0));
        Some(Rendition {
            id: self.told.rendition,
            name: name.to_owned(),
            kind,
            variant: VariantName::default(),
            language: track.language,
            peak: Bitrate(average.0 + average.0 / 2),
            average,
            only_slate: false,
        })
    }

    /// The row of a number with its bytes; chunks may lie in the reels `before` this one.
    ///
    /// # Errors
    /// Where the reel cannot be read, or its bytes are not those that were written.
    pub(super) fn segment(
        &self,
        key: SegmentationKey,
        number: u64,
        before: &[Arc<Page>],
    ) -> io::Result<Option<Segment>> {
        let Some((row, parts)) = self.row(key, number) else { return Ok(None) };
        let mut chunks = Vec::new();
        let before = before.iter().map(|page| &**page);
        for page in before.filter(|b| b.told.period.id == self.told.period.id).chain([self]) {
            page.read_chunks(row.start, row.start.saturating_add(row.duration), &mut chunks)?;
        }
        chunks.sort_by_key(|chunk| chunk.start);
        chunks.dedup_by_key(|chunk| chunk.start);
        let content = content(row, chunks, &parts);
        Ok(content.map(|content| row.segment(&self.told.period, self.told.timescale, content)))
    }

    /// The stretch (Unix milliseconds) of a row of it that begins before its own first chunk does.
    #[must_use]
    pub(super) fn lacks_of(&self, key: SegmentationKey, number: u64) -> Option<(i64, i64)> {
        let first = self.records.iter().find_map(|record| match record {
            Record::Chunk { start, .. } => Some(*start),
            _ => None,
        });
        let (row, _) = self.row(key, number)?;
        let lacks = !row.gap && first.is_none_or(|first| row.start < first);
        let at = |ticks| MediaTime::new(ticks, self.told.timescale).floor_millis();
        lacks.then(|| (at(row.start), at(row.start.saturating_add(row.duration))))
    }

    fn row(&self, key: SegmentationKey, number: u64) -> Option<(&super::RowRecord, Parts)> {
        let at = self.records.iter().position(
            |record| matches!(record, Record::Row(row) if row.key == key && row.number == number),
        )?;
        let Record::Row(row) = &self.records[at] else { return None };
        let parts = self.records[..at].iter().rev().map_while(|record| match record {
            Record::Part { start, duration, last } => Some((*start, *duration, *last)),
            _ => None,
        });
        let mut parts: Parts = parts.collect();
        parts.reverse();
        Some((row, parts))
    }

    fn read_chunks(&self, from: i64, to: i64, chunks: &mut Vec<Arc<Chunk>>) -> io::Result<()> {
        let mut asked = self.records.iter().filter_map(|record| match record {
            Record::Chunk { start, offset, length, .. } if (from..to).contains(start) => {
                Some((*offset, offset + u64::from(*length)))
            }
            _ => None,
        });
        let Some(first) = asked.next() else { return Ok(()) };
        // Between them lies little else.
        let (begin, end) = asked.fold(first, |(b, e), (begin, end)| (begin.min(b), end.max(e)));
        let length = usize::try_from(end - begin).map_err(io::Error::other)?;
        let bytes = self.place.read_at(begin, length)?;
        for record in &self.records {
            let Record::Chunk { offset, length, start, duration, sync, ends_part, checksum } =
                record
            else {
                continue;
            };
            if !(from..to).contains(start) {
                continue;
            }
            let at = usize::try_from(offset - begin).map_err(io::Error::other)?;
            let bytes = bytes.slice(at..at + *length as usize);
            if crc32fast::hash(&bytes) != *checksum {
                let why = format!("the chunk at byte {offset} is not what was written");
                return Err(io::Error::new(io::ErrorKind::InvalidData, why));
            }
            chunks.push(Arc::new(Chunk {
                start: *start,
                duration: i64::from(*duration),
                sync: *sync,
                ends_part: *ends_part,
                bytes,
            }));
        }
        Ok(())
    }
}
