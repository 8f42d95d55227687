//! `cargo +nightly fuzz run pes`: see `headwater::fuzz::pes`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| headwater::fuzz::pes(data));
