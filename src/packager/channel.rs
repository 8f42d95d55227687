//! [`Channel`]: the core's one mutable thing.

mod configure;
mod drift;
mod inputs;
mod publish;
mod run;
mod slate;
mod standby;

use std::collections::{BTreeMap, VecDeque};

use super::cadence::Rhythm;
use super::config::{ChannelConfig, SegmentationWanted};
use super::contract::{Input, InputId, Output, PeriodReason, Report, SourceEvent, SourceId};
use super::run::{Run, Surroundings, Taken};
use super::segmentation::Segmentation;
use super::state::{Restored, State};
use super::timeline::Mapping;
use super::watch::{PATIENCE, SourceTrack, Start, Watch};
use crate::media::{Sample, TrackInfo};
use crate::units::{MediaDuration, MediaTime, Monotonic, Now};
use drift::Drift;
use standby::Standby;

pub use slate::SlateWanted;

/// One live channel, from samples to snapshots.
///
/// Methods are of four kinds: `new`; `handle_*`, which take what has happened; `poll_*`, which give
/// what must be done; nothing else. **After every `handle_*` drain [`Channel::poll_output`] to
/// `None`, in order, before the next.** Readers never touch a channel: they hold the
/// [`Snapshot`](super::Snapshot)s it publishes.
///
/// 1. `handle_input` for each thing a source says, with a reading of both clocks.
/// 2. `poll_output` until `None`: remember, publish, report.
/// 3. Sleep until `poll_timeout` or the next input; then `handle_timeout` or `handle_input`.
///
/// The same configuration, inputs and clock readings give the same outputs (invariant 3).
#[derive(Debug)]
pub struct Channel {
    config: ChannelConfig,
    state: State,
    segmentations: Vec<Segmentation>,
    phase: Phase,
    /// What every session has declared, of standby inputs too.
    declared: BTreeMap<SourceTrack, TrackInfo>,
    /// Absolute time a source brings, by session.
    anchors: BTreeMap<SourceId, (MediaTime, MediaTime)>,
    /// The input that plays.
    active: Option<InputId>,
    /// When each input last delivered media.
    heard: BTreeMap<InputId, Monotonic>,
    /// How long each input is silent between the pieces its media comes in.
    paces: BTreeMap<InputId, MediaDuration>,
    /// The mapping of the last run, reused while the source's own time agrees.
    last_mapping: Option<Mapping>,
    /// Rhythm and frame of the video that led last.
    video: Option<(Rhythm, MediaDuration)>,
    /// The newest media of the input that does not play.
    standby: Standby,
    /// How the source's clock goes against the monotonic one.
    drift: Drift,
    /// Both clocks when the channel began.
    began: Now,
    /// When it was last looked at whether an input is silent.
    looked: Monotonic,
    /// When all inputs will have been silent for long enough to miss them.
    silent_at: Monotonic,
    /// The slate, while it is wanted.
    slate: Option<SlateWanted>,
    /// An input that delivers again while the slate plays, or the standby.
    incoming: Option<(InputId, Watch)>,
    /// Since when input 1 delivers again, where it is to be gone back to.
    main_back: Option<Monotonic>,
    /// The run before, until what was sent with its last pictures has come.
    closing: Option<Box<Run>>,
    /// Samples to be taken before anything else: what a run begins with.
    held: VecDeque<(SourceTrack, Sample)>,
    outputs: VecDeque<Output>,
    version: u64,
    needs_state: u64,
    losses: u64,
    ended: bool,
}

/// Where a channel is in its life.
#[derive(Debug)]
enum Phase {
    Watching(Watch, PeriodReason),
    Running(Box<Run>),
}

