//! One task a channel, and the handle everybody else has of it.

use std::any::Any;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use arc_swap::ArcSwap;
use dashmap::DashMap;
use tokio::sync::{mpsc, watch};

use super::clock::Clock;
use super::shutdown::Shutdown;
use super::state_file::StateFile;
use crate::archive::Shelf;
use crate::config::Credentials;
use crate::http::{DerivedForms, Renderings};
use crate::ingest::{Publishers, Rungs, Segments};
use crate::media::{TrackId, TrackInfo};
use crate::observe::{ChannelMetrics, ChannelStatus};
use crate::packager::{
    Channel, ChannelConfig, Input, InputId, Lists, Output, Report, Restored, SlateWanted, Snapshot,
    SourceEvent, SourceId, State,
};
use crate::resolve::{EndpointRules, IpList, ListId};
use crate::units::MediaTime;

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

/// What readers and sources have of a channel.
#[derive(Debug)]
pub struct ChannelHandle {
    /// Its group.
    pub group: String,
    /// Its name.
    pub name: String,
    /// Its endpoints, by ordinal.
    pub endpoints: BTreeMap<u32, EndpointRules>,
    /// What inputs 1 and 2 ask of an encoder.
    pub credentials: [Option<Credentials>; 2],
    /// From where encoders may come to inputs 1 and 2; empty lets them come from everywhere.
    pub whitelists: [IpList; 2],
    /// Whether a loop feeds it.
    pub looped: bool,
    /// Whether inputs 1 and 2 are pulled.
    pub pulled: [bool; 2],
    /// Counts.
    pub metrics: ChannelMetrics,
    /// What it does, in words.
    pub status: ChannelStatus,
    /// Its manifests, each rendered once.
    pub renderings: Renderings,
    /// What its archive has for readers, where it has one.
    pub shelf: Option<Shelf>,
    /// Its transport streams, each made once.
    pub derived: DerivedForms,
    /// The rungs that encoders push.
    pub rungs: Rungs,
    /// The pushes of segments that are under way.
    pub segments: Segments,
    /// The rungs that encoders publish by RTMP.
    pub publishers: Publishers,
    snapshot: ArcSwap<Snapshot>,
    versions: DashMap<ListId, watch::Sender<u64>>,
    feeds: mpsc::Sender<Feed>,
    slate: watch::Sender<Option<SlateWanted>>,
}

/// The half of a channel that its task keeps.
#[derive(Debug)]
pub(super) struct ChannelTask {
    handle: Arc<ChannelHandle>,
    feeds: mpsc::Receiver<Feed>,
    config: ChannelConfig,
    state: Option<State>,
    /// The first life, until it is lived: what is there still of the one before is shown already.
    first: Option<Channel>,
    file: StateFile,
    clock: Clock,
    /// What sources have declared, to be told again to a channel that is restarted.
    declared: Arc<Mutex<Declared>>,
}

#[derive(Debug, Default)]
struct Declared {
    tracks: BTreeMap<(SourceId, TrackId), TrackInfo>,
    anchors: BTreeMap<(SourceId, TrackId), (i64, MediaTime)>,
}

/// What a channel is made of.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) group: String,
    pub(super) name: String,
    pub(super) endpoints: BTreeMap<u32, EndpointRules>,
    pub(super) credentials: [Option<Credentials>; 2],
    pub(super) whitelists: [IpList; 2],
    pub(super) looped: bool,
    pub(super) pulled: [bool; 2],
    pub(super) metrics: ChannelMetrics,
    pub(super) config: ChannelConfig,
    /// Bytes of transport streams kept.
    pub(super) derived_bytes: usize,
    /// Its archive.
    pub(super) shelf: Option<Shelf>,
    pub(super) state: Option<State>,
    pub(super) rows: Lists,
    pub(super) file: StateFile,
}

