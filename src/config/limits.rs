//! Every limit, with its default and its range.

use std::time::Duration;

use super::fault::{Fault, Problem};
use super::section::Section;
use super::value::{count, duration, media, size};
use crate::units::MediaDuration;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
const GIB: usize = 1 << 30;

/// Longest `memory_window`, and so the longest list without an archive.
pub(super) const MEMORY_WINDOW_MAX: Duration = Duration::from_hours(24);
const MEMORY_WINDOW_MIN: Duration = Duration::from_secs(10);
pub(super) const WAIT_MIN: Duration = Duration::from_millis(100);
const WAIT_MAX: Duration = Duration::from_hours(24);
pub(super) const INPUT_LOSS_MAX: Duration = Duration::from_hours(1);
const DRAIN_MAX: Duration = Duration::from_mins(10);
/// Hyper reads a head into a buffer of no less.
const HEADER_BYTES_MIN: usize = 8 * KIB;

/// What bounds memory, waits and counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Connections of readers at a time, 1 to 1,000,000.
    pub connections: usize,
    /// Connections of encoders at a time, 1 to 100,000.
    pub ingest_connections: usize,
    /// From accepting a connection to its first byte, 100 ms to 24 h.
    pub first_byte: Duration,
    /// From a request's first byte to the end of its head, 100 ms to 24 h.
    pub header: Duration,
    /// Between two requests of a connection, 100 ms to 24 h.
    pub keep_alive: Duration,
    /// Without the peer accepting a byte of an answer, 100 ms to 24 h.
    pub slow_reader: Duration,
    /// Without a byte of a pushed body, 100 ms to 24 h.
    pub ingest_silence: Duration,
    /// Requests at a time of one HTTP/2 connection, 1 to 10,000.
    pub streams: u32,
    /// Bytes of a request's head, 8 KiB to 1 MiB.
    pub header_bytes: usize,
    /// Requests that wait for what is not there yet, at a time, 1 to 1,000,000.
    pub waiters: usize,
    /// Tracks of a channel, all rungs together, 1 to 256.
    pub tracks: usize,
    /// Periods in a window, 1 to 64.
    pub periods: usize,
    /// Segmentations of a channel, 1 to 16.
    pub segmentations: usize,
    /// Bytes of one sample, 64 KiB to 256 MiB, at most `pending_bytes`.
    pub sample_bytes: usize,
    /// Bytes of a channel that wait for their cut, 64 KiB to 16 GiB, at most `channel_bytes`.
    pub pending_bytes: usize,
    /// Bytes of a channel in memory, 64 KiB to 1,024 GiB.
    pub channel_bytes: usize,
    /// Bytes of a channel's transport streams kept once they are made, 1 MiB to 1,024 GiB.
    pub derived_bytes: usize,
    /// Longest list an endpoint may ask for, 10 s to 24 h.
    pub memory_window: MediaDuration,
    /// Silence of an input after which the channel goes on from the other, 100 ms to 1 h.
    pub input_loss: Duration,
    /// Time for answers under way when the server ends, 0 to 10 min.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 10_000,
            ingest_connections: 256,
            first_byte: Duration::from_secs(10),
            header: Duration::from_secs(10),
            keep_alive: Duration::from_secs(75),
            slow_reader: Duration::from_secs(30),
            ingest_silence: Duration::from_mins(1),
            streams: 200,
            header_bytes: 16 * KIB,
            waiters: 20_000,
            tracks: 32,
            periods: 64,
            segmentations: 16,
            sample_bytes: 16 * MIB,
            pending_bytes: 64 * MIB,
            channel_bytes: GIB,
            derived_bytes: 128 * MIB,
            memory_window: MediaDuration::from_secs(120),
            input_loss: Duration::from_secs(2),
            drain: Duration::from_secs(10),
        }
    }
}

impl Limits {
    /// Reads `[limits]`. A faulty `memory_window` becomes the longest and a faulty `segmentations`
    /// the most, so that one fault does not make others of the channels.
    pub(super) fn read(mut section: Section<'_>, faults: &mut Vec<Fault>) -> Self {
        let d = Limits::default();
        let wait = || duration(WAIT_MIN, WAIT_MAX);
        let s = &mut section;
        let memory_window = s.get("memory_window", media(MEMORY_WINDOW_MIN, MEMORY_WINDOW_MAX));
        let segmentations = s.get("segmentations", count(1, 16));
        let streams = s.get("streams", count(1, 10_000));
        let sample_bytes = s.get("sample_bytes", size(64 * KIB, 256 * MIB)).or(d.sample_bytes);
        let pending_bytes = s.get("pending_bytes", size(64 * KIB, 16 * GIB)).or(d.pending_bytes);
        let channel_bytes = s.get("channel_bytes", size(64 * KIB, 1_024 * GIB)).or(d.channel_bytes);
        hold(s, ("pending_bytes", pending_bytes), ("limits.sample_bytes", sample_bytes));
        hold(s, ("channel_bytes", channel_bytes), ("limits.pending_bytes", pending_bytes));
        let limits = Limits {
            connections: s.or("connections", &d.connections, count(1, 1_000_000)),
            ingest_connections: s.or(
                "ingest_connections",
                &d.ingest_connections,
                count(1, 100_000),
            ),
            first_byte: s.or("first_byte", &d.first_byte, wait()),
            header: s.or("header", &d.header, wait()),
            keep_alive: s.or("keep_alive", &d.keep_alive, wait()),
            slow_reader: s.or("slow_reader", &d.slow_reader, wait()),
            ingest_silence: s.or("ingest_silence", &d.ingest_silence, wait()),
            streams: streams.or(200).and_then(|n| u32::try_from(n).ok()).unwrap_or(d.streams),
            header_bytes: s.or("header_bytes", &d.header_bytes, size(HEADER_BYTES_MIN, MIB)),
            waiters: s.or("waiters", &d.waiters, count(1, 1_000_000)),
            tracks: s.or("tracks", &d.tracks, count(1, 256)),
            periods: s.or("periods", &d.periods, count(1, 64)),
            segmentations: segmentations.or(d.segmentations).unwrap_or(16),
            sample_bytes: sample_bytes.unwrap_or(d.sample_bytes),
            pending_bytes: pending_bytes.unwrap_or(d.pending_bytes),
            channel_bytes: channel_bytes.unwrap_or(d.channel_bytes),
            derived_bytes: s.or("derived_bytes", &d.derived_bytes, size(MIB, 1_024 * GIB)),
            memory_window: memory_window
                .or(d.memory_window)
                .unwrap_or(MediaDuration::from_std(MEMORY_WINDOW_MAX)),
            input_loss: s.or("input_loss", &d.input_loss, duration(WAIT_MIN, INPUT_LOSS_MAX)),
            drain: s.or("drain", &d.drain, duration(Duration::ZERO, DRAIN_MAX)),
        };
        section.close(faults);
        limits
    }
}

/// Complains where a limit is smaller than what must fit into it; each is a key and its value.
fn hold(
    section: &mut Section<'_>,
    (whole, size): (&'static str, Option<usize>),
    (part, least): (&'static str, Option<usize>),
) {
    if let (Some(size), Some(least)) = (size, least)
        && size < least
    {
        section.complain(whole, Problem::SmallerThanItsPart { part, least });
    }
}
