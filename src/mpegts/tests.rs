//! The demultiplexer over real encoders' streams, streams put together by hand, and garbage.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test may panic")]

mod codecs;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::build::{self, Mux};
use super::{Demuxer, DemuxerLimits, Event, Fault, LeftOut, fuzz_demuxer};
use crate::media::{Codec, MediaKind, Sample, TrackId, TrackInfo, VariantName};
use crate::units::FrameRate;

const FIXTURES: [&str; 8] = [
    "audio-441",
    "bframes-25",
    "bframes-2997",
    "bframes-30",
    "codecs",
    "two-languages",
    "two-programs",
    "wrap",
];

fn fixture(file: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/ts").join(file)).unwrap()
}

fn demuxer() -> Demuxer {
    Demuxer::new(VariantName::default(), DemuxerLimits::default())
}

fn drain(demuxer: &mut Demuxer) -> Vec<Event> {
    std::iter::from_fn(|| demuxer.poll_event()).collect()
}

/// The events of one body, pushed in pieces.
fn demux(bytes: &[u8], piece: usize) -> Vec<Event> {
    let mut demuxer = demuxer();
    bytes.chunks(piece).for_each(|piece| demuxer.push(piece));
    demuxer.end_of_body();
    drain(&mut demuxer)
}

fn samples(events: &[Event], pid: u32) -> Vec<&Sample> {
    let of_pid = |event| match event {
        &Event::Sample(TrackId(id), ref sample) if id == pid => Some(sample),
        _ => None,
    };
    events.iter().filter_map(of_pid).collect()
}

fn tracks(events: &[Event]) -> Vec<&TrackInfo> {
    events
        .iter()
        .filter_map(|e| if let Event::Track(track) = e { Some(track) } else { None })
        .collect()
}

fn faults(events: &[Event]) -> Vec<&'static str> {
    events
        .iter()
        .filter_map(|e| if let Event::Fault(f) = e { Some(f.name()) } else { None })
        .collect()
}

fn times(events: &[Event], pid: u32) -> Vec<(i64, i64)> {
    samples(events, pid).iter().map(|sample| (sample.pts, sample.dts)).collect()
}

#[test]
fn frames_are_the_ones_ffprobe_reads() {
    for name in FIXTURES {
        let events = demux(&fixture(&format!("{name}.ts")), 4096);
        assert_eq!(faults(&events), [""; 0], "{name}");
        let list = String::from_utf8(fixture(&format!("{name}.packets"))).unwrap();
        let mut expected: BTreeMap<u32, Vec<Vec<&str>>> = BTreeMap::new();
        for line in list.lines() {
            let fields: Vec<&str> = line.split(' ').collect();
            let pid = u32::from_str_radix(fields[0].trim_start_matches("0x"), 16).unwrap();
            expected.entry(pid).or_default().push(fields);
        }
        assert_eq!(tracks(&events).len(), expected.len(), "{name}");
        for (pid, lines) in expected {
            let track = tracks(&events).into_iter().find(|t| t.id.0 == pid).unwrap();
            let audio = track.kind() == MediaKind::Audio;
            // ffprobe counts the ADTS header.
            let header = if matches!(track.codec, Codec::Aac(_)) { 7 } else { 0 };
            let got = samples(&events, pid);
            assert_eq!(got.len(), lines.len(), "{name} {pid}");
            for (n, (sample, line)) in got.iter().zip(&lines).enumerate() {
                let near = |time: i64, text: &str| {
                    // ffprobe rounds audio frame by frame; its times wrap.
                    let tolerance = i64::from(audio);
                    let off = time - text.parse::<i64>().unwrap() + tolerance;
                    off.rem_euclid(1 << 33) <= 2 * tolerance
                };
                assert!(near(sample.pts, line[1]), "{name} {pid} {n}: pts {} {line:?}", sample.pts);
                assert!(near(sample.dts, line[2]), "{name} {pid} {n}: dts {} {line:?}", sample.dts);
                assert_eq!(sample.sync, line[3] == "K", "{name} {pid} {n}");
                let size: usize = line[4].parse().unwrap();
                if audio {
                    assert_eq!(sample.data.len(), size - header, "{name} {pid} {n}");
                } else {
                    check_units(sample, &track.codec);
                }
            }
            assert!(got.windows(2).all(|pair| pair[0].dts < pair[1].dts), "{name} {pid}");
        }
    }
}

