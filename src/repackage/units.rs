//! Chunks into access units of one 90-kHz clock, in the order they are sent.

use bytes::Bytes;

use super::framing::Framing;
use super::recipe::Stretch;
use crate::isobmff::{SampleDefaults, Strictness, parse_chunk, parse_init};
use crate::mpegts::mux::{self, Unit};
use crate::packager::{Chunk, PeriodTrack};
use crate::units::{MediaTime, Timescale};

/// One track of the programme.
#[derive(Debug)]
pub(super) struct Source<'a> {
    /// Its place among the recipe's tracks.
    index: usize,
    track: &'a PeriodTrack,
    pub(super) framing: Framing,
    defaults: SampleDefaults,
}

impl<'a> Source<'a> {
    pub(super) fn new(index: usize, track: &'a PeriodTrack, framing: Framing) -> Self {
        let init = parse_init(&track.init, Strictness::Tolerant);
        let defaults = init.map(|init| init.defaults).unwrap_or_default();
        Source { index, track, framing, defaults }
    }

    /// A time of its chunks in 90 kHz, each rounded once.
    fn ticks(&self, time: i64) -> i64 {
        MediaTime::new(time, self.track.timescale).rescale(Timescale::NINETY_KHZ).ticks()
    }

    /// The units of its chunks in decode order.
    fn units(&self, stream: usize, chunks: &[std::sync::Arc<Chunk>]) -> Vec<Unit> {
        let mut units = Vec::new();
        for chunk in chunks {
            self.read(stream, chunk, &mut units);
        }
        // Decode times rise and none is after its presentation time, whatever the source says.
        let mut latest = i64::MAX;
        for unit in units.iter_mut().rev() {
            unit.dts = (unit.at - self.framing.reorder).min(unit.pts).min(latest);
            latest = unit.dts - 1;
        }
        units
    }

    fn read(&self, stream: usize, chunk: &Chunk, units: &mut Vec<Unit>) {
        // What the packager stores reads back; a chunk that did not would have no frames.
        let Ok(parsed) = parse_chunk(&chunk.bytes, &self.defaults, Strictness::Tolerant) else {
            return;
        };
        let mut decode = chunk.start;
        for sample in &parsed.samples {
            let data: Bytes = chunk.bytes.slice(sample.data.clone());
            let at = self.ticks(decode);
            // Where decoding can begin, and once a part: shaka-player reads the settings of each.
            let told = sample.sync() || units.is_empty();
            units.push(Unit {
                stream,
                at,
                dts: at,
                pts: self.ticks(decode + i64::from(sample.composition_offset)),
                // Each frame of audio alone is one: only the stream with the clock says so.
                random_access: stream == 0 && sample.sync(),
                payload: self.framing.payload(&data, told),
            });
            decode += i64::from(sample.duration);
        }
    }

    /// When its chunks begin and end.
    fn span(&self, chunks: &[std::sync::Arc<Chunk>]) -> Option<(i64, i64)> {
        Some((self.ticks(chunks.first()?.start), self.ticks(chunks.last()?.end())))
    }
}

/// What the muxer is to send for a stretch.
pub(super) fn stretch(sources: &[Source<'_>], stretch: &Stretch) -> mux::Stretch {
    let chunks =
        |source: &Source<'_>| stretch.chunks.get(source.index).map_or(&[][..], Vec::as_slice);
    let mut units: Vec<Unit> = sources
        .iter()
        .enumerate()
        .flat_map(|(stream, source)| source.units(stream, chunks(source)))
        .collect();
    units.sort_by_key(|unit| (unit.at, unit.stream));
    let mut spans = sources.iter().filter_map(|source| source.span(chunks(source)));
    // The leading track's, which has chunks in every stretch.
    let span = spans.next().unwrap_or_default();
    mux::Stretch { units, span, last: stretch.last }
}
