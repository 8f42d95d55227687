//! AAC: the ADTS header of transport streams and the AudioSpecificConfig of ISO files
//! (ISO/IEC 14496-3), with spectral band replication and parametric stereo.

mod sbr;

use bytes::Bytes;
use thiserror::Error;

use super::bits::Bits;
use super::sound::{ChannelLayout, Sound};
use crate::units::Timescale;

pub use sbr::carries_sbr;

/// Sampling rates by `samplingFrequencyIndex` (ISO/IEC 14496-3 table 1.18).
const SAMPLING_RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];
/// `samplingFrequencyIndex` before a rate of 24 bits.
const EXPLICIT_RATE: u8 = 15;
/// `audioObjectType` of spectral band replication.
const SBR: u8 = 5;
/// `audioObjectType` of parametric stereo.
const PS: u8 = 29;
/// `syncExtensionType` before SBR, and before PS after it.
const SYNC_EXTENSIONS: [u32; 2] = [0x2b7, 0x548];

/// Settings of an AAC track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AacConfig {
    /// `audioObjectType` of the whole: 2 is LC, 5 HE-AAC (with SBR), 29 HE-AAC v2 (with PS too).
    pub object_type: u8,
    /// Samples a second that come out of a decoder; the track's timescale. Never zero.
    pub sample_rate: u32,
    /// Loudspeakers; 8 for channel configuration 7, 2 with parametric stereo.
    pub channels: u8,
    /// Samples that come out of a frame: 1,024 or 960, twice that with SBR.
    pub frame_length: u32,
    /// The AudioSpecificConfig.
    pub asc: Bytes,
}

/// Why bytes are not AAC that can be carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AacError {
    /// `channel_configuration` 0 (a program config element) or a reserved value.
    #[error("AAC channel configuration {0} is not supported; 1 to 7 are")]
    ChannelConfiguration(u8),
    /// AAC of another kind.
    #[error("AAC of object type {0} is not supported; 1 to 4 (2 is AAC LC), 5 and 29 (HE-AAC) are")]
    ObjectType(u8),
    /// An ADTS frame with more than one raw data block.
    #[error("an ADTS frame holds {0} raw data blocks; one is supported")]
    RawDataBlocks(u8),
    /// A rate that cannot be a timescale, or an SBR rate that does not go with it.
    #[error("an AAC sampling rate of {0} Hz is not supported")]
    SamplingFrequency(u32),
    /// An index without a sampling rate.
    #[error("AAC sampling frequency index {0} is not supported; 0 to 12 are")]
    SamplingFrequencyIndex(u8),
    /// Too few bytes for a header.
    #[error("the AAC header is cut short")]
    Short,
    /// The twelve bits every ADTS frame begins with are not there.
    #[error("no ADTS syncword where a frame should begin")]
    Syncword,
}

impl AacConfig {
    /// AAC without extensions.
    fn plain(object_type: u8, index: u8, channel_configuration: u8) -> Result<Self, AacError> {
        let asc = [object_type << 3 | index >> 1, index << 7 | channel_configuration << 3];
        let mut config = AacConfig {
            object_type,
            sample_rate: rate_of(index)?,
            channels: channels_of(channel_configuration)?,
            frame_length: 1024,
            asc: Bytes::copy_from_slice(&asc),
        };
        if !matches!(object_type, 1..=4) {
            config.object_type = 0;
            return Err(AacError::ObjectType(object_type));
        }
        Ok(config)
    }

    /// Settings from an AudioSpecificConfig as an ISO file's `esds` carries it (§1.6.2.1). SBR and
    /// PS count where they are signalled, hierarchically or behind the configuration of the core.
    ///
    /// # Errors
    /// What is not supported, by name.
    pub fn from_asc(asc: &[u8]) -> Result<Self, AacError> {
        let read = Asc::read(asc).ok_or(AacError::Short)??;
        let core = read.sample_rate;
        let sample_rate = match read.object_type {
            SBR | PS => read.extension_rate.unwrap_or(0),
            _ => core,
        };
        if Timescale::new(sample_rate).is_none() || sample_rate != core && sample_rate != 2 * core {
            return Err(AacError::SamplingFrequency(sample_rate));
        }
        let channels = channels_of(read.channel_configuration)?;
        Ok(AacConfig {
            object_type: read.object_type,
            sample_rate,
            channels: if read.object_type == PS { channels.max(2) } else { channels },
            frame_length: read.frame_length * (sample_rate / core),
            asc: Bytes::copy_from_slice(asc),
        })
    }

