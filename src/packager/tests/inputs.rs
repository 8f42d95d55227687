//! Two inputs: failover, with and without a Period.

use super::world::{Synthetic, World, config, rate};
use crate::media::MediaKind::Video;
use crate::packager::{InputId, PeriodReason, Report, SourceEvent, SourceId};
use crate::units::MediaDuration;

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
