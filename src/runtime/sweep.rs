//! What channels leave behind that are there no more. For as long as anything can be asked for at most
//! they may come again, and find their past.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::archive::{Catalogue, Pages, Shelf, Store};

/// How long what a channel has left is kept, milliseconds: the longest time shift, and a day.
const KEPT_MS: i64 = 31 * 86_400_000;

/// What removes it.
#[derive(Clone, Debug)]
pub(super) struct Sweep {
    /// The folder of all channels' reels.
    pub(super) folder: PathBuf,
    pub(super) catalogue: Arc<Catalogue>,
    pub(super) pages: Arc<Pages>,
    pub(super) store: Option<Store>,
}

impl Sweep {
    /// The archive of a channel.
    pub(super) fn shelf(&self, group: &str, name: &str) -> Shelf {
        Shelf {
            channel: format!("{group}/{name}"),
            folder: self.folder.join(group).join(name),
            catalogue: Arc::clone(&self.catalogue),
            pages: Arc::clone(&self.pages),
            store: self.store.clone(),
        }
    }

    /// Removes what is older than anything can be asked for, of all channels but those that are `there`,
    /// as `{group}/{channel}`. Reads and writes files.
    pub(super) fn run(&self, now_ms: i64, there: &BTreeSet<String>) {
        match self.remove(now_ms - KEPT_MS, there) {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "reels of channels that are gone were removed"),
            Err(error) => {
                tracing::warn!(%error, "reels of channels that are gone were not removed");
            }
        }
    }

    fn remove(&self, until: i64, there: &BTreeSet<String>) -> io::Result<usize> {
        let mut removed = 0;
        for channel in self.catalogue.channels()?.iter().filter(|name| !there.contains(*name)) {
            let Some((group, name)) = channel.split_once('/') else { continue };
            let shelf = self.shelf(group, name);
            loop {
                let some = shelf.remove_before(until)?;
                if some.is_empty() {
                    break;
                }
                removed += some.len();
            }
        }
        Ok(removed)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::archive::Entry;

    #[test]
    fn what_is_left_behind_goes_after_a_month_and_nothing_else() {
        const DAY_MS: i64 = 86_400_000;
        let folder = tempfile::tempdir().expect("a folder");
        let catalogue = Catalogue::open(&folder.path().join("catalogue.sqlite3")).expect("a file");
        let sweep = Sweep {
            folder: folder.path().to_owned(),
            catalogue: Arc::new(catalogue),
            pages: Arc::default(),
            store: None,
        };
        let path = |channel: &str, file: &str| {
            folder.path().join(channel).join("video").join(format!("{file}.mp4"))
        };
        for channel in ["g/gone", "g/there", "h/gone"] {
            let entry = |day: i64| Entry {
                rendition: "video".to_owned(),
                file: format!("{day}-1"),
                period: 1,
                begins: day * DAY_MS,
                ends: day * DAY_MS + 1000,
                open: false,
                bytes: 1,
                here: true,
                stored: false,
                numbers: Vec::new(),
            };
            let entries: Vec<Entry> = (1..=100).map(entry).collect();
            sweep.catalogue.put(channel, &entries).expect("noted");
            for entry in &entries {
                let path = path(channel, &entry.file);
                fs::create_dir_all(path.parent().expect("a folder")).expect("made");
                fs::write(path, "x").expect("written");
            }
        }
        sweep.run(111 * DAY_MS + 2000, &BTreeSet::from(["g/there".to_owned()]));
        for channel in ["g/gone", "g/there", "h/gone"] {
            let gone = channel.ends_with("gone");
            for day in 1..=100 {
                let there = path(channel, &format!("{day}-1")).exists();
                assert_eq!(there, !gone || day > 80, "{channel} {day}");
            }
            let known = sweep.catalogue.since(channel, 0).expect("read").len();
            assert_eq!(known, if gone { 20 } else { 100 });
        }
    }
}
