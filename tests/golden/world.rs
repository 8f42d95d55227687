//! One channel with made-up sources and a made-up clock.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use headwater::ingest::programme;
use headwater::media::codec::avc::AvcEntry;
use headwater::media::codec::{AacConfig, AvcConfig};
use headwater::media::{Codec, Language, Sample, TrackId, TrackInfo, VariantName};
use headwater::mpegts::{Demuxer, DemuxerLimits, Event};
use headwater::packager::{
    Channel, Input, InputId, Output, Report, Snapshot, SourceEvent, SourceId,
};
use headwater::resolve::EndpointRules;
use headwater::units::{FrameRate, MediaDuration, MediaTime, Monotonic, Now, Timescale, WallTime};

use crate::asks::{Ask, channel_config};

/// Unix seconds at which every world begins: a turn of the loop of 8 s begins there.
pub(crate) const BEGINNING_S: i64 = 1_789_123_456;
/// The process's own clock then.
pub(crate) const MONO_NS: u64 = 1_000_000_000;

/// One coded frame of a pattern.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    data: Bytes,
    sync: bool,
    /// Frames from decoding to presentation.
    delay: i64,
}

/// A track of constant frame rate that repeats a pattern of frames for ever.
#[derive(Clone, Debug)]
pub(crate) struct Track {
    pub(crate) info: TrackInfo,
    frame: MediaDuration,
    frames: Vec<Frame>,
    /// The source's time of the first frame, in ticks of `info.timescale`.
    pub(crate) base: i64,
    /// When the first frame begins, after the world's beginning.
    pub(crate) begins: MediaDuration,
    next: i64,
    /// The frame at which the pattern begins.
    pattern: i64,
}

impl Track {
    fn new(info: TrackInfo, frame: MediaDuration, frames: Vec<Frame>, base: i64) -> Self {
        let begins = MediaDuration::ZERO;
        Track { info, frame, frames, base, begins, next: 0, pattern: 0 }
    }

    /// A synthetic video of which every `gop`-th frame is a sync sample, with two B-frames between
    /// others where `reorder`.
    pub(crate) fn video(variant: &str, height: u16, rate: FrameRate, gop: i64, b: bool) -> Self {
        let codec = Codec::Avc(AvcConfig {
            sps: Bytes::from_static(&[0x67, 0x64, 0, 0x1f]),
            pps: vec![Bytes::from_static(&[0x68, 1])],
            width: height * 16 / 9,
            height,
            pixel_aspect: (1, 1),
            frame_rate: Some(rate),
            chroma: Some((1, 0, 0)),
            entry: AvcEntry::default(),
        });
        // Decode order I0 P3 B1 B2 P6 B4 B5 …, everything shown a frame late.
        let delay = |n: i64| {
            let group = (n - 1).div_euclid(3) * 3;
            match (b, (n - 1).rem_euclid(3)) {
                (false, _) => 0,
                (true, 0) if n > 0 && group + 3 < gop => 3,
                (true, 1 | 2) if n > 0 && group + 3 < gop => 0,
                (true, _) => 1,
            }
        };
        let frames = (0..gop).map(|n| Frame {
            data: Bytes::from(vec![
                n as u8;
                usize::from(height / 90) * 60 + usize::from(n == 0) * 400
            ]),
            sync: n == 0,
            delay: delay(n),
        });
        let info = TrackInfo {
            id: TrackId(u32::from(height)),
            variant: VariantName::parse(variant).expect("a plain name"),
            language: Language::UNDETERMINED,
            codec,
            timescale: Timescale::NINETY_KHZ,
            bitrate: None,
        };
        Track::new(info, rate.duration_of(1), frames.collect(), 0)
    }

