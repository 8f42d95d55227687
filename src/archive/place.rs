//! Where a reel lies: on the disk, or in the store, or in both. The disk is asked first.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::store::Store;

/// Bytes that are asked of a store at once where reading goes on.
const AHEAD: u64 = 4 << 20;

/// A reel and the index beside it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The reel on the disk.
    path: Arc<Path>,
    /// It in the store, without the ending.
    name: Arc<str>,
    store: Option<Store>,
}

impl Place {
    /// The reel `file` of a rendition, of the channel whose reels lie in `folder`.
    pub(super) fn new(
        (folder, channel, store): (&Path, &str, Option<&Store>),
        rendition: &str,
        file: &str,
    ) -> Self {
        Place {
            path: folder.join(rendition).join(format!("{file}.mp4")).into(),
            name: format!("{channel}/{rendition}/{file}").into(),
            store: store.cloned(),
        }
    }

    /// The reel on the disk.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The index on the disk.
    pub(super) fn beside(&self) -> PathBuf {
        self.path.with_extension("idx")
    }

    /// The reel in the store.
    pub(super) fn media_name(&self) -> String {
        format!("{}.mp4", self.name)
    }

    /// The index in the store.
    pub(super) fn index_name(&self) -> String {
        format!("{}.idx", self.name)
    }

    /// Bytes of the index on the disk; `None` where it is in the store alone, where it grows no more.
    pub(super) fn grown(&self) -> io::Result<Option<u64>> {
        match fs::metadata(self.beside()) {
            Ok(found) => Ok(Some(found.len())),
            Err(error) if self.may_be_stored(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The index, and whether it came from the store.
    pub(super) fn index(&self) -> io::Result<(Bytes, bool)> {
        match (fs::read(self.beside()), &self.store) {
            (Ok(index), _) => Ok((Bytes::from(index), false)),
            (Err(error), Some(store)) if error.kind() == io::ErrorKind::NotFound => {
                Ok((store.read(&self.index_name())?, true))
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Bytes of the reel, as [`Reader::read_at`].
    pub(super) fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        Reader { place: self.clone(), file: None, by: 0, ahead: (0, Bytes::new()) }
            .read_at(offset, length)
    }

    /// Begins to read the reel from one end to the other.
    pub(super) fn reader(&self) -> Reader {
        Reader { place: self.clone(), file: None, by: AHEAD, ahead: (0, Bytes::new()) }
    }

    /// Both files are on the disk afterwards.
    pub(super) fn fetch(&self) -> io::Result<()> {
        let Some(store) = self.store.as_ref().filter(|_| !self.path.exists()) else {
            return Ok(());
        };
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        store.fetch(&self.index_name(), &self.beside())?;
        store.fetch(&self.media_name(), &self.path)
    }

    fn may_be_stored(&self, error: &io::Error) -> bool {
        self.store.is_some() && error.kind() == io::ErrorKind::NotFound
    }
}

/// A reel that is being read.
#[derive(Debug)]
pub(super) struct Reader {
    place: Place,
    /// Where it is on the disk.
    file: Option<File>,
    /// Bytes that the store is asked for at least.
    by: u64,
    /// What the store gave last, and where it begins.
    ahead: (u64, Bytes),
}

impl Reader {
    /// `length` bytes of the reel.
    ///
    /// # Errors
    /// What the disk or the store says; also where the reel has fewer.
    pub(super) fn read_at(&mut self, offset: u64, length: usize) -> io::Result<Bytes> {
        if self.file.is_none() && self.ahead.1.is_empty() {
            match File::open(&self.place.path) {
                Ok(file) => self.file = Some(file),
                Err(error) if self.place.may_be_stored(&error) => {}
                Err(error) => return Err(error),
            }
        }
        if let Some(file) = &self.file {
            let mut bytes = vec![0; length];
            file.read_exact_at(&mut bytes, offset)?;
            return Ok(Bytes::from(bytes));
        }
        if let Some(bytes) = self.known(offset, length) {
            return Ok(bytes);
        }
        let store = self.place.store.as_ref().ok_or(io::ErrorKind::NotFound)?;
        let end = offset + (length as u64).max(self.by);
        self.ahead = (offset, store.read_some(&self.place.media_name(), offset..end)?);
        let short = || io::Error::new(io::ErrorKind::UnexpectedEof, "the reel is shorter");
        self.known(offset, length).ok_or_else(short)
    }

    /// What was read ahead of these bytes.
    fn known(&self, offset: u64, length: usize) -> Option<Bytes> {
        let begin = usize::try_from(offset.checked_sub(self.ahead.0)?).ok()?;
        let end = begin.checked_add(length)?;
        (end <= self.ahead.1.len()).then(|| self.ahead.1.slice(begin..end))
    }
}
