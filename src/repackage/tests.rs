//! Encoders' transport streams into chunks and back.

#![allow(
    clippy::cast_possible_wrap,
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic and read fixtures"
)]

use std::sync::Arc;

use bytes::Bytes;

use super::{Recipe, Stretch, transport_stream};
use crate::isobmff::{ChunkSample, chunk, init_segment};
use crate::media::codec::aac::AdtsHeader;
use crate::media::codec::avc::{annexb_units, nal};
use crate::media::{Codec, Language, MediaKind, Sample, TrackInfo, VariantName};
use crate::mpegts::mux::audit::{obeys_time, read, since};
use crate::mpegts::{Demuxer, DemuxerLimits, Event};
use crate::packager::{Chunk, Period, PeriodTrack, RenditionId};
use crate::units::{Bitrate, FrameRate, MediaTime, Timescale};

const VIDEO_PID: u16 = 0x100;
const AUDIO_PID: u16 = 0x101;
/// Unix seconds at which the media is put; its 90-kHz time wraps eight seconds later.
const BEGINNING_S: i64 = 18_335 * (1 << 33) / 90_000 - 8;

/// One track of a source.
struct Track {
    info: TrackInfo,
    samples: Vec<Sample>,
}

fn demux(bytes: &[u8]) -> Vec<Track> {
    let mut demuxer = Demuxer::new(VariantName::default(), DemuxerLimits::default());
    demuxer.push(bytes);
    demuxer.end_of_body();
    let mut tracks: Vec<Track> = Vec::new();
    while let Some(event) = demuxer.poll_event() {
        match event {
            Event::Track(info) => tracks.push(Track { info, samples: Vec::new() }),
            Event::Sample(id, sample) => {
                let of = tracks.iter_mut().find(|t| t.info.id == id);
                of.unwrap().samples.push(sample);
            }
            other => panic!("{other:?}"),
        }
    }
    tracks.sort_by_key(|track| track.info.kind());
    tracks
}

fn fixture(name: &str) -> Vec<Track> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/ts");
    demux(&std::fs::read(format!("{folder}/{name}.ts")).unwrap())
}

/// The samples from `from` to `to` as the packager stores them: a sync sample is shown when it is
/// decoded, what is shown before it has a negative offset.
fn stored(track: &Track, from: usize, to: usize) -> Arc<Chunk> {
    let scale = track.info.codec.media_timescale(track.info.timescale);
    let first = &track.samples[0];
    let epoch = BEGINNING_S * i64::from(scale.get());
    let tick = |time: i64| MediaTime::new(time, Timescale::NINETY_KHZ).rescale(scale).ticks();
    let decode = |n: usize| match track.info.kind() {
        MediaKind::Video => epoch + track.samples[n].dts - first.dts,
        MediaKind::Audio => epoch + tick(first.pts - first.dts) + n as i64 * frame_ticks(track),
    };
    let nominal = |n: usize| decode(n) - decode(n - 1);
    let samples: Vec<ChunkSample<'_>> = (from..to)
        .map(|n| {
            let sample = &track.samples[n];
            let next =
                if n + 1 < track.samples.len() { decode(n + 1) } else { decode(n) + nominal(n) };
            let shown = epoch + sample.pts - first.pts;
            ChunkSample {
                duration: u32::try_from(next - decode(n)).unwrap(),
                composition_offset: match track.info.kind() {
                    MediaKind::Video => i32::try_from(shown - decode(n)).unwrap(),
                    MediaKind::Audio => 0,
                },
                sync: sample.sync,
                data: &sample.data,
            }
        })
        .collect();
    let duration = samples.iter().map(|s| i64::from(s.duration)).sum();
    let bytes = chunk(1, decode(from).unsigned_abs(), &samples);
    Arc::new(Chunk { start: decode(from), duration, sync: samples[0].sync, ends_part: None, bytes })
}

/// Samples in a frame of audio, which are its ticks.
fn frame_ticks(track: &Track) -> i64 {
    let codec = &track.info.codec;
    let frame = codec.frame_duration().unwrap();
    frame.rescale(codec.media_timescale(track.info.timescale)).ticks()
}

