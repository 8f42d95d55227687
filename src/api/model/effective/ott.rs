//! OTT channels, as the configuration file would say them, with the URLs of their packages.

use std::time::Duration;

use super::ice::order;
use super::{Desired, OTT_GROUP, secs};
use crate::api::model::ott::{
    Common, DashPackage, HlsPackage, Input, InputProtocol, Label, Mode, OttChannel, Preference,
    RequestArgs, Source, State, StreamSelection,
};
use crate::api::model::value::Whole;
use crate::config::{self, Failover, ManifestName, Name, Pull, PullSource, PullUrl};
use crate::manifest::{Presentation, VideoBitrates};
use crate::resolve::{
    AccessRules, DelayName, IpList, Names, Protocol, Published, RecordNames, Secret, Selection,
    TimeForm,
};
use crate::units::Bitrate;

/// Places of a source that are read; more are kept and shown.
const PLACES_MAX: usize = 8;
/// The least silence that counts as a loss, milliseconds.
const LOSS_MIN_MS: u64 = 100;

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
        whitelists: whitelists(&channel.document.input),
        pulls: pulls(&channel.document.input),
        failover: failover(&channel.document.input),
        endpoints: Vec::new(),
    };
    pushes(channel, &own, desired);
    for item in &channel.document.endpoints {
        for package in &item.hls_package {
            own.endpoints.extend(hls(package, channel));
        }
        for package in &item.dash_package {
            own.endpoints.extend(dash(package, channel));
        }
    }
    own.endpoints.sort_by_key(|endpoint| endpoint.ordinal);
    desired.channels.push(own);
}

/// The least EXT-X-VERSION that playlists say.
fn version(package: &HlsPackage) -> u32 {
    let version = package.hls_version.as_deref().and_then(|version| version.trim().parse().ok());
    version.unwrap_or(Presentation::DEFAULT.hls_version)
}

/// From where encoders may come.
fn whitelists(input: &Input) -> [IpList; 2] {
    let list = input.ip_whitelist.as_ref().map(|list| list.list().clone());
    let list = list.unwrap_or_default();
    [list.clone(), list]
}

/// Thresholds below the least there can be are that: a frame in time is no silence.
fn failover(input: &Input) -> Failover {
    let Some(conditions) = &input.failover_conditions else { return Failover::default() };
    let millis = u64::from(conditions.input_loss_threshold_msec.unsigned()).max(LOSS_MIN_MS);
    Failover {
        loss: Some(Duration::from_millis(millis)),
        prefers_main: conditions.input_preference == Preference::Primary,
    }
}

/// Each source is a rung, or all of a playlist's.
fn pulls(input: &Input) -> [Option<Pull>; 2] {
    if input.input_protocol != InputProtocol::HlsPull {
        return [None, None];
    }
    let most = input.max_bandwidth_limit.filter(|most| most.get() > 0);
    let max_bitrate = most.map(|most| Bitrate(most.get().unsigned_abs()));
    let source = |source: &Source| {
        let backups = source.backup_urls.iter().flatten();
        let urls = source.url.iter().chain(backups).take(PLACES_MAX);
        let urls: Vec<_> = urls.filter_map(|url| PullUrl::parse(url.as_str())).collect();
        let rate = source.bitrate.filter(|_| source.bitrate_for3u8 == Some(true));
        let bitrate = rate.map(|rate| Bitrate(u64::from(rate.unsigned())));
        (!urls.is_empty()).then_some(PullSource { urls, bitrate, max_bitrate })
    };
    let all = |sources: &[Source]| Pull::new(sources.iter().filter_map(source).collect());
    [all(&input.sources), all(input.secondary_sources.as_deref().unwrap_or_default())]
}

fn pushes(channel: &OttChannel, own: &config::Channel, desired: &mut Desired) {
    let document = &channel.document;
    if document.input.input_protocol != InputProtocol::RtmpPush {
        return;
    }
    for source in &document.input.sources {
        let (id, rung) = (document.id.as_str(), source.bitrate.map(|b| b.get().to_string()));
        desired.pushes.push(Push {
            domain: document.domain.as_str().to_owned(),
            app: document.app_name.as_str().to_owned(),
            stream: rung.as_ref().map_or(id.to_owned(), |rung| format!("{id}_{rung}")),
            group: own.group.clone(),
            channel: own.name.clone(),
            rung,
        });
    }
}

fn ordinal(channel: &OttChannel, package: &Common<'_>) -> u32 {
    package.id.and_then(|id| channel.ordinals.get(id)).copied().unwrap_or(0)
}

