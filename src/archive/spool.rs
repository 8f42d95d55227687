//! The way of reels into the store. The disk is their spool: a reel is written there, goes to the store
//! when it is whole, and stays on the disk as long as there is room. A store that is out of reach
//! loses nothing while what it lacks fits `bytes`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::catalogue::{Catalogue, Entry};
use super::found::Found;
use super::place::Place;
use super::record::Record;
use super::reel;
use super::store::{Object, Store};

/// Reels that one round takes to the store.
const A_ROUND: u32 = 8;
/// Entries that are looked at together.
const TOGETHER: u32 = 64;

/// The spool of all channels.
#[derive(Clone, Debug)]
pub struct Spool {
    /// The folder of all channels' reels.
    pub folder: PathBuf,
    /// The catalogue.
    pub catalogue: Arc<Catalogue>,
    /// Where reels go.
    pub store: Store,
    /// What reels may take of the disk.
    pub bytes: u64,
}

/// What a round has done.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Bytes that came into the store.
    pub stored: u64,
    /// Reels that had to make room before the store had them, or that had gone from the disk.
    pub lost: Vec<PathBuf>,
    /// Bytes of reels on the disk.
    pub on_disk: u64,
    /// Whether more is to be done at once.
    pub more: bool,
}

impl Spool {
    fn place(&self, channel: &str, entry: &Entry) -> Place {
        let folder = self.folder.join(channel);
        Place::new((&folder, channel, Some(&self.store)), &entry.rendition, &entry.file)
    }

    /// Takes whole reels to the store, makes room, and takes away from the store what has expired. What
    /// was done stands in `round`, also where it ends with an error.
    ///
    /// # Errors
    /// What the disk, the catalogue or the store says. The next round goes on from there.
    pub fn round(&self, round: &mut Round) -> io::Result<()> {
        let stored = self.store_whole(round);
        self.make_room(round, stored.is_err())?;
        stored?;
        for name in self.catalogue.leaving(TOGETHER)? {
            self.store.remove(&name)?;
            self.catalogue.has_left(&name)?;
        }
        Ok(())
    }

    /// Takes whole reels to the store. One that cannot be taken holds up no other; after two it is the
    /// store that takes none.
    fn store_whole(&self, round: &mut Round) -> io::Result<()> {
        let whole = self.catalogue.to_store(A_ROUND)?;
        round.more = whole.len() == A_ROUND as usize;
        let mut failed = None;
        for (channel, entry) in whole {
            match self.store_one(&channel, &entry, round) {
                Ok(()) => {}
                Err(error) if failed.is_some() => return Err(error),
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(()), Err)
    }

    fn store_one(&self, channel: &str, entry: &Entry, round: &mut Round) -> io::Result<()> {
        let place = self.place(channel, entry);
        if !place.path().exists() {
            self.catalogue.forget(channel, &entry.rendition, &entry.file)?;
            round.lost.push(place.path().to_owned());
            return Ok(());
        }
        self.store.put(&place.media_name(), place.path())?;
        // The index comes last: what has one is there whole.
        self.store.put(&place.index_name(), &place.beside())?;
        if self.catalogue.note_place(channel, entry, (true, true))? {
            round.stored += entry.bytes;
        } else {
            // It has expired meanwhile.
            let objects = [place.index_name(), place.media_name()];
            self.catalogue.leave(channel, entry, &objects)?;
        }
        Ok(())
    }

    /// Removes reels from the disk until the rest may stay: first what the store has, from the oldest
    /// on; where that does not suffice and the store takes nothing, the oldest that it lacks.
    fn make_room(&self, round: &mut Round, failed: bool) -> io::Result<()> {
        round.on_disk = self.catalogue.on_disk()?;
        while round.on_disk > self.bytes {
            let both = self.catalogue.in_both(TOGETHER)?;
            let stored = !both.is_empty();
            let next = if stored || !failed { both } else { self.catalogue.to_store(TOGETHER)? };
            if next.is_empty() {
                return Ok(());
            }
            for (channel, entry) in next {
                if round.on_disk <= self.bytes {
                    break;
                }
                let place = self.place(&channel, &entry);
                // First noted, so that nothing is believed to be where it is not.
                if stored {
                    self.catalogue.note_place(&channel, &entry, (false, true))?;
                } else {
                    self.catalogue.forget(&channel, &entry.rendition, &entry.file)?;
                    round.lost.push(place.path().to_owned());
                }
                remove(&place.beside())?;
                remove(place.path())?;
                round.on_disk = round.on_disk.saturating_sub(entry.bytes);
            }
        }
        Ok(())
    }
}

/// Removes a file, where it is there.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Takes away a reel that holds nothing. Where that fails the next start takes it for one.
pub(super) fn remove_reel(path: &Path) {
    let _ = remove(&path.with_extension("idx"));
    let _ = remove(path);
}

/// What a store holds of a channel, but for the reels that are `known`: for a server whose disk has
/// been lost.
///
/// # Errors
/// What the store says.
pub(super) fn survey(
    store: &Store,
    channel: &str,
    known: &BTreeSet<(String, String)>,
    refused: &mut dyn FnMut(&Path, String),
) -> io::Result<Vec<Entry>> {
    let indexes = store.list(channel)?.into_iter().filter_map(|(name, _)| {
        let reel = name.strip_suffix(".idx")?;
        let (rendition, file) = reel.strip_prefix(channel)?.strip_prefix('/')?.split_once('/')?;
        (!known.contains(&(rendition.to_owned(), file.to_owned()))).then_some(name)
    });
    let indexes: Vec<Object> = indexes.map(|name| (name, None)).collect();
    let mut entries = Vec::new();
    // All indexes of a month are more than is held at once.
    for indexes in indexes.chunks(TOGETHER as usize) {
        let mut told = BTreeMap::new();
        for (index, bytes) in store.read_all(indexes.to_vec())? {
            let reel = PathBuf::from(index).with_extension("mp4").to_string_lossy().into_owned();
            let (records, ..) = reel::believed(&bytes);
            match records.first() {
                Some(Record::Note { length, .. }) => drop(told.insert(reel, (*length, records))),
                _ => refused(Path::new(&reel), "its index says nothing of a head".to_owned()),
            }
        }
        let heads = told.iter().map(|(reel, (length, _))| (reel.clone(), Some(u64::from(*length))));
        for (reel, head) in store.read_all(heads.collect())? {
            let Some((_, records)) = told.remove(&reel) else { continue };
            let path = PathBuf::from(reel);
            match reel::head(&head) {
                Ok(head) => {
                    let entry = Found { path, head, records }.entry();
                    entries.extend(entry.map(|entry| Entry { here: false, stored: true, ..entry }));
                }
                Err(error) => refused(&path, error.to_string()),
            }
        }
    }
    Ok(entries)
}
