//! Whole pushes, in the order senders keep and in any other.

// Before the modules, which see it by this order.
macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/segments/", $name)).as_slice()
    };
}

mod bad_input;
mod cmaf;
mod manifests;

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::media::MediaKind::{Audio, Video};
use crate::media::{MediaKind, Sample, TrackInfo};
use crate::packager::{InputId, SourceEvent, SourceId};
use crate::units::{MediaTime, Monotonic, Now, WallTime};

/// Files of a push in the order their sender writes them.
type Files = Vec<(&'static str, &'static [u8])>;

const V_CMAF: &[u8] = fixture!("cmaf/v.cmfv");
const A_CMAF: &[u8] = fixture!("cmaf/a.cmfa");

fn hls_ts() -> Files {
    vec![
        ("s_0_0.ts", fixture!("hls-ts/s_0_0.ts")),
        ("out_0.m3u8", fixture!("hls-ts/out_0.m3u8")),
        ("s_1_0.ts", fixture!("hls-ts/s_1_0.ts")),
        ("out_1.m3u8", fixture!("hls-ts/out_1.m3u8")),
        ("master.m3u8", fixture!("hls-ts/master.m3u8")),
        ("s_0_1.ts", fixture!("hls-ts/s_0_1.ts")),
        ("s_1_1.ts", fixture!("hls-ts/s_1_1.ts")),
        ("s_0_2.ts", fixture!("hls-ts/s_0_2.ts")),
        ("s_1_2.ts", fixture!("hls-ts/s_1_2.ts")),
    ]
}

fn hls_fmp4() -> Files {
    vec![
        ("v/init.mp4", fixture!("hls-fmp4/init.mp4")),
        ("v/s0.m4s", fixture!("hls-fmp4/s0.m4s")),
        ("v/live.m3u8", fixture!("hls-fmp4/live.m3u8")),
        ("v/s1.m4s", fixture!("hls-fmp4/s1.m4s")),
        ("v/s2.m4s", fixture!("hls-fmp4/s2.m4s")),
    ]
}

fn dash() -> Files {
    vec![
        ("init-stream0.m4s", fixture!("dash/init-stream0.m4s")),
        ("init-stream1.m4s", fixture!("dash/init-stream1.m4s")),
        ("init-stream2.m4s", fixture!("dash/init-stream2.m4s")),
        ("chunk-stream0-00001.m4s", fixture!("dash/chunk-stream0-00001.m4s")),
        ("chunk-stream1-00001.m4s", fixture!("dash/chunk-stream1-00001.m4s")),
        ("manifest.mpd", fixture!("dash/manifest.mpd")),
        ("chunk-stream2-00001.m4s", fixture!("dash/chunk-stream2-00001.m4s")),
        ("chunk-stream0-00002.m4s", fixture!("dash/chunk-stream0-00002.m4s")),
        ("chunk-stream1-00002.m4s", fixture!("dash/chunk-stream1-00002.m4s")),
        ("chunk-stream2-00002.m4s", fixture!("dash/chunk-stream2-00002.m4s")),
        ("chunk-stream0-00003.m4s", fixture!("dash/chunk-stream0-00003.m4s")),
        ("chunk-stream1-00003.m4s", fixture!("dash/chunk-stream1-00003.m4s")),
        ("chunk-stream2-00003.m4s", fixture!("dash/chunk-stream2-00003.m4s")),
        ("chunk-stream2-00004.m4s", fixture!("dash/chunk-stream2-00004.m4s")),
    ]
}

/// 2027-01-15, far from the fixtures' times.
const WALL_MS: i64 = 1_800_000_000_000;

const HELD: usize = 1 << 20;

/// One sender and the session it pushes to.
struct Sender {
    session: Session,
    ms: u64,
    events: Vec<SourceEvent>,
    faults: Vec<Fault>,
}

impl Sender {
    fn new() -> Self {
        Sender::holding(HELD)
    }

    fn holding(held_bytes: usize) -> Self {
        let limits = SessionLimits {
            held_bytes,
            sample_bytes: 1 << 20,
            input_loss: Duration::from_secs(2),
            moves: Duration::ZERO,
        };
        let source = SourceId { input: InputId(1), session: 7 };
        let session = Session::new(source, limits, now(0));
        Sender { session, ms: 0, events: Vec::new(), faults: Vec::new() }
    }

