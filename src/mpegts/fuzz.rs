//! The body of the fuzz target; also driven by the tests over mutated fixtures.

use super::ac3::UNIT_MAX;
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
