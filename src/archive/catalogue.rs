//! The catalogue of reels: what time and which numbers each holds. An SQLite file beside them, made
//! anew from the reels where it is lost.

mod spooled;

use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OpenFlags, Row, params};

use crate::packager::SegmentationKey;

/// Times are Unix milliseconds; a part duration of 0 is none.
const SCHEMA: &str = "
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA foreign_keys = ON;
CREATE TABLE IF NOT EXISTS reel (
    id INTEGER PRIMARY KEY,
    channel TEXT NOT NULL,
    rendition TEXT NOT NULL,
    file TEXT NOT NULL,
    period INTEGER NOT NULL,
    begins INTEGER NOT NULL,
    ends INTEGER NOT NULL,
    open INTEGER NOT NULL,
    bytes INTEGER NOT NULL DEFAULT 0,
    here INTEGER NOT NULL DEFAULT 1,
    stored INTEGER NOT NULL DEFAULT 0,
    UNIQUE (channel, rendition, file)
);
CREATE TABLE IF NOT EXISTS leaving (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS surveyed (channel TEXT PRIMARY KEY) WITHOUT ROWID;
DROP INDEX IF EXISTS reel_by_time;
CREATE INDEX IF NOT EXISTS reel_by_span ON reel (channel, ends, begins);
CREATE INDEX IF NOT EXISTS reel_open ON reel (channel) WHERE open;
CREATE INDEX IF NOT EXISTS reel_by_period ON reel (channel, rendition, period);
CREATE TABLE IF NOT EXISTS numbers (
    reel INTEGER NOT NULL REFERENCES reel (id) ON DELETE CASCADE,
    channel TEXT NOT NULL,
    rendition TEXT NOT NULL,
    segment_ms INTEGER NOT NULL,
    part_ms INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (reel, segment_ms, part_ms)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS numbers_by_last
    ON numbers (channel, rendition, segment_ms, part_ms, last);
";
/// How much longer than what is asked for a reel may reach: a disk that took nothing gets at once what
/// memory held of a day, and what follows its outage lies in one reel.
const LONGEST_MS: i64 = 25 * 3_600_000;
/// What a catalogue that was made before there were stores lacks.
const OF_STORES: &str = "
ALTER TABLE reel ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE reel ADD COLUMN here INTEGER NOT NULL DEFAULT 1;
ALTER TABLE reel ADD COLUMN stored INTEGER NOT NULL DEFAULT 0;
";
/// Of what concerns the store alone.
const INDEXES: &str = "
CREATE INDEX IF NOT EXISTS reel_to_store ON reel (ends) WHERE here AND NOT stored AND NOT open;
CREATE INDEX IF NOT EXISTS reel_on_disk ON reel (ends, bytes) WHERE here;
";
const COLUMNS: &str =
    "SELECT reel.rendition, reel.file, reel.period, reel.begins, reel.ends, reel.open,
     reel.bytes, reel.here, reel.stored FROM reel";

/// A reel as the catalogue knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its rendition's name, which is its folder's.
    pub rendition: String,
    /// Its file's name without the ending.
    pub file: String,
    /// Id of the Period it lies in.
    pub period: i64,
    /// When its media begins, Unix milliseconds.
    pub begins: i64,
    /// When it ends.
    pub ends: i64,
    /// Whether it was being written when the catalogue heard of it last.
    pub open: bool,
    /// Bytes of the reel, as far as they were noted.
    pub bytes: u64,
    /// Whether it is on the disk.
    pub here: bool,
    /// Whether it is in the store.
    pub stored: bool,
    /// The numbers it has of each list. What is asked for is given without them.
    pub numbers: Vec<(SegmentationKey, u64, u64)>,
}

/// The reels of all channels.
#[derive(Debug)]
pub struct Catalogue {
    /// What writes.
    db: Mutex<Connection>,
    /// What readers ask: they do not wait until something is on the disk. In memory there is one.
    reads: Option<Mutex<Connection>>,
}

fn other(error: rusqlite::Error) -> io::Error {
    io::Error::other(error)
}

fn key_of(key: SegmentationKey) -> (u32, u32) {
    key.to_numbers()
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        rendition: row.get(0)?,
        file: row.get(1)?,
        period: row.get(2)?,
        begins: row.get(3)?,
        ends: row.get(4)?,
        open: row.get(5)?,
        bytes: row.get::<_, i64>(6)?.cast_unsigned(),
        here: row.get(7)?,
        stored: row.get(8)?,
        numbers: Vec::new(),
    })
}

