//! The fields of HEVC parameter sets that an origin needs (ITU-T H.265 §7.3.2, annex E).
//!
//! Everything up to the VUI's timing has to be read to get there. Sets are hostile input: every
//! count has its bound from §7.4.3, sums are checked, and what ends early gives nothing.

use super::super::bits::{Bits, rbsp};
use super::{NAL_HEADER, nal, unit_type};

/// Most entries of a reference picture set (§7.4.8: below the size of the decoded picture buffer).
const REFERENCES_MAX: usize = 16;
/// `aspect_ratio_idc` 1 to 16 (table E.1).
const PIXEL_ASPECTS: [(u16, u16); 16] = [
    (1, 1),
    (12, 11),
    (10, 11),
    (16, 11),
    (40, 33),
    (24, 11),
    (20, 11),
    (32, 11),
    (80, 33),
    (18, 11),
    (15, 11),
    (64, 33),
    (160, 99),
    (4, 3),
    (3, 2),
    (2, 1),
];
/// `aspect_ratio_idc` that two numbers follow.
const EXTENDED_SAR: u8 = 255;

/// A sequence parameter set, read as far as its timing.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sps {
    /// Profile, compatibility flags, constraint flags and level as they stand in both the set and
    /// the configuration record.
    pub(super) profile_tier_level: [u8; 12],
    pub(super) sub_layers: u8,
    pub(super) nested: bool,
    pub(super) chroma_format: u8,
    /// Luma and chroma, less 8.
    pub(super) bit_depths: (u8, u8),
    /// Width and height inside the conformance window.
    pub(super) size: (u32, u32),
    pub(super) pixel_aspect: Option<(u16, u16)>,
    /// Colour primaries, transfer characteristics, matrix coefficients.
    pub(super) colour: Option<(u8, u8, u8)>,
    pub(super) full_range: bool,
    /// `num_units_in_tick`, `time_scale`.
    pub(super) timing: Option<(u32, u32)>,
    /// `sps_max_num_reorder_pics` of the highest sub-layer.
    pub(super) reorder: u32,
}

impl Sps {
    /// Reads a sequence parameter set NAL unit, header included.
    pub(super) fn parse(unit: &[u8]) -> Option<Self> {
        if unit_type(unit)? != nal::SPS {
            return None;
        }
        let bytes = rbsp(unit)?;
        let profile_tier_level = *bytes.get(NAL_HEADER..)?.first_chunk()?;
        let mut bits = Bits::new(bytes.get(NAL_HEADER - 1..)?);
        bits.skip(4)?; // sps_video_parameter_set_id
        let sub_layers = bits.byte(3)?;
        let nested = bits.flag()?;
        profile_tier_level_skipped(&mut bits, sub_layers)?;
        bits.exp_golomb_to(15)?; // sps_seq_parameter_set_id
        let chroma_format = bits.exp_golomb_to(3)?;
        if chroma_format == 3 {
            bits.skip(1)?; // separate_colour_plane_flag
        }
        let size = cropped(&mut bits, chroma_format)?;
        let bit_depths = (bits.exp_golomb_to(7)? as u8, bits.exp_golomb_to(7)? as u8);
        let poc_bits = bits.exp_golomb_to(12)? + 4;
        let reorder = ordering(&mut bits, sub_layers)?;
        coding_tools_skipped(&mut bits)?;
        reference_sets_skipped(&mut bits)?;
        if bits.flag()? {
            for _ in 0..bits.exp_golomb_to(32)? {
                bits.skip(poc_bits + 1)?; // long-term reference pictures
            }
        }
        bits.skip(2)?; // temporal motion vectors, strong intra smoothing
        let mut sps = Sps {
            profile_tier_level,
            sub_layers: sub_layers + 1,
            nested,
            chroma_format: chroma_format as u8,
            bit_depths,
            size,
            pixel_aspect: None,
            colour: None,
            full_range: false,
            timing: None,
            reorder,
        };
        if bits.flag()? {
            sps.vui(&mut bits)?;
        }
        Some(sps)
    }

