//! A pushed file cut into its top-level boxes, whatever pieces its bytes come in: headers, chunks as
//! soon as their last byte is there, producer times, the end of a track.
//!
//! Nothing is held but the box in the making, within [`BoxStreamLimits`]; boxes nobody needs pass by.
//! What a header or a chunk says is read by [`parse_movie`](super::parse_movie) and
//! [`parse_fragment`](super::parse_fragment).

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use thiserror::Error;

use super::boxes::{BoxHeader, FourCc, ReadError, Strictness};

/// What one stream may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoxStreamLimits {
    /// Bytes of a `moov`, a `moof` or a smaller box that is read.
    pub header_bytes: usize,
    /// Bytes of a chunk: a `moof` with its `mdat`.
    pub chunk_bytes: usize,
}

impl Default for BoxStreamLimits {
    fn default() -> Self {
        BoxStreamLimits { header_bytes: 1 << 20, chunk_bytes: 64 << 20 }
    }
}

/// Why no more can be read of a body.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StreamError {
    /// A box is longer than what is held of one.
    #[error("box '{kind}' has {size} bytes; at most {limit} are taken")]
    TooLong {
        /// The box.
        kind: FourCc,
        /// What it says.
        size: u64,
        /// The limit.
        limit: usize,
    },
    /// A box says it is smaller than its own header, or its name is not printable: these are no
    /// boxes.
    #[error("the body is not made of ISO boxes")]
    NotBoxes,
    /// The body ended inside a box.
    #[error("the body ends inside box '{kind}'")]
    CutShort {
        /// The box.
        kind: FourCc,
    },
    /// A box that is read is malformed.
    #[error(transparent)]
    Box(#[from] ReadError),
}

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Element {
    /// A `moov`, whole.
    Header(Bytes),
    /// `styp` or `ftyp`; whether its brands say that this is the last segment of the track
    /// (`lmsg`, ISO/IEC 23009-1 §7.3.1).
    Type {
        /// The last segment.
        last: bool,
    },
    /// `prft`.
    ProducerTime(ProducerTime),
    /// A `moof`, what follows it, and the `mdat`, in one piece.
    Chunk(Bytes),
    /// An `mfra` without entries, the older form of saying that a track ends.
    End,
}

/// When a producer handled a sample (ISO/IEC 14496-12 §8.16.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerTime {
    /// The track it speaks of.
    pub track_id: u32,
    /// Nanoseconds since the Unix epoch.
    pub wall_nanos: i64,
    /// Ticks of the track that stand for it.
    pub media_time: u64,
}

/// Seconds between the epochs of NTP, 1900, and Unix, 1970.
const NTP_TO_UNIX: i64 = 2_208_988_800;

impl ProducerTime {
    fn parse(data: &[u8], header: &BoxHeader) -> Result<Self, ReadError> {
        let mut fields = header.fields(data);
        let (version, _) = fields.version_and_flags()?;
        let track_id = fields.u32()?;
        // 32 bits of seconds end in 2036; what would lie before 1968 lies after that.
        let seconds = i64::from(fields.u32()?);
        let era = if seconds < 1 << 31 { 1 << 32 } else { 0 };
        let seconds = seconds + era - NTP_TO_UNIX;
        let nanos = (u64::from(fields.u32()?) * 1_000_000_000) >> 32;
        let media_time = fields.number(if version == 0 { 4 } else { 8 })?;
        let wall_nanos = seconds * 1_000_000_000 + nanos.cast_signed();
        Ok(ProducerTime { track_id, wall_nanos, media_time })
    }
}

/// What is done with the box whose bytes come now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    /// Read when it is whole.
    Read,
    /// Kept as a part of the chunk in the making.
    Keep,
    /// The `mdat` that makes the chunk whole.
    Finish,
    /// Passes by.
    Skip,
}

/// The box whose bytes come now.
#[derive(Clone, Copy, Debug)]
struct Current {
    kind: FourCc,
    purpose: Use,
    /// Bytes to come; nothing where the box goes on to the end of the body.
    left: Option<u64>,
}

