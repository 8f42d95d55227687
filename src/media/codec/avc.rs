//! H.264: NAL units and parameter sets (ITU-T H.264, ISO/IEC 14496-15).

use bytes::{BufMut, Bytes, BytesMut};
use h264_reader::nal::sps::{PicOrderCntType, SeqParameterSet};
use h264_reader::rbsp::{BitReader, decode_nal};
use thiserror::Error;

use super::{Colour, Picture, plausible_rate};
use crate::units::FrameRate;

/// NAL unit types this origin looks at (ITU-T H.264 table 7-1).
pub mod nal {
    /// A slice of a picture that other pictures may precede.
    pub const SLICE: u8 = 1;
    /// A slice of an IDR picture: decoding can begin here.
    pub const IDR: u8 = 5;
    /// Supplemental enhancement information.
    pub const SEI: u8 = 6;
    /// Sequence parameter set.
    pub const SPS: u8 = 7;
    /// Picture parameter set.
    pub const PPS: u8 = 8;
    /// Access unit delimiter.
    pub const AUD: u8 = 9;
    /// Filler.
    pub const FILLER: u8 = 12;
}

/// Settings of an H.264 track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AvcConfig {
    /// Sequence parameter set NAL unit, header included.
    pub sps: Bytes,
    /// Picture parameter set NAL units, header included; at least one.
    pub pps: Vec<Bytes>,
    /// Coded picture after cropping.
    pub width: u16,
    /// Coded picture after cropping.
    pub height: u16,
    /// Width to height of one pixel; 1:1 where the stream does not say.
    pub pixel_aspect: (u16, u16),
    /// Frames a second where the sequence parameter set carries timing.
    pub frame_rate: Option<FrameRate>,
    /// `chroma_format_idc`, `bit_depth_luma_minus8`, `bit_depth_chroma_minus8` of the high profiles.
    pub chroma: Option<(u8, u8, u8)>,
    /// What a sample entry said beyond that.
    pub entry: AvcEntry,
}

/// What the sample entry of an ISO file can say of an H.264 track that a byte stream does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AvcEntry {
    /// Whether samples may hold parameter sets (`avc3`) or none do (`avc1`).
    pub in_band: bool,
    /// Sequence parameter sets after the first.
    pub more_sps: Vec<Bytes>,
    /// Colour by a `colr` box.
    pub colour: Option<Colour>,
}

/// Why parameter sets cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AvcError {
    /// No picture parameter set came with it.
    #[error("no H.264 picture parameter set")]
    NoPps,
    /// The picture is empty or larger than 16 bits can say.
    #[error("an H.264 picture of {0}x{1} is not supported")]
    Size(u32, u32),
    /// The sequence parameter set does not parse.
    #[error("the H.264 sequence parameter set is broken: {0}")]
    Sps(String),
}

impl AvcConfig {
    /// Reads a sequence parameter set and keeps it with its picture parameter sets.
    ///
    /// # Errors
    /// What is wrong with the parameter sets.
    pub fn parse(sps: Bytes, pps: Vec<Bytes>) -> Result<Self, AvcError> {
        if pps.is_empty() {
            return Err(AvcError::NoPps);
        }
        if sps.len() < 4 {
            return Err(AvcError::Sps("cut short".to_owned()));
        }
        let rbsp = decode_nal(&sps).map_err(|e| AvcError::Sps(e.to_string()))?;
        let set = SeqParameterSet::from_bits(BitReader::new(rbsp.as_ref()))
            .map_err(|e| AvcError::Sps(format!("{e:?}")))?;
        let (width, height) =
            set.pixel_dimensions().map_err(|e| AvcError::Sps(format!("{e:?}")))?;
        let (Ok(w @ 1..), Ok(h @ 1..)) = (u16::try_from(width), u16::try_from(height)) else {
            return Err(AvcError::Size(width, height));
        };
        let vui = set.vui_parameters.as_ref();
        let timing = vui.and_then(|vui| vui.timing_info.as_ref());
        let chroma = has_chroma(sps[1]).then(|| {
            let info = &set.chroma_info;
            (
                info.chroma_format.to_u32() as u8 & 3,
                info.bit_depth_luma_minus8 & 7,
                info.bit_depth_chroma_minus8 & 7,
            )
        });
        Ok(AvcConfig {
            width: w,
            height: h,
            pixel_aspect: vui
                .and_then(|vui| vui.aspect_ratio_info.as_ref()?.get())
                .filter(|(x, y)| *x > 0 && *y > 0)
                .unwrap_or((1, 1)),
            frame_rate: timing.and_then(|t| frame_rate(t.num_units_in_tick, t.time_scale)),
            chroma,
            sps,
            pps,
            entry: AvcEntry::default(),
        })
    }

