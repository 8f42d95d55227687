//! HLS, DASH and CMAF ingest: what ffmpeg writes, pushed file by file, and what comes out of it.

use std::collections::BTreeMap;

use headwater::isobmff::{SampleDefaults, Strictness, parse_chunk};
use headwater::packager::SegmentContent;

use crate::client::chunk;
use crate::cmaf::{cut, decode_time, moved};
use crate::playlist::{attribute, media_playlists};
use crate::ts::{self, PUSHED, begin, push, push_as};
use crate::world::World;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../fixtures/segments/", $name)).as_slice()
    };
}

/// Files in the order their sender pushes them.
pub(crate) const HLS_TS: &[(&str, &[u8])] = &[
    ("s_0_0.ts", fixture!("hls-ts/s_0_0.ts")),
    ("out_0.m3u8", fixture!("hls-ts/out_0.m3u8")),
    ("s_1_0.ts", fixture!("hls-ts/s_1_0.ts")),
    ("out_1.m3u8", fixture!("hls-ts/out_1.m3u8")),
    ("master.m3u8", fixture!("hls-ts/master.m3u8")),
    ("s_0_1.ts", fixture!("hls-ts/s_0_1.ts")),
    ("s_1_1.ts", fixture!("hls-ts/s_1_1.ts")),
    ("s_0_2.ts", fixture!("hls-ts/s_0_2.ts")),
    ("s_1_2.ts", fixture!("hls-ts/s_1_2.ts")),
];
pub(crate) const HLS_FMP4: &[(&str, &[u8])] = &[
    ("init.mp4", fixture!("hls-fmp4/init.mp4")),
    ("s0.m4s", fixture!("hls-fmp4/s0.m4s")),
    ("manifest", fixture!("hls-fmp4/live.m3u8")),
    ("s1.m4s", fixture!("hls-fmp4/s1.m4s")),
    ("s2.m4s", fixture!("hls-fmp4/s2.m4s")),
];
pub(crate) const DASH: &[(&str, &[u8])] = &[
    ("d/init-stream0.m4s", fixture!("dash/init-stream0.m4s")),
    ("d/init-stream1.m4s", fixture!("dash/init-stream1.m4s")),
    ("d/init-stream2.m4s", fixture!("dash/init-stream2.m4s")),
    ("d/chunk-stream0-00001.m4s", fixture!("dash/chunk-stream0-00001.m4s")),
    ("d/chunk-stream1-00001.m4s", fixture!("dash/chunk-stream1-00001.m4s")),
    ("d/chunk-stream2-00001.m4s", fixture!("dash/chunk-stream2-00001.m4s")),
    ("d/manifest", fixture!("dash/manifest.mpd")),
    ("d/chunk-stream0-00002.m4s", fixture!("dash/chunk-stream0-00002.m4s")),
    ("d/chunk-stream1-00002.m4s", fixture!("dash/chunk-stream1-00002.m4s")),
    ("d/chunk-stream2-00002.m4s", fixture!("dash/chunk-stream2-00002.m4s")),
    ("d/chunk-stream0-00003.m4s", fixture!("dash/chunk-stream0-00003.m4s")),
    ("d/chunk-stream1-00003.m4s", fixture!("dash/chunk-stream1-00003.m4s")),
    ("d/chunk-stream2-00003.m4s", fixture!("dash/chunk-stream2-00003.m4s")),
    ("d/chunk-stream2-00004.m4s", fixture!("dash/chunk-stream2-00004.m4s")),
];
/// Tracks, each a whole file.
pub(crate) const CMAF: &[(&str, &[u8])] =
    &[("v-stream0/v.mp4", V_CMAF), ("a-stream1/a.mp4", A_CMAF)];
const V_CMAF: &[u8] = fixture!("cmaf/v.cmfv");
const A_CMAF: &[u8] = fixture!("cmaf/a.cmfa");

pub(crate) async fn push_files(world: &World, files: &[(&str, &[u8])]) {
    for (path, body) in files {
        let reply = push(world, &format!("/v1/g/1/p/{path}"), body).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
    }
}

/// Lets the session notice its end.
pub(crate) async fn ended(world: &World) {
    world.advance(12_000);
    world.until("the encoder is known to have gone", |w| w.snapshot().losses >= 1).await;
    world.until("it plays", ts::plays).await;
}

