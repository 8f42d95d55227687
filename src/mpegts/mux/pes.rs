//! Headers of PES packets written (ISO/IEC 13818-1 §2.4.3.6).

use super::{Elementary, Unit};

/// Longest header: both times.
const HEADER_MAX: usize = 19;

/// A time as it is written: modulo 2^33.
pub(super) fn wrapped(time: i64) -> u64 {
    time.rem_euclid(1 << 33).unsigned_abs()
}

/// Bytes of a unit's header: the decode time stands there where it is not the presentation time.
pub(super) fn header_length(unit: &Unit) -> usize {
    if unit.dts == unit.pts { HEADER_MAX - 5 } else { HEADER_MAX }
}

/// The header of a unit's PES packet.
pub(super) fn header(stream: &Elementary, unit: &Unit) -> Vec<u8> {
    let length = header_length(unit);
    let both = length == HEADER_MAX;
    let whole = length - 6 + unit.length();
    // 0 leaves the length open, as it may be for video alone (§2.4.3.7).
    let declared = if stream.sized { u16::try_from(whole).unwrap_or(0) } else { 0 };
    let mut out = Vec::with_capacity(length);
    out.extend([0, 0, 1, stream.stream_id]);
    out.extend(declared.to_be_bytes());
    // data_alignment_indicator: an access unit begins with the packet.
    out.extend([0x84, if both { 0xc0 } else { 0x80 }, (length - 9) as u8]);
    put_time(&mut out, if both { 3 } else { 2 }, unit.pts);
    if both {
        put_time(&mut out, 1, unit.dts);
    }
    out
}

fn put_time(out: &mut Vec<u8>, prefix: u8, time: i64) {
    let time = wrapped(time);
    let bits = |shift: u32, mask: u64| (time >> shift & mask) as u8;
    out.extend([
        prefix << 4 | bits(30, 7) << 1 | 1,
        bits(22, 0xff),
        bits(15, 0x7f) << 1 | 1,
        bits(7, 0xff),
        bits(0, 0x7f) << 1 | 1,
    ]);
}
