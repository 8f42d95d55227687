//! Sample entries read: the settings of the codecs we carry. Boxes beside the configuration that
//! say nothing we pass on (`btrt`, `fiel`) are passed over.

use bytes::Bytes;

use super::{Children, ParsedInit};
use crate::isobmff::boxes::{BoxHeader, FourCc, ReadError, Strictness};
use crate::isobmff::entry::OBJECT_TYPE_AAC;
use crate::media::Codec;
use crate::media::codec::{
    AacConfig, Ac3Config, Av1Config, AvcConfig, CodecError, Colour, HevcConfig, MpegAudioConfig,
    OpusConfig,
};

/// A sample entry and the boxes in it.
struct Entry<'a> {
    data: &'a [u8],
    children: Children,
    strictness: Strictness,
}

impl<'a> Entry<'a> {
    fn of(
        data: &'a [u8],
        entry: &BoxHeader,
        skip: usize,
        strictness: Strictness,
    ) -> Result<Self, ReadError> {
        let boxes = entry.children(data, skip, strictness)?;
        let children = Children { parent: entry.kind, offset: entry.start, boxes };
        Ok(Entry { data, children, strictness })
    }

    /// The body of the configuration box.
    fn record(&self, kind: [u8; 4]) -> Result<(BoxHeader, Bytes), ReadError> {
        let header = self.children.one(kind)?;
        Ok((header, Bytes::copy_from_slice(header.fields(self.data).rest())))
    }
}

/// What a configuration that we do not carry is refused with.
fn refused(header: &BoxHeader, reason: impl Into<CodecError>) -> ReadError {
    ReadError::Codec { kind: header.kind, offset: header.start, reason: reason.into() }
}

/// `VisualSampleEntry` (ISO/IEC 14496-12 §12.1.3).
pub(super) fn video(
    data: &[u8],
    entry: &BoxHeader,
    strictness: Strictness,
    init: &mut ParsedInit,
) -> Result<(), ReadError> {
    let mut fields = entry.fields(data);
    fields.take(24)?;
    let size = (fields.u16()?, fields.u16()?);
    init.size = Some(size);
    if !matches!(&entry.kind.0, b"avc1" | b"avc3" | b"hvc1" | b"hev1" | b"av01") {
        return Ok(());
    }
    let inside = Entry::of(data, entry, 78, strictness)?;
    let (pixel_aspect, colour) = (pixel_aspect(&inside)?, colour(&inside)?);
    init.codec = Some(match &entry.kind.0 {
        b"avc1" | b"avc3" => {
            let mut avc = avc_configuration(&inside, entry.is(b"avc3"))?;
            avc.pixel_aspect = pixel_aspect.unwrap_or(avc.pixel_aspect);
            avc.entry.colour = colour;
            Codec::Avc(avc)
        }
        b"hvc1" | b"hev1" => {
            let (header, record) = inside.record(*b"hvcC")?;
            let mut hevc = HevcConfig::from_record(record, entry.is(b"hev1"), size)
                .map_err(|reason| refused(&header, reason))?;
            hevc.picture.pixel_aspect = pixel_aspect.unwrap_or(hevc.picture.pixel_aspect);
            hevc.picture.colour = colour.or(hevc.picture.colour);
            Codec::Hevc(hevc)
        }
        _ => {
            let (header, record) = inside.record(*b"av1C")?;
            let mut av1 =
                Av1Config::from_record(record, size).map_err(|reason| refused(&header, reason))?;
            av1.picture.pixel_aspect = pixel_aspect.unwrap_or(av1.picture.pixel_aspect);
            av1.picture.colour = colour.or(av1.picture.colour);
            Codec::Av1(av1)
        }
    });
    Ok(())
}

/// `pasp`, where it says something that can be.
fn pixel_aspect(inside: &Entry<'_>) -> Result<Option<(u16, u16)>, ReadError> {
    let Some(pasp) = inside.children.maybe(*b"pasp")? else { return Ok(None) };
    let mut fields = pasp.fields(inside.data);
    let aspect = (u16::try_from(fields.u32()?), u16::try_from(fields.u32()?));
    Ok(match aspect {
        (Ok(across @ 1..), Ok(down @ 1..)) => Some((across, down)),
        _ => None,
    })
}

/// The first `colr` of type `nclx`; ICC profiles are passed over.
fn colour(inside: &Entry<'_>) -> Result<Option<Colour>, ReadError> {
    for colr in inside.children.boxes.iter().filter(|found| found.is(b"colr")) {
        let mut fields = colr.fields(inside.data);
        if fields.four_cc()? == FourCc(*b"nclx") {
            return Ok(Some(Colour {
                primaries: fields.u16()?,
                transfer: fields.u16()?,
                matrix: fields.u16()?,
                full_range: fields.u8()? & 0x80 != 0,
            }));
        }
    }
    Ok(None)
}

