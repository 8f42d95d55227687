//! AAC: the ADTS header of transport streams and the AudioSpecificConfig of ISO files
//! (ISO/IEC 14496-3).

use bytes::Bytes;
use thiserror::Error;

use crate::units::Timescale;

/// Sampling rates by `samplingFrequencyIndex` (ISO/IEC 14496-3 table 1.18).
const SAMPLING_RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];

/// Settings of an AAC track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AacConfig {
    /// `audioObjectType`: 2 is LC.
    pub object_type: u8,
    /// Samples a second; the track's timescale. Never zero.
    pub sample_rate: u32,
    /// Loudspeakers; 8 for channel configuration 7.
    pub channels: u8,
    /// Audio samples in a frame: 1,024.
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
    /// An ADTS frame with more than one raw data block.
    #[error("an ADTS frame holds {0} raw data blocks; one is supported")]
    RawDataBlocks(u8),
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
    fn new(object_type: u8, index: u8, channel_configuration: u8) -> Result<Self, AacError> {
        let sample_rate = *SAMPLING_RATES
            .get(usize::from(index))
            .ok_or(AacError::SamplingFrequencyIndex(index))?;
        let channels = match channel_configuration {
            1..=6 => channel_configuration,
            7 => 8,
            other => return Err(AacError::ChannelConfiguration(other)),
        };
        let asc = [object_type << 3 | index >> 1, index << 7 | channel_configuration << 3];
        Ok(AacConfig {
            object_type,
            sample_rate,
            channels,
            frame_length: 1024,
            asc: Bytes::copy_from_slice(&asc),
        })
    }

    /// Settings from an AudioSpecificConfig as an ISO file's `esds` carries it.
    ///
    /// # Errors
    /// What is not supported, by name.
    pub fn from_asc(asc: &[u8]) -> Result<Self, AacError> {
        let [a, b, ..] = *asc else { return Err(AacError::Short) };
        let mut config = AacConfig::new(a >> 3, (a & 7) << 1 | b >> 7, (b >> 3) & 15)?;
        config.asc = Bytes::copy_from_slice(asc);
        Ok(config)
    }

    /// The sampling rate as a timescale.
    #[must_use]
    pub fn timescale(&self) -> Timescale {
        Timescale::new(self.sample_rate).unwrap_or(Timescale::MILLIS)
    }

    /// `samplingFrequencyIndex`; `None` for a rate that has none.
    #[must_use]
    pub fn sampling_frequency_index(&self) -> Option<u8> {
        let index = SAMPLING_RATES.iter().position(|rate| *rate == self.sample_rate)?;
        u8::try_from(index).ok()
    }

    /// `mp4a.40.{object type}` (RFC 6381).
    #[must_use]
    pub fn rfc6381(&self) -> String {
        format!("mp4a.40.{}", self.object_type)
    }
}

/// One ADTS frame's header, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdtsHeader {
    /// What the frame says of its settings.
    pub config: AacConfig,
    /// Bytes of the header: 7, or 9 with a checksum.
    pub header_length: usize,
    /// Bytes of the whole frame, header included; never under `header_length`.
    pub frame_length: usize,
}

impl AdtsHeader {
    /// Bytes needed before [`AdtsHeader::parse`] can say anything.
    pub const LENGTH_MIN: usize = 7;

    /// Reads the header at the start of `bytes` (ISO/IEC 14496-3 1.A.2.2).
    ///
    /// # Errors
    /// [`AacError::Short`] where fewer than [`AdtsHeader::LENGTH_MIN`] bytes are there, else what is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, AacError> {
        let [sync, flags, b2, b3, b4, b5, b6, ..] = *bytes else { return Err(AacError::Short) };
        if sync != 0xff || flags & 0xf6 != 0xf0 {
            return Err(AacError::Syncword);
        }
        let header_length = if flags & 1 == 1 { 7 } else { 9 };
        let frame_length = usize::from(b3 & 3) << 11 | usize::from(b4) << 3 | usize::from(b5) >> 5;
        if frame_length < header_length {
            return Err(AacError::Syncword);
        }
        let blocks = (b6 & 3) + 1;
        if blocks != 1 {
            return Err(AacError::RawDataBlocks(blocks));
        }
        let config = AacConfig::new((b2 >> 6) + 1, (b2 >> 2) & 15, (b2 & 1) << 2 | b3 >> 6)?;
        Ok(AdtsHeader { config, header_length, frame_length })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// AAC LC, 48 kHz, stereo, 371 bytes without checksum.
    const HEADER: [u8; 7] = [0xff, 0xf1, 0x4c, 0x80, 0x2e, 0x7f, 0xfc];

    #[test]
    fn an_adts_header_gives_the_audio_specific_config() {
        let header = AdtsHeader::parse(&HEADER).expect("a valid header");
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
        assert_eq!(AdtsHeader::parse(&HEADER[..6]), Err(AacError::Short));
        assert_eq!(AdtsHeader::parse(&[0; 7]), Err(AacError::Syncword));
        let mut reserved_rate = HEADER;
        reserved_rate[2] = 0x74;
        assert_eq!(AdtsHeader::parse(&reserved_rate), Err(AacError::SamplingFrequencyIndex(13)));
    }
}
