//! Transport streams over the wire: lists, segments, parts, and that each is made once.

use std::collections::BTreeMap;

use mpeg2ts_reader::packet::Packet;

use crate::client::{Connection, Reply};
use crate::playlist::{Playlist, attribute, media_playlists};
use crate::ts::{self, BFRAMES_25};
use crate::world::{World, until};

/// A loop of two rungs and audio: 1 low-latency, 2 plain, 3 with audio lists of its own, 4 CMAF.
const LOOPED: &str = r#"
[[channel]]
group = "g"
name = "c"
loop = "loop.mp4"
  [[channel.endpoint]]
  name = "low"
  protocol = "LLHLS_TS"
  segment_duration = "1s"
  part_duration = "500ms"
  segment_num = 12
  open = true
  [[channel.endpoint]]
  name = "plain"
  protocol = "HLS"
  segment_duration = "2s"
  segment_num = 4
  open = true
  [[channel.endpoint]]
  name = "groups"
  protocol = "HLS"
  use_audio_rendition_groups = true
  segment_duration = "2s"
  segment_num = 4
  open = true
  [[channel.endpoint]]
  name = "cmaf"
  protocol = "HLS_CMAF"
  segment_duration = "2s"
  segment_num = 4
  open = true
"#;

const LOW: &str = "/v1/g/1/c/1-1/video-90p/";
const PLAIN: &str = "/v1/g/2/c/2-1/video-90p/";

async fn list(world: &World, folder: &str) -> Playlist {
    let reply = world.get(&format!("{folder}media.m3u8")).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    Playlist::read(&reply.text(), None)
}

async fn object(world: &World, path: &str) -> Reply {
    let reply = world.get(path).await;
    assert_eq!(reply.status, 200, "{path}: {}", String::from_utf8_lossy(&reply.body));
    assert_eq!(reply.header("content-type"), Some("video/mp2t"), "{path}");
    let forever = Some("public, max-age=31536000, immutable");
    assert_eq!(reply.header("cache-control"), forever, "{path}");
    assert!(reply.header("etag").is_some(), "{path}");
    reply
}

/// Counters by PID; panics where one breaks off unsaid.
fn counters(bytes: &[u8], last: &mut BTreeMap<u16, u8>) {
    for packet in bytes.chunks(188) {
        let packet = Packet::try_new(packet).expect("a packet");
        let (pid, counter) = (u16::from(packet.pid()), packet.continuity_counter().count());
        let jump = packet.adaptation_field().is_some_and(|f| f.discontinuity_indicator());
        let before = last.insert(pid, counter);
        if let Some(before) = before.filter(|_| packet.payload().is_some() && !jump) {
            assert_eq!(counter, (before + 1) % 16, "PID {pid}");
        }
    }
}

#[tokio::test]
async fn a_channel_is_listed_muxed_or_with_audio_groups() {
    let world = World::looped(LOOPED).await;
    for ordinal in [1, 2] {
        let text = world.get(&format!("/v1/g/{ordinal}/c/manifest.m3u8")).await.text();
        assert!(
            text.contains("#EXT-X-VERSION:3\n") && text.contains("#EXT-X-INDEPENDENT-SEGMENTS")
        );
        assert!(!text.contains("#EXT-X-MEDIA:") && !text.contains("AUDIO="), "{text}");
        assert!(text.contains(",mp4a.40.2\""), "the audio is told of: {text}");
        let names = ["video-46p", "video-90p"];
        let lists = names.map(|name| format!("{ordinal}-1/{name}/media.m3u8"));
        assert_eq!(media_playlists(&text).into_iter().collect::<Vec<_>>(), lists);
    }
    let groups = world.get("/v1/g/3/c/manifest.m3u8").await.text();
    assert!(groups.contains("AUDIO=\"audio\"") && groups.contains("3-1/audio-eng/media.m3u8"));
    // Declared rates are those of the transport stream, over what a segment measures.
    let rate = |text: &str| -> u64 {
        let line = text.lines().find(|l| l.starts_with("#EXT-X-STREAM-INF")).unwrap();
        attribute(line, "BANDWIDTH").unwrap().parse().unwrap()
    };
    let text = world.get("/v1/g/2/c/manifest.m3u8").await.text();
    let plain = list(&world, PLAIN).await;
    let segment = object(&world, &format!("{PLAIN}{}", plain.entries[0].uri)).await;
    let measured =
        segment.body.len() as u64 * 8 * 1_000_000 / plain.entries[0].duration_us.cast_unsigned();
    let declared = rate(&text);
    assert!(measured <= declared && declared < measured * 3 / 2, "{measured} {declared}");
    assert!(declared > rate(&world.get("/v1/g/4/c/manifest.m3u8").await.text()));
}

#[tokio::test]
async fn a_segment_is_its_parts_and_continues_the_one_before() {
    let world = World::looped(LOOPED).await;
    world.step().await;
    let low = list(&world, LOW).await;
    let mut last = BTreeMap::new();
    for entry in &low.entries {
        let whole = object(&world, &format!("{LOW}{}", entry.uri)).await.body;
        let pids: Vec<u16> = whole
            .chunks(188)
            .take(2)
            .map(|packet| Packet::try_new(packet).unwrap().pid().into())
            .collect();
        assert_eq!(pids, [0, 0x1000], "tables come first");
        counters(&whole, &mut last);
        let mut laid = Vec::new();
        for (_, line) in low.parts.iter().filter(|(number, _)| *number == entry.number) {
            let uri = attribute(line, "URI").unwrap();
            assert_eq!(uri.rsplit('.').next(), Some("ts"));
            laid.extend(object(&world, &format!("{LOW}{uri}")).await.body);
        }
        assert!(laid.is_empty() || laid == whole, "{}", entry.uri);
    }
    assert_eq!(last.len(), 4, "tables, video and audio: {last:?}");
}

