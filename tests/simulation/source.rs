//! An encoder: frames with timestamps that go as the world wants them to.

use bytes::Bytes;
use headwater::media::codec::avc::AvcEntry;
use headwater::media::codec::{AacConfig, AvcConfig};
use headwater::media::{Codec, Language, MediaKind, Sample, TrackId, TrackInfo, VariantName};
use headwater::units::{FrameRate, MediaDuration, Timescale};

use crate::rng::Rng;
use crate::syncs::{Mode, Syncs};

/// Ticks after which 33 bits begin anew.
const TURN: i64 = 1 << 33;

pub(crate) struct Track {
    pub(crate) info: TrackInfo,
    pub(crate) frame: MediaDuration,
    pub(crate) next: i64,
    /// Added to this track's timestamps alone, microseconds.
    pub(crate) skew: i64,
    /// Frames captured before this instant never arrive.
    pub(crate) silent_until: i64,
    /// So many frames repeat the decode time before them.
    pub(crate) stuck: i64,
    /// So many frames' decode time lies 50 ms too early.
    pub(crate) early: i64,
    last: i64,
}

impl Track {
    pub(crate) fn kind(&self) -> MediaKind {
        self.info.kind()
    }

    /// Other settings: what has been counted in frames goes on in time.
    pub(crate) fn becomes(&mut self, codec: Codec) {
        let at = self.frame.times(self.next);
        self.frame = codec.frame_duration().expect("exact rates");
        self.next = at.div_ceil(self.frame);
        self.info.codec = codec;
    }
}

/// What distinguishes one encoder from another.
#[derive(Clone, Debug)]
pub(crate) struct Make {
    pub(crate) rate: FrameRate,
    pub(crate) rungs: u16,
    pub(crate) audio: Option<u32>,
    pub(crate) syncs: Mode,
    /// Leading pictures follow each sync sample in decoding order and come before it on the screen.
    pub(crate) open: bool,
    pub(crate) reorder: bool,
    pub(crate) millis: bool,
    pub(crate) ppm: i64,
    /// It says what time of day its timestamps stand for.
    pub(crate) absolute: bool,
    /// Two inputs bring the same.
    pub(crate) inputs: usize,
    /// Its 33-bit times begin anew within the first hour.
    pub(crate) wraps: bool,
}

impl Make {
    /// Every kind, by chance.
    pub(crate) fn random(rng: &mut Rng) -> Self {
        let (frames, seconds, whole) =
            rng.pick(&[(25, 1, 25), (30_000, 1001, 30), (30, 1, 30), (50, 1, 50)]);
        let (rungs, audio) = match rng.range(0, 8) {
            0 => (0, true),
            1 => (1, false),
            2 | 3 => (3, true),
            _ => (1, true),
        };
        let gop = rng.pick(&[whole / 2, whole, whole * 3 / 2, whole * 2, whole * 4]);
        let syncs = match rng.range(0, 6) {
            0 => Mode::Scenes(gop),
            1 if rungs > 0 => Mode::Random { least: whole / 2, most: whole * 4 },
            _ => Mode::Every(gop),
        };
        let open = rng.one_in(6) && matches!(syncs, Mode::Every(gop) if gop % 3 == 0);
        Make {
            rate: FrameRate::new(frames, seconds).expect("not zero"),
            rungs,
            audio: audio.then(|| rng.pick(&[48_000, 44_100])),
            syncs,
            open,
            reorder: !open && rng.one_in(2),
            millis: rng.one_in(3),
            ppm: rng.pick(&[-100, 0, 0, 100]),
            absolute: false,
            inputs: if rng.one_in(4) { 2 } else { 1 },
            wraps: rng.one_in(3),
        }
    }

    /// A plain one that drifts.
    pub(crate) fn drifting(ppm: i64) -> Self {
        Make {
            rate: FrameRate::new(25, 1).expect("not zero"),
            rungs: 1,
            audio: Some(48_000),
            syncs: Mode::Every(50),
            open: false,
            reorder: true,
            millis: false,
            ppm,
            absolute: false,
            inputs: 1,
            wraps: true,
        }
    }

