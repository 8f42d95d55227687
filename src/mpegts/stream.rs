//! One elementary stream that is carried on: its PES packets, its codec, its track.

use super::adts::Adts;
use super::fault::Fault;
use super::h264::H264;
use super::pes::{Elementary, Pes, PesFault, Times};
use super::track::{Out, Shared, Track};
use crate::media::{Language, VariantName};

/// H.264 (ISO/IEC 13818-1 table 2-34).
const H264_TYPE: u8 = 0x1b;
/// AAC with ADTS headers.
const ADTS_TYPE: u8 = 0x0f;

#[derive(Debug)]
enum Coding {
    Avc(H264),
    Aac(Adts),
}

/// One elementary stream.
#[derive(Debug)]
pub(super) struct Stream {
    /// The programme that owns it.
    pub(super) program: u16,
    /// Its `stream_type`.
    pub(super) kind: u8,
    pes: Pes,
    coding: Coding,
    track: Track,
    scrambled: bool,
}

impl Stream {
    /// A stream of `stream_type`, or `None` where that is not carried on.
    pub(super) fn new(
        program: u16,
        pid: u16,
        stream_type: u8,
        limit: usize,
        variant: VariantName,
        language: Language,
    ) -> Option<Self> {
        let coding = match stream_type {
            H264_TYPE => Coding::Avc(H264::new(limit)),
            ADTS_TYPE => Coding::Aac(Adts::default()),
            _ => return None,
        };
        let track = Track::new(pid, variant, language);
        Some(Stream {
            program,
            kind: stream_type,
            pes: Pes::default(),
            coding,
            track,
            scrambled: false,
        })
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
        if let Coding::Aac(adts) = &mut *sink.coding {
            adts.end_of_body(&mut sink.out);
        }
    }

    pub(super) fn held_bytes(&self) -> usize {
        let coding = match &self.coding {
            Coding::Avc(h264) => h264.held_bytes(),
            Coding::Aac(adts) => adts.held_bytes(),
        };
        self.pes.held_bytes() + coding
    }

    fn split<'a>(&'a mut self, shared: &'a mut Shared) -> (&'a mut Pes, Sink<'a>) {
        let out = Out { track: &mut self.track, shared };
        (&mut self.pes, Sink { coding: &mut self.coding, out })
    }
}

/// The codec with its way out.
struct Sink<'a> {
    coding: &'a mut Coding,
    out: Out<'a>,
}

impl Elementary for Sink<'_> {
    fn begin(&mut self, times: Times) {
        let times = self.out.unroll(times);
        match self.coding {
            Coding::Avc(h264) => h264.begin(times),
            Coding::Aac(adts) => adts.begin(times.map(|(pts, _)| pts)),
        }
    }

    fn feed(&mut self, bytes: &[u8]) {
        match self.coding {
            Coding::Avc(h264) => h264.feed(bytes, &mut self.out),
            Coding::Aac(adts) => adts.feed(bytes, &mut self.out),
        }
    }

    fn end(&mut self) {
        if let Coding::Avc(h264) = self.coding {
            h264.end(&mut self.out);
        }
    }

    fn damaged(&mut self) {
        match self.coding {
            Coding::Avc(h264) => h264.damaged(),
            Coding::Aac(adts) => adts.damaged(),
        }
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
