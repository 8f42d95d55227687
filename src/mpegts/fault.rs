//! What an encoder or the way to it gets wrong, as named facts.

use thiserror::Error;

use crate::media::codec::CodecError;

/// Something wrong in a transport stream. Demultiplexing goes on after every one of them; what was
/// damaged has been left out.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[allow(missing_docs, reason = "the messages say what the fields are")]
pub enum Fault {
    /// The field's length leaves the packet, or its control bits are the reserved value.
    #[error("the adaptation field of a packet on PID {pid} does not fit into the packet")]
    AdaptationField { pid: u16 },
    /// The body ended inside it.
    #[error("the last audio frame on PID {pid} is cut short")]
    AudioCutShort { pid: u16 },
    /// What looked like a header was most likely audio; the frame is left out.
    #[error("an audio frame on PID {pid} has other settings, which the frame after it has not")]
    AudioUnconfirmed { pid: u16 },
    /// The body ended inside a packet; frames that were not complete are left out.
    #[error("the body ended after {bytes} bytes of a packet; packets have 188")]
    BodyCutShort { bytes: usize },
    /// An audio frame cannot be read; audio goes on at the next frame with a time of its own.
    #[error("broken audio on PID {pid}: {why}")]
    BrokenAudio { pid: u16, why: CodecError },
    /// Parameter sets that do not parse; the earlier ones stay in force.
    #[error("broken parameter sets on PID {pid}: {why}")]
    BrokenParameterSets { pid: u16, why: CodecError },
    /// Packets were lost; the frame they belonged to is left out.
    #[error("packets are missing on PID {pid}: continuity counter {got} where {expected} follows")]
    ContinuityBroken { pid: u16, expected: u8, got: u8 },
    /// A frame of a header alone.
    #[error("an audio frame on PID {pid} is empty")]
    EmptyAudioFrame { pid: u16 },
    /// A video PES packet without a NAL unit.
    #[error("a video PES packet on PID {pid} holds no start code of a NAL unit")]
    NoStartCode { pid: u16 },
    /// Audio goes on by counting samples; a picture without a time is left out.
    #[error("a PES packet on PID {pid} carries no PTS")]
    NoPts { pid: u16 },
    /// Packets with a time code (192) or with parity (204); refused to the end of the body.
    #[error("packets of {0} bytes are not supported; send packets of 188 bytes")]
    PacketSize(usize),
    /// Longer than any set that means something.
    #[error("a parameter set on PID {pid} is longer than {limit} bytes")]
    ParameterSetTooLong { pid: u16, limit: usize },
    /// The next PES packet, or the end of the body, came before the declared length was there.
    #[error("a PES packet on PID {pid} is {missing} bytes shorter than it says")]
    PesCutShort { pid: u16, missing: usize },
    /// No start code, no MPEG-2 header, or optional fields longer than the header.
    #[error("a PES packet on PID {pid} has a broken header")]
    PesHeader { pid: u16 },
    /// The frame is left out.
    #[error("a coded frame on PID {pid} is longer than the {limit} bytes allowed")]
    PesTooLong { pid: u16, limit: usize },
    /// Reported once until parameter sets come; the pictures are left out.
    #[error("pictures on PID {pid} come before their parameter sets")]
    PictureBeforeParameterSets { pid: u16 },
    /// The table is ignored.
    #[error("a table section on PID {pid} is malformed")]
    PsiBroken { pid: u16 },
    /// The table is ignored.
    #[error("a table section on PID {pid} has a wrong CRC-32")]
    PsiChecksum { pid: u16 },
    /// Reported once until clear packets come.
    #[error("PID {pid} is scrambled; only clear streams are supported")]
    Scrambled { pid: u16 },
    /// Bytes that are not packets were skipped.
    #[error("no sync byte where a packet should begin")]
    SyncLost,
    /// The surplus is left out.
    #[error("the PAT lists {listed} programmes; the limit is {limit}")]
    TooManyPrograms { listed: usize, limit: usize },
    /// The surplus is left out.
    #[error("the programmes list more elementary streams than the limit of {limit}")]
    TooManyStreams { limit: usize },
    /// The receiver before us marked the packet as damaged; it is left out.
    #[error("a packet on PID {pid} is marked as damaged in transport")]
    TransportError { pid: u16 },
    /// They stay one sample, as the stream does not say how long a frame is.
    #[error(
        "a PES packet on PID {pid} holds two pictures and the parameter sets tell no frame rate"
    )]
    TwoPicturesInOnePes { pid: u16 },
}

impl Fault {
    /// The variant's name in snake case, for a metric's label.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Fault::AdaptationField { .. } => "adaptation_field",
            Fault::AudioCutShort { .. } => "audio_cut_short",
            Fault::AudioUnconfirmed { .. } => "audio_unconfirmed",
            Fault::BodyCutShort { .. } => "body_cut_short",
            Fault::BrokenAudio { .. } => "broken_audio",
            Fault::BrokenParameterSets { .. } => "broken_parameter_sets",
            Fault::ContinuityBroken { .. } => "continuity_broken",
            Fault::EmptyAudioFrame { .. } => "empty_audio_frame",
            Fault::NoStartCode { .. } => "no_start_code",
            Fault::NoPts { .. } => "no_pts",
            Fault::PacketSize(_) => "packet_size",
            Fault::ParameterSetTooLong { .. } => "parameter_set_too_long",
            Fault::PesCutShort { .. } => "pes_cut_short",
            Fault::PesHeader { .. } => "pes_header",
            Fault::PesTooLong { .. } => "pes_too_long",
            Fault::PictureBeforeParameterSets { .. } => "picture_before_parameter_sets",
            Fault::PsiBroken { .. } => "psi_broken",
            Fault::PsiChecksum { .. } => "psi_checksum",
            Fault::Scrambled { .. } => "scrambled",
            Fault::SyncLost => "sync_lost",
            Fault::TooManyPrograms { .. } => "too_many_programs",
            Fault::TooManyStreams { .. } => "too_many_streams",
            Fault::TransportError { .. } => "transport_error",
            Fault::TwoPicturesInOnePes { .. } => "two_pictures_in_one_pes",
        }
    }
}
