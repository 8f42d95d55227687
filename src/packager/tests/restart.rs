//! Restarts with the segments that readers knew: lists go on.

use std::sync::Arc;

use super::readers::ask;
use super::world::{Synthetic, World, config, rate, reading};
use crate::media::MediaKind;
use crate::packager::{Segment, Snapshot};
use crate::resolve::{Arrival, File, GENERATION, Leaf, Resolution};
use crate::units::MediaDuration;

fn world() -> World {
    let tracks = vec![
        Synthetic::video("", 360, rate(25, 1), 50),
        Synthetic::video("low", 180, rate(25, 1), 50),
        Synthetic::audio(48_000),
    ];
    World::new(config(&[(2, Some(500)), (6, None)]), tracks)
}

fn rows(snapshot: &Snapshot) -> Vec<Vec<Arc<Segment>>> {
    let lists = snapshot.segmentations.values().flat_map(|view| &view.renditions);
    lists.map(|list| list.rows.iter_from(0).cloned().collect()).collect()
}

/// Every row of `before` is in `after`, but for those that fell out at the front.
fn go_on(before: &Snapshot, after: &Snapshot) {
    for (before, after) in rows(before).iter().zip(rows(after)) {
        let first = after.first().expect("a list").number;
        for row in before.iter().filter(|row| row.number >= first) {
            let same = after.iter().find(|other| other.number == row.number).expect("kept");
            assert_eq!(same.body(), row.body(), "I1: {}", row.number);
        }
        let numbers: Vec<u64> = after.iter().map(|row| row.number).collect();
        assert!(numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]), "I4: {numbers:?}");
        for pair in after.windows(2) {
            let over = (pair[0].end_time() - pair[1].start_time()).floor_millis();
            let what = (pair[0].number, pair[0].is_gap(), pair[1].is_gap(), pair[1].begins_period);
            assert!(over <= 0, "a row ends before the next begins: {over} ms, {what:?}");
        }
    }
}

#[test]
fn a_list_goes_on_whenever_the_process_is_killed() {
    for absolute in [false, true] {
        for killed_ms in (20_000..28_000).step_by(370) {
            for down_ms in [200, 1_700, 9_000] {
                let mut world = world();
                if absolute {
                    world = world.with_absolute_time();
                }
                world.run_to(MediaDuration::from_millis(killed_ms));
                let before = world.latest().clone();
                let numbers = before.segmentations.len();
                // What the encoder sends meanwhile nobody takes.
                world.main_is_silent = true;
                world.run_to(MediaDuration::from_millis(killed_ms + down_ms));
                world.main_is_silent = false;
                world.restart_with_rows();
                assert_eq!(world.latest().segmentations.len(), numbers);
                assert!(world.latest().version > before.version);
                go_on(&before, world.latest());
                world.run_to(MediaDuration::from_millis(killed_ms + down_ms + 16_000));
                go_on(&before, world.latest());
                let newest = world.rows(2, MediaKind::Video).last().copied().expect("a row");
                let view = before.segmentations.values().next().expect("a list");
                let known = view.renditions[0].rows.last().expect("a row").number;
                assert!(
                    newest.0 > known + 5,
                    "{absolute} {killed_ms} {down_ms}: {newest:?} {known}"
                );
            }
        }
    }
}

#[test]
fn numbers_a_life_before_may_have_used_are_gaps() {
    let mut world = world();
    world.run_to(MediaDuration::from_millis(21_300));
    let open = |snapshot: &Snapshot| {
        let view = snapshot.segmentations.values().next().expect("a list");
        view.renditions[0].open.as_ref().map(|open| open.number).expect("a segment in the making")
    };
    let killed_in = open(world.latest());
    world.restart_with_rows();
    world.run_until(40);
    let view = world.segmentation(2);
    let row = view.renditions[0].rows.by_number(killed_in).expect("listed");
    assert!(row.is_gap(), "parts of {killed_in} were served: the number is not used again");
}

#[test]
fn whoever_asks_for_what_was_in_the_making_is_held_and_then_answered() {
    let (leaf, mut held) =
        (Leaf::Object { generation: GENERATION, rendition: "video", file: File::Playlist }, 0);
    for killed_ms in (40_000..46_000).step_by(330) {
        // Twelve parts a segment: more than a client may ask ahead of what a list shows.
        let tracks = vec![Synthetic::video("", 360, rate(25, 1), 50), Synthetic::audio(48_000)];
        let mut world = World::new(config(&[(6, Some(500))]), tracks);
        world.run_to(MediaDuration::from_millis(killed_ms));
        let key = world.key(6);
        let list = world.segmentation(6).rendition_named("video").expect("a list");
        let (last, open) = list.position();
        let (msn, part) = open.unwrap_or((last.expect("a row") + 1, 0));
        let query = format!("_HLS_msn={msn}&_HLS_part={part}");
        world.restart_with_rows();
        let since = world.snapshots.len() - 1;
        world.run_to(MediaDuration::from_millis(killed_ms + 24_000));
        let now = reading(world.now);
        for snapshot in &world.snapshots[since..] {
            let arrival = Arrival { at: now.mono, losses: snapshot.losses, may_grow: true };
            match ask(snapshot, key, &leaf, Some(&query), (arrival, now)) {
                Resolution::Wait { .. } => held += 1,
                Resolution::Manifest(_) => {}
                other => panic!("killed at {killed_ms} ms, {query}: {other:?}"),
            }
        }
        let arrival = Arrival { at: now.mono, losses: 0, may_grow: true };
        let answer = ask(world.latest(), key, &leaf, Some(&query), (arrival, now));
        assert!(matches!(answer, Resolution::Manifest(_)), "{killed_ms}: {answer:?}");
    }
    assert!(held > 15, "readers come before media does: {held}");
}
