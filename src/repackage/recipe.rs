//! What a transport stream object is made of, and the making.

use std::sync::Arc;

use bytes::Bytes;

use super::framing::Framing;
use super::units::Source;
use crate::mpegts::mux::{Muxer, Program};
use crate::packager::{Chunk, Period, RenditionId};

/// A segment or part of a transport stream: one track, or video with audio.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// The Period, whose settings the tracks have.
    pub period: Arc<Period>,
    /// The tracks; the first carries the clock.
    pub tracks: Vec<RenditionId>,
    /// The segment before it in the Period, whole; `None` where there is none.
    pub before: Option<Vec<Stretch>>,
    /// The segment itself, from its first stretch on.
    pub stretches: Vec<Stretch>,
    /// Index of the first stretch that is written; those before it only count.
    pub from: usize,
}

/// A part, or a segment that has none.
#[derive(Clone, Debug)]
pub struct Stretch {
    /// The chunks of each of [`Recipe::tracks`].
    pub chunks: Vec<Vec<Arc<Chunk>>>,
    /// Whether its segment ends with it, as far as was known when it was listed.
    pub last: bool,
}

/// Makes the object: the bytes of each stretch that is written.
///
/// Tracks that no transport stream carries are left out.
#[must_use]
pub fn transport_stream(recipe: &Recipe) -> Vec<Bytes> {
    let sources: Vec<Source<'_>> = recipe
        .tracks
        .iter()
        .enumerate()
        .filter_map(|(index, id)| {
            let track = recipe.period.track(*id)?;
            Some(Source::new(index, track, Framing::of(track)?))
        })
        .collect();
    let Some(leading) = sources.first() else { return Vec::new() };
    let program = Program {
        streams: sources.iter().map(|source| source.framing.elementary.clone()).collect(),
        reorder: leading.framing.reorder,
    };
    let read = |stretch| super::units::stretch(&sources, stretch);
    let mut muxer = Muxer::new(&program);
    if let Some(before) = &recipe.before {
        for stretch in before {
            muxer.skip(&read(stretch));
        }
        muxer = muxer.next();
    }
    let from = recipe.from.min(recipe.stretches.len());
    let (earlier, written) = recipe.stretches.split_at(from);
    for stretch in earlier {
        muxer.skip(&read(stretch));
    }
    written.iter().map(|stretch| muxer.write(&read(stretch))).collect()
}
