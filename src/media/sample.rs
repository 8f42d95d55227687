//! One coded frame.

use std::sync::Arc;

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
    /// The chunk it came in, where that could be handed on as it is.
    pub origin: Option<Origin>,
}

/// Where a sample stood in the chunk it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The chunk, shared by all its samples.
    pub chunk: Arc<SourceChunk>,
    /// Its place there, from 0.
    pub place: usize,
}

/// A chunk as its source wrote it, in the form that chunks have here and under their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceChunk {
    /// All of it.
    pub bytes: Bytes,
    /// Decode time of its first sample in ticks.
    pub decode_time: i64,
    /// Of each sample in order: duration and composition offset in ticks, whether it is a sync
    /// sample.
    pub samples: Vec<(u32, i32, bool)>,
}
