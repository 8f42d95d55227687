//! RPC v1, HMAC-SHA1: older SDKs and command lines of Alibaba; all of it stands in the parameters.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::canonical::{Pairs, canonical_pairs, percent_encode};
use super::{SignatureError, same};

/// What the parameters of a request say of its signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rpc1<'a> {
    /// Id of the key.
    pub key_id: &'a str,
    /// Its own number.
    pub nonce: &'a str,
    /// When it was made, as written.
    pub timestamp: &'a str,
    signature: &'a str,
}

impl<'a> Rpc1<'a> {
    /// Reads the parameters; `None` where one is missing, or the method or version is another. A timestamp
    /// that is missing is an empty one.
    #[must_use]
    pub fn read(parameters: &'a Pairs) -> Option<Self> {
        let find = |name: &str| {
            let found = parameters.iter().find(|(n, _)| n == name);
            found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
        };
        if find("SignatureMethod")? != "HMAC-SHA1" || find("SignatureVersion")? != "1.0" {
            return None;
        }
        Some(Rpc1 {
            key_id: find("AccessKeyId")?,
            nonce: find("SignatureNonce")?,
            timestamp: find("Timestamp").unwrap_or_default(),
            signature: find("Signature")?,
        })
    }

    /// Whether the request was signed with `secret`. `parameters` are those of query and form.
    ///
    /// # Errors
    /// [`SignatureError::Mismatch`].
    pub fn check(
        &self,
        method: &str,
        parameters: &Pairs,
        secret: &[u8],
    ) -> Result<(), SignatureError> {
        let string_to_sign = string_to_sign(method, parameters);
        let key = [secret, b"&"].concat();
        // HMAC takes keys of every length (RFC 2104 §2).
        let ours = Hmac::<Sha1>::new_from_slice(&key).map(|mut mac| {
            mac.update(string_to_sign.as_bytes());
            BASE64_STANDARD.encode(mac.finalize().into_bytes())
        });
        if same(self.signature, &ours.unwrap_or_default()) {
            Ok(())
        } else {
            Err(SignatureError::Mismatch { string_to_sign })
        }
    }
}

/// What is signed: method, path and all parameters but the signature.
pub(super) fn string_to_sign(method: &str, parameters: &Pairs) -> String {
    let signed = parameters.iter().filter(|(name, _)| name != "Signature").cloned().collect();
    format!("{method}&%2F&{}", percent_encode(&canonical_pairs(signed)))
}
