//! Box headers and the fields inside them, read from bytes nobody vouches for
//! (ISO/IEC 14496-12 §4.2).
//!
//! A box never reaches beyond its parent, every field is checked before it is read, and nothing is
//! allocated from a count that the bytes do not back.

use std::fmt;

use thiserror::Error;

use crate::media::codec::CodecError;

/// How deep boxes may lie in boxes. The deepest we know, `avcC`, lies at 8.
pub const DEPTH_MAX: usize = 12;

/// A box's four-character name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FourCc(pub [u8; 4]);

impl fmt::Display for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.escape_ascii().fmt(f)
    }
}

impl fmt::Debug for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{self}'")
    }
}

/// How readers take what they do not expect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// Refuse boxes, brands of addressing and left-over bytes that we would not write ourselves.
    /// For tests.
    Strict,
    /// Skip what can be skipped. For what others push.
    Tolerant,
}

/// Why bytes are not the boxes they should be. `offset` is the byte the box begins at.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReadError {
    /// Addressing of samples that CMAF does not allow.
    #[error("box 'tfhd' at byte {offset} must use default-base-is-moof (ISO/IEC 23000-19 §7.5.16)")]
    Addressing {
        /// Where the box begins.
        offset: usize,
    },
    /// Codec settings that we do not carry.
    #[error("box '{kind}' at byte {offset}: {reason}")]
    Codec {
        /// The box that holds them.
        kind: FourCc,
        /// Where it begins.
        offset: usize,
        /// What is wrong.
        reason: CodecError,
    },
    /// A box ends before its fields do.
    #[error("box '{kind}' at byte {offset} is cut short")]
    CutShort {
        /// The box.
        kind: FourCc,
        /// Where it begins.
        offset: usize,
    },
    /// Samples whose data does not lie in, or (strict) does not fill, the chunk's `mdat`.
    #[error("box '{kind}' at byte {offset} points at data outside the chunk's 'mdat'")]
    Data {
        /// `trun`, or `mdat` where bytes of it belong to no sample.
        kind: FourCc,
        /// Where it begins.
        offset: usize,
    },
    /// Boxes in boxes beyond [`DEPTH_MAX`].
    #[error("box '{kind}' at byte {offset} lies deeper than {DEPTH_MAX} boxes")]
    Depth {
        /// The box.
        kind: FourCc,
        /// Where it begins.
        offset: usize,
    },
    /// A box that must be there is not.
    #[error("no box '{kind}' in '{parent}' at byte {offset}")]
    Missing {
        /// The box that is missing.
        kind: FourCc,
        /// Where it should be; `file` for the outermost level.
        parent: FourCc,
        /// Where the parent begins.
        offset: usize,
    },
    /// A second box where one is allowed.
    #[error("a second box '{kind}' at byte {offset}; one is allowed")]
    Repeated {
        /// The box.
        kind: FourCc,
        /// Where the second begins.
        offset: usize,
    },
    /// A box that says it is smaller than its header or larger than what holds it.
    #[error(
        "box '{kind}' at byte {offset} says it has {size} bytes; at most {available} are there"
    )]
    Size {
        /// The box.
        kind: FourCc,
        /// Where it begins.
        offset: usize,
        /// The size it gives.
        size: u64,
        /// Bytes from its beginning to its parent's end.
        available: usize,
    },
    /// More samples than a chunk may hold.
    #[error("box 'trun' at byte {offset} makes {count} samples; at most {max} are allowed", max = super::SAMPLES_MAX)]
    TooManySamples {
        /// Where the box begins.
        offset: usize,
        /// Samples so far.
        count: u64,
    },
    /// A box we do not write there, or out of order, or bytes left over in it (strict only).
    #[error("box '{kind}' at byte {offset} holds or is something unexpected")]
    Unexpected {
        /// The box.
        kind: FourCc,
        /// Where it begins.
        offset: usize,
    },
    /// A value that cannot be.
    #[error("box '{kind}' at byte {offset} has {field} {value}, which is not allowed")]
    Value {
        /// The box.
        kind: FourCc,
        /// Where it begins.
        offset: usize,
        /// The field.
        field: &'static str,
        /// What it says.
        value: u64,
    },
}

