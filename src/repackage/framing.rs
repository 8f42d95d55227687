//! What each codec is in a transport stream: its stream type, its descriptors, and the bytes of an
//! access unit. All that is particular to a codec stands here.

use bytes::{BufMut, Bytes, BytesMut};

use crate::media::Codec;
use crate::media::codec::avc::nal;
use crate::media::codec::{AacConfig, AvcConfig, HevcConfig, hevc};
use crate::mpegts::mux::Elementary;
use crate::packager::PeriodTrack;
use crate::units::{MediaDuration, Timescale};

/// `stream_id` of the first video and the first audio stream (ISO/IEC 13818-1 table 2-22).
const VIDEO: u8 = 0xe0;
const AUDIO: u8 = 0xc0;
/// `private_stream_1`: AC-3 is none of the standard's own.
const PRIVATE: u8 = 0xbd;
/// Stream types (table 2-34).
const MPEG1_AUDIO: u8 = 0x03;
const MPEG2_AUDIO: u8 = 0x04;
const ADTS: u8 = 0x0f;
const H264: u8 = 0x1b;
const HEVC: u8 = 0x24;
/// Stream types of ATSC A/52 annex A, which HLS knows AC-3 by, with what they are registered as.
const AC3: u8 = 0x81;
const EAC3: u8 = 0x87;
const AC3_REGISTRATION: &[u8] = b"\x05\x04AC-3";
const EAC3_REGISTRATION: &[u8] = b"\x05\x04EAC3";

const START_CODE: &[u8] = &[0, 0, 0, 1];
/// Access unit delimiter of H.264: any slice may follow (ITU-T H.264 7.4.2.4).
const H264_DELIMITER: &[u8] = &[0, 0, 0, 1, nal::AUD, 0xf0];
/// The same of HEVC (ITU-T H.265 7.4.3.5).
const HEVC_DELIMITER: &[u8] = &[0, 0, 0, 1, hevc::nal::AUD << 1, 1, 0x50];
/// The rate a track's frames have where nothing tells it.
const FRAME_UNTOLD: MediaDuration = MediaDuration::from_millis(40);

/// How a track's access units are written.
#[derive(Debug)]
pub(super) struct Framing {
    pub(super) elementary: Elementary,
    /// What decode times must be earlier than the stored ones, 90 kHz: stored ones are moved so that
    /// a sync sample is shown when it is decoded, and what it is decoded before is shown earlier.
    pub(super) reorder: i64,
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// Length-prefixed NAL units into a byte stream (annex B of ITU-T H.264 and H.265), with the
    /// delimiter before each access unit and the parameter sets before some.
    ByteStream {
        delimiter: &'static [u8],
        is_delimiter: fn(&[u8]) -> bool,
        parameter_sets: Vec<Bytes>,
    },
    /// An ADTS header before each frame (ISO/IEC 14496-3 §1.A.2).
    Adts { header: [u8; ADTS_HEADER] },
    /// Frames that begin with a header of their own.
    AsItIs,
}

const ADTS_HEADER: usize = 7;
/// Thirteen bits hold a frame's length.
const ADTS_FRAME_MAX: usize = 0x1fff;

