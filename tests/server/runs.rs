//! Runs of many versions: what clients rely on from one to the next.

use std::collections::BTreeMap;

use crate::client::Connection;
use crate::playlist::{Playlist, media_playlists};
use crate::ts::{self, PUSHED};
use crate::world::{LOOPED, World, cold, folder};

/// A client of all media playlists of one endpoint.
#[derive(Debug, Default)]
struct Reader {
    /// By path.
    lists: BTreeMap<String, Playlist>,
    /// By path: until when, in the run's milliseconds, an object must be there.
    promised: BTreeMap<String, i64>,
    deltas: usize,
}

impl Reader {
    /// Reads every playlist of an endpoint, whole and as a delta of what it had.
    async fn read(&mut self, connection: &mut Connection, base: &str, now: i64) {
        let multivariant = connection.get(&format!("{base}manifest.m3u8")).await;
        assert_eq!(multivariant.status, 200, "{}", multivariant.text());
        let playlists = media_playlists(&multivariant.text());
        assert!(!playlists.is_empty());
        for media in playlists {
            let path = format!("{base}{media}");
            let text = connection.get(&path).await.text();
            let list = Playlist::read(&text, None);
            assert_eq!(list.skipped, 0, "nobody asked for a delta");
            assert!(
                list.span_us() >= 3_000_000 * i64::try_from(list.target).unwrap() - 50_000,
                "{text}"
            );
            if let Some(before) = self.lists.get(&path) {
                list.follows(before);
                // §6.2.5.1: only a client whose playlist is recent may ask for what it skips from.
                let recent = list.last() <= before.last() + 3;
                let skip = if recent { "?_HLS_skip=YES" } else { "" };
                let delta = connection.get(&format!("{path}{skip}")).await.text();
                self.deltas += usize::from(delta.contains("#EXT-X-SKIP"));
                let merged = Playlist::read(&delta, Some(before));
                assert_eq!(
                    Playlist { skipped: 0, ..merged },
                    list,
                    "a delta and the old are the new"
                );
            }
            let folder = path.trim_end_matches("media.m3u8");
            // §6.2.2: a segment's own duration and the longest list's after it was listed last;
            // a part three target durations.
            let keep = list.span_us() / 1000 + 1000 * i64::try_from(list.target).unwrap();
            let part = 3000 * i64::try_from(list.target).unwrap();
            for uri in list.uris() {
                let keep = if uri.starts_with('p') { part } else { keep };
                let path = format!("{folder}{uri}");
                if !self.promised.contains_key(&path) {
                    assert_eq!(
                        connection.ask("HEAD", &path, &[]).await.status,
                        200,
                        "{path} is listed"
                    );
                }
                self.promised.insert(path, now + keep);
            }
            self.lists.insert(path, list);
        }
    }

    /// Asks for everything that must still be there.
    async fn hold_to_it(&mut self, connection: &mut Connection, now: i64) -> usize {
        self.promised.retain(|_, until| *until >= now);
        for path in self.promised.keys() {
            assert_eq!(connection.ask("HEAD", path, &[]).await.status, 200, "{path} was promised");
        }
        self.promised.len()
    }
}

/// Every object an MPD's timelines list.
pub(crate) fn listed(mpd: &str, base: &str) -> Vec<String> {
    let value = |line: &str, name: &str| {
        let rest = line.split_once(&format!(" {name}=\""))?.1;
        Some(rest.split('"').next().unwrap_or_default().to_owned())
    };
    let (mut id, mut media, mut number) = (String::new(), String::new(), 0_u64);
    let mut out = Vec::new();
    for line in mpd.lines() {
        if line.starts_with("<Representation ") {
            id = value(line, "id").unwrap();
        } else if line.starts_with("<SegmentTemplate ") {
            number = value(line, "startNumber").unwrap().parse().unwrap();
            media = value(line, "media").unwrap().replace("$RepresentationID$", &id);
            let init = value(line, "initialization").unwrap().replace("$RepresentationID$", &id);
            out.push(format!("{base}{init}"));
        } else if line.starts_with("<S ") {
            let repeats: u64 = value(line, "r").map_or(0, |r| r.parse().unwrap());
            for _ in 0..=repeats {
                out.push(format!("{base}{}", media.replace("$Number$", &number.to_string())));
                number += 1;
            }
        }
    }
    out
}