/// A video sample is NAL units with 4-byte lengths, none of them a parameter set or delimiter.
fn check_units(sample: &Sample, codec: &Codec) {
    let mut rest = &sample.data[..];
    while let Some((length, after)) = rest.split_first_chunk() {
        let (unit, next) = after.split_at(u32::from_be_bytes(*length) as usize);
        let first = unit[0];
        let right = match codec {
            Codec::Hevc(_) => matches!(first >> 1, 0..=31 | 39 | 40),
            _ => matches!(first & 0x1f, 1 | 5 | 6),
        };
        assert!(right, "NAL unit header {first:#04x}");
        rest = next;
    }
    assert!(rest.is_empty());
}

#[test]
fn settings_come_from_the_bitstream() {
    for (name, frames, seconds) in
        [("bframes-25", 25, 1), ("bframes-2997", 30_000, 1001), ("bframes-30", 30, 1)]
    {
        let events = demux(&fixture(&format!("{name}.ts")), 1 << 20);
        let Codec::Avc(avc) = &tracks(&events)[0].codec else { panic!("video leads") };
        assert_eq!((avc.width, avc.height), (320, 180));
        assert_eq!(avc.frame_rate, FrameRate::new(frames, seconds));
        let Codec::Aac(aac) = &tracks(&events)[1].codec else { panic!("audio follows") };
        assert_eq!((aac.sample_rate, aac.channels, aac.object_type), (48_000, 1, 2));
    }
}

#[test]
fn languages_come_from_the_map() {
    let events = demux(&fixture("two-languages.ts"), 1 << 20);
    let languages: Vec<_> = tracks(&events).iter().map(|t| t.language.as_str()).collect();
    assert_eq!(languages, ["und", "eng", "fra"]);
    assert!(tracks(&events).iter().all(|track| track.variant.as_str().is_empty()));
}

#[test]
fn two_programmes_are_two_rungs() {
    let events = demux(&fixture("two-programs.ts"), 1 << 20);
    let mut rungs: Vec<_> = tracks(&events).iter().map(|t| (t.id.0, t.variant.as_str())).collect();
    rungs.sort_unstable();
    assert_eq!(rungs, [(0x100, "p1"), (0x101, "p1"), (0x102, "p2"), (0x103, "p2")]);
}

#[test]
fn a_wrap_goes_on_beyond_33_bits_on_every_track() {
    let events = demux(&fixture("wrap.ts"), 1 << 20);
    for pid in [0x100, 0x101] {
        let times = times(&events, pid);
        assert!(times.first().unwrap().1 < 1 << 33 && times.last().unwrap().1 > 1 << 33);
    }
}

#[test]
fn a_reference_of_another_stream_decides_the_turn() {
    let mut demuxer = demuxer();
    demuxer.set_reference(7 << 33);
    demuxer.push(&fixture("bframes-25.ts"));
    assert_eq!(times(&drain(&mut demuxer), 0x100)[0].1, (7 << 33) + 126_000);
    assert!(demuxer.reference().unwrap() > (7 << 33) + 126_000);
}

#[test]
fn tables_and_settings_last_from_body_to_body() {
    let bytes = fixture("bframes-25.ts");
    let whole = demux(&bytes, 1 << 20);
    let mut demuxer = demuxer();
    let mut events = Vec::new();
    // A PES packet without a length ends with its body, so bodies are cut where frames begin.
    let starts =
        (188..bytes.len()).step_by(188).filter(|at| bytes[at + 1] == 0x41 && bytes[at + 2] == 0);
    let cuts: Vec<usize> = [0].into_iter().chain(starts.step_by(40)).chain([bytes.len()]).collect();
    for pair in cuts.windows(2) {
        demuxer.push(&bytes[pair[0]..pair[1]]);
        demuxer.end_of_body();
        events.extend(drain(&mut demuxer));
    }
    assert_eq!(tracks(&events).len(), 2);
    assert_eq!(times(&events, 0x100), times(&whole, 0x100));
}

