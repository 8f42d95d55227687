//! `cargo +nightly fuzz run directives`: see `headwater::fuzz::directives`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| headwater::fuzz::directives(data));
