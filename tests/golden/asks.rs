//! What endpoints are asked to be, and what a channel is told then.

use std::collections::BTreeMap;

use headwater::manifest::Presentation;
use headwater::packager::{ChannelConfig, Limits, SegmentationKey, SegmentationWanted};
use headwater::resolve::{AccessRules, EndpointRules, GENERATION, Names, Protocol};
use headwater::units::MediaDuration;

/// What an endpoint is asked to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask {
    pub(crate) protocol: Protocol,
    pub(crate) segment_ms: u32,
    pub(crate) part_ms: Option<u32>,
    pub(crate) segments: u32,
    pub(crate) dash_window_s: i64,
    pub(crate) presentation: Presentation,
}

impl Ask {
    pub(crate) fn key(&self) -> SegmentationKey {
        SegmentationKey::new(self.segment_ms, self.part_ms)
    }

    fn hls_window(&self) -> MediaDuration {
        self.key().segment_duration().times(i64::from(self.segments))
    }

    pub(crate) fn rules(&self, ordinal: u32) -> EndpointRules {
        EndpointRules {
            id: 0,
            ordinal,
            protocol: self.protocol,
            audio_groups: false,
            segmentation: self.key(),
            segments: self.segments,
            hls_window: self.hls_window(),
            dash_window: MediaDuration::from_secs(self.dash_window_s),
            manifest_name: "manifest".to_owned(),
            presentation: self.presentation,
            beyond_memory: false,
            shift: None,
            shift_names: Names::default(),
            access: AccessRules::open(),
            encrypted: false,
            leaving: false,
            generation: GENERATION,
            folder: EndpointRules::folder(ordinal, GENERATION),
            published: Vec::new(),
            selected: None,
        }
    }
}

/// What a channel is told whose endpoints are asked to be these.
pub(crate) fn channel_config(asks: &[Ask]) -> ChannelConfig {
    let mut segmentations: Vec<SegmentationWanted> = Vec::new();
    let parted = asks.iter().filter(|ask| ask.part_ms.is_some());
    let leads = parted.min_by_key(|ask| (!ask.protocol.low_latency(), ask.key())).map(Ask::key);
    for ask in asks {
        let dash = MediaDuration::from_secs(ask.dash_window_s);
        let window =
            if ask.protocol.has_dash() { dash.max(ask.hls_window()) } else { ask.hls_window() };
        let muxed = ask.rules(1).muxed();
        match segmentations.iter_mut().find(|wanted| wanted.key == ask.key()) {
            Some(wanted) => {
                wanted.segments = wanted.segments.max(ask.segments);
                wanted.window = wanted.window.max(window);
                wanted.muxed |= muxed;
            }
            None => segmentations.push(SegmentationWanted {
                key: ask.key(),
                segments: ask.segments,
                window,
                leads_parts: leads == Some(ask.key()),
                nominal: false,
                muxed,
            }),
        }
    }
    for wanted in &mut segmentations {
        let counts = |ask: &&Ask| ask.protocol.has_dash() && ask.part_ms.is_some();
        wanted.nominal = asks.iter().filter(counts).any(|ask| ask.key() == wanted.key);
    }
    let input_loss = MediaDuration::from_secs(2);
    let endpoints = BTreeMap::new();
    ChannelConfig {
        segmentations,
        endpoints,
        input_loss,
        prefers_main: false,
        slate: false,
        limits: Limits::default(),
    }
}
