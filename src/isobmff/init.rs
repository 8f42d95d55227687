//! The initialization segment of one track: a CMAF header (ISO/IEC 23000-19 §7.3.1).
//!
//! No samples, no durations, no edit list: composition offsets are signed instead
//! (ISO/IEC 23000-19 §7.5.17, §9.2.1).

use bytes::{BufMut, Bytes, BytesMut};

use super::brand::media_brand;
use super::entry::put_sample_entry;
use super::write::{boxed, full_boxed, put_unity_matrix};
use crate::media::codec::Picture;
use crate::media::{Codec, Language, MediaKind};
use crate::units::Timescale;

/// The one track's number in every initialization segment and chunk.
pub(super) const TRACK_ID: u32 = 1;

/// The CMAF header of a track: `ftyp` and a `moov` with track 1.
///
/// Sample defaults stand in each chunk's `tfhd`, none in `trex`, as brand `cmf2` asks
/// (ISO/IEC 23000-19 §7.2). The same arguments give the same bytes.
#[must_use]
pub fn init_segment(codec: &Codec, timescale: Timescale, language: Language) -> Bytes {
    let mut out = BytesMut::with_capacity(1024);
    boxed(&mut out, *b"ftyp", |out| {
        out.put_slice(b"cmf2");
        out.put_u32(0);
        out.put_slice(b"iso6cmfccmf2");
        if let Some(brand) = media_brand(codec) {
            out.put_slice(brand);
        }
    });
    boxed(&mut out, *b"moov", |out| {
        put_movie_header(out, timescale);
        boxed(out, *b"trak", |out| {
            put_track_header(out, codec);
            boxed(out, *b"mdia", |out| {
                put_media_header(out, timescale, language);
                put_handler(out, codec);
                boxed(out, *b"minf", |out| put_media_information(out, codec));
            });
        });
        boxed(out, *b"mvex", |out| {
            full_boxed(out, *b"trex", 0, 0, |out| {
                out.put_u32(TRACK_ID);
                out.put_u32(1); // default_sample_description_index
                out.put_bytes(0, 12); // durations, sizes and flags stand in the chunks
            });
        });
    });
    out.freeze()
}

fn put_movie_header(out: &mut BytesMut, timescale: Timescale) {
    full_boxed(out, *b"mvhd", 0, 0, |out| {
        out.put_u64(0); // creation and modification time
        out.put_u32(timescale.get());
        out.put_u32(0); // duration
        out.put_u32(0x0001_0000); // rate 1
        out.put_u16(0x0100); // volume 1
        out.put_bytes(0, 10);
        put_unity_matrix(out);
        out.put_bytes(0, 24);
        out.put_u32(TRACK_ID + 1);
    });
}

fn put_track_header(out: &mut BytesMut, codec: &Codec) {
    // Enabled, in the movie, in its preview.
    full_boxed(out, *b"tkhd", 0, 7, |out| {
        out.put_u64(0);
        out.put_u32(TRACK_ID);
        out.put_u32(0);
        out.put_u32(0); // duration
        out.put_bytes(0, 12);
        out.put_u16(match codec.kind() {
            MediaKind::Video => 0,
            MediaKind::Audio => 0x0100,
        });
        out.put_u16(0);
        put_unity_matrix(out);
        let picture = codec.picture();
        out.put_u32(picture.as_ref().map_or(0, display_width));
        out.put_u32(picture.map_or(0, |picture| u32::from(picture.height) << 16));
    });
}

/// The width of the picture in square pixels, 16.16 (ISO/IEC 14496-12 §8.3.2).
pub(super) fn display_width(picture: &Picture) -> u32 {
    let (across, down) = picture.pixel_aspect;
    let width = (u64::from(picture.width) << 16) * u64::from(across) / u64::from(down.max(1));
    u32::try_from(width).unwrap_or(u32::MAX)
}

fn put_media_header(out: &mut BytesMut, timescale: Timescale, language: Language) {
    full_boxed(out, *b"mdhd", 0, 0, |out| {
        out.put_u64(0);
        out.put_u32(timescale.get());
        out.put_u32(0); // duration
        out.put_u16(packed_language(language));
        out.put_u16(0);
    });
}

/// Three letters of five bits (ISO/IEC 14496-12 §8.4.2.3).
pub(super) fn packed_language(language: Language) -> u16 {
    let letters = language.as_str().bytes();
    letters.fold(0, |packed, letter| packed << 5 | u16::from(letter.wrapping_sub(0x60) & 0x1f))
}

pub(super) fn put_handler(out: &mut BytesMut, codec: &Codec) {
    let (handler, name): (&[u8], &[u8]) = match codec.kind() {
        MediaKind::Video => (b"vide", b"video\0"),
        MediaKind::Audio => (b"soun", b"audio\0"),
    };
    full_boxed(out, *b"hdlr", 0, 0, |out| {
        out.put_u32(0);
        out.put_slice(handler);
        out.put_bytes(0, 12);
        out.put_slice(name);
    });
}

fn put_media_information(out: &mut BytesMut, codec: &Codec) {
    put_data_information(out, codec);
    boxed(out, *b"stbl", |out| {
        full_boxed(out, *b"stsd", 0, 0, |out| {
            out.put_u32(1);
            put_sample_entry(out, codec);
        });
        full_boxed(out, *b"stts", 0, 0, |out| out.put_u32(0));
        full_boxed(out, *b"stsc", 0, 0, |out| out.put_u32(0));
        full_boxed(out, *b"stsz", 0, 0, |out| out.put_u64(0));
        full_boxed(out, *b"stco", 0, 0, |out| out.put_u32(0));
    });
}

/// The kind of media, and that it is in the file.
pub(super) fn put_data_information(out: &mut BytesMut, codec: &Codec) {
    match codec.kind() {
        MediaKind::Video => full_boxed(out, *b"vmhd", 0, 1, |out| out.put_bytes(0, 8)),
        MediaKind::Audio => full_boxed(out, *b"smhd", 0, 0, |out| out.put_bytes(0, 4)),
    }
    boxed(out, *b"dinf", |out| {
        full_boxed(out, *b"dref", 0, 0, |out| {
            out.put_u32(1);
            full_boxed(out, *b"url ", 0, 1, |_| ()); // flag 1: the media is in this file
        });
    });
}