/// `AVCDecoderConfigurationRecord` (ISO/IEC 14496-15 §5.3.3.1).
fn avc_configuration(inside: &Entry<'_>, in_band: bool) -> Result<AvcConfig, ReadError> {
    let avcc = inside.children.one(*b"avcC")?;
    let mut fields = avcc.fields(inside.data);
    let version = fields.u8()?;
    if version != 1 {
        return Err(fields.value("configurationVersion", u64::from(version)));
    }
    fields.take(3)?;
    let length_size = (fields.u8()? & 3) + 1;
    if length_size != 4 {
        return Err(fields.value("NAL unit length size", u64::from(length_size)));
    }
    let mut sets = |mask: u8| -> Result<Vec<Bytes>, ReadError> {
        let count = fields.u8()? & mask;
        let mut set = || {
            let length = fields.u16()?;
            fields.take(usize::from(length)).map(Bytes::copy_from_slice)
        };
        (0..count).map(|_| set()).collect()
    };
    let mut sps = sets(0x1f)?;
    let pps = sets(0xff)?;
    if sps.is_empty() {
        return Err(fields.value("numOfSequenceParameterSets", 0));
    }
    let more_sps = sps.split_off(1);
    let first = sps.pop().unwrap_or_default();
    let mut codec = AvcConfig::parse(first, pps).map_err(|reason| refused(&avcc, reason))?;
    codec.entry.in_band = in_band;
    codec.entry.more_sps = more_sps;
    if inside.strictness == Strictness::Strict && codec.chroma.is_some() {
        fields.take(4)?;
        fields.finish(inside.strictness)?;
    }
    Ok(codec)
}

/// `AudioSampleEntry` (ISO/IEC 14496-12 §12.2.3).
pub(super) fn audio(
    data: &[u8],
    entry: &BoxHeader,
    strictness: Strictness,
    init: &mut ParsedInit,
) -> Result<(), ReadError> {
    let mut fields = entry.fields(data);
    fields.take(16)?;
    let channels = fields.u16()?;
    fields.take(6)?;
    let sample_rate = fields.u32()? >> 16;
    (init.channels, init.sample_rate) = (Some(channels), Some(sample_rate));
    init.codec = match &entry.kind.0 {
        b"mp4a" => {
            let inside = Entry::of(data, entry, 28, strictness)?;
            let esds = inside.children.one(*b"esds")?;
            elementary_stream(data, &esds, (channels, sample_rate))?
        }
        b"ac-3" | b"ec-3" => {
            let enhanced = entry.is(b"ec-3");
            let inside = Entry::of(data, entry, 28, strictness)?;
            let (header, record) = inside.record(if enhanced { *b"dec3" } else { *b"dac3" })?;
            let ac3 = Ac3Config::from_record(record, enhanced)
                .map_err(|reason| refused(&header, reason))?;
            Some(Codec::Ac3(ac3))
        }
        b"Opus" => {
            let inside = Entry::of(data, entry, 28, strictness)?;
            let (header, record) = inside.record(*b"dOps")?;
            let opus =
                OpusConfig::from_record(record).map_err(|reason| refused(&header, reason))?;
            Some(Codec::Opus(opus))
        }
        _ => None,
    };
    Ok(())
}

/// The settings in `esds` (ISO/IEC 14496-1 §7.2.6), if its object type is one we carry; `entry` is
/// what the sample entry says of channels and rate.
fn elementary_stream(
    data: &[u8],
    esds: &BoxHeader,
    entry: (u16, u32),
) -> Result<Option<Codec>, ReadError> {
    let mut fields = esds.fields(data);
    fields.version_and_flags()?;
    let (tag, mut stream) = fields.descriptor()?;
    if tag != 3 {
        return Err(fields.value("descriptor tag", u64::from(tag)));
    }
    stream.take(2)?;
    let flags = stream.u8()?;
    if flags & 0x80 != 0 {
        stream.take(2)?;
    }
    if flags & 0x40 != 0 {
        let length = stream.u8()?;
        stream.take(usize::from(length))?;
    }
    if flags & 0x20 != 0 {
        stream.take(2)?;
    }
    let (tag, mut decoder) = stream.descriptor()?;
    if tag != 4 {
        return Err(fields.value("descriptor tag", u64::from(tag)));
    }
    match decoder.u8()? {
        OBJECT_TYPE_AAC => {}
        MpegAudioConfig::OBJECT_TYPE_MPEG1 | MpegAudioConfig::OBJECT_TYPE_MPEG2 => {
            let (channels, sample_rate) = entry;
            let audio = MpegAudioConfig::from_entry(channels, sample_rate);
            return audio
                .map(|audio| Some(Codec::MpegAudio(audio)))
                .map_err(|reason| refused(esds, reason));
        }
        _ => return Ok(None),
    }
    decoder.take(12)?;
    let (tag, asc) = decoder.descriptor()?;
    if tag != 5 {
        return Err(fields.value("descriptor tag", u64::from(tag)));
    }
    let aac = AacConfig::from_asc(asc.rest()).map_err(|reason| refused(esds, reason))?;
    Ok(Some(Codec::Aac(aac)))
}
