//! The store in one SQLite file.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior, params};

use super::{Store, StoreError};
use crate::api::model::{Record, RecordKey, Write};

/// `name` and `body` are JSON. A commit is on the disk when it returns (synchronous = FULL).
const SCHEMA: &str = "
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE IF NOT EXISTS record (
    name TEXT PRIMARY KEY,
    body TEXT NOT NULL,
    revision INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS revision (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    revision INTEGER NOT NULL
);
INSERT OR IGNORE INTO revision VALUES (1, 0);
";
/// How long another process may hold the file.
const PATIENCE: Duration = Duration::from_secs(5);

/// The model in a file.
#[derive(Debug)]
pub struct Sqlite {
    db: Connection,
}

impl Sqlite {
    /// Opens or makes the file. One that is damaged is left alone: it is all there is.
    ///
    /// # Errors
    /// Where it can neither be opened nor made.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        Sqlite::with(Connection::open(path)?)
    }

    /// One that is kept nowhere.
    ///
    /// # Errors
    /// As of SQLite.
    pub fn in_memory() -> Result<Self, StoreError> {
        Sqlite::with(Connection::open_in_memory()?)
    }

    fn with(db: Connection) -> Result<Self, StoreError> {
        db.busy_timeout(PATIENCE)?;
        db.execute_batch(SCHEMA)?;
        Ok(Sqlite { db })
    }
}

fn name(key: &RecordKey) -> Result<String, StoreError> {
    serde_json::to_string(key).map_err(StoreError::Damaged)
}

impl Store for Sqlite {
    fn load(&self) -> Result<(u64, Vec<Record>), StoreError> {
        // One transaction, so that records and revision are of one moment.
        let reading = self.db.unchecked_transaction()?;
        let revision: i64 =
            reading.query_row("SELECT revision FROM revision", [], |row| row.get(0))?;
        let mut select = reading.prepare("SELECT body FROM record ORDER BY name")?;
        let mut rows = select.query([])?;
        let mut records = Vec::new();
        while let Some(row) = rows.next()? {
            let body = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
            records.push(serde_json::from_str(body).map_err(StoreError::Damaged)?);
        }
        Ok((revision.cast_unsigned(), records))
    }

    fn revision(&self) -> Result<u64, StoreError> {
        let revision: i64 =
            self.db.query_row("SELECT revision FROM revision", [], |row| row.get(0))?;
        Ok(revision.cast_unsigned())
    }

    fn commit(&mut self, revision: u64, writes: &[Write]) -> Result<u64, StoreError> {
        let change = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let next = revision.saturating_add(1);
        let moved = change.execute(
            "UPDATE revision SET revision = ?1 WHERE revision = ?2",
            params![next.cast_signed(), revision.cast_signed()],
        )?;
        if moved != 1 {
            return Err(StoreError::Behind);
        }
        for write in writes {
            match write {
                Write::Put(record) => {
                    let body = serde_json::to_string(record).map_err(StoreError::Damaged)?;
                    change
                        .prepare_cached("INSERT OR REPLACE INTO record VALUES (?1, ?2, ?3)")?
                        .execute(params![name(&record.key())?, body, next.cast_signed()])?;
                }
                Write::Remove(key) => {
                    change
                        .prepare_cached("DELETE FROM record WHERE name = ?1")?
                        .execute(params![name(key)?])?;
                }
            }
        }
        change.commit()?;
        Ok(next)
    }
}
