//! A segmentation's lists as readers see them.

use std::sync::Arc;

use super::Segmentation;
use crate::packager::snapshot::{RenditionView, Report, SegmentationView};
use crate::packager::state::{Rendition, RenditionId};

impl Segmentation {
    /// Gives the renditions that changed at `version` the positions of the others, and keeps those
    /// of the rest: a version's text never changes (docs/architecture.md).
    pub(in crate::packager) fn attach_reports(
        &mut self,
        view: &mut SegmentationView,
        version: u64,
        changed: bool,
    ) {
        if changed {
            self.version = version;
        }
        view.version = self.version;
        if self.part_target.is_none() {
            return;
        }
        let now: Vec<(RenditionId, Option<Report>)> =
            view.renditions.iter().map(|r| (r.rendition.id, r.report())).collect();
        let current: Vec<RenditionId> = view.period.tracks.iter().map(|t| t.rendition).collect();
        for rendition in &mut view.renditions {
            let id = rendition.rendition.id;
            let Some(builder) = self.builders.get_mut(&id) else { continue };
            if builder.version == version {
                builder.reports = now
                    .iter()
                    .filter(|(other, _)| *other != id && current.contains(other))
                    .filter_map(|(_, report)| report.clone())
                    .collect::<Vec<_>>()
                    .into();
            }
            rendition.reports = Arc::clone(&builder.reports);
        }
    }

    /// Whether anything listed has changed since the last [`Segmentation::publish`].
    pub(in crate::packager) fn is_dirty(&self) -> bool {
        self.sound_came || self.builders.values().any(|b| b.dirty)
    }

    /// The rows of every rendition as readers see them; what changed gets `version`.
    pub(in crate::packager) fn publish(
        &mut self,
        version: u64,
        renditions: &[Rendition],
    ) -> Vec<RenditionView> {
        self.sound_came = false;
        let raised = std::mem::replace(&mut self.published_target, self.target);
        for builder in self.builders.values_mut().filter(|_| raised > 0 && raised < self.target) {
            builder.note_raise(raised);
        }
        for (id, builder) in self.builders.iter_mut().filter(|(_, b)| b.dirty) {
            builder.published = builder.rows.last().map(|row| row.number);
            builder.version = version;
            builder.dirty = false;
            builder.rendition = renditions.get(id.0 as usize).cloned().map(Arc::new);
        }
        self.note_whole();
        self.builders
            .values()
            .filter_map(|builder| {
                let rendition = builder.rendition.as_ref()?;
                Some(RenditionView {
                    rendition: Arc::clone(rendition),
                    whole: Arc::clone(builder.whole.as_ref().unwrap_or(rendition)),
                    version: builder.version,
                    rows: builder.rows.clone(),
                    open: builder.open().filter(|_| self.part_target.is_some()),
                    next_number: builder.open.as_ref().map(|open| open.number),
                    next_part: builder.next_part,
                    raises: Arc::clone(&builder.raises),
                    reports: Arc::clone(&builder.reports),
                })
            })
            .collect()
    }
}