    /// The names of its renditions.
    pub(crate) fn renditions(&self) -> Vec<String> {
        let video = (0..self.rungs).map(|n| match self.rungs {
            1 => "video".to_owned(),
            _ => format!("video-{n}"),
        });
        video.chain(self.audio.map(|_| "audio".to_owned())).collect()
    }
}

pub(crate) struct Source {
    pub(crate) make: Make,
    pub(crate) tracks: Vec<Track>,
    /// When its frame 0 began, in the world's microseconds.
    pub(crate) epoch: i64,
    /// Timestamp of frame 0, microseconds.
    pub(crate) base: i64,
    syncs: Syncs,
    last_arrival: i64,
    pending: Option<(usize, i64)>,
    /// What 33-bit times are unrolled against, once one has come.
    reference: Option<i64>,
}

pub(crate) fn avc(height: u16, rate: FrameRate, profile: u8) -> Codec {
    Codec::Avc(AvcConfig {
        sps: Bytes::from(vec![0x67, profile, 0, 0x1f]),
        pps: vec![Bytes::from_static(&[0x68, 1])],
        width: height * 16 / 9,
        height,
        pixel_aspect: (1, 1),
        frame_rate: Some(rate),
        chroma: Some((1, 0, 0)),
        entry: AvcEntry::default(),
    })
}

pub(crate) fn aac(sample_rate: u32, channels: u8) -> Codec {
    Codec::Aac(AacConfig {
        object_type: 2,
        sample_rate,
        channels,
        frame_length: 1024,
        asc: Bytes::from(vec![0x11, 0x80 | (channels << 3)]),
    })
}

pub(crate) fn micros(d: MediaDuration) -> i64 {
    d.rescale(Timescale::MICROS).ticks()
}

pub(crate) fn duration(us: i64) -> MediaDuration {
    MediaDuration::new(us, Timescale::MICROS)
}

fn track(id: u32, variant: &str, codec: Codec) -> Track {
    Track {
        frame: codec.frame_duration().expect("exact rates"),
        info: TrackInfo {
            id: TrackId(id),
            variant: VariantName::parse(variant).expect("plain"),
            language: Language::UNDETERMINED,
            codec,
            timescale: Timescale::NINETY_KHZ,
            bitrate: None,
        },
        next: 0,
        skew: 0,
        silent_until: i64::MIN,
        stuck: 0,
        early: 0,
        last: 0,
    }
}

impl Source {
    pub(crate) fn new(make: Make, rng: &mut Rng) -> Self {
        let mut tracks = Vec::new();
        for n in 0..make.rungs {
            let variant = if make.rungs == 1 { String::new() } else { n.to_string() };
            let codec = avc(720 - 180 * n, make.rate, 0x64);
            tracks.push(track(1 + u32::from(n), &variant, codec));
        }
        if let Some(rate) = make.audio {
            tracks.push(track(100, "", aac(rate, 2)));
        }
        let turn_us = TURN / 9 * 100;
        let base = if make.wraps {
            turn_us - rng.range(60, 3000) * 1_000_000
        } else {
            rng.range(0, turn_us / 2)
        };
        let syncs = Syncs::new(make.syncs, rng.next());
        Source {
            make,
            tracks,
            epoch: 0,
            base,
            syncs,
            last_arrival: 0,
            pending: None,
            reference: None,
        }
    }

    /// The track that leads.
    pub(crate) fn leading(&mut self) -> &mut Track {
        self.tracks.first_mut().expect("a source has a track")
    }

    /// When a frame is whole.
    fn due(&self, i: usize) -> i64 {
        let track = &self.tracks[i];
        let at = micros(track.frame.times(track.next + 1));
        self.epoch + at - at / 1000 * self.make.ppm / 1000
    }

