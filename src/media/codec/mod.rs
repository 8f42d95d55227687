//! Codec settings read from the bitstream, and what manifests say of them (RFC 6381 strings).

pub mod aac;
pub mod ac3;
pub mod av1;
pub mod avc;
mod bits;
mod error;
pub mod hevc;
pub mod mpeg_audio;
pub mod opus;
mod picture;
mod sound;

pub use aac::AacConfig;
pub use ac3::Ac3Config;
pub use av1::Av1Config;
pub use avc::AvcConfig;
pub use error::CodecError;
pub use hevc::HevcConfig;
pub use mpeg_audio::MpegAudioConfig;
pub use opus::OpusConfig;
pub use picture::{Colour, Picture, VideoRange};
pub use sound::{ChannelLayout, Sound};

use picture::plausible_rate;

use super::track::MediaKind;
use crate::units::{MediaDuration, Timescale};

/// A codec with everything a decoder needs before the first sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Codec {
    /// H.264 / MPEG-4 AVC.
    Avc(AvcConfig),
    /// H.265 / HEVC.
    Hevc(HevcConfig),
    /// AV1.
    Av1(Av1Config),
    /// MPEG-4 AAC, with SBR and parametric stereo.
    Aac(AacConfig),
    /// AC-3 and Enhanced AC-3.
    Ac3(Ac3Config),
    /// Opus.
    Opus(OpusConfig),
    /// MPEG-1 and MPEG-2 audio layer III.
    MpegAudio(MpegAudioConfig),
}

impl Codec {
    /// Whether this is video or audio.
    #[must_use]
    pub fn kind(&self) -> MediaKind {
        match self {
            Codec::Avc(_) | Codec::Hevc(_) | Codec::Av1(_) => MediaKind::Video,
            Codec::Aac(_) | Codec::Ac3(_) | Codec::Opus(_) | Codec::MpegAudio(_) => {
                MediaKind::Audio
            }
        }
    }

    /// The value of CODECS and `@codecs` (RFC 6381), such as `avc1.64001f` or `mp4a.40.2`.
    #[must_use]
    pub fn rfc6381(&self) -> String {
        match self {
            Codec::Avc(avc) => avc.rfc6381(),
            Codec::Hevc(hevc) => hevc.rfc6381(),
            Codec::Av1(av1) => av1.rfc6381(),
            Codec::Aac(aac) => aac.rfc6381(),
            Codec::Ac3(ac3) => ac3.rfc6381().to_owned(),
            Codec::Opus(_) => opus::RFC6381.to_owned(),
            Codec::MpegAudio(audio) => audio.rfc6381().to_owned(),
        }
    }

    /// The coded picture of video.
    #[must_use]
    pub fn picture(&self) -> Option<Picture> {
        match self {
            Codec::Avc(avc) => Some(avc.picture()),
            Codec::Hevc(hevc) => Some(hevc.picture),
            Codec::Av1(av1) => Some(av1.picture),
            Codec::Aac(_) | Codec::Ac3(_) | Codec::Opus(_) | Codec::MpegAudio(_) => None,
        }
    }

    /// What a decoder makes of audio.
    #[must_use]
    pub fn sound(&self) -> Option<Sound> {
        match self {
            Codec::Avc(_) | Codec::Hevc(_) | Codec::Av1(_) => None,
            Codec::Aac(aac) => Some(aac.sound()),
            Codec::Ac3(ac3) => Some(ac3.sound()),
            Codec::Opus(opus) => Some(opus.sound()),
            Codec::MpegAudio(audio) => Some(audio.sound()),
        }
    }

    /// The length of one frame where the bitstream tells it: always for audio (Opus: its usual one),
    /// for video where the parameter sets carry timing.
    #[must_use]
    pub fn frame_duration(&self) -> Option<MediaDuration> {
        match (self.picture(), self.sound()) {
            (Some(picture), _) => picture.frame_rate.map(|rate| rate.duration_of(1)),
            (None, Some(sound)) => Some(sound.frame_duration()),
            (None, None) => None,
        }
    }

    /// Whether HLS knows it in transport streams.
    #[must_use]
    pub fn fits_transport_stream(&self) -> bool {
        match self {
            Codec::Avc(_) | Codec::Hevc(_) | Codec::Ac3(_) | Codec::MpegAudio(_) => true,
            Codec::Aac(aac) => aac.adts().is_some(),
            Codec::Av1(_) | Codec::Opus(_) => false,
        }
    }

    /// How many frames may come before one that is shown earlier.
    #[must_use]
    pub fn reorder_frames(&self) -> u32 {
        match self {
            Codec::Avc(avc) => avc.reorder_frames(),
            Codec::Hevc(hevc) => hevc.reorder_frames(),
            Codec::Av1(_)
            | Codec::Aac(_)
            | Codec::Ac3(_)
            | Codec::Opus(_)
            | Codec::MpegAudio(_) => 0,
        }
    }

    /// The timescale the track is written in: the sampling rate of audio; `source` for video,
    /// lowered to microseconds where it is finer (browsers count in doubles, TIMING: Clock).
    #[must_use]
    pub fn media_timescale(&self, source: Timescale) -> Timescale {
        match self.sound() {
            Some(sound) => sound.timescale(),
            None => source.min(Timescale::MICROS),
        }
    }
}
