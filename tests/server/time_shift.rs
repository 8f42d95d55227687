//! The past by URL: catch-up, start-over, delay, and objects that have left memory.

use std::collections::BTreeMap;

use headwater::packager::{SegmentationKey, Snapshot};

use crate::client::Reply;
use crate::playlist::{Playlist, media_playlists};
use crate::world::{LOOPED, World, folder};

/// Minutes of media: more than memory keeps.
pub(crate) const LIVED_S: i64 = 360;

/// The loop in every form, a day of it to be asked for.
pub(crate) fn config() -> String {
    let shifted = LOOPED.replace("open = true", "open = true\n  timeshift_days = 1");
    format!(
        "{shifted}
  [[channel.endpoint]]
  name = \"ts\"
  protocol = \"HLS\"
  segment_duration = \"2s\"
  segment_num = 4
  timeshift_days = 1
  open = true
  [[channel.endpoint]]
  name = \"forgetful\"
  protocol = \"HLS_CMAF\"
  segment_duration = \"2s\"
  segment_num = 4
  open = true
"
    )
}

/// Every object that players of live lists fetched, with what they got.
pub(crate) type Fetched = BTreeMap<String, (Option<String>, Vec<u8>)>;

const ENDPOINTS: [(u32, &str); 4] =
    [(1, "manifest"), (2, "manifest"), (4, "manifest.m3u8"), (5, "manifest")];

fn newest(snapshot: &Snapshot) -> Vec<(SegmentationKey, String, u64)> {
    let lists = snapshot.segmentations.iter().flat_map(|(key, view)| {
        view.renditions.iter().map(|list| (*key, list.rendition.name.clone(), list))
    });
    lists.filter_map(|(key, name, list)| Some((key, name, list.rows.last()?.number))).collect()
}

/// Waits until the archive has what is shown.
pub(crate) async fn archived(world: &World) {
    let newest = newest(&world.snapshot());
    let shelf = world.channel().shelf().cloned().expect("an archive");
    let has = |(key, name, number): &(SegmentationKey, String, u64)| {
        shelf.segment(&(*key).into(), name, *number).expect("it can be read").is_some()
    };
    world.until("the archive has what is shown", |_| newest.iter().all(has)).await;
}

/// Lives through some seconds. The archive keeps up with real time, which this is not.
pub(crate) async fn live_for(world: &World, seconds: usize) {
    for second in 1..=seconds {
        world.step().await;
        world.step().await;
        if second % 10 == 0 {
            archived(world).await;
        }
    }
}

/// The same where segments no longer begin with those seconds that are whole numbers of theirs.
pub(crate) async fn go_on(world: &World, seconds: usize) {
    for second in 1..=seconds {
        world.advance(1_000);
        let now = world.server().origin.clock.now().wall.millis();
        let newest = |w: &World| {
            let snapshot = w.snapshot();
            let lists = snapshot.segmentations.values().flat_map(|view| &view.renditions);
            lists.filter_map(|list| Some(list.rows.last()?.end_time().floor_millis())).min()
        };
        world.until("it goes on", |w| newest(w).is_some_and(|end| now - end < 4_500)).await;
        if second % 5 == 0 {
            archived(world).await;
        }
    }
}

pub(crate) async fn lists(
    world: &World,
    endpoint: u32,
    manifest: &str,
) -> BTreeMap<String, Playlist> {
    let reply = world.get(&format!("/v1/g/{endpoint}/c/{manifest}")).await;
    assert_eq!(reply.status, 200, "{manifest}: {}", reply.text());
    let mut lists = BTreeMap::new();
    for uri in media_playlists(&reply.text()) {
        let path = format!("/v1/g/{endpoint}/c/{uri}");
        let reply = world.get(&path).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        lists.insert(path, Playlist::read(&reply.text(), None));
    }
    assert!(!lists.is_empty());
    lists
}

fn beside(list: &str, uri: &str) -> String {
    let folder = list.rsplit_once('/').expect("a path").0;
    format!("{folder}/{uri}")
}

async fn fetch(world: &World, path: &str, fetched: &mut Fetched) {
    let reply = world.get(path).await;
    assert_eq!(reply.status, 200, "{path}: {}", reply.text());
    let etag = reply.header("etag").map(str::to_owned);
    fetched.insert(path.to_owned(), (etag, reply.body));
}

