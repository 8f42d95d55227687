//! The one spelling that both sides sign: percent-encoding, sorted pairs, sorted headers.

use http::HeaderMap;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::header;

/// All but the unreserved characters (RFC 3986 §2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Decoded names and values of a query or a form, in the order they came.
pub type Pairs = Vec<(String, String)>;

/// Percent-encodes everything but unreserved characters, in capitals (RFC 3986 §2.1).
#[must_use]
pub fn percent_encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// The pairs of a query or form: `+` is a space, empty values and bare names are kept.
#[must_use]
pub fn pairs(encoded: &[u8]) -> Pairs {
    url::form_urlencoded::parse(encoded).into_owned().collect()
}

/// Pairs sorted by encoded name, of one name by value, joined again.
pub(super) fn canonical_pairs(mut pairs: Pairs) -> String {
    pairs.sort();
    let pairs = pairs.iter().map(|(k, v)| format!("{}={}", percent_encode(k), percent_encode(v)));
    pairs.collect::<Vec<_>>().join("&")
}

/// A line for each signed header, which is there once.
pub(super) fn canonical_headers(headers: &HeaderMap, signed: &[&str]) -> String {
    let lines = signed.iter().map(|name| {
        let value = header(headers, name).unwrap_or_default().trim();
        format!("{name}:{value}\n")
    });
    lines.collect()
}