fn period(tracks: &[Track], ordinal: u64) -> Arc<Period> {
    let settings = tracks.iter().zip(0..).map(|(track, id)| {
        let timescale = track.info.codec.media_timescale(track.info.timescale);
        PeriodTrack {
            rendition: RenditionId(id),
            codec: track.info.codec.clone(),
            timescale,
            frame_rate: track.info.codec.picture().and_then(|p| p.frame_rate),
            language: track.info.language,
            rate: Bitrate::default(),
            init: init_segment(&track.info.codec, timescale, track.info.language),
        }
    });
    Arc::new(Period { id: 1, ordinal, tracks: settings.collect() })
}

/// All of the tracks as one segment, in stretches of so many video frames.
fn recipe(tracks: &[Track], frames: usize) -> Recipe {
    let leading = &tracks[0];
    let mut stretches = Vec::new();
    let mut from = vec![0; tracks.len()];
    while from[0] < leading.samples.len() {
        let to = from[0].saturating_add(frames).min(leading.samples.len());
        let last = to == leading.samples.len();
        let end = leading.samples.get(to).map_or(i64::MAX, |sample| sample.dts);
        let chunks = tracks.iter().zip(&mut from).enumerate().map(|(index, (track, from))| {
            let count = track.samples.iter().filter(|s| s.dts < end).count();
            let to = if index == 0 { to } else { count };
            let chunks = if *from < to { vec![stored(track, *from, to)] } else { Vec::new() };
            *from = to.max(*from);
            chunks
        });
        stretches.push(Stretch { chunks: chunks.collect(), last });
    }
    Recipe {
        period: period(tracks, 3),
        tracks: (0..).map(RenditionId).take(tracks.len()).collect(),
        before: None,
        stretches,
        from: 0,
    }
}

fn made(recipe: &Recipe) -> Vec<u8> {
    transport_stream(recipe).concat()
}

#[test]
fn what_comes_out_is_what_went_in() {
    for name in ["bframes-25", "bframes-2997", "bframes-30", "audio-441", "wrap", "codecs"] {
        let source = fixture(name);
        let out = demux(&made(&recipe(&source, 12)));
        assert_eq!(out.len(), source.len(), "{name}");
        for (a, b) in source.iter().zip(&out) {
            assert_eq!(a.info.codec, b.info.codec, "{name}");
            assert_eq!(a.samples.len(), b.samples.len(), "{name}");
            for (x, y) in a.samples.iter().zip(&b.samples) {
                assert!(x.data == y.data && x.sync == y.sync, "{name}");
                let (was, is) = (x.pts - a.samples[0].pts, y.pts - b.samples[0].pts);
                // Audio is counted in its samples and rounded to 90 kHz anew.
                assert!((was - is).abs() <= i64::from(a.info.kind() == MediaKind::Audio), "{name}");
            }
        }
    }
}

#[test]
fn decode_times_with_b_frames_are_the_sources_own() {
    for name in ["bframes-25", "bframes-2997", "bframes-30"] {
        let source = fixture(name);
        let bytes = made(&recipe(&source, 12));
        let read = read(&bytes);
        obeys_time(&read);
        let video = read.of(VIDEO_PID);
        let own = &source[0].samples;
        for (frame, sample) in video.iter().zip(own) {
            assert_eq!(since(frame.pts, frame.dts), sample.pts - sample.dts, "{name}");
        }
        assert!(
            own.iter().any(|sample| sample.pts - sample.dts > own[0].pts - own[0].dts),
            "{name}"
        );
    }
}

#[test]
fn each_access_unit_has_its_delimiter_and_parameter_sets_where_decoding_or_a_part_begins() {
    let source = fixture("bframes-25");
    let mut keys = 0;
    let parts = transport_stream(&recipe(&source, 10));
    let frames = parts.iter().flat_map(|part| {
        let read = read(part);
        let frames: Vec<_> = read.of(VIDEO_PID).into_iter().cloned().collect();
        frames.into_iter().enumerate()
    });
    for (n, frame) in frames {
        assert!(frame.data.starts_with(&[0, 0, 0, 1, nal::AUD]));
        let kinds: Vec<u8> = annexb_units(&frame.data).map(|unit| unit[0] & 0x1f).collect();
        let key = kinds.contains(&nal::IDR);
        assert_eq!(frame.random_access, key);
        assert!(!kinds[1..].contains(&nal::AUD));
        keys += usize::from(key);
        if key || n == 0 {
            assert_eq!(kinds[1..3], [nal::SPS, nal::PPS]);
        } else {
            assert!(!kinds.contains(&nal::SPS) && !kinds.contains(&nal::PPS));
        }
    }
    assert!(keys > 1 && keys < parts.len());
}

