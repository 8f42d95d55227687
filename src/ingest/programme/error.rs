//! Why a file cannot be looped.

use thiserror::Error;

use crate::isobmff::ReadError;
use crate::media::MediaKind;
use crate::media::codec::aac::AacError;
use crate::media::codec::avc::AvcError;

/// What is wrong with the file, and what is allowed. `track` is its number in the file.
#[derive(Debug, Error)]
pub enum ProgrammeError {
    /// Its AudioSpecificConfig.
    #[error("track {track}: {reason}")]
    Aac {
        /// The track.
        track: u32,
        /// What is wrong.
        reason: AacError,
    },
    /// AAC of another kind.
    #[error("track {track} is AAC of object type {object}; AAC LC (2) is allowed")]
    AacObjectType {
        /// The track.
        track: u32,
        /// Its audioObjectType.
        object: u8,
    },
    /// Its parameter sets.
    #[error("track {track}: {reason}")]
    Avc {
        /// The track.
        track: u32,
        /// What is wrong.
        reason: AvcError,
    },
    /// Boxes that do not nest.
    #[error("the file is not a well-formed MP4: {0}")]
    Boxes(#[from] ReadError),
    /// Another codec.
    #[error(
        "{kind} track {track} has a codec that is not supported; H.264 (avc1) video and AAC (mp4a) audio are"
    )]
    Codec {
        /// The track.
        track: u32,
        /// What it carries.
        kind: MediaKind,
    },
    /// A sample whose bytes are not in the file.
    #[error("sample {sample} of track {track} does not lie in the file; it may be cut short")]
    Data {
        /// The track.
        track: u32,
        /// The sample, counted from 1.
        sample: usize,
    },
    /// A sample without a duration.
    #[error("sample {sample} of track {track} has no duration; every sample needs one")]
    Duration {
        /// The track.
        track: u32,
        /// The sample, counted from 1.
        sample: usize,
    },
    /// An edit list that a loop cannot follow.
    #[error(
        "track {track} has an edit list that cannot be looped; none, or one edit of rate 1 that \
         begins at the first picture, with a pause before it, is allowed (`ffmpeg -use_editlist 0`)"
    )]
    EditList {
        /// The track.
        track: u32,
    },
    /// A video that cannot be decoded from its start.
    #[error("track {track} does not begin with a sync sample; a loop must")]
    FirstNotSync {
        /// The track.
        track: u32,
    },
    /// Fragments instead of sample tables.
    #[error("the file is fragmented; a progressive MP4 is allowed (`ffmpeg -i … -c copy out.mp4`)")]
    Fragmented,
    /// The movie's boxes cannot be read.
    #[error("the file's 'moov' cannot be read: {0}")]
    Movie(#[from] mp4::Error),
    /// A sample that is not NAL units.
    #[error("sample {sample} of track {track} is not whole H.264 NAL units")]
    NalUnits {
        /// The track.
        track: u32,
        /// The sample, counted from 1.
        sample: usize,
    },
    /// No `ftyp` or `moov`.
    #[error("the file has no '{0}' box; an MP4 of H.264 and AAC is allowed")]
    NoBox(&'static str),
    /// A track without samples.
    #[error("track {track} has no samples")]
    NoSamples {
        /// The track.
        track: u32,
    },
    /// Nothing to loop.
    #[error("the file has no video or audio track")]
    NoTracks,
    /// Two tracks of one number.
    #[error("two tracks have the number {track}; each needs its own")]
    RepeatedTrack {
        /// The number.
        track: u32,
    },
    /// Not exactly one sequence parameter set.
    #[error("track {track} has {count} sequence parameter sets; one is allowed")]
    SequenceParameterSets {
        /// The track.
        track: u32,
        /// How many it has.
        count: usize,
    },
    /// Sample tables that contradict each other.
    #[error(
        "track {track}: table '{table}' does not agree with the file and the track's {samples} samples"
    )]
    Table {
        /// The track.
        track: u32,
        /// The table's box.
        table: &'static str,
        /// How many samples `stsz` has.
        samples: usize,
    },
    /// No clock.
    #[error("track {track} has a timescale of 0")]
    Timescale {
        /// The track.
        track: u32,
    },
    /// More samples than a loop may have.
    #[error("track {track} has {samples} samples; at most {max} are allowed", max = super::SAMPLES_MAX)]
    TooManySamples {
        /// The track.
        track: u32,
        /// How many it has.
        samples: u32,
    },
    /// More tracks than a loop may have.
    #[error("the file has more than {max} video and audio tracks", max = super::TRACKS_MAX)]
    TooManyTracks,
}
