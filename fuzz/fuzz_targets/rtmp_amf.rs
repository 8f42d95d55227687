//! `cargo +nightly fuzz run rtmp_amf`: see `headwater::fuzz::rtmp_amf`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| headwater::fuzz::rtmp_amf(data));
