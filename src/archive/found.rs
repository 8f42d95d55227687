//! Reels as they lie there at a start.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::catalogue::Entry;
use super::record::Record;
use super::reel::{self, Head};
use crate::packager::SegmentationKey;
use crate::units::{MediaDuration, MediaTime};

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

impl Found {
    /// It as the catalogue has it, whole; `None` where it has no row.
    #[must_use]
    pub fn entry(&self) -> Option<Entry> {
        let name = |of: Option<&std::ffi::OsStr>| Some(of?.to_str()?.to_owned());
        let scale = self.head.timescale()?;
        let mut numbers = Vec::new();
        let (mut begins, mut ends) = (i64::MAX, i64::MIN);
        for record in &self.records {
            let Record::Row(row) = record else { continue };
            extend(&mut numbers, row.key, row.number);
            begins = begins.min(MediaTime::new(row.start, scale).floor_millis());
            let end = row.start.saturating_add(row.duration);
            ends = ends.max(ceil_millis(MediaTime::new(end, scale)));
        }
        (!numbers.is_empty()).then_some(())?;
        Some(Entry {
            rendition: name(self.path.parent()?.file_name())?,
            file: name(self.path.file_stem())?,
            period: self.head.period,
            begins,
            ends,
            open: false,
            bytes: match self.records.last() {
                Some(Record::Note { offset, length }) => offset.saturating_add(u64::from(*length)),
                _ => 0,
            },
            here: true,
            stored: false,
            numbers,
        })
    }
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

pub(super) fn open(path: &Path) -> Result<Found, String> {
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
