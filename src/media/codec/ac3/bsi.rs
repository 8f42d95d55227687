//! Bitstream information (ETSI TS 102 366 §4.3.2 and §E.1.2.2): which loudspeakers, which service,
//! and whether objects are coded beside the channels.

use super::super::bits::Bits;

/// What a syncframe says of its sound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bsi {
    /// Bitstream mode: the kind of service; 0 is complete main.
    pub(super) bsmod: u8,
    /// Audio coding mode: which of the five main loudspeakers.
    pub(super) acmod: u8,
    pub(super) lfe: bool,
    /// Channel map of a dependent substream.
    pub(super) channel_map: Option<u16>,
    /// Complexity index of joint object coding.
    pub(super) objects: Option<u8>,
}

/// Of an AC-3 frame.
pub(super) fn read(frame: &[u8]) -> Option<Bsi> {
    let mut bits = Bits::new(frame.get(5..)?);
    bits.skip(5)?; // bsid
    let (bsmod, acmod) = (bits.byte(3)?, bits.byte(3)?);
    if acmod & 1 == 1 && acmod != 1 {
        bits.skip(2)?; // cmixlev
    }
    if acmod & 4 != 0 {
        bits.skip(2)?; // surmixlev
    }
    if acmod == 2 {
        bits.skip(2)?; // dsurmod
    }
    Some(Bsi { bsmod, acmod, lfe: bits.flag()?, ..Bsi::default() })
}

/// What later fields of an Enhanced AC-3 frame depend on.
struct Context {
    stream_type: u8,
    blocks: u32,
    acmod: u8,
    lfe: bool,
}

/// Of an Enhanced AC-3 frame.
pub(super) fn read_enhanced(frame: &[u8]) -> Option<Bsi> {
    let mut bits = Bits::new(frame.get(2..)?);
    let stream_type = bits.byte(2)?;
    bits.skip(3 + 11 + 2)?; // substreamid, frmsiz, fscod
    let blocks = match bits.number(2)? {
        3 => 6,
        code => code + 1,
    };
    let (acmod, lfe) = (bits.byte(3)?, bits.flag()?);
    bits.skip(5)?; // bsid
    for _ in 0..if acmod == 0 { 2 } else { 1 } {
        bits.skip(5)?; // dialnorm
        optional(&mut bits, 8)?; // compr
    }
    let channel_map = match stream_type {
        1 if bits.flag()? => Some(bits.number(16)? as u16),
        _ => None,
    };
    let context = Context { stream_type, blocks, acmod, lfe };
    if bits.flag()? {
        mixing_skipped(&mut bits, &context)?;
    }
    let bsmod = if bits.flag()? { information(&mut bits, &context)? } else { 0 };
    if stream_type == 0 && blocks != 6 {
        bits.skip(1)?; // convsync
    }
    if stream_type == 2 && (blocks == 6 || bits.flag()?) {
        bits.skip(6)?; // frmsizecod
    }
    let objects = if bits.flag()? { additional(&mut bits) } else { None };
    Some(Bsi { bsmod, acmod, lfe, channel_map, objects })
}

/// A flag, and as many bits where it is set.
fn optional(bits: &mut Bits<'_>, count: u32) -> Option<()> {
    if bits.flag()? { bits.skip(count) } else { Some(()) }
}

/// Mixing metadata.
fn mixing_skipped(bits: &mut Bits<'_>, of: &Context) -> Option<()> {
    let Context { stream_type, blocks, acmod, lfe, .. } = *of;
    if acmod > 2 {
        bits.skip(2)?; // dmixmod
        bits.skip(6 * u32::from(acmod & 1) + if acmod & 4 == 0 { 0 } else { 6 })?;
    }
    if lfe {
        optional(bits, 5)?;
    }
    if stream_type != 0 {
        return Some(());
    }
    for _ in 0..if acmod == 0 { 3 } else { 2 } {
        optional(bits, 6)?; // scale factors of this and of external programmes
    }
    match bits.number(2)? {
        1 => bits.skip(5)?,
        2 => bits.skip(12)?,
        3 => {
            let length = bits.number(5)?;
            bits.skip(8 * (length + 2))?;
        }
        _ => {}
    }
    for _ in 0..2_u8.saturating_sub(acmod) {
        optional(bits, 14)?; // panning of mono
    }
    if bits.flag()? {
        if blocks == 1 {
            return bits.skip(5);
        }
        for _ in 0..blocks {
            optional(bits, 5)?;
        }
    }
    Some(())
}

/// Informational metadata; gives bsmod.
fn information(bits: &mut Bits<'_>, of: &Context) -> Option<u8> {
    let bsmod = bits.byte(3)?;
    bits.skip(2)?; // copyright, original
    match of.acmod {
        2 => bits.skip(4)?,
        6.. => bits.skip(2)?,
        _ => {}
    }
    for _ in 0..if of.acmod == 0 { 2 } else { 1 } {
        optional(bits, 8)?; // production
    }
    bits.skip(1)?; // sourcefscod
    Some(bsmod)
}

/// Additional bitstream information: the complexity index where it is of joint object coding
/// (ETSI TS 103 420 §8.3.1).
fn additional(bits: &mut Bits<'_>) -> Option<u8> {
    let long_enough = bits.number(6)? > 0;
    bits.skip(7)?;
    if bits.flag()? && long_enough { bits.byte(8) } else { None }
}
