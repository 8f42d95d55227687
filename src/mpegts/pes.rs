//! PES packets of one PID (ISO/IEC 13818-1 §2.4.3.6): where one begins and ends, and its times.
//! The payload goes on at once, packet by packet; what it holds is the elementary stream's.

/// What the PES packets of one PID carry; told of them piece by piece.
pub(super) trait Elementary {
    /// A PES packet begins.
    fn begin(&mut self, times: Times);
    /// The next bytes of its payload.
    fn feed(&mut self, bytes: &[u8]);
    /// It is complete.
    fn end(&mut self);
    /// It is damaged; nothing more of it comes.
    fn damaged(&mut self);
    /// Something is wrong with it.
    fn fault(&mut self, fault: PesFault);
}

/// What can be wrong with a PES packet itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PesFault {
    CutShort { missing: usize },
    Header,
    Scrambled,
}

/// Times as they stand in the header, 33 bits of 90 kHz.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) pts: Option<u64>,
    pub(super) dts: Option<u64>,
}

#[derive(Debug, Default)]
enum State {
    /// Waiting for a packet that begins a PES packet.
    #[default]
    Idle,
    /// In the header.
    Header,
    /// In the payload; how much is to come where the header says so.
    Payload(Option<usize>),
}

/// Bytes before `PES_header_data_length` ends.
const HEADER_MIN: usize = 9;

/// The PES packets of one PID. Holds a header at most.
#[derive(Debug, Default)]
pub(super) struct Pes {
    state: State,
    header: Vec<u8>,
}

impl Pes {
    /// Takes a packet's payload.
    pub(super) fn push(&mut self, payload: &[u8], start: bool, out: &mut impl Elementary) {
        if start {
            self.finish(out);
            self.header.clear();
            self.state = State::Header;
        }
        match self.state {
            State::Idle => {}
            State::Header => self.header(payload, out),
            State::Payload(left) => self.payload(payload, left, out),
        }
    }

    /// The next PES packet begins: one without a length ends here.
    fn finish(&mut self, out: &mut impl Elementary) {
        match std::mem::take(&mut self.state) {
            State::Idle => {}
            State::Header => {
                out.fault(PesFault::Header);
                out.damaged();
            }
            State::Payload(left) => {
                // The counters say that nothing is lost, so it is the length that is wrong.
                if let Some(missing) = left {
                    out.fault(PesFault::CutShort { missing });
                }
                out.end();
            }
        }
    }

    /// The body ends: what has a length and is shorter is cut off.
    pub(super) fn end_of_body(&mut self, out: &mut impl Elementary) {
        if let State::Payload(Some(missing)) = self.state {
            self.state = State::Idle;
            out.fault(PesFault::CutShort { missing });
            out.damaged();
        } else {
            self.finish(out);
        }
    }

    /// Packets were lost: nothing comes until the next start.
    pub(super) fn damage(&mut self, out: &mut impl Elementary) {
        self.state = State::Idle;
        out.damaged();
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.header.len()
    }

    fn header(&mut self, mut payload: &[u8], out: &mut impl Elementary) {
        while self.header.len() < HEADER_MIN {
            let Some((byte, rest)) = payload.split_first() else { return };
            self.header.push(*byte);
            payload = rest;
        }
        let length = HEADER_MIN + usize::from(self.header[8]);
        let take = (length - self.header.len()).min(payload.len());
        self.header.extend_from_slice(&payload[..take]);
        if self.header.len() < length {
            return;
        }
        match read_header(&self.header) {
            Ok((times, left)) => {
                out.begin(times);
                self.payload(&payload[take..], left, out);
            }
            Err(fault) => {
                self.state = State::Idle;
                out.fault(fault);
                out.damaged();
            }
        }
    }

    fn payload(&mut self, bytes: &[u8], left: Option<usize>, out: &mut impl Elementary) {
        let Some(left) = left else {
            self.state = State::Payload(None);
            out.feed(bytes);
            return;
        };
        let take = left.min(bytes.len());
        out.feed(&bytes[..take]);
        self.state = State::Payload(Some(left - take));
        if take == left {
            self.state = State::Idle;
            out.end();
        }
    }
}