    /// `vui_parameters` up to the timing (E.2.1).
    fn vui(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        if bits.flag()? {
            let aspect = match bits.byte(8)? {
                EXTENDED_SAR => Some((bits.number(16)? as u16, bits.number(16)? as u16)),
                idc => PIXEL_ASPECTS.get(usize::from(idc).wrapping_sub(1)).copied(),
            };
            self.pixel_aspect = aspect.filter(|(x, y)| *x > 0 && *y > 0);
        }
        if bits.flag()? {
            bits.skip(1)?; // overscan
        }
        if bits.flag()? {
            bits.skip(3)?; // video_format
            self.full_range = bits.flag()?;
            if bits.flag()? {
                self.colour = Some((bits.byte(8)?, bits.byte(8)?, bits.byte(8)?));
            }
        }
        if bits.flag()? {
            bits.exp_golomb()?; // positions of chroma samples
            bits.exp_golomb()?;
        }
        bits.skip(3)?; // neutral chroma, fields, frame and field information
        if bits.flag()? {
            for _ in 0..4 {
                bits.exp_golomb()?; // default display window
            }
        }
        if bits.flag()? {
            self.timing = Some((bits.number(32)?, bits.number(32)?));
        }
        Some(())
    }
}

/// `num_units_in_tick` and `time_scale` of a video parameter set (§7.3.2.1).
pub(super) fn vps_timing(unit: &[u8]) -> Option<(u32, u32)> {
    if unit_type(unit)? != nal::VPS {
        return None;
    }
    let bytes = rbsp(unit)?;
    let mut bits = Bits::new(bytes.get(NAL_HEADER - 1..)?);
    bits.skip(12)?; // its number, base layer flags, layers
    let sub_layers = bits.byte(3)?;
    bits.skip(1 + 16)?;
    profile_tier_level_skipped(&mut bits, sub_layers)?;
    ordering(&mut bits, sub_layers)?;
    let layer_max = bits.number(6)?;
    for _ in 0..bits.exp_golomb_to(1023)? {
        bits.skip(layer_max + 1)?; // layer_id_included_flag
    }
    if !bits.flag()? {
        return None;
    }
    Some((bits.number(32)?, bits.number(32)?))
}

/// The number of a VPS, SPS or PPS among its like.
pub(super) fn id(unit: &[u8]) -> Option<u32> {
    let bytes = rbsp(unit)?;
    let mut bits = Bits::new(bytes.get(NAL_HEADER - 1..)?);
    match unit_type(unit)? {
        nal::VPS => bits.number(4),
        nal::SPS => {
            bits.skip(4)?;
            let sub_layers = bits.byte(3)?;
            bits.skip(1)?;
            profile_tier_level_skipped(&mut bits, sub_layers)?;
            bits.exp_golomb()
        }
        nal::PPS => bits.exp_golomb(),
        _ => None,
    }
}

/// `profile_tier_level(1, max_sub_layers_minus1)` (§7.3.3).
fn profile_tier_level_skipped(bits: &mut Bits<'_>, sub_layers: u8) -> Option<()> {
    if sub_layers > 6 {
        return None;
    }
    bits.skip(96)?;
    let mut present = Vec::with_capacity(6);
    for _ in 0..sub_layers {
        present.push((bits.flag()?, bits.flag()?));
    }
    if sub_layers > 0 {
        bits.skip(2 * (8 - u32::from(sub_layers)))?;
    }
    for (profile, level) in present {
        bits.skip(if profile { 88 } else { 0 } + if level { 8 } else { 0 })?;
    }
    Some(())
}

/// The size of the picture less what the conformance window cuts off (§7.4.3.2.1).
fn cropped(bits: &mut Bits<'_>, chroma_format: u32) -> Option<(u32, u32)> {
    let (width, height) = (bits.exp_golomb()?, bits.exp_golomb()?);
    if !bits.flag()? {
        return Some((width, height));
    }
    let mut offset = || bits.exp_golomb();
    let (left, right, top, bottom) = (offset()?, offset()?, offset()?, offset()?);
    let (across, down) = match chroma_format {
        1 => (2, 2),
        2 => (2, 1),
        _ => (1, 1),
    };
    let less = |length: u32, unit: u32, a: u32, b: u32| {
        length.checked_sub(a.checked_add(b)?.checked_mul(unit)?)
    };
    Some((less(width, across, left, right)?, less(height, down, top, bottom)?))
}

