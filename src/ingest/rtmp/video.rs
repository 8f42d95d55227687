//! A video track: frames as ISO files have them, with what the track needs of parameter sets taken
//! out. What NAL units are for is told where transport streams are read, too.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::clock::{Grid, ticks};
use super::fault::MediaFault;
use super::tag::Coding;
use super::track::{Out, Track};
use crate::media::codec::{Av1Config, Codec, CodecError};
use crate::media::{Sample, TrackId, VariantName};
use crate::mpegts::{H264, Hevc, Role, SET_MAX, Syntax};
use crate::units::FrameRate;

/// What stands before the sets of `avcC` (ISO/IEC 14496-15 §5.3.3.1.2) and the arrays of `hvcC`
/// (§8.3.3.1.2).
const AVC_FIXED: usize = 5;
const HEVC_FIXED: usize = 22;
/// OBU type of a temporal delimiter, which ISO files leave out (AV1-ISOBMFF §2.4).
const TEMPORAL_DELIMITER: u8 = 2;

/// One video track.
#[derive(Debug)]
pub(super) struct Video {
    track: Track,
    format: Format,
    grid: Grid,
    /// The frame rate that metadata tells.
    hint: Option<FrameRate>,
}

#[derive(Debug)]
enum Format {
    Avc(Box<Units<H264>>),
    Hevc(Box<Units<Hevc>>),
    Av1,
}

/// When a frame is decoded and shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// Decode time, milliseconds.
    pub(super) decode: i64,
    /// Presentation less decode time, milliseconds.
    pub(super) offset: i32,
    /// Nanoseconds beyond the millisecond, where they are told.
    pub(super) nanos: Option<u32>,
}

impl Video {
    /// A track of `coding`, which is one of video.
    pub(super) fn new(id: TrackId, variant: VariantName, coding: Coding) -> Self {
        let format = match coding {
            Coding::Hevc => Format::Hevc(Box::default()),
            Coding::Av1 => Format::Av1,
            _ => Format::Avc(Box::default()),
        };
        Video { track: Track::new(id, variant), format, grid: Grid::default(), hint: None }
    }

    pub(super) fn has(&self, coding: Coding) -> bool {
        match self.format {
            Format::Avc(_) => coding == Coding::Avc,
            Format::Hevc(_) => coding == Coding::Hevc,
            Format::Av1 => coding == Coding::Av1,
        }
    }

    /// The frame rate that metadata tells.
    pub(super) fn hint(&mut self, rate: Option<FrameRate>) {
        self.hint = rate;
        self.set_rate();
    }

    /// A sequence header; `size` is the picture's where the header does not tell.
    pub(super) fn settings(&mut self, record: &Bytes, size: (u16, u16), out: &mut Out) {
        let configured = match &mut self.format {
            Format::Avc(units) => units.avc_record(record),
            Format::Hevc(units) => units.hevc_record(record),
            Format::Av1 => {
                let config = Av1Config::from_record(record.clone(), size);
                Ok(Some(config.map(Codec::Av1).map_err(CodecError::from)))
            }
        };
        match configured {
            Ok(codec) => self.configure(codec, out),
            Err(fault) => out.faults.push(fault),
        }
    }

    /// A frame, as its tag has it.
    pub(super) fn frame(&mut self, times: Times, key: bool, data: Bytes, out: &mut Out) {
        let read = match &mut self.format {
            Format::Avc(units) => units.read(data),
            Format::Hevc(units) => units.read(data),
            Format::Av1 => Ok((temporal_unit(data), key)),
        };
        let (data, sync) = match read {
            Ok(read) => read,
            Err(fault) => return out.faults.push(fault),
        };
        let codec = match &mut self.format {
            Format::Avc(units) => units.syntax.adopt(),
            Format::Hevc(units) => units.syntax.adopt(),
            Format::Av1 => None,
        };
        self.configure(codec, out);
        if data.is_empty() {
            return;
        }
        let shown = times.decode.saturating_add(i64::from(times.offset));
        let (dts, pts) = match times.nanos {
            Some(nanos) => (ticks(times.decode, nanos), ticks(shown, nanos)),
            None => (self.grid.decode(times.decode), self.grid.presentation(shown)),
        };
        self.track.give(Sample { dts, pts, duration: None, sync, data, origin: None }, out);
    }

    fn configure(&mut self, codec: Option<Result<Codec, CodecError>>, out: &mut Out) {
        match codec {
            Some(Ok(codec)) => {
                self.track.configure(codec);
                self.set_rate();
            }
            Some(Err(why)) => out.faults.push(MediaFault::Settings(why)),
            None => {}
        }
    }

    fn set_rate(&mut self) {
        let picture = self.track.codec().and_then(Codec::picture);
        self.grid.set_rate(picture.and_then(|picture| picture.frame_rate).or(self.hint));
    }
}

