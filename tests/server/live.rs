//! Channels and endpoints that come, change and go while the server runs.

use headwater::config::{Channel, Config};
use headwater::runtime::Desired;

use crate::client::Connection;
use crate::playlist::{Playlist, media_playlists};
use crate::ts::{self, PUSHED};
use crate::world::{LOOPED, World, cold, folder};

/// The channel of `PUSHED` alone.
fn pushed() -> String {
    PUSHED.replace("[limits]\ninput_loss = \"1s\"\n", "")
}

fn channels(sections: &str) -> Vec<Channel> {
    Config::parse(sections).expect("valid").channels
}

/// Every manifest of the looped channel and what its first media playlists say.
async fn all(world: &World) -> Vec<String> {
    let mut texts = Vec::new();
    for path in ["1/c/manifest.m3u8", "2/c/manifest.m3u8", "3/c/manifest.mpd", "4/c/manifest.mpd"] {
        let reply = world.get(&format!("/v1/g/{path}")).await;
        assert_eq!(reply.status, 200, "{path}");
        texts.push(reply.text());
    }
    for path in ["1/c/1-1/video-90p/media.m3u8", "2/c/2-1/audio-eng/media.m3u8"] {
        texts.push(world.get(&format!("/v1/g/{path}")).await.text());
    }
    texts
}

pub(crate) async fn list(world: &World, path: &str) -> Playlist {
    let reply = world.get(path).await;
    assert_eq!(reply.status, 200, "{path}: {}", reply.text());
    Playlist::read(&reply.text(), None)
}

#[tokio::test]
async fn channels_come_change_and_go_and_nothing_changes_for_readers_of_another() {
    let world = World::looped(LOOPED).await;
    let before = all(&world).await;
    world.desire(&format!("{LOOPED}{}", pushed())).await;
    assert_eq!(all(&world).await, before);
    assert_eq!(world.get("/v1/g/1/p/manifest.m3u8").await.status, 503);
    assert_eq!(ts::push(&world, "/v1/g/1/p/live.ts", ts::BFRAMES_30).await.status, 200);
    let p = || world.server().origin.channel("g", "p").expect("there");
    world
        .until("it plays", |_| p().snapshot().segmentations.values().any(|v| v.can_be_shown(false)))
        .await;
    assert_eq!(world.get("/v1/g/1/p/manifest.m3u8").await.status, 200);
    let other = pushed().replace("open = true", "authorization_code = \"example\"");
    world.desire(&format!("{LOOPED}{other}")).await;
    assert_eq!(world.get("/v1/g/1/p/manifest.m3u8").await.status, 403);
    assert_eq!(all(&world).await, before);
    world.desire(LOOPED).await;
    assert_eq!(world.get("/v1/g/1/p/manifest.m3u8").await.status, 404);
    assert_eq!(all(&world).await, before);
    world.step().await;
    let list = list(&world, "/v1/g/1/c/1-1/video-90p/media.m3u8").await;
    list.follows(&Playlist::read(&before[4], None));
    assert!(world.metric("headwater_snapshot_version{group=\"g\",channel=\"c\"}") > 0);
    assert_eq!(world.metric("headwater_snapshot_version{group=\"g\",channel=\"p\"}"), 0);
}

#[tokio::test]
async fn a_channel_that_goes_ends_its_lists_answers_who_waits_and_ends_its_encoders() {
    let world = World::driven(&format!("{PUSHED}{LOOPED}"));
    world
        .until("the loop plays", |w| {
            let channel = w.server().origin.channel("g", "c").expect("there");
            channel.snapshot().segmentations.values().any(|v| v.can_be_shown(false))
        })
        .await;
    let mut encoder = ts::push_and_stay(&world, "/v1/g/1/p/live.ts", ts::BFRAMES_30).await;
    world
        .until("it plays", |w| {
            let p = w.server().origin.channel("g", "p").expect("there");
            p.snapshot().segmentations.values().any(|v| v.can_be_shown(false))
        })
        .await;
    let multivariant = world.get("/v1/g/1/p/manifest.m3u8").await.text();
    let media = media_playlists(&multivariant).pop_first().expect("one");
    let path = format!("/v1/g/1/p/{media}");
    let before = list(&world, &path).await;
    let mut waiting = Connection::open(world.egress()).await;
    waiting.send("GET", &format!("{path}?_HLS_msn={}", before.last() + 2), &[]).await;
    world.waiters(1).await;
    world.desire(LOOPED).await;
    let last = waiting.receive("GET").await;
    assert_eq!(last.status, 200);
    let last = Playlist::read(&last.text(), None);
    assert!(last.ended && last.last() >= before.last());
    assert_eq!(encoder.receive("PUT").await.status, 404);
    // Who watches it goes on to its end; nobody begins to.
    assert!(list(&world, &path).await.ended);
    let object = path.replace("media.m3u8", &before.entries[0].uri);
    assert_eq!(world.get(&object).await.status, 200);
    assert_eq!(world.get("/v1/g/1/p/manifest.m3u8").await.status, 404);
    assert_eq!(ts::push(&world, "/v1/g/1/p/live.ts", ts::BFRAMES_30).await.status, 404);
    assert!(!world.admin("/status").await.text().contains("\"p\""));
    world.advance(10_500);
    world.until("it is forgotten", |w| w.server().origin.set().channel("g", "p").is_none()).await;
    assert_eq!(world.get(&path).await.status, 404);
    assert_eq!(world.get(&object).await.status, 404);
}

