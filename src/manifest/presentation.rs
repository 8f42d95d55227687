//! How an endpoint presents what a channel has: which rungs and in which order, how often the date
//! stands in a playlist, and what players are told of delay, buffer and updates.
//!
//! Rungs are judged by what they measured when their Period began, so that the set and its order
//! hold for the whole Period (DASH-IF timing model, MPD updates).

use crate::media::MediaKind;
use crate::packager::{Period, PeriodTrack, RenditionId};
use crate::units::{Bitrate, MediaDuration};

/// Part of a bound by which a measured rate may lie beyond it and count as within: a tenth.
/// Encoders keep the rate they were told within less, and rungs lie much farther apart.
const TOLERANCE: u64 = 10;

/// In which order manifests have the rungs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StreamOrder {
    /// As the source brings them: the picture with most lines first.
    #[default]
    Original,
    /// The lowest rate first.
    Ascending,
    /// The highest rate first.
    Descending,
}

impl StreamOrder {
    /// Every order.
    pub const ALL: [StreamOrder; 3] =
        [StreamOrder::Original, StreamOrder::Ascending, StreamOrder::Descending];

    /// Its name in configuration and in the control plane.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            StreamOrder::Original => "ORIGINAL",
            StreamOrder::Ascending => "VIDEO_BITRATE_ASCENDING",
            StreamOrder::Descending => "VIDEO_BITRATE_DESCENDING",
        }
    }
}

/// The rungs an endpoint shows, by their rate; the bounds are included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VideoBitrates {
    /// The least.
    pub min: Bitrate,
    /// The most.
    pub max: Bitrate,
}

impl VideoBitrates {
    /// Every rung.
    pub const ALL: VideoBitrates = VideoBitrates { min: Bitrate(0), max: Bitrate(u64::MAX) };

    /// How far a rate lies beyond the bounds, in thousandths of the bound; nothing for one within,
    /// and for one that was not measured.
    fn beyond(self, rate: Bitrate) -> u64 {
        let (min, max) = (self.min.0 - self.min.0 / TOLERANCE, self.max.0);
        let max = max.saturating_add(max / TOLERANCE);
        let excess = |over: u64, bound: u64| {
            let thousandths = u128::from(over) * 1000 / u128::from(bound.max(1));
            u64::try_from(thousandths).unwrap_or(u64::MAX).max(1)
        };
        match rate.0 {
            0 => 0,
            rate if rate < min => excess(min - rate, rate),
            rate if rate > max => excess(rate - max, max),
            _ => 0,
        }
    }
}

/// Which segments of a playlist carry EXT-X-PROGRAM-DATE-TIME.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dates {
    /// Each.
    All,
    /// In each stretch of this length, counted from 1970, the first; and the first of a list and of a
    /// Period.
    FirstOf(MediaDuration),
    /// None, but in low-latency playlists, whose players tell by it how far behind they are.
    None,
}

/// What of an endpoint's manifests its operator may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presentation {
    /// The order of the rungs.
    pub order: StreamOrder,
    /// Which rungs are shown.
    pub bitrates: VideoBitrates,
    /// Which segments carry EXT-X-PROGRAM-DATE-TIME.
    pub dates: Dates,
    /// How far behind the live edge players are asked to play: suggestedPresentationDelay, and
    /// HOLD-BACK where it is at least three target durations.
    pub delay: Option<MediaDuration>,
    /// PART-HOLD-BACK, where it is more than three part targets.
    pub part_hold_back: Option<MediaDuration>,
    /// minBufferTime.
    pub min_buffer: Option<MediaDuration>,
    /// minimumUpdatePeriod.
    pub min_update: Option<MediaDuration>,
    /// The least EXT-X-VERSION that playlists say.
    pub hls_version: u32,
}

impl Default for Presentation {
    fn default() -> Self {
        Presentation::DEFAULT
    }
}

impl Presentation {
    /// All of it, as it comes.
    pub const DEFAULT: Presentation = Presentation {
        order: StreamOrder::Original,
        bitrates: VideoBitrates::ALL,
        dates: Dates::All,
        delay: None,
        part_hold_back: None,
        min_buffer: None,
        min_update: None,
        hls_version: 1,
    };

