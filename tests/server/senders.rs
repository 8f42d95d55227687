//! What real senders do beyond the forms of their files: when each byte comes.

use crate::client::{Connection, chunk};
use crate::cmaf::{Encoder, Picture, cut, send};
use crate::segments::{ended, samples};
use crate::ts::{PUSHED, begin, push, push_as};
use crate::world::{LOOPED, World};

const FOLDER: &str = "/v1/g/1/p/d";
/// What a segment begins with.
const STYP: &[u8] = b"\0\0\0\x18stypmsdh\0\0\0\0msdhmsix";
const V_CMAF: &[u8] = include_bytes!("../../fixtures/segments/cmaf/v.cmfv");
const A_CMAF: &[u8] = include_bytes!("../../fixtures/segments/cmaf/a.cmfa");

/// An MPD as `ffmpeg -f dash -ldash 1` writes it when so many segments are begun.
fn mpd(kind: &str, segments: usize) -> String {
    let set = |id: u32, mime: &str, timescale: u32, d: u32| {
        format!(
            r#"<AdaptationSet id="{id}" startWithSAP="1" segmentAlignment="true">
<Resync dT="500000" type="0"/>
<Representation id="{id}" mimeType="{mime}" bandwidth="40000">
<ProducerReferenceTime id="0" inband="true" type="captured" wallClockTime="2027-01-15T08:00:00.000Z" presentationTime="0">
<UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-xsdate:2014" value="http://127.0.0.1/time"/>
</ProducerReferenceTime>
<SegmentTemplate timescale="{timescale}" availabilityTimeComplete="false" initialization="init-stream$RepresentationID$.m4s" media="chunk-stream$RepresentationID$-$Number%05d$.m4s" startNumber="1">
<SegmentTimeline><S t="0" d="{d}" r="{r}"/></SegmentTimeline>
</SegmentTemplate></Representation></AdaptationSet>
"#,
            r = segments - 1
        )
    };
    let sets = [set(0, "video/mp4", 12_800, 25_600), set(1, "audio/mp4", 48_000, 98_304)].concat();
    format!(
        r#"<?xml version="1.0" encoding="utf-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011" type="{kind}" minimumUpdatePeriod="PT2S" availabilityStartTime="2027-01-15T08:00:00.000Z" maxSegmentDuration="PT2.0S" minBufferTime="PT1.0S">
<Period id="0" start="PT0.0S">
{sets}</Period></MPD>
"#
    )
}

async fn put(world: &World, name: &str, body: &[u8]) {
    let reply = push(world, &format!("{FOLDER}/{name}"), body).await;
    assert_eq!(reply.status, 200, "{name}: {}", reply.text());
}

/// The end of the newest media of the picture, parts too, in milliseconds since the epoch.
fn edge(world: &World) -> i64 {
    let snapshot = world.snapshot();
    let view = snapshot.segmentations.iter().find(|(key, _)| key.part_ms.is_some());
    let list = view.and_then(|(_, view)| view.rendition_named("video-0"));
    let Some(list) = list else { return 0 };
    let row = list.rows.last().map_or(0, |row| row.end_time().floor_millis());
    let parts = list.open.as_ref().map_or(0, |open| open.parts.len());
    row + 500 * i64::try_from(parts).expect("few")
}

