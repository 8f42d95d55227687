//! `cargo +nightly fuzz run mpd`: see `headwater::fuzz::mpd`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| headwater::fuzz::mpd(data));
