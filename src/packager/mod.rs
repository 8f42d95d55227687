//! The core: one channel from samples to snapshots.
//!
//! ```text
//! SourceEvent ──▶ timeline ──▶ watch (start-up) ──▶ run: chunker ──▶ segmentations ──▶ Snapshot
//! ```
//!
//! [`Channel`] is the one mutable thing of the program; its task owns it by `&mut`. What belongs
//! here: the clock all tracks share, cuts, numbers, Periods, holes, parts, and the windows that
//! list them. What does not: containers (`isobmff`, `mpegts`), text (`manifest`), requests
//! (`resolve`), and anything that reads a clock, opens a file or takes a lock (invariant 21).

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod cadence;
mod channel;
mod chunker;
mod config;
mod contract;
mod grid;
mod muxed;
mod past;
mod period;
mod run;
mod segment;
mod segmentation;
mod snapshot;
mod state;
mod timeline;
mod watch;
mod window;

pub use cadence::Rhythm;
pub use channel::{Channel, SlateWanted};
pub use chunker::Chunk;
pub use config::{ChannelConfig, Limits, SegmentationKey, SegmentationWanted, Served};
pub use contract::{Input, InputId, LeftOut, Output, PeriodReason, Report, SourceEvent, SourceId};
pub use grid::{PART_SLACK_MICROS, part_target};
pub use muxed::Sound;
pub use past::{PastLists, extended, past};
pub use period::{Change, Nominal, Period, PeriodSpan, PeriodSpans, PeriodTrack};
pub use segment::{OpenSegment, Part, Segment, SegmentContent};
pub use snapshot::{RenditionView, Report as RenditionReport, SegmentationView, Snapshot};
pub use state::{LastRun, Lineage, Lists, Rendition, RenditionId, Restored, State};
pub use window::Rows;

#[cfg(test)]
pub(crate) mod tests;
