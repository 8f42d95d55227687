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
fn addressing_that_is_absolute_or_unsaid_counts_from_the_moof_unless_strict() {
    for flags in [0x01, 0] {
        let bytes = foreign(flags, plain_run(2), b"aabb");
        let parsed = tolerant(&bytes).expect("another's addressing");
        assert_eq!(&bytes[parsed.samples[1].data.clone()], b"bb");
        let strict = parse_chunk(&bytes, &DEFAULTS, Strictness::Strict);
        assert!(matches!(strict, Err(ReadError::Addressing { .. })));
    }
}

#[test]
fn several_tracks_share_a_moof_and_each_has_its_own_defaults() {
    let mut out = BytesMut::new();
    boxed(&mut out, *b"moof", |out| {
        full_boxed(out, *b"mfhd", 0, 0, |out| out.put_u32(3));
        for (track, time) in [(1, 7), (2, 9)] {
            boxed(out, *b"traf", |out| {
                full_boxed(out, *b"tfhd", 0, 0, |out| out.put_u32(track));
                full_boxed(out, *b"tfdt", 0, 0, |out| out.put_u32(time));
                plain_run(2)(out);
            });
        }
    });
    boxed(&mut out, *b"mdat", |out| out.put_slice(b"aabbcccddd"));
    let defaults = |track: u32| SampleDefaults { size: track + 1, ..DEFAULTS };
    let chunks = parse_fragment(&out, &defaults).expect("two tracks");
    let seen: Vec<_> =
        chunks.iter().map(|c| (c.track_id, c.base_decode_time, c.samples.len())).collect();
    assert_eq!(seen, [(1, Some(7), 2), (2, Some(9), 2)]);
    let last = &chunks[1].samples[1];
    assert_eq!(&out[last.data.clone()], b"ddd");
    let bytes = foreign(0x02_0000, plain_run(40_000), b"");
    let none = |_: u32| SampleDefaults { size: 0, ..DEFAULTS };
    assert!(parse_fragment(&bytes, &none).is_ok());
    let twice = foreign(0x02_0000, |out| (0..2).for_each(|_| plain_run(40_000)(out)), b"");
    assert!(matches!(parse_fragment(&twice, &none), Err(ReadError::TooManySamples { .. })));
}

/// A header with an edit list: rows of length and beginning.
fn movie(edits: &[(u32, i32)]) -> Vec<u8> {
    let plain = crate::isobmff::tests::video_init();
    let mut edts = BytesMut::new();
    boxed(&mut edts, *b"edts", |out| {
        full_boxed(out, *b"elst", 0, 0, |out| {
            out.put_u32(u32::try_from(edits.len()).expect("few"));
            for (length, begins) in edits {
                out.put_u32(*length);
                out.put_i32(*begins);
                out.put_u32(1 << 16);
            }
        });
    });
    let mut bytes = plain.to_vec();
    // Into trak and moov, behind what is there of trak.
    let at = |kind: &[u8; 4]| bytes.windows(4).position(|w| w == kind).expect("it is there") - 4;
    let (moov, trak) = (at(b"moov"), at(b"trak"));
    let size = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four"));
    let (moov_size, trak_size) = (size(moov), size(trak));
    let more = u32::try_from(edts.len()).expect("small");
    bytes[moov..moov + 4].copy_from_slice(&(moov_size + more).to_be_bytes());
    bytes[trak..trak + 4].copy_from_slice(&(trak_size + more).to_be_bytes());
    let end = trak + trak_size as usize;
    bytes.splice(end..end, edts.iter().copied());
    bytes
}

#[test]
fn an_edit_list_moves_what_is_presented() {
    // The movie's ticks are the track's in what we write.
    for (edits, shift) in [
        (&[][..], 0),
        (&[(0, 1_024)][..], -1_024),
        (&[(12_800, -1), (5, 100), (7, 9_000)][..], 12_700),
        (&[(6_400, -1)][..], 6_400),
    ] {
        let read = parse_movie(&movie(edits)).expect("a moov");
        assert_eq!(read[0].presentation_shift, shift, "{edits:?}");
    }
    assert!(parse_init(&movie(&[(0, 0)]), Strictness::Strict).is_err());
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
