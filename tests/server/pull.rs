//! One origin pulls what another plays.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use headwater::config::{Config, Pull, PullSource, PullUrl};
use headwater::packager::{RenditionView, SegmentContent};
use headwater::runtime::Desired;
use headwater::units::MediaTime;

use crate::client::Connection;
use crate::playlist::media_playlists;
use crate::ts::push;
use crate::world::{LISTENERS, LOOPED, World};

/// The looped channel's endpoints, its media pulled from `url`.
fn pulled(url: &str) -> String {
    pulled_from(&format!("\"{url}\""))
}

/// The same from what stands behind `pull =`. A clock that goes ahead of what comes finds no track silent.
fn pulled_from(pull: &str) -> String {
    let input = format!("input_loss = \"1m\"\n  [[channel.input]]\n  pull = {pull}\n");
    LOOPED.replace("loop = \"loop.mp4\"\n", &input)
}

/// The bytes of every segment of the longer segmentation, by the rung's height or language, and number.
fn segments(world: &World) -> BTreeMap<(String, u64), Vec<u8>> {
    let snapshot = world.snapshot();
    let view = snapshot.segmentations.iter().find(|(key, _)| key.segment_ms == 2000);
    let mut all = BTreeMap::new();
    for list in &view.expect("a segmentation").1.renditions {
        let name = list.rendition.name.rsplit('-').next().expect("one part").to_owned();
        for row in list.rows.iter_from(0) {
            if let SegmentContent::Media { .. } = &row.content {
                all.insert((name.clone(), row.number), row.body().concat());
            }
        }
    }
    all
}

/// Up to when each list of the shorter segmentation has media, in milliseconds, by name.
fn reaches(world: &World) -> BTreeMap<String, i64> {
    let snapshot = world.snapshot();
    let view = snapshot.segmentations.iter().find(|(key, _)| key.segment_ms == 1000);
    let reach = |list: &RenditionView| {
        let name = list.rendition.name.rsplit('-').next().expect("one part").to_owned();
        let row = list.rows.last().map(|row| row.end_time());
        let open = list.open.as_ref().and_then(|open| Some((open.parts.last()?, &open.period)));
        let part = open.and_then(|(part, period)| {
            let scale = period.track(list.rendition.id)?.timescale;
            Some(MediaTime::new(part.start + part.duration, scale))
        });
        let end = row.max(part)?;
        Some((name, end.since_epoch().floor_millis()))
    };
    view.map(|(_, view)| view.renditions.iter().filter_map(reach).collect()).unwrap_or_default()
}

