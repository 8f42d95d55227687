//! What is written, read back by another's parser of packets and PES headers, and held against the
//! rules of a transport stream. For tests.

use std::collections::BTreeMap;

use mpeg2ts_reader::packet::{AdaptationField, Packet};
use mpeg2ts_reader::pes::{PesContents, PesHeader, PtsDts};

const TURN: u64 = 1 << 33;

/// One PES packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) pid: u16,
    pub(crate) pts: u64,
    pub(crate) dts: u64,
    pub(crate) random_access: bool,
    pub(crate) data: Vec<u8>,
}

/// A stretch of a transport stream.
#[derive(Debug, Default)]
pub(crate) struct Read {
    pub(crate) frames: Vec<Frame>,
    /// Readings of the clock, with how many frames had begun before.
    pub(crate) clocks: Vec<(u64, usize)>,
    /// PIDs whose counters were said to jump.
    pub(crate) jumps: Vec<u16>,
    /// Packets with payload by PID.
    pub(crate) packets: BTreeMap<u16, u64>,
    /// Where tables were sent: how many frames had begun before.
    pub(crate) tables: Vec<usize>,
}

impl Read {
    pub(crate) fn of(&self, pid: u16) -> Vec<&Frame> {
        self.frames.iter().filter(|frame| frame.pid == pid).collect()
    }
}

/// How far a time lies behind an earlier one, modulo 2^33; negative where it lies before it.
pub(crate) fn since(time: u64, earlier: u64) -> i64 {
    let ahead = time.wrapping_sub(earlier) % TURN;
    if ahead < TURN / 2 { ahead.cast_signed() } else { ahead.cast_signed() - TURN.cast_signed() }
}

/// Reads packets; panics where counters break off unsaid, a PES header is split or a packet is none.
pub(crate) fn read(bytes: &[u8]) -> Read {
    let mut out = Read::default();
    let mut counters: BTreeMap<u16, u8> = BTreeMap::new();
    assert_eq!(bytes.len() % 188, 0);
    for (n, bytes) in bytes.chunks(188).enumerate() {
        let packet = Packet::try_new(bytes).expect("a sync byte");
        let pid = u16::from(packet.pid());
        let counter = packet.continuity_counter().count();
        let field = packet.adaptation_field();
        let jump = field.as_ref().is_some_and(AdaptationField::discontinuity_indicator);
        let expected = counters
            .get(&pid)
            .map(|last| if packet.payload().is_some() { (last + 1) % 16 } else { *last });
        if jump {
            out.jumps.push(pid);
        } else if let Some(expected) = expected {
            assert_eq!(counter, expected, "packet {n} of PID {pid}");
        }
        counters.insert(pid, counter);
        if let Some(clock) = field.as_ref().and_then(|f| f.pcr().ok()) {
            assert_eq!(clock.extension(), 0);
            out.clocks.push((clock.base(), out.frames.len()));
        }
        let Some(payload) = packet.payload() else { continue };
        *out.packets.entry(pid).or_default() += 1;
        assert!(!payload.is_empty());
        if pid == 0 || pid == 0x1000 {
            assert!(packet.payload_unit_start_indicator());
            if pid == 0 {
                out.tables.push(out.frames.len());
            }
            continue;
        }
        if packet.payload_unit_start_indicator() {
            let random_access =
                field.as_ref().is_some_and(AdaptationField::random_access_indicator);
            out.frames.push(begin(pid, random_access, payload));
        } else {
            let frame = out.frames.iter_mut().rfind(|frame| frame.pid == pid);
            frame.expect("a PES packet begins first").data.extend_from_slice(payload);
        }
    }
    out
}

fn begin(pid: u16, random_access: bool, payload: &[u8]) -> Frame {
    let header = PesHeader::from_bytes(payload).expect("a PES header");
    let PesContents::Parsed(Some(contents)) = header.contents() else {
        panic!("a header that is whole")
    };
    let (pts, dts) = match contents.pts_dts().expect("times") {
        PtsDts::PtsOnly(pts) => (pts, None),
        PtsDts::Both { pts, dts } => (pts, Some(dts)),
        other => panic!("{other:?}"),
    };
    let pts = pts.expect("well-formed").value();
    let dts = dts.map_or(pts, |dts| dts.expect("well-formed").value());
    Frame { pid, pts, dts, random_access, data: contents.payload().to_vec() }
}

/// Holds times to the rules: decode times rise and are not after presentation times, the clock
/// rises, is read every 100 ms at least and runs before what it times.
pub(crate) fn obeys_time(read: &Read) {
    let mut last: BTreeMap<u16, u64> = BTreeMap::new();
    for frame in &read.frames {
        assert!(since(frame.pts, frame.dts) >= 0, "shown before it is decoded");
        if let Some(before) = last.insert(frame.pid, frame.dts) {
            assert!(since(frame.dts, before) > 0, "{} after {before}", frame.dts);
        }
    }
    for pair in read.clocks.windows(2) {
        let step = since(pair[1].0, pair[0].0);
        assert!((1..=9_000).contains(&step), "the clock is read after {step} ticks");
    }
    for (clock, frames) in &read.clocks {
        let next = read.frames.get(*frames);
        assert!(next.is_none_or(|frame| since(frame.dts, *clock) > 0), "the clock is late");
    }
}
