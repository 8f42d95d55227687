//! Records of real encoders, and headers put together by hand.

use proptest::prelude::*;

use super::*;
use crate::units::FrameRate;

/// SVT-AV1: profile 0, 318x178, no colour.
const PLAIN: &[u8] = b"\x81\0\x0c\0\x0a\x0b\0\0\0\x04\x3c\xf6\xc4\x02\xf8\0\x40";
/// libaom: 10 bits, 320x180, BT.2020 and PQ.
const PQ: &[u8] = b"\x81\0\x4c\0\x0a\x0e\0\0\0\x04\x3c\xfe\xcc\xda\xf9\x50\x91\0\x90\x40";

fn read(record: &[u8]) -> Result<Av1Config, Av1Error> {
    Av1Config::from_record(Bytes::copy_from_slice(record), (64, 64))
}

#[test]
fn settings_come_from_the_sequence_header() {
    let plain = read(PLAIN).unwrap();
    assert_eq!((plain.picture.width, plain.picture.height), (318, 178));
    assert_eq!((plain.picture.colour, plain.rfc6381()), (None, "av01.0.00M.08".to_owned()));
    let pq = read(PQ).unwrap();
    let colour = Colour { primaries: 9, transfer: 16, matrix: 9, full_range: false };
    assert_eq!(pq.picture, Picture { colour: Some(colour), ..Picture::of_size(320, 180) });
    assert_eq!(pq.rfc6381(), "av01.0.00M.10.0.110.09.16.09.0");
    assert_eq!(pq.record().as_ref(), PQ);
}

#[test]
fn a_record_without_header_takes_the_size_of_its_entry() {
    let read_of = |size| Av1Config::from_record(Bytes::from_static(&PLAIN[..4]), size);
    assert_eq!(read_of((640, 360)).unwrap().picture, Picture::of_size(640, 360));
    assert_eq!(read_of((640, 0)), Err(Av1Error::Size(640, 0)));
    // Main profile, level 5.1 (13), high tier, monochrome.
    let mut record = PLAIN[..4].to_vec();
    record[1..3].copy_from_slice(&[13, 0x9c]);
    assert_eq!(read(&record).unwrap().rfc6381(), "av01.0.13H.08.1.110.01.01.01.0");
}

#[test]
fn timing_and_operating_points_are_read_over() {
    let bits = [
        "000 0 0",                          // profile, still, reduced
        "1",                                // timing
        "00000000000000000000001111101001", // 1001 ticks
        "00000000000000001110101001100000", // of 60000
        "1 010",                            // each picture lasts two
        "1 01001",                          // decoder model: delays of 10 bits
        "00000000000000000000000000000001 00000 00000",
        "1 00001", // display delays; two operating points
        "000000000000 01000 1 1 0000000001 0000000001 0 1 0011",
        "000000000000 00001 0 0",
        "1000 0111",                     // sizes of 9 and 8 bits
        "100111101 10110001",            // 318x178
        "1 0000 000",                    // frame numbers
        "000 0000 1 00 0 1 0 0 111 000", // tools
        "0 0 0 0 10 0 0",                // colour, film grain
    ]
    .concat();
    let bits: Vec<u8> = bits.bytes().filter(|b| *b != b' ').map(|b| b - b'0').collect();
    let header: Vec<u8> = bits
        .chunks(8)
        .map(|byte| (0..8).fold(0, |b, at| b << 1 | byte.get(at).copied().unwrap_or(0)))
        .collect();
    let obu = [&PLAIN[..4], &[0x0a, header.len() as u8], &header].concat();
    let picture = read(&obu).unwrap().picture;
    assert_eq!((picture.width, picture.height), (318, 178));
    assert_eq!(picture.frame_rate, FrameRate::new(30_000, 1001));
    // Another OBU before it, with an extension.
    let second = [&PLAIN[..4], &[0x7e, 0, 1, 9], &obu[4..]].concat();
    assert_eq!(read(&second).unwrap().picture, picture);
}

#[test]
fn what_a_record_cannot_be_is_named() {
    assert_eq!(read(&PLAIN[..3]), Err(Av1Error::Short));
    assert_eq!(read(&[0x82, 0, 0, 0]), Err(Av1Error::Version(0x82)));
    assert_eq!(read(&PLAIN[..PLAIN.len() - 1]), Err(Av1Error::Short));
    assert_eq!(read(&[&PLAIN[..4], &[0x0a, 2, 0, 0]].concat()), Err(Av1Error::SequenceHeader));
}

proptest! {
    #[test]
    fn no_record_is_too_much(
        pq: bool,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut record = if pq { PQ } else { PLAIN }.to_vec();
        for (at, value) in edits {
            let at = at.index(record.len());
            record[at] = value;
        }
        record.truncate(cut.index(record.len() + 1));
        let _ = read(&record);
    }
}
