//! Reels on a local disk: appended to, cut back after a crash, read at the start, expired.
//!
//! `{folder}/{rendition}/{Unix milliseconds}.mp4` is a reel, `….idx` its index. The index is written
//! when the reel has been synced: it never speaks of bytes that are not there. What a reel holds
//! beyond it has come through the death of the process, but perhaps not through that of the machine.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::catalogue::Entry;
use super::found::{Found, find, open};
use super::open_reel::OpenReel;
use super::recorder::{Batch, Written};
use super::shelf::Shelf;
use super::spool;
use super::writes::Disk;
use crate::packager::RenditionId;
use crate::units::{MediaDuration, MediaTime};

/// How long a reel is before the next one begins.
pub(super) const REEL: MediaDuration = MediaDuration::from_secs(300);

/// Reels whose index is tried again; of more the next start takes care.
const UNFINISHED: usize = 64;

/// The reels of one channel that are being written.
#[derive(Debug)]
pub struct Reels {
    shelf: Shelf,
    disk: Box<dyn Disk>,
    open: BTreeMap<RenditionId, OpenReel>,
    /// What the catalogue is to hear with the next sync: reels that have been closed, and what it did
    /// not take before.
    untold: Vec<Entry>,
    newest: Option<MediaTime>,
    /// Reels that are appended to no more, and whose index could not be written yet.
    unfinished: Vec<OpenReel>,
}

impl Reels {
    /// The reels of a channel's shelf. None is open.
    #[must_use]
    pub fn new(shelf: Shelf, disk: Box<dyn Disk>) -> Self {
        Reels {
            shelf,
            disk,
            open: BTreeMap::new(),
            untold: Vec::new(),
            newest: None,
            unfinished: Vec::new(),
        }
    }

    /// The reels whose media ends within `span` of the newest, cut back to what was written whole.
    /// A channel that the catalogue does not know is looked for in its folder, and in the store.
    ///
    /// # Errors
    /// Where the folder or the catalogue cannot be read. A store that does not answer is named.
    pub fn recent(
        &mut self,
        span: MediaDuration,
        refused: &mut dyn FnMut(&Path, String),
    ) -> io::Result<Vec<Found>> {
        let Shelf { catalogue, channel, folder, .. } = &self.shelf;
        if catalogue.newest(channel)?.is_none() {
            let all = find(folder, refused)?;
            let entries: Vec<Entry> = all.iter().filter_map(Found::entry).collect();
            catalogue.put(channel, &entries)?;
        }
        self.survey(refused)?;
        let Some(newest) = catalogue.newest(channel)? else { return Ok(Vec::new()) };
        self.newest = Some(MediaTime::from_millis(newest));
        let mut recent = Vec::new();
        for entry in catalogue.since(channel, newest - span.floor_millis())? {
            let place = self.shelf.place(&entry);
            if entry.stored {
                if let Err(error) = place.fetch() {
                    refused(place.path(), format!("the store does not give it: {error}"));
                    continue;
                }
                catalogue.note_place(channel, &entry, (true, true))?;
            }
            match open(place.path()) {
                Ok(reel) => {
                    if let Some(now) = reel.entry().filter(|_| entry.open) {
                        catalogue.put(channel, &[now])?;
                    }
                    recent.push(reel);
                }
                Err(why) => {
                    catalogue.forget(channel, &entry.rendition, &entry.file)?;
                    refused(place.path(), why);
                }
            }
        }
        Ok(recent)
    }

    /// Learns what the store has of the channel, where that is not known.
    fn survey(&self, refused: &mut dyn FnMut(&Path, String)) -> io::Result<()> {
        let Shelf { catalogue, channel, store, .. } = &self.shelf;
        let Some(store) = store.as_ref() else { return Ok(()) };
        if catalogue.is_surveyed(channel)? {
            return Ok(());
        }
        let known = catalogue.since(channel, i64::MIN)?;
        let known = known.into_iter().map(|entry| (entry.rendition, entry.file)).collect();
        match spool::survey(store, channel, &known, refused) {
            Ok(entries) => {
                catalogue.put(channel, &entries)?;
                catalogue.note_surveyed(channel)
            }
            Err(error) => {
                let why = format!("the store does not say what it has: {error}");
                refused(Path::new(channel), why);
                Ok(())
            }
        }
    }

    /// Appends what is new and notes it in `written`: it survives the process. Gives how many bytes of
    /// media that were.
    ///
    /// # Errors
    /// What the disk says. What was appended in part is cut away at the next start; the next batch
    /// of the rendition begins a reel.
    pub fn append(&mut self, batches: &[Batch], written: &mut Written) -> io::Result<u64> {
        let mut bytes = 0;
        // A rendition's reel of one Period ends before that of the next begins.
        let mut in_order: Vec<&Batch> = batches.iter().collect();
        in_order.sort_by_key(|batch| batch.period.ordinal);
        for of_period in in_order.chunk_by(|a, b| a.period.ordinal == b.period.ordinal) {
            self.begin(of_period)?;
            for batch in of_period {
                let appended = self.append_one(batch);
                if appended.is_err() {
                    self.close(batch.rendition);
                }
                appended?;
                batch.note(written);
                bytes += batch.chunks.iter().map(|chunk| chunk.bytes.len() as u64).sum::<u64>();
            }
        }
        Ok(bytes)
    }

