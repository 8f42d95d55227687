//! What an endpoint answers beside `/v1/`, by names of its own, and not at all.

use headwater::config::{Channel, Config};
use headwater::manifest::VideoBitrates;
use headwater::resolve::Selection;
use headwater::runtime::Desired;
use headwater::units::Bitrate;

use crate::client::Connection;
use crate::playlist::{Playlist, media_playlists};
use crate::world::{LOOPED, World};

fn channels(sections: &str) -> Vec<Channel> {
    Config::parse(sections).expect("valid").channels
}

const PUBLISHED: &str = r#"
[egress]
listen = "127.0.0.1:0"
workers = 1
trusted_proxies = ["127.0.0.9"]
[ingest]
http = "127.0.0.1:0"
[admin]
listen = "127.0.0.1:0"
[[channel]]
group = "g"
name = "c"
loop = "loop.mp4"
  [[channel.endpoint]]
  protocol = "HLSDASH_CMAF"
  segment_duration = "1s"
  window = "10s"
  timeshift_days = 1
  published = ["live.test/app/stream.m3u8", "live.test/app/stream.mpd", "/x/index"]
  open = true
  [[channel.endpoint]]
  name = "own"
  protocol = "HLS_CMAF"
  segment_duration = "1s"
  published = ["/app/stream.m3u8"]
  cdn_identifier_header = { key = "X-Cdn", value = "right" }
"#;

pub(crate) async fn of_host(
    world: &World,
    from: &str,
    host: &str,
    path: &str,
) -> crate::client::Reply {
    let mut connection = Connection::open_from(from.parse().unwrap(), world.egress()).await;
    let forwarded = if from == "127.0.0.9" { "X-Forwarded-Host" } else { "X-Other" };
    connection
        .write(
            format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{forwarded}: live.test\r\n\r\n")
                .as_bytes(),
        )
        .await;
    connection.receive("GET").await
}

#[tokio::test]
async fn manifests_stand_beside_v1_by_host_and_their_objects_beside_them() {
    let world = World::looped(PUBLISHED).await;
    let reply = of_host(&world, "127.0.0.1", "LIVE.test:8080", "/app/stream.m3u8").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    for media in media_playlists(&reply.text()) {
        assert!(media.starts_with("g.c.1-1/"), "{media}");
        let list = of_host(&world, "127.0.0.1", "live.test", &format!("/app/{media}")).await;
        let list = Playlist::read(&list.text(), None);
        let parent = media.trim_end_matches("media.m3u8");
        for uri in list.uris() {
            let path = format!("/app/{parent}{uri}");
            let object = of_host(&world, "127.0.0.1", "live.test", &path).await;
            assert_eq!(object.status, 200, "{path}");
            let same =
                world.get(&format!("/v1/g/1/c/1-1/{}{uri}", &parent["g.c.1-1/".len()..])).await;
            assert_eq!(object.body, same.body);
            let elsewhere = of_host(&world, "127.0.0.1", "other.test", &path).await;
            assert_eq!(elsewhere.status, 404, "{path}");
        }
    }
    let mpd = of_host(&world, "127.0.0.1", "live.test", "/app/stream.mpd").await.text();
    assert!(mpd.contains("g.c.1-1/$RepresentationID$/"), "{mpd}");
    assert!(world.get("/v1/g/1/c/manifest.mpd").await.text().contains("\"1-1/$RepresentationID$/"));
    let bare = world.get("/x/index").await;
    assert!(bare.status == 200 && bare.text().starts_with("#EXTM3U"));
    assert_eq!(world.get("/x/index.m3u8").await.status, 404);
    // Every other host has the other endpoint there, behind its header.
    assert_eq!(world.get("/app/stream.m3u8").await.status, 403);
    let right = world.ask("GET", "/app/stream.m3u8", &[("X-Cdn", "right")]).await;
    assert!(right.text().contains("g.c.2-1/"), "{}", right.text());
    // A trusted proxy says which host it was asked for.
    let forwarded = of_host(&world, "127.0.0.9", "inner", "/app/stream.m3u8").await;
    assert!(forwarded.text().contains("g.c.1-1/"), "{}", forwarded.text());
    let claimed = [("X-Forwarded-Host", "live.test")];
    assert_eq!(world.ask("GET", "/app/stream.m3u8", &claimed).await.status, 403);
    let now = world.server().origin.clock.now().wall.millis() / 1000;
    let shifted = format!("/app/stream.m3u8?start={}", now - 20);
    let shifted = of_host(&world, "127.0.0.1", "live.test", &shifted).await;
    assert!(shifted.status == 200 && shifted.text().contains("g.c.1-1/"), "{}", shifted.text());
    world.desire(&PUBLISHED.replace("/x/index", "/y/index")).await;
    assert_eq!(world.get("/x/index").await.status, 404);
    assert_eq!(world.get("/y/index").await.status, 200);
}

#[tokio::test]
async fn what_another_has_taken_the_place_of_is_found_to_its_end() {
    let world = World::looped(PUBLISHED).await;
    let get = async |path: &str| of_host(&world, "127.0.0.1", "live.test", path).await;
    let media = media_playlists(&get("/app/stream.m3u8").await.text()).pop_first().expect("one");
    let path = format!("/app/{media}");
    // Another endpoint at the same place, as control planes replace packages.
    let first = "  [[channel.endpoint]]\n  protocol = \"HLSDASH_CMAF\"";
    let named = format!("{}\n  name = \"other\"", first.trim_end());
    world.desire(&PUBLISHED.replacen(first, &named, 1)).await;
    let list = Playlist::read(&get(&path).await.text(), None);
    assert!(list.ended, "{path}");
    let object = path.replace("media.m3u8", &list.entries[0].uri);
    assert_eq!(get(&object).await.status, 200, "{object}");
    let now = get("/app/stream.m3u8").await.text();
    assert!(!now.contains("g.c.1-1/") && now.contains("g.c."), "{now}");
}

