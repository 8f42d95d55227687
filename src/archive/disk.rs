//! Reels on a local disk: appended to, cut back after a crash, read at the start, expired.
//!
//! `{folder}/{rendition}/{Unix milliseconds}.mp4` is a reel, `….idx` its index. The index is written
//! when the reel has been synced: it never speaks of bytes that are not there. What a reel holds
//! beyond it has come through the death of the process, but perhaps not through that of the machine.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::record::Record;
use super::recorder::{Batch, Written};
use super::reel::{self, Head};
use crate::packager::RenditionId;
use crate::units::{MediaDuration, MediaTime};

/// How long a reel is before the next one begins.
const REEL: MediaDuration = MediaDuration::from_secs(300);

/// The reels of one channel that are being written.
#[derive(Debug)]
pub struct Reels {
    folder: PathBuf,
    open: BTreeMap<RenditionId, OpenReel>,
    /// Reels that are whole, and when their media ends; each until it expires.
    closed: Vec<(PathBuf, MediaTime)>,
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
}

impl Reels {
    /// The reels below a channel's folder. None is open.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Reels { folder, open: BTreeMap::new(), closed: Vec::new(), newest: None }
    }

    /// Notes a reel that is there already. One without a row is the first to expire.
    pub fn note_closed(&mut self, reel: &Found) {
        let end = super::load::end(reel);
        self.newest = self.newest.max(end);
        self.closed.push((reel.path.clone(), end.unwrap_or(MediaTime::from_millis(0))));
    }

    /// Appends what is new and notes it in `written`: it survives the process. Gives how many bytes of
    /// media that were.
    ///
    /// # Errors
    /// What the disk says. What was appended in part is cut away at the next start; the next batch
    /// of the rendition begins a reel.
    pub fn append(&mut self, batches: &[Batch], written: &mut Written) -> io::Result<u64> {
        let mut bytes = 0;
        for batch in batches {
            let appended = self.append_one(batch);
            if appended.is_err() {
                self.close(batch.rendition);
            }
            appended?;
            batch.note(written);
            bytes += batch.chunks.iter().map(|chunk| chunk.bytes.len() as u64).sum::<u64>();
        }
        Ok(bytes)
    }

    /// Makes durable what was appended.
    ///
    /// # Errors
    /// What the disk says. The reel that failed is not appended to any more.
    pub fn sync(&mut self) -> io::Result<()> {
        let ids: Vec<RenditionId> = self.open.keys().copied().collect();
        for id in ids {
            let synced = self.open.get_mut(&id).map_or(Ok(()), OpenReel::sync);
            if synced.is_err() {
                self.close(id);
            }
            synced?;
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
        while let Some(at) = self.closed.iter().position(|(_, end)| newest - *end > keep) {
            let (path, _) = self.closed.swap_remove(at);
            for file in [path.with_extension("idx"), path] {
                match fs::remove_file(file) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn close(&mut self, rendition: RenditionId) {
        if let Some(mut reel) = self.open.remove(&rendition) {
            if reel.is_bare() {
                // A disk that takes nothing is not to fill up with beginnings.
                return remove(&reel.path);
            }
            // Where this fails the next start makes the index from the reel's boxes.
            let _ = reel.sync();
            self.closed.push((reel.path, reel.ends));
        }
    }

    fn append_one(&mut self, batch: &Batch) -> io::Result<()> {
        let Some(begins) = batch.rows.iter().map(|(_, row)| row.start_time()).min() else {
            return Ok(());
        };
        let fits =
            |reel: &OpenReel| reel.ordinal == batch.period.ordinal && begins - reel.begins < REEL;
        if !self.open.get(&batch.rendition).is_some_and(fits) {
            self.close(batch.rendition);
            let Some(reel) = OpenReel::create(&self.folder, batch, begins)? else { return Ok(()) };
            self.open.insert(batch.rendition, reel);
        }
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
        Ok(Some(OpenReel {
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
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.unsaid.is_empty() {
            return Ok(());
        }
        self.media.sync_data()?;
        self.index.write_all(&self.unsaid)?;
        self.unsaid.clear();
        self.index.sync_data()
    }
}

/// Takes away a reel that holds nothing. Where that fails the next start takes it for one.
fn remove(path: &Path) {
    let _ = fs::remove_file(path.with_extension("idx"));
    let _ = fs::remove_file(path);
}

/// A reel as it lies there after a crash: cut back to what was written whole.
#[derive(Debug)]
pub struct Found {
    /// The file.
    pub path: PathBuf,
    /// The Period it lies in.
    pub head: Head,
    /// What its index says.
    pub records: Vec<Record>,
}

/// The reels of a channel, by rendition's folder and time; torn tails are cut off, lost indexes made
/// anew. A file that is no reel, or a damaged one, is passed over and named.
///
/// # Errors
/// Where the folder cannot be read.
pub fn find(folder: &Path, refused: &mut dyn FnMut(&Path, String)) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    for rendition in listed(folder)? {
        if !rendition.is_dir() {
            continue;
        }
        for path in listed(&rendition)? {
            if path.extension().is_none_or(|ending| ending != "mp4") {
                continue;
            }
            match open(&path) {
                Ok(reel) => found.push(reel),
                Err(why) => refused(&path, why),
            }
        }
    }
    Ok(found)
}

fn listed(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>()?;
    paths.sort();
    Ok(paths)
}

fn open(path: &Path) -> Result<Found, String> {
    let said = |error: io::Error| error.to_string();
    let beside = path.with_extension("idx");
    let index = fs::read(&beside).unwrap_or_default();
    let length_of_file = fs::metadata(path).map_err(said)?.len();
    let (mut records, end, whole) = reel::believed(&index);
    if !whole || end != length_of_file {
        let bytes = fs::read(path).map_err(said)?;
        let made = reel::index_of(&bytes);
        let (from_boxes, end, _) = reel::believed(&made);
        // What is no reel is not ours to cut.
        reel::head(&bytes).map_err(|error| error.to_string())?;
        records = from_boxes;
        let cut = OpenOptions::new().write(true).open(path).map_err(said)?;
        cut.set_len(end).and_then(|()| cut.sync_all()).map_err(said)?;
        let next = path.with_extension("idx.new");
        fs::write(&next, &made).and_then(|()| fs::rename(&next, &beside)).map_err(said)?;
    }
    let Some(Record::Note { length, .. }) = records.first() else {
        return Err("it has no head".to_owned());
    };
    if u64::from(*length) > length_of_file {
        return Err("its index speaks of more than is there".to_owned());
    }
    let mut head = vec![0; *length as usize];
    let mut file = File::open(path).map_err(said)?;
    io::Read::read_exact(&mut file, &mut head).map_err(said)?;
    let head = reel::head(&head).map_err(|error| error.to_string())?;
    Ok(Found { path: path.to_owned(), head, records })
}
