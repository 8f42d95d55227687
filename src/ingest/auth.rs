//! What an encoder must show: HTTP Basic (RFC 7617) or Digest (RFC 7616) with MD5 or SHA-256 and
//! `qop=auth`, whichever it can.
//!
//! A nonce says when it was made and that we made it, so none is remembered. It holds for a while; a
//! right answer to an old one, or to one of a process before this, is told to try again with a new one.
//! The body is not part of what is proven: TLS is for that.

use std::fmt;
use std::fmt::Write;
use std::time::Duration;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use http::{HeaderMap, Method, header};
use md5::Md5;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio_rustls::rustls::crypto::aws_lc_rs;

use crate::config::Credentials;
use crate::units::Monotonic;

/// The protection space of all inputs.
pub const REALM: &str = "headwater ingest";
/// How long a nonce holds.
const LIFETIME: Duration = Duration::from_mins(5);
/// Bytes of a nonce that say when it was made, and that prove it.
const MADE_BYTES: usize = 8;
const PROOF_BYTES: usize = 16;

/// What is made of a request for an input with a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It may push.
    Admitted,
    /// It has shown nothing yet.
    Asked,
    /// It has shown what is right of an old nonce.
    Stale,
    /// It has shown what is wrong.
    Refused,
}

/// Makes nonces and knows its own.
pub struct Nonces {
    key: [u8; 32],
}

impl fmt::Debug for Nonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nonces")
    }
}

impl Nonces {
    /// With a key of its own; `None` where the system has no randomness to give.
    #[must_use]
    pub fn new() -> Option<Self> {
        let mut key = [0; 32];
        aws_lc_rs::default_provider().secure_random.fill(&mut key).ok()?;
        Some(Nonces { key })
    }

    /// A nonce made now.
    #[must_use]
    pub fn make(&self, now: Monotonic) -> String {
        let made = (now.0 / 1_000_000).to_be_bytes();
        BASE64_URL_SAFE_NO_PAD.encode([&made[..], &self.proof(made)].concat())
    }

    /// What is always of one length needs no more than a hash to be authenticated.
    fn proof(&self, made: [u8; MADE_BYTES]) -> [u8; PROOF_BYTES] {
        let hash = Sha256::new().chain_update(self.key).chain_update(made).finalize();
        let mut proof = [0; PROOF_BYTES];
        proof.copy_from_slice(&hash[..PROOF_BYTES]);
        proof
    }

    /// Whether a nonce is ours and still holds.
    fn holds(&self, nonce: &str, now: Monotonic) -> bool {
        let Ok(bytes) = BASE64_URL_SAFE_NO_PAD.decode(nonce) else { return false };
        let Some((made, proof)) = bytes.split_first_chunk::<MADE_BYTES>() else { return false };
        let age = (now.0 / 1_000_000).checked_sub(u64::from_be_bytes(*made));
        bool::from(self.proof(*made).ct_eq(proof))
            && age.is_some_and(|ms| u128::from(ms) <= LIFETIME.as_millis())
    }
}

/// Whether a request shows what its input wants.
#[must_use]
pub(super) fn admit(
    wanted: &Credentials,
    nonces: &Nonces,
    method: &Method,
    target: &str,
    headers: &HeaderMap,
    now: Monotonic,
) -> Admission {
    let Some(given) = headers.get(header::AUTHORIZATION) else { return Admission::Asked };
    let Some((scheme, given)) = given.to_str().ok().and_then(|v| v.trim().split_once(' ')) else {
        return Admission::Refused;
    };
    let right = if scheme.eq_ignore_ascii_case("basic") {
        basic(wanted, given)
    } else if scheme.eq_ignore_ascii_case("digest") {
        match Proof::parse(given).filter(|proof| proof.uri == target) {
            Some(proof) if proof.is_right(wanted, method) => {
                if !nonces.holds(&proof.nonce, now) {
                    return Admission::Stale;
                }
                true
            }
            _ => false,
        }
    } else {
        false
    };
    if right { Admission::Admitted } else { Admission::Refused }
}

