//! The second input: kept as standby, with its newest media, so that a channel whose inputs carry
//! the same absolute time goes on from it without a Period.

use std::collections::{BTreeMap, VecDeque};

use super::super::contract::{InputId, Output, Report};
use super::super::timeline::Mapping;
use super::super::watch::SourceTrack;
use super::{Channel, Phase};
use crate::media::Sample;
use crate::units::{MediaDuration, MediaTime, Now};

/// Media kept beyond what may pass before an input counts as lost.
const MARGIN: MediaDuration = MediaDuration::from_millis(4000);
/// The longest that input 1 must have delivered before it is gone back to.
const RETURN_MAX: MediaDuration = MediaDuration::from_millis(5000);
/// The main input.
const MAIN: InputId = InputId(1);

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

    /// Whether `input`, of which a sample has come, is the one to be gone back to, and has delivered
    /// for long enough. To be asked before it counts as heard.
    pub(super) fn main_is_back(&mut self, now: Now, input: InputId) -> bool {
        let stands_by = self.active.is_some_and(|active| active != MAIN) && self.slate.is_none();
        if input != MAIN || !self.config.prefers_main || !stands_by {
            return false;
        }
        let loss = self.loss_after(MAIN);
        let silent = !self.heard.contains_key(&MAIN) || self.silent_since(MAIN, now) >= loss;
        if silent || self.main_back.is_none() {
            self.main_back = Some(now.mono);
            self.incoming = None;
        }
        let since = self.main_back.unwrap_or(now.mono);
        MediaDuration::from_std(now.mono.since(since)) >= loss.min(RETURN_MAX)
    }

    /// A sample of input 1, which has delivered again for long enough: without a break where both
    /// inputs carry absolute time and equal settings, else with its next sync sample, as a Period.
    pub(super) fn return_sample(&mut self, now: Now, key: SourceTrack, sample: Sample) {
        self.keep_standby(key, sample.clone());
        let Some(other) = self.active else { return };
        if !(sample.sync && self.switch_seamlessly(now, other)) {
            self.incoming_sample(now, key, sample);
        }
        if self.active == Some(MAIN) {
            self.outputs.push_back(Output::Report(Report::MainReturned));
            self.main_back = None;
            self.incoming = None;
            self.forget_standby();
        }
    }

    /// Forgets what standby inputs delivered.
    pub(super) fn forget_standby(&mut self) {
        self.standby.clear();
    }
}
