//! ACS3-HMAC-SHA256: the default of Alibaba's SDKs.

use http::{HeaderMap, header::AUTHORIZATION};

use super::canonical::{canonical_headers, canonical_pairs, pairs};
use super::{Asked, SignatureError, header, hmac_sha256_hex, parameter, same, sha256_hex};

/// Headers without which a signature says too little.
const MUST_BE_SIGNED: [&str; 6] = [
    "host",
    "x-acs-action",
    "x-acs-version",
    "x-acs-date",
    "x-acs-signature-nonce",
    "x-acs-content-sha256",
];
const SCHEME: &str = "ACS3-HMAC-SHA256";

/// What an Authorization header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acs3<'a> {
    /// Id of the key.
    pub key_id: &'a str,
    signed: Vec<&'a str>,
    signature: &'a str,
}

impl<'a> Acs3<'a> {
    /// Reads the Authorization header; `None` where it is none of this kind.
    #[must_use]
    pub fn read(headers: &'a HeaderMap) -> Option<Self> {
        let (scheme, rest) = header(headers, AUTHORIZATION.as_str())?.trim().split_once(' ')?;
        if scheme != SCHEME {
            return None;
        }
        let signed = parameter(rest, "SignedHeaders")?.split(';').collect();
        Some(Acs3 {
            key_id: parameter(rest, "Credential")?,
            signed,
            signature: parameter(rest, "Signature")?,
        })
    }

    /// Whether the request was signed with `secret`.
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
        let hash = header(asked.headers, "x-acs-content-sha256").unwrap_or_default();
        if same(hash, &sha256_hex(asked.body)) { Ok(()) } else { Err(SignatureError::Body) }
    }

    /// What is signed: the scheme and the hash of the canonical request.
    #[must_use]
    pub fn string_to_sign(&self, asked: &Asked<'_>) -> String {
        let canonical = [
            asked.method,
            if asked.path.is_empty() { "/" } else { asked.path },
            &canonical_pairs(pairs(asked.query.as_bytes())),
            &canonical_headers(asked.headers, &self.signed),
            &self.signed.join(";"),
            header(asked.headers, "x-acs-content-sha256").unwrap_or_default(),
        ]
        .join("\n");
        format!("{SCHEME}\n{}", sha256_hex(canonical.as_bytes()))
    }
}
