//! Live streams, which come to their channels by host, application and name.

use std::sync::Arc;

use tempfile::TempDir;

use crate::control::{KEYS, Plane};
use crate::playlist::{Playlist, media_playlists};
use crate::published::of_host;
use crate::rtmp::{plain, rtmp};
use crate::rtmp_client::{Encoder, Tag};
use crate::world::{World, folder};

const STREAMS: [(&str, &str); 3] =
    [("DomainName", "play.test"), ("AppName", "show"), ("StreamName", "*")];

fn plane(folder: &Arc<TempDir>, later_ms: i64) -> Plane {
    let listening = "http = \"127.0.0.1:0\"\nrtmp = \"127.0.0.1:0\"\n[admin]";
    let keys = KEYS.replacen("http = \"127.0.0.1:0\"\n[admin]", listening, 1);
    assert_ne!(keys, KEYS);
    Plane { world: World::driven_in(folder, later_ms, &keys) }
}

async fn publish(world: &World, host: &str, name: &str, tags: &[Tag]) -> String {
    let mut encoder = Encoder::open(rtmp(world)).await;
    let url = format!("rtmp://{host}:1935/show");
    let told = encoder.publish_as(&[("app", "show"), ("tcUrl", &url)], name).await;
    if told.contains("Publish.Start") {
        encoder.tags(tags).await;
    }
    told
}

async fn status(world: &World, path: &str) -> u16 {
    of_host(world, "127.0.0.1", "play.test", path).await.status
}

/// The first media playlist of a stream.
async fn list(world: &World, path: &str) -> Playlist {
    let text = of_host(world, "127.0.0.1", "play.test", path).await.text();
    let media = media_playlists(&text).pop_first().expect("a list");
    let text = of_host(world, "127.0.0.1", "play.test", &format!("/show/{media}")).await.text();
    Playlist::read(&text, None)
}

#[tokio::test]
async fn a_live_stream_plays_by_its_host_and_is_there_after_a_restart() {
    let folder = folder();
    let at = plane(&folder, 0);
    let package = [("Protocol", "HLS_CMAF"), ("SegmentNum", "5"), ("SegmentDuration", "1")];
    let fields = [&STREAMS[..], &package].concat();
    let made = at.rpc("AddLivePackageConfig", &fields).await;
    assert_eq!(made.0, 200, "{made:?}");
    let told = publish(&at.world, "other.test", "one", &[]).await;
    assert!(told.contains("there is no channel show/one"), "{told}");
    let told = publish(&at.world, "PLAY.test", "a b", &[]).await;
    assert!(told.contains("cannot be played by this name"), "{told}");
    let told = publish(&at.world, "PLAY.test", "one", &plain()).await;
    assert!(told.contains("Publish.Start"), "{told}");
    let shown = |world: &World| {
        let mut channels = world.server().origin.channels();
        channels.any(|channel| {
            let snapshot = channel.snapshot();
            let mut views = snapshot.segmentations.values();
            views.any(|view| view.can_be_shown(false))
        })
    };
    at.world.until("it plays", shown).await;
    // All that was sent has come when its encoder is known to have gone.
    let closed = |w: &World| w.metric("headwater_ingest_connections") == 0;
    at.world.until("it is closed", closed).await;
    at.world.advance(3_000);
    at.world.until("it is known to have gone", |w| w.snapshot().losses == 1).await;
    assert_eq!(status(&at.world, "/show/one.m3u8").await, 200);
    assert_eq!(status(&at.world, "/show/one.mpd").await, 404);
    // Its own group is no name that anybody can push or publish to.
    let group = at.world.channel().group.clone();
    let path = format!("/v1/{group}/1/{}/live.ts", at.world.channel().name);
    assert_eq!(crate::ts::push(&at.world, &path, crate::ts::BFRAMES_30).await.status, 404);
    let before = list(&at.world, "/show/one.m3u8").await;
    at.world.stop();

    let at = plane(&folder, 20_000);
    at.world.until("it is shown again", shown).await;
    let after = list(&at.world, "/show/one.m3u8").await;
    assert_eq!(after.last(), before.last(), "the list goes on from where it was");
    let told = publish(&at.world, "play.test", "one", &plain()).await;
    assert!(told.contains("Publish.Start"), "{told}");
    let deleted = at.rpc("DeleteLivePackageConfig", &STREAMS).await;
    assert_eq!(deleted.0, 200, "{deleted:?}");
    at.world.stop();

    let at = plane(&folder, 40_000);
    assert_eq!(status(&at.world, "/show/one.m3u8").await, 404, "nobody wants it any more");
}
