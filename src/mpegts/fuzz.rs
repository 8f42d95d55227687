//! The bodies of the fuzz targets; also driven by the tests over mutated fixtures.

use super::ac3::UNIT_MAX;
use super::pes::{Elementary, Pes, PesFault, Times};
use super::{Demuxer, DemuxerLimits, Event};
use crate::media::VariantName;

/// Feeds any bytes to a small demultiplexer, in two bodies and in pieces that the bytes choose.
///
/// # Panics
/// Where a limit does not hold, which no input may bring about.
#[doc(hidden)]
pub fn fuzz_demuxer(data: &[u8]) {
    let limits = DemuxerLimits { pes_bytes: 20_000, programs: 3, streams: 4 };
    // Each stream: a frame; three times 65 parameter sets; two audio frames, and an access unit or
    // four frames looked into; a header.
    let audio = 2 * 8192 + UNIT_MAX;
    let held_max = limits.streams * (limits.pes_bytes + 195 * 4096 + audio + 300) + 5 * 1300;
    let mut demuxer = Demuxer::new(VariantName::default(), limits);
    let piece = 1 + usize::from(data.first().copied().unwrap_or(0)) * 7;
    let (first, second) = data.split_at(data.len() / 2);
    for body in [first, second] {
        for bytes in body.chunks(piece) {
            demuxer.push(bytes);
            assert!(demuxer.held_bytes() <= held_max, "{} bytes held", demuxer.held_bytes());
            while let Some(event) = demuxer.poll_event() {
                if let Event::Sample(_, sample) = event {
                    let longest = limits.pes_bytes.max(UNIT_MAX);
                    assert!(!sample.data.is_empty() && sample.data.len() <= longest);
                }
            }
        }
        demuxer.end_of_body();
    }
}

/// What a PES packet's bytes were taken for.
#[derive(Debug, Default)]
struct Taken {
    fed: usize,
    begun: usize,
    ended: usize,
}

impl Elementary for Taken {
    fn begin(&mut self, times: Times) {
        let bits = |time: Option<u64>| time.is_none_or(|time| time < 1 << 33);
        assert!(bits(times.pts) && bits(times.dts), "{times:?} has more than 33 bits");
        self.begun += 1;
    }

    fn feed(&mut self, bytes: &[u8]) {
        self.fed += bytes.len();
    }

    fn end(&mut self) {
        self.ended += 1;
        assert!(self.ended <= self.begun, "what ends has begun");
    }

    fn damaged(&mut self) {}

    fn fault(&mut self, _: PesFault) {}
}

/// Feeds any bytes to one PID's PES packets: each piece begins with a byte that says how long it is
/// and whether a packet begins, ends or is lost there.
///
/// # Panics
/// Where more comes out than went in, which no input may bring about.
#[doc(hidden)]
pub fn fuzz_pes(data: &[u8]) {
    let (mut pes, mut taken, mut pushed) = (Pes::default(), Taken::default(), 0);
    let mut rest = data;
    while let Some((control, after)) = rest.split_first() {
        let (piece, after) = after.split_at(after.len().min(usize::from(control & 0x3f) * 3));
        match control >> 6 {
            0 => pes.end_of_body(&mut taken),
            1 => pes.damage(&mut taken),
            start => pes.push(piece, start == 3, &mut taken),
        }
        pushed += piece.len();
        assert!(pes.held_bytes() <= 9 + 255, "a header at most: {}", pes.held_bytes());
        assert!(taken.fed <= pushed, "{} of {pushed} bytes", taken.fed);
        rest = after;
    }
    pes.end_of_body(&mut taken);
}
