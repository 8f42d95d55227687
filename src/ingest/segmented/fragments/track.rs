//! One track of a pushed stream: where each chunk lies against those before it, and its samples.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;

use bytes::Bytes;

use super::Found;
use crate::ingest::segmented::fault::Fault;
use crate::isobmff::{ParsedChunk, ParsedInit, parse_own_form, renumber, sequence_number};
use crate::media::{MediaKind, Origin, Sample, SourceChunk, TrackId};
use crate::units::{MediaDuration, MediaTime, WallTime};

/// Times that lie no farther from their arrival count from the Unix epoch.
const EPOCH_WITHIN: MediaDuration = MediaDuration::from_secs(60);
/// A chunk that lies no farther before the newest comes late; one farther back, or after a header,
/// comes from a sender that began anew.
const LATE_WITHIN: MediaDuration = MediaDuration::from_secs(60);
/// Chunks remembered of a track, to know them when they come again.
const REMEMBERED: usize = 256;

/// One track.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) parsed: ParsedInit,
    pub(super) id: TrackId,
    /// Nothing where the track is not carried.
    pub(super) kind: Option<MediaKind>,
    /// Where the newest chunk ends, in ticks of decode time.
    pub(super) end: Option<i64>,
    /// Beginnings of the newest chunks, and what their bytes come to.
    pub(super) remembered: VecDeque<(i64, u64)>,
    /// Whether its times count from the Unix epoch.
    pub(super) absolute: bool,
}

/// What becomes of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Placed {
    Next,
    Again,
    Late,
    Anew,
}

impl Track {
    /// Whether this is a track `id`, and one that is carried.
    pub(super) fn is_carried_as(&self, id: u32) -> bool {
        self.parsed.track_id == id && self.kind.is_some()
    }

    /// Takes a chunk that holds nothing of other tracks: it may go on as it is.
    pub(super) fn take_whole(
        &mut self,
        bytes: Bytes,
        chunk: &ParsedChunk,
        fresh: bool,
        wall: WallTime,
        out: &mut VecDeque<Found>,
    ) {
        let own = own_form(&bytes, chunk);
        let Some(decode_time) = own else {
            return self.take(&bytes, chunk, None, (fresh, wall), out);
        };
        let at = MediaTime::new(decode_time, self.parsed.timescale);
        let bytes = renumber(bytes, sequence_number(at));
        let samples = chunk.samples.iter().map(|s| (s.duration, s.composition_offset, s.sync()));
        let samples = samples.collect();
        let own = Arc::new(SourceChunk { bytes: bytes.clone(), decode_time, samples });
        self.take(&bytes, chunk, Some(&own), (fresh, wall), out);
    }

    /// Takes what a chunk holds of the track; `own` where it could go on as it is, `fresh` where a
    /// header came just before it.
    pub(super) fn take(
        &mut self,
        bytes: &Bytes,
        chunk: &ParsedChunk,
        own: Option<&Arc<SourceChunk>>,
        (fresh, wall): (bool, WallTime),
        out: &mut VecDeque<Found>,
    ) {
        let length: i64 = chunk.samples.iter().map(|s| i64::from(s.duration)).sum();
        let begins = match chunk.base_decode_time.map(i64::try_from) {
            Some(Ok(begins)) => begins,
            Some(Err(_)) => return out.push_back(Found::Fault(Fault::DecodeTime)),
            None => self.end.unwrap_or(0),
        };
        let digest = digest(bytes, chunk);
        match self.place(begins, length, digest, fresh) {
            Placed::Again => return,
            Placed::Late => return out.push_back(Found::Fault(Fault::LateChunk)),
            Placed::Anew => {
                self.remembered.clear();
                self.absolute = false;
                out.push_back(Found::Break);
            }
            Placed::Next => {}
        }
        self.remembered.push_back((begins, digest));
        if self.remembered.len() > REMEMBERED {
            self.remembered.pop_front();
        }
        self.end = Some(begins.saturating_add(length));
        self.anchor(begins, length, wall, out);
        let shift = self.parsed.presentation_shift;
        let mut dts = begins.saturating_add(shift);
        for (place, sample) in chunk.samples.iter().enumerate() {
            let pts = dts.saturating_add(i64::from(sample.composition_offset));
            let (sync, duration) = (sample.sync(), Some(sample.duration));
            let data = bytes.slice(sample.data.clone());
            let origin = own.map(|chunk| Origin { chunk: Arc::clone(chunk), place });
            out.push_back(Found::Sample(
                self.id,
                Sample { dts, pts, duration, sync, data, origin },
            ));
            dts = dts.saturating_add(i64::from(sample.duration));
        }
    }

    /// Where a chunk lies against those before it.
    fn place(&self, begins: i64, length: i64, digest: u64, fresh: bool) -> Placed {
        let Some(end) = self.end else { return Placed::Next };
        if begins.saturating_add(length / 2) >= end {
            return Placed::Next;
        }
        if self.remembered.contains(&(begins, digest)) {
            return Placed::Again;
        }
        let behind = MediaDuration::new(end.saturating_sub(begins), self.parsed.timescale);
        if behind > LATE_WITHIN || fresh && !self.absolute { Placed::Anew } else { Placed::Late }
    }

    /// Times near their arrival count from the epoch.
    fn anchor(&mut self, begins: i64, length: i64, wall: WallTime, out: &mut VecDeque<Found>) {
        let scale = self.parsed.timescale;
        let shown = begins.saturating_add(self.parsed.presentation_shift);
        let ends = MediaTime::new(shown.saturating_add(length), scale);
        let absolute = (ends - wall.media_time()).abs() <= EPOCH_WITHIN;
        if absolute && !self.absolute {
            let epoch = MediaTime::new(0, scale);
            out.push_back(Found::Anchor { track: self.id, media: 0, epoch });
        }
        self.absolute = absolute;
    }
}

/// The decode time of a chunk that has the form of ours, so that it could be stored as it is.
fn own_form(bytes: &Bytes, chunk: &ParsedChunk) -> Option<i64> {
    // Nothing of it may come from defaults of its header, which is not ours.
    let own = parse_own_form(bytes).filter(|own| own.samples == chunk.samples)?;
    own.base_decode_time.and_then(|time| i64::try_from(time).ok())
}

/// Tells chunks of one decode time apart.
fn digest(bytes: &Bytes, chunk: &ParsedChunk) -> u64 {
    let mut hasher = DefaultHasher::new();
    for sample in &chunk.samples {
        hasher.write_usize(sample.data.len());
    }
    if let Some(first) = chunk.samples.first() {
        hasher.write(&bytes[first.data.clone()]);
    }
    hasher.finish()
}
