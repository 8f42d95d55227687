//! Two origins that play one loop and begin at different moments: the same bytes under the same names.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::client::Connection;
use crate::playlist::{Playlist, media_playlists};
use crate::runs::listed;
use crate::world::{LOOPED, World, folder};

/// Everything an endpoint gives, by path.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// What two origins have seen of their source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum History {
    /// The same, as far as it is listed.
    Same,
    /// One of them began within what the other lists.
    Differs,
}

/// Every manifest of the channel `c`, and every object one lists.
pub(crate) async fn everything(world: &World) -> Files {
    let mut connection = Connection::open(world.egress()).await;
    let mut files = Files::new();
    let mut objects = Vec::new();
    for endpoint in [1, 2, 4] {
        let base = format!("/v1/g/{endpoint}/c/");
        let path = format!("{base}manifest.m3u8");
        let multivariant = connection.get(&path).await;
        assert_eq!(multivariant.status, 200, "{}", multivariant.text());
        for media in media_playlists(&multivariant.text()) {
            let path = format!("{base}{media}");
            let reply = connection.get(&path).await;
            let folder = path.trim_end_matches("media.m3u8");
            let list = Playlist::read(&reply.text(), None);
            objects.extend(list.uris().iter().map(|uri| format!("{folder}{uri}")));
            files.insert(path, reply.body);
        }
        files.insert(path, multivariant.body);
    }
    for endpoint in [3, 4] {
        let base = format!("/v1/g/{endpoint}/c/");
        let path = format!("{base}manifest.mpd");
        let mpd = connection.get(&path).await;
        objects.extend(listed(&mpd.text(), &base));
        files.insert(path, mpd.body);
    }
    for path in objects {
        let reply = connection.get(&path).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        files.insert(path, reply.body);
    }
    files
}

/// A manifest but for what a twin cannot know: where other renditions stood when a version came,
/// rates, which are measured over a life, and, where it began later, where its first Period began.
fn known(text: &str, periods: &BTreeSet<String>, history: History) -> String {
    let lines = text.lines().filter(|line| !line.starts_with("#EXT-X-RENDITION-REPORT"));
    let words = lines.flat_map(|line| line.split_inclusive([' ', ',', ':', '>']).chain(["\n"]));
    let unknown: &[&str] = match history {
        History::Same => &["bandwidth="],
        History::Differs => &["bandwidth=", "start=", "presentationtimeoffset="],
    };
    let kept = |word: &&str| !unknown.iter().any(|of| word.to_ascii_lowercase().contains(of));
    let text: String = words.filter(kept).collect();
    periods.iter().fold(text, |text, id| text.replace(id, "{period}"))
}

/// Hashes by name; the names of Periods are left out where the histories differ.
pub(crate) fn hashes(files: &Files, history: History) -> BTreeMap<String, u64> {
    let inits = files.keys().filter_map(|path| path.split_once("/init-"));
    let mut periods: BTreeSet<String> =
        inits.map(|(_, file)| file.trim_end_matches(".mp4").to_owned()).collect();
    if history == History::Same {
        periods.clear();
    }
    let hash = |body: &[u8]| {
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        hasher.finish()
    };
    let named = files.iter().map(|(path, body)| {
        let name = periods.iter().fold(path.clone(), |path, id| path.replace(id, "{period}"));
        let manifest = [".m3u8", ".mpd"].iter().any(|ending| path.ends_with(ending));
        let text = manifest.then(|| known(&String::from_utf8_lossy(body), &periods, history));
        (name, hash(text.as_deref().map_or(body, str::as_bytes)))
    });
    named.collect()
}

#[tokio::test]
async fn two_servers_of_one_loop_give_the_same_manifests_and_objects_whenever_they_began() {
    let (first, late) = (folder(), folder());
    let first = World::driven_in(&first, 0, LOOPED);
    first.settled().await;
    for _ in 0..46 {
        first.step().await;
    }
    let late = World::driven_in(&late, 23_000, LOOPED);
    late.settled().await;
    for seconds in [0, 3, 20] {
        for _ in 0..seconds * 2 {
            first.step().await;
            late.step().await;
        }
        let [ours, theirs] = [&first, &late].map(everything);
        let [ours, theirs] = [ours.await, theirs.await].map(|f| hashes(&f, History::Differs));
        assert!(ours.len() > 100, "{}", ours.len());
        let differ: Vec<_> =
            ours.iter().filter(|(path, hash)| theirs.get(*path) != Some(hash)).collect();
        assert!(differ.is_empty(), "after {seconds} s: {differ:#?}");
        assert_eq!(ours.len(), theirs.len());
    }
}