impl Channel {
    /// A channel that has heard nothing yet. `restored` is what it remembered before a restart.
    #[must_use]
    pub fn new(config: ChannelConfig, restored: Option<Restored>, now: Now) -> Self {
        let Restored { mut state, version, mut rows } = restored.unwrap_or_default();
        state.format = State::FORMAT;
        let remembered = configure::adopt(&config, &mut state, &mut rows);
        let rhythm = state.run.as_ref().and_then(|run| run.video).map(|(rhythm, _)| rhythm);
        let segmentation = |wanted: &SegmentationWanted| {
            let mut segmentation = Segmentation::new(*wanted);
            let stored = state.segmentations.get(&wanted.key);
            if let Some((rows, stored)) = rows.remove(&wanted.key).zip(stored) {
                segmentation.restore(rows, stored, rhythm);
            }
            segmentation
        };
        let segmentations = config.segmentations.iter().map(segmentation).collect();
        let watch = Watch::after(state.run.as_ref());
        let last_mapping =
            state.run.as_ref().map(|run| Mapping { offset: run.offset, absolute: run.absolute });
        let mut channel = Channel {
            needs_state: state.revision,
            segmentations,
            phase: Phase::Watching(watch, PeriodReason::Started),
            video: state.run.as_ref().and_then(|run| run.video),
            standby: Standby::default(),
            drift: Drift::default(),
            began: now,
            silent_at: now.mono.after(config.input_loss.to_std()),
            looked: Monotonic::default(),
            slate: None,
            incoming: None,
            main_back: None,
            closing: None,
            declared: BTreeMap::new(),
            anchors: BTreeMap::new(),
            active: None,
            heard: BTreeMap::new(),
            paces: BTreeMap::new(),
            last_mapping,
            held: VecDeque::new(),
            outputs: VecDeque::new(),
            version,
            losses: 0,
            ended: false,
            state,
            config,
        };
        channel.remember(remembered);
        // What is still there is served at once.
        channel.publish(false);
        channel
    }

    /// Takes what has happened.
    pub fn handle_input(&mut self, now: Now, input: Input) {
        match input {
            Input::Source(source, event) => self.handle_source(now, source, event),
            Input::Configure(config) => self.configure(config),
            Input::End => {
                self.end_run();
                self.ended = true;
                self.publish(true);
            }
        }
        self.publish(false);
    }

    /// Takes the passing of time: an input that fell silent counts as lost, where another or a slate
    /// can take its place.
    pub fn handle_timeout(&mut self, now: Now) {
        self.looked = now.mono;
        if let Some(active) = self.active.filter(|input| *input != InputId::SLATE) {
            let silent = self.silent_since(active, now) >= self.loss_after(active);
            let standby_lives = self.heard.keys().any(|input| {
                *input != active && self.silent_since(*input, now) < self.loss_after(*input)
            });
            if silent && standby_lives {
                self.lose_input(now, active);
                self.publish(false);
            }
        }
        if self.slate_due().is_some_and(|due| due <= now.mono) {
            self.begin_slate(now);
        }
    }