#[tokio::test]
async fn each_object_is_made_once_for_all_who_ask() {
    let world = World::looped(LOOPED).await;
    let path = format!("{PLAIN}{}", list(&world, PLAIN).await.entries[0].uri);
    let mut asked = Vec::new();
    for _ in 0..20 {
        let mut connection = Connection::open(world.egress()).await;
        let path = path.clone();
        asked.push(tokio::spawn(async move { connection.get(&path).await }));
    }
    let mut bodies = Vec::new();
    for asked in asked {
        bodies.push(asked.await.unwrap().body);
    }
    assert!(bodies.iter().all(|body| !body.is_empty() && *body == bodies[0]));
    assert_eq!(world.metric("headwater_derivations_total"), 1);
    // The same object in another rung's list, or of another endpoint, is another.
    object(&world, &path.replace("video-90p", "video-46p")).await;
    assert_eq!(world.metric("headwater_derivations_total"), 2);
    let range = world.ask("GET", &path, &[("Range", "bytes=188-375")]).await;
    assert_eq!((range.status, range.body.as_slice()), (206, &bodies[0][188..376]));
    assert_eq!(world.metric("headwater_derivations_total"), 2);
}

#[tokio::test]
async fn the_hinted_part_is_held_until_its_audio_is_there() {
    let world = World::looped(LOOPED).await;
    let hint = list(&world, LOW).await.hint.expect("a hint");
    let mut held = Connection::open(world.egress()).await;
    held.send("GET", &format!("{LOW}{hint}"), &[]).await;
    let mut blocked = Connection::open(world.egress()).await;
    let n = list(&world, LOW).await.last() + 1;
    blocked
        .send("GET", &format!("{LOW}media.m3u8?_HLS_msn={n}&_HLS_part=0&_HLS_skip=YES"), &[])
        .await;
    world.waiters(2).await;
    world.step().await;
    let reply = held.receive("GET").await;
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("video/mp2t")));
    let text = blocked.receive("GET").await.text();
    assert!(text.contains(&format!("URI=\"{hint}\",INDEPENDENT=YES")), "{text}");
    assert!(text.contains("#EXT-X-RENDITION-REPORT:URI=\"../video-46p/media.m3u8\""), "{text}");
    assert!(!text.contains("audio"), "audio has no list here: {text}");
}

#[tokio::test]
async fn names_of_the_other_container_are_unknown() {
    let world = World::looped(LOOPED).await;
    let plain = list(&world, PLAIN).await;
    let number = plain.last();
    for path in [
        format!("{PLAIN}{number}.m4s"),
        format!("{PLAIN}init-1.mp4"),
        format!("/v1/g/4/c/4-1/video-90p/{number}.ts"),
    ] {
        let reply = world.get(&path).await;
        assert_eq!(
            (reply.status, reply.header("cache-control")),
            (404, Some("max-age=1")),
            "{path}"
        );
    }
    assert_eq!(world.get(&format!("{PLAIN}{}.ts", number + 5)).await.status, 404);
}

#[tokio::test]
async fn what_an_encoder_pushes_comes_out_as_it_went_in() {
    let world = World::driven(
        r#"
[[channel]]
group = "g"
name = "p"
  [[channel.endpoint]]
  protocol = "HLS"
  segment_duration = "1s"
  segment_num = 20
  open = true
"#,
    );
    let reply = ts::push(&world, "/v1/g/1/p/live.ts", BFRAMES_25).await;
    assert!(reply.status < 300, "{}", reply.text());
    until("it plays", || ts::plays(&world)).await;
    let folder = "/v1/g/1/p/1-1/video/";
    let list = list(&world, folder).await;
    let mut bytes = Vec::new();
    for entry in &list.entries {
        bytes.extend(object(&world, &format!("{folder}{}", entry.uri)).await.body);
    }
    let (source, out) = (samples(BFRAMES_25), samples(&bytes));
    for (pid, (mut was, is)) in source.into_iter().zip(out).map(|((_, a), (pid, b))| (pid, (a, b)))
    {
        // The first and last of the push lie outside whole segments.
        let start = was.iter().position(|data| *data == is[0]).expect("its first frame");
        was.drain(..start);
        assert!(is.len() > 20 && was[..is.len()] == is[..], "PID {pid}");
    }
}

/// The frames of each track.
fn samples(bytes: &[u8]) -> BTreeMap<u32, Vec<Vec<u8>>> {
    use headwater::media::{TrackId, VariantName};
    use headwater::mpegts::{Demuxer, DemuxerLimits, Event};
    let mut demuxer = Demuxer::new(VariantName::default(), DemuxerLimits::default());
    demuxer.push(bytes);
    demuxer.end_of_body();
    let mut tracks: BTreeMap<u32, Vec<Vec<u8>>> = BTreeMap::new();
    while let Some(event) = demuxer.poll_event() {
        match event {
            Event::Sample(TrackId(id), sample) => {
                tracks.entry(id).or_default().push(sample.data.to_vec());
            }
            Event::Fault(fault) => panic!("{fault:?}"),
            Event::Track(_) | Event::LeftOut { .. } => {}
        }
    }
    tracks
}
