//! Low-latency DASH over the wire: segments that go out while they are made (D38, D56).

use headwater::packager::{OpenSegment, RenditionView};
use http_body_util::BodyExt;
use hyper::Version;
use hyper::body::Incoming;
use tokio::time::timeout;

use crate::client::{Connection, PATIENCE, Reply};
use crate::tls::{Sender, get, h2, issue};
use crate::ts;
use crate::world::{World, folder};

/// A loop in segments of two seconds: 1 low-latency DASH, 2 Low-Latency HLS of the same parts.
const LOOPED: &str = r#"
[[channel]]
group = "g"
name = "c"
loop = "loop.mp4"
  [[channel.endpoint]]
  protocol = "DASH_CMAF"
  segment_duration = "2s"
  part_duration = "500ms"
  open = true
  [[channel.endpoint]]
  protocol = "LLHLS_CMAF"
  segment_duration = "2s"
  part_duration = "500ms"
  open = true
"#;
const PUSHED: &str = r#"
[limits]
input_loss = "1s"
[[channel]]
group = "g"
name = "p"
  [[channel.endpoint]]
  protocol = "HLSDASH_CMAF"
  segment_duration = "1s"
  part_duration = "500ms"
  open = true
"#;
const FOLDER: &str = "/v1/g/1/c/1-1/video-90p/";

fn list(world: &World, name: &str) -> RenditionView {
    let snapshot = world.snapshot();
    let view = snapshot.segmentations.values().next().expect("one segmentation");
    view.rendition_named(name).expect("it is there").clone()
}

fn open(world: &World, name: &str) -> OpenSegment {
    list(world, name).open.expect("a segment is open")
}

/// The bytes of the open segment's part.
fn part(world: &World, index: usize) -> Vec<u8> {
    open(world, "video-90p").parts[index].body().concat()
}

/// A loop 700 ms into the open segment: one part of it is there.
async fn with_an_open_part() -> (World, u64) {
    let world = World::looped(LOOPED).await;
    world.step().await;
    let open = open(&world, "video-90p");
    assert_eq!(open.parts.len(), 1);
    (world, open.number)
}

async fn ask(world: &World, method: &str, path: &str, headers: &[(&str, &str)]) -> Connection {
    let mut connection = Connection::open(world.egress()).await;
    connection.send(method, path, headers).await;
    connection
}

fn grows(head: &Reply) {
    assert_eq!(head.status, 200);
    assert_eq!(head.header("content-length"), None);
    assert_eq!(head.header("transfer-encoding"), Some("chunked"));
}

/// All headers but those that frame the body or tell the time.
fn meaning(reply: &Reply) -> Vec<(String, String)> {
    let framing = ["content-length", "transfer-encoding", "date"];
    reply.headers.iter().filter(|(name, _)| !framing.contains(&name.as_str())).cloned().collect()
}

#[tokio::test]
async fn a_segment_goes_out_part_by_part_and_is_the_same_bytes_when_it_is_whole() {
    let (world, n) = with_an_open_part().await;
    let path = format!("{FOLDER}{n}.m4s");
    let mut early = ask(&world, "GET", &path, &[]).await;
    let head = early.receive_head().await;
    grows(&head);
    let mut body = early.receive_grown(part(&world, 0).len()).await;
    assert_eq!(body, part(&world, 0));
    // Who comes later gets what is there at once, and then the same.
    let (mut late, mut known) = (None, 0);
    for index in 1..3 {
        world.step().await;
        let expected = part(&world, index);
        assert_eq!(early.receive_grown(expected.len()).await, expected, "part {index}");
        body.extend(expected);
        if index == 1 {
            let mut connection = ask(&world, "GET", &path, &[("Range", "bytes=100-")]).await;
            grows(&connection.receive_head().await);
            assert_eq!(connection.receive_grown(body.len()).await, body);
            (late, known) = (Some(connection), body.len());
        }
    }
    assert_eq!(world.metric("headwater_waiters "), 2);
    world.step().await;
    let whole = world.get(&path).await;
    assert_eq!(whole.header("content-length"), Some(whole.body.len().to_string().as_str()));
    assert_eq!(early.receive_grown(whole.body.len() - body.len()).await, whole.body[body.len()..]);
    assert!(early.ends().await, "the last chunk");
    assert_eq!(whole.body[..body.len()], body);
    assert_eq!(meaning(&head), meaning(&whole), "a cache keeps one as the other");
    let mut late = late.expect("asked above");
    assert_eq!(late.receive_grown(whole.body.len() - known).await, whole.body[known..]);
    assert!(late.ends().await);
    world.waiters(0).await;
    // The connection is good for another request.
    assert_eq!(early.get(&path).await.body, whole.body);
}

