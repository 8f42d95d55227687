//! What we write, frozen, read back by others, and held against the rules of its standards.
//!
//! Everything here runs in one process through the public interface: a channel with a made-up
//! clock, `resolve` and `render`. No socket, no sleep.
//!
//! `UPDATE_GOLDEN=1 cargo test --test golden` writes `fixtures/golden` anew.

#![allow(
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    reason = "goldens lie on the disk; times of tests are small and positive; tests may fail"
)]

#[path = "golden/answers.rs"]
mod answers;
#[path = "golden/asks.rs"]
mod asks;
#[path = "golden/dash.rs"]
mod dash;
#[path = "golden/files.rs"]
mod files;
#[path = "golden/foreign.rs"]
mod foreign;
#[path = "golden/model.rs"]
mod model;
#[path = "golden/reader.rs"]
mod reader;
#[path = "golden/rules.rs"]
mod rules;
#[path = "golden/scenario.rs"]
mod scenario;
#[path = "golden/world.rs"]
mod world;
#[path = "golden/worlds.rs"]
mod worlds;

use headwater::resolve::GENERATION;
use proptest::prelude::*;
use reader::Reader;
use scenario::{SCENARIOS, fnv, objects};

fn golden(name: &str) {
    let scenario = SCENARIOS.iter().find(|s| s.name == name).expect("it is in the table");
    files::compare(name, &scenario.files());
}

#[test]
fn two_rungs_and_two_languages() {
    golden("two-rungs-and-two-languages");
}

#[test]
fn an_encoder_that_returns_at_zero() {
    golden("an-encoder-that-returns-at-zero");
}

#[test]
fn ntsc_with_b_frames() {
    golden("ntsc-with-b-frames");
}

#[test]
fn audio_only_44100() {
    golden("audio-only-44100");
}

#[test]
fn settings_change() {
    golden("settings-change");
}

#[test]
fn low_latency_dash() {
    golden("low-latency-dash");
}

#[test]
fn ended() {
    golden("ended");
}

/// Brittle on purpose: object names are for ever, so bytes may change only with the generation that
/// is part of them.
#[test]
fn bytes_change_only_with_the_generation() {
    const FROZEN: (u32, u64) = (1, 1_942_409_295_417_888_303);
    let (world, _) = SCENARIOS[0].play();
    let now = (GENERATION, fnv(objects(&world.latest(), &world.endpoints).as_bytes()));
    assert_eq!(
        now, FROZEN,
        "bytes changed: raise GENERATION (resolve/request.rs), then freeze both numbers here"
    );
}

#[test]
fn other_parsers_read_what_the_scenarios_write_as_we_mean_it() {
    for scenario in &SCENARIOS {
        let (world, moments) = scenario.play();
        for (_, snapshot) in &moments {
            for rules in &world.endpoints {
                foreign::everything(snapshot, rules);
            }
        }
    }
}

#[test]
fn successive_versions_of_the_scenarios_obey_the_rules_of_live_manifests() {
    for scenario in &SCENARIOS {
        let (world, _) = scenario.play();
        for rules in &world.endpoints {
            let mut reader = Reader::default();
            reader.lenient = !scenario.events.is_empty();
            for snapshot in &world.snapshots {
                reader.take(snapshot, rules);
            }
            assert!(reader.seen.0 > 2 || !rules.protocol.has_hls(), "{}", scenario.name);
            let deltas = reader.merged > 0 || !rules.protocol.low_latency();
            assert!(deltas || scenario.name != "two-rungs-and-two-languages", "a delta was merged");
        }
    }
}

#[test]
fn lists_of_video_with_audio_are_long_enough_after_a_hole_longer_than_what_is_kept() {
    worlds::obeys(&worlds::Recipe::long_hole());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Robustness 15: ids, starts and offsets of Periods are never rewritten; a gap is a new Period.
    #[test]
    fn successive_versions_of_random_worlds_obey_the_rules_of_live_manifests(recipe in worlds::recipe()) {
        worlds::obeys(&recipe);
    }
}
