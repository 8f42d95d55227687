//! Chunks of one track: samples in, one moof + mdat out.
//!
//! Invariant 6 is kept here: a chunk's base decode time is the previous one's plus its samples'
//! durations. The duration of a chunk's last sample is the distance to the next sample where that
//! is known, else the nominal one; the error of that prediction goes into the next sample.
//!
//! Where a chunk comes out as one that its source wrote (CMAF with absolute time), it is that one.

use std::sync::Arc;

use bytes::Bytes;

use crate::isobmff::{ChunkSample, chunk, sequence_number};
use crate::media::Origin;
use crate::units::{MediaTime, Timescale};

/// One moof + mdat of one track.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// Base decode time, ticks of the track's timescale since the Unix epoch.
    pub start: i64,
    /// Sum of the samples' durations in ticks.
    pub duration: i64,
    /// Whether the first sample is a sync sample.
    pub sync: bool,
    /// Of audio that video leads: where the leading track's part ends which the audio has come to
    /// with this chunk. Kept where an endpoint lists them together.
    pub ends_part: Option<MediaTime>,
    /// moof and mdat.
    pub bytes: Bytes,
}

impl Chunk {
    /// First tick after the chunk.
    #[must_use]
    pub fn end(&self) -> i64 {
        self.start + self.duration
    }
}

/// A sample on the channel's clock, in ticks of the track's media timescale.
#[derive(Clone, Debug)]
pub(super) struct Timed {
    pub(super) dts: i64,
    pub(super) pts: i64,
    pub(super) duration: Option<i64>,
    pub(super) sync: bool,
    pub(super) data: Bytes,
    pub(super) origin: Option<Origin>,
}

/// Collects the samples of the chunk in the making.
#[derive(Debug)]
pub(super) struct ChunkBuilder {
    timescale: Timescale,
    /// Nominal length of a frame in ticks.
    nominal: i64,
    pending: Vec<Timed>,
    /// End of the last chunk, which is the next one's base decode time.
    written_end: Option<i64>,
}

impl ChunkBuilder {
    pub(super) fn new(timescale: Timescale, nominal: i64) -> Self {
        ChunkBuilder { timescale, nominal: nominal.max(1), pending: Vec::new(), written_end: None }
    }

    /// Adds a sample. Its decode time is after the one before it; the timeline sees to that.
    pub(super) fn push(&mut self, sample: Timed) {
        self.pending.push(sample);
    }

    /// Base decode time of the chunk in the making or, where it has no sample yet, of the next.
    pub(super) fn next_base(&self) -> Option<i64> {
        self.written_end.or_else(|| self.pending.first().map(|s| s.dts))
    }

    /// Ticks between the end of the last chunk and a sample that would be the next one's first; not
    /// positive where it begins before, or where the chunk in the making ends with it.
    pub(super) fn hole_before(&self, dts: i64) -> i64 {
        let end = self.written_end.filter(|_| self.pending.is_empty());
        end.map_or(0, |end| dts - end)
    }

    /// What comes next does not continue the last chunk.
    pub(super) fn forget_end(&mut self) {
        self.written_end = None;
    }

    /// Ends the chunk. `next` is the decode time of the sample after it, where known.
    pub(super) fn close(&mut self, next: Option<i64>) -> Option<Chunk> {
        let last = self.pending.last()?;
        let base = self.next_base()?.max(0);
        let end = next.unwrap_or(last.dts + last.duration.unwrap_or(self.nominal));
        let mut decode: Vec<i64> = self.pending.iter().map(|s| s.dts).collect();
        decode[0] = base;
        decode.push(end);
        // A prediction that overshot shortens the next samples; a duration is never under a tick.
        for i in 1..decode.len() {
            decode[i] = decode[i].max(decode[i - 1] + 1);
        }
        let samples: Vec<ChunkSample<'_>> = self
            .pending
            .iter()
            .enumerate()
            .map(|(i, s)| ChunkSample {
                duration: u32::try_from(decode[i + 1] - decode[i]).unwrap_or(u32::MAX),
                composition_offset: clamp_i32(s.pts - decode[i]),
                sync: s.sync,
                data: &s.data,
            })
            .collect();
        let number = sequence_number(MediaTime::new(base, self.timescale));
        let bytes = self
            .passed_through(base, &samples)
            .unwrap_or_else(|| chunk(number, base.unsigned_abs(), &samples));
        let closed = Chunk {
            start: base,
            duration: decode[decode.len() - 1] - base,
            sync: self.pending[0].sync,
            ends_part: None,
            bytes,
        };
        self.written_end = Some(closed.end());
        self.pending.clear();
        Some(closed)
    }