#[test]
fn a_lost_packet_costs_the_frame_it_belonged_to() {
    let bytes = fixture("bframes-25.ts");
    let whole = demux(&bytes, 1 << 20);
    let lost = (0..bytes.len() / 188)
        .filter(|n| bytes[n * 188 + 1..n * 188 + 3] == [0x01, 0x00])
        .nth(100)
        .unwrap();
    let mut damaged = bytes.clone();
    damaged.drain(lost * 188..(lost + 1) * 188);
    let events = demux(&damaged, 1000);
    assert_eq!(faults(&events), ["continuity_broken"]);
    assert_eq!(samples(&events, 0x100).len(), samples(&whole, 0x100).len() - 1);
    assert_eq!(samples(&events, 0x101), samples(&whole, 0x101));
}

#[test]
fn duplicates_change_nothing() {
    let bytes = fixture("bframes-25.ts");
    let doubled: Vec<u8> = bytes.chunks(188).flat_map(|p| [p, p].concat()).collect();
    assert_eq!(demux(&doubled, 999), demux(&bytes, 999));
}

#[test]
fn garbage_inside_a_frame_costs_that_frame() {
    let bytes = fixture("bframes-25.ts");
    let whole = demux(&bytes, 1 << 20);
    let mut garbled = bytes;
    let inside = 300 * 188 + 90;
    garbled.splice(inside..inside, [0x33; 50]);
    let events = demux(&garbled, 700);
    assert_eq!(faults(&events)[0], "sync_lost");
    let (before, after) = (samples(&whole, 0x100), samples(&events, 0x100));
    assert!(after.len() + 1 >= before.len());
    assert!(after.iter().all(|sample| before.contains(sample)));
}

#[test]
fn packets_of_192_and_204_bytes_are_refused_by_name() {
    let bytes = fixture("bframes-25.ts");
    for (before, after, size) in [(4, 0, 192), (0, 16, 204)] {
        let foreign: Vec<u8> = bytes
            .chunks(188)
            .flat_map(|p| [&vec![1; before], p, &vec![2; after]].concat())
            .collect();
        assert_eq!(demux(&foreign, 5000), [Event::Fault(Fault::PacketSize(size))]);
    }
}

/// AAC LC, 48 kHz, stereo: a frame of `length` bytes with its header.
fn adts(length: usize, fill: u8) -> Vec<u8> {
    let mut frame = vec![0xff, 0xf1, 0x4c, 0x80, 0, 0x1f, 0xfc];
    frame[3] |= (length >> 11) as u8 & 3;
    frame[4] = (length >> 3) as u8;
    frame[5] |= (length << 5) as u8;
    frame.resize(length, fill);
    frame
}

#[test]
fn the_time_is_that_of_the_first_audio_frame_to_start_in_a_packet() {
    let frames: Vec<Vec<u8>> = (0..6).map(|n| adts(50, n)).collect();
    let stream = frames.concat();
    let mut mux = Mux::with_streams(&[(0x0f, 257, b"\x0a\x04deu\x00")]);
    // Cut inside the third frame's header: that frame still belongs to the first time.
    mux.pes(257, &build::pes(9_000, None, &stream[..103], 103));
    mux.pes(257, &build::pes(20_000, None, &stream[103..220], 117));
    mux.pes(257, &build::pes_untimed(&stream[220..]));
    let events = demux(&mux.bytes, 188);
    // 1,024 samples at 48 kHz are 1,920 ticks; the fourth frame starts in the second PES packet.
    let pts: Vec<i64> = times(&events, 257).iter().map(|(pts, _)| *pts).collect();
    assert_eq!(pts, [9_000, 10_920, 12_840, 20_000, 21_920, 23_840]);
    assert_eq!(samples(&events, 257)[2].data, vec![2; 43]);
    assert_eq!(tracks(&events)[0].language.as_str(), "deu");
    assert_eq!(faults(&events), ["no_pts"]);
}

