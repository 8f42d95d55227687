//! Parameter sets of a video stream: those in force, those that came since, those found broken.

use bytes::Bytes;

use crate::media::codec::{Codec, CodecError};

/// Most sets of one kind kept; more cannot be told apart by a player in practice.
const SETS_MAX: usize = 32;

/// Parameter sets, each with its NAL unit header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sets {
    /// Of HEVC.
    pub(super) vps: Vec<Bytes>,
    pub(super) sps: Option<Bytes>,
    pub(super) pps: Vec<Bytes>,
}

impl Sets {
    fn bytes(&self) -> usize {
        let all = self.vps.iter().chain(&self.sps).chain(&self.pps);
        all.map(Bytes::len).sum()
    }

    fn is_empty(&self) -> bool {
        self.vps.is_empty() && self.sps.is_none() && self.pps.is_empty()
    }
}

/// Adds a set, or replaces the one with the same number. Sets without a number count as one.
pub(super) fn put(sets: &mut Vec<Bytes>, set: Bytes, number: impl Fn(&[u8]) -> Option<u32>) {
    let id = number(&set);
    if let Some(same) = sets.iter_mut().find(|other| number(other) == id) {
        *same = set;
    } else if sets.len() < SETS_MAX {
        sets.push(set);
    }
}

/// The sets of one stream.
#[derive(Debug, Default)]
pub(super) struct SetStore {
    /// Sets not yet in force; they may come in several PES packets.
    pub(super) pending: Sets,
    in_force: Option<Sets>,
    /// Sets already found broken, so that each is reported once.
    refused: Option<Sets>,
}

impl SetStore {
    /// Puts the access unit's sets in force where they say something new: gives the settings that
    /// `parse` makes of all sets then in force, or why it cannot. Nothing is in force before there
    /// is a set of each kind.
    pub(super) fn adopt(
        &mut self,
        number: impl Fn(&[u8]) -> Option<u32>,
        needs_vps: bool,
        parse: impl FnOnce(&Bytes, &Sets) -> Result<Codec, CodecError>,
    ) -> Option<Result<Codec, CodecError>> {
        if self.pending.is_empty() {
            return None;
        }
        let lacking = |sets: &Sets| {
            sets.sps.is_none() || sets.pps.is_empty() || needs_vps && sets.vps.is_empty()
        };
        if self.in_force.is_none() && lacking(&self.pending) {
            return None;
        }
        let new = std::mem::take(&mut self.pending);
        let mut sets = self.in_force.clone().unwrap_or_default();
        if let Some(sps) = new.sps {
            sets.sps = Some(sps);
            // Picture parameter sets of another sequence are void; a PPS alone replaces its like.
            if !new.pps.is_empty() {
                sets.pps.clear();
            }
        }
        for set in new.pps {
            put(&mut sets.pps, set, &number);
        }
        for set in new.vps {
            put(&mut sets.vps, set, &number);
        }
        if self.in_force.as_ref() == Some(&sets) || self.refused.as_ref() == Some(&sets) {
            return None;
        }
        let parsed = parse(sets.sps.as_ref()?, &sets);
        if parsed.is_ok() {
            self.refused = None;
            self.in_force = Some(sets);
        } else {
            self.refused = Some(sets);
        }
        Some(parsed)
    }

    pub(super) fn held_bytes(&self) -> usize {
        let bytes = |sets: &Option<Sets>| sets.as_ref().map_or(0, Sets::bytes);
        self.pending.bytes() + bytes(&self.in_force) + bytes(&self.refused)
    }
}
