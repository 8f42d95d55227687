//! H.264 in PES packets (ISO/IEC 13818-1 §2.14): access units as length-prefixed samples, parameter
//! sets as the track's settings.

use bytes::Bytes;
use h264_reader::nal::sps::{FrameMbsFlags, SeqParameterSet};
use h264_reader::rbsp::{BitRead, BitReader, decode_nal};

use super::annexb::{Step, Writer};
use super::fault::Fault;
use super::track::Out;
use crate::media::Sample;
use crate::media::codec::avc::{nal, recovers_at_once};
use crate::media::codec::{AvcConfig, Codec};
use crate::units::Timescale;

/// Longest parameter set kept; real ones stay under 300 bytes.
const SET_MAX: usize = 4096;
/// Most picture parameter sets kept; more cannot be told apart by a player's `avcC` in practice.
const PPS_MAX: usize = 32;

/// The video of one PID. Holds one access unit of at most the limit, and parameter sets.
#[derive(Debug)]
pub(super) struct H264 {
    limit: usize,
    writer: Writer,
    config: Option<AvcConfig>,
    interlaced: bool,
    /// Parameter sets not yet in force; they may come in several PES packets.
    sps: Option<Bytes>,
    pps: Vec<Bytes>,
    /// Sets already found broken, so that each is reported once.
    refused: Option<(Bytes, Vec<Bytes>)>,
    /// Times of the PES packet; none: its pictures are left out.
    times: Option<(i64, i64)>,
    /// Access units of this PES packet given so far.
    given: i64,
    /// Whether the access unit has a slice, and one of an IDR picture.
    picture: bool,
    sync: bool,
    start_code: bool,
    /// What is reported once: pictures too early; a second picture in this PES packet.
    early_reported: bool,
    pair_reported: bool,
    /// The rest of the PES packet is left out.
    overlong: bool,
}

impl H264 {
    pub(super) fn new(limit: usize) -> Self {
        H264 {
            limit,
            writer: Writer::default(),
            config: None,
            interlaced: false,
            sps: None,
            pps: Vec::new(),
            refused: None,
            times: None,
            given: 0,
            picture: false,
            sync: false,
            start_code: false,
            early_reported: false,
            pair_reported: false,
            overlong: false,
        }
    }

    /// A PES packet with these times (pts, dts) begins.
    pub(super) fn begin(&mut self, times: Option<(i64, i64)>) {
        self.clear();
        self.times = times;
    }

    /// The next bytes.
    pub(super) fn feed(&mut self, mut bytes: &[u8], out: &mut Out<'_>) {
        while !self.overlong {
            match self.writer.write(&mut bytes, self.limit) {
                Step::Drained => return,
                Step::StartCode => {
                    self.start_code = true;
                    self.end_unit(out);
                    self.writer.open();
                }
                Step::TooLong => {
                    out.fault(Fault::PesTooLong { pid: out.pid(), limit: self.limit });
                    self.clear();
                    self.overlong = true;
                }
            }
        }
    }

    /// The PES packet is complete.
    pub(super) fn end(&mut self, out: &mut Out<'_>) {
        if !self.overlong {
            if self.start_code {
                self.end_unit(out);
                self.end_access_unit(out);
            } else {
                out.fault(Fault::NoStartCode { pid: out.pid() });
            }
        }
        self.clear();
    }

    /// The PES packet is damaged.
    pub(super) fn damaged(&mut self) {
        self.clear();
    }

    pub(super) fn held_bytes(&self) -> usize {
        let sets = |pps: &[Bytes]| pps.iter().map(Bytes::len).sum::<usize>();
        let sps = self.sps.as_ref().map_or(0, Bytes::len);
        let config = self.config.as_ref().map_or(0, |c| c.sps.len() + sets(&c.pps));
        let refused = self.refused.as_ref().map_or(0, |(sps, pps)| sps.len() + sets(pps));
        self.writer.buffer.len() + sps + sets(&self.pps) + config + refused
    }

    fn clear(&mut self) {
        self.writer.reset();
        self.times = None;
        self.given = 0;
        self.picture = false;
        self.sync = false;
        self.start_code = false;
        self.pair_reported = false;
        self.overlong = false;
    }

