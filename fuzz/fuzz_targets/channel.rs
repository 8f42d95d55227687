//! `cargo +nightly fuzz run channel`: see `headwater::fuzz::channel`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| headwater::fuzz::channel(data));
