//! SDK-HMAC-SHA256: Huawei's SDKs.

use http::HeaderMap;
use percent_encoding::percent_decode_str;

use super::authorization::Authorization;
use super::canonical::{canonical_headers, canonical_pairs, pairs, percent_encode};
use super::{Asked, SignatureError, header, same, sha256_hex};

const SCHEME: &str = "SDK-HMAC-SHA256";
/// Headers without which a signature says too little.
const MUST_BE_SIGNED: [&str; 2] = ["host", "x-sdk-date"];
/// What stands in the place of a hash that was not made.
const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// What an Authorization header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sdk<'a>(Authorization<'a>);

impl<'a> Sdk<'a> {
    /// Reads the Authorization header; `None` where it is none of this kind.
    #[must_use]
    pub fn read(headers: &'a HeaderMap) -> Option<Self> {
        Authorization::read(headers, SCHEME, "Access").map(Sdk)
    }

    /// Id of the key.
    #[must_use]
    pub fn key_id(&self) -> &'a str {
        self.0.key_id
    }

    /// Whether the request was signed with `secret`. A body is always part of it: JSON is never sent
    /// with its hash left out.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self, asked: &Asked<'_>, secret: &[u8]) -> Result<(), SignatureError> {
        self.0.check(asked.headers, &MUST_BE_SIGNED, secret, self.string_to_sign(asked))?;
        match header(asked.headers, "x-sdk-content-sha256") {
            Some(UNSIGNED_PAYLOAD) if !asked.body.is_empty() => Err(SignatureError::Body),
            Some(UNSIGNED_PAYLOAD) | None => Ok(()),
            Some(hash) if same(hash, &sha256_hex(asked.body)) => Ok(()),
            Some(_) => Err(SignatureError::Body),
        }
    }

    fn string_to_sign(&self, asked: &Asked<'_>) -> String {
        let canonical = self.canonical_request(asked);
        let date = header(asked.headers, "x-sdk-date").unwrap_or_default();
        format!("{SCHEME}\n{date}\n{}", sha256_hex(canonical.as_bytes()))
    }

    /// The request in its one spelling.
    pub(super) fn canonical_request(&self, asked: &Asked<'_>) -> String {
        let segments = asked
            .path
            .split('/')
            .map(|segment| percent_encode(&percent_decode_str(segment).decode_utf8_lossy()));
        let mut path = segments.collect::<Vec<_>>().join("/");
        if !path.ends_with('/') {
            path.push('/');
        }
        let hash = header(asked.headers, "x-sdk-content-sha256").map(str::to_owned);
        [
            asked.method,
            &path,
            &canonical_pairs(pairs(asked.query.as_bytes())),
            &canonical_headers(asked.headers, &self.0.signed),
            &self.0.signed.join(";"),
            &hash.unwrap_or_else(|| sha256_hex(asked.body)),
        ]
        .join("\n")
    }
}
