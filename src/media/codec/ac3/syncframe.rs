//! The header of a syncframe (ETSI TS 102 366 §4.3.1, §4.4.1, §E.1.2.1).

use super::Ac3Error;
use super::bsi::{self, Bsi};

/// Bytes before a frame's length and kind are known.
const HEADER: usize = 6;
/// kbit/s by `frmsizecod` / 2 (table 4.13).
const BITRATES: [u32; 19] =
    [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640];
/// Sampling rates by `fscod` (table 4.2). What follows a 3 are the reduced rates of Enhanced AC-3,
/// which `dec3` cannot say.
const SAMPLING_RATES: [u32; 3] = [48_000, 44_100, 32_000];
/// Blocks by `numblkscod`.
const BLOCK_COUNTS: [u8; 4] = [1, 2, 3, 6];

/// What the first bytes of a syncframe say: enough to cut it out of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncFrameHeader {
    /// Bytes of the whole frame.
    pub length: usize,
    /// Samples a second.
    pub sample_rate: u32,
    /// Blocks of 256 samples.
    pub blocks: u8,
    /// Its place in an access unit.
    pub substream: Substream,
}

/// What a syncframe is within an access unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Substream {
    /// AC-3: an access unit by itself.
    Ac3,
    /// A programme of Enhanced AC-3, by its number.
    Independent(u8),
    /// More channels of the programme before it.
    Dependent,
}

/// A whole syncframe, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SyncFrame {
    /// Its first fields.
    pub(super) header: SyncFrameHeader,
    /// `fscod`.
    pub(super) rate_code: u8,
    /// `frmsizecod` of AC-3.
    pub(super) size_code: u8,
    pub(super) bsid: u8,
    pub(super) bsi: Bsi,
}

impl SyncFrameHeader {
    /// Reads the header at the start of `bytes`; nothing where more bytes are needed.
    ///
    /// # Errors
    /// What is wrong or not supported.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, Ac3Error> {
        if let [first, rest @ ..] = bytes
            && (*first != 0x0b || rest.first().is_some_and(|second| *second != 0x77))
        {
            return Err(Ac3Error::Syncword);
        }
        let Some(head) = bytes.first_chunk::<HEADER>().copied() else { return Ok(None) };
        let bsid = head[5] >> 3;
        match bsid {
            0..=8 => ac3(head).map(Some),
            11..=16 => enhanced(head).map(Some),
            other => Err(Ac3Error::Version(other)),
        }
    }

    /// Whether another frame may stand in the same stream.
    #[must_use]
    pub fn goes_with(&self, other: &Self) -> bool {
        let enhanced = |header: &Self| header.substream != Substream::Ac3;
        self.sample_rate == other.sample_rate && enhanced(self) == enhanced(other)
    }
}

fn ac3(head: [u8; HEADER]) -> Result<SyncFrameHeader, Ac3Error> {
    let rate_code = head[4] >> 6;
    let size_code = head[4] & 0x3f;
    let sample_rate = sampling_rate(rate_code)?;
    let kilobits =
        *BITRATES.get(usize::from(size_code >> 1)).ok_or(Ac3Error::FrameSize(size_code))?;
    let words = match rate_code {
        0 => 2 * kilobits,
        1 => 320 * kilobits / 147 + u32::from(size_code & 1),
        _ => 3 * kilobits,
    };
    Ok(SyncFrameHeader {
        length: words as usize * 2,
        sample_rate,
        blocks: 6,
        substream: Substream::Ac3,
    })
}

fn enhanced(head: [u8; HEADER]) -> Result<SyncFrameHeader, Ac3Error> {
    let substream = match head[2] >> 6 {
        // A stream converted from AC-3 is a programme like any other.
        0 | 2 => Substream::Independent(head[2] >> 3 & 7),
        1 => Substream::Dependent,
        other => return Err(Ac3Error::StreamType(other)),
    };
    let words = usize::from(u16::from_be_bytes([head[2] & 7, head[3]])) + 1;
    let sample_rate = sampling_rate(head[4] >> 6)?;
    let blocks = BLOCK_COUNTS[usize::from(head[4] >> 4 & 3)];
    Ok(SyncFrameHeader { length: words * 2, sample_rate, blocks, substream })
}

/// Samples a second by `fscod`.
pub(super) fn sampling_rate(code: u8) -> Result<u32, Ac3Error> {
    SAMPLING_RATES.get(usize::from(code)).copied().ok_or(Ac3Error::SamplingRate(code))
}

impl SyncFrame {
    /// Reads the frame at the start of `bytes`.
    ///
    /// # Errors
    /// What is wrong or not supported.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Ac3Error> {
        let header = SyncFrameHeader::parse(bytes)?.ok_or(Ac3Error::Short)?;
        let frame = bytes.get(..header.length).ok_or(Ac3Error::Short)?;
        let ac3 = header.substream == Substream::Ac3;
        let bsi = if ac3 { bsi::read(frame) } else { bsi::read_enhanced(frame) };
        let byte = frame.get(4).copied().unwrap_or(0);
        Ok(SyncFrame {
            header,
            rate_code: byte >> 6,
            size_code: byte & 0x3f,
            bsid: frame.get(5).map_or(0, |byte| byte >> 3),
            bsi: bsi.ok_or(Ac3Error::Short)?,
        })
    }
}
