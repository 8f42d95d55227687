//! What answers are about: lists, and the objects they name.

use bytes::Bytes;

use super::protocol::Container;
use crate::media::MediaKind;
use crate::packager::{RenditionId, SegmentationKey};

/// One list of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ListId {
    /// In which segmentation.
    pub segmentation: SegmentationKey,
    /// Whose.
    pub rendition: RenditionId,
    /// Whether the Period's default audio goes with it.
    pub muxed: bool,
}

/// Immutable bytes.
#[derive(Clone, Debug)]
pub struct Object {
    /// Laid end to end.
    pub body: Vec<Bytes>,
    /// What they are.
    pub kind: ObjectKind,
    /// Of which kind of track; of the first one where it holds two.
    pub media: MediaKind,
    /// As what.
    pub container: Container,
}

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// ftyp and moov.
    Init,
    /// A media segment.
    Segment,
    /// A part.
    Part,
}
