//! docs/time.md's table of sources that must come out right.

use super::world::{Synthetic, World, config, rate};
use crate::media::MediaKind::{Audio, Video};
use crate::packager::Report;
use crate::units::{MediaDuration, Timescale};

fn thirty(gop: i64) -> Vec<Synthetic> {
    vec![Synthetic::video("", 720, rate(30, 1), gop), Synthetic::audio(48_000)]
}

/// Lengths of all rows, and that numbers are consecutive from the first.
fn lengths(rows: &[(u64, i64)]) -> Vec<i64> {
    for (row, next) in rows.iter().zip(&rows[1..]) {
        assert_eq!(next.0, row.0 + 1);
    }
    rows.iter().map(|r| r.1).collect()
}

fn even(rows: &[(u64, i64)], ms: i64) -> bool {
    !rows.is_empty() && lengths(rows).iter().all(|l| *l == ms)
}

#[test]
fn two_second_gops_give_the_next_multiple_of_what_is_asked() {
    let mut world = World::new(
        config(&[(2, None), (4, None), (5, None), (6, None), (1, Some(500))]),
        thirty(60),
    );
    world.run_until(60);
    for (asked, got) in [(2, 2000), (4, 4000), (5, 6000), (6, 6000), (1, 2000)] {
        assert!(
            even(&world.rows(asked, Video), got),
            "asked {asked}: {:?}",
            world.rows(asked, Video)
        );
        assert_eq!(i64::from(world.segmentation(asked).target) * 1000, got);
    }
    // Audio is cut at the frame after: 93.75 frames of 1024/48000 s are two seconds.
    assert!(lengths(&world.rows(2, Audio)).iter().all(|l| (1984..=2006).contains(l)));
}

#[test]
fn extra_sync_samples_at_scene_cuts_change_nothing() {
    let mut tracks = thirty(60);
    tracks[0].sync = Box::new(|n| n % 60 == 0 || (n * n * n) % 1009 < 9);
    let mut world = World::new(config(&[(2, None), (6, None)]), tracks);
    world.run_until(60);
    assert!(even(&world.rows(2, Video), 2000));
    assert!(even(&world.rows(6, Video), 6000));
}

fn ntsc(millis: bool) -> Vec<Synthetic> {
    let mut tracks =
        vec![Synthetic::video("", 720, rate(30_000, 1001), 60), Synthetic::audio(48_000)];
    for track in &mut tracks {
        track.millis = millis;
    }
    tracks
}

#[test]
fn ntsc_is_cut_at_sixty_frames_for_ever() {
    for millis in [false, true] {
        let mut world = World::new(config(&[(2, None)]), ntsc(millis));
        world.run_until(600);
        let view = world.segmentation(2);
        assert_eq!(
            view.duration,
            MediaDuration::new(60_060, Timescale::new(30_000).expect("not zero"))
        );
        assert_eq!(view.target, 2);
        let rows = world.rows(2, Video);
        assert!(lengths(&rows).iter().all(|l| (2001..=2003).contains(l)), "{rows:?}");
    }
}

#[test]
fn sync_half_an_interval_off_the_grid_has_its_slot_for_number() {
    let mut tracks = thirty(60);
    // The world begins at an odd second; one second more or less is half of G.
    for track in &mut tracks {
        track.offset = MediaDuration::from_millis(1000);
        track.millis = true;
    }
    let mut world = World::new(config(&[(4, None)]), tracks).with_absolute_time();
    world.run_until(100);
    let rows = world.rows(4, Video);
    let view = world.segmentation(4);
    let list = &view.renditions.iter().find(|r| r.rendition.kind == Video).expect("video").rows;
    assert!(even(&rows, 4000));
    let first = list.get(0).expect("a row");
    for row in list.iter_from(0) {
        let slots = (row.start_time() - first.start_time() + MediaDuration::from_millis(2))
            .div_floor(MediaDuration::from_secs(4));
        assert_eq!(row.number, first.number + slots.unsigned_abs());
    }
    assert_eq!(
        first
            .start_time()
            .since_epoch()
            .div_floor(MediaDuration::from_secs(4))
            .abs_diff(first.number.cast_signed()),
        0
    );
}

#[test]
fn irregular_sync_samples_make_no_runt_and_keep_the_target() {
    let mut tracks = thirty(60);
    // Distances of 0.5 to 4 s, by a fixed scramble.
    let mut syncs = std::collections::BTreeSet::new();
    let (mut at, mut seed) = (0_i64, 7_i64);
    while at < 30 * 200 {
        syncs.insert(at);
        seed = (seed * 1103 + 12_345) % 65_537;
        at += if syncs.len() == 3 { 120 } else { 15 + seed % 106 };
    }
    tracks[0].sync = Box::new(move |n| syncs.contains(&n));
    let mut world = World::new(config(&[(4, None)]), tracks);
    world.run_until(180);
    assert_eq!(world.segmentation(4).target, 6);
    let lengths = lengths(&world.rows(4, Video));
    assert!(lengths.iter().all(|l| (2000..=6000).contains(l)), "{lengths:?}");
    assert!(world.reports.iter().any(|r| matches!(r, Report::CadenceIrregular { .. })));
}

#[test]
fn audio_alone_is_cut_evenly() {
    let mut world = World::new(config(&[(4, None)]), vec![Synthetic::audio(44_100)]);
    world.run_until(60);
    // G is 44 frames, D four of them: 4.087 s.
    assert!(even(&world.rows(4, Audio), 4086), "{:?}", world.rows(4, Audio));
}

#[test]
fn long_gops_give_long_segments() {
    let tracks = vec![Synthetic::video("", 720, rate(25, 1), 208), Synthetic::audio(48_000)];
    let mut world = World::new(config(&[(2, None)]), tracks);
    world.run_until(120);
    assert!(even(&world.rows(2, Video), 8320));
    assert_eq!(world.segmentation(2).target, 8);
}

#[test]
fn segments_of_two_segmentations_are_runs_of_the_same_chunks() {
    let mut world = World::new(config(&[(2, None), (4, None), (1, Some(333))]), thirty(30));
    world.run_until(30);
    let bytes = |seconds: u32| -> Vec<u8> {
        let view = world.segmentation(seconds);
        let list = view.renditions.iter().find(|r| r.rendition.kind == Video).expect("video");
        let rows = list.rows.iter_from(0).filter(|r| {
            let s = r.start_time().since_epoch().floor_millis() / 1000;
            (1_789_123_464..1_789_123_472).contains(&s)
        });
        let prefix = crate::isobmff::SEGMENT_TYPE.len();
        rows.flat_map(|r| r.body().concat()[prefix..].to_vec()).collect()
    };
    assert!(!bytes(4).is_empty());
    assert!(bytes(4).len() > 1000);
    let (two, four) = (bytes(2), bytes(4));
    // The four-second list may begin later: its bytes are a run within the other's.
    assert!(
        two.windows(four.len()).any(|w| w == four) || four.windows(two.len()).any(|w| w == two)
    );
}
