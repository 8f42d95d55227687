//! Nonces that were used: a request that is sent again by somebody who saw it is refused, by the next process
//! too.

use std::collections::{BTreeSet, VecDeque};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::units::WallTime;

/// How long a nonce is remembered, milliseconds: a request may be dated 15 minutes ahead and is taken
/// until 15 minutes after its date.
const KEPT_MS: i64 = 30 * 60 * 1000;
/// Most that are remembered. Only requests with a right signature leave one.
const MOST: usize = 200_000;
/// Bytes of one in the file: when it was used, Unix milliseconds, big-endian; its mark.
const RECORD: usize = 40;
/// Records that are no longer needed, before the file is written anew.
const STALE_MOST: usize = 10_000;

/// Key and nonce, hashed: however long, they take the same room.
type Mark = [u8; 32];

/// Nonces of the last half hour.
#[derive(Debug, Default)]
pub struct Spent {
    marks: BTreeSet<Mark>,
    by_time: VecDeque<(i64, Mark)>,
    kept: Option<Kept>,
}

/// Where they are kept. The system writes when it likes: they outlive the process, if not a loss of power.
#[derive(Debug)]
struct Kept {
    path: PathBuf,
    file: File,
    records: usize,
}

/// Why a nonce is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SpentError {
    /// It was used within the last half hour.
    #[error("the nonce was used before")]
    Used,
    /// So many are remembered that none can be told from a used one.
    #[error("too many requests within half an hour")]
    Full,
}

impl Spent {
    /// Those of the last half hour in the file at `path`, where they are kept from now on.
    ///
    /// # Errors
    /// Where it can be neither read nor written.
    pub fn open(path: &Path, now: WallTime) -> io::Result<Self> {
        let mut spent = Spent::default();
        let bytes = match fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read?,
        };
        // What a killed process wrote half of is a request that it did not answer.
        for record in bytes.chunks_exact(RECORD) {
            let (at, mark) = record.split_at(8);
            if let (Ok(at), Ok(mark)) = (at.try_into().map(i64::from_be_bytes), mark.try_into())
                && at <= now.millis().saturating_add(KEPT_MS)
                && spent.marks.insert(mark)
            {
                spent.by_time.push_back((at, mark));
            }
        }
        spent.by_time.make_contiguous().sort_unstable_by_key(|(at, _)| *at);
        spent.forget(now);
        spent.kept = Some(spent.written_anew(path)?);
        Ok(spent)
    }

    /// Spends a nonce of a key.
    ///
    /// # Errors
    /// Where it was spent before, or no more can be remembered.
    pub fn spend(&mut self, key_id: &str, nonce: &str, now: WallTime) -> Result<(), SpentError> {
        self.forget(now);
        let length = (key_id.len() as u64).to_be_bytes();
        let hash = Sha256::new().chain_update(length).chain_update(key_id).chain_update(nonce);
        let mark: Mark = hash.finalize().into();
        if self.marks.contains(&mark) {
            return Err(SpentError::Used);
        }
        if self.marks.len() >= MOST {
            return Err(SpentError::Full);
        }
        self.marks.insert(mark);
        self.by_time.push_back((now.millis(), mark));
        if let Err(error) = self.keep(now.millis(), &mark) {
            tracing::warn!(%error, "a nonce is not kept: after a restart its request could be repeated");
        }
        Ok(())
    }

    fn forget(&mut self, now: WallTime) {
        while let Some((at, mark)) = self.by_time.front() {
            // One that lies as far ahead is of a clock that was wrong.
            if (now.millis() - at).abs() < KEPT_MS {
                break;
            }
            self.marks.remove(mark);
            self.by_time.pop_front();
        }
    }

    fn keep(&mut self, at: i64, mark: &Mark) -> io::Result<()> {
        let Some(kept) = &mut self.kept else { return Ok(()) };
        kept.records += 1;
        let length = kept.file.metadata()?.len();
        let written = kept.file.write_all(&record(at, mark));
        if written.is_err() {
            // Half a record would make nothing of all that come after it.
            kept.file.set_len(length)?;
        }
        if kept.records > self.by_time.len() + STALE_MOST {
            let path = kept.path.clone();
            // Where that fails it is tried again after as many.
            kept.records = self.by_time.len();
            self.kept = Some(self.written_anew(&path)?);
        }
        written
    }

    /// The file with what is remembered now.
    fn written_anew(&self, path: &Path) -> io::Result<Kept> {
        let unfinished = path.with_extension("new");
        let records = self.by_time.iter().flat_map(|(at, mark)| record(*at, mark));
        fs::write(&unfinished, records.collect::<Vec<u8>>())?;
        fs::rename(&unfinished, path)?;
        let file = File::options().append(true).open(path)?;
        Ok(Kept { path: path.to_owned(), file, records: self.by_time.len() })
    }
}

fn record(at: i64, mark: &Mark) -> [u8; RECORD] {
    let mut record = [0; RECORD];
    let (time, rest) = record.split_at_mut(8);
    time.copy_from_slice(&at.to_be_bytes());
    rest.copy_from_slice(mark);
    record
}
