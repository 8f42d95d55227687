//! The program association and map tables written (ISO/IEC 13818-1 §2.4.4): one programme.

use super::{FIRST_PID, Program};
use crate::media::Language;
use crate::mpegts::psi::{LANGUAGE_DESCRIPTOR, PAT_TABLE, PMT_TABLE, crc32};

pub(super) const PAT_PID: u16 = 0;
pub(super) const PMT_PID: u16 = 0x1000;
const PROGRAM: u16 = 1;
const TRANSPORT_STREAM: u16 = 1;

/// The association: it never changes.
pub(super) fn pat() -> Vec<u8> {
    let [program, map] = [PROGRAM, PMT_PID | 0xe000].map(u16::to_be_bytes);
    section(PAT_TABLE, TRANSPORT_STREAM, 0, &[program, map].concat())
}

/// The map.
pub(super) fn pmt(program: &Program) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend((FIRST_PID | 0xe000).to_be_bytes()); // PCR_PID
    body.extend(0xf000_u16.to_be_bytes());
    for (stream, pid) in program.streams.iter().zip(FIRST_PID..) {
        let mut descriptors = stream.descriptors.to_vec();
        if stream.language != Language::UNDETERMINED {
            descriptors.extend([LANGUAGE_DESCRIPTOR, 4]);
            descriptors.extend_from_slice(stream.language.as_str().as_bytes());
            descriptors.push(0); // audio_type: undefined
        }
        body.push(stream.stream_type);
        body.extend((pid | 0xe000).to_be_bytes());
        body.extend((descriptors.len() as u16 | 0xf000).to_be_bytes());
        body.extend(descriptors);
    }
    // A function of what it says: another map has another version, and two origins that put out the
    // same programme have the same bytes.
    section(PMT_TABLE, PROGRAM, (crc32(&body) % 32) as u8, &body)
}

/// A section in force, the only one of its table.
fn section(table: u8, id: u16, version: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![table];
    out.extend((body.len() as u16 + 9 | 0xb000).to_be_bytes());
    out.extend(id.to_be_bytes());
    out.extend([0xc1 | (version & 0x1f) << 1, 0, 0]);
    out.extend_from_slice(body);
    out.extend(crc32(&out).to_be_bytes());
    out
}
