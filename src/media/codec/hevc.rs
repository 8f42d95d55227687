//! HEVC: NAL units, parameter sets and `HEVCDecoderConfigurationRecord` (ITU-T H.265,
//! ISO/IEC 14496-15 §8.3.3).

mod sets;

use std::fmt::Write;

use bytes::{BufMut, Bytes, BytesMut};
use thiserror::Error;

use super::{Colour, Picture};

/// NAL unit types this origin looks at (ITU-T H.265 table 7-1).
pub mod nal {
    /// Leading pictures that may refer to pictures before their random access point: RASL_N, RASL_R.
    pub const RASL: std::ops::RangeInclusive<u8> = 8..=9;
    /// Slice segments of pictures.
    pub const SLICES: std::ops::RangeInclusive<u8> = 0..=31;
    /// Slice segments of pictures at which decoding can begin: BLA, IDR, CRA.
    pub const IRAP: std::ops::RangeInclusive<u8> = 16..=23;
    /// A random access point whose leading pictures can be decoded if what is before it was.
    pub const CRA: u8 = 21;
    /// Video parameter set.
    pub const VPS: u8 = 32;
    /// Sequence parameter set.
    pub const SPS: u8 = 33;
    /// Picture parameter set.
    pub const PPS: u8 = 34;
    /// Access unit delimiter.
    pub const AUD: u8 = 35;
    /// Filler.
    pub const FILLER: u8 = 38;
    /// Supplemental enhancement information that stands before its picture.
    pub const PREFIX_SEI: u8 = 39;
}

/// Bytes of the record before its arrays.
const RECORD_FIXED: usize = 23;
/// Bytes of a NAL unit header.
const NAL_HEADER: usize = 2;

/// Settings of an HEVC track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HevcConfig {
    /// The picture: of the sequence parameter set where the record has one, else of the sample entry.
    pub picture: Picture,
    /// Whether samples may hold parameter sets (`hev1`) or none do (`hvc1`).
    pub in_band: bool,
    /// `HEVCDecoderConfigurationRecord`; at least its 23 fixed bytes, 4-byte NAL unit lengths.
    record: Bytes,
}

/// Why HEVC settings cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HevcError {
    /// Another version of the record.
    #[error("hvcC has configurationVersion {0}; 1 is supported")]
    Version(u8),
    /// NAL units with lengths of another size.
    #[error("HEVC NAL unit lengths have {0} bytes; 4 are supported")]
    LengthSize(u8),
    /// The record ends before its arrays do.
    #[error("hvcC is cut short")]
    Short,
    /// A parameter set too long for the record's lengths, or too many of them.
    #[error("HEVC parameter sets do not fit into hvcC")]
    Sets,
    /// The picture is empty or larger than 16 bits can say.
    #[error("an HEVC picture of {0}x{1} is not supported")]
    Size(u32, u32),
    /// The sequence parameter set does not parse.
    #[error("the HEVC sequence parameter set is broken")]
    Sps,
}

impl HevcConfig {
    /// Settings from NAL units as a byte stream carries them, headers included: the record is made
    /// of them, with all arrays complete.
    ///
    /// # Errors
    /// What is wrong with the parameter sets.
    pub fn from_sets(vps: &[Bytes], sps: &Bytes, pps: &[Bytes]) -> Result<Self, HevcError> {
        let read = sets::Sps::parse(sps).ok_or(HevcError::Sps)?;
        let mut picture = picture_of(&read)?;
        picture.frame_rate = frame_rate(&read, vps);
        let mut record = BytesMut::with_capacity(256);
        record.put_u8(1);
        record.put_slice(&read.profile_tier_level);
        record.put_u16(0xf000); // min_spatial_segmentation_idc: not told
        record.put_u8(0xfc); // parallelismType: not told
        record.put_u8(0xfc | read.chroma_format & 3);
        record.put_u8(0xf8 | read.bit_depths.0 & 7);
        record.put_u8(0xf8 | read.bit_depths.1 & 7);
        record.put_u16(0); // avgFrameRate: not told
        let (layers, nested) = (read.sub_layers & 7, u8::from(read.nested));
        record.put_u8(layers << 3 | nested << 2 | 3); // 4-byte lengths
        record.put_u8(3);
        for (kind, units) in
            [(nal::VPS, vps), (nal::SPS, std::slice::from_ref(sps)), (nal::PPS, pps)]
        {
            record.put_u8(0x80 | kind);
            record.put_u16(u16::try_from(units.len()).map_err(|_| HevcError::Sets)?);
            for unit in units {
                record.put_u16(u16::try_from(unit.len()).map_err(|_| HevcError::Sets)?);
                record.put_slice(unit);
            }
        }
        Ok(HevcConfig { picture, in_band: false, record: record.freeze() })
    }

    /// Settings from the record in an ISO file, and the size that its sample entry gives.
    ///
    /// # Errors
    /// What is wrong with the record or its sequence parameter set.
    pub fn from_record(
        record: Bytes,
        in_band: bool,
        (width, height): (u16, u16),
    ) -> Result<Self, HevcError> {
        let fixed: &[u8; RECORD_FIXED] = record.first_chunk().ok_or(HevcError::Short)?;
        if fixed[0] != 1 {
            return Err(HevcError::Version(fixed[0]));
        }
        let length_size = (fixed[21] & 3) + 1;
        if length_size != 4 {
            return Err(HevcError::LengthSize(length_size));
        }
        let units = units_of(&record).ok_or(HevcError::Short)?;
        let of = |kind| units.iter().filter(move |(k, _)| *k == kind).map(|(_, unit)| *unit);
        let picture = match of(nal::SPS).next() {
            Some(unit) => {
                let sps = sets::Sps::parse(unit).ok_or(HevcError::Sps)?;
                let vps: Vec<&[u8]> = of(nal::VPS).collect();
                Picture { frame_rate: frame_rate(&sps, &vps), ..picture_of(&sps)? }
            }
            None if width == 0 || height == 0 => {
                return Err(HevcError::Size(u32::from(width), u32::from(height)));
            }
            None => Picture::of_size(width, height),
        };
        Ok(HevcConfig { picture, in_band, record })
    }

