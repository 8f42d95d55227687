//! What is given and shown, as types that OpenAPI describes.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::control::Control;
use crate::api::model::Model;
use crate::api::model::endpoint::{
    Controls, Endpoint, EndpointSettings, Guard, OutputProtocol, Packaging,
};
use crate::api::model::group::{Channel, ChannelSettings, Group};
use crate::api::model::value::{Addresses, Code, Description, Whole};
use crate::config::{ManifestName, Name};

use super::NativeError;

/// A new group.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewGroup {
    /// 1 to 200 letters, digits, `_` or `-`.
    #[schema(value_type = String)]
    pub(super) name: Name,
    /// At most 1000 characters.
    #[serde(default)]
    #[schema(value_type = String)]
    pub(super) description: Description,
}

/// What of a group may be changed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupChange {
    /// At most 1000 characters.
    #[serde(default)]
    #[schema(value_type = String)]
    pub(super) description: Description,
}

/// A group.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ShownGroup {
    name: String,
    description: String,
    /// Where its players ask.
    origin: String,
    created: String,
    modified: String,
}

/// A new channel.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct NewChannel {
    /// 1 to 200 letters, digits, `_` or `-`.
    #[schema(value_type = String)]
    pub(super) name: Name,
    #[serde(flatten)]
    pub(super) settings: ChannelChange,
}

/// What of a channel may be changed; what is left out has its default.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct ChannelChange {
    /// Segments of a list, where an endpoint does not say; 2 to 100.
    #[serde(default = "three")]
    #[schema(value_type = u32, default = 3)]
    segment_count: Whole<2, 100>,
    /// Seconds of a segment, where an endpoint does not say; 1 to 30.
    #[serde(default = "six")]
    #[schema(value_type = u32, default = 6)]
    segment_duration: Whole<1, 30>,
    /// At most 1000 characters.
    #[serde(default)]
    #[schema(value_type = String)]
    description: Description,
}

fn three() -> Whole<2, 100> {
    Whole::clamped(3)
}

fn six() -> Whole<1, 30> {
    Whole::clamped(6)
}

impl From<ChannelChange> for ChannelSettings {
    fn from(change: ChannelChange) -> ChannelSettings {
        let ChannelChange { segment_count, segment_duration, description } = change;
        ChannelSettings { segment_count, segment_duration, description }
    }
}

/// A channel.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ShownChannel {
    group: String,
    name: String,
    segment_count: i64,
    segment_duration: i64,
    description: String,
    inputs: Vec<ShownInput>,
    created: String,
    modified: String,
}

/// Where an encoder pushes, and what it must show.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ShownInput {
    /// Below this, any path.
    url: String,
    user: String,
    password: String,
}

/// Which inputs get other credentials.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rotation {
    /// 1, 2 or both.
    #[schema(value_type = Vec<u32>)]
    pub(super) inputs: Vec<Whole<1, 2>>,
}

/// A new endpoint.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct NewEndpoint {
    /// 1 to 200 letters, digits, `_` or `-`.
    #[schema(value_type = String)]
    pub(super) name: Name,
    #[serde(flatten)]
    pub(super) settings: EndpointChange,
}

/// What of an endpoint may be changed; what is left out has its default.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct EndpointChange {
    /// `HLS`, `HLS_CMAF` or `DASH`.
    #[schema(value_type = String)]
    protocol: OutputProtocol,
    /// The last part of its URL.
    #[serde(default)]
    #[schema(value_type = String, default = "manifest")]
    manifest_name: ManifestName,
    /// At most 1000 characters.
    #[serde(default)]
    #[schema(value_type = String)]
    description: Description,
    /// Days back that may be asked for, 0 to 30.
    #[serde(default = "none")]
    #[schema(value_type = u32, default = 0)]
    timeshift_days: Whole<0, 30>,
    /// The code that a CDN sends; this or a whitelist must be given.
    #[schema(value_type = Option<String>)]
    authorization_code: Option<Code>,
    /// Addresses and blocks that may read, parted by commas.
    #[schema(value_type = Option<String>)]
    ip_whitelist: Option<Addresses>,
    /// Addresses and blocks that may not.
    #[schema(value_type = Option<String>)]
    ip_blacklist: Option<Addresses>,
    /// LivePackagingConfig, with its keys.
    #[schema(value_type = Option<Object>)]
    packaging: Option<Packaging>,
}