#[test]
fn audio_after_a_loss_waits_for_a_time_of_its_own() {
    let mut mux = Mux::with_streams(&[(0x0f, 257, &[])]);
    mux.pes(257, &build::pes(9_000, None, &adts(100, 1).repeat(3), 300));
    mux.lose_packet(257);
    mux.pes(257, &build::pes_untimed(&adts(100, 2).repeat(2)));
    mux.pes(257, &build::pes(50_000, None, &adts(100, 3).repeat(2), 200));
    let events = demux(&mux.bytes, 188);
    let pts: Vec<i64> = times(&events, 257).iter().map(|(pts, _)| *pts).collect();
    assert_eq!(pts, [9_000, 10_920, 12_840, 50_000, 51_920]);
    assert_eq!(faults(&events), ["continuity_broken", "no_pts"]);
}

#[test]
fn what_only_looks_like_a_header_does_not_change_the_track() {
    let mut mux = Mux::with_streams(&[(0x0f, 257, &[])]);
    let mut other_rate = adts(20, 0xaa);
    other_rate[2] = 0x50;
    let payload = [adts(40, 1), adts(40, 2), other_rate, adts(40, 3)].concat();
    mux.pes(257, &build::pes(9_000, None, &payload, payload.len() as u16));
    mux.pes(257, &build::pes(30_000, None, &adts(40, 4), 40));
    let events = demux(&mux.bytes, 188);
    assert_eq!(tracks(&events).len(), 1);
    assert_eq!(faults(&events), ["audio_unconfirmed"]);
    let last: Vec<i64> = times(&events, 257).iter().map(|(pts, _)| *pts).collect();
    assert_eq!(last, [9_000, 10_920, 30_000]);
}

#[test]
fn what_is_not_carried_on_is_reported_once() {
    let streams: &[(u8, u16, &[u8])] =
        &[(0x02, 300, &[]), (0x11, 301, &[]), (0x06, 302, b"\x05\x04Opus")];
    let mut mux = Mux::with_streams(streams);
    mux.section(4096, &build::pmt(1, streams));
    mux.section(4096, &build::pmt(1, &[streams[0], (0x06, 303, &[])]));
    let left = |pid, stream_type, name| Event::LeftOut(LeftOut { pid, stream_type, name });
    assert_eq!(
        demux(&mux.bytes, 188),
        [
            left(300, 0x02, Some("MPEG-2 video")),
            left(301, 0x11, Some("AAC in LATM")),
            left(302, 0x06, Some("Opus")),
            left(303, 0x06, None)
        ]
    );
    let sentence = LeftOut { pid: 302, stream_type: 6, name: Some("Opus") }.to_string();
    assert_eq!(
        sentence,
        "elementary stream 302 of type 0x06 (Opus) is not carried from a transport stream: H.264, HEVC, AAC in ADTS, AC-3, Enhanced AC-3 and MP3 are"
    );
}

/// NAL units behind start codes.
fn annexb(units: &[&[u8]]) -> Vec<u8> {
    units.iter().flat_map(|unit| [&[0, 0, 0, 1], *unit].concat()).collect()
}

/// The parameter sets of a fixture, whose frames last 3,600 ticks.
fn sets(name: &str) -> (Vec<u8>, Vec<u8>) {
    let events = demux(&fixture(name), 1 << 20);
    let mut codecs = tracks(&events).into_iter().map(|track| track.codec.clone());
    let avc = codecs.find_map(|c| if let Codec::Avc(avc) = c { Some(avc) } else { None });
    let avc = avc.unwrap();
    (avc.sps.to_vec(), avc.pps[0].to_vec())
}

const AUD: &[u8] = &[9, 0xf0];
const IDR: &[u8] = &[0x65, 0x88, 0x80];
const SLICE: &[u8] = &[0x41, 0x9a, 0x80];

#[test]
fn pictures_before_parameter_sets_are_left_out_and_reported_once() {
    let (sps, pps) = sets("bframes-25.ts");
    let mut mux = Mux::with_streams(&[(0x1b, 256, &[])]);
    mux.pes(256, &build::pes(3_600, None, &annexb(&[AUD, SLICE]), 0));
    mux.pes(256, &build::pes(7_200, None, &annexb(&[AUD, &pps, SLICE]), 0));
    mux.pes(256, &build::pes(10_800, None, &annexb(&[AUD, &sps, IDR]), 0));
    mux.pes(256, &build::pes(14_400, None, &annexb(&[AUD, &[12, 0xff], SLICE]), 0));
    let events = demux(&mux.bytes, 188);
    assert_eq!(faults(&events), ["picture_before_parameter_sets"]);
    assert_eq!(times(&events, 256), [(10_800, 10_800), (14_400, 14_400)]);
    assert_eq!(samples(&events, 256)[0].data, [&[0, 0, 0, 3], IDR].concat());
    assert_eq!(samples(&events, 256)[1].data, [&[0, 0, 0, 3], SLICE].concat());
    assert!(samples(&events, 256)[0].sync && !samples(&events, 256)[1].sync);
}

