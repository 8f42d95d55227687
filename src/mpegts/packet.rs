//! One transport packet: header, adaptation field and continuity (ISO/IEC 13818-1 §2.4.3.2 to
//! §2.4.3.5). Program clock references are not read: live input is timed by its decode times.

/// Bytes of a packet.
pub(super) const LENGTH: usize = 188;
/// The first byte of every packet.
pub(super) const SYNC: u8 = 0x47;
/// Packets that carry nothing.
pub(super) const NULL_PID: u16 = 0x1fff;

/// A packet, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Packet<'a> {
    pub(super) pid: u16,
    /// A PES packet or a section starts here.
    pub(super) start: bool,
    pub(super) transport_error: bool,
    pub(super) scrambled: bool,
    pub(super) counter: u8,
    /// The counter and the clock may jump here.
    pub(super) discontinuity: bool,
    pub(super) payload: Payload<'a>,
}

/// What follows the adaptation field.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Payload<'a> {
    /// Something; may be empty only where the field takes the packet whole.
    Bytes(&'a [u8]),
    /// The adaptation field does not fit.
    Broken,
    /// The packet has none; its counter stands still.
    None,
}

impl<'a> Packet<'a> {
    pub(super) fn parse(bytes: &'a [u8; LENGTH]) -> Self {
        let [_, b1, b2, b3, rest @ ..] = bytes;
        let (has_field, has_payload) = (b3 & 0x20 != 0, b3 & 0x10 != 0);
        let field_length = usize::from(rest[0]);
        let payload = match (has_field, has_payload) {
            (false, true) => Payload::Bytes(rest),
            (true, false) if field_length < rest.len() => Payload::None,
            (true, true) if field_length + 1 < rest.len() => {
                Payload::Bytes(&rest[field_length + 1..])
            }
            _ => Payload::Broken,
        };
        Packet {
            pid: u16::from(b1 & 0x1f) << 8 | u16::from(*b2),
            start: b1 & 0x40 != 0,
            transport_error: b1 & 0x80 != 0,
            scrambled: b3 & 0xc0 != 0,
            counter: b3 & 0x0f,
            discontinuity: has_field && field_length > 0 && rest[1] & 0x80 != 0,
            payload,
        }
    }
}

/// What a packet's counter says of the packets before it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// The one expected, or the first.
    InOrder,
    /// The same packet again; one repetition is allowed.
    Duplicate,
    /// Packets are missing and the stream says so itself.
    Announced,
    /// Packets are missing; the counter that was expected.
    Missing(u8),
}

/// The counter of one PID. A repeated counter is a repeated packet only if the payload's ends are
/// the same too; otherwise sixteen packets were lost.
#[derive(Debug, Default)]
pub(super) struct Continuity {
    last: Option<(u8, [u8; 16])>,
    repeated: bool,
}

impl Continuity {
    /// Takes note of a packet with payload.
    pub(super) fn arrive(&mut self, counter: u8, discontinuity: bool, payload: &[u8]) -> Arrival {
        let ends = ends(payload);
        let previous = self.last.replace((counter, ends));
        let repeated = std::mem::take(&mut self.repeated);
        match previous {
            None => Arrival::InOrder,
            Some((last, _)) if (last + 1) & 15 == counter => Arrival::InOrder,
            Some((last, same)) if last == counter && same == ends && !repeated => {
                self.repeated = true;
                Arrival::Duplicate
            }
            Some(_) if discontinuity => Arrival::Announced,
            Some((last, _)) => Arrival::Missing((last + 1) & 15),
        }
    }

    /// Whatever counter comes next is right.
    pub(super) fn forget(&mut self) {
        *self = Continuity::default();
    }
}

/// The first and last eight bytes, with zeros for what is not there.
fn ends(payload: &[u8]) -> [u8; 16] {
    let mut ends = [0; 16];
    let n = payload.len().min(8);
    ends[..n].copy_from_slice(&payload[..n]);
    ends[16 - n..].copy_from_slice(&payload[payload.len() - n..]);
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(control: u8, field_length: u8, flags: u8) -> [u8; LENGTH] {
        let mut bytes = [0xaa; LENGTH];
        bytes[..6].copy_from_slice(&[SYNC, 0x41, 0x02, control, field_length, flags]);
        bytes
    }

    #[test]
    fn adaptation_fields_of_every_length_leave_the_right_payload() {
        for length in 0..=255_u8 {
            let bytes = packet(0x35, length, 0);
            let parsed = Packet::parse(&bytes);
            assert_eq!((parsed.pid, parsed.start, parsed.counter), (0x102, true, 5));
            match parsed.payload {
                Payload::Bytes(payload) => assert_eq!(payload.len(), 183 - usize::from(length)),
                other => assert!(length > 182 && other == Payload::Broken),
            }
            let field_only = packet(0x25, length, 0);
            let want = if length <= 183 { Payload::None } else { Payload::Broken };
            assert_eq!(Packet::parse(&field_only).payload, want);
        }
    }

    #[test]
    fn the_discontinuity_indicator_needs_a_field_of_one_byte() {
        assert!(Packet::parse(&packet(0x30, 1, 0x80)).discontinuity);
        assert!(!Packet::parse(&packet(0x30, 0, 0x80)).discontinuity);
        assert!(!Packet::parse(&packet(0x10, 1, 0x80)).discontinuity);
    }

    #[test]
    fn one_repetition_of_the_same_bytes_is_a_duplicate_and_nothing_else() {
        let mut continuity = Continuity::default();
        let mut arrive = |counter, payload: &[u8]| continuity.arrive(counter, false, payload);
        assert_eq!(arrive(15, b"one"), Arrival::InOrder);
        assert_eq!(arrive(15, b"one"), Arrival::Duplicate);
        assert_eq!(arrive(15, b"one"), Arrival::Missing(0));
        assert_eq!(arrive(0, b"two"), Arrival::InOrder);
        assert_eq!(arrive(0, b"three"), Arrival::Missing(1));
        assert_eq!(arrive(7, b"x"), Arrival::Missing(1));
        assert_eq!(continuity.arrive(3, true, b"y"), Arrival::Announced);
        continuity.forget();
        assert_eq!(continuity.arrive(9, false, b"z"), Arrival::InOrder);
    }
}
