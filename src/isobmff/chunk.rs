//! One CMAF chunk: moof + mdat (ISO/IEC 23000-19 §7.3.2.3, ISO/IEC 14496-12 §8.8).
//!
//! `styp`, `prft` and `emsg` are prefixes of a response's body and never part of the stored chunk.

use bytes::{BufMut, Bytes, BytesMut};

use super::init::TRACK_ID;
use super::write::length32;
use crate::units::{MediaDuration, MediaTime};

/// The `styp` that may precede a segment: a CMAF segment that is also a DASH media segment.
///
/// `msix` is not claimed, for it promises a `sidx` (ISO/IEC 23009-1 §6.3.4.3), nor is `cmff`, for
/// a segment may hold several fragments (ISO/IEC 23000-19 §7.2).
pub const SEGMENT_TYPE: &[u8] = b"\0\0\0\x18stypcmfs\0\0\0\0cmfsmsdh";

/// `sample_depends_on` 2: an I picture, or any audio frame (ISO/IEC 14496-12 §8.8.3.1).
const FLAGS_SYNC: u32 = 0x0200_0000;
/// `sample_depends_on` 1 and `sample_is_non_sync_sample`.
const FLAGS_NOT_SYNC: u32 = 0x0101_0000;

const HEADER: usize = 8;
const MFHD: usize = HEADER + 8;
const TFHD: usize = HEADER + 8;
const TFDT: usize = HEADER + 12;
const TRUN: usize = HEADER + 12;

/// `mfhd.sequence_number` of a chunk that begins at `at`: hundredths of a second since the epoch,
/// modulo 2^32. A function of media time, so that two origins agree; it wraps after 497 days.
#[must_use]
pub fn sequence_number(at: MediaTime) -> u32 {
    let hundredths = at.since_epoch().div_floor(MediaDuration::from_millis(10));
    hundredths.unsigned_abs() as u32
}

/// One sample of a chunk, its times in the track's timescale.
#[derive(Clone, Copy, Debug)]
pub struct ChunkSample<'a> {
    /// Ticks to the next sample's decode time.
    pub duration: u32,
    /// Ticks from decode to presentation time; may be negative (`trun` version 1).
    pub composition_offset: i32,
    /// Whether decoding can begin here.
    pub sync: bool,
    /// The coded frame.
    pub data: &'a Bytes,
}

fn flags_of(sample: &ChunkSample<'_>) -> u32 {
    if sample.sync { FLAGS_SYNC } else { FLAGS_NOT_SYNC }
}

