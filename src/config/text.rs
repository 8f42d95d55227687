//! The written forms of durations and sizes, read and printed.
//!
//! A duration is a whole number with `ms`, `s`, `m` or `h`; a size one with `KiB`, `MiB` or `GiB`; a
//! rate one with `kbit`, `Mbit` or `Gbit`, bits a second.

use std::fmt;
use std::time::Duration;

const MILLIS: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
const BYTES: [(&str, u64); 3] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

const BITS: [(&str, u64); 3] = [("kbit", 1_000), ("Mbit", 1_000_000), ("Gbit", 1_000_000_000)];

/// `800kbit`, `2Mbit`; `None` for anything else.
pub(super) fn bitrate(text: &str) -> Option<u64> {
    united(text, &BITS)
}

/// `2s`, `500ms`, `1m`, `24h`; `None` for anything else.
pub(super) fn duration(text: &str) -> Option<Duration> {
    united(text, &MILLIS).map(Duration::from_millis)
}

/// `16KiB`, `64MiB`, `1GiB`; `None` for anything else.
pub(super) fn size(text: &str) -> Option<u64> {
    united(text, &BYTES)
}

fn united(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits_end = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = text.split_at(digits_end);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    digits.parse::<u64>().ok()?.checked_mul(*factor)
}

/// Prints a duration in the form it is written in, in the largest unit that holds it whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShownDuration(pub Duration);

impl fmt::Display for ShownDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, self.0.as_millis(), &MILLIS, "ms")
    }
}

/// Prints a number of bytes in the form it is written in, in the largest unit that holds it whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShownSize(pub usize);

impl fmt::Display for ShownSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, self.0 as u128, &BYTES, "")
    }
}

fn show(
    f: &mut fmt::Formatter<'_>,
    amount: u128,
    units: &[(&str, u64)],
    smallest: &str,
) -> fmt::Result {
    let whole =
        |&&(_, factor): &&(&str, u64)| amount > 0 && amount.is_multiple_of(u128::from(factor));
    match units.iter().rev().find(whole) {
        Some(&(unit, factor)) => write!(f, "{}{unit}", amount / u128::from(factor)),
        None => write!(f, "{amount}{smallest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_whole_numbers_with_a_unit() {
        for (text, ms) in [("2s", 2_000), ("500ms", 500), ("1m", 60_000), ("24h", 86_400_000)] {
            assert_eq!(duration(text), Some(Duration::from_millis(ms)), "{text}");
            assert_eq!(ShownDuration(Duration::from_millis(ms)).to_string(), text);
        }
        let far = format!("{}h", u64::MAX);
        for text in ["", "2", "s", "-2s", "+2s", "1.5s", "2 s", "2S", "1m30s", "2d", &far] {
            assert_eq!(duration(text), None, "{text:?}");
        }
        assert_eq!(ShownDuration(Duration::ZERO).to_string(), "0ms");
        assert_eq!(ShownDuration(Duration::from_secs(90)).to_string(), "90s");
    }

    #[test]
    fn rates_are_whole_numbers_with_a_decimal_unit() {
        for (text, bits) in [("800kbit", 800_000), ("2Mbit", 2_000_000), ("1Gbit", 1_000_000_000)] {
            assert_eq!(bitrate(text), Some(bits), "{text}");
        }
        for text in ["", "2", "2Mb", "2mbit", "1.5Mbit", "-1kbit", "2 Mbit", "2MBit"] {
            assert_eq!(bitrate(text), None, "{text:?}");
        }
    }

    #[test]
    fn sizes_are_whole_numbers_with_a_binary_unit() {
        for (text, bytes) in [("16KiB", 16 << 10), ("64MiB", 64 << 20), ("3GiB", 3 << 30)] {
            assert_eq!(size(text), Some(bytes), "{text}");
            let bytes = usize::try_from(bytes).expect("fits");
            assert_eq!(ShownSize(bytes).to_string(), text);
        }
        let far = format!("{}GiB", u64::MAX);
        for text in ["", "16", "16KB", "16kib", "1.5GiB", "-1KiB", "16 KiB", &far] {
            assert_eq!(size(text), None, "{text:?}");
        }
        assert_eq!(ShownSize(1_000).to_string(), "1000");
    }
}
