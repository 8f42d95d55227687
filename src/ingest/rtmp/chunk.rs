//! Chunks (RTMP 1.0 §5.3): messages put together, each chunk stream in a buffer of its own, so that
//! they may be interleaved in any way. Set Chunk Size and Abort Message act here (§5.4.1, §5.4.2).

use std::collections::BTreeMap;

use bytes::{Buf, Bytes, BytesMut};
use thiserror::Error;

/// Size of a chunk's payload until it is set (§5.4.1).
const CHUNK_SIZE: usize = 128;
/// No message is longer, so that no chunk need be.
const CHUNK_SIZE_MAX: u32 = 0xff_ffff;
/// A timestamp field that says that the timestamp follows (§5.3.1.3).
const EXTENDED: u32 = 0xff_ffff;
/// Set Chunk Size.
const SET_CHUNK_SIZE: u8 = 1;
/// Abort Message.
const ABORT: u8 = 2;

/// What one connection may hold of messages that are not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChunkLimits {
    /// Bytes of one message.
    pub(super) message_bytes: usize,
    /// Bytes of all of them.
    pub(super) held_bytes: usize,
    /// Chunk streams.
    pub(super) streams: usize,
}

/// Why chunks cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[allow(missing_docs, reason = "the messages say what the fields are")]
pub(super) enum ChunkFault {
    /// A message longer than any that is taken.
    #[error("a message on chunk stream {stream} has {length} bytes; {limit} are allowed")]
    MessageTooLong { stream: u32, length: usize, limit: usize },
    /// Too much is open at once.
    #[error("the messages that are under way hold more than the {limit} bytes allowed")]
    Held { limit: usize },
    /// More chunk streams than any encoder uses.
    #[error("the connection uses more than the {limit} chunk streams allowed")]
    TooManyStreams { limit: usize },
    /// A header that refers to one that did not come.
    #[error(
        "chunk stream {stream} begins with a header of type {format}, which repeats what an earlier one would have said; it must be type 0"
    )]
    NoHeader { stream: u32, format: u8 },
    /// A size of chunks that cannot be.
    #[error("Set Chunk Size asks for {size}; 1 to 2147483647 are allowed")]
    ChunkSize { size: u32 },
    /// Set Chunk Size or Abort Message without its number.
    #[error("a control message of type {kind} has {length} bytes; it must have 4")]
    Control { kind: u8, length: usize },
}

/// A whole message (§6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// Message type id.
    pub(super) kind: u8,
    /// Message stream id.
    pub(super) stream: u32,
    /// Milliseconds modulo 2^32.
    pub(super) timestamp: u32,
    pub(super) payload: Bytes,
}

/// One chunk stream: what its headers have said last, and the message under way.
#[derive(Debug, Default)]
struct Stream {
    timestamp: u32,
    delta: u32,
    /// The extended timestamp of the newest header that was not of type 3, where it had one.
    extended: Option<u32>,
    length: usize,
    kind: u8,
    message_id: u32,
    payload: BytesMut,
}

/// Puts messages together.
#[derive(Debug)]
pub(super) struct ChunkReader {
    limits: ChunkLimits,
    chunk_size: usize,
    streams: BTreeMap<u32, Stream>,
    /// The chunk whose payload comes next: its stream, and how much of it is missing.
    body: Option<(u32, usize)>,
    held: usize,
}

/// A chunk's header, read.
struct Header {
    bytes: usize,
    stream: u32,
    format: u8,
    timestamp: u32,
    extended: Option<u32>,
    length: usize,
    kind: u8,
    /// Message stream id.
    message_id: u32,
}

impl ChunkReader {
    pub(super) fn new(limits: ChunkLimits) -> Self {
        ChunkReader {
            limits,
            chunk_size: CHUNK_SIZE,
            streams: BTreeMap::new(),
            body: None,
            held: 0,
        }
    }

    /// Sets how long a message may be from here on.
    pub(super) fn set_message_bytes(&mut self, message_bytes: usize, held_bytes: usize) {
        self.limits = ChunkLimits { message_bytes, held_bytes, ..self.limits };
    }

    /// Bytes of messages that are not whole.
    pub(super) fn held_bytes(&self) -> usize {
        self.held
    }

    /// Takes what it can of `input`; gives the next message, or nothing where more bytes are needed.
    ///
    /// # Errors
    /// What cannot be read on; the connection is then of no use.
    pub(super) fn next(&mut self, input: &mut BytesMut) -> Result<Option<Message>, ChunkFault> {
        loop {
            let (id, missing) = match self.body {
                Some(body) => body,
                None => match self.header(input)? {
                    Some(header) => self.begin(&header)?,
                    None => return Ok(None),
                },
            };
            let Some(stream) = self.streams.get_mut(&id) else { return Ok(None) };
            let taken = missing.min(input.len());
            if self.held + taken > self.limits.held_bytes {
                return Err(ChunkFault::Held { limit: self.limits.held_bytes });
            }
            stream.payload.extend_from_slice(&input[..taken]);
            self.held += taken;
            input.advance(taken);
            self.body = Some((id, missing - taken)).filter(|(_, missing)| *missing > 0);
            if self.body.is_some() {
                return Ok(None);
            }
            if stream.payload.len() < stream.length {
                continue;
            }
            let payload = std::mem::take(&mut stream.payload).freeze();
            self.held -= payload.len();
            let (kind, timestamp) = (stream.kind, stream.timestamp);
            let message = Message { kind, stream: stream.message_id, timestamp, payload };
            if !self.control(&message)? {
                return Ok(Some(message));
            }
        }
    }

