//! What a channel's archive holds, for readers: rows of a stretch of time, and segments by number.

use std::collections::BTreeMap;
use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;

use super::catalogue::{Catalogue, Entry};
use super::page::{Page, Told};
use super::place::Place;
use super::spool;
use super::store::Store;
use crate::packager::{Lineage, Period, Rendition, Segment, SegmentationKey};

/// Pages kept in memory: a few minutes of a rendition each, tens of kilobytes.
const PAGES: NonZeroUsize = NonZeroUsize::new(1024).expect("not zero");

/// Pages that were read, shared by all channels; those that were asked for longest ago go first.
#[derive(Debug)]
pub struct Pages {
    pages: Mutex<LruCache<PathBuf, Arc<Page>>>,
    /// What heads say, which is the same of all reels of a rendition and Period: by the folder of the
    /// rendition and the Period's id.
    heads: Mutex<LruCache<(PathBuf, i64), Told>>,
}

impl Default for Pages {
    fn default() -> Self {
        Pages { pages: Mutex::new(LruCache::new(PAGES)), heads: Mutex::new(LruCache::new(PAGES)) }
    }
}

impl Pages {
    /// The page of a reel that lies in the Period of this id.
    fn get(&self, place: Place, period: i64) -> io::Result<Arc<Page>> {
        let known = self.kept().get(place.path()).cloned();
        // The reel that is being written grows, and its index with it.
        if let Some(page) = known
            && page.is_whole()?
        {
            return Ok(page);
        }
        let path = place.path().to_owned();
        let of = (path.parent().map(PathBuf::from).unwrap_or_default(), period);
        let heads = || self.heads.lock().unwrap_or_else(PoisonError::into_inner);
        let told = heads().get(&of).cloned();
        let page = Arc::new(Page::read(place, told)?);
        heads().put(of, page.told().clone());
        self.kept().put(path, Arc::clone(&page));
        Ok(page)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, LruCache<PathBuf, Arc<Page>>> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The archive of one channel. Everything here reads files: not for a thread that serves.
#[derive(Clone, Debug)]
pub struct Shelf {
    /// `{group}/{channel}`, as the catalogue has it.
    pub channel: String,
    /// Its folder of reels.
    pub folder: PathBuf,
    /// The catalogue.
    pub catalogue: Arc<Catalogue>,
    /// What was read of it.
    pub pages: Arc<Pages>,
    /// Where reels go when they are whole; `None` where they stay in the folder.
    pub store: Option<Store>,
}

/// Whether an error of reading says that what was asked for is gone, or damaged: another time it would be
/// no better.
#[must_use]
pub fn is_lost(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, NotFound, UnexpectedEof};
    matches!(error.kind(), InvalidData | NotFound | UnexpectedEof)
}

/// Rows by their numbers, each with how many changes of durations ago it was listed so.
type Numbered = Vec<(u64, usize, Arc<Segment>)>;

/// One rendition's rows of a stretch of time.
#[derive(Clone, Debug)]
pub struct Stretch {
    /// Whose, as far as the archive knows.
    pub rendition: Rendition,
    /// In order, without their bytes.
    pub rows: Vec<Arc<Segment>>,
}

impl Shelf {
    pub(super) fn place(&self, entry: &Entry) -> Place {
        let of = (self.folder.as_path(), self.channel.as_str(), self.store.as_ref());
        Place::new(of, &entry.rendition, &entry.file)
    }

    fn page(&self, entry: &Entry) -> io::Result<Arc<Page>> {
        self.pages.get(self.place(entry), entry.period)
    }

    /// Removes reels that ended before `until` (Unix milliseconds), some of them. Gives those.
    ///
    /// # Errors
    /// What the disk or the catalogue says; the rest is removed another time.
    pub fn remove_before(&self, until: i64) -> io::Result<Vec<Entry>> {
        let entries = self.catalogue.before(&self.channel, until)?;
        for entry in &entries {
            let place = self.place(entry);
            spool::remove(&place.beside())?;
            spool::remove(place.path())?;
            // A reel may lie there in part, and nobody know of it.
            let objects = [place.index_name(), place.media_name()];
            let objects = if self.store.is_some() { objects.as_slice() } else { &[] };
            self.catalogue.leave(&self.channel, entry, objects)?;
        }
        Ok(entries)
    }