/// Lives through some minutes. Gives what players fetched meanwhile.
pub(crate) async fn lived(world: &World) -> Fetched {
    let mut fetched = Fetched::new();
    world.settled().await;
    for _ in 0..LIVED_S / 20 {
        live_for(world, 20).await;
        for (endpoint, manifest) in ENDPOINTS {
            for (path, list) in lists(world, endpoint, manifest).await {
                let entry = list.entries.last().expect("segments");
                fetch(world, &beside(&path, &entry.uri), &mut fetched).await;
                if !entry.map.is_empty() {
                    fetch(world, &beside(&path, &entry.map), &mut fetched).await;
                }
            }
        }
    }
    fetched
}

pub(crate) async fn is_the_same(world: &World, fetched: &Fetched) {
    for (path, (etag, body)) in fetched {
        let reply = world.get(path).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        assert_eq!(reply.header("etag"), etag.as_deref(), "{path}");
        assert!(reply.body == *body, "{path}: other bytes under the same name");
    }
}

pub(crate) fn now_s(world: &World) -> i64 {
    world.server().origin.clock.now().wall.millis() / 1000
}

async fn refused(world: &World, path: &str, status: u16, part: &str) -> Reply {
    let reply = world.get(path).await;
    assert_eq!(reply.status, status, "{path}: {}", reply.text());
    assert!(reply.text().contains(part), "{path}: {}", reply.text());
    reply
}

#[tokio::test]
async fn the_past_plays_by_url_and_its_objects_are_those_that_were_live() {
    let folder = folder();
    let world = World::driven_in(&folder, 0, &config());
    let fetched = lived(&world).await;
    assert!(fetched.len() > 150, "{}", fetched.len());
    is_the_same(&world, &fetched).await;

    // Catch-up: a minute of the first two, from memory no more.
    let (start, end) = (now_s(&world) - LIVED_S + 20, now_s(&world) - LIVED_S + 80);
    let catch_up = format!("?start={start}&end={end}");
    let mut before = BTreeMap::new();
    for (endpoint, manifest) in ENDPOINTS {
        for (path, list) in lists(&world, endpoint, &format!("{manifest}{catch_up}")).await {
            let text = world.get(&path).await.text();
            assert!(text.contains("#EXT-X-PLAYLIST-TYPE:VOD\n") && list.ended, "{path}\n{text}");
            assert!(!text.contains("EXT-X-PART"), "behind live there are no parts\n{text}");
            let seconds = list.span_us() / 1_000_000;
            assert!((59..=64).contains(&seconds), "{path}: {seconds} s");
            for entry in list.entries.iter().step_by(7) {
                let object = beside(&path, &entry.uri);
                let reply = world.get(&object).await;
                assert_eq!(reply.status, 200, "{object}");
                if let Some((_, body)) = fetched.get(&object) {
                    assert!(reply.body == *body, "{object}");
                }
            }
            before.insert(path, text);
        }
    }
    let mpd = world.get(&format!("/v1/g/3/c/manifest{catch_up}")).await;
    assert_eq!(mpd.status, 200, "{}", mpd.text());
    let text = mpd.text();
    assert!(text.contains("type=\"static\"") && text.contains("start=\"PT0S\""), "{text}");
    assert!(!text.contains("availabilityStartTime"), "{text}");
    assert!(mpd.header("cache-control").is_some_and(|v| v.contains("max-age=3600")));
    before.insert(format!("/v1/g/3/c/manifest{catch_up}"), text);

    // The same after a restart.
    world.stop();
    let world = World::driven_in(&folder, LIVED_S * 1000 + 30_000, &config());
    for (path, text) in &before {
        let reply = world.get(path).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        assert_eq!(reply.text(), *text, "{path}");
    }
    is_the_same(&world, &fetched).await;
    // An endpoint without time shift has what is in memory.
    let old = fetched.keys().find(|path| path.contains("/2-1/") && !path.contains("init"));
    let old = old.expect("fetched").replace("/2/c/2-1/", "/6/c/6-1/");
    assert_eq!(world.get(&old).await.status, 410, "{old}");
}

