//! Records of a reel's index: fixed length, each with its own checksum, so that a reader knows a torn
//! tail from what was written whole.
//!
//! | bytes | are |
//! | --- | --- |
//! | 0 | kind |
//! | 1 | flags |
//! | 2–43 | fields of the kind, big-endian, the rest zero |
//! | 44–47 | CRC-32 (IEEE 802.3) of bytes 0–43 |

use std::sync::Arc;

use crate::packager::{Period, Segment, SegmentContent, SegmentationKey};
use crate::units::{MediaTime, Timescale};

/// Bytes of a record.
pub const RECORD: usize = 48;
const CHECKED: usize = RECORD - 4;

/// One fact about a reel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A moof and mdat.
    Chunk {
        /// First byte in the reel.
        offset: u64,
        /// Bytes.
        length: u32,
        /// Base decode time, ticks since the Unix epoch.
        start: i64,
        /// Ticks.
        duration: u32,
        /// Whether the first sample is a sync sample.
        sync: bool,
        /// As in [`Chunk::ends_part`](crate::packager::Chunk::ends_part).
        ends_part: Option<MediaTime>,
        /// CRC-32 of its bytes.
        checksum: u32,
    },
    /// A part of the row that comes next.
    Part {
        /// First tick.
        start: i64,
        /// Ticks.
        duration: u32,
        /// As in [`Part::last`](crate::packager::Part::last).
        last: bool,
    },
    /// A segment: the chunks of its time, or a gap.
    Row(RowRecord),
    /// What else lies in the reel: ends what was written at once. Records behind the last of these
    /// are not to be believed.
    Note {
        /// First byte in the reel.
        offset: u64,
        /// Bytes.
        length: u32,
    },
}

/// A segment without its bytes; as in [`Segment`](crate::packager::Segment).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowRecord {
    /// Whose list.
    pub key: SegmentationKey,
    /// Its number.
    pub number: u64,
    /// First tick.
    pub start: i64,
    /// Ticks.
    pub duration: i64,
    /// Whether EXT-X-DISCONTINUITY stands before it.
    pub begins_period: bool,
    /// Whether its rendition has none before it in the Period.
    pub first: bool,
    /// Whether nothing was there.
    pub gap: bool,
}

impl RowRecord {
    /// The segment of `period` that it speaks of.
    #[must_use]
    pub fn segment(
        &self,
        period: &Arc<Period>,
        timescale: Timescale,
        content: SegmentContent,
    ) -> Segment {
        Segment {
            number: self.number,
            period: Arc::clone(period),
            begins_period: self.begins_period,
            first: self.first,
            start: self.start,
            duration: self.duration,
            timescale,
            content,
        }
    }
}

/// Writes fields one behind the other.
struct Fields([u8; RECORD], usize);

impl Fields {
    fn new(kind: u8, flags: [bool; 3]) -> Self {
        let mut bytes = [0; RECORD];
        bytes[0] = kind;
        bytes[1] = flags.iter().zip(0..).map(|(flag, bit)| u8::from(*flag) << bit).sum();
        Fields(bytes, 2)
    }

    fn put<const N: usize>(mut self, bytes: [u8; N]) -> Self {
        self.0[self.1..self.1 + N].copy_from_slice(&bytes);
        self.1 += N;
        self
    }

    fn sealed(mut self) -> [u8; RECORD] {
        let sum = crc32fast::hash(&self.0[..CHECKED]);
        self.0[CHECKED..].copy_from_slice(&sum.to_be_bytes());
        self.0
    }
}

/// Reads them back.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    fn i64(&mut self) -> Option<i64> {
        self.take().map(i64::from_be_bytes)
    }
}

impl Record {
    /// Its bytes.
    #[must_use]
    pub fn write(&self) -> [u8; RECORD] {
        let fields = match self {
            Record::Chunk { offset, length, start, duration, sync, ends_part, checksum } => {
                let ends = ends_part.map_or((0, 0), |at| (at.ticks(), at.scale().get()));
                Fields::new(1, [*sync, false, false])
                    .put(offset.to_be_bytes())
                    .put(length.to_be_bytes())
                    .put(start.to_be_bytes())
                    .put(duration.to_be_bytes())
                    .put(ends.0.to_be_bytes())
                    .put(ends.1.to_be_bytes())
                    .put(checksum.to_be_bytes())
            }
            Record::Part { start, duration, last } => Fields::new(2, [*last, false, false])
                .put(start.to_be_bytes())
                .put(duration.to_be_bytes()),
            Record::Row(row) => Fields::new(3, [row.begins_period, row.first, row.gap])
                .put(row.key.to_numbers().0.to_be_bytes())
                .put(row.key.to_numbers().1.to_be_bytes())
                .put(row.number.to_be_bytes())
                .put(row.start.to_be_bytes())
                .put(row.duration.to_be_bytes()),
            Record::Note { offset, length } => {
                Fields::new(4, [false; 3]).put(offset.to_be_bytes()).put(length.to_be_bytes())
            }
        };
        fields.sealed()
    }

