//! Channels of groups, as the configuration file would say them.

use super::{Desired, secs};
use crate::api::model::endpoint::{Endpoint, ManifestConfig, Order, OutputProtocol};
use crate::api::model::group::{Channel, Input};
use crate::api::model::value::{Addresses, Whole};
use crate::config::{self, Credentials, Failover, Limits, days};
use crate::manifest::{Dates, Presentation, StreamOrder, VideoBitrates};
use crate::resolve::{AccessRules, IpList, Names, Protocol, Secret};
use crate::units::{Bitrate, MediaDuration};

/// Seconds that an MPD lists by default.
const DASH_WINDOW_SECS: u32 = 60;
/// Longest segment of Low-Latency HLS, and longest that parts are counted by.
const LOW_LATENCY_SECS: u32 = 2;

pub(super) fn run(channel: &Channel, own: &[&Endpoint], limits: &Limits, desired: &mut Desired) {
    let (group, name) = (channel.key.group.clone(), channel.key.channel.clone());
    desired.channels.push(config::Channel {
        group,
        name,
        loop_file: None,
        slate: None,
        inputs: channel.inputs.each_ref().map(credentials),
        whitelists: [IpList::default(), IpList::default()],
        pulls: [None, None],
        failover: Failover::default(),
        endpoints: endpoints(channel, own, limits),
    });
}

fn credentials(input: &Input) -> Option<Credentials> {
    let password = Secret::new(&input.password).ok()?;
    Some(Credentials { user: input.user.clone(), password })
}

/// The endpoints that serve, in the order they are given. The first that has parts says which parts
/// the channel has: of the others those that ask for different ones have none.
pub(super) fn endpoints(
    channel: &Channel,
    endpoints: &[&Endpoint],
    limits: &Limits,
) -> Vec<config::Endpoint> {
    let mut grid = Grid::default();
    let made = endpoints.iter().map(|endpoint| make(channel, endpoint, &mut grid, limits));
    made.collect()
}

/// The parts of a channel.
#[derive(Default)]
struct Grid {
    part: Option<MediaDuration>,
    leading_segment: Option<u32>,
}

impl Grid {
    /// The part duration of an endpoint that asks for one, where it can have it.
    fn admit(&mut self, part_ms: u32, segment: u32, leads: bool) -> Option<MediaDuration> {
        let part = MediaDuration::from_millis(i64::from(part_ms));
        let longest = segment.min(LOW_LATENCY_SECS) * 500;
        let fits = part_ms <= longest && (!leads || segment <= LOW_LATENCY_SECS);
        let same_part = self.part.is_none_or(|other| other == part);
        let same_segment = !leads || self.leading_segment.is_none_or(|other| other == segment);
        if !(fits && same_part && same_segment) {
            return None;
        }
        self.part = Some(part);
        if leads {
            self.leading_segment = Some(segment);
        }
        Some(part)
    }
}

