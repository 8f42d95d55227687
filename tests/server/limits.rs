//! What the limits do to who crosses them, and what operators see of it.

use crate::client::{Connection, chunk};
use crate::ts::{self, PUSHED};
use crate::world::{LOOPED, World, seconds};

fn with_limits(limits: &str) -> String {
    format!("[limits]\n{limits}\n{LOOPED}")
}

fn crossed(world: &World, limit: &str) -> i64 {
    world.metric(&format!("headwater_limits_crossed_total{{limit=\"{limit}\"}}"))
}

#[tokio::test]
async fn one_connection_more_than_allowed_is_closed_and_the_others_live() {
    let world = World::looped(&with_limits("connections = 2")).await;
    let mut first = Connection::open(world.egress()).await;
    let mut second = Connection::open(world.egress()).await;
    assert_eq!(first.get("/time").await.status, 200);
    assert_eq!(second.get("/time").await.status, 200);
    Connection::open(world.egress()).await.closed().await;
    assert_eq!(crossed(&world, "Connections"), 1);
    assert_eq!(first.get("/time").await.status, 200);
    drop(second);
    world.until("a place is free", |w| w.metric("headwater_connections ") == 1).await;
    assert_eq!(world.get("/time").await.status, 200);
}

#[tokio::test]
async fn who_says_nothing_or_never_ends_a_head_is_cut_off() {
    let limits = "first_byte = \"100ms\"\nheader = \"100ms\"\nkeep_alive = \"100ms\"";
    let world = World::looped(&with_limits(limits)).await;
    Connection::open(world.egress()).await.closed().await;
    assert_eq!((crossed(&world, "FirstByte"), crossed(&world, "Header")), (1, 0));
    let mut connection = Connection::open(world.egress()).await;
    connection.write(b"GET /time HTTP/1.1\r\nHost: te").await;
    connection.closed().await;
    assert_eq!((crossed(&world, "FirstByte"), crossed(&world, "Header")), (1, 1));
    // Idleness between requests is no fault.
    let mut connection = Connection::open(world.egress()).await;
    assert_eq!(connection.get("/time").await.status, 200);
    connection.closed().await;
    assert_eq!((crossed(&world, "FirstByte"), crossed(&world, "Header")), (1, 1));
    let mut encoder = Connection::open(world.server().ingest).await;
    encoder.write(b"PUT /v1/").await;
    encoder.closed().await;
    assert_eq!(crossed(&world, "Header"), 2);
}

#[tokio::test]
async fn a_wait_is_not_idleness() {
    let limits = "first_byte = \"100ms\"\nheader = \"100ms\"\nkeep_alive = \"100ms\"";
    let world = World::looped(&with_limits(limits)).await;
    let multivariant = world.get("/v1/g/1/c/manifest").await.text();
    let media = multivariant.lines().find(|l| l.ends_with("media.m3u8")).unwrap().to_owned();
    let list = world.get(&format!("/v1/g/1/c/{media}")).await.text();
    let next = crate::playlist::Playlist::read(&list, None).last() + 1;
    let mut waiting = Connection::open(world.egress()).await;
    waiting.send("GET", &format!("/v1/g/1/c/{media}?_HLS_msn={next}"), &[]).await;
    world.waiters(1).await;
    // Another connection lives and dies through all deadlines meanwhile.
    let mut other = Connection::open(world.egress()).await;
    assert_eq!(other.get("/time").await.status, 200);
    other.closed().await;
    world.step().await;
    world.step().await;
    assert_eq!(waiting.receive("GET").await.status, 200);
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_cut_off() {
    let config = with_limits("slow_reader = \"100ms\"").replace("loop.mp4", "large.mp4");
    let world = World::looped(&config).await;
    let multivariant = world.get("/v1/g/2/c/manifest.m3u8").await.text();
    let media = multivariant.lines().find(|l| l.ends_with("media.m3u8")).unwrap().to_owned();
    let list = world.get(&format!("/v1/g/2/c/{media}")).await.text();
    let uri = crate::playlist::Playlist::read(&list, None).entries.pop().unwrap().uri;
    let path = format!("/v1/g/2/c/{}{uri}", media.trim_end_matches("media.m3u8"));
    let head = world.ask("HEAD", &path, &[]).await;
    let length: usize = head.header("content-length").unwrap().parse().unwrap();
    assert!(head.status == 200 && length > 100_000, "{path}: {length} bytes");
    let mut connection = Connection::open_narrow(world.egress()).await;
    for _ in 0..40 {
        connection.send("GET", &path, &[]).await;
    }
    world.until("the reader is cut off", |w| crossed(w, "SlowReader") > 0).await;
    world.until("its place is free", |w| w.metric("headwater_connections ") == 0).await;
    assert_eq!(crossed(&world, "SlowReader"), 1, "one reader is counted once");
}

#[tokio::test]
async fn one_waiter_more_than_allowed_is_answered_at_once() {
    let world = World::looped(&with_limits("waiters = 1")).await;
    let view = world.snapshot().segmentations[&crate::world::LOW].clone();
    assert_eq!(view.duration, seconds(1));
    let next = view.renditions[0].rows.last().unwrap().number + 1;
    let name = &view.renditions[0].rendition.name;
    let path = format!("/v1/g/1/c/1-1/{name}/media.m3u8?_HLS_msn={next}");
    let mut first = Connection::open(world.egress()).await;
    first.send("GET", &path, &[]).await;
    world.waiters(1).await;
    let second = world.get(&path).await;
    assert_eq!(second.status, 503);
    assert!(second.text().contains("limits.waiters"), "{}", second.text());
    assert_eq!(second.header("cache-control"), Some("no-store"));
    assert_eq!((crossed(&world, "Waiters"), world.metric("headwater_waiters ")), (1, 1));
    world.step().await;
    world.step().await;
    assert_eq!(first.receive("GET").await.status, 200);
    world.waiters(0).await;
}

#[tokio::test]
async fn a_head_beyond_the_limit_is_refused() {
    let world = World::looped(&with_limits("header_bytes = \"8KiB\"")).await;
    let long = "x".repeat(20_000);
    let mut connection = Connection::open(world.egress()).await;
    let head = format!("GET /time HTTP/1.1\r\nHost: test\r\nX-Long: {long}\r\n\r\n");
    connection.try_write(head.as_bytes()).await;
    assert_eq!(connection.receive_head().await.status, 431);
}

#[tokio::test]
async fn an_encoder_that_falls_silent_is_told_so() {
    let config = PUSHED.replace("[limits]", "[limits]\ningest_silence = \"100ms\"");
    let world = World::driven(&config);
    let mut encoder = ts::begin(&world, "/v1/g/1/p/live.ts").await;
    encoder.write(&chunk(&ts::BFRAMES_30[..ts::PACKET * 300])).await;
    let reply = encoder.receive("PUT").await;
    assert_eq!(reply.status, 408);
    assert!(reply.text().contains("limits.ingest_silence"), "{}", reply.text());
    assert_eq!(crossed(&world, "IngestSilence"), 1);
}

#[tokio::test]
async fn one_encoder_more_than_allowed_is_closed() {
    let config = PUSHED.replace("[limits]", "[limits]\ningest_connections = 1");
    let world = World::driven(&config);
    let encoder = ts::push_and_stay(&world, "/v1/g/1/p/live.ts", ts::BFRAMES_30).await;
    world.until("it plays", ts::plays).await;
    Connection::open(world.server().ingest).await.closed().await;
    assert_eq!(crossed(&world, "IngestConnections"), 1);
    drop(encoder);
}
