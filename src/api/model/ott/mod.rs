//! OTT channels: a document that is stored as it was given, with what the service adds.
//!
//! Its words are the vendor's, because the document is what is given back.

mod arguments;
mod blocks;
mod encoding;
mod encryption;
mod input;
mod operations;
mod package;
mod text;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use self::arguments::RequestArgs;
pub use self::encoding::{EncoderSettings, Encoding};
pub use self::encryption::{CdnHeader, Encryption};
pub use self::input::{Input, InputProtocol, Preference, Source};
pub use self::operations::OttChange;
pub use self::package::{
    Common, DashPackage, EndpointItem, HlsPackage, MssPackage, PlayUrl, Selection, StreamSelection,
};
pub use self::text::{Label, Word};

use super::group::Life;
use super::live::Domain;
use super::value::Whole;

/// Names a channel.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OttKey {
    /// Domain it is pushed to.
    pub domain: Domain,
    /// Application.
    pub app_name: Word,
    /// Its id.
    pub id: Word,
}

/// An OTT channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OttChannel {
    /// Its names.
    pub key: OttKey,
    /// What was said of it.
    pub document: OttDocument,
    /// The numbers of its packages in URLs, by their ids.
    pub ordinals: BTreeMap<String, u32>,
    /// The next package's number; none is given twice.
    pub next_ordinal: u32,
    /// When it was made and changed. Its sequence is its number in names of our own.
    pub life: Life,
}

/// CreateOttChannelInfoReq.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OttDocument {
    /// Domain it is pushed to.
    pub domain: Domain,
    /// Application.
    pub app_name: Word,
    /// Its id.
    pub id: Word,
    /// Its name for people.
    #[serde(default, deserialize_with = "text::blank", skip_serializing_if = "Option::is_none")]
    pub name: Option<Label>,
    /// Whether it runs.
    pub state: State,
    /// Who reads it.
    #[serde(default, deserialize_with = "text::none_is_default")]
    pub mode: Mode,
    /// Where it runs; stored.
    #[serde(default, deserialize_with = "text::blank", skip_serializing_if = "Option::is_none")]
    pub region: Option<Label>,
    /// Where its media comes from.
    pub input: Input,
    /// What is kept of it.
    pub record_settings: RecordSettings,
    /// What it puts out.
    #[serde(default, deserialize_with = "text::none_is_default")]
    pub endpoints: Vec<EndpointItem>,
    /// Transcoding templates; stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoder_settings: Option<Vec<EncoderSettings>>,
    /// Audio and video descriptions; stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoder_settings_expand: Option<Encoding>,
}

/// Whether a channel runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum State {
    /// It does.
    On,
    /// It does not.
    Off,
}

/// Who reads a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Mode {
    /// The vendor's CDN; access rules are not asked.
    #[default]
    AddCdn,
    /// Whoever the access rules let in.
    OnlyOs,
}

/// What is kept of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordSettings {
    /// Seconds; 0 for nothing.
    pub rollingbuffer_duration: Whole<0, 1_209_600>,
}

/// What of a document does not agree.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DocumentError {
    /// No source where one is pulled.
    #[error("input.sources is required unless input_protocol is RTMP_PUSH or SRT_PUSH")]
    NoSources,
    /// A source that cannot be pulled.
    #[error("input.{list}[{index}].url must be {expected}")]
    SourceUrl {
        /// The list.
        list: &'static str,
        /// Its place.
        index: usize,
        /// What it must be.
        expected: &'static str,
    },
    /// Two streams of one name.
    #[error("input.sources must differ in bitrate, which names the stream to push")]
    SameBitrate,
    /// A source of marks that the protocol has not.
    #[error("input.scte35_source must be SEGMENTS, with input_protocol HLS_PULL alone")]
    Scte35Source,
    /// Too many selectors.
    #[error("input.audio_selectors must have at most 8 entries")]
    TooManySelectors,
    /// Two selectors of one name.
    #[error("input.audio_selectors must differ in name")]
    SameSelector,
    /// Bounds that are crossed.
    #[error("{0} must not be below its minimum")]
    Crossed(&'static str),
    /// A key system that the package has not.
    #[error("encryption.system_ids must be {0}")]
    SystemIds(&'static str),
    /// Headers where none are sent, or too many.
    #[error(
        "encryption.http_headers must have at most 5 entries, with request_mode direct_http alone"
    )]
    KeyHeaders,
    /// More than can be asked for in a header.
    #[error(
        "cdn_identifier_header.value must be at most {} bytes",
        crate::resolve::Secret::LENGTH_MAX
    )]
    HeaderTooLong,
    /// No function to ask.
    #[error("encryption.urn is required with request_mode functiongraph_proxy")]
    Urn,
    /// A text that must hold something.
    #[error("{0} must not be empty")]
    Empty(&'static str),
    /// One package id twice.
    #[error("package {0} is there twice")]
    PackageTwice(String),
}

impl OttDocument {
    /// Checks what must agree in it, and fills in what has a default.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn fit(mut self) -> Result<Self, DocumentError> {
        self.input = self.input.fit(&self.domain, &self.app_name, &self.id)?;
        self.endpoints = EndpointItem::fit_all(self.endpoints)?;
        Ok(self)
    }

    /// Its names.
    #[must_use]
    pub fn key(&self) -> OttKey {
        let (domain, app_name) = (self.domain.clone(), self.app_name.clone());
        OttKey { domain, app_name, id: self.id.clone() }
    }
}
