//! What a track's bit rate becomes in a transport stream.

use crate::packager::PeriodTrack;
use crate::units::{Bitrate, MediaDuration};

/// Bytes that a frame's PES packet adds on average: its header, a delimiter or an ADTS header, the
/// clock, and the half-filled last packet.
const BYTES_A_FRAME: u64 = 130;
/// Bytes a second of tables, and of packets that fill up a turn of the counters.
const BYTES_A_SECOND: u64 = 6_000;

/// The rate of a track's transport stream, from that of its chunks: four bytes in 188 are headers,
/// and each frame and each second adds its share.
#[must_use]
pub fn in_transport_stream(chunks: Bitrate, track: &PeriodTrack) -> Bitrate {
    let told = track.frame_rate.map(|rate| rate.duration_of(1));
    let frame = told.or_else(|| track.codec.frame_duration());
    let frame = frame.filter(|frame| frame.is_positive());
    let second = MediaDuration::from_secs(1);
    let frames = frame.map_or(0, |frame| second.div_ceil(frame)).unsigned_abs();
    let added = (frames * BYTES_A_FRAME + BYTES_A_SECOND) * 8;
    Bitrate((chunks.0 * 188).div_ceil(184) + added)
}
