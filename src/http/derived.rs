//! Transport streams made once for everyone, on first request, and kept within a limit of bytes.
//!
//! Making takes milliseconds of copying, so it is done on a thread of its own: the readers' threads
//! go on answering. Who asks for what is being made waits for it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::OnceCell;

use crate::observe::Metrics;
use crate::packager::Snapshot;
use crate::repackage::transport_stream;
use crate::resolve::{Derived, recipe};

type Made = Arc<OnceCell<Arc<[Bytes]>>>;

/// The derived forms of one channel.
#[derive(Debug)]
pub struct DerivedForms {
    limit: usize,
    kept: Mutex<Kept>,
}

/// What is kept, by name and by when it was asked for last.
#[derive(Debug, Default)]
struct Kept {
    by_name: BTreeMap<Derived, Entry>,
    by_use: BTreeMap<u64, Derived>,
    uses: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    made: Made,
    used: u64,
    /// Nothing until it is made.
    bytes: usize,
}

impl Kept {
    /// The form of this name, to be made by whoever comes first.
    fn entry(&mut self, name: Derived) -> Made {
        self.uses += 1;
        let used = self.uses;
        let fresh = || Entry { made: Made::default(), used, bytes: 0 };
        let entry = self.by_name.entry(name).or_insert_with(fresh);
        self.by_use.remove(&entry.used);
        self.by_use.insert(used, name);
        entry.used = used;
        Arc::clone(&entry.made)
    }

    /// Counts what has been made and lets go of what was used longest ago.
    fn count(&mut self, name: Derived, made: &Made, bytes: usize, limit: usize) {
        let Some(entry) = self.by_name.get_mut(&name).filter(|e| Arc::ptr_eq(&e.made, made)) else {
            return;
        };
        self.bytes = self.bytes - entry.bytes + bytes;
        entry.bytes = bytes;
        while self.bytes > limit {
            let Some((_, oldest)) = self.by_use.pop_first() else { return };
            self.bytes -= self.by_name.remove(&oldest).map_or(0, |entry| entry.bytes);
        }
    }

    /// Forgets what could not be made.
    fn forget(&mut self, name: Derived, made: &Made) {
        let own = self.by_name.get(&name).is_some_and(|e| Arc::ptr_eq(&e.made, made));
        if let Some(entry) = own.then(|| self.by_name.remove(&name)).flatten() {
            self.by_use.remove(&entry.used);
            self.bytes -= entry.bytes;
        }
    }
}

impl DerivedForms {
    /// None yet; at most `limit` bytes are kept.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        DerivedForms { limit, kept: Mutex::default() }
    }

    /// The bytes of a derived form, laid end to end; `None` where what it is made of has gone.
    pub(super) async fn get(
        &self,
        name: Derived,
        snapshot: &Snapshot,
        metrics: &Metrics,
    ) -> Option<Vec<Bytes>> {
        let made = self.kept().entry(name);
        let make = || async {
            let recipe = recipe(snapshot, &name).ok_or(())?;
            metrics.derivations.inc();
            let work = move || Arc::<[Bytes]>::from(transport_stream(&recipe));
            let bytes = tokio::task::spawn_blocking(work).await.map_err(|_| ())?;
            let size = bytes.iter().map(Bytes::len).sum();
            self.kept().count(name, &made, size, self.limit);
            Ok::<_, ()>(bytes)
        };
        let bytes = made.get_or_try_init(make).await;
        if bytes.is_err() {
            self.kept().forget(name, &made);
        }
        bytes.ok().map(|bytes| bytes.to_vec())
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packager::{RenditionId, SegmentationKey};
    use crate::resolve::DerivedName;

    fn name(number: u64) -> Derived {
        Derived {
            segmentation: SegmentationKey::new(2000, None),
            rendition: RenditionId(0),
            muxed: true,
            name: DerivedName::Segment(number),
        }
    }

    #[test]
    fn what_was_asked_for_longest_ago_goes_first() {
        let mut kept = Kept::default();
        for number in 1..=3 {
            let made = kept.entry(name(number));
            kept.count(name(number), &made, 40, 120);
        }
        kept.entry(name(1));
        let made = kept.entry(name(4));
        kept.count(name(4), &made, 40, 120);
        let names: Vec<Derived> = kept.by_name.keys().copied().collect();
        assert_eq!(names, [name(1), name(3), name(4)]);
        assert_eq!((kept.bytes, kept.by_use.len()), (120, 3));
    }

    #[test]
    fn what_is_larger_than_the_limit_is_not_kept_and_what_failed_is_forgotten() {
        let mut kept = Kept::default();
        let made = kept.entry(name(1));
        kept.count(name(1), &made, 200, 120);
        assert_eq!((kept.bytes, kept.by_name.len(), kept.by_use.len()), (0, 0, 0));
        // It was let go of before it was made: nothing is counted.
        kept.count(name(1), &made, 200, 120);
        let made = kept.entry(name(2));
        kept.forget(name(2), &made);
        assert_eq!((kept.bytes, kept.by_name.len(), kept.by_use.len()), (0, 0, 0));
    }

    #[tokio::test]
    async fn what_is_not_there_is_not_made() {
        let forms = DerivedForms::new(1000);
        let metrics = Metrics::default();
        assert!(forms.get(name(1), &Snapshot::default(), &metrics).await.is_none());
        assert_eq!(forms.kept().by_name.len(), 0);
    }
}
