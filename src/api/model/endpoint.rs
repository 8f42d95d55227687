//! Origin endpoints and their packaging configuration.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::group::{ChannelKey, Life};
use super::value::{Addresses, Code, Description, Text, Whole};
use crate::config::{ManifestName, Name};

/// Names an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EndpointKey {
    /// The channel.
    pub channel: ChannelKey,
    /// Its name in the channel.
    pub endpoint: Name,
}

/// One packaged output of a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its names.
    pub key: EndpointKey,
    /// Its number in URLs, from 1; no other endpoint of the channel ever has it.
    pub ordinal: u32,
    /// What may be changed.
    pub settings: EndpointSettings,
    /// When it was made and changed.
    pub life: Life,
}

/// What of an endpoint may be changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointSettings {
    /// What it puts out.
    pub protocol: OutputProtocol,
    /// The last part of its URL.
    pub manifest_name: ManifestName,
    /// What people wrote about it.
    pub description: Description,
    /// Days back that may be asked for.
    pub timeshift_days: Whole<0, 30>,
    /// Who may read it.
    pub guard: Guard,
    /// How it is packaged, where that was ever said.
    pub packaging: Option<Packaging>,
}

/// What an origin endpoint puts out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OutputProtocol {
    /// HLS over transport streams.
    #[serde(rename = "HLS")]
    Hls,
    /// HLS over CMAF.
    #[serde(rename = "HLS_CMAF")]
    HlsCmaf,
    /// DASH over CMAF.
    #[serde(rename = "DASH")]
    Dash,
}

impl OutputProtocol {
    /// Every protocol.
    pub const ALL: [OutputProtocol; 3] =
        [OutputProtocol::Hls, OutputProtocol::HlsCmaf, OutputProtocol::Dash];

    /// Its name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            OutputProtocol::Hls => "HLS",
            OutputProtocol::HlsCmaf => "HLS_CMAF",
            OutputProtocol::Dash => "DASH",
        }
    }
}

/// The controls of an endpoint; a code or a whitelist at least.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Controls", into = "Controls")]
pub struct Guard(Controls);

/// Controls that may be none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Controls {
    /// The code a CDN sends.
    pub code: Option<Code>,
    /// Who may read.
    pub whitelist: Option<Addresses>,
    /// Who may not.
    pub blacklist: Option<Addresses>,
}

/// Neither a code nor a whitelist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("AuthorizationCode or IpWhitelist must be given; IpBlacklist does not count")]
pub struct Unguarded;

impl Guard {
    /// Its controls.
    #[must_use]
    pub fn controls(&self) -> &Controls {
        &self.0
    }
}

impl TryFrom<Controls> for Guard {
    type Error = Unguarded;
    fn try_from(controls: Controls) -> Result<Self, Unguarded> {
        let guarded = controls.code.is_some() || controls.whitelist.is_some();
        guarded.then_some(Guard(controls)).ok_or(Unguarded)
    }
}

impl From<Guard> for Controls {
    fn from(guard: Guard) -> Controls {
        guard.0
    }
}

/// LivePackagingConfig, as it was given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Packaging {
    /// Seconds of a segment; the channel's where it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment_duration: Option<Whole<1, 30>>,
    /// Whether transport streams have audio apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_audio_rendition_groups: Option<bool>,
    /// Milliseconds of a part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part_duration_ms: Option<Whole<100, 5000>>,
    /// One at most.
    #[serde(deserialize_with = "null_is_none")]
    pub live_manifest_configs: Vec<ManifestConfig>,
    /// How it is encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drm_config: Option<DrmConfig>,
}

fn null_is_none<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<ManifestConfig>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// LiveManifestConfig.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ManifestConfig {
    /// Segments of a list; the channel's where it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment_count: Option<Whole<2, 100>>,
    /// Seconds between dates in a playlist; none where it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date_time_interval: Option<Whole<1, 3600>>,
    /// Marks of advertisements.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ad_markers: Option<AdMarkers>,
    /// Least bit/s of a video.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_video_bitrate: Option<Whole<1, { i64::MAX }>>,
    /// Most bit/s of a video.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_video_bitrate: Option<Whole<1, { i64::MAX }>>,
    /// The order of rungs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_order: Option<Order>,
    /// suggestedPresentationDelay, seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub presentation_delay: Option<Whole<1, 60>>,
    /// minBufferTime, seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_buffer_time: Option<Whole<1, 30>>,
    /// minimumUpdatePeriod, seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_update_period: Option<Whole<1, 3600>>,
    /// timeShiftBufferDepth, seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest_duration: Option<Whole<1, 3600>>,
    /// The only form there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment_template_format: Option<TemplateFormat>,
    /// Least distance of players from the last part, milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part_hold_back_ms: Option<Whole<1, { i64::MAX }>>,
}

/// How advertisements are marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AdMarkers {
    /// Not at all.
    None,
    /// EXT-X-DATERANGE.
    DateRange,
    /// Events of SCTE 35 as XML.
    Xml,
}

/// In which order manifests have the rungs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Order {
    /// As they come.
    Original,
    /// The lowest first.
    VideoBitrateAscending,
    /// The highest first.
    VideoBitrateDescending,
}

/// The form of SegmentTemplate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TemplateFormat {
    /// `$Number$` with a timeline.
    #[serde(rename = "NUMBER_TIMELINE")]
    NumberTimeline,
}

