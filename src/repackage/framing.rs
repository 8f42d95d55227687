//! What each codec is in a transport stream: its stream type, its descriptors, and the bytes of an
//! access unit. All that is particular to a codec stands here.

use bytes::{BufMut, Bytes, BytesMut};

use crate::media::Codec;
use crate::media::codec::avc::nal;
use crate::media::codec::{AacConfig, AvcConfig};
use crate::mpegts::mux::Elementary;
use crate::packager::PeriodTrack;
use crate::units::{MediaDuration, Timescale};

/// `stream_id` of the first video and the first audio stream (ISO/IEC 13818-1 table 2-22).
const VIDEO: u8 = 0xe0;
const AUDIO: u8 = 0xc0;
/// Stream types (table 2-34).
const ADTS: u8 = 0x0f;
const H264: u8 = 0x1b;

const START_CODE: &[u8] = &[0, 0, 0, 1];
/// Access unit delimiter of H.264: any slice may follow (ITU-T H.264 7.4.2.4).
const H264_DELIMITER: &[u8] = &[0, 0, 0, 1, nal::AUD, 0xf0];
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
    /// Length-prefixed NAL units into a byte stream (ITU-T H.264 Annex B), with the delimiter before
    /// each access unit and the parameter sets before some.
    ByteStream { parameter_sets: Vec<Bytes> },
    /// An ADTS header before each frame (ISO/IEC 14496-3 §1.A.2).
    Adts { header: [u8; ADTS_HEADER] },
}

const ADTS_HEADER: usize = 7;
/// Thirteen bits hold a frame's length.
const ADTS_FRAME_MAX: usize = 0x1fff;

impl Framing {
    /// `None` where no transport stream of HLS carries the codec.
    pub(super) fn of(track: &PeriodTrack) -> Option<Self> {
        let (stream_type, stream_id, form) = match &track.codec {
            Codec::Avc(avc) => (H264, VIDEO, avc_form(avc)),
            Codec::Aac(aac) => (ADTS, AUDIO, Form::Adts { header: adts_header(aac)? }),
        };
        let frame = track.frame_rate.map_or(FRAME_UNTOLD, |rate| rate.duration_of(1));
        let frames = i64::from(track.codec.reorder_frames());
        Some(Framing {
            elementary: Elementary {
                stream_type,
                stream_id,
                language: track.language,
                descriptors: &[],
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
            Form::ByteStream { parameter_sets } => {
                let mut out = vec![Bytes::from_static(H264_DELIMITER)];
                if told {
                    out.extend(parameter_sets.iter().cloned());
                }
                for unit in units(sample) {
                    if unit.first().is_some_and(|first| first & 0x1f != nal::AUD) {
                        out.extend([Bytes::from_static(START_CODE), unit]);
                    }
                }
                out
            }
            Form::Adts { header } => {
                vec![adts_header_of(*header, sample.len()), sample.clone()]
            }
        }
    }
}

fn avc_form(avc: &AvcConfig) -> Form {
    let sets = std::iter::once(&avc.sps).chain(&avc.pps);
    let started = |set: &Bytes| Bytes::from([START_CODE, set].concat());
    Form::ByteStream { parameter_sets: sets.map(started).collect() }
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

/// An ADTS header without checksum and with no length yet; `None` where the sampling rate has no
/// index.
fn adts_header(aac: &AacConfig) -> Option<[u8; ADTS_HEADER]> {
    let index = aac.sampling_frequency_index()?;
    // Profile is the object type less one, in two bits: what extends LC is told by the frames.
    let profile = match aac.object_type {
        1..=4 => aac.object_type - 1,
        _ => 1,
    };
    let channels = if aac.channels == 8 { 7 } else { aac.channels & 7 };
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
