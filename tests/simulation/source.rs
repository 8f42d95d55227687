//! An encoder: frames with timestamps that go as the world wants them to.

use bytes::Bytes;
use headwater::media::codec::{AacConfig, AvcConfig};
use headwater::media::{Codec, Language, MediaKind, Sample, TrackId, TrackInfo, VariantName};
use headwater::packager::{InputId, SourceId};
use headwater::units::{FrameRate, MediaDuration, Timescale};

use crate::rng::Rng;

pub(crate) struct Track {
    pub(crate) info: TrackInfo,
    pub(crate) frame: MediaDuration,
    /// Frames between sync samples; 1 for audio.
    gop: i64,
    extra_sync: bool,
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

pub(crate) struct Source {
    pub(crate) id: SourceId,
    pub(crate) tracks: [Track; 2],
    /// When its frame 0 began, in the world's microseconds.
    pub(crate) epoch: i64,
    /// Timestamp of frame 0, microseconds.
    pub(crate) base: i64,
    pub(crate) ppm: i64,
    millis: bool,
    reorder: bool,
    last_arrival: i64,
    pending: Option<(usize, i64)>,
    pub(crate) name: String,
}

pub(crate) fn avc(height: u16, rate: FrameRate) -> Codec {
    Codec::Avc(AvcConfig {
        sps: Bytes::from_static(&[0x67, 0x64, 0, 0x1f]),
        pps: vec![Bytes::from_static(&[0x68, 1])],
        width: height * 16 / 9,
        height,
        pixel_aspect: (1, 1),
        frame_rate: Some(rate),
        chroma: Some((1, 0, 0)),
    })
}

pub(crate) fn micros(d: MediaDuration) -> i64 {
    d.rescale(Timescale::MICROS).ticks()
}

pub(crate) fn duration(us: i64) -> MediaDuration {
    MediaDuration::new(us, Timescale::MICROS)
}

fn track(id: u32, codec: Codec, frame: MediaDuration, gop: i64) -> Track {
    Track {
        info: TrackInfo {
            id: TrackId(id),
            variant: VariantName::default(),
            language: Language::UNDETERMINED,
            codec,
            timescale: Timescale::NINETY_KHZ,
            bitrate: None,
        },
        frame,
        gop,
        extra_sync: false,
        next: 0,
        skew: 0,
        silent_until: i64::MIN,
        stuck: 0,
        early: 0,
        last: 0,
    }
}

impl Source {
    pub(crate) fn new(rng: &mut Rng) -> Self {
        let (frames, seconds, whole) =
            rng.pick(&[(25, 1, 25), (30_000, 1001, 30), (30, 1, 30), (50, 1, 50)]);
        let rate = FrameRate::new(frames, seconds).expect("not zero");
        let gop = rng.pick(&[whole, whole * 3 / 2, whole * 2]);
        let sample_rate = rng.pick(&[48_000, 44_100]);
        let aac = Codec::Aac(AacConfig {
            object_type: 2,
            sample_rate,
            channels: 2,
            frame_length: 1024,
            asc: Bytes::from_static(&[0x11, 0x90]),
        });
        let audio_frame = aac.frame_duration().expect("audio");
        let mut video = track(1, avc(720, rate), rate.duration_of(1), gop);
        video.extra_sync = rng.one_in(3);
        let (millis, ppm, reorder) = (rng.one_in(3), rng.pick(&[-100, 0, 0, 100]), rng.one_in(2));
        let name = format!(
            "{frames}/{seconds} fps, GOP {gop}, extra sync {}, AAC {sample_rate}, millis {millis}, {ppm} ppm, reorder {reorder}",
            video.extra_sync
        );
        Source {
            id: SourceId { input: InputId(1), session: 1 },
            tracks: [video, track(2, aac, audio_frame, 1)],
            epoch: 0,
            base: rng.range(0, 90_000_000_000),
            ppm,
            millis,
            reorder,
            last_arrival: 0,
            pending: None,
            name,
        }
    }

    /// When a frame is whole.
    fn due(&self, i: usize) -> i64 {
        let track = &self.tracks[i];
        let at = micros(track.frame.times(track.next + 1));
        self.epoch + at - at / 1000 * self.ppm / 1000
    }

    /// Which track's frame arrives next, and when: in order, late at times.
    pub(crate) fn next_arrival(&mut self, rng: &mut Rng) -> (usize, i64) {
        if let Some(pending) = self.pending {
            return pending;
        }
        let i = usize::from(self.due(1) < self.due(0));
        let jitter = if rng.one_in(150) { rng.range(0, 300_000) } else { rng.range(0, 5_000) };
        let at = self.last_arrival.max(self.due(i) + jitter);
        self.pending = Some((i, at));
        (i, at)
    }

    /// The frame that arrives; `None` where it got lost on the way.
    pub(crate) fn take(&mut self) -> Option<(TrackId, MediaKind, Sample)> {
        let (i, at) = self.pending.take()?;
        self.last_arrival = at;
        let captured = self.due(i);
        let (reorder, millis, base) = (self.reorder, self.millis, self.base);
        let track = &mut self.tracks[i];
        let n = track.next;
        track.next += 1;
        let sync = n % track.gop == 0 || track.extra_sync && (n * n % 1009) < 4;
        let ticks = |n: i64| {
            let at = duration(base + track.skew) + track.frame.times(n);
            let at = if millis { at.rescale(Timescale::MILLIS) } else { at };
            at.rescale(Timescale::NINETY_KHZ).ticks()
        };
        let video = track.gop > 1;
        let behind = if !video || !reorder {
            0
        } else if sync {
            1
        } else {
            n % 3
        };
        let (mut dts, pts) = (ticks(n), ticks(n + behind));
        if track.stuck > 0 {
            track.stuck -= 1;
            dts = track.last;
        } else if track.early > 0 {
            track.early -= 1;
            dts -= 4_500;
        }
        track.last = dts;
        let (id, kind) = (track.info.id, track.info.kind());
        let data = Bytes::from_static(b"a frame");
        (captured >= track.silent_until).then_some((
            id,
            kind,
            Sample { dts, pts, duration: None, sync, data, origin: None },
        ))
    }

    /// The encoder begins anew at `at`; its first timestamp is `base`.
    pub(crate) fn restart(&mut self, at: i64, base: i64) {
        self.epoch = at;
        self.base = base;
        self.pending = None;
        self.last_arrival = at;
        for track in &mut self.tracks {
            (track.next, track.skew, track.stuck, track.early) = (0, 0, 0, 0);
            track.silent_until = i64::MIN;
        }
    }

    /// The timestamp it has come to, microseconds.
    pub(crate) fn position(&self) -> i64 {
        self.base + micros(self.tracks[0].frame.times(self.tracks[0].next))
    }
}
