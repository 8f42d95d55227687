//! Whole pushes, in the order senders keep and in any other.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::media::{MediaKind, Sample, TrackInfo};
use crate::packager::{InputId, SourceEvent, SourceId};
use crate::units::{MediaTime, Monotonic, Now, WallTime};
use proptest::prelude::*;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/segments/", $name)).as_slice()
    };
}

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
        let limits =
            SessionLimits { held_bytes, sample_bytes: 1 << 20, input_loss: Duration::from_secs(2) };
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

use MediaKind::{Audio, Video};

#[test]
fn an_hls_push_of_transport_streams_is_two_rungs_of_one_source() {
    let sender = pushed(&hls_ts());
    let expected = rows(&[
        (Video, "out_0", 150),
        (Video, "out_1", 150),
        (Audio, "out_0", 283),
        (Audio, "out_1", 283),
    ]);
    assert_eq!(sender.counts(), expected);
    for samples in sender.media().values() {
        assert!(samples.windows(2).all(|w| w[0].dts < w[1].dts));
    }
    assert_eq!(sender.faults, []);
    assert!(sender.is_lost(), "the playlists end");
    assert!(sender.session.is_over());
}

#[test]
fn a_playlist_may_come_before_what_it_lists() {
    let in_order = pushed(&hls_ts());
    let mut files = hls_ts();
    files.sort_by_key(|(path, _)| !path.ends_with("m3u8"));
    same_media(&pushed(&files), &in_order);
    files.reverse();
    same_media(&pushed(&files), &in_order);
}

#[test]
fn an_hls_push_of_fragments_gives_video_and_sound_of_one_header() {
    let sender = pushed(&hls_fmp4());
    let (video, audio) = ((Video, "v", 150), (Audio, "v", 283));
    assert_eq!(sender.counts(), rows(&[video, audio]));
    assert!(sender.is_lost());
    // ffmpeg opens the header's body first and fills it when the first segment is done.
    let mut late = Sender::new();
    let files = hls_fmp4();
    let header = late.session.open(now(0), files[0].0);
    late.put_all(&files[1..4].to_vec());
    assert_eq!(late.counts(), []);
    late.session.push(now(0), header, files[0].1).expect("a header");
    late.session.end(now(0), header, true).expect("a header");
    late.put_all(&files[4..].to_vec());
    same_media(&late, &sender);
}

#[test]
fn tracks_are_given_in_step_though_segments_come_one_after_another() {
    let sender = pushed(&dash());
    let mut newest: BTreeMap<u32, i64> = BTreeMap::new();
    let mut scales = BTreeMap::new();
    for event in &sender.events {
        match event {
            SourceEvent::Track(info) => {
                scales.insert(info.id, info.timescale);
            }
            SourceEvent::Sample(track, sample) => {
                let at = MediaTime::new(sample.dts, scales[track]).floor_millis();
                newest.insert(track.0, at);
                let behind = newest.values().min().expect("one at least");
                assert!(at - behind <= 600, "{at} {behind}");
            }
            _ => {}
        }
    }
}

#[test]
fn a_dash_push_is_told_by_its_mpd() {
    let sender = pushed(&dash());
    let expected = rows(&[(Video, "0", 150), (Video, "1", 150), (Audio, "2", 283)]);
    assert_eq!(sender.counts(), expected);
    assert_eq!(sender.tracks().iter().filter(|t| t.language.as_str() == "fra").count(), 1);
    let audio = sender.media()[&(Audio, "2".to_owned())][0].clone();
    assert_eq!((audio.dts, audio.duration), (-1_024, Some(1_024)), "the edit list takes it off");
    assert!(sender.is_lost(), "the MPD is static");
    assert_eq!(sender.faults, []);
}

