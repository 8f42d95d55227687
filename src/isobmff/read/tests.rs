//! What others write, and what nobody should: each refusal by name.

use bytes::{BufMut, BytesMut};

use super::*;
use crate::isobmff::write::{boxed, full_boxed};
use crate::isobmff::{DEPTH_MAX, scan};

const DEFAULTS: SampleDefaults = SampleDefaults { duration: 40, size: 2, flags: 0x0101_0000 };

/// A moof of one traf that holds `tfhd` flags and `runs`, and an mdat of `payload`.
fn foreign(tfhd: u32, runs: impl Fn(&mut BytesMut), payload: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    boxed(&mut out, *b"moof", |out| {
        full_boxed(out, *b"mfhd", 0, 0, |out| out.put_u32(3));
        boxed(out, *b"traf", |out| {
            full_boxed(out, *b"tfhd", 0, tfhd, |out| {
                out.put_u32(5);
                if tfhd & 1 != 0 {
                    out.put_u64(0);
                }
            });
            full_boxed(out, *b"tfdt", 0, 0, |out| out.put_u32(1_000));
            runs(out);
        });
    });
    boxed(&mut out, *b"mdat", |out| out.put_slice(payload));
    out.to_vec()
}

/// A run of `count` samples without any field of their own.
fn plain_run(count: u32) -> impl Fn(&mut BytesMut) {
    move |out| full_boxed(out, *b"trun", 0, 0, |out| out.put_u32(count))
}

fn tolerant(bytes: &[u8]) -> Result<ParsedChunk, ReadError> {
    parse_chunk(bytes, &DEFAULTS, Strictness::Tolerant)
}

#[test]
fn what_a_chunk_does_not_say_comes_from_trex() {
    let bytes = foreign(0x02_0000, plain_run(2), b"aabb");
    let parsed = tolerant(&bytes).expect("a chunk of another's making");
    assert_eq!((parsed.track_id, parsed.base_decode_time), (5, Some(1_000)));
    let seen: Vec<_> =
        parsed.samples.iter().map(|s| (s.duration, s.sync(), &bytes[s.data.clone()])).collect();
    assert_eq!(seen, [(40, false, b"aa".as_slice()), (40, false, b"bb")]);
}

#[test]
fn several_runs_follow_one_another_in_the_mdat() {
    let runs = |out: &mut BytesMut| {
        plain_run(1)(out);
        full_boxed(out, *b"trun", 0, 0x204, |out| {
            out.put_u32(1);
            out.put_u32(0x0200_0000); // first_sample_flags
            out.put_u32(3);
        });
    };
    let bytes = foreign(0x02_0000, runs, b"aabbb");
    let parsed = tolerant(&bytes).expect("two runs");
    assert_eq!(&bytes[parsed.samples[1].data.clone()], b"bbb");
    assert_eq!([parsed.samples[0].sync(), parsed.samples[1].sync()], [false, true]);
}

#[test]
fn samples_outside_the_mdat_are_refused() {
    let bytes = foreign(0x02_0000, plain_run(3), b"aabb");
    let trun = bytes.windows(4).position(|name| name == b"trun").expect("a trun") - 4;
    assert_eq!(tolerant(&bytes), Err(ReadError::Data { kind: FourCc(*b"trun"), offset: trun }));
    let before = |out: &mut BytesMut| {
        full_boxed(out, *b"trun", 1, 1, |out| {
            out.put_u32(1);
            out.put_i32(-4);
        });
    };
    let bytes = foreign(0x02_0000, before, b"aabb");
    assert_eq!(tolerant(&bytes), Err(ReadError::Data { kind: FourCc(*b"trun"), offset: trun }));
}

#[test]
fn a_count_that_costs_nothing_to_say_is_bounded() {
    let none = SampleDefaults { size: 0, ..DEFAULTS };
    let bytes = foreign(0x02_0000, plain_run(u32::MAX), b"");
    let read = parse_chunk(&bytes, &none, Strictness::Tolerant);
    let count = u64::from(u32::MAX);
    assert!(matches!(read, Err(ReadError::TooManySamples { count: found, .. }) if found == count));
}

#[test]
fn absolute_addressing_is_refused_and_a_missing_flag_only_when_strict() {
    let absolute = foreign(0x01, plain_run(2), b"aabb");
    assert!(matches!(tolerant(&absolute), Err(ReadError::Addressing { .. })));
    let unsaid = foreign(0, plain_run(2), b"aabb");
    assert!(tolerant(&unsaid).is_ok());
    let strict = parse_chunk(&unsaid, &DEFAULTS, Strictness::Strict);
    assert!(matches!(strict, Err(ReadError::Addressing { .. })));
}

#[test]
fn boxes_nobody_knows_are_skipped_unless_strict() {
    let mut bytes = b"\0\0\0\x0cwhat????".to_vec();
    bytes.extend(foreign(0x02_0000, plain_run(2), b"aabb"));
    assert!(tolerant(&bytes).is_ok());
    let strict = parse_chunk(&bytes, &DEFAULTS, Strictness::Strict);
    assert_eq!(strict, Err(ReadError::Unexpected { kind: FourCc(*b"what"), offset: 0 }));
}

#[test]
fn errors_name_the_box_and_where_it_begins() {
    let bytes = foreign(0x02_0000, plain_run(2), b"aabb");
    let cut = tolerant(&bytes[..bytes.len() - 1]).expect_err("a byte is missing");
    let at = bytes.len() - 12;
    let text = format!("box 'mdat' at byte {at} says it has 12 bytes; at most 11 are there");
    assert_eq!(cut.to_string(), text);
    let none = tolerant(&bytes[..at]).expect_err("no mdat");
    assert_eq!(none.to_string(), "no box 'mdat' in 'file' at byte 0");
    let small = tolerant(b"\0\0\0\x04moof").expect_err("a box under its own header's size");
    assert!(matches!(small, ReadError::Size { size: 4, .. }));
}

#[test]
fn boxes_in_boxes_end_at_the_depth_allowed() {
    let nested = |levels: usize| {
        let mut bytes = Vec::new();
        for level in (1..=levels).rev() {
            bytes.extend_from_slice(&(8 * level as u32).to_be_bytes());
            bytes.extend_from_slice(b"moov");
        }
        bytes
    };
    let depth = |levels| scan(&nested(levels), Strictness::Strict, &mut |_| ());
    assert_eq!(depth(DEPTH_MAX), Ok(()));
    assert!(matches!(depth(DEPTH_MAX + 1), Err(ReadError::Depth { .. })));
    let text = crate::isobmff::dump(&nested(400));
    assert!(text.ends_with("(deeper boxes are not shown)\n"), "{text}");
}
