//! AC-3 and Enhanced AC-3 (ETSI TS 102 366; in transport streams annex A of ETSI EN 300 468 annex D
//! and ATSC A/52 annex A): syncframes, put together into access units of six blocks as ISO files
//! need them (ETSI TS 102 366 §F.3).

use bytes::BytesMut;

use super::audio::{Format, Frame, Header, SampleClock};
use super::fault::Fault;
use super::track::Out;
use crate::media::codec::ac3::{Ac3Error, BLOCK_LENGTH, BLOCKS, Substream, SyncFrameHeader};
use crate::media::codec::{Ac3Config, Codec, CodecError};
use crate::units::Timescale;

/// Longest access unit: six frames of eight programmes would be longer, but nobody has them.
pub(super) const UNIT_MAX: usize = 64 << 10;

/// Syncframes. Keeps back an access unit until the next begins.
#[derive(Debug, Default)]
pub(super) struct Ac3 {
    config: Option<Ac3Config>,
    unit: BytesMut,
    /// When the access unit plays.
    pts: Option<i64>,
    /// The time of a PES packet that begins inside an access unit: that of the next.
    next: Option<i64>,
    /// Blocks of its first programme.
    blocks: u32,
}

impl Format for Ac3 {
    type Settings = SyncFrameHeader;
    const SYNC: u8 = 0x0b;

    fn header(head: &[u8]) -> Result<Option<Header<SyncFrameHeader>>, CodecError> {
        let header = SyncFrameHeader::parse(head)?;
        Ok(header.map(|header| Header { settings: header, skipped: 0, length: header.length }))
    }

    fn agree(one: &SyncFrameHeader, other: &SyncFrameHeader) -> bool {
        one.goes_with(other)
    }

    fn frame(
        &mut self,
        frame: &Frame<SyncFrameHeader>,
        clock: &mut SampleClock,
        out: &mut Out<'_>,
    ) {
        let header = &frame.settings;
        let leads = matches!(header.substream, Substream::Ac3 | Substream::Independent(0));
        if leads {
            if self.blocks >= BLOCKS {
                self.give(out);
            }
            let length = i64::from(u32::from(header.blocks) * BLOCK_LENGTH);
            let rate = Timescale::new(header.sample_rate).unwrap_or(Timescale::NINETY_KHZ);
            let next = self.next.take();
            let pts = clock.time_of(frame.start().or(next), length, rate);
            if self.blocks == 0 {
                self.pts = pts;
            }
            self.blocks += u32::from(header.blocks);
        } else {
            self.next = frame.start().or(self.next);
            if self.blocks == 0 {
                return; // of an access unit whose beginning is missing
            }
        }
        if self.unit.len() + frame.data.len() > UNIT_MAX {
            self.lost();
            let why = Ac3Error::TooLong.into();
            out.fault(Fault::BrokenAudio { pid: out.pid(), why });
            return;
        }
        self.unit.extend_from_slice(&frame.data);
        if header.substream == Substream::Ac3 {
            self.give(out);
        }
    }

    fn lost(&mut self) {
        self.unit = BytesMut::new();
        self.blocks = 0;
        self.next = None;
    }

    fn finish(&mut self, out: &mut Out<'_>) {
        if self.blocks >= BLOCKS {
            self.give(out);
        }
    }

    fn held_bytes(&self) -> usize {
        self.unit.len()
    }
}

impl Ac3 {
    /// The access unit is whole.
    fn give(&mut self, out: &mut Out<'_>) {
        self.blocks = 0;
        let unit = std::mem::take(&mut self.unit).freeze();
        match Ac3Config::from_access_unit(&unit) {
            Ok(config) => {
                if !self.config.as_ref().is_some_and(|before| before.is_like(&config)) {
                    out.track.configure(Codec::Ac3(config.clone()));
                    self.config = Some(config);
                }
                out.audio(self.pts, unit);
            }
            Err(why) => out.fault(Fault::BrokenAudio { pid: out.pid(), why: why.into() }),
        }
    }
}