/// O05: `ffmpeg -f dash -ldash 1 -streaming 1`. A segment's request begins with its styp alone and
/// brings each fragment in an HTTP chunk when it is whole; the MPD comes twice a segment, at the
/// end a static one, and what has left its window is deleted.
#[tokio::test]
async fn fragments_of_a_low_latency_dash_push_play_while_their_segment_is_under_way() {
    let world = World::driven(PUSHED);
    let tracks = [cut(V_CMAF), cut(A_CMAF)];
    for (id, (header, _)) in tracks.iter().enumerate() {
        put(&world, &format!("init-stream{id}.m4s"), header).await;
    }
    for segment in 0..3_usize {
        let mut bodies: Vec<Connection> = Vec::new();
        for id in 0..2 {
            let name = format!("chunk-stream{id}-{:05}.m4s", segment + 1);
            let mut body = begin(&world, &format!("{FOLDER}/{name}")).await;
            body.write(&chunk(STYP)).await;
            bodies.push(body);
        }
        put(&world, "live.mpd", mpd("dynamic", segment + 1).as_bytes()).await;
        for half in 0..2 {
            world.advance(1000);
            for (body, (per_half, (_, chunks))) in bodies.iter_mut().zip([1, 2].iter().zip(&tracks))
            {
                let nth = (segment * 2 + half) * per_half;
                for fragment in &chunks[nth..nth + per_half] {
                    body.write(&chunk(fragment)).await;
                }
            }
            // Three sync samples tell the rhythm; from then on a fragment is listed as it comes.
            let second = i64::try_from(segment * 2 + half).unwrap();
            if second >= 4 {
                let due = 1_800_000_000_000 + second * 1000 + 500;
                world.until("the open segment's fragment is listed", |w| edge(w) >= due).await;
            }
        }
        for mut body in bodies {
            body.write(b"0\r\n\r\n").await;
            assert_eq!(body.receive("PUT").await.status, 200);
        }
        put(&world, "live.mpd", mpd("dynamic", segment + 1).as_bytes()).await;
    }
    for id in 0..2 {
        let path = format!("{FOLDER}/chunk-stream{id}-00001.m4s");
        assert_eq!(push_as(&world, "DELETE", &path, &[], &[]).await.status, 200, "{path}");
    }
    put(&world, "live.mpd", mpd("static", 3).as_bytes()).await;
    ended(&world).await;
    assert_eq!(world.snapshot().losses, 1, "it was one push");
    let all = samples(&world);
    assert_eq!(all["video-0"], 150, "{all:?}");
}

/// O12: ffmpeg opens the request of a segment of sound some 30 ms after that of the picture; players
/// ask for both at the instant they compute.
#[tokio::test]
async fn sound_that_comes_after_the_picture_is_waited_for_and_never_refused() {
    const BEGINNING: u64 = 1_800_000_000;
    let world = World::driven(&LOOPED.replace("loop = \"loop.mp4\"\n", ""));
    let encoder = Encoder::new();
    send(&world, 1, &encoder.headers(Picture::Large)).await;
    let last = |world: &World, of: &str| {
        let snapshot = world.snapshot();
        let view = snapshot.segmentations.iter().find(|(key, _)| key.segment_ms == 2000);
        let list = view.and_then(|(_, view)| view.rendition_named(of));
        list.and_then(|list| list.rows.last()).map(|row| row.number)
    };
    let mut held = 0;
    for n in 1..=30 {
        world.advance(970);
        let second = BEGINNING + n - 1;
        send(&world, 1, &encoder.video(Picture::Large, second)).await;
        let mut waiting = None;
        if n > 12 && second.is_multiple_of(2) {
            // The picture's segment that ends as this second begins is whole, the sound's is not.
            let due = second / 2 - 1;
            let there = |w: &World| last(w, "video-v") == Some(due);
            world.until("the picture's segment is listed", there).await;
            assert!(last(&world, "audio-fra") < Some(due));
            let mut player = Connection::open(world.egress()).await;
            player.send("GET", &format!("/v1/g/3/c/3-1/audio-fra/{due}.m4s"), &[]).await;
            world.waiters(1).await;
            waiting = Some(player);
        }
        world.advance(30);
        send(&world, 1, &encoder.sound(second)).await;
        if let Some(mut player) = waiting {
            let reply = player.receive("GET").await;
            assert_eq!(reply.status, 200, "after {n} s: {}", String::from_utf8_lossy(&reply.body));
            held += 1;
        }
    }
    assert_eq!(held, 9);
}
