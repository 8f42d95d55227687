//! What an OTT channel puts out: HLS, DASH and Smooth Streaming packages.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

use super::DocumentError;
use super::arguments::RequestArgs;
use super::blocks::Blocks;
use super::encryption::{CdnHeader, Encryption};
use super::text::{IndexName, Label, OriginDomain, blank, none_is_default};
use crate::api::model::endpoint::Order;
use crate::api::model::value::Whole;
use crate::resolve::{Published, PublishedError, Secret};

/// bit/s of a selection.
type Bandwidth = Whole<0, 104_857_600>;

/// EndpointItem.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EndpointItem {
    /// HLS.
    #[serde(default, deserialize_with = "none_is_default", skip_serializing_if = "Vec::is_empty")]
    pub hls_package: Vec<HlsPackage>,
    /// DASH.
    #[serde(default, deserialize_with = "none_is_default", skip_serializing_if = "Vec::is_empty")]
    pub dash_package: Vec<DashPackage>,
    /// Smooth Streaming; stored.
    #[serde(default, deserialize_with = "none_is_default", skip_serializing_if = "Vec::is_empty")]
    pub mss_package: Vec<MssPackage>,
}

/// A URL by which players ask: host and path, with a scheme and a port or without.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PlayUrl {
    written: String,
    published: Published,
}

/// Why a text is no URL by which players can ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must be an http or https URL with a host and a path, like \
    http://play.example.com/live/index.m3u8{}", .0.map(|why| format!("; it {why}")).unwrap_or_default())]
pub struct NotAPlayUrl(Option<PublishedError>);

impl PlayUrl {
    /// As it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// Where the manifest stands: on its host, whatever the port. This tells it from other URLs.
    #[must_use]
    pub fn published(&self) -> &Published {
        &self.published
    }
}

impl TryFrom<String> for PlayUrl {
    type Error = NotAPlayUrl;
    fn try_from(written: String) -> Result<Self, NotAPlayUrl> {
        let bare = written.strip_prefix("http://").or_else(|| written.strip_prefix("https://"));
        let (place, path) = bare.unwrap_or(&written).split_once('/').ok_or(NotAPlayUrl(None))?;
        let (host, port) = place.split_once(':').unwrap_or((place, "80"));
        if port.parse::<u16>().is_err() {
            return Err(NotAPlayUrl(None));
        }
        let published = Published::new(Some(host), &format!("/{path}"));
        Ok(PlayUrl { published: published.map_err(|why| NotAPlayUrl(Some(why)))?, written })
    }
}

impl From<PlayUrl> for String {
    fn from(url: PlayUrl) -> String {
        url.written
    }
}

/// StreamSelectionItem: rungs that a player gets whose query holds the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamSelection {
    /// What the query must hold.
    #[serde(default, deserialize_with = "blank", skip_serializing_if = "Option::is_none")]
    pub key: Option<Label>,
    /// Least bit/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_bandwidth: Option<Bandwidth>,
    /// Most bit/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bandwidth: Option<Bandwidth>,
}

/// ManifestSelection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// The order of rungs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_order: Option<Order>,
    /// Least bit/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_video_bandwidth: Option<Bandwidth>,
    /// Most bit/s, above the least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_video_bandwidth: Option<Bandwidth>,
}

/// HLS's mark of advertisements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HlsMarker {
    /// EXT-X-DATERANGE and more.
    #[serde(rename = "ENHANCED_SCTE35")]
    EnhancedScte35,
}

/// DASH's mark of advertisements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DashMarker {
    /// Events of SCTE 35.
    #[serde(rename = "xml+bin")]
    XmlBin,
}

/// What every package has.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the fields of packages")]
pub struct Common<'a> {
    pub kind: &'static str,
    pub id: Option<&'a str>,
    pub url: Option<&'a PlayUrl>,
    pub slave_url: Option<&'a PlayUrl>,
    pub stream_selection: &'a [StreamSelection],
    pub segment_duration: Whole<1, 10>,
    pub window: u32,
    pub encryption: Option<&'a Encryption>,
    pub request_args: Option<&'a RequestArgs>,
    pub enable_access: bool,
    pub allow_all_ip_access: bool,
    pub ip_whitelist: Option<&'a Blocks>,
    pub cdn_identifier_header: Option<&'a CdnHeader>,
    pub manifest_selection: Option<&'a Selection>,
    pub manifest_name: Option<&'a str>,
}

