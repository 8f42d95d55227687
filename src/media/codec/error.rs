//! Why settings of any codec cannot be used.

use thiserror::Error;

use super::aac::AacError;
use super::ac3::Ac3Error;
use super::av1::Av1Error;
use super::avc::AvcError;
use super::hevc::HevcError;
use super::mpeg_audio::MpegAudioError;
use super::opus::OpusError;

/// What the codec's own reader says.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CodecError {
    /// AAC.
    #[error(transparent)]
    Aac(#[from] AacError),
    /// AC-3 and Enhanced AC-3.
    #[error(transparent)]
    Ac3(#[from] Ac3Error),
    /// AV1.
    #[error(transparent)]
    Av1(#[from] Av1Error),
    /// H.264.
    #[error(transparent)]
    Avc(#[from] AvcError),
    /// HEVC.
    #[error(transparent)]
    Hevc(#[from] HevcError),
    /// MP3.
    #[error(transparent)]
    MpegAudio(#[from] MpegAudioError),
    /// Opus.
    #[error(transparent)]
    Opus(#[from] OpusError),
}