impl ChannelHandle {
    pub(super) fn new(parts: Parts, clock: Clock) -> (Arc<Self>, ChannelTask) {
        let (sender, feeds) = mpsc::channel(QUEUE);
        let handle = Arc::new(ChannelHandle {
            group: parts.group,
            name: parts.name,
            endpoints: parts.endpoints,
            credentials: parts.credentials,
            whitelists: parts.whitelists,
            looped: parts.looped,
            pulled: parts.pulled,
            metrics: parts.metrics,
            status: ChannelStatus::default(),
            renderings: Renderings::default(),
            derived: DerivedForms::new(parts.derived_bytes),
            shelf: parts.shelf,
            rungs: Rungs::default(),
            segments: Segments::default(),
            publishers: Publishers::default(),
            snapshot: ArcSwap::default(),
            versions: DashMap::new(),
            feeds: sender,
            slate: watch::Sender::new(None),
        });
        let rows = parts.rows;
        let restored = parts.state.clone().map(|state| Restored { state, version: 0, rows });
        let mut first = Channel::new(parts.config.clone(), restored, clock.now());
        while let Some(output) = first.poll_output() {
            // The state it rests on is on the disk; nothing has happened that were to be reported.
            if let Output::Publish(snapshot) = output {
                handle.publish(&snapshot);
            }
        }
        let task = ChannelTask {
            handle: Arc::clone(&handle),
            feeds,
            config: parts.config,
            state: parts.state,
            first: Some(first),
            file: parts.file,
            clock,
            declared: Arc::default(),
        };
        (handle, task)
    }

    /// The newest snapshot.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
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
        if self.looped && input == InputId(1) {
            return Some("input 1 of this channel plays its loop; push to input 2".to_owned());
        }
        let pulled = input.0.checked_sub(1).and_then(|n| self.pulled.get(usize::from(n)));
        pulled
            .copied()
            .unwrap_or(false)
            .then(|| format!("input {} of this channel is pulled; push to the other", input.0))
    }

    /// Whether an encoder at `address` may come to `input`.
    #[must_use]
    pub fn may_come(&self, input: InputId, address: IpAddr) -> bool {
        let list = input.0.checked_sub(1).and_then(|n| self.whitelists.get(usize::from(n)));
        list.is_some_and(|list| list.is_empty() || list.contains(address))
    }

    /// Hands events to the channel, waiting while it is behind. False where it has ended.
    pub async fn feed(&self, feed: Feed) -> bool {
        self.feeds.send(feed).await.is_ok()
    }

    /// Tells when the channel wants its slate, and when no longer.
    pub(super) fn slate_wanted(&self) -> watch::Receiver<Option<SlateWanted>> {
        self.slate.subscribe()
    }

    fn publish(&self, snapshot: &Arc<Snapshot>) {
        let before = self.snapshot.swap(Arc::clone(snapshot));
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
        self.metrics.published(snapshot);
    }
}

impl ChannelTask {
    pub(super) fn handle(&self) -> Arc<ChannelHandle> {
        Arc::clone(&self.handle)
    }

    /// Runs the channel until shutdown. A panic ends that life of the channel only: a new one
    /// begins from what it last remembered (invariant 20).
    pub(super) async fn run(mut self, shutdown: Shutdown) {
        loop {
            match caught(self.live(&shutdown)).await {
                Ok(()) => return,
                Err(panic) => {
                    self.handle.metrics.panicked();
                    let fact = panic_text(&*panic);
                    tracing::error!(
                        group = self.handle.group,
                        channel = self.handle.name,
                        fact,
                        "the channel's task panicked and is restarted"
                    );
                }
            }
        }
    }

