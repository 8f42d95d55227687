//! What the control plane asks for, put into force: its channels become the server's.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::origin::Origin;
use super::streams::Streams;
use crate::api::{Change, Effect};

/// How long an answer waits for what was asked for. A channel that takes longer comes all the same.
const ANSWERED: Duration = Duration::from_secs(1);

/// Takes changes, and tells when they are in force.
#[derive(Debug)]
pub(super) struct Asked {
    streams: Arc<Streams>,
    changed: watch::Sender<u64>,
    in_force: Arc<InForce>,
}

/// The newest revision that is in force.
#[derive(Debug, Default)]
struct InForce {
    revision: Mutex<u64>,
    newer: Condvar,
}

/// What tells of changes, and is told when they are in force.
#[derive(Debug)]
pub(super) struct Changes {
    changed: watch::Receiver<u64>,
    in_force: Arc<InForce>,
}

impl Asked {
    /// One that takes changes for `streams`, and what tells of them.
    pub(super) fn new(streams: Arc<Streams>) -> (Self, Changes) {
        let (told, changed) = watch::channel(0);
        let in_force = Arc::<InForce>::default();
        let changes = Changes { changed, in_force: Arc::clone(&in_force) };
        (Asked { streams, changed: told, in_force }, changes)
    }
}

impl Effect for Asked {
    fn apply(&self, change: &Change) {
        self.streams.ask(change.desired.clone());
        self.changed.send_replace(change.revision);
    }

    fn wait(&self, revision: u64) {
        let InForce { revision: known, newer } = &*self.in_force;
        let known = known.lock().unwrap_or_else(PoisonError::into_inner);
        // Poison and time alike: the change is kept, and comes into force when it does.
        let _ = newer.wait_timeout_while(known, ANSWERED, |known| *known < revision);
    }
}

impl Changes {
    /// Makes the channels the server has those that are asked for.
    pub(super) async fn put_into_force(&mut self, origin: &Origin) {
        let revision = *self.changed.borrow_and_update();
        origin.streams.put_into_force(origin).await;
        *self.in_force.revision.lock().unwrap_or_else(PoisonError::into_inner) = revision;
        self.in_force.newer.notify_all();
    }

    /// The same with every change, as long as the server runs. Changes that come while others are
    /// being made are made together.
    pub(super) async fn follow(mut self, origin: Arc<Origin>) {
        let shutdown = origin.shutdown.clone();
        loop {
            tokio::select! {
                changed = self.changed.changed() => if changed.is_err() { return },
                () = shutdown.wait() => return,
            }
            self.put_into_force(&origin).await;
        }
    }
}