    /// The same core with SBR over it, signalled hierarchically (§1.6.5): what players are told of a
    /// stream whose headers do not mention it. `None` where twice the rate has no index.
    #[must_use]
    pub fn with_sbr(&self) -> Option<Self> {
        let index_of = |rate: u32| SAMPLING_RATES.iter().position(|r| *r == rate);
        let core = u32::try_from(index_of(self.sample_rate)?).ok()?;
        let doubled = u32::try_from(index_of(2 * self.sample_rate)?).ok()?;
        let configuration = u32::from(self.asc.get(1)? >> 3 & 15);
        let fields = u32::from(SBR) << 27
            | core << 23
            | configuration << 19
            | doubled << 15
            | u32::from(self.object_type) << 10;
        Self::from_asc(&fields.to_be_bytes()).ok()
    }

    /// The sampling rate as a timescale.
    #[must_use]
    pub fn timescale(&self) -> Timescale {
        self.sound().timescale()
    }

    /// What an ADTS header says: profile, `sampling_frequency_index` and `channel_configuration`, of
    /// the core where SBR stands on one. `None` where they do not fit its fields.
    #[must_use]
    pub fn adts(&self) -> Option<(u8, u8, u8)> {
        let [first, second, ..] = *self.asc else { return None };
        let (index, channels) = ((first & 7) << 1 | second >> 7, second >> 3 & 15);
        // What extends LC is told by the frames.
        let profile = if matches!(self.object_type, 1..=4) { self.object_type - 1 } else { 1 };
        let fits = usize::from(index) < SAMPLING_RATES.len() && channels < 8;
        fits.then_some((profile, index, channels))
    }

    /// `mp4a.40.{object type}` (RFC 6381).
    #[must_use]
    pub fn rfc6381(&self) -> String {
        format!("mp4a.40.{}", self.object_type)
    }

    /// What a decoder makes of it.
    #[must_use]
    pub fn sound(&self) -> Sound {
        Sound {
            sample_rate: self.sample_rate,
            frame_length: self.frame_length,
            channels: self.channels,
            layout: ChannelLayout::Configuration(self.channels.min(7)),
            objects: None,
        }
    }
}

fn rate_of(index: u8) -> Result<u32, AacError> {
    SAMPLING_RATES.get(usize::from(index)).copied().ok_or(AacError::SamplingFrequencyIndex(index))
}

fn channels_of(configuration: u8) -> Result<u8, AacError> {
    match configuration {
        1..=6 => Ok(configuration),
        7 => Ok(8),
        other => Err(AacError::ChannelConfiguration(other)),
    }
}

/// An AudioSpecificConfig, read.
struct Asc {
    object_type: u8,
    sample_rate: u32,
    extension_rate: Option<u32>,
    channel_configuration: u8,
    frame_length: u32,
}

impl Asc {
    /// `None` where it ends early.
    fn read(asc: &[u8]) -> Option<Result<Self, AacError>> {
        let mut bits = Bits::new(asc);
        let mut object_type = object_type(&mut bits)?;
        let sample_rate = match rate(&mut bits)? {
            Ok(rate) => rate,
            Err(why) => return Some(Err(why)),
        };
        let channel_configuration = bits.byte(4)?;
        let mut extension_rate = None;
        let mut core = object_type;
        if matches!(object_type, SBR | PS) {
            extension_rate = Some(rate(&mut bits)?);
            core = self::object_type(&mut bits)?;
        }
        if !matches!(core, 1..=4) {
            return Some(Err(AacError::ObjectType(core)));
        }
        let frame_length = if bits.flag()? { 960 } else { 1024 };
        if bits.flag()? {
            bits.skip(14)?; // coreCoderDelay
        }
        bits.skip(1)?; // extensionFlag: 0 for these object types
        if extension_rate.is_none()
            && let Some((extended, rate)) = extension_behind(&mut bits)
        {
            object_type = extended;
            extension_rate = Some(rate);
        }
        let extension_rate = match extension_rate.transpose() {
            Ok(rate) => rate,
            Err(why) => return Some(Err(why)),
        };
        Some(Ok(Asc {
            object_type,
            sample_rate,
            extension_rate,
            channel_configuration,
            frame_length,
        }))
    }
}

