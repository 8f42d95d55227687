//! Transport streams put together by hand, for tests.

use super::packet::{LENGTH, SYNC};
use super::psi::crc32;

/// A PAT of one section.
pub(super) fn pat(version: u8, programs: &[(u16, u16)]) -> Vec<u8> {
    let body = programs
        .iter()
        .flat_map(|(number, pid)| [number.to_be_bytes(), (pid | 0xe000).to_be_bytes()].concat());
    section(0, 1, version, &body.collect::<Vec<u8>>())
}

/// A PMT of version 0: type, PID and descriptors of each stream.
pub(super) fn pmt(program: u16, streams: &[(u8, u16, &[u8])]) -> Vec<u8> {
    let mut body = vec![0xff, 0xff, 0xf0, 0];
    for (stream_type, pid, descriptors) in streams {
        body.push(*stream_type);
        body.extend((pid | 0xe000).to_be_bytes());
        body.extend((descriptors.len() as u16 | 0xf000).to_be_bytes());
        body.extend_from_slice(descriptors);
    }
    section(2, program, 0, &body)
}

fn section(table: u8, id: u16, version: u8, body: &[u8]) -> Vec<u8> {
    let mut section = vec![table];
    section.extend((body.len() as u16 + 9 | 0xb000).to_be_bytes());
    section.extend(id.to_be_bytes());
    section.extend([0xc1 | version << 1, 0, 0]);
    section.extend_from_slice(body);
    section.extend(crc32(&section).to_be_bytes());
    section
}

/// A PES packet; `declared` bytes of payload, 0 for a packet without a length.
pub(super) fn pes(pts: u64, dts: Option<u64>, payload: &[u8], declared: u16) -> Vec<u8> {
    let mut fields = time(if dts.is_some() { 3 } else { 2 }, pts);
    fields.extend(dts.map(|dts| time(1, dts)).unwrap_or_default());
    header(if dts.is_some() { 0xc0 } else { 0x80 }, &fields, payload, declared)
}

/// A PES packet without times.
pub(super) fn pes_untimed(payload: &[u8]) -> Vec<u8> {
    header(0, &[], payload, 0)
}

fn header(flags: u8, fields: &[u8], payload: &[u8], declared: u16) -> Vec<u8> {
    let length = if declared == 0 { 0 } else { declared + 3 + fields.len() as u16 };
    let mut bytes = vec![0, 0, 1, 0xe0];
    bytes.extend(length.to_be_bytes());
    bytes.extend([0x80, flags, fields.len() as u8]);
    bytes.extend_from_slice(fields);
    bytes.extend_from_slice(payload);
    bytes
}

fn time(prefix: u8, time: u64) -> Vec<u8> {
    let bits = |shift: u32, mask: u64| (time >> shift & mask) as u8;
    vec![
        prefix << 4 | bits(30, 7) << 1 | 1,
        bits(22, 0xff),
        bits(15, 0x7f) << 1 | 1,
        bits(7, 0xff),
        bits(0, 0x7f) << 1 | 1,
    ]
}

/// Packets with running counters.
#[derive(Default)]
pub(super) struct Mux {
    pub(super) bytes: Vec<u8>,
    counters: std::collections::BTreeMap<u16, u8>,
}

impl Mux {
    /// A PAT and the PMT of one programme on PID 4096.
    pub(super) fn with_streams(streams: &[(u8, u16, &[u8])]) -> Self {
        let mut mux = Mux::default();
        mux.section(0, &pat(0, &[(1, 4096)]));
        mux.section(4096, &pmt(1, streams));
        mux
    }

    pub(super) fn section(&mut self, pid: u16, section: &[u8]) {
        self.payload(pid, &[&[0][..], section].concat(), 0xff);
    }

    pub(super) fn pes(&mut self, pid: u16, pes: &[u8]) {
        self.payload(pid, pes, 0);
    }

    /// As many packets as it takes. The last is filled up with an adaptation field, or for sections
    /// with stuffing bytes.
    fn payload(&mut self, pid: u16, payload: &[u8], stuffing: u8) {
        for (n, part) in payload.chunks(184).enumerate() {
            let start = if n == 0 { 0x40 } else { 0 };
            let counter = self.counters.entry(pid).or_insert(0);
            let control = if part.len() < 184 && stuffing == 0 { 0x30 } else { 0x10 };
            let [high, low] = pid.to_be_bytes();
            let at = self.bytes.len();
            self.bytes.extend([SYNC, start | high, low, control | *counter]);
            *counter = (*counter + 1) & 15;
            if control == 0x30 {
                let length = 183 - part.len();
                self.bytes.push(length as u8);
                if length > 0 {
                    self.bytes.push(0);
                    self.bytes.resize(self.bytes.len() + length - 1, 0xff);
                }
            }
            self.bytes.extend_from_slice(part);
            self.bytes.resize(at + LENGTH, 0xff);
        }
    }

    /// Leaves a hole of one packet.
    pub(super) fn lose_packet(&mut self, pid: u16) {
        let counter = self.counters.entry(pid).or_insert(0);
        *counter = (*counter + 1) & 15;
    }

    /// The newest packet.
    pub(super) fn last(&mut self) -> &mut [u8] {
        let at = self.bytes.len() - LENGTH;
        &mut self.bytes[at..]
    }
}
