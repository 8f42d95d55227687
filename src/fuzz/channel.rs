//! Sequences of a channel's operations, decoded from bytes: sources, time, restarts, readers.

use std::net::Ipv4Addr;
use std::sync::Arc;

use bytes::Bytes;

use super::wishes::{config, wish};
use crate::media::codec::{AacConfig, AvcConfig};
use crate::media::{Codec, Language, Sample, TrackId, TrackInfo, VariantName};
use crate::packager::{
    Channel, ChannelConfig, Input, InputId, Limits, Output, Restored, SegmentationKey, Snapshot,
    SourceEvent, SourceId, State,
};
use crate::resolve::{
    AccessRules, Arrival, Container, EndpointRules, File, Form, GENERATION, Leaf, Protocol,
    Resolution, Viewer, render, resolve,
};
use crate::units::{FrameRate, MediaDuration, Monotonic, Now, Timescale, WallTime};

/// Operations of one input at most; more only takes longer.
const OPERATIONS_MAX: usize = 300;
/// Unix seconds at which it begins.
const BEGINNING_S: i64 = 1_789_123_457;
/// Times a demultiplexer gives: 33 bits, unrolled for years.
const TICKS_MAX: i64 = 1 << 50;
pub(super) const LIMITS: Limits =
    Limits { tracks: 4, periods: 8, pending_bytes: 1 << 16, channel_bytes: 1 << 18 };

/// What bytes decode into.
struct Bits<'a>(&'a [u8]);

impl Bits<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn wide(&mut self) -> Option<i64> {
        let (high, low) = (self.byte()?, self.byte()?);
        Some(i64::from(i16::from_be_bytes([high, low])))
    }
}

/// One track of a made-up source.
#[derive(Clone)]
struct Track {
    info: TrackInfo,
    frame: i64,
    gop: u64,
    count: u64,
    at: i64,
}

struct World {
    channel: Channel,
    now: Now,
    state: State,
    snapshot: Arc<Snapshot>,
    /// Of inputs 1 and 2 and of the slate.
    session: [u32; 3],
    config: ChannelConfig,
    tracks: Vec<Track>,
}

fn beginning() -> Now {
    Now { mono: Monotonic(1_000_000_000), wall: WallTime(BEGINNING_S * 1_000_000_000) }
}

/// Drives a channel through what the bytes say.
///
/// # Panics
/// Where an invariant does not hold, which no sequence may bring about.
pub fn channel(data: &[u8]) {
    // Half of all sequences are of a channel that has a slate.
    let slate = data.first().is_some_and(|byte| byte & 0x20 != 0);
    let mut world = World {
        channel: Channel::new(config(slate), None, beginning()),
        now: beginning(),
        state: State::default(),
        snapshot: Arc::new(Snapshot::default()),
        session: [1; 3],
        config: config(slate),
        tracks: Vec::new(),
    };
    let mut bits = Bits(data);
    for _ in 0..OPERATIONS_MAX {
        if world.operate(&mut bits).is_none() {
            break;
        }
    }
    world.read(1);
}

impl World {
    fn operate(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        let operation = bits.byte()?;
        let input = if operation & 0x40 != 0 { 2 } else { usize::from(operation >> 7) };
        match operation & 0x0f {
            0 => self.declare(input, bits.byte()?),
            1 => {
                let which = usize::from(bits.byte()?);
                let (dts, pts) = (bits.wide()?, bits.wide()?);
                self.sample(input, which, dts, pts);
            }
            // Frames as they should be: to get to where things can break.
            2..=5 => (0..u16::from(bits.byte()?)).for_each(|_| self.regular(input)),
            6 => {
                let by = bits.wide()? << (bits.byte()? % 40);
                for track in &mut self.tracks {
                    track.at = (track.at + by).clamp(-TICKS_MAX, TICKS_MAX);
                }
            }
            7 => self.anchor(input, bits.wide()?),
            8 => self.tell(input, SourceEvent::Break),
            9 => self.lose(input),
            10 => self.pass(bits.wide()?.unsigned_abs()),
            11 => self.restart(),
            12 => self.read(bits.byte()?),
            13 => {
                let now = self.now;
                self.channel.handle_timeout(now);
                self.drain();
            }
            14 => {
                self.now.wall.0 += bits.wide()? * 1_000_000_000;
            }
            15 if operation == 0xff => {
                let now = self.now;
                self.channel.handle_input(now, Input::End);
                self.drain();
            }
            15 => {
                self.config = wish(bits.byte()?, &self.config);
                let (now, config) = (self.now, self.config.clone());
                self.channel.handle_input(now, Input::Configure(config));
                self.drain();
            }
            _ => {}
        }
        Some(())
    }

