//! ACS3-HMAC-SHA256: the default of Alibaba's SDKs.

use http::HeaderMap;

use super::authorization::Authorization;
use super::canonical::{canonical_headers, canonical_pairs, pairs};
use super::{Asked, SignatureError, header, same, sha256_hex};

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
pub struct Acs3<'a>(Authorization<'a>);

impl<'a> Acs3<'a> {
    /// Reads the Authorization header; `None` where it is none of this kind.
    #[must_use]
    pub fn read(headers: &'a HeaderMap) -> Option<Self> {
        Authorization::read(headers, SCHEME, "Credential").map(Acs3)
    }

    /// Id of the key.
    #[must_use]
    pub fn key_id(&self) -> &'a str {
        self.0.key_id
    }

    /// Whether the request was signed with `secret`.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self, asked: &Asked<'_>, secret: &[u8]) -> Result<(), SignatureError> {
        self.0.check(asked.headers, &MUST_BE_SIGNED, secret, self.string_to_sign(asked))?;
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
            &canonical_headers(asked.headers, &self.0.signed),
            &self.0.signed.join(";"),
            header(asked.headers, "x-acs-content-sha256").unwrap_or_default(),
        ]
        .join("\n");
        format!("{SCHEME}\n{}", sha256_hex(canonical.as_bytes()))
    }
}
