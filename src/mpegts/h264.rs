//! The NAL units of H.264 (ITU-T H.264 §7.4.1).

use bytes::Bytes;
use h264_reader::nal::sps::{FrameMbsFlags, SeqParameterSet};
use h264_reader::rbsp::{BitRead, BitReader, decode_nal};

use super::sets::{SetStore, put};
use super::video::{Role, Syntax, Unit};
use crate::media::codec::avc::{nal, recovers_at_once};
use crate::media::codec::{AvcConfig, Codec, CodecError};

/// The NAL units of one H.264 stream.
#[derive(Debug, Default)]
pub(crate) struct H264 {
    sets: SetStore,
    interlaced: bool,
}

impl Syntax for H264 {
    /// An access unit ends at a delimiter.
    fn unit(&mut self, unit: &[u8]) -> Unit {
        let kind = unit[0] & 0x1f;
        let role = match kind {
            nal::SPS | nal::PPS => Role::Set,
            nal::AUD | nal::FILLER => Role::Dropped,
            // An open GOP begins with a recovery point, not with an IDR picture.
            _ => Role::Kept {
                picture: matches!(kind, nal::SLICE..=nal::IDR),
                sync: kind == nal::IDR || kind == nal::SEI && recovers_at_once(unit),
            },
        };
        Unit { begins: kind == nal::AUD, role }
    }

    fn put_set(&mut self, set: Bytes) {
        let pending = &mut self.sets.pending;
        match set.first().map(|first| first & 0x1f) {
            Some(nal::SPS) => pending.sps = Some(set),
            _ => put(&mut pending.pps, set, pps_id),
        }
    }

    fn adopt(&mut self) -> Option<Result<Codec, CodecError>> {
        let interlaced = &mut self.interlaced;
        self.sets.adopt(pps_id, false, |sps, sets| {
            let config = AvcConfig::parse(sps.clone(), sets.pps.clone())?;
            *interlaced = may_hold_fields(sps);
            Ok(Codec::Avc(config))
        })
    }

    fn may_hold_fields(&self) -> bool {
        self.interlaced
    }

    fn held_bytes(&self) -> usize {
        self.sets.held_bytes()
    }
}

/// `pic_parameter_set_id`.
fn pps_id(set: &[u8]) -> Option<u32> {
    BitReader::new(set.get(1..)?).read_ue("pic_parameter_set_id").ok()
}

/// Whether a picture may be a field, so that two access units make a frame.
fn may_hold_fields(sps: &[u8]) -> bool {
    decode_nal(sps)
        .ok()
        .and_then(|rbsp| SeqParameterSet::from_bits(BitReader::new(rbsp.as_ref())).ok())
        .is_some_and(|set| matches!(set.frame_mbs_flags, FrameMbsFlags::Fields { .. }))
}
