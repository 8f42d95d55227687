//! The second input: kept as standby, with its newest media, so that a channel whose inputs carry
//! the same absolute time goes on from it without a Period.

use std::collections::{BTreeMap, VecDeque};

use super::super::contract::InputId;
use super::super::timeline::Mapping;
use super::super::watch::SourceTrack;
use super::{Channel, Phase};
use crate::media::Sample;
use crate::units::{MediaDuration, MediaTime, Now};

/// Media kept beyond what may pass before an input counts as lost.
const MARGIN: MediaDuration = MediaDuration::from_millis(4000);

/// The newest media of an input that does not play.
#[derive(Debug, Default)]
pub(super) struct Standby {
    samples: BTreeMap<SourceTrack, VecDeque<Sample>>,
    bytes: usize,
}

impl Standby {
    fn clear(&mut self) {
        *self = Standby::default();
    }

    /// Keeps a sample, and of its track no more than `span` before it.
    fn keep(&mut self, key: SourceTrack, sample: Sample, span_ticks: i64, bytes_max: usize) {
        let kept = self.samples.entry(key).or_default();
        let newest = sample.dts;
        self.bytes += sample.data.len();
        kept.push_back(sample);
        while kept.front().is_some_and(|s| s.dts < newest - span_ticks || self.bytes > bytes_max) {
            self.bytes -= kept.pop_front().map_or(0, |s| s.data.len());
        }
    }
}

impl Channel {
    /// Keeps media of an input that does not play, where its source brings absolute time.
    pub(super) fn keep_standby(&mut self, key: SourceTrack, sample: Sample) {
        let (Some(info), true) = (self.declared.get(&key), self.anchors.contains_key(&key.0))
        else {
            return;
        };
        let span = (self.loss_after(key.0.input) + MARGIN).rescale(info.timescale).ticks();
        self.standby.keep(key, sample, span, self.config.limits.pending_bytes / 2);
    }

    /// Goes on from the other input without a break, where both carry absolute time and the same
    /// tracks with equal settings. False where they do not.
    pub(super) fn switch_seamlessly(&mut self, now: Now, lost: InputId) -> bool {
        let Phase::Running(run) = &mut self.phase else { return false };
        let others: Vec<SourceTrack> =
            self.declared.keys().filter(|(s, _)| s.input != lost).copied().collect();
        let Some(other) = others.first().map(|(source, _)| source.input) else { return false };
        let anchor = others.iter().find_map(|(source, _)| self.anchors.get(source));
        let (Some((media, epoch)), true) = (anchor, run.mapping.absolute) else { return false };
        let mapping = Mapping { offset: *epoch - *media, absolute: true };
        let declared = others.iter().filter_map(|key| Some((*key, self.declared.get(key)?)));
        if !run.take_over(mapping, &declared.collect::<Vec<_>>()) {
            return false;
        }
        self.last_mapping = Some(mapping);
        self.active = Some(other);
        self.heard.remove(&lost);
        let mut kept: Vec<(MediaTime, SourceTrack, Sample)> = Vec::new();
        for (key, samples) in std::mem::take(&mut self.standby).samples {
            let Some(info) = self.declared.get(&key) else { continue };
            let scale = info.timescale;
            kept.extend(samples.into_iter().map(|s| (MediaTime::new(s.dts, scale), key, s)));
        }
        kept.sort_by_key(|(time, key, _)| (*time, *key));
        for (_, key, sample) in kept {
            let Phase::Running(run) = &self.phase else { return true };
            if !run.has(key, &sample) {
                self.sample(now, key, sample);
            }
        }
        true
    }

    /// Forgets what standby inputs delivered.
    pub(super) fn forget_standby(&mut self) {
        self.standby.clear();
    }
}
