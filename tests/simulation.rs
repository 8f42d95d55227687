//! A simulated world for the core, made from a seed: an encoder that misbehaves, a process that
//! dies, a driven clock, and players that read what comes out. Time steps to the nearest next thing.
//!
//! `HEADWATER_SEED=N` repeats a world, `HEADWATER_MINUTES=N` says how long it lasts,
//! `HEADWATER_FULL=1` adds ten hours and a week to the hour of a fresh one, `HEADWATER_TRACE=1`
//! prints what happens to it.
//! What is excused: see [`world`]'s `grace`. Sockets, disks and real clocks do not belong here.

#[path = "simulation/audit.rs"]
mod audit;
#[path = "simulation/dash.rs"]
mod dash;
#[path = "simulation/hls.rs"]
mod hls;
#[path = "simulation/invariants.rs"]
mod invariants;
#[path = "simulation/mishap.rs"]
mod mishap;
#[path = "simulation/origin.rs"]
mod origin;
#[path = "simulation/playlist.rs"]
mod playlist;
#[path = "simulation/rng.rs"]
mod rng;
#[path = "simulation/source.rs"]
mod source;
#[path = "simulation/steady.rs"]
mod steady;
#[path = "simulation/syncs.rs"]
mod syncs;
#[path = "simulation/world.rs"]
mod world;

use rng::Rng;
use source::Make;
use world::World;

/// A second, a minute and an hour in the world's microseconds.
const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

fn full() -> bool {
    std::env::var("HEADWATER_FULL").is_ok_and(|v| v == "1")
}

/// A number of the environment.
fn told(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

fn survives(seed: u64, minutes: i64) {
    println!("seed {seed}, {minutes} minutes");
    let mut world = World::new(seed);
    world.run_until(minutes * MINUTE);
    println!("{}", world.summary());
    let faults = &world.faults.0;
    assert!(faults.is_empty(), "seed {seed}: HEADWATER_SEED={seed}\n{}", faults.join("\n"));
}

/// Robustness 11: players of all kinds read everything that is listed, through everything that befalls
/// their sources, and are refused nothing.
#[test]
fn an_hour_of_a_fresh_world_is_survived() {
    let minutes = told("HEADWATER_MINUTES").map_or(60, u64::cast_signed);
    survives(told("HEADWATER_SEED").unwrap_or_else(rng::fresh_seed), minutes);
}

/// In the full tier ten hours; a minute of them in the fast one.
#[test]
fn ten_hours_of_mishaps_are_survived() {
    survives(5000, if full() { 600 } else { 1 });
}

/// Seeds that found a fault, each up to where it showed: a reader of the life before is refused; a
/// transport stream lacks what it is made with; parts leave a list with the rung they belong to.
#[test]
fn worlds_that_found_a_fault_are_survived() {
    for (seed, minutes) in [(3, 84), (70_132, 4), (70_295, 12)] {
        survives(seed, minutes);
    }
}

/// The fixed worlds last two hours each in the full tier.
fn fixed(seed: u64) {
    survives(seed, if full() { 120 } else { 10 });
}

#[test]
fn world_one_is_survived() {
    fixed(1);
}

#[test]
fn world_two_is_survived() {
    fixed(2);
}

#[test]
fn world_three_is_survived() {
    fixed(3);
}

#[test]
fn world_four_is_survived() {
    fixed(4);
}

#[test]
fn world_five_is_survived() {
    fixed(5);
}

/// Robustness 25: a source whose clock is wrong by 100 ppm, and that wraps once: all players go on, what is
/// published stays within half a segment of true time, and what is held does not grow. A week in the
/// full tier, half a day in the fast one.
#[test]
fn a_week_of_drift_stays_at_true_time_and_holds_no_more_at_its_end() {
    for ppm in [-100, 100] {
        let mut world = World::of(Make::drifting(ppm), Rng::new(7));
        let hours = if full() { 7 * 24 } else { 12 };
        let mut held = Vec::new();
        for hour in 1..=hours {
            world.run_until(hour * HOUR);
            held.push(world.held());
        }
        println!("{ppm} ppm: {}, held {:?}", world.summary(), held.last());
        assert!(world.faults.0.is_empty(), "{ppm} ppm\n{}", world.faults.0.join("\n"));
        // Half a segment of two seconds, and how late a frame may come.
        let (least, most) = (world.steady.least, world.steady.most);
        assert!(least >= -SECOND && most <= SECOND + 300_000, "{ppm} ppm: {least} to {most} µs");
        let (early, late) = held.split_at(held.len() / 2);
        let largest = |hours: &[(u64, usize, usize)]| {
            let media = hours.iter().map(|held| held.0).max().unwrap_or(0);
            let state = hours.iter().map(|held| held.1).max().unwrap_or(0);
            (media, state, hours.iter().map(|held| held.2).max().unwrap_or(0))
        };
        let (before, after) = (largest(early), largest(late));
        assert!(after.0 <= before.0 + before.0 / 100, "{ppm} ppm: {before:?} became {after:?}");
        assert!(after.1 <= before.1 + 64, "{ppm} ppm: the state grows: {before:?} to {after:?}");
        assert!(after.2 <= before.2 + 2, "{ppm} ppm: {before:?} became {after:?}");
    }
}
