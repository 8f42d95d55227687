//! Segments of random frames, written and read back.

#![allow(
    clippy::cast_possible_wrap,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

use bytes::Bytes;
use proptest::prelude::*;

use super::audit::{Read, obeys_time, read, since};
use super::*;

const VIDEO_PID: u16 = 0x100;
const AUDIO_PID: u16 = 0x101;

fn program(streams: usize, reorder: i64) -> Program {
    let video = Elementary {
        stream_type: 0x1b,
        stream_id: 0xe0,
        language: Language::UNDETERMINED,
        descriptors: &[],
        sized: false,
    };
    let audio = Elementary {
        stream_type: 0x0f,
        stream_id: 0xc0,
        language: Language::parse(b"eng"),
        descriptors: &[],
        sized: true,
    };
    let streams = if streams == 1 { vec![audio] } else { vec![video, audio] };
    Program { streams, reorder }
}

/// A stretch of video frames `frame` ticks apart from `start` on and audio between them.
fn stretch(start: i64, frame: i64, video: &[usize], audio: &[usize], last: bool) -> Stretch {
    let unit = |stream: usize, at: i64, size: usize| Unit {
        stream,
        at,
        dts: at,
        pts: at,
        random_access: stream == 0 && at == start,
        payload: vec![
            Bytes::from(vec![stream as u8 + 1; size / 2]),
            Bytes::from(vec![9; size - size / 2]),
        ],
    };
    let end = start + frame * video.len() as i64;
    let mut units: Vec<Unit> =
        (0..).zip(video).map(|(n, size)| unit(0, start + n * frame, *size)).collect();
    let apart = (end - start) / (audio.len() as i64).max(1);
    units.extend((0..).zip(audio).map(|(n, size)| unit(1, start + 100 + n * apart, *size)));
    units.sort_by_key(|unit| (unit.at, unit.stream));
    Stretch { units, span: (start, end), last }
}

/// A segment of stretches; sizes of video and audio frames of each.
type Sizes = Vec<(Vec<usize>, Vec<usize>)>;

fn segment(start: i64, frame: i64, sizes: &Sizes) -> Vec<Stretch> {
    let mut at = start;
    let count = sizes.len();
    sizes
        .iter()
        .enumerate()
        .map(|(n, (video, audio))| {
            let stretch = stretch(at, frame, video, audio, n + 1 == count);
            at = stretch.span.1;
            stretch
        })
        .collect()
}

fn write(muxer: &mut Muxer<'_>, segment: &[Stretch]) -> Vec<Bytes> {
    segment.iter().map(|stretch| muxer.write(stretch)).collect()
}

/// Segments of parts with `fewest` frames of audio at least.
fn segments(fewest: usize) -> impl Strategy<Value = Vec<Sizes>> {
    let video = prop::collection::vec(20_usize..3000, 1..12);
    let audio = prop::collection::vec(16_usize..700, fewest..20);
    prop::collection::vec(prop::collection::vec((video, audio), 1..5), 2..5)
}

/// Segments of one Period, each written by itself.
fn written(program: &Program, segments: &[Vec<Stretch>]) -> Vec<Vec<Bytes>> {
    let mut before: Option<&Vec<Stretch>> = None;
    let mut out = Vec::new();
    for segment in segments {
        let mut muxer = Muxer::new(program);
        if let Some(before) = before {
            for stretch in before {
                muxer.skip(stretch);
            }
            muxer = muxer.next();
        }
        out.push(write(&mut muxer, segment));
        before = Some(segment);
    }
    out
}

fn laid_out(sizes: &[Sizes], frame: i64, start: i64) -> Vec<Vec<Stretch>> {
    let mut at = start;
    let lay = |sizes| {
        let segment = segment(at, frame, sizes);
        at = segment.last().unwrap().span.1;
        segment
    };
    sizes.iter().map(lay).collect()
}