/// NAL units of one codec behind lengths.
#[derive(Debug, Default)]
struct Units<S> {
    syntax: S,
    /// Bytes of a length; none before a record has told.
    length_size: usize,
}

/// What a sequence header comes to: settings where they are new.
type Configured = Result<Option<Result<Codec, CodecError>>, MediaFault>;

impl<S: Syntax> Units<S> {
    /// `AVCDecoderConfigurationRecord`.
    fn avc_record(&mut self, record: &Bytes) -> Configured {
        let mut rest = record.clone();
        let mut read = || {
            let fixed = rest.get(..AVC_FIXED).filter(|fixed| fixed[0] == 1)?;
            let length_size = usize::from(fixed[4] & 3) + 1;
            rest.advance(AVC_FIXED);
            let mut sets = Vec::new();
            for mask in [0x1f, 0xff] {
                let count = rest.try_get_u8().ok()? & mask;
                for _ in 0..count {
                    sets.push(set(&mut rest)?);
                }
            }
            Some((length_size, sets))
        };
        let (length_size, sets) = read().ok_or(MediaFault::Record)?;
        self.length_size = length_size;
        self.put_sets(sets)
    }

    /// `HEVCDecoderConfigurationRecord`.
    fn hevc_record(&mut self, record: &Bytes) -> Configured {
        let mut rest = record.clone();
        let mut read = || {
            let fixed = rest.get(..HEVC_FIXED).filter(|fixed| fixed[0] == 1)?;
            let length_size = usize::from(fixed[21] & 3) + 1;
            rest.advance(HEVC_FIXED);
            let mut sets = Vec::new();
            for _ in 0..rest.try_get_u8().ok()? {
                rest.try_get_u8().ok()?;
                for _ in 0..rest.try_get_u16().ok()? {
                    sets.push(set(&mut rest)?);
                }
            }
            Some((length_size, sets))
        };
        let (length_size, sets) = read().ok_or(MediaFault::Record)?;
        self.length_size = length_size;
        self.put_sets(sets)
    }

    fn put_sets(&mut self, sets: Vec<Bytes>) -> Configured {
        for set in sets.into_iter().filter(|set| !set.is_empty()) {
            if self.syntax.unit(&set).role == Role::Set {
                self.put_set(&set)?;
            }
        }
        Ok(self.syntax.adopt())
    }

    fn put_set(&mut self, set: &[u8]) -> Result<(), MediaFault> {
        if set.len() > SET_MAX {
            return Err(MediaFault::ParameterSetTooLong { limit: SET_MAX });
        }
        self.syntax.put_set(Bytes::copy_from_slice(set));
        Ok(())
    }

    /// A frame's units with 4-byte lengths, without those that samples do not hold, and whether
    /// decoding can begin there. Nothing where there is no picture.
    fn read(&mut self, data: Bytes) -> Result<(Bytes, bool), MediaFault> {
        let size = if self.length_size == 0 { 4 } else { self.length_size };
        let (mut picture, mut sync) = (false, false);
        // Made where the frame cannot be handed on as it is.
        let mut made = (size != 4).then(|| BytesMut::with_capacity(data.len() + 64));
        let mut at = 0;
        while at < data.len() {
            let length = data.get(at..at + size).ok_or(MediaFault::UnitLength)?;
            let length = length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            let begins = at + size;
            let unit = data.get(begins..begins + length).ok_or(MediaFault::UnitLength)?;
            let role = if unit.is_empty() { Role::Dropped } else { self.syntax.unit(unit).role };
            match role {
                Role::Kept { picture: shows, sync: begins } => {
                    picture |= shows;
                    sync |= begins;
                    if let Some(made) = &mut made {
                        made.put_u32(length as u32);
                        made.put_slice(unit);
                    }
                }
                Role::Set | Role::Dropped => {
                    made.get_or_insert_with(|| BytesMut::from(&data[..at]));
                    if role == Role::Set {
                        self.put_set(unit)?;
                    }
                }
            }
            at = begins + length;
        }
        let whole = made.map_or(data, BytesMut::freeze);
        Ok((if picture { whole } else { Bytes::new() }, sync))
    }
}

/// A NAL unit behind a length of 16 bits.
fn set(rest: &mut Bytes) -> Option<Bytes> {
    let length = usize::from(rest.try_get_u16().ok()?);
    (rest.len() >= length).then(|| rest.split_to(length))
}

/// A temporal unit without the delimiters it may begin with.
fn temporal_unit(mut data: Bytes) -> Bytes {
    // A delimiter is a header with a size of 0.
    while let [header, 0, ..] = data[..]
        && header >> 3 & 15 == TEMPORAL_DELIMITER
        && header & 6 == 2
    {
        data.advance(2);
    }
    data
}