    /// A synthetic AAC track.
    pub(crate) fn audio(id: u32, language: &str, sample_rate: u32) -> Self {
        let codec = Codec::Aac(AacConfig {
            object_type: 2,
            sample_rate,
            channels: 2,
            frame_length: 1024,
            asc: Bytes::from_static(&[0x11, 0x90]),
        });
        let frame = codec.frame_duration().expect("audio has one");
        let frames = vec![Frame { data: Bytes::from_static(&[7; 90]), sync: true, delay: 0 }];
        let info = TrackInfo {
            id: TrackId(id),
            variant: VariantName::default(),
            language: Language::parse(language.as_bytes()),
            codec,
            timescale: Timescale::NINETY_KHZ,
            bitrate: None,
        };
        Track::new(info, frame, frames, 0)
    }

    /// Plays the pattern of `other`, with its settings, from the next frame on.
    fn change_to(&mut self, other: Track) {
        self.info.codec = other.info.codec;
        self.frames = other.frames;
        self.pattern = self.next;
    }

    fn ticks(&self, n: i64) -> i64 {
        self.base + self.frame.times(n).rescale(self.info.timescale).ticks()
    }

    /// When the next frame is whole, after the world's beginning.
    fn due(&self) -> MediaDuration {
        self.begins + self.frame.times(self.next + 1)
    }

    fn take(&mut self) -> Sample {
        let n = self.next;
        self.next += 1;
        let count = i64::try_from(self.frames.len()).expect("few frames");
        let frame = &self.frames[((n - self.pattern) % count) as usize];
        Sample {
            dts: self.ticks(n),
            pts: self.ticks(n + frame.delay),
            duration: None,
            sync: frame.sync,
            data: frame.data.clone(),
            origin: None,
        }
    }
}

/// A file under `fixtures/`.
pub(crate) fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn pattern(samples: &[Sample], frame: MediaDuration, scale: Timescale) -> Vec<Frame> {
    let half =
        MediaDuration::new(frame.ticks(), Timescale::new(frame.scale().get() * 2).expect("few"));
    let delay = |s: &Sample| (MediaDuration::new(s.pts - s.dts, scale) + half).div_floor(frame);
    let frame = |s: &Sample| Frame { data: s.data.clone(), sync: s.sync, delay: delay(s) };
    samples.iter().map(frame).collect()
}

/// The tracks of a transport stream, each a pattern that repeats.
pub(crate) fn transport_stream(name: &str) -> Vec<Track> {
    let mut demuxer = Demuxer::new(VariantName::default(), DemuxerLimits::default());
    demuxer.push(&fixture(name));
    demuxer.end_of_body();
    let mut found: Vec<(TrackInfo, Vec<Sample>)> = Vec::new();
    while let Some(event) = demuxer.poll_event() {
        match event {
            Event::Track(info) if found.iter().all(|(known, _)| known.id != info.id) => {
                found.push((info, Vec::new()));
            }
            Event::Sample(id, sample) => {
                let track = found.iter_mut().find(|(info, _)| info.id == id);
                track.expect("declared before").1.push(sample);
            }
            Event::Track(_) | Event::LeftOut(_) => {}
            Event::Fault(fault) => panic!("{name}: {fault}"),
        }
    }
    let earliest = found.iter().map(|(_, samples)| samples[0].dts).min().unwrap_or(0);
    let track = |(info, samples): (TrackInfo, Vec<Sample>)| {
        let frame = info.codec.frame_duration().expect("the fixtures' settings say it");
        let frames = pattern(&samples, frame, info.timescale);
        let begins = MediaDuration::new(samples[0].dts - earliest, info.timescale);
        Track { begins, ..Track::new(info, frame, frames, samples[0].dts) }
    };
    found.into_iter().map(track).collect()
}

/// The tracks of a loop's file on absolute time, from the turn that begins with the world.
pub(crate) fn loop_file(name: &str) -> Vec<Track> {
    let programme = programme::read(&fixture(name)).expect("a loop");
    assert!(programme.is_seamless(), "{name} brings absolute time");
    let track = |track: programme::ProgrammeTrack| {
        let scale = track.info.timescale;
        let count = i64::try_from(track.samples.len()).expect("few samples");
        let length = i64::try_from(track.length).expect("a short file");
        let frame = MediaDuration::new(length / count, scale);
        let frames = pattern(&track.samples, frame, scale);
        Track::new(track.info, frame, frames, BEGINNING_S * i64::from(scale.get()))
    };
    programme.tracks.into_iter().map(track).collect()
}

