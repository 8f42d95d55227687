//! Channels fed by CMAF ingest that counts from the epoch: twins, and two inputs of one channel.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::cmaf::{Encoder, Picture, send};
use crate::playlist::{Playlist, media_playlists};
use crate::twins::{Files, History, everything, hashes};
use crate::world::{LOOPED, World, folder};

/// The second since the epoch that the clock of a world begins in.
const BEGINNING: u64 = 1_800_000_000;
/// How often two servers are looked at before they are said to differ.
const LOOKS: usize = 50;

/// `LOOPED`'s endpoints, of a channel that is pushed to.
fn pushed() -> String {
    LOOPED.replace("loop = \"loop.mp4\"\n", "")
}

/// Waits until a world lists what was whole a segment before the second.
async fn has_come(world: &World, second: u64) {
    world
        .until(&format!("second {} is listed", second - BEGINNING), |world| {
            let snapshot = world.snapshot();
            let end = i64::try_from(second * 1000).unwrap();
            let listed = |of: i64, ends: i64| ends + 50 >= end - 1000 - of;
            !snapshot.segmentations.is_empty()
                && snapshot.segmentations.iter().all(|(key, view)| {
                    view.current().all(|list| {
                        let end = list.rows.last().map(|row| row.end_time().floor_millis());
                        end.is_some_and(|end| listed(i64::from(key.segment_ms), end))
                    })
                })
        })
        .await;
}

/// Everything two worlds list, once it is the same; it must be.
async fn agreed(worlds: [&World; 2], second: u64, history: History) -> Files {
    for world in worlds {
        has_come(world, second).await;
    }
    let mut again = tokio::time::interval(Duration::from_millis(100));
    let mut differ = BTreeMap::new();
    for _ in 0..LOOKS {
        let files = [everything(worlds[0]).await, everything(worlds[1]).await];
        let [ours, theirs] = files.each_ref().map(|files| hashes(files, history));
        if ours == theirs {
            let [files, _] = files;
            assert!(files.len() > 60, "{} files", files.len());
            return files;
        }
        let named =
            |name: &String| (name.clone(), [&ours, &theirs].map(|of| of.contains_key(name)));
        let all = ours.keys().chain(theirs.keys());
        differ = all.filter(|name| ours.get(*name) != theirs.get(*name)).map(named).collect();
        again.tick().await;
    }
    panic!("{} s after the beginning: {differ:#?}", second - BEGINNING);
}

/// The second world lists less than the first, for it has not run for as long as a list is: what
/// both list is the same, and that is nearly all of it.
async fn begun_alike([first, late]: [&World; 2], second: u64) {
    has_come(first, second).await;
    has_come(late, second).await;
    let files = [everything(first).await, everything(late).await];
    let [ours, theirs] = files.each_ref().map(|files| hashes(files, History::Differs));
    let is_media = |name: &str| name.rsplit('.').next() == Some("m4s");
    let theirs: Vec<_> = theirs.iter().filter(|(name, _)| is_media(name)).collect();
    let common = || theirs.iter().filter_map(|(name, hash)| Some((name, hash, ours.get(*name)?)));
    assert!(common().count() > 20, "{} of {}", common().count(), theirs.len());
    assert!(common().count() * 10 >= theirs.len() * 8, "{} of {}", common().count(), theirs.len());
    let differ: Vec<_> = common().filter(|(_, theirs, ours)| *theirs != ours).collect();
    assert!(differ.is_empty(), "{differ:#?}");
}

/// How many Periods begin in what is listed of the longest playlist.
fn discontinuities(files: &Files) -> usize {
    let lists = files.iter().filter(|(path, _)| path.ends_with("media.m3u8"));
    let marks = lists.map(|(_, body)| {
        let list = Playlist::read(&String::from_utf8_lossy(body), None);
        list.entries.iter().filter(|entry| entry.discontinuity).count()
    });
    marks.max().expect("a playlist")
}

