//! Periods that lack media of some of their tracks. An MPD lists a Period when it has media of all
//! of them: a player that meets it with the picture alone plays it without sound to its end, or
//! waits for ever.

use std::collections::{BTreeMap, BTreeSet};

use super::Segmentation;
use crate::packager::period::Period;
use crate::packager::state::RenditionId;
use crate::units::MediaTime;

/// By Period's ordinal: the tracks whose first segment in it is still to come. None is empty.
#[derive(Clone, Debug, Default)]
pub(super) struct Incomplete(BTreeMap<u64, BTreeSet<RenditionId>>);

impl Incomplete {
    /// A track has media in a Period, and so none to come in those before it.
    pub(super) fn delivered(&mut self, rendition: RenditionId, ordinal: u64) {
        self.0.retain(|at, awaited| {
            if *at <= ordinal {
                awaited.remove(&rendition);
            }
            !awaited.is_empty()
        });
    }
}

impl Segmentation {
    /// A Period begins: media of all its tracks is to come.
    pub(in crate::packager) fn await_tracks(&mut self, period: &Period) {
        let tracks = period.tracks.iter().map(|t| t.rendition).collect();
        self.incomplete.0.insert(period.ordinal, tracks);
    }

    /// A part of a rendition has ended: where an MPD lists its Period by number, that is media
    /// enough, once manifests know the rendition's rate.
    pub(super) fn deliver(&mut self, rendition: RenditionId) {
        let Some(builder) = self.builders.get(&rendition) else { return };
        let Some(open) = &builder.open else { return };
        let Some(last) = open.parts.last() else { return };
        let end = MediaTime::new(last.start + last.duration, builder.timescale);
        let nominal = self.spans.deliver(&open.period, rendition, end);
        if nominal && !builder.rows.is_empty() {
            self.incomplete.delivered(rendition, open.period.ordinal);
        }
    }

    /// Nothing of a track is to come.
    pub(in crate::packager) fn await_no_more(&mut self, rendition: RenditionId) {
        self.incomplete.delivered(rendition, u64::MAX);
    }

    /// The first Period that lacks media of a track which is to come.
    pub(in crate::packager) fn first_incomplete(&self) -> Option<u64> {
        self.incomplete.0.keys().next().copied()
    }

    /// Takes over what is said of each rendition whose newest row lies before what is incomplete.
    pub(super) fn note_whole(&mut self) {
        let first = self.first_incomplete().unwrap_or(u64::MAX);
        if first == u64::MAX {
            self.longest_listed = self.longest_made;
        }
        for builder in self.builders.values_mut() {
            let newest = builder.rows.last().map_or(0, |row| row.period.ordinal);
            if newest < first {
                builder.whole.clone_from(&builder.rendition);
            }
        }
    }
}
