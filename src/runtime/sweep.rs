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