#[test]
fn every_frame_of_aac_has_an_adts_header_with_its_length_and_settings() {
    for (name, pid) in [("bframes-25", AUDIO_PID), ("audio-441", VIDEO_PID)] {
        let source = fixture(name);
        let Codec::Aac(aac) = &source.last().unwrap().info.codec else { panic!("AAC") };
        let bytes = made(&recipe(&source, 12));
        let read = read(&bytes);
        obeys_time(&read);
        for frame in read.of(pid) {
            let header = AdtsHeader::parse(&frame.data).unwrap().unwrap();
            assert_eq!((header.header_length, header.frame_length), (7, frame.data.len()));
            assert_eq!(&header.config, aac);
        }
    }
}

#[test]
fn how_a_segment_is_cut_into_chunks_shows_nowhere() {
    let source = fixture("bframes-25");
    let whole = recipe(&source, usize::MAX);
    let mut cut = whole.clone();
    for (track, chunks) in source.iter().zip(&mut cut.stretches[0].chunks) {
        let count = track.samples.len();
        *chunks = vec![stored(track, 0, 7), stored(track, 7, 8), stored(track, 8, count)];
    }
    assert_eq!(made(&whole), made(&cut));
}

#[test]
fn a_part_is_the_piece_of_its_segment_and_the_next_segment_goes_on() {
    let source = fixture("bframes-25");
    let whole = recipe(&source, 10);
    let pieces = transport_stream(&whole);
    assert!(pieces.len() > 3);
    for (n, piece) in pieces.iter().enumerate() {
        let mut stretches = whole.stretches.clone();
        stretches.truncate(n + 1);
        let part = Recipe { stretches, from: n, ..whole.clone() };
        assert_eq!(transport_stream(&part), std::slice::from_ref(piece));
    }
    let (first, second) = whole.stretches.split_at(2);
    let mut first = first.to_vec();
    first[1].last = true;
    let one = Recipe { stretches: first.clone(), ..whole.clone() };
    let two = Recipe { before: Some(first), stretches: second.to_vec(), ..whole.clone() };
    let joined = [made(&one), made(&two)].concat();
    let both = read(&joined);
    obeys_time(&both);
    assert!(read(&made(&two)).jumps.is_empty());
    assert_eq!(both.frames.len(), source.iter().map(|t| t.samples.len()).sum::<usize>());
}

/// Robustness 21: what goes out in 33 bits is taken modulo them.
#[test]
fn times_wrap_at_thirty_three_bits() {
    let source = fixture("bframes-30");
    let read = read(&made(&recipe(&source, usize::MAX)));
    let video = read.of(VIDEO_PID);
    let want = (BEGINNING_S * 90_000).rem_euclid(1 << 33).unsigned_abs();
    assert_eq!(video[0].pts, want);
}

#[test]
fn which_period_it_is_shows_nowhere() {
    let source = fixture("bframes-30");
    let recipe = recipe(&source, usize::MAX);
    let later = Recipe { period: period(&source, 7), ..recipe.clone() };
    // Two origins fed the same count their own Periods.
    assert_eq!(made(&later), made(&recipe));
}

#[test]
fn a_source_that_says_less_reordering_than_it_has_still_shows_nothing_before_it_is_decoded() {
    let mut source = fixture("bframes-25");
    // Baseline has none, says the profile.
    let Codec::Avc(avc) = &mut source[0].info.codec else { panic!("H.264") };
    avc.sps = Bytes::from_static(&[0x67, 66, 0, 0x1f, 0xf2, 0x80, 0xa0, 0x0b, 0x72]);
    let read = read(&made(&recipe(&source, usize::MAX)));
    obeys_time(&read);
}

#[test]
fn the_rate_of_a_track_without_one_is_guessed() {
    let source = fixture("bframes-25");
    let mut recipe = recipe(&source, 12);
    let mut period = Period::clone(&recipe.period);
    period.tracks[0].frame_rate = None;
    let told = made(&recipe);
    recipe.period = Arc::new(period);
    // 25 frames a second happen to be what is guessed.
    assert_eq!(made(&recipe), told);
    assert_eq!(FrameRate::new(25, 1).unwrap().duration_of(1).floor_millis(), 40);
    assert_eq!(source[0].info.language, Language::UNDETERMINED);
}
