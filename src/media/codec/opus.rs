//! Opus as ISO files carry it (Encapsulation of Opus in ISO Base Media File Format, version 0.8.1,
//! §4.3; RFC 7845 for its channel mappings).

use bytes::Bytes;
use thiserror::Error;

use super::sound::{ChannelLayout, Sound};

/// The name of the sample entry is the whole string (RFC 6381 §3.3).
pub(super) const RFC6381: &str = "Opus";
/// The rate of every Opus decoder (§4.3.1).
const SAMPLE_RATE: u32 = 48_000;
/// 20 ms, the usual frame.
const FRAME_LENGTH: u32 = 960;
/// Bytes of `dOps` before its mapping table.
const FIXED: usize = 11;
/// `ChannelConfiguration` (ISO/IEC 23091-3) of mapping families 0 and 1, by the count of channels
/// (RFC 7845 §5.1.1.2).
const CONFIGURATIONS: [u8; 8] = [1, 2, 3, 10, 5, 6, 11, 12];

/// Settings of an Opus track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpusConfig {
    /// Loudspeakers: 1 to 8.
    pub channels: u8,
    /// `OpusSpecificBox` without its header.
    record: Bytes,
}

/// Why an `OpusSpecificBox` cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OpusError {
    /// The box ends before its fields do.
    #[error("dOps is cut short")]
    Short,
    /// Another version of the box.
    #[error("dOps has version {0}; 0 is supported")]
    Version(u8),
    /// Channels that have no named loudspeakers.
    #[error(
        "Opus with {channels} channels of mapping family {family} is not supported; 1 to 8 of family 0 or 1 are"
    )]
    Channels {
        /// `OutputChannelCount`.
        channels: u8,
        /// `ChannelMappingFamily`.
        family: u8,
    },
}

impl OpusConfig {
    /// Settings from `dOps`.
    ///
    /// # Errors
    /// What is not supported, by name.
    pub fn from_record(record: Bytes) -> Result<Self, OpusError> {
        let fixed: &[u8; FIXED] = record.first_chunk().ok_or(OpusError::Short)?;
        let [version, channels, .., family] = *fixed;
        if version != 0 {
            return Err(OpusError::Version(version));
        }
        let channels_max = [2, 8].get(usize::from(family)).copied().unwrap_or(0);
        if channels == 0 || channels > channels_max {
            return Err(OpusError::Channels { channels, family });
        }
        // Counts of streams, then a byte a channel.
        if family != 0 && record.len() < FIXED + 2 + usize::from(channels) {
            return Err(OpusError::Short);
        }
        Ok(OpusConfig { channels, record })
    }

    /// `OpusSpecificBox` without its header.
    #[must_use]
    pub fn record(&self) -> &Bytes {
        &self.record
    }

    /// What a decoder makes of it.
    #[must_use]
    pub fn sound(&self) -> Sound {
        let at = usize::from(self.channels).wrapping_sub(1);
        let configuration = CONFIGURATIONS.get(at).copied().unwrap_or(0);
        Sound {
            sample_rate: SAMPLE_RATE,
            frame_length: FRAME_LENGTH,
            channels: self.channels,
            layout: ChannelLayout::Configuration(configuration),
            objects: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stereo, 312 samples of pre-skip, from 48 kHz.
    const STEREO: &[u8] = &[0, 2, 1, 0x38, 0, 0, 0xbb, 0x80, 0, 0, 0];

    #[test]
    fn the_box_gives_channels_and_is_kept() {
        let opus = OpusConfig::from_record(Bytes::from_static(STEREO)).unwrap();
        assert_eq!((opus.channels, opus.record().as_ref()), (2, STEREO));
        assert_eq!((opus.sound().sample_rate, opus.sound().frame_length), (48_000, 960));
    }

    #[test]
    fn mappings_without_loudspeakers_are_refused() {
        let of = |at: usize, value: u8| {
            let mut record = STEREO.to_vec();
            record[at] = value;
            OpusConfig::from_record(record.into())
        };
        assert_eq!(of(0, 1), Err(OpusError::Version(1)));
        assert_eq!(of(1, 0), Err(OpusError::Channels { channels: 0, family: 0 }));
        assert_eq!(of(1, 6), Err(OpusError::Channels { channels: 6, family: 0 }));
        assert_eq!(of(10, 255), Err(OpusError::Channels { channels: 2, family: 255 }));
        assert_eq!(of(10, 1), Err(OpusError::Short));
        assert_eq!(
            OpusConfig::from_record(Bytes::from_static(&STEREO[..10])),
            Err(OpusError::Short)
        );
    }
}