/// Where a box lies in the bytes that hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoxHeader {
    /// Its name.
    pub kind: FourCc,
    /// First byte of its header.
    pub start: usize,
    /// First byte after its header.
    pub body: usize,
    /// One past its last byte; never beyond the bytes it was read from.
    pub end: usize,
}

impl BoxHeader {
    /// Reads the header at `start` of a box that must end at or before `end`.
    ///
    /// # Errors
    /// [`ReadError::CutShort`] where not even the header is there, [`ReadError::Size`] where the
    /// box says a size that cannot be; a size of 0 (to the end) is one in strict reading.
    pub fn read(
        data: &[u8],
        start: usize,
        end: usize,
        strictness: Strictness,
    ) -> Result<Self, ReadError> {
        let held = data.get(start..end.min(data.len())).unwrap_or_default();
        let short = ReadError::CutShort { kind: FourCc(*b"file"), offset: start };
        let [s0, s1, s2, s3, k0, k1, k2, k3, rest @ ..] = held else { return Err(short) };
        let kind = FourCc([*k0, *k1, *k2, *k3]);
        let (size, header) = match u32::from_be_bytes([*s0, *s1, *s2, *s3]) {
            0 if strictness == Strictness::Tolerant => (held.len() as u64, 8),
            1 => match rest.first_chunk() {
                Some(large) => (u64::from_be_bytes(*large), 16),
                None => return Err(ReadError::CutShort { kind, offset: start }),
            },
            size => (u64::from(size), 8),
        };
        match usize::try_from(size) {
            Ok(length) if (header..=held.len()).contains(&length) => {
                Ok(BoxHeader { kind, start, body: start + header, end: start + length })
            }
            _ => Err(ReadError::Size { kind, offset: start, size, available: held.len() }),
        }
    }

    /// Whether this is a box `kind`.
    #[must_use]
    pub fn is(&self, kind: &[u8; 4]) -> bool {
        self.kind.0 == *kind
    }

    /// The boxes in this one, from its `skip`th body byte on.
    pub(super) fn children(
        &self,
        data: &[u8],
        skip: usize,
        strictness: Strictness,
    ) -> Result<Vec<BoxHeader>, ReadError> {
        let from = self.body.saturating_add(skip);
        if from > self.end {
            return Err(ReadError::CutShort { kind: self.kind, offset: self.start });
        }
        boxes(data, from, self.end, strictness).collect()
    }

    /// The fields of this box.
    pub(super) fn fields<'a>(&self, data: &'a [u8]) -> Fields<'a> {
        Fields { kind: self.kind, start: self.start, rest: &data[self.body..self.end] }
    }
}

/// The boxes that lie one after another in `data[start..end]`; ends after the first error.
pub fn boxes(
    data: &[u8],
    start: usize,
    end: usize,
    strictness: Strictness,
) -> impl Iterator<Item = Result<BoxHeader, ReadError>> {
    let end = end.min(data.len());
    let mut at = start;
    std::iter::from_fn(move || {
        if at >= end {
            return None;
        }
        let header = BoxHeader::read(data, at, end, strictness);
        at = header.as_ref().map_or(end, |header| header.end);
        Some(header)
    })
}

/// Bytes before the boxes in a box `kind`; `None` where it holds fields or something unknown.
pub(super) fn children_after(kind: FourCc) -> Option<usize> {
    match &kind.0 {
        b"moov" | b"trak" | b"edts" | b"mdia" | b"minf" | b"dinf" | b"stbl" | b"mvex" | b"moof"
        | b"traf" => Some(0),
        b"stsd" | b"dref" => Some(8),
        b"avc1" | b"avc3" | b"hvc1" | b"hev1" | b"av01" => Some(78),
        b"mp4a" | b"ac-3" | b"ec-3" | b"Opus" => Some(28),
        _ => None,
    }
}