/// DrmConfig; empty texts count as not given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DrmConfig {
    /// What the key server knows the content as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_id: Option<Text<256>>,
    /// `SAMPLE_AES`, or nothing: no encryption.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_method: Option<Text<64>>,
    /// 32 hexadecimal digits.
    #[serde(rename = "IV", skip_serializing_if = "Option::is_none")]
    pub iv: Option<Text<64>>,
    /// Seconds between keys; 0 for one key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotate_period: Option<Whole<0, { i64::MAX }>>,
    /// The key server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<Text<2048>>,
    /// The systems of the licences.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_ids: Option<Vec<String>>,
}

const FAIRPLAY: &str = "94ce86fb-07ff-4f43-adb8-93d2fa968ca2";
const WIDEVINE: &str = "edef8ba9-79d6-4ace-a3c8-27dcd51d21ed";
const PLAYREADY: &str = "9a04f079-9840-4286-ab92-e65be0885f95";

/// What is wrong with a packaging configuration as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PackagingError {
    /// More than one manifest configuration.
    #[error("LiveManifestConfigs must have at most one element")]
    ManifestConfigs,
    /// Marks that the protocol has not.
    #[error("AdMarkers must be NONE, with HLS and HLS_CMAF also DATE_RANGE, with DASH also XML")]
    AdMarkers,
    /// The bounds of the bitrate are crossed.
    #[error("MinVideoBitrate must not be above MaxVideoBitrate")]
    Bitrates,
    /// No content id.
    #[error("DrmConfig.ContentId must be 1 to 256 letters, digits, `_` or `-`")]
    ContentId,
    /// No method.
    #[error("DrmConfig.EncryptionMethod must be SAMPLE_AES, or empty for no encryption")]
    EncryptionMethod,
    /// No initialization vector.
    #[error("DrmConfig.IV must be 32 hexadecimal digits")]
    Iv,
    /// A system that the protocol has not.
    #[error(
        "DrmConfig.SystemIds must be none with HLS, Widevine or PlayReady with DASH, \
        those or FairPlay with HLS_CMAF"
    )]
    SystemIds,
    /// No key server.
    #[error("DrmConfig.Url must be an http or https URL")]
    Url,
}

impl Packaging {
    /// The manifest configuration, all of it absent where none was given.
    #[must_use]
    pub fn manifest(&self) -> ManifestConfig {
        self.live_manifest_configs.first().cloned().unwrap_or_default()
    }

    /// Whether it asks for encryption.
    #[must_use]
    pub fn encrypts(&self) -> bool {
        self.drm_config.as_ref().is_some_and(|drm| {
            let systems = drm.system_ids.as_ref().is_some_and(|ids| !ids.is_empty());
            drm.encryption_method.is_some() || drm.url.is_some() || systems
        })
    }

    /// Checks what must agree with the protocol, and leaves empty texts out.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn fit(mut self, protocol: OutputProtocol) -> Result<Self, PackagingError> {
        if self.live_manifest_configs.len() > 1 {
            return Err(PackagingError::ManifestConfigs);
        }
        let manifest = self.manifest();
        let dash = protocol == OutputProtocol::Dash;
        match manifest.ad_markers {
            Some(AdMarkers::DateRange) if dash => return Err(PackagingError::AdMarkers),
            Some(AdMarkers::Xml) if !dash => return Err(PackagingError::AdMarkers),
            _ => {}
        }
        let bounds = (manifest.min_video_bitrate, manifest.max_video_bitrate);
        if matches!(bounds, (Some(min), Some(max)) if min.get() > max.get()) {
            return Err(PackagingError::Bitrates);
        }
        self.drm_config = self.drm_config.map(|drm| drm.fit(protocol)).transpose()?;
        Ok(self)
    }
}

impl DrmConfig {
    fn fit(mut self, protocol: OutputProtocol) -> Result<Self, PackagingError> {
        self.content_id.take_if(|text| text.as_str().is_empty());
        self.encryption_method.take_if(|text| text.as_str().is_empty());
        self.iv.take_if(|text| text.as_str().is_empty());
        self.url.take_if(|text| text.as_str().is_empty());
        let id = self.content_id.as_ref();
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if id.is_some_and(|id| !id.as_str().bytes().all(plain)) {
            return Err(PackagingError::ContentId);
        }
        let method = self.encryption_method.as_ref();
        if method.is_some_and(|method| method.as_str() != "SAMPLE_AES") {
            return Err(PackagingError::EncryptionMethod);
        }
        let hexadecimal = |iv: &str| iv.len() == 32 && iv.bytes().all(|b| b.is_ascii_hexdigit());
        if self.iv.as_ref().is_some_and(|iv| !hexadecimal(iv.as_str())) {
            return Err(PackagingError::Iv);
        }
        let web = |url: &str| {
            url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
        };
        if self.url.as_ref().is_some_and(|url| !web(url.as_str())) {
            return Err(PackagingError::Url);
        }
        let allowed: &[&str] = match protocol {
            OutputProtocol::Hls => &[],
            OutputProtocol::HlsCmaf => &[FAIRPLAY, WIDEVINE, PLAYREADY],
            OutputProtocol::Dash => &[WIDEVINE, PLAYREADY],
        };
        let known = |id: &String| allowed.contains(&id.to_ascii_lowercase().as_str());
        if !self.system_ids.iter().flatten().all(known) {
            return Err(PackagingError::SystemIds);
        }
        Ok(self)
    }
}