/// User and password, compared in constant time.
fn basic(wanted: &Credentials, given: &str) -> bool {
    let Ok(given) = BASE64_STANDARD.decode(given.trim()) else { return false };
    let colon = given.iter().position(|b| *b == b':').unwrap_or(given.len());
    let password = given.get(colon + 1..).unwrap_or_default();
    shows(wanted, &given[..colon], password)
}

/// Whether user and password are those that are wanted, in constant time.
#[must_use]
pub(super) fn shows(wanted: &Credentials, user: &[u8], password: &[u8]) -> bool {
    bool::from(user.ct_eq(wanted.user.as_bytes())) & wanted.password.matches(password)
}

/// A hash that Digest may be made with, strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// SHA-256.
    Sha256,
    /// MD5, all that many encoders know.
    Md5,
}

impl Algorithm {
    /// Both, in the order they are offered: the strongest first (RFC 7616 §3.7).
    pub const ALL: [Algorithm; 2] = [Algorithm::Sha256, Algorithm::Md5];

    /// Its name in challenges.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Sha256 => "SHA-256",
            Algorithm::Md5 => "MD5",
        }
    }

    /// The hash of pieces with colons between, in hexadecimal.
    fn hash(self, pieces: &[&[u8]]) -> String {
        let joined = pieces.join(&b':');
        let mut text = String::with_capacity(64);
        let bytes = match self {
            Algorithm::Sha256 => Sha256::digest(&joined).to_vec(),
            Algorithm::Md5 => Md5::digest(&joined).to_vec(),
        };
        for byte in bytes {
            // Writing into a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

/// An answer to a challenge (RFC 7616 §3.4).
#[derive(Debug, Default)]
struct Proof {
    username: String,
    realm: String,
    nonce: String,
    uri: String,
    algorithm: String,
    cnonce: String,
    nc: String,
    qop: String,
    response: String,
}

impl Proof {
    /// Reads the parameters of an Authorization header; unknown ones are passed over.
    fn parse(text: &str) -> Option<Self> {
        let mut found = Proof::default();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let (name, after) = rest.split_once('=')?;
            let (value, after) = value(after.trim_start())?;
            let place = match name.trim().to_ascii_lowercase().as_str() {
                "username" => Some(&mut found.username),
                "realm" => Some(&mut found.realm),
                "nonce" => Some(&mut found.nonce),
                "uri" => Some(&mut found.uri),
                "algorithm" => Some(&mut found.algorithm),
                "cnonce" => Some(&mut found.cnonce),
                "nc" => Some(&mut found.nc),
                "qop" => Some(&mut found.qop),
                "response" => Some(&mut found.response),
                _ => None,
            };
            if let Some(place) = place {
                *place = value;
            }
            let after = after.trim_start();
            rest = if after.is_empty() { after } else { after.strip_prefix(',')?.trim_start() };
        }
        Some(found)
    }

    fn is_right(&self, wanted: &Credentials, method: &Method) -> bool {
        let named = |a: &Algorithm| a.name().eq_ignore_ascii_case(&self.algorithm);
        let algorithm = match self.algorithm.as_str() {
            "" => Some(Algorithm::Md5),
            _ => Algorithm::ALL.into_iter().find(named),
        };
        let Some(algorithm) = algorithm else { return false };
        let counted = self.nc.len() == 8 && self.nc.bytes().all(|b| b.is_ascii_hexdigit());
        if self.realm != REALM || self.qop != "auth" || !counted || self.cnonce.is_empty() {
            return false;
        }
        let secret = wanted.password.bytes();
        let who = algorithm.hash(&[wanted.user.as_bytes(), REALM.as_bytes(), secret]);
        let what = algorithm.hash(&[method.as_str().as_bytes(), self.uri.as_bytes()]);
        let right = algorithm.hash(&[
            who.as_bytes(),
            self.nonce.as_bytes(),
            self.nc.as_bytes(),
            self.cnonce.as_bytes(),
            b"auth",
            what.as_bytes(),
        ]);
        let user = self.username.as_bytes().ct_eq(wanted.user.as_bytes());
        let given = self.response.to_ascii_lowercase();
        bool::from(user & given.as_bytes().ct_eq(right.as_bytes()))
    }
}

/// A token or a quoted string, and what follows it (RFC 9110 §5.6.4).
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        return Some((text[..end].to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests;
