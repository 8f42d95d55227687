//! One rung's transport stream, over all the bodies it is pushed in.

use crate::media::VariantName;
use crate::mpegts::{CARRIED, Demuxer, DemuxerLimits, Event, Fault, LeftOut};
use crate::packager::{SourceEvent, SourceId};
use crate::runtime::Feed;
use crate::units::Monotonic;

/// Bytes looked at before a body without a single packet is refused.
const PROBE: usize = 64 << 10;

/// One rung of one input: a session that lives from its first body until it has been silent.
#[derive(Debug)]
pub(super) struct Rung {
    source: SourceId,
    demuxer: Demuxer,
    /// Bytes of the body so far, and whether anything of it was understood.
    body: usize,
    understood: bool,
    /// When the last body ended.
    ended: Option<Monotonic>,
}

/// What a piece of a body gave.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// For the channel.
    pub(super) events: Vec<SourceEvent>,
    /// What the encoder gets wrong.
    pub(super) faults: Vec<Fault>,
    /// Elementary streams left out.
    pub(super) left_out: Vec<LeftOut>,
}

impl Rung {
    pub(super) fn new(source: SourceId, variant: VariantName, sample_bytes: usize) -> Self {
        let limits = DemuxerLimits { pes_bytes: sample_bytes, ..DemuxerLimits::default() };
        Rung {
            source,
            demuxer: Demuxer::new(variant, limits),
            body: 0,
            understood: false,
            ended: None,
        }
    }

    /// The clock all rungs of an input unroll against.
    pub(super) fn set_reference(&mut self, unrolled: i64) {
        self.demuxer.set_reference(unrolled);
    }

    pub(super) fn reference(&self) -> Option<i64> {
        self.demuxer.reference()
    }

    /// Notes when the body that held the rung ended.
    pub(super) fn ended_at(&mut self, at: Monotonic) {
        self.ended = Some(at);
    }

    /// Whether no body has held the rung since the one that ended then.
    pub(super) fn silent(&self, since: Monotonic) -> bool {
        self.ended == Some(since)
    }

    pub(super) fn begin_body(&mut self) {
        self.ended = None;
        self.body = 0;
        self.understood = false;
    }

    pub(super) fn push(&mut self, bytes: &[u8]) -> Taken {
        self.body += bytes.len();
        self.demuxer.push(bytes);
        self.drain()
    }

    pub(super) fn end_body(&mut self) -> Taken {
        self.demuxer.end_of_body();
        self.drain()
    }

    /// Why the body cannot be media, once enough of it has been seen, or all of it.
    pub(super) fn hopeless(&self, ended: bool) -> Option<String> {
        let seen = self.body >= PROBE || ended && self.body > 0;
        (!self.understood && seen).then(|| {
            format!(
                "no media was found in the body that can be carried: this release takes MPEG-TS (188-byte packets) with {CARRIED}"
            )
        })
    }

    fn drain(&mut self) -> Taken {
        let mut taken = Taken::default();
        while let Some(event) = self.demuxer.poll_event() {
            match event {
                Event::Track(info) => {
                    self.understood = true;
                    taken.events.push(SourceEvent::Track(info));
                }
                Event::Sample(track, sample) => {
                    self.understood = true;
                    taken.events.push(SourceEvent::Sample(track, sample));
                }
                Event::LeftOut(left_out) => taken.left_out.push(left_out),
                Event::Fault(fault) => taken.faults.push(fault),
            }
        }
        taken
    }

    pub(super) fn feed(&self, events: Vec<SourceEvent>) -> Feed {
        Feed { source: self.source, events }
    }
}
