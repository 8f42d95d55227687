//! Frames and boxes of ffmpeg's encoders, and substreams put together by hand.

#![allow(clippy::disallowed_methods, reason = "fixtures lie on the disk")]

use proptest::prelude::*;

use super::*;

fn fixture(name: &str) -> Vec<u8> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/codecs");
    std::fs::read(folder.join(name)).expect("a fixture")
}

fn frames(bytes: &[u8]) -> Vec<&[u8]> {
    let mut rest = bytes;
    let mut frames = Vec::new();
    while let Ok(Some(header)) = SyncFrameHeader::parse(rest) {
        let (frame, next) = rest.split_at(header.length);
        frames.push(frame);
        rest = next;
    }
    assert!(rest.is_empty());
    frames
}

#[test]
fn ac3_frames_give_the_box_that_ffmpeg_writes() {
    let bytes = fixture("ac3.frames");
    let frames = frames(&bytes);
    assert_eq!(frames.len(), 3);
    let config = Ac3Config::from_access_unit(frames[0]).unwrap();
    assert_eq!((config.sample_rate, config.channels(), config.channel_map), (48_000, 6, 0xf801));
    assert_eq!((config.rfc6381(), config.sound().frame_length), ("ac-3", 1536));
    // 48 kHz, version 8, complete main, 3/2 with LFE, 128 kbit/s.
    assert_eq!(config.record().as_ref(), [0x10, 0x3d, 0x00]);
    assert_eq!(Ac3Config::from_record(config.record().clone(), false), Ok(config.clone()));
    assert!(config.is_like(&Ac3Config::from_access_unit(frames[2]).unwrap()));
}

#[test]
fn enhanced_frames_give_the_box_that_ffmpeg_writes() {
    let bytes = fixture("eac3.frames");
    let config = Ac3Config::from_access_unit(frames(&bytes)[0]).unwrap();
    assert_eq!((config.sample_rate, config.channels(), config.channel_map), (48_000, 2, 0xa000));
    assert_eq!((config.rfc6381(), config.objects), ("ec-3", None));
    // 64 kbit/s, one programme; 48 kHz, version 16, 2/0 without LFE.
    assert_eq!(config.record().as_ref(), [0x02, 0x00, 0x20, 0x04, 0x00]);
    assert_eq!(Ac3Config::from_record(config.record().clone(), true), Ok(config));
}

/// An Enhanced AC-3 frame of 64 bytes: stream type, substream, blocks' code, 3/2 with LFE; then
/// `fields` from the channel map's flag (dependent) or the mixing metadata's on, bit by bit.
fn frame(kind: u32, substream: u32, blocks: u32, fields: &str) -> Vec<u8> {
    let head = u64::from(kind) << 30
        | u64::from(substream) << 27
        | 31 << 16
        | u64::from(blocks) << 12
        | 0b1111 << 8
        | 16 << 3;
    let mut bits: Vec<u8> = (0..32).rev().map(|bit| (head >> bit & 1) as u8).collect();
    bits.truncate(29); // bsid ends in the third bit of a byte
    bits.extend([0; 5 + 1]); // dialnorm, no compression
    bits.extend(fields.bytes().filter(|b| *b != b' ').map(|b| b - b'0'));
    let mut out = vec![0x0b, 0x77];
    out.extend(
        bits.chunks(8)
            .map(|byte| (0..8).fold(0, |b, at| b << 1 | byte.get(at).copied().unwrap_or(0))),
    );
    out.resize(64, 0);
    out
}

/// Nothing but joint object coding, of complexity 16.
const OBJECTS: &str = "0 0 1 000001 0000000 1 00010000";

#[test]
fn dependent_substreams_add_their_loudspeakers() {
    // A channel map of rear surrounds and a second LFE.
    let dependent = frame(1, 0, 3, "1 0000001000000010 0 0 0");
    let unit = [frame(0, 0, 3, "0 0 0"), dependent].concat();
    let config = Ac3Config::from_access_unit(&unit).unwrap();
    assert_eq!((config.channel_map, config.channels()), (0xfa03, 9));
    let record = config.record();
    // One programme with one dependent substream, whose locations are bits 1 and 8.
    assert_eq!(&record[2..], [0x20, 0x0f, 0x03, 0x02]);
    assert_eq!(Ac3Config::from_record(record.clone(), true), Ok(config));
}

