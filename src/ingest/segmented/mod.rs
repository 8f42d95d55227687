//! Segments that are pushed: by HLS playlists, by MPDs, as CMAF tracks. What a body is, is told by
//! what it holds; whose it is, by the manifests that list it.
//!
//! Sans-IO: [`Session`] opens nothing and reads no clock. The listener gives it bodies as they come.
//!
//! | file | is |
//! | --- | --- |
//! | `session` | one encoder's push: bodies in, one source's events out |
//! | `content` | what a body is |
//! | `bind` | whose it is |
//! | `advance` | what is read next |
//! | `manifests` | what playlists and MPDs change |
//! | `playlist`, `mpd`, `time`, `path` | manifests as text, read |
//! | `hls` | which segment comes next of a playlist |
//! | `strand` | the bytes of one playlist, Representation or track, in order |
//! | `fragments` | fragmented MP4 to samples |
//! | `step` | tracks in step |
//! | `fault` | what senders get wrong |

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod advance;
mod bind;
mod content;
mod fault;
mod fragments;
mod hls;
mod manifests;
mod mpd;
mod path;
mod playlist;
mod session;
mod step;
mod strand;
#[cfg(test)]
mod tests;
mod time;

pub use content::Content;
pub use fault::{Fault, Refusal};
pub use mpd::{MpdError, fuzz_mpd};
pub(in crate::ingest) use playlist::{
    Map, MediaPlaylist, Multivariant, Part, Playlist, Range, Rendition, Segment, TEXT_MAX, Variant,
    read as read_playlist,
};
pub use playlist::{PlaylistError, fuzz_playlist};
pub use session::{Session, SessionLimits};
