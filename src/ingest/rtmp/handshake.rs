//! The handshake (RTMP 1.0 §5.2), its simple form: C0 and C1 are answered by S0, S1 and S2; C2 is
//! passed over. What clients want of the digests in other forms they do not need to publish.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use thiserror::Error;

/// The version of RTMP.
const VERSION: u8 = 3;
/// Bytes of C1, C2, S1 and S2.
const PACKET: usize = 1536;
/// First byte of a TLS record that carries a handshake.
const TLS: u8 = 0x16;

/// Why a connection is none of RTMP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum HandshakeFault {
    /// Another version, such as 6 of RTMPE.
    #[error("the connection asks for RTMP version {0}; 3 is supported")]
    Version(u8),
    /// TLS where it is not spoken.
    #[error(
        "the connection begins with TLS: rtmps:// goes to ingest.rtmps, rtmp:// to ingest.rtmp"
    )]
    Tls,
    /// Letters: HTTP most likely.
    #[error("the connection does not begin with RTMP: HTTP goes to ingest.http")]
    Text,
}

/// Where a handshake is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Handshake {
    /// C0 and C1 are awaited.
    #[default]
    Hello,
    /// C2 is awaited.
    Echo,
    /// Chunks follow.
    Done,
}

impl Handshake {
    /// Takes of `input` what belongs to the handshake; gives what is answered.
    ///
    /// # Errors
    /// Where the connection is none of RTMP.
    pub(super) fn advance(
        &mut self,
        input: &mut BytesMut,
    ) -> Result<Option<Bytes>, HandshakeFault> {
        match *self {
            Handshake::Hello => {
                match input.first() {
                    None | Some(&VERSION) => {}
                    Some(&TLS) => return Err(HandshakeFault::Tls),
                    Some(b'A'..=b'Z') => return Err(HandshakeFault::Text),
                    Some(version) => return Err(HandshakeFault::Version(*version)),
                }
                if input.len() <= PACKET {
                    return Ok(None);
                }
                input.advance(1);
                let hello = input.split_to(PACKET);
                *self = Handshake::Echo;
                Ok(Some(answer(&hello)))
            }
            Handshake::Echo => {
                if input.len() >= PACKET {
                    input.advance(PACKET);
                    *self = Handshake::Done;
                }
                Ok(None)
            }
            Handshake::Done => Ok(None),
        }
    }
}

/// S0, S1 and S2, which repeats C1.
fn answer(hello: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(1 + 2 * PACKET);
    out.put_u8(VERSION);
    // Time and zero; what follows only has to tell one connection's answer from another's.
    out.put_bytes(0, 8);
    out.extend((8..PACKET).map(|n| (n % 251) as u8));
    out.extend_from_slice(hello);
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_packet_repeats_what_the_client_sent() {
        let mut handshake = Handshake::default();
        let hello: Vec<u8> = (0..PACKET).map(|n| (n * 7) as u8).collect();
        let mut input = BytesMut::from(&[&[3], &hello[..PACKET - 1]].concat()[..]);
        assert_eq!(handshake.advance(&mut input), Ok(None), "a byte is missing");
        input.extend_from_slice(&hello[PACKET - 1..]);
        let answer = handshake.advance(&mut input).unwrap().expect("S0, S1 and S2");
        assert_eq!((answer.len(), answer[0]), (1 + 2 * PACKET, 3));
        assert_eq!(answer[1 + PACKET..], hello);
        assert!(input.is_empty());
        input.extend_from_slice(&hello);
        input.extend_from_slice(b"chunks");
        assert_eq!(handshake.advance(&mut input), Ok(None));
        assert_eq!((handshake, &input[..]), (Handshake::Done, &b"chunks"[..]));
    }

    #[test]
    fn what_is_not_rtmp_is_refused_at_its_first_byte() {
        for (first, fault) in [
            (0x16, HandshakeFault::Tls),
            (b'G', HandshakeFault::Text),
            (6, HandshakeFault::Version(6)),
            (0, HandshakeFault::Version(0)),
        ] {
            let mut input = BytesMut::from(&[first][..]);
            assert_eq!(Handshake::default().advance(&mut input), Err(fault));
        }
    }
}
