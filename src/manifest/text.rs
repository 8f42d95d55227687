//! Numbers and instants as manifests write them.

use std::fmt::Write;

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;

use crate::units::{MediaDuration, MediaTime, Timescale};

/// `2026-11-20T18:57:06.000Z`: milliseconds and zone, as PDT and MPD want them.
pub(super) fn put_instant(out: &mut String, at: MediaTime) {
    const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));
    let at = Timestamp::from_millisecond(at.floor_millis()).unwrap_or(Timestamp::MAX);
    // Writing into a String cannot fail, and the printer has no other fault.
    let _ = PRINTER.print_timestamp(&at, out);
}

/// `2.002000`: millionths of a second as seconds with six decimals.
pub(super) fn put_micros(out: &mut String, micros: i64) {
    let (sign, micros) =
        if micros < 0 { ("-", micros.unsigned_abs()) } else { ("", micros.unsigned_abs()) };
    let _ = write!(out, "{sign}{}.{:06}", micros / 1_000_000, micros % 1_000_000);
}

/// `PT2.002S`: an xs:duration in seconds (DASH-IF: no years or months), rounded to milliseconds.
pub(super) fn put_xs_duration(out: &mut String, duration: MediaDuration) {
    let ms = duration.rescale(Timescale::MILLIS).ticks().max(0);
    let _ = match ms % 1000 {
        0 => write!(out, "PT{}S", ms / 1000),
        rest => write!(out, "PT{}.{rest:03}S", ms / 1000),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_have_milliseconds_and_zone() {
        let mut out = String::new();
        put_instant(&mut out, MediaTime::from_millis(1_789_123_457_005));
        assert_eq!(out, "2026-09-11T10:44:17.005Z");
    }

    #[test]
    fn durations_are_decimal_seconds() {
        let mut out = String::new();
        put_micros(&mut out, 2_002_000);
        put_xs_duration(&mut out, MediaDuration::from_millis(2002));
        put_xs_duration(&mut out, MediaDuration::from_secs(60));
        assert_eq!(out, "2.002000PT2.002SPT60S");
    }
}