    /// The record of these bytes; `None` where they are none, or were not written whole.
    #[must_use]
    pub fn read(bytes: &[u8; RECORD]) -> Option<Self> {
        let (checked, sum) = bytes.split_at(CHECKED);
        if crc32fast::hash(checked).to_be_bytes() != sum {
            return None;
        }
        let flag = |bit: u8| bytes[1] & (1 << bit) != 0;
        let mut fields = Reader(&checked[2..]);
        Some(match bytes[0] {
            1 => {
                let offset = fields.u64()?;
                let length = fields.u32()?;
                let start = fields.i64()?;
                let duration = fields.u32()?;
                let (ticks, scale) = (fields.i64()?, fields.u32()?);
                let ends_part = Timescale::new(scale).map(|scale| MediaTime::new(ticks, scale));
                let (sync, checksum) = (flag(0), fields.u32()?);
                Record::Chunk { offset, length, start, duration, sync, ends_part, checksum }
            }
            2 => Record::Part { start: fields.i64()?, duration: fields.u32()?, last: flag(0) },
            3 => {
                let (segment_ms, part_ms) = (fields.u32()?, fields.u32()?);
                Record::Row(RowRecord {
                    key: SegmentationKey::from_numbers(segment_ms, part_ms),
                    number: fields.u64()?,
                    start: fields.i64()?,
                    duration: fields.i64()?,
                    begins_period: flag(0),
                    first: flag(1),
                    gap: flag(2),
                })
            }
            4 => Record::Note { offset: fields.u64()?, length: fields.u32()? },
            _ => return None,
        })
    }

    /// The records of an index up to the first that was not written whole, and whether that is all.
    #[must_use]
    pub fn read_all(index: &[u8]) -> (Vec<Self>, bool) {
        let (whole, rest) = index.as_chunks::<RECORD>();
        let mut records = Vec::with_capacity(whole.len());
        records.extend(whole.iter().map_while(Record::read));
        let all = records.len() == whole.len() && rest.is_empty();
        (records, all)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::archive) fn one_of_each() -> Vec<Record> {
        let key = SegmentationKey::new(2000, Some(500));
        let ends_part = Some(MediaTime::new(-7, Timescale::NINETY_KHZ));
        let row = RowRecord {
            key,
            number: u64::MAX,
            start: i64::MIN,
            duration: i64::MAX,
            begins_period: true,
            first: false,
            gap: true,
        };
        vec![
            Record::Chunk {
                offset: 9,
                length: 8,
                start: -7,
                duration: 6,
                sync: true,
                ends_part,
                checksum: 0xabcd_ef01,
            },
            Record::Chunk {
                offset: 17,
                length: 1,
                start: 5,
                duration: 4,
                sync: false,
                ends_part: None,
                checksum: 0,
            },
            Record::Part { start: 3, duration: 2, last: true },
            Record::Row(row),
            Record::Row(RowRecord {
                key: SegmentationKey { part_ms: None, ..key },
                first: true,
                ..row
            }),
            Record::Note { offset: 1 << 40, length: u32::MAX },
        ]
    }

    #[test]
    fn records_come_back_as_they_were_written() {
        for record in one_of_each() {
            assert_eq!(Record::read(&record.write()), Some(record));
        }
    }

    #[test]
    fn no_bit_can_flip_unseen() {
        for record in one_of_each() {
            let bytes = record.write();
            for bit in 0..RECORD * 8 {
                let mut flipped = bytes;
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(Record::read(&flipped), None, "bit {bit}");
            }
        }
    }

    #[test]
    fn a_torn_tail_is_told_from_the_records_before_it() {
        let records = one_of_each();
        let index: Vec<u8> = records.iter().flat_map(Record::write).collect();
        for length in 0..=index.len() {
            let (read, all) = Record::read_all(&index[..length]);
            assert_eq!(read, records[..length / RECORD]);
            assert_eq!(all, length % RECORD == 0);
        }
    }
}
