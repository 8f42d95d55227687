//! The file's boxes, checked before crate `mp4` sees them.
//!
//! That crate believes sizes and counts, so it gets a copy of `ftyp` and `moov` whose boxes are
//! known to nest and in which everything a loop does not need is renamed to `free`.

use std::io::Cursor;

use mp4::Mp4Reader;

use super::ProgrammeError;
use crate::isobmff::{BoxHeader, Strictness, boxes, scan};

/// What a loop needs of a `moov`.
const NEEDED: [&[u8; 4]; 27] = [
    b"ftyp", b"moov", b"mvhd", b"trak", b"tkhd", b"edts", b"elst", b"mdia", b"mdhd", b"hdlr",
    b"minf", b"vmhd", b"smhd", b"dinf", b"dref", b"url ", b"stbl", b"stsd", b"avc1", b"avcC",
    b"mp4a", b"esds", b"stts", b"ctts", b"stss", b"stsc", b"stsz",
];
/// The two forms of the table of chunk offsets.
const OFFSETS: [&[u8; 4]; 2] = [b"stco", b"co64"];

/// The file's `moov`, parsed. Its samples are to be taken from the file, not from this reader.
pub(super) fn movie(file: &[u8]) -> Result<Mp4Reader<Cursor<Vec<u8>>>, ProgrammeError> {
    let (mut ftyp, mut moov) = (None, None);
    for found in boxes(file, 0, file.len(), Strictness::Tolerant) {
        let found = found?;
        match &found.kind.0 {
            b"ftyp" => ftyp = Some(found),
            b"moov" => moov = Some(found),
            b"moof" => return Err(ProgrammeError::Fragmented),
            _ => {}
        }
    }
    let ftyp = ftyp.ok_or(ProgrammeError::NoBox("ftyp"))?;
    let moov = moov.ok_or(ProgrammeError::NoBox("moov"))?;
    let mut copy = Vec::with_capacity(ftyp.end - ftyp.start + moov.end - moov.start);
    copy.extend_from_slice(&file[ftyp.start..ftyp.end]);
    copy.extend_from_slice(&file[moov.start..moov.end]);
    hide_unneeded(&mut copy)?;
    let size = copy.len() as u64;
    Ok(Mp4Reader::read_header(Cursor::new(copy), size)?)
}

fn hide_unneeded(copy: &mut [u8]) -> Result<(), ProgrammeError> {
    let mut names = Vec::new();
    let needed = |found: &BoxHeader| NEEDED.iter().chain(&OFFSETS).any(|kind| found.is(kind));
    scan(copy, Strictness::Strict, &mut |found| {
        if !needed(found) {
            names.push(found.start + 4);
        }
    })?;
    for name in names {
        copy[name..name + 4].copy_from_slice(b"free");
    }
    Ok(())
}
