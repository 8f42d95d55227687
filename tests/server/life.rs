//! How a server begins, is looked at, and ends.

use std::time::Instant;

use crate::client::Connection;
use crate::playlist::{Playlist, media_playlists};
use crate::ts::{self, PUSHED};
use crate::world::{LISTENERS, LOOPED, World, cold, folder};

#[tokio::test]
async fn operators_see_that_it_lives_what_it_counts_and_what_it_plays() {
    let world =
        World::looped(&format!("{LOOPED}{}", PUSHED.replace("[limits]\ninput_loss = \"1s\"", "")))
            .await;
    for (path, content_type, says) in [
        ("/healthz", "text/plain; charset=utf-8", "ok\n"),
        ("/readyz", "text/plain; charset=utf-8", "ready\n"),
        ("/metrics", "application/openmetrics-text; version=1.0.0; charset=utf-8", "# EOF\n"),
        ("/status", "application/json", "\"channels\""),
    ] {
        let reply = world.admin(path).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, Some(content_type)));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert!(reply.text().contains(says), "{path}: {}", reply.text());
    }
    assert_eq!(world.admin("/nothing").await.status, 404);
    assert_eq!(world.get("/metrics").await.status, 404, "readers see none of it");
    let status: serde_json::Value =
        serde_json::from_str(&world.admin("/status").await.text()).unwrap();
    let says = |n: usize| status["channels"][n]["says"].as_str().unwrap().to_owned();
    assert!(says(0).starts_with("plays "), "{}", says(0));
    assert!(says(0).contains("160x90") && says(0).contains("48000 Hz"), "{}", says(0));
    let push = "push MPEG-TS by PUT to /v1/g/1/p/live.ts";
    assert!(says(1).starts_with("plays nothing") && says(1).contains(push), "{}", says(1));
    world.get("/v1/g/1/c/manifest").await;
    assert_eq!(world.metric("headwater_requests_total{kind=\"multivariant\",status=\"200\"}"), 1);
}

async fn says(world: &World, expected: &str) {
    let text = world.admin("/status").await.text();
    assert!(text.contains(expected), "{text}");
}

#[tokio::test]
async fn a_channel_that_is_pushed_to_says_how_far_it_has_come() {
    let world = World::driven(PUSHED);
    says(&world, "plays nothing: no encoder has come").await;
    let encoder =
        ts::push_and_stay(&world, "/v1/g/1/p/live.ts", &ts::BFRAMES_30[..ts::PACKET * 30]).await;
    world.until("bytes came", |w| w.metric("headwater_ingested") > 0).await;
    says(&world, "has an encoder connected and gathers its first segments").await;
    // Another server: what the first frame has begun would count for the stream that follows.
    drop((encoder, world));
    let world = World::driven(PUSHED);
    let encoder = ts::push_and_stay(&world, "/v1/g/1/p/live.ts", ts::BFRAMES_30).await;
    world
        .until("it plays", |w| w.snapshot().segmentations.values().any(|v| v.can_be_shown(false)))
        .await;
    says(&world, "plays video (320x180").await;
    world.advance(20_000);
    says(&world, "stands still: the newest media is").await;
    says(&world, "though an encoder is connected").await;
    drop(encoder);
    world.until("the encoder has gone", |w| w.metric("headwater_ingest_connections ") == 0).await;
    says(&world, "and no encoder is connected").await;
}

