//! A world for one channel: synthetic tracks, a driven clock, and the snapshots that come out.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::invariants::obeys;
use crate::media::codec::avc::AvcEntry;
use crate::media::codec::{AacConfig, AvcConfig};
use crate::media::{Codec, Language, MediaKind, Sample, TrackId, TrackInfo, VariantName};
use crate::packager::{
    Channel, ChannelConfig, Input, InputId, Limits, Lists, Output, Report, Restored,
    SegmentationKey, SegmentationView, SegmentationWanted, Snapshot, SourceEvent, SourceId, State,
};
use crate::units::{FrameRate, MediaDuration, MediaTime, Monotonic, Now, Timescale, WallTime};

/// Unix seconds at which worlds begin; no multiple of anything.
pub(crate) const BEGINNING_S: i64 = 1_789_123_457;

pub(crate) fn rate(frames: u32, seconds: u32) -> FrameRate {
    FrameRate::new(frames, seconds).expect("not zero")
}

pub(crate) fn avc(height: u16, frame_rate: Option<FrameRate>) -> Codec {
    Codec::Avc(AvcConfig {
        sps: Bytes::from_static(&[0x67, 0x64, 0, 0x1f]),
        pps: vec![Bytes::from_static(&[0x68, 1])],
        width: height * 16 / 9,
        height,
        pixel_aspect: (1, 1),
        frame_rate,
        chroma: Some((1, 0, 0)),
        entry: AvcEntry::default(),
    })
}

pub(crate) fn aac(sample_rate: u32) -> Codec {
    Codec::Aac(AacConfig {
        object_type: 2,
        sample_rate,
        channels: 2,
        frame_length: 1024,
        asc: Bytes::from_static(&[0x11, 0x90]),
    })
}

/// One synthetic track: frame n has its time and its sync flag as a function of n.
pub(crate) struct Synthetic {
    pub(crate) info: TrackInfo,
    pub(crate) frame: MediaDuration,
    pub(crate) sync: Box<dyn Fn(i64) -> bool>,
    /// Presentation is this many frames behind decoding, as B-frames make it.
    pub(crate) reorder: i64,
    /// Moves every time by so much.
    pub(crate) offset: MediaDuration,
    /// A frame arrives so much later than it is whole.
    pub(crate) delay_ms: i64,
    /// Frames from here on exist.
    pub(crate) next: i64,
    /// Rounds times to a millisecond, as RTMP does.
    pub(crate) millis: bool,
    /// Timestamps are those of so many frames later.
    pub(crate) skew: i64,
    /// What stands in each frame before its number.
    pub(crate) before: Vec<u8>,
    /// Frames outside exist but never arrive.
    pub(crate) delivered: std::ops::Range<i64>,
}

impl Synthetic {
    pub(crate) fn video(variant: &str, height: u16, fps: FrameRate, gop: i64) -> Self {
        Synthetic {
            info: TrackInfo {
                id: TrackId(u32::from(height)),
                variant: VariantName::parse(variant).expect("plain"),
                language: Language::UNDETERMINED,
                codec: avc(height, Some(fps)),
                timescale: Timescale::NINETY_KHZ,
                bitrate: None,
            },
            frame: fps.duration_of(1),
            sync: Box::new(move |n| n % gop == 0),
            reorder: 0,
            offset: MediaDuration::ZERO,
            delay_ms: 0,
            next: 0,
            millis: false,
            before: Vec::new(),
            delivered: 0..i64::MAX,
            skew: 0,
        }
    }

    pub(crate) fn audio(sample_rate: u32) -> Self {
        let codec = aac(sample_rate);
        Synthetic {
            frame: codec.frame_duration().expect("audio"),
            info: TrackInfo {
                id: TrackId(1),
                variant: VariantName::default(),
                language: Language::UNDETERMINED,
                codec,
                timescale: Timescale::NINETY_KHZ,
                bitrate: None,
            },
            sync: Box::new(|_| true),
            reorder: 0,
            offset: MediaDuration::ZERO,
            delay_ms: 0,
            next: 0,
            millis: false,
            before: Vec::new(),
            delivered: 0..i64::MAX,
            skew: 0,
        }
    }

    fn ticks(&self, n: i64) -> i64 {
        let at = self.offset + self.frame.times(n);
        let at = if self.millis { at.rescale(Timescale::MILLIS) } else { at };
        at.rescale(self.info.timescale).ticks()
    }

