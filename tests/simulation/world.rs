//! The world: a source, a process, players, and the mishaps that befall them.

mod befall;

use std::collections::BTreeMap;
use std::sync::Arc;

use headwater::packager::{
    Channel, ChannelConfig, Input, InputId, Limits, Output, Report, Restored, Snapshot,
    SourceEvent, SourceId, State,
};
use headwater::units::{MediaDuration, MediaTime, Timescale};

use crate::SECOND;
use crate::audit::audit;
use crate::dash::DashPlayer;
use crate::hls::HlsPlayer;
use crate::invariants::Invariants;
use crate::origin::{
    BEGINNING_S, DASH, Faults, HLS, HLS_TS, LOW_LATENCY, LOW_LATENCY_TS, Origin, told, wanted,
};
use crate::rng::Rng;
use crate::source::{Make, Source};
use crate::steady::Steady;
use crate::syncs::Mode;

/// What is yet to be done.
#[derive(Clone, Copy, Debug)]
enum Action {
    Mishap,
    EncoderBack { base: i64, lost: bool },
    InputBack { input: usize, told: bool },
    Aligned { track: usize },
    ProcessBack,
    WallBack,
    GraceOver,
    Audit,
}

/// One of the channel's inputs.
#[derive(Clone, Copy, Debug)]
struct Feed {
    id: SourceId,
    up: bool,
}

pub(crate) struct World {
    rng: Rng,
    source: Source,
    feeds: Vec<Feed>,
    encoder_up: bool,
    config: ChannelConfig,
    channel: Option<Channel>,
    state: Option<State>,
    /// What the process that was killed had shown, where that is kept.
    kept: Option<Arc<Snapshot>>,
    origin: Origin,
    hls: Vec<HlsPlayer>,
    dash: DashPlayer,
    invariants: Invariants,
    actions: Vec<(i64, Action)>,
    /// Until when stalls are excused.
    excused_until: i64,
    pub(crate) faults: Faults,
    pub(crate) steady: Steady,
    mishaps: u64,
    trace: bool,
}

