//! Aggregate messages: FLV tags one after the other, each with its length behind it (RTMP 1.0 §7.1.6).

use bytes::{Buf, Bytes};

/// Tags within one message; each is kept with what it costs to keep it.
const TAGS_MAX: usize = 1_000;

/// A message within another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    /// Message type.
    pub(super) kind: u8,
    /// Milliseconds modulo 2^32.
    pub(super) at: u32,
    pub(super) body: Bytes,
}

/// Takes an aggregate message apart. Its own timestamp is the first tag's. `None` where it is broken or
/// has too many.
pub(super) fn tags(timestamp: u32, mut payload: Bytes) -> Option<Vec<Tag>> {
    let (mut tags, mut first) = (Vec::new(), None);
    while !payload.is_empty() {
        let [kind, l0, l1, l2, t0, t1, t2, t3, _, _, _, ..] = payload[..] else { return None };
        let length = u32::from_be_bytes([0, l0, l1, l2]) as usize;
        let at = u32::from_be_bytes([t3, t0, t1, t2]);
        payload.advance(11);
        if payload.len() < length + 4 || tags.len() == TAGS_MAX {
            return None;
        }
        let body = payload.split_to(length);
        payload.advance(4);
        let at = timestamp.wrapping_add(at.wrapping_sub(*first.get_or_insert(at)));
        tags.push(Tag { kind, at, body });
    }
    Some(tags)
}
