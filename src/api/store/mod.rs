//! Where the model is kept: a small trait, so that a store shared by several servers can take the place
//! of the file.
//!
//! A store holds records and the revision it is at. A commit names the revision it was planned on and is
//! refused where another came between: then the model is loaded anew and the change planned again.

mod sqlite;
#[cfg(test)]
mod tests;

use thiserror::Error;

pub use self::sqlite::Sqlite;

use super::model::{Record, Write};

/// What keeps the model.
pub trait Store: Send + std::fmt::Debug {
    /// Everything it holds, and the revision it is at; 0 for a new store.
    ///
    /// # Errors
    /// [`StoreError::Fault`], [`StoreError::Damaged`].
    fn load(&self) -> Result<(u64, Vec<Record>), StoreError>;

    /// The revision it is at.
    ///
    /// # Errors
    /// [`StoreError::Fault`].
    fn revision(&self) -> Result<u64, StoreError>;

    /// Writes all of it or nothing, if the store is at `revision`, and goes to the next one, which it
    /// gives. What it has given survives the end of the process and of the system.
    ///
    /// # Errors
    /// [`StoreError::Behind`] where it is at another revision, [`StoreError::Fault`]; nothing is
    /// written then.
    fn commit(&mut self, revision: u64, writes: &[Write]) -> Result<u64, StoreError>;
}

/// Why a store does not do what it should.
#[derive(Debug, Error)]
pub enum StoreError {
    /// It is at another revision.
    #[error("the store is at another revision")]
    Behind,
    /// What it holds cannot be read.
    #[error("the control plane's store holds a record that cannot be read: {0}")]
    Damaged(serde_json::Error),
    /// The file or the system.
    #[error("the control plane's store: {0}")]
    Fault(#[from] rusqlite::Error),
    /// Its folder.
    #[error("the control plane's folder: {0}")]
    Folder(#[from] std::io::Error),
}
