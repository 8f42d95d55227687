//! Timestamps that jump, repeat or go back; sources that come and go.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::isobmff::{SampleDefaults, Strictness, parse_chunk};
use crate::media::MediaKind::{Audio, Video};
use crate::packager::tests::readers::{AUDIO_FRAME, attributes, mpd, playlist, rows};
use crate::packager::tests::world::{Synthetic, World, avc, config, rate};
use crate::packager::{Report, Segment, SegmentContent, SourceEvent};
use crate::units::{MediaDuration, MediaTime, Timescale};

fn world() -> World {
    let mut tracks = vec![Synthetic::video("", 720, rate(30, 1), 60), Synthetic::audio(48_000)];
    tracks[0].reorder = 2;
    World::new(config(&[(2, None), (1, Some(500))]), tracks)
}

/// When a segment's first frame is presented, by its own boxes.
fn presented(segment: &Segment) -> MediaTime {
    let SegmentContent::Media { chunks, .. } = &segment.content else { panic!("a gap") };
    let chunk = parse_chunk(&chunks[0].bytes, &SampleDefaults::default(), Strictness::Strict)
        .expect("strictly our own");
    let base = chunk.base_decode_time.expect("tfdt").cast_signed();
    let offset = i64::from(chunk.samples[0].composition_offset);
    MediaTime::new(base + offset, segment.timescale)
}

/// Asserts that the EXTINFs between two discontinuities add up to what the objects hold, and that
/// dates are those of the media. Gives how many discontinuities are listed.
fn adds_up(world: &World, seconds: u32, rendition: &str) -> usize {
    let snapshot = world.latest();
    let text = playlist(snapshot, world.key(seconds), rendition).expect("it plays");
    let list = snapshot.segmentations[&world.key(seconds)].rendition_named(rendition);
    let list = list.expect("it is there");
    let frame = list.rows.last().and_then(|row| row.period.track(list.rendition.id)).expect("one");
    let frame = frame.codec.frame_duration().unwrap_or(AUDIO_FRAME);
    let mut since: Option<MediaTime> = None;
    let mut sum = 0;
    let rows = rows(&text);
    for row in &rows {
        if row.marked || row.gap {
            since = None;
        }
        let Some(segment) = list.segment(row.number) else { continue };
        let at = presented(segment);
        let start = *since.get_or_insert_with(|| {
            sum = 0;
            at
        });
        let told = start + MediaDuration::new(sum, Timescale::MICROS);
        assert!((told - at).abs() <= frame, "{rendition} {row:?}: an unmarked jump\n{text}");
        assert!((at.floor_millis() - row.date).abs() <= 1, "{rendition} {row:?}: {at:?}");
        sum += row.micros;
    }
    rows.iter().filter(|row| row.marked).count()
}

/// Robustness 3: forward and backward, one track or both.
#[test]
fn a_jump_on_any_track_is_marked_and_extinf_adds_up_to_the_media() {
    for jump in [-3600_i64, -30, -2, -1, 1, 2, 30, 3600] {
        for jumping in [vec![0], vec![1], vec![0, 1]] {
            // One track alone that moves by a second stands where its source says.
            if jump.abs() == 1 && jumping.len() == 1 {
                continue;
            }
            let mut world = world();
            world.run_until(20);
            for track in &jumping {
                let track = &mut world.tracks[*track];
                track.skew = MediaDuration::from_secs(jump).div_floor(track.frame);
            }
            // The break is in the list still.
            world.run_until(29);
            for (seconds, rendition) in [(2, "video"), (2, "audio"), (1, "video"), (1, "audio")] {
                let marks = adds_up(&world, seconds, rendition);
                assert!(marks >= 1, "{jump} s on {jumping:?}: {seconds} s {rendition}");
            }
            assert_eq!(world.playing(2), ["video", "audio"], "{jump} s on {jumping:?}");
            assert!(world.lag(2, Video) < MediaDuration::from_millis(4500), "{jump} s");
        }
    }
}

/// What is done to a decode time.
#[derive(Clone, Copy, Debug)]
enum Wrong {
    /// It is that of the frame before.
    Equal,
    /// It lies so many ticks earlier.
    Back(i64),
    /// It counts from zero downwards.
    Negative(i64),
    /// It lies hundreds of wraps of 33 bits away, after or before.
    Far(bool),
}