/// Samples of every rendition that are in its list, by name.
pub(crate) fn samples(world: &World) -> BTreeMap<String, usize> {
    let snapshot = world.snapshot();
    let view = snapshot.segmentations.values().next().expect("a segmentation");
    let count = |bytes: &[u8]| {
        let read = parse_chunk(bytes, &SampleDefaults::default(), Strictness::Strict);
        read.expect("our own chunk").samples.len()
    };
    let lists = view.renditions.iter().map(|list| {
        let rows = list.rows.iter_from(0);
        let chunks = rows.map(|row| match &row.content {
            SegmentContent::Media { chunks, .. } => {
                chunks.iter().map(|c| count(&c.bytes)).sum::<usize>()
            }
            SegmentContent::Stored | SegmentContent::Gap => 0,
        });
        (list.rendition.name.clone(), chunks.sum::<usize>())
    });
    lists.collect()
}

async fn sizes(world: &World) -> Vec<String> {
    let text = world.get("/v1/g/2/p/manifest.m3u8").await.text();
    assert!(media_playlists(&text).len() > 1, "{text}");
    let variants = text.lines().filter(|l| l.starts_with("#EXT-X-STREAM-INF"));
    let mut sizes: Vec<_> = variants.filter_map(|l| attribute(l, "RESOLUTION")).collect();
    sizes.sort();
    sizes
}

#[tokio::test]
async fn an_hls_push_plays_whole_from_its_first_segment_on() {
    let world = World::driven(PUSHED);
    push_files(&world, HLS_TS).await;
    ended(&world).await;
    assert_eq!(sizes(&world).await, ["160x90", "96x54"]);
    let all = samples(&world);
    assert_eq!((all["video-out_0"], all["video-out_1"]), (150, 150), "{all:?}");
    let faults =
        world.metric("headwater_facts_total{group=\"g\",channel=\"p\",fact=\"lost_segment\"}");
    assert_eq!(faults, 0);
}

#[tokio::test]
async fn an_hls_push_of_fragments_to_a_bare_manifest_plays() {
    let world = World::driven(PUSHED);
    push_files(&world, HLS_FMP4).await;
    ended(&world).await;
    assert_eq!(sizes(&world).await, ["160x90"]);
    assert_eq!(samples(&world)["video-manifest"], 150);
}

#[tokio::test]
async fn a_dash_push_plays_and_its_deletes_remove_nothing() {
    let world = World::driven(PUSHED);
    push_files(&world, DASH).await;
    for (path, _) in DASH {
        let reply = push_as(&world, "DELETE", &format!("/v1/g/1/p/{path}"), &[], &[]).await;
        assert_eq!(reply.status, 200, "{path}");
    }
    ended(&world).await;
    assert_eq!(sizes(&world).await, ["160x90", "96x54"]);
    let all = samples(&world);
    assert_eq!((all["video-0"], all["video-1"]), (150, 150), "{all:?}");
    let text = world.get("/v1/g/2/p/manifest.m3u8").await.text();
    assert!(text.contains("LANGUAGE=\"fr\""), "{text}");
}

#[tokio::test]
async fn cmaf_tracks_play_from_endless_bodies_side_by_side() {
    let world = World::driven(PUSHED);
    let mut video = begin(&world, "/v1/g/1/p/Streams(v.cmfv)").await;
    let mut audio = begin(&world, "/v1/g/1/p/Streams%28a.cmfa%29").await;
    let pieces = |body: &'static [u8]| body.chunks(body.len().div_ceil(10));
    let mut pushed = 0;
    for (v, a) in pieces(V_CMAF).zip(pieces(A_CMAF)) {
        video.write(&chunk(v)).await;
        audio.write(&chunk(a)).await;
        // In step, as one encoder sends them.
        pushed += i64::try_from(v.len() + a.len()).unwrap();
        world.until("both came", |w| w.metric("headwater_ingested") == pushed).await;
    }
    for connection in [&mut video, &mut audio] {
        connection.write(b"0\r\n\r\n").await;
        assert_eq!(connection.receive("PUT").await.status, 200);
    }
    ended(&world).await;
    assert_eq!(sizes(&world).await, ["160x90"]);
    assert_eq!(samples(&world)["video-v"], 150);
}

