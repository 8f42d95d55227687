//! ISO base media file format: initialization segments and chunks written and read, and a text form
//! for people and goldens (ISO/IEC 14496-12, 14496-14, 14496-15; CMAF is ISO/IEC 23000-19).
//!
//! Bytes in, bytes out. What a chunk holds, when it ends and what its number is, the packager
//! decides; files with sample tables (a loop's) are read by [`crate::ingest`]; nothing here opens,
//! waits or keeps state.
//!
//! | file | is |
//! | --- | --- |
//! | `init`, `entry`, `brand` | the CMAF header of a track |
//! | `movie` | a file with sample tables |
//! | `chunk` | one moof + mdat, and the `styp` before a segment |
//! | `boxes` | headers and fields of any box, with limits |
//! | `read` | what we and others write, back into values |
//! | `stream` | what others push, cut into its top-level boxes as the bytes come |
//! | `dump` | the same as text |

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod boxes;
mod brand;
mod chunk;
mod dump;
mod entry;
mod init;
mod movie;
mod read;
mod stream;
#[cfg(test)]
mod tests;
mod write;

pub use boxes::{BoxHeader, DEPTH_MAX, FourCc, ReadError, Strictness, boxes, scan};
pub use chunk::{ChunkSample, SEGMENT_TYPE, chunk, sequence_number};
pub use dump::dump;
pub use init::init_segment;
pub use movie::{MovieRun, MovieSample, MovieTrack, movie};
pub use read::{
    ParsedChunk, ParsedInit, ParsedSample, SAMPLES_MAX, SampleDefaults, TRACKS_MAX, parse_chunk,
    parse_fragment, parse_init, parse_moof, parse_movie, parse_own_form, renumber,
};
pub use stream::{BoxStream, BoxStreamLimits, Element, ProducerTime, StreamError};

/// What a fuzzer drives: every reader over the same bytes. Must return, whatever the bytes are.
#[doc(hidden)]
pub fn fuzz_boxes(data: &[u8]) {
    let defaults = SampleDefaults::default();
    for strictness in [Strictness::Strict, Strictness::Tolerant] {
        let _ = parse_init(data, strictness);
        let _ = parse_chunk(data, &defaults, strictness);
    }
    let _ = parse_movie(data);
    let _ = parse_fragment(data, &|_| defaults);
    let _ = parse_own_form(data);
    let _ = scan(data, Strictness::Tolerant, &mut |_| ());
    let _ = dump(data);
    let mut stream = BoxStream::new(BoxStreamLimits { header_bytes: 4096, chunk_bytes: 8192 });
    for piece in data.chunks(7) {
        stream.push(piece);
        while stream.poll().is_some() {}
    }
    stream.end_of_body();
}