fn wrong() -> impl Strategy<Value = Wrong> {
    prop_oneof![
        4 => Just(Wrong::Equal),
        4 => (1..20_000_i64).prop_map(Wrong::Back),
        1 => (1..1_000_000_i64).prop_map(Wrong::Negative),
        1 => any::<bool>().prop_map(Wrong::Far),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Robustness 6: they are repaired or dropped, counted, and the channel goes on.
    #[test]
    fn equal_negative_and_backward_decode_times_never_stop_a_channel(
        // Every third frame at most, as each error goes into the sample after it; neither sync
        // samples nor those before them, whose errors move where a segment begins.
        wrongs in prop::collection::vec((0..2_usize, (0..300_u32).prop_map(|n| n * 3 + 1), wrong()), 1..30)
    ) {
        let mut video = Synthetic::video("", 720, rate(60, 1), 120);
        video.reorder = 2;
        let tracks = vec![video, Synthetic::audio(48_000)];
        let mut world = World::new(config(&[(2, None), (1, Some(500))]), tracks);
        world.run_until(20);
        let wrongs: BTreeMap<(usize, u32), Wrong> =
            wrongs.into_iter().map(|(track, frame, wrong)| ((track, frame), wrong)).collect();
        let (mut counts, mut before) = ([0_u32; 2], [0_i64; 2]);
        world.run_altered(40, |track, sample| {
            let n = counts[track];
            counts[track] += 1;
            match wrongs.get(&(track, n)) {
                None => {}
                Some(Wrong::Equal) => sample.dts = before[track],
                Some(Wrong::Back(ticks)) => sample.dts -= ticks,
                Some(Wrong::Negative(ticks)) => sample.dts = -ticks,
                Some(Wrong::Far(after)) => sample.dts = if *after { 1 << 42 } else { -1 << 42 },
            }
            before[track] = sample.dts;
            true
        });
        world.run_until(65);
        prop_assert_eq!(world.playing(2), ["video", "audio"], "{:?}", &world.reports);
        for kind in [Video, Audio] {
            let lag = world.lag(2, kind);
            prop_assert!(lag < MediaDuration::from_millis(4500), "{} {:?}", kind, lag);
        }
    }
}

/// Robustness 6: a decode time that repeats costs one report, not a Period.
#[test]
fn an_equal_decode_time_is_moved_up_a_tick_and_reported() {
    let mut world = world();
    world.run_until(20);
    let mut frames = 0;
    let mut before = 0;
    world.run_altered(40, |track, sample| {
        if track == 0 {
            frames += 1;
            if frames % 100 == 0 {
                sample.dts = before;
            }
            before = sample.dts;
        }
        true
    });
    let repairs = world.reported(|r| matches!(r, Report::TimestampRepaired { .. }));
    assert!((1..=6).contains(&repairs), "{:?}", world.reports);
    let periods = world.reported(|r| matches!(r, Report::PeriodBegan { .. }));
    assert_eq!(periods, 1, "only the first: {:?}", world.reports);
}

/// Start and id of each Period of an MPD.
fn periods(text: &str) -> Vec<(String, String)> {
    let tags = text.split("<Period").skip(1);
    let one = |tag: &str, name: &str| attributes(tag, name)[0].to_owned();
    tags.map(|tag| (one(tag, "id"), one(tag, "start"))).collect()
}

/// Robustness 16: a source that comes back, jumps or changes is a new Period; the old ones stay as
/// long as their media does, and players need no reload.
#[test]
fn a_source_that_changes_begins_a_period_in_the_mpd_and_the_ones_before_it_stay() {
    let mut world = world();
    let key = world.key(2);
    world.run_until(20);
    let first = periods(&mpd(world.latest(), key).expect("it plays"));
    assert_eq!(first.len(), 1);
    world.encoder_returns(1);
    world.run_until(28);
    let second = periods(&mpd(world.latest(), key).expect("it plays"));
    assert_eq!((second.len(), &second[..1]), (2, &first[..]), "it stays as it was");
    let mut info = world.tracks[0].info.clone();
    info.codec = avc(540, Some(rate(30, 1)));
    world.tracks[0].info = info.clone();
    world.input(SourceEvent::Track(info));
    world.run_until(34);
    let third = periods(&mpd(world.latest(), key).expect("it plays"));
    assert_eq!(
        third.last().map(|(id, _)| id),
        world
            .reports
            .iter()
            .rev()
            .find_map(|r| match r {
                Report::PeriodBegan { id, .. } => Some(id.to_string()),
                _ => None,
            })
            .as_ref()
    );
    let kept = third.iter().filter(|period| second.contains(period)).count();
    assert_eq!(kept + 1, third.len(), "{second:?} became {third:?}");
    // Whoever reads every version finds each MPD to begin with Periods he knows.
    let mut known: Vec<(String, String)> = Vec::new();
    for text in world.snapshots.iter().filter_map(|snapshot| mpd(snapshot, key)) {
        let listed = periods(&text);
        if let Some(newest) = known.last() {
            assert!(listed.contains(newest), "a Period went from the end: {known:?} {listed:?}");
        }
        known = listed;
    }
}

/// The longest segment of an MPD's timelines, in seconds.
fn longest_listed(text: &str) -> f64 {
    let templates = text.split("<SegmentTemplate").skip(1);
    let longest = templates.map(|template| {
        let scale: f64 = attributes(template, "timescale")[0].parse().expect("a number");
        let ticks = attributes(template, "d").into_iter().map(str::parse::<f64>);
        ticks.map(|d| d.expect("a number") / scale).fold(0.0, f64::max)
    });
    longest.fold(0.0, f64::max)
}

/// Robustness 17: all tracks of a Period begin and end within an audio frame of each other, and no
/// segment is longer than is announced.
#[test]
fn tracks_meet_within_an_audio_frame_where_periods_meet_and_no_segment_is_longer_than_announced() {
    for (sample_rate, down) in [(48_000, 0), (44_100, 3), (32_000, 11)] {
        let tracks =
            vec![Synthetic::video("", 720, rate(25, 1), 50), Synthetic::audio(sample_rate)];
        let mut world = World::new(config(&[(2, None), (1, Some(500))]), tracks);
        world.run_until(20);
        world.encoder_returns(down);
        world.run_until(30 + down);
        for track in &mut world.tracks {
            track.skew = MediaDuration::from_secs(40).div_floor(track.frame);
        }
        world.run_until(40 + down);
        for (key, view) in &world.latest().segmentations {
            // By Period: first and last instant of each track.
            let mut spans: BTreeMap<u64, Vec<(MediaTime, MediaTime)>> = BTreeMap::new();
            for list in &view.renditions {
                for rows in list
                    .rows
                    .iter_from(0)
                    .filter(|row| !row.is_gap())
                    .collect::<Vec<_>>()
                    .chunk_by(|a, b| a.period.ordinal == b.period.ordinal)
                {
                    let ends = (rows[0].start_time(), rows[rows.len() - 1].end_time());
                    spans.entry(rows[0].period.ordinal).or_default().push(ends);
                }
                // A target duration is in whole seconds, and rounded.
                let longest = list.rows.iter_from(0).map(|row| row.length()).max().expect("rows");
                let most = MediaDuration::from_secs(i64::from(view.target));
                assert!(longest <= most + MediaDuration::from_millis(500), "{key}: {longest:?}");
            }
            if let Some(text) = mpd(world.latest(), *key) {
                let told = attributes(&text, "maxSegmentDuration")[0];
                let told: f64 = told.trim_matches(['P', 'T', 'S']).parse().expect("seconds");
                let longest = longest_listed(&text);
                assert!(longest <= told, "{key}: {longest} s, announced {told} s");
            }
            assert_eq!(spans.len(), 3, "{key}");
            for (ordinal, ends) in &spans {
                assert_eq!(ends.len(), 2, "{key}, Period {ordinal}");
                let apart = |a: MediaTime, b: MediaTime| (a - b).abs() <= AUDIO_FRAME;
                assert!(apart(ends[0].0, ends[1].0), "{key}, Period {ordinal} begins at {ends:?}");
                assert!(apart(ends[0].1, ends[1].1), "{key}, Period {ordinal} ends at {ends:?}");
            }
            // What follows without a hole follows at once, but never over what is there.
            for pair in spans.values().collect::<Vec<_>>().windows(2) {
                for (before, after) in pair[0].iter().zip(pair[1]) {
                    assert!(after.0 - before.1 > MediaDuration::from_millis(-50), "{key}");
                }
            }
        }
    }
}
