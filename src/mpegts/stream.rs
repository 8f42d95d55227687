//! One elementary stream that is carried on: its PES packets, its codec, its track.

use std::fmt::Debug;

use super::ac3::Ac3;
use super::adts::Adts;
use super::audio::Audio;
use super::coding::Coding;
use super::fault::Fault;
use super::h264::H264;
use super::hevc::Hevc;
use super::mpeg_audio::MpegAudio;
use super::pes::{Elementary, Pes, PesFault, Times};
use super::track::{Out, Shared, Track};
use super::video::Video;
use crate::media::{Language, VariantName};

/// What PES packets carry, taken apart as their bytes come.
pub(super) trait Coded: Debug {
    /// A PES packet with these times (pts, dts) begins.
    fn begin(&mut self, times: Option<(i64, i64)>);
    /// The next bytes.
    fn feed(&mut self, bytes: &[u8], out: &mut Out<'_>);
    /// The PES packet is complete.
    fn end(&mut self, out: &mut Out<'_>);
    /// The PES packet is damaged.
    fn damaged(&mut self);
    /// No more frames of this body come; settings are kept.
    fn end_of_body(&mut self, out: &mut Out<'_>);
    /// Bytes of what is not complete.
    fn held_bytes(&self) -> usize;
}

/// One elementary stream.
#[derive(Debug)]
pub(super) struct Stream {
    /// The programme that owns it.
    pub(super) program: u16,
    /// What it is coded in.
    pub(super) coding: Coding,
    pes: Pes,
    coded: Box<dyn Coded + Send + Sync>,
    track: Track,
    scrambled: bool,
}

impl Stream {
    /// A stream whose frames have at most `limit` bytes.
    pub(super) fn new(
        program: u16,
        pid: u16,
        coding: Coding,
        limit: usize,
        variant: VariantName,
        language: Language,
    ) -> Self {
        let coded: Box<dyn Coded + Send + Sync> = match coding {
            Coding::Avc => Box::new(Video::<H264>::new(limit)),
            Coding::Hevc => Box::new(Video::<Hevc>::new(limit)),
            Coding::Adts => Box::<Audio<Adts>>::default(),
            Coding::MpegAudio => Box::<Audio<MpegAudio>>::default(),
            Coding::Ac3 => Box::<Audio<Ac3>>::default(),
        };
        let track = Track::new(pid, variant, language);
        Stream { program, coding, pes: Pes::default(), coded, track, scrambled: false }
    }

    /// What the tables say of it.
    pub(super) fn describe(&mut self, variant: &VariantName, language: Language) {
        self.track.describe(variant, language);
    }

    /// The rung's name alone has changed.
    pub(super) fn rename(&mut self, variant: &VariantName) {
        self.track.rename(variant);
    }

    /// A packet's payload.
    pub(super) fn push(&mut self, payload: &[u8], start: bool, shared: &mut Shared) {
        self.scrambled = false;
        let (pes, mut sink) = self.split(shared);
        pes.push(payload, start, &mut sink);
    }

    /// Packets were lost: the frame in progress is dropped.
    pub(super) fn damage(&mut self, shared: &mut Shared) {
        let (pes, mut sink) = self.split(shared);
        pes.damage(&mut sink);
    }

    /// A scrambled packet; reported once until a clear one comes.
    pub(super) fn scrambled(&mut self, shared: &mut Shared) {
        self.damage(shared);
        if !std::mem::replace(&mut self.scrambled, true) {
            let (_, mut sink) = self.split(shared);
            sink.fault(PesFault::Scrambled);
        }
    }

    /// The last frames are complete; settings are kept.
    pub(super) fn end_of_body(&mut self, shared: &mut Shared) {
        let (pes, mut sink) = self.split(shared);
        pes.end_of_body(&mut sink);
        sink.coded.end_of_body(&mut sink.out);
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.pes.held_bytes() + self.coded.held_bytes()
    }

    fn split<'a>(&'a mut self, shared: &'a mut Shared) -> (&'a mut Pes, Sink<'a>) {
        let out = Out { track: &mut self.track, shared };
        (&mut self.pes, Sink { coded: &mut *self.coded, out })
    }
}

/// The codec with its way out.
struct Sink<'a> {
    coded: &'a mut dyn Coded,
    out: Out<'a>,
}

impl Elementary for Sink<'_> {
    fn begin(&mut self, times: Times) {
        let times = self.out.unroll(times);
        self.coded.begin(times);
    }

    fn feed(&mut self, bytes: &[u8]) {
        self.coded.feed(bytes, &mut self.out);
    }

    fn end(&mut self) {
        self.coded.end(&mut self.out);
    }

    fn damaged(&mut self) {
        self.coded.damaged();
    }

    fn fault(&mut self, fault: PesFault) {
        let pid = self.out.pid();
        self.out.fault(match fault {
            PesFault::CutShort { missing } => Fault::PesCutShort { pid, missing },
            PesFault::Header => Fault::PesHeader { pid },
            PesFault::Scrambled => Fault::Scrambled { pid },
        });
    }
}
