//! Other lists asked for while a channel lives: who reads sees lists that go on.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::world::{Synthetic, World, config, rate};
use crate::media::MediaKind;
use crate::packager::{
    ChannelConfig, PeriodReason, Report, Segment, SegmentationKey, SegmentationView, Served,
};
use crate::units::MediaDuration;

type Asked = (u32, u32, Option<u32>, u16);

/// Endpoints by ordinal, seconds, milliseconds of parts and series.
fn served(asked: &[Asked]) -> ChannelConfig {
    let mut wanted: Vec<SegmentationKey> = Vec::new();
    let mut endpoints = BTreeMap::new();
    for (ordinal, seconds, part_ms, series) in asked {
        let key =
            SegmentationKey { series: *series, ..SegmentationKey::new(seconds * 1000, *part_ms) };
        if !wanted.contains(&key) {
            wanted.push(key);
        }
        let name = format!("e{ordinal}");
        endpoints.insert(*ordinal, Served { name, key, generation: 0, muxed: None, packets: None });
    }
    let one = config(&[(2, None)]).segmentations[0];
    let leads = wanted.iter().find(|key| key.part_ms.is_some()).copied();
    let of = |key: &SegmentationKey| crate::packager::SegmentationWanted {
        key: *key,
        leads_parts: leads == Some(*key),
        ..one
    };
    ChannelConfig { segmentations: wanted.iter().map(of).collect(), endpoints, ..config(&[]) }
}

fn key(seconds: u32, part_ms: Option<u32>, series: u16) -> SegmentationKey {
    SegmentationKey { series, ..SegmentationKey::new(seconds * 1000, part_ms) }
}

/// Two rungs and sound that comes `ahead_ms` before the picture, or behind it.
fn world(asked: &[Asked], ahead_ms: i64) -> World {
    let mut audio = Synthetic::audio(48_000);
    audio.offset = MediaDuration::from_millis(0);
    audio.delay_ms = -ahead_ms;
    let tracks = vec![
        Synthetic::video("", 360, rate(25, 1), 50),
        Synthetic::video("low", 180, rate(25, 1), 50),
        audio,
    ];
    World::new(served(asked), tracks)
}

fn view(world: &World, key: SegmentationKey) -> &SegmentationView {
    world.latest().segmentations.get(&key).unwrap_or_else(|| panic!("{key} is not there"))
}

fn rows(view: &SegmentationView, kind: MediaKind) -> Vec<Arc<Segment>> {
    let list = view.renditions.iter().find(|r| r.rendition.kind == kind).expect("of that kind");
    list.rows.iter_from(0).cloned().collect()
}

fn configured(world: &World) -> usize {
    let period =
        |r: &&Report| matches!(r, Report::PeriodBegan { reason: PeriodReason::Configured, .. });
    world.reports.iter().filter(period).count()
}

/// Numbers are consecutive, media has no hole and no gap.
fn goes_on(view: &SegmentationView) {
    for list in &view.renditions {
        let rows: Vec<_> = list.rows.iter_from(0).collect();
        for (row, next) in rows.iter().zip(rows.iter().skip(1)) {
            assert_eq!(next.number, row.number + 1, "{}", list.rendition.name);
            let hole = (next.start_time() - row.end_time()).abs();
            assert!(hole < MediaDuration::from_millis(50), "{}: {hole:?}", list.rendition.name);
            assert!(!next.is_gap() && !row.is_gap(), "{}", list.rendition.name);
        }
    }
}

#[test]
fn other_durations_come_with_the_next_cut_and_the_list_goes_on() {
    for absolute in [false, true] {
        for ahead in [-300, 0, 400] {
            for (from, to) in [(2, 4), (4, 2), (2, 6), (6, 4)] {
                let mut world = world(&[(1, from, None, 0)], ahead);
                if absolute {
                    world = world.with_absolute_time();
                }
                world.run_until(31);
                let before = rows(view(&world, key(from, None, 0)), MediaKind::Video);
                let (last, count) = (before.last().expect("rows").number, world.snapshots.len());
                world.configure(served(&[(1, to, None, 1)]));
                assert_eq!(world.snapshots.len(), count + 1, "it is published at once");
                assert!(!world.latest().segmentations.contains_key(&key(from, None, 0)));
                world.run_until(60);
                let after = view(&world, key(to, None, 1));
                goes_on(after);
                let after = rows(after, MediaKind::Video);
                for row in before.iter().filter(|row| row.number >= after[0].number) {
                    assert!(after.iter().any(|other| Arc::ptr_eq(row, other)), "I1, I10");
                }
                let lengths: Vec<i64> = after
                    .iter()
                    .filter(|row| row.number > last + 1)
                    .map(|row| row.length().round_secs())
                    .collect();
                assert!(lengths.iter().all(|length| *length == i64::from(to)), "{lengths:?}");
                assert!(lengths.len() >= 3, "{lengths:?}");
                assert_eq!(configured(&world), 1);
            }
        }
    }
}

