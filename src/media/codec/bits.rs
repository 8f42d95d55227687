//! Bits of configuration records, frame headers and parameter sets, taken from the front. Reading
//! past the end gives nothing.

use std::borrow::Cow;

use h264_reader::rbsp::{BitRead, BitReader, decode_nal};

/// A reader of bits.
pub(super) struct Bits<'a>(BitReader<&'a [u8]>);

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Bits(BitReader::new(bytes))
    }

    /// An unsigned number of `count` bits, at most 32.
    pub(super) fn number(&mut self, count: u32) -> Option<u32> {
        if count == 0 { Some(0) } else { self.0.read_var(count, "").ok() }
    }

    /// The same, of at most 8 bits.
    pub(super) fn byte(&mut self, count: u32) -> Option<u8> {
        self.number(count).map(|number| number as u8)
    }

    pub(super) fn flag(&mut self) -> Option<bool> {
        self.0.read_bit("").ok()
    }

    pub(super) fn skip(&mut self, count: u32) -> Option<()> {
        self.0.skip(count, "").ok()
    }

    /// `ue(v)` (ITU-T H.264 and H.265 9.1 and 9.2).
    pub(super) fn exp_golomb(&mut self) -> Option<u32> {
        self.0.read_ue("").ok()
    }

    /// `ue(v)` that must not be over `max`.
    pub(super) fn exp_golomb_to(&mut self, max: u32) -> Option<u32> {
        self.exp_golomb().filter(|value| *value <= max)
    }

    /// `se(v)`.
    pub(super) fn signed_exp_golomb(&mut self) -> Option<i32> {
        self.0.read_se("").ok()
    }
}

/// A NAL unit without its first byte and without emulation prevention bytes. The library counts on
/// there being a first byte.
pub(super) fn rbsp(unit: &[u8]) -> Option<Cow<'_, [u8]>> {
    if unit.is_empty() { None } else { decode_nal(unit).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_until_the_bytes_end() {
        let mut bits = Bits::new(&[0b1010_0110, 0b0100_0000]);
        assert_eq!(bits.number(3), Some(0b101));
        assert_eq!(bits.number(0), Some(0));
        assert_eq!(bits.exp_golomb(), Some(5)); // 00110
        assert_eq!(bits.exp_golomb_to(0), None); // 010
        assert_eq!(bits.number(6), None);
    }
}