/// Writes `samples` as one moof + mdat whose first decode time is `base_decode_time` ticks.
///
/// What all samples agree in stands once in `tfhd`, what they differ in stands in `trun`. The same
/// arguments give the same bytes.
///
/// # Panics
/// If the chunk would take 4 GiB: its box sizes have 32 bits, and the packager's limits end a chunk
/// long before.
#[must_use]
pub fn chunk(sequence_number: u32, base_decode_time: u64, samples: &[ChunkSample<'_>]) -> Bytes {
    let layout = Layout::of(samples);
    let payload: usize = samples.iter().map(|sample| sample.data.len()).sum();
    let total = layout.moof + HEADER + payload;
    length32(total);
    let mut out = BytesMut::with_capacity(total);
    put_header(&mut out, layout.moof, *b"moof");
    put_header(&mut out, MFHD, *b"mfhd");
    out.put_u32(0);
    out.put_u32(sequence_number);
    put_header(&mut out, layout.traf, *b"traf");
    layout.put_fragment_header(&mut out);
    put_header(&mut out, TFDT, *b"tfdt");
    out.put_u32(1 << 24);
    out.put_u64(base_decode_time);
    layout.put_run(&mut out, samples);
    put_header(&mut out, HEADER + payload, *b"mdat");
    for sample in samples {
        out.put_slice(sample.data);
    }
    debug_assert_eq!(out.len(), total, "I2: a chunk is exactly its boxes");
    out.freeze()
}

fn put_header(out: &mut BytesMut, size: usize, kind: [u8; 4]) {
    out.put_u32(length32(size));
    out.put_slice(&kind);
}

/// Which fields stand where, and so how long the boxes are.
struct Layout {
    /// Stand in `tfhd` where all samples agree, else in each row of `trun`.
    duration: Option<u32>,
    size: Option<u32>,
    flags: Option<u32>,
    /// The first sample's, where it alone differs.
    first_flags: Option<u32>,
    /// Whether any sample has a composition offset.
    offsets: bool,
    trun: usize,
    traf: usize,
    moof: usize,
}

impl Layout {
    fn of(samples: &[ChunkSample<'_>]) -> Self {
        let duration = agreed(samples, |sample| sample.duration);
        let size = agreed(samples, |sample| length32(sample.data.len()));
        let mut flags = agreed(samples, flags_of);
        let mut first_flags = None;
        if let (None, [first, rest @ ..]) = (flags, samples) {
            flags = agreed(rest, flags_of);
            first_flags = flags.map(|_| flags_of(first));
        }
        let offsets = samples.iter().any(|sample| sample.composition_offset != 0);
        let columns = [duration.is_none(), size.is_none(), flags.is_none(), offsets];
        let row = 4 * columns.iter().filter(|column| **column).count();
        let defaults = [duration.is_some(), size.is_some(), flags.is_some()];
        let defaults = defaults.iter().filter(|default| **default).count();
        let trun = TRUN + 4 * usize::from(first_flags.is_some()) + row * samples.len();
        let traf = HEADER + TFHD + 4 * defaults + TFDT + trun;
        let moof = HEADER + MFHD + traf;
        Layout { duration, size, flags, first_flags, offsets, trun, traf, moof }
    }

    /// `tfhd` (ISO/IEC 14496-12 §8.8.7).
    fn put_fragment_header(&self, out: &mut BytesMut) {
        let fields = [(self.duration, 0x08), (self.size, 0x10), (self.flags, 0x20)];
        let present = fields.iter().filter(|(value, _)| value.is_some());
        let flags = present.clone().fold(0x02_0000, |all, (_, flag)| all | flag);
        put_header(out, TFHD + 4 * present.count(), *b"tfhd");
        out.put_u32(flags); // 0x020000: default-base-is-moof
        out.put_u32(TRACK_ID);
        for value in fields.iter().filter_map(|(value, _)| *value) {
            out.put_u32(value);
        }
    }

    /// `trun` version 1 (ISO/IEC 14496-12 §8.8.8).
    fn put_run(&self, out: &mut BytesMut, samples: &[ChunkSample<'_>]) {
        let fields = [
            (self.first_flags.is_some(), 0x004),
            (self.duration.is_none(), 0x100),
            (self.size.is_none(), 0x200),
            (self.flags.is_none(), 0x400),
            (self.offsets, 0x800),
        ];
        let present = fields.iter().filter(|(present, _)| *present);
        let flags = present.fold(0x001, |all, (_, flag)| all | flag);
        put_header(out, self.trun, *b"trun");
        out.put_u32(1 << 24 | flags); // 0x001: data_offset
        out.put_u32(length32(samples.len()));
        out.put_u32(length32(self.moof + HEADER));
        if let Some(first) = self.first_flags {
            out.put_u32(first);
        }
        for sample in samples {
            if self.duration.is_none() {
                out.put_u32(sample.duration);
            }
            if self.size.is_none() {
                out.put_u32(length32(sample.data.len()));
            }
            if self.flags.is_none() {
                out.put_u32(flags_of(sample));
            }
            if self.offsets {
                out.put_i32(sample.composition_offset);
            }
        }
    }
}

/// The value all samples have, if there is one.
fn agreed(samples: &[ChunkSample<'_>], of: impl Fn(&ChunkSample<'_>) -> u32) -> Option<u32> {
    let (first, rest) = samples.split_first()?;
    let value = of(first);
    rest.iter().all(|sample| of(sample) == value).then_some(value)
}
