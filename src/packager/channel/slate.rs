//! The slate: what plays while all inputs are silent. It is a source like any other (docs/time.md:
//! Holes and silence), played by the shell when the channel wants it.
//!
//! An input that comes back is watched beside the slate, which goes on until the input can begin:
//! nothing is shown twice, and between the two lie a few frames, or as much as a source with absolute
//! time is late.

use std::collections::BTreeSet;

use super::super::contract::{InputId, Output, PeriodReason, Report};
use super::super::watch::{SourceTrack, Watch};
use super::{Channel, Phase};
use crate::media::{Language, MediaKind, Sample, VariantName};
use crate::units::{MediaDuration, MediaTime, Monotonic, Now};

/// How far before now a slate begins where nothing has played: a full list at once, and under the
/// minute within which absolute time is believed.
const BACKLOG: MediaDuration = MediaDuration::from_secs(45);

/// What the shell is asked to play as input [`InputId::SLATE`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlateWanted {
    /// Where the slate begins: the end of what is there, or a little before now.
    pub from: MediaTime,
    /// The rungs and languages that played last, none where none has: the slate takes the place of
    /// each, for players stay on the rendition they have.
    pub tracks: BTreeSet<(MediaKind, VariantName, Language)>,
}

impl Channel {
    /// The slate, while it is to play: from `input_loss` of silence of all inputs until one of them
    /// can begin.
    #[must_use]
    pub fn poll_slate(&self) -> Option<&SlateWanted> {
        self.slate.as_ref()
    }

    /// When all inputs have been silent for long enough, where a slate is wanted then.
    pub(super) fn slate_due(&self) -> Option<Monotonic> {
        (self.config.slate && self.slate.is_none()).then_some(self.silent_at)
    }

    /// Whether the slate plays or is about to.
    pub(super) fn plays_slate(&self) -> bool {
        self.active == Some(InputId::SLATE)
    }

    /// Asks for the slate: all inputs are silent.
    pub(super) fn begin_slate(&mut self, now: Now) {
        if let Some(input) = self.active {
            self.outputs.push_back(Output::Report(Report::SourceLost { input }));
            self.part_from(input);
        }
        let earliest = self.steady(now).media_time() - BACKLOG;
        // In whole milliseconds, as mappings are, and not before what is there.
        let after = |floor: MediaTime| MediaTime::from_millis(floor.floor_millis() + 1);
        let from = self.floor().map_or(earliest, |floor| after(floor).max(earliest));
        let tracks = self.state.run.as_ref().map(|run| run.tracks.clone()).unwrap_or_default();
        self.slate = Some(SlateWanted { from, tracks });
        self.incoming = None;
    }

    /// Ends the slate where there is to be none any more.
    pub(super) fn end_unwanted_slate(&mut self) {
        if self.config.slate || self.slate.take().is_none() {
            return;
        }
        self.incoming = None;
        if self.plays_slate() {
            self.part_from(InputId::SLATE);
        }
    }

    /// A sample of the slate.
    pub(super) fn slate_sample(&mut self, now: Now, key: SourceTrack, sample: Sample) {
        if self.slate.is_none() {
            return;
        }
        if self.active.is_none() {
            self.phase = Phase::Watching(Watch::default(), PeriodReason::Slate);
            self.activate(InputId::SLATE);
        }
        self.sample(now, key, sample);
    }

    /// A sample of an input while the slate plays: it is held back until the input can begin, which
    /// it does with its newest sync sample.
    pub(super) fn incoming_sample(&mut self, now: Now, key: SourceTrack, sample: Sample) {
        let input = key.0.input;
        let another = self.incoming.as_ref().is_some_and(|(first, _)| {
            *first != input && self.silent_since(*first, now) < self.loss_after(*first)
        });
        if another {
            return self.keep_standby(key, sample);
        }
        let mut watch = match self.incoming.take() {
            Some((first, watch)) if first == input => watch,
            _ => self.watch_for(input),
        };
        let decides = sample.sync && watch.leads(key);
        watch.push(key, sample, self.config.limits.pending_bytes);
        self.outputs.extend(std::mem::take(&mut watch.reports).into_iter().map(Output::Report));
        let start = decides.then(|| watch.start(key, PeriodReason::SourceReturned)).flatten();
        let Some(start) = start else {
            self.incoming = Some((input, watch));
            return;
        };
        self.end_run();
        self.slate = None;
        self.active = Some(input);
        self.phase = Phase::Watching(watch, PeriodReason::SourceReturned);
        self.begin_run(now, &start);
        self.take_held(now);
    }

    /// A watch for all that an input has declared, with what the last run of an input knew.
    fn watch_for(&self, input: InputId) -> Watch {
        let mut watch = Watch::after(self.state.run.as_ref()).beginning_with_newest();
        for (key, info) in self.declared.iter().filter(|((s, _), _)| s.input == input) {
            watch.declare(*key, info.clone(), self.config.limits.tracks);
        }
        watch
    }
}