/// One channel, its source and its clock.
pub(crate) struct World {
    channel: Channel,
    pub(crate) tracks: Vec<Track>,
    source: SourceId,
    pub(crate) endpoints: Vec<EndpointRules>,
    absolute: bool,
    now: MediaDuration,
    /// All that was published, oldest first; whoever reads may drain it.
    pub(crate) snapshots: Vec<Arc<Snapshot>>,
    pub(crate) reports: Vec<Report>,
}

impl World {
    pub(crate) fn new(asks: &[Ask], tracks: Vec<Track>, absolute: bool) -> Self {
        let mut world = World {
            channel: Channel::new(channel_config(asks), None, reading(MediaDuration::ZERO)),
            tracks,
            source: SourceId { input: InputId(1), session: 1 },
            endpoints: (1..).zip(asks).map(|(ordinal, ask)| ask.rules(ordinal)).collect(),
            absolute,
            now: MediaDuration::ZERO,
            snapshots: Vec::new(),
            reports: Vec::new(),
        };
        world.declare();
        world
    }

    fn declare(&mut self) {
        for i in 0..self.tracks.len() {
            let info = self.tracks[i].info.clone();
            let (track, timescale) = (info.id, info.timescale);
            self.event(SourceEvent::Track(info));
            if self.absolute {
                let epoch = MediaTime::new(0, timescale);
                self.event(SourceEvent::Anchor { track, media: 0, epoch });
            }
        }
    }

    fn event(&mut self, event: SourceEvent) {
        self.input(Input::Source(self.source, event));
    }

    fn input(&mut self, input: Input) {
        self.channel.handle_input(reading(self.now), input);
        while let Some(output) = self.channel.poll_output() {
            match output {
                Output::Publish(snapshot) => self.snapshots.push(snapshot),
                Output::Report(report) => self.reports.push(report),
                Output::Remember(_) => {}
            }
        }
    }

    /// Delivers every frame that is whole by so many milliseconds after the world's beginning.
    pub(crate) fn run_until(&mut self, ms: i64) {
        let end = MediaDuration::from_millis(ms);
        while let Some(i) = (0..self.tracks.len()).min_by_key(|i| self.tracks[*i].due()) {
            let due = self.tracks[i].due();
            if due > end {
                break;
            }
            self.now = self.now.max(due);
            let track = self.tracks[i].info.id;
            let sample = self.tracks[i].take();
            self.event(SourceEvent::Sample(track, sample));
        }
        self.now = end;
    }

    /// The source closes its connection.
    pub(crate) fn lose(&mut self) {
        self.event(SourceEvent::Lost);
        self.tracks.clear();
    }

    /// A new session begins; its own clock begins where the tracks' does.
    pub(crate) fn connect(&mut self, tracks: Vec<Track>) {
        self.source.session += 1;
        self.tracks = tracks;
        for track in &mut self.tracks {
            track.begins = track.begins + self.now;
        }
        self.declare();
    }

    /// The first track goes on with another's pictures and settings.
    pub(crate) fn change_settings(&mut self, other: Track) {
        self.tracks[0].change_to(other);
        self.event(SourceEvent::Track(self.tracks[0].info.clone()));
    }

    /// The channel is switched off.
    pub(crate) fn end(&mut self) {
        self.input(Input::End);
    }

    pub(crate) fn latest(&self) -> Arc<Snapshot> {
        Arc::clone(self.snapshots.last().expect("something was published"))
    }
}

pub(crate) fn reading(since: MediaDuration) -> Now {
    let ns = since.rescale(Timescale::NANOS).ticks();
    Now {
        mono: Monotonic(MONO_NS + ns.unsigned_abs()),
        wall: WallTime(BEGINNING_S * 1_000_000_000 + ns),
    }
}
