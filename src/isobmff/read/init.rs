//! An initialization segment read: what its one track is.

use super::{Children, entry, in_order};
use crate::isobmff::boxes::{BoxHeader, FourCc, ReadError, Strictness, boxes};
use crate::media::{Codec, Language};
use crate::units::{MediaDuration, Timescale};

/// Most tracks of one header.
pub const TRACKS_MAX: usize = 32;

/// What samples are where a chunk does not say (`trex`, ISO/IEC 14496-12 §8.8.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SampleDefaults {
    /// Ticks.
    pub duration: u32,
    /// Bytes.
    pub size: u32,
    /// Sample flags.
    pub flags: u32,
}

/// An initialization segment, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedInit {
    /// The track's number.
    pub track_id: u32,
    /// Ticks a second of the track's times.
    pub timescale: Timescale,
    /// Language as `mdhd` has it.
    pub language: Language,
    /// `vide`, `soun` or another handler.
    pub handler: FourCc,
    /// Name of the sample entry: `avc1`, `hvc1`, `mp4a` or another.
    pub entry: FourCc,
    /// Width and height as the sample entry has them; video only.
    pub size: Option<(u16, u16)>,
    /// Channels as the sample entry has them; audio only.
    pub channels: Option<u16>,
    /// Sampling rate as the sample entry has it, 0 for one over 65,535; audio only.
    pub sample_rate: Option<u32>,
    /// The settings, where we carry the codec.
    pub codec: Option<Codec>,
    /// Defaults for the samples of this track's chunks.
    pub defaults: SampleDefaults,
    /// Ticks to add to composition times, as its edit list has it; 0 without one.
    pub presentation_shift: i64,
}

/// Reads a CMAF header: `ftyp` and a `moov` with one track.
///
/// # Errors
/// What is wrong, with the box and where it begins.
pub fn parse_init(data: &[u8], strictness: Strictness) -> Result<ParsedInit, ReadError> {
    let movie = Movie::of(data, strictness)?;
    let trak = movie.boxes.one(*b"trak")?;
    track(data, &movie, &trak, strictness)
}

/// Reads the header of a fragmented file with up to [`TRACKS_MAX`] tracks, as others push it.
/// Boxes that are not expected are skipped.
///
/// # Errors
/// What is wrong, with the box and where it begins.
pub fn parse_movie(data: &[u8]) -> Result<Vec<ParsedInit>, ReadError> {
    let movie = Movie::of(data, Strictness::Tolerant)?;
    let traks: Vec<_> = movie.boxes.boxes.iter().filter(|found| found.is(b"trak")).collect();
    if let Some(surplus) = traks.get(TRACKS_MAX) {
        return Err(ReadError::Repeated { kind: surplus.kind, offset: surplus.start });
    }
    traks.into_iter().map(|trak| track(data, &movie, trak, Strictness::Tolerant)).collect()
}

/// The boxes of a `moov`, and the ticks its edit lists count in.
struct Movie {
    boxes: Children,
    timescale: Option<Timescale>,
}

impl Movie {
    fn of(data: &[u8], strictness: Strictness) -> Result<Self, ReadError> {
        let top: Vec<_> = boxes(data, 0, data.len(), strictness).collect::<Result<_, _>>()?;
        if strictness == Strictness::Strict {
            in_order(&top, &[b"ftyp", b"moov"])?;
        }
        let top = Children { parent: FourCc(*b"file"), offset: 0, boxes: top };
        let moov = top.one(*b"moov")?;
        let boxes = Children::of(data, &moov, &[b"mvhd", b"trak", b"mvex"], strictness)?;
        let mvhd = boxes.maybe(*b"mvhd")?;
        let timescale = mvhd.and_then(|mvhd| {
            let mut fields = mvhd.fields(data);
            let wide = fields.version_and_flags().ok()?.0 == 1;
            fields.take(if wide { 16 } else { 8 }).ok()?;
            Timescale::new(fields.u32().ok()?)
        });
        Ok(Movie { boxes, timescale })
    }
}

