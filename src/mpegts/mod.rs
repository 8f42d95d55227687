//! MPEG transport streams (ISO/IEC 13818-1): bytes in, tracks and samples out; and access units in,
//! packets out ([`mux`]).
//!
//! Sans-IO and push-style: whoever owns the socket pushes bytes as they come and drains events. Input
//! is hostile: every byte may be wrong, any packet may be missing, memory stays within
//! [`DemuxerLimits`]. Waiting, clocks, and what is done about a fault do not belong here.
//!
//! ```text
//! bytes ─framing─▶ packets ─demuxer─┬─▶ psi (PAT, PMT) ─▶ which PID is what
//!                                   └─▶ pes ─▶ h264 | adts ─▶ track ─▶ events
//! ```

mod adts;
mod annexb;
#[cfg(test)]
mod build;
mod demuxer;
mod fault;
mod framing;
mod fuzz;
mod h264;
pub mod mux;
mod packet;
mod pes;
mod programs;
mod psi;
mod stream;
#[cfg(test)]
mod tests;
mod track;
mod unroll;

pub use demuxer::{Demuxer, DemuxerLimits};
pub use fault::Fault;
#[doc(hidden)]
pub use fuzz::fuzz_demuxer;

use crate::media::{Sample, TrackId, TrackInfo};

/// What a transport stream turned out to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A track, before its first sample and again before the sample from which something differs.
    Track(TrackInfo),
    /// A frame of a track; the track's number is its PID. Times are 90 kHz, unrolled; no duration.
    Sample(TrackId, Sample),
    /// An elementary stream that is not carried on, reported once while it is listed.
    LeftOut {
        /// Its PID.
        pid: u16,
        /// Its type (ISO/IEC 13818-1 table 2-34).
        stream_type: u8,
        /// The programme that lists it.
        program: u16,
    },
    /// Something wrong.
    Fault(Fault),
}