    /// Which track's frame arrives next, and when: in order, late at times.
    pub(crate) fn next_arrival(&mut self, rng: &mut Rng) -> (usize, i64) {
        if let Some(pending) = self.pending {
            return pending;
        }
        let i = (0..self.tracks.len()).min_by_key(|i| self.due(*i)).expect("a source has a track");
        let jitter = if rng.one_in(150) { rng.range(0, 300_000) } else { rng.range(0, 5_000) };
        let at = self.last_arrival.max(self.due(i) + jitter);
        self.pending = Some((i, at));
        (i, at)
    }

    /// How many frames a frame is shown after it is decoded, in frames of its track.
    fn behind(&self, n: i64, since_sync: i64) -> i64 {
        if self.make.open {
            // I B B P B B P: the first two are shown before the sync sample they follow.
            return if since_sync % 3 == 0 { 3 } else { 0 };
        }
        match (self.make.reorder, since_sync) {
            (false, _) => 0,
            (true, 0) => 1,
            (true, _) => n % 3,
        }
    }

    /// The frame that arrives; `None` where it got lost on the way.
    pub(crate) fn take(&mut self) -> Option<(TrackId, Sample)> {
        let (i, at) = self.pending.take()?;
        self.last_arrival = at;
        let captured = self.due(i);
        let n = self.tracks[i].next;
        let video = self.tracks[i].kind() == MediaKind::Video;
        let since_sync = if video { self.syncs.since(n) } else { 0 };
        let behind = if video { self.behind(n, since_sync) } else { 0 };
        let (millis, base) = (self.make.millis, self.base);
        let track = &mut self.tracks[i];
        track.next += 1;
        let ticks = |n: i64| {
            let at = duration(base + track.skew) + track.frame.times(n);
            let at = if millis { at.rescale(Timescale::MILLIS) } else { at };
            at.rescale(Timescale::NINETY_KHZ).ticks()
        };
        let (mut dts, mut pts) = (ticks(n), ticks(n + behind));
        if track.stuck > 0 {
            track.stuck -= 1;
            dts = track.last;
        } else if track.early > 0 {
            track.early -= 1;
            dts -= 4_500;
        }
        track.last = dts;
        let arrives = captured >= track.silent_until;
        let id = track.info.id;
        if self.make.wraps && arrives {
            (pts, dts) = self.unroll(pts, dts);
        }
        let data = Bytes::from_static(b"a frame");
        let sync = since_sync == 0;
        arrives.then_some((id, Sample { dts, pts, duration: None, sync, data, origin: None }))
    }

    /// Times as 33 bits carry them, unrolled as the listener does.
    fn unroll(&mut self, pts: i64, dts: i64) -> (i64, i64) {
        let nearest = |raw: i64, reference: i64| {
            let ahead = (raw - reference).rem_euclid(TURN);
            reference + if ahead >= TURN / 2 { ahead - TURN } else { ahead }
        };
        let dts = nearest(dts.rem_euclid(TURN), self.reference.unwrap_or(TURN / 2));
        self.reference = Some(dts);
        (nearest(pts.rem_euclid(TURN), dts), dts)
    }

    /// The process that unrolled its times has died.
    pub(crate) fn forget_reference(&mut self) {
        self.reference = None;
    }

    /// The encoder begins anew at `at`; its first timestamp is `base`.
    pub(crate) fn restart(&mut self, at: i64, base: i64) {
        self.epoch = at;
        self.base = base;
        self.pending = None;
        self.last_arrival = at;
        self.syncs.restart();
        for track in &mut self.tracks {
            (track.next, track.skew, track.stuck, track.early) = (0, 0, 0, 0);
            track.silent_until = i64::MIN;
        }
    }

    /// The timestamp it has come to, microseconds.
    pub(crate) fn position(&self) -> i64 {
        self.base + micros(self.tracks[0].frame.times(self.tracks[0].next))
    }

    /// What its first tick stands for, microseconds of the world: (ticks at 90 kHz, instant).
    pub(crate) fn anchor(&self) -> (i64, i64) {
        let media = duration(self.base).rescale(Timescale::NINETY_KHZ).ticks();
        (media, self.epoch)
    }
}