#[tokio::test]
async fn the_open_segment_before_its_first_part_and_the_one_behind_it_are_held() {
    let (world, n) = with_an_open_part().await;
    let mut behind = ask(&world, "GET", &format!("{FOLDER}{}.m4s", n + 1), &[]).await;
    world.waiters(1).await;
    assert_eq!(world.get(&format!("{FOLDER}{}.m4s", n + 2)).await.status, 404);
    for _ in 0..4 {
        world.step().await;
    }
    grows(&behind.receive_head().await);
    assert_eq!(behind.receive_grown(part(&world, 0).len()).await, part(&world, 0));
}

#[tokio::test]
async fn low_latency_hls_never_gets_half_a_segment() {
    let (world, n) = with_an_open_part().await;
    let mut held = ask(&world, "GET", &format!("/v1/g/2/c/2-1/video-90p/{n}.m4s"), &[]).await;
    world.waiters(1).await;
    for _ in 0..3 {
        world.step().await;
    }
    let whole = held.receive("GET").await;
    assert_eq!(whole.body, world.get(&format!("{FOLDER}{n}.m4s")).await.body, "L15");
}

#[tokio::test]
async fn a_head_request_is_answered_at_once_and_http_1_0_waits_for_the_whole() {
    let (world, n) = with_an_open_part().await;
    let path = format!("{FOLDER}{n}.m4s");
    let mut head = ask(&world, "HEAD", &path, &[]).await;
    let reply = head.receive("HEAD").await;
    assert_eq!((reply.status, reply.header("content-length")), (200, None));
    world.waiters(0).await;
    let mut old = Connection::open(world.egress()).await;
    old.write(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await;
    world.waiters(1).await;
    for _ in 0..3 {
        world.step().await;
    }
    assert_eq!(old.receive("GET").await.body, world.get(&path).await.body);
}

#[tokio::test]
async fn growing_answers_have_places_among_those_who_wait_and_give_them_back() {
    let limits = format!("[limits]\nwaiters = 1\n{LOOPED}");
    let world = World::looped(&limits).await;
    world.step().await;
    let path = format!("{FOLDER}{}.m4s", open(&world, "video-90p").number);
    let mut first = ask(&world, "GET", &path, &[]).await;
    grows(&first.receive_head().await);
    let refused = world.get(&path).await;
    assert_eq!((refused.status, refused.header("cache-control")), (503, Some("no-store")));
    drop(first);
    world.waiters(0).await;
    grows(&ask(&world, "GET", &path, &[]).await.receive_head().await);
}

/// An encoder that stops without leaving; the path of the open segment, and all there is of it.
async fn stall(world: &World) -> (Connection, String, Vec<u8>) {
    let encoder = ts::push_and_stay(world, "/v1/g/1/p/live.ts", ts::BFRAMES_30).await;
    world.until("it plays", ts::plays).await;
    world.until("a part is there", |w| !open(w, "video").parts.is_empty()).await;
    let open = open(world, "video");
    let there = open.parts.iter().flat_map(|part| part.body().concat()).collect();
    (encoder, format!("/v1/g/1/p/1-1/video/{}.m4s", open.number), there)
}

/// A stalled encoder, and an answer that has all there is of the open segment.
async fn stalled() -> (World, Connection, Connection, String) {
    let world = World::driven(PUSHED);
    let (encoder, path, there) = stall(&world).await;
    let mut answer = ask(&world, "GET", &path, &[]).await;
    grows(&answer.receive_head().await);
    assert_eq!(answer.receive_grown(there.len()).await, there);
    (world, encoder, answer, path)
}

/// The same with readers on TLS; the answer comes by HTTP/2.
async fn stalled_over_http2() -> (World, Connection, Sender, Incoming) {
    let listeners = "[egress]\nlisten = \"127.0.0.1:0\"\nworkers = 1\n\
         tls = { certificate = \"cert.pem\", key = \"key.pem\" }\n\
         [ingest]\nhttp = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n";
    let folder = folder();
    let trusted = issue(folder.path());
    let world = World::driven_in(&folder, 0, &format!("{listeners}{PUSHED}"));
    let (encoder, path, there) = stall(&world).await;
    let (mut sender, _) = h2(&world, &trusted, 1 << 20).await;
    let answer = sender.send_request(get(&path)).await.expect("an answer");
    assert_eq!((answer.status().as_u16(), answer.version()), (200, Version::HTTP_2));
    assert!(!answer.headers().contains_key("content-length"));
    let (mut body, mut grown) = (answer.into_body(), Vec::new());
    while grown.len() < there.len() {
        let frame = timeout(PATIENCE, body.frame()).await.expect("in time").expect("more");
        grown.extend(frame.expect("not cut off").into_data().expect("data"));
    }
    assert_eq!(grown, there);
    (world, encoder, sender, body)
}

#[tokio::test]
async fn a_lost_source_ends_a_segment_with_what_it_came_to() {
    let (world, mut encoder, mut answer, path) = stalled().await;
    encoder.write(b"0\r\n\r\n").await;
    assert_eq!(encoder.receive("PUT").await.status, 200);
    let before = world.snapshot().losses;
    world.advance(1_100);
    world.until("the loss is known", |w| w.snapshot().losses > before).await;
    assert!(answer.ends_after_more().await, "whole, by its last chunk");
    assert_eq!(world.get(&path).await.status, 200);
    world.waiters(0).await;
}

#[tokio::test]
async fn an_answer_that_nothing_comes_for_is_cut_off_and_not_ended() {
    let (world, _encoder, mut answer, _) = stalled().await;
    world.advance(2_900);
    assert_eq!(world.metric("headwater_waiters "), 1, "three target durations are not over");
    world.advance(200);
    answer.closed().await;
    world.waiters(0).await;
}

#[tokio::test]
async fn a_server_that_ends_cuts_growing_answers_off() {
    let (world, _encoder, mut answer, _) = stalled().await;
    let ended = timeout(PATIENCE, tokio::task::spawn_blocking(|| world.stop())).await;
    assert!(ended.is_ok_and(|joined| joined.is_ok()), "the server ends");
    answer.closed().await;
}

#[tokio::test]
async fn over_http2_a_lost_source_ends_a_segment_with_what_it_came_to() {
    let (world, mut encoder, _sender, mut body) = stalled_over_http2().await;
    encoder.write(b"0\r\n\r\n").await;
    assert_eq!(encoder.receive("PUT").await.status, 200);
    let before = world.snapshot().losses;
    world.advance(1_100);
    world.until("the loss is known", |w| w.snapshot().losses > before).await;
    let ended = async { while body.frame().await.transpose().expect("not cut off").is_some() {} };
    timeout(PATIENCE, ended).await.expect("an end in time");
    world.waiters(0).await;
}

#[tokio::test]
async fn over_http2_an_answer_that_nothing_comes_for_is_reset_and_others_go_on() {
    let (world, _encoder, mut sender, mut body) = stalled_over_http2().await;
    world.advance(3_100);
    let cut = timeout(PATIENCE, body.frame()).await.expect("in time").expect("no end in order");
    assert!(cut.is_err(), "the stream is reset");
    world.waiters(0).await;
    let other = timeout(PATIENCE, sender.send_request(get("/time"))).await.expect("in time");
    assert_eq!(other.expect("an answer").status(), 200);
}
