//! The handle that everybody but its task has of a channel.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use dashmap::DashMap;
use tokio::sync::{mpsc, watch};

use super::plan::Endpoints;
use super::shutdown::Shutdown;
use crate::archive::Shelf;
use crate::config::{self, Credentials};
use crate::http::{DerivedForms, Renderings};
use crate::ingest::{Publishers, Rungs, Segments};
use crate::observe::{ChannelMetrics, ChannelStatus};
use crate::packager::{InputId, SlateWanted, Snapshot, SourceEvent, SourceId};
use crate::resolve::{IpList, ListId};

/// Batches of events that wait for a channel's task before its sources are held back.
const QUEUE: usize = 64;

/// Events of one source, in order.
#[derive(Debug)]
pub struct Feed {
    /// Whose.
    pub source: SourceId,
    /// What.
    pub events: Vec<SourceEvent>,
}

/// What feeds a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// What inputs 1 and 2 ask of an encoder.
    pub credentials: [Option<Credentials>; 2],
    /// From where encoders may come to inputs 1 and 2; empty lets them come from everywhere.
    pub whitelists: [IpList; 2],
    /// Whether a loop feeds it.
    pub looped: bool,
    /// Whether inputs 1 and 2 are pulled.
    pub pulled: [bool; 2],
    /// Silence after which one counts as lost, where the channel says so.
    pub loss: Option<Duration>,
}

impl Inputs {
    /// As a channel is configured.
    pub(super) fn of(channel: &config::Channel) -> Self {
        Inputs {
            credentials: channel.inputs.clone(),
            whitelists: channel.whitelists.clone(),
            looped: channel.loop_file.is_some(),
            pulled: [0, 1].map(|n: usize| channel.pulls[n].is_some()),
            loss: channel.failover.loss,
        }
    }
}

/// What readers are answered from: media and rules of one moment.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// The newest snapshot.
    pub snapshot: Arc<Snapshot>,
    /// The endpoints.
    pub endpoints: Arc<Endpoints>,
}

/// What readers and sources have of a channel.
#[derive(Debug)]
pub struct ChannelHandle {
    /// Its group.
    pub group: String,
    /// Its name.
    pub name: String,
    /// Counts.
    pub metrics: ChannelMetrics,
    /// What it does, in words.
    pub status: ChannelStatus,
    /// Its manifests, each rendered once.
    pub renderings: Renderings,
    /// Its transport streams, each made once.
    pub derived: DerivedForms,
    /// The rungs that encoders push.
    pub rungs: Rungs,
    /// The pushes of segments that are under way.
    pub segments: Segments,
    /// What is published to it by RTMP.
    pub publishers: Publishers,
    /// Told when the channel is removed or the server ends: whoever feeds it ends.
    pub ending: Shutdown,
    inputs: ArcSwap<Inputs>,
    shown: ArcSwap<Shown>,
    shelf: OnceLock<Shelf>,
    versions: DashMap<ListId, watch::Sender<u64>>,
    feeds: mpsc::Sender<Feed>,
    slate: watch::Sender<Option<SlateWanted>>,
}

impl ChannelHandle {
    /// A channel that shows nothing yet, and its feeds.
    pub(super) fn new(
        (group, name): (String, String),
        metrics: ChannelMetrics,
        inputs: Inputs,
        derived_bytes: usize,
    ) -> (Arc<Self>, mpsc::Receiver<Feed>) {
        let (sender, feeds) = mpsc::channel(QUEUE);
        let handle = Arc::new(ChannelHandle {
            group,
            name,
            metrics,
            status: ChannelStatus::default(),
            renderings: Renderings::default(),
            derived: DerivedForms::new(derived_bytes),
            rungs: Rungs::default(),
            segments: Segments::default(),
            publishers: Publishers::default(),
            ending: Shutdown::default(),
            inputs: ArcSwap::from_pointee(inputs),
            shown: ArcSwap::default(),
            shelf: OnceLock::new(),
            versions: DashMap::new(),
            feeds: sender,
            slate: watch::Sender::new(None),
        });
        (handle, feeds)
    }

    /// What readers are answered from now.
    #[must_use]
    pub fn shown(&self) -> Arc<Shown> {
        self.shown.load_full()
    }

