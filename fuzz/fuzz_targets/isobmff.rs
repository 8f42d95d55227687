//! `cargo +nightly fuzz run isobmff`: see `headwater::fuzz::isobmff`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| headwater::fuzz::isobmff(data));