fn none() -> Whole<0, 30> {
    Whole::clamped(0)
}

impl TryFrom<EndpointChange> for EndpointSettings {
    type Error = NativeError;
    fn try_from(change: EndpointChange) -> Result<EndpointSettings, NativeError> {
        let controls = Controls {
            code: change.authorization_code,
            whitelist: change.ip_whitelist,
            blacklist: change.ip_blacklist,
        };
        let why = "authorization_code or ip_whitelist must be given";
        let guard = Guard::try_from(controls)
            .map_err(|_| NativeError::invalid("authorization_code", why))?;
        let packaging = change.packaging.map(|packaging| packaging.fit(change.protocol));
        let packaging = packaging.transpose();
        Ok(EndpointSettings {
            protocol: change.protocol,
            manifest_name: change.manifest_name,
            description: change.description,
            timeshift_days: change.timeshift_days,
            guard,
            packaging: packaging
                .map_err(|error| NativeError::invalid("packaging", &error.to_string()))?,
        })
    }
}

/// An endpoint.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ShownEndpoint {
    group: String,
    channel: String,
    name: String,
    /// Where players ask; `.m3u8` or `.mpd` may follow.
    url: String,
    protocol: String,
    manifest_name: String,
    description: String,
    timeshift_days: i64,
    authorization_code: Option<String>,
    ip_whitelist: Option<String>,
    ip_blacklist: Option<String>,
    #[schema(value_type = Option<Object>)]
    packaging: Option<Packaging>,
    created: String,
    modified: String,
}

pub(super) fn group(group: &Group) -> ShownGroup {
    ShownGroup {
        name: group.name.to_string(),
        description: group.description.as_str().to_owned(),
        origin: format!("{}://{}", group.origin.scheme, group.origin.domain),
        created: group.life.created.to_string(),
        modified: group.life.modified.to_string(),
    }
}

pub(super) fn channel(control: &Control, channel: &Channel) -> ShownChannel {
    let (group, name) = (&channel.key.group, &channel.key.channel);
    let inputs = (1..).zip(&channel.inputs).map(|(n, input)| ShownInput {
        url: format!("{}/v1/{group}/{n}/{name}/manifest", control.ingest()),
        user: input.user.clone(),
        password: input.password.clone(),
    });
    ShownChannel {
        group: group.to_string(),
        name: name.to_string(),
        segment_count: channel.settings.segment_count.get(),
        segment_duration: channel.settings.segment_duration.get(),
        description: channel.settings.description.as_str().to_owned(),
        inputs: inputs.collect(),
        created: channel.life.created.to_string(),
        modified: channel.life.modified.to_string(),
    }
}

pub(super) fn endpoint(model: &Model, endpoint: &Endpoint) -> ShownEndpoint {
    let (group, channel) = (&endpoint.key.channel.group, &endpoint.key.channel.channel);
    let settings = &endpoint.settings;
    let controls = settings.guard.controls();
    let origin =
        model.group(group).map(|it| format!("{}://{}", it.origin.scheme, it.origin.domain));
    let list = |list: &Option<Addresses>| list.as_ref().map(|it| it.as_str().to_owned());
    let (ordinal, name) = (endpoint.ordinal, &settings.manifest_name);
    ShownEndpoint {
        group: group.to_string(),
        channel: channel.to_string(),
        name: endpoint.key.endpoint.to_string(),
        url: format!("{}/v1/{group}/{ordinal}/{channel}/{name}", origin.unwrap_or_default()),
        protocol: settings.protocol.name().to_owned(),
        manifest_name: settings.manifest_name.to_string(),
        description: settings.description.as_str().to_owned(),
        timeshift_days: settings.timeshift_days.get(),
        authorization_code: controls.code.as_ref().map(|code| code.as_str().to_owned()),
        ip_whitelist: list(&controls.whitelist),
        ip_blacklist: list(&controls.blacklist),
        packaging: settings.packaging.clone(),
        created: endpoint.life.created.to_string(),
        modified: endpoint.life.modified.to_string(),
    }
}
