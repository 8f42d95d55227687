//! Low-Latency HLS over the wire (rfc8216bis §6.2.5, §6.2.6).

use tokio::task::JoinHandle;

use crate::client::{Connection, Reply};
use crate::playlist::Playlist;
use crate::ts::{self, PUSHED};
use crate::world::{LOOPED, World};

/// The loop's first rung: its parts are half a second each.
const FOLDER: &str = "/v1/g/1/c/1-1/video-90p/";

async fn list(world: &World, folder: &str) -> Playlist {
    let reply = world.get(&format!("{folder}media.m3u8")).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    Playlist::read(&reply.text(), None)
}

/// Asks on a connection of its own and lets the answer come when it comes.
async fn ask_later(world: &World, path: String) -> JoinHandle<Reply> {
    let mut connection = Connection::open(world.egress()).await;
    connection.send("GET", &path, &[]).await;
    tokio::spawn(async move { connection.receive("GET").await })
}

/// A loop at 700 ms of a second: segment `n` is open and has one part.
async fn with_an_open_part() -> (World, u64) {
    let world = World::looped(LOOPED).await;
    world.step().await;
    let n = list(&world, FOLDER).await.last() + 1;
    (world, n)
}

#[tokio::test]
async fn what_is_there_is_answered_at_once() {
    let (world, n) = with_an_open_part().await;
    let whole = world.get(&format!("{FOLDER}media.m3u8")).await;
    for query in [
        format!("_HLS_msn={}", n - 1),
        format!("_HLS_msn={}&_HLS_part=0", n - 1),
        format!("_HLS_msn={}&_HLS_part=1", n - 1),
        // Past the last part of a segment is part 0 of the next.
        format!("_HLS_msn={}&_HLS_part=2", n - 1),
        format!("_HLS_msn={n}&_HLS_part=0"),
        "_HLS_msn=0".to_owned(),
        "_HLS_msn=1&_HLS_part=4".to_owned(),
        format!("_HLS_msn={}", n - 500),
        "_HLS_unknown=7".to_owned(),
        "a=b&_HLS=1".to_owned(),
    ] {
        let reply = world.get(&format!("{FOLDER}media.m3u8?{query}")).await;
        assert_eq!((reply.status, reply.text()), (200, whole.text()), "{query}");
    }
    assert_eq!(world.metric("headwater_waiters "), 0);
}

#[tokio::test]
async fn what_comes_next_is_waited_for_and_answered_by_the_version_that_has_it() {
    let (world, n) = with_an_open_part().await;
    // How many half seconds until each is there.
    let mut asked = Vec::new();
    for (query, steps) in [
        (format!("_HLS_msn={n}&_HLS_part=1"), 1),
        (format!("_HLS_msn={n}"), 1),
        (format!("_HLS_msn={n}&_HLS_part=2"), 2),
        (format!("_HLS_msn={}&_HLS_part=0", n + 1), 2),
        (format!("_HLS_msn={}&_HLS_part=1", n + 1), 3),
        (format!("_HLS_msn={}", n + 1), 3),
        (format!("_HLS_msn={}", n + 2), 5),
    ] {
        let path = format!("{FOLDER}media.m3u8?{query}");
        asked.push((query, steps, ask_later(&world, path).await));
    }
    world.waiters(7).await;
    let renderings = world.metric("headwater_renderings_total");
    for step in 1..=5 {
        world.step().await;
        let left = asked.iter().filter(|(_, steps, _)| *steps > step).count();
        world.waiters(i64::try_from(left).unwrap()).await;
        let (now, later) = asked.into_iter().partition(|(_, steps, _)| *steps <= step);
        asked = later;
        let whole = world.get(&format!("{FOLDER}media.m3u8")).await.text();
        let now: Vec<_> = now;
        for (query, _, reply) in now {
            let reply = reply.await.unwrap();
            assert_eq!(reply.status, 200, "{query}");
            let list = Playlist::read(&reply.text(), None);
            assert!(list.has(&query), "{query}: {}", reply.text());
            // A part is there a moment before the segment it completes.
            Playlist::read(&whole, None).follows(&list);
            assert_eq!(reply.header("cache-control"), Some("max-age=6"), "{query}");
        }
    }
    let rendered = world.metric("headwater_renderings_total") - renderings;
    // A step has two versions at most: the part, and the segment it completes.
    assert!(rendered <= 10, "one rendering a version, not {rendered}");
}

