//! One chunk read: which samples, when, and where their bytes lie (ISO/IEC 14496-12 §8.8).

use std::ops::Range;

use bytes::{Bytes, BytesMut};

use super::{Children, SampleDefaults, TRACKS_MAX, in_order};
use crate::isobmff::boxes::{BoxHeader, FourCc, ReadError, Strictness, boxes};
use crate::isobmff::init::TRACK_ID;

/// Most samples one chunk may hold: over twenty minutes of 48-kHz AAC.
pub const SAMPLES_MAX: usize = 65_536;

/// `sample_is_non_sync_sample` (ISO/IEC 14496-12 §8.8.3.1).
const NON_SYNC: u32 = 0x0001_0000;

/// A chunk, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedChunk {
    /// `mfhd`'s number.
    pub sequence_number: u32,
    /// The track its samples belong to.
    pub track_id: u32,
    /// Decode time of the first sample, in ticks; nothing where `tfdt` is missing (tolerant only).
    pub base_decode_time: Option<u64>,
    /// Its samples in decode order.
    pub samples: Vec<ParsedSample>,
    /// Bytes of the chunk, from `moof` to the end of `mdat`. The next chunk begins at its end.
    pub range: Range<usize>,
}

/// One sample of a chunk; all defaults are resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedSample {
    /// Ticks to the next sample's decode time.
    pub duration: u32,
    /// Ticks from decode to presentation time.
    pub composition_offset: i32,
    /// Sample flags as they stand (ISO/IEC 14496-12 §8.8.3.1).
    pub flags: u32,
    /// Its bytes, as a range of what was parsed; never outside.
    pub data: Range<usize>,
}

impl ParsedSample {
    /// Whether decoding can begin here.
    #[must_use]
    pub fn sync(&self) -> bool {
        self.flags & NON_SYNC == 0
    }
}

/// Reads the first chunk of `data`. Boxes before its `moof` (`styp`, `prft`, `emsg`, `sidx`) and,
/// in tolerant reading, between `moof` and `mdat` are skipped; what follows the `mdat` is left for
/// the next call, from [`ParsedChunk::range`]'s end.
///
/// # Errors
/// What is wrong, with the box and where it begins.
pub fn parse_chunk(
    data: &[u8],
    defaults: &SampleDefaults,
    strictness: Strictness,
) -> Result<ParsedChunk, ReadError> {
    let whole = Whole::of(data, strictness)?;
    let traf = whole.boxes.one(*b"traf")?;
    let mut next = whole.mdat.body;
    let chunk = whole.track(data, &traf, &|_| *defaults, &mut next, strictness)?;
    if strictness == Strictness::Strict && next != whole.mdat.end {
        return Err(ReadError::Data { kind: whole.mdat.kind, offset: whole.mdat.start });
    }
    Ok(chunk)
}

/// Reads a chunk of `length` bytes of which only the `moof` is at hand.
///
/// # Errors
/// What is wrong, with the box and where it begins.
pub fn parse_moof(data: &[u8], length: usize) -> Result<ParsedChunk, ReadError> {
    let strict = Strictness::Strict;
    let moof = BoxHeader::read(data, 0, data.len(), strict)?;
    let boxes = Children::of(data, &moof, &[b"mfhd", b"traf"], strict)?;
    let traf = boxes.one(*b"traf")?;
    let kind = FourCc(*b"mdat");
    let mut next = moof.end + 8;
    let mdat = BoxHeader { kind, start: moof.end, body: next, end: length };
    let whole = Whole { moof, mdat, boxes, sequence_number: 0 };
    whole.track(data, &traf, &|_| SampleDefaults::default(), &mut next, Strictness::Tolerant)
}

/// Reads a `moof` that may hold several tracks, and the `mdat` after it, as others push them; one
/// chunk for each track fragment, all with the same range. Sample defaults are asked for by track.
///
/// # Errors
/// What is wrong, with the box and where it begins.
pub fn parse_fragment(
    data: &[u8],
    defaults: &dyn Fn(u32) -> SampleDefaults,
) -> Result<Vec<ParsedChunk>, ReadError> {
    let whole = Whole::of(data, Strictness::Tolerant)?;
    let trafs = whole.boxes.boxes.iter().filter(|found| found.is(b"traf")).take(TRACKS_MAX);
    let mut next = whole.mdat.body;
    let mut chunks = Vec::new();
    let mut count = 0;
    for traf in trafs {
        let chunk = whole.track(data, traf, defaults, &mut next, Strictness::Tolerant)?;
        count += chunk.samples.len();
        if count > SAMPLES_MAX {
            return Err(ReadError::TooManySamples { offset: traf.start, count: count as u64 });
        }
        chunks.push(chunk);
    }
    Ok(chunks)
}

