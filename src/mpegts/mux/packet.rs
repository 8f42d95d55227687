//! Transport packets written (ISO/IEC 13818-1 §2.4.3.2 to §2.4.3.5).

use bytes::Bytes;

use crate::mpegts::packet::{LENGTH, SYNC};

/// Bytes of a packet after its header.
pub(super) const ROOM: usize = LENGTH - 4;
const HEADER: usize = 4;
const STUFFING: u8 = 0xff;

/// What an adaptation field says.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Field {
    /// `discontinuity_indicator`.
    pub(super) jump: bool,
    /// `random_access_indicator`.
    pub(super) random_access: bool,
    /// The program clock reference in 90 kHz, unrolled.
    pub(super) clock: Option<i64>,
}

impl Field {
    /// Its bytes without stuffing; none where it says nothing.
    pub(super) fn length(self) -> usize {
        match self.clock {
            Some(_) => 8,
            None if self.jump || self.random_access => 2,
            None => 0,
        }
    }
}

/// A header and a payload in pieces, taken from the front.
#[derive(Debug)]
pub(super) struct Pieces<'a> {
    head: &'a [u8],
    rest: std::slice::Iter<'a, Bytes>,
}

impl<'a> Pieces<'a> {
    pub(super) fn new(head: &'a [u8], payload: &'a [Bytes]) -> Self {
        Pieces { head, rest: payload.iter() }
    }

    /// Moves the next `count` bytes to `out`.
    fn take(&mut self, mut count: usize, out: &mut Vec<u8>) {
        while count > 0 {
            if self.head.is_empty() {
                let Some(next) = self.rest.next() else { return };
                self.head = next;
                continue;
            }
            let (now, later) = self.head.split_at(count.min(self.head.len()));
            out.extend_from_slice(now);
            self.head = later;
            count -= now.len();
        }
    }
}

/// Packets, one after the other.
#[derive(Debug)]
pub(super) struct Writer {
    out: Vec<u8>,
}

impl Writer {
    pub(super) fn with_capacity(packets: u64) -> Self {
        Writer { out: Vec::with_capacity(packets as usize * LENGTH) }
    }

    pub(super) fn finish(self) -> Bytes {
        debug_assert_eq!(self.out.len() % LENGTH, 0, "I2: whole packets only");
        Bytes::from(self.out)
    }

    /// A packet that holds one whole section.
    pub(super) fn section(&mut self, pid: u16, counter: u64, field: Field, section: &[u8]) {
        let end = self.out.len() + LENGTH;
        let flags = if field.length() > 0 { 0x30 } else { 0x10 };
        self.header(pid, true, flags, counter);
        if field.length() > 0 {
            self.field(field, field.length());
        }
        self.out.push(0); // pointer_field
        self.out.extend_from_slice(section);
        self.out.resize(end, STUFFING);
    }

    /// A packet without payload; its counter is the last one's (§2.4.3.3).
    pub(super) fn field_only(&mut self, pid: u16, sent: u64, field: Field) {
        self.header(pid, false, 0x20, sent.wrapping_sub(1));
        self.field(field, ROOM);
    }

    /// A packet with the next `share` bytes of a PES packet, filled up by its adaptation field.
    pub(super) fn media(
        &mut self,
        pid: u16,
        start: bool,
        counter: u64,
        field: Field,
        body: &mut Pieces<'_>,
        share: usize,
    ) {
        let room = ROOM - share;
        self.header(pid, start, if room > 0 { 0x30 } else { 0x10 }, counter);
        if room > 0 {
            self.field(field, room);
        }
        body.take(share, &mut self.out);
    }

    fn header(&mut self, pid: u16, start: bool, control: u8, counter: u64) {
        let [high, low] = pid.to_be_bytes();
        let start = if start { 0x40 } else { 0 };
        self.out.extend([SYNC, start | high, low, control | (counter % 16) as u8]);
        debug_assert_eq!(self.out.len() % LENGTH, HEADER, "I2: packets have one length");
    }

    /// An adaptation field of `length` bytes, its own length byte included.
    fn field(&mut self, field: Field, length: usize) {
        let end = self.out.len() + length;
        // At most 184 bytes.
        self.out.push((length - 1) as u8);
        if length > 1 {
            let bit = |on: bool, bit: u8| if on { bit } else { 0 };
            self.out.push(
                bit(field.jump, 0x80)
                    | bit(field.random_access, 0x40)
                    | bit(field.clock.is_some(), 0x10),
            );
        }
        if let Some(clock) = field.clock {
            // Thirty-three bits of 90 kHz, six reserved, an extension of 0 (§2.4.3.5).
            let base = super::pes::wrapped(clock);
            let bits = base << 15 | 0x3f << 9;
            self.out.extend_from_slice(&bits.to_be_bytes()[2..]);
        }
        self.out.resize(end, STUFFING);
    }
}
