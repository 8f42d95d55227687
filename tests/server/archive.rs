//! Lists that go on over restarts, from what the archive holds.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::playlist::{Playlist, media_playlists};
use crate::world::{LOOPED, World, cold, folder};

/// The loop in lists of a minute and a half.
pub(crate) fn long() -> String {
    let long = LOOPED.replace("segment_num = 12", "segment_num = 100");
    long.replace("segment_num = 4", "segment_num = 50")
        .replace("window = \"10s\"", "window = \"120s\"")
}

async fn lists(world: &World) -> BTreeMap<String, Playlist> {
    let mut lists = BTreeMap::new();
    for (endpoint, manifest) in [(1, "/v1/g/1/c/manifest"), (2, "/v1/g/2/c/manifest.m3u8")] {
        for uri in media_playlists(&world.get(manifest).await.text()) {
            let path = format!("/v1/g/{endpoint}/c/{uri}");
            let reply = world.get(&path).await;
            assert_eq!(reply.status, 200, "{path}: {}", reply.text());
            lists.insert(path, Playlist::read(&reply.text(), None));
        }
    }
    lists
}

fn reels(folder: &Path) -> usize {
    let renditions = fs::read_dir(folder.join("var/archive/g/c")).expect("a channel's reels");
    let files = renditions.flat_map(|r| fs::read_dir(r.expect("a folder").path()).expect("reels"));
    files.filter(|f| f.as_ref().is_ok_and(|f| f.path().extension() == Some("mp4".as_ref()))).count()
}

#[tokio::test]
async fn a_list_goes_on_over_restarts_in_order() {
    let folder = folder();
    let mut known: BTreeMap<String, Playlist> = BTreeMap::new();
    let mut bodies: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for life in 0..4 {
        let world = World::driven_in(&folder, life * 12_000, &long());
        world.until("something is shown", |w| !w.snapshot().segmentations.is_empty()).await;
        if life > 0 {
            // Before any media has come.
            for (path, list) in &known {
                let now = world.get(path).await;
                assert_eq!(now.status, 200, "{path}: {}", now.text());
                assert!(Playlist::read(&now.text(), None).last() >= list.last(), "{path}");
            }
            for (path, body) in &bodies {
                let again = world.get(path).await;
                assert_eq!(again.status, 200, "{path}");
                assert!(again.body == *body, "{path}: another body under the same name");
            }
        }
        // What the life before has begun is not made again: it is missing.
        world.advance(4_000);
        world.settled().await;
        for _ in 0..12 {
            world.step().await;
        }
        for (path, list) in lists(&world).await {
            if let Some(before) = known.get(&path) {
                list.follows(before);
                assert_eq!(list.sequence, before.sequence, "nothing is behind the window yet");
            }
            let folder = path.trim_end_matches("media.m3u8");
            for entry in list.entries.iter().filter(|entry| !entry.gap).step_by(3) {
                let object = format!("{folder}{}", entry.uri);
                let reply = world.get(&object).await;
                assert_eq!(reply.status, 200, "{object}");
                bodies.insert(object, reply.body);
            }
            known.insert(path, list);
        }
        world.stop();
    }
    assert!(reels(folder.path()) >= 8, "a reel for each rendition and life");
}

#[tokio::test]
async fn nothing_is_kept_where_that_is_not_wanted() {
    let folder = folder();
    let world = World::driven_in(&folder, 0, &cold(LOOPED));
    world.settled().await;
    world.stop();
    assert!(!folder.path().join("var/archive").exists());
}

#[tokio::test]
async fn what_a_channel_leaves_behind_is_removed_when_nobody_can_ask_for_it() {
    let folder = folder();
    let world = World::driven_in(&folder, 0, LOOPED);
    world.settled().await;
    for _ in 0..12 {
        world.step().await;
    }
    world.desire("").await;
    assert!(reels(folder.path()) > 0, "it is all there when the channel has gone");
    world.advance(32 * 86_400_000);
    world.until("nothing is left", |_| reels(folder.path()) == 0).await;
}
