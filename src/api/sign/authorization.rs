//! The Authorization header that both HMAC-SHA256 schemes have: an id, the signed headers' names, a
//! signature.

use http::{HeaderMap, header::AUTHORIZATION};

use super::{SignatureError, header, hmac_sha256_hex, parameter, same};

/// What an Authorization header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Authorization<'a> {
    /// Id of the key.
    pub(super) key_id: &'a str,
    /// The headers' names, as they were signed.
    pub(super) signed: Vec<&'a str>,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    /// Reads the header; `None` where it is none of this scheme. `id` is what the scheme calls the
    /// key's id.
    pub(super) fn read(headers: &'a HeaderMap, scheme: &str, id: &str) -> Option<Self> {
        let given = header(headers, AUTHORIZATION.as_str())?.trim();
        let (_, rest) = given.split_once(' ').filter(|(known, _)| *known == scheme)?;
        Some(Authorization {
            key_id: parameter(rest, id)?,
            signed: parameter(rest, "SignedHeaders")?.split(';').collect(),
            signature: parameter(rest, "Signature")?,
        })
    }

    /// Whether a request with these headers was signed with `secret`, the headers of `must` among
    /// what was signed.
    ///
    /// # Errors
    /// What is wrong.
    pub(super) fn check(
        &self,
        headers: &HeaderMap,
        must: &[&'static str],
        secret: &[u8],
        string_to_sign: String,
    ) -> Result<(), SignatureError> {
        if let Some(name) = must.iter().find(|name| !self.signed.contains(name)) {
            return Err(SignatureError::Unsigned(name));
        }
        // What was signed is what is read elsewhere only where there is one, and it is text.
        let alone = |name: &str| {
            let mut values = headers.get_all(name).iter();
            let first = values.next().is_some_and(|value| value.to_str().is_ok());
            first && values.next().is_none()
        };
        if let Some(name) = self.signed.iter().find(|name| !alone(name)) {
            return Err(SignatureError::Header((*name).to_owned()));
        }
        if same(self.signature, &hmac_sha256_hex(secret, &string_to_sign)) {
            return Ok(());
        }
        Err(SignatureError::Mismatch { string_to_sign })
    }
}