#[tokio::test]
async fn every_version_of_a_run_keeps_what_the_ones_before_it_promised() {
    let world = World::looped(LOOPED).await;
    let mut connection = Connection::open(world.egress()).await;
    let mut readers = [Reader::default(), Reader::default(), Reader::default()];
    let mut dash: BTreeMap<String, i64> = BTreeMap::new();
    let mut objects = 0;
    for step in 0..50 {
        let now = step * 500;
        for (reader, endpoint) in readers.iter_mut().zip([1, 2, 4]) {
            reader.read(&mut connection, &format!("/v1/g/{endpoint}/c/"), now).await;
            if step % 5 == 4 {
                objects += reader.hold_to_it(&mut connection, now).await;
            }
        }
        for endpoint in [3, 4] {
            let base = format!("/v1/g/{endpoint}/c/");
            let mpd = connection.get(&format!("{base}manifest.mpd")).await.text();
            let paths = listed(&mpd, &base);
            assert!(paths.len() > 12, "{mpd}");
            // ISO/IEC 23009-1 §5.3.9.5.3: timeShiftBufferDepth and a segment's duration.
            dash.extend(paths.into_iter().map(|path| (path, now + 2_000)));
        }
        dash.retain(|_, until| *until >= now);
        for path in dash.keys().filter(|_| step % 5 == 4) {
            assert_eq!(connection.ask("HEAD", path, &[]).await.status, 200, "{path} is in an MPD");
        }
        world.step().await;
    }
    assert!(readers[0].deltas > 100, "{} deltas skipped something", readers[0].deltas);
    assert!(objects > 500, "{objects}");
}

#[tokio::test]
async fn a_restart_is_a_discontinuity_that_slides_out_of_the_list_in_order() {
    let folder = folder();
    let before = {
        let world = World::driven_in(&folder, 0, &cold(LOOPED));
        world.settled().await;
        let mut reader = Reader::default();
        reader.read(&mut Connection::open(world.egress()).await, "/v1/g/1/c/", 0).await;
        world.stop();
        reader
    };
    let world = World::driven_in(&folder, 10_000, &cold(LOOPED));
    world.settled().await;
    let mut connection = Connection::open(world.egress()).await;
    let mut reader = Reader::default();
    let mut first = BTreeMap::new();
    for step in 0..40 {
        reader.read(&mut connection, "/v1/g/1/c/", step * 500).await;
        if step == 0 {
            first.clone_from(&reader.lists);
        }
        world.step().await;
    }
    for (path, old) in &before.lists {
        first[path].begins_after(old);
        let (now, then) = (reader.lists[path].discontinuities, old.discontinuities);
        assert!(now > then, "{path}: it has slid out");
    }
}

#[tokio::test]
async fn an_encoder_that_starts_anew_again_and_again_breaks_no_rule() {
    let world = World::driven(PUSHED);
    let mut connection = Connection::open(world.egress()).await;
    let mut readers = [Reader::default(), Reader::default()];
    for turn in 0..9_i64 {
        let body = [ts::BFRAMES_30, ts::BFRAMES_25][usize::try_from(turn % 2).unwrap()];
        let before = world.snapshot().losses;
        assert_eq!(ts::push(&world, "/v1/g/1/p/live.ts", body).await.status, 200);
        world.advance(1_100);
        world.until("the loss is known", |w| w.snapshot().losses > before).await;
        world.until("it plays", ts::plays).await;
        for (reader, endpoint) in readers.iter_mut().zip([1, 2]) {
            reader.read(&mut connection, &format!("/v1/g/{endpoint}/p/"), turn * 6_000).await;
            reader.hold_to_it(&mut connection, turn * 6_000).await;
        }
        world.advance(4_900);
    }
    for reader in &readers {
        let list = reader.lists.values().next().expect("a list");
        assert!(list.discontinuities >= 2, "{list:?}");
    }
}
