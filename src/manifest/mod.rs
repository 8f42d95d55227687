//! Manifests: pure text from a [`Snapshot`](crate::packager::Snapshot).
//!
//! HLS and DASH endpoints of one segmentation are two renderings of one snapshot (invariant 14).
//! Which part of it a reader sees is decided in `resolve`; headers, compression and caching belong
//! to `http`. Nothing here reads a clock: the same snapshot renders to the same bytes.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod dash;
pub mod hls;
mod presentation;
mod text;

pub use presentation::{Dates, Presentation, StreamOrder, VideoBitrates};

use crate::packager::{RenditionView, SegmentationView};
use crate::resolve::Container;
use crate::units::MediaDuration;

/// What an endpoint's rules have to do with its manifests.
#[derive(Clone, Copy, Debug)]
pub struct Listing<'a> {
    /// The folder of objects beside the manifest: `{n}-{generation}`.
    pub folder: &'a str,
    /// Segments listed at least.
    pub segments: u32,
    /// Media listed at least.
    pub window: MediaDuration,
    /// Whether the lists have ended.
    pub ended: bool,
    /// What segments and parts are.
    pub container: Container,
    /// Whether a list of video carries its default audio.
    pub muxed: bool,
    /// How it is presented.
    pub presentation: &'a Presentation,
    /// Where it is of the past: how it is written.
    pub past: Option<Past<'a>>,
}

/// A manifest of the past.
#[derive(Clone, Copy, Debug)]
pub struct Past<'a> {
    /// What links to media playlists carry on.
    pub token: &'a str,
    /// What becomes of it.
    pub kind: PastKind,
    /// Where an MPD that grows is to be asked for again.
    pub location: &'a str,
}

/// What becomes of a manifest of the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PastKind {
    /// It moves on, so many milliseconds behind live.
    Window {
        /// How many.
        delay: i64,
    },
    /// It grows, and may have ended by now.
    Growing,
    /// It is all there, and always was for whoever asks.
    Whole,
}

impl Listing<'_> {
    /// Index of the first row a media playlist lists. What is left spans three target durations by
    /// the sum of its segments (rfc8216bis §6.2.2): a hole between two of them counts for nothing.
    #[must_use]
    pub fn start(&self, segmentation: &SegmentationView, list: &RenditionView) -> usize {
        list.list_start(self.segments, self.window, segmentation.target)
    }

    /// What the names of segments and parts end in.
    #[must_use]
    pub fn extension(&self) -> &'static str {
        match self.container {
            Container::Cmaf => "m4s",
            Container::TransportStream => "ts",
        }
    }

    /// Index of the first row an MPD lists: its window is one of time, and ends with media.
    #[must_use]
    pub fn window_start(&self, segmentation: &SegmentationView, list: &RenditionView) -> usize {
        let Some(last) = list.newest_media(segmentation.incomplete) else {
            return list.rows.len();
        };
        let since = last.end_time() - self.window.max(segmentation.least_listed());
        list.rows.partition_point(|row| row.end_time() <= since)
    }
}