    /// When the frame is whole, after the world's beginning.
    fn due(&self) -> MediaDuration {
        self.offset + self.frame.times(self.next + 1) + MediaDuration::from_millis(self.delay_ms)
    }

    pub(crate) fn take(&mut self) -> Sample {
        let n = self.next;
        self.next += 1;
        let reordered = if self.reorder > 0 && !(self.sync)(n) { (n % 3) - 1 } else { 0 };
        Sample {
            dts: self.ticks(n + self.skew),
            pts: self.ticks(n + self.skew + self.reorder + reordered),
            duration: None,
            sync: (self.sync)(n),
            data: Bytes::from([&self.before[..], &n.to_be_bytes()].concat()),
            origin: None,
        }
    }
}

/// Asked segment durations in seconds, some with parts in milliseconds.
pub(crate) fn config(asked: &[(u32, Option<u32>)]) -> ChannelConfig {
    ChannelConfig {
        segmentations: asked
            .iter()
            .map(|(seconds, part_ms)| SegmentationWanted {
                key: SegmentationKey::new(seconds * 1000, *part_ms),
                segments: 6,
                window: MediaDuration::ZERO,
                leads_parts: part_ms.is_some(),
                nominal: false,
                muxed: true,
            })
            .collect(),
        endpoints: BTreeMap::new(),
        input_loss: MediaDuration::from_secs(2),
        prefers_main: false,
        slate: false,
        limits: Limits::default(),
    }
}

/// One channel, its source and its clock.
pub(crate) struct World {
    pub(crate) channel: Channel,
    pub(crate) tracks: Vec<Synthetic>,
    pub(crate) source: SourceId,
    pub(crate) config: ChannelConfig,
    /// Since the world's beginning.
    pub(crate) now: MediaDuration,
    /// Added to a source time gives the time since the world's beginning.
    pub(crate) delay: MediaDuration,
    pub(crate) snapshots: Vec<Arc<Snapshot>>,
    pub(crate) reports: Vec<Report>,
    pub(crate) state: Option<State>,
    /// The first epoch instant of the source's clock, where it says so.
    pub(crate) absolute: Option<MediaTime>,
    /// Keep only the newest snapshots, for long worlds.
    pub(crate) keep: usize,
    /// A second source that delivers the same at the same time.
    pub(crate) twin: Option<SourceId>,
    /// The first source delivers nothing.
    pub(crate) main_is_silent: bool,
    /// The source's clock runs so many millionths fast.
    pub(crate) ppm: i64,
    /// The wall clock was stepped by so much.
    pub(crate) wall_step: MediaDuration,
}

impl World {
    pub(crate) fn new(config: ChannelConfig, tracks: Vec<Synthetic>) -> Self {
        let source = SourceId { input: InputId(1), session: 1 };
        let start = reading(MediaDuration::ZERO);
        let mut world = World {
            channel: Channel::new(config.clone(), None, start),
            tracks,
            source,
            config,
            now: MediaDuration::ZERO,
            delay: MediaDuration::ZERO,
            snapshots: Vec::new(),
            reports: Vec::new(),
            state: None,
            absolute: None,
            keep: usize::MAX,
            twin: None,
            main_is_silent: false,
            ppm: 0,
            wall_step: MediaDuration::ZERO,
        };
        world.declare();
        world
    }

    pub(crate) fn with_absolute_time(mut self) -> Self {
        self.absolute = Some(MediaTime::new(BEGINNING_S, Timescale::new(1).expect("not zero")));
        self.declare();
        self
    }

    pub(crate) fn declare(&mut self) {
        let main = self.source;
        for source in std::iter::once(main).chain(self.twin) {
            self.source = source;
            self.declare_one();
        }
        self.source = main;
    }

    fn declare_one(&mut self) {
        for i in 0..self.tracks.len() {
            let info = self.tracks[i].info.clone();
            let track = info.id;
            self.input(SourceEvent::Track(info));
            if let Some(epoch) = self.absolute {
                self.input(SourceEvent::Anchor { track, media: 0, epoch });
            }
        }
    }

    pub(crate) fn input(&mut self, event: SourceEvent) {
        let mut now = reading(self.now);
        now.wall.0 += self.wall_step.rescale(Timescale::NANOS).ticks();
        self.channel.handle_input(now, Input::Source(self.source, event));
        self.drain();
    }

