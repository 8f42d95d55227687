//! What an encoder gets wrong, as named facts: what ends its connection, and what is left out of it.

use thiserror::Error;

use super::amf::AmfFault;
use super::chunk::ChunkFault;
use super::handshake::HandshakeFault;
use super::tag::TagFault;
use crate::media::codec::CodecError;

/// Why a connection is of no use any more.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum ConnectionFault {
    /// It is none of RTMP.
    #[error(transparent)]
    Handshake(#[from] HandshakeFault),
    /// Its chunks cannot be read on.
    #[error(transparent)]
    Chunk(#[from] ChunkFault),
    /// A command cannot be read.
    #[error("a command cannot be read: {0}")]
    Command(#[from] AmfFault),
    /// A message that is none.
    #[error("a message of type {kind} cannot be read")]
    Message {
        /// Message type id.
        kind: u8,
    },
}

/// Something wrong in what is published. Media goes on after it; what was damaged has been left out.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum MediaFault {
    /// A tag that cannot be read or is not carried.
    #[error(transparent)]
    Tag(#[from] TagFault),
    /// Settings that do not parse; the earlier ones stay in force.
    #[error("broken codec settings: {0}")]
    Settings(CodecError),
    /// A configuration record, or Opus's ID header, that does not hold what it says.
    #[error("a codec's configuration record is cut short or of an unknown version")]
    Record,
    /// Reported once until settings come; the frames are left out.
    #[error("media comes before its sequence header; it is left out until one comes")]
    BeforeSettings,
    /// Its NAL units do not fill the frame.
    #[error(
        "the NAL unit lengths of a picture do not fit it; pictures are as in MP4, without start codes"
    )]
    UnitLength,
    /// A parameter set longer than any that means something.
    #[error("a parameter set is longer than {limit} bytes")]
    ParameterSetTooLong {
        /// Longest.
        limit: usize,
    },
    /// An audio frame cannot be read.
    #[error("broken audio: {0}")]
    Audio(CodecError),
    /// The tag ends within an audio frame.
    #[error("an audio frame is cut short by the end of its tag")]
    AudioCutShort,
    /// What says what is published.
    #[error("onMetaData cannot be read: {0}")]
    Metadata(AmfFault),
}

impl MediaFault {
    /// The fact's name in snake case, for a metric's label.
    #[must_use]
    pub(super) fn name(&self) -> &'static str {
        match self {
            MediaFault::Tag(TagFault::Short) => "tag_cut_short",
            MediaFault::Tag(TagFault::PacketType(_)) => "packet_type",
            MediaFault::Tag(_) => "LeftOut",
            MediaFault::Settings(_) => "broken_parameter_sets",
            MediaFault::Record => "broken_record",
            MediaFault::BeforeSettings => "before_settings",
            MediaFault::UnitLength => "unit_length",
            MediaFault::ParameterSetTooLong { .. } => "parameter_set_too_long",
            MediaFault::Audio(_) => "broken_audio",
            MediaFault::AudioCutShort => "audio_cut_short",
            MediaFault::Metadata(_) => "broken_metadata",
        }
    }
}
