//! What goes into a [`Channel`](super::Channel) and what comes out: the contract between core and shell.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::config::ChannelConfig;
use super::snapshot::Snapshot;
use super::state::State;
use crate::media::{Sample, TrackId, TrackInfo};
use crate::units::{MediaDuration, MediaTime};

/// One of a channel's two inputs, 1 or 2, or its slate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct InputId(pub u8);

impl InputId {
    /// What plays while inputs 1 and 2 are silent.
    pub const SLATE: InputId = InputId(0);
}

/// One session of one input: what one encoder connection, or one series of short bodies, delivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId {
    /// Which input.
    pub input: InputId,
    /// Counts sessions of the process; never reused.
    pub session: u32,
}

/// What a source says.
#[derive(Clone, Debug)]
pub enum SourceEvent {
    /// A track, before its first sample and whenever its settings change.
    Track(TrackInfo),
    /// Absolute time: `media` ticks of `track` stand for `epoch`.
    Anchor {
        /// Whose ticks.
        track: TrackId,
        /// Ticks on the source's clock.
        media: i64,
        /// The instant they stand for.
        epoch: MediaTime,
    },
    /// A coded frame.
    Sample(TrackId, Sample),
    /// What comes next does not continue what came before: a loop that is not seamless turns over.
    Break,
    /// Media comes in pieces as long as this: so much silence, beyond what is configured, is none.
    Pace(MediaDuration),
    /// The source has gone and is known to have.
    Lost,
}

/// What a channel is told.
#[derive(Clone, Debug)]
pub enum Input {
    /// Something from a source.
    Source(SourceId, SourceEvent),
    /// It is to package so: lists come and go at once, durations change at the next cut that all
    /// share.
    Configure(ChannelConfig),
    /// The channel is deleted or switched off: the lists end.
    End,
}

/// What a channel wants done, in this order.
#[derive(Clone, Debug)]
pub enum Output {
    /// Make this durable. A later snapshot says by [`Snapshot::needs_state`] which revision must
    /// be on disk before readers may see it (invariant 23).
    Remember(State),
    /// Show this to readers.
    Publish(Arc<Snapshot>),
    /// A fact worth a log line and a count.
    Report(Report),
}

/// A fact about a channel's life or about what its source gets wrong. The name is the metric's label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// The source keeps sync samples an even distance apart.
    CadenceFound {
        /// That distance.
        interval: MediaDuration,
    },
    /// The source's sync samples left their even distance, or never had one.
    CadenceIrregular {
        /// The longest distance seen.
        longest: MediaDuration,
    },
    /// The clock mapping of an input was chosen anew.
    ClockMapped {
        /// Whether the source brings absolute time.
        absolute: bool,
    },
    /// The main input delivers again and is gone back to.
    MainReturned,
    /// Segments were dropped before their time: `limits.channel_bytes` is reached.
    MemoryOverflow,
    /// Media was dropped because it waits for a cut beyond the limit.
    PendingOverflow,
    /// Segments were dropped before their time: `limits.periods` is reached.
    PeriodsOverflow,
    /// A Period began.
    PeriodBegan {
        /// Its id: Unix milliseconds.
        id: i64,
        /// Why.
        reason: PeriodReason,
    },
    /// The source closed its connection or fell silent.
    SourceLost {
        /// Which input.
        input: InputId,
    },
    /// A segment came out longer than the target duration announced.
    TargetRaised {
        /// Seconds before.
        from: u32,
        /// Seconds now.
        to: u32,
    },
    /// A time so large that it cannot be reckoned with; the sample is dropped.
    TimestampBeyondReach {
        /// Which input.
        input: InputId,
    },
    /// Equal or backward decode times were moved up by a tick.
    TimestampRepaired {
        /// Rendition.
        track: String,
    },
    /// A track takes part from here on.
    TrackJoined {
        /// Rendition.
        track: String,
    },
    /// A track takes no part from here on.
    TrackLeftOut {
        /// Rendition.
        track: String,
        /// Why.
        why: LeftOut,
    },
}

/// Why a Period begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeriodReason {
    /// Sync samples are at an even distance again.
    CadenceFound,
    /// Sync samples left their even distance.
    CadenceLost,
    /// Other segments or parts were asked for.
    Configured,
    /// The source's clock had drifted from true time.
    Drift,
    /// A codec or its settings changed.
    SettingsChanged,
    /// Media is missing before a cut.
    MediaMissing,
    /// A cut lies too far from where an MPD would have it that lists numbers alone.
    OffNominal,
    /// The first media of this process.
    Started,
    /// A segment was longer than announced.
    TargetRaised,
    /// Timestamps jumped.
    TimestampJump,
    /// A track came or went.
    TracksChanged,
    /// All inputs are silent and the slate takes their place.
    Slate,
    /// Media came back after silence.
    SourceReturned,
}

