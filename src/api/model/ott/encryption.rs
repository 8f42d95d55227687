//! Encryption of packages: validated, stored, given back. What asks for it serves nothing.

use serde::{Deserialize, Serialize};

use super::DocumentError;
use super::text::{HeaderKey, Label, blank, none_is_default};

/// Most headers that a key server is sent.
const KEY_HEADERS_MAX: usize = 5;

/// HttpHeader: both must be given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CdnHeader {
    /// Its name.
    pub key: HeaderKey,
    /// Its value.
    pub value: Label,
}

/// Encryption.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encryption {
    /// One key a channel, or one a rung.
    #[serde(default, deserialize_with = "none_is_default")]
    pub level: Level,
    /// What the key server knows the content as.
    pub resource_id: Label,
    /// The key systems.
    pub system_ids: Vec<String>,
    /// The key server.
    pub url: Label,
    /// `1.0`.
    pub speke_version: SpekeVersion,
    /// How it is asked.
    pub request_mode: RequestMode,
    /// What it is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_headers: Option<Vec<CdnHeader>>,
    /// The function that is asked.
    #[serde(default, deserialize_with = "blank", skip_serializing_if = "Option::is_none")]
    pub urn: Option<Label>,
    /// Reserved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_rotation_interval_seconds: Option<i64>,
    /// Reserved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption_method: Option<String>,
}

/// How many keys there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// One a channel.
    #[default]
    Content,
    /// One a rung.
    Profile,
}

/// The version of the key exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SpekeVersion {
    /// SPEKE 1.0.
    #[serde(rename = "1.0")]
    One,
}

/// How a key server is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestMode {
    /// Directly.
    DirectHttp,
    /// By a function.
    FunctiongraphProxy,
}

impl Encryption {
    /// Checks what must agree; `systems` are those the package can have, `allowed` says so.
    pub(super) fn fit(&self, systems: &[&str], allowed: &'static str) -> Result<(), DocumentError> {
        let known = |id: &String| systems.contains(&id.as_str());
        if self.system_ids.is_empty() || !self.system_ids.iter().all(known) {
            return Err(DocumentError::SystemIds(allowed));
        }
        let headers = self.http_headers.as_deref().unwrap_or_default();
        let direct = self.request_mode == RequestMode::DirectHttp;
        if headers.len() > KEY_HEADERS_MAX || !headers.is_empty() && !direct {
            return Err(DocumentError::KeyHeaders);
        }
        if !direct && self.urn.is_none() {
            return Err(DocumentError::Urn);
        }
        Ok(())
    }
}
