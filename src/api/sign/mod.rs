//! Signatures of requests, as the vendors' SDKs make them: pure functions over what came.
//!
//! Here a signature is computed and compared. Which key it must be of, how old it may be, and what is
//! answered where it is wrong, belongs to the surfaces.

mod acs3;
mod authorization;
mod canonical;
mod nonce;
mod rpc1;
mod sdk;
#[cfg(test)]
mod tests;

use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use thiserror::Error;

pub use self::acs3::Acs3;
pub use self::canonical::{Pairs, pairs, percent_encode};
pub use self::nonce::{Spent, SpentError};
pub use self::rpc1::Rpc1;
pub use self::sdk::Sdk;

/// A request as it came.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Its method, in capitals.
    pub method: &'a str,
    /// Its path, still encoded.
    pub path: &'a str,
    /// Its query, still encoded, without the question mark.
    pub query: &'a str,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its whole body.
    pub body: &'a [u8],
}

/// Why a signature does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// A header that must be signed is not.
    #[error("the header {0} must be among SignedHeaders")]
    Unsigned(&'static str),
    /// A signed header is not there, there twice, or no text.
    #[error("the signed header {0} must be there once, as text")]
    Header(String),
    /// The body is not the one whose hash was signed.
    #[error("the body's SHA-256 is not the one that was signed")]
    Body,
    /// It is another than ours.
    #[error("the signature is not ours of: {string_to_sign}")]
    Mismatch {
        /// What we signed.
        string_to_sign: String,
    },
}

/// Bytes in hexadecimal, small letters.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(digit).collect()
}

fn digit(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16).unwrap_or('0')
}

fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hmac_sha256_hex(secret: &[u8], text: &str) -> String {
    // HMAC takes keys of every length (RFC 2104 §2).
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return String::new() };
    mac.update(text.as_bytes());
    hex(&mac.finalize().into_bytes())
}

/// Compares in constant time; an empty signature is never right.
fn same(given: &str, ours: &str) -> bool {
    !ours.is_empty() && bool::from(given.as_bytes().ct_eq(ours.as_bytes()))
}

/// A header's value as text, where it is there once at least and is text.
fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The parameters `name=value` of an Authorization header after its scheme; commas with or without a
/// space between.
fn parameter<'a>(parameters: &'a str, name: &str) -> Option<&'a str> {
    let mut all = parameters.split(',').filter_map(|pair| pair.trim().split_once('='));
    all.find(|(n, _)| *n == name).map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
}
