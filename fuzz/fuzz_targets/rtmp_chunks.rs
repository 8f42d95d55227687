//! `cargo +nightly fuzz run rtmp_chunks`: see `headwater::fuzz::rtmp_chunks`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| headwater::fuzz::rtmp_chunks(data));