#[tokio::test]
async fn what_goes_is_found_to_its_end_where_its_manifest_stood() {
    let world = World::looped(PUBLISHED).await;
    let get = async |path: &str| of_host(&world, "127.0.0.1", "live.test", path).await;
    let multivariant = get("/app/stream.m3u8").await.text();
    let media = media_playlists(&multivariant).pop_first().expect("one");
    let path = format!("/app/{media}");
    world.desire("").await;
    let list = Playlist::read(&get(&path).await.text(), None);
    assert!(list.ended);
    let object = path.replace("media.m3u8", &list.entries[0].uri);
    assert_eq!(get(&object).await.status, 200);
    assert!(get("/app/stream.mpd").await.text().contains("mediaPresentationDuration="));
    assert_eq!(get("/app/stream.m3u8").await.status, 404);
    // Its place is free for what comes.
    world.desire(&PUBLISHED.replace("name = \"c\"", "name = \"d\"")).await;
    let other = get("/app/stream.mpd").await;
    assert!(!other.text().contains("g.c."), "{}", other.text());
}

#[tokio::test]
async fn an_endpoint_that_is_to_be_encrypted_serves_nothing_and_says_why() {
    let world = World::looped(LOOPED).await;
    let mut wanted = channels(LOOPED);
    wanted[0].endpoints[1].encrypted = true;
    world.desire_as(Desired::File, wanted).await;
    for path in [
        "manifest.m3u8",
        "2-1/audio-eng/media.m3u8",
        "2-1/audio-eng/init-1.mp4",
        "2-1/audio-eng/5.m4s",
    ] {
        let reply = world.get(&format!("/v1/g/2/c/{path}")).await;
        assert_eq!(
            (reply.status, reply.header("cache-control")),
            (503, Some("no-store")),
            "{path}"
        );
        assert!(reply.text().contains("nothing in the clear"), "{}", reply.text());
    }
    assert_eq!(world.get("/v1/g/1/c/manifest.m3u8").await.status, 200);
}

#[tokio::test]
async fn an_endpoints_own_names_of_time_shift_are_understood() {
    let names = "request_args = { record = { start_time = \"begin\", end_time = \"end\" }, \
                 timeshift = { back_time = \"back\" } }";
    let config =
        PUBLISHED.replacen("timeshift_days = 1", &format!("timeshift_days = 1\n{names}"), 1);
    let world = World::looped(&config).await;
    let now = world.server().origin.clock.now().wall.millis() / 1000;
    let ask = async |query: String| world.get(&format!("/v1/g/1/c/manifest.m3u8?{query}")).await;
    let own = ask(format!("begin={}&end={}", now - 20, now - 10)).await;
    let plain = ask(format!("start={}&end={}", now - 20, now - 10)).await;
    assert_eq!((own.status, own.text()), (200, plain.text()));
    let own = ask("back=12".to_owned()).await;
    assert_eq!((own.status, own.text()), (200, ask("time_delay=12".to_owned()).await.text()));
    assert_eq!(ask("begin=yesterday".to_owned()).await.status, 400);
}

#[tokio::test]
async fn a_query_that_holds_a_key_gets_the_rungs_that_stand_under_it() {
    let world = World::looped(PUBLISHED).await;
    let period = world.snapshot().segmentations.values().next().expect("a list").period.clone();
    let rates = period.tracks.iter().filter(|track| track.codec.picture().is_some());
    let mut rates: Vec<_> = rates.map(|track| track.rate).collect();
    rates.sort_unstable();
    let [low, high] = rates[..] else { panic!("two rungs: {rates:?}") };
    let bounds = |min, max| VideoBitrates { min, max };
    let selection = |key: &str, bitrates| Selection { key: key.to_owned(), bitrates };
    let mut wanted = channels(PUBLISHED);
    wanted[0].endpoints[0].selections = vec![
        selection("bitrate=0-1", bounds(Bitrate(1), low)),
        selection("sss", bounds(high, VideoBitrates::ALL.max)),
    ];
    world.desire_as(Desired::File, wanted).await;
    let hls =
        async |query: &str| world.get(&format!("/v1/g/1/c/manifest.m3u8{query}")).await.text();
    let rungs = |text: &str| media_playlists(text).iter().filter(|l| l.contains("/video")).count();
    let (all, lowest, highest) =
        (hls("?a=b").await, hls("?a=b&bitrate=0-1").await, hls("?sss=&x").await);
    assert_eq!((rungs(&all), rungs(&lowest), rungs(&highest)), (2, 1, 1), "{all}");
    let union: Vec<_> = [&lowest, &highest].into_iter().flat_map(|t| media_playlists(t)).collect();
    assert!(media_playlists(&all).iter().all(|uri| union.contains(uri)), "the same lists");
    let mpd = async |path: &str| {
        let reply = of_host(&world, "127.0.0.1", "live.test", path).await;
        reply.text().matches("<Representation ").count()
    };
    assert_eq!((mpd("/app/stream.mpd").await, mpd("/app/stream.mpd?sss").await), (3, 2));
    // A growing MPD refers to itself with the key.
    let now = world.server().origin.clock.now().wall.millis() / 1000;
    let growing = world.get(&format!("/v1/g/1/c/manifest.mpd?start={}&sss", now - 8)).await.text();
    assert!(growing.contains("&amp;sss</Location>"), "{growing}");
    assert_eq!(growing.matches("<Representation ").count(), 2, "{growing}");
}