/// A CMAF file whose decode times count from the epoch, from `ms` on, and its chunks as they are to
/// come out.
fn since_epoch(file: &[u8], ms: u64, timescale: u64) -> (Vec<u8>, Vec<Vec<u8>>) {
    let (header, chunks) = cut(file);
    let (mut file, mut given) = (header, Vec::new());
    for mut chunk in chunks {
        let time = u64::from_be_bytes(*decode_time(&mut chunk)) + ms * timescale / 1000;
        chunk = moved(&chunk, time);
        file.extend(&chunk);
        // What is written anew is mfhd's number, for it is a function of time here.
        let number = (time * 100 / timescale) as u32;
        chunk[20..24].copy_from_slice(&number.to_be_bytes());
        given.push(chunk);
    }
    (file, given)
}

#[tokio::test]
async fn chunks_of_cmaf_with_absolute_time_go_through_but_for_their_numbers() {
    let plain = PUSHED.split_inclusive("  [[channel.endpoint]]").collect::<Vec<_>>();
    // Without parts, which would cut the chunks: the second endpoint alone.
    let world = World::driven(&[plain[0], plain[2]].concat());
    let now = u64::try_from(world.server().origin.clock.now().wall.millis()).unwrap();
    let (video, chunks) = since_epoch(V_CMAF, now / 1000 * 1000, 12_800);
    let reply = push(&world, "/v1/g/1/p/Streams(v.cmfv)", &video).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    ended(&world).await;
    let snapshot = world.snapshot();
    let view = snapshot.segmentations.values().next().expect("a segmentation");
    let rows: Vec<_> = view.renditions[0].rows.iter_from(0).collect();
    assert!(rows.len() >= 5, "{}", rows.len());
    for row in rows {
        let SegmentContent::Media { chunks: ours, .. } = &row.content else { panic!("a gap") };
        assert!(ours.iter().all(|chunk| chunks.iter().any(|theirs| *theirs == chunk.bytes)));
    }
}

#[tokio::test]
async fn a_body_without_a_byte_holds_the_push_open() {
    let world = World::driven(PUSHED);
    push_files(&world, &DASH[..6]).await;
    let mpd = std::str::from_utf8(DASH[6].1).unwrap().replace("static", "dynamic");
    push_files(&world, &[(DASH[6].0, mpd.as_bytes())]).await;
    let mut idle = begin(&world, "/v1/g/1/p/d/chunk-stream0-00002.m4s").await;
    let open = async |w: &World| w.admin("/status").await.text().contains("encoder connected");
    while !open(&world).await {}
    world.advance(30_000);
    idle.write(&chunk(DASH[7].1)).await;
    idle.write(b"0\r\n\r\n").await;
    assert_eq!(idle.receive("PUT").await.status, 200);
    push_files(&world, &DASH[8..]).await;
    ended(&world).await;
    assert_eq!(world.snapshot().losses, 1, "it was one push");
}

#[tokio::test]
async fn what_cannot_be_taken_is_answered_as_the_standard_says() {
    let world = World::driven(PUSHED);
    let progressive = include_bytes!("../../fixtures/loop/two-rungs.mp4").as_slice();
    let media = DASH[3].1;
    for (path, body, status, says) in [
        ("Streams(v.cmfv)", b"".as_slice(), 200, ""),
        ("Streams(v.cmfv)", media, 412, "before its header"),
        ("v/1.cmfv", media, 412, "before its header"),
        ("v/1.m4s", media, 412, "before its header"),
        ("live.mp4", progressive, 415, "not fragmented"),
        ("live.m3u8", b"#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n", 400, "in the clear"),
        ("manifest.mpd", b"<?xml version=\"1.0\"?><html></html>", 400, "no MPD"),
        ("Streams(x)", b"\0\0\0\x10styp\0\0\0\0\0\0\0\0\0\0\0\x02????", 400, "ISO boxes"),
    ] {
        let reply = push(&world, &format!("/v1/g/1/p/{path}"), body).await;
        assert_eq!(reply.status, status, "{path}: {}", reply.text());
        assert!(reply.text().contains(says), "{path}: {}", reply.text());
    }
    // None of it harms what is right.
    push_files(&world, HLS_FMP4).await;
    ended(&world).await;
    assert_eq!(samples(&world)["video-manifest"], 150);
}