/// Reads a chunk of another's making if it has the form that chunks have here, so that it can be
/// stored as it is: one `moof` and one `mdat` and nothing else, of track [`TRACK_ID`], addressed from
/// the `moof`, and saying all of its samples itself.
#[must_use]
pub fn parse_own_form(data: &[u8]) -> Option<ParsedChunk> {
    let top: Vec<_> =
        boxes(data, 0, data.len(), Strictness::Strict).collect::<Result<_, _>>().ok()?;
    let [moof, mdat] = &top[..] else { return None };
    if moof.body != NUMBER.start - 12 {
        return None;
    }
    let strict = Strictness::Strict;
    let children = Children::of(data, moof, &[b"mfhd", b"traf"], strict).ok()?;
    let traf = children.one(*b"traf").ok()?;
    let traf = Children::of(data, &traf, &[b"tfhd", b"tfdt", b"trun"], strict).ok()?;
    let tfhd = traf.one(*b"tfhd").ok()?;
    Fragment::header(data, &tfhd, &|_| SampleDefaults::default(), strict).ok()?;
    let chunk = parse_chunk(data, &SampleDefaults::default(), Strictness::Tolerant).ok()?;
    let size: usize = chunk.samples.iter().map(|sample| sample.data.len()).sum();
    let own = mdat.is(b"mdat") && chunk.track_id == TRACK_ID && chunk.base_decode_time.is_some();
    (own && size == mdat.end - mdat.body).then_some(chunk)
}

/// Where the number of `mfhd` stands in a chunk of the form that chunks have here.
const NUMBER: Range<usize> = 20..24;

/// Writes `mfhd`'s number anew into a chunk that [`parse_own_form`] has read.
#[must_use]
pub fn renumber(chunk: Bytes, sequence_number: u32) -> Bytes {
    let mut chunk = chunk.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
    if let Some(field) = chunk.get_mut(NUMBER) {
        field.copy_from_slice(&sequence_number.to_be_bytes());
    }
    chunk.freeze()
}

/// A `moof` and its `mdat`.
struct Whole {
    moof: BoxHeader,
    mdat: BoxHeader,
    boxes: Children,
    sequence_number: u32,
}

impl Whole {
    fn of(data: &[u8], strictness: Strictness) -> Result<Self, ReadError> {
        let (moof, mdat) = find(data, strictness)?;
        let boxes = Children::of(data, &moof, &[b"mfhd", b"traf"], strictness)?;
        let mut header = boxes.one(*b"mfhd")?.fields(data);
        header.version_and_flags()?;
        let sequence_number = header.u32()?;
        header.finish(strictness)?;
        Ok(Whole { moof, mdat, boxes, sequence_number })
    }

    /// One track fragment. `next` is where its bytes begin unless it says otherwise, and then where
    /// they end.
    fn track(
        &self,
        data: &[u8],
        traf: &BoxHeader,
        defaults: &dyn Fn(u32) -> SampleDefaults,
        next: &mut usize,
        strictness: Strictness,
    ) -> Result<ParsedChunk, ReadError> {
        let fragment = Fragment::read(data, traf, defaults, strictness)?;
        let base = self.moof.start;
        let mut run = Runs { samples: Vec::new(), next: *next, mdat: self.mdat, base };
        for trun in &fragment.runs {
            run.add(data, trun, &fragment.defaults, strictness)?;
        }
        *next = run.next;
        Ok(ParsedChunk {
            sequence_number: self.sequence_number,
            track_id: fragment.track_id,
            base_decode_time: fragment.base_decode_time,
            samples: run.samples,
            range: self.moof.start..self.mdat.end,
        })
    }
}

/// The first `moof` and the `mdat` after it.
fn find(data: &[u8], strictness: Strictness) -> Result<(BoxHeader, BoxHeader), ReadError> {
    let mut moof: Option<BoxHeader> = None;
    for found in boxes(data, 0, data.len(), strictness) {
        let found = found?;
        match (&found.kind.0, moof) {
            (b"moof", None) => moof = Some(found),
            (b"moof", Some(_)) => {
                return Err(ReadError::Repeated { kind: found.kind, offset: found.start });
            }
            (b"mdat", Some(moof)) => return Ok((moof, found)),
            (b"styp" | b"prft" | b"emsg" | b"sidx", None) => {}
            _ if strictness == Strictness::Tolerant => {}
            _ => return Err(ReadError::Unexpected { kind: found.kind, offset: found.start }),
        }
    }
    let kind = FourCc(if moof.is_some() { *b"mdat" } else { *b"moof" });
    Err(ReadError::Missing { kind, parent: FourCc(*b"file"), offset: 0 })
}

/// What `tfhd` and `tfdt` say, and where the runs are.
struct Fragment {
    track_id: u32,
    base_decode_time: Option<u64>,
    defaults: SampleDefaults,
    runs: Vec<BoxHeader>,
}

