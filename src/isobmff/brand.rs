//! The brands of CMAF media profiles (ISO/IEC 23000-19 annexes A and B, and that of the AV1 binding):
//! claimed where the settings prove that a track lies within the profile.

use crate::media::Codec;
use crate::media::codec::{AacConfig, AvcConfig, HevcConfig, Picture};

/// The media profile the settings lie within, if any is named.
pub(super) fn media_brand(codec: &Codec) -> Option<&'static [u8; 4]> {
    match codec {
        Codec::Avc(avc) => avc_brand(avc),
        Codec::Hevc(hevc) => hevc_brand(hevc),
        // Every AV1 track that keeps to the codec's binding (AV1-ISOBMFF §2.1).
        Codec::Av1(_) => Some(b"av01"),
        Codec::Aac(aac) => aac_brand(aac),
        Codec::Ac3(_) | Codec::Opus(_) | Codec::MpegAudio(_) => None,
    }
}

fn is_fast(picture: &Picture) -> bool {
    picture.frame_rate.is_some_and(|rate| rate.frames.get() / rate.seconds.get() > 60)
}

/// Tables A.1 of ISO/IEC 23000-19.
fn avc_brand(avc: &AvcConfig) -> Option<&'static [u8; 4]> {
    let [_, profile, constraints, level, ..] = *avc.sps else { return None };
    // Constrained Baseline (set 1) and Main are subsets of High.
    let high = matches!(profile, 77 | 100) || profile == 66 && constraints & 0x40 != 0;
    if !high || is_fast(&avc.picture()) {
        return None;
    }
    match (avc.width, avc.height, level) {
        (..=864, ..=576, ..=31) => Some(b"cfsd"),
        (..=1920, ..=1080, ..=40) => Some(b"cfhd"),
        (..=1920, ..=1080, ..=42) => Some(b"chdf"),
        _ => None,
    }
}

/// Table B.1 of ISO/IEC 23000-19: profile, size and level; the ultra high definition profiles by
/// what colour the stream says, as high dynamic range needs it.
fn hevc_brand(hevc: &HevcConfig) -> Option<&'static [u8; 4]> {
    let [_, profile, _, _, _, _, _, _, _, _, _, _, level, ..] = **hevc.record() else {
        return None;
    };
    if is_fast(&hevc.picture) || profile & 0xe0 != 0 {
        return None;
    }
    let transfer = hevc.picture.colour.map_or(1, |colour| colour.transfer);
    match (hevc.picture.width, hevc.picture.height, profile & 0x1f, level, transfer) {
        (..=1920, ..=1080, 1, ..=123, 1) => Some(b"chhd"),
        (..=1920, ..=1080, 2, ..=123, 1) => Some(b"chh1"),
        (..=3840, ..=2160, 1, ..=150, 1) => Some(b"cud8"),
        (..=3840, ..=2160, 2, ..=153, 1) => Some(b"cud1"),
        (..=3840, ..=2160, 2, ..=153, 16) => Some(b"chd1"),
        (..=3840, ..=2160, 2, ..=153, 18) => Some(b"clg1"),
        _ => None,
    }
}

/// Table A.2 of ISO/IEC 23000-19.
fn aac_brand(aac: &AacConfig) -> Option<&'static [u8; 4]> {
    let core = matches!(aac.object_type, 2 | 5 | 29);
    (core && aac.channels <= 2 && aac.sample_rate <= 48_000).then_some(b"caac")
}