#[tokio::test]
async fn a_channel_that_comes_again_goes_on_under_higher_numbers() {
    let world = World::looped(&cold(LOOPED)).await;
    let path = "/v1/g/1/c/1-1/video-90p/media.m3u8";
    let before = list(&world, path).await;
    world.desire("").await;
    world.advance(500);
    // While what was under way is answered, the name is there for another.
    world.desire(LOOPED).await;
    for _ in 0..20 {
        world.advance(500);
    }
    world.until("it plays", ts::plays).await;
    let after = list(&world, path).await;
    after.begins_after(&before);
    assert!(!after.ended);
}

#[tokio::test]
async fn rules_and_credentials_change_at_once_and_sessions_go_on() {
    let guarded = format!("{}\n[[channel.input]]\nuser = \"a\"\npassword = \"one\"\n", pushed());
    let world = World::driven(&guarded);
    let auth = |text: &str| format!("Basic {text}");
    // a:one, a:two
    let (one, two) = (auth("YTpvbmU="), auth("YTp0d28="));
    let ask = async |code: &str| {
        let headers = [("Authorization", code), ("Content-Length", "0")];
        ts::push_as(&world, "PUT", "/v1/g/1/p/live.ts", &headers[..1], b"").await.status
    };
    assert_eq!((ask(&one).await, ask(&two).await), (200, 401));
    world.desire(&guarded.replace("\"one\"", "\"two\"")).await;
    assert_eq!((ask(&one).await, ask(&two).await), (401, 200));
    let closed = guarded.replace("open = true", "ip_whitelist = [\"192.0.2.1\"]");
    world.desire(&closed).await;
    assert_eq!(world.get("/v1/g/1/p/manifest.m3u8").await.status, 403);
    world.desire(&guarded).await;
    assert_eq!(world.get("/v1/g/1/p/manifest.m3u8").await.status, 503);
    let named = guarded.replacen("open = true", "open = true\nmanifest_name = \"index\"", 1);
    world.desire(&named).await;
    assert_eq!(world.get("/v1/g/1/p/manifest.m3u8").await.status, 404);
    assert_eq!(world.get("/v1/g/1/p/index.m3u8").await.status, 503);
}

#[tokio::test]
async fn how_manifests_present_a_channel_changes_at_once() {
    let world = World::looped(LOOPED).await;
    let first = world.get("/v1/g/2/c/manifest.m3u8").await.text();
    let other = LOOPED.replacen(
        "protocol = \"HLS_CMAF\"",
        "protocol = \"HLS_CMAF\"\nstream_order = \"VIDEO_BITRATE_ASCENDING\"\nhls_version = 8",
        1,
    );
    world.desire(&other).await;
    let second = world.get("/v1/g/2/c/manifest.m3u8").await.text();
    assert_ne!(first, second);
    assert!(second.contains("#EXT-X-VERSION:8\n"), "{second}");
    let media = world.get("/v1/g/2/c/2-1/audio-eng/media.m3u8").await.text();
    assert!(media.contains("#EXT-X-VERSION:8\n"), "{media}");
    let long = other.replacen("segment_num = 4", "segment_num = 10", 1);
    let short = list(&world, "/v1/g/2/c/2-1/audio-eng/media.m3u8").await;
    world.desire(&long).await;
    let more = list(&world, "/v1/g/2/c/2-1/audio-eng/media.m3u8").await;
    assert!(more.entries.len() > short.entries.len(), "{}", more.entries.len());
}

