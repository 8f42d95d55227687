//! Parameter sets of x265, sets put together by hand, and every way of cutting them short.

use proptest::prelude::*;

use super::*;
use crate::units::FrameRate;

/// Main, 318x178 cut from 320x184, 30000/1001 pictures a second.
const VPS: &[u8] =
    b"\x40\x01\x0c\x01\xff\xff\x01\x60\0\0\x03\0\x90\0\0\x03\0\0\x03\0\x3c\x95\x94\x09";
const SPS: &[u8] = b"\x42\x01\x01\x01\x60\0\0\x03\0\x90\0\0\x03\0\0\x03\0\x3c\xa0\x0a\x08\x0c\x1f\x3e\x59\x59\x52\x93\x0b\xc0\x5a\x02\0\0\x07\xd2\0\0\xea\x60\x10";
const PPS: &[u8] = b"\x44\x01\xc0\x73\xc1\x89";

fn config() -> HevcConfig {
    let (vps, sps, pps) =
        (Bytes::from_static(VPS), Bytes::from_static(SPS), Bytes::from_static(PPS));
    HevcConfig::from_sets(&[vps], &sps, &[pps]).expect("x265's sets")
}

/// Writes bits and Exp-Golomb numbers; a NAL unit of them gets its emulation prevention bytes.
#[derive(Default)]
struct Writer(Vec<bool>);

impl Writer {
    fn bits(&mut self, count: u32, value: u64) -> &mut Self {
        self.0.extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
        self
    }

    fn ue(&mut self, value: u32) -> &mut Self {
        let coded = u64::from(value) + 1;
        let length = 64 - coded.leading_zeros();
        self.bits(length - 1, 0).bits(length, coded)
    }

    fn ues(&mut self, values: impl IntoIterator<Item = u32>) -> &mut Self {
        values.into_iter().for_each(|value| {
            self.ue(value);
        });
        self
    }

    fn unit(&self, kind: u8) -> Vec<u8> {
        let mut bits = self.0.clone();
        bits.push(true);
        let mut unit = vec![kind << 1, 1];
        let mut zeros = 0;
        for byte in bits.chunks(8) {
            let byte = (0..8).fold(0, |b, at| b << 1 | u8::from(byte.get(at) == Some(&true)));
            if zeros == 2 && byte <= 3 {
                unit.push(3);
                zeros = 0;
            }
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            unit.push(byte);
        }
        unit
    }
}

/// What stands before the size in a set of `sub_layers` + 1 temporal layers, the levels of which are
/// told.
fn begin(out: &mut Writer, sub_layers: u64) {
    out.bits(4, 0).bits(3, sub_layers).bits(1, 1);
    out.bits(8, 1).bits(32, 0x6000_0000).bits(48, 0x9000_0000_0000).bits(8, 120);
    for _ in 0..sub_layers {
        out.bits(2, 0b11);
    }
    if sub_layers > 0 {
        out.bits(2 * (8 - sub_layers as u32), 0);
    }
    for _ in 0..sub_layers {
        out.bits(48, 0).bits(48, 0);
    }
    out.ue(0).ue(1);
}

#[test]
fn settings_come_from_the_sets() {
    let config = config();
    let picture = config.picture;
    assert_eq!((picture.width, picture.height, picture.pixel_aspect), (320, 180, (1, 1)));
    assert_eq!(picture.frame_rate, FrameRate::new(30_000, 1001));
    assert_eq!(config.rfc6381(), "hvc1.1.6.L60.90");
}

#[test]
fn a_record_reads_back_as_the_sets_it_was_made_of() {
    let made = config();
    let read = HevcConfig::from_record(made.record().clone(), false, (1, 1)).unwrap();
    assert_eq!(read, made);
    assert_eq!(read.parameter_sets().collect::<Vec<_>>(), [VPS, SPS, PPS]);
    let in_band = HevcConfig::from_record(made.record().clone(), true, (1, 1)).unwrap();
    assert_eq!(in_band.rfc6381(), "hev1.1.6.L60.90");
}

#[test]
fn a_record_without_sets_takes_the_size_of_its_entry() {
    let mut record = config().record()[..RECORD_FIXED].to_vec();
    record[22] = 0;
    let read = HevcConfig::from_record(record.clone().into(), true, (640, 360)).unwrap();
    assert_eq!(read.picture, Picture::of_size(640, 360));
    let none = HevcConfig::from_record(record.into(), true, (0, 360));
    assert_eq!(none, Err(HevcError::Size(0, 360)));
}

#[test]
fn strings_are_those_of_the_standard() {
    // The examples of ISO/IEC 14496-15 annex E, and a high-tier profile space B.
    for (fixed, text) in [
        ([0x01, 0x60, 0, 0, 0, 0xb0, 0, 0, 0, 0, 0, 93], "hvc1.1.6.L93.B0"),
        ([0x02, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 120], "hvc1.2.4.L120"),
        ([0xa4, 0x08, 0, 0, 0, 0x90, 0, 0x0a, 0, 0, 0, 153], "hvc1.B4.10.H153.90.0.A"),
    ] {
        let mut record = config().record().to_vec();
        record[1..13].copy_from_slice(&fixed);
        let read = HevcConfig::from_record(record.into(), false, (1, 1)).unwrap();
        assert_eq!(read.rfc6381(), text);
    }
}