    /// Leaves those whose rate lies within the bounds, in the endpoint's order. Where none does, the
    /// nearest one remains: a presentation without a picture is of use to nobody.
    pub(super) fn choose<T>(&self, mut of: Vec<T>, rate: impl Fn(&T) -> Bitrate) -> Vec<T> {
        let least = of.iter().map(|t| self.bitrates.beyond(rate(t))).min();
        match least {
            Some(0) => of.retain(|t| self.bitrates.beyond(rate(t)) == 0),
            Some(least) => {
                let nearest = of.iter().position(|t| self.bitrates.beyond(rate(t)) == least);
                of = of.into_iter().skip(nearest.unwrap_or(0)).take(1).collect();
            }
            None => {}
        }
        match self.order {
            StreamOrder::Original => {}
            StreamOrder::Ascending => of.sort_by_key(|t| rate(t)),
            StreamOrder::Descending => of.sort_by_key(|t| std::cmp::Reverse(rate(t))),
        }
        of
    }

    /// What manifests show of a Period, in their order: the chosen rungs, then all that is no video.
    #[must_use]
    pub fn shown(&self, period: &Period) -> Vec<RenditionId> {
        let (video, rest): (Vec<&PeriodTrack>, Vec<&PeriodTrack>) =
            period.tracks.iter().partition(|t| t.codec.kind() == MediaKind::Video);
        let video = self.choose(video, |t| t.rate);
        video.into_iter().chain(rest).map(|t| t.rendition).collect()
    }

    /// Whether no rung of a Period lies within the bounds.
    #[must_use]
    pub fn misses(&self, period: &Period) -> bool {
        let mut video = period.tracks.iter().filter(|t| t.codec.kind() == MediaKind::Video);
        period.tracks.iter().any(|t| t.codec.kind() == MediaKind::Video)
            && video.all(|t| self.bitrates.beyond(t.rate) > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MBIT: u64 = 1_000_000;

    fn chosen(order: StreamOrder, min: u64, max: u64, rates: &[u64]) -> Vec<u64> {
        let bitrates = VideoBitrates { min: Bitrate(min), max: Bitrate(max) };
        let presentation = Presentation { order, bitrates, ..Presentation::default() };
        presentation.choose(rates.to_vec(), |rate| Bitrate(*rate))
    }

    #[test]
    fn rungs_within_the_bounds_are_shown_in_the_order_asked_for() {
        let rates = [3 * MBIT, MBIT, 6 * MBIT];
        for (order, expected) in [
            (StreamOrder::Original, [3, 1, 6]),
            (StreamOrder::Ascending, [1, 3, 6]),
            (StreamOrder::Descending, [6, 3, 1]),
        ] {
            assert_eq!(chosen(order, 0, u64::MAX, &rates), expected.map(|rate| rate * MBIT));
        }
        assert_eq!(chosen(StreamOrder::Ascending, MBIT, 3 * MBIT, &rates), [MBIT, 3 * MBIT]);
        assert_eq!(chosen(StreamOrder::Descending, 2 * MBIT, u64::MAX, &rates)[1], 3 * MBIT);
    }

    #[test]
    fn a_measured_rate_a_tenth_beyond_a_bound_counts_as_within() {
        let original = |min, max, rates: &[u64]| chosen(StreamOrder::Original, min, max, rates);
        assert_eq!(original(0, 1000, &[1101, 1100, 10]), [1100, 10]);
        assert_eq!(original(1000, u64::MAX, &[899, 900, 5000]), [900, 5000]);
        // What was not measured is not judged.
        assert_eq!(original(1000, 2000, &[0, 9000, 1500]), [0, 1500]);
    }

    #[test]
    fn where_no_rung_lies_within_the_bounds_the_nearest_remains() {
        let original = |min, max| chosen(StreamOrder::Original, min, max, &[6000, 3000, 1000]);
        assert_eq!(original(0, 10), [1000]);
        assert_eq!(original(100_000, u64::MAX), [6000]);
        assert_eq!(original(4000, 5000), [6000]);
        assert_eq!(original(1300, 1500), [1000]);
        assert_eq!(chosen(StreamOrder::Ascending, 0, 10, &[]), [] as [u64; 0]);
    }
}
