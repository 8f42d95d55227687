//! The world: a source, a process, players, and the mishaps that befall them.

use headwater::packager::{
    Channel, ChannelConfig, Input, Limits, Output, Restored, SourceEvent, State,
};
use headwater::units::MediaDuration;

use crate::audit::audit;
use crate::dash::DashPlayer;
use crate::hls::HlsPlayer;
use crate::invariants::Invariants;
use crate::origin::{DASH, Faults, HLS, HLS_TS, LOW_LATENCY, LOW_LATENCY_TS, Origin, told, wanted};
use crate::rng::Rng;
use crate::source::{Source, avc};

const SECOND: i64 = 1_000_000;
/// How far wrong decode times may move where a segment begins.
const WRONG_TIMES: i64 = 100_000;

/// What befalls a world.
#[derive(Clone, Copy, Debug)]
enum Mishap {
    EncoderRestart { down: i64, at_zero: bool },
    Jump { by: i64, track: Option<usize> },
    EqualTimes(i64),
    BackwardTimes(i64),
    Silence { track: usize, us: i64 },
    Resolution,
    ProcessKilled { down: i64 },
    WallStep(i64),
}

/// What is yet to be done.
#[derive(Clone, Copy, Debug)]
enum Action {
    Mishap,
    EncoderBack { base: i64, lost: bool },
    ProcessBack,
    WallBack,
    GraceOver,
    Audit,
}

