//! Boxes and descriptors written: the length goes in when the body is done.

use bytes::{BufMut, BytesMut};

/// Writes a box of `kind` round what `body` writes (ISO/IEC 14496-12 §4.2).
pub(super) fn boxed(out: &mut BytesMut, kind: [u8; 4], body: impl FnOnce(&mut BytesMut)) {
    let start = out.len();
    out.put_u32(0);
    out.put_slice(&kind);
    body(out);
    let size = length32(out.len() - start);
    out[start..start + 4].copy_from_slice(&size.to_be_bytes());
}

/// The same with version and flags (ISO/IEC 14496-12 §4.2, `FullBox`).
pub(super) fn full_boxed(
    out: &mut BytesMut,
    kind: [u8; 4],
    version: u8,
    flags: u32,
    body: impl FnOnce(&mut BytesMut),
) {
    boxed(out, kind, |out| {
        out.put_u32(u32::from(version) << 24 | flags & 0x00ff_ffff);
        body(out);
    });
}

/// Writes a descriptor of `tag` with an expandable length (ISO/IEC 14496-1 §8.3.3).
pub(super) fn descriptor(out: &mut BytesMut, tag: u8, body: impl FnOnce(&mut BytesMut)) {
    let mut inner = BytesMut::new();
    body(&mut inner);
    let length = length32(inner.len());
    out.put_u8(tag);
    for shift in [21, 14, 7] {
        if length >> shift != 0 {
            out.put_u8((length >> shift) as u8 | 0x80);
        }
    }
    out.put_u8(length as u8 & 0x7f);
    out.put_slice(&inner);
}

/// A length as 32 bits.
///
/// # Panics
/// At 4 GiB. The packager's limits keep a chunk thousands of times under it, and parameter sets are
/// bounded by 16-bit lengths.
pub(super) fn length32(length: usize) -> u32 {
    u32::try_from(length).expect("a chunk's and a sample's bytes are limited far under 4 GiB")
}

/// The matrix of `mvhd` and `tkhd` that changes nothing (ISO/IEC 14496-12 §8.2.2).
pub(super) fn put_unity_matrix(out: &mut BytesMut) {
    for value in [0x0001_0000, 0, 0, 0, 0x0001_0000, 0, 0, 0, 0x4000_0000] {
        out.put_u32(value);
    }
}
