//! A channel's snapshots, and the memory they hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::contract::{Output, Report};
use super::super::segmentation::Segmentation;
use super::super::snapshot::{SegmentationView, Snapshot};
use super::Channel;

impl Channel {
    pub(super) fn publish(&mut self, anyway: bool) {
        if !anyway && !self.segmentations.iter().any(Segmentation::is_dirty) {
            return;
        }
        self.bound_memory();
        self.version += 1;
        let mut views = BTreeMap::new();
        for segmentation in &mut self.segmentations {
            let changed = segmentation.is_dirty();
            let renditions = segmentation.publish(self.version, &self.state.renditions);
            let Some(period) = segmentation.newest_period() else { continue };
            let mut view = SegmentationView {
                duration: segmentation.duration,
                target: segmentation.target,
                part_target: segmentation.told_part_target(),
                period,
                version: 0,
                bytes: segmentation.bytes(),
                named_before: segmentation.named_before(),
                longest: segmentation.longest_listed(),
                incomplete: segmentation.first_incomplete(),
                spans: segmentation.publish_spans(),
                renditions,
                muxed: Vec::new(),
                lineage: self.state.lineage(segmentation.key()),
            };
            let muxed = segmentation.attach_muxed(&mut view, self.version);
            segmentation.attach_reports(&mut view, self.version, changed || muxed);
            views.insert(segmentation.key(), view);
        }
        self.outputs.push_back(Output::Publish(Arc::new(Snapshot {
            version: self.version,
            needs_state: self.needs_state,
            losses: self.losses,
            ended: self.ended,
            segmentations: views,
        })));
    }

    fn bound_memory(&mut self) {
        for segmentation in &mut self.segmentations {
            if segmentation.trim(self.config.limits.periods) {
                self.outputs.push_back(Output::Report(Report::PeriodsOverflow));
            }
        }
        // Segmentations share chunks, so the largest one stands for all.
        while let Some(largest) = self.segmentations.iter_mut().max_by_key(|s| s.bytes()) {
            if largest.bytes() <= self.config.limits.channel_bytes || !largest.drop_oldest() {
                break;
            }
            self.outputs.push_back(Output::Report(Report::MemoryOverflow));
        }
    }
}
