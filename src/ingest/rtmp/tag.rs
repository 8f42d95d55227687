//! What audio and video messages hold: FLV tag bodies (Adobe Flash Video File Format 10.1, annex E)
//! and their enhanced form (Enhanced RTMP v2, ExAudioTagHeader and ExVideoTagHeader). Codecs are
//! named here, not read.

use bytes::{Buf, Bytes};
use thiserror::Error;

use crate::isobmff::FourCc;

/// Frame types of video (annex E.4.3.1).
const KEY_FRAME: u8 = 1;
const COMMAND_FRAME: u8 = 5;
/// Legacy codec ids; 12 is what encoders used before there was an enhanced form.
const AVC: u8 = 7;
const HEVC_BY_NUMBER: u8 = 12;
/// Legacy sound formats (annex E.4.2.1), 9 being the mark of the enhanced form.
const MP3: u8 = 2;
const ENHANCED_AUDIO: u8 = 9;
const AAC: u8 = 10;
/// Packet types of both legacy and enhanced tags.
const SEQUENCE_START: u8 = 0;
const CODED_FRAMES: u8 = 1;
const SEQUENCE_END: u8 = 2;
const CODED_FRAMES_X: u8 = 3;
const MPEG2_TS_SEQUENCE_START: u8 = 5;
const MOD_EX: u8 = 7;
const MULTITRACK_AUDIO: u8 = 5;
const MULTITRACK_VIDEO: u8 = 6;
/// `AvMultitrackType`.
const ONE_TRACK: u8 = 0;
const MANY_TRACKS_MANY_CODECS: u8 = 2;
/// `TimestampOffsetNano` of ModEx.
const TIMESTAMP_OFFSET_NANO: u8 = 0;

/// How media is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Avc,
    Hevc,
    Av1,
    Aac,
    Mp3,
    Ac3,
    EnhancedAc3,
    Opus,
}

/// The codings of the enhanced form that are carried, by their names there.
pub(super) const VIDEO_CODINGS: [(FourCc, Coding); 3] = [
    (FourCc(*b"avc1"), Coding::Avc),
    (FourCc(*b"hvc1"), Coding::Hevc),
    (FourCc(*b"av01"), Coding::Av1),
];
pub(super) const AUDIO_CODINGS: [(FourCc, Coding); 5] = [
    (FourCc(*b"mp4a"), Coding::Aac),
    (FourCc(*b".mp3"), Coding::Mp3),
    (FourCc(*b"ac-3"), Coding::Ac3),
    (FourCc(*b"ec-3"), Coding::EnhancedAc3),
    (FourCc(*b"Opus"), Coding::Opus),
];

/// Why a tag is left out.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum TagFault {
    /// It ends within its header.
    #[error("a media tag is cut short")]
    Short,
    /// Video of a legacy codec.
    #[error(
        "video of FLV codec {0} is not carried: H.264, HEVC and AV1 are, the latter two as Enhanced RTMP"
    )]
    VideoCodec(u8),
    /// Sound of a legacy format.
    #[error(
        "sound of FLV format {0} is not carried: AAC and MP3 are, and AC-3, E-AC-3 and Opus as Enhanced RTMP"
    )]
    SoundFormat(u8),
    /// A codec of the enhanced form.
    #[error("'{0}' is not carried: avc1, hvc1, av01, mp4a, .mp3, ac-3, ec-3 and Opus are")]
    FourCc(FourCc),
    /// A packet type that means nothing.
    #[error("a media tag has the unknown packet type {0}")]
    PacketType(u8),
    /// One track's packets, of which a tag has one at most.
    #[error("a media tag tells of track {0} more than once")]
    Track(u8),
    /// AV1 as transport streams have it.
    #[error("AV1 with MPEG-2 TS settings is not carried: send SequenceStart with av1C")]
    Mpeg2Ts,
}

/// What one tag says of one track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Track id; 0 is the only one of tags that know no tracks.
    pub(super) track: u8,
    pub(super) coding: Coding,
    /// Nanoseconds to add to the message's timestamp, where it tells them.
    pub(super) nanos: Option<u32>,
    pub(super) content: Content,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// The codec's settings, in the form it has in an ISO file, of Opus its ID header.
    Settings(Bytes),
    /// A frame.
    Frame {
        /// Presentation less decode time, milliseconds.
        offset: i32,
        /// Whether the tag calls it a key frame.
        key: bool,
        data: Bytes,
    },
    /// The track ends here.
    End,
}

/// Takes a video tag apart; what came before a fault is given.
///
/// # Errors
/// Why the rest is left out.
pub(super) fn video(mut body: Bytes, out: &mut Vec<Part>) -> Result<(), TagFault> {
    let Ok(first) = body.try_get_u8() else { return Ok(()) };
    let frame_type = first >> 4 & 7;
    let key = frame_type == KEY_FRAME;
    if first & 0x80 != 0 {
        return enhanced(body, first & 15, MULTITRACK_VIDEO, |packet| {
            let Packet { kind, track, nanos, .. } = packet;
            if frame_type == COMMAND_FRAME || kind == 4 {
                // Commands of seeking clients; colours, which the bitstream tells too.
                return Ok(());
            }
            let coding = packet.coding(&VIDEO_CODINGS)?;
            let content = match kind {
                SEQUENCE_START => Content::Settings(packet.body),
                CODED_FRAMES | CODED_FRAMES_X => {
                    let mut data = packet.body;
                    let has_offset = kind == CODED_FRAMES && coding != Coding::Av1;
                    let offset = if has_offset { offset(&mut data)? } else { 0 };
                    Content::Frame { offset, key, data }
                }
                SEQUENCE_END => Content::End,
                MPEG2_TS_SEQUENCE_START => return Err(TagFault::Mpeg2Ts),
                kind => return Err(TagFault::PacketType(kind)),
            };
            out.push(Part { track, coding, nanos, content });
            Ok(())
        });
    }
    let coding = match first & 15 {
        _ if frame_type == COMMAND_FRAME => return Ok(()),
        AVC => Coding::Avc,
        HEVC_BY_NUMBER => Coding::Hevc,
        codec => return Err(TagFault::VideoCodec(codec)),
    };
    let kind = body.try_get_u8().map_err(|_| TagFault::Short)?;
    let offset = offset(&mut body)?;
    let content = match kind {
        SEQUENCE_START => Content::Settings(body),
        CODED_FRAMES => Content::Frame { offset, key, data: body },
        SEQUENCE_END => Content::End,
        kind => return Err(TagFault::PacketType(kind)),
    };
    out.push(Part { track: 0, coding, nanos: None, content });
    Ok(())
}

