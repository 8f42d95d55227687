//! Transcoding of OTT channels: validated, stored, given back.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Number;

use super::text::{Label, Language, SelectorName, blank};

/// ModifyOttChannelEncoderSettingsEncoderSettings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncoderSettings {
    /// The template.
    #[serde(default, deserialize_with = "blank", skip_serializing_if = "Option::is_none")]
    pub template_id: Option<Label>,
}

/// EncoderSettingsExpand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encoding {
    /// Of each audio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_descriptions: Option<Vec<AudioDescription>>,
    /// Of the video.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video_descriptions: Option<VideoDescriptions>,
}

/// EncoderSettingsExpandAudioDescriptions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioDescription {
    /// Its name.
    #[serde(default, deserialize_with = "blank", skip_serializing_if = "Option::is_none")]
    pub name: Option<SelectorName>,
    /// The selector it takes its audio from.
    pub audio_selector_name: SelectorName,
    /// Whose word on the language counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language_code_control: Option<LanguageControl>,
    /// The language.
    #[serde(default, deserialize_with = "blank", skip_serializing_if = "Option::is_none")]
    pub language_code: Option<Language>,
    /// What players show.
    #[serde(default, deserialize_with = "blank", skip_serializing_if = "Option::is_none")]
    pub stream_name: Option<Label>,
}

/// Whose word on the language counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LanguageControl {
    /// The input's.
    FollowInput,
    /// The configuration's.
    UseConfigured,
}

/// VideoDescriptions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VideoDescriptions {
    /// Seconds between key frames, 0 to 10 but 7 and 9; another number counts as 0.
    #[serde(default, deserialize_with = "gop_duration", skip_serializing_if = "Option::is_none")]
    pub gop_duration_seconds: Option<i64>,
}

fn gop_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let number = Option::<Number>::deserialize(deserializer)?;
    let allowed = |seconds: &i64| (0..=10).contains(seconds) && ![7, 9].contains(seconds);
    Ok(number.map(|number| number.as_i64().filter(allowed).unwrap_or(0)))
}
