//! `cargo +nightly fuzz run playlist`: see `headwater::fuzz::playlist`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| headwater::fuzz::playlist(data));
