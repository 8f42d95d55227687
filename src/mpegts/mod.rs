//! MPEG transport streams (ISO/IEC 13818-1): bytes in, tracks and samples out; and access units in,
//! packets out ([`mux`]).
//!
//! Sans-IO and push-style: whoever owns the socket pushes bytes as they come and drains events. Input
//! is hostile: every byte may be wrong, any packet may be missing, memory stays within
//! [`DemuxerLimits`]. Waiting, clocks, and what is done about a fault do not belong here.
//!
//! ```text
//! bytes ─framing─▶ packets ─demuxer─┬─▶ psi (PAT, PMT) ─▶ which PID is what
//!                                   └─▶ pes ─┬─▶ video (h264, hevc) ─────────────┬─▶ track ─▶ events
//!                                            └─▶ audio (adts, ac3, mpeg_audio) ───┘
//! ```

mod ac3;
mod adts;
mod annexb;
mod audio;
#[cfg(test)]
mod build;
mod coding;
mod demuxer;
mod fault;
mod framing;
mod fuzz;
mod h264;
mod hevc;
mod mpeg_audio;
pub mod mux;
mod packet;
mod pes;
mod programs;
mod psi;
mod sets;
mod stream;
#[cfg(test)]
mod tests;
mod track;
mod unroll;
mod video;

use std::fmt;

pub use demuxer::{Demuxer, DemuxerLimits};
pub use fault::Fault;
#[doc(hidden)]
pub use fuzz::{fuzz_demuxer, fuzz_pes};
/// What NAL units are for, and the parameter sets among them.
pub(crate) use {
    h264::H264,
    hevc::Hevc,
    video::{Role, SET_MAX, Syntax},
};

use crate::media::{Sample, TrackId, TrackInfo};

/// What a transport stream turned out to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A track, before its first sample and again before the sample from which something differs.
    Track(TrackInfo),
    /// A frame of a track; the track's number is its PID. Times are 90 kHz, unrolled; no duration.
    Sample(TrackId, Sample),
    /// An elementary stream that is not carried on, reported once while it is listed.
    LeftOut(LeftOut),
    /// Something wrong.
    Fault(Fault),
}

/// An elementary stream that is not carried on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Its PID.
    pub pid: u16,
    /// Its type (ISO/IEC 13818-1 table 2-34).
    pub stream_type: u8,
    /// What it is, where that is known.
    pub name: Option<&'static str>,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LeftOut { pid, stream_type, name } = self;
        write!(f, "elementary stream {pid} of type {stream_type:#04x}")?;
        if let Some(name) = name {
            write!(f, " ({name})")?;
        }
        write!(f, " is not carried from a transport stream: {CARRIED} are")
    }
}

/// The codings that are carried from transport streams, in words.
pub const CARRIED: &str = "H.264, HEVC, AAC in ADTS, AC-3, Enhanced AC-3 and MP3";