    async fn live(&mut self, shutdown: &Shutdown) {
        let mut channel = match self.first.take() {
            Some(first) => first,
            None => self.life_after(self.handle.snapshot().as_ref()),
        };
        self.drain(&mut channel).await;
        self.declare_again(&mut channel);
        loop {
            let timeout = channel.poll_timeout();
            let clock = self.clock.clone();
            let alarm = async {
                match timeout {
                    Some(at) => clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                feed = self.feeds.recv() => {
                    let Some(feed) = feed else { return };
                    self.take(&mut channel, feed).await;
                }
                () = alarm => {
                    let now = self.clock.now();
                    channel.handle_timeout(now);
                    self.drain(&mut channel).await;
                }
                () = shutdown.wait() => return,
            }
        }
    }

    /// The life after one that ended in a panic: its lists go on.
    fn life_after(&self, shown: &Snapshot) -> Channel {
        let restored = self.state.clone().map(|state| Restored::after(state, shown));
        Channel::new(self.config.clone(), restored, self.clock.now())
    }

    async fn take(&mut self, channel: &mut Channel, feed: Feed) {
        for event in feed.events {
            self.note(feed.source, &event);
            channel.handle_input(self.clock.now(), Input::Source(feed.source, event));
        }
        self.drain(channel).await;
    }

    /// Carries out what the channel asks for. Of several snapshots only the newest is published:
    /// what came at once is shown at once, and rendered once.
    async fn drain(&mut self, channel: &mut Channel) {
        let mut newest = None;
        while let Some(output) = channel.poll_output() {
            match output {
                Output::Remember(state) => {
                    self.state = Some(state.clone());
                    self.file.remember(state);
                }
                Output::Publish(snapshot) => newest = Some(snapshot),
                Output::Report(report) => self.report(&report),
            }
        }
        if let Some(snapshot) = newest {
            self.file.durable(snapshot.needs_state).await;
            self.handle.publish(&snapshot);
        }
        let wanted = channel.poll_slate();
        self.handle.slate.send_if_modified(|known| {
            let changed = known.as_ref() != wanted;
            if changed {
                *known = wanted.cloned();
            }
            changed
        });
    }

    fn report(&self, report: &Report) {
        let first = self.handle.metrics.reported(report.name());
        self.handle.status.note(report);
        let (group, channel, fact) = (&self.handle.group, &self.handle.name, report.name());
        let often = matches!(
            report,
            Report::TimestampRepaired { .. }
                | Report::TimestampBeyondReach { .. }
                | Report::MemoryOverflow
                | Report::PeriodsOverflow
        );
        if often {
            // What happens once happens often: it is logged once and counted.
            if first {
                tracing::warn!(group, channel, fact, "{report}");
            }
        } else {
            tracing::info!(group, channel, fact, "{report}");
        }
    }

    fn note(&self, source: SourceId, event: &SourceEvent) {
        let mut declared = self.declared.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            SourceEvent::Track(info) => {
                declared.tracks.insert((source, info.id), info.clone());
            }
            SourceEvent::Anchor { track, media, epoch } => {
                declared.anchors.insert((source, *track), (*media, *epoch));
            }
            SourceEvent::Lost => {
                declared.tracks.retain(|(s, _), _| *s != source);
                declared.anchors.retain(|(s, _), _| *s != source);
            }
            SourceEvent::Sample(..) | SourceEvent::Break | SourceEvent::Pace(_) => {}
        }
    }

    fn declare_again(&self, channel: &mut Channel) {
        let declared = self.declared.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        for ((source, _), info) in &declared.tracks {
            channel.handle_input(now, Input::Source(*source, SourceEvent::Track(info.clone())));
        }
        for ((source, track), (media, epoch)) in &declared.anchors {
            let anchor = SourceEvent::Anchor { track: *track, media: *media, epoch: *epoch };
            channel.handle_input(now, Input::Source(*source, anchor));
        }
    }
}

/// Drives a future; its panic becomes the result.
async fn caught<F: Future>(future: F) -> Result<F::Output, Box<dyn Any + Send>> {
    let mut future = pin!(future);
    poll_fn(|context| {
        let poll = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        match poll {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    })
    .await
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_a_result() {
        let broken = async {
            tokio::task::yield_now().await;
            assert!(std::hint::black_box(false), "I4: broken on purpose");
        };
        let panic = caught(broken).await.expect_err("it panics");
        assert_eq!(panic_text(&*panic), "I4: broken on purpose");
        assert_eq!(caught(async { 7 }).await.expect("no panic"), 7);
    }
}
