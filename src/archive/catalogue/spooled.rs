//! What the catalogue knows of reels that go to a store: which are whole, which are there, which have
//! to leave it.

use std::io;

use rusqlite::{Row, params};

use super::{COLUMNS, Catalogue, Entry, entry, other};

/// A reel, and the channel it is of.
pub(in crate::archive) type Of = (String, Entry);

fn of(row: &Row<'_>) -> rusqlite::Result<Of> {
    Ok((row.get(9)?, entry(row)?))
}

impl Catalogue {
    fn spooled(&self, condition: &str, limit: u32) -> io::Result<Vec<Of>> {
        let columns = COLUMNS.replace(" FROM", ", reel.channel FROM");
        let db = self.reads();
        let read = db
            .prepare_cached(&format!("{columns} WHERE {condition} ORDER BY ends LIMIT ?1"))
            .and_then(|mut select| {
                select.query_map(params![limit], of)?.collect::<rusqlite::Result<_>>()
            });
        read.map_err(other)
    }

    /// The oldest reels that are whole and that the store lacks, of any channel.
    ///
    /// # Errors
    /// What SQLite says.
    pub(in crate::archive) fn to_store(&self, limit: u32) -> io::Result<Vec<Of>> {
        self.spooled("here AND NOT stored AND NOT open", limit)
    }

    /// The oldest reels that are both on the disk and in the store.
    ///
    /// # Errors
    /// What SQLite says.
    pub(in crate::archive) fn in_both(&self, limit: u32) -> io::Result<Vec<Of>> {
        self.spooled("here AND stored AND NOT open", limit)
    }

    /// Bytes of the reels on the disk.
    ///
    /// # Errors
    /// What SQLite says.
    pub(in crate::archive) fn on_disk(&self) -> io::Result<u64> {
        let sum = "SELECT coalesce(sum(bytes), 0) FROM reel WHERE here";
        let sum = self.reads().query_row(sum, [], |row| row.get::<_, i64>(0));
        sum.map(i64::cast_unsigned).map_err(other)
    }

    /// Notes where a reel is now. False where it is not known any more.
    ///
    /// # Errors
    /// What SQLite says.
    pub(in crate::archive) fn note_place(
        &self,
        channel: &str,
        entry: &Entry,
        (here, stored): (bool, bool),
    ) -> io::Result<bool> {
        let noted = self.db().execute(
            "UPDATE reel SET here = ?4, stored = ?5
             WHERE channel = ?1 AND rendition = ?2 AND file = ?3",
            params![channel, entry.rendition, entry.file, here, stored],
        );
        noted.map(|changed| changed > 0).map_err(other)
    }

    /// Forgets a reel, and notes the names of `objects` that have to leave the store.
    ///
    /// # Errors
    /// What SQLite says; neither has been done then.
    pub(in crate::archive) fn leave(
        &self,
        channel: &str,
        entry: &Entry,
        objects: &[String],
    ) -> io::Result<()> {
        let mut db = self.db();
        let left = db.transaction().and_then(|left| {
            for name in objects {
                left.execute("INSERT OR IGNORE INTO leaving VALUES (?1)", params![name])?;
            }
            left.execute(
                "DELETE FROM reel WHERE channel = ?1 AND rendition = ?2 AND file = ?3",
                params![channel, entry.rendition, entry.file],
            )?;
            left.commit()
        });
        left.map_err(other)
    }

    /// Names of objects that have to leave the store.
    ///
    /// # Errors
    /// What SQLite says.
    pub(in crate::archive) fn leaving(&self, limit: u32) -> io::Result<Vec<String>> {
        let db = self.reads();
        let read = db
            .prepare_cached("SELECT name FROM leaving LIMIT ?1")
            .and_then(|mut select| select.query_map([limit], |row| row.get(0))?.collect());
        read.map_err(other)
    }

    /// Notes that an object has left the store.
    ///
    /// # Errors
    /// What SQLite says.
    pub(in crate::archive) fn has_left(&self, name: &str) -> io::Result<()> {
        let left = self.db().execute("DELETE FROM leaving WHERE name = ?1", params![name]);
        left.map(|_| ()).map_err(other)
    }

    /// Whether it is known what the store holds of a channel.
    ///
    /// # Errors
    /// What SQLite says.
    pub(in crate::archive) fn is_surveyed(&self, channel: &str) -> io::Result<bool> {
        let count = "SELECT count(*) FROM surveyed WHERE channel = ?1";
        let count = self.reads().query_row(count, [channel], |row| row.get::<_, i64>(0));
        count.map(|count| count > 0).map_err(other)
    }

    /// Notes that it is.
    ///
    /// # Errors
    /// What SQLite says.
    pub(in crate::archive) fn note_surveyed(&self, channel: &str) -> io::Result<()> {
        let noted = "INSERT OR IGNORE INTO surveyed VALUES (?1)";
        self.db().execute(noted, [channel]).map(|_| ()).map_err(other)
    }
}