/// Sizes of buffers for each sub-layer, or for the highest alone. Gives `max_num_reorder_pics` of
/// the highest.
fn ordering(bits: &mut Bits<'_>, sub_layers: u8) -> Option<u32> {
    let all = bits.flag()?;
    let mut reorder = 0;
    for _ in 0..if all { sub_layers + 1 } else { 1 } {
        bits.exp_golomb()?;
        reorder = bits.exp_golomb()?;
        bits.exp_golomb()?;
    }
    Some(reorder)
}

/// Block sizes, scaling lists, PCM (§7.3.2.2.1).
fn coding_tools_skipped(bits: &mut Bits<'_>) -> Option<()> {
    for _ in 0..6 {
        bits.exp_golomb()?;
    }
    if bits.flag()? && bits.flag()? {
        scaling_lists_skipped(bits)?;
    }
    bits.skip(2)?; // asymmetric partitions, sample adaptive offset
    if bits.flag()? {
        bits.skip(8)?; // PCM bit depths
        bits.exp_golomb()?;
        bits.exp_golomb()?;
        bits.skip(1)?;
    }
    Some(())
}

/// `scaling_list_data` (§7.3.4).
fn scaling_lists_skipped(bits: &mut Bits<'_>) -> Option<()> {
    for size in 0..4_u32 {
        for _ in 0..if size == 3 { 2 } else { 6 } {
            if !bits.flag()? {
                bits.exp_golomb()?; // a copy of another
                continue;
            }
            let coefficients = 64.min(1 << (4 + 2 * size)) + u32::from(size > 1);
            for _ in 0..coefficients {
                bits.signed_exp_golomb()?;
            }
        }
    }
    Some(())
}

/// The short-term reference picture sets (§7.3.7). A set that is predicted from the one before has
/// as many flags as that one has pictures, so that the sets must be made (§7.4.8).
fn reference_sets_skipped(bits: &mut Bits<'_>) -> Option<()> {
    let mut before: Vec<i32> = Vec::new();
    for index in 0..bits.exp_golomb_to(64)? {
        before = if index > 0 && bits.flag()? {
            predicted_set(bits, &before)?
        } else {
            coded_set(bits)?
        };
        if before.len() > REFERENCES_MAX {
            return None;
        }
    }
    Some(())
}

/// Distances of pictures, those before first, each side by distance.
fn coded_set(bits: &mut Bits<'_>) -> Option<Vec<i32>> {
    let (negative, positive) = (bits.exp_golomb_to(16)?, bits.exp_golomb_to(16)?);
    let mut set = Vec::with_capacity(REFERENCES_MAX);
    for (count, sign) in [(negative, -1), (positive, 1)] {
        let mut distance = 0_i32;
        for _ in 0..count {
            let step = bits.exp_golomb_to(0x7fff)?.cast_signed() + 1;
            distance = distance.checked_add(sign * step)?;
            bits.skip(1)?; // whether this picture uses it
            set.push(distance);
        }
    }
    Some(set)
}

fn predicted_set(bits: &mut Bits<'_>, before: &[i32]) -> Option<Vec<i32>> {
    let negative = bits.flag()?;
    let step = bits.exp_golomb_to(0x7fff)?.cast_signed() + 1;
    let step = if negative { -step } else { step };
    let mut set = Vec::with_capacity(REFERENCES_MAX);
    for distance in before.iter().copied().chain([0]) {
        let used = bits.flag()?;
        let kept = used || bits.flag()?;
        let distance = distance.checked_add(step)?;
        if kept && distance != 0 {
            set.push(distance);
        }
    }
    set.sort_by_key(|distance: &i32| (*distance > 0, distance.unsigned_abs()));
    Some(set)
}
