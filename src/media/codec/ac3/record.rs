//! `AC3SpecificBox` and `EC3SpecificBox` (ETSI TS 102 366 §F.4 and §F.6), made of an access unit and
//! read back.

use bytes::{BufMut, Bytes, BytesMut};

use super::super::bits::Bits;
use super::syncframe::{Substream, SyncFrame};
use super::{Ac3Config, Ac3Error, BLOCK_LENGTH, BLOCKS, MAP_LFE, MAP_LFE2, MAPS};

/// Most programmes the box can count.
const PROGRAMMES_MAX: usize = 8;

/// One programme of an Enhanced AC-3 stream.
struct Programme {
    frame: SyncFrame,
    dependents: u8,
    /// `chan_loc`: bits 0 to 7 are bits 10 to 3 of a channel map, bit 8 is its second LFE.
    locations: u16,
}

/// Settings of an access unit.
pub(super) fn of_access_unit(unit: &[u8]) -> Result<Ac3Config, Ac3Error> {
    let first = SyncFrame::parse(unit)?;
    let sample_rate = first.header.sample_rate;
    if first.header.substream == Substream::Ac3 {
        let channel_map = main_map(first.bsi.acmod, first.bsi.lfe);
        let record = dac3(&first);
        return Ok(Ac3Config { enhanced: false, sample_rate, channel_map, objects: None, record });
    }
    let programmes = programmes(unit)?;
    let [main, ..] = programmes.as_slice() else { return Err(Ac3Error::Substreams) };
    let bsi = &main.frame.bsi;
    let objects = bsi.objects;
    let channel_map = main_map(bsi.acmod, bsi.lfe) | located(main.locations);
    let record = dec3(unit.len(), &programmes, objects);
    Ok(Ac3Config { enhanced: true, sample_rate, channel_map, objects, record })
}

/// The programmes of an access unit, from the substreams of its first blocks.
fn programmes(unit: &[u8]) -> Result<Vec<Programme>, Ac3Error> {
    let mut found: Vec<Programme> = Vec::new();
    let mut rest = unit;
    while !rest.is_empty() {
        let mut frame = SyncFrame::parse(rest)?;
        rest = &rest[frame.header.length..];
        match (frame.header.substream, found.last_mut()) {
            (Substream::Independent(0), Some(_)) => break,
            (Substream::Independent(id), last) if last.is_some() || id == 0 => {
                if found.len() < PROGRAMMES_MAX {
                    found.push(Programme { frame, dependents: 0, locations: 0 });
                }
            }
            (Substream::Dependent, Some(last)) => {
                last.dependents = (last.dependents + 1).min(15);
                last.locations |= locations(frame.bsi.channel_map.unwrap_or(0));
                // Objects are told in the last substream of their programme.
                let objects = frame.bsi.objects.take();
                last.frame.bsi.objects = last.frame.bsi.objects.or(objects);
            }
            _ => return Err(Ac3Error::Substreams),
        }
    }
    Ok(found)
}

fn main_map(acmod: u8, lfe: bool) -> u16 {
    MAPS[usize::from(acmod & 7)] | if lfe { MAP_LFE } else { 0 }
}

fn locations(channel_map: u16) -> u16 {
    let pairs = u16::from(((channel_map >> 3) as u8).reverse_bits());
    pairs | if channel_map & MAP_LFE2 == 0 { 0 } else { 0x100 }
}

fn located(locations: u16) -> u16 {
    let pairs = u16::from((locations as u8).reverse_bits()) << 3;
    pairs | if locations & 0x100 == 0 { 0 } else { MAP_LFE2 }
}

/// Three bytes: sampling rate, version, service, loudspeakers, bit rate.
fn dac3(frame: &SyncFrame) -> Bytes {
    let bsi = &frame.bsi;
    let fields = u32::from(frame.rate_code) << 22
        | u32::from(frame.bsid) << 17
        | u32::from(bsi.bsmod) << 14
        | u32::from(bsi.acmod) << 11
        | u32::from(bsi.lfe) << 10
        | u32::from(frame.size_code >> 1) << 5;
    Bytes::copy_from_slice(&fields.to_be_bytes()[1..])
}

fn dec3(length: usize, programmes: &[Programme], objects: Option<u8>) -> Bytes {
    let mut out = BytesMut::with_capacity(8);
    let bits = length as u64 * 8;
    let rate = programmes.first().map_or(0, |main| main.frame.header.sample_rate);
    let samples = u64::from(BLOCKS * BLOCK_LENGTH);
    let kilobits = (bits * u64::from(rate) / samples / 1000).min(0x1fff) as u16;
    out.put_u16(kilobits << 3 | (programmes.len().saturating_sub(1) as u16 & 7));
    for Programme { frame, dependents, locations } in programmes {
        let bsi = &frame.bsi;
        let fields = u32::from(frame.rate_code) << 22
            | u32::from(frame.bsid) << 17
            | u32::from(bsi.bsmod) << 12
            | u32::from(bsi.acmod) << 9
            | u32::from(bsi.lfe) << 8
            | u32::from(*dependents) << 1;
        if *dependents == 0 {
            out.put_slice(&fields.to_be_bytes()[1..]);
        } else {
            out.put_u32(fields << 8 | u32::from(*locations & 0x1ff));
        }
    }
    if let Some(complexity) = objects {
        out.put_slice(&[1, complexity]);
    }
    out.freeze()
}

/// The sampling rate's code and the channel map.
pub(super) fn read_dac3(record: &[u8]) -> Option<(u8, u16, Option<u8>)> {
    let mut bits = Bits::new(record);
    let rate_code = bits.byte(2)?;
    bits.skip(5 + 3)?;
    let (acmod, lfe) = (bits.byte(3)?, bits.flag()?);
    bits.skip(5)?;
    Some((rate_code, main_map(acmod, lfe), None))
}

/// The same of the first programme, and the complexity index of objects.
pub(super) fn read_dec3(record: &[u8]) -> Option<(u8, u16, Option<u8>)> {
    let mut bits = Bits::new(record);
    bits.skip(13)?;
    let mut first = None;
    for _ in 0..=bits.number(3)? {
        let rate_code = bits.byte(2)?;
        bits.skip(5 + 2 + 3)?;
        let (acmod, lfe) = (bits.byte(3)?, bits.flag()?);
        bits.skip(3)?;
        let dependents = bits.number(4)?;
        let locations = if dependents == 0 {
            bits.skip(1)?;
            0
        } else {
            bits.number(9)? as u16
        };
        first = first.or(Some((rate_code, main_map(acmod, lfe) | located(locations))));
    }
    let objects = match (bits.number(7), bits.flag()) {
        (Some(_), Some(true)) => bits.byte(8),
        _ => None,
    };
    first.map(|(rate_code, channel_map)| (rate_code, channel_map, objects))
}
