//! Reels on a local disk: appended to, cut back after a crash, read at the start, expired.
//!
//! `{folder}/{rendition}/{Unix milliseconds}.mp4` is a reel, `….idx` its index. The index is written
//! when the reel has been synced: it never speaks of bytes that are not there. What a reel holds
//! beyond it has come through the death of the process, but perhaps not through that of the machine.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::catalogue::{Catalogue, Entry};
use super::found::{Found, find, open};
use super::recorder::{Batch, Written};
use super::reel::{self, Head};
use crate::packager::{RenditionId, SegmentationKey};
use crate::units::{MediaDuration, MediaTime};

/// How long a reel is before the next one begins.
const REEL: MediaDuration = MediaDuration::from_secs(300);

/// The reels of one channel that are being written.
#[derive(Debug)]
pub struct Reels {
    folder: PathBuf,
    catalogue: Arc<Catalogue>,
    /// `{group}/{channel}`, as the catalogue has it.
    channel: String,
    open: BTreeMap<RenditionId, OpenReel>,
    /// What the catalogue is to hear with the next sync: reels that have been closed, and what it did
    /// not take before.
    untold: Vec<Entry>,
    newest: Option<MediaTime>,
}

#[derive(Debug)]
struct OpenReel {
    path: PathBuf,
    ordinal: u64,
    begins: MediaTime,
    ends: MediaTime,
    media: File,
    index: File,
    /// Bytes appended.
    length: u64,
    /// What the index is to say of what was appended since the last sync.
    unsaid: Vec<u8>,
    /// As the catalogue is to have it.
    entry: Entry,
}

impl Reels {
    /// The reels below a channel's folder. None is open.
    #[must_use]
    pub fn new(folder: PathBuf, catalogue: Arc<Catalogue>, channel: String) -> Self {
        Reels {
            folder,
            catalogue,
            channel,
            open: BTreeMap::new(),
            untold: Vec::new(),
            newest: None,
        }
    }