#[tokio::test]
async fn who_waits_or_reads_or_pushes_when_the_server_ends_is_answered() {
    let world = World::driven(&format!(
        "{}{}",
        PUSHED.replace("[limits]", "[limits]\ndrain = \"10s\""),
        LOOPED.replace("loop.mp4", "large.mp4")
    ));
    world.settled().await;
    let multivariant = world.get("/v1/g/1/c/manifest").await.text();
    let media = multivariant.lines().find(|l| l.ends_with("media.m3u8")).unwrap().to_owned();
    let list = Playlist::read(&world.get(&format!("/v1/g/1/c/{media}")).await.text(), None);
    let folder = format!("/v1/g/1/c/{}", media.trim_end_matches("media.m3u8"));
    let mut waiting = Connection::open(world.egress()).await;
    waiting.send("GET", &format!("{folder}media.m3u8?_HLS_msn={}", list.last() + 2), &[]).await;
    let mut hinted = Connection::open(world.egress()).await;
    hinted.send("GET", &format!("{folder}{}", list.hint.clone().unwrap()), &[]).await;
    let mut encoder = ts::push_and_stay(&world, "/v1/g/1/p/live.ts", ts::BFRAMES_30).await;
    let mut idle = Connection::open(world.egress()).await;
    idle.get("/time").await;
    let uri = list.entries.last().unwrap().uri.clone();
    let mut reading = Connection::open_narrow(world.egress()).await;
    reading.send("GET", &format!("{folder}{uri}"), &[]).await;
    let head = reading.receive_head().await;
    world.waiters(2).await;
    world.until("bytes came", |w| w.metric("headwater_ingested") > 0).await;

    let began = Instant::now();
    let ended = tokio::task::spawn_blocking(move || world.stop());
    let reply = waiting.receive("GET").await;
    assert_eq!((reply.status, reply.header("cache-control")), (200, Some("no-store")));
    assert_eq!(hinted.receive("GET").await.status, 503);
    assert_eq!(encoder.receive("PUT").await.status, 503);
    idle.closed().await;
    let length: usize = head.header("content-length").unwrap().parse().unwrap();
    assert!(length > 50_000, "{length}: long enough to be under way");
    assert_eq!(reading.receive_body(length).await.len(), length);
    ended.await.unwrap();
    assert!(began.elapsed().as_secs() < 10, "limits.drain is a bound, not a wait");
}

#[tokio::test]
async fn numbers_and_names_go_on_after_each_of_many_restarts() {
    let folder = folder();
    let mut seen: Vec<Playlist> = Vec::new();
    for life in 0..4 {
        // What the life before has made is not made again; a loop begins 45 s in the past.
        let world = World::driven_in(&folder, life * 60_000, &cold(LOOPED));
        world.settled().await;
        for _ in 0..10 {
            world.step().await;
        }
        let mut connection = Connection::open(world.egress()).await;
        let text = connection.get("/v1/g/1/c/manifest.m3u8").await.text();
        let media = media_playlists(&text).pop_last().expect("a rendition");
        let list =
            Playlist::read(&connection.get(&format!("/v1/g/1/c/{media}")).await.text(), None);
        for old in &seen {
            list.begins_after(old);
        }
        seen.push(list);
        world.stop();
    }
}

#[tokio::test]
async fn a_restart_within_the_same_second_reuses_no_name() {
    let folder = folder();
    let mut seen: Vec<Playlist> = Vec::new();
    for life in 0..3 {
        // The loop begins at the same sync sample, 45 s in the past, each time.
        let world = World::driven_in(&folder, life * 100, &cold(LOOPED));
        world.until("the loop has begun", |w| !w.snapshot().segmentations.is_empty()).await;
        for _ in 0..if life == 0 { 0 } else { 10 * life } {
            world.advance(500);
        }
        world.until("it plays", ts::plays).await;
        let list = world.get("/v1/g/1/c/1-1/video-90p/media.m3u8").await;
        assert_eq!(list.status, 200, "life {life}: {}", list.text());
        let list = Playlist::read(&list.text(), None);
        for old in &seen {
            list.begins_after(old);
        }
        seen.push(list);
        world.stop();
    }
}

#[tokio::test]
async fn a_second_server_on_a_port_fails_with_a_sentence() {
    let world = World::driven(PUSHED);
    let server = world.server();
    for (which, address) in
        [("readers", server.egress), ("encoders", server.ingest), ("operators", server.admin)]
    {
        let section = match which {
            "readers" => format!(
                "listen = \"{address}\"\nworkers = 2\n[ingest]\nhttp = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\""
            ),
            "encoders" => format!(
                "listen = \"127.0.0.1:0\"\n[ingest]\nhttp = \"{address}\"\n[admin]\nlisten = \"127.0.0.1:0\""
            ),
            _ => format!(
                "listen = \"127.0.0.1:0\"\n[ingest]\nhttp = \"127.0.0.1:0\"\n[admin]\nlisten = \"{address}\""
            ),
        };
        let error =
            World::starts(&format!("[egress]\n{section}\n")).expect_err("the port is taken");
        let sentence = error.to_string();
        let begins = format!("cannot listen on {address} for {which}: ");
        assert!(sentence.starts_with(&begins), "{sentence}");
    }
}

#[test]
fn a_server_without_channels_starts_and_ends() {
    World::starts(LISTENERS).expect("nothing is wrong with it");
}
