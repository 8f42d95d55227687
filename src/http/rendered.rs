//! Manifests rendered once for everyone: ten thousand readers of one version cost one rendering.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hasher};
use std::io::Write;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use dashmap::DashMap;
use flate2::Compression;
use flate2::write::GzEncoder;
use lru::LruCache;

use crate::observe::Metrics;
use crate::packager::Snapshot;
use crate::resolve::{EndpointRules, PastManifest, PastView, Shift, View, ViewKind, render};
use crate::runtime::{Endpoints, Entrance};

/// One rendering, plain and compressed.
#[derive(Debug)]
pub struct Rendered {
    /// The text.
    pub(super) plain: Bytes,
    /// Its validator, quoted.
    pub(super) etag: String,
    gzip: OnceLock<Bytes>,
}

impl Rendered {
    pub(super) fn new(text: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(text.as_bytes());
        Rendered {
            plain: Bytes::copy_from_slice(text.as_bytes()),
            etag: format!("\"{:016x}\"", hasher.finish()),
            gzip: OnceLock::new(),
        }
    }

    /// The text compressed, once.
    pub(super) fn gzip(&self) -> Bytes {
        let compress = || {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            // Writing into a Vec cannot fail.
            let _ = encoder.write_all(&self.plain);
            Bytes::from(encoder.finish().unwrap_or_default())
        };
        self.gzip.get_or_init(compress).clone()
    }
}

/// Manifests of the past that are whole, kept of a channel.
const PAST: NonZeroUsize = NonZeroUsize::new(64).expect("not zero");

/// By which rules, what, of which wish, and from when on: what is kept no longer leaves it.
type PastName = (u64, PastManifest, Shift, i64);

/// The newest rendering of every view of a channel's endpoints, by the number of their rules.
#[derive(Debug)]
pub struct Renderings {
    newest: DashMap<(u64, ViewKind), Slot>,
    past: Mutex<LruCache<PastName, Arc<Rendered>>>,
}

impl Default for Renderings {
    fn default() -> Self {
        Renderings { newest: DashMap::new(), past: Mutex::new(LruCache::new(PAST)) }
    }
}

fn name_of(rules: &EndpointRules, view: &PastView) -> PastName {
    (rules.id, view.what.clone(), view.shift, view.span.from)
}

type Slot = (u64, Arc<OnceLock<Option<Arc<Rendered>>>>);

impl Renderings {
    /// Forgets what was rendered by rules that hold no more.
    pub fn retain(&self, endpoints: &Endpoints) {
        let holds =
            |id: u64| endpoints.values().flat_map(Entrance::all).any(|rules| rules.id == id);
        self.newest.retain(|(id, _), _| holds(*id));
        self.kept_past().clear();
    }

    /// A manifest of the past that is whole, where it was rendered before.
    pub(super) fn past(&self, rules: &EndpointRules, view: &PastView) -> Option<Arc<Rendered>> {
        self.kept_past().get(&name_of(rules, view)).cloned()
    }

    /// Keeps one.
    pub(super) fn keep_past(
        &self,
        rules: &EndpointRules,
        view: &PastView,
        rendered: &Arc<Rendered>,
    ) {
        self.kept_past().put(name_of(rules, view), Arc::clone(rendered));
    }

    fn kept_past(&self) -> MutexGuard<'_, LruCache<PastName, Arc<Rendered>>> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rendering of a view. Who comes first renders; the others wait for it and share it.
    pub(super) fn get(
        &self,
        rules: &EndpointRules,
        snapshot: &Snapshot,
        view: View,
        metrics: &Metrics,
    ) -> Option<Arc<Rendered>> {
        self.get_of(rules, snapshot, view, metrics, || Cow::Borrowed(snapshot))
    }

    /// What was rendered of a view, where it was.
    pub(super) fn known(
        &self,
        rules: &EndpointRules,
        snapshot: &Snapshot,
        view: View,
    ) -> Option<Arc<Rendered>> {
        let slot = self.newest.get(&(rules.id, view.kind))?;
        slot.1.get().filter(|_| slot.0 == version(snapshot, rules, view))?.clone()
    }

    /// As [`Renderings::get`], of what `with` makes of the snapshot.
    pub(super) fn get_of<'a>(
        &self,
        rules: &EndpointRules,
        snapshot: &Snapshot,
        view: View,
        metrics: &Metrics,
        with: impl FnOnce() -> Cow<'a, Snapshot>,
    ) -> Option<Arc<Rendered>> {
        let key = (rules.id, view.kind);
        let version = version(snapshot, rules, view);
        // Most readers find what another has rendered: they share a read lock.
        let known = self.newest.get(&key).map(|slot| (slot.0, Arc::clone(&slot.1)));
        let slot = match known {
            Some((newest, slot)) if newest == version => Some(slot),
            Some((newest, _)) if newest > version => None,
            _ => {
                let mut entry = self.newest.entry(key).or_default();
                if entry.0 < version {
                    *entry = (version, Arc::default());
                }
                (entry.0 == version).then(|| Arc::clone(&entry.1))
            }
        };
        let make = || {
            metrics.renderings.inc();
            render(&with(), rules, view.kind).map(|text| Arc::new(Rendered::new(&text)))
        };
        match slot {
            Some(slot) => slot.get_or_init(make).clone(),
            // Somebody holds an older snapshot than the newest rendering: his is made for him alone.
            None => make(),
        }
    }
}

/// A list that has ended may differ from the same version that had not.
fn version(snapshot: &Snapshot, rules: &EndpointRules, view: View) -> u64 {
    view.version << 1 | u64::from(rules.ended(snapshot))
}