    /// The unit written last is complete: keeps what belongs into a sample.
    fn end_unit(&mut self, out: &mut Out<'_>) {
        let Some(unit) = self.writer.last_unit() else {
            self.writer.discard();
            return;
        };
        let kind = unit[0] & 0x1f;
        match kind {
            nal::SPS | nal::PPS => {
                let set = (unit.len() <= SET_MAX).then(|| Bytes::copy_from_slice(unit));
                self.writer.discard();
                match set {
                    Some(set) if kind == nal::SPS => self.sps = Some(set),
                    Some(set) => put_pps(&mut self.pps, set),
                    None => {
                        out.fault(Fault::ParameterSetTooLong { pid: out.pid(), limit: SET_MAX });
                    }
                }
            }
            nal::AUD => {
                self.writer.discard();
                if self.picture {
                    self.next_access_unit(out);
                }
            }
            nal::FILLER => self.writer.discard(),
            _ => {
                self.picture |= matches!(kind, nal::SLICE..=nal::IDR);
                // An open GOP begins with a recovery point, not with an IDR picture.
                self.sync |= kind == nal::IDR || kind == nal::SEI && recovers_at_once(unit);
                self.writer.keep();
            }
        }
    }

    /// A delimiter after a picture: a second access unit in one PES packet, or a second field.
    fn next_access_unit(&mut self, out: &mut Out<'_>) {
        self.adopt_sets(out);
        if self.interlaced {
            return;
        }
        if self.config.as_ref().is_some_and(|config| config.frame_rate.is_some()) {
            self.end_access_unit(out);
        } else if self.config.is_some() && !self.pair_reported {
            self.pair_reported = true;
            out.fault(Fault::TwoPicturesInOnePes { pid: out.pid() });
        }
    }

    /// Gives the access unit as a sample.
    fn end_access_unit(&mut self, out: &mut Out<'_>) {
        self.adopt_sets(out);
        let picture = std::mem::take(&mut self.picture);
        let sync = std::mem::take(&mut self.sync);
        let data = std::mem::take(&mut self.writer.buffer);
        if !picture {
            return;
        }
        let nth = self.given;
        self.given += 1;
        let Some(config) = &self.config else {
            if !self.early_reported {
                self.early_reported = true;
                out.fault(Fault::PictureBeforeParameterSets { pid: out.pid() });
            }
            return;
        };
        let later = config
            .frame_rate
            .map_or(0, |rate| rate.duration_of(nth).rescale(Timescale::NINETY_KHZ).ticks());
        if let Some((pts, dts)) = self.times {
            let (pts, dts) = (pts.saturating_add(later), dts.saturating_add(later));
            out.sample(Sample {
                dts,
                pts,
                duration: None,
                sync,
                data: data.freeze(),
                origin: None,
            });
        }
    }

    /// Puts the access unit's parameter sets in force where they say something new.
    fn adopt_sets(&mut self, out: &mut Out<'_>) {
        let new_sps = self.sps.take();
        let new_pps = std::mem::take(&mut self.pps);
        if new_sps.is_none() && new_pps.is_empty() {
            return;
        }
        let old = self.config.as_ref();
        let Some(sps) = new_sps.clone().or_else(|| old.map(|config| config.sps.clone())) else {
            self.pps = new_pps;
            return;
        };
        if old.is_none() && new_pps.is_empty() {
            self.sps = new_sps;
            return;
        }
        let mut pps = match (old, &new_sps) {
            // Sets of another SPS are void; a PPS alone replaces its like.
            (Some(config), None) => config.pps.clone(),
            (Some(config), Some(_)) if new_pps.is_empty() => config.pps.clone(),
            _ => Vec::new(),
        };
        for set in new_pps {
            put_pps(&mut pps, set);
        }
        let same = |s: &Bytes, p: &Vec<Bytes>| *s == sps && *p == pps;
        if old.is_some_and(|config| same(&config.sps, &config.pps))
            || self.refused.as_ref().is_some_and(|(s, p)| same(s, p))
        {
            return;
        }
        match AvcConfig::parse(sps.clone(), pps.clone()) {
            Ok(config) => {
                self.interlaced = may_hold_fields(&config.sps);
                self.early_reported = false;
                self.refused = None;
                out.track.configure(Codec::Avc(config.clone()));
                self.config = Some(config);
            }
            Err(why) => {
                self.refused = Some((sps, pps));
                out.fault(Fault::BrokenParameterSets { pid: out.pid(), why });
            }
        }
    }
}

/// Adds a set, or replaces the one with the same `pic_parameter_set_id`.
fn put_pps(sets: &mut Vec<Bytes>, set: Bytes) {
    let id = pps_id(&set);
    if let Some(same) = sets.iter_mut().find(|other| pps_id(other) == id) {
        *same = set;
    } else if sets.len() < PPS_MAX {
        sets.push(set);
    }
}

/// `pic_parameter_set_id`; sets without one count as one.
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
