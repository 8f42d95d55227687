//! One track of a watch.

use std::collections::VecDeque;

use super::super::cadence::exact_frame;
use super::super::contract::{LeftOut, Report};
use crate::media::{MediaKind, Sample, TrackInfo};
use crate::units::{Bitrate, MediaDuration, MediaTime};

/// Sync samples remembered over a change of settings: more than a rhythm is found from.
const EARLIER_MAX: usize = 16;

/// One track's media so far.
#[derive(Debug)]
pub(in crate::packager) struct Watched {
    pub(in crate::packager) info: TrackInfo,
    pub(in crate::packager) samples: VecDeque<Sample>,
    /// Sync samples that had other settings: no run begins there, but the rhythm shows in them.
    pub(super) earlier: Vec<MediaTime>,
}

impl Watched {
    pub(super) fn time(&self, ticks: i64) -> MediaTime {
        MediaTime::new(ticks, self.info.timescale)
    }

    pub(super) fn syncs(&self) -> Vec<MediaTime> {
        self.samples.iter().filter(|s| s.sync).map(|s| self.time(s.pts)).collect()
    }

    pub(super) fn earlier_and_syncs(&self) -> Vec<MediaTime> {
        self.earlier.iter().copied().chain(self.syncs()).collect()
    }

    /// What is left of a track when its settings change.
    pub(super) fn outlived_by(self, info: &TrackInfo) -> Vec<MediaTime> {
        if self.info.codec.frame_duration() != info.codec.frame_duration() {
            return Vec::new();
        }
        let mut syncs = self.earlier_and_syncs();
        syncs.drain(..syncs.len().saturating_sub(EARLIER_MAX));
        syncs
    }

    pub(in crate::packager) fn newest(&self) -> Option<MediaTime> {
        self.samples.back().map(|s| self.time(s.pts))
    }

    /// The rate of what is held back, where that is a second at least.
    pub(in crate::packager) fn rate(&self) -> Option<Bitrate> {
        let (first, last) = (self.samples.front()?, self.samples.back()?);
        let span = self.time(last.dts) - self.time(first.dts);
        let bytes: u64 = self.samples.iter().map(|s| s.data.len() as u64).sum();
        // The last sample lasts beyond the span.
        let rate = Bitrate::of(bytes - last.data.len() as u64, span);
        (span >= MediaDuration::from_secs(1)).then_some(rate)
    }

    /// What is to be said of a rung that a run begins without; audio says so itself.
    pub(in crate::packager) fn left_out(&self) -> Option<Report> {
        let kind = self.info.kind();
        if kind == MediaKind::Audio {
            return None;
        }
        let has_sync = self.samples.iter().any(|s| s.sync);
        let why = if has_sync { LeftOut::Misaligned } else { LeftOut::Late };
        let variant = self.info.variant.as_str();
        let track = if variant.is_empty() { kind.to_string() } else { format!("{kind}-{variant}") };
        Some(Report::TrackLeftOut { track, why })
    }

    /// The nominal frame: exact where the codec or the timestamps allow it.
    pub(in crate::packager) fn frame(&self) -> MediaDuration {
        let told = self.info.codec.frame_duration();
        if let (MediaKind::Audio, Some(told)) = (self.info.kind(), told) {
            return told;
        }
        let count = i64::try_from(self.samples.len()).unwrap_or(i64::MAX);
        let (Some(first), Some(last)) = (self.samples.front(), self.samples.back()) else {
            return told.unwrap_or(MediaDuration::from_millis(40));
        };
        if count < 8 {
            return told.unwrap_or(MediaDuration::from_millis(40));
        }
        let span = self.time(last.dts) - self.time(first.dts);
        let intervals = u32::try_from(count - 1).ok().and_then(std::num::NonZeroU32::new);
        intervals.map_or(span, |n| exact_frame(told, span.divided_by(n)))
    }
}
