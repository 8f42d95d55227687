//! A reel that is being written, and its index.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::catalogue::Entry;
use super::found::{ceil_millis, extend};
use super::recorder::Batch;
use super::reel::{self, Head};
use super::spool;
use super::writes::Disk;
use crate::units::MediaTime;

/// A reel that is being written.
#[derive(Debug)]
pub(super) struct OpenReel {
    pub(super) path: PathBuf,
    pub(super) ordinal: u64,
    pub(super) begins: MediaTime,
    pub(super) ends: MediaTime,
    media: File,
    index: File,
    /// Bytes appended.
    length: u64,
    /// Bytes of the index that were written whole.
    said: u64,
    /// What the index is to say of what was appended since the last sync.
    unsaid: Vec<u8>,
    /// As the catalogue is to have it.
    pub(super) entry: Entry,
}

impl OpenReel {
    pub(super) fn create(
        disk: &mut dyn Disk,
        folder: &Path,
        batch: &Batch,
        begins: MediaTime,
    ) -> io::Result<Option<Self>> {
        let Some(head) = Head::of(batch.rendition, &batch.period).write(&batch.period) else {
            return Ok(None);
        };
        let folder = folder.join(&batch.name);
        fs::create_dir_all(&folder)?;
        let mut at = begins.floor_millis();
        let (path, mut media) = loop {
            let path = folder.join(format!("{at:013}.mp4"));
            match disk.create(&path) {
                Ok(file) => break (path, file),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => at += 1,
                Err(error) => return Err(error),
            }
        };
        let begun = disk.write(&mut media, &head).and_then(|()| {
            let index = File::create(path.with_extension("idx"))?;
            File::open(&folder)?.sync_all()?;
            Ok(index)
        });
        let index = begun.inspect_err(|_| spool::remove_reel(&path))?;
        let entry = Entry {
            rendition: batch.name.clone(),
            file: format!("{at:013}"),
            period: batch.period.id,
            begins: begins.floor_millis(),
            ends: begins.floor_millis(),
            open: true,
            bytes: head.len() as u64,
            here: true,
            stored: false,
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
            said: 0,
            unsaid: reel::note(0, head.len()).to_vec(),
        }))
    }

    /// Whether no batch has been appended whole.
    pub(super) fn is_bare(&self) -> bool {
        self.ends == self.begins
    }

    pub(super) fn append(&mut self, disk: &mut dyn Disk, batch: &Batch) -> io::Result<()> {
        let records = batch.records(self.length);
        let mut end = self.length;
        for chunk in &batch.chunks {
            disk.write(&mut self.media, &chunk.bytes)?;
            end += chunk.bytes.len() as u64;
        }
        let (rows, index) = reel::rows(end, &records);
        disk.write(&mut self.media, &rows)?;
        self.unsaid.extend(index);
        self.length = end + rows.len() as u64;
        self.entry.bytes = self.length;
        for (key, row) in &batch.rows {
            extend(&mut self.entry.numbers, *key, row.number);
            // A longer segment that was begun in the reel before this one is whole here.
            self.entry.begins = self.entry.begins.min(row.start_time().floor_millis());
            self.entry.ends = self.entry.ends.max(ceil_millis(row.end_time()));
        }
        Ok(())
    }

    /// True where there was anything to be made durable.
    pub(super) fn sync(&mut self, disk: &mut dyn Disk) -> io::Result<bool> {
        if self.unsaid.is_empty() {
            return Ok(false);
        }
        disk.sync(&self.media)?;
        // What came of a write that failed would hide what is written behind it.
        self.index.set_len(self.said)?;
        self.index.seek(SeekFrom::Start(self.said))?;
        disk.write(&mut self.index, &self.unsaid)?;
        self.said += self.unsaid.len() as u64;
        self.unsaid.clear();
        disk.sync(&self.index)?;
        Ok(true)
    }
}
