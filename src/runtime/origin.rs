//! Everything readers, encoders and operators may ask for: the channels and what they share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::channel::ChannelHandle;
use super::clock::Clock;
use super::shutdown::Shutdown;
use super::streams::Streams;
use super::supervisor::{Desired, NotApplied, Wish};
use crate::api::model::effective::{LIVE_GROUP, OTT_GROUP};
use crate::config::{Channel, Egress, Limits};
use crate::http::Front;
use crate::ingest::Nonces;
use crate::observe::Metrics;
use crate::packager::{InputId, SourceId};
use crate::resolve::Routes;

/// What stands before HTTP where readers come and where encoders push.
#[derive(Clone, Debug, Default)]
pub struct Fronts {
    /// Readers.
    pub egress: Front,
    /// Encoders.
    pub ingest: Front,
}

/// The channels there are, and what stands beside `/v1/`.
#[derive(Debug, Default)]
pub struct ChannelSet {
    by_name: BTreeMap<String, BTreeMap<String, Arc<ChannelHandle>>>,
    /// Manifests by Host and path.
    pub routes: Routes,
}

impl ChannelSet {
    /// A channel by its names.
    #[must_use]
    pub fn channel(&self, group: &str, name: &str) -> Option<&Arc<ChannelHandle>> {
        self.by_name.get(group)?.get(name)
    }

    /// All channels, by group and name; first those that stay, as the names of those that go may
    /// have come again. Where two publish a manifest at one place, the one that stands first has it, and
    /// one that goes behind all that stay.
    pub(super) fn of(stay: &[Arc<ChannelHandle>], go: &[Arc<ChannelHandle>]) -> Self {
        let mut set = ChannelSet::default();
        for channel in go.iter().chain(stay) {
            let named = set.by_name.entry(channel.group.clone()).or_default();
            named.insert(channel.name.clone(), Arc::clone(channel));
        }
        for channel in stay {
            for (ordinal, entrance) in channel.shown().endpoints.iter() {
                if entrance.rules.leaving {
                    continue;
                }
                let place = (channel.group.as_str(), channel.name.as_str(), *ordinal);
                for taken in set.routes.add(place, &entrance.rules.published) {
                    let (host, path) = taken.place();
                    let host = host.unwrap_or("every host");
                    let (group, channel) = (&channel.group, &channel.name);
                    tracing::warn!(
                        group,
                        channel,
                        ordinal,
                        host,
                        path,
                        "a manifest stands there already: this one is left out"
                    );
                }
            }
        }
        // Players under way find the rest where they found the beginning.
        for channel in stay.iter().chain(go) {
            // One whose name has come again is known by it no more.
            let known = set.channel(&channel.group, &channel.name);
            if !known.is_some_and(|known| Arc::ptr_eq(known, channel)) {
                continue;
            }
            for (ordinal, entrance) in channel.shown().endpoints.iter() {
                let place = (channel.group.as_str(), channel.name.as_str(), *ordinal);
                for left in std::iter::once(entrance).chain(entrance.formers()) {
                    if left.rules.leaving || channel.ending.begun() {
                        set.routes.add(place, &left.rules.published);
                    }
                }
            }
        }
        set
    }
}

/// What all parts of a server share.
#[derive(Debug)]
pub struct Origin {
    /// The clock.
    pub clock: Clock,
    /// Limits.
    pub limits: Limits,
    /// Who is believed, and which header carries codes.
    pub egress: Egress,
    /// What stands before HTTP on its listeners.
    pub fronts: Fronts,
    /// What encoders' passwords are asked for with.
    pub nonces: Nonces,
    /// Counts.
    pub metrics: Metrics,
    /// The end.
    pub shutdown: Shutdown,
    /// What `/` shows readers, where it shows anything.
    pub page: Option<Bytes>,
    /// Where streams go that are published to hosts of the control plane.
    pub streams: Arc<Streams>,
    channels: ArcSwap<ChannelSet>,
    wishes: mpsc::Sender<Wish>,
    sessions: AtomicU32,
    waiters: AtomicUsize,
}