#[test]
fn changed_parameter_sets_announce_the_track_before_the_frame_that_needs_them() {
    let (sps, pps) = sets("bframes-25.ts");
    let (other, other_pps) = sets("bframes-30.ts");
    let mut mux = Mux::with_streams(&[(0x1b, 256, &[])]);
    for (n, (sps, pps)) in [(&sps, &pps), (&sps, &pps), (&other, &other_pps)].iter().enumerate() {
        let units = annexb(&[AUD, sps, pps, IDR]);
        mux.pes(256, &build::pes(3_600 * n as u64, None, &units, 0));
    }
    let events = demux(&mux.bytes, 188);
    let kinds: Vec<bool> = events.iter().map(|e| matches!(e, Event::Track(_))).collect();
    assert_eq!(kinds, [true, false, false, true, false]);
    let Codec::Avc(avc) = &tracks(&events)[1].codec else { panic!("a video") };
    assert_eq!(avc.sps, other);
}

#[test]
fn two_pictures_in_one_packet_are_two_samples_where_the_frame_rate_is_known() {
    let (sps, pps) = sets("bframes-25.ts");
    let mut mux = Mux::with_streams(&[(0x1b, 256, &[])]);
    let units = annexb(&[AUD, &sps, &pps, IDR, AUD, SLICE, SLICE]);
    mux.pes(256, &build::pes(9_000, Some(5_400), &units, 0));
    let events = demux(&mux.bytes, 188);
    assert_eq!(faults(&events), [""; 0]);
    assert_eq!(times(&events, 256), [(9_000, 5_400), (12_600, 9_000)]);
    assert_eq!(samples(&events, 256)[1].data.len(), 14);
}

#[test]
fn broken_parameter_sets_are_reported_once_and_the_earlier_ones_stay() {
    let (sps, pps) = sets("bframes-25.ts");
    let mut mux = Mux::with_streams(&[(0x1b, 256, &[])]);
    mux.pes(256, &build::pes(0, None, &annexb(&[&sps, &pps, IDR]), 0));
    for n in 1..4 {
        let units = annexb(&[&[0x67, 1], &pps, IDR]);
        mux.pes(256, &build::pes(3_600 * n, None, &units, 0));
    }
    let events = demux(&mux.bytes, 188);
    assert_eq!(faults(&events), ["broken_parameter_sets"]);
    assert_eq!((tracks(&events).len(), samples(&events, 256).len()), (1, 4));
}

#[test]
fn a_frame_beyond_the_limit_is_left_out() {
    let (sps, pps) = sets("bframes-25.ts");
    let mut mux = Mux::with_streams(&[(0x1b, 256, &[])]);
    let long = [IDR, &[0x55; 5000]].concat();
    for (n, slice) in [IDR, &long, IDR].iter().enumerate() {
        let units = annexb(&[&sps, &pps, slice]);
        mux.pes(256, &build::pes(3_600 * n as u64, None, &units, 0));
    }
    let limits = DemuxerLimits { pes_bytes: 4000, ..DemuxerLimits::default() };
    let mut demuxer = Demuxer::new(VariantName::default(), limits);
    demuxer.push(&mux.bytes);
    demuxer.end_of_body();
    let events = drain(&mut demuxer);
    assert_eq!(faults(&events), ["pes_too_long"]);
    assert_eq!(times(&events, 256), [(0, 0), (7_200, 7_200)]);
}

