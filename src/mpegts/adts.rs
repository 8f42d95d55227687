//! AAC in ADTS frames (ISO/IEC 14496-3 §1.A.2).
//!
//! An ADTS header does not say that there is spectral band replication. A player must know before
//! the first frame, so where the sampling rate is so low that there may be, the first frames are
//! looked into.

use bytes::Bytes;

use super::audio::{Format, Frame, Header, SampleClock};
use super::track::Out;
use crate::media::codec::aac::{AdtsHeader, carries_sbr};
use crate::media::codec::{AacConfig, Codec, CodecError};

/// Highest sampling rate of a core below spectral band replication: it doubles to 48 kHz.
const CORE_RATE_MAX: u32 = 24_000;
/// Frames in a row that must carry it.
const PROBE: usize = 4;

/// AAC frames. Keeps back [`PROBE`] of them at most.
#[derive(Debug, Default)]
pub(super) struct Adts {
    /// The settings as the header has them.
    core: Option<AacConfig>,
    /// Frames of new settings, while they are looked into.
    probed: Vec<(Option<i64>, Bytes)>,
    probing: bool,
}

impl Format for Adts {
    type Settings = AacConfig;
    const SYNC: u8 = 0xff;

    fn header(head: &[u8]) -> Result<Option<Header<AacConfig>>, CodecError> {
        let header = AdtsHeader::parse(head)?;
        Ok(header.map(|AdtsHeader { config, header_length, frame_length }| Header {
            settings: config,
            skipped: header_length,
            length: frame_length,
        }))
    }

    fn agree(one: &AacConfig, other: &AacConfig) -> bool {
        one == other
    }

    fn frame(&mut self, frame: &Frame<AacConfig>, clock: &mut SampleClock, out: &mut Out<'_>) {
        let core = &frame.settings;
        let pts = clock.time(frame, &core.sound());
        let data = Bytes::copy_from_slice(&frame.data);
        if self.core.as_ref() != Some(core) {
            self.settle(out);
            self.core = Some(core.clone());
            self.probing = core.sample_rate <= CORE_RATE_MAX;
            if !self.probing {
                out.track.configure(Codec::Aac(core.clone()));
            }
        }
        if self.probing {
            self.probed.push((pts, data));
            if self.probed.len() == PROBE {
                self.settle(out);
            }
        } else {
            out.audio(pts, data);
        }
    }

    /// A body so short says nothing: the next one is looked into again.
    fn finish(&mut self, out: &mut Out<'_>) {
        if self.probing {
            self.settle(out);
            self.core = None;
        }
    }

    fn held_bytes(&self) -> usize {
        self.probed.iter().map(|(_, data)| data.len()).sum()
    }
}

impl Adts {
    /// Announces what the frames looked into are, and gives them.
    fn settle(&mut self, out: &mut Out<'_>) {
        if !std::mem::take(&mut self.probing) {
            return;
        }
        let all = self.probed.iter().all(|(_, data)| carries_sbr(data));
        if let Some(core) = &self.core {
            let with_sbr = if all && self.probed.len() == PROBE { core.with_sbr() } else { None };
            out.track.configure(Codec::Aac(with_sbr.unwrap_or_else(|| core.clone())));
        }
        for (pts, data) in self.probed.drain(..) {
            out.audio(pts, data);
        }
    }
}