impl Framing {
    /// `None` where no transport stream of HLS carries the codec.
    pub(super) fn of(track: &PeriodTrack) -> Option<Self> {
        let (stream_type, stream_id, descriptors, form): (_, _, &'static [u8], _) = match &track
            .codec
        {
            Codec::Avc(avc) => (H264, VIDEO, &[], avc_form(avc)),
            Codec::Hevc(hevc) => (HEVC, VIDEO, &[], hevc_form(hevc)),
            Codec::Aac(aac) => (ADTS, AUDIO, &[], Form::Adts { header: adts_header(aac)? }),
            Codec::Ac3(ac3) if ac3.enhanced => (EAC3, PRIVATE, EAC3_REGISTRATION, Form::AsItIs),
            Codec::Ac3(_) => (AC3, PRIVATE, AC3_REGISTRATION, Form::AsItIs),
            Codec::MpegAudio(audio) if audio.lower_rates => (MPEG2_AUDIO, AUDIO, &[], Form::AsItIs),
            Codec::MpegAudio(_) => (MPEG1_AUDIO, AUDIO, &[], Form::AsItIs),
            Codec::Av1(_) | Codec::Opus(_) => return None,
        };
        let frame = track.frame_rate.map_or(FRAME_UNTOLD, |rate| rate.duration_of(1));
        let frames = i64::from(track.codec.reorder_frames());
        Some(Framing {
            elementary: Elementary {
                stream_type,
                stream_id,
                language: track.language,
                descriptors,
                sized: stream_id != VIDEO,
            },
            reorder: frame.times(frames).rescale(Timescale::NINETY_KHZ).ticks(),
            form,
        })
    }

    /// The bytes of an access unit, from a sample as chunks hold it; with its settings, where there
    /// are any in the stream, if they are `told`.
    pub(super) fn payload(&self, sample: &Bytes, told: bool) -> Vec<Bytes> {
        match &self.form {
            Form::ByteStream { delimiter, is_delimiter, parameter_sets } => {
                let mut out = vec![Bytes::from_static(delimiter)];
                if told {
                    out.extend(parameter_sets.iter().cloned());
                }
                for unit in units(sample) {
                    if !unit.is_empty() && !is_delimiter(&unit) {
                        out.extend([Bytes::from_static(START_CODE), unit]);
                    }
                }
                out
            }
            Form::Adts { header } => {
                vec![adts_header_of(*header, sample.len()), sample.clone()]
            }
            Form::AsItIs => vec![sample.clone()],
        }
    }
}

fn avc_form(avc: &AvcConfig) -> Form {
    let sets = std::iter::once(&avc.sps).chain(&avc.pps);
    Form::ByteStream {
        delimiter: H264_DELIMITER,
        is_delimiter: |unit| unit[0] & 0x1f == nal::AUD,
        parameter_sets: sets.map(|set| started(set)).collect(),
    }
}

fn hevc_form(config: &HevcConfig) -> Form {
    Form::ByteStream {
        delimiter: HEVC_DELIMITER,
        is_delimiter: |unit| hevc::unit_type(unit) == Some(hevc::nal::AUD),
        parameter_sets: config.parameter_sets().map(started).collect(),
    }
}

fn started(set: &[u8]) -> Bytes {
    Bytes::from([START_CODE, set].concat())
}

/// NAL units behind 4-byte lengths; what is cut short is left out.
fn units(sample: &Bytes) -> impl Iterator<Item = Bytes> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let (length, _) = sample.get(at..)?.split_first_chunk::<4>()?;
        let start = at + 4;
        let end = start.checked_add(u32::from_be_bytes(*length) as usize)?;
        at = end;
        (end <= sample.len()).then(|| sample.slice(start..end))
    })
}

/// An ADTS header without checksum and with no length yet.
fn adts_header(aac: &AacConfig) -> Option<[u8; ADTS_HEADER]> {
    let (profile, index, channels) = aac.adts()?;
    Some([
        0xff,
        0xf1,
        profile << 6 | index << 2 | channels >> 2,
        (channels & 3) << 6,
        0,
        // Buffer fullness: variable rate.
        0x1f,
        0xfc,
    ])
}

fn adts_header_of(header: [u8; ADTS_HEADER], sample: usize) -> Bytes {
    let length = (sample + ADTS_HEADER).min(ADTS_FRAME_MAX);
    let mut out = BytesMut::with_capacity(ADTS_HEADER);
    out.put_slice(&header);
    out[3] |= (length >> 11) as u8;
    out[4] = (length >> 3) as u8;
    out[5] |= ((length & 7) as u8) << 5;
    out.freeze()
}