#[test]
fn media_waits_for_a_late_mpd_and_numbers_say_the_order() {
    let in_order = pushed(&dash());
    let mut files = dash();
    let mpd = files.remove(5);
    files.push(mpd);
    same_media(&pushed(&files), &in_order);
    let mut files = dash();
    files.swap(7, 10);
    same_media(&pushed(&files), &in_order);
}

#[test]
fn a_lost_segment_is_a_hole_and_what_follows_is_given() {
    let dynamic = |files: &mut Files| {
        let text = std::str::from_utf8(files[5].1).expect("text").replace("static", "dynamic");
        files[5].1 = Box::leak(text.into_bytes().into_boxed_slice());
    };
    let mut files = dash();
    dynamic(&mut files);
    files.remove(7);
    let mut sender = Sender::new();
    sender.put_all(&files);
    sender.wait(2_500);
    assert_eq!(sender.faults, [Fault::LostSegment { number: 2 }]);
    sender.wait(20_000);
    let expected = rows(&[(Video, "0", 100), (Video, "1", 150), (Audio, "2", 283)]);
    assert_eq!(sender.counts(), expected);
    assert!(sender.is_lost(), "silence");

    let mut files = hls_ts();
    files.remove(5);
    let sender = pushed(&files);
    assert_eq!(sender.faults, [Fault::LostSegment { number: 1 }]);
    assert_eq!(sender.counts()[0], (Video, "out_0".to_owned(), 100));
}

#[test]
fn an_availability_start_time_says_what_media_time_stands_for() {
    let mut files = dash();
    let text = std::str::from_utf8(files[5].1).expect("text");
    let text = text.replace("static\"", "dynamic\" availabilityStartTime=\"2027-01-15T08:00:00Z\"");
    files[5].1 = Box::leak(text.into_bytes().into_boxed_slice());
    let sender = pushed(&files);
    let epoch = MediaTime::from_millis(WALL_MS);
    assert_eq!(sender.anchors(), [(0, epoch), (0, epoch), (0, epoch)]);
}

#[test]
fn a_date_in_a_playlist_says_when_the_first_picture_was() {
    let mut files = hls_fmp4();
    let text = std::str::from_utf8(files[2].1).expect("text");
    let date = "#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:00.500+0000\n#EXTINF";
    let text = text.replacen("#EXTINF", date, 1);
    files[2].1 = Box::leak(text.into_bytes().into_boxed_slice());
    let sender = pushed(&files);
    let first = sender.media()[&(Video, "v".to_owned())][0].pts;
    assert_eq!(sender.anchors(), [(first, MediaTime::from_millis(WALL_MS + 500))]);
}

#[test]
fn a_discontinuity_is_one_break_for_all_renditions() {
    let mut files = hls_ts();
    for at in [1, 3] {
        let text = std::str::from_utf8(files[at].1).expect("text");
        let mut lines: Vec<&str> = text.lines().collect();
        lines.insert(6, "#EXT-X-DISCONTINUITY");
        files[at].1 = Box::leak(lines.join("\n").into_bytes().into_boxed_slice());
    }
    let sender = pushed(&files);
    let is_break = |event: &&SourceEvent| matches!(event, SourceEvent::Break);
    assert_eq!(sender.events.iter().filter(is_break).count(), 1);
    same_media(&sender, &pushed(&hls_ts()));
}

