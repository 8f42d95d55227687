//! Packets cut out of a byte stream, whatever pieces it comes in and whatever lies between them.
//! What a packet says is read elsewhere.
//!
//! Every decision is made over a fixed number of bytes, so that it cannot depend on how the stream
//! was split.

use super::fault::Fault;
use super::packet::{LENGTH, SYNC};

/// Bytes looked at to find the alignment: six packets of the largest size.
const WINDOW: usize = 6 * 204;
/// Bytes given up where a window shows no alignment: the start of a 204-byte packet would have
/// been seen in the first two.
const STEP: usize = 2 * 204;
/// Packet sizes that are known but not supported: with time codes, with parity.
const FOREIGN: [usize; 2] = [192, 204];

/// What comes out.
pub(super) enum Unit<'a> {
    Packet(&'a [u8; LENGTH]),
    Fault(Fault),
}

#[derive(Debug, Default, PartialEq, Eq)]
enum State {
    /// Looking for the alignment; whether that has been reported.
    Searching {
        reported: bool,
    },
    Aligned,
    /// Packets of another size, until the body ends.
    Refused,
    #[default]
    /// Nothing has come yet.
    Fresh,
}

/// The alignment of one body. Holds at most [`WINDOW`] bytes.
#[derive(Debug, Default)]
pub(super) struct Framing {
    state: State,
    carry: Vec<u8>,
}

impl Framing {
    /// Takes the next bytes of the body.
    pub(super) fn push(&mut self, mut bytes: &[u8], mut sink: impl FnMut(Unit<'_>)) {
        while !bytes.is_empty() {
            match self.state {
                State::Refused => return,
                State::Aligned => bytes = self.aligned(bytes, &mut sink),
                State::Fresh => self.state = State::Searching { reported: false },
                State::Searching { reported } => {
                    bytes = self.fill(bytes, WINDOW);
                    if self.carry.len() == WINDOW {
                        self.search(reported, &mut sink);
                    }
                }
            }
        }
    }

    /// The body has ended: gives the packets still held and makes ready for the next body.
    pub(super) fn end(&mut self, mut sink: impl FnMut(Unit<'_>)) {
        if let State::Searching { reported } = self.state {
            let found = last_packets(&self.carry);
            if !reported && found != Some(0) && !self.carry.is_empty() {
                sink(Unit::Fault(Fault::SyncLost));
            }
            self.carry.drain(..found.unwrap_or(self.carry.len()));
            self.state = State::Aligned;
            self.drain_packets(&mut sink);
        }
        if self.state == State::Aligned && !self.carry.is_empty() {
            sink(Unit::Fault(Fault::BodyCutShort { bytes: self.carry.len() }));
        }
        self.carry.clear();
        self.state = State::Fresh;
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.carry.len()
    }

    /// Moves bytes into the carry until it holds `want`; returns what is left.
    fn fill<'a>(&mut self, bytes: &'a [u8], want: usize) -> &'a [u8] {
        let take = want.saturating_sub(self.carry.len()).min(bytes.len());
        self.carry.extend_from_slice(&bytes[..take]);
        &bytes[take..]
    }

