//! Encoders that go, come back, jump and change; processes that die.

use std::net::Ipv4Addr;

use super::readers::{mpd, rules};
use super::world::{Synthetic, World, config, rate, reading};
use crate::manifest::hls::{MediaPlaylist, media};
use crate::manifest::{Listing, Presentation};
use crate::media::MediaKind::Video;
use crate::packager::contract::LeftOut;
use crate::packager::{Report, SourceEvent};
use crate::resolve::{
    Arrival, Container, EndpointRules, File, Leaf, Protocol, Resolution, Viewer, resolve,
};
use crate::units::MediaDuration;

fn world() -> World {
    let tracks = vec![Synthetic::video("", 720, rate(30, 1), 30), Synthetic::audio(48_000)];
    World::new(config(&[(2, None), (1, Some(500))]), tracks)
}

fn ordinals(world: &World, seconds: u32) -> Vec<(u64, bool, bool)> {
    let view = world.segmentation(seconds);
    let list = view.renditions.iter().find(|r| r.rendition.kind == Video).expect("video");
    list.rows.iter_from(0).map(|r| (r.period.ordinal, r.begins_period, r.is_gap())).collect()
}

#[test]
fn an_encoder_back_at_zero_begins_a_period_with_the_next_number() {
    let mut world = world();
    world.run_until(20);
    let last = world.rows(2, Video).last().copied().expect("rows");
    world.input(SourceEvent::Lost);
    // Back after five seconds, counting from zero again.
    world.source.session += 1;
    for track in &mut world.tracks {
        track.next = 0;
    }
    world.delay = MediaDuration::from_secs(25);
    world.declare();
    world.run_until(40);
    let rows = world.rows(2, Video);
    let at = rows.iter().position(|r| r.0 == last.0).expect("still listed");
    assert!(rows.windows(2).all(|w| w[1].0 == w[0].0 + 1), "I4");
    let marks = ordinals(&world, 2);
    let begins: Vec<usize> = (0..marks.len()).filter(|i| marks[*i].1).collect();
    assert_eq!(begins.len(), 1, "{marks:?}");
    let gaps = marks.iter().filter(|m| m.2).count();
    assert_eq!(gaps, 3, "five seconds are shared by three gaps: {marks:?}");
    assert!(begins[0] > at);
    for list in &world.segmentation(2).renditions {
        let rows: Vec<_> = list.rows.iter_from(0).collect();
        let first = rows.iter().position(|row| row.begins_period).expect("marked");
        let (gap, media) = (rows[first - 1], rows[first]);
        let rest = media.start_time() - gap.end_time();
        let frame = MediaDuration::from_millis(34);
        assert!(gap.is_gap() && rest.abs() <= frame, "{}: {rest:?} remain", list.rendition.name);
    }
}

#[test]
fn a_hole_longer_than_any_window_leaves_what_is_listed_until_three_segments_have_come() {
    let mut world = world();
    world.run_until(40);
    let before = world.rows(2, Video).last().expect("rows").0;
    world.input(SourceEvent::Lost);
    world.source.session += 1;
    for track in &mut world.tracks {
        track.next = 0;
    }
    world.delay = MediaDuration::from_secs(640);
    world.declare();
    for seconds in [643, 645, 647, 660] {
        world.run_until(seconds);
        let view = world.segmentation(2);
        let list = view.renditions.iter().find(|r| r.rendition.kind == Video).expect("video");
        assert!(list.rows.last().expect("a row").number > before);
        assert!(list.rows.len() >= 7, "at {seconds} s: {}", list.rows.len());
        assert!(list.rows.iter_from(0).all(|row| !row.is_gap()), "no list reaches over the hole");
    }
}

#[test]
fn an_encoder_that_returns_begins_with_its_sound_though_the_picture_is_first() {
    let mut world = world();
    world.run_until(20);
    world.input(SourceEvent::Lost);
    world.source.session += 1;
    for track in &mut world.tracks {
        track.next = 0;
    }
    world.delay = MediaDuration::from_secs(23);
    // A demultiplexer knows a track by its first frame, and sound comes behind the picture.
    world.input(SourceEvent::Track(world.tracks[0].info.clone()));
    world.run_until(23);
    let (video, audio) = (world.tracks[0].info.id, world.tracks[1].info.clone());
    let first = world.tracks[0].take();
    world.input(SourceEvent::Sample(video, first));
    world.input(SourceEvent::Track(audio));
    world.run_until(40);
    let marks = ordinals(&world, 2);
    assert_eq!(marks.iter().filter(|m| m.1).count(), 1, "one break is one Period: {marks:?}");
    let view = world.segmentation(2);
    let last = view.renditions[0].rows.last().expect("rows");
    assert_eq!(last.period.tracks.len(), 2, "{:?}", world.reports);
}

