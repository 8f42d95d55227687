//! The bodies of the fuzz targets; also driven by the tests over mutated fixtures.

use bytes::{Bytes, BytesMut};

use super::amf::{Value, read_all};
use super::publication::Publication;
use super::session::{Event, Media, MediaKind, Session};
use super::track::Out;
use crate::media::VariantName;
use crate::packager::{InputId, SourceEvent, SourceId};

/// Bytes of the longest message in these targets.
const MEDIA_BYTES: usize = 100_000;

/// Any bytes behind a handshake, in pieces that the bytes choose; every publish is taken.
///
/// # Panics
/// Where a limit does not hold, which no input may bring about.
#[doc(hidden)]
pub fn fuzz_chunks(data: &[u8]) {
    let mut session = Session::new(MEDIA_BYTES);
    let mut publication = publication();
    let piece = 1 + usize::from(data.first().copied().unwrap_or(0)) * 7;
    let mut handshake = vec![0; 1 + 2 * 1536];
    handshake[0] = 3;
    for bytes in std::iter::once(&handshake[..]).chain(data.chunks(piece)) {
        session.input().extend_from_slice(bytes);
        let mut count = bytes.len();
        loop {
            let read = session.advance(count);
            let mut out = Out::default();
            let mut asked = false;
            while let Some(event) = session.poll_event() {
                match event {
                    Event::Publish { .. } => {
                        session.accept();
                        asked = true;
                    }
                    Event::Media(media) => publication.take(media, &mut out),
                    Event::Metadata(value) => publication.describe(value, &mut out),
                    Event::Unpublish => publication = self::publication(),
                }
            }
            check(&out);
            let held = session.held_bytes();
            assert!(held <= MEDIA_BYTES + (1 << 20) + piece + handshake.len(), "{held} bytes held");
            let answered = session.take_output().len();
            assert!(answered <= 64 * (bytes.len() + 16) + 8192, "{answered} bytes answered");
            if read.is_err() {
                return;
            }
            if !asked {
                break;
            }
            count = 0;
        }
    }
}

/// Any bytes as values, which must come out of their own writing as they are.
///
/// # Panics
/// Where they do not.
#[doc(hidden)]
pub fn fuzz_amf(data: &[u8]) {
    let Ok(values) = read_all(data) else { return };
    let mut out = BytesMut::new();
    for value in &values {
        value.write(&mut out);
    }
    let again = read_all(&out).unwrap_or_default();
    // NaN is no other number's equal, its own neither.
    let same = |(a, b): (&Value, &Value)| format!("{a:?}") == format!("{b:?}");
    assert!(values.len() == again.len() && values.iter().zip(&again).all(same));
}

/// Any bytes as media messages: each begins with its kind, a step in time and its length.
///
/// # Panics
/// Where a sample is empty or longer than its message, which no input may bring about.
#[doc(hidden)]
pub fn fuzz_tags(data: &[u8]) {
    let mut publication = publication();
    let mut timestamp = 0_u32;
    let mut rest = data;
    while let [control, step, length, after @ ..] = rest {
        let kind = if control & 1 == 0 { MediaKind::Video } else { MediaKind::Audio };
        timestamp = timestamp.wrapping_add(u32::from(*step) << (control >> 3));
        let (body, after) = after.split_at(after.len().min(usize::from(*length) * 4));
        let mut out = Out::default();
        let body = Bytes::copy_from_slice(body);
        publication.take(Media { kind, timestamp, body }, &mut out);
        check(&out);
        rest = after;
    }
}

fn publication() -> Publication {
    Publication::new(SourceId { input: InputId(1), session: 1 }, VariantName::default())
}

fn check(out: &Out) {
    for event in &out.events {
        if let SourceEvent::Sample(_, sample) = event {
            assert!(!sample.data.is_empty() && sample.data.len() <= 2 * MEDIA_BYTES);
        }
    }
}