/// Robustness 13: hours of a programme without hours in the live list.
#[tokio::test]
async fn what_has_begun_is_started_over_and_ends_when_it_ends() {
    let world = World::looped(&config()).await;
    live_for(&world, 120).await;
    let (start, end) = (now_s(&world) - 90, now_s(&world) + 20);
    let mut known: BTreeMap<String, Playlist> = BTreeMap::new();
    for query in [format!("?start={start}"), format!("?start={start}&end={end}")] {
        known.extend(lists(&world, 2, &format!("manifest{query}")).await);
        known.extend(lists(&world, 5, &format!("manifest{query}")).await);
    }
    for path in known.keys() {
        let text = world.get(path).await.text();
        assert!(
            text.contains("#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-START:TIME-OFFSET=0\n"),
            "{text}"
        );
    }
    let mpd = world.get(&format!("/v1/g/3/c/manifest.mpd?start={start}&end={end}")).await.text();
    let location = mpd.split("<Location>").nth(1).and_then(|rest| rest.split('<').next());
    let location = format!("/v1/g/3/c/{}", location.expect("where it is to be asked for again"));
    assert!(mpd.contains("type=\"dynamic\"") && !mpd.contains("timeShiftBufferDepth"), "{mpd}");
    live_for(&world, 30).await;
    for (path, before) in &known {
        let list = Playlist::read(&world.get(path).await.text(), None);
        assert_eq!(list.sequence, before.sequence, "{path}: nothing leaves");
        let had = before.entries.len();
        assert_eq!(list.entries[..had], before.entries[..], "{path}");
        let ends = path.contains('e');
        assert!(list.entries.len() >= had + if ends { 8 } else { 14 }, "{path}");
        let bounded = path.split("shift=").nth(1).is_some_and(|token| token.contains('e'));
        assert_eq!(list.ended, bounded, "{path}");
    }
    let mpd = world.get(&location).await.text();
    assert!(mpd.contains("type=\"dynamic\"") && !mpd.contains("minimumUpdatePeriod"), "{mpd}");
}

#[tokio::test]
async fn a_delayed_window_lags_and_wrong_wishes_are_told_why() {
    let world = World::looped(&config()).await;
    live_for(&world, 100).await;
    let delayed = lists(&world, 2, "manifest?time_delay=60").await;
    let live = lists(&world, 2, "manifest").await;
    for ((path, delayed), live) in delayed.iter().zip(live.values()) {
        let behind = live.last() - delayed.last();
        assert!((30..=31).contains(&behind), "{path}: {behind} segments of two seconds");
        assert!(!delayed.ended && delayed.entries.len() >= 4);
    }
    let mpd = world.get("/v1/g/3/c/manifest?time_shift=60&dvr_window_length=20").await.text();
    assert!(mpd.contains("availabilityStartTime=\"1970-01-01T00:01:00"), "{mpd}");
    assert!(mpd.contains("timeShiftBufferDepth=\"PT20S\""), "{mpd}");
    let now = now_s(&world);
    let ask = |query: String| format!("/v1/g/2/c/manifest?{query}");
    refused(&world, &ask("start=tomorrow".to_owned()), 400, "an ISO-8601 time or Unix seconds")
        .await;
    refused(&world, &ask(format!("start={now}&end={now}")), 400, "later than the start").await;
    refused(&world, &ask(format!("start={}&end={now}", now - 90_000)), 400, "at most 24 hours")
        .await;
    refused(&world, &ask(format!("start={now}&time_shift=1")), 400, "are mixed").await;
    refused(&world, &ask(format!("start={}", now + 60)), 404, "has not come yet").await;
    let past = format!("start={}&end={}", now - 180_000, now - 100_000);
    refused(&world, &ask(past), 404, "longer ago than anything is kept").await;
    let never = format!("start={}&end={}", now - 7200, now - 3600);
    refused(&world, &ask(never), 404, "nothing is kept of this time").await;
    let forgetful = format!("/v1/g/6/c/manifest?start={now}");
    refused(&world, &forgetful, 400, "timeshift_days").await;
    let (path, _) = delayed.first_key_value().expect("lists");
    let plain = path.split('?').next().expect("a path");
    refused(&world, &format!("{plain}?start={now}"), 400, "belong to the multivariant").await;
    refused(&world, &format!("{plain}?shift=x"), 400, "links to").await;
}

