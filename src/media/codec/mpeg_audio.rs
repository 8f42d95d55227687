//! MPEG audio layer III: the frame header (ISO/IEC 11172-3 §2.4.1.3, ISO/IEC 13818-3 §2.4.1.3), and
//! what ISO files call it (ISO/IEC 14496-1 table 5).

use thiserror::Error;

use super::sound::{ChannelLayout, Sound};

/// kbit/s of layer III by `bitrate_index`: MPEG-1, and MPEG-2 with its lower sampling rates.
const BITRATES: [[u32; 15]; 2] = [
    [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];
/// Sampling rates of MPEG-1; MPEG-2 halves them.
const SAMPLING_RATES: [u32; 3] = [44_100, 48_000, 32_000];

/// Settings of an MP3 track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MpegAudioConfig {
    /// Samples a second.
    pub sample_rate: u32,
    /// One or two.
    pub channels: u8,
    /// Whether it is MPEG-2's extension to lower sampling rates: frames of 576 samples, not 1,152.
    pub lower_rates: bool,
}

/// Why bytes are not MPEG audio that can be carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MpegAudioError {
    /// The bits every frame begins with are not there.
    #[error("no MPEG audio syncword where a frame should begin")]
    Syncword,
    /// Another layer; players of CMAF decode layer III.
    #[error("MPEG audio layer {0} is not supported; layer III (MP3) is")]
    Layer(u8),
    /// A bit rate that the header does not name, or a reserved index.
    #[error("MP3 bit rate index {0} is not supported; 1 to 14 are")]
    BitrateIndex(u8),
    /// A reserved sampling rate.
    #[error("MP3 sampling frequency index {0} is not supported; 0 to 2 are")]
    SamplingFrequencyIndex(u8),
    /// What an ISO file's sample entry says cannot be.
    #[error("MP3 with {channels} channels at {sample_rate} Hz is not supported")]
    SampleEntry {
        /// As the sample entry has them.
        channels: u16,
        /// As the sample entry has it.
        sample_rate: u32,
    },
}

impl MpegAudioConfig {
    /// `objectTypeIndication` of ISO/IEC 11172-3 audio.
    pub const OBJECT_TYPE_MPEG1: u8 = 0x6b;
    /// `objectTypeIndication` of ISO/IEC 13818-3 audio.
    pub const OBJECT_TYPE_MPEG2: u8 = 0x69;

    /// Settings from an ISO file's sample entry.
    ///
    /// # Errors
    /// Channels or a rate that MP3 does not have.
    pub fn from_entry(channels: u16, sample_rate: u32) -> Result<Self, MpegAudioError> {
        let lower_rates = sample_rate < 32_000;
        let full = if lower_rates { sample_rate * 2 } else { sample_rate };
        match channels {
            1 | 2 if SAMPLING_RATES.contains(&full) => {
                Ok(MpegAudioConfig { sample_rate, channels: channels as u8, lower_rates })
            }
            _ => Err(MpegAudioError::SampleEntry { channels, sample_rate }),
        }
    }

    /// `objectTypeIndication` in `esds`.
    #[must_use]
    pub fn object_type(&self) -> u8 {
        if self.lower_rates { Self::OBJECT_TYPE_MPEG2 } else { Self::OBJECT_TYPE_MPEG1 }
    }

    /// `mp4a` and the object type in hexadecimal (RFC 6381 §3.3).
    #[must_use]
    pub fn rfc6381(&self) -> &'static str {
        if self.lower_rates { "mp4a.69" } else { "mp4a.6B" }
    }

    /// What a decoder makes of it.
    #[must_use]
    pub fn sound(&self) -> Sound {
        Sound {
            sample_rate: self.sample_rate,
            frame_length: if self.lower_rates { 576 } else { 1152 },
            channels: self.channels,
            layout: ChannelLayout::Configuration(self.channels),
            objects: None,
        }
    }
}

/// One frame's header, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MpegAudioHeader {
    /// What the frame says of its settings.
    pub config: MpegAudioConfig,
    /// Bytes of the whole frame, header included.
    pub frame_length: usize,
}

