//! The lists that a made-up channel is asked for.

use std::collections::BTreeMap;

use super::channel::LIMITS;
use crate::packager::{ChannelConfig, SegmentationKey, SegmentationWanted, Served};
use crate::units::MediaDuration;

/// Of Low-Latency HLS, of HLS and DASH, and of low-latency DASH.
const KEYS: [SegmentationKey; 3] = [
    SegmentationKey::new(1000, Some(500)),
    SegmentationKey::new(2000, None),
    SegmentationKey::new(2000, Some(400)),
];

/// All three lists.
pub(super) fn config(slate: bool) -> ChannelConfig {
    let endpoints = (1..).zip(KEYS).map(|(ordinal, key)| (ordinal, served(key))).collect();
    of(endpoints, &[1, 2, 3], slate)
}

/// Other lists by the bits of a byte: which endpoints there are, and whether the second has other
/// durations than before.
pub(super) fn wish(byte: u8, before: &ChannelConfig) -> ChannelConfig {
    let mut endpoints = before.endpoints.clone();
    let there = [1, 2, 3].into_iter().filter(|ordinal| byte >> ordinal & 1 != 0);
    let mut there: Vec<u32> = there.collect();
    if there.is_empty() {
        there.push(2);
    }
    if let Some(second) = endpoints.get_mut(&2).filter(|_| byte & 1 != 0) {
        let (segment_ms, part_ms) = [(1000, None), (2000, None), (4000, None), (1000, Some(500))]
            [usize::from(byte >> 4 & 3)];
        let series = second.key.series.wrapping_add(1);
        second.key = SegmentationKey { series, ..SegmentationKey::new(segment_ms, part_ms) };
    }
    of(endpoints, &there, before.slate)
}

fn served(key: SegmentationKey) -> Served {
    Served { name: key.to_string(), key, generation: 0, muxed: None, packets: None }
}

fn of(endpoints: BTreeMap<u32, Served>, there: &[u32], slate: bool) -> ChannelConfig {
    let keys = there.iter().filter_map(|ordinal| endpoints.get(ordinal)).map(|served| served.key);
    let wanted = |key: SegmentationKey| SegmentationWanted {
        key,
        segments: 4,
        window: MediaDuration::ZERO,
        leads_parts: key == KEYS[0],
        nominal: key == KEYS[2],
        muxed: key == KEYS[0],
    };
    ChannelConfig {
        segmentations: keys.map(wanted).collect(),
        endpoints,
        input_loss: MediaDuration::from_secs(2),
        prefers_main: false,
        slate,
        limits: LIMITS,
    }
}
