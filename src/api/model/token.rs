//! What was answered to a create: the same request with the same token is answered the same again.

use serde::{Deserialize, Serialize};

use super::value::Stamp;

/// Seconds that a token is remembered at least.
pub const KEPT_SECS: i64 = 24 * 3600;

/// Names a token.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TokenKey {
    /// The account's access key.
    pub key_id: String,
    /// What was asked for.
    pub action: String,
    /// What the client chose.
    pub token: String,
}

/// A create that was done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Token {
    /// Which.
    pub key: TokenKey,
    /// Its own parameters, hashed.
    pub fingerprint: String,
    /// What was answered, without the request's id.
    pub answer: serde_json::Value,
    /// When.
    pub at: Stamp,
}