#[test]
fn joint_object_coding_is_found_behind_all_other_metadata() {
    let config = Ac3Config::from_access_unit(&frame(0, 0, 3, OBJECTS)).unwrap();
    assert_eq!(config.objects, Some(16));
    assert_eq!(&config.record()[5..], [1, 16]);
    assert_eq!(Ac3Config::from_record(config.record().clone(), true), Ok(config));
    let fields = [
        "1",                          // mixing metadata
        "01 001 001 001 001 1 00011", // down-mix, surrounds, LFE
        "1 000001 1 000010 11 00001", // scales; 8 * (1 + 2) bits of mixing data
        "000000000000000000000000",
        "1 1 00001 0 0 0 0 0",         // configuration of blocks
        "1 101 00 00 1 00000000 0",    // information: bsmod 5, production
        "1 000001 0000000 1 00001100", // objects
    ];
    let config = Ac3Config::from_access_unit(&frame(0, 0, 3, &fields.concat())).unwrap();
    assert_eq!(config.objects, Some(12));
    assert_eq!(config.record()[3] >> 4 & 7, 5);
    let dependent = [frame(0, 0, 3, "0 0 0"), frame(1, 0, 3, &format!("0 {OBJECTS}"))].concat();
    assert_eq!(Ac3Config::from_access_unit(&dependent).unwrap().objects, Some(16));
}

#[test]
fn programmes_are_counted_over_the_first_blocks_alone() {
    let once = [frame(0, 0, 0, "0 0 0 0"), frame(0, 1, 0, "0 0 0 0")].concat();
    let config = Ac3Config::from_access_unit(&once.repeat(6)).unwrap();
    assert_eq!(config.record()[1] & 7, 1);
    assert_eq!(config.record().len(), 2 + 3 + 3);
    assert_eq!(config.channels(), 6);
    let late = Ac3Config::from_access_unit(&frame(0, 1, 3, "0 0 0"));
    assert_eq!(late, Err(Ac3Error::Substreams));
    let orphan = Ac3Config::from_access_unit(&frame(1, 0, 3, "0 0 0 0"));
    assert_eq!(orphan, Err(Ac3Error::Substreams));
}

#[test]
fn the_data_rate_is_no_setting() {
    let unit = frame(0, 0, 3, "0 0 0");
    let one = Ac3Config::from_access_unit(&unit).unwrap();
    let mut other = one.clone();
    other.record = Bytes::from([&[0x40, 0x00], &one.record()[2..]].concat());
    assert_ne!(one, other);
    assert!(one.is_like(&other));
    assert!(!one.is_like(&Ac3Config::from_access_unit(&frame(0, 0, 3, OBJECTS)).unwrap()));
}

#[test]
fn what_is_not_carried_is_named() {
    let parse = |bytes: &[u8]| SyncFrameHeader::parse(bytes);
    assert_eq!(parse(&[0x0b]), Ok(None));
    assert_eq!(parse(&[0x0b, 0x76]), Err(Ac3Error::Syncword));
    assert_eq!(parse(&[0x0b, 0x77, 0, 0, 0xc0, 0x40]), Err(Ac3Error::SamplingRate(3)));
    assert_eq!(parse(&[0x0b, 0x77, 0, 0, 0x3f, 0x40]), Err(Ac3Error::FrameSize(63)));
    assert_eq!(parse(&[0x0b, 0x77, 0, 0, 0, 0x48]), Err(Ac3Error::Version(9)));
    assert_eq!(parse(&[0x0b, 0x77, 0xc0, 0, 0, 0x80]), Err(Ac3Error::StreamType(3)));
    // 44.1 kHz: every second size has a word more.
    let length = |code| parse(&[0x0b, 0x77, 0, 0, code, 0x40]).unwrap().unwrap().length;
    assert_eq!((length(0x40), length(0x41)), (138, 140));
    assert_eq!(
        Ac3Config::from_record(Bytes::from_static(&[0xc0, 0, 0]), false),
        Err(Ac3Error::SamplingRate(3))
    );
    assert_eq!(Ac3Config::from_record(Bytes::from_static(&[0, 0]), false), Err(Ac3Error::Short));
    assert_eq!(
        Ac3Config::from_record(Bytes::from_static(&[0, 7, 0, 0, 0]), true),
        Err(Ac3Error::Short)
    );
}

proptest! {
    #[test]
    fn no_access_unit_is_too_much(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let units = [fixture("ac3.frames"), fixture("eac3.frames"), frame(0, 0, 0, OBJECTS)];
        for mut unit in units {
            for (at, value) in &edits {
                let at = at.index(unit.len().min(24));
                unit[at] = *value;
            }
            unit.truncate(cut.index(unit.len() + 1));
            let _ = Ac3Config::from_access_unit(&unit);
            let _ = Ac3Config::from_record(unit.into(), true);
        }
    }
}
