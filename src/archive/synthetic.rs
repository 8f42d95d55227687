//! Archives of any length without their media: reels whose chunks are holes in sparse files. For benches
//! and tests; everything but the media is as a channel writes it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::sync::Arc;

use super::catalogue::Entry;
use super::record::{Record, RowRecord};
use super::reel::{self, Head};
use super::shelf::Shelf;
use crate::packager::{Period, PeriodTrack, SegmentationKey};
use crate::units::{MediaDuration, MediaTime};

/// What is written.
#[derive(Clone, Copy, Debug)]
pub struct Synthetic {
    /// The list that it has.
    pub key: SegmentationKey,
    /// From when, Unix milliseconds: a multiple of the reels' length.
    pub from: i64,
    /// Until when.
    pub to: i64,
    /// Milliseconds of a reel.
    pub reel: i64,
    /// Bytes of a chunk; a segment has two.
    pub chunk: u32,
    /// The newest reels of each rendition that have files; the catalogue has all.
    pub files: usize,
}

impl Shelf {
    /// Writes an archive of all tracks of `period`, in which segments are slots of time.
    ///
    /// # Errors
    /// What the disk says.
    pub fn synthesize(
        &self,
        period: &Arc<Period>,
        names: &[String],
        of: Synthetic,
    ) -> io::Result<()> {
        for (track, name) in period.tracks.iter().zip(names) {
            let begins: Vec<i64> = (of.from..of.to)
                .step_by(usize::try_from(of.reel).map_err(io::Error::other)?)
                .collect();
            let mut entries = Vec::new();
            let without = begins.len().saturating_sub(of.files);
            for (n, begin) in begins.into_iter().enumerate() {
                let end = (begin + of.reel).min(of.to);
                let number = |at: i64| (at / i64::from(of.key.segment_ms)).cast_unsigned();
                let mut entry = Entry {
                    rendition: name.clone(),
                    file: format!("{begin:013}"),
                    period: period.id,
                    begins: begin,
                    ends: end,
                    open: false,
                    bytes: 0,
                    here: true,
                    stored: false,
                    numbers: vec![(of.key, number(begin), number(end) - 1)],
                };
                if n >= without {
                    entry.bytes = self.reel(period, track, (&entry, of))?;
                }
                entries.push(entry);
            }
            self.catalogue.put(&self.channel, &entries)?;
        }
        Ok(())
    }

    fn reel(
        &self,
        period: &Arc<Period>,
        track: &PeriodTrack,
        (entry, of): (&Entry, Synthetic),
    ) -> io::Result<u64> {
        let place = self.place(entry);
        if let Some(folder) = place.path().parent() {
            fs::create_dir_all(folder)?;
        }
        let head = Head::of(track.rendition, period).write(period);
        let head = head.ok_or_else(|| io::Error::other("the track is not of the Period"))?;
        let mut length = head.len() as u64;
        let mut index = reel::note(0, head.len()).to_vec();
        let ticks =
            |ms: i64| MediaTime::from_millis(ms).since_epoch().rescale(track.timescale).ticks();
        let step = i64::from(of.key.segment_ms);
        let checksum = crc32fast::hash(&vec![0; of.chunk as usize]);
        for begin in (entry.begins..entry.ends).step_by(of.key.segment_ms as usize) {
            let (start, end) = (ticks(begin), ticks(begin + step));
            let half = (end - start) / 2;
            let first = begin == of.from;
            let chunk = |offset, start, duration: i64, sync| Record::Chunk {
                offset,
                length: of.chunk,
                start,
                duration: u32::try_from(duration).unwrap_or(u32::MAX),
                sync,
                ends_part: None,
                checksum,
            };
            let row = RowRecord {
                key: of.key,
                number: (begin / step).cast_unsigned(),
                start,
                duration: end - start,
                begins_period: first,
                first,
                gap: false,
            };
            let records = [
                chunk(length, start, half, true),
                chunk(length + u64::from(of.chunk), start + half, end - start - half, false),
                Record::Row(row),
            ];
            let end = length + 2 * u64::from(of.chunk);
            let (rows, said) = reel::rows(end, &records);
            index.extend(said);
            length = end + rows.len() as u64;
        }
        let mut media = File::create(place.path())?;
        media.write_all(&head)?;
        media.set_len(length)?;
        fs::write(place.beside(), index)?;
        Ok(length)
    }
}

/// The length of a reel as channels write them.
pub const REEL: MediaDuration = super::disk::REEL;