pub(crate) struct World {
    rng: Rng,
    source: Source,
    encoder_up: bool,
    config: ChannelConfig,
    channel: Option<Channel>,
    state: Option<State>,
    origin: Origin,
    hls: Vec<HlsPlayer>,
    dash: DashPlayer,
    invariants: Invariants,
    actions: Vec<(i64, Action)>,
    pub(crate) faults: Faults,
    mishaps: u64,
    height: u16,
    trace: bool,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let source = Source::new(&mut rng);
        let config = ChannelConfig {
            segmentations: wanted(),
            input_loss: MediaDuration::from_secs(2),
            limits: Limits::default(),
        };
        println!("{}", source.name);
        let origin = Origin::new();
        let mut hls = Vec::new();
        for endpoint in [LOW_LATENCY, HLS, DASH] {
            hls.extend(["video", "audio"].map(|rendition| HlsPlayer::new(endpoint, rendition)));
        }
        // Their lists of video carry the audio.
        hls.extend([LOW_LATENCY_TS, HLS_TS].map(|endpoint| HlsPlayer::new(endpoint, "video")));
        let first = rng.range(60, 180) * SECOND;
        let mut world = World {
            channel: Some(Channel::new(config.clone(), None, origin.reading())),
            rng,
            source,
            encoder_up: true,
            config,
            state: None,
            origin,
            hls,
            dash: DashPlayer::default(),
            invariants: Invariants::default(),
            actions: vec![(30 * SECOND, Action::GraceOver), (first, Action::Mishap)],
            faults: Faults::default(),
            mishaps: 0,
            height: 720,
            trace: std::env::var_os("HEADWATER_TRACE").is_some(),
        };
        world.declare();
        world
    }

    pub(crate) fn summary(&self) -> String {
        let played: Vec<i64> = self.hls.iter().map(|p| p.played / SECOND).collect();
        format!(
            "{} mishaps, {} rows, HLS played {played:?} s, {} MPDs, {} DASH segments",
            self.mishaps, self.invariants.rows, self.dash.loads, self.dash.segments
        )
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
        let id = self.source.id;
        if let Some((track, _, sample)) = self.source.take() {
            self.input(Input::Source(id, SourceEvent::Sample(track, sample)));
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

    fn declare(&mut self) {
        let id = self.source.id;
        for info in [self.source.tracks[0].info.clone(), self.source.tracks[1].info.clone()] {
            self.input(Input::Source(id, SourceEvent::Track(info)));
        }
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
                    self.origin.snapshot = Some(snapshot);
                    self.hls.iter_mut().for_each(|p| p.published(&self.origin));
                }
                Output::Report(report) if self.trace => {
                    println!("{}: {report}", told(self.origin.now));
                }
                Output::Report(_) => {}
            }
        }
    }

    fn act(&mut self) {
        let Some(i) = (0..self.actions.len()).min_by_key(|i| self.actions[*i].0) else { return };
        let (now, action) = self.actions.remove(i);
        match action {
            Action::Mishap => self.befall(now),
            Action::EncoderBack { base, lost } => {
                if !lost {
                    self.input(Input::Source(self.source.id, SourceEvent::Lost));
                }
                self.source.id.session += 1;
                self.source.restart(now, base);
                self.encoder_up = true;
                self.declare();
            }
            Action::ProcessBack => {
                let restored = self.state.clone().map(|state| Restored { state });
                let reading = self.origin.reading();
                self.channel = Some(Channel::new(self.config.clone(), restored, reading));
                self.invariants.restarted();
                self.source.id.session += 1;
                self.declare();
            }
            Action::WallBack => self.origin.wall_step = 0,
            Action::GraceOver => {
                self.origin.excused = false;
                self.invariants.slack = 0;
                self.hls.iter_mut().for_each(|p| p.after_grace(now));
                self.dash.after_grace();
            }
            Action::Audit => audit(&self.origin, &mut self.faults),
        }
    }

    fn choose(&mut self) -> Mishap {
        let rng = &mut self.rng;
        let away = |rng: &mut Rng| {
            if rng.one_in(6) {
                rng.range(60, 600) * SECOND
            } else {
                rng.range(1_000, 15_000) * 1000
            }
        };
        let jump = |rng: &mut Rng| {
            let by = if rng.one_in(3) { rng.range(60, 3600) } else { rng.range(3, 30) } * SECOND;
            if rng.one_in(2) { by } else { -by }
        };
        match rng.range(0, 12) {
            0 => Mishap::EncoderRestart { down: rng.range(100, 1_000) * 1000, at_zero: true },
            1 => Mishap::EncoderRestart { down: away(rng), at_zero: true },
            2 => Mishap::EncoderRestart { down: away(rng), at_zero: false },
            3 => Mishap::Jump { by: jump(rng), track: None },
            4 => Mishap::Jump { by: jump(rng), track: Some(rng.pick(&[0, 1])) },
            5 => Mishap::EqualTimes(rng.range(1, 4)),
            6 => Mishap::BackwardTimes(rng.range(1, 3)),
            7 => Mishap::Silence { track: 1, us: rng.range(1, 60) * SECOND },
            8 => Mishap::Silence { track: 0, us: rng.range(1, 60) * SECOND },
            9 => Mishap::Resolution,
            10 => Mishap::ProcessKilled { down: rng.range(500, 30_000) * 1000 },
            _ => Mishap::WallStep(rng.pick(&[-3600, -2, 2, 3600]) * SECOND),
        }
    }

    fn befall(&mut self, now: i64) {
        let mishap = self.choose();
        self.mishaps += 1;
        if self.trace {
            println!("{}: {mishap:?}", told(now));
        }
        self.origin.excused = true;
        let end = now + self.inflict(mishap, now);
        let over = end + self.grace(mishap);
        for at in [now, now + SECOND, end, end + 3 * SECOND, over, over + 20 * SECOND] {
            self.actions.push((at, Action::Audit));
        }
        self.actions.push((over, Action::GraceOver));
        let next = over + self.rng.range(30, 420) * SECOND;
        self.actions.push((next, Action::Mishap));
    }

    /// Does what the mishap is. Gives how long it lasts.
    fn inflict(&mut self, mishap: Mishap, now: i64) -> i64 {
        match mishap {
            Mishap::EncoderRestart { down, at_zero } => {
                let lost = self.rng.one_in(2);
                if lost {
                    self.input(Input::Source(self.source.id, SourceEvent::Lost));
                }
                self.encoder_up = false;
                let base = if at_zero { 0 } else { self.source.position() };
                self.actions.push((now + down, Action::EncoderBack { base, lost }));
                return down;
            }
            Mishap::Jump { by, track: None } => self.source.base += by,
            Mishap::Jump { by, track: Some(track) } => self.source.tracks[track].skew += by,
            Mishap::EqualTimes(n) => {
                self.invariants.slack = WRONG_TIMES;
                self.source.tracks[0].stuck = n;
            }
            Mishap::BackwardTimes(n) => {
                self.invariants.slack = WRONG_TIMES;
                self.source.tracks[0].early = n;
            }
            Mishap::Silence { track, us } => {
                self.source.tracks[track].silent_until = now + us;
                return us;
            }
            Mishap::Resolution => {
                self.height = if self.height == 720 { 540 } else { 720 };
                let info = &mut self.source.tracks[0].info;
                let rate = info.codec.picture().and_then(|picture| picture.frame_rate);
                info.codec = avc(self.height, rate.expect("video has a rate"));
                let info = info.clone();
                self.input(Input::Source(self.source.id, SourceEvent::Track(info)));
            }
            Mishap::ProcessKilled { down } => {
                (self.channel, self.origin.snapshot) = (None, None);
                self.actions.push((now + down, Action::ProcessBack));
                return down;
            }
            Mishap::WallStep(by) => {
                self.origin.wall_step = by;
                self.actions.push((now + 20 * SECOND, Action::WallBack));
                return 20 * SECOND;
            }
        }
        0
    }

    /// How long after a mishap's end stalls are excused: two of the longest target durations and
    /// three seconds. A process that was killed shows nothing before it has three segments, which
    /// is two target durations more.
    fn grace(&self, mishap: Mishap) -> i64 {
        let views = self.origin.snapshot.iter().flat_map(|s| s.segmentations.values());
        let target = views.map(|v| i64::from(v.target)).max().unwrap_or(6) * SECOND;
        let targets = match mishap {
            Mishap::ProcessKilled { .. } => 4,
            _ => 2,
        };
        targets * target + 3 * SECOND
    }
}
