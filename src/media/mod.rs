//! What media is: elementary streams (tracks), coded frames (samples), and what a player must be
//! told of each codec. Nothing here knows a container or a protocol.

pub mod codec;
mod sample;
mod track;

pub use codec::Codec;
pub use sample::{Origin, Sample, SourceChunk};
pub use track::{Language, MediaKind, TrackId, TrackInfo, VariantName};
