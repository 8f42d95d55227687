//! Objects that are not stored but made: which there are, and what they are made of.

use std::sync::Arc;

use crate::packager::{
    Chunk, OpenSegment, Part, Period, RenditionId, RenditionView, Segment, SegmentContent,
    SegmentationKey, SegmentationView, Snapshot, Sound,
};
use crate::repackage::{Recipe, Stretch};

/// An object to be made: equal ones are equal bytes for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Derived {
    /// Of which segmentation.
    pub segmentation: SegmentationKey,
    /// Of which rendition.
    pub rendition: RenditionId,
    /// Whether its Period's default audio goes with it.
    pub muxed: bool,
    /// Which.
    pub name: DerivedName,
}

/// Which object of a rendition is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DerivedName {
    /// The segment of this number.
    Segment(u64),
    /// A part.
    Part {
        /// Period id.
        period: i64,
        /// First tick.
        start: i64,
    },
}

/// What an object is made of; `None` where that is no longer there: a segment is made with the one
/// before it in its Period.
#[must_use]
pub fn recipe(snapshot: &Snapshot, derived: &Derived) -> Option<Recipe> {
    let view = snapshot.segmentations.get(&derived.segmentation)?;
    let list = if derived.muxed {
        view.muxed(derived.rendition)?
    } else {
        view.rendition(derived.rendition)?
    };
    let (made, part) = match derived.name {
        DerivedName::Segment(number) => (Made::row(list.segment(number)?)?, None),
        DerivedName::Part { period, start } => Made::with_part(list, period, start)?,
    };
    let audio = made.period.default_audio().filter(|_| derived.muxed).map(|track| track.rendition);
    let pair = Pair { view, video: derived.rendition, audio };
    let mut stretches = pair.stretches(&made)?;
    if let Some(part) = part {
        stretches.truncate(part + 1);
    }
    let before = if made.first {
        None
    } else {
        let before = list.segment(made.number.checked_sub(1)?)?;
        let before = Made::row(before).filter(|b| b.period.ordinal == made.period.ordinal)?;
        Some(pair.stretches(&before)?)
    };
    Some(Recipe {
        period: Arc::clone(made.period),
        tracks: std::iter::once(derived.rendition).chain(audio).collect(),
        before,
        stretches,
        from: part.unwrap_or(0),
    })
}

/// A segment, complete or open.
struct Made<'a> {
    number: u64,
    period: &'a Arc<Period>,
    first: bool,
    parts: &'a [Part],
    /// All chunks, where there are no parts.
    chunks: &'a [Arc<Chunk>],
}

impl<'a> Made<'a> {
    /// `None` for a gap.
    fn row(row: &'a Segment) -> Option<Self> {
        let SegmentContent::Media { chunks, parts } = &row.content else { return None };
        let (number, period, first) = (row.number, &row.period, row.first);
        Some(Made { number, period, first, parts, chunks })
    }

    fn open(open: &'a OpenSegment) -> Self {
        let (number, period, first) = (open.number, &open.period, open.first);
        Made { number, period, first, parts: &open.parts, chunks: &[] }
    }

    /// The segment that a part belongs to, and the part's index there.
    fn with_part(
        list: &'a RenditionView,
        period: i64,
        start: i64,
    ) -> Option<(Self, Option<usize>)> {
        let index = |parts: &[Part]| parts.iter().position(|part| part.start == start);
        let open = list.open.as_ref().filter(|open| open.period.id == period);
        if let Some((open, at)) = open.and_then(|open| Some((open, index(&open.parts)?))) {
            return Some((Made::open(open), Some(at)));
        }
        let mut rows = list.rows_near(period, start);
        let (row, at) = rows.find_map(|row| index(row.parts()).map(|at| (row, at)))?;
        Some((Made::row(row)?, Some(at)))
    }
}

/// A track, and the audio that goes with it.
struct Pair<'a> {
    view: &'a SegmentationView,
    video: RenditionId,
    audio: Option<RenditionId>,
}

impl Pair<'_> {
    /// The stretches of a segment; `None` where its audio has been dropped.
    fn stretches(&self, made: &Made<'_>) -> Option<Vec<Stretch>> {
        let sound = match self.audio {
            Some(audio) => Sound::of(self.view.rendition(audio), made.period, made.number)?,
            None => Sound::none(),
        };
        let with = |own: &[Arc<Chunk>], share: Vec<Arc<Chunk>>, last: bool| {
            let share = self.audio.map(|_| share);
            Stretch { chunks: std::iter::once(own.to_vec()).chain(share).collect(), last }
        };
        if made.parts.is_empty() {
            return Some(vec![with(made.chunks, sound.chunks().to_vec(), true)]);
        }
        let track = made.period.track(self.video)?;
        let shares = sound.shares(made.parts, track);
        let parts = made.parts.iter().zip(shares);
        Some(parts.map(|(part, share)| with(&part.chunks, share, part.last)).collect())
    }
}