fn has_all_payload(read: &Read, segments: &[Vec<Stretch>]) {
    let units = segments.iter().flatten().flat_map(|stretch| &stretch.units);
    for (stream, pid) in [(0, VIDEO_PID), (1, AUDIO_PID)] {
        let wanted: Vec<Vec<u8>> =
            units.clone().filter(|u| u.stream == stream).map(|u| u.payload.concat()).collect();
        let got: Vec<Vec<u8>> = read.of(pid).iter().map(|frame| frame.data.clone()).collect();
        assert_eq!(got, wanted);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn segments_written_by_themselves_are_one_stream_in_any_order(
        sizes in segments(2), frame in 1000_i64..20_000, seed in 0_usize..1000,
    ) {
        let program = program(2, 0);
        let laid = laid_out(&sizes, frame, (1 << 33) - 50_000);
        let all: Vec<Vec<u8>> = written(&program, &laid).iter().map(|parts| parts.concat()).collect();
        let whole = read(&all.concat());
        has_all_payload(&whole, &laid);
        obeys_time(&whole);
        for later in &all[1..] {
            prop_assert!(read(later).jumps.is_empty());
        }
        let mut shuffled: Vec<&Vec<u8>> = all.iter().collect();
        shuffled.rotate_left(seed % all.len());
        if shuffled.len() > 2 { shuffled.swap(0, 2); }
        read(&shuffled.into_iter().flatten().copied().collect::<Vec<u8>>());
    }

    #[test]
    fn counters_that_jump_are_announced(sizes in segments(0), frame in 1000_i64..20_000) {
        let program = program(2, 0);
        let laid = laid_out(&sizes, frame, 0);
        let all: Vec<Vec<u8>> = written(&program, &laid).iter().map(|parts| parts.concat()).collect();
        has_all_payload(&read(&all.concat()), &laid);
    }

    #[test]
    fn a_part_written_by_itself_is_the_one_of_its_segment(sizes in segments(0), frame in 1000_i64..6000) {
        let program = program(2, 0);
        let laid = laid_out(&sizes, frame, 0);
        for segment in &laid {
            let whole = write(&mut Muxer::new(&program), segment);
            for at in 0..segment.len() {
                let mut alone = Muxer::new(&program);
                for stretch in &segment[..at] {
                    alone.skip(stretch);
                }
                prop_assert_eq!(&alone.write(&segment[at]), &whole[at]);
            }
            for part in &whole {
                prop_assert_eq!(read(part).tables[0], 0, "tables come first");
            }
        }
    }
}

#[test]
fn a_segment_brings_every_pid_to_a_multiple_of_sixteen_packets() {
    let program = program(2, 0);
    let sizes: Sizes = vec![(vec![900; 15], vec![300; 20]), (vec![90; 15], vec![200; 20])];
    let segment = segment(0, 3000, &sizes);
    let read = read(&write(&mut Muxer::new(&program), &segment).concat());
    assert_eq!(read.packets.keys().copied().collect::<Vec<_>>(), [0, VIDEO_PID, AUDIO_PID, 0x1000]);
    assert!(read.packets.values().all(|count| count % 16 == 0), "{:?}", read.packets);
    // A second of media: as many tables as the counters ask for, and none of them far apart.
    assert_eq!(read.packets[&0], 16);
    assert!(read.tables.windows(2).all(|pair| pair[1] - pair[0] <= 12), "{:?}", read.tables);
}

#[test]
fn too_few_bytes_are_announced_by_the_next_segment() {
    let program = program(2, 0);
    let sizes: Sizes = vec![(vec![900; 15], vec![3])];
    let short = segment(0, 3000, &sizes);
    let mut muxer = Muxer::new(&program);
    write(&mut muxer, &short);
    let next = muxer.next().write(&stretch(45_000, 3000, &[900; 15], &[300; 2], true));
    assert_eq!(read(&next).jumps, [AUDIO_PID]);
}

#[test]
fn an_end_not_foreseen_is_announced_by_the_next_segment() {
    let program = program(2, 0);
    let mut muxer = Muxer::new(&program);
    let _ = muxer.write(&stretch(0, 3000, &[900; 15], &[300; 20], false));
    let next = muxer.next().write(&stretch(45_000, 3000, &[900; 15], &[300; 20], true));
    assert_eq!(read(&next).jumps, [0, 0x1000, VIDEO_PID, AUDIO_PID]);
}

#[test]
fn the_clock_is_read_between_frames_that_are_far_apart() {
    let program = program(2, 0);
    // Two frames a second.
    let read = read(&Muxer::new(&program).write(&stretch(0, 45_000, &[5000; 4], &[], true)));
    obeys_time(&read);
    let apart = read.clocks.windows(2).map(|pair| since(pair[1].0, pair[0].0)).max().unwrap();
    assert!(apart <= 3600, "40 ms at most: {apart}");
    let end = read.clocks.last().unwrap().0;
    assert!(since(4 * 45_000 - 45_000, end) <= 3600, "up to where the stretch ends");
}

#[test]
fn sound_alone_carries_the_clock() {
    let program = program(1, 0);
    let read = read(&Muxer::new(&program).write(&stretch(0, 1920, &[371; 47], &[], true)));
    assert_eq!(read.clocks.len(), 47);
    obeys_time(&read);
}

#[test]
fn the_tables_say_what_the_programme_is() {
    let program = program(2, 0);
    let pmt = super::tables::pmt(&program);
    let streams = crate::mpegts::psi::Pmt::parse(&pmt).unwrap().unwrap().streams;
    assert_eq!(
        streams.iter().map(|s| (s.pid, s.stream_type)).collect::<Vec<_>>(),
        [(256, 0x1b), (257, 0x0f)]
    );
    assert_eq!(streams[1].language.as_str(), "eng");
    // Another map has another version.
    let mut other = program.clone();
    other.streams[1].language = Language::parse(b"fra");
    let version = |pmt: &[u8]| pmt[5] >> 1 & 0x1f;
    assert_ne!(version(&pmt), version(&super::tables::pmt(&other)));
}
