//! A channel's newest rows read back from its reels.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::found::Found;
use super::record::{Record, RowRecord};
use super::recorder::Written;
use super::reel::Periods;
use crate::packager::{Chunk, Lists, Part, Period, RenditionId, Segment, SegmentContent};
use crate::units::{MediaDuration, MediaTime, Timescale};

/// What was read back.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The newest rows of each list, their numbers consecutive.
    pub rows: Lists,
    /// What need not be written again.
    pub written: Written,
}

/// Reads the rows of the last `span` of media, with their bytes. `reels` are in the order of
/// [`find`](super::found::find); a reel that cannot be read is passed over and named.
#[must_use]
pub fn load(
    reels: &[Found],
    span: MediaDuration,
    refused: &mut dyn FnMut(&Path, String),
) -> Loaded {
    let mut loaded = Loaded::default();
    let mut periods = Periods::default();
    let ends: Vec<Option<MediaTime>> = reels.iter().map(end).collect();
    let newest = ends.iter().flatten().max().copied();
    let mut chunks: BTreeMap<RenditionId, BTreeMap<(u64, i64), Arc<Chunk>>> = BTreeMap::new();
    for (reel, end) in reels.iter().zip(ends) {
        note(reel, &mut loaded.written);
        if newest.zip(end).is_none_or(|(newest, end)| newest - end > span) {
            continue;
        }
        let period = periods.of(&reel.head).map_err(|error| error.to_string());
        let read = period.and_then(|period| {
            let bytes = fs::read(&reel.path).map_err(|error| error.to_string())?;
            Ok((period, bytes))
        });
        match read {
            Ok((period, bytes)) => {
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
    bytes: &[u8],
    chunks: &mut BTreeMap<(u64, i64), Arc<Chunk>>,
    lists: &mut Lists,
) {
    let Some(timescale) = timescale(reel) else { return };
    let mut parts = Vec::new();
    for record in &reel.records {
        match record {
            Record::Chunk { offset, length, start, duration, sync, ends_part, .. } => {
                let from = usize::try_from(*offset).unwrap_or(usize::MAX);
                let Some(bytes) = bytes.get(from..from.saturating_add(*length as usize)) else {
                    continue;
                };
                let chunk = Chunk {
                    start: *start,
                    duration: i64::from(*duration),
                    sync: *sync,
                    ends_part: *ends_part,
                    bytes: Bytes::copy_from_slice(bytes),
                };
                chunks.insert((period.ordinal, *start), Arc::new(chunk));
            }
            Record::Part { start, duration, last } => parts.push((*start, *duration, *last)),
            Record::Row(row) => {
                let parts = std::mem::take(&mut parts);
                let of_row = (period.ordinal, row.start)
                    ..(period.ordinal, row.start.saturating_add(row.duration.max(0)));
                let of_row: Vec<Arc<Chunk>> =
                    chunks.range(of_row).map(|(_, c)| c.clone()).collect();
                let Some(content) = content(row, of_row, &parts) else { continue };
                let segment = row.segment(period, timescale, content);
                let list = lists.entry(row.key).or_default();
                list.entry(reel.head.rendition).or_default().push(Arc::new(segment));
            }
            Record::Note { .. } => {}
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
