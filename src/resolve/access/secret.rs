//! A code or password that can be compared but neither printed nor timed.

use std::fmt;

use subtle::ConstantTimeEq;
use thiserror::Error;

/// A code or password of 1 to [`Secret::LENGTH_MAX`] bytes.
///
/// It is kept padded, so that a comparison takes the same time whatever the secret's length and
/// wherever the first difference is; the time depends on the length of what was given alone, which
/// the giver knows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    padded: [u8; Secret::LENGTH_MAX],
    length: u64,
}

/// Why a text is no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SecretError {
    /// It is empty or over [`Secret::LENGTH_MAX`] bytes.
    #[error("must be 1 to {} bytes", Secret::LENGTH_MAX)]
    Length,
}

impl Secret {
    /// Longest secret allowed, in bytes.
    pub const LENGTH_MAX: usize = 200;

    /// Keeps `text` as a secret.
    pub fn new(text: &str) -> Result<Self, SecretError> {
        let (padded, length) = pad(text.as_bytes());
        if text.is_empty() || text.len() > Self::LENGTH_MAX {
            return Err(SecretError::Length);
        }
        Ok(Secret { padded, length })
    }

    /// The secret itself, for digests that are made of it.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        let length = usize::try_from(self.length).unwrap_or(Self::LENGTH_MAX);
        self.padded.get(..length).unwrap_or_default()
    }

    /// Whether `given` is the secret, in constant time as told above.
    #[must_use]
    pub fn matches(&self, given: &[u8]) -> bool {
        let (padded, length) = pad(given);
        (self.padded.as_slice().ct_eq(padded.as_slice()) & self.length.ct_eq(&length)).into()
    }
}

/// The first bytes of `text` filled up with zeros, and its whole length.
fn pad(text: &[u8]) -> ([u8; Secret::LENGTH_MAX], u64) {
    let mut padded = [0; Secret::LENGTH_MAX];
    let kept = text.len().min(Secret::LENGTH_MAX);
    padded[..kept].copy_from_slice(&text[..kept]);
    (padded, text.len() as u64)
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}
