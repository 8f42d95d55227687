//! AV1: `AV1CodecConfigurationRecord` (AV1 Codec ISO Media File Format Binding §2.3) and the
//! sequence header OBU in it (AV1 Bitstream & Decoding Process Specification §5.5).

use std::fmt::Write;

use bytes::Bytes;
use thiserror::Error;

use super::bits::Bits;
use super::{Colour, Picture, plausible_rate};

/// Bytes of the record before its OBUs.
const RECORD_FIXED: usize = 4;
/// `OBU_SEQUENCE_HEADER`.
const SEQUENCE_HEADER: u8 = 1;
/// `CP_UNSPECIFIED`, which is the same for transfer and matrix.
const UNSPECIFIED: u16 = 2;
/// BT.709 primaries with sRGB transfer and identity matrix: full range, without a flag.
const SRGB: (u16, u16, u16) = (1, 13, 0);

/// Settings of an AV1 track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Av1Config {
    /// The picture: of the sequence header where the record has one, else of the sample entry.
    pub picture: Picture,
    /// `AV1CodecConfigurationRecord`; at least its 4 fixed bytes.
    record: Bytes,
}

/// Why AV1 settings cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Av1Error {
    /// The record is shorter than its fixed fields, or an OBU longer than the record.
    #[error("av1C is cut short")]
    Short,
    /// Another version of the record.
    #[error("av1C has marker and version {0:#04x}; 0x81 is supported")]
    Version(u8),
    /// The sequence header does not parse.
    #[error("the AV1 sequence header is broken")]
    SequenceHeader,
    /// The picture is empty or larger than 16 bits can say.
    #[error("an AV1 picture of {0}x{1} is not supported")]
    Size(u32, u32),
}

impl Av1Config {
    /// Settings from `av1C`, and the size that its sample entry gives.
    ///
    /// # Errors
    /// What is wrong with the record or its sequence header.
    pub fn from_record(record: Bytes, (width, height): (u16, u16)) -> Result<Self, Av1Error> {
        let fixed: &[u8; RECORD_FIXED] = record.first_chunk().ok_or(Av1Error::Short)?;
        if fixed[0] != 0x81 {
            return Err(Av1Error::Version(fixed[0]));
        }
        let picture = match sequence_header(&record[RECORD_FIXED..])? {
            Some(header) => picture_of(header).ok_or(Av1Error::SequenceHeader)??,
            None if width == 0 || height == 0 => {
                return Err(Av1Error::Size(u32::from(width), u32::from(height)));
            }
            None => Picture::of_size(width, height),
        };
        Ok(Av1Config { picture, record })
    }

    /// `AV1CodecConfigurationRecord`.
    #[must_use]
    pub fn record(&self) -> &Bytes {
        &self.record
    }

    /// `av01.P.LLT.DD`, and `.M.CCC.cp.tc.mc.F` where one of these is not what is assumed without
    /// them (AV1-ISOBMFF §5).
    #[must_use]
    pub fn rfc6381(&self) -> String {
        let byte = |at: usize| self.record.get(at).copied().unwrap_or(0);
        let (sequence, chroma) = (byte(1), byte(2));
        let tier = if chroma & 0x80 == 0 { 'M' } else { 'H' };
        let depth = match chroma >> 5 & 3 {
            0 | 1 => 8,
            2 => 10,
            _ => 12,
        };
        let mut text = format!("av01.{}.{:02}{tier}.{depth:02}", sequence >> 5, sequence & 0x1f);
        let (mono, across, down) = (chroma >> 4 & 1, chroma >> 3 & 1, chroma >> 2 & 1);
        let assumed = Colour { primaries: 1, transfer: 1, matrix: 1, full_range: false };
        let colour = self.picture.colour.unwrap_or(assumed);
        if (mono, across, down) != (0, 1, 1) || colour != assumed {
            let position = if across & down == 1 { chroma & 3 } else { 0 };
            let Colour { primaries, transfer, matrix, full_range } = colour;
            let full = u8::from(full_range);
            let _ = write!(
                text,
                ".{mono}.{across}{down}{position}.{primaries:02}.{transfer:02}.{matrix:02}.{full}"
            );
        }
        text
    }
}

/// The payload of the first sequence header among OBUs.
fn sequence_header(mut obus: &[u8]) -> Result<Option<&[u8]>, Av1Error> {
    while !obus.is_empty() {
        let (kind, payload, next) = obu(obus).ok_or(Av1Error::Short)?;
        if kind == SEQUENCE_HEADER {
            return Ok(Some(payload));
        }
        obus = next;
    }
    Ok(None)
}