/// `GetAudioObjectType` (§1.6.2.1).
fn object_type(bits: &mut Bits<'_>) -> Option<u8> {
    match bits.byte(5)? {
        31 => bits.byte(6).map(|more| 32 + more),
        short => Some(short),
    }
}

fn rate(bits: &mut Bits<'_>) -> Option<Result<u32, AacError>> {
    match bits.byte(4)? {
        EXPLICIT_RATE => match bits.number(24)? {
            0 => Some(Err(AacError::SamplingFrequency(0))),
            rate => Some(Ok(rate)),
        },
        index => Some(rate_of(index)),
    }
}

/// SBR and PS signalled behind the core's configuration, for decoders that know them
/// (§1.6.2.1, `syncExtensionType`); `None` where they are not.
fn extension_behind(bits: &mut Bits<'_>) -> Option<(u8, Result<u32, AacError>)> {
    if bits.number(11)? != SYNC_EXTENSIONS[0] || object_type(bits)? != SBR || !bits.flag()? {
        return None;
    }
    let rate = rate(bits)?;
    let parametric = bits.number(11) == Some(SYNC_EXTENSIONS[1]) && bits.flag() == Some(true);
    Some((if parametric { PS } else { SBR }, rate))
}

/// One ADTS frame's header, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdtsHeader {
    /// What the frame says of its settings; SBR is not among it.
    pub config: AacConfig,
    /// Bytes of the header: 7, or 9 with a checksum.
    pub header_length: usize,
    /// Bytes of the whole frame, header included; never under `header_length`.
    pub frame_length: usize,
}