    /// Gives packets straight from `bytes`; a packet in two pieces goes through the carry.
    fn aligned<'a>(&mut self, mut bytes: &'a [u8], sink: &mut impl FnMut(Unit<'_>)) -> &'a [u8] {
        if !self.carry.is_empty() {
            bytes = self.fill(bytes, LENGTH);
            self.drain_packets(sink);
            if !self.carry.is_empty() {
                return bytes;
            }
        }
        while let Some((packet, rest)) = bytes.split_first_chunk::<LENGTH>() {
            if packet[0] != SYNC {
                self.lose(sink);
                return bytes;
            }
            sink(Unit::Packet(packet));
            bytes = rest;
        }
        self.fill(bytes, LENGTH)
    }

    /// Gives the whole packets at the start of the carry.
    fn drain_packets(&mut self, sink: &mut impl FnMut(Unit<'_>)) {
        let mut rest = self.carry.as_slice();
        let mut lost = false;
        while let Some((packet, after)) = rest.split_first_chunk::<LENGTH>() {
            if packet[0] != SYNC {
                lost = true;
                break;
            }
            sink(Unit::Packet(packet));
            rest = after;
        }
        let given = self.carry.len() - rest.len();
        self.carry.drain(..given);
        if lost {
            self.lose(sink);
        }
    }

    fn lose(&mut self, sink: &mut impl FnMut(Unit<'_>)) {
        sink(Unit::Fault(Fault::SyncLost));
        self.state = State::Searching { reported: true };
    }

    /// Looks for the alignment in a full window.
    fn search(&mut self, reported: bool, sink: &mut impl FnMut(Unit<'_>)) {
        let found = grid(&self.carry, LENGTH, 3);
        if found.is_none()
            && let Some(size) = FOREIGN.into_iter().find(|n| grid(&self.carry, *n, 5).is_some())
        {
            sink(Unit::Fault(Fault::PacketSize(size)));
            self.carry.clear();
            self.state = State::Refused;
            return;
        }
        if found != Some(0) && !reported {
            sink(Unit::Fault(Fault::SyncLost));
        }
        if let Some(at) = found {
            self.carry.drain(..at);
            self.state = State::Aligned;
            self.drain_packets(sink);
        } else {
            self.carry.drain(..STEP);
            self.state = State::Searching { reported: true };
        }
    }
}

/// The first place where `count` sync bytes lie `size` apart.
fn grid(window: &[u8], size: usize, count: usize) -> Option<usize> {
    let last = window.len().checked_sub((count - 1) * size)?;
    memchr::memchr_iter(SYNC, &window[..last])
        .find(|at| (1..count).all(|n| window[at + n * size] == SYNC))
}

/// Where the packets at the end of a body begin: they reach its end exactly, or are three.
fn last_packets(bytes: &[u8]) -> Option<usize> {
    let aligned = bytes.len() % LENGTH;
    let reaches_end =
        bytes.len() >= LENGTH && bytes[aligned..].iter().step_by(LENGTH).all(|b| *b == SYNC);
    let three = grid(bytes, LENGTH, 3);
    if reaches_end { Some(three.unwrap_or(aligned).min(aligned)) } else { three }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packets(count: usize, size: usize) -> Vec<u8> {
        let mut bytes = vec![0; count * size];
        for (n, packet) in bytes.chunks_mut(size).enumerate() {
            packet[0] = SYNC;
            packet[1] = n as u8;
        }
        bytes
    }

    /// The second byte of each packet given, and the names of the faults.
    fn frame(bytes: &[u8], piece: usize) -> (Vec<u8>, Vec<&'static str>) {
        let mut framing = Framing::default();
        let (mut given, mut faults) = (Vec::new(), Vec::new());
        let mut sink = |unit: Unit<'_>| match unit {
            Unit::Packet(packet) => given.push(packet[1]),
            Unit::Fault(fault) => faults.push(fault.name()),
        };
        bytes.chunks(piece).for_each(|piece| framing.push(piece, &mut sink));
        framing.end(&mut sink);
        (given, faults)
    }

    #[test]
    fn every_split_gives_every_packet() {
        let bytes = packets(12, LENGTH);
        for piece in [1, 7, 187, 188, 189, 1000, 10_000] {
            assert_eq!(frame(&bytes, piece), ((0..12).collect(), vec![]), "pieces of {piece}");
        }
    }

    #[test]
    fn a_body_of_one_packet_is_a_body() {
        assert_eq!(frame(&packets(1, LENGTH), 50), (vec![0], vec![]));
    }

    #[test]
    fn garbage_before_and_inside_is_skipped_and_reported_once() {
        let mut bytes = vec![0x11; 5000];
        bytes.extend(packets(8, LENGTH));
        assert_eq!(frame(&bytes, 400), ((0..8).collect(), vec!["sync_lost"]));
        let mut bytes = packets(20, LENGTH);
        bytes.splice(10 * LENGTH..10 * LENGTH, [0x22; 77]);
        assert_eq!(frame(&bytes, 33), ((0..20).collect(), vec!["sync_lost"]));
    }

    #[test]
    fn one_wrong_sync_byte_costs_one_packet() {
        let mut bytes = packets(20, LENGTH);
        bytes[5 * LENGTH] = 0x46;
        let (given, faults) = frame(&bytes, 1000);
        assert_eq!(given, (0..20).filter(|n| *n != 5).collect::<Vec<u8>>());
        assert_eq!(faults, ["sync_lost"]);
    }

    #[test]
    fn packets_of_other_sizes_are_refused_by_name() {
        for size in FOREIGN {
            for offset in [0, 4, 100] {
                let mut bytes = vec![0; offset];
                bytes.extend(packets(30, size));
                assert_eq!(frame(&bytes, 500), (vec![], vec!["packet_size"]), "{size} {offset}");
            }
        }
    }

    #[test]
    fn a_body_cut_inside_a_packet_is_reported() {
        let bytes = packets(9, LENGTH);
        let (given, faults) = frame(&bytes[..bytes.len() - 100], 64);
        assert_eq!(given.len(), 8);
        assert_eq!(faults, ["body_cut_short"]);
    }

    #[test]
    fn what_is_no_transport_stream_gives_nothing() {
        assert_eq!(frame(&vec![0xff; 20_000], 999), (vec![], vec!["sync_lost"]));
        assert_eq!(frame(&[], 1), (vec![], vec![]));
    }
}