    /// The chunk as its source wrote it, where it has exactly these samples at these times.
    fn passed_through(&self, base: i64, samples: &[ChunkSample<'_>]) -> Option<Bytes> {
        let theirs = &self.pending.first()?.origin.as_ref()?.chunk;
        let in_order = self.pending.iter().zip(0..).all(|(sample, place)| {
            let origin = sample.origin.as_ref();
            origin.is_some_and(|o| o.place == place && Arc::ptr_eq(&o.chunk, theirs))
        });
        let ours = samples.iter().map(|s| (s.duration, s.composition_offset, s.sync));
        let same = theirs.decode_time == base && ours.eq(theirs.samples.iter().copied());
        (in_order && same).then(|| theirs.bytes.clone())
    }
}

fn clamp_i32(value: i64) -> i32 {
    i32::try_from(value).unwrap_or(if value < 0 { i32::MIN } else { i32::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::SourceChunk;

    fn sample(dts: i64) -> Timed {
        let data = Bytes::from_static(b"x");
        Timed { dts, pts: dts, duration: None, sync: false, data, origin: None }
    }

    #[test]
    fn a_chunk_that_comes_out_as_it_came_in_is_the_sources_own() {
        let bytes = Bytes::from_static(b"as its source wrote it");
        let samples = vec![(40, 0, true), (40, 40, false)];
        let theirs = Arc::new(SourceChunk { bytes: bytes.clone(), decode_time: 1000, samples });
        let build = |begins: i64, next: i64, places: &[usize]| {
            let mut builder = ChunkBuilder::new(Timescale::MILLIS, 40);
            for (at, place) in (0..).zip(places) {
                let dts = begins + at * 40;
                let origin = Some(Origin { chunk: Arc::clone(&theirs), place: *place });
                let sync = at == 0;
                builder.push(Timed { pts: dts + at * 40, sync, origin, ..sample(dts) });
            }
            builder.close(Some(next)).expect("samples").bytes == bytes
        };
        assert!(build(1000, 1080, &[0, 1]));
        assert!(!build(2000, 2080, &[0, 1]), "at another time");
        assert!(!build(1000, 1079, &[0, 1]), "another duration");
        assert!(!build(1000, 1040, &[0]), "not all of it");
        assert!(!build(1000, 1080, &[0, 0]), "not in order");
    }

    #[test]
    fn the_error_of_a_predicted_duration_goes_into_the_next_sample() {
        // 800 ticks a second, frames nominally 32 ticks; the second one comes 3 ticks late.
        let mut builder = ChunkBuilder::new(Timescale::new(800).expect("not zero"), 32);
        builder.push(sample(1000));
        let first = builder.close(None).expect("one sample");
        assert_eq!((first.start, first.duration), (1000, 32));
        builder.push(sample(1035));
        builder.push(sample(1064));
        let second = builder.close(None).expect("two samples");
        // 1032 → 1064 → 1096: the first of the two is 32 long although its source began at 1035.
        assert_eq!((second.start, second.duration), (1032, 64));
    }

    #[test]
    fn a_known_next_sample_gives_the_exact_duration() {
        let mut builder = ChunkBuilder::new(Timescale::MILLIS, 33);
        builder.push(sample(10));
        assert_eq!(builder.close(Some(50)).expect("one sample").duration, 40);
        assert!(builder.close(Some(50)).is_none());
    }

    #[test]
    fn a_duration_is_never_under_a_tick() {
        let mut builder = ChunkBuilder::new(Timescale::MILLIS, 33);
        builder.push(sample(10));
        builder.close(None);
        builder.push(sample(20));
        // Predicted up to 43, the next but one comes at 30.
        let chunk = builder.close(Some(30)).expect("one sample");
        assert_eq!((chunk.start, chunk.duration), (43, 1));
    }
}