impl World {
    /// A world of any kind, to which anything happens.
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let make = Make::random(&mut rng);
        let mut world = World::of(make, rng);
        let first = world.rng.range(60, 180) * SECOND;
        world.actions.push((first, Action::Mishap));
        world
    }

    /// A world in which nothing happens but what its source does by itself.
    pub(crate) fn of(make: Make, mut rng: Rng) -> Self {
        println!("{make:?}");
        let config = ChannelConfig {
            segmentations: wanted(),
            endpoints: BTreeMap::new(),
            input_loss: MediaDuration::from_secs(2),
            prefers_main: false,
            slate: false,
            limits: Limits::default(),
        };
        let origin = Origin::new();
        let mut hls = Vec::new();
        for endpoint in [LOW_LATENCY, HLS, DASH] {
            let names = make.renditions().into_iter();
            hls.extend(names.map(|rendition| HlsPlayer::new(endpoint, rendition, make.ppm)));
        }
        // Their lists of video carry the audio.
        let leading = make.renditions().into_iter().next().unwrap_or_default();
        let muxed = [LOW_LATENCY_TS, HLS_TS];
        hls.extend(muxed.map(|endpoint| HlsPlayer::new(endpoint, leading.clone(), make.ppm)));
        let feeds = (1..=make.inputs as u8)
            .map(|n| Feed { id: SourceId { input: InputId(n), session: 1 }, up: true });
        let beginning = Self::patience(&make);
        let mut world = World {
            channel: Some(Channel::new(config.clone(), None, origin.reading())),
            feeds: feeds.collect(),
            source: Source::new(make, &mut rng),
            rng,
            encoder_up: true,
            config,
            state: None,
            kept: None,
            origin,
            hls,
            dash: DashPlayer::default(),
            invariants: Invariants::default(),
            actions: vec![(beginning, Action::GraceOver)],
            excused_until: beginning,
            faults: Faults::default(),
            steady: Steady::default(),
            mishaps: 0,
            trace: std::env::var_os("HEADWATER_TRACE").is_some(),
        };
        world.declare();
        world
    }

    /// How long a channel takes from nothing to three segments.
    fn patience(make: &Make) -> i64 {
        match make.syncs {
            Mode::Random { .. } => 60 * SECOND,
            Mode::Every(_) | Mode::Scenes(_) => 30 * SECOND,
        }
    }

    pub(crate) fn summary(&self) -> String {
        let played: Vec<i64> = self.hls.iter().map(|p| p.played / SECOND).collect();
        format!(
            "{} mishaps, {} rows, HLS played {played:?} s, {} MPDs, {} DASH segments",
            self.mishaps, self.invariants.rows, self.dash.loads, self.dash.segments
        )
    }

    /// Bytes of media and of state that are held, and how many rows.
    pub(crate) fn held(&self) -> (u64, usize, usize) {
        let snapshot = self.origin.snapshot.as_ref();
        let views = || snapshot.iter().flat_map(|s| s.segmentations.values());
        let media = views().map(|view| view.bytes).sum();
        let state = serde_json::to_string(&self.state).expect("plain data").len();
        let rows = views().flat_map(|view| &view.renditions).map(|list| list.rows.len()).sum();
        (media, state, rows)
    }

    /// Steps from one thing to the next until `end`, microseconds.
    pub(crate) fn run_until(&mut self, end: i64) {
        while self.faults.0.len() < 20 {
            let arrival =
                if self.encoder_up { self.source.next_arrival(&mut self.rng).1 } else { i64::MAX };
            let action = self.actions.iter().map(|(at, _)| *at).min().unwrap_or(i64::MAX);
            let player = self.hls.iter().map(|p| p.wake).min().unwrap_or(i64::MAX);
            let player = player.min(self.dash.wake);
            let next = arrival.min(action).min(player);
            if next > end {
                break;
            }
            self.origin.now = self.origin.now.max(next);
            if next == action {
                self.act();
            } else if next == arrival {
                self.arrive();
            } else {
                self.wake();
            }
        }
    }

    fn arrive(&mut self) {
        if let Some((track, sample)) = self.source.take() {
            self.tell(&SourceEvent::Sample(track, sample));
        }
    }

    fn wake(&mut self) {
        for player in &mut self.hls {
            if player.wake <= self.origin.now {
                player.step(&self.origin, &mut self.faults);
            }
        }
        if self.dash.wake <= self.origin.now {
            self.dash.step(&self.origin, &mut self.faults);
        }
    }

    /// Every input that is there says so.
    fn tell(&mut self, event: &SourceEvent) {
        for i in 0..self.feeds.len() {
            if self.feeds[i].up {
                self.input(Input::Source(self.feeds[i].id, event.clone()));
            }
        }
    }

    fn declare(&mut self) {
        for i in 0..self.feeds.len() {
            if self.feeds[i].up {
                self.declare_input(i);
            }
        }
    }

    fn declare_input(&mut self, i: usize) {
        let id = self.feeds[i].id;
        let infos: Vec<_> = self.source.tracks.iter().map(|track| track.info.clone()).collect();
        for info in infos {
            let track = info.id;
            self.input(Input::Source(id, SourceEvent::Track(info)));
            if self.source.make.absolute {
                let (media, us) = self.source.anchor();
                let epoch = MediaTime::new(BEGINNING_S * SECOND + us, Timescale::MICROS);
                self.input(Input::Source(id, SourceEvent::Anchor { track, media, epoch }));
            }
        }
    }

    fn reconnect(&mut self) {
        self.feeds.iter_mut().for_each(|feed| feed.id.session += 1);
        self.declare();
    }

    fn input(&mut self, input: Input) {
        let now = self.origin.reading();
        let Some(channel) = &mut self.channel else { return };
        if channel.poll_timeout().is_some_and(|at| at <= now.mono) {
            channel.handle_timeout(now);
            self.drain();
        }
        if let Some(channel) = &mut self.channel {
            channel.handle_input(now, input);
        }
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.channel.as_mut().and_then(Channel::poll_output) {
            match output {
                Output::Remember(state) => self.state = Some(state),
                Output::Publish(snapshot) => {
                    let durable = self.state.as_ref().map_or(0, |s| s.revision);
                    let now = self.origin.now;
                    self.invariants.check(&snapshot, durable, now, &mut self.faults);
                    self.steady.note(&snapshot, now);
                    self.origin.snapshot = Some(snapshot);
                    self.hls.iter_mut().for_each(|p| p.published(&self.origin));
                }
                Output::Report(report) => self.heard(&report),
            }
        }
    }

    fn heard(&mut self, report: &Report) {
        if self.trace {
            println!("{}: {report}", told(self.origin.now));
        }
        let irregular = matches!(report, Report::CadenceIrregular { .. });
        if !irregular && !matches!(report, Report::TargetRaised { .. }) {
            return;
        }
        if let Mode::Random { .. } = self.source.make.syncs {
            // What a source gets wrong, and is told of, its viewers may see.
            self.excuse(self.origin.now + self.grace(2));
        } else if !self.origin.excused {
            self.faults.add(self.origin.now, || format!("of an even source: {report}"));
        }
    }

    fn excuse(&mut self, until: i64) {
        self.origin.excused = true;
        self.excused_until = self.excused_until.max(until);
        self.actions.push((until, Action::GraceOver));
    }

    fn act(&mut self) {
        let Some(i) = (0..self.actions.len()).min_by_key(|i| self.actions[*i].0) else { return };
        let (now, action) = self.actions.remove(i);
        match action {
            Action::Mishap => self.befall(now),
            Action::EncoderBack { base, lost } => {
                if !lost {
                    self.tell(&SourceEvent::Lost);
                }
                self.source.restart(now, base);
                self.encoder_up = true;
                self.reconnect();
            }
            Action::InputBack { input: i, told } => {
                // A connection that died in silence is known to have, by then.
                if !told {
                    self.input(Input::Source(self.feeds[i].id, SourceEvent::Lost));
                }
                self.feeds[i].up = true;
                self.feeds[i].id.session += 1;
                if self.encoder_up {
                    self.declare_input(i);
                }
            }
            Action::Aligned { track } => self.source.tracks[track].skew -= 40_000,
            Action::ProcessBack => {
                let kept = self.kept.take();
                let shown = kept.clone().unwrap_or_default();
                let restored = self.state.clone().map(|state| Restored::after(state, &shown));
                let reading = self.origin.reading();
                self.channel = Some(Channel::new(self.config.clone(), restored, reading));
                if kept.is_none() {
                    self.invariants.restarted();
                }
                self.drain();
                self.source.forget_reference();
                self.reconnect();
            }
            Action::WallBack => self.origin.wall_step = 0,
            Action::GraceOver if now >= self.excused_until => {
                self.origin.excused = false;
                self.invariants.slack = 0;
                self.hls.iter_mut().for_each(|p| p.after_grace(now));
                self.dash.after_grace();
            }
            Action::GraceOver => {}
            Action::Audit => audit(&self.origin, &mut self.faults),
        }
    }
}