#[tokio::test]
async fn other_durations_come_with_the_next_cut_while_all_lists_go_on() {
    let world = World::looped(LOOPED).await;
    for _ in 0..4 {
        world.step().await;
    }
    let (hls, low) = ("/v1/g/2/c/2-1/video-90p/", "/v1/g/1/c/1-1/video-90p/");
    let before = list(&world, &format!("{hls}media.m3u8")).await;
    let low_before = list(&world, &format!("{low}media.m3u8")).await;
    let uri = before.entries.last().expect("listed").uri.clone();
    let bytes = world.get(&format!("{hls}{uri}")).await.body;
    // The second endpoint alone: the fourth has its two seconds still.
    let other = LOOPED.replacen("segment_duration = \"2s\"", "segment_duration = \"4s\"", 1);
    world.desire(&other).await;
    let at_once = list(&world, &format!("{hls}media.m3u8")).await;
    at_once.follows(&before);
    assert_eq!(world.get(&format!("{hls}{uri}")).await.body, bytes);
    let mut low_seen = low_before;
    for _ in 0..40 {
        world.advance(500);
        let whole = world.server().origin.clock.now().wall.millis() / 1000 * 1000;
        let newest = |w: &World| {
            let low = w.snapshot().segmentations[&crate::world::LOW].clone();
            low.renditions
                .iter()
                .filter_map(|list| list.rows.last())
                .map(|row| row.end_time().floor_millis())
                .min()
        };
        world
            .until("the newest second is there", |w| newest(w).is_some_and(|end| whole - end < 30))
            .await;
        let low_now = list(&world, &format!("{low}media.m3u8")).await;
        low_now.follows(&low_seen);
        assert!(low_now.entries.iter().all(|entry| !entry.gap));
        low_seen = low_now;
    }
    let grown = |w: &World| {
        w.snapshot().segmentations.keys().all(|key| {
            let view = &w.snapshot().segmentations[key];
            let newest = view.renditions.iter().filter_map(|list| list.rows.last());
            let now = w.server().origin.clock.now().wall.millis();
            newest.map(|row| row.end_time().floor_millis()).all(|end| now - end < 4_500)
        })
    };
    world.until("media up to now is there", grown).await;
    let after = list(&world, &format!("{hls}media.m3u8")).await;
    assert!(after.entries.iter().any(|entry| entry.duration_us == 4_000_000), "{after:?}");
    let numbers: Vec<u64> = after.entries.iter().map(|entry| entry.number).collect();
    assert!(numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]) && after.last() > before.last());
    assert!(after.entries.iter().all(|entry| !entry.gap), "{after:?}");
    for entry in &after.entries {
        let object = world.get(&format!("{hls}{}", entry.uri)).await;
        assert_eq!(object.status, 200, "{}", entry.uri);
    }
    // The others have a Period there, and nothing else.
    let both = list(&world, "/v1/g/4/c/4-1/video-90p/media.m3u8").await;
    assert!(both.entries.iter().all(|entry| entry.duration_us == 2_000_000), "{both:?}");
    assert_eq!(world.get("/v1/g/4/c/manifest.mpd").await.status, 200);
}

#[tokio::test]
async fn endpoints_keep_their_numbers_whatever_becomes_of_those_before_them() {
    let world = World::looped(LOOPED).await;
    let dash = world.get("/v1/g/3/c/manifest.mpd").await.text();
    // Without the second, and with a new one in its place.
    let start = LOOPED.find("  [[channel.endpoint]]\n  name = \"hls\"").expect("there");
    let end = LOOPED.find("  [[channel.endpoint]]\n  name = \"dash\"").expect("there");
    world.desire(&without("hls", "dash")).await;
    assert_eq!(world.get("/v1/g/2/c/manifest.m3u8").await.status, 404);
    assert_eq!(world.get("/v1/g/3/c/manifest.mpd").await.text(), dash);
    let new = LOOPED[start..end].replace("\"hls\"", "\"new\"");
    world.desire(&format!("{}{new}{}", &LOOPED[..start], &LOOPED[end..])).await;
    assert_eq!(world.get("/v1/g/2/c/manifest.m3u8").await.status, 404, "its number was another's");
    assert_eq!(world.get("/v1/g/5/c/manifest.m3u8").await.status, 200);
    assert_eq!(world.get("/v1/g/3/c/manifest.mpd").await.text(), dash);
    world.desire(LOOPED).await;
    assert_eq!(world.get("/v1/g/2/c/manifest.m3u8").await.status, 200, "the same name again");
    assert_eq!(world.get("/v1/g/5/c/manifest.m3u8").await.status, 404);
}

