//! Periods: stretches of unbroken timing and settings.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::state::RenditionId;
use crate::media::{Codec, Language, MediaKind};
use crate::units::{Bitrate, FrameRate, MediaDuration, MediaTime, Timescale};

/// A stretch of unbroken timing and settings (docs/time.md: Periods). Its id is its start.
#[derive(Clone, Debug)]
pub struct Period {
    /// Unix milliseconds of the leading track's first presentation time, rounded down.
    pub id: i64,
    /// How many Periods came before it in the channel's life: HLS's discontinuity count.
    pub ordinal: u64,
    /// What takes part, in the order manifests list it.
    pub tracks: Vec<PeriodTrack>,
}

impl Period {
    /// The instant Period@start names.
    #[must_use]
    pub fn start(&self) -> MediaTime {
        MediaTime::from_millis(self.id)
    }

    /// The audio that goes with video in one transport stream: the first that fits.
    #[must_use]
    pub fn default_audio(&self) -> Option<&PeriodTrack> {
        let audio = |t: &&PeriodTrack| t.codec.kind() == MediaKind::Audio;
        self.tracks.iter().filter(audio).find(|t| t.codec.fits_transport_stream())
    }

    /// The settings of a rendition in this Period; `None` where it takes no part.
    #[must_use]
    pub fn track(&self, rendition: RenditionId) -> Option<&PeriodTrack> {
        self.tracks.iter().find(|t| t.rendition == rendition)
    }
}

/// A track's settings for a Period.
#[derive(Clone, Debug)]
pub struct PeriodTrack {
    /// Which rendition.
    pub rendition: RenditionId,
    /// Codec and settings.
    pub codec: Codec,
    /// Ticks a second of every time in its objects.
    pub timescale: Timescale,
    /// Frames a second of video, where known.
    pub frame_rate: Option<FrameRate>,
    /// Language.
    pub language: Language,
    /// What it measured on average when the Period began, without a margin; zero where nothing was
    /// measured.
    pub rate: Bitrate,
    /// ftyp and moov.
    pub init: Bytes,
}

/// Periods that an MPD lists by number alone, as one segmentation has them: low-latency DASH.
#[derive(Clone, Debug)]
pub struct PeriodSpans {
    /// Oldest first; each has or had rows, or an open segment.
    pub periods: Vec<PeriodSpan>,
    /// Up to where the leading track's parts have come in Periods that MPDs list.
    pub edge: MediaTime,
    /// When what an MPD says of them changed last, whatever rungs it lists, but for what its window
    /// left behind since.
    pub changed: Change,
    /// When what it says of a rendition did, where it lists that.
    pub renditions: BTreeMap<RenditionId, Change>,
}

/// A change of what an MPD says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// Its media time in whole milliseconds: later than that of each change before.
    pub at: MediaTime,
    /// Where [`PeriodSpans::edge`] stood then.
    pub edge: MediaTime,
}

/// A Period as one segmentation has it.
#[derive(Clone, Debug)]
pub struct PeriodSpan {
    /// Which.
    pub period: Arc<Period>,
    /// The millisecond in which its first segment begins.
    pub start: MediaTime,
    /// Number of its first segment.
    pub first: u64,
    /// Number of its newest, open or complete.
    pub last: u64,
    /// There where number k begins at `start` + (k − `first`)·D, within 50 ms.
    pub nominal: Option<Nominal>,
    /// Renditions that have media in it, in the order their first came.
    pub tracks: Vec<RenditionId>,
    /// Where that media ends.
    pub end: Option<MediaTime>,
    /// Where that of the leading track ends.
    pub edge: Option<MediaTime>,
    /// Where media of earlier Periods ends that are forgotten.
    pub before: Option<MediaTime>,
}

/// The even grid of a Period's segments.
#[derive(Clone, Copy, Debug)]
pub struct Nominal {
    /// D.
    pub duration: MediaDuration,
    /// The part target: how long after a segment's start its first part is there.
    pub part: MediaDuration,
    /// Ticks a second in which D and whole milliseconds are whole.
    pub timescale: Timescale,
}

impl Nominal {
    /// The grid of segments of `duration`; `None` where D is whole in no timescale whose ticks since
    /// 1970 a player counts exactly (2^53).
    #[must_use]
    pub fn new(duration: MediaDuration, part: MediaDuration) -> Option<Self> {
        const MOST: u64 = 4_000_000;
        let gcd = |mut a: u64, mut b: u64| {
            while b > 0 {
                (a, b) = (b, a % b);
            }
            a.max(1)
        };
        let scale = u64::from(duration.scale().get());
        let lowest = scale / gcd(duration.ticks().unsigned_abs(), scale);
        let common = lowest / gcd(lowest, 1000) * 1000;
        let timescale = Timescale::new(u32::try_from(common).ok()?)?;
        (common <= MOST && duration.is_positive()).then_some(Nominal { duration, part, timescale })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_and_milliseconds_are_whole_in_a_nominal_timescale() {
        let table = [
            ((60, 30), 1000, 2000),
            ((60_060, 30_000), 1000, 2002),
            ((1001 * 50, 24_000), 12_000, 25_025),
            ((44 * 1024, 44_100), 441_000, 450_560),
            ((94 * 1024, 48_000), 3000, 6016),
        ];
        for ((ticks, scale), timescale, duration) in table {
            let scale = Timescale::new(scale).expect("not zero");
            let d = MediaDuration::new(ticks, scale);
            let nominal = Nominal::new(d, MediaDuration::from_millis(500)).expect("small");
            assert_eq!(nominal.timescale.get(), timescale, "{d:?}");
            assert_eq!(d.rescale(nominal.timescale).ticks(), duration, "{d:?}");
            assert_eq!(d.rescale(nominal.timescale), d, "whole");
        }
        let odd = MediaDuration::new(1, Timescale::new(9_999_991).expect("not zero"));
        assert!(Nominal::new(odd, odd).is_none());
    }
}
