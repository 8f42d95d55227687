//! The hard clock: tracks that go and come back, clocks that jump and drift, processes that die.

use super::world::{BEGINNING_S, Synthetic, World, config, rate};
use crate::media::MediaKind::{self, Audio, Video};
use crate::packager::{RenditionView, Report};
use crate::units::{MediaDuration, MediaTime, Timescale};

fn world() -> World {
    let tracks = vec![Synthetic::video("", 720, rate(30, 1), 60), Synthetic::audio(48_000)];
    World::new(config(&[(2, None), (1, Some(500))]), tracks)
}

fn list(world: &World, kind: MediaKind) -> &RenditionView {
    let lists = &world.segmentation(2).renditions;
    lists.iter().find(|r| r.rendition.kind == kind).expect("of that kind")
}

fn playing(world: &World) -> Vec<String> {
    world.segmentation(2).current().map(|r| r.rendition.name.clone()).collect()
}

/// The newest media of a kind, and where the world's own clock stands.
fn lag(world: &World, kind: MediaKind) -> MediaDuration {
    let end = list(world, kind).rows.last().expect("a row").end_time();
    let now = MediaTime::new(BEGINNING_S, Timescale::new(1).expect("not zero")) + world.now;
    now - end
}

#[test]
fn audio_that_disappears_is_left_out_and_listed_as_gaps_until_it_returns() {
    let mut world = world();
    world.tracks[1].delivered = 0..20 * 48_000 / 1024;
    world.run_until(40);
    assert_eq!(playing(&world), ["video"]);
    let (video, audio) = (list(&world, Video), list(&world, Audio));
    assert_eq!(
        audio.rows.last().expect("a row").number,
        video.rows.last().expect("a row").number,
        "gaps under the same numbers"
    );
    assert!(audio.rows.last().expect("a row").is_gap());
    // Back at 40 s.
    world.tracks[1].delivered = 40 * 48_000 / 1024..i64::MAX;
    world.run_until(70);
    assert_eq!(playing(&world), ["video", "audio"]);
    assert!(!list(&world, Audio).rows.last().expect("a row").is_gap());
    assert!(lag(&world, Video) < MediaDuration::from_millis(2500));
}

#[test]
fn video_that_disappears_lets_audio_lead_and_takes_the_lead_again() {
    let mut world = world();
    world.tracks[0].delivered = 0..20 * 30;
    world.run_until(45);
    assert_eq!(playing(&world), ["audio"]);
    assert!(lag(&world, Audio) < MediaDuration::from_millis(4500), "{:?}", lag(&world, Audio));
    world.tracks[0].delivered = 45 * 30..i64::MAX;
    world.run_until(75);
    assert_eq!(playing(&world), ["video", "audio"]);
    assert!(lag(&world, Video) < MediaDuration::from_millis(4500));
    let skew = list(&world, Video).rows.last().expect("a row").start_time()
        - list(&world, Audio).rows.last().expect("a row").start_time();
    assert!(skew.abs() < MediaDuration::from_millis(2100));
}

#[test]
fn a_track_whose_clock_jumps_alone_is_brought_back_to_the_others() {
    for jump in [-3600, -7, 5, 3600] {
        let mut world = world();
        world.run_until(20);
        // Only the timestamps jump: the frames arrive as before.
        let frames = MediaDuration::from_secs(jump).div_floor(world.tracks[1].frame);
        world.tracks[1].skew = frames;
        world.run_until(50);
        assert_eq!(playing(&world), ["video", "audio"], "jump {jump}");
        for kind in [Video, Audio] {
            assert!(
                lag(&world, kind) < MediaDuration::from_millis(4500),
                "jump {jump} {kind}: {:?}",
                lag(&world, kind)
            );
        }
        let rows = world.rows(2, Video);
        assert!(rows.windows(2).all(|w| w[1].0 == w[0].0 + 1), "I4");
    }
}

/// Robustness 2: whatever its clock says, and however long it was away.
#[test]
fn an_encoder_that_restarts_fifty_times_plays_again_within_a_segment() {
    let mut world = world();
    world.keep = 4;
    let mut at = 20;
    world.run_until(at);
    for n in 0..50 {
        world.input(crate::packager::SourceEvent::Lost);
        world.source.session += 1;
        for track in &mut world.tracks {
            track.next = 0;
        }
        let down = [0, 1, 3, 7][n % 4];
        world.delay = MediaDuration::from_secs(at + down);
        world.declare();
        let before = list(&world, Video).rows.last().expect("a row").number;
        // One segment and the frame that ends it.
        at += down + 5;
        world.run_until(at);
        let after = list(&world, Video).rows.last().expect("a row");
        assert!(after.number > before && !after.is_gap(), "restart {n}");
        assert!(
            lag(&world, Video) < MediaDuration::from_millis(3500),
            "restart {n}: {:?}",
            lag(&world, Video)
        );
    }
}