#[test]
fn damaged_and_scrambled_packets_are_reported() {
    let (sps, pps) = sets("bframes-25.ts");
    let mut mux = Mux::with_streams(&[(0x1b, 256, &[])]);
    let units = annexb(&[&sps, &pps, IDR]);
    mux.pes(256, &build::pes(0, None, &units, 0));
    for n in 1..3 {
        mux.pes(256, &build::pes(3_600 * n, None, &units, 0));
        mux.last()[3] |= 0x80;
    }
    mux.pes(256, &build::pes(10_800, None, &units, 0));
    mux.pes(256, &build::pes(14_400, None, &units, 0));
    mux.last()[1] |= 0x80;
    mux.pes(256, &build::pes(18_000, None, &units, 0));
    let events = demux(&mux.bytes, 188);
    assert_eq!(faults(&events), ["scrambled", "transport_error", "continuity_broken"]);
    assert_eq!(times(&events, 256), [(18_000, 18_000)]);
}

#[test]
fn an_announced_discontinuity_is_no_fault() {
    let (sps, pps) = sets("bframes-25.ts");
    let units = annexb(&[&sps, &pps, IDR]);
    let mut mux = Mux::with_streams(&[(0x1b, 256, &[])]);
    mux.pes(256, &build::pes(0, None, &units, 0));
    mux.lose_packet(256);
    mux.pes(256, &build::pes(900_000, None, &units, 0));
    mux.last()[5] |= 0x80;
    let events = demux(&mux.bytes, 188);
    assert_eq!(faults(&events), [""; 0]);
    assert_eq!(times(&events, 256), [(0, 0), (900_000, 900_000)]);
}

#[test]
fn programmes_come_and_go_with_the_pat() {
    let (sps, pps) = sets("bframes-25.ts");
    let units = annexb(&[&sps, &pps, IDR]);
    let mut mux = Mux::with_streams(&[(0x1b, 256, &[])]);
    mux.pes(256, &build::pes(0, None, &units, 0));
    mux.section(0, &build::pat(1, &[(1, 4096), (2, 4097)]));
    mux.section(4097, &build::pmt(2, &[(0x1b, 512, &[])]));
    mux.pes(512, &build::pes(0, None, &units, 0));
    mux.pes(256, &build::pes(3_600, None, &units, 0));
    mux.section(0, &build::pat(2, &[(2, 4097)]));
    mux.pes(256, &build::pes(7_200, None, &units, 0));
    mux.pes(512, &build::pes(3_600, None, &units, 0));
    let events = demux(&mux.bytes, 188);
    let named: Vec<_> = tracks(&events).iter().map(|t| (t.id.0, t.variant.as_str())).collect();
    // Frames end when the next begins: the last ones are given under the newest name.
    assert_eq!(named, [(256, "p1"), (512, "")]);
    assert_eq!(samples(&events, 256).len(), 2);
    assert_eq!(samples(&events, 512).len(), 2);
}

#[test]
fn limits_on_programmes_and_streams_hold() {
    let limits = DemuxerLimits { programs: 2, streams: 1, ..DemuxerLimits::default() };
    let mut demuxer = Demuxer::new(VariantName::default(), limits);
    let mut mux = Mux::default();
    mux.section(0, &build::pat(0, &[(1, 4096), (2, 4097), (3, 4098)]));
    mux.section(4096, &build::pmt(1, &[(0x1b, 256, &[]), (0x0f, 257, &[])]));
    mux.section(4098, &build::pmt(3, &[(0x1b, 258, &[])]));
    demuxer.push(&mux.bytes);
    demuxer.end_of_body();
    assert_eq!(faults(&drain(&mut demuxer)), ["too_many_programs", "too_many_streams"]);
}

#[test]
fn a_table_whose_counter_stands_still_is_no_fault_and_its_changes_are_seen() {
    let mut mux = Mux::default();
    mux.section(0, &build::pat(0, &[(1, 4096)]));
    for stream_type in [0x02, 0x02, 0x02, 0x02, 0x99] {
        mux.section(4096, &build::pmt(1, &[(stream_type, 256, &[])]));
        mux.last()[3] = 0x10;
    }
    let left = |stream_type, name| Event::LeftOut(LeftOut { pid: 256, stream_type, name });
    let all = [left(0x02, Some("MPEG-2 video")), left(0x99, None)];
    assert_eq!(demux(&mux.bytes, 188), all);
}

