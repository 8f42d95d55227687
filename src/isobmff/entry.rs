//! Sample entries: what a decoder must be told before the first sample (ISO/IEC 14496-12 §12,
//! ISO/IEC 14496-14 §6.7.2, ISO/IEC 14496-15 §5.4.2 and §8.4, and the bindings of the other codecs).

use bytes::{BufMut, Bytes, BytesMut};

use super::write::{boxed, descriptor, full_boxed};
use crate::media::codec::{AvcConfig, Codec, Colour, Picture, Sound};

/// Longest parameter set `avcC` can say the length of.
const PARAMETER_SET_MAX: usize = 0xffff;
/// Most sequence parameter sets `avcC` can count.
const SPS_MAX: usize = 31;
/// Most picture parameter sets `avcC` can count.
const PPS_MAX: usize = 255;
/// `objectTypeIndication` of MPEG-4 audio (ISO/IEC 14496-1 table 5).
pub(super) const OBJECT_TYPE_AAC: u8 = 0x40;

/// Writes the sample entry of `codec`.
pub(super) fn put_sample_entry(out: &mut BytesMut, codec: &Codec) {
    match codec {
        Codec::Avc(avc) => {
            let name = if avc.entry.in_band { *b"avc3" } else { *b"avc1" };
            put_visual(out, name, &avc.picture(), |out| {
                boxed(out, *b"avcC", |out| put_avc_configuration(out, avc));
            });
        }
        Codec::Hevc(hevc) => {
            let name = if hevc.in_band { *b"hev1" } else { *b"hvc1" };
            put_visual(out, name, &hevc.picture, |out| put_record(out, *b"hvcC", hevc.record()));
        }
        Codec::Av1(av1) => {
            put_visual(out, *b"av01", &av1.picture, |out| put_record(out, *b"av1C", av1.record()));
        }
        Codec::Aac(aac) => put_audio(out, *b"mp4a", &aac.sound(), |out| {
            put_elementary_stream(out, OBJECT_TYPE_AAC, Some(&aac.asc));
        }),
        Codec::MpegAudio(audio) => put_audio(out, *b"mp4a", &audio.sound(), |out| {
            put_elementary_stream(out, audio.object_type(), None);
        }),
        Codec::Ac3(ac3) => {
            let (name, kind) =
                if ac3.enhanced { (*b"ec-3", *b"dec3") } else { (*b"ac-3", *b"dac3") };
            put_audio(out, name, &ac3.sound(), |out| put_record(out, kind, ac3.record()));
        }
        Codec::Opus(opus) => put_audio(out, *b"Opus", &opus.sound(), |out| {
            put_record(out, *b"dOps", opus.record());
        }),
    }
}

/// A configuration as it was read.
fn put_record(out: &mut BytesMut, kind: [u8; 4], record: &Bytes) {
    boxed(out, kind, |out| out.put_slice(record));
}

fn put_entry_start(out: &mut BytesMut) {
    out.put_bytes(0, 6);
    out.put_u16(1); // data_reference_index: the file itself
}

/// `VisualSampleEntry` round the configuration (ISO/IEC 14496-12 §12.1.3).
fn put_visual(
    out: &mut BytesMut,
    name: [u8; 4],
    picture: &Picture,
    configuration: impl FnOnce(&mut BytesMut),
) {
    boxed(out, name, |out| {
        put_entry_start(out);
        out.put_bytes(0, 16);
        out.put_u16(picture.width);
        out.put_u16(picture.height);
        out.put_u32(0x0048_0000); // 72 dots an inch
        out.put_u32(0x0048_0000);
        out.put_u32(0);
        out.put_u16(1); // frame_count
        out.put_bytes(0, 32); // compressorname
        out.put_u16(0x0018); // depth: colour without alpha
        out.put_i16(-1);
        configuration(out);
        if let Some(colour) = picture.colour {
            boxed(out, *b"colr", |out| put_colour(out, colour));
        }
        let (across, down) = picture.pixel_aspect;
        if across != down {
            boxed(out, *b"pasp", |out| {
                out.put_u32(u32::from(across));
                out.put_u32(u32::from(down));
            });
        }
    });
}

/// `ColourInformationBox` of type `nclx` (ISO/IEC 14496-12 §12.1.5).
fn put_colour(out: &mut BytesMut, colour: Colour) {
    out.put_slice(b"nclx");
    out.put_u16(colour.primaries);
    out.put_u16(colour.transfer);
    out.put_u16(colour.matrix);
    out.put_u8(u8::from(colour.full_range) << 7);
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
    let sps = || [&avc.sps].into_iter().chain(&avc.entry.more_sps).filter(fits).take(SPS_MAX);
    out.put_u8(0xe0 | sps().count() as u8);
    put_parameter_sets(out, sps());
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

/// `AudioSampleEntry` round the configuration (ISO/IEC 14496-12 §12.2.3).
fn put_audio(
    out: &mut BytesMut,
    name: [u8; 4],
    sound: &Sound,
    configuration: impl FnOnce(&mut BytesMut),
) {
    boxed(out, name, |out| {
        put_entry_start(out);
        out.put_bytes(0, 8);
        out.put_u16(u16::from(sound.channels));
        out.put_u16(16); // bits a sample
        out.put_u32(0);
        // The field is 16.16: a rate it cannot say is 0, and the AudioSpecificConfig tells.
        out.put_u32(u32::from(u16::try_from(sound.sample_rate).unwrap_or(0)) << 16);
        configuration(out);
    });
}

/// `esds` of an object type, with the configuration that MPEG-4 audio has (ISO/IEC 14496-14 §6.7.2).
fn put_elementary_stream(out: &mut BytesMut, object_type: u8, asc: Option<&Bytes>) {
    full_boxed(out, *b"esds", 0, 0, |out| {
        descriptor(out, 3, |out| {
            out.put_u16(0); // ES_ID: ISO/IEC 14496-14 §4.1.2, ISO/IEC 23000-19 §10.3.4.2.3
            out.put_u8(0);
            descriptor(out, 4, |out| {
                out.put_u8(object_type);
                out.put_u8(5 << 2 | 1); // an audio stream; the reserved bit is 1
                out.put_bytes(0, 11); // buffer size and bit rates: not told
                if let Some(asc) = asc {
                    descriptor(out, 5, |out| out.put_slice(asc));
                }
            });
            descriptor(out, 6, |out| out.put_u8(2)); // MP4's sync layer
        });
    });
}
