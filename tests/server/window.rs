//! Windows longer than memory: one list, its newest part from memory and the rest from the archive.

use crate::playlist::{Playlist, media_playlists};
use crate::time_shift::{archived, go_on, live_for};
use crate::world::{LOOPED, World, folder};

/// Every form with a window of two minutes.
fn config(memory: &str) -> String {
    let long = LOOPED.replace("open = true", "window = \"120s\"\n  open = true");
    let long = long.replace("  window = \"10s\"\n", "");
    format!(
        "[limits]\nmemory_window = \"{memory}\"\n{long}
  [[channel.endpoint]]
  name = \"ts\"
  protocol = \"HLS\"
  segment_duration = \"2s\"
  window = \"120s\"
  open = true
"
    )
}

/// Every manifest and media playlist, by its path.
async fn manifests(world: &World) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (endpoint, name) in
        [(1, "manifest"), (2, "manifest"), (3, "manifest"), (4, "manifest.mpd"), (5, "manifest")]
    {
        let path = format!("/v1/g/{endpoint}/c/{name}");
        let text = world.get(&path).await.text();
        let lists = Some(&text).filter(|text| text.starts_with("#EXTM3U"));
        for uri in lists.map(|text| media_playlists(text)).unwrap_or_default() {
            let path = format!("/v1/g/{endpoint}/c/{uri}");
            let reply = world.get(&path).await;
            assert_eq!(reply.status, 200, "{path}: {}", reply.text());
            // Reports say where the others were when this version came: it may be another.
            let text = reply.text();
            let lines = text.lines().filter(|line| !line.starts_with("#EXT-X-RENDITION-REPORT"));
            all.push((path, lines.collect::<Vec<_>>().join("\n")));
        }
        all.push((path, text));
    }
    assert!(all.len() > 12);
    all
}

#[tokio::test]
async fn a_list_longer_than_memory_is_the_one_it_would_be_in_memory() {
    let (short, large) = (folder(), folder());
    let world = World::driven_in(&short, 0, &config("10s"));
    let whole = World::driven_in(&large, 0, &config("24h"));
    world.settled().await;
    whole.settled().await;
    let mut longest = 0;
    // What the loop brings at once is more than memory takes: until that has left the windows.
    for seconds in [140, 10, 10] {
        live_for(&world, seconds).await;
        live_for(&whole, seconds).await;
        for ((path, text), (_, expected)) in
            manifests(&world).await.iter().zip(manifests(&whole).await)
        {
            assert_eq!(*text, expected, "{path}");
            if path.contains("media.m3u8") {
                longest = longest.max(Playlist::read(text, None).entries.len());
            }
        }
    }
    assert!(longest >= 120, "{longest} segments of a second");
    let memory = world
        .snapshot()
        .segmentations
        .values()
        .map(|view| view.renditions.iter().map(|list| list.rows.len()).max().unwrap_or(0))
        .max();
    assert!(memory.is_some_and(|rows| rows < 60), "{memory:?} rows in memory");
    // All of it is there.
    for (path, text) in
        manifests(&world).await.iter().filter(|(path, _)| path.contains("media.m3u8"))
    {
        let folder = path.trim_end_matches("media.m3u8");
        for entry in Playlist::read(text, None).entries.iter().step_by(11) {
            let object = format!("{folder}{}", entry.uri);
            let (reply, expected) = (world.get(&object).await, whole.get(&object).await);
            assert_eq!(reply.status, 200, "{object}");
            assert!(reply.body == expected.body, "{object}: the same from both");
        }
    }
    // And after a restart, at once.
    archived(&world).await;
    let before = manifests(&world).await;
    world.stop();
    let world = World::driven_in(&short, 162_000, &config("10s"));
    world.until("something is shown", |w| !w.snapshot().segmentations.is_empty()).await;
    for (path, text) in before.iter().filter(|(path, _)| path.contains("media.m3u8")) {
        let now = Playlist::read(&world.get(path).await.text(), None);
        let then = Playlist::read(text, None);
        assert_eq!(now.sequence, then.sequence, "{path}");
        assert!(now.entries.len() >= then.entries.len(), "{path}");
    }
}

#[tokio::test]
async fn a_list_longer_than_memory_goes_on_over_a_change_of_durations() {
    let (short, large) = (folder(), folder());
    let world = World::driven_in(&short, 0, &config("10s"));
    let whole = World::driven_in(&large, 0, &config("24h"));
    for world in [&world, &whole] {
        world.settled().await;
        // Over what the loop brings at once, and beyond.
        live_for(world, 100).await;
        let longer =
            config("10s").replacen("segment_duration = \"2s\"", "segment_duration = \"4s\"", 1);
        world.desire(&longer.replace("[limits]\nmemory_window = \"10s\"\n", "")).await;
        go_on(world, 40).await;
    }
    // Endpoint 2 has other durations, the first that DASH and transport streams share has not.
    let mut lengths = std::collections::BTreeSet::new();
    for ((path, text), (_, expected)) in manifests(&world).await.iter().zip(manifests(&whole).await)
    {
        assert_eq!(*text, expected, "{path}");
        if !path.contains("/g/2/") || !path.contains("media.m3u8") {
            continue;
        }
        let list = Playlist::read(text, None);
        let numbers: Vec<u64> = list.entries.iter().map(|entry| entry.number).collect();
        assert!(numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{text}");
        let folder = path.trim_end_matches("media.m3u8");
        for entry in &list.entries {
            lengths.insert(entry.duration_us / 1_000_000);
            let object = format!("{folder}{}", entry.uri);
            let (reply, expected) = (world.get(&object).await, whole.get(&object).await);
            assert_eq!(reply.status, 200, "{object}");
            assert!(reply.body == expected.body, "{object}: the same from both");
        }
    }
    assert!(lengths.contains(&2) && lengths.contains(&4), "{lengths:?}");
}