#[tokio::test]
async fn a_stretch_is_one_file_of_which_any_range_can_be_asked_for() {
    let guarded = config().replacen("open = true", "authorization_code = \"secret-code\"", 1);
    let world = World::looped(&guarded).await;
    live_for(&world, 90).await;
    let (start, end) = (now_s(&world) - 60, now_s(&world) - 30);
    let path = format!("/v1/g/2/c/c.mp4?start={start}&end={end}");
    let reply = world.get(&path).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.header("content-type"), Some("video/mp4"));
    let length = reply.body.len();
    assert_eq!(reply.header("content-length"), Some(&*length.to_string()));
    let played = headwater::ingest::programme::read(&reply.body).expect("a file with tables");
    assert_eq!(played.tracks.len(), 2, "the best picture and the sound");
    let frames = played.tracks[0].samples.len();
    assert!((900..=960).contains(&frames), "{frames} pictures of thirty a second");
    let part = world.ask("GET", &path, &[("range", "bytes=1000-1999")]).await;
    assert_eq!((part.status, part.body.as_slice()), (206, &reply.body[1000..2000]));
    let told = format!("bytes 1000-1999/{length}");
    assert_eq!(part.header("content-range"), Some(told.as_str()));
    let head = world.ask("HEAD", &path, &[]).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    let etag = reply.header("etag").expect("a validator").to_owned();
    assert_eq!(world.ask("GET", &path, &[("if-none-match", &etag)]).await.status, 304);
    let sound = world.get(&format!("{path}&tracks=audio-eng")).await;
    let sound = headwater::ingest::programme::read(&sound.body);
    assert!(sound.is_err() || sound.is_ok_and(|sound| sound.tracks.len() == 1));
    refused(&world, &format!("{path}&tracks=x"), 400, "there are audio-eng, video-46p").await;
    refused(&world, &format!("/v1/g/2/c/c.mp4?start={start}"), 400, "start and end").await;
    refused(&world, "/v1/g/2/c/c.mp4", 400, "start and end").await;
    let future = format!("/v1/g/2/c/c.mp4?start={start}&end={}", end + 90);
    refused(&world, &future, 404, "not come yet").await;
    let guarded = path.replace("/g/2/", "/g/1/");
    assert_eq!(world.get(&guarded).await.status, 403);
}

#[tokio::test]
async fn the_past_runs_on_over_a_change_of_durations() {
    let folder = folder();
    let world =
        World::driven_in(&folder, 0, &format!("[limits]\nmemory_window = \"10s\"\n{}", config()));
    world.settled().await;
    let began = now_s(&world);
    live_for(&world, 60).await;
    let longer = config().replace("segment_duration = \"2s\"", "segment_duration = \"4s\"");
    let longer = longer.replace("window = \"10s\"", "window = \"20s\"");
    world.desire(&longer).await;
    go_on(&world, 60).await;
    let (from, to) = (began + 10, now_s(&world) - 10);
    let mut before: Fetched = BTreeMap::new();
    for (endpoint, name) in [(2, "manifest"), (4, "manifest.m3u8"), (5, "manifest")] {
        let manifest = format!("{name}?start={from}&end={to}");
        for (path, list) in lists(&world, endpoint, &manifest).await {
            // Audio is cut where its frames are.
            let of = |seconds: i64| {
                let near = |us: i64| (us - seconds * 1_000_000).abs() < 50_000;
                list.entries.iter().filter(|entry| near(entry.duration_us)).count()
            };
            assert!(of(2) >= 20 && of(4) >= 8, "{path}: {list:?}");
            assert!(list.entries.iter().all(|entry| !entry.gap), "{path}: {list:?}");
            for entry in &list.entries {
                fetch(&world, &beside(&path, &entry.uri), &mut before).await;
            }
        }
    }
    let mpd = world.get(&format!("/v1/g/3/c/manifest.mpd?start={from}&end={to}")).await;
    assert_eq!(mpd.status, 200, "{}", mpd.text());
    assert!(mpd.text().matches("<Period ").count() >= 2, "{}", mpd.text());
    // Over a restart, too.
    world.stop();
    let world = World::driven_in(&folder, 125_000, &longer);
    world.until("something is shown", |w| !w.snapshot().segmentations.is_empty()).await;
    is_the_same(&world, &before).await;
}