#[test]
fn timestamps_that_jump_begin_a_period_and_no_runt() {
    for jump in [-3600, -5, 7, 3600] {
        let mut world = world();
        world.run_until(20);
        for track in &mut world.tracks {
            track.offset = track.offset + MediaDuration::from_secs(jump);
        }
        world.delay = MediaDuration::from_secs(-jump);
        world.run_until(45);
        let marks = ordinals(&world, 2);
        assert_eq!(marks.iter().filter(|m| m.1).count(), 1, "jump {jump}: {marks:?}");
        assert_eq!(marks.last().map(|m| m.0), Some(1));
        let rows = world.rows(2, Video);
        assert!(rows.iter().all(|r| r.1 <= 2001), "{rows:?}");
    }
}

#[test]
fn a_delta_update_skips_nothing_that_a_reader_before_a_hole_has_not_seen() {
    let mut world = World::new(
        config(&[(1, Some(500))]),
        vec![Synthetic::video("", 720, rate(30, 1), 30), Synthetic::audio(48_000)],
    );
    world.config.segmentations[0].window = MediaDuration::from_secs(60);
    world.restart();
    world.run_until(50);
    let seen = world.rows(1, Video).last().expect("rows").0;
    world.input(SourceEvent::Lost);
    world.source.session += 1;
    for track in &mut world.tracks {
        track.next = 0;
    }
    world.delay = MediaDuration::from_secs(75);
    world.declare();
    for seconds in [77, 80] {
        world.run_until(seconds);
        let segmentation = world.segmentation(1);
        let text = media(&MediaPlaylist {
            listing: Listing {
                folder: "1-1",
                segments: 6,
                window: MediaDuration::from_secs(60),
                ended: false,
                container: Container::Cmaf,
                muxed: false,
                presentation: &Presentation::default(),
                past: None,
            },
            segmentation,
            list: &segmentation.renditions[0],
            low_latency: true,
            skip: true,
        });
        let number = |tag: &str| -> u64 {
            let line = text.lines().find_map(|line| line.strip_prefix(tag)).expect(tag);
            line.parse().expect("a number")
        };
        let first_listed =
            number("#EXT-X-MEDIA-SEQUENCE:") + number("#EXT-X-SKIP:SKIPPED-SEGMENTS=");
        assert!(first_listed <= seen + 1, "{first_listed} after {seen}");
    }
}

#[test]
fn a_reader_who_waits_for_a_part_of_a_segment_that_a_break_ends_is_not_refused() {
    let mut world = World::new(
        config(&[(1, Some(500))]),
        vec![Synthetic::video("", 720, rate(30, 1), 180), Synthetic::audio(48_000)],
    );
    world.run_until(35);
    let list = &world.segmentation(1).renditions[0];
    let (_, open) = list.position();
    let (number, parts) = open.expect("a segment in the making");
    assert!(parts >= 8, "{parts}");
    world.input(SourceEvent::Lost);
    let key = world.config.segmentations[0].key;
    let rules = EndpointRules { protocol: Protocol::LlHlsCmaf, ..rules(key) };
    let leaf = Leaf::Object { generation: 1, rendition: "video", file: File::Playlist };
    let query = format!("_HLS_msn={number}&_HLS_part={parts}");
    let viewer =
        Viewer { address: Ipv4Addr::LOCALHOST.into(), code: None, bearer: None, identifier: None };
    let now = reading(world.now);
    let arrival = Arrival { at: now.mono, losses: 0, may_grow: true };
    let answer = resolve(world.latest(), &rules, &leaf, Some(&query), &viewer, arrival, now);
    assert!(matches!(answer, Resolution::Manifest(_)), "{answer:?}");
}

