//! A channel's newest rows read back from its reels.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::found::Found;
use super::record::{Record, RowRecord};
use super::recorder::Written;
use super::reel::Periods;
use crate::packager::{
    Chunk, Lists, Part, Period, RenditionId, Segment, SegmentContent, SegmentationKey,
};
use crate::units::{MediaDuration, MediaTime, Timescale};

/// What was read back.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The newest rows of each list, their numbers consecutive.
    pub rows: Lists,
    /// What need not be written again.
    pub written: Written,
}

/// How much is read back.
#[derive(Clone, Copy, Debug)]
pub struct Reach {
    /// Rows that end no longer before the newest media.
    pub rows: MediaDuration,
    /// Of these, those that are read with their bytes: a start does not wait for the media of the
    /// others, which the archive answers when it is asked for.
    pub media: MediaDuration,
}

/// Reads the newest rows. `reels` are in the order of [`find`](super::found::find); a reel that cannot
/// be read is passed over and named.
#[must_use]
pub fn load(reels: &[Found], reach: Reach, refused: &mut dyn FnMut(&Path, String)) -> Loaded {
    let mut loaded = Loaded::default();
    let mut periods = Periods::default();
    let ends: Vec<Option<MediaTime>> = reels.iter().map(end).collect();
    let Some(newest) = ends.iter().flatten().max().copied() else { return loaded };
    let bytes = Bytesful::of(reels, newest - reach.media);
    let mut chunks: BTreeMap<RenditionId, BTreeMap<(u64, i64), Arc<Chunk>>> = BTreeMap::new();
    for (reel, end) in reels.iter().zip(ends) {
        note(reel, &mut loaded.written);
        if end.is_none_or(|end| newest - end > reach.rows) {
            continue;
        }
        let period = periods.of(&reel.head).map_err(|error| error.to_string());
        let read = period.and_then(|period| {
            let known = chunks.entry(reel.head.rendition).or_default();
            read_chunks(reel, bytes.from, known).map_err(|error| error.to_string())?;
            Ok(period)
        });
        match read {
            Ok(period) => {
                let known = chunks.entry(reel.head.rendition).or_default();
                take(reel, &period, &bytes, known, &mut loaded.rows);
            }
            Err(why) => refused(&reel.path, why),
        }
    }
    for rows in loaded.rows.values_mut().flat_map(BTreeMap::values_mut) {
        keep_consecutive(rows);
    }
    loaded
}

/// Which rows are read with their bytes: of each list the same numbers in all renditions, so that what
/// goes together is there together.
struct Bytesful {
    numbers: BTreeMap<SegmentationKey, u64>,
    /// Where their media begins.
    from: MediaTime,
}

impl Bytesful {
    /// Those of which one reaches beyond `since`.
    fn of(reels: &[Found], since: MediaTime) -> Self {
        let rows = || {
            reels.iter().filter_map(|reel| Some((reel, timescale(reel)?))).flat_map(
                |(reel, scale)| {
                    reel.records.iter().filter_map(move |record| match record {
                        Record::Row(row) => Some((row, scale)),
                        _ => None,
                    })
                },
            )
        };
        let mut numbers: BTreeMap<SegmentationKey, u64> = BTreeMap::new();
        for (row, scale) in rows() {
            if MediaTime::new(row.start.saturating_add(row.duration), scale) > since {
                let first = numbers.entry(row.key).or_insert(row.number);
                *first = row.number.min(*first);
            }
        }
        let of = |row: &RowRecord| numbers.get(&row.key).is_some_and(|first| row.number >= *first);
        let starts = rows().filter(|(row, _)| of(row));
        let from = starts.map(|(row, scale)| MediaTime::new(row.start, scale)).min();
        Bytesful { from: from.unwrap_or(since), numbers }
    }

    fn has(&self, row: &RowRecord) -> bool {
        self.numbers.get(&row.key).is_some_and(|first| row.number >= *first)
    }
}