/// The times of a whole header and the length of the payload where it is given.
fn read_header(header: &[u8]) -> Result<(Times, Option<usize>), PesFault> {
    let [0, 0, 1, _, high, low, flags, fields, _, rest @ ..] = header else {
        return Err(PesFault::Header);
    };
    if flags >> 6 != 2 {
        return Err(PesFault::Header);
    }
    if flags & 0x30 != 0 {
        return Err(PesFault::Scrambled);
    }
    let time = |at: usize| -> Result<u64, PesFault> {
        let field: &[u8; 5] =
            rest.get(at..).and_then(<[u8]>::first_chunk).ok_or(PesFault::Header)?;
        let [top, high, middle, low, last] = field.map(u64::from);
        if top & middle & last & 1 == 0 {
            return Err(PesFault::Header);
        }
        Ok((top >> 1 & 7) << 30 | high << 22 | (middle >> 1) << 15 | low << 7 | last >> 1)
    };
    let times = match fields >> 6 {
        2 => Times { pts: Some(time(0)?), dts: None },
        3 => Times { pts: Some(time(0)?), dts: Some(time(5)?) },
        _ => Times::default(),
    };
    let left = match usize::from(u16::from_be_bytes([*high, *low])) {
        0 => None,
        length => Some((length + 6).checked_sub(header.len()).ok_or(PesFault::Header)?),
    };
    Ok((times, left))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::mpegts::build;

    #[derive(Default)]
    struct Log(Vec<String>);

    impl Elementary for Log {
        fn begin(&mut self, times: Times) {
            self.0.push(format!("begin {:?} {:?}", times.pts, times.dts));
        }
        fn feed(&mut self, bytes: &[u8]) {
            self.0.push(format!("feed {}", bytes.len()));
        }
        fn end(&mut self) {
            self.0.push("end".to_owned());
        }
        fn damaged(&mut self) {
            self.0.push("damaged".to_owned());
        }
        fn fault(&mut self, fault: PesFault) {
            self.0.push(format!("{fault:?}"));
        }
    }

    #[test]
    fn all_33_bits_of_both_times_are_read() {
        for time in (0..33).map(|bit| 1_u64 << bit) {
            let mut log = Log::default();
            let last = (1 << 33) - 1;
            Pes::default().push(&build::pes(time, Some(last), b"", 0), true, &mut log);
            assert_eq!(log.0[0], format!("begin Some({time}) Some({last})"));
        }
    }

    #[test]
    fn a_declared_length_ends_the_packet_before_the_next_starts() {
        let mut log = Log::default();
        let bytes = build::pes(1, None, b"abcdef", 6);
        let mut pes = Pes::default();
        for (n, byte) in bytes.iter().enumerate() {
            pes.push(&[*byte], n == 0, &mut log);
        }
        pes.push(b"stuffing", false, &mut log);
        assert_eq!(log.0[0], "begin Some(1) None");
        assert_eq!(log.0.last().unwrap(), "end");
        assert_eq!(log.0.iter().filter(|entry| *entry == "feed 1").count(), 6);
    }

    #[test]
    fn without_a_length_the_next_start_ends_it() {
        let mut log = Log::default();
        let mut pes = Pes::default();
        let bytes = build::pes(1, None, b"abc", 0);
        pes.push(&bytes, true, &mut log);
        pes.push(b"def", false, &mut log);
        pes.push(&bytes, true, &mut log);
        pes.damage(&mut log);
        pes.push(b"lost", false, &mut log);
        let begin = "begin Some(1) None";
        assert_eq!(log.0, [begin, "feed 3", "feed 3", "end", begin, "feed 3", "damaged"]);
    }

    #[test]
    fn a_packet_shorter_than_it_says_is_used_at_the_next_start_and_dropped_at_the_end() {
        let mut log = Log::default();
        let mut pes = Pes::default();
        let bytes = build::pes(1, None, b"abc", 10);
        pes.push(&bytes, true, &mut log);
        pes.push(&bytes, true, &mut log);
        pes.end_of_body(&mut log);
        let cut = "CutShort { missing: 7 }";
        let begin = "begin Some(1) None";
        assert_eq!(log.0, [begin, "feed 3", cut, "end", begin, "feed 3", cut, "damaged"]);
    }

    #[test]
    fn broken_headers_are_named() {
        let good = build::pes(1, Some(1), b"x", 0);
        for (at, value, want) in [
            (0, 1, "Header"),
            (2, 0, "Header"),
            (6, 0x0f, "Header"),
            (6, 0x90, "Scrambled"),
            (8, 5, "Header"),
            (9, 0x30, "Header"),
            (5, 1, "Header"),
        ] {
            let mut bytes = good.clone();
            bytes[at] = value;
            let mut log = Log::default();
            Pes::default().push(&bytes, true, &mut log);
            assert_eq!(log.0, [want, "damaged"], "byte {at}");
        }
    }
}
