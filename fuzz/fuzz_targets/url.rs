//! `cargo +nightly fuzz run url`: see `headwater::fuzz::url`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| headwater::fuzz::url(data));
