//! Sample entries: what a decoder must be told before the first sample (ISO/IEC 14496-15 §5.4.2,
//! ISO/IEC 14496-14 §6.7.2).

use bytes::{BufMut, Bytes, BytesMut};

use super::write::{boxed, descriptor, full_boxed};
use crate::media::codec::{AacConfig, AvcConfig, Codec};

/// Longest parameter set `avcC` can say the length of.
const PARAMETER_SET_MAX: usize = 0xffff;
/// Most picture parameter sets `avcC` can count.
const PPS_MAX: usize = 255;
/// `objectTypeIndication` of MPEG-4 audio (ISO/IEC 14496-1 table 5).
pub(super) const OBJECT_TYPE_AAC: u8 = 0x40;

/// Writes the sample entry of `codec`.
pub(super) fn put_sample_entry(out: &mut BytesMut, codec: &Codec) {
    match codec {
        Codec::Avc(avc) => boxed(out, *b"avc1", |out| put_avc(out, avc)),
        Codec::Aac(aac) => boxed(out, *b"mp4a", |out| put_aac(out, aac)),
    }
}

fn put_entry_start(out: &mut BytesMut) {
    out.put_bytes(0, 6);
    out.put_u16(1); // data_reference_index: the file itself
}

fn put_avc(out: &mut BytesMut, avc: &AvcConfig) {
    put_entry_start(out);
    out.put_bytes(0, 16);
    out.put_u16(avc.width);
    out.put_u16(avc.height);
    out.put_u32(0x0048_0000); // 72 dots an inch
    out.put_u32(0x0048_0000);
    out.put_u32(0);
    out.put_u16(1); // frame_count
    out.put_bytes(0, 32); // compressorname
    out.put_u16(0x0018); // depth: colour without alpha
    out.put_i16(-1);
    boxed(out, *b"avcC", |out| put_avc_configuration(out, avc));
    let (across, down) = avc.pixel_aspect;
    if across != down {
        boxed(out, *b"pasp", |out| {
            out.put_u32(u32::from(across));
            out.put_u32(u32::from(down));
        });
    }
}

/// `AVCDecoderConfigurationRecord` (ISO/IEC 14496-15 §5.3.3.1). A parameter set longer than its
/// length field is left out: no decoder could have read it.
fn put_avc_configuration(out: &mut BytesMut, avc: &AvcConfig) {
    let fits = |set: &&Bytes| set.len() <= PARAMETER_SET_MAX;
    out.put_u8(1);
    for byte in 1..4 {
        out.put_u8(avc.sps.get(byte).copied().unwrap_or(0)); // profile, constraints, level
    }
    out.put_u8(0xfc | 3); // four bytes of length before each NAL unit
    let sps = Some(&avc.sps).filter(fits);
    out.put_u8(0xe0 | u8::from(sps.is_some()));
    put_parameter_sets(out, sps);
    let pps = || avc.pps.iter().filter(fits).take(PPS_MAX);
    out.put_u8(pps().count() as u8);
    put_parameter_sets(out, pps());
    if let Some((format, luma, chroma)) = avc.chroma {
        out.put_u8(0xfc | format);
        out.put_u8(0xf8 | luma);
        out.put_u8(0xf8 | chroma);
        out.put_u8(0); // no sequence parameter set extensions
    }
}

fn put_parameter_sets<'a>(out: &mut BytesMut, sets: impl IntoIterator<Item = &'a Bytes>) {
    for set in sets {
        out.put_u16(set.len() as u16);
        out.put_slice(set);
    }
}

fn put_aac(out: &mut BytesMut, aac: &AacConfig) {
    put_entry_start(out);
    out.put_bytes(0, 8);
    out.put_u16(u16::from(aac.channels));
    out.put_u16(16); // bits a sample
    out.put_u32(0);
    // The field is 16.16: a rate it cannot say is 0, and the AudioSpecificConfig tells.
    out.put_u32(u32::from(u16::try_from(aac.sample_rate).unwrap_or(0)) << 16);
    full_boxed(out, *b"esds", 0, 0, |out| {
        descriptor(out, 3, |out| {
            out.put_u16(0); // ES_ID: ISO/IEC 14496-14 §4.1.2, ISO/IEC 23000-19 §10.3.4.2.3
            out.put_u8(0);
            descriptor(out, 4, |out| {
                out.put_u8(OBJECT_TYPE_AAC);
                out.put_u8(5 << 2 | 1); // an audio stream; the reserved bit is 1
                out.put_bytes(0, 11); // buffer size and bit rates: not told
                descriptor(out, 5, |out| out.put_slice(&aac.asc));
            });
            descriptor(out, 6, |out| out.put_u8(2)); // MP4's sync layer
        });
    });
}
