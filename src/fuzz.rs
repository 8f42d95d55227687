//! What fuzzers drive: each function takes any bytes and must return. `cargo test` drives them over
//! the fixtures and mutations of them; the wrappers in `fuzz/` hand them to libFuzzer.
//!
//! Parsers that keep their parts to themselves have their bodies beside them.

mod channel;
#[cfg(test)]
mod tests;
mod wishes;

pub use channel::channel;

pub use crate::ingest::rtmp::{
    fuzz_amf as rtmp_amf, fuzz_chunks as rtmp_chunks, fuzz_tags as rtmp_tags,
};
pub use crate::ingest::segmented::{fuzz_mpd as mpd, fuzz_playlist as playlist};
pub use crate::isobmff::fuzz_boxes as isobmff;
pub use crate::mpegts::{fuzz_demuxer as transport_stream, fuzz_pes as pes};

use crate::config::Config;
use crate::ingest::IngestPath;
use crate::resolve::{Container, Directives, EgressPath, File, Leaf};

/// Paths of both listeners.
///
/// # Panics
/// Where an object has a second name, which would be a second cache entry for the same bytes.
pub fn url(data: &[u8]) {
    let Ok(path) = std::str::from_utf8(data) else { return };
    if let Some(pushed) = IngestPath::parse(path) {
        assert!(matches!(pushed.input.0, 1 | 2) && !pushed.rung().as_str().contains('/'));
    }
    let Some(asked) = EgressPath::parse(path) else { return };
    let Leaf::Object { generation, rendition, file } = asked.leaf else { return };
    let name = match file {
        File::Playlist => "media.m3u8".to_owned(),
        File::Init { period } => format!("init-{period}.mp4"),
        File::Segment { container, number } => format!("{number}.{}", extension(container)),
        File::Part { container, period, start } => {
            format!("p{period}-{start}.{}", extension(container))
        }
    };
    let (group, ordinal, channel) = (asked.group, asked.ordinal, asked.channel);
    let written =
        format!("/v1/{group}/{ordinal}/{channel}/{ordinal}-{generation}/{rendition}/{name}");
    assert_eq!(written, path, "one object, one name");
}

fn extension(container: Container) -> &'static str {
    match container {
        Container::Cmaf => "m4s",
        Container::TransportStream => "ts",
    }
}

/// Queries of playlists.
///
/// # Panics
/// Where a part is asked for without its segment, which is refused.
pub fn directives(data: &[u8]) {
    let Ok(query) = std::str::from_utf8(data) else { return };
    if let Ok(directives) = Directives::parse(Some(query)) {
        assert!(directives.part.is_none() || directives.msn.is_some());
    }
}

/// Configuration files.
///
/// # Panics
/// Where a file is refused without a word.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(faults) = Config::parse(text) {
        assert!(!faults.to_string().is_empty());
    }
}
