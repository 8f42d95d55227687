//! An archive that is kept in an object store.

use std::collections::BTreeMap;

use crate::playlist::Playlist;
use crate::s3::S3;
use crate::time_shift::{LIVED_S, config, is_the_same, lists, lived, now_s};
use crate::world::{World, folder};

/// Reels are five minutes: one of each rendition is whole and goes to the store, the next has begun. Then
/// the disk is lost.
async fn is_kept_by(store: &str) {
    let folder = folder();
    let config = format!("{store}\n{}", config());
    let world = World::driven_in(&folder, 0, &config);
    let fetched = lived(&world).await;
    let stored = |world: &World| world.metric("headwater_stored_bytes_total") > 0;
    world.until("whole reels are in the store", stored).await;
    let first = now_s(&world) - LIVED_S;
    let past = format!("manifest?start={}&end={}", first + 20, first + 80);
    let mut before = BTreeMap::new();
    for (path, _) in lists(&world, 2, &past).await {
        before.insert(path.clone(), world.get(&path).await.text());
    }
    // One whole reel and its index of each rendition.
    let renditions =
        world.channel().snapshot().segmentations.values().next().map(|v| v.renditions.len());
    let wanted = renditions.expect("lists");
    let whole = |world: &World| {
        let shelf = world.channel().shelf().cloned().expect("an archive");
        let (store, channel) = (shelf.store.expect("a store"), shelf.channel);
        store.list(&channel).expect("listed").len() == 2 * wanted
    };
    world.until("they all are", whole).await;
    assert_eq!(world.metric("headwater_store_failures_total"), 0);
    world.stop();

    let archive = folder.path().join("var/archive");
    std::fs::remove_dir_all(&archive).expect("it was there");
    let world = World::driven_in(&folder, LIVED_S * 1000 + 30_000, &config);
    for (path, text) in &before {
        let reply = world.get(path).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        assert_eq!(reply.text(), *text, "{path}");
    }
    // What players fetched of that minute is there under its old name, byte for byte.
    let listed: Vec<String> = before
        .iter()
        .flat_map(|(path, text)| {
            let folder = path.rsplit_once('/').expect("a path").0.to_owned();
            let list = Playlist::read(text, None);
            list.entries.into_iter().map(move |entry| format!("{folder}/{}", entry.uri))
        })
        .collect();
    let both = fetched.into_iter().filter(|(path, _)| listed.contains(path)).collect();
    is_the_same(&world, &both).await;
    for object in &listed {
        let reply = world.get(object).await;
        assert_eq!(reply.status, 200, "{object}: {}", reply.text());
    }
    assert!(!both.is_empty() && listed.len() > 50, "{} of {}", both.len(), listed.len());
}

#[tokio::test]
async fn what_went_to_a_store_is_there_when_the_disk_is_lost() {
    let store = tempfile::tempdir().expect("a temporary folder");
    is_kept_by(&format!("[store]\nurl = \"file://{}\"", store.path().display())).await;
}

#[tokio::test]
async fn s3_has_what_went_there_when_the_disk_is_lost() {
    let s3 = S3::start();
    let endpoint = &s3.endpoint;
    is_kept_by(&format!(
        "[store]\nurl = \"s3://headwater/of/a/server\"\nendpoint = \"{endpoint}\"\n\
         region = \"us-east-1\"\naccess_key_id = \"id\"\nsecret_access_key = \"secret\""
    ))
    .await;
}

/// A store that is out of reach is no reason for anything else to stop.
#[tokio::test]
async fn live_and_its_past_go_on_without_the_store() {
    let config = format!(
        "[store]\nurl = \"s3://headwater/x\"\nendpoint = \"http://127.0.0.1:9\"\n\
         region = \"us-east-1\"\naccess_key_id = \"id\"\nsecret_access_key = \"secret\"\n{}",
        config()
    );
    let world = World::driven_in(&folder(), 0, &config);
    let fetched = lived(&world).await;
    world.until("it is said", |w| w.metric("headwater_store_failures_total") > 0).await;
    assert_eq!(world.metric("headwater_spool_lost_total"), 0);
    is_the_same(&world, &fetched).await;
    let start = now_s(&world) - LIVED_S + 20;
    assert_eq!(lists(&world, 2, &format!("manifest?start={start}")).await.len(), 3);
}
