//! A simulated world for the core, made from a seed: an encoder that misbehaves, a process that
//! dies, a driven clock, and players that read what comes out. Time steps to the nearest next thing.
//!
//! `HEADWATER_SEED=N` repeats a world, `HEADWATER_FULL=1` makes the fresh one ten hours long,
//! `HEADWATER_TRACE=1` prints what happens to it.
//! What is excused: see [`world`]'s `grace`. Sockets, disks and real clocks do not belong here.

#[path = "simulation/audit.rs"]
mod audit;
#[path = "simulation/dash.rs"]
mod dash;
#[path = "simulation/hls.rs"]
mod hls;
#[path = "simulation/invariants.rs"]
mod invariants;
#[path = "simulation/origin.rs"]
mod origin;
#[path = "simulation/playlist.rs"]
mod playlist;
#[path = "simulation/rng.rs"]
mod rng;
#[path = "simulation/source.rs"]
mod source;
#[path = "simulation/world.rs"]
mod world;

use world::World;

/// A minute in the world's microseconds.
const MINUTE: i64 = 60_000_000;

fn survives(seed: u64, minutes: i64) {
    println!("seed {seed}, {minutes} minutes");
    let mut world = World::new(seed);
    world.run_until(minutes * MINUTE);
    println!("{}", world.summary());
    let faults = &world.faults.0;
    assert!(faults.is_empty(), "seed {seed}: HEADWATER_SEED={seed}\n{}", faults.join("\n"));
}

#[test]
fn a_fresh_world_is_survived() {
    let seed = std::env::var("HEADWATER_SEED").ok().map(|s| s.parse().expect("a number"));
    let full = std::env::var("HEADWATER_FULL").is_ok_and(|v| v == "1");
    survives(seed.unwrap_or_else(rng::fresh_seed), if full { 600 } else { 60 });
}

#[test]
fn world_one_is_survived() {
    survives(1, 10);
}

#[test]
fn world_two_is_survived() {
    survives(2, 10);
}

#[test]
fn world_three_is_survived() {
    survives(3, 10);
}

#[test]
fn world_four_is_survived() {
    survives(4, 10);
}

#[test]
fn world_five_is_survived() {
    survives(5, 10);
}