    fn drain(&mut self) {
        self.events.extend(std::iter::from_fn(|| self.session.poll_event()));
        self.faults.extend(std::iter::from_fn(|| self.session.poll_fault()));
    }

    fn put(&mut self, path: &str, body: &[u8]) -> Result<(), Refusal> {
        let object = self.session.open(now(self.ms), path);
        let pushed = self.session.push(now(self.ms), object, body);
        let ended = self.session.end(now(self.ms), object, true);
        self.drain();
        pushed.and(ended)
    }

    fn put_all(&mut self, files: &Files) {
        for (path, body) in files {
            self.put(path, body).unwrap_or_else(|refusal| panic!("{path}: {refusal}"));
        }
    }

    /// Lets time pass, at each deadline of the session.
    fn wait(&mut self, ms: u64) {
        let until = self.ms + ms;
        while let Some(at) = self.session.poll_timeout().map(|at| at.0.div_ceil(1_000_000)) {
            if at > until {
                break;
            }
            self.ms = self.ms.max(at);
            self.session.handle_timeout(now(self.ms));
            self.drain();
            if at <= self.ms
                && self.session.poll_timeout().is_some_and(|next| next.0 <= self.ms * 1_000_000)
            {
                self.ms += 1;
            }
        }
        self.ms = self.ms.max(until);
        self.session.handle_timeout(now(self.ms));
        self.drain();
    }

    fn tracks(&self) -> Vec<&TrackInfo> {
        let tracks = self.events.iter().filter_map(|event| match event {
            SourceEvent::Track(info) => Some(info),
            _ => None,
        });
        tracks.collect()
    }

    /// Samples by rung and kind, and what they were in the order they were given.
    fn media(&self) -> BTreeMap<(MediaKind, String), Vec<&Sample>> {
        let mut media: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut names = BTreeMap::new();
        for event in &self.events {
            match event {
                SourceEvent::Track(info) => {
                    names.insert(info.id, (info.kind(), info.variant.as_str().to_owned()));
                }
                SourceEvent::Sample(track, sample) => {
                    media.entry(names[track].clone()).or_default().push(sample);
                }
                _ => {}
            }
        }
        media
    }

    fn counts(&self) -> Vec<(MediaKind, String, usize)> {
        self.media().into_iter().map(|((k, name), samples)| (k, name, samples.len())).collect()
    }

    fn anchors(&self) -> Vec<(i64, MediaTime)> {
        let anchors = self.events.iter().filter_map(|event| match event {
            SourceEvent::Anchor { media, epoch, .. } => Some((*media, *epoch)),
            _ => None,
        });
        anchors.collect()
    }

    fn is_lost(&self) -> bool {
        matches!(self.events.last(), Some(SourceEvent::Lost))
    }
}

fn now(ms: u64) -> Now {
    let wall = WallTime((WALL_MS + ms.cast_signed()) * 1_000_000);
    Now { mono: Monotonic(ms * 1_000_000), wall }
}

fn pushed(files: &Files) -> Sender {
    let mut sender = Sender::new();
    sender.put_all(files);
    sender.wait(20_000);
    sender
}

fn rows(rows: &[(MediaKind, &str, usize)]) -> Vec<(MediaKind, String, usize)> {
    rows.iter().map(|(kind, name, count)| (*kind, (*name).to_owned(), *count)).collect()
}

/// What is given is the same wherever the parts of a push come in another order.
fn same_media(a: &Sender, b: &Sender) {
    assert_eq!(a.counts(), b.counts());
    assert!(a.media() == b.media());
}

/// The header of a CMAF file and its chunks with what stands before them.
fn cut(file: &[u8]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let mut header = Vec::new();
    let mut chunks = Vec::new();
    let mut piece = Vec::new();
    let mut rest = file;
    while let [s0, s1, s2, s3, kind @ ..] = rest {
        let size = u32::from_be_bytes([*s0, *s1, *s2, *s3]) as usize;
        let kind = &kind[..4];
        if kind == b"mfra" {
            break;
        }
        piece.extend_from_slice(&rest[..size]);
        rest = &rest[size..];
        match kind {
            b"moov" => header = std::mem::take(&mut piece),
            b"mdat" => chunks.push(std::mem::take(&mut piece)),
            _ => {}
        }
    }
    (header, chunks)
}