impl Catalogue {
    /// Opens the catalogue of a folder of reels. One that is damaged is put aside under another name.
    ///
    /// # Errors
    /// Where the file can neither be opened nor made.
    pub fn open(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        Self::connect(path).or_else(|_| {
            fs::rename(path, path.with_extension("damaged"))?;
            for beside in ["sqlite3-wal", "sqlite3-shm"] {
                let _ = fs::remove_file(path.with_extension(beside));
            }
            Self::connect(path).map_err(other)
        })
    }

    fn connect(path: &Path) -> rusqlite::Result<Self> {
        let catalogue = Connection::open(path).and_then(Self::with)?;
        let reads = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let reads = Connection::open_with_flags(path, reads)?;
        Ok(Catalogue { reads: Some(Mutex::new(reads)), ..catalogue })
    }

    /// One that is kept nowhere.
    ///
    /// # Errors
    /// As of SQLite.
    pub fn in_memory() -> io::Result<Self> {
        Connection::open_in_memory().and_then(Self::with).map_err(other)
    }

    fn with(db: Connection) -> rusqlite::Result<Self> {
        db.execute_batch(SCHEMA)?;
        let known = "SELECT count(*) FROM pragma_table_info('reel') WHERE name = 'stored'";
        if db.query_row(known, [], |row| row.get::<_, i64>(0))? == 0 {
            db.execute_batch(&format!("BEGIN;{OF_STORES}COMMIT;"))?;
        }
        db.execute_batch(INDEXES)?;
        Ok(Catalogue { db: Mutex::new(db), reads: None })
    }

