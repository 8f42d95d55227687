//! What manifests and sample entries say of decoded audio.

use crate::units::{MediaDuration, Timescale};

/// What a decoder makes of an audio track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sound {
    /// Samples a second; the track's timescale. Never zero.
    pub sample_rate: u32,
    /// Samples in a frame; of Opus, whose frames vary, the usual 960.
    pub frame_length: u32,
    /// Loudspeakers.
    pub channels: u8,
    /// Which loudspeakers.
    pub layout: ChannelLayout,
    /// Objects beside the channels (joint object coding): the complexity index of ETSI TS 103 420.
    pub objects: Option<u8>,
}

/// Loudspeakers in the notation that the codec's own standards use in DASH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelLayout {
    /// `ChannelConfiguration` (ISO/IEC 23003-3 and 23091-3).
    Configuration(u8),
    /// Channel map of ETSI TS 102 366 table E.1.4, the left loudspeaker in the highest bit.
    DolbyMap(u16),
}

impl Sound {
    /// The sampling rate as a timescale.
    #[must_use]
    pub fn timescale(&self) -> Timescale {
        Timescale::new(self.sample_rate).unwrap_or(Timescale::MILLIS)
    }

    /// The length of a frame.
    #[must_use]
    pub fn frame_duration(&self) -> MediaDuration {
        MediaDuration::new(i64::from(self.frame_length), self.timescale())
    }
}
