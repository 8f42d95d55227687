//! `cargo +nightly fuzz run rtmp_tags`: see `headwater::fuzz::rtmp_tags`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| headwater::fuzz::rtmp_tags(data));