/// Moves all by `steps` of half a second, and the puller until it has what `source` has. A puller's clock
/// waits for its media: one that goes ahead of what comes takes tracks for silent.
async fn keep_up(source: &World, puller: &World, steps: i64) {
    for _ in 0..steps {
        source.step().await;
    }
    // What is asked for meanwhile comes meanwhile, or all that has not would be late at once.
    for _ in 0..10 * steps {
        puller.advance(50);
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    // What is asked for at the end of a segment is asked for again half of it later.
    let (there, apart) = (reaches(source), 750 * steps + 500);
    let behind = || {
        let here = reaches(puller);
        let late =
            |(name, end): (&String, &i64)| here.get(name).is_none_or(|here| here + apart < *end);
        !here.is_empty() && there.iter().any(late)
    };
    let began = std::time::Instant::now();
    while behind() {
        assert!(began.elapsed() < Duration::from_mins(1), "{there:?} {:?}", reaches(puller));
        tokio::time::sleep(Duration::from_millis(10)).await;
        puller.advance(10);
    }
}

/// Pulls 24 seconds, `steps` of half a second at once.
async fn plays_what_it_pulls(endpoint: u32, steps: i64) {
    let source = World::looped(LOOPED).await;
    let url = format!("http://{}/v1/g/{endpoint}/c/manifest.m3u8", source.egress());
    let puller = World::driven(&pulled(&url));
    let asked = || source.metric("headwater_requests_total{kind=\"media\"");
    for _ in 0..48 / steps {
        let before = asked();
        keep_up(&source, &puller, steps).await;
        while asked() < before + 3 {
            tokio::time::sleep(Duration::from_millis(10)).await;
            puller.advance(10);
        }
    }
    has_the_same(&puller, &source).await;
}

/// That a puller plays what its source does, byte for byte, where both still list it.
async fn has_the_same(puller: &World, source: &World) {
    // What was asked for last comes yet.
    puller.until("it plays", |puller| segments(puller).len() >= 12).await;
    let (ours, theirs) = (segments(puller), segments(source));
    let common: Vec<_> = ours.keys().filter(|key| theirs.contains_key(*key)).collect();
    assert!(common.len() >= 12, "{:?} {:?}", ours.keys(), theirs.keys());
    for key in common {
        assert!(ours[key] == theirs[key], "{key:?}: absolute time and chunks that fit: the same");
    }
}

#[tokio::test]
async fn where_one_place_is_lost_the_next_goes_on_without_a_seam() {
    let (main, stand_in) = (World::looped(LOOPED).await, World::looped(LOOPED).await);
    let url = |world: &World| format!("http://{}/v1/g/2/c/manifest.m3u8", world.egress());
    let both = format!("[\"{}\", \"{}\"]", url(&main), url(&stand_in));
    let puller = World::driven(&pulled_from(&both));
    for _ in 0..8 {
        stand_in.advance(1000);
        keep_up(&main, &puller, 2).await;
    }
    main.stop();
    stand_in.settled().await;
    for _ in 0..16 {
        keep_up(&stand_in, &puller, 2).await;
    }
    has_the_same(&puller, &stand_in).await;
    let snapshot = puller.snapshot();
    for list in snapshot.segmentations.values().flat_map(|view| &view.renditions) {
        let rows: Vec<_> = list.rows.iter_from(0).collect();
        assert!(rows.windows(2).all(|two| two[0].number + 1 == two[1].number), "{rows:?}");
        assert!(rows.iter().all(|row| !row.is_gap()), "{rows:?}");
    }
    assert_eq!(
        puller.metric("headwater_facts_total{group=\"g\",channel=\"c\",fact=\"PeriodBegan"),
        1
    );
}

#[tokio::test]
async fn what_one_origin_plays_another_pulls_with_the_same_bytes() {
    plays_what_it_pulls(2, 4).await;
}

/// A channel's rungs as so many sources: media playlists, one of which cannot be had at first.
#[tokio::test]
async fn several_sources_are_rungs_of_one_input() {
    let source = World::looped(LOOPED).await;
    let base = format!("http://{}/v1/g/2/c", source.egress());
    let list = source.get("/v1/g/2/c/manifest.m3u8").await.text();
    let lists = media_playlists(&list).into_iter().map(|uri| format!("{base}/{uri}"));
    let lists: Vec<String> = lists.collect();
    assert!(lists.len() > 1, "{list}");
    let nowhere = "http://127.0.0.1:9/none.m3u8".to_owned();
    let at = |urls: &[&String]| PullSource {
        urls: urls.iter().map(|url| PullUrl::parse(url).expect("a URL")).collect(),
        bitrate: None,
        max_bitrate: None,
    };
    let config = format!("{LISTENERS}{}", pulled(&nowhere));
    let mut channels = Config::parse(&config).expect("a configuration").channels;
    let mut sources: Vec<_> = lists.iter().map(|list| at(&[list])).collect();
    sources[1] = at(&[&nowhere, &lists[1]]);
    channels[0].pulls[0] = Pull::new(sources);
    let puller = World::driven(&pulled(&nowhere));
    puller.desire_as(Desired::File, channels).await;
    for _ in 0..12 {
        keep_up(&source, &puller, 4).await;
    }
    has_the_same(&puller, &source).await;
    let rungs = |world| segments(world).into_keys().map(|(name, _)| name).collect::<BTreeSet<_>>();
    assert_eq!(rungs(&puller).len(), rungs(&source).len());
}

#[tokio::test]
async fn a_low_latency_playlist_is_pulled_by_its_parts() {
    plays_what_it_pulls(1, 1).await;
}

#[tokio::test]
async fn a_pulled_input_takes_no_push_and_says_why_nothing_comes() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = nobody.local_addr().expect("an address");
    drop(nobody);
    let world = World::driven(&pulled(&format!("http://user:word@{address}/a.m3u8?token=secret")));
    let says = async || Connection::open(world.server().admin).await.get("/status").await.text();
    let mut text = says().await;
    while !text.contains("cannot pull http://127.0.0.1/a.m3u8") {
        text = says().await;
    }
    assert!(!text.contains("word") && !text.contains("secret"), "{text}");
    // What is refused last is what is said.
    let reply = push(&world, "/v1/g/1/c/live.ts", b"").await;
    assert_eq!(reply.status, 404);
    assert!(reply.text().contains("is pulled; push to the other"), "{}", reply.text());
}