#[test]
fn everything_before_the_timing_is_read_over() {
    let mut out = Writer::default();
    begin(&mut out, 2);
    out.ue(1920).ue(1088).bits(1, 1).ue(0).ue(0).ue(0).ue(4); // cropped to 1080
    out.ue(2).ue(2).ue(4); // 10 bits, picture order counts of 8
    out.bits(1, 1); // buffers of each sub-layer
    out.ues(0..9);
    out.ues(0..6); // block sizes
    out.bits(1, 1).bits(1, 1); // scaling lists: one coded, the rest copies
    for list in 0..20_u32 {
        if list == 7 {
            out.bits(1, 1);
            out.ues([2; 64]);
        } else {
            out.bits(1, 0).ue(0);
        }
    }
    out.bits(2, 3).bits(1, 1).bits(8, 0x77).ue(0).ue(2).bits(1, 0); // PCM
    out.ue(3); // reference picture sets
    out.ue(2).ue(1).ue(0).bits(1, 1).ue(1).bits(1, 1).ue(0).bits(1, 1); // -1, -3, +1
    // Predicted with a step of +1: 0 (dropped), -2, +2 and +1, so that three flags follow below.
    out.bits(1, 1).bits(1, 0).ue(0).bits(4, 0b1111);
    // Predicted with a step of -1: four flags, of which the second is unused and not kept.
    out.bits(1, 1).bits(1, 1).ue(0).bits(1, 1).bits(2, 0b00).bits(2, 0b11);
    out.bits(1, 1).ue(1).bits(8, 5).bits(1, 1); // a long-term picture
    out.bits(2, 3).bits(1, 1); // VUI
    out.bits(1, 1).bits(8, 255).bits(16, 4).bits(16, 3);
    out.bits(1, 1).bits(1, 0);
    out.bits(1, 1).bits(3, 5).bits(1, 1).bits(1, 1).bits(8, 9).bits(8, 18).bits(8, 9);
    out.bits(1, 1).ue(2).ue(2);
    out.bits(3, 0).bits(1, 1).ue(0).ue(0).ue(0).ue(0);
    out.bits(1, 1).bits(32, 1).bits(32, 50);
    let unit = out.unit(nal::SPS);
    let read = HevcConfig::from_sets(&[], &unit.into(), &[Bytes::from_static(PPS)]).unwrap();
    let colour = Colour { primaries: 9, transfer: 18, matrix: 9, full_range: true };
    let picture = Picture {
        pixel_aspect: (4, 3),
        frame_rate: FrameRate::new(50, 1),
        colour: Some(colour),
        ..Picture::of_size(1920, 1080)
    };
    assert_eq!(read.picture, picture);
    // Three temporal layers, nested, 4-byte lengths; 10 bits.
    assert_eq!(&read.record()[16..22], [0xfd, 0xfa, 0xfa, 0, 0, 0x1f]);
}

#[test]
fn timing_may_stand_in_the_video_parameter_set_alone() {
    let mut vps = Writer::default();
    vps.bits(4, 0).bits(2, 3).bits(6, 0).bits(3, 0).bits(1, 1).bits(16, 0xffff);
    vps.bits(48, 0).bits(48, 0).bits(1, 1).ue(0).ue(0).ue(0).bits(6, 1).ue(1).bits(2, 3);
    vps.bits(1, 1).bits(32, 1001).bits(32, 24_000);
    let mut sps = Writer::default();
    begin(&mut sps, 0);
    sps.ue(640).ue(360).bits(1, 0).ue(0).ue(0).ue(4).bits(1, 0).ue(0).ue(0).ue(0);
    sps.ues([0; 6]);
    sps.bits(1, 0).bits(2, 0).bits(1, 0).ue(0).bits(1, 0).bits(2, 0).bits(1, 0);
    let (vps, sps) = (vps.unit(nal::VPS).into(), sps.unit(nal::SPS).into());
    let read = HevcConfig::from_sets(&[vps], &sps, &[]).unwrap();
    assert_eq!(read.picture.frame_rate, FrameRate::new(24_000, 1001));
    let without = HevcConfig::from_sets(&[], &sps, &[]).unwrap();
    assert_eq!(without.picture.frame_rate, None);
}

#[test]
fn sets_are_told_apart_by_their_numbers() {
    assert_eq!([VPS, SPS, PPS].map(set_id), [Some(0); 3]);
    assert_eq!(set_id(b"\x44\x01\x58"), Some(1)); // 010
    assert_eq!([&b""[..], b"\x44", b"\x42\x01\x01"].map(set_id), [None; 3]);
}

#[test]
fn what_a_record_cannot_be_is_named() {
    let good = config().record().to_vec();
    let of = |record: Vec<u8>| HevcConfig::from_record(record.into(), false, (1, 1)).unwrap_err();
    let with = |at: usize, value: u8| {
        let mut record = good.clone();
        record[at] = value;
        of(record)
    };
    assert_eq!(with(0, 2), HevcError::Version(2));
    assert_eq!(with(21, 0x0d), HevcError::LengthSize(2));
    assert_eq!(with(22, 4), HevcError::Short);
    assert_eq!(of(good[..22].to_vec()), HevcError::Short);
    let long = Bytes::from(vec![0; 70_000]);
    let made = HevcConfig::from_sets(&[long], &Bytes::from_static(SPS), &[]);
    assert_eq!(made, Err(HevcError::Sets));
}

proptest! {
    #[test]
    fn no_sets_are_too_much(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
        other in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        for set in [VPS, SPS, &other] {
            let mut set = set.to_vec();
            for (at, value) in &edits {
                if !set.is_empty() {
                    let at = at.index(set.len());
                    set[at] = *value;
                }
            }
            set.truncate(cut.index(set.len() + 1));
            let set = Bytes::from(set);
            let _ = HevcConfig::from_sets(std::slice::from_ref(&set), &set, &[]);
            let _ = set_id(&set);
            let _ = HevcConfig::from_record(set, true, (2, 2));
        }
    }
}