impl Fragment {
    fn read(
        data: &[u8],
        traf: &BoxHeader,
        defaults: &dyn Fn(u32) -> SampleDefaults,
        strictness: Strictness,
    ) -> Result<Self, ReadError> {
        let boxes = traf.children(data, 0, strictness)?;
        if strictness == Strictness::Strict {
            in_order(&boxes, &[b"tfhd", b"tfdt", b"trun"])?;
        }
        let children = Children { parent: traf.kind, offset: traf.start, boxes };
        let tfhd = children.one(*b"tfhd")?;
        let mut fragment = Fragment::header(data, &tfhd, defaults, strictness)?;
        fragment.base_decode_time = match children.maybe(*b"tfdt")? {
            Some(tfdt) => Some(decode_time(data, &tfdt, strictness)?),
            None if strictness == Strictness::Strict => return Err(children.missing(*b"tfdt")),
            None => None,
        };
        fragment.runs = children.boxes.into_iter().filter(|found| found.is(b"trun")).collect();
        Ok(fragment)
    }

    /// `tfhd` (ISO/IEC 14496-12 §8.8.7).
    fn header(
        data: &[u8],
        tfhd: &BoxHeader,
        defaults: &dyn Fn(u32) -> SampleDefaults,
        strictness: Strictness,
    ) -> Result<Self, ReadError> {
        let mut fields = tfhd.fields(data);
        let (_, flags) = fields.version_and_flags()?;
        let track_id = fields.u32()?;
        let defaults = defaults(track_id);
        // Without either flag the base of the first track is the moof as well. Encoders that give a
        // place in the file give that of the moof; of a body that is one of several, only they
        // know where it would lie.
        let absolute = flags & 0x01 != 0;
        let relative = flags & 0x02_0000 != 0;
        if strictness == Strictness::Strict && (absolute || !relative) {
            return Err(ReadError::Addressing { offset: tfhd.start });
        }
        if absolute {
            fields.take(8)?;
        }
        if flags & 0x02 != 0 {
            fields.u32()?; // sample_description_index: a CMAF track has one
        }
        let mut optional = |flag, default| {
            if flags & flag != 0 { fields.u32() } else { Ok(default) }
        };
        let defaults = SampleDefaults {
            duration: optional(0x08, defaults.duration)?,
            size: optional(0x10, defaults.size)?,
            flags: optional(0x20, defaults.flags)?,
        };
        fields.finish(strictness)?;
        Ok(Fragment { track_id, base_decode_time: None, defaults, runs: Vec::new() })
    }
}

/// `tfdt` (ISO/IEC 14496-12 §8.8.12).
fn decode_time(data: &[u8], tfdt: &BoxHeader, strictness: Strictness) -> Result<u64, ReadError> {
    let mut fields = tfdt.fields(data);
    let time = match fields.version_and_flags()?.0 {
        0 => fields.number(4)?,
        1 => fields.number(8)?,
        version => return Err(fields.value("version", u64::from(version))),
    };
    fields.finish(strictness)?;
    Ok(time)
}

/// The samples of all runs so far.
struct Runs {
    samples: Vec<ParsedSample>,
    /// Where the next sample's bytes begin unless a run says otherwise.
    next: usize,
    mdat: BoxHeader,
    /// What `data_offset` counts from.
    base: usize,
}

impl Runs {
    /// `trun` (ISO/IEC 14496-12 §8.8.8).
    fn add(
        &mut self,
        data: &[u8],
        trun: &BoxHeader,
        defaults: &SampleDefaults,
        strictness: Strictness,
    ) -> Result<(), ReadError> {
        let outside = ReadError::Data { kind: trun.kind, offset: trun.start };
        let mut fields = trun.fields(data);
        let (version, flags) = fields.version_and_flags()?;
        if version > 1 || version == 0 && strictness == Strictness::Strict {
            return Err(fields.value("version", u64::from(version)));
        }
        let count = fields.u32()?;
        let total = self.samples.len() as u64 + u64::from(count);
        if total > SAMPLES_MAX as u64 {
            return Err(ReadError::TooManySamples { offset: trun.start, count: total });
        }
        if flags & 0x001 != 0 {
            let offset = i64::from(fields.u32()?.cast_signed());
            let at = i64::try_from(self.base).ok().and_then(|base| base.checked_add(offset));
            self.next = at.and_then(|at| usize::try_from(at).ok()).ok_or(outside.clone())?;
        } else if strictness == Strictness::Strict {
            return Err(outside);
        }
        let mut first_flags = if flags & 0x004 != 0 { Some(fields.u32()?) } else { None };
        for _ in 0..count {
            let mut column = |flag, default| {
                if flags & flag != 0 { fields.u32() } else { Ok(default) }
            };
            let duration = column(0x100, defaults.duration)?;
            let size = column(0x200, defaults.size)? as usize;
            let own_flags = column(0x400, defaults.flags)?;
            let offset = column(0x800, 0)?;
            let end = self.next.checked_add(size).filter(|end| *end <= self.mdat.end);
            let end = end.filter(|_| self.next >= self.mdat.body).ok_or(outside.clone())?;
            self.samples.push(ParsedSample {
                duration,
                // Version 0 is unsigned, but an offset of over 2^31 ticks is a negative one
                // written by an encoder that took no care of the version.
                composition_offset: offset.cast_signed(),
                flags: first_flags.take().unwrap_or(own_flags),
                data: self.next..end,
            });
            self.next = end;
        }
        fields.finish(strictness)
    }
}