#[tokio::test]
async fn twins_of_one_cmaf_push_are_equal_by_hash_over_breaks_and_a_late_start() {
    let encoder = Encoder::new();
    let (config, late_folder) = (pushed(), folder());
    let first = World::driven_in(&folder(), 0, &config);
    let mut late = None;
    send(&first, 1, &encoder.headers(Picture::Large)).await;
    for n in 1..=94_u64 {
        first.advance(1000);
        if let Some(late) = &late {
            World::advance(late, 1000);
        }
        if n == 9 {
            let world = World::driven_in(&late_folder, 9_000, &config);
            send(&world, 1, &encoder.headers(Picture::Large)).await;
            late = Some(world);
        }
        let worlds = || std::iter::once(&first).chain(&late);
        let picture = if n > 56 { Picture::Small } else { Picture::Large };
        match n {
            // Nothing comes for seven seconds: the push counts as lost.
            28..=34 => continue,
            35 | 57 => {
                for world in worlds() {
                    world.until("the push is lost, once", |w| w.snapshot().losses == 1).await;
                    send(world, 1, &encoder.headers(picture)).await;
                }
            }
            _ => {}
        }
        for world in worlds() {
            send(world, 1, &encoder.second(picture, BEGINNING + n - 1)).await;
        }
        let Some(late) = &late else { continue };
        let (worlds, second) = ([&first, late], BEGINNING + n);
        match n {
            18 => begun_alike(worlds, second).await,
            // Before a break, soon after each, and long after.
            26 => {
                let files = agreed(worlds, second, History::Differs).await;
                assert_eq!(discontinuities(&files), 0);
            }
            39 | 42 => {
                let files = agreed(worlds, second, History::Differs).await;
                assert_eq!(discontinuities(&files), 1, "the hole");
            }
            54 | 94 => drop(agreed(worlds, second, History::Same).await),
            63 | 66 => {
                let files = agreed(worlds, second, History::Same).await;
                assert_eq!(discontinuities(&files), 1, "the new header");
            }
            _ => {}
        }
    }
}

/// Every media playlist of an endpoint, as a client reads them.
async fn lists(world: &World, endpoint: u32) -> BTreeMap<String, Playlist> {
    let base = format!("/v1/g/{endpoint}/c/");
    let text = world.get(&format!("{base}manifest.m3u8")).await.text();
    let mut lists = BTreeMap::new();
    for media in media_playlists(&text) {
        let text = world.get(&format!("{base}{media}")).await.text();
        lists.insert(media, Playlist::read(&text, None));
    }
    lists
}

#[tokio::test]
async fn the_standby_goes_on_without_a_period_where_both_inputs_count_from_the_epoch() {
    let encoder = Encoder::new();
    let config = pushed();
    let world = World::driven_in(&folder(), 0, &config);
    // The same programme by one input that never stops.
    let alone = World::driven_in(&folder(), 0, &config);
    for world in [&world, &alone] {
        send(world, 1, &encoder.headers(Picture::Large)).await;
    }
    let mut before: BTreeMap<(u32, String), Playlist> = BTreeMap::new();
    for n in 1..=40_u64 {
        world.advance(1000);
        alone.advance(1000);
        let bodies = encoder.second(Picture::Large, BEGINNING + n - 1);
        if n <= 20 {
            send(&world, 1, &bodies).await;
        }
        // The first to deliver is the one that plays.
        if n == 5 {
            send(&world, 2, &encoder.headers(Picture::Large)).await;
        }
        if n >= 5 {
            send(&world, 2, &bodies).await;
        }
        send(&alone, 1, &bodies).await;
        // While the first is silent and not yet known to be lost, the list stands still.
        if n < 12 || (21..=25).contains(&n) {
            continue;
        }
        has_come(&world, BEGINNING + n).await;
        for endpoint in [1, 2, 4] {
            for (media, list) in lists(&world, endpoint).await {
                assert!(list.entries.iter().all(|e| !e.discontinuity && !e.gap), "{list:?}");
                assert_eq!(list.discontinuities, 0, "after {n} s");
                if let Some(before) = before.insert((endpoint, media), list.clone()) {
                    list.follows(&before);
                }
            }
        }
        for endpoint in [3, 4] {
            let mpd = world.get(&format!("/v1/g/{endpoint}/c/manifest.mpd")).await.text();
            assert_eq!(mpd.matches("<Period ").count(), 1, "after {n} s: {mpd}");
        }
    }
    assert_eq!(
        world.metric("headwater_facts_total{group=\"g\",channel=\"c\",fact=\"SourceLost\"}"),
        1
    );
    agreed([&world, &alone], BEGINNING + 40, History::Same).await;
}