    /// Other lists are asked for.
    pub(crate) fn configure(&mut self, config: ChannelConfig) {
        self.config = config.clone();
        self.channel.handle_input(reading(self.now), Input::Configure(config));
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.channel.poll_output() {
            match output {
                Output::Remember(state) => {
                    let before = self.state.as_ref().map_or(0, |s| s.revision);
                    assert!(state.revision > before, "I23: revisions rise");
                    self.state = Some(state);
                }
                Output::Publish(snapshot) => {
                    let revision = self.state.as_ref().map_or(0, |s| s.revision);
                    assert!(snapshot.needs_state <= revision, "I23: state before numbers");
                    if let Some(before) = self.snapshots.last() {
                        obeys(before, &snapshot);
                    }
                    self.snapshots.push(snapshot);
                    if self.snapshots.len() > self.keep {
                        self.snapshots.remove(0);
                    }
                }
                Output::Report(report) => self.reports.push(report),
            }
        }
    }

    /// Delivers every frame that is whole until `seconds` after the world's beginning.
    pub(crate) fn run_until(&mut self, seconds: i64) {
        self.run_to(MediaDuration::from_secs(seconds));
    }

    /// Delivers every frame that is whole until `end` after the world's beginning.
    pub(crate) fn run_to(&mut self, end: MediaDuration) {
        loop {
            let due = |t: &Synthetic| {
                let source = t.due().rescale(Timescale::NANOS);
                let fast =
                    MediaDuration::new(source.ticks() / 1_000_000 * self.ppm, Timescale::NANOS);
                source - fast + self.delay
            };
            let Some(i) = (0..self.tracks.len()).min_by_key(|i| due(&self.tracks[*i])) else {
                return;
            };
            let at = due(&self.tracks[i]);
            if at > end {
                break;
            }
            self.now = self.now.max(at);
            let track = self.tracks[i].info.id;
            let delivered = self.tracks[i].delivered.contains(&self.tracks[i].next);
            let sample = self.tracks[i].take();
            let main = self.source;
            if delivered && !self.main_is_silent {
                self.input(SourceEvent::Sample(track, sample.clone()));
            }
            if let Some(twin) = self.twin.filter(|_| delivered) {
                self.source = twin;
                self.input(SourceEvent::Sample(track, sample));
                self.source = main;
            }
        }
        self.now = end;
        self.channel.handle_timeout(reading(self.now));
        self.drain();
    }

    /// Kills the process and starts it again from its state; the source reconnects.
    pub(crate) fn restart(&mut self) {
        let restored = self.state.clone().map(|state| Restored { state, ..Restored::default() });
        self.channel = Channel::new(self.config.clone(), restored, reading(self.now));
        self.snapshots.clear();
        self.source.session += 1;
        self.declare();
    }

    /// As [`World::restart`], with the segments that readers knew.
    pub(crate) fn restart_with_rows(&mut self) {
        let last = self.snapshots.last().cloned().unwrap_or_default();
        self.restart_with(Restored::after(State::default(), &last).rows);
    }

    /// As [`World::restart`], with these segments.
    pub(crate) fn restart_with(&mut self, rows: Lists) {
        let version = self.snapshots.last().map_or(0, |last| last.version);
        let restored = self.state.clone().map(|state| Restored { state, version, rows });
        self.channel = Channel::new(self.config.clone(), restored, reading(self.now));
        self.source.session += 1;
        self.drain();
        self.declare();
    }

    pub(crate) fn latest(&self) -> &Snapshot {
        self.snapshots.last().expect("something was published")
    }

    pub(crate) fn segmentation(&self, seconds: u32) -> &SegmentationView {
        let snapshot = self.latest();
        let (_, view) = snapshot
            .segmentations
            .iter()
            .find(|(key, _)| key.segment_ms == seconds * 1000)
            .expect("asked for");
        view
    }

    /// Numbers and lengths in milliseconds of the rows of the first rendition of a kind.
    pub(crate) fn rows(&self, seconds: u32, kind: MediaKind) -> Vec<(u64, i64)> {
        let view = self.segmentation(seconds);
        let list = view.renditions.iter().find(|r| r.rendition.kind == kind).expect("of that kind");
        list.rows.iter_from(0).map(|r| (r.number, r.length().floor_millis())).collect()
    }
}

pub(crate) fn reading(since: MediaDuration) -> Now {
    let ns = since.rescale(Timescale::NANOS).ticks();
    Now {
        mono: Monotonic(1_000_000_000 + ns.unsigned_abs()),
        wall: WallTime(BEGINNING_S * 1_000_000_000 + ns),
    }
}
