//! Everything readers, encoders and operators may ask for: the channels and what they share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use bytes::Bytes;

use super::channel::ChannelHandle;
use super::clock::Clock;
use super::shutdown::Shutdown;
use crate::config::{Channel, Egress, Endpoint, Limits};
use crate::http::Front;
use crate::ingest::Nonces;
use crate::observe::Metrics;
use crate::packager::{
    self, ChannelConfig, InputId, SegmentationKey, SegmentationWanted, SourceId,
};
use crate::resolve::{EndpointRules, Names, ShiftRules};
use crate::units::MediaDuration;

/// The longest stretch of the past that one list shows.
const SHIFT_LONGEST: MediaDuration = MediaDuration::from_secs(86_400);

/// What stands before HTTP where readers come and where encoders push.
#[derive(Clone, Debug, Default)]
pub struct Fronts {
    /// Readers.
    pub egress: Front,
    /// Encoders.
    pub ingest: Front,
}

/// What all parts of a server share.
#[derive(Debug)]
pub struct Origin {
    /// The clock.
    pub clock: Clock,
    /// Limits.
    pub limits: Limits,
    /// Who is believed, and which header carries codes.
    pub egress: Egress,
    /// What stands before HTTP on its listeners.
    pub fronts: Fronts,
    /// What encoders' passwords are asked for with.
    pub nonces: Nonces,
    /// Counts.
    pub metrics: Metrics,
    /// The end.
    pub shutdown: Shutdown,
    /// What `/` shows readers, where it shows anything.
    pub page: Option<Bytes>,
    channels: BTreeMap<String, BTreeMap<String, Arc<ChannelHandle>>>,
    sessions: AtomicU32,
    waiters: AtomicUsize,
}

impl Origin {
    pub(super) fn new(
        clock: Clock,
        limits: Limits,
        (egress, fronts, nonces): (Egress, Fronts, Nonces),
        page: Option<Bytes>,
        metrics: Metrics,
        channels: Vec<Arc<ChannelHandle>>,
    ) -> Self {
        let mut by_name: BTreeMap<String, BTreeMap<String, Arc<ChannelHandle>>> = BTreeMap::new();
        for channel in channels {
            by_name.entry(channel.group.clone()).or_default().insert(channel.name.clone(), channel);
        }
        Origin {
            clock,
            limits,
            egress,
            fronts,
            nonces,
            metrics,
            shutdown: Shutdown::default(),
            page,
            channels: by_name,
            sessions: AtomicU32::new(1),
            waiters: AtomicUsize::new(0),
        }
    }

    /// A channel by its names.
    #[must_use]
    pub fn channel(&self, group: &str, name: &str) -> Option<&Arc<ChannelHandle>> {
        self.channels.get(group)?.get(name)
    }

    /// All channels, by group and name.
    pub fn channels(&self) -> impl Iterator<Item = &Arc<ChannelHandle>> {
        self.channels.values().flat_map(BTreeMap::values)
    }

    /// A session number that no other source has.
    #[must_use]
    pub fn new_source(&self, input: InputId) -> SourceId {
        SourceId { input, session: self.sessions.fetch_add(1, Ordering::Relaxed) }
    }

    /// A place among those who may wait; `None` where `limits.waiters` do.
    #[must_use]
    pub fn wait_place(self: &Arc<Self>) -> Option<WaitPlace> {
        let before = self.waiters.fetch_add(1, Ordering::Relaxed);
        self.metrics.waiters.inc();
        let place = WaitPlace { origin: Arc::clone(self) };
        (before < self.limits.waiters).then_some(place)
    }
}

/// A place among those who wait; given back when dropped.
#[derive(Debug)]
pub struct WaitPlace {
    origin: Arc<Origin>,
}

impl Drop for WaitPlace {
    fn drop(&mut self) {
        self.origin.waiters.fetch_sub(1, Ordering::Relaxed);
        self.origin.metrics.waiters.dec();
    }
}

