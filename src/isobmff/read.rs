//! Chunks and initialization segments read back into values: what we write, and what others push.

mod chunk;
mod entry;
mod init;
#[cfg(test)]
mod tests;

pub use chunk::{
    ParsedChunk, ParsedSample, SAMPLES_MAX, parse_chunk, parse_fragment, parse_moof,
    parse_own_form, renumber,
};
pub use init::{ParsedInit, SampleDefaults, TRACKS_MAX, parse_init, parse_movie};

use super::boxes::{BoxHeader, FourCc, ReadError, Strictness};

/// The boxes of one parent, by name.
struct Children {
    parent: FourCc,
    offset: usize,
    boxes: Vec<BoxHeader>,
}

impl Children {
    /// The boxes in `parent`; in strict reading they must be `expected`, in that order, each at
    /// most once.
    fn of(
        data: &[u8],
        parent: &BoxHeader,
        expected: &[&[u8; 4]],
        strictness: Strictness,
    ) -> Result<Self, ReadError> {
        let boxes = parent.children(data, 0, strictness)?;
        if strictness == Strictness::Strict {
            in_order(&boxes, expected)?;
        }
        Ok(Children { parent: parent.kind, offset: parent.start, boxes })
    }

    /// The one box `kind`; none is an error, and so is a second.
    fn one(&self, kind: [u8; 4]) -> Result<BoxHeader, ReadError> {
        self.maybe(kind)?.ok_or_else(|| self.missing(kind))
    }

    /// The box `kind`, if there is one; a second is an error.
    fn maybe(&self, kind: [u8; 4]) -> Result<Option<BoxHeader>, ReadError> {
        let mut all = self.boxes.iter().filter(|found| found.kind.0 == kind);
        let first = all.next().copied();
        match all.next() {
            Some(second) => Err(ReadError::Repeated { kind: second.kind, offset: second.start }),
            None => Ok(first),
        }
    }

    fn missing(&self, kind: [u8; 4]) -> ReadError {
        ReadError::Missing { kind: FourCc(kind), parent: self.parent, offset: self.offset }
    }
}

/// Refuses boxes that are not `expected`, stand in another order or twice.
fn in_order(boxes: &[BoxHeader], expected: &[&[u8; 4]]) -> Result<(), ReadError> {
    let mut left = expected.iter();
    for found in boxes {
        if !left.any(|kind| found.is(kind)) {
            return Err(ReadError::Unexpected { kind: found.kind, offset: found.start });
        }
    }
    Ok(())
}