fn make(
    channel: &Channel,
    endpoint: &Endpoint,
    grid: &mut Grid,
    limits: &Limits,
) -> config::Endpoint {
    let settings = &endpoint.settings;
    let packaging = settings.packaging.clone().unwrap_or_default();
    let manifest = packaging.manifest();
    let seconds =
        packaging.segment_duration.unwrap_or(channel.settings.segment_duration).unsigned();
    let count = manifest.segment_count.unwrap_or(channel.settings.segment_count).unsigned();
    let dash = settings.protocol == OutputProtocol::Dash;
    let window = dash.then(|| {
        let asked = manifest.manifest_duration.map_or(DASH_WINDOW_SECS, Whole::unsigned);
        secs(asked.max(3 * seconds))
    });
    // An MPD with parts reaches no further than memory.
    let reaches = window.is_none_or(|window| window <= limits.memory_window);
    let part_ms = packaging.part_duration_ms.map(Whole::unsigned).filter(|_| reaches);
    let part = part_ms.and_then(|part_ms| grid.admit(part_ms, seconds, !dash));
    let protocol = match (settings.protocol, part.is_some()) {
        (OutputProtocol::Dash, _) => Protocol::DashCmaf,
        (OutputProtocol::Hls, false) => Protocol::Hls,
        (OutputProtocol::Hls, true) => Protocol::LlHlsTs,
        (OutputProtocol::HlsCmaf, false) => Protocol::HlsCmaf,
        (OutputProtocol::HlsCmaf, true) => Protocol::LlHlsCmaf,
    };
    config::Endpoint {
        name: endpoint.key.endpoint.clone(),
        ordinal: endpoint.ordinal,
        protocol,
        use_audio_rendition_groups: packaging.use_audio_rendition_groups.unwrap_or(false),
        segment_num: count,
        segment_duration: secs(seconds),
        part_duration: part,
        window,
        timeshift: days(settings.timeshift_days.unsigned()),
        manifest_name: settings.manifest_name.clone(),
        presentation: presentation(&manifest, seconds, count, window, part.is_some()),
        shift_names: Names::default(),
        selections: Vec::new(),
        published: Vec::new(),
        encrypted: packaging.encrypts(),
        access: access(endpoint),
    }
}

/// What manifests say; where what was asked for leaves nothing to play, the nearest that does.
fn presentation(
    manifest: &ManifestConfig,
    segment: u32,
    count: u32,
    window: Option<MediaDuration>,
    parts: bool,
) -> Presentation {
    let segments = |n: i64| secs(segment).times(n);
    let asked = |value: Option<u32>| value.map(secs);
    let plain_dash = window.is_some() && !parts;
    let or = |value: Option<MediaDuration>, n: i64| value.or(plain_dash.then(|| segments(n)));
    let listed = window.unwrap_or_else(|| segments(i64::from(count.max(3))));
    let least = secs(1);
    // What is for MPDs says nothing of playlists.
    let of_dash = |value: Option<u32>| asked(value.filter(|_| window.is_some()));
    let update = or(of_dash(manifest.min_update_period.map(Whole::unsigned)), 2);
    let delay = or(of_dash(manifest.presentation_delay.map(Whole::unsigned)), 3);
    Presentation {
        order: order(manifest.stream_order),
        bitrates: VideoBitrates {
            min: manifest.min_video_bitrate.map_or(VideoBitrates::ALL.min, bitrate),
            max: manifest.max_video_bitrate.map_or(VideoBitrates::ALL.max, bitrate),
        },
        dates: asked(manifest.date_time_interval.map(Whole::unsigned))
            .map_or(Dates::None, Dates::FirstOf),
        delay: delay.map(|delay| delay.min(listed - segments(1)).max(least)),
        part_hold_back: manifest.part_hold_back_ms.map(|asked| {
            let asked = MediaDuration::from_millis(i64::from(asked.unsigned()));
            asked.min(listed - segments(1))
        }),
        min_buffer: or(of_dash(manifest.min_buffer_time.map(Whole::unsigned)), 2),
        min_update: update.map(|update| update.min(listed - segments(2)).max(least)),
        ..Presentation::default()
    }
}

fn bitrate(bits: Whole<1, { i64::MAX }>) -> Bitrate {
    Bitrate(bits.get().unsigned_abs())
}

pub(super) fn order(order: Option<Order>) -> StreamOrder {
    match order {
        None | Some(Order::Original) => StreamOrder::Original,
        Some(Order::VideoBitrateAscending) => StreamOrder::Ascending,
        Some(Order::VideoBitrateDescending) => StreamOrder::Descending,
    }
}

fn access(endpoint: &Endpoint) -> AccessRules {
    let controls = endpoint.settings.guard.controls();
    let list = |addresses: &Option<Addresses>| {
        addresses.as_ref().map_or_else(IpList::default, |addresses| addresses.list().clone())
    };
    let code = controls.code.as_ref().and_then(|code| Secret::new(code.as_str()).ok());
    AccessRules::guarded(list(&controls.blacklist), list(&controls.whitelist), code)
}
