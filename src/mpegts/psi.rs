//! Program specific information: sections over packets, the PAT and PMTs (ISO/IEC 13818-1 §2.4.4).
//! What follows from them for the streams is the demultiplexer's.

use super::coding::{Coding, descriptors_in};
use crate::media::Language;

/// `table_id` of a program association section.
pub(super) const PAT_TABLE: u8 = 0;
/// `table_id` of a program map section.
pub(super) const PMT_TABLE: u8 = 2;
/// `ISO_639_language_descriptor`.
pub(super) const LANGUAGE_DESCRIPTOR: u8 = 0x0a;
/// Largest section of either table, its first three bytes included.
const SECTION_MAX: usize = 1024;

/// Why a section cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PsiError {
    Broken,
    Checksum,
}

/// Sections of one PID put together. Holds at most [`SECTION_MAX`] bytes and one packet.
#[derive(Debug, Default)]
pub(super) struct Sections {
    buffer: Vec<u8>,
    /// Whether `buffer` begins where a section does.
    open: bool,
}

impl Sections {
    /// Forgets an unfinished section.
    pub(super) fn reset(&mut self) {
        self.buffer.clear();
        self.open = false;
    }

    /// Takes a packet's payload and gives the sections it completes.
    pub(super) fn push(
        &mut self,
        payload: &[u8],
        start: bool,
        mut sink: impl FnMut(Result<&[u8], PsiError>),
    ) {
        if !start {
            self.append(payload, &mut sink);
            return;
        }
        let split = payload.split_first().and_then(|(pointer, rest)| {
            rest.split_at_checked(usize::from(*pointer)).filter(|(_, new)| !new.is_empty())
        });
        let Some((end_of_last, new)) = split else {
            self.reset();
            sink(Err(PsiError::Broken));
            return;
        };
        self.append(end_of_last, &mut sink);
        self.reset();
        self.open = true;
        self.append(new, &mut sink);
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.buffer.len()
    }

    fn append(&mut self, bytes: &[u8], sink: &mut impl FnMut(Result<&[u8], PsiError>)) {
        if !self.open {
            return;
        }
        self.buffer.extend_from_slice(bytes);
        let mut at = 0;
        loop {
            let rest = &self.buffer[at..];
            match *rest {
                // Stuffing up to the packet's end.
                [0xff, ..] => {
                    self.reset();
                    return;
                }
                [_, high, low, ..] => {
                    let length = 3 + (usize::from(high & 0x0f) << 8 | usize::from(low));
                    if length > SECTION_MAX {
                        sink(Err(PsiError::Broken));
                        self.reset();
                        return;
                    }
                    let Some(section) = rest.get(..length) else { break };
                    sink(checked(section));
                    at += length;
                }
                _ => break,
            }
        }
        self.buffer.drain(..at);
    }
}

/// A section of the long form whose checksum is right, or one of another form, which is left to
/// the table's reader to ignore.
fn checked(section: &[u8]) -> Result<&[u8], PsiError> {
    let table = section[0];
    if table != PAT_TABLE && table != PMT_TABLE {
        return Ok(section);
    }
    if section.len() < 12 || section[1] & 0x80 == 0 {
        return Err(PsiError::Broken);
    }
    if crc32(section) == 0 { Ok(section) } else { Err(PsiError::Checksum) }
}

/// The CRC of annex A; 0 over a section with its own checksum at its end.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut n = 0;
        while n < 256 {
            let mut crc = (n as u32) << 24;
            let mut bit = 0;
            while bit < 8 {
                crc = if crc & 1 << 31 == 0 { crc << 1 } else { crc << 1 ^ 0x04c1_1db7 };
                bit += 1;
            }
            table[n] = crc;
            n += 1;
        }
        table
    };
    bytes.iter().fold(u32::MAX, |crc, byte| crc << 8 ^ TABLE[usize::from((crc >> 24) as u8 ^ byte)])
}

/// One section of the program association table.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pat {
    /// Which table it is a part of.
    pub(super) version: u8,
    pub(super) number: u8,
    pub(super) last_number: u8,
    /// Program number and PID of its map; without the network's.
    pub(super) programs: Vec<(u16, u16)>,
}

impl Pat {
    /// `None` where the section is of another table or not yet in force.
    pub(super) fn parse(section: &[u8]) -> Option<Self> {
        let body = current_body(section, PAT_TABLE)?;
        let programs = body
            .as_chunks::<4>()
            .0
            .iter()
            .map(|[a, b, c, d]| (u16::from_be_bytes([*a, *b]), pid(*c, *d)))
            .filter(|(program, _)| *program != 0)
            .collect();
        Some(Pat {
            version: section[5] >> 1 & 0x1f,
            number: section[6],
            last_number: section[7],
            programs,
        })
    }
}

/// One program map section.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pmt {
    pub(super) program: u16,
    pub(super) streams: Vec<Listed>,
}