    /// Makes durable what was appended, and notes it in the catalogue.
    ///
    /// # Errors
    /// What the disk says. The reel that failed is not appended to any more.
    pub fn sync(&mut self) -> io::Result<()> {
        let mut failed = None;
        for mut reel in std::mem::take(&mut self.unfinished) {
            match reel.sync(&mut *self.disk) {
                Ok(_) => {
                    reel.entry.open = false;
                    self.untold.push(reel.entry);
                }
                Err(error) => {
                    failed = Some(error);
                    self.unfinished.push(reel);
                }
            }
        }
        let ids: Vec<RenditionId> = self.open.keys().copied().collect();
        for id in ids {
            let Some(reel) = self.open.get_mut(&id) else { continue };
            match reel.sync(&mut *self.disk) {
                Ok(false) => {}
                Ok(true) => self.untold.push(reel.entry.clone()),
                Err(error) => {
                    self.close(id);
                    return Err(error);
                }
            }
        }
        if !self.untold.is_empty() {
            self.shelf.catalogue.put(&self.shelf.channel, &self.untold)?;
            self.untold.clear();
        }
        failed.map_or(Ok(()), Err)
    }

    /// Ends all reels, which are whole as they are and may go to the store. What is appended next begins
    /// others.
    ///
    /// # Errors
    /// As [`Reels::sync`].
    pub fn finish(&mut self) -> io::Result<()> {
        while let Some(id) = self.open.keys().next().copied() {
            self.close(id);
        }
        self.sync()
    }

    /// Makes the reels that the batches of a Period need. They are noted together: a start looks at what the catalogue
    /// says, and a reel that it does not know is lost.
    fn begin(&mut self, batches: &[&Batch]) -> io::Result<()> {
        let mut begun = Vec::new();
        let noted = self.create(batches, &mut begun).and_then(|()| {
            let entries: Vec<Entry> = begun
                .iter()
                .filter_map(|id| self.open.get(id).map(|reel| reel.entry.clone()))
                .collect();
            if entries.is_empty() {
                Ok(())
            } else {
                self.shelf.catalogue.put(&self.shelf.channel, &entries)
            }
        });
        if noted.is_err() {
            for id in begun {
                self.close(id);
            }
        }
        noted
    }

    fn create(&mut self, batches: &[&Batch], begun: &mut Vec<RenditionId>) -> io::Result<()> {
        for batch in batches {
            let Some(begins) = batch.begins() else { continue };
            let fits = |reel: &OpenReel| {
                reel.ordinal == batch.period.ordinal && begins - reel.begins < REEL
            };
            if self.open.get(&batch.rendition).is_some_and(fits) {
                continue;
            }
            self.close(batch.rendition);
            let Some(reel) = OpenReel::create(&mut *self.disk, &self.shelf.folder, batch, begins)?
            else {
                continue;
            };
            self.open.insert(batch.rendition, reel);
            begun.push(batch.rendition);
        }
        Ok(())
    }

    /// Removes reels whose media ended longer than `keep` before the newest.
    ///
    /// # Errors
    /// What the disk says; the rest is removed another time.
    pub fn expire(&mut self, keep: MediaDuration) -> io::Result<()> {
        let Some(newest) = self.newest else { return Ok(()) };
        let left = |reel: &&OpenReel| newest - reel.ends > keep;
        let left: Vec<RenditionId> =
            self.open.iter().filter(|(_, reel)| left(reel)).map(|(id, _)| *id).collect();
        // Of a track that takes no part any more.
        for id in left {
            self.close(id);
        }
        let gone = self.shelf.remove_before((newest - keep).floor_millis())?;
        let is_gone = |told: &Entry| {
            gone.iter().any(|one| (&one.rendition, &one.file) == (&told.rendition, &told.file))
        };
        self.untold.retain(|told| !is_gone(told));
        Ok(())
    }

    fn close(&mut self, rendition: RenditionId) {
        let Some(mut reel) = self.open.remove(&rendition) else { return };
        if reel.is_bare() {
            // A disk that takes nothing is not to fill up with beginnings.
            spool::remove_reel(&reel.path);
            let Shelf { catalogue, channel, .. } = &self.shelf;
            let _ = catalogue.forget(channel, &reel.entry.rendition, &reel.entry.file);
            return;
        }
        if reel.sync(&mut *self.disk).is_ok() {
            reel.entry.open = false;
            self.untold.push(reel.entry);
        } else {
            // Its media is there and its index does not say so: it is tried again, and where the process
            // dies before, the next start makes the index from the reel's boxes.
            self.untold.push(reel.entry.clone());
            self.unfinished.push(reel);
            let over = self.unfinished.len().saturating_sub(UNFINISHED);
            self.unfinished.drain(..over);
        }
    }

    fn append_one(&mut self, batch: &Batch) -> io::Result<()> {
        let Some(reel) = self.open.get_mut(&batch.rendition) else { return Ok(()) };
        reel.append(&mut *self.disk, batch)?;
        reel.ends = reel.ends.max(batch.end().unwrap_or(reel.ends));
        self.newest = self.newest.max(Some(reel.ends));
        Ok(())
    }
}