#[test]
fn new_settings_begin_a_period_with_their_own_init() {
    let mut world = world();
    world.run_until(20);
    let mut info = world.tracks[0].info.clone();
    info.codec = super::world::avc(360, Some(rate(30, 1)));
    world.tracks[0].info = info.clone();
    world.tracks[0].info.id = crate::media::TrackId(720);
    info.id = crate::media::TrackId(720);
    world.input(SourceEvent::Track(info));
    world.run_until(40);
    let marks = ordinals(&world, 2);
    assert_eq!(marks.iter().filter(|m| m.1).count(), 1);
    let list = &world.segmentation(2).renditions[0];
    let first = list.rows.get(0).expect("a row");
    let last = list.rows.last().expect("a row");
    let init =
        |p: &crate::packager::Period| p.track(list.rendition.id).expect("takes part").init.clone();
    assert_ne!(init(&first.period), init(&last.period));
    // What a track measured is known from its first Period on; declared rates have headers and a margin.
    for period in [&first.period, &last.period] {
        for track in &period.tracks {
            let declared = world.segmentation(2).rendition(track.rendition).expect("listed");
            let declared = declared.rendition.average;
            assert!(track.rate.0 > 0 && track.rate < declared, "{:?} {declared:?}", track.rate);
        }
    }
}

/// Gives the leading video other settings from here on.
fn change_settings(world: &mut super::world::World, height: u16) {
    let mut info = world.tracks[0].info.clone();
    info.codec = super::world::avc(height, Some(rate(30, 1)));
    world.tracks[0].info = info.clone();
    world.input(SourceEvent::Track(info));
}

#[test]
fn sound_that_comes_after_new_settings_of_the_picture_is_kept() {
    for late_ms in [0, 250, 700] {
        let mut world = world();
        world.run_until(20);
        // The picture runs ahead over two changes, the sound comes behind it.
        for height in [360, 480] {
            let audio = world.tracks[1].info.id;
            let until = world.tracks[0].next + 60;
            change_settings(&mut world, height);
            while world.tracks[0].next < until {
                let picture = world.tracks[0].take();
                let track = world.tracks[0].info.id;
                world.now = world.now + rate(30, 1).duration_of(1);
                world.input(SourceEvent::Sample(track, picture));
                let come = world.now - MediaDuration::from_millis(late_ms);
                while world.tracks[1].frame.times(world.tracks[1].next + 1) <= come {
                    let sound = world.tracks[1].take();
                    world.input(SourceEvent::Sample(audio, sound));
                }
            }
        }
        world.run_until(40);
        for seconds in [1, 2] {
            for list in &world.segmentation(seconds).renditions {
                let rows: Vec<_> = list.rows.iter_from(0).collect();
                for pair in rows.windows(2) {
                    let hole = pair[1].start_time() - pair[0].end_time();
                    let frames = list.rendition.name == "audio" && hole.abs().floor_millis() <= 43;
                    assert!(
                        frames || hole.abs().floor_millis() <= 1,
                        "{late_ms}: {} {}",
                        list.rendition.name,
                        hole.floor_millis()
                    );
                }
            }
        }
    }
}

#[test]
fn rungs_that_change_their_settings_together_are_not_waited_for() {
    let rungs = [720, 360].map(|h| Synthetic::video(&format!("r{h}"), h, rate(30, 1), 30));
    let mut world = World::new(
        config(&[(2, None), (1, Some(500))]),
        rungs.into_iter().chain([Synthetic::audio(48_000)]).collect(),
    );
    world.run_until(20);
    for (rung, height) in [(0, 480), (1, 240)] {
        let mut info = world.tracks[rung].info.clone();
        info.codec = super::world::avc(height, Some(rate(30, 1)));
        world.tracks[rung].info = info.clone();
        world.input(SourceEvent::Track(info));
    }
    let began = |world: &World| {
        let periods = world.reports.iter().filter(|r| matches!(r, Report::PeriodBegan { .. }));
        periods.count()
    };
    assert_eq!(began(&world), 1);
    world.run_to(MediaDuration::from_millis(20_200));
    assert_eq!(began(&world), 2, "at once: nothing of the old settings can come");
}

