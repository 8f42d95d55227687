//! AC-3 and Enhanced AC-3: syncframes, and the boxes `dac3` and `dec3` (ETSI TS 102 366 §4.3,
//! annexes E and F; ETSI TS 103 420 §8 for joint object coding).

mod bsi;
mod record;
mod syncframe;

use bytes::Bytes;
use thiserror::Error;

use super::sound::{ChannelLayout, Sound};

pub use syncframe::{Substream, SyncFrameHeader};

/// Samples in a block; an AC-3 frame and an Enhanced AC-3 access unit have six.
pub const BLOCK_LENGTH: u32 = 256;
/// Blocks of a sample of an ISO file (§F.3: six of each substream).
pub const BLOCKS: u32 = 6;
/// Loudspeakers of each bit of a channel map, the highest first (table E.1.4).
const LOUDSPEAKERS: [u8; 16] = [1, 1, 1, 1, 1, 2, 2, 1, 1, 2, 2, 2, 1, 2, 1, 1];
/// The low-frequency loudspeaker in a channel map.
const MAP_LFE: u16 = 0x0001;
/// The second one.
const MAP_LFE2: u16 = 0x0002;
/// Channel maps by `acmod` (table 4.3).
const MAPS: [u16; 8] = [0xa000, 0x4000, 0xa000, 0xe000, 0xa100, 0xe100, 0xb800, 0xf800];

/// Settings of an AC-3 or Enhanced AC-3 track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ac3Config {
    /// Whether it is Enhanced AC-3.
    pub enhanced: bool,
    /// Samples a second. Never zero.
    pub sample_rate: u32,
    /// Channel map of the first programme (table E.1.4).
    pub channel_map: u16,
    /// The complexity index of joint object coding.
    pub objects: Option<u8>,
    /// `AC3SpecificBox` or `EC3SpecificBox` without its header.
    record: Bytes,
}

/// Why bytes are not AC-3 that can be carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Ac3Error {
    /// The two bytes every syncframe begins with are not there.
    #[error("no AC-3 syncword where a frame should begin")]
    Syncword,
    /// Bitstreams of another version.
    #[error("AC-3 bitstream identification {0} is not supported; 0 to 8 and 11 to 16 are")]
    Version(u8),
    /// A reduced or reserved sampling rate.
    #[error("AC-3 sampling rate code {0} is not supported; 0 to 2 are (48, 44.1 and 32 kHz)")]
    SamplingRate(u8),
    /// A reserved frame size.
    #[error("AC-3 frame size code {0} is reserved")]
    FrameSize(u8),
    /// A reserved kind of substream.
    #[error("Enhanced AC-3 stream type {0} is reserved")]
    StreamType(u8),
    /// The header or the box ends before its fields do.
    #[error("the AC-3 header is cut short")]
    Short,
    /// An access unit that goes on and on.
    #[error("an Enhanced AC-3 access unit is longer than 65,536 bytes")]
    TooLong,
    /// An access unit that does not begin with the first independent substream.
    #[error("an Enhanced AC-3 access unit does not begin with independent substream 0")]
    Substreams,
}

impl Ac3Config {
    /// Settings of an access unit: one AC-3 frame, or the substreams of Enhanced AC-3 over six
    /// blocks.
    ///
    /// # Errors
    /// What is wrong or not supported.
    pub fn from_access_unit(unit: &[u8]) -> Result<Self, Ac3Error> {
        record::of_access_unit(unit)
    }

    /// Settings from `dac3` or, of Enhanced AC-3, `dec3`.
    ///
    /// # Errors
    /// What is wrong or not supported.
    pub fn from_record(record: Bytes, enhanced: bool) -> Result<Self, Ac3Error> {
        let read = if enhanced { record::read_dec3(&record) } else { record::read_dac3(&record) };
        let (rate_code, channel_map, objects) = read.ok_or(Ac3Error::Short)?;
        let sample_rate = syncframe::sampling_rate(rate_code)?;
        Ok(Ac3Config { enhanced, sample_rate, channel_map, objects, record })
    }

    /// `AC3SpecificBox` or `EC3SpecificBox` without its header.
    #[must_use]
    pub fn record(&self) -> &Bytes {
        &self.record
    }

    /// Whether another access unit has the same settings. The data rate that `dec3` tells is that of
    /// the first access unit and no setting.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        let rest = |config: &Self| config.record.get(2..).map(<[u8]>::to_vec);
        let same = (self.enhanced, self.sample_rate, self.channel_map, self.objects)
            == (other.enhanced, other.sample_rate, other.channel_map, other.objects);
        same && if self.enhanced { rest(self) == rest(other) } else { self.record == other.record }
    }

    /// Loudspeakers.
    #[must_use]
    pub fn channels(&self) -> u8 {
        let bits = LOUDSPEAKERS.iter().enumerate();
        bits.map(|(n, count)| if self.channel_map >> (15 - n) & 1 == 1 { *count } else { 0 }).sum()
    }

    /// The sample entry's name (RFC 6381 §3.3).
    #[must_use]
    pub fn rfc6381(&self) -> &'static str {
        if self.enhanced { "ec-3" } else { "ac-3" }
    }

    /// What a decoder makes of it.
    #[must_use]
    pub fn sound(&self) -> Sound {
        Sound {
            sample_rate: self.sample_rate,
            frame_length: BLOCKS * BLOCK_LENGTH,
            channels: self.channels(),
            layout: ChannelLayout::DolbyMap(self.channel_map),
            objects: self.objects,
        }
    }
}

#[cfg(test)]
mod tests;
