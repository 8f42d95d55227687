//! Channels' state on disk, written by one thread for all of them.
//!
//! A record is written to a temporary file, synced, and renamed over the old one, so that a reader
//! finds one whole record whatever happens when (invariant 23). Records that are overtaken while
//! they wait are skipped.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::watch;

use crate::packager::State;

/// How long to wait before a write that failed is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Why a channel's state cannot be used.
#[derive(Debug, Error)]
pub enum StateError {
    /// The folder or file cannot be used.
    #[error("cannot use {path}: {error}")]
    Io {
        /// What.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A newer layout than this version reads.
    #[error("{path} was written by a newer version (layout {found}, this one reads up to {known})")]
    Newer {
        /// What.
        path: PathBuf,
        /// Its layout.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// Not a record.
    #[error("{path} is damaged: {error}; remove it to let the channel start afresh")]
    Damaged {
        /// What.
        path: PathBuf,
        /// Why.
        error: serde_json::Error,
    },
}

/// The thread that writes, and the folder it writes to.
#[derive(Clone, Debug)]
pub(super) struct StateFiles {
    folder: PathBuf,
    jobs: Sender<Job>,
}

#[derive(Debug)]
struct Job {
    file: PathBuf,
    state: State,
    durable: watch::Sender<u64>,
}

/// One channel's record.
#[derive(Clone, Debug)]
pub(super) struct StateFile {
    file: PathBuf,
    jobs: Sender<Job>,
    durable: watch::Sender<u64>,
}

impl StateFiles {
    /// Starts the thread; records lie in `{folder}/state`.
    ///
    /// # Errors
    /// Where the folder cannot be made.
    pub(super) fn open(folder: &Path) -> Result<Self, StateError> {
        let folder = folder.join("state");
        fs::create_dir_all(&folder)
            .map_err(|error| StateError::Io { path: folder.clone(), error })?;
        let (jobs, queue) = channel();
        thread::Builder::new()
            .name("state".to_owned())
            .spawn(move || write_all(&queue))
            .map_err(|error| StateError::Io { path: folder.clone(), error })?;
        Ok(StateFiles { folder, jobs })
    }

    /// The record of a channel, and what it holds.
    ///
    /// # Errors
    /// A record that is there but cannot be used: starting without it would reuse numbers.
    pub(super) fn channel(
        &self,
        group: &str,
        name: &str,
    ) -> Result<(StateFile, Option<State>), StateError> {
        let folder = self.folder.join(group);
        fs::create_dir_all(&folder)
            .map_err(|error| StateError::Io { path: folder.clone(), error })?;
        let file = folder.join(format!("{name}.json"));
        let state = read(&file)?;
        let revision = state.as_ref().map_or(0, |s| s.revision);
        let durable = watch::Sender::new(revision);
        Ok((StateFile { file, jobs: self.jobs.clone(), durable }, state))
    }
}

impl StateFile {
    /// Has a record written; [`StateFile::durable`] waits for it.
    pub(super) fn remember(&self, state: State) {
        let job = Job { file: self.file.clone(), state, durable: self.durable.clone() };
        // The thread ends only when every sender has gone.
        let _ = self.jobs.send(job);
    }

    /// Waits until this revision or a later one is on disk.
    pub(super) async fn durable(&self, revision: u64) {
        let mut durable = self.durable.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        let _ = durable.wait_for(|on_disk| *on_disk >= revision).await;
    }
}

fn read(file: &Path) -> Result<Option<State>, StateError> {
    let text = match fs::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StateError::Io { path: file.to_owned(), error }),
    };
    let state: State = serde_json::from_slice(&text)
        .map_err(|error| StateError::Damaged { path: file.to_owned(), error })?;
    if state.format > State::FORMAT {
        let (found, known) = (state.format, State::FORMAT);
        return Err(StateError::Newer { path: file.to_owned(), found, known });
    }
    Ok(Some(state))
}

fn write_all(queue: &Receiver<Job>) {
    while let Ok(job) = queue.recv() {
        let mut newest = BTreeMap::from([(job.file.clone(), job)]);
        while let Ok(job) = queue.try_recv() {
            newest.insert(job.file.clone(), job);
        }
        for job in newest.into_values() {
            let mut failed = false;
            while let Err(error) = write(&job.file, &job.state) {
                if !failed {
                    tracing::error!(file = %job.file.display(), %error, "cannot write a channel's state: it publishes nothing new until this works");
                }
                failed = true;
                thread::sleep(RETRY);
            }
            job.durable.send_replace(job.state.revision);
        }
    }
}

fn write(file: &Path, state: &State) -> io::Result<()> {
    let temporary = file.with_extension("new");
    let mut out = File::create(&temporary)?;
    out.write_all(&serde_json::to_vec(state)?)?;
    out.sync_data()?;
    fs::rename(&temporary, file)?;
    let folder = file.parent().map(Arc::<Path>::from);
    folder.map_or(Ok(()), |folder| File::open(folder)?.sync_data())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_record_is_on_disk_before_it_counts_as_durable() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = StateFiles::open(folder.path()).expect("writable");
        let (file, state) = files.channel("g", "c").expect("usable");
        assert_eq!(state, None);
        for revision in 1..=20 {
            file.remember(State { format: State::FORMAT, revision, ..State::default() });
        }
        file.durable(20).await;
        let (_, state) = files.channel("g", "c").expect("usable");
        assert_eq!(state.expect("written").revision, 20);
    }

    #[test]
    fn a_damaged_or_newer_record_is_refused_with_its_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = StateFiles::open(folder.path()).expect("writable");
        let file = folder.path().join("state/g/c.json");
        fs::create_dir_all(file.parent().expect("has one")).expect("writable");
        fs::write(&file, b"{\"format\":").expect("writable");
        assert!(matches!(files.channel("g", "c"), Err(StateError::Damaged { .. })));
        let newer = State { format: State::FORMAT + 1, ..State::default() };
        fs::write(&file, serde_json::to_vec(&newer).expect("plain data")).expect("writable");
        let error = files.channel("g", "c").expect_err("newer").to_string();
        assert!(error.contains("newer version"), "{error}");
    }
}