#[test]
fn a_source_that_changes_its_settings_with_every_key_frame_plays_from_the_start() {
    let mut world = world();
    for n in 0..20 {
        change_settings(&mut world, 360 + n % 2);
        world.run_until(2 * i64::from(n + 1));
    }
    let rows = world.rows(2, Video);
    assert!(rows.len() >= 6, "{rows:?}");
    assert!(rows.iter().all(|row| row.1 == 2000), "{rows:?}");
}

#[test]
fn numbers_go_on_after_a_restart_and_skip_one_at_most() {
    for seconds in [20, 21, 22, 23] {
        let mut world = world();
        world.run_until(seconds);
        let before = world.rows(2, Video).last().expect("rows").0;
        let ordinal = ordinals(&world, 2).last().expect("rows").0;
        world.restart();
        world.run_until(seconds + 20);
        let rows = world.rows(2, Video);
        let first = rows.first().expect("rows").0;
        // The open segment's number may have been used; one more is reserved.
        assert!((before + 1..=before + 3).contains(&first), "{before} → {first}");
        let marks = ordinals(&world, 2);
        assert!(marks[0].1, "the first row carries the discontinuity");
        assert_eq!(marks[0].0, ordinal + 1);
    }
}

#[test]
fn a_rung_off_by_forty_milliseconds_is_left_out_and_the_others_go_on() {
    let mut tracks = vec![
        Synthetic::video("a", 720, rate(30, 1), 60),
        Synthetic::video("b", 480, rate(30, 1), 60),
        Synthetic::video("c", 360, rate(30, 1), 60),
        Synthetic::audio(48_000),
    ];
    tracks[2].offset = MediaDuration::from_millis(40);
    let mut world = World::new(config(&[(2, None)]), tracks);
    world.run_until(60);
    let view = world.segmentation(2);
    let names: Vec<&str> = view.current().map(|r| r.rendition.name.as_str()).collect();
    assert_eq!(names, ["video-a", "video-b", "audio"]);
    let left_out = Report::TrackLeftOut { track: "video-c".to_owned(), why: LeftOut::Misaligned };
    assert_eq!(world.reports.iter().filter(|r| **r == left_out).count(), 1, "{:?}", world.reports);
}

#[test]
fn a_rung_that_comes_late_joins_by_a_period() {
    let tracks = vec![Synthetic::video("a", 720, rate(30, 1), 60), Synthetic::audio(48_000)];
    let mut world = World::new(config(&[(2, None), (4, None)]), tracks);
    world.run_until(30);
    let mut late = Synthetic::video("b", 360, rate(30, 1), 60);
    late.next = 31 * 30;
    let info = late.info.clone();
    world.tracks.push(late);
    world.input(SourceEvent::Track(info));
    world.run_until(70);
    for asked in [2, 4] {
        let view = world.segmentation(asked);
        let names: Vec<&str> = view.current().map(|r| r.rendition.name.as_str()).collect();
        assert_eq!(names, ["video-a", "audio", "video-b"]);
        let rows = world.rows(asked, Video);
        assert!(rows.iter().all(|r| r.1 == i64::from(asked) * 1000), "no runt: {rows:?}");
    }
    assert!(world.reports.iter().any(|r| matches!(r, Report::TrackJoined { .. })));
}

#[test]
fn the_same_inputs_give_the_same_outputs() {
    let run = || {
        let mut world = world();
        world.run_until(30);
        let bytes: Vec<u8> = world
            .latest()
            .segmentations
            .values()
            .flat_map(|v| v.renditions.iter())
            .flat_map(|r| r.rows.iter_from(0))
            .flat_map(|row| row.body().concat())
            .collect();
        (bytes, world.state)
    };
    assert!(run() == run(), "I3");
}

