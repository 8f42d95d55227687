//! Dates and durations as manifests write them (ISO 8601).

use crate::units::{MediaDuration, MediaTime, Timescale};

/// An instant. What has no offset is UTC, as in MPDs; an offset may lack its colon, as encoders
/// write it.
pub(super) fn instant(text: &str) -> Option<MediaTime> {
    let parsed: Result<jiff::Timestamp, _> = text.parse();
    let utc = || format!("{text}Z").parse();
    let nanos = parsed.or_else(|_| utc()).ok()?.as_nanosecond();
    Some(MediaTime::new(i64::try_from(nanos).ok()?, Timescale::NANOS))
}

/// A duration such as `PT2.5S` or `P1DT2H` (XML Schema part 2 §3.2.6). Years and months have no
/// length: a manifest of live media that gives them means none.
pub(super) fn duration(text: &str) -> Option<MediaDuration> {
    let mut rest = text.trim().strip_prefix('P')?;
    let mut of_day = false;
    let mut nanos: i128 = 0;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('T') {
            of_day = true;
            rest = after;
            continue;
        }
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number = decimal_nanos(&rest[..end])?;
        let unit = rest[end..].chars().next()?;
        let seconds: i128 = match (unit, of_day) {
            ('D', false) => 86_400,
            ('H', true) => 3600,
            ('M', true) => 60,
            ('S', true) => 1,
            ('Y' | 'M', false) if number == 0 => 0,
            _ => return None,
        };
        nanos = nanos.checked_add(number.checked_mul(seconds)?)?;
        rest = &rest[end + unit.len_utf8()..];
    }
    Some(MediaDuration::new(i64::try_from(nanos).ok()?, Timescale::NANOS))
}

/// A decimal number times 10^9, its digits beyond the ninth cut off.
fn decimal_nanos(text: &str) -> Option<i128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    whole.checked_mul(1_000_000_000)?.checked_add(digits.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_an_offset_of_any_form_or_none() {
        let expected = Some(MediaTime::from_millis(1_795_630_841_065));
        for text in [
            "2026-11-25T18:20:41.065+0000",
            "2026-11-25T18:20:41.065Z",
            "2026-11-25T18:20:41.065",
            "2026-11-25T13:20:41.065-05:00",
            "2026-11-25T20:20:41.065+0200",
        ] {
            assert_eq!(instant(text), expected, "{text}");
        }
        for text in ["", "yesterday", "2026-13-25T18:20:41Z", "2026-11-25"] {
            assert_eq!(instant(text), None, "{text}");
        }
    }

    #[test]
    fn durations_are_exact_to_the_nanosecond() {
        for (text, millis) in [
            ("PT2.0S", Some(2_000)),
            ("PT0H3M30.5S", Some(210_500)),
            ("P1DT1H", Some(90_000_000)),
            ("P0Y0M0DT0H0M2.002S", Some(2_002)),
            ("PT.5S", Some(500)),
            ("P", Some(0)),
            ("P1M", None),
            ("PT1.2.3S", None),
            ("2S", None),
            ("PT99999999999999999999999999999999999999999S", None),
        ] {
            assert_eq!(duration(text).map(MediaDuration::floor_millis), millis, "{text}");
        }
    }
}
