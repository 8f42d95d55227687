//! What a request's headers ask of a reply: encoding, ranges, validators (RFC 9110).

use http::{HeaderMap, HeaderName, header};

use crate::units::ByteRange;

/// A Range header against a body of known length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ranged {
    /// No usable range: the whole body.
    Whole,
    /// These bytes.
    Part(ByteRange),
    /// None of the body.
    Unsatisfiable,
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// Whether gzip is accepted (RFC 9110 §12.5.3).
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let Some(accepted) = text(headers, header::ACCEPT_ENCODING) else { return false };
    let weight = |name: &str| {
        accepted.split(',').find_map(|item| {
            let mut parts = item.split(';');
            let coding = parts.next()?.trim();
            let quality = parts.find_map(|p| p.trim().strip_prefix("q="));
            let zero = quality.is_some_and(|q| q.trim().trim_matches(['0', '.']).is_empty());
            coding.eq_ignore_ascii_case(name).then_some(!zero)
        })
    };
    weight("gzip").or_else(|| weight("*")).unwrap_or(false)
}

/// Whether the client has these bytes already (RFC 9110 §13.1.2).
pub(super) fn has_already(headers: &HeaderMap, etag: &str) -> bool {
    let Some(known) = text(headers, header::IF_NONE_MATCH) else { return false };
    let weak = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    known.trim() == "*" || known.split(',').any(|tag| weak(tag) == etag)
}

/// The range asked for; several ranges and other units are answered with the whole body, as
/// RFC 9110 §14.2 allows.
pub(super) fn range(headers: &HeaderMap, etag: &str, length: u64) -> Ranged {
    let Some(spec) = text(headers, header::RANGE).and_then(|r| r.strip_prefix("bytes=")) else {
        return Ranged::Whole;
    };
    if text(headers, header::IF_RANGE).is_some_and(|tag| tag != etag) {
        return Ranged::Whole;
    }
    let Some((from, to)) = spec.trim().split_once('-') else { return Ranged::Whole };
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let (start, end) = match (number(from), number(to)) {
        (Some(start), Some(last)) if last >= start => (start, last.saturating_add(1).min(length)),
        (Some(start), None) if to.trim().is_empty() => (start, length),
        (None, Some(suffix)) if from.trim().is_empty() => (length.saturating_sub(suffix), length),
        _ => return Ranged::Whole,
    };
    if start >= length || start >= end {
        return Ranged::Unsatisfiable;
    }
    Ranged::Part(ByteRange { start, end })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().expect("a header value"))])
    }

    #[test]
    fn gzip_is_sent_only_where_it_is_accepted() {
        let gzip = |value| accepts_gzip(&headers(header::ACCEPT_ENCODING, value));
        for yes in ["gzip", "gzip, deflate, br", "br;q=1, GZIP;q=0.5", "*"] {
            assert!(gzip(yes), "{yes}");
        }
        for no in ["identity", "gzip;q=0", "gzip; q=0.0", "identity;q=1, *;q=0", ""] {
            assert!(!gzip(no), "{no}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }

    #[test]
    fn ranges_are_cut_to_the_body() {
        let asked = |value| range(&headers(header::RANGE, value), "\"1\"", 100);
        let part = |start, end| Ranged::Part(ByteRange { start, end });
        assert_eq!(asked("bytes=0-9"), part(0, 10));
        assert_eq!(asked("bytes=90-"), part(90, 100));
        assert_eq!(asked("bytes=-10"), part(90, 100));
        assert_eq!(asked("bytes=0-9007199254740991"), part(0, 100));
        assert_eq!(asked("bytes=100-"), Ranged::Unsatisfiable);
        for whole in ["bytes=5-2", "bytes=0-1,3-4", "lines=1-2", "bytes=x-"] {
            assert_eq!(asked(whole), Ranged::Whole, "{whole}");
        }
    }

    #[test]
    fn a_validator_is_found_in_a_list() {
        let known = |value| has_already(&headers(header::IF_NONE_MATCH, value), "\"7\"");
        assert!(known("\"7\"") && known("W/\"7\"") && known("\"1\", \"7\"") && known("*"));
        assert!(!known("\"8\""));
    }
}