    /// What feeds it now.
    #[must_use]
    pub fn inputs(&self) -> Arc<Inputs> {
        self.inputs.load_full()
    }

    pub(super) fn put_inputs(&self, inputs: Inputs) {
        self.inputs.store(Arc::new(inputs));
    }

    /// What its archive has for readers, where it has one.
    #[must_use]
    pub fn shelf(&self) -> Option<&Shelf> {
        self.shelf.get()
    }

    /// Gives it an archive, once.
    pub(super) fn put_shelf(&self, shelf: Shelf) {
        // It has one for life: a second is the same.
        let _ = self.shelf.set(shelf);
    }

    /// The newest snapshot.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.shown.load().snapshot)
    }

    /// Tells when a list has a new version. Subscribe first, then load the snapshot: what is
    /// published after that wakes.
    #[must_use]
    pub fn versions(&self, on: ListId) -> watch::Receiver<u64> {
        self.versions.entry(on).or_default().subscribe()
    }

    /// Why no encoder may come to `input`, where something else feeds it.
    #[must_use]
    pub fn fed_otherwise(&self, input: InputId) -> Option<String> {
        let inputs = self.inputs();
        if inputs.looped && input == InputId(1) {
            return Some("input 1 of this channel plays its loop; push to input 2".to_owned());
        }
        let pulled = input.0.checked_sub(1).and_then(|n| inputs.pulled.get(usize::from(n)));
        pulled
            .copied()
            .unwrap_or(false)
            .then(|| format!("input {} of this channel is pulled; push to the other", input.0))
    }

    /// Whether an encoder at `address` may come to `input`.
    #[must_use]
    pub fn may_come(&self, input: InputId, address: IpAddr) -> bool {
        let inputs = self.inputs();
        let list = input.0.checked_sub(1).and_then(|n| inputs.whitelists.get(usize::from(n)));
        list.is_some_and(|list| list.is_empty() || list.contains(address))
    }

    /// Silence after which an input counts as lost.
    #[must_use]
    pub fn input_loss(&self, limits: &config::Limits) -> Duration {
        self.inputs().loss.unwrap_or(limits.input_loss)
    }

    /// Hands events to the channel, waiting while it is behind. False where it has ended.
    pub async fn feed(&self, feed: Feed) -> bool {
        self.feeds.send(feed).await.is_ok()
    }

    /// Tells when the channel wants its slate, and when no longer.
    pub(super) fn slate_wanted(&self) -> watch::Receiver<Option<SlateWanted>> {
        self.slate.subscribe()
    }

    /// Tells when the channel wants its slate, or wants it no longer.
    pub(super) fn want_slate(&self, wanted: Option<&SlateWanted>) {
        self.slate.send_if_modified(|known| {
            let changed = known.as_ref() != wanted;
            if changed {
                *known = wanted.cloned();
            }
            changed
        });
    }

    /// Shows readers other media, and other rules where there are. Called by its task alone.
    pub(super) fn publish(&self, snapshot: &Arc<Snapshot>, rules: Option<Endpoints>) {
        let changed = rules.is_some();
        let before = self.shown();
        let endpoints = rules.map_or_else(|| Arc::clone(&before.endpoints), Arc::new);
        let snapshot = Arc::clone(snapshot);
        self.shown.store(Arc::new(Shown { snapshot: Arc::clone(&snapshot), endpoints }));
        if changed {
            self.renderings.retain(&self.shown().endpoints);
            // Who waits by rules that hold no more asks again.
            for version in &self.versions {
                version.send_replace(snapshot.version);
            }
        }
        let before = &before.snapshot;
        let lost = snapshot.losses > before.losses || snapshot.ended;
        let restarted = snapshot.version <= before.version;
        for (key, view) in &snapshot.segmentations {
            let own = view.renditions.iter().map(|list| (list, false));
            for (list, muxed) in own.chain(view.muxed.iter().map(|list| (list, true))) {
                let id = ListId { segmentation: *key, rendition: list.rendition.id, muxed };
                let changed = lost || restarted || list.version > before.version;
                if changed && let Some(version) = self.versions.get(&id) {
                    version.send_replace(snapshot.version);
                }
            }
        }
        self.metrics.published(&snapshot);
    }
}
