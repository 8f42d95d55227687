//! Transport streams written (ISO/IEC 13818-1): access units in, packets out.
//!
//! A segment is written stretch by stretch (a stretch is a part, or the whole segment), and nothing
//! but the segment before is needed for its packets to continue that one's: continuity counters
//! begin at 0 in every segment, and the last stretch brings the packets of each PID to a multiple
//! of 16, media by spreading its last PES packets over more packets, tables by sending them again.
//! Where that cannot be done the next segment's first packet of the PID carries
//! `discontinuity_indicator`.
//!
//! What a codec's access unit looks like, and which units belong together, are not decided here.

#[cfg(test)]
pub(crate) mod audit;
mod packet;
mod pes;
mod plan;
mod tables;
#[cfg(test)]
mod tests;

use bytes::Bytes;

use crate::media::Language;
use plan::Step;

/// PID of the first elementary stream; the others follow.
const FIRST_PID: u16 = 0x100;
/// Counters count modulo this.
const TURN: u64 = 16;
/// Longest time between two sendings of the tables, in 90 kHz.
const TABLES_EVERY: i64 = 11_250;
/// How far the clock runs before decode times, in 90 kHz.
const CLOCK_LEAD: i64 = 45_000;

/// An elementary stream as the program map lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elementary {
    /// ISO/IEC 13818-1 table 2-34.
    pub stream_type: u8,
    /// `stream_id` of its PES packets (table 2-22).
    pub stream_id: u8,
    /// Its language, told where it is known.
    pub language: Language,
    /// Further descriptors, each with tag and length.
    pub descriptors: &'static [u8],
    /// Whether its PES packets say how long they are; of video they may not.
    pub sized: bool,
}

/// One programme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Its streams; the first carries the clock.
    pub streams: Vec<Elementary>,
    /// What decode times of the first stream are earlier than [`Unit::at`], in 90 kHz.
    pub reorder: i64,
}

/// One access unit: one PES packet. Times are 90 kHz, unrolled.
#[derive(Clone, Debug)]
pub struct Unit {
    /// Index of its stream.
    pub stream: usize,
    /// Its place among the units of all streams, and the clock's reading but for a constant.
    pub at: i64,
    /// Decode time.
    pub dts: i64,
    /// Presentation time; not before the decode time.
    pub pts: i64,
    /// Whether decoding can begin here, where the stream is to say so.
    pub random_access: bool,
    /// Its bytes, laid end to end.
    pub payload: Vec<Bytes>,
}

impl Unit {
    fn length(&self) -> usize {
        self.payload.iter().map(Bytes::len).sum()
    }
}

/// What is written at once.
#[derive(Clone, Debug)]
pub struct Stretch {
    /// In the order of [`Unit::at`].
    pub units: Vec<Unit>,
    /// When it begins and ends, by [`Unit::at`].
    pub span: (i64, i64),
    /// Whether the segment ends with it.
    pub last: bool,
}

/// How the packets of one PID stand.
#[derive(Clone, Copy, Debug, Default)]
struct Counter {
    /// Packets with payload so far in this segment.
    sent: u64,
    /// Whether the first of them says that the counter may jump.
    announce: bool,
}

impl Counter {
    /// How many packets are missing to a whole turn.
    fn missing(self) -> u64 {
        (TURN - self.sent % TURN) % TURN
    }
}

/// Writes one segment.
#[derive(Debug)]
pub struct Muxer<'a> {
    program: &'a Program,
    tables: Counter,
    streams: Vec<Counter>,
}

impl<'a> Muxer<'a> {
    /// A segment before which nothing is known to come: every PID says that its counter may jump.
    #[must_use]
    pub fn new(program: &'a Program) -> Self {
        let fresh = Counter { sent: 0, announce: true };
        Muxer { program, tables: fresh, streams: vec![fresh; program.streams.len()] }
    }

    /// The segment after this one, of the same programme.
    #[must_use]
    pub fn next(&self) -> Self {
        // Where this segment had nothing of a PID, what came before it is not known here.
        let jumps = |counter: &Counter| counter.missing() != 0 || counter.sent == 0;
        let next = |counter: &Counter| Counter { sent: 0, announce: jumps(counter) };
        let streams = self.streams.iter().map(next).collect();
        Muxer { program: self.program, tables: next(&self.tables), streams }
    }

    /// Counts a stretch without writing it.
    pub fn skip(&mut self, stretch: &Stretch) {
        let plan = plan::plan(self, stretch);
        for step in &plan {
            match step {
                Step::Tables => self.tables.sent += 1,
                Step::Clock(_) => {}
                Step::Unit { index, packets } => {
                    self.streams[stretch.units[*index].stream].sent += packets;
                }
            }
        }
    }

    /// Writes a stretch: whole packets.
    #[must_use]
    pub fn write(&mut self, stretch: &Stretch) -> Bytes {
        let plan = plan::plan(self, stretch);
        let packets = plan.iter().map(|step| match step {
            Step::Tables => 2,
            Step::Clock(_) => 1,
            Step::Unit { packets, .. } => *packets,
        });
        let mut out = packet::Writer::with_capacity(packets.sum());
        for step in &plan {
            match step {
                Step::Tables => self.put_tables(&mut out),
                Step::Clock(at) => self.put_clock(&mut out, *at),
                Step::Unit { index, packets } => {
                    self.put_unit(&mut out, &stretch.units[*index], *packets);
                }
            }
        }
        out.finish()
    }

    /// The clock's reading at `at`.
    fn clock(&self, at: i64) -> i64 {
        at - self.program.reorder - CLOCK_LEAD
    }

    fn put_tables(&mut self, out: &mut packet::Writer) {
        let counter = self.tables;
        let field = packet::Field {
            jump: counter.sent == 0 && counter.announce,
            ..packet::Field::default()
        };
        out.section(tables::PAT_PID, counter.sent, field, &tables::pat());
        out.section(tables::PMT_PID, counter.sent, field, &tables::pmt(self.program));
        self.tables.sent += 1;
    }

    fn put_clock(&self, out: &mut packet::Writer, at: i64) {
        let counter = self.streams[0];
        let field = packet::Field {
            jump: counter.sent == 0 && counter.announce,
            random_access: false,
            clock: Some(self.clock(at)),
        };
        out.field_only(FIRST_PID, counter.sent, field);
    }

    fn put_unit(&mut self, out: &mut packet::Writer, unit: &Unit, packets: u64) {
        let field = self.field_of(unit);
        let header = pes::header(&self.program.streams[unit.stream], unit);
        let counter = &mut self.streams[unit.stream];
        let pid = FIRST_PID + unit.stream as u16;
        let mut body = packet::Pieces::new(&header, &unit.payload);
        let shares = plan::shares(header.len(), unit.length(), field.length(), packets);
        for (n, share) in shares.enumerate() {
            let field = if n == 0 { field } else { packet::Field::default() };
            out.media(pid, n == 0, counter.sent, field, &mut body, share);
            counter.sent += 1;
        }
    }

    /// What the first packet of a unit says beside its payload.
    fn field_of(&self, unit: &Unit) -> packet::Field {
        let counter = self.streams[unit.stream];
        packet::Field {
            jump: counter.sent == 0 && counter.announce,
            random_access: unit.random_access,
            clock: (unit.stream == 0).then(|| self.clock(unit.at)),
        }
    }
}