#[test]
fn a_rung_that_leaves_and_returns_keeps_its_numbers_in_step_with_the_others() {
    let tracks = vec![
        Synthetic::video("a", 720, rate(30, 1), 60),
        Synthetic::video("b", 480, rate(30, 1), 60),
        Synthetic::audio(48_000),
    ];
    let mut world = World::new(config(&[(2, None)]), tracks);
    world.run_until(20);
    world.tracks[1].offset = MediaDuration::from_millis(40);
    world.run_until(26);
    world.tracks[1].offset = MediaDuration::ZERO;
    world.run_until(34);
    let view = world.segmentation(2);
    for list in &view.renditions {
        let numbers: Vec<u64> = list.rows.iter_from(0).map(|r| r.number).collect();
        assert!(
            numbers.windows(2).all(|w| w[1] == w[0] + 1),
            "I4: {} {numbers:?} {:?}",
            list.rendition.name,
            world.reports
        );
    }
    let marks = |name: &str| {
        let list = view.renditions.iter().find(|r| r.rendition.name == name).expect("a list");
        let marks = list.rows.iter_from(0);
        marks.map(|r| (r.number, r.period.ordinal, r.begins_period)).collect::<Vec<_>>()
    };
    assert_eq!(marks("video-a"), marks("video-b"), "I8, I9: the same breaks in every list");
    let list = view.renditions.iter().find(|r| r.rendition.name == "video-b").expect("a list");
    assert!(list.rows.iter_from(0).any(|r| r.is_gap()));
    assert!(!list.rows.last().expect("a row").is_gap());
    assert!(world.reports.iter().any(|r| matches!(r, Report::TrackLeftOut { .. })));
    assert!(world.reports.iter().any(|r| matches!(r, Report::TrackJoined { .. })));
}

#[test]
fn rungs_in_step_stay_in_step_where_frames_are_no_whole_ticks() {
    // 59.94 frames a second are 1501.5 ticks each; the smaller rung delivers first.
    let ntsc = rate(60_000, 1001);
    let tracks =
        vec![Synthetic::video("low", 360, ntsc, 41), Synthetic::video("high", 720, ntsc, 41)];
    let mut world = World::new(config(&[(2, None), (1, Some(500))]), tracks);
    world.run_until(60);
    let left = world.reports.iter().filter(|r| matches!(r, Report::TrackLeftOut { .. })).count();
    assert_eq!(left, 0, "{:?}", world.reports);
}

#[test]
fn what_was_listed_before_a_long_hole_stays_until_enough_follows_it() {
    let mut world = world();
    world.run_until(20);
    world.input(SourceEvent::Lost);
    world.source.session += 1;
    for track in &mut world.tracks {
        track.next = 0;
    }
    world.delay = MediaDuration::from_secs(600);
    world.declare();
    world.run_until(604);
    let view = world.segmentation(2);
    assert!(view.current().all(|list| view.has_enough(list)), "I12");
    assert!(view.can_be_shown(false));
}

#[test]
fn a_channel_over_its_memory_drops_the_oldest_says_so_and_plays_on() {
    let mut config = config(&[(2, None)]);
    config.limits.channel_bytes = 20_000;
    let tracks = vec![Synthetic::video("", 720, rate(30, 1), 30), Synthetic::audio(48_000)];
    let mut world = World::new(config, tracks);
    world.run_until(60);
    assert!(world.reports.contains(&Report::MemoryOverflow));
    let view = world.segmentation(2);
    assert!(view.bytes <= 20_000 && view.current().all(|list| list.rows.len() >= 3));
}

#[test]
fn a_period_leaves_the_window_with_all_its_tracks() {
    // Audio ends a frame after the picture, or before.
    for lead_ms in [-40, 0, 40] {
        let mut video = Synthetic::video("", 360, rate(30, 1), 60);
        video.offset = MediaDuration::from_millis(100);
        let mut audio = Synthetic::audio(48_000);
        audio.offset = MediaDuration::from_millis(100 + lead_ms);
        let mut world = World::new(config(&[(2, None)]), vec![video, audio]);
        world.run_until(11);
        for track in &mut world.tracks {
            track.offset = track.offset + MediaDuration::from_secs(500);
        }
        world.delay = world.delay - MediaDuration::from_secs(500);
        world.run_until(45);
        let key = *world.latest().segmentations.keys().next().expect("one");
        let mut most = 0;
        for snapshot in &world.snapshots {
            let Some(text) = mpd(snapshot, key) else { continue };
            let periods: Vec<&str> = text.split("<Period ").skip(1).collect();
            most = most.max(periods.len());
            for period in &periods {
                for kind in ["video", "audio"] {
                    let listed = period.contains(&format!("contentType=\"{kind}\""));
                    assert!(listed, "{lead_ms} ms: no {kind} in a Period:\n{text}");
                }
            }
        }
        assert_eq!(most, 2, "both Periods were listed");
    }
}