/// The rules of an endpoint, as configured.
pub(super) fn endpoint_rules(endpoint: &Endpoint, limits: &Limits) -> EndpointRules {
    EndpointRules {
        ordinal: endpoint.ordinal,
        protocol: endpoint.protocol,
        audio_groups: endpoint.use_audio_rendition_groups,
        segmentation: key_of(endpoint),
        segments: endpoint.segment_num,
        hls_window: endpoint.window.unwrap_or(MediaDuration::ZERO),
        dash_window: endpoint.dash_window(),
        manifest_name: endpoint.manifest_name.to_string(),
        presentation: endpoint.presentation,
        beyond_memory: endpoint.lists_beyond(limits.memory_window),
        shift: (endpoint.timeshift_days > 0).then(|| ShiftRules {
            kept: i64::from(endpoint.timeshift_days) * 86_400_000,
            longest: SHIFT_LONGEST.floor_millis(),
        }),
        shift_names: Names::default(),
        access: endpoint.access.clone(),
        folder: EndpointRules::folder(endpoint.ordinal),
    }
}

/// How far back an endpoint can be asked for, or its lists reach beyond memory. What has left a list
/// can be asked for as long again.
pub(super) fn kept(endpoint: &Endpoint, limits: &Limits) -> MediaDuration {
    let shift = MediaDuration::from_secs(i64::from(endpoint.timeshift_days) * 86_400);
    let lists = endpoint.hls_window().max(endpoint.dash_window()).times(2);
    let lists = Some(lists).filter(|_| endpoint.lists_beyond(limits.memory_window));
    shift.max(lists.unwrap_or(MediaDuration::ZERO))
}

fn key_of(endpoint: &Endpoint) -> SegmentationKey {
    let ms = |d: MediaDuration| u32::try_from(d.floor_millis()).unwrap_or(u32::MAX);
    SegmentationKey {
        segment_ms: ms(endpoint.segment_duration),
        part_ms: endpoint.part_duration.map(ms),
    }
}

/// The segmentation whose cuts parts are filled from: that of Low-Latency HLS, where parts may be
/// short at the end of a segment only (rfc8216bis §4.4.4.9), else the shortest that has parts.
fn leads_parts(channel: &Channel) -> Option<SegmentationKey> {
    let parted = channel.endpoints.iter().filter(|e| e.part_duration.is_some());
    let first = parted.min_by_key(|e| (!e.protocol.low_latency(), key_of(e)));
    first.map(key_of)
}

/// What the core is told of a channel: one segmentation for each distinct value among its endpoints.
pub(super) fn channel_config(channel: &Channel, limits: &Limits) -> ChannelConfig {
    let mut wanted: BTreeMap<SegmentationKey, SegmentationWanted> = BTreeMap::new();
    let leads = leads_parts(channel);
    for endpoint in &channel.endpoints {
        let key = key_of(endpoint);
        let entry = wanted.entry(key).or_insert(SegmentationWanted {
            key,
            segments: 0,
            window: MediaDuration::ZERO,
            leads_parts: leads == Some(key),
            nominal: false,
            muxed: false,
        });
        entry.nominal |= endpoint.protocol.has_dash() && key.part_ms.is_some();
        entry.muxed |= endpoint_rules(endpoint, limits).muxed();
        let has = |yes: bool, window: MediaDuration| if yes { window } else { MediaDuration::ZERO };
        if endpoint.protocol.has_hls() {
            let fit = limits.memory_window.div_floor(endpoint.segment_duration);
            let fit = u32::try_from(fit).unwrap_or(u32::MAX);
            entry.segments = entry.segments.max(endpoint.segment_num.min(fit));
        }
        let window = entry
            .window
            .max(has(endpoint.protocol.has_hls(), endpoint.window.unwrap_or(MediaDuration::ZERO)))
            .max(has(endpoint.protocol.has_dash(), endpoint.dash_window()));
        // The rest is listed from the archive.
        entry.window = window.min(limits.memory_window);
    }
    ChannelConfig {
        segmentations: wanted.into_values().collect(),
        input_loss: MediaDuration::from_std(limits.input_loss),
        slate: channel.slate.is_some(),
        limits: packager::Limits {
            tracks: limits.tracks,
            periods: limits.periods,
            pending_bytes: limits.pending_bytes,
            channel_bytes: limits.channel_bytes as u64,
        },
    }
}