#[test]
fn cmaf_tracks_are_endless_bodies_in_any_pieces() {
    let whole = {
        let mut sender = Sender::new();
        sender.put("Streams(v.cmfv)", V_CMAF).expect("a track");
        sender.put("Streams(a.cmfa)", A_CMAF).expect("a track");
        sender.wait(20_000);
        sender
    };
    assert_eq!(whole.counts(), rows(&[(Video, "v", 150), (Audio, "a", 283)]));
    for piece in [1_usize, 100, 1_500] {
        let mut sender = Sender::new();
        let objects =
            ["Streams(v.cmfv)", "Streams(a.cmfa)"].map(|p| sender.session.open(now(0), p));
        let mut rest = [V_CMAF, A_CMAF];
        while rest.iter().any(|r| !r.is_empty()) {
            for (object, rest) in objects.iter().zip(&mut rest) {
                let (taken, left) = rest.split_at(piece.min(rest.len()));
                *rest = left;
                sender.session.push(now(0), *object, taken).expect("a track");
            }
        }
        for object in objects {
            sender.session.end(now(0), object, true).expect("whole");
        }
        sender.drain();
        sender.wait(20_000);
        same_media(&sender, &whole);
    }
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

#[test]
fn one_request_a_segment_is_as_good_and_duplicates_are_taken_once() {
    let (header, chunks) = cut(V_CMAF);
    assert!(chunks.len() > 4, "{}", chunks.len());
    let mut once = Sender::new();
    once.put("Streams(v.cmfv)", &[&header[..], &chunks.concat()].concat()).expect("a track");
    once.wait(20_000);

    let mut sender = Sender::new();
    sender.put("Streams(v.cmfv)", &header).expect("a header");
    for (n, chunk) in chunks.iter().enumerate() {
        sender.put("Streams(v.cmfv)", chunk).expect("a chunk");
        if n % 3 == 1 {
            // The connection is said to have failed: header and segment come again.
            sender.put("Streams(v.cmfv)", &header).expect("a header");
            sender.put("Streams(v.cmfv)", chunk).expect("a chunk");
        }
    }
    sender.wait(20_000);
    same_media(&sender, &once);
    assert_eq!(sender.faults, []);
    assert_eq!(sender.tracks().len(), 1, "the same header is nothing new");

    for path in ["v/init.cmfv", "v/init.mp4"] {
        let mut sender = Sender::new();
        sender.put(path, &header).expect("a header");
        let extension = path.rsplit('.').next().expect("one");
        for (n, chunk) in chunks.iter().enumerate() {
            sender
                .put(&format!("v/{n}.{}", extension.replace("mp4", "m4s")), chunk)
                .expect("a chunk");
        }
        sender.wait(20_000);
        same_media(&sender, &once);
    }
}

#[test]
fn a_chunk_that_comes_late_is_left_out_and_one_that_is_lost_is_a_hole() {
    let (header, chunks) = cut(A_CMAF);
    let mut sender = Sender::new();
    sender.put("Streams(a.cmfa)", &header).expect("a header");
    for n in [0, 1, 3, 2, 4] {
        sender.put("Streams(a.cmfa)", &chunks[n]).expect("a chunk");
    }
    sender.wait(20_000);
    assert_eq!(sender.faults, [Fault::LateChunk]);
    let media = sender.media();
    let samples = &media[&(Audio, "a".to_owned())];
    assert!(samples.windows(2).all(|w| w[0].dts < w[1].dts));
}

#[test]
fn a_sender_that_begins_anew_is_a_break() {
    let (header, chunks) = cut(A_CMAF);
    let other: Vec<Vec<u8>> = chunks
        .iter()
        .map(|chunk| {
            // Other media with the same times.
            let mut chunk = chunk.clone();
            let at = chunk.len() - 200;
            let mdat = chunk.windows(4).position(|w| w == b"mdat").expect("one") + 4;
            chunk[mdat] ^= 1;
            chunk[at] ^= 1;
            chunk
        })
        .collect();
    let mut sender = Sender::new();
    sender.put("Streams(a.cmfa)", &[&header[..], &chunks.concat()].concat()).expect("a track");
    sender.put("Streams(a.cmfa)", &[&header[..], &other.concat()].concat()).expect("a track");
    sender.wait(20_000);
    let breaks = sender.events.iter().filter(|e| matches!(e, SourceEvent::Break)).count();
    assert_eq!((breaks, sender.media()[&(Audio, "a".to_owned())].len()), (1, 2 * 283));
}

#[test]
fn media_without_a_header_is_refused_and_a_header_makes_it_welcome() {
    let (header, chunks) = cut(A_CMAF);
    for path in ["Streams(a.cmfa)", "a/1.cmfa", "a/1.m4s", "a.cmfa"] {
        let mut sender = Sender::new();
        assert_eq!(sender.put(path, &chunks[0]), Err(Refusal::NoHeader), "{path}");
        sender.put(path, &header).expect("a header");
        assert_eq!(sender.put(path, &chunks[0]), Ok(()), "{path}");
    }
}

#[test]
fn the_last_segment_of_all_tracks_ends_the_source() {
    let (header, chunks) = cut(A_CMAF);
    let mut sender = Sender::new();
    sender.put("Streams(a.cmfa)", &header).expect("a header");
    sender.put("Streams(a.cmfa)", &chunks[0]).expect("a chunk");
    let last = [b"\0\0\0\x18stypcmfs\0\0\0\0cmfslmsg".as_slice(), &chunks[1]].concat();
    sender.put("Streams(a.cmfa)", &last).expect("the last");
    assert!(sender.is_lost());
}

#[test]
fn times_near_their_arrival_count_from_the_epoch() {
    let (header, chunks) = cut(A_CMAF);
    let mut sender = Sender::new();
    sender.put("Streams(a.cmfa)", &header).expect("a header");
    let begins = u64::try_from(WALL_MS).expect("after 1970") * 48;
    for (n, chunk) in chunks.iter().enumerate() {
        let mut chunk = chunk.clone();
        let tfdt = chunk.windows(4).position(|w| w == b"tfdt").expect("one") + 4;
        let (version, field) = (chunk[tfdt], tfdt + 4);
        assert_eq!(version, 1, "a decode time of 64 bits");
        let old = u64::from_be_bytes(chunk[field..field + 8].try_into().expect("eight"));
        chunk[field..field + 8].copy_from_slice(&(begins + old).to_be_bytes());
        sender.ms = n as u64 * 500;
        sender.put("Streams(a.cmfa)", &chunk).expect("a chunk");
    }
    sender.wait(20_000);
    assert_eq!(sender.anchors().last().map(|a| (a.0, a.1.floor_millis())), Some((0, 0)));
    // Each chunk could go on as it is.
    let media = sender.media();
    let samples = &media[&(Audio, "a".to_owned())];
    assert!(samples.iter().all(|sample| sample.origin.is_some()));
}

#[test]
fn an_empty_body_is_welcome_and_a_body_that_broke_off_is_not_believed() {
    let mut sender = Sender::new();
    assert_eq!(sender.put("Streams(v.cmfv)", b""), Ok(()));
    let object = sender.session.open(now(0), "live.m3u8");
    sender.session.push(now(0), object, b"#EXTM3U\n#EXTINF:2,\na.ts\n").expect("a playlist");
    sender.session.end(now(0), object, false).expect("it broke off");
    assert!(!sender.session.has_manifest());
}

#[test]
fn what_is_no_media_is_refused_with_what_it_is() {
    let (header, _) = cut(V_CMAF);
    let mut encrypted = header.clone();
    let entry = encrypted.windows(4).position(|w| w == b"avc1").map(|at| {
        encrypted[at..at + 4].copy_from_slice(b"encv");
    });
    assert!(entry.is_some());
    let progressive = include_bytes!("../../../fixtures/loop/two-rungs.mp4");
    for (path, body, says) in [
        ("a.m3u8", b"#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n".as_slice(), "AES-128"),
        ("a.mpd", b"<?xml version=\"1.0\"?><html></html>", "no MPD"),
        ("a.mpd", b"<MPD><Period></MPD>            ", "not well-formed"),
        ("a.cmfv", &encrypted, "encrypted"),
        ("a.mp4", progressive, "not fragmented"),
        ("a.vtt", b"WEBVTT and more text", "no media"),
        ("Streams(a)", b"\0\0\0\x10styp\0\0\0\0\0\0\0\0\0\0\0\x02????", "not made of ISO boxes"),
    ] {
        let refusal = Sender::new().put(path, body).expect_err(path).to_string();
        assert!(refusal.contains(says), "{path}: {refusal}");
    }
}

#[test]
fn what_nobody_asks_for_is_dropped_before_it_is_too_much() {
    let mut sender = Sender::holding(100_000);
    sender.put("live.m3u8", fixture!("hls-fmp4/live.m3u8")).expect("a playlist");
    for n in 0..30 {
        sender
            .put(&format!("other{n}.ts"), fixture!("hls-ts/s_0_0.ts"))
            .expect("it is dropped later");
    }
    let dropped = sender.faults.iter().filter(|f| matches!(f, Fault::Unlisted { .. })).count();
    assert_eq!(dropped, 27);
    let object = sender.session.open(now(0), "large.ts");
    let large = [&[0x47; 1][..], &vec![0; 150_000]].concat();
    let refused = sender.session.push(now(0), object, &large);
    assert_eq!(refused, Err(Refusal::Full { limit: 100_000 }));
}

#[test]
fn silence_of_a_segment_and_a_half_and_more_ends_the_source() {
    let mut sender = Sender::new();
    sender.put_all(&hls_ts()[..1].to_vec());
    let text = std::str::from_utf8(fixture!("hls-ts/out_0.m3u8")).expect("text");
    let live = text.replace("#EXT-X-ENDLIST\n", "");
    sender.put("out_0.m3u8", live.as_bytes()).expect("a playlist");
    sender.wait(4_900);
    assert!(!sender.is_lost());
    sender.wait(200);
    assert!(sender.is_lost());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_order_of_bodies_gives_the_same_media(
        order in Just((0..14).collect::<Vec<usize>>()).prop_shuffle(),
    ) {
        let files = dash();
        let shuffled: Files = order.iter().map(|n| files[*n]).collect();
        let mut sender = Sender::new();
        for (path, body) in &shuffled {
            // Media before any header is refused, and its sender is told so.
            let _ = sender.put(path, body);
        }
        sender.wait(20_000);
        for samples in sender.media().values() {
            prop_assert!(samples.windows(2).all(|w| w[0].dts < w[1].dts));
        }
    }

    #[test]
    fn no_mutation_of_a_push_is_too_much(
        which in 0usize..4,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..12),
        piece in 1usize..5_000,
    ) {
        let mut files: Vec<(&str, Vec<u8>)> = match which {
            0 => hls_ts(),
            1 => hls_fmp4(),
            2 => dash(),
            _ => vec![("Streams(v.cmfv)", V_CMAF), ("Streams(a.cmfa)", A_CMAF)],
        }.into_iter().map(|(path, body)| (path, body.to_vec())).collect();
        for (file, at, value) in edits {
            let file = file.index(files.len());
            let body = &mut files[file].1;
            let at = at.index(body.len());
            body[at] = value;
        }
        let mut sender = Sender::holding(200_000);
        for (path, body) in &files {
            let object = sender.session.open(now(sender.ms), path);
            for piece in body.chunks(piece) {
                let _ = sender.session.push(now(sender.ms), object, piece);
                sender.drain();
            }
            let _ = sender.session.end(now(sender.ms), object, true);
            sender.drain();
            sender.ms += 100;
        }
        sender.wait(200_000);
        prop_assert!(sender.session.is_over());
    }

    #[test]
    fn no_manifest_is_too_much(
        which in 0usize..3,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..20),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut text = [
            fixture!("hls-ts/master.m3u8"),
            fixture!("hls-fmp4/live.m3u8"),
            fixture!("dash/manifest.mpd"),
        ][which].to_vec();
        for (at, value) in edits {
            let at = at.index(text.len());
            text[at] = value;
        }
        text.truncate(cut.index(text.len()) + 1);
        fuzz_playlist(&text);
        fuzz_mpd(&text);
    }
}
