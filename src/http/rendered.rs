//! Manifests rendered once for everyone: ten thousand readers of one version cost one rendering.

use std::hash::{DefaultHasher, Hasher};
use std::io::Write;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use dashmap::DashMap;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::observe::Metrics;
use crate::packager::Snapshot;
use crate::resolve::{EndpointRules, View, ViewKind, render};

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
    fn new(text: &str) -> Self {
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

/// The newest rendering of every view of a channel's endpoints.
#[derive(Debug, Default)]
pub struct Renderings {
    newest: DashMap<(u32, ViewKind), Slot>,
}

type Slot = (u64, Arc<OnceLock<Option<Arc<Rendered>>>>);

impl Renderings {
    /// The rendering of a view. Who comes first renders; the others wait for it and share it.
    pub(super) fn get(
        &self,
        rules: &EndpointRules,
        snapshot: &Snapshot,
        view: View,
        metrics: &Metrics,
    ) -> Option<Arc<Rendered>> {
        let key = (rules.ordinal, view.kind);
        // A list that has ended may differ from the same version that had not.
        let version = view.version << 1 | u64::from(snapshot.ended);
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
            render(snapshot, rules, view.kind).map(|text| Arc::new(Rendered::new(&text)))
        };
        match slot {
            Some(slot) => slot.get_or_init(make).clone(),
            // Somebody holds an older snapshot than the newest rendering: his is made for him alone.
            None => make(),
        }
    }
}