impl Origin {
    pub(super) fn new(
        clock: Clock,
        limits: Limits,
        (egress, fronts, nonces): (Egress, Fronts, Nonces),
        page: Option<Bytes>,
        metrics: Metrics,
        (wishes, streams): (mpsc::Sender<Wish>, Arc<Streams>),
    ) -> Self {
        Origin {
            clock,
            limits,
            egress,
            fronts,
            nonces,
            metrics,
            shutdown: Shutdown::default(),
            page,
            channels: ArcSwap::default(),
            wishes,
            streams,
            sessions: AtomicU32::new(1),
            waiters: AtomicUsize::new(0),
        }
    }

    /// The channels there are now.
    #[must_use]
    pub fn set(&self) -> Arc<ChannelSet> {
        self.channels.load_full()
    }

    pub(super) fn put_set(&self, set: ChannelSet) {
        self.channels.store(Arc::new(set));
    }

    /// A channel by its names; none that is going.
    #[must_use]
    pub fn channel(&self, group: &str, name: &str) -> Option<Arc<ChannelHandle>> {
        let set = self.channels.load();
        set.channel(group, name).filter(|channel| !channel.ending.begun()).cloned()
    }

    /// The same for an encoder that names it. The control plane's own groups are no names of anybody's:
    /// streams come to their channels by their URLs.
    #[must_use]
    pub fn pushable(&self, group: &str, name: &str) -> Option<Arc<ChannelHandle>> {
        let own = [OTT_GROUP, LIVE_GROUP].contains(&group);
        if own { None } else { self.channel(group, name) }
    }

    /// All channels, by group and name; none that is going.
    pub fn channels(&self) -> impl Iterator<Item = Arc<ChannelHandle>> {
        let set = self.set();
        let all: Vec<_> = set.by_name.values().flat_map(BTreeMap::values).cloned().collect();
        all.into_iter().filter(|channel| !channel.ending.begun())
    }

    /// Makes the channels that `source` wants be these, and no others. Those of the file and those of
    /// the control plane live beside each other; where both name one, the file's lives. Returns when
    /// that is so: new channels take media and answer, removed ones take none and their lists have
    /// ended, changed ones have their new rules, and other durations with their next cut.
    ///
    /// # Errors
    /// The channels that could not be made or changed, each with the reason. They are as they were;
    /// all others are as is wanted.
    pub async fn desire(
        &self,
        source: Desired,
        channels: Vec<Channel>,
    ) -> Result<(), Vec<NotApplied>> {
        let (done, applied) = oneshot::channel();
        // A server that ends has no channels to change.
        let _ = self.wishes.send(Wish { source, channels, done }).await;
        let failed = applied.await.unwrap_or_default();
        if failed.is_empty() { Ok(()) } else { Err(failed) }
    }

    /// A session number that no other source has.
    #[must_use]
    pub fn new_source(&self, input: InputId) -> SourceId {
        SourceId { input, session: self.sessions.fetch_add(1, Ordering::Relaxed) }
    }

    /// A place among those who may wait; `None` where `limits.waiters` do.
    #[must_use]
    pub fn wait_place(self: &Arc<Self>) -> Option<WaitPlace> {
        let before = self.waiters.fetch_add(1, Ordering::Relaxed);
        self.metrics.waiters.inc();
        let place = WaitPlace { origin: Arc::clone(self) };
        (before < self.limits.waiters).then_some(place)
    }
}

/// A place among those who wait; given back when dropped.
#[derive(Debug)]
pub struct WaitPlace {
    origin: Arc<Origin>,
}

impl Drop for WaitPlace {
    fn drop(&mut self) {
        self.origin.waiters.fetch_sub(1, Ordering::Relaxed);
        self.origin.metrics.waiters.dec();
    }
}
