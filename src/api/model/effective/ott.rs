//! OTT channels, as the configuration file would say them, with the URLs of their packages.

use super::ice::order;
use super::{Desired, OTT_GROUP, Withheld, WithheldBecause, secs};
use crate::api::model::ott::{
    CdnHeader, Common, DashPackage, EndpointItem, HlsPackage, Input, InputProtocol, Mode,
    OttChannel, PlayUrl, Preference, RequestArgs, Source, State, StreamSelection,
};
use crate::api::model::value::{Addresses, Whole};
use crate::config::{self, ManifestName, Name, PullUrl};
use crate::manifest::{Presentation, VideoBitrates};
use crate::resolve::{AccessRules, IpList, Protocol};
use crate::units::Bitrate;

const DAY_SECS: u32 = 86_400;

/// URLs of a customer's own for one endpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// The channel's group.
    pub group: Name,
    /// The channel.
    pub channel: Name,
    /// The endpoint's number.
    pub ordinal: u32,
    /// Where it is read, by Host and path.
    pub urls: Vec<PlayUrl>,
    /// The header a CDN must send, where one is asked for.
    pub cdn_header: Option<CdnHeader>,
    /// Rungs that a player gets by a key in its query.
    pub selections: Vec<StreamSelection>,
    /// Names of the parameters of time shift.
    pub request_args: Option<RequestArgs>,
    /// EXT-X-VERSION is no lower.
    pub hls_version: Option<u32>,
}

/// A stream that is pushed by RTMP.
#[derive(Clone, Debug, PartialEq)]
pub struct Push {
    /// The host it is pushed to.
    pub domain: String,
    /// Application.
    pub app: String,
    /// Its name.
    pub stream: String,
    /// The group of the channel it goes to.
    pub group: Name,
    /// The channel.
    pub channel: Name,
    /// The rung it is; `None` where there is one alone.
    pub rung: Option<String>,
    /// Who may push it; everybody where nothing is said.
    pub whitelist: Option<Addresses>,
    /// Milliseconds of silence after which another input takes over, and whether the main one is
    /// gone back to, where that is said.
    pub failover: Option<(u32, Preference)>,
}

pub(super) fn run(channel: &OttChannel, desired: &mut Desired) {
    let number = channel.life.sequence.to_string();
    let (Some(group), Some(name)) = (Name::parse(OTT_GROUP), Name::parse(&number)) else { return };
    if channel.document.state == State::Off {
        return;
    }
    let mut own = config::Channel {
        group,
        name,
        loop_file: None,
        slate: None,
        inputs: [None, None],
        pulls: pulls(&channel.document.input),
        endpoints: Vec::new(),
    };
    pushes(channel, &own, desired);
    for item in &channel.document.endpoints {
        for package in &item.hls_package {
            let made = hls(package, channel);
            add(channel, &package.common(), made, version(package), &mut own, desired);
        }
        for package in &item.dash_package {
            let made = dash(package, channel);
            add(channel, &package.common(), made, None, &mut own, desired);
        }
        mss(channel, item, &own, desired);
    }
    own.endpoints.sort_by_key(|endpoint| endpoint.ordinal);
    desired.channels.push(own);
}

fn version(package: &HlsPackage) -> Option<u32> {
    package.hls_version.as_deref().and_then(|version| version.trim().parse().ok())
}

fn pulls(input: &Input) -> [Option<PullUrl>; 2] {
    if input.input_protocol != InputProtocol::HlsPull {
        return [None, None];
    }
    let first = |sources: &[Source]| {
        sources.first()?.url.as_ref().and_then(|url| PullUrl::parse(url.as_str()))
    };
    [first(&input.sources), first(input.secondary_sources.as_deref().unwrap_or_default())]
}

fn pushes(channel: &OttChannel, own: &config::Channel, desired: &mut Desired) {
    let document = &channel.document;
    if document.input.input_protocol != InputProtocol::RtmpPush {
        return;
    }
    let failover = document.input.failover_conditions.as_ref();
    let failover = failover.map(|f| (f.input_loss_threshold_msec.unsigned(), f.input_preference));
    for source in &document.input.sources {
        let (id, rung) = (document.id.as_str(), source.bitrate.map(|b| b.get().to_string()));
        desired.pushes.push(Push {
            domain: document.domain.as_str().to_owned(),
            app: document.app_name.as_str().to_owned(),
            stream: rung.as_ref().map_or(id.to_owned(), |rung| format!("{id}_{rung}")),
            group: own.group.clone(),
            channel: own.name.clone(),
            rung,
            whitelist: document.input.ip_whitelist.clone(),
            failover,
        });
    }
}

fn ordinal(channel: &OttChannel, package: &Common<'_>) -> u32 {
    package.id.and_then(|id| channel.ordinals.get(id)).copied().unwrap_or(0)
}