#[test]
fn a_wrong_checksum_is_reported_and_the_table_ignored() {
    let mut mux = Mux::with_streams(&[]);
    let mut pmt = build::pmt(1, &[(0x24, 256, &[])]);
    pmt[13] ^= 1;
    mux.section(4096, &pmt);
    assert_eq!(faults(&demux(&mux.bytes, 188)), ["psi_checksum"]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_split_gives_the_same_events(
        name in prop::sample::select(&FIXTURES[..]),
        cuts in prop::collection::vec(1_usize..3000, 1..8),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        holes in prop::collection::vec((any::<prop::sample::Index>(), 1_usize..400), 0..3),
    ) {
        let mut bytes = fixture(&format!("{name}.ts"));
        bytes.truncate(60_000);
        for (at, value) in flips {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        for (at, length) in holes {
            let at = at.index(bytes.len());
            bytes.drain(at..(at + length).min(bytes.len()));
        }
        let mut demuxer = demuxer();
        let mut rest = &bytes[..];
        for cut in cuts.iter().cycle() {
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            demuxer.push(piece);
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        demuxer.end_of_body();
        prop_assert_eq!(drain(&mut demuxer), demux(&bytes, usize::MAX));
    }

    #[test]
    fn corruption_never_panics_and_memory_stays_bounded(
        name in prop::sample::select(&FIXTURES[..]),
        seed in any::<u64>(),
        rate in 1_u64..2000,
    ) {
        let mut bytes = fixture(&format!("{name}.ts"));
        mutate(&mut bytes, seed, rate);
        fuzz_demuxer(&bytes);
    }
}

/// Changes about one byte in `rate`; half of the changes leave sync bytes alone, or all would be
/// lost in framing.
fn mutate(bytes: &mut Vec<u8>, seed: u64, rate: u64) {
    let mut state = seed | 1;
    for (at, byte) in bytes.iter_mut().enumerate() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        if state.is_multiple_of(rate) && (at % 188 != 0 || state & 1 << 40 != 0) {
            *byte = (state >> 32) as u8;
        }
    }
    bytes.truncate(bytes.len().saturating_sub((state % 188) as usize));
}

#[test]
fn mutated_fixtures_and_foreign_files_do_no_harm() {
    let mut inputs: Vec<Vec<u8>> =
        FIXTURES.iter().map(|name| fixture(&format!("{name}.ts"))).collect();
    if let Some(media) = std::env::var_os("HEADWATER_MEDIA") {
        for folder in ["fuzz", "ts"] {
            files(&Path::new(&media).join(folder), &mut inputs);
        }
        assert!(inputs.len() > FIXTURES.len(), "HEADWATER_MEDIA holds neither fuzz nor ts");
    }
    for (n, input) in inputs.into_iter().enumerate() {
        fuzz_demuxer(&input);
        for seed in 0..3 {
            let mut mutated = input.clone();
            mutate(&mut mutated, seed * 1_000 + n as u64, 10 << (4 * seed));
            fuzz_demuxer(&mutated);
        }
        // Bytes that are no packets, as the payload of every kind of stream.
        for (video, audio) in [(0x1b, 0x0f), (0x24, 0x81), (0x24, 0x03)] {
            let mut mux = Mux::with_streams(&[(video, 256, &[]), (audio, 257, &[])]);
            for part in input.chunks(1500).take(200) {
                mux.pes(256, &build::pes(0, None, part, 0));
                mux.pes(257, &build::pes(0, None, part, 0));
                mux.section(4096, part);
            }
            fuzz_demuxer(&mux.bytes);
        }
    }
}

fn files(folder: &Path, into: &mut Vec<Vec<u8>>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            files(&path, into);
        } else {
            into.push(fs::read(&path).unwrap());
        }
    }
}

#[test]
fn open_gops_begin_with_a_sync_sample_too() {
    let events = demux(&fixture("open-gop.ts"), 1000);
    let syncs: Vec<i64> = events
        .iter()
        .filter_map(|event| match event {
            Event::Sample(_, sample) if sample.sync => Some(sample.pts),
            _ => None,
        })
        .collect();
    // A second apart as they are shown, though decoded before the pictures that lead them.
    assert!(syncs.len() == 5 && syncs.windows(2).all(|w| w[1] - w[0] == 90_000), "{syncs:?}");
}