/// Reads the chunks of a reel that begin at `from` or later.
fn read_chunks(
    reel: &Found,
    from: MediaTime,
    chunks: &mut BTreeMap<(u64, i64), Arc<Chunk>>,
) -> io::Result<()> {
    let Some(scale) = timescale(reel) else { return Ok(()) };
    let mut file = None;
    for record in &reel.records {
        let Record::Chunk { offset, length, start, duration, sync, ends_part, .. } = record else {
            continue;
        };
        if MediaTime::new(*start, scale) < from {
            continue;
        }
        let file = match &mut file {
            Some(file) => file,
            none => none.insert(File::open(&reel.path)?),
        };
        let mut bytes = vec![0; *length as usize];
        file.read_exact_at(&mut bytes, *offset)?;
        let chunk = Chunk {
            start: *start,
            duration: i64::from(*duration),
            sync: *sync,
            ends_part: *ends_part,
            bytes: Bytes::from(bytes),
        };
        chunks.insert((reel.head.ordinal(), *start), Arc::new(chunk));
    }
    Ok(())
}

fn timescale(reel: &Found) -> Option<Timescale> {
    reel.head.timescale()
}

/// When the last row of a reel ends.
#[must_use]
pub fn end(reel: &Found) -> Option<MediaTime> {
    let scale = timescale(reel)?;
    let rows = reel.records.iter().filter_map(|record| match record {
        Record::Row(row) => Some(row.start.saturating_add(row.duration)),
        _ => None,
    });
    rows.max().map(|end| MediaTime::new(end, scale))
}

fn note(reel: &Found, written: &mut Written) {
    let rendition = reel.head.rendition;
    for record in &reel.records {
        match record {
            Record::Row(row) => written.note_row(row.key, rendition, row.number),
            Record::Chunk { start, duration, .. } => {
                let end = start.saturating_add(i64::from(*duration));
                written.note_chunk(rendition, reel.head.ordinal(), end);
            }
            Record::Part { .. } | Record::Note { .. } => {}
        }
    }
}

/// Takes the rows of one reel; their chunks may lie in the one before it.
fn take(
    reel: &Found,
    period: &Arc<Period>,
    bytes: &Bytesful,
    chunks: &BTreeMap<(u64, i64), Arc<Chunk>>,
    lists: &mut Lists,
) {
    let Some(timescale) = timescale(reel) else { return };
    let mut parts = Vec::new();
    for record in &reel.records {
        match record {
            Record::Chunk { .. } | Record::Note { .. } => {}
            Record::Part { start, duration, last } => parts.push((*start, *duration, *last)),
            Record::Row(row) => {
                let parts = std::mem::take(&mut parts);
                let of_row = (period.ordinal, row.start)
                    ..(period.ordinal, row.start.saturating_add(row.duration.max(0)));
                let of_row = || chunks.range(of_row).map(|(_, c)| c.clone()).collect();
                let content = match (row.gap, bytes.has(row)) {
                    (true, _) => Some(SegmentContent::Gap),
                    (false, false) => Some(SegmentContent::Stored),
                    (false, true) => content(row, of_row(), &parts),
                };
                let Some(content) = content else { continue };
                let segment = row.segment(period, timescale, content);
                let list = lists.entry(row.key).or_default();
                list.entry(reel.head.rendition).or_default().push(Arc::new(segment));
            }
        }
    }
}

/// What a row holds; `None` where chunks of it are missing.
pub(super) fn content(
    row: &RowRecord,
    chunks: Vec<Arc<Chunk>>,
    parts: &[(i64, u32, bool)],
) -> Option<SegmentContent> {
    if row.gap {
        return Some(SegmentContent::Gap);
    }
    let mut at = row.start;
    for chunk in &chunks {
        if chunk.start != at {
            return None;
        }
        at = chunk.end();
    }
    if chunks.is_empty() || at != row.start.saturating_add(row.duration) {
        return None;
    }
    let part = |&(start, duration, last): &(i64, u32, bool)| {
        let end = start.saturating_add(i64::from(duration));
        let within = chunks.iter().filter(|c| (start..end).contains(&c.start));
        let chunks: Vec<Arc<Chunk>> = within.cloned().collect();
        let independent = chunks.iter().any(|c| c.sync);
        let first = start == row.start;
        Part { start, duration: i64::from(duration), independent, first, last, chunks }
    };
    let parts = parts.iter().map(part).collect();
    Some(SegmentContent::Media { chunks, parts })
}

/// Keeps the newest rows whose numbers are consecutive.
fn keep_consecutive(rows: &mut Vec<Arc<Segment>>) {
    rows.sort_by_key(|row| row.number);
    rows.dedup_by_key(|row| row.number);
    let gap = rows.windows(2).rposition(|pair| pair[0].number + 1 != pair[1].number);
    rows.drain(..gap.map_or(0, |at| at + 1));
}