    /// Reads a header that is there whole.
    fn header(&mut self, input: &mut BytesMut) -> Result<Option<Header>, ChunkFault> {
        let Some((stream, format, basic)) = basic_header(input) else { return Ok(None) };
        let known = self.streams.get(&stream);
        if known.is_none() && format > 1 {
            return Err(ChunkFault::NoHeader { stream, format });
        }
        let size = [11, 7, 3, 0][usize::from(format)];
        let Some(fields) = input.get(basic..basic + size) else { return Ok(None) };
        let mut header = Header {
            bytes: basic + size,
            stream,
            format,
            timestamp: known.map_or(0, |known| known.delta),
            extended: known.and_then(|known| known.extended).filter(|_| format == 3),
            length: known.map_or(0, |known| known.length),
            kind: known.map_or(0, |known| known.kind),
            message_id: known.map_or(0, |known| known.message_id),
        };
        if let [a, b, c, rest @ ..] = fields {
            header.timestamp = u32::from_be_bytes([0, *a, *b, *c]);
            if let [a, b, c, kind, id @ ..] = rest {
                header.length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
                header.kind = *kind;
                if let [a, b, c, d] = id {
                    header.message_id = u32::from_le_bytes([*a, *b, *c, *d]);
                }
            }
        }
        let begins_extended = format != 3 && header.timestamp == EXTENDED;
        if begins_extended || header.extended.is_some() {
            let Some(extended) = input.get(header.bytes..).and_then(<[u8]>::first_chunk) else {
                return Ok(None);
            };
            let extended = u32::from_be_bytes(*extended);
            if begins_extended {
                header.bytes += 4;
                (header.timestamp, header.extended) = (extended, Some(extended));
            } else if header.extended == Some(extended) {
                header.bytes += 4;
            }
            // Some senders leave it out of type 3: what stands there is then payload.
        }
        input.advance(header.bytes);
        Ok(Some(header))
    }

    /// A header has come: gives its stream and how long its chunk is.
    fn begin(&mut self, header: &Header) -> Result<(u32, usize), ChunkFault> {
        let limits = self.limits;
        if !self.streams.contains_key(&header.stream) && self.streams.len() >= limits.streams {
            return Err(ChunkFault::TooManyStreams { limit: limits.streams });
        }
        let stream = self.streams.entry(header.stream).or_default();
        if header.format < 3 && !stream.payload.is_empty() {
            // A message that is begun anew was given up.
            self.held -= stream.payload.len();
            stream.payload.clear();
        }
        if stream.payload.is_empty() {
            if header.length > limits.message_bytes {
                let (stream, length, limit) = (header.stream, header.length, limits.message_bytes);
                return Err(ChunkFault::MessageTooLong { stream, length, limit });
            }
            stream.timestamp = match header.format {
                0 => header.timestamp,
                _ => stream.timestamp.wrapping_add(header.timestamp),
            };
            // A message of type 3 behind one of type 0 is later by as much (§5.3.1.2.4).
            stream.delta = header.timestamp;
            stream.extended = header.extended;
            stream.length = header.length;
            stream.kind = header.kind;
            stream.message_id = header.message_id;
        }
        Ok((header.stream, self.chunk_size.min(stream.length - stream.payload.len())))
    }

    /// Does what a message says of the chunks themselves; whether it was such a message.
    fn control(&mut self, message: &Message) -> Result<bool, ChunkFault> {
        let (SET_CHUNK_SIZE | ABORT) = message.kind else { return Ok(false) };
        let Some(value) = message.payload.first_chunk() else {
            let (kind, length) = (message.kind, message.payload.len());
            return Err(ChunkFault::Control { kind, length });
        };
        let value = u32::from_be_bytes(*value);
        if message.kind == ABORT {
            if let Some(stream) = self.streams.get_mut(&value) {
                self.held -= stream.payload.len();
                stream.payload.clear();
            }
        } else if value == 0 || value > i32::MAX as u32 {
            return Err(ChunkFault::ChunkSize { size: value });
        } else {
            self.chunk_size = value.min(CHUNK_SIZE_MAX) as usize;
        }
        Ok(true)
    }
}

/// Chunk stream id, format and length of a basic header (§5.3.1.1).
fn basic_header(input: &[u8]) -> Option<(u32, u8, usize)> {
    let first = *input.first()?;
    let format = first >> 6;
    Some(match first & 0x3f {
        0 => (64 + u32::from(*input.get(1)?), format, 2),
        1 => (64 + u32::from(*input.get(1)?) + u32::from(*input.get(2)?) * 256, format, 3),
        id => (u32::from(id), format, 1),
    })
}

/// Appends a message as chunks of the size that holds unless another is set.
pub(super) fn write_chunks(out: &mut BytesMut, chunk_stream: u8, message: &Message) {
    let length = (message.payload.len() as u32).to_be_bytes();
    let timestamp = message.timestamp.min(EXTENDED - 1).to_be_bytes();
    out.extend_from_slice(&[chunk_stream & 0x3f]);
    out.extend_from_slice(&timestamp[1..]);
    out.extend_from_slice(&length[1..]);
    out.extend_from_slice(&[message.kind]);
    out.extend_from_slice(&message.stream.to_le_bytes());
    for (n, piece) in message.payload.chunks(CHUNK_SIZE).enumerate() {
        if n > 0 {
            out.extend_from_slice(&[0xc0 | chunk_stream & 0x3f]);
        }
        out.extend_from_slice(piece);
    }
}

#[cfg(test)]
mod tests;
