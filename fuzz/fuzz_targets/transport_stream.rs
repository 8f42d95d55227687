//! `cargo +nightly fuzz run transport_stream`: see `headwater::fuzz::transport_stream`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| headwater::fuzz::transport_stream(data));
