//! Codec settings read from the bitstream, and what manifests say of them (RFC 6381 strings).

pub mod aac;
pub mod avc;

pub use aac::AacConfig;
pub use avc::AvcConfig;

use super::track::MediaKind;
use crate::units::{MediaDuration, Timescale};

/// A codec with everything a decoder needs before the first sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Codec {
    /// H.264 / MPEG-4 AVC.
    Avc(AvcConfig),
    /// MPEG-4 AAC.
    Aac(AacConfig),
}

impl Codec {
    /// Whether this is video or audio.
    #[must_use]
    pub fn kind(&self) -> MediaKind {
        match self {
            Codec::Avc(_) => MediaKind::Video,
            Codec::Aac(_) => MediaKind::Audio,
        }
    }

    /// The value of CODECS and `@codecs` (RFC 6381), such as `avc1.64001f` or `mp4a.40.2`.
    #[must_use]
    pub fn rfc6381(&self) -> String {
        match self {
            Codec::Avc(avc) => avc.rfc6381(),
            Codec::Aac(aac) => aac.rfc6381(),
        }
    }

    /// The length of one frame where the bitstream tells it: always for audio, for video where the
    /// sequence parameter set carries timing.
    #[must_use]
    pub fn frame_duration(&self) -> Option<MediaDuration> {
        match self {
            Codec::Avc(avc) => avc.frame_rate.map(|rate| rate.duration_of(1)),
            Codec::Aac(aac) => {
                Some(MediaDuration::new(i64::from(aac.frame_length), aac.timescale()))
            }
        }
    }

    /// Whether HLS knows it in transport streams.
    #[must_use]
    pub fn fits_transport_stream(&self) -> bool {
        match self {
            Codec::Avc(_) | Codec::Aac(_) => true,
        }
    }

    /// How many frames may come before one that is shown earlier.
    #[must_use]
    pub fn reorder_frames(&self) -> u32 {
        match self {
            Codec::Avc(avc) => avc.reorder_frames(),
            Codec::Aac(_) => 0,
        }
    }

    /// The timescale the track is written in: the sampling rate of audio; `source` for video,
    /// lowered to microseconds where it is finer (browsers count in doubles, TIMING: Clock).
    #[must_use]
    pub fn media_timescale(&self, source: Timescale) -> Timescale {
        match self {
            Codec::Avc(_) => source.min(Timescale::MICROS),
            Codec::Aac(aac) => aac.timescale(),
        }
    }
}