/// Cuts one track's file, over all the bodies it is pushed in.
///
/// Push bytes as they come, then drain [`BoxStream::poll`]; at the end of a body call
/// [`BoxStream::end_of_body`] and drain again. After an error the rest of that body passes by.
#[derive(Debug)]
pub struct BoxStream {
    limits: BoxStreamLimits,
    /// The header of a box until it is whole, then the box or chunk in the making.
    held: BytesMut,
    /// Where in `held` the box that comes now begins.
    begins: usize,
    current: Option<Current>,
    /// Whether `held` begins with a `moof` whose `mdat` is to come.
    in_chunk: bool,
    failed: bool,
    out: VecDeque<Result<Element, StreamError>>,
}

impl BoxStream {
    /// A stream before its first byte.
    #[must_use]
    pub fn new(limits: BoxStreamLimits) -> Self {
        BoxStream {
            limits,
            held: BytesMut::new(),
            begins: 0,
            current: None,
            in_chunk: false,
            failed: false,
            out: VecDeque::new(),
        }
    }

    /// What has become whole, oldest first.
    pub fn poll(&mut self) -> Option<Result<Element, StreamError>> {
        self.out.pop_front()
    }

    /// Bytes held for what is not whole yet.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.held.len()
    }

    /// Takes the next bytes of the body.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.failed {
            bytes = match self.current {
                None => self.header(bytes),
                Some(current) => self.body(current, bytes),
            };
        }
    }

    /// The body has ended; the next begins with a box.
    pub fn end_of_body(&mut self) {
        match self.current {
            Some(Current { left: None, .. }) if !self.failed => self.whole(),
            Some(current) if !self.failed && current.purpose != Use::Skip => {
                self.fail(StreamError::CutShort { kind: current.kind });
            }
            None if !self.failed && self.in_chunk => {
                self.fail(StreamError::CutShort { kind: FourCc(*b"moof") });
            }
            _ => {}
        }
        self.held.clear();
        self.begins = 0;
        self.current = None;
        self.in_chunk = false;
        self.failed = false;
    }

    fn fail(&mut self, error: StreamError) {
        self.out.push_back(Err(error));
        self.failed = true;
        self.held = BytesMut::new();
    }

    /// Gathers the header of the next box; gives what of `bytes` is left.
    fn header<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let have = self.held.len() - self.begins;
        let long = self.held.get(self.begins..self.begins + 4) == Some(&[0, 0, 0, 1]);
        let want = if have >= 8 && long { 16 } else { 8 };
        let take = (want - have).min(bytes.len());
        self.held.extend_from_slice(&bytes[..take]);
        let header = &self.held[self.begins..];
        let whole = match header {
            [0, 0, 0, 1, ..] => header.len() == 16,
            _ => header.len() == 8,
        };
        if whole {
            self.begin();
        }
        &bytes[take..]
    }

    /// Decides about the box whose header has just become whole.
    fn begin(&mut self) {
        let header = &self.held[self.begins..];
        let [s0, s1, s2, s3, k0, k1, k2, k3, long @ ..] = header else { return };
        let kind = FourCc([*k0, *k1, *k2, *k3]);
        let size = match (u32::from_be_bytes([*s0, *s1, *s2, *s3]), long.first_chunk()) {
            (1, Some(long)) => Some(u64::from_be_bytes(*long)),
            (0, _) => None,
            (size, _) => Some(u64::from(size)),
        };
        let length = header.len() as u64;
        let printable = kind.0.iter().all(|b| (0x20..0x7f).contains(b));
        if size.is_some_and(|size| size < length) || !printable {
            return self.fail(StreamError::NotBoxes);
        }
        let purpose = self.purpose_of(kind);
        let limit = match purpose {
            Use::Skip => None,
            Use::Read => Some(self.limits.header_bytes),
            Use::Keep | Use::Finish if kind.0 == *b"moof" => Some(self.limits.header_bytes),
            Use::Keep | Use::Finish => Some(self.limits.chunk_bytes),
        };
        let before = self.begins as u64;
        if let (Some(size), Some(limit)) = (size, limit)
            && before + size > limit as u64
        {
            return self.fail(StreamError::TooLong { kind, size, limit });
        }
        if size.is_none() && purpose != Use::Finish && purpose != Use::Skip {
            // Only media may go on to the end of what holds it.
            return self.fail(StreamError::NotBoxes);
        }
        self.in_chunk |= kind.0 == *b"moof";
        if purpose == Use::Skip {
            self.held.truncate(self.begins);
        }
        self.current = Some(Current { kind, purpose, left: size.map(|size| size - length) });
        if size == Some(length) {
            self.whole();
        }
    }

    fn purpose_of(&mut self, kind: FourCc) -> Use {
        match (&kind.0, self.in_chunk) {
            (b"mdat", true) => Use::Finish,
            // A chunk whose media never came is forgotten.
            (b"moof", true) => {
                self.held = self.held.split_off(self.begins);
                self.begins = 0;
                Use::Keep
            }
            (_, true) | (b"moof", false) => Use::Keep,
            (b"moov" | b"styp" | b"ftyp" | b"prft" | b"mfra", false) => Use::Read,
            _ => Use::Skip,
        }
    }

    /// Takes bytes of the box that has begun; gives what of `bytes` is left.
    fn body<'a>(&mut self, current: Current, bytes: &'a [u8]) -> &'a [u8] {
        let most = current.left.map_or(bytes.len(), |left| {
            usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len())
        });
        let (taken, rest) = bytes.split_at(most);
        if current.purpose != Use::Skip {
            if self.held.len() + taken.len() > self.limits.chunk_bytes {
                let (kind, limit) = (current.kind, self.limits.chunk_bytes);
                let size = (self.held.len() + taken.len() - self.begins) as u64;
                self.fail(StreamError::TooLong { kind, size, limit });
                return rest;
            }
            self.held.extend_from_slice(taken);
        }
        let left = current.left.map(|left| left - taken.len() as u64);
        self.current = Some(Current { left, ..current });
        if left == Some(0) {
            self.whole();
        }
        rest
    }

    /// The box that has begun is whole.
    fn whole(&mut self) {
        let Some(current) = self.current.take() else { return };
        match current.purpose {
            Use::Skip => {}
            Use::Keep => self.begins = self.held.len(),
            Use::Finish => {
                self.in_chunk = false;
                self.begins = 0;
                let chunk = self.held.split().freeze();
                self.out.push_back(Ok(Element::Chunk(chunk)));
            }
            Use::Read => {
                let bytes = self.held.split().freeze();
                if let Some(element) = element(current.kind, bytes).transpose() {
                    self.out.push_back(element);
                }
            }
        }
    }
}

