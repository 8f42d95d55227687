//! One coded frame.

use bytes::Bytes;

/// One coded frame with its times, in the timescale of its [`TrackInfo`](super::TrackInfo).
///
/// Times count on the source's own clock, already unrolled beyond 33 bits; the packager's timeline
/// puts them on the channel's. Data is as ISO files carry it: H.264 and HEVC as length-prefixed NAL
/// units (4-byte lengths), from transport streams without parameter sets and delimiters; AV1 as a
/// temporal unit of OBUs; AAC as one raw access unit; AC-3 and MP3 as whole frames, E-AC-3 as all
/// substreams of six blocks; Opus as one packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Decode time in ticks.
    pub dts: i64,
    /// Presentation time in ticks.
    pub pts: i64,
    /// Duration in ticks where the source knows it (a file, CMAF); a transport stream does not.
    pub duration: Option<u32>,
    /// Whether decoding can begin here.
    pub sync: bool,
    /// The frame.
    pub data: Bytes,
}