impl Playlist {
    /// Whether it holds the segment or part that directives ask for.
    fn has(&self, query: &str) -> bool {
        let value = |name: &str| {
            let pair = query.split('&').find_map(|p| p.strip_prefix(&format!("{name}=")));
            pair.map(|n| n.parse::<u64>().unwrap())
        };
        let msn = value("_HLS_msn").expect("a number");
        let parts = self.parts.iter().filter(|(number, _)| *number == msn).count();
        match value("_HLS_part") {
            None => self.last() >= msn,
            Some(part) if self.last() >= msn && part >= parts as u64 => {
                self.parts.iter().any(|(number, _)| *number == msn + 1)
            }
            Some(part) => parts as u64 > part,
        }
    }
}

#[tokio::test]
async fn malformed_and_impossible_directives_are_refused_at_once() {
    let (world, n) = with_an_open_part().await;
    for query in [
        "_HLS_part=0".to_owned(),
        "_HLS_msn=".to_owned(),
        "_HLS_msn=x".to_owned(),
        "_HLS_msn=-1".to_owned(),
        format!("_HLS_msn={n}&_HLS_msn={n}"),
        format!("_HLS_msn={n}&_HLS_part=1.5"),
        "_HLS_msn=99999999999999999999999".to_owned(),
        "_HLS_skip=maybe".to_owned(),
        format!("_HLS_msn={}", n + 3),
        format!("_HLS_msn={}&_HLS_part=0", n + 3),
        // Six parts of half a second are three seconds: the advance part limit.
        format!("_HLS_msn={n}&_HLS_part=7"),
        "_HLS_msn=18446744073709551615".to_owned(),
        "_HLS_msn=18446744073709551615&_HLS_part=18446744073709551615".to_owned(),
    ] {
        let reply = world.get(&format!("{FOLDER}media.m3u8?{query}")).await;
        assert_eq!(reply.status, 400, "{query}: {}", reply.text());
        assert!(reply.text().contains("_HLS_"), "{query}: {}", reply.text());
    }
    assert_eq!(world.metric("headwater_waiters "), 0);
    assert_eq!(world.get("/v1/g/2/c/manifest.m3u8?_HLS_part=1").await.status, 200);
}

#[tokio::test]
async fn a_hinted_part_is_held_and_then_answered_whole() {
    let (world, n) = with_an_open_part().await;
    let before = list(&world, FOLDER).await;
    let hint = before.hint.clone().expect("a live low-latency list has a hint");
    let held = ask_later(&world, format!("{FOLDER}{hint}")).await;
    let ranged = {
        let mut connection = Connection::open(world.egress()).await;
        let range = [("Range", "bytes=0-9007199254740991")];
        connection.send("GET", &format!("{FOLDER}{hint}"), &range).await;
        tokio::spawn(async move { connection.receive("GET").await })
    };
    let segment = ask_later(&world, format!("{FOLDER}{n}.m4s")).await;
    world.waiters(3).await;
    world.step().await;
    let after = list(&world, FOLDER).await;
    assert!(after.parts.iter().any(|(_, line)| line.contains(&hint)), "the hint came true");
    let (held, ranged) = (held.await.unwrap(), ranged.await.unwrap());
    let part = world.get(&format!("{FOLDER}{hint}")).await;
    assert_eq!(held.clone().without_date(), part.clone().without_date());
    assert_eq!((ranged.status, &ranged.body), (206, &part.body));
    // A segment is its parts laid end to end.
    let (_, first) = after.parts.iter().find(|(number, _)| *number == n).expect("its first part");
    let first = crate::playlist::attribute(first, "URI").unwrap();
    let first = world.get(&format!("{FOLDER}{first}")).await;
    let segment = segment.await.unwrap();
    assert_eq!(segment.status, 200);
    assert_eq!(segment.body, [first.body, part.body].concat());
    assert_eq!(segment.without_date(), world.get(&format!("{FOLDER}{n}.m4s")).await.without_date());
}