/// An endpoint that goes to the channel, or among those that are withheld.
fn add(
    channel: &OttChannel,
    package: &Common<'_>,
    made: Option<config::Endpoint>,
    hls_version: Option<u32>,
    own: &mut config::Channel,
    desired: &mut Desired,
) {
    let (group, name) = (own.group.clone(), own.name.clone());
    let ordinal = ordinal(channel, package);
    let guarded = channel.document.mode == Mode::OnlyOs;
    desired.outputs.push(Output {
        group: group.clone(),
        channel: name.clone(),
        ordinal,
        urls: [package.url, package.slave_url].into_iter().flatten().cloned().collect(),
        cdn_header: package.cdn_identifier_header.filter(|_| guarded).cloned(),
        selections: package.stream_selection.to_vec(),
        request_args: package.request_args.cloned(),
        hls_version,
    });
    let withheld = if package.encryption.is_some() {
        Some(WithheldBecause::Encryption)
    } else if made.is_none() {
        Some(WithheldBecause::Closed)
    } else {
        None
    };
    match (withheld, made) {
        (None, Some(endpoint)) => own.endpoints.push(endpoint),
        (reason, _) => {
            let reason = reason.unwrap_or(WithheldBecause::Closed);
            desired.withheld.push(Withheld { group, channel: name, ordinal, reason });
        }
    }
}

fn mss(channel: &OttChannel, item: &EndpointItem, own: &config::Channel, desired: &mut Desired) {
    for package in item.packages().filter(|package| package.kind == "mss") {
        desired.withheld.push(Withheld {
            group: own.group.clone(),
            channel: own.name.clone(),
            ordinal: ordinal(channel, &package),
            reason: WithheldBecause::SmoothStreaming,
        });
    }
}

/// Who may read; `None` where nobody may.
fn access(channel: &OttChannel, package: &Common<'_>) -> Option<AccessRules> {
    if channel.document.mode == Mode::AddCdn {
        return Some(AccessRules::open());
    }
    match package.ip_whitelist {
        _ if !package.enable_access => None,
        _ if package.allow_all_ip_access => Some(AccessRules::open()),
        None => None,
        Some(list) => Some(AccessRules::guarded(IpList::default(), list.list().clone(), None)),
    }
}

/// An endpoint of a package, as far as HLS and DASH have it in common.
fn endpoint(
    package: &Common<'_>,
    channel: &OttChannel,
    protocol: Protocol,
) -> Option<config::Endpoint> {
    let access = access(channel, package)?;
    let segment = secs(package.segment_duration.unsigned());
    let window = secs(package.window).max(segment.times(3));
    let selection = package.manifest_selection;
    let bound =
        |bits: Option<Whole<0, 104_857_600>>| bits.map(|b| Bitrate(u64::from(b.unsigned())));
    let all = VideoBitrates::ALL;
    let bitrates = VideoBitrates {
        min: selection.and_then(|s| bound(s.min_video_bandwidth)).unwrap_or(all.min),
        max: selection.and_then(|s| bound(s.max_video_bandwidth)).unwrap_or(all.max),
    };
    let recorded = channel.document.record_settings.rollingbuffer_duration.unsigned();
    let name = package.manifest_name.unwrap_or("index");
    let small = name.to_ascii_lowercase();
    let extension = [".m3u8", ".mpd"].into_iter().find(|extension| small.ends_with(extension));
    let bare = &name[..name.len() - extension.map_or(0, str::len)];
    Some(config::Endpoint {
        name: Name::parse(package.id?)?,
        ordinal: ordinal(channel, package),
        protocol,
        use_audio_rendition_groups: false,
        segment_num: 3,
        segment_duration: segment,
        part_duration: None,
        window: Some(window),
        timeshift_days: recorded.div_ceil(DAY_SECS),
        manifest_name: ManifestName::parse(bare).unwrap_or_default(),
        presentation: Presentation {
            order: order(selection.and_then(|selection| selection.stream_order)),
            bitrates,
            ..Presentation::default()
        },
        access,
    })
}

fn hls(package: &HlsPackage, channel: &OttChannel) -> Option<config::Endpoint> {
    endpoint(&package.common(), channel, Protocol::Hls)
}

fn dash(package: &DashPackage, channel: &OttChannel) -> Option<config::Endpoint> {
    let mut endpoint = endpoint(&package.common(), channel, Protocol::DashCmaf)?;
    let (segment, listed) = (endpoint.segment_duration, endpoint.dash_window());
    let asked = |value: Option<Whole<1, 120>>| value.map(|value| secs(value.unsigned()));
    let least = secs(1);
    let presentation = &mut endpoint.presentation;
    let delay = asked(package.suggested_presentation_delay);
    presentation.delay = delay.map(|delay| delay.min(listed - segment).max(least));
    presentation.min_buffer = asked(package.min_buffer_time);
    let update = asked(package.minimum_update_period);
    presentation.min_update = update.map(|update| update.min(listed - segment.times(2)).max(least));
    Some(endpoint)
}
