//! The NAL units of HEVC (ITU-T H.265 §7.4.2.4).

use bytes::Bytes;

use super::sets::{SetStore, put};
use super::video::{Role, Syntax, Unit};
use crate::media::codec::hevc::{begins_picture, nal, set_id, unit_layer, unit_type};
use crate::media::codec::{Codec, CodecError, HevcConfig};

/// The NAL units of one HEVC stream.
#[derive(Debug, Default)]
pub(crate) struct Hevc {
    sets: SetStore,
    /// Whether a picture came that decoding can begin at.
    begun: bool,
    /// Leading pictures of the newest random access point refer to what is not there
    /// (`NoRaslOutputFlag`, §8.1.3): it is the first, or a splice.
    without_leading: bool,
}

impl Syntax for Hevc {
    /// An access unit ends before a delimiter, before what can only stand at its beginning, and
    /// before a picture's first slice segment (§7.4.2.4.4).
    fn unit(&mut self, unit: &[u8]) -> Unit {
        let dropped = Unit { begins: false, role: Role::Dropped };
        let Some(kind) = unit_type(unit) else { return dropped };
        if unit_layer(unit) > 0 {
            return dropped;
        }
        let kept = |picture, sync| Role::Kept { picture, sync };
        if nal::SLICES.contains(&kind) {
            let begins = begins_picture(unit);
            if begins && nal::IRAP.contains(&kind) {
                self.without_leading = kind != nal::CRA || !self.begun;
                self.begun = true;
            }
            let lost = nal::RASL.contains(&kind) && self.without_leading;
            let role = if lost { Role::Dropped } else { kept(true, nal::IRAP.contains(&kind)) };
            return Unit { begins, role };
        }
        let role = match kind {
            nal::VPS | nal::SPS | nal::PPS => Role::Set,
            nal::AUD | nal::FILLER => Role::Dropped,
            _ => kept(false, false),
        };
        Unit { begins: matches!(kind, nal::VPS..=nal::AUD | nal::PREFIX_SEI), role }
    }

    fn put_set(&mut self, set: Bytes) {
        let pending = &mut self.sets.pending;
        match unit_type(&set) {
            Some(nal::VPS) => put(&mut pending.vps, set, set_id),
            Some(nal::SPS) => pending.sps = Some(set),
            _ => put(&mut pending.pps, set, set_id),
        }
    }

    fn adopt(&mut self) -> Option<Result<Codec, CodecError>> {
        self.sets.adopt(set_id, true, |sps, sets| {
            Ok(Codec::Hevc(HevcConfig::from_sets(&sets.vps, sps, &sets.pps)?))
        })
    }

    fn held_bytes(&self) -> usize {
        self.sets.held_bytes()
    }
}