#[tokio::test]
async fn a_client_that_leaves_frees_its_place() {
    let (world, n) = with_an_open_part().await;
    let path = format!("{FOLDER}media.m3u8?_HLS_msn={}", n + 1);
    let mut connections = Vec::new();
    for _ in 0..3 {
        let mut connection = Connection::open(world.egress()).await;
        connection.send("GET", &path, &[]).await;
        connections.push(connection);
    }
    world.waiters(3).await;
    connections.pop();
    world.waiters(2).await;
    connections.clear();
    world.waiters(0).await;
    world.until("connections are closed", |w| w.metric("headwater_connections ") == 0).await;
}

/// A pushed channel whose encoder has stopped without leaving, and its video's folder.
async fn stalled() -> (World, Connection, String) {
    let world = World::driven(PUSHED);
    let encoder = ts::push_and_stay(&world, "/v1/g/1/p/live.ts", ts::BFRAMES_30).await;
    world.until("it plays", ts::plays).await;
    let folder = "/v1/g/1/p/1-1/video/".to_owned();
    (world, encoder, folder)
}

/// Robustness 9: three target durations, then the last playlist.
#[tokio::test]
async fn a_wait_that_runs_out_gives_the_last_playlist_and_what_never_comes_is_unavailable() {
    let (world, _encoder, folder) = stalled().await;
    let before = list(&world, &folder).await;
    let hint = before.hint.clone().expect("a hint");
    let next = before.last() + 1;
    let waiting = ask_later(&world, format!("{folder}media.m3u8?_HLS_msn={next}")).await;
    let part = ask_later(&world, format!("{folder}{hint}")).await;
    let segment = ask_later(&world, format!("{folder}{next}.m4s")).await;
    world.waiters(3).await;
    world.advance(2_900);
    assert_eq!(world.metric("headwater_waiters "), 3, "three target durations are not over");
    world.advance(200);
    let reply = waiting.await.unwrap();
    assert_eq!((reply.status, reply.header("cache-control")), (200, Some("no-store")));
    assert_eq!(Playlist::read(&reply.text(), None), before);
    for reply in [part.await.unwrap(), segment.await.unwrap()] {
        assert_eq!(reply.status, 503, "{}", reply.text());
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert!(reply.header("retry-after").is_some());
    }
    world.waiters(0).await;
}

/// Robustness 9: at once where the source is known to have gone.
#[tokio::test]
async fn who_waits_is_released_when_the_source_is_lost() {
    let (world, mut encoder, folder) = stalled().await;
    let next = list(&world, &folder).await.last() + 2;
    let waiting = ask_later(&world, format!("{folder}media.m3u8?_HLS_msn={next}")).await;
    world.waiters(1).await;
    encoder.write(b"0\r\n\r\n").await;
    assert_eq!(encoder.receive("PUT").await.status, 200);
    // limits.input_loss is one second here, the wait's own end three.
    until_lost(&world).await;
    let reply = waiting.await.unwrap();
    assert_eq!((reply.status, reply.header("cache-control")), (200, Some("no-store")));
    world.waiters(0).await;
}

/// Moves the clock until the channel knows that its source has gone. The task that waits for that
/// may begin to only after the clock has moved, hence in steps; under three seconds in all.
async fn until_lost(world: &World) {
    let before = world.snapshot().losses;
    world.advance(1_100);
    world.until("the loss is known", |w| w.snapshot().losses > before).await;
}
