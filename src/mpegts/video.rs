//! Video in PES packets (ISO/IEC 13818-1 §2.14 and §2.17): access units as length-prefixed samples,
//! parameter sets as the track's settings. What a NAL unit is, a [`Syntax`] says.

use std::fmt::Debug;

use bytes::Bytes;

use super::annexb::{Step, Writer};
use super::fault::Fault;
use super::stream::Coded;
use super::track::Out;
use crate::media::codec::{Codec, CodecError};
use crate::media::{MediaKind, Sample};
use crate::units::{FrameRate, Timescale};

/// Longest parameter set kept; real ones stay under 300 bytes.
pub(crate) const SET_MAX: usize = 4096;

/// The NAL units of one codec.
pub(crate) trait Syntax: Debug + Default {
    /// What a NAL unit is; it is not empty. Called once for each, in order.
    fn unit(&mut self, unit: &[u8]) -> Unit;

    /// A parameter set; it comes into force with the access unit it stands in.
    fn put_set(&mut self, set: Bytes);

    /// Puts the parameter sets in force that came. Gives what is new by them.
    fn adopt(&mut self) -> Option<Result<Codec, CodecError>>;

    /// Whether two access units may be the fields of one frame.
    fn may_hold_fields(&self) -> bool {
        false
    }

    /// Bytes of parameter sets.
    fn held_bytes(&self) -> usize;
}

/// What becomes of a NAL unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    /// Whether an access unit that has a picture ends before it.
    pub(crate) begins: bool,
    pub(crate) role: Role,
}

/// What a NAL unit is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A parameter set.
    Set,
    /// Nothing a sample needs.
    Dropped,
    /// A part of a sample.
    Kept {
        /// Whether it is a part of the picture.
        picture: bool,
        /// Whether decoding can begin at its access unit.
        sync: bool,
    },
}

/// The video of one PID. Holds one access unit of at most the limit, and parameter sets.
#[derive(Debug)]
pub(super) struct Video<S> {
    limit: usize,
    syntax: S,
    writer: Writer,
    /// Whether parameter sets are in force, and the frame rate they tell.
    configured: bool,
    frame_rate: Option<FrameRate>,
    /// Times of the PES packet; none: its pictures are left out.
    times: Option<(i64, i64)>,
    /// Access units of this PES packet given so far.
    given: i64,
    /// Whether the access unit has a picture, and one that decoding can begin at.
    picture: bool,
    sync: bool,
    start_code: bool,
    /// What is reported once: pictures too early; a second picture in this PES packet.
    early_reported: bool,
    pair_reported: bool,
    /// The rest of the PES packet is left out.
    overlong: bool,
}

impl<S: Syntax> Video<S> {
    pub(super) fn new(limit: usize) -> Self {
        Video {
            limit,
            syntax: S::default(),
            writer: Writer::default(),
            configured: false,
            frame_rate: None,
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
}

impl<S: Syntax> Coded for Video<S> {
    fn begin(&mut self, times: Option<(i64, i64)>) {
        self.clear();
        self.times = times;
    }

    fn feed(&mut self, mut bytes: &[u8], out: &mut Out<'_>) {
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

    fn end(&mut self, out: &mut Out<'_>) {
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

    fn damaged(&mut self) {
        self.clear();
    }

    fn end_of_body(&mut self, _out: &mut Out<'_>) {}

    fn held_bytes(&self) -> usize {
        self.writer.buffer.len() + self.syntax.held_bytes()
    }
}

impl<S: Syntax> Video<S> {
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
        let Some(bytes) = self.writer.last_unit() else {
            self.writer.discard();
            return;
        };
        let unit = self.syntax.unit(bytes);
        if unit.begins && self.picture {
            self.next_access_unit(out);
        }
        match unit.role {
            Role::Set => {
                let set = self.writer.last_unit().filter(|set| set.len() <= SET_MAX);
                match set.map(Bytes::copy_from_slice) {
                    Some(set) => self.syntax.put_set(set),
                    None => {
                        out.fault(Fault::ParameterSetTooLong { pid: out.pid(), limit: SET_MAX });
                    }
                }
                self.writer.discard();
            }
            Role::Dropped => self.writer.discard(),
            Role::Kept { picture, sync } => {
                self.picture |= picture;
                self.sync |= sync;
                self.writer.keep();
            }
        }
    }

    /// A second access unit in one PES packet, or a second field.
    fn next_access_unit(&mut self, out: &mut Out<'_>) {
        self.adopt_sets(out);
        if self.syntax.may_hold_fields() {
            return;
        }
        if self.frame_rate.is_some() {
            let data = self.writer.cut();
            self.give(data.freeze(), out);
        } else if self.configured && !self.pair_reported {
            self.pair_reported = true;
            out.fault(Fault::TwoPicturesInOnePes { pid: out.pid() });
        }
    }

    /// The PES packet's last access unit is complete.
    fn end_access_unit(&mut self, out: &mut Out<'_>) {
        self.adopt_sets(out);
        let data = std::mem::take(&mut self.writer.buffer);
        self.give(data.freeze(), out);
    }

    /// Gives an access unit as a sample.
    fn give(&mut self, data: Bytes, out: &mut Out<'_>) {
        let picture = std::mem::take(&mut self.picture);
        let sync = std::mem::take(&mut self.sync);
        if !picture {
            return;
        }
        let nth = self.given;
        self.given += 1;
        if !self.configured {
            if !self.early_reported {
                self.early_reported = true;
                out.fault(Fault::PictureBeforeParameterSets { pid: out.pid() });
            }
            return;
        }
        let later = self
            .frame_rate
            .map_or(0, |rate| rate.duration_of(nth).rescale(Timescale::NINETY_KHZ).ticks());
        if let Some((pts, dts)) = self.times {
            let (pts, dts) = (pts.saturating_add(later), dts.saturating_add(later));
            out.sample(Sample { dts, pts, duration: None, sync, data, origin: None });
        }
    }

    fn adopt_sets(&mut self, out: &mut Out<'_>) {
        match self.syntax.adopt() {
            None => {}
            Some(Ok(codec)) => {
                debug_assert_eq!(codec.kind(), MediaKind::Video);
                self.configured = true;
                self.early_reported = false;
                self.frame_rate = codec.picture().and_then(|picture| picture.frame_rate);
                out.track.configure(codec);
            }
            Some(Err(why)) => out.fault(Fault::BrokenParameterSets { pid: out.pid(), why }),
        }
    }
}