/// Who may read. The header is a CDN's, whoever may come beside it.
fn access(channel: &OttChannel, package: &Common<'_>) -> AccessRules {
    let rules = match package.ip_whitelist {
        _ if channel.document.mode == Mode::AddCdn => AccessRules::open(),
        _ if !package.enable_access => return AccessRules::closed(),
        _ if package.allow_all_ip_access => AccessRules::open(),
        None => return AccessRules::closed(),
        Some(list) => AccessRules::guarded(IpList::default(), list.list().clone(), None),
    };
    let Some(header) = package.cdn_identifier_header else { return rules };
    match Secret::new(header.value.as_str()) {
        Ok(value) => rules.with_identifier(header.key.as_str().to_ascii_lowercase(), value),
        // Packages with such a header do not fit.
        Err(_) => AccessRules::closed(),
    }
}

/// Where a package's manifest stands: on the host of its URL, whatever the port.
fn published(package: &Common<'_>) -> Vec<Published> {
    let urls = [package.url, package.slave_url].into_iter().flatten();
    let mut places: Vec<Published> = urls.map(|url| url.published().clone()).collect();
    places.dedup();
    places
}

/// The names of a package's parameters; of each list the first, as players know one.
fn names(arguments: Option<&RequestArgs>) -> Names {
    let Some(arguments) = arguments else { return Names::default() };
    let said = |label: &Option<Label>| label.as_ref().map(|label| label.as_str().to_owned());
    let millis = |unit: &Option<Label>| {
        unit.as_ref().is_some_and(|unit| unit.as_str().eq_ignore_ascii_case("millisecond"))
    };
    let record = arguments.record.iter().flatten().find_map(|args| {
        let iso = args.format.as_ref().is_some_and(|f| f.as_str().eq_ignore_ascii_case("iso8601"));
        let form = match (iso, millis(&args.unit)) {
            (true, _) => TimeForm::Iso8601,
            (false, true) => TimeForm::Millis,
            (false, false) => TimeForm::Seconds,
        };
        Some(RecordNames { start: said(&args.start_time)?, end: said(&args.end_time)?, form })
    });
    let timeshift = arguments.timeshift.iter().flatten().find_map(|args| {
        Some(DelayName { name: said(&args.back_time)?, millis: millis(&args.unit) })
    });
    let live =
        arguments.live.iter().flatten().find_map(|args| {
            Some(DelayName { name: said(&args.delay)?, millis: millis(&args.unit) })
        });
    Names { record, live, timeshift }
}

/// What players get whose query holds a key: of what all get the rungs within its bounds.
fn selections(items: &[StreamSelection], all: VideoBitrates) -> Vec<Selection> {
    let bound =
        |bits: Option<Whole<0, 104_857_600>>| bits.map(|b| Bitrate(u64::from(b.unsigned())));
    let selection = |item: &StreamSelection| {
        let bitrates = VideoBitrates {
            min: bound(item.min_bandwidth).unwrap_or(all.min).max(all.min),
            max: bound(item.max_bandwidth).unwrap_or(all.max).min(all.max),
        };
        Some(Selection { key: item.key.as_ref()?.as_str().to_owned(), bitrates })
    };
    items.iter().filter_map(selection).collect()
}

/// An endpoint of a package, as far as HLS and DASH have it in common.
fn endpoint(
    package: &Common<'_>,
    channel: &OttChannel,
    protocol: Protocol,
) -> Option<config::Endpoint> {
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
    Some(config::Endpoint {
        name: Name::parse(package.id?)?,
        ordinal: ordinal(channel, package),
        protocol,
        use_audio_rendition_groups: false,
        segment_num: 3,
        segment_duration: segment,
        part_duration: None,
        window: Some(window),
        timeshift: secs(recorded),
        manifest_name: ManifestName::parse(name).unwrap_or_default(),
        presentation: Presentation {
            order: order(selection.and_then(|selection| selection.stream_order)),
            bitrates,
            ..Presentation::default()
        },
        shift_names: names(package.request_args),
        selections: selections(package.stream_selection, bitrates),
        published: published(package),
        encrypted: package.encryption.is_some(),
        access: access(channel, package),
    })
}

fn hls(package: &HlsPackage, channel: &OttChannel) -> Option<config::Endpoint> {
    let mut endpoint = endpoint(&package.common(), channel, Protocol::Hls)?;
    endpoint.presentation.hls_version = version(package);
    Some(endpoint)
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