fn track(
    data: &[u8],
    movie: &Movie,
    trak: &BoxHeader,
    strictness: Strictness,
) -> Result<ParsedInit, ReadError> {
    let trak = Children::of(data, trak, &[b"tkhd", b"mdia"], strictness)?;
    let track_id = track_id(data, &trak.one(*b"tkhd")?)?;
    let mdia = trak.one(*b"mdia")?;
    let mdia = Children::of(data, &mdia, &[b"mdhd", b"hdlr", b"minf"], strictness)?;
    let (timescale, language) = media_header(data, &mdia.one(*b"mdhd")?)?;
    let mut handler = mdia.one(*b"hdlr")?.fields(data);
    handler.take(8)?;
    let handler = handler.four_cc()?;
    let minf = mdia.one(*b"minf")?;
    let minf = Children::of(data, &minf, &[b"vmhd", b"smhd", b"dinf", b"stbl"], strictness)?;
    let tables: [&[u8; 4]; 5] = [b"stsd", b"stts", b"stsc", b"stsz", b"stco"];
    let stbl = Children::of(data, &minf.one(*b"stbl")?, &tables, strictness)?;
    let sample_entry = sample_entry(data, &stbl.one(*b"stsd")?, strictness)?;
    let defaults = match movie.boxes.maybe(*b"mvex")? {
        Some(mvex) => sample_defaults(data, &mvex, track_id, strictness)?,
        None if strictness == Strictness::Strict => return Err(movie.boxes.missing(*b"mvex")),
        None => SampleDefaults::default(),
    };
    let edits = trak.maybe(*b"edts")?;
    let shift = edits.map_or(Ok(0), |edts| presentation_shift(data, movie, &edts, timescale))?;
    let mut init = ParsedInit {
        track_id,
        timescale,
        language,
        handler,
        entry: sample_entry.kind,
        size: None,
        channels: None,
        sample_rate: None,
        codec: None,
        defaults,
        presentation_shift: shift,
    };
    match &handler.0 {
        b"vide" => entry::video(data, &sample_entry, strictness, &mut init)?,
        b"soun" => entry::audio(data, &sample_entry, strictness, &mut init)?,
        _ => {}
    }
    Ok(init)
}

/// Ticks from a sample's composition time to the time it is presented at (ISO/IEC 14496-12
/// §8.6.6): the empty edits, less where the first edit of media begins. What follows that edit is
/// of no use to a live source.
fn presentation_shift(
    data: &[u8],
    movie: &Movie,
    edts: &BoxHeader,
    timescale: Timescale,
) -> Result<i64, ReadError> {
    let edits = Children::of(data, edts, &[], Strictness::Tolerant)?;
    let Some(elst) = edits.maybe(*b"elst")? else { return Ok(0) };
    let mut fields = elst.fields(data);
    let wide = fields.version_and_flags()?.0 == 1;
    let count = fields.u32()?;
    let mut empty = MediaDuration::ZERO;
    for _ in 0..count {
        let (length, begins) = if wide {
            (fields.number(8)?.cast_signed(), fields.number(8)?.cast_signed())
        } else {
            (i64::from(fields.u32()?), i64::from(fields.u32()?.cast_signed()))
        };
        fields.take(4)?;
        if begins >= 0 {
            return Ok(empty.rescale(timescale).ticks().saturating_sub(begins));
        }
        empty =
            empty + movie.timescale.map_or(MediaDuration::ZERO, |s| MediaDuration::new(length, s));
    }
    Ok(empty.rescale(timescale).ticks())
}

fn track_id(data: &[u8], tkhd: &BoxHeader) -> Result<u32, ReadError> {
    let mut fields = tkhd.fields(data);
    let wide = fields.version_and_flags()?.0 == 1;
    fields.take(if wide { 16 } else { 8 })?;
    fields.u32()
}

fn media_header(data: &[u8], mdhd: &BoxHeader) -> Result<(Timescale, Language), ReadError> {
    let mut fields = mdhd.fields(data);
    let wide = fields.version_and_flags()?.0 == 1;
    fields.take(if wide { 16 } else { 8 })?;
    let ticks = fields.u32()?;
    let timescale = Timescale::new(ticks).ok_or_else(|| fields.value("timescale", 0))?;
    fields.take(if wide { 8 } else { 4 })?;
    let packed = fields.u16()?;
    let letters = [10, 5, 0].map(|shift| (packed >> shift & 0x1f) as u8 + 0x60);
    Ok((timescale, Language::parse(&letters)))
}

/// The one sample entry of a CMAF track (ISO/IEC 23000-19 §7.5.9); tolerant reading takes the first.
fn sample_entry(
    data: &[u8],
    stsd: &BoxHeader,
    strictness: Strictness,
) -> Result<BoxHeader, ReadError> {
    let entries = stsd.children(data, 8, strictness)?;
    match *entries {
        [_, second, ..] if strictness == Strictness::Strict => {
            Err(ReadError::Repeated { kind: second.kind, offset: second.start })
        }
        [entry, ..] => Ok(entry),
        [] => Err(stsd.fields(data).value("entry_count", 0)),
    }
}

/// The track's `trex`.
fn sample_defaults(
    data: &[u8],
    mvex: &BoxHeader,
    track_id: u32,
    strictness: Strictness,
) -> Result<SampleDefaults, ReadError> {
    for trex in mvex.children(data, 0, strictness)?.iter().filter(|found| found.is(b"trex")) {
        let mut fields = trex.fields(data);
        fields.version_and_flags()?;
        if fields.u32()? != track_id {
            continue;
        }
        fields.u32()?;
        return Ok(SampleDefaults {
            duration: fields.u32()?,
            size: fields.u32()?,
            flags: fields.u32()?,
        });
    }
    let kind = FourCc(*b"trex");
    Err(ReadError::Missing { kind, parent: mvex.kind, offset: mvex.start })
}