/// A web server that answers each path by what is said, and counts what it was asked for.
async fn scripted(answers: &'static [(&'static str, &'static str)]) -> (SocketAddr, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let (address, asked) = (listener.local_addr().expect("an address"), Asked::default());
    let counted = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut head = [0; 4096];
            let length = connection.read(&mut head).await.unwrap_or(0);
            let head = String::from_utf8_lossy(&head[..length]).into_owned();
            let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
            let known = answers.iter().find(|(known, _)| path == *known);
            let (status, body) = known.map_or(("404 Not Found", ""), |(_, body)| ("200 OK", body));
            *counted.lock().expect("no test panics here").entry(path).or_default() += 1;
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
            let _ = connection.write_all(answer.as_bytes()).await;
        }
    });
    (address, asked)
}

/// How often each path was asked for.
type Asked = Arc<Mutex<BTreeMap<String, u32>>>;

#[tokio::test]
async fn where_one_playlist_is_lost_the_top_is_read_again_though_the_others_go_on() {
    let (address, asked) = scripted(&[
        (
            "/top.m3u8",
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\nb.m3u8\n",
        ),
        ("/a.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:2\n"),
    ])
    .await;
    let world = World::driven(&pulled(&format!("http://{address}/top.m3u8")));
    let times = |path: &str| asked.lock().expect("no test panics here").get(path).copied();
    // Two minutes of the server's time.
    for _ in 0..480 {
        if times("/top.m3u8") >= Some(2) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
        world.advance(250);
    }
    assert!(times("/top.m3u8") >= Some(2), "{asked:?}");
    assert!(times("/b.m3u8") >= Some(6), "it was tried again before it was given up");
    assert!(times("/a.m3u8") >= Some(2), "{asked:?}");
}

#[tokio::test]
async fn where_nothing_new_is_listed_the_next_place_is_read() {
    let (address, asked) = scripted(&[
        ("/a.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nx.ts\n"),
        ("/b.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nx.ts\n#EXT-X-ENDLIST\n"),
        ("/x.ts", "nothing that is known"),
    ])
    .await;
    let both = format!("[\"http://{address}/a.m3u8\", \"http://{address}/b.m3u8\"]");
    let world = World::driven(&pulled_from(&both));
    let times = |path: &str| asked.lock().expect("no test panics here").get(path).copied();
    let began = world.server().origin.clock.now().mono;
    while times("/b.m3u8").is_none() {
        tokio::time::sleep(Duration::from_millis(5)).await;
        world.advance(100);
        let passed = world.server().origin.clock.now().mono.since(began);
        assert!(passed < Duration::from_mins(2), "{asked:?}");
    }
    let passed = world.server().origin.clock.now().mono.since(began);
    assert!(passed > Duration::from_secs(6), "three target durations: {passed:?}");
    assert!(times("/a.m3u8") >= Some(4), "{asked:?}");
}