    /// What must be done next.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call [`Channel::handle_timeout`] at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Monotonic> {
        let lost = self.active.and_then(|active| {
            Some(self.heard.get(&active)?.after(self.loss_after(active).to_std()))
        });
        // What has been looked at and had no remedy has none until another input delivers.
        lost.into_iter().chain(self.slate_due()).filter(|at| *at > self.looked).min()
    }

    fn handle_source(&mut self, now: Now, source: SourceId, event: SourceEvent) {
        match event {
            SourceEvent::Track(info) => {
                let key = (source, info.id);
                self.supersede(source, &info);
                self.declared.insert(key, info.clone());
                if let Some((_, watch)) =
                    self.incoming.as_mut().filter(|(input, _)| *input == source.input)
                {
                    watch.declare(key, info, self.config.limits.tracks);
                } else if self.is_active(source) {
                    self.declare(key, info);
                }
            }
            SourceEvent::Anchor { track, media, epoch } => {
                if let Some(info) = self.declared.get(&(source, track)) {
                    self.anchors.insert(source, (MediaTime::new(media, info.timescale), epoch));
                }
            }
            SourceEvent::Sample(_, sample) if beyond_reach(&sample) => {
                let input = source.input;
                self.outputs.push_back(Output::Report(Report::TimestampBeyondReach { input }));
            }
            // Of a track that another session has taken over.
            SourceEvent::Sample(track, _) if !self.declared.contains_key(&(source, track)) => {}
            SourceEvent::Sample(track, sample) if source.input == InputId::SLATE => {
                self.slate_sample(now, (source, track), sample);
            }
            SourceEvent::Sample(track, sample) => {
                let back = self.main_is_back(now, source.input);
                self.heard.insert(source.input, now.mono);
                let silent_at = now.mono.after(self.loss_after(source.input).to_std());
                self.silent_at = self.silent_at.max(silent_at);
                if self.slate.is_some() {
                    return self.incoming_sample(now, (source, track), sample);
                }
                if self.active.is_none() {
                    self.activate(source.input);
                }
                if self.active == Some(source.input) {
                    self.sample(now, (source, track), sample);
                } else if back {
                    self.return_sample(now, (source, track), sample);
                } else {
                    self.looked = Monotonic::default();
                    self.keep_standby((source, track), sample);
                }
            }
            SourceEvent::Break => {
                if self.active == Some(source.input) {
                    self.break_off(PeriodReason::TimestampJump);
                }
                self.incoming = self.incoming.take().filter(|(input, _)| *input != source.input);
            }
            SourceEvent::Pace(pace) => {
                self.paces.insert(source.input, pace);
            }
            SourceEvent::Lost => self.lose(now, source),
        }
    }

    fn declare(&mut self, key: SourceTrack, info: TrackInfo) {
        let limit = self.config.limits.tracks;
        let taken = match &mut self.phase {
            Phase::Watching(watch, _) => {
                watch.declare(key, info, limit);
                Taken::Yes
            }
            Phase::Running(_) => self.with_run(|run, around| run.declare(key, info, limit, around)),
        };
        if let Taken::Break(reason) = taken {
            self.break_off(reason);
        }
    }

    fn sample(&mut self, now: Now, key: SourceTrack, sample: Sample) {
        self.held.push_back((key, sample));
        self.take_held(now);
    }

    fn take_held(&mut self, now: Now) {
        while let Some((key, sample)) = self.held.pop_front() {
            self.take(now, key, sample);
        }
    }

    fn take(&mut self, now: Now, key: SourceTrack, sample: Sample) {
        if self.drifted_at(key, &sample) {
            self.break_off(PeriodReason::Drift);
        }
        if matches!(self.phase, Phase::Running(_)) {
            match self.with_run(|run, around| run.sample(key, &sample, around)) {
                Taken::Yes => {
                    self.observe_drift(now, key);
                    return self.bound_pending();
                }
                Taken::Break(reason) => self.break_off(reason),
            }
        }
        self.take_closing(key, &sample);
        let pending_bytes = self.config.limits.pending_bytes;
        let Phase::Watching(watch, reason) = &mut self.phase else { return };
        watch.push(key, sample, pending_bytes);
        let reports = std::mem::take(&mut watch.reports);
        let start = watch.start(key, *reason);
        self.outputs.extend(reports.into_iter().map(Output::Report));
        let patient = |start: &Start| self.closing.is_none() || start.newest - start.at >= PATIENCE;
        if let Some(start) = start.filter(patient) {
            self.begin_run(now, &start);
        }
    }

    /// Media waiting for the leading track is bounded: a run that holds too much is broken off.
    fn bound_pending(&mut self) {
        let Phase::Running(run) = &self.phase else { return };
        if run.pending_bytes() > self.config.limits.pending_bytes {
            self.outputs.push_back(Output::Report(Report::PendingOverflow));
            self.break_off(PeriodReason::TracksChanged);
        }
    }

    /// The end of what this process has made.
    fn here(&self) -> Option<MediaTime> {
        self.segmentations.iter().filter_map(Segmentation::end).max()
    }

    /// The end of what is there: no mapping puts media before it.
    fn floor(&self) -> Option<MediaTime> {
        let here = self.segmentations.iter().filter_map(Segmentation::floor).max();
        let stored = self.state.segmentations.values().map(|r| r.end_ms).max();
        here.or(stored.map(MediaTime::from_millis))
    }

    fn with_run<T>(&mut self, act: impl FnOnce(&mut Run, &mut Surroundings<'_>) -> T) -> T
    where
        T: Default,
    {
        let fresh = Phase::Watching(Watch::default(), PeriodReason::Started);
        match std::mem::replace(&mut self.phase, fresh) {
            Phase::Running(mut run) => {
                let result = self.with(|around| act(&mut run, around));
                self.phase = Phase::Running(run);
                result
            }
            watching @ Phase::Watching(..) => {
                self.phase = watching;
                T::default()
            }
        }
    }

    /// Lets a run act on what surrounds it.
    fn with<T>(&mut self, act: impl FnOnce(&mut Surroundings<'_>) -> T) -> T {
        let mut reports = Vec::new();
        let mut changed = false;
        let result = act(&mut Surroundings {
            state: &mut self.state,
            segmentations: &mut self.segmentations,
            reports: &mut reports,
            needs_state: &mut self.needs_state,
            state_changed: &mut changed,
        });
        self.outputs.extend(reports.into_iter().map(Output::Report));
        self.remember(changed);
        result
    }

    fn remember(&mut self, changed: bool) {
        if changed {
            self.state.revision += 1;
            self.outputs.push_back(Output::Remember(self.state.clone()));
        }
    }
}

/// Whether sums of a sample's times could overflow: 2^60 ticks of 10 MHz are 3,600 years.
fn beyond_reach(sample: &Sample) -> bool {
    const REACH: u64 = 1 << 60;
    sample.dts.unsigned_abs() > REACH || sample.pts.unsigned_abs() > REACH
}