/// Why a track takes no part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftOut {
    /// Another track of the same language is carried already.
    DuplicateLanguage,
    /// It did not deliver in time.
    Late,
    /// No sync sample within half a frame of the others' cut.
    Misaligned,
    /// More tracks than the channel's limit.
    TooManyTracks,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Report::CadenceFound { interval } => {
                write!(f, "a sync sample every {} ms", interval.floor_millis())
            }
            Report::CadenceIrregular { longest } => write!(
                f,
                "sync samples come at irregular distances, up to {} ms: set a fixed GOP for even segments",
                longest.floor_millis()
            ),
            Report::ClockMapped { absolute: true } => {
                f.write_str("clock taken from the source's absolute time")
            }
            Report::ClockMapped { absolute: false } => {
                f.write_str("clock taken from the time of arrival")
            }
            Report::MainReturned => f.write_str("input 1 delivers again, and plays again"),
            Report::MemoryOverflow => f.write_str(
                "segments were dropped before their time: limits.channel_bytes is reached",
            ),
            Report::PeriodsOverflow => {
                f.write_str("segments were dropped before their time: limits.periods is reached")
            }
            Report::PendingOverflow => f.write_str(
                "too much media without a cut: limits.pending_bytes reached, oldest dropped",
            ),
            Report::PeriodBegan { id, reason } => write!(f, "Period {id} began: {reason}"),
            Report::SourceLost { input } => write!(f, "input {} has gone", input.0),
            Report::TargetRaised { from, to } => {
                write!(
                    f,
                    "a segment was longer than announced: target duration {from} s raised to {to} s"
                )
            }
            Report::TimestampBeyondReach { input } => {
                write!(
                    f,
                    "input {} gives a time beyond 2^60 ticks: that sample is dropped",
                    input.0
                )
            }
            Report::TimestampRepaired { track } => {
                write!(f, "{track}: decode time not after the one before it")
            }
            Report::TrackJoined { track } => write!(f, "{track} takes part"),
            Report::TrackLeftOut { track, why } => write!(f, "{track} is left out: {why}"),
        }
    }
}

impl Report {
    /// The fact's name, for metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Report::CadenceFound { .. } => "CadenceFound",
            Report::CadenceIrregular { .. } => "CadenceIrregular",
            Report::ClockMapped { .. } => "ClockMapped",
            Report::MainReturned => "MainReturned",
            Report::MemoryOverflow => "MemoryOverflow",
            Report::PendingOverflow => "PendingOverflow",
            Report::PeriodsOverflow => "PeriodsOverflow",
            Report::PeriodBegan { .. } => "PeriodBegan",
            Report::SourceLost { .. } => "SourceLost",
            Report::TargetRaised { .. } => "TargetRaised",
            Report::TimestampBeyondReach { .. } => "TimestampBeyondReach",
            Report::TimestampRepaired { .. } => "TimestampRepaired",
            Report::TrackJoined { .. } => "TrackJoined",
            Report::TrackLeftOut { .. } => "TrackLeftOut",
        }
    }
}

impl fmt::Display for PeriodReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PeriodReason::CadenceFound => "sync samples are at an even distance again",
            PeriodReason::Drift => "the source's clock had drifted",
            PeriodReason::CadenceLost => "sync samples left their even distance",
            PeriodReason::Configured => "other segments or parts were asked for",
            PeriodReason::SettingsChanged => "codec settings changed",
            PeriodReason::MediaMissing => "media is missing",
            PeriodReason::OffNominal => "segments had drifted from their nominal times",
            PeriodReason::Started => "the channel started",
            PeriodReason::TargetRaised => "a segment was longer than announced",
            PeriodReason::TimestampJump => "timestamps jumped",
            PeriodReason::TracksChanged => "a track came or went",
            PeriodReason::Slate => "all inputs are silent and the slate plays",
            PeriodReason::SourceReturned => "the source came back",
        })
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LeftOut::DuplicateLanguage => "another audio track of the same language is carried",
            LeftOut::Late => "it delivers too late",
            LeftOut::Misaligned => "its sync samples are not where the other rungs have theirs",
            LeftOut::TooManyTracks => "limits.tracks is reached",
        })
    }
}