/// Type and payload of the first of some OBUs, and those after it (§5.3).
fn obu(obus: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (header, rest) = obus.split_first()?;
    let after = if header & 0x04 == 0 { rest } else { rest.get(1..)? };
    let (length, payload) = if header & 0x02 == 0 { (after.len(), after) } else { leb128(after)? };
    let (payload, next) = payload.split_at_checked(length)?;
    Some((header >> 3 & 0x0f, payload, next))
}

/// `leb128()` (§4.10.5), and what follows it.
fn leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0_u64;
    for (n, byte) in bytes.iter().enumerate().take(8) {
        value |= u64::from(byte & 0x7f) << (7 * n);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(value).ok()?, &bytes[n + 1..]));
        }
    }
    None
}

/// What a sequence header says of the picture; `None` where it ends early.
fn picture_of(header: &[u8]) -> Option<Result<Picture, Av1Error>> {
    let mut bits = Bits::new(header);
    let profile = bits.byte(3)?;
    bits.skip(1)?; // still_picture
    let reduced = bits.flag()?;
    let mut picture = Picture::of_size(1, 1);
    if reduced {
        bits.skip(5)?; // seq_level_idx
    } else {
        operating_points(&mut bits, &mut picture)?;
    }
    let (width_bits, height_bits) = (bits.number(4)? + 1, bits.number(4)? + 1);
    let (width, height) = (bits.number(width_bits)? + 1, bits.number(height_bits)? + 1);
    tools_skipped(&mut bits, reduced)?;
    colour(&mut bits, profile, &mut picture)?;
    let (Ok(w), Ok(h)) = (u16::try_from(width), u16::try_from(height)) else {
        return Some(Err(Av1Error::Size(width, height)));
    };
    Some(Ok(Picture { width: w, height: h, ..picture }))
}

/// Timing and operating points; the frame rate where all frames last equally long.
fn operating_points(bits: &mut Bits<'_>, picture: &mut Picture) -> Option<()> {
    let mut delay_bits = None;
    if bits.flag()? {
        let (ticks, scale) = (bits.number(32)?, bits.number(32)?);
        if bits.flag()? {
            let a_picture = bits.exp_golomb()?.checked_add(1)?; // uvlc() is ue(v)
            let seconds = ticks.checked_mul(a_picture);
            picture.frame_rate = seconds.and_then(|seconds| plausible_rate(scale, seconds));
        }
        if bits.flag()? {
            delay_bits = Some(bits.number(5)? + 1);
            bits.skip(32 + 5 + 5)?;
        }
    }
    let display_delays = bits.flag()?;
    for _ in 0..=bits.number(5)? {
        bits.skip(12)?; // operating_point_idc
        if bits.number(5)? > 7 {
            bits.skip(1)?; // seq_tier
        }
        if let Some(length) = delay_bits
            && bits.flag()?
        {
            bits.skip(2 * length + 1)?;
        }
        if display_delays && bits.flag()? {
            bits.skip(4)?;
        }
    }
    Some(())
}

/// What stands between the size and the colour.
fn tools_skipped(bits: &mut Bits<'_>, reduced: bool) -> Option<()> {
    if !reduced && bits.flag()? {
        bits.skip(4 + 3)?; // frame numbers
    }
    bits.skip(3)?; // superblocks, filters of intra prediction
    if !reduced {
        bits.skip(4)?; // compound and warped prediction, dual filter
        let order_hint = bits.flag()?;
        if order_hint {
            bits.skip(2)?;
        }
        // Each may be chosen frame by frame, else the next bit says.
        let screen_content = bits.flag()? || bits.flag()?;
        if screen_content && !bits.flag()? {
            bits.skip(1)?; // seq_force_integer_mv
        }
        if order_hint {
            bits.skip(3)?;
        }
    }
    bits.skip(3) // super-resolution, CDEF, restoration
}

/// `color_config` (§5.5.2) as far as its range.
fn colour(bits: &mut Bits<'_>, profile: u8, picture: &mut Picture) -> Option<()> {
    if bits.flag()? && profile == 2 {
        bits.skip(1)?; // twelve_bit
    }
    let mono = profile != 1 && bits.flag()?;
    let mut points = (UNSPECIFIED, UNSPECIFIED, UNSPECIFIED);
    let described = bits.flag()?;
    if described {
        points = (bits.number(8)? as u16, bits.number(8)? as u16, bits.number(8)? as u16);
    }
    let full_range = !mono && points == SRGB || bits.flag()?;
    let (primaries, transfer, matrix) = points;
    picture.colour = described.then_some(Colour { primaries, transfer, matrix, full_range });
    Some(())
}

#[cfg(test)]
mod tests;