/// The looped channel without endpoints, from one to before another.
pub(crate) fn without(from: &str, to: &str) -> String {
    let at = |name: &str| {
        let section = format!("  [[channel.endpoint]]\n  name = \"{name}\"");
        LOOPED.find(&section).expect("there")
    };
    format!("{}{}", &LOOPED[..at(from)], &LOOPED[at(to)..])
}

#[tokio::test]
async fn the_numbers_of_endpoints_outlive_the_process() {
    let folder = folder();
    let world = World::driven_in(&folder, 0, LOOPED);
    world.settled().await;
    world.stop();
    let world = World::driven_in(&folder, 60_000, &without("low", "hls"));
    assert_eq!(world.get("/v1/g/1/c/manifest.m3u8").await.status, 404);
    // The life before was too short for three segments of four seconds.
    let enough = |world: &World| {
        let snapshot = world.snapshot();
        let mut views = snapshot.segmentations.values();
        // At the very start there is none.
        views.len() > 0
            && views.all(|view| {
                let lists = &view.renditions;
                !lists.is_empty() && lists.iter().all(|list| view.has_enough(list))
            })
    };
    world.until("there are three segments", enough).await;
    let list = world.get("/v1/g/2/c/2-1/audio-eng/media.m3u8").await;
    assert_eq!(list.status, 200, "{}", list.text());
}

#[tokio::test]
async fn channels_of_the_file_and_of_the_control_plane_live_beside_each_other() {
    let world = World::looped(LOOPED).await;
    world.desire_as(Desired::Api, channels(&pushed())).await;
    assert_eq!(world.get("/v1/g/1/p/manifest.m3u8").await.status, 503);
    assert_eq!(world.get("/v1/g/1/c/manifest.m3u8").await.status, 200);
    // Of one name the file's lives.
    let mut same = channels(&LOOPED.replace("open = true", "authorization_code = \"x\""));
    same.extend(channels(&pushed()));
    world.desire_as(Desired::Api, same).await;
    assert_eq!(world.get("/v1/g/1/c/manifest.m3u8").await.status, 200);
    world.desire("").await;
    assert_eq!(world.get("/v1/g/1/c/manifest.m3u8").await.status, 403, "the other's now");
    world.desire_as(Desired::Api, Vec::new()).await;
    assert_eq!(world.get("/v1/g/1/c/manifest.m3u8").await.status, 404);
    assert_eq!(world.get("/v1/g/1/p/manifest.m3u8").await.status, 404);
}

#[tokio::test]
async fn a_channel_that_cannot_be_made_is_named_and_the_others_are() {
    let world = World::looped(LOOPED).await;
    let mut wanted = channels(LOOPED);
    wanted.extend(channels(&LOOPED.replace("loop.mp4", "none.mp4").replace("\"c\"", "\"d\"")));
    wanted.extend(channels(&pushed()));
    let failed = world.server().origin.desire(Desired::File, wanted).await.expect_err("no file");
    assert_eq!(failed.len(), 1);
    let sentence = failed[0].to_string();
    assert!(sentence.starts_with("channel g/d: cannot read none.mp4"), "{sentence}");
    assert_eq!(world.get("/v1/g/1/p/manifest.m3u8").await.status, 503);
    assert_eq!(world.get("/v1/g/1/d/manifest.m3u8").await.status, 404);
}

#[tokio::test]
async fn a_loop_that_is_taken_away_leaves_its_input_to_encoders() {
    let world = World::looped(LOOPED).await;
    assert_eq!(ts::push(&world, "/v1/g/1/c/live.ts", ts::BFRAMES_30).await.status, 404);
    world.desire(&LOOPED.replace("loop = \"loop.mp4\"\n", "")).await;
    assert_eq!(world.get("/v1/g/2/c/manifest.m3u8").await.status, 200, "what is there stays");
    let before = list(&world, "/v1/g/1/c/1-1/video-90p/media.m3u8").await;
    assert_eq!(ts::push(&world, "/v1/g/1/c/live.ts", ts::BFRAMES_30).await.status, 200);
    world.desire(LOOPED).await;
    // The loop begins where the clock stands when its task comes to run, so time goes on until then.
    world
        .until("the loop plays again", |w| {
            w.advance(100);
            let snapshot = w.snapshot();
            let lists = snapshot.segmentations.values().flat_map(|view| &view.renditions);
            let mut named = lists.filter(|list| list.rendition.name == "video-90p");
            named.any(|list| list.rows.last().is_some_and(|row| row.number > before.last() + 3))
        })
        .await;
}