#[test]
fn a_killed_process_keeps_the_clock_mapping_and_starts_at_the_next_sync_sample() {
    let mut world = world();
    world.run_until(31);
    let offset = world.state.as_ref().and_then(|s| s.run.as_ref()).expect("remembered").offset;
    world.restart();
    // Three seconds of the source are lost.
    world.now = MediaDuration::from_secs(34);
    for track in &mut world.tracks {
        track.next = MediaDuration::from_secs(34).div_ceil(track.frame);
    }
    world.run_until(39);
    let again = world.state.as_ref().and_then(|s| s.run.as_ref()).expect("remembered").offset;
    assert_eq!(offset, again);
    // The sync sample at 34 s begins a segment that is whole two seconds later: no watching anew.
    assert!(world.rows(2, Video).len() >= 2, "{:?}", world.rows(2, Video));
}

#[test]
fn a_step_of_the_wall_clock_moves_nothing() {
    for step in [-3600, 3600] {
        let mut world = world();
        world.run_until(20);
        world.wall_step = MediaDuration::from_secs(step);
        world.run_until(30);
        // A reconnect makes the mapping be looked at again.
        world.input(crate::packager::SourceEvent::Lost);
        world.source.session += 1;
        world.declare();
        world.run_until(50);
        assert!(
            lag(&world, Video).abs() < MediaDuration::from_millis(4500),
            "{:?}",
            lag(&world, Video)
        );
    }
}

/// Robustness 14: what is published stays at true time, by new Periods.
#[test]
fn a_week_of_drift_stays_within_half_a_segment_of_true_time() {
    for ppm in [-100, 100] {
        let mut tracks = vec![Synthetic::video("", 360, rate(5, 1), 10)];
        tracks[0].millis = true;
        let mut world = World::new(config(&[(2, None)]), tracks);
        world.keep = 2;
        world.ppm = ppm;
        let mut worst = MediaDuration::ZERO;
        for hour in 1..=7 * 24 {
            world.run_until(hour * 3600);
            // What is complete ends a segment and a frame ago at the most, give or take the drift.
            worst = worst
                .max(lag(&world, Video))
                .max(MediaDuration::from_millis(400) - lag(&world, Video));
        }
        assert!(worst <= MediaDuration::from_millis(2000 + 400 + 1000), "{ppm} ppm: {worst:?}");
        let drifts = world.reports.iter().filter(|r| {
            matches!(r, Report::PeriodBegan { reason: crate::packager::PeriodReason::Drift, .. })
        });
        // 100 ppm are 60 s in a week, put right half a second at a time.
        let drifts = drifts.count();
        assert!((90..=130).contains(&drifts), "{ppm} ppm: {drifts} Periods");
    }
}

#[test]
fn a_source_that_finds_its_cadence_again_is_cut_evenly_again() {
    let mut world = world();
    world.tracks[0].sync = Box::new(|n| match n {
        600..=1200 => (n * n * n) % 97 < 2,
        _ => n % 60 == 0,
    });
    world.run_until(80);
    let rows = world.rows(2, Video);
    let last: Vec<i64> = rows.iter().rev().take(4).map(|r| r.1).collect();
    assert_eq!(last, [2000; 4]);
    assert!(world.reports.iter().any(|r| matches!(r, Report::CadenceIrregular { .. })));
}

#[test]
fn a_hole_longer_than_the_window_drops_the_old_list() {
    let mut world = world();
    world.run_until(20);
    world.input(crate::packager::SourceEvent::Lost);
    world.source.session += 1;
    for track in &mut world.tracks {
        track.next = 0;
    }
    world.delay = MediaDuration::from_secs(20 + 600);
    world.declare();
    world.run_until(20 + 600 + 9);
    let list = list(&world, Video);
    let target = world.segmentation(2).target;
    let first = list.rows.get(list.list_start(6, MediaDuration::ZERO, target)).expect("a row");
    assert_eq!(first.period.ordinal, 1, "nothing from before the hole is listed");
    assert!(list.rows.iter_from(0).all(|row| !row.is_gap()));
}

#[test]
fn a_restart_with_absolute_time_begins_after_what_is_there_and_plays_on() {
    let tracks = vec![Synthetic::video("", 720, rate(30, 1), 30), Synthetic::audio(48_000)];
    let mut world =
        World::new(config(&[(1, Some(500)), (4, None), (2, None)]), tracks).with_absolute_time();
    world.run_until(50);
    let end = list(&world, Video).rows.last().expect("a row").end_time();
    world.restart();
    // The source begins forty-five seconds in the past, as a loop does.
    for track in &mut world.tracks {
        track.next = MediaDuration::from_secs(6).div_ceil(track.frame);
    }
    world.run_until(80);
    for seconds in [1, 2, 4] {
        let rows = world.rows(seconds, Video);
        assert!(rows.len() >= 3, "{seconds} s: {rows:?}");
    }
    let first = list(&world, Video).rows.get(0).expect("a row").start_time();
    assert!(first >= end, "nothing is listed twice");
    assert!(lag(&world, Video) < MediaDuration::from_millis(2500));
}