    fn pass(&mut self, ms: u64) {
        self.now.mono.0 += ms * 1_000_000;
        self.now.wall.0 += i64::try_from(ms).unwrap_or(0) * 1_000_000;
    }

    fn tell(&mut self, input: usize, event: SourceEvent) {
        let id = [InputId(1), InputId(2), InputId::SLATE][input];
        let source = SourceId { input: id, session: self.session[input] };
        let now = self.now;
        self.channel.handle_input(now, Input::Source(source, event));
        self.drain();
    }

    /// A session ends, and the next is another: the listener never lets two be at once.
    fn lose(&mut self, input: usize) {
        self.tell(input, SourceEvent::Lost);
        self.session[input] += 1;
        let infos: Vec<TrackInfo> = self.tracks.iter().map(|track| track.info.clone()).collect();
        for info in infos {
            self.tell(input, SourceEvent::Track(info));
        }
    }

    fn declare(&mut self, input: usize, kind: u8) {
        let Some(track) = track(kind) else { return };
        match self.tracks.iter().position(|known| known.info.id == track.info.id) {
            Some(at) => {
                let known = &mut self.tracks[at];
                (known.info, known.frame) = (track.info.clone(), track.frame);
            }
            // An id has two bits.
            None => self.tracks.push(track.clone()),
        }
        self.tell(input, SourceEvent::Track(track.info));
    }

    fn regular(&mut self, input: usize) {
        let Some(next) = (0..self.tracks.len()).min_by_key(|i| self.tracks[*i].at) else { return };
        let track = &mut self.tracks[next];
        let sync = track.count.is_multiple_of(track.gop);
        let (at, id) = (track.at, track.info.id);
        track.count += 1;
        track.at = (track.at + track.frame).clamp(-TICKS_MAX, TICKS_MAX);
        let data = Bytes::from_static(b"a frame");
        let sample = Sample { dts: at, pts: at, duration: None, sync, data, origin: None };
        self.tell(input, SourceEvent::Sample(id, sample));
        self.pass(if next == 0 { 33 } else { 0 });
    }

    fn sample(&mut self, input: usize, which: usize, dts: i64, pts: i64) {
        let count = self.tracks.len().max(1);
        let Some(track) = self.tracks.get(which % count) else { return };
        let (dts, id) = (track.at + dts * 16, track.info.id);
        let data = Bytes::from(vec![0; which * 8]);
        let sample = Sample {
            dts,
            pts: dts + pts,
            duration: None,
            sync: which & 64 != 0,
            data,
            origin: None,
        };
        self.tell(input, SourceEvent::Sample(id, sample));
    }

    fn anchor(&mut self, input: usize, apart: i64) {
        let Some(track) = self.tracks.first() else { return };
        let (media, id) = (track.at, track.info.id);
        let epoch = self.now.wall.media_time() + MediaDuration::from_millis(apart * 4);
        self.tell(input, SourceEvent::Anchor { track: id, media, epoch });
    }

    fn restart(&mut self) {
        let restored = Restored { state: self.state.clone(), ..Restored::default() };
        self.channel = Channel::new(self.config.clone(), Some(restored), self.now);
        self.snapshot = Arc::new(Snapshot::default());
        for input in [0, 1, 2] {
            self.lose(input);
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.channel.poll_output() {
            match output {
                Output::Remember(state) => {
                    assert!(state.revision > self.state.revision, "revisions rise");
                    self.state = state;
                }
                Output::Publish(snapshot) => {
                    assert!(snapshot.version > self.snapshot.version, "versions rise");
                    assert!(snapshot.needs_state <= self.state.revision, "state before numbers");
                    holds(&snapshot);
                    self.snapshot = snapshot;
                }
                Output::Report(report) => assert!(!report.to_string().is_empty()),
            }
        }
    }

    /// Asks for everything once, in both protocols.
    fn read(&self, seed: u8) {
        for (key, view) in &self.snapshot.segmentations {
            let rules = rules(*key);
            let ask = |leaf: &Leaf<'_>, query: Option<&str>| {
                let viewer = Viewer {
                    address: Ipv4Addr::LOCALHOST.into(),
                    code: None,
                    bearer: None,
                    identifier: None,
                };
                let losses = self.snapshot.losses;
                let arrival = Arrival { at: self.now.mono, losses, may_grow: true };
                resolve(&self.snapshot, &rules, leaf, query, &viewer, arrival, self.now)
            };
            for form in [Form::M3u8, Form::Mpd, Form::Bare] {
                let leaf = Leaf::Manifest { name: "manifest", form };
                if let Resolution::Manifest(view) = ask(&leaf, None) {
                    assert!(render(&self.snapshot, &rules, view.kind).is_some());
                }
            }
            for list in &view.renditions {
                let rendition = list.rendition.name.as_str();
                let object = |file| Leaf::Object { generation: GENERATION, rendition, file };
                let last = list.rows.last().map_or(0, |row| row.number);
                let number = (last + 2).saturating_sub(u64::from(seed % 8));
                let query = format!("_HLS_msn={number}&_HLS_part={}&_HLS_skip=YES", seed >> 4);
                for query in [None, Some("_HLS_skip=YES"), Some(query.as_str())] {
                    if let Resolution::Manifest(view) = ask(&object(File::Playlist), query) {
                        assert!(render(&self.snapshot, &rules, view.kind).is_some());
                    }
                }
                for row in list.rows.iter_from(0).filter(|row| !row.is_gap()) {
                    let answer = ask(
                        &object(File::Segment { container: Container::Cmaf, number: row.number }),
                        None,
                    );
                    assert!(matches!(answer, Resolution::Object(_)), "{}: {answer:?}", row.number);
                }
            }
        }
    }
}