/// Visits every box of `data`, parents before their children, and so proves that each lies within
/// its parent and none deeper than [`DEPTH_MAX`]. Readers that trust their bytes come after it.
///
/// # Errors
/// The first box that lies wrong.
pub fn scan(
    data: &[u8],
    strictness: Strictness,
    visit: &mut dyn FnMut(&BoxHeader),
) -> Result<(), ReadError> {
    let top: Vec<_> = boxes(data, 0, data.len(), strictness).collect::<Result<_, _>>()?;
    scan_level(data, &top, 1, strictness, visit)
}

fn scan_level(
    data: &[u8],
    level: &[BoxHeader],
    depth: usize,
    strictness: Strictness,
    visit: &mut dyn FnMut(&BoxHeader),
) -> Result<(), ReadError> {
    for header in level {
        if depth > DEPTH_MAX {
            return Err(ReadError::Depth { kind: header.kind, offset: header.start });
        }
        visit(header);
        if let Some(skip) = children_after(header.kind) {
            let children = header.children(data, skip, strictness)?;
            scan_level(data, &children, depth + 1, strictness, visit)?;
        }
    }
    Ok(())
}

/// The fields of one box, taken from the front.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a> {
    kind: FourCc,
    start: usize,
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// What a box whose fields ran out is refused with.
    pub(super) fn cut_short(&self) -> ReadError {
        ReadError::CutShort { kind: self.kind, offset: self.start }
    }

    /// What a field with an impossible value is refused with.
    pub(super) fn value(&self, field: &'static str, value: u64) -> ReadError {
        ReadError::Value { kind: self.kind, offset: self.start, field, value }
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], ReadError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(|| self.cut_short())?;
        self.rest = rest;
        Ok(taken)
    }

    /// An unsigned number of `length` bytes, at most 8.
    pub(super) fn number(&mut self, length: usize) -> Result<u64, ReadError> {
        Ok(self.take(length)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    pub(super) fn u8(&mut self) -> Result<u8, ReadError> {
        self.number(1).map(|number| number as u8)
    }

    pub(super) fn u16(&mut self) -> Result<u16, ReadError> {
        self.number(2).map(|number| number as u16)
    }

    pub(super) fn u32(&mut self) -> Result<u32, ReadError> {
        self.number(4).map(|number| number as u32)
    }

    /// A box name or brand.
    pub(super) fn four_cc(&mut self) -> Result<FourCc, ReadError> {
        self.u32().map(|name| FourCc(name.to_be_bytes()))
    }

    /// Version and flags of a full box.
    pub(super) fn version_and_flags(&mut self) -> Result<(u8, u32), ReadError> {
        let both = self.u32()?;
        Ok(((both >> 24) as u8, both & 0x00ff_ffff))
    }

    /// A descriptor's tag and its body (ISO/IEC 14496-1 §8.3.3); the fields go on after it.
    pub(super) fn descriptor(&mut self) -> Result<(u8, Fields<'a>), ReadError> {
        let tag = self.u8()?;
        let mut length = 0usize;
        for _ in 0..4 {
            let byte = self.u8()?;
            length = length << 7 | usize::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                break;
            }
        }
        let rest = self.take(length)?;
        Ok((tag, Fields { kind: self.kind, start: self.start, rest }))
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Refuses left-over bytes in strict reading.
    pub(super) fn finish(&self, strictness: Strictness) -> Result<(), ReadError> {
        if strictness == Strictness::Strict && !self.rest.is_empty() {
            return Err(ReadError::Unexpected { kind: self.kind, offset: self.start });
        }
        Ok(())
    }
}