    /// `HEVCDecoderConfigurationRecord`.
    #[must_use]
    pub fn record(&self) -> &Bytes {
        &self.record
    }

    /// The parameter sets of the record as NAL units, headers included: VPS, SPS, PPS and SEI in
    /// the order of its arrays.
    pub fn parameter_sets(&self) -> impl Iterator<Item = &[u8]> {
        units_of(&self.record).unwrap_or_default().into_iter().map(|(_, unit)| unit)
    }

    /// How many pictures may come before one that is shown earlier, by the sequence parameter set;
    /// the most there may be where the record has none.
    #[must_use]
    pub fn reorder_frames(&self) -> u32 {
        let units = units_of(&self.record).unwrap_or_default();
        let sps = units.iter().find(|(kind, _)| *kind == nal::SPS);
        let read = sps.and_then(|(_, unit)| sets::Sps::parse(unit));
        read.map_or(REORDER_MAX, |sps| sps.reorder.min(REORDER_MAX))
    }

    /// `hvc1.1.6.L93.B0` and the like (ISO/IEC 14496-15 annex E.3): profile space and profile, its
    /// compatibility flags in reversed order, tier and level, constraint bytes without trailing
    /// zeros.
    #[must_use]
    pub fn rfc6381(&self) -> String {
        let byte = |at: usize| self.record.get(at).copied().unwrap_or(0);
        let profile = byte(1);
        let space = ["", "A", "B", "C"][usize::from(profile >> 6)];
        let flags = u32::from_be_bytes([byte(2), byte(3), byte(4), byte(5)]).reverse_bits();
        let tier = if profile & 0x20 == 0 { 'L' } else { 'H' };
        let entry = if self.in_band { "hev1" } else { "hvc1" };
        let mut text = format!("{entry}.{space}{}.{flags:X}.{tier}{}", profile & 0x1f, byte(12));
        let constraints: Vec<u8> = (6..12).map(byte).collect();
        let used = constraints.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        for constraint in &constraints[..used] {
            let _ = write!(text, ".{constraint:X}");
        }
        text
    }
}

/// Pictures a decoded picture buffer holds at most, less the current one (A.4.2).
const REORDER_MAX: u32 = 15;

fn picture_of(sps: &sets::Sps) -> Result<Picture, HevcError> {
    let (width, height) = sps.size;
    let (Ok(w @ 1..), Ok(h @ 1..)) = (u16::try_from(width), u16::try_from(height)) else {
        return Err(HevcError::Size(width, height));
    };
    let pixel_aspect = sps.pixel_aspect.unwrap_or((1, 1));
    let colour = sps.colour.map(|(primaries, transfer, matrix)| Colour {
        primaries: u16::from(primaries),
        transfer: u16::from(transfer),
        matrix: u16::from(matrix),
        full_range: sps.full_range,
    });
    Ok(Picture { pixel_aspect, colour, ..Picture::of_size(w, h) })
}

/// Pictures a second: a tick of the clock is one picture (ITU-T H.265 E.3.1), which the sequence
/// parameter set tells or, for all layers, the video parameter set.
fn frame_rate<T: AsRef<[u8]>>(sps: &sets::Sps, vps: &[T]) -> Option<crate::units::FrameRate> {
    let of_vps = || vps.iter().find_map(|unit| sets::vps_timing(unit.as_ref()));
    let (ticks, scale) = sps.timing.or_else(of_vps)?;
    super::plausible_rate(scale, ticks)
}

/// The NAL units of a record's arrays with the types the arrays give, or `None` where they end early.
fn units_of(record: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let (count, mut rest) = record.get(RECORD_FIXED - 1..)?.split_first()?;
    let mut units = Vec::new();
    for _ in 0..*count {
        let ([kind, high, low], after) = rest.split_first_chunk::<3>()?;
        rest = after;
        for _ in 0..u16::from_be_bytes([*high, *low]) {
            let (length, after) = rest.split_first_chunk::<2>()?;
            let (unit, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
            units.push((kind & 0x3f, unit));
            rest = after;
        }
    }
    Some(units)
}

/// Type of a NAL unit; `None` for one that is shorter than its header.
#[must_use]
pub fn unit_type(unit: &[u8]) -> Option<u8> {
    (unit.len() >= NAL_HEADER).then(|| unit[0] >> 1 & 0x3f)
}

/// `nuh_layer_id`: 0 is the base layer, the only one carried.
#[must_use]
pub fn unit_layer(unit: &[u8]) -> u8 {
    let [first, second, ..] = *unit else { return 0 };
    (first & 1) << 5 | second >> 3
}

/// `first_slice_segment_in_pic_flag` of a slice segment.
#[must_use]
pub fn begins_picture(unit: &[u8]) -> bool {
    unit.get(NAL_HEADER).is_some_and(|first| first & 0x80 != 0)
}

/// `sps_seq_parameter_set_id` and the like: what tells sets of one type apart.
#[must_use]
pub fn set_id(unit: &[u8]) -> Option<u32> {
    sets::id(unit)
}

#[cfg(test)]
mod tests;
