//! MPEG audio layer III (ISO/IEC 11172-3, ISO/IEC 13818-3).

use super::audio::{Format, Frame, Header, SampleClock};
use super::track::Out;
use crate::media::codec::mpeg_audio::MpegAudioHeader;
use crate::media::codec::{Codec, CodecError, MpegAudioConfig};

/// MP3 frames.
#[derive(Debug, Default)]
pub(super) struct MpegAudio;

impl Format for MpegAudio {
    type Settings = MpegAudioConfig;
    const SYNC: u8 = 0xff;

    fn header(head: &[u8]) -> Result<Option<Header<MpegAudioConfig>>, CodecError> {
        let header = MpegAudioHeader::parse(head)?;
        Ok(header.map(|MpegAudioHeader { config, frame_length }| Header {
            settings: config,
            skipped: 0,
            length: frame_length,
        }))
    }

    fn agree(one: &MpegAudioConfig, other: &MpegAudioConfig) -> bool {
        one == other
    }

    fn frame(
        &mut self,
        frame: &Frame<MpegAudioConfig>,
        clock: &mut SampleClock,
        out: &mut Out<'_>,
    ) {
        out.track.configure(Codec::MpegAudio(frame.settings));
        let pts = clock.time(frame, &frame.settings.sound());
        out.audio(pts, bytes::Bytes::copy_from_slice(&frame.data));
    }
}