    /// The rows of a list from `from` up to `to` (Unix milliseconds) and those that reach
    /// into it, by rendition's name; of all, or of the one that is `asked`. A reel that left
    /// meanwhile, or is damaged, is passed over.
    ///
    /// # Errors
    /// What the catalogue says, and the disk or the store but for [what is lost](is_lost).
    pub fn rows(
        &self,
        of: &Lineage,
        (from, to): (i64, i64),
        asked: Option<&str>,
    ) -> io::Result<BTreeMap<String, Stretch>> {
        let mut found: BTreeMap<String, (Rendition, Numbered)> = BTreeMap::new();
        let entries = self.catalogue.covering(&self.channel, from, to)?.into_iter();
        for entry in entries.filter(|e| asked.is_none_or(|asked| asked == e.rendition)) {
            let page = match self.page(&entry) {
                Ok(page) => page,
                Err(error) if is_lost(&error) => continue,
                Err(error) => return Err(error),
            };
            for (age, (key, last)) in of.keys().enumerate() {
                let rows = page.rows(key);
                let begin = rows.partition_point(|row| row.end_time().floor_millis() <= from);
                let end = rows.partition_point(|row| row.start_time().floor_millis() < to);
                let rows = rows.get(begin..end).unwrap_or_default();
                let rows = &rows[..rows.partition_point(|row| row.number <= last)];
                if rows.is_empty() {
                    continue;
                }
                if !found.contains_key(&entry.rendition) {
                    let Some(rendition) = page.rendition(&entry.rendition) else { continue };
                    found.insert(entry.rendition.clone(), (rendition, Numbered::new()));
                }
                let Some((_, known)) = found.get_mut(&entry.rendition) else { continue };
                known.extend(rows.iter().map(|row| (row.number, age, Arc::clone(row))));
            }
        }
        let stretches = found.into_iter().map(|(name, (rendition, mut rows))| {
            let place = |(number, age, _): &(u64, usize, Arc<Segment>)| (*number, *age);
            if !rows.is_sorted_by_key(place) {
                rows.sort_by_key(place);
            }
            // What was still in memory at a change lies under both keys: the newer counts.
            rows.dedup_by_key(|(number, ..)| *number);
            let rows = rows.into_iter().map(|(.., row)| row).collect();
            (name, Stretch { rendition, rows })
        });
        Ok(stretches.collect())
    }

    /// The pages of a rendition that may hold media from `from` up to `to`, in order.
    pub(super) fn pages_of(&self, name: &str, from: i64, to: i64) -> io::Result<Vec<Arc<Page>>> {
        let entries = self.catalogue.covering(&self.channel, from, to)?.into_iter();
        entries.filter(|entry| entry.rendition == name).map(|entry| self.page(&entry)).collect()
    }

    /// A segment with its bytes; `None` where the archive has none of this number, or a gap.
    ///
    /// # Errors
    /// Where files cannot be read, or are not what was written.
    pub fn segment(
        &self,
        of: &Lineage,
        rendition: &str,
        number: u64,
    ) -> io::Result<Option<(Rendition, Segment)>> {
        for (key, _) in of.keys().filter(|(_, last)| number <= *last) {
            let found = self.segment_under(key, rendition, number)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn segment_under(
        &self,
        key: SegmentationKey,
        rendition: &str,
        number: u64,
    ) -> io::Result<Option<(Rendition, Segment)>> {
        let entry = self.catalogue.with_number(&self.channel, rendition, key, number)?;
        let Some(entry) = entry else { return Ok(None) };
        let page = self.page(&entry)?;
        let mut before = Vec::new();
        if let Some((from, to)) = page.lacks_of(key, number) {
            // Where a disk failed meanwhile a segment may lie in more reels than two.
            let others = self.catalogue.covering(&self.channel, from - 1, to + 1)?.into_iter();
            for other in others.filter(|e| e.rendition == rendition && e.file != entry.file) {
                before.push(self.page(&other)?);
            }
        }
        let segment = page.segment(key, number, &before)?.filter(|s| !s.is_gap());
        Ok(segment.zip(page.rendition(rendition)).map(|(segment, rendition)| (rendition, segment)))
    }

    /// The Period of this id, as a rendition's reels have it.
    ///
    /// # Errors
    /// As [`Shelf::segment`].
    pub fn period(&self, rendition: &str, id: i64) -> io::Result<Option<(Rendition, Arc<Period>)>> {
        let entry = self.catalogue.with_period(&self.channel, rendition, id)?;
        let Some(entry) = entry else { return Ok(None) };
        let page = self.page(&entry)?;
        Ok(page.rendition(rendition).map(|rendition| (rendition, Arc::clone(&page.told().period))))
    }
}