fn rules(key: SegmentationKey) -> EndpointRules {
    EndpointRules {
        id: 0,
        ordinal: 1,
        protocol: match key.part_ms {
            Some(500) => Protocol::LlHlsCmaf,
            Some(_) => Protocol::DashCmaf,
            None => Protocol::HlsDashCmaf,
        },
        audio_groups: false,
        segmentation: key,
        segments: 4,
        hls_window: MediaDuration::ZERO,
        dash_window: MediaDuration::from_secs(8),
        manifest_name: "manifest".to_owned(),
        presentation: crate::manifest::Presentation::default(),
        beyond_memory: false,
        shift: None,
        shift_names: crate::resolve::Names::default(),
        access: AccessRules::open(),
        encrypted: false,
        leaving: false,
        generation: GENERATION,
        folder: EndpointRules::folder(1, GENERATION),
        published: Vec::new(),
        selected: None,
    }
}

/// Numbers are consecutive, Periods marked where they begin, memory within its limit.
fn holds(snapshot: &Snapshot) {
    for (key, view) in &snapshot.segmentations {
        assert!(view.bytes <= LIMITS.channel_bytes + (1 << 17), "{key}: {} bytes", view.bytes);
        for list in &view.renditions {
            let rows: Vec<_> = list.rows.iter_from(0).collect();
            for (row, next) in rows.iter().zip(rows.iter().skip(1)) {
                assert_eq!(next.number, row.number + 1, "{key} {}", list.rendition.name);
                assert_eq!(next.begins_period, next.period.ordinal > row.period.ordinal, "{key}");
                assert!(next.period.ordinal >= row.period.ordinal, "{key}");
            }
        }
    }
}

/// A track by the bits of a byte: which, of what kind, with which settings.
fn track(bits: u8) -> Option<Track> {
    let id = bits & 3;
    let rate = FrameRate::new(if bits & 4 == 0 { 30 } else { 25 }, 1)?;
    let sample_rate = if bits & 4 == 0 { 48_000 } else { 44_100 };
    let codec = if bits & 8 == 0 {
        Codec::Avc(AvcConfig {
            sps: Bytes::from_static(&[0x67, 0x64, 0, 0x1f]),
            pps: vec![Bytes::from_static(&[0x68, 1])],
            width: 320,
            height: 180 + 4 * u16::from(bits >> 6),
            pixel_aspect: (1, 1),
            frame_rate: (bits & 16 == 0).then_some(rate),
            chroma: Some((1, 0, 0)),
            entry: crate::media::codec::avc::AvcEntry::default(),
        })
    } else {
        Codec::Aac(AacConfig {
            object_type: 2,
            sample_rate,
            channels: 2,
            frame_length: 1024,
            asc: Bytes::from_static(&[0x11, 0x90]),
        })
    };
    let frame = codec.frame_duration().unwrap_or(rate.duration_of(1));
    Some(Track {
        frame: frame.rescale(Timescale::NINETY_KHZ).ticks(),
        gop: if bits & 8 == 0 { 30 } else { 1 },
        info: TrackInfo {
            id: TrackId(u32::from(id)),
            variant: VariantName::parse(if bits & 32 == 0 { "" } else { "low" })?,
            language: Language::UNDETERMINED,
            codec,
            timescale: Timescale::NINETY_KHZ,
            bitrate: None,
        },
        count: 0,
        at: 0,
    })
}