impl AdtsHeader {
    /// Reads the header at the start of `bytes` (ISO/IEC 14496-3 1.A.2.2); nothing where more bytes
    /// are needed.
    ///
    /// # Errors
    /// What is wrong or not supported.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, AacError> {
        if let [first, rest @ ..] = bytes
            && (*first != 0xff || rest.first().is_some_and(|second| second & 0xf6 != 0xf0))
        {
            return Err(AacError::Syncword);
        }
        let [_, flags, b2, b3, b4, b5, b6, ..] = *bytes else { return Ok(None) };
        let header_length = if flags & 1 == 1 { 7 } else { 9 };
        let frame_length = usize::from(b3 & 3) << 11 | usize::from(b4) << 3 | usize::from(b5) >> 5;
        if frame_length < header_length {
            return Err(AacError::Syncword);
        }
        let blocks = (b6 & 3) + 1;
        if blocks != 1 {
            return Err(AacError::RawDataBlocks(blocks));
        }
        let config = AacConfig::plain((b2 >> 6) + 1, (b2 >> 2) & 15, (b2 & 1) << 2 | b3 >> 6)?;
        Ok(Some(AdtsHeader { config, header_length, frame_length }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// AAC LC, 48 kHz, stereo, 371 bytes without checksum.
    const HEADER: [u8; 7] = [0xff, 0xf1, 0x4c, 0x80, 0x2e, 0x7f, 0xfc];

    #[test]
    fn an_adts_header_gives_the_audio_specific_config() {
        let header = AdtsHeader::parse(&HEADER).unwrap().expect("a valid header");
        assert_eq!(header.header_length, 7);
        assert_eq!(header.frame_length, 371);
        assert_eq!(header.config.sample_rate, 48_000);
        assert_eq!(header.config.channels, 2);
        assert_eq!(header.config.asc.as_ref(), [0x11, 0x90]);
        assert_eq!(header.config.rfc6381(), "mp4a.40.2");
        assert_eq!(AacConfig::from_asc(&[0x11, 0x90]), Ok(header.config));
    }

    #[test]
    fn what_is_not_adts_is_named() {
        assert_eq!(AdtsHeader::parse(&HEADER[..6]), Ok(None));
        assert_eq!(AdtsHeader::parse(&[0; 7]), Err(AacError::Syncword));
        let mut reserved_rate = HEADER;
        reserved_rate[2] = 0x74;
        assert_eq!(AdtsHeader::parse(&reserved_rate), Err(AacError::SamplingFrequencyIndex(13)));
    }

    fn says(asc: &[u8]) -> (String, u32, u8, u32) {
        let config = AacConfig::from_asc(asc).expect("settings we carry");
        (config.rfc6381(), config.sample_rate, config.channels, config.frame_length)
    }

    #[test]
    fn sbr_counts_where_it_is_signalled() {
        // Before the core: HE-AAC of a 24-kHz stereo core; HE-AAC v2 of a mono one.
        assert_eq!(says(&[0x2b, 0x11, 0x88, 0x00]), ("mp4a.40.5".to_owned(), 48_000, 2, 2048));
        assert_eq!(says(&[0xeb, 0x09, 0x88, 0x00]), ("mp4a.40.29".to_owned(), 48_000, 2, 2048));
        // Behind it: the same two.
        let behind = [0x13, 0x10, 0x56, 0xe5, 0x98];
        assert_eq!(says(&behind), ("mp4a.40.5".to_owned(), 48_000, 2, 2048));
        let both = [0x13, 0x08, 0x56, 0xe5, 0x9d, 0x48, 0x80];
        assert_eq!(says(&both), ("mp4a.40.29".to_owned(), 48_000, 2, 2048));
        // Not at all, and said not to be there.
        assert_eq!(says(&[0x13, 0x10]), ("mp4a.40.2".to_owned(), 24_000, 2, 1024));
        assert_eq!(says(&[0x13, 0x10, 0x56, 0xe5, 0x00]).0, "mp4a.40.2");
    }

    #[test]
    fn short_frames_and_rates_in_full_are_read() {
        assert_eq!(says(&[0x11, 0x94]), ("mp4a.40.2".to_owned(), 48_000, 2, 960));
        // 15 and 24 bits: 50,000 Hz.
        assert_eq!(says(&[0x17, 0x80, 0x61, 0xa8, 0x10]).1, 50_000);
    }

    #[test]
    fn sbr_over_a_plain_core_is_signalled_before_it() {
        let plain = AacConfig::from_asc(&[0x13, 0x10]).unwrap();
        let with = plain.with_sbr().expect("24 kHz doubles");
        assert_eq!(with.asc.as_ref(), [0x2b, 0x11, 0x88, 0x00]);
        assert_eq!((with.sample_rate, with.frame_length, with.channels), (48_000, 2048, 2));
        assert_eq!(
            AacConfig::from_asc(&[0x11, 0x90]).unwrap().with_sbr().unwrap().sample_rate,
            96_000
        );
        assert_eq!(AacConfig::from_asc(&[0x10, 0x10]).unwrap().with_sbr(), None);
    }

    #[test]
    fn other_object_types_and_rates_are_refused_by_name() {
        let of = AacConfig::from_asc;
        assert_eq!(of(&[0x88, 0x90, 0]), Err(AacError::ObjectType(17)));
        assert_eq!(of(&[0xf9, 0x46, 0x40, 0, 0]), Err(AacError::ObjectType(42)));
        assert_eq!(of(&[0x11]), Err(AacError::Short));
        assert_eq!(of(&[0x16, 0x90]), Err(AacError::SamplingFrequencyIndex(13)));
        assert_eq!(of(&[0x17, 0x80, 0, 0, 0x10]), Err(AacError::SamplingFrequency(0)));
        assert_eq!(of(&[0x11, 0x80]), Err(AacError::ChannelConfiguration(0)));
        // 48 kHz over a core of 44.1 kHz.
        assert_eq!(of(&[0x2a, 0x11, 0x88, 0x00]), Err(AacError::SamplingFrequency(48_000)));
    }
}