    fn db(&self) -> MutexGuard<'_, Connection> {
        // A statement that panicked has changed nothing: transactions are undone.
        self.db.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reads(&self) -> MutexGuard<'_, Connection> {
        let reads = self.reads.as_ref().unwrap_or(&self.db);
        reads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what reels hold now. On the disk when it returns.
    ///
    /// # Errors
    /// What SQLite says; nothing is noted then.
    pub fn put(&self, channel: &str, entries: &[Entry]) -> io::Result<()> {
        let mut db = self.db();
        let noted = db.transaction().and_then(|noted| {
            for entry in entries {
                let id: i64 = noted.query_row(
                    "INSERT INTO reel
                     (channel, rendition, file, period, begins, ends, open, bytes, here, stored)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
                     ON CONFLICT (channel, rendition, file) DO UPDATE SET
                     begins = excluded.begins, ends = excluded.ends,
                     open = excluded.open, bytes = excluded.bytes, here = excluded.here,
                     stored = excluded.stored RETURNING id",
                    params![
                        channel,
                        entry.rendition,
                        entry.file,
                        entry.period,
                        entry.begins,
                        entry.ends,
                        entry.open,
                        entry.bytes.cast_signed(),
                        entry.here,
                        entry.stored
                    ],
                    |row| row.get(0),
                )?;
                for (key, first, last) in &entry.numbers {
                    let (segment_ms, part_ms) = key_of(*key);
                    noted.execute(
                        "INSERT OR REPLACE INTO numbers VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                        params![
                            id,
                            channel,
                            entry.rendition,
                            segment_ms,
                            part_ms,
                            first.cast_signed(),
                            last.cast_signed()
                        ],
                    )?;
                }
            }
            noted.commit()
        });
        noted.map_err(other)
    }

    /// Forgets a reel.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn forget(&self, channel: &str, rendition: &str, file: &str) -> io::Result<()> {
        let forgot = self.db().execute(
            "DELETE FROM reel WHERE channel = ?1 AND rendition = ?2 AND file = ?3",
            params![channel, rendition, file],
        );
        forgot.map(|_| ()).map_err(other)
    }

    fn select(
        &self,
        condition: &str,
        parameters: &[&dyn rusqlite::ToSql],
    ) -> io::Result<Vec<Entry>> {
        let db = self.reads();
        let read = db.prepare_cached(&format!("{COLUMNS} {condition}")).and_then(|mut select| {
            select.query_map(parameters, entry)?.collect::<rusqlite::Result<_>>()
        });
        read.map_err(other)
    }

    /// When a channel's newest media ends; `None` where it has no reel.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn newest(&self, channel: &str) -> io::Result<Option<i64>> {
        let newest = self.reads().query_row(
            "SELECT max(ends) FROM reel WHERE channel = ?1",
            params![channel],
            |row| row.get(0),
        );
        newest.map_err(other)
    }

    /// Reels that end at `since` or later, or were being written; by rendition and time.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn since(&self, channel: &str, since: i64) -> io::Result<Vec<Entry>> {
        let condition = "WHERE reel.id IN (SELECT id FROM reel WHERE channel = ?1 AND ends >= ?2
             UNION SELECT id FROM reel WHERE channel = ?1 AND open) ORDER BY rendition, begins";
        self.select(condition, params![channel, since])
    }

    /// The channels that have reels.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn channels(&self) -> io::Result<Vec<String>> {
        // From one to the next: there are far fewer than reels.
        let each = "WITH RECURSIVE each (name) AS (
             SELECT min(channel) FROM reel
             UNION ALL
             SELECT (SELECT min(channel) FROM reel WHERE channel > name) FROM each WHERE name IS NOT NULL)
             SELECT name FROM each WHERE name IS NOT NULL";
        let db = self.reads();
        let read = db.prepare_cached(each).and_then(|mut select| {
            select.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()
        });
        read.map_err(other)
    }

    /// Reels that ended before `until`, some of them.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn before(&self, channel: &str, until: i64) -> io::Result<Vec<Entry>> {
        self.select("WHERE channel = ?1 AND ends < ?2 LIMIT 64", params![channel, until])
    }

    /// Reels that may hold media from `from` up to `to`; by rendition and time.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn covering(&self, channel: &str, from: i64, to: i64) -> io::Result<Vec<Entry>> {
        // Without the bound all reels from then to now would be looked at.
        let condition = "WHERE channel = ?1 AND ends > ?2 AND ends < ?4 AND begins < ?3
             ORDER BY rendition, begins";
        self.select(condition, params![channel, from, to, to.saturating_add(LONGEST_MS)])
    }

    /// The reel that has a number of a list.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn with_number(
        &self,
        channel: &str,
        rendition: &str,
        key: SegmentationKey,
        number: u64,
    ) -> io::Result<Option<Entry>> {
        let (segment_ms, part_ms) = key_of(key);
        let condition = "JOIN numbers ON numbers.reel = reel.id
             WHERE numbers.channel = ?1 AND numbers.rendition = ?2 AND segment_ms = ?3
             AND part_ms = ?4 AND last >= ?5 AND first <= ?5 ORDER BY last LIMIT 1";
        let number = number.cast_signed();
        let found =
            self.select(condition, params![channel, rendition, segment_ms, part_ms, number])?;
        Ok(found.into_iter().next())
    }

    /// A reel of a Period.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn with_period(
        &self,
        channel: &str,
        rendition: &str,
        period: i64,
    ) -> io::Result<Option<Entry>> {
        let condition = "WHERE channel = ?1 AND rendition = ?2 AND period = ?3 LIMIT 1";
        let found = self.select(condition, params![channel, rendition, period])?;
        Ok(found.into_iter().next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: SegmentationKey = SegmentationKey::new(2000, None);

    fn reel(file: i64, first: u64) -> Entry {
        Entry {
            rendition: "video".to_owned(),
            file: file.to_string(),
            period: 7,
            begins: file,
            ends: file + 300,
            open: false,
            bytes: 1000,
            here: true,
            stored: false,
            numbers: vec![(KEY, first, first + 9)],
        }
    }

    #[test]
    fn reels_are_found_by_time_number_and_period_and_channels_do_not_mix() {
        let catalogue = Catalogue::in_memory().expect("memory");
        catalogue.put("g/c", &[reel(1000, 10), reel(1300, 20)]).expect("put");
        catalogue.put("g/other", &[reel(1000, 10)]).expect("put");
        let files = |found: Vec<Entry>| found.into_iter().map(|e| e.file).collect::<Vec<_>>();
        let covering = |from, to| files(catalogue.covering("g/c", from, to).expect("read"));
        assert_eq!(covering(0, 1000), Vec::<String>::new());
        assert_eq!(covering(0, 1001), ["1000"]);
        assert_eq!(covering(1299, 1301), ["1000", "1300"]);
        assert_eq!(covering(1600, 9000), Vec::<String>::new());
        let numbered = |number| catalogue.with_number("g/c", "video", KEY, number).expect("read");
        assert_eq!(numbered(9), None);
        assert_eq!(numbered(19).map(|e| e.file), Some("1000".to_owned()));
        assert_eq!(numbered(20).map(|e| e.file), Some("1300".to_owned()));
        assert_eq!(numbered(30), None);
        let other = SegmentationKey { part_ms: Some(500), ..KEY };
        assert_eq!(catalogue.with_number("g/c", "video", other, 19).expect("read"), None);
        assert!(catalogue.with_period("g/c", "video", 7).expect("read").is_some());
        assert!(catalogue.with_period("g/c", "video", 8).expect("read").is_none());
        assert_eq!(catalogue.newest("g/c").expect("read"), Some(1600));
        assert_eq!(catalogue.newest("g/none").expect("read"), None);
    }

    #[test]
    fn a_reel_that_grows_is_noted_again_and_forgotten_whole() {
        let catalogue = Catalogue::in_memory().expect("memory");
        let mut grows = Entry { open: true, ..reel(1000, 10) };
        catalogue.put("g/c", std::slice::from_ref(&grows)).expect("put");
        grows.ends = 2000;
        grows.numbers = vec![(KEY, 10, 40)];
        grows.open = false;
        catalogue.put("g/c", std::slice::from_ref(&grows)).expect("put");
        let found = catalogue.with_number("g/c", "video", KEY, 35).expect("read").expect("there");
        assert_eq!((found.ends, found.open), (2000, false));
        assert_eq!(catalogue.since("g/c", 2001).expect("read"), []);
        assert_eq!(catalogue.before("g/c", 2001).expect("read").len(), 1);
        catalogue.forget("g/c", "video", "1000").expect("forget");
        assert_eq!(catalogue.with_number("g/c", "video", KEY, 35).expect("read"), None);
    }

    #[test]
    fn a_damaged_catalogue_is_put_aside() {
        let folder = tempfile::TempDir::new().expect("a folder");
        let path = folder.path().join("catalogue.sqlite3");
        fs::write(&path, vec![7; 8192]).expect("written");
        let catalogue = Catalogue::open(&path).expect("made anew");
        catalogue.put("g/c", &[reel(1000, 10)]).expect("put");
        drop(catalogue);
        assert!(path.with_extension("damaged").exists());
        let again = Catalogue::open(&path).expect("opened");
        assert_eq!(again.newest("g/c").expect("read"), Some(1300));
    }
}