/// Takes an audio tag apart; what came before a fault is given. An empty one says that there is
/// silence.
///
/// # Errors
/// Why the rest is left out.
pub(super) fn audio(mut body: Bytes, out: &mut Vec<Part>) -> Result<(), TagFault> {
    let Ok(first) = body.try_get_u8() else { return Ok(()) };
    let frame = |data| Content::Frame { offset: 0, key: true, data };
    let (coding, content) = match first >> 4 {
        ENHANCED_AUDIO => {
            return enhanced(body, first & 15, MULTITRACK_AUDIO, |packet| {
                let Packet { kind, track, nanos, .. } = packet;
                if kind == 4 {
                    // Loudspeakers, which the codecs that are carried tell themselves.
                    return Ok(());
                }
                let coding = packet.coding(&AUDIO_CODINGS)?;
                let content = match kind {
                    SEQUENCE_START => Content::Settings(packet.body),
                    CODED_FRAMES => frame(packet.body),
                    SEQUENCE_END => Content::End,
                    kind => return Err(TagFault::PacketType(kind)),
                };
                out.push(Part { track, coding, nanos, content });
                Ok(())
            });
        }
        MP3 => (Coding::Mp3, frame(body)),
        AAC => {
            let kind = body.try_get_u8().map_err(|_| TagFault::Short)?;
            let content =
                if kind == SEQUENCE_START { Content::Settings(body) } else { frame(body) };
            (Coding::Aac, content)
        }
        format => return Err(TagFault::SoundFormat(format)),
    };
    out.push(Part { track: 0, coding, nanos: None, content });
    Ok(())
}

/// What an enhanced tag says of one track.
struct Packet {
    kind: u8,
    track: u8,
    nanos: Option<u32>,
    four_cc: FourCc,
    body: Bytes,
}

impl Packet {
    fn coding(&self, known: &[(FourCc, Coding)]) -> Result<Coding, TagFault> {
        let found = known.iter().find(|(four_cc, _)| *four_cc == self.four_cc);
        found.map(|(_, coding)| *coding).ok_or(TagFault::FourCc(self.four_cc))
    }
}

/// Reads the header that audio and video have in common, and hands on each track's packet.
fn enhanced(
    mut body: Bytes,
    mut kind: u8,
    multitrack: u8,
    mut each: impl FnMut(Packet) -> Result<(), TagFault>,
) -> Result<(), TagFault> {
    let short = |_| TagFault::Short;
    let mut nanos = None;
    while kind == MOD_EX {
        let mut size = usize::from(body.try_get_u8().map_err(short)?) + 1;
        if size == 256 {
            size = usize::from(body.try_get_u16().map_err(short)?) + 1;
        }
        let value = take(&mut body, size)?;
        let next = body.try_get_u8().map_err(short)?;
        kind = next & 15;
        if let (TIMESTAMP_OFFSET_NANO, [a, b, c, ..]) = (next >> 4, &value[..]) {
            nanos = Some(u32::from_be_bytes([0, *a, *b, *c]).min(999_999));
        }
    }
    if kind != multitrack {
        let four_cc = four_cc(&mut body)?;
        return each(Packet { kind, track: 0, nanos, four_cc, body });
    }
    let next = body.try_get_u8().map_err(short)?;
    let (many, kind) = (next >> 4, next & 15);
    let shared = if many == MANY_TRACKS_MANY_CODECS { None } else { Some(four_cc(&mut body)?) };
    let mut told = [false; 256];
    loop {
        let four_cc = shared.map_or_else(|| four_cc(&mut body), Ok)?;
        let track = body.try_get_u8().map_err(short)?;
        if many == ONE_TRACK {
            return each(Packet { kind, track, nanos, four_cc, body });
        }
        if std::mem::replace(&mut told[usize::from(track)], true) {
            return Err(TagFault::Track(track));
        }
        let [a, b, c] = take(&mut body, 3)?[..] else { return Err(TagFault::Short) };
        let track_body = take(&mut body, u32::from_be_bytes([0, a, b, c]) as usize)?;
        each(Packet { kind, track, nanos, four_cc, body: track_body })?;
        if body.is_empty() {
            return Ok(());
        }
    }
}

fn take(body: &mut Bytes, size: usize) -> Result<Bytes, TagFault> {
    if body.len() < size { Err(TagFault::Short) } else { Ok(body.split_to(size)) }
}

fn four_cc(body: &mut Bytes) -> Result<FourCc, TagFault> {
    body.try_get_u32().map(|code| FourCc(code.to_be_bytes())).map_err(|_| TagFault::Short)
}

/// A composition time: 24 bits with a sign.
fn offset(body: &mut Bytes) -> Result<i32, TagFault> {
    let [a, b, c] = take(body, 3)?[..] else { return Err(TagFault::Short) };
    Ok(i32::from_be_bytes([a, b, c, 0]) >> 8)
}

#[cfg(test)]
mod tests;