impl MpegAudioHeader {
    /// Bytes of a header.
    pub const LENGTH: usize = 4;

    /// Reads the header at the start of `bytes`; nothing where more bytes are needed.
    ///
    /// # Errors
    /// What is wrong or not supported.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, MpegAudioError> {
        if let [first, rest @ ..] = bytes
            && (*first != 0xff || rest.first().is_some_and(|second| second & 0xf0 != 0xf0))
        {
            return Err(MpegAudioError::Syncword);
        }
        let [_, b1, b2, b3, ..] = *bytes else { return Ok(None) };
        let lower_rates = b1 & 0x08 == 0;
        match b1 >> 1 & 3 {
            0 => return Err(MpegAudioError::Syncword),
            1 => {}
            layer => return Err(MpegAudioError::Layer(4 - layer)),
        }
        let index = b2 >> 4;
        let kilobits = BITRATES[usize::from(lower_rates)]
            .get(usize::from(index))
            .copied()
            .filter(|kilobits| *kilobits > 0)
            .ok_or(MpegAudioError::BitrateIndex(index))?;
        let index = b2 >> 2 & 3;
        let full = *SAMPLING_RATES
            .get(usize::from(index))
            .ok_or(MpegAudioError::SamplingFrequencyIndex(index))?;
        let sample_rate = if lower_rates { full / 2 } else { full };
        let bytes_a_sample = if lower_rates { 72 } else { 144 };
        let padding = u32::from(b2 >> 1 & 1);
        let frame_length = bytes_a_sample * kilobits * 1000 / sample_rate + padding;
        let channels = if b3 >> 6 == 3 { 1 } else { 2 };
        let config = MpegAudioConfig { sample_rate, channels, lower_rates };
        Ok(Some(MpegAudioHeader { config, frame_length: frame_length as usize }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_header_gives_settings_and_length() {
        // MPEG-1 layer III, 128 kbit/s, 44.1 kHz, joint stereo, with and without padding.
        let of = |third| MpegAudioHeader::parse(&[0xff, 0xfb, third, 0x64]).unwrap().unwrap();
        assert_eq!((of(0x90).frame_length, of(0x92).frame_length), (417, 418));
        assert_eq!(of(0x90).config, MpegAudioConfig::from_entry(2, 44_100).unwrap());
        assert_eq!(of(0x90).config.sound().frame_length, 1152);
        assert_eq!(of(0x90).config.rfc6381(), "mp4a.6B");
        // MPEG-2 layer III, 64 kbit/s, 24 kHz, mono.
        let low = MpegAudioHeader::parse(&[0xff, 0xf3, 0x84, 0xc4]).unwrap().unwrap();
        assert_eq!((low.frame_length, low.config.sound().frame_length), (192, 576));
        assert_eq!((low.config.channels, low.config.rfc6381()), (1, "mp4a.69"));
        assert_eq!(low.config.object_type(), 0x69);
    }

    #[test]
    fn what_is_not_layer_three_is_named() {
        let of = |bytes: &[u8]| MpegAudioHeader::parse(bytes);
        assert_eq!(of(&[0xff, 0xfd, 0x90, 0x64]), Err(MpegAudioError::Layer(2)));
        assert_eq!(of(&[0xff, 0xff, 0x90, 0x64]), Err(MpegAudioError::Layer(1)));
        assert_eq!(of(&[0xff, 0xf1, 0x90, 0x64]), Err(MpegAudioError::Syncword));
        assert_eq!(of(&[0xff, 0xfb, 0x00, 0x64]), Err(MpegAudioError::BitrateIndex(0)));
        assert_eq!(of(&[0xff, 0xfb, 0xf0, 0x64]), Err(MpegAudioError::BitrateIndex(15)));
        assert_eq!(of(&[0xff, 0xfb, 0x9c, 0x64]), Err(MpegAudioError::SamplingFrequencyIndex(3)));
        assert_eq!(of(&[0x47]), Err(MpegAudioError::Syncword));
        assert_eq!(of(&[0xff, 0xfb, 0x90]), Ok(None));
        assert!(MpegAudioConfig::from_entry(6, 48_000).is_err());
    }
}
