//! An audio track: a frame a sample, its settings read from its sequence header or its own headers.
//! Times are milliseconds; the packager counts samples and only looks at them for when to count anew.

use bytes::{BufMut, Bytes, BytesMut};

use super::fault::MediaFault;
use super::tag::Coding;
use super::track::{Out, Track};
use crate::media::codec::aac::carries_sbr;
use crate::media::codec::ac3::{Ac3Error, BLOCKS, Substream, SyncFrameHeader};
use crate::media::codec::mpeg_audio::MpegAudioHeader;
use crate::media::codec::{AacConfig, Ac3Config, Codec, OpusConfig, Sound};
use crate::media::{Language, Sample, TrackId, VariantName};
use crate::units::Timescale;

/// Highest sampling rate of a core below spectral band replication: it doubles to 48 kHz.
const CORE_RATE_MAX: u32 = 24_000;
/// Frames in a row that must carry it.
const PROBE: usize = 4;
/// What Opus's ID header begins with (RFC 7845 §5.1).
const OPUS_MAGIC: &[u8] = b"OpusHead";
/// Ticks of 2.5 ms, the shortest frame of Opus, at 90 kHz.
const OPUS_UNIT: u32 = 225;
/// Longest access unit of Enhanced AC-3 that is put together.
const UNIT_MAX: usize = 64 << 10;

/// One audio track.
#[derive(Debug)]
pub(super) struct Audio {
    track: Track,
    format: Format,
}

#[derive(Debug)]
enum Format {
    Aac(Aac),
    Mp3,
    Ac3(Ac3),
    Opus,
}

/// AAC. Frames are kept back while they are looked into.
#[derive(Debug, Default)]
struct Aac {
    /// The sequence header in force.
    header: Option<Bytes>,
    core: Option<AacConfig>,
    probed: Vec<(i64, Bytes)>,
}

/// AC-3 and Enhanced AC-3, whose frames of fewer than six blocks are put together.
#[derive(Debug)]
struct Ac3 {
    enhanced: bool,
    config: Option<Ac3Config>,
    unit: BytesMut,
    at: i64,
    blocks: u32,
}

impl Audio {
    /// A track of `coding`, which is one of audio.
    pub(super) fn new(id: TrackId, variant: VariantName, coding: Coding) -> Self {
        let ac3 = |enhanced| {
            Format::Ac3(Ac3 { enhanced, config: None, unit: BytesMut::new(), at: 0, blocks: 0 })
        };
        let format = match coding {
            Coding::Mp3 => Format::Mp3,
            Coding::Ac3 => ac3(false),
            Coding::EnhancedAc3 => ac3(true),
            Coding::Opus => Format::Opus,
            _ => Format::Aac(Aac::default()),
        };
        Audio { track: Track::new(id, variant), format }
    }

    pub(super) fn has(&self, coding: Coding) -> bool {
        match &self.format {
            Format::Aac(_) => coding == Coding::Aac,
            Format::Mp3 => coding == Coding::Mp3,
            Format::Ac3(ac3) => {
                coding == if ac3.enhanced { Coding::EnhancedAc3 } else { Coding::Ac3 }
            }
            Format::Opus => coding == Coding::Opus,
        }
    }

    pub(super) fn describe(&mut self, language: Language) {
        self.track.describe(language);
    }

    /// A sequence header.
    pub(super) fn settings(&mut self, header: &Bytes, out: &mut Out) {
        match &mut self.format {
            Format::Aac(aac) => aac.settings(header, &mut self.track, out),
            Format::Opus => match dops(header).map(OpusConfig::from_record) {
                Some(Ok(opus)) => self.track.configure(Codec::Opus(opus)),
                Some(Err(why)) => out.faults.push(MediaFault::Settings(why.into())),
                None => out.faults.push(MediaFault::Record),
            },
            // Their frames tell.
            Format::Mp3 | Format::Ac3(_) => {}
        }
    }

    /// A frame at `at`, 90 kHz.
    pub(super) fn frame(&mut self, at: i64, data: Bytes, out: &mut Out) {
        if data.is_empty() {
            return;
        }
        let track = &mut self.track;
        match &mut self.format {
            Format::Aac(aac) => aac.frame(at, data, track, out),
            Format::Mp3 => {
                if let Err(fault) = mp3(at, data, track, out) {
                    out.faults.push(fault);
                }
            }
            Format::Ac3(ac3) => {
                if let Err(why) = ac3.frame(at, &data, track, out) {
                    (ac3.unit, ac3.blocks) = (BytesMut::new(), 0);
                    out.faults.push(MediaFault::Audio(why.into()));
                }
            }
            Format::Opus => give(track, at, Some(opus_units(&data) * OPUS_UNIT), data, out),
        }
    }
}

fn give(track: &mut Track, at: i64, duration: Option<u32>, data: Bytes, out: &mut Out) {
    track.give(Sample { dts: at, pts: at, duration, sync: true, data, origin: None }, out);
}

