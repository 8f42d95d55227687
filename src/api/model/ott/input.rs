//! Where an OTT channel's media comes from.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::DocumentError;
use super::blocks::Blocks;
use super::text::{Label, SelectorName, Word, blank, none_is_default};
use crate::api::model::live::Domain;
use crate::api::model::value::Whole;

/// Most audio selectors.
const SELECTORS_MAX: usize = 8;

/// Silence after which the standby takes over where nothing is said.
const INPUT_LOSS_MS: i64 = 2000;

/// InputStreamInfo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// How it comes.
    pub input_protocol: InputProtocol,
    /// Main streams; of pushes the URLs to push to.
    #[serde(default, deserialize_with = "none_is_default")]
    pub sources: Vec<Source>,
    /// Standby streams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secondary_sources: Option<Vec<Source>>,
    /// When the standby takes over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failover_conditions: Option<Failover>,
    /// bit/s: variants above it are not pulled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bandwidth_limit: Option<Whole<0, { i64::MAX }>>,
    /// Of SRT_PUSH; stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_port_mode: Option<bool>,
    /// Who may push.
    #[serde(default, deserialize_with = "blank", skip_serializing_if = "Option::is_none")]
    pub ip_whitelist: Option<Blocks>,
    /// Where marks of advertisements come from.
    #[serde(default, deserialize_with = "blank", skip_serializing_if = "Option::is_none")]
    pub scte35_source: Option<Label>,
    /// Which marks count; stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ad_triggers: Option<Vec<Label>>,
    /// Which audio is taken; stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_selectors: Option<Vec<AudioSelector>>,
}

/// How media comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the vendor's names say it")]
pub enum InputProtocol {
    FlvPull,
    RtmpPush,
    HlsPull,
    SrtPull,
    SrtPush,
}

/// SourcesInfo and SecondarySourcesInfo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// Where it is pulled from, or pushed to.
    #[serde(default, deserialize_with = "blank", skip_serializing_if = "Option::is_none")]
    pub url: Option<Label>,
    /// bit/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bitrate: Option<Whole<1, 104_857_600>>,
    /// Pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<Whole<0, 4096>>,
    /// Pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<Whole<0, 2160>>,
    /// Stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enable_snapshot: Option<bool>,
    /// Whether of a multivariant playlist the variant nearest to `bitrate` is taken alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bitrate_for3u8: Option<bool>,
    /// Of SRT; stored.
    #[serde(default, deserialize_with = "blank", skip_serializing_if = "Option::is_none")]
    pub passphrase: Option<Label>,
    /// Of SRT; stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pbkeylen: Option<Whole<0, 32>>,
    /// Further places to pull from, each where those before it fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup_urls: Option<Vec<Label>>,
    /// Of SRT; stored.
    #[serde(default, deserialize_with = "blank", skip_serializing_if = "Option::is_none")]
    pub stream_id: Option<Label>,
    /// Of SRT; stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Whole<0, { i64::MAX }>>,
}

impl Source {
    const NONE: Source = Source {
        url: None,
        bitrate: None,
        width: None,
        height: None,
        enable_snapshot: None,
        bitrate_for3u8: None,
        passphrase: None,
        pbkeylen: None,
        backup_urls: None,
        stream_id: None,
        latency: None,
    };
}

/// FailoverConditions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failover {
    /// Silence after which the standby takes over, milliseconds.
    #[serde(default = "two_seconds", deserialize_with = "null_is_two_seconds")]
    pub input_loss_threshold_msec: Whole<0, 3_600_000>,
    /// Whether the main input is gone back to.
    #[serde(default, deserialize_with = "none_is_default")]
    pub input_preference: Preference,
}

fn two_seconds() -> Whole<0, 3_600_000> {
    Whole::clamped(INPUT_LOSS_MS)
}

fn null_is_two_seconds<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Whole<0, 3_600_000>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_else(two_seconds))
}

/// Which input is liked better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Preference {
    /// Neither: what plays goes on.
    #[default]
    Equal,
    /// The main one.
    Primary,
}

/// InputAudioSelector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AudioSelector {
    /// Its name, unique.
    pub name: SelectorName,
    /// What it takes; stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector_settings: Option<Map<String, Value>>,
}

impl Input {
    /// Checks what must agree, and names the URLs of what is pushed by RTMP.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn fit(mut self, domain: &Domain, app: &Word, id: &Word) -> Result<Self, DocumentError> {
        let segments = self.scte35_source.as_ref().is_none_or(|from| {
            from.as_str() == "SEGMENTS" && self.input_protocol == InputProtocol::HlsPull
        });
        if !segments {
            return Err(DocumentError::Scte35Source);
        }
        let selectors = self.audio_selectors.as_deref().unwrap_or_default();
        if selectors.len() > SELECTORS_MAX {
            return Err(DocumentError::TooManySelectors);
        }
        let names: BTreeSet<_> = selectors.iter().map(|selector| &selector.name).collect();
        if names.len() < selectors.len() {
            return Err(DocumentError::SameSelector);
        }
        match self.input_protocol {
            InputProtocol::RtmpPush => self.name_pushes(domain, app, id)?,
            InputProtocol::SrtPush => {}
            InputProtocol::FlvPull => self.check_pulls("an http, https or rtmp URL")?,
            InputProtocol::HlsPull => self.check_pulls("an http or https URL")?,
            InputProtocol::SrtPull => self.check_pulls("an srt URL")?,
        }
        Ok(self)
    }

    fn name_pushes(&mut self, domain: &Domain, app: &Word, id: &Word) -> Result<(), DocumentError> {
        if self.sources.is_empty() {
            self.sources.push(Source::NONE);
        }
        let mut named = BTreeSet::new();
        for source in &mut self.sources {
            let stream = match source.bitrate {
                Some(bitrate) => format!("{}_{}", id.as_str(), bitrate.get()),
                None => id.as_str().to_owned(),
            };
            let url = format!("rtmp://{}/{}/{stream}", domain.as_str(), app.as_str());
            source.url = Label::try_from(url).ok();
            if !named.insert(stream) {
                return Err(DocumentError::SameBitrate);
            }
        }
        Ok(())
    }

    fn check_pulls(&self, expected: &'static str) -> Result<(), DocumentError> {
        if self.sources.is_empty() {
            return Err(DocumentError::NoSources);
        }
        let secondary = self.secondary_sources.as_deref().unwrap_or_default();
        for (list, sources) in [("sources", &*self.sources), ("secondary_sources", secondary)] {
            for (index, source) in sources.iter().enumerate() {
                let backups = source.backup_urls.iter().flatten();
                let right = |url: &Label| has_scheme(url.as_str(), expected);
                if !source.url.as_ref().is_some_and(right) || !backups.clone().all(right) {
                    return Err(DocumentError::SourceUrl { list, index, expected });
                }
            }
        }
        Ok(())
    }
}

/// Whether a URL has a host and one of the schemes that a sentence names.
fn has_scheme(url: &str, expected: &str) -> bool {
    let Ok(url) = url::Url::parse(url) else { return false };
    let named = expected.split([' ', ',']).any(|word| word == url.scheme());
    url.has_host() && named
}
