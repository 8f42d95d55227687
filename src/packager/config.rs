//! How a channel packages: the lists that its endpoints ask for, and its bounds.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::units::MediaDuration;

/// What distinguishes one list of segments from another: the asked duration and the part grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SegmentationKey {
    /// Asked segment duration in milliseconds.
    pub segment_ms: u32,
    /// Asked part duration in milliseconds, on a low-latency segmentation.
    pub part_ms: Option<u32>,
    /// Which of those of these durations: one that goes on from lists of other durations has numbers
    /// of its own. 0 is that whose numbers are slots of time.
    #[serde(default, skip_serializing_if = "is_first")]
    pub series: u16,
}

// serde hands a reference over.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_first(series: &u16) -> bool {
    *series == 0
}

impl SegmentationKey {
    /// The first of these durations.
    #[must_use]
    pub const fn new(segment_ms: u32, part_ms: Option<u32>) -> Self {
        SegmentationKey { segment_ms, part_ms, series: 0 }
    }

    /// As two numbers, for records of fixed width: parts are shorter than 2^16 ms.
    #[must_use]
    pub fn to_numbers(self) -> (u32, u32) {
        (self.segment_ms, self.part_ms.unwrap_or(0) & 0xffff | u32::from(self.series) << 16)
    }

    /// The key of such numbers.
    #[must_use]
    pub fn from_numbers(segment_ms: u32, rest: u32) -> Self {
        let part_ms = Some(rest & 0xffff).filter(|ms| *ms > 0);
        SegmentationKey { segment_ms, part_ms, series: (rest >> 16) as u16 }
    }

    /// Whether segments and parts are asked to be as long.
    #[must_use]
    pub fn is_as_long_as(self, other: Self) -> bool {
        (self.segment_ms, self.part_ms) == (other.segment_ms, other.part_ms)
    }

    /// The asked segment duration.
    #[must_use]
    pub fn segment_duration(self) -> MediaDuration {
        MediaDuration::from_millis(i64::from(self.segment_ms))
    }
}

impl fmt::Display for SegmentationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ms", self.segment_ms)?;
        if let Some(part) = self.part_ms {
            write!(f, "/{part}ms")?;
        }
        if self.series > 0 {
            write!(f, "+{}", self.series)?;
        }
        Ok(())
    }
}

/// A segmentation that endpoints ask for, with the longest list any of them shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentationWanted {
    /// Which.
    pub key: SegmentationKey,
    /// The most segments an endpoint lists.
    pub segments: u32,
    /// The longest window an endpoint lists.
    pub window: MediaDuration,
    /// Whether parts are filled from each of its cuts; at most one of a channel's does.
    pub leads_parts: bool,
    /// Whether an MPD lists it by number alone while the source keeps its cadence.
    pub nominal: bool,
    /// Whether an endpoint lists video together with its default audio.
    pub muxed: bool,
}

/// What an endpoint serves under its URLs, remembered for as long as they may come again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Served {
    /// The endpoint's name.
    pub name: String,
    /// The segmentation its lists are of.
    pub key: SegmentationKey,
    /// How often its objects' folder has got another name, as bytes would have differed under one.
    pub generation: u32,
    /// Of transport streams, whether lists of video carry audio; `None` where it has served none.
    pub muxed: Option<bool>,
    /// Whether its lists are of transport streams; `None` where an older version did not say.
    #[serde(default)]
    pub packets: Option<bool>,
}

/// How a channel packages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelConfig {
    /// Distinct by key; at least one; at most one part duration among them.
    pub segmentations: Vec<SegmentationWanted>,
    /// What endpoints serve, by ordinal; of those there were too. A segmentation that is new to a
    /// channel goes on from the one that its endpoint was served from before.
    pub endpoints: BTreeMap<u32, Served>,
    /// Silence after which an input counts as lost.
    pub input_loss: MediaDuration,
    /// Whether input 1 is gone back to when it delivers again.
    pub prefers_main: bool,
    /// Whether there is a slate to play while all inputs are silent.
    pub slate: bool,
    /// Bounds.
    pub limits: Limits,
}

impl ChannelConfig {
    /// How far behind the newest media segments can be asked for at most: as long as the longest list
    /// once more, and a reserve for segments that come out longer than asked.
    #[must_use]
    pub fn kept(&self) -> MediaDuration {
        let list = |wanted: &SegmentationWanted| {
            let segments = i64::from(wanted.segments.max(3) + 1);
            wanted.window.max(wanted.key.segment_duration().times(segments * 2))
        };
        let longest = self.segmentations.iter().map(list).max();
        longest.unwrap_or(MediaDuration::ZERO).times(2) + MediaDuration::from_secs(60)
    }

    /// What must be in memory of the lists of a life before this one: lists have parts in their last three
    /// target durations (draft-pantos-hls-rfc8216bis §4.4.4.9), and a transport stream is made with
    /// the segment before it.
    #[must_use]
    pub fn live_edge(&self) -> MediaDuration {
        let longest = self.segmentations.iter().map(|wanted| wanted.key.segment_duration()).max();
        longest.unwrap_or(MediaDuration::ZERO).times(6)
    }
}

/// Bounds of one channel (invariant 19).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Tracks at once.
    pub tracks: usize,
    /// Periods in a window; the oldest fall out with their segments.
    pub periods: usize,
    /// Bytes of media waiting for a cut.
    pub pending_bytes: usize,
    /// Bytes of media kept in memory.
    pub channel_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { tracks: 32, periods: 64, pending_bytes: 64 << 20, channel_bytes: 1 << 30 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_two_numbers_and_back() {
        let second = SegmentationKey { series: 7, ..SegmentationKey::new(30_000, Some(1000)) };
        for key in [second, SegmentationKey::new(1000, None), SegmentationKey::new(2000, Some(500))]
        {
            let (segment_ms, rest) = key.to_numbers();
            assert_eq!(SegmentationKey::from_numbers(segment_ms, rest), key);
        }
        assert_eq!(SegmentationKey::new(2000, Some(500)).to_numbers(), (2000, 500));
        assert_eq!(second.to_string(), "30000ms/1000ms+7");
    }
}
