//! Two inputs: failover, with and without a Period.

use super::world::{BEGINNING_S, Synthetic, World, config, rate};
use crate::media::MediaKind::Video;
use crate::packager::{ChannelConfig, InputId, PeriodReason, Report, SourceEvent, SourceId};
use crate::units::{MediaDuration, MediaTime, Timescale};

fn tracks() -> Vec<Synthetic> {
    vec![Synthetic::video("", 720, rate(30, 1), 60), Synthetic::audio(48_000)]
}

/// A world fed by both inputs, the second with the same programme.
fn both(absolute: bool) -> World {
    let mut world = World::new(config(&[(2, None), (1, Some(500))]), tracks());
    if absolute {
        world = world.with_absolute_time();
    }
    world.twin = Some(SourceId { input: InputId(2), session: 2 });
    world.declare();
    world
}

fn periods(world: &World) -> usize {
    world.reports.iter().filter(|r| matches!(r, Report::PeriodBegan { .. })).count()
}

fn numbers_go_on(world: &World) {
    let rows = world.rows(2, Video);
    assert!(rows.windows(2).all(|w| w[1].0 == w[0].0 + 1), "I4: {rows:?}");
}

#[test]
fn inputs_with_the_same_absolute_time_switch_without_a_period() {
    let mut alone = World::new(config(&[(2, None), (1, Some(500))]), tracks()).with_absolute_time();
    alone.run_until(60);
    let mut world = both(true);
    world.run_until(30);
    world.input(SourceEvent::Lost);
    world.main_is_silent = true;
    world.run_until(60);
    assert_eq!(periods(&world), 1, "only the first");
    numbers_go_on(&world);
    // Every object is what it would have been without the failure.
    let bodies = |world: &World| -> Vec<Vec<u8>> {
        let lists = &world.segmentation(2).renditions;
        lists
            .iter()
            .flat_map(|l| l.rows.iter_from(l.rows.len() - 4).map(|r| r.body().concat()))
            .collect()
    };
    assert!(bodies(&alone) == bodies(&world));
}

#[test]
fn a_silent_input_counts_as_lost_after_input_loss() {
    let mut world = both(true);
    world.run_until(30);
    world.main_is_silent = true;
    world.run_until(33);
    world.run_until(60);
    assert_eq!(periods(&world), 1, "{:?}", world.reports);
    assert!(world.reports.contains(&Report::SourceLost { input: InputId(1) }));
    numbers_go_on(&world);
}

#[test]
fn silence_between_the_pieces_an_input_comes_in_is_no_loss() {
    let mut world = both(true);
    world.input(SourceEvent::Pace(MediaDuration::from_secs(4)));
    world.run_until(30);
    world.main_is_silent = true;
    world.run_until(35);
    let lost = Report::SourceLost { input: InputId(1) };
    assert!(!world.reports.contains(&lost));
    world.run_until(37);
    assert!(world.reports.contains(&lost));
    assert_eq!(periods(&world), 1, "the other input's media of that time was kept");
}

#[test]
fn numbers_by_time_after_numbers_by_count_list_no_gap_for_each_between_them() {
    let mut world = World::new(config(&[(2, None)]), tracks());
    world.run_until(20);
    // The hole is longer than any list: numbers go on by one, and are behind the time from now on.
    let begin_anew = |world: &mut World, at: i64| {
        world.input(SourceEvent::Lost);
        world.source.session += 1;
        world.tracks.iter_mut().for_each(|track| track.next = 0);
        world.delay = MediaDuration::from_secs(at);
        world.declare();
    };
    begin_anew(&mut world, 3600);
    world.run_until(3620);
    world.absolute = Some(MediaTime::new(BEGINNING_S + 3622, Timescale::new(1).expect("not zero")));
    begin_anew(&mut world, 3622);
    world.run_until(3640);
    let rows = world.rows(2, Video);
    assert!((3..20).contains(&rows.len()), "I12: {} rows", rows.len());
    numbers_go_on(&world);
}

#[test]
fn inputs_without_absolute_time_switch_by_a_period_and_never_back() {
    let mut world = both(false);
    world.run_until(30);
    world.input(SourceEvent::Lost);
    world.main_is_silent = true;
    world.run_until(45);
    let returned =
        |r: &&Report| matches!(r, Report::PeriodBegan { reason: PeriodReason::SourceReturned, .. });
    assert_eq!(world.reports.iter().filter(returned).count(), 1, "{:#?}", world.reports);
    // The first input comes back: the second plays on.
    world.source.session = 9;
    world.main_is_silent = false;
    world.declare();
    world.run_until(60);
    assert_eq!(world.reports.iter().filter(returned).count(), 1);
    numbers_go_on(&world);
}

/// As [`both`], where the first input is gone back to; it is away from 30 s to 40 s.
fn preferring(absolute: bool) -> World {
    let wanted = ChannelConfig { prefers_main: true, ..config(&[(2, None), (1, Some(500))]) };
    let mut world = World::new(wanted, tracks());
    if absolute {
        world = world.with_absolute_time();
    }
    world.twin = Some(SourceId { input: InputId(2), session: 2 });
    world.declare();
    world.run_until(30);
    world.input(SourceEvent::Lost);
    world.main_is_silent = true;
    world.run_until(40);
    world.source.session = 9;
    world.main_is_silent = false;
    world.declare();
    world
}

fn returns(world: &World) -> usize {
    world.reports.iter().filter(|report| **report == Report::MainReturned).count()
}

#[test]
fn a_preferred_input_with_the_same_absolute_time_is_gone_back_to_without_a_period() {
    let mut alone = World::new(config(&[(2, None), (1, Some(500))]), tracks()).with_absolute_time();
    alone.run_until(60);
    let mut world = preferring(true);
    world.run_until(41);
    assert_eq!(returns(&world), 0, "not before it has delivered for input_loss");
    world.run_until(44);
    assert_eq!(returns(&world), 1);
    // The standby going changes nothing now.
    world.twin = None;
    world.run_until(60);
    assert_eq!((periods(&world), returns(&world)), (1, 1), "{:#?}", world.reports);
    numbers_go_on(&world);
    let bodies = |world: &World| -> Vec<Vec<u8>> {
        let lists = &world.segmentation(2).renditions;
        lists.iter().flat_map(|l| l.rows.iter_from(0).map(|r| r.body().concat())).collect()
    };
    assert!(bodies(&alone) == bodies(&world));
}

#[test]
fn a_preferred_input_without_absolute_time_is_gone_back_to_by_a_period() {
    let mut world = preferring(false);
    world.run_until(46);
    assert_eq!((periods(&world), returns(&world)), (3, 1), "{:#?}", world.reports);
    world.twin = None;
    world.run_until(60);
    assert_eq!((periods(&world), returns(&world)), (3, 1));
    numbers_go_on(&world);
    let ends = world.segmentation(2).renditions[0].rows.last().map(|row| row.end_time());
    let late = MediaTime::new(BEGINNING_S + 55, Timescale::new(1).expect("not zero"));
    assert!(ends > Some(late), "the first input plays");
}

#[test]
fn a_preferred_input_that_comes_and_goes_is_not_gone_back_to() {
    let mut world = preferring(false);
    for second in [41, 45, 46, 50, 51] {
        world.main_is_silent = second % 5 == 0;
        world.run_until(second);
    }
    assert_eq!(returns(&world), 0, "a second at a time is too little");
}
