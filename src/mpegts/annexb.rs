//! NAL units cut out of a byte stream that comes in pieces (ITU-T H.264 Annex B), written with
//! 4-byte lengths straight into the sample's buffer.

use bytes::{BufMut, BytesMut};

/// What comes between the pieces of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// All bytes are taken.
    Drained,
    /// A start code: the unit before it, if any, is complete.
    StartCode,
    /// The buffer would grow beyond its limit.
    TooLong,
}

/// The writer of one access unit at a time.
#[derive(Debug, Default)]
pub(super) struct Writer {
    pub(super) buffer: BytesMut,
    /// Where the unit being written has its length; none before the first start code.
    unit: Option<usize>,
    /// Zeros seen and not written: they may be a start code's, or end the unit.
    zeros: usize,
}

impl Writer {
    /// Takes bytes up to the next start code, which is taken too. `bytes` is left at what follows.
    pub(super) fn write(&mut self, bytes: &mut &[u8], limit: usize) -> Step {
        while let Some((first, rest)) = bytes.split_first() {
            match *first {
                0 => {
                    self.zeros += 1;
                    *bytes = rest;
                }
                1 if self.zeros >= 2 => {
                    self.zeros = 0;
                    *bytes = rest;
                    return Step::StartCode;
                }
                _ => {
                    let run = memchr::memchr(0, bytes).unwrap_or(bytes.len());
                    if self.unit.is_some() {
                        if self.buffer.len().saturating_add(self.zeros + run) > limit {
                            return Step::TooLong;
                        }
                        self.buffer.put_bytes(0, self.zeros);
                        self.buffer.put_slice(&bytes[..run]);
                    }
                    self.zeros = 0;
                    *bytes = &bytes[run..];
                }
            }
        }
        Step::Drained
    }

    /// Begins a unit.
    pub(super) fn open(&mut self) {
        self.unit = Some(self.buffer.len());
        self.buffer.put_u32(0);
    }

    /// The bytes of the unit written last, none if it is empty or there is none.
    pub(super) fn last_unit(&self) -> Option<&[u8]> {
        self.unit.map(|at| &self.buffer[at + 4..]).filter(|unit| !unit.is_empty())
    }

    /// Ends the unit and keeps it.
    pub(super) fn keep(&mut self) {
        if let Some(at) = self.unit.take() {
            let length = u32::try_from(self.buffer.len() - at - 4).unwrap_or(u32::MAX);
            self.buffer[at..at + 4].copy_from_slice(&length.to_be_bytes());
        }
    }

    /// Ends the unit and takes it out again.
    pub(super) fn discard(&mut self) {
        if let Some(at) = self.unit.take() {
            self.buffer.truncate(at);
        }
    }

    /// Takes all before the unit being written, which stays.
    pub(super) fn cut(&mut self) -> BytesMut {
        let at = self.unit.unwrap_or(self.buffer.len());
        let rest = self.buffer.split_off(at);
        self.unit = self.unit.map(|_| 0);
        std::mem::replace(&mut self.buffer, rest)
    }

    /// Forgets everything.
    pub(super) fn reset(&mut self) {
        *self = Writer::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::codec::avc::{annexb_units, put_length_prefixed};

    fn write(stream: &[u8], piece: usize) -> Vec<u8> {
        let mut writer = Writer::default();
        let close = |writer: &mut Writer| match writer.last_unit() {
            Some(_) => writer.keep(),
            None => writer.discard(),
        };
        for mut bytes in stream.chunks(piece) {
            while writer.write(&mut bytes, 1000) == Step::StartCode {
                close(&mut writer);
                writer.open();
            }
        }
        close(&mut writer);
        writer.buffer.to_vec()
    }

    #[test]
    fn units_come_out_whole_however_the_stream_is_split() {
        let stream = [
            9, 0, 0, 0, 0, 1, 9, 0xf0, 0, 0, 1, 0x65, 0, 0, 3, 0, 1, 0, 0, 0, 0, 1, 0, 0, 1, 0x41,
            0, 0, 2, 0, 0,
        ];
        let mut want = BytesMut::new();
        annexb_units(&stream).for_each(|unit| put_length_prefixed(&mut want, unit));
        for piece in 1..=stream.len() {
            assert_eq!(write(&stream, piece), want, "pieces of {piece}");
        }
    }

    #[test]
    fn the_limit_holds_for_zeros_too() {
        let mut writer = Writer::default();
        writer.open();
        let mut bytes = &[0; 100][..];
        assert_eq!(writer.write(&mut bytes, 50), Step::Drained);
        bytes = &[7];
        assert_eq!(writer.write(&mut bytes, 50), Step::TooLong);
        assert!(writer.buffer.len() < 50);
    }
}