fn element(kind: FourCc, bytes: Bytes) -> Result<Option<Element>, StreamError> {
    let header = BoxHeader::read(&bytes, 0, bytes.len(), Strictness::Tolerant)?;
    Ok(match &kind.0 {
        b"moov" => Some(Element::Header(bytes)),
        b"prft" => Some(Element::ProducerTime(ProducerTime::parse(&bytes, &header)?)),
        b"styp" | b"ftyp" => {
            let (major, _) = bytes[header.body..].split_at(4.min(bytes.len() - header.body));
            let compatible = bytes[header.body..].chunks_exact(4).skip(2);
            let last = compatible.chain(std::iter::once(major)).any(|brand| brand == b"lmsg");
            Some(Element::Type { last })
        }
        // With entries it is the index of a file, and says nothing of the track's end.
        b"mfra" if bytes.len() <= header.body + 16 => Some(Element::End),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isobmff::{ChunkSample, SEGMENT_TYPE, chunk};

    fn boxed(kind: [u8; 4], body: &[u8]) -> Vec<u8> {
        let size = u32::try_from(body.len() + 8).expect("small");
        [&size.to_be_bytes()[..], &kind, body].concat()
    }

    fn media(number: u32) -> Vec<u8> {
        let data = Bytes::from_static(b"frame");
        let sample = ChunkSample { duration: 10, composition_offset: 0, sync: true, data: &data };
        chunk(number, u64::from(number) * 10, &[sample]).to_vec()
    }

    fn cut(
        bytes: &[u8],
        piece: usize,
        limits: BoxStreamLimits,
    ) -> Vec<Result<Element, StreamError>> {
        let mut stream = BoxStream::new(limits);
        for piece in bytes.chunks(piece) {
            stream.push(piece);
            assert!(stream.held_bytes() <= limits.chunk_bytes.max(limits.header_bytes));
        }
        stream.end_of_body();
        std::iter::from_fn(|| stream.poll()).collect()
    }

    fn file() -> (Vec<u8>, Vec<Result<Element, StreamError>>) {
        let moov = boxed(*b"moov", &boxed(*b"mvhd", &[0; 30]));
        let prft = [
            &[1, 0, 0, 24, 0, 0, 0, 7][..],
            &(1_800_000_000_u32.wrapping_add(2_208_988_800)).to_be_bytes(),
            &(1_u32 << 31).to_be_bytes(),
            &77_u64.to_be_bytes(),
        ]
        .concat();
        let bytes = [
            boxed(*b"ftyp", b"cmf2\0\0\0\0iso6"),
            moov.clone(),
            SEGMENT_TYPE.to_vec(),
            boxed(*b"prft", &prft),
            boxed(*b"emsg", &[9; 3000]),
            media(1),
            boxed(*b"styp", b"cmfs\0\0\0\0cmfslmsg"),
            media(2),
            boxed(*b"mfra", &[]),
        ]
        .concat();
        let expected = vec![
            Ok(Element::Type { last: false }),
            Ok(Element::Header(moov.into())),
            Ok(Element::Type { last: false }),
            Ok(Element::ProducerTime(ProducerTime {
                track_id: 7,
                wall_nanos: 1_800_000_000_500_000_000,
                media_time: 77,
            })),
            Ok(Element::Chunk(media(1).into())),
            Ok(Element::Type { last: true }),
            Ok(Element::Chunk(media(2).into())),
            Ok(Element::End),
        ];
        (bytes, expected)
    }

    #[test]
    fn every_split_gives_the_same_boxes() {
        let (bytes, expected) = file();
        for piece in [1, 2, 7, 8, 9, 16, 100, 10_000] {
            assert_eq!(cut(&bytes, piece, BoxStreamLimits::default()), expected, "{piece}");
        }
    }

    #[test]
    fn media_may_go_on_to_the_end_of_the_body_and_have_a_long_size() {
        let mut open = media(1);
        let mdat = open.windows(4).position(|w| w == b"mdat").expect("it is there") - 4;
        open[mdat..mdat + 4].copy_from_slice(&[0; 4]);
        let expected = [Ok(Element::Chunk(open.clone().into()))];
        assert_eq!(cut(&open, 3, BoxStreamLimits::default()), expected);
        let mut long = media(1);
        long.splice(mdat..mdat + 8, *b"\0\0\0\x01mdat\0\0\0\0\0\0\0\x15");
        let expected = [Ok(Element::Chunk(long.clone().into()))];
        assert_eq!(cut(&long, 5, BoxStreamLimits::default()), expected);
    }

    #[test]
    fn a_chunk_whose_media_never_came_is_forgotten() {
        let whole = media(2);
        let mdat = whole.windows(4).position(|w| w == b"mdat").expect("it is there") - 4;
        let bytes = [&whole[..mdat], &media(3)].concat();
        assert_eq!(
            cut(&bytes, 11, BoxStreamLimits::default()),
            [Ok(Element::Chunk(media(3).into()))]
        );
    }

    #[test]
    fn what_is_too_long_or_no_box_ends_the_body_and_no_other() {
        let limits = BoxStreamLimits { header_bytes: 200, chunk_bytes: 400 };
        let large = boxed(*b"moov", &[0; 300]);
        let kind = FourCc(*b"moov");
        let error = Err(StreamError::TooLong { kind, size: 308, limit: 200 });
        assert_eq!(cut(&large, 50, limits), [error]);
        let noise = [0x11; 500];
        assert_eq!(cut(&noise, 50, limits), [Err(StreamError::NotBoxes)]);
        let cut_short = &media(1)[..40];
        let error = Err(StreamError::CutShort { kind: FourCc(*b"moof") });
        assert_eq!(cut(cut_short, 50, limits), [error]);
        // Media without an end is held no longer than a chunk may be.
        let mut open = media(1);
        let mdat = open.windows(4).position(|w| w == b"mdat").expect("it is there") - 4;
        open[mdat..mdat + 4].copy_from_slice(&[0; 4]);
        open.extend([7; 1000]);
        let found = cut(&open, 50, limits);
        assert!(matches!(found[..], [Err(StreamError::TooLong { .. })]), "{found:?}");
        let mut stream = BoxStream::new(limits);
        stream.push(&noise);
        stream.end_of_body();
        stream.push(&media(1));
        assert!(matches!(stream.poll(), Some(Err(_))));
        assert_eq!(stream.poll(), Some(Ok(Element::Chunk(media(1).into()))));
    }
}