    /// The coded picture.
    #[must_use]
    pub fn picture(&self) -> Picture {
        Picture {
            width: self.width,
            height: self.height,
            pixel_aspect: self.pixel_aspect,
            frame_rate: self.frame_rate,
            colour: self.entry.colour,
        }
    }

    /// `avc1.PPCCLL` (RFC 6381): profile, constraint flags and level as they stand in the set.
    #[must_use]
    pub fn rfc6381(&self) -> String {
        let entry = if self.entry.in_band { "avc3" } else { "avc1" };
        format!("{entry}.{:02x}{:02x}{:02x}", self.sps[1], self.sps[2], self.sps[3])
    }

    /// How many frames may come before one that is shown earlier: what the set says
    /// (`max_num_reorder_frames`), else the most that its profile and level allow (ITU-T H.264 E.2.1).
    #[must_use]
    pub fn reorder_frames(&self) -> u32 {
        const BASELINE: u8 = 66;
        let rbsp = decode_nal(&self.sps).ok();
        let set = rbsp.and_then(|r| SeqParameterSet::from_bits(BitReader::new(r.as_ref())).ok());
        let Some(set) = set else { return REORDER_MAX };
        let vui = set.vui_parameters.as_ref();
        if let Some(told) = vui.and_then(|vui| vui.bitstream_restrictions.as_ref()) {
            return told.max_num_reorder_frames.min(REORDER_MAX);
        }
        // All-intra profiles and their flag (A.2.8 to A.2.11).
        let intra =
            matches!(self.sps[1], 44 | 86 | 100 | 110 | 122 | 244) && self.sps[2] & 0x10 != 0;
        if self.sps[1] == BASELINE || intra || set.pic_order_cnt == PicOrderCntType::TypeTwo {
            return 0;
        }
        let macroblocks = u32::from(self.width).div_ceil(16) * u32::from(self.height).div_ceil(16);
        let most =
            set.level().limits().map_or(REORDER_MAX, |limits| limits.max_dpb_mbs / macroblocks);
        most.min(REORDER_MAX)
    }
}

/// Frames a decoded picture buffer holds at most (A.3.1).
const REORDER_MAX: u32 = 16;

/// A frame is two ticks of the VUI's clock (ITU-T H.264 E.2.1).
fn frame_rate(num_units_in_tick: u32, time_scale: u32) -> Option<FrameRate> {
    plausible_rate(time_scale, num_units_in_tick.checked_mul(2)?)
}

/// Whether a profile carries chroma format and bit depths in its sets and in `avcC`.
fn has_chroma(profile_idc: u8) -> bool {
    matches!(profile_idc, 100 | 110 | 122 | 144 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134)
}

/// Whether an SEI NAL unit carries a recovery point with no frame to wait for: decoding can begin at
/// its picture, though pictures shown before it may be broken (ITU-T H.264 D.2.8).
#[must_use]
pub fn recovers_at_once(unit: &[u8]) -> bool {
    const RECOVERY_POINT: usize = 6;
    let Ok(rbsp) = decode_nal(unit) else { return false };
    let mut rest: &[u8] = rbsp.as_ref();
    // A message is its type and size, each in bytes of which 255 is followed by more (7.3.2.3.1).
    let number = |rest: &mut &[u8]| -> Option<usize> {
        let more = rest.iter().take_while(|b| **b == 255).count();
        let value = more * 255 + usize::from(*rest.get(more)?);
        *rest = rest.get(more + 1..)?;
        Some(value)
    };
    while rest.len() > 2 {
        let (Some(kind), Some(size)) = (number(&mut rest), number(&mut rest)) else { return false };
        let Some(payload) = rest.get(..size) else { return false };
        if kind == RECOVERY_POINT {
            // recovery_frame_cnt is ue(v): 0 is a single 1 bit.
            return payload.first().is_some_and(|first| first & 0x80 != 0);
        }
        rest = &rest[size..];
    }
    false
}

