//! Periods: stretches of unbroken timing and settings.

use bytes::Bytes;

use super::state::RenditionId;
use crate::media::{Codec, Language, MediaKind};
use crate::units::{Bitrate, FrameRate, MediaTime, Timescale};

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
