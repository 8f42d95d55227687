//! What senders of segments get wrong: what a body is refused for, and what is only reported.

use thiserror::Error;

use crate::isobmff::{FourCc, ReadError, StreamError};
use crate::mpegts::LeftOut;

/// Why a body, or the rest of it, is not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Its boxes cannot be read.
    #[error("{0}")]
    Boxes(StreamError),
    /// The media is encrypted.
    #[error(
        "the media is encrypted (sample entry '{entry}'); push it in the clear, for chunks are cut and packaged anew here"
    )]
    Encrypted {
        /// Its sample entry.
        entry: FourCc,
    },
    /// More is held for this push than the limits allow.
    #[error(
        "more than {limit} bytes wait for a playlist, an MPD, a header or a segment before them (limits.pending_bytes)"
    )]
    Full {
        /// The limit.
        limit: usize,
    },
    /// Media without a header.
    #[error(
        "media came before its header: push the CMAF header (ftyp and moov) of this track first"
    )]
    NoHeader,
    /// A header whose tracks are none that are carried.
    #[error("none of the tracks is carried: {}", list(entries))]
    NothingCarried {
        /// Sample entries of its tracks.
        entries: Vec<FourCc>,
    },
    /// A progressive MP4.
    #[error("the MP4 is not fragmented: push fragments (ffmpeg: -movflags cmaf)")]
    NotFragmented,
    /// A playlist that cannot be read.
    #[error("the playlist cannot be read: {0}")]
    Playlist(super::PlaylistError),
    /// An MPD that cannot be read.
    #[error("the MPD cannot be read: {0}")]
    Mpd(super::MpdError),
    /// More tracks than one push may have.
    #[error("more than {limit} tracks, playlists or Representations are pushed")]
    TooManyTracks {
        /// The limit.
        limit: usize,
    },
    /// Neither boxes, nor packets, nor a manifest.
    #[error(
        "this is no media and no manifest that is taken: MPEG-TS, fragmented MP4, HLS playlists and MPDs are"
    )]
    Unknown,
}

fn list(entries: &[FourCc]) -> String {
    entries.iter().map(|entry| format!("'{entry}'")).collect::<Vec<_>>().join(", ")
}

/// What is wrong and ends nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// A chunk that cannot be read; it is left out.
    #[error("a chunk cannot be read and is left out: {0}")]
    BrokenChunk(ReadError),
    /// A decode time that no clock reaches.
    #[error("a chunk's decode time is beyond 2^63 ticks")]
    DecodeTime,
    /// A chunk whose frames have no bytes; it is left out.
    #[error("a chunk's frames are all empty and it is left out")]
    EmptyChunk,
    /// A chunk that came after one that follows it; it is left out.
    #[error("a chunk came after others that follow it and is left out")]
    LateChunk,
    /// A segment that never came, or not whole.
    #[error("segment {number} did not come and is passed over")]
    LostSegment {
        /// Its number, or its time where the MPD has times.
        number: u64,
    },
    /// A track that is left out.
    #[error("a track with sample entry '{entry}' is not carried")]
    NotCarried {
        /// Its sample entry.
        entry: FourCc,
    },
    /// A body that turned out to be none that is taken after it was answered.
    #[error("{0}")]
    Refused(Refusal),
    /// A body that no playlist or MPD lists.
    #[error("{path} is listed nowhere and dropped")]
    Unlisted {
        /// Where it was pushed to.
        path: String,
    },
    /// A chunk of a track that the header does not have.
    #[error("a chunk belongs to track {track}, which its header does not have")]
    UnknownTrack {
        /// The track.
        track: u32,
    },
    /// A transport stream's fault.
    #[error(transparent)]
    Ts(#[from] crate::mpegts::Fault),
    /// An elementary stream that is not carried.
    #[error("{0}")]
    LeftOut(LeftOut),
}

impl Fault {
    /// The variant's name in snake case, for a metric's label.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Fault::BrokenChunk(_) => "broken_chunk",
            Fault::DecodeTime => "decode_time",
            Fault::EmptyChunk => "empty_chunk",
            Fault::LateChunk => "late_chunk",
            Fault::LostSegment { .. } => "lost_segment",
            Fault::NotCarried { .. } => "not_carried",
            Fault::Refused(_) => "refused",
            Fault::Unlisted { .. } => "unlisted",
            Fault::UnknownTrack { .. } => "unknown_track",
            Fault::Ts(fault) => fault.name(),
            Fault::LeftOut(_) => "LeftOut",
        }
    }
}