macro_rules! package {
    (
        $(#[$doc:meta])* $name:ident, $kind:literal, $systems:expr, $allowed:literal,
        { $($field:ident: $type:ty),* $(,)? }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[expect(missing_docs, reason = "the vendor's names say it")]
        pub struct $name {
            #[serde(default, deserialize_with = "blank", skip_serializing_if = "Option::is_none")]
            pub id: Option<String>,
            #[serde(default, deserialize_with = "blank", skip_serializing_if = "Option::is_none")]
            pub url: Option<PlayUrl>,
            #[serde(default, deserialize_with = "blank", skip_serializing_if = "Option::is_none")]
            pub slave_url: Option<PlayUrl>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub stream_selection: Option<Vec<StreamSelection>>,
            pub segment_duration_seconds: Whole<1, 10>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub playlist_window_seconds: Option<Whole<0, 86_400>>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub encryption: Option<Encryption>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub ext_args: Option<Map<String, Value>>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub request_args: Option<RequestArgs>,
            #[serde(default, deserialize_with = "none_is_default")]
            pub enable_access: bool,
            #[serde(default, deserialize_with = "none_is_default")]
            pub allow_all_ip_access: bool,
            #[serde(default, deserialize_with = "blank", skip_serializing_if = "Option::is_none")]
            pub ip_whitelist: Option<Blocks>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub cdn_identifier_header: Option<CdnHeader>,
            #[serde(default, deserialize_with = "blank", skip_serializing_if = "Option::is_none")]
            pub origin_domain_master: Option<OriginDomain>,
            #[serde(default, deserialize_with = "blank", skip_serializing_if = "Option::is_none")]
            pub origin_domain_slave: Option<OriginDomain>,
            #[serde(default, deserialize_with = "blank", skip_serializing_if = "Option::is_none")]
            pub manifest_name: Option<IndexName>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub manifest_selection: Option<Selection>,
            $(
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub $field: Option<$type>,
            )*
        }

        impl $name {
            /// What kind of package it is.
            pub const KIND: &'static str = $kind;

            /// What it has in common with packages of other kinds.
            #[must_use]
            pub fn common(&self) -> Common<'_> {
                Common {
                    kind: $kind,
                    id: self.id.as_deref(),
                    url: self.url.as_ref(),
                    slave_url: self.slave_url.as_ref(),
                    stream_selection: self.stream_selection.as_deref().unwrap_or_default(),
                    segment_duration: self.segment_duration_seconds,
                    window: self.playlist_window_seconds.map_or(0, Whole::unsigned),
                    encryption: self.encryption.as_ref(),
                    request_args: self.request_args.as_ref(),
                    enable_access: self.enable_access,
                    allow_all_ip_access: self.allow_all_ip_access,
                    ip_whitelist: self.ip_whitelist.as_ref(),
                    cdn_identifier_header: self.cdn_identifier_header.as_ref(),
                    manifest_selection: self.manifest_selection.as_ref(),
                    manifest_name: self.manifest_name.as_ref().map(IndexName::as_str),
                }
            }

            fn fit(&self) -> Result<(), DocumentError> {
                fit_one(&self.common(), $systems, $allowed)
            }
        }
    };
}

package!(
    /// HlsPackageItem.
    HlsPackage, "hls", &["FairPlay"], "FairPlay with HLS",
    { hls_version: String, ads: Map<String, Value>, ad_marker: Vec<HlsMarker> }
);
package!(
    /// DashPackageItem.
    DashPackage, "dash", &["Widevine", "PlayReady"], "Widevine or PlayReady with DASH",
    {
        ads: Map<String, Value>,
        ad_marker: DashMarker,
        suggested_presentation_delay: Whole<1, 120>,
        minimum_update_period: Whole<1, 120>,
        min_buffer_time: Whole<1, 120>,
    }
);
package!(
    /// MssPackageItem.
    MssPackage, "mss", &["PlayReady"], "PlayReady with MSS",
    { delay_segment: i64 }
);

/// Checks what must agree within a package.
fn fit_one(
    package: &Common<'_>,
    systems: &[&str],
    allowed: &'static str,
) -> Result<(), DocumentError> {
    for selection in package.stream_selection {
        let bounds = (selection.min_bandwidth, selection.max_bandwidth);
        if matches!(bounds, (Some(min), Some(max)) if min > max) {
            return Err(DocumentError::Crossed("stream_selection.max_bandwidth"));
        }
    }
    if let Some(selection) = package.manifest_selection
        && let (Some(min), Some(max)) =
            (selection.min_video_bandwidth, selection.max_video_bandwidth)
        && min >= max
    {
        return Err(DocumentError::Crossed("manifest_selection.max_video_bandwidth"));
    }
    let header = package.cdn_identifier_header;
    if header.is_some_and(|header| header.value.as_str().len() > Secret::LENGTH_MAX) {
        return Err(DocumentError::HeaderTooLong);
    }
    package.encryption.map_or(Ok(()), |encryption| encryption.fit(systems, allowed))
}

impl EndpointItem {
    /// What its packages have in common, in the order of their kinds.
    pub fn packages(&self) -> impl Iterator<Item = Common<'_>> {
        let hls = self.hls_package.iter().map(HlsPackage::common);
        let dash = self.dash_package.iter().map(DashPackage::common);
        hls.chain(dash).chain(self.mss_package.iter().map(MssPackage::common))
    }

    /// The places of its packages' ids, each with its kind, to be filled in.
    pub(super) fn ids_mut(&mut self) -> impl Iterator<Item = (&'static str, &mut Option<String>)> {
        let hls = self.hls_package.iter_mut().map(|package| (HlsPackage::KIND, &mut package.id));
        let dash = self.dash_package.iter_mut().map(|package| (DashPackage::KIND, &mut package.id));
        let mss = self.mss_package.iter_mut().map(|package| (MssPackage::KIND, &mut package.id));
        hls.chain(dash).chain(mss)
    }

    /// Checks every package.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn fit_all(items: Vec<Self>) -> Result<Vec<Self>, DocumentError> {
        let mut ids = BTreeSet::new();
        for item in &items {
            item.hls_package.iter().try_for_each(HlsPackage::fit)?;
            item.dash_package.iter().try_for_each(DashPackage::fit)?;
            item.mss_package.iter().try_for_each(MssPackage::fit)?;
            for id in item.packages().filter_map(|package| package.id) {
                if !ids.insert(id.to_owned()) {
                    return Err(DocumentError::PackageTwice(id.to_owned()));
                }
            }
        }
        Ok(items)
    }
}