#[test]
fn an_endpoint_that_moves_leaves_the_others_of_its_segmentation_where_they_are() {
    let mut world = world(&[(1, 2, None, 0), (2, 2, None, 0), (3, 4, None, 0)], 100);
    world.run_until(31);
    let last = |view: &SegmentationView| rows(view, MediaKind::Video).last().expect("rows").number;
    let (two, four) = (last(view(&world, key(2, None, 0))), last(view(&world, key(4, None, 0))));
    world.configure(served(&[(1, 4, None, 1), (2, 2, None, 0), (3, 4, None, 0)]));
    world.run_until(60);
    let moved = view(&world, key(4, None, 1));
    goes_on(moved);
    goes_on(view(&world, key(2, None, 0)));
    goes_on(view(&world, key(4, None, 0)));
    let number = last(moved);
    assert!(number > two && number < two + 9, "{number} goes on from {two}");
    assert!(last(view(&world, key(2, None, 0))) >= two + 13);
    let other = last(view(&world, key(4, None, 0)));
    assert!(other > four && other < number, "{other}: numbers of its own");
    // The same bytes under both numbers.
    let pairs = rows(moved, MediaKind::Video);
    let own = rows(view(&world, key(4, None, 0)), MediaKind::Video);
    let newest = pairs.last().expect("rows");
    assert!(own.iter().any(|row| row.start == newest.start && row.body() == newest.body()));
}

#[test]
fn lists_come_and_go_without_a_period() {
    let mut world = world(&[(1, 2, None, 0)], 0);
    world.run_until(31);
    let periods = |world: &World| {
        world.reports.iter().filter(|r| matches!(r, Report::PeriodBegan { .. })).count()
    };
    let before = periods(&world);
    world.configure(served(&[(1, 2, None, 0), (2, 4, None, 0)]));
    world.run_until(50);
    assert!(rows(view(&world, key(4, None, 0)), MediaKind::Audio).len() >= 3);
    goes_on(view(&world, key(2, None, 0)));
    goes_on(view(&world, key(4, None, 0)));
    world.configure(served(&[(2, 4, None, 0)]));
    assert_eq!(world.latest().segmentations.len(), 1, "it goes at once");
    world.run_until(80);
    goes_on(view(&world, key(4, None, 0)));
    assert_eq!(periods(&world), before);
}

#[test]
fn parts_come_and_go_and_become_others_with_the_next_cut() {
    for ahead in [-200, 0, 300] {
        let parts = [None, Some(500), Some(250), None, Some(1000), Some(500)];
        let mut world = world(&[(1, 2, None, 0), (2, 4, None, 0)], ahead);
        for (series, part) in (1..).zip(parts) {
            let until = world.now.round_secs() + 21;
            world.run_until(until);
            world.configure(served(&[(1, 2, part, series), (2, 4, None, 0)]));
            world.run_until(until + 21);
            let now = view(&world, key(2, part, series));
            goes_on(now);
            goes_on(view(&world, key(4, None, 0)));
            let newest = rows(now, MediaKind::Video).pop().expect("rows");
            let count = part.map_or(0, |ms| 2000_usize.div_ceil(ms as usize));
            let there = newest.parts().len();
            assert!(there.abs_diff(count) <= 1, "{ahead} {part:?}: {there} parts");
            assert_eq!(now.part_target.is_some(), part.is_some());
        }
    }
}

#[test]
fn other_durations_asked_for_over_a_restart_go_on_from_the_old_list() {
    for absolute in [false, true] {
        let mut world = world(&[(1, 2, None, 0)], 0);
        if absolute {
            world = world.with_absolute_time();
        }
        world.run_until(31);
        // What was never said cannot be remembered.
        world.configure(served(&[(1, 2, None, 0)]));
        let last = rows(view(&world, key(2, None, 0)), MediaKind::Video).pop().expect("rows");
        world.config = served(&[(1, 4, None, 1)]);
        world.restart_with_rows();
        let at_once = rows(view(&world, key(4, None, 1)), MediaKind::Video);
        assert_eq!(at_once.last().map(|row| row.number), Some(last.number));
        world.run_until(62);
        let after = rows(view(&world, key(4, None, 1)), MediaKind::Video);
        assert!(after.windows(2).all(|pair| pair[0].number + 1 == pair[1].number), "I4");
        let newest = after.last().expect("rows");
        assert!(newest.number < last.number + 14 && newest.number > last.number + 5);
        assert_eq!(newest.length().round_secs(), 4);
        // And once more, with nothing but the state.
        world.restart();
        world.run_until(90);
        let after = rows(view(&world, key(4, None, 1)), MediaKind::Video);
        let next = after[0].number;
        assert!(next > newest.number && next < newest.number + 6, "{next} after {}", newest.number);
    }
}

#[test]
fn numbers_of_an_endpoint_never_go_back_whatever_is_asked_for() {
    let durations = [(2, None), (4, None), (2, Some(500)), (6, None), (4, None), (2, None)];
    let mut world = world(&[(1, 2, None, 0), (2, 4, None, 0)], 250).with_absolute_time();
    let mut highest = 0;
    for (series, (seconds, part)) in (1..).zip(durations.into_iter().cycle().take(12)) {
        let until = world.now.round_secs() + 3 + i64::from(series) % 7;
        world.run_until(until);
        world.configure(served(&[(1, seconds, part, series), (2, 4, None, 0)]));
        if series % 5 == 0 {
            world.restart_with_rows();
        }
        world.run_until(until + 9);
        let Some(newest) = rows(view(&world, key(seconds, part, series)), MediaKind::Video).pop()
        else {
            continue;
        };
        assert!(newest.number >= highest, "{} after {highest}", newest.number);
        highest = newest.number;
    }
    assert!(highest > 0);
}
