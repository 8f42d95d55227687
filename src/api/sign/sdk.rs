//! SDK-HMAC-SHA256: Huawei's SDKs.

use http::{HeaderMap, header::AUTHORIZATION};
use percent_encoding::percent_decode_str;

use super::canonical::{canonical_headers, canonical_pairs, pairs, percent_encode};
use super::{Asked, SignatureError, header, hmac_sha256_hex, parameter, same, sha256_hex};

const SCHEME: &str = "SDK-HMAC-SHA256";
/// Headers without which a signature says too little.
const MUST_BE_SIGNED: [&str; 2] = ["host", "x-sdk-date"];
/// What stands in the place of a hash that was not made.
const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// What an Authorization header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sdk<'a> {
    /// Id of the key.
    pub key_id: &'a str,
    signed: Vec<&'a str>,
    signature: &'a str,
}

impl<'a> Sdk<'a> {
    /// Reads the Authorization header; `None` where it is none of this kind.
    #[must_use]
    pub fn read(headers: &'a HeaderMap) -> Option<Self> {
        let (scheme, rest) = header(headers, AUTHORIZATION.as_str())?.trim().split_once(' ')?;
        if scheme != SCHEME {
            return None;
        }
        let signed = parameter(rest, "SignedHeaders")?.split(';').collect();
        Some(Sdk {
            key_id: parameter(rest, "Access")?,
            signed,
            signature: parameter(rest, "Signature")?,
        })
    }

    /// Whether the request was signed with `secret`. A body is always part of it: JSON is never sent
    /// with its hash left out.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self, asked: &Asked<'_>, secret: &[u8]) -> Result<(), SignatureError> {
        let missing = MUST_BE_SIGNED.into_iter().find(|name| !self.signed.contains(name));
        if let Some(name) = missing {
            return Err(SignatureError::Unsigned(name));
        }
        let string_to_sign = self.string_to_sign(asked);
        if !same(self.signature, &hmac_sha256_hex(secret, &string_to_sign)) {
            return Err(SignatureError::Mismatch { string_to_sign });
        }
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
            &canonical_headers(asked.headers, &self.signed),
            &self.signed.join(";"),
            &hash.unwrap_or_else(|| sha256_hex(asked.body)),
        ]
        .join("\n")
    }
}
