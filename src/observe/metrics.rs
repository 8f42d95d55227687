//! Counts and gauges, in the form Prometheus reads.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use crate::packager::Snapshot;

/// A limit of the configuration, by its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Limit {
    /// `connections`
    Connections,
    /// `first_byte`
    FirstByte,
    /// `header`
    Header,
    /// `ingest_connections`
    IngestConnections,
    /// `ingest_silence`
    IngestSilence,
    /// `slow_reader`
    SlowReader,
    /// `waiters`
    Waiters,
}

/// What stands before HTTP on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Handshake {
    /// A proxy's header.
    Proxy,
    /// TLS.
    Tls,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HandshakeLabels {
    kind: Handshake,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    kind: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LimitLabels {
    limit: Limit,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ChannelLabels {
    group: String,
    channel: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FactLabels {
    group: String,
    channel: String,
    fact: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusalLabels {
    reason: &'static str,
}

/// Everything that is counted. Clones count together.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Registry>,
    requests: Family<RequestLabels, Counter>,
    limits: Family<LimitLabels, Counter>,
    handshakes: Family<HandshakeLabels, Counter>,
    refusals: Family<RefusalLabels, Counter>,
    facts: Family<FactLabels, Counter>,
    panics: Family<ChannelLabels, Counter>,
    archived: Family<ChannelLabels, Counter>,
    archive_failures: Family<ChannelLabels, Counter>,
    ingested: Family<ChannelLabels, Counter>,
    memory: Family<ChannelLabels, Gauge<i64, AtomicI64>>,
    versions: Family<ChannelLabels, Gauge<i64, AtomicI64>>,
    /// Bytes of reels that came into the object store.
    pub stored: Counter<u64, AtomicU64>,
    /// Rounds in which the object store did not take reels or let them go.
    pub store_failures: Counter<u64, AtomicU64>,
    /// Reels that had to make room on the disk before the object store had them.
    pub spool_lost: Counter<u64, AtomicU64>,
    /// Bytes of reels on the disk, where there is an object store.
    pub spooled: Gauge<i64, AtomicI64>,
    /// Bytes of bodies handed to readers' connections.
    pub sent: Counter<u64, AtomicU64>,
    /// Manifests rendered.
    pub renderings: Counter<u64, AtomicU64>,
    /// Transport stream segments and parts made.
    pub derivations: Counter<u64, AtomicU64>,
    /// Requests waiting for what is not there yet.
    pub waiters: Gauge<i64, AtomicI64>,
    /// Readers' connections open.
    pub connections: Gauge<i64, AtomicI64>,
    /// Encoders' connections open.
    pub ingest_connections: Gauge<i64, AtomicI64>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Metrics {
            registry: Arc::default(),
            requests: Family::default(),
            limits: Family::default(),
            handshakes: Family::default(),
            refusals: Family::default(),
            facts: Family::default(),
            panics: Family::default(),
            archived: Family::default(),
            archive_failures: Family::default(),
            ingested: Family::default(),
            memory: Family::default(),
            versions: Family::default(),
            stored: Counter::default(),
            store_failures: Counter::default(),
            spool_lost: Counter::default(),
            spooled: Gauge::default(),
            sent: Counter::default(),
            renderings: Counter::default(),
            derivations: Counter::default(),
            waiters: Gauge::default(),
            connections: Gauge::default(),
            ingest_connections: Gauge::default(),
        };
        metrics.registry = Arc::new(metrics.register());
        metrics
    }
}

impl Metrics {
    fn register(&self) -> Registry {
        let mut registry = Registry::with_prefix("headwater");
        let r = &mut registry;
        r.register(
            "requests",
            "Requests answered, by kind of object and status",
            self.requests.clone(),
        );
        r.register(
            "sent_bytes",
            "Bytes of bodies handed to readers' connections",
            self.sent.clone(),
        );
        r.register("renderings", "Manifests rendered", self.renderings.clone());
        r.register("derivations", "Transport streams made", self.derivations.clone());
        r.register("waiters", "Requests waiting for what is not there yet", self.waiters.clone());
        r.register("connections", "Readers' connections open", self.connections.clone());
        r.register(
            "ingest_connections",
            "Encoders' connections open",
            self.ingest_connections.clone(),
        );
        r.register(
            "limits_crossed",
            "How often a limit was crossed, by its key",
            self.limits.clone(),
        );
        r.register(
            "handshakes_failed",
            "Connections that failed before HTTP, by what failed",
            self.handshakes.clone(),
        );
        r.register("refusals", "Readers refused, by reason", self.refusals.clone());
        r.register("facts", "What channels report and what sources get wrong", self.facts.clone());
        r.register_with_unit(
            "archived",
            "Media appended to a channel's reels",
            Unit::Bytes,
            self.archived.clone(),
        );
        r.register(
            "archive_failures",
            "Passes in which a channel's reels could not be appended to or removed",
            self.archive_failures.clone(),
        );
        self.register_store(r);
        r.register("panics", "Lives of a channel that ended in a panic", self.panics.clone());
        r.register(
            "ingested_bytes",
            "Bytes of bodies received from encoders",
            self.ingested.clone(),
        );
        r.register("memory_bytes", "Bytes of media kept in memory", self.memory.clone());
        r.register("snapshot_version", "Version of the newest snapshot", self.versions.clone());
        registry
    }

    fn register_store(&self, r: &mut Registry) {
        r.register_with_unit(
            "stored",
            "Reels that came into the object store",
            Unit::Bytes,
            self.stored.clone(),
        );
        r.register(
            "store_failures",
            "Rounds in which the object store did not take reels or let them go",
            self.store_failures.clone(),
        );
        r.register(
            "spool_lost",
            "Reels that made room on the disk before the object store had them",
            self.spool_lost.clone(),
        );
        r.register(
            "spool_bytes",
            "Reels on the disk, where there is a store",
            self.spooled.clone(),
        );
    }

    /// One answer.
    pub fn answered(&self, kind: &'static str, status: u16) {
        self.requests.get_or_create(&RequestLabels { kind, status }).inc();
    }

    /// One limit crossed.
    pub fn crossed(&self, limit: Limit) {
        self.limits.get_or_create(&LimitLabels { limit }).inc();
    }

    /// One connection that failed before HTTP.
    pub fn handshake_failed(&self, kind: Handshake) {
        self.handshakes.get_or_create(&HandshakeLabels { kind }).inc();
    }

    /// One reader refused.
    pub fn refused(&self, reason: &'static str) {
        self.refusals.get_or_create(&RefusalLabels { reason }).inc();
    }

    /// The counts of one channel.
    #[must_use]
    pub fn channel(&self, group: &str, channel: &str) -> ChannelMetrics {
        let labels = ChannelLabels { group: group.to_owned(), channel: channel.to_owned() };
        // There from the beginning: archiving is to be seen at 0.
        drop(self.archived.get_or_create(&labels));
        drop(self.archive_failures.get_or_create(&labels));
        ChannelMetrics { metrics: self.clone(), labels, reported: Mutex::default() }
    }

    /// The text Prometheus scrapes (OpenMetrics 1.0).
    #[must_use]
    pub fn scrape(&self) -> String {
        let mut out = String::new();
        // Writing into a String cannot fail.
        let _ = text::encode(&mut out, &self.registry);
        out
    }
}

/// The counts of one channel.
#[derive(Debug)]
pub struct ChannelMetrics {
    metrics: Metrics,
    labels: ChannelLabels,
    reported: Mutex<BTreeSet<&'static str>>,
}

impl ChannelMetrics {
    /// Counts a fact; true for the first of its name.
    pub fn reported(&self, fact: &'static str) -> bool {
        let labels = FactLabels {
            group: self.labels.group.clone(),
            channel: self.labels.channel.clone(),
            fact: fact.to_owned(),
        };
        self.metrics.facts.get_or_create(&labels).inc();
        self.reported.lock().unwrap_or_else(PoisonError::into_inner).insert(fact)
    }

    /// Forgets all of them: the channel is there no more.
    pub fn forget(&self) {
        let all = &self.metrics;
        for counter in [&all.panics, &all.archived, &all.archive_failures, &all.ingested] {
            counter.remove(&self.labels);
        }
        for gauge in [&all.memory, &all.versions] {
            gauge.remove(&self.labels);
        }
        for fact in &*self.reported.lock().unwrap_or_else(PoisonError::into_inner) {
            let (group, channel) = (self.labels.group.clone(), self.labels.channel.clone());
            all.facts.remove(&FactLabels { group, channel, fact: (*fact).to_owned() });
        }
    }

    /// Counts bytes of a pushed body.
    pub fn ingested(&self, bytes: usize) {
        self.metrics.ingested.get_or_create(&self.labels).inc_by(bytes as u64);
    }

    /// Counts a life of the channel that ended in a panic.
    pub fn panicked(&self) {
        self.metrics.panics.get_or_create(&self.labels).inc();
    }

    /// Counts bytes of media that were archived.
    pub fn archived(&self, bytes: u64) {
        self.metrics.archived.get_or_create(&self.labels).inc_by(bytes);
    }

    /// Counts a pass in which archiving failed.
    pub fn archive_failed(&self) {
        self.metrics.archive_failures.get_or_create(&self.labels).inc();
    }

    /// Notes what a snapshot holds.
    pub fn published(&self, snapshot: &Snapshot) {
        let version = i64::try_from(snapshot.version).unwrap_or(i64::MAX);
        self.metrics.versions.get_or_create(&self.labels).set(version);
        // Segmentations share chunks, so the largest one stands for all.
        let bytes = snapshot.segmentations.values().map(|view| view.bytes);
        let bytes = i64::try_from(bytes.max().unwrap_or(0)).unwrap_or(i64::MAX);
        self.metrics.memory.get_or_create(&self.labels).set(bytes);
    }
}
