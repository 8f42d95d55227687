//! Where changes are made: one after the other, on disk before they are told, then put into force.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use thiserror::Error;

use super::model::effective::Desired;
use super::model::value::Stamp;
use super::model::{Model, Moment, Plan, Refusal};
use super::store::{Store, StoreError};
use crate::config::Limits;

/// Times a change is planned again where another process came between.
const ATTEMPTS: usize = 20;

/// What puts changes into force.
pub trait Effect: Send + Sync {
    /// Puts a change into force, or sees to it that it will be. Changes come one after the other, in
    /// the order of their revisions, and each holds up the next: this must not wait for media.
    fn apply(&self, change: &Change);

    /// Waits until a revision is in force, a moment at most: what is answered behind it is true
    /// then, and a change that takes longer is not lost.
    fn wait(&self, revision: u64);
}

/// An effect that has none.
#[derive(Clone, Copy, Debug)]
pub struct NoEffect;

impl Effect for NoEffect {
    fn apply(&self, _: &Change) {}

    fn wait(&self, _: u64) {}
}

/// What is in force from a revision on.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The revision.
    pub revision: u64,
    /// All of it, not what differs.
    pub desired: Desired,
}

/// The model, its store and what puts it into force.
pub struct Desk {
    store: Mutex<Box<dyn Store>>,
    known: RwLock<Known>,
    effect: Box<dyn Effect>,
    limits: Limits,
}

/// The model as of a revision.
#[derive(Debug)]
struct Known {
    revision: u64,
    model: Model,
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").field("known", &self.known).finish_non_exhaustive()
    }
}

/// Why a change was not made.
#[derive(Debug, Error)]
pub enum ChangeError {
    /// The model says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store cannot keep it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A change that was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Done<T> {
    /// What is to be answered.
    pub answer: T,
    /// The revision it made, or found where there was nothing to write.
    pub revision: u64,
    /// Whether anything was written.
    pub written: bool,
}

impl Desk {
    /// Loads the model and puts it into force. `reserved` are the channels of the configuration
    /// file, as `(group, channel)`.
    ///
    /// # Errors
    /// What the store says.
    pub fn open(
        store: Box<dyn Store>,
        reserved: BTreeSet<(String, String)>,
        effect: Box<dyn Effect>,
        limits: Limits,
    ) -> Result<Self, StoreError> {
        let (revision, records) = store.load()?;
        let model = Model::of(records, reserved);
        effect.apply(&Change { revision, desired: model.desired(&limits) });
        let known = RwLock::new(Known { revision, model });
        Ok(Desk { store: Mutex::new(store), known, effect, limits })
    }

    /// The limits that channels are held to.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    fn known(&self) -> RwLockReadGuard<'_, Known> {
        // Nothing is left half-changed: a plan writes nothing, and applying one cannot fail.
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn store(&self) -> MutexGuard<'_, Box<dyn Store>> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the model as it is now.
    pub fn read<T>(&self, read: impl FnOnce(&Model) -> T) -> T {
        read(&self.known().model)
    }

    /// Sets anew which channels are the configuration file's.
    pub fn reserve(&self, names: BTreeSet<(String, String)>) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).model.reserve(names);
    }

    /// Waits, a moment at most, until a revision is in force.
    pub fn wait(&self, revision: u64) {
        self.effect.wait(revision);
    }

    /// Makes a change: planned, committed, applied, put into force. Blocks for the disk.
    ///
    /// # Errors
    /// What the plan says, or the store; nothing has changed then.
    pub fn change<T>(
        &self,
        now: Stamp,
        plan: impl Fn(&Model, Moment) -> Result<Plan<T>, Refusal>,
    ) -> Result<Done<T>, ChangeError> {
        let mut store = self.store();
        for _ in 0..ATTEMPTS {
            let (revision, planned) = {
                let known = self.known();
                let at = Moment { now, revision: known.revision + 1 };
                (known.revision, plan(&known.model, at))
            };
            let planned = match planned {
                // What was refused of an old model may be right of a newer one.
                Err(_) if store.revision()? != revision => {
                    self.reload(store.as_ref())?;
                    continue;
                }
                planned => planned?,
            };
            if planned.writes.is_empty() {
                return Ok(Done { answer: planned.answer, revision, written: false });
            }
            match store.commit(revision, &planned.writes) {
                Ok(revision) => {
                    let desired = self.take(revision, planned.writes);
                    self.effect.apply(&Change { revision, desired });
                    return Ok(Done { answer: planned.answer, revision, written: true });
                }
                Err(StoreError::Behind) => self.reload(store.as_ref())?,
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Behind.into())
    }

    /// Applies what is committed.
    fn take(&self, revision: u64, writes: Vec<super::model::Write>) -> Desired {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.revision = revision;
        for write in writes {
            known.model.apply(write);
        }
        known.model.desired(&self.limits)
    }

    /// Takes over what another process has changed, and puts it into force.
    fn reload(&self, store: &dyn Store) -> Result<(), StoreError> {
        let (revision, records) = store.load()?;
        let desired = {
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            let reserved = known.model.reserved().clone();
            *known = Known { revision, model: Model::of(records, reserved) };
            known.model.desired(&self.limits)
        };
        self.effect.apply(&Change { revision, desired });
        Ok(())
    }
}