    /// The reels whose media ends within `span` of the newest, cut back to what was written whole.
    /// A channel that the catalogue does not know is looked for in its folder.
    ///
    /// # Errors
    /// Where the folder or the catalogue cannot be read.
    pub fn recent(
        &mut self,
        span: MediaDuration,
        refused: &mut dyn FnMut(&Path, String),
    ) -> io::Result<Vec<Found>> {
        if self.catalogue.newest(&self.channel)?.is_none() {
            let all = find(&self.folder, refused)?;
            let entries: Vec<Entry> = all.iter().filter_map(Found::entry).collect();
            self.catalogue.put(&self.channel, &entries)?;
        }
        let Some(newest) = self.catalogue.newest(&self.channel)? else { return Ok(Vec::new()) };
        self.newest = Some(MediaTime::from_millis(newest));
        let mut recent = Vec::new();
        for entry in self.catalogue.since(&self.channel, newest - span.floor_millis())? {
            let path = self.folder.join(&entry.rendition).join(format!("{}.mp4", entry.file));
            match open(&path) {
                Ok(reel) => {
                    if let Some(now) = reel.entry().filter(|_| entry.open) {
                        self.catalogue.put(&self.channel, &[now])?;
                    }
                    recent.push(reel);
                }
                Err(why) => {
                    self.catalogue.forget(&self.channel, &entry.rendition, &entry.file)?;
                    refused(&path, why);
                }
            }
        }
        Ok(recent)
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
        let ids: Vec<RenditionId> = self.open.keys().copied().collect();
        for id in ids {
            let Some(reel) = self.open.get_mut(&id) else { continue };
            match reel.sync() {
                Ok(false) => {}
                Ok(true) => self.untold.push(reel.entry.clone()),
                Err(error) => {
                    self.close(id);
                    return Err(error);
                }
            }
        }
        if !self.untold.is_empty() {
            self.catalogue.put(&self.channel, &self.untold)?;
            self.untold.clear();
        }
        Ok(())
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
            if entries.is_empty() { Ok(()) } else { self.catalogue.put(&self.channel, &entries) }
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
            let Some(reel) = OpenReel::create(&self.folder, batch, begins)? else { continue };
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
        for entry in self.catalogue.before(&self.channel, (newest - keep).floor_millis())? {
            let path = self.folder.join(&entry.rendition).join(format!("{}.mp4", entry.file));
            for file in [path.with_extension("idx"), path] {
                match fs::remove_file(file) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            self.catalogue.forget(&self.channel, &entry.rendition, &entry.file)?;
        }
        Ok(())
    }

    fn close(&mut self, rendition: RenditionId) {
        let Some(mut reel) = self.open.remove(&rendition) else { return };
        if reel.is_bare() {
            // A disk that takes nothing is not to fill up with beginnings.
            remove(&reel.path);
            let _ = self.catalogue.forget(&self.channel, &reel.entry.rendition, &reel.entry.file);
            return;
        }
        // Where this fails the next start makes the index from the reel's boxes.
        if reel.sync().is_ok() {
            reel.entry.open = false;
        }
        self.untold.push(reel.entry);
    }

    fn append_one(&mut self, batch: &Batch) -> io::Result<()> {
        let Some(reel) = self.open.get_mut(&batch.rendition) else { return Ok(()) };
        reel.append(batch)?;
        reel.ends = reel.ends.max(batch.end().unwrap_or(reel.ends));
        self.newest = self.newest.max(Some(reel.ends));
        Ok(())
    }
}

impl OpenReel {
    fn create(folder: &Path, batch: &Batch, begins: MediaTime) -> io::Result<Option<Self>> {
        let Some(head) = Head::of(batch.rendition, &batch.period).write(&batch.period) else {
            return Ok(None);
        };
        let folder = folder.join(&batch.name);
        fs::create_dir_all(&folder)?;
        let mut at = begins.floor_millis();
        let (path, mut media) = loop {
            let path = folder.join(format!("{at:013}.mp4"));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => break (path, file),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => at += 1,
                Err(error) => return Err(error),
            }
        };
        let begun = media.write_all(&head).and_then(|()| {
            let index = File::create(path.with_extension("idx"))?;
            File::open(&folder)?.sync_all()?;
            Ok(index)
        });
        let index = begun.inspect_err(|_| remove(&path))?;
        let entry = Entry {
            rendition: batch.name.clone(),
            file: format!("{at:013}"),
            period: batch.period.id,
            begins: begins.floor_millis(),
            ends: begins.floor_millis(),
            open: true,
            numbers: Vec::new(),
        };
        Ok(Some(OpenReel {
            entry,
            path,
            ordinal: batch.period.ordinal,
            begins,
            ends: begins,
            media,
            index,
            length: head.len() as u64,
            unsaid: reel::note(0, head.len()).to_vec(),
        }))
    }

    /// Whether no batch has been appended whole.
    fn is_bare(&self) -> bool {
        self.ends == self.begins
    }

    fn append(&mut self, batch: &Batch) -> io::Result<()> {
        let records = batch.records(self.length);
        let mut end = self.length;
        for chunk in &batch.chunks {
            self.media.write_all(&chunk.bytes)?;
            end += chunk.bytes.len() as u64;
        }
        let (rows, index) = reel::rows(end, &records);
        self.media.write_all(&rows)?;
        self.unsaid.extend(index);
        self.length = end + rows.len() as u64;
        for (key, row) in &batch.rows {
            extend(&mut self.entry.numbers, *key, row.number);
            self.entry.ends = self.entry.ends.max(ceil_millis(row.end_time()));
        }
        Ok(())
    }

    /// True where there was anything to be made durable.
    fn sync(&mut self) -> io::Result<bool> {
        if self.unsaid.is_empty() {
            return Ok(false);
        }
        self.media.sync_data()?;
        self.index.write_all(&self.unsaid)?;
        self.unsaid.clear();
        self.index.sync_data()?;
        Ok(true)
    }
}

/// Takes a number into the runs of a reel.
pub(super) fn extend(
    numbers: &mut Vec<(SegmentationKey, u64, u64)>,
    key: SegmentationKey,
    number: u64,
) {
    match numbers.iter_mut().find(|(known, ..)| *known == key) {
        Some((_, first, last)) => (*first, *last) = (number.min(*first), number.max(*last)),
        None => numbers.push((key, number, number)),
    }
}

pub(super) fn ceil_millis(at: MediaTime) -> i64 {
    at.since_epoch().div_ceil(MediaDuration::from_millis(1))
}

/// Takes away a reel that holds nothing. Where that fails the next start takes it for one.
fn remove(path: &Path) {
    let _ = fs::remove_file(path.with_extension("idx"));
    let _ = fs::remove_file(path);
}
