//! `cargo +nightly fuzz run config`: see `headwater::fuzz::config`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| headwater::fuzz::config(data));
