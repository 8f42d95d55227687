//! Segments answered while they are made: low-latency DASH.

use bytes::Bytes;

use super::object::ListId;
use super::rules::EndpointRules;
use crate::media::MediaKind;
use crate::packager::{Part, Snapshot};
use crate::units::MediaDuration;

/// How long nothing may come before an answer is cut off, in target durations: as long as a request
/// that waits.
const PATIENCE_TARGETS: i64 = 3;

impl EndpointRules {
    /// Whether its segments are read while they are made: low-latency DASH.
    #[must_use]
    pub fn grows(&self) -> bool {
        self.protocol.has_dash() && self.segmentation.part_ms.is_some()
    }
}

/// A segment that is being made, and how much of it a reader has been given.
#[derive(Clone, Debug)]
pub struct Growing {
    /// Its list.
    pub on: ListId,
    /// Of which kind of track.
    pub media: MediaKind,
    /// Its number.
    number: u64,
    /// Parts given so far.
    given: usize,
    /// How long nothing may come.
    pub patience: MediaDuration,
}

/// What there is of a growing segment beyond what was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Growth {
    /// These bytes, and more will come.
    More(Vec<Bytes>),
    /// These bytes, the last: the segment is complete.
    Last(Vec<Bytes>),
    /// Nothing yet.
    Nothing,
    /// The segment will not be completed, or has left the window.
    Never,
}

impl Growing {
    pub(super) fn new(on: ListId, media: MediaKind, number: u64, target: u32) -> Self {
        let patience = MediaDuration::from_secs(PATIENCE_TARGETS * i64::from(target));
        Growing { on, media, number, given: 0, patience }
    }

    /// What a snapshot has beyond what was given; it counts as given from now on.
    pub fn grow(&mut self, snapshot: &Snapshot) -> Growth {
        let ListId { segmentation, rendition, .. } = self.on;
        let view = snapshot.segmentations.get(&segmentation);
        let list = view.and_then(|view| view.rendition(rendition));
        let Some(list) = list else { return Growth::Never };
        let complete = list.segment(self.number);
        let open = list.open.as_ref().filter(|open| open.number == self.number);
        let parts = match (complete, open) {
            (Some(row), _) => row.parts(),
            (None, Some(open)) => &open.parts,
            (None, None) => return Growth::Never,
        };
        let new: Vec<Bytes> = parts.iter().skip(self.given).flat_map(Part::body).collect();
        self.given = parts.len().max(self.given);
        match complete {
            Some(_) => Growth::Last(new),
            None if new.is_empty() => Growth::Nothing,
            None => Growth::More(new),
        }
    }
}