/// An elementary stream as a PMT lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) pid: u16,
    pub(super) stream_type: u8,
    /// What it is coded in, or what is known of it where that is not carried on.
    pub(super) coding: Result<Coding, Option<&'static str>>,
    pub(super) language: Language,
}

impl Pmt {
    /// `Ok(None)` where the section is of another table or not yet in force.
    pub(super) fn parse(section: &[u8]) -> Result<Option<Self>, PsiError> {
        let Some(body) = current_body(section, PMT_TABLE) else { return Ok(None) };
        let [_, _, high, low, rest @ ..] = body else { return Err(PsiError::Broken) };
        let mut rest = rest.get(length12(*high, *low)..).ok_or(PsiError::Broken)?;
        let mut streams = Vec::new();
        while let [stream_type, b1, b2, high, low, after @ ..] = rest {
            let (descriptors, next) =
                after.split_at_checked(length12(*high, *low)).ok_or(PsiError::Broken)?;
            streams.push(Listed {
                pid: pid(*b1, *b2),
                stream_type: *stream_type,
                coding: Coding::of(*stream_type, descriptors),
                language: language(descriptors),
            });
            rest = next;
        }
        let program = u16::from_be_bytes([section[3], section[4]]);
        if rest.is_empty() { Ok(Some(Pmt { program, streams })) } else { Err(PsiError::Broken) }
    }
}

/// What lies between the header of a section in force and its checksum.
fn current_body(section: &[u8], table: u8) -> Option<&[u8]> {
    let current = section.len() >= 12 && section[0] == table && section[5] & 1 == 1;
    current.then(|| &section[8..section.len() - 4])
}

fn pid(high: u8, low: u8) -> u16 {
    u16::from(high & 0x1f) << 8 | u16::from(low)
}

fn length12(high: u8, low: u8) -> usize {
    usize::from(high & 0x0f) << 8 | usize::from(low)
}

/// The first language of a descriptor loop; a loop that breaks off says nothing.
fn language(descriptors: &[u8]) -> Language {
    descriptors_in(descriptors)
        .find_map(|(tag, body)| body.get(..3).filter(|_| tag == LANGUAGE_DESCRIPTOR))
        .map_or(Language::UNDETERMINED, Language::parse)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::mpegts::build;

    fn collect(payloads: &[(&[u8], bool)]) -> Vec<Result<Vec<u8>, PsiError>> {
        let mut sections = Sections::default();
        let mut got = Vec::new();
        for (payload, start) in payloads {
            sections.push(payload, *start, |s| got.push(s.map(<[u8]>::to_vec)));
        }
        got
    }

    #[test]
    fn a_section_over_several_packets_is_put_together() {
        let pmt = build::pmt(1, &[(0x1b, 256, b"\x0a\x04eng\x00"), (0x0f, 257, &[0x52; 300])]);
        let mut first = vec![0];
        first.extend_from_slice(&pmt[..183]);
        let mut last = vec![(pmt.len() - 183) as u8];
        last.extend_from_slice(&pmt[183..]);
        last.extend_from_slice(&pmt[..20]);
        let got = collect(&[(&first, true), (&last, true)]);
        assert_eq!(got, [Ok(pmt.clone())]);
        let streams = Pmt::parse(&pmt).unwrap().unwrap().streams;
        assert_eq!(streams[0].language.as_str(), "eng");
        assert_eq!(streams[1].language, Language::UNDETERMINED);
        assert_eq!(streams.len(), 2);
    }

    #[test]
    fn two_sections_and_stuffing_share_a_packet() {
        let (one, two) = (build::pmt(1, &[]), build::pmt(2, &[]));
        let payload = [&[0][..], &one, &two, &[0xff; 20]].concat();
        assert_eq!(collect(&[(&payload, true)]), [Ok(one), Ok(two)]);
    }

    #[test]
    fn a_flipped_bit_is_a_checksum_fault() {
        let mut pat = build::pat(0, &[(1, 4096)]);
        assert_eq!(crc32(&pat), 0);
        pat[9] ^= 1;
        let payload = [&[0][..], &pat].concat();
        assert_eq!(collect(&[(&payload, true)]), [Err(PsiError::Checksum)]);
    }

    #[test]
    fn a_pointer_past_the_packet_and_an_endless_section_are_broken() {
        assert_eq!(collect(&[(&[200, 1, 2], true)]), [Err(PsiError::Broken)]);
        assert_eq!(collect(&[(&[], true)]), [Err(PsiError::Broken)]);
        assert_eq!(collect(&[(&[0, 2, 0xbf, 0xff], true)]), [Err(PsiError::Broken)]);
        let mut continued = build::pmt(1, &[(0x1b, 256, &[])]);
        continued[15] = 0xff;
        assert_eq!(Pmt::parse(&continued), Err(PsiError::Broken));
    }

    #[test]
    fn the_network_pid_is_no_program() {
        let pat = Pat::parse(&build::pat(3, &[(0, 16), (7, 4096)])).unwrap();
        assert_eq!(pat, Pat { version: 3, number: 0, last_number: 0, programs: vec![(7, 4096)] });
    }
}