/// The NAL units of an Annex B byte stream, without start codes and trailing zero bytes
/// (ITU-T H.264 Annex B).
pub fn annexb_units(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_start_code(stream);
    std::iter::from_fn(move || {
        loop {
            let bytes = rest?;
            let end = memchr::memmem::find(bytes, &[0, 0, 1]);
            let (unit, next) = match end {
                Some(at) => (&bytes[..at], Some(&bytes[at + 3..])),
                None => (bytes, None),
            };
            rest = next;
            let length = unit.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
            if length > 0 {
                return Some(&unit[..length]);
            }
        }
    })
}

fn after_start_code(stream: &[u8]) -> Option<&[u8]> {
    memchr::memmem::find(stream, &[0, 0, 1]).map(|at| &stream[at + 3..])
}

/// Appends `unit` with the 4-byte length that ISO files put before a NAL unit.
pub fn put_length_prefixed(out: &mut BytesMut, unit: &[u8]) {
    out.put_u32(u32::try_from(unit.len()).unwrap_or(u32::MAX));
    out.put_slice(unit);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_found_behind_short_and_long_start_codes() {
        let stream = [0, 0, 0, 1, 9, 0xf0, 0, 0, 1, 0x65, 1, 2, 0, 0, 0, 0, 1, 0x41];
        let units: Vec<&[u8]> = annexb_units(&stream).collect();
        assert_eq!(units, [&[9, 0xf0][..], &[0x65, 1, 2], &[0x41]]);
    }

    #[test]
    fn a_recovery_point_counts_only_without_frames_to_wait_for() {
        // User data of three bytes before it, then the trailing bits.
        assert!(recovers_at_once(&[6, 5, 3, 9, 9, 9, 6, 1, 0xc4, 0x80]));
        assert!(recovers_at_once(&[6, 6, 1, 0xc4, 0x80]));
        // recovery_frame_cnt 1 is 010.
        assert!(!recovers_at_once(&[6, 6, 1, 0x48, 0x80]));
        for broken in [&[6][..], &[6, 6], &[6, 255, 255], &[6, 5, 200, 1, 2], &[6, 5, 1, 0, 0x80]] {
            assert!(!recovers_at_once(broken));
        }
    }

    #[test]
    fn the_reordering_of_a_set_without_vui_is_what_its_level_allows() {
        // Main profile, level 3.1, 1280x720, pic_order_cnt_type 0, no VUI; then the same as baseline.
        let sps = [0x67, 0x4d, 0x00, 0x1f, 0xf2, 0x80, 0xa0, 0x0b, 0x72];
        let config = |sps: &[u8]| {
            let pps = vec![Bytes::from_static(&[0x68, 0xce, 0x38, 0x80])];
            AvcConfig::parse(Bytes::copy_from_slice(sps), pps)
        };
        let main = config(&sps).expect("a valid set");
        assert_eq!((main.width, main.height), (1280, 720));
        assert_eq!(main.reorder_frames(), 5);
        let mut baseline = sps;
        baseline[1] = 66;
        assert_eq!(config(&baseline).expect("a valid set").reorder_frames(), 0);
    }

    #[test]
    fn a_stream_without_start_code_has_no_units() {
        assert_eq!(annexb_units(&[1, 2, 3]).count(), 0);
        assert_eq!(annexb_units(&[0, 0, 1]).count(), 0);
    }

    #[test]
    fn ntsc_timing_reduces_to_its_fraction() {
        assert_eq!(frame_rate(1001, 60_000), FrameRate::new(30_000, 1001));
        assert_eq!(frame_rate(1, 60), FrameRate::new(30, 1));
        assert_eq!(frame_rate(0, 60), None);
        assert_eq!(frame_rate(1, 4_000_000_000), None);
    }
}
