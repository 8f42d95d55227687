//! HLS playlists (draft-pantos-hls-rfc8216bis).

mod media;
mod multivariant;

pub use media::{HOLD_BACK_PARTS, HOLD_BACK_TARGETS, MediaPlaylist, SKIP_TARGETS, media};
pub use multivariant::multivariant;