impl Aac {
    fn settings(&mut self, header: &Bytes, track: &mut Track, out: &mut Out) {
        if self.header.as_ref() == Some(header) {
            return;
        }
        self.settle(track, out);
        match AacConfig::from_asc(header) {
            Ok(core) if core.sample_rate <= CORE_RATE_MAX => self.core = Some(core),
            Ok(config) => track.configure(Codec::Aac(config)),
            Err(why) => return out.faults.push(MediaFault::Settings(why.into())),
        }
        self.header = Some(Bytes::copy_from_slice(header));
    }

    fn frame(&mut self, at: i64, data: Bytes, track: &mut Track, out: &mut Out) {
        if self.core.is_none() {
            return give(track, at, None, data, out);
        }
        self.probed.push((at, data));
        if self.probed.len() == PROBE {
            self.settle(track, out);
        }
    }

    /// Announces what the frames looked into are, and gives them.
    fn settle(&mut self, track: &mut Track, out: &mut Out) {
        let Some(core) = self.core.take() else { return };
        let all = self.probed.len() == PROBE && self.probed.iter().all(|(_, d)| carries_sbr(d));
        let with_sbr = if all { core.with_sbr() } else { None };
        track.configure(Codec::Aac(with_sbr.unwrap_or(core)));
        for (at, data) in self.probed.drain(..) {
            give(track, at, None, data, out);
        }
    }
}

impl Ac3 {
    fn frame(
        &mut self,
        at: i64,
        mut data: &[u8],
        track: &mut Track,
        out: &mut Out,
    ) -> Result<(), Ac3Error> {
        if self.blocks == 0 {
            self.at = at;
        }
        while !data.is_empty() {
            let header = SyncFrameHeader::parse(data)?.ok_or(Ac3Error::Short)?;
            let frame = data.get(..header.length).ok_or(Ac3Error::Short)?;
            data = &data[header.length..];
            if matches!(header.substream, Substream::Ac3 | Substream::Independent(0)) {
                if self.blocks >= BLOCKS {
                    self.give(track, out)?;
                }
                self.blocks += u32::from(header.blocks);
            } else if self.blocks == 0 {
                continue; // of an access unit whose beginning is missing
            }
            if self.unit.len() + frame.len() > UNIT_MAX {
                return Err(Ac3Error::TooLong);
            }
            self.unit.extend_from_slice(frame);
        }
        // A tag holds whole access units.
        if self.blocks >= BLOCKS { self.give(track, out) } else { Ok(()) }
    }

    fn give(&mut self, track: &mut Track, out: &mut Out) -> Result<(), Ac3Error> {
        self.blocks = 0;
        let unit = std::mem::take(&mut self.unit).freeze();
        let config = Ac3Config::from_access_unit(&unit)?;
        if !self.config.as_ref().is_some_and(|before| before.is_like(&config)) {
            track.configure(Codec::Ac3(config.clone()));
            self.config = Some(config);
        }
        let length = self.config.as_ref().map_or(0, |config| ticks_of(&config.sound()));
        give(track, self.at, None, unit, out);
        // Where more begins in the same tag.
        self.at = self.at.saturating_add(length);
        Ok(())
    }
}

/// Gives the MP3 frames of a tag; there is one as a rule.
fn mp3(mut at: i64, mut data: Bytes, track: &mut Track, out: &mut Out) -> Result<(), MediaFault> {
    while !data.is_empty() {
        let header = MpegAudioHeader::parse(&data).map_err(|why| MediaFault::Audio(why.into()))?;
        let frame = header.filter(|header| header.frame_length <= data.len());
        let header = frame.ok_or(MediaFault::AudioCutShort)?;
        track.configure(Codec::MpegAudio(header.config));
        give(track, at, None, data.split_to(header.frame_length), out);
        at = at.saturating_add(ticks_of(&header.config.sound()));
    }
    Ok(())
}

/// The length of a frame, 90 kHz.
fn ticks_of(sound: &Sound) -> i64 {
    sound.frame_duration().rescale(Timescale::NINETY_KHZ).ticks()
}

/// `OpusSpecificBox` of an ID header (RFC 7845 §5.1; Opus in ISOBMFF §4.3.2): the same fields, with
/// the other byte order.
fn dops(header: &[u8]) -> Option<Bytes> {
    let fields = header.strip_prefix(OPUS_MAGIC)?;
    let [version, channels, s0, s1, r0, r1, r2, r3, g0, g1, family, mapping @ ..] = fields else {
        return None;
    };
    // The upper half of the version is what breaks compatibility.
    if version >> 4 != 0 {
        return None;
    }
    let mut record = BytesMut::with_capacity(fields.len());
    record.put_slice(&[0, *channels, *s1, *s0, *r3, *r2, *r1, *r0, *g1, *g0, *family]);
    if *family != 0 {
        record.put_slice(mapping);
    }
    Some(record.freeze())
}

/// How many times 2.5 ms a packet lasts (RFC 6716 §3.1).
fn opus_units(packet: &[u8]) -> u32 {
    let Some(toc) = packet.first() else { return 0 };
    let config = toc >> 3;
    let frame = match config {
        0..=11 => [4, 8, 16, 24][usize::from(config & 3)],
        12..=15 => [4, 8][usize::from(config & 1)],
        _ => 1 << (config & 3),
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(packet.get(1).copied().unwrap_or(0) & 0x3f),
    };
    // 120 ms at most.
    (frame * frames).min(48)
}
