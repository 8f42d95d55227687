//! The supervisor: it makes the channels there are be the channels that are wanted, each by itself.
//!
//! A channel that comes starts beside the others. One that changes goes on: new rules for readers and
//! encoders at once, other durations at its next cut, a source that stays plays on. One that goes ends
//! its lists, its sources and its encoders' sessions, and hands its archive over; what players of it
//! have under way is answered for `limits.drain` more, and who begins is refused at once. So it is
//! with an endpoint that goes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::archivist::{Archive, Job};
use super::channel::{ChannelHandle, Inputs};
use super::channel_task::Order;
use super::channels::{Feeders, Made, Maker};
use super::feeders::Feeding;
use super::origin::{ChannelSet, Origin};
use super::server::ServerError;
use crate::config::{Channel, Name};
use crate::units::{MediaDuration, Monotonic};

/// Who wants channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Desired {
    /// The configuration file. Its endpoints are known by their names.
    File,
    /// The control plane. Its endpoints have the ordinals it gives them.
    Api,
}

/// A channel that could not be made or changed.
#[derive(Debug, Error)]
#[error("channel {group}/{name}: {why}")]
pub struct NotApplied {
    /// Its group.
    pub group: String,
    /// Its name.
    pub name: String,
    /// Why.
    pub why: ServerError,
}

/// The channels somebody wants.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) source: Desired,
    pub(super) channels: Vec<Channel>,
    pub(super) done: oneshot::Sender<Vec<NotApplied>>,
}

type ChannelName = (Name, Name);

/// The least time that a channel has to do what it is told.
const PATIENCE_MIN: Duration = Duration::from_secs(1);
/// How often one looks for what channels have left behind. Not at the start: a clock may be wrong then.
const SWEEP_EVERY: Duration = Duration::from_hours(1);

/// A channel as somebody wants it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wanted {
    pub(super) source: Desired,
    pub(super) channel: Channel,
}

#[derive(Debug)]
struct Running {
    wanted: Wanted,
    handle: Arc<ChannelHandle>,
    orders: mpsc::Sender<Order>,
    task: JoinHandle<()>,
    feeding: Feeding,
    /// When what its endpoints were before their changes is answered no more, in order.
    settles: Vec<Monotonic>,
    /// How far back its archive is kept, and is to be from then on.
    keeps: (MediaDuration, MediaDuration),
}

impl Running {
    /// Has the task go on as is wanted `at` that time, and waits until that is in force, for `most`: a channel
    /// that waits for its disk has its orders.
    async fn configure(&self, at: Monotonic, most: Duration) {
        let (done, applied) = oneshot::channel();
        let channel = Box::new(self.wanted.channel.clone());
        let by_name = self.wanted.source == Desired::File;
        let order = Order::Configure { channel, at, by_name, done };
        let ordered = async {
            // A task that has ended has ended with the server.
            let _ = self.orders.send(order).await;
            let _ = applied.await;
        };
        if timeout(most, ordered).await.is_err() {
            let (group, channel) = (&self.handle.group, &self.handle.name);
            tracing::warn!(
                group,
                channel,
                "a change is not in force yet: the channel waits for its disk"
            );
        }
    }
}

/// What makes wishes true.
#[derive(Debug)]
pub(super) struct Supervisor {
    origin: Arc<Origin>,
    maker: Maker,
    archivist: Sender<Job>,
    wishes: mpsc::Receiver<Wish>,
    desired: BTreeMap<Desired, BTreeMap<ChannelName, Channel>>,
    running: BTreeMap<ChannelName, Running>,
    /// Channels that have ended, and until when what was under way is answered.
    going: Vec<(Monotonic, Arc<ChannelHandle>)>,
    /// When next to look for what channels have left behind that are gone.
    sweep_at: Monotonic,
}

impl Supervisor {
    pub(super) fn new(
        origin: Arc<Origin>,
        maker: Maker,
        archivist: Sender<Job>,
        wishes: mpsc::Receiver<Wish>,
    ) -> Self {
        let sweep_at = origin.clock.now().mono.after(SWEEP_EVERY);
        Supervisor {
            sweep_at,
            origin,
            maker,
            archivist,
            wishes,
            desired: BTreeMap::new(),
            running: BTreeMap::new(),
            going: Vec::new(),
        }
    }

    /// Starts the channels that the server begins with.
    pub(super) fn begin(&mut self, made: Vec<(Wanted, Made)>) {
        for (wanted, made) in made {
            let name = name_of(&wanted.channel);
            let of_source = self.desired.entry(wanted.source).or_default();
            of_source.insert(name.clone(), wanted.channel.clone());
            let running = self.start(wanted, made);
            self.running.insert(name, running);
        }
        self.show();
    }

    /// Makes wishes true until shutdown, and then ends all channels.
    pub(super) async fn run(mut self) {
        let shutdown = self.origin.shutdown.clone();
        loop {
            let clock = self.origin.clock.clone();
            let settles = self.running.values().filter_map(|running| running.settles.first());
            let going = self.going.iter().map(|(until, _)| *until);
            let next = going.chain(settles.copied()).fold(self.sweep_at, Monotonic::min);
            tokio::select! {
                () = shutdown.wait() => break,
                () = clock.sleep_until(next) => self.forget().await,
                wish = self.wishes.recv() => match wish {
                    Some(wish) => self.grant(wish).await,
                    None => shutdown.wait().await,
                },
            }
        }
        for running in self.running.values() {
            running.handle.ending.begin();
        }
        for (_, running) in std::mem::take(&mut self.running) {
            running.feeding.stop().await;
            // It has seen the shutdown; where it panicked that has been said.
            let _ = running.task.await;
        }
    }

    async fn grant(&mut self, wish: Wish) {
        let channels = wish.channels.into_iter().map(|channel| (name_of(&channel), channel));
        self.desired.insert(wish.source, channels.collect());
        let mut wanted: BTreeMap<ChannelName, Wanted> = BTreeMap::new();
        // The file comes first.
        for (source, channels) in &self.desired {
            for (name, channel) in channels {
                let channel = channel.clone();
                wanted.entry(name.clone()).or_insert(Wanted { source: *source, channel });
            }
        }
        let mut failed = Vec::new();
        let gone: Vec<ChannelName> =
            self.running.keys().filter(|name| !wanted.contains_key(name)).cloned().collect();
        for name in gone {
            self.end(&name).await;
        }
        for (name, wanted) in wanted {
            let applied = match self.running.remove(&name) {
                None => self.add(name.clone(), wanted),
                Some(running) if running.wanted == wanted => {
                    self.running.insert(name, running);
                    continue;
                }
                Some(running) => self.change(name.clone(), running, wanted).await,
            };
            if let Err(why) = applied {
                let (group, name) = (name.0.to_string(), name.1.to_string());
                failed.push(NotApplied { group, name, why });
            }
        }
        self.show();
        // Who wished may have gone.
        let _ = wish.done.send(failed);
    }

    fn add(&mut self, name: ChannelName, wanted: Wanted) -> Result<(), ServerError> {
        // Files are read here, by the one thread that does nothing else meanwhile.
        let by_name = wanted.source == Desired::File;
        let made = tokio::task::block_in_place(|| self.maker.make(&wanted.channel, by_name))?;
        let (group, channel) = (&made.handle.group, &made.handle.name);
        tracing::info!(group, channel, "a channel has come");
        let running = self.start(wanted, made);
        self.running.insert(name, running);
        Ok(())
    }

    fn start(&self, wanted: Wanted, made: Made) -> Running {
        let Made { handle, task, orders, feeders, archive } = made;
        let keep = archive.as_ref().map_or(MediaDuration::ZERO, Archive::keep);
        if let Some(archive) = archive {
            self.tell(Job::Keep(Arc::clone(&handle), Box::new(archive)));
        }
        let task = tokio::spawn(task.run(self.origin.shutdown.clone()));
        let mut feeding = Feeding::default();
        feeding.begin(&feeders, &handle, &self.origin);
        Running { wanted, handle, orders, task, feeding, settles: Vec::new(), keeps: (keep, keep) }
    }

    async fn change(
        &mut self,
        name: ChannelName,
        mut running: Running,
        wanted: Wanted,
    ) -> Result<(), ServerError> {
        let handle = Arc::clone(&running.handle);
        let read = tokio::task::block_in_place(|| {
            // What may be missing comes first: a channel that cannot be changed stays what it was.
            let feeders = self.feeders(&running.wanted.channel, &wanted.channel)?;
            let (archive, keep) = self.maker.rearchive(&wanted.channel, &handle)?;
            Ok((feeders, archive, keep))
        });
        let (feeders, archive, keep) = match read {
            Ok(read) => read,
            Err(error) => {
                self.running.insert(name, running);
                return Err(error);
            }
        };
        match archive {
            Some(archive) => self.tell(Job::Keep(Arc::clone(&handle), Box::new(archive))),
            // What leaves may still be asked for.
            None if keep > running.keeps.0 => self.tell(Job::Span(Arc::clone(&handle), keep)),
            None => {}
        }
        running.keeps = (running.keeps.0.max(keep), keep);
        handle.put_inputs(Inputs::of(&wanted.channel));
        if let Some(feeders) = &feeders {
            running.feeding.stop_changed(feeders).await;
        }
        let at = self.origin.clock.now().mono;
        running.settles.push(at.after(self.maker.limits.drain));
        running.wanted = wanted;
        running.configure(at, self.patience()).await;
        if let Some(feeders) = &feeders {
            running.feeding.begin(feeders, &handle, &self.origin);
        }
        tracing::info!(group = handle.group, channel = handle.name, "a channel has changed");
        self.running.insert(name, running);
        Ok(())
    }

    /// What feeds a channel from now on, where that is something else.
    fn feeders(&self, old: &Channel, new: &Channel) -> Result<Option<Feeders>, ServerError> {
        let same =
            (&old.loop_file, &old.slate, &old.pulls) == (&new.loop_file, &new.slate, &new.pulls);
        if same { Ok(None) } else { self.maker.feeders(new).map(Some) }
    }

    /// Ends a channel: its lists, what feeds it, its archive.
    async fn end(&mut self, name: &ChannelName) {
        let Some(running) = self.running.remove(name) else { return };
        let Running { handle, orders, mut task, feeding, .. } = running;
        handle.ending.begin();
        let ended = async {
            feeding.stop().await;
            let _ = orders.send(Order::End).await;
            let _ = (&mut task).await;
        };
        // One that waits for its disk is not waited for.
        if timeout(self.maker.limits.drain, ended).await.is_err() {
            task.abort();
        }
        let (done, parted) = oneshot::channel();
        self.tell(Job::Part(Arc::clone(&handle), done));
        let _ = timeout(self.maker.limits.drain, parted).await;
        handle.metrics.forget();
        tracing::info!(group = handle.group, channel = handle.name, "a channel has gone");
        let until = self.origin.clock.now().mono.after(self.maker.limits.drain);
        self.going.push((until, handle));
    }

    /// How long a channel may take to do what it is told.
    fn patience(&self) -> Duration {
        self.maker.limits.drain.max(PATIENCE_MIN)
    }

    /// Forgets channels and endpoints that have gone for long enough.
    async fn forget(&mut self) {
        let now = self.origin.clock.now().mono;
        let before = self.going.len();
        self.going.retain(|(until, _)| *until > now);
        let mut changed = self.going.len() < before;
        if self.sweep_at <= now {
            self.sweep_at = now.after(SWEEP_EVERY);
            self.sweep();
        }
        let most = self.patience();
        let mut settled = Vec::new();
        for running in self.running.values_mut() {
            let before = running.settles.len();
            running.settles.retain(|until| *until > now);
            if running.settles.len() < before {
                settled.push(&*running);
            }
        }
        changed |= !settled.is_empty();
        let all = settled.iter().map(|running| running.configure(now, most));
        futures_util::future::join_all(all).await;
        drop(settled);
        for running in self.running.values_mut().filter(|running| running.settles.is_empty()) {
            let (kept, keep) = running.keeps;
            if keep < kept {
                running.keeps.0 = keep;
                let _ = self.archivist.send(Job::Span(Arc::clone(&running.handle), keep));
            }
        }
        if changed {
            self.show();
        }
    }

    /// Removes, apart, what channels have left behind that are gone.
    fn sweep(&self) {
        let Some(sweep) = self.maker.sweep() else { return };
        let running = self.running.values().map(|running| &running.handle);
        let there = running.chain(self.going.iter().map(|(_, handle)| handle));
        let there = there.map(|handle| format!("{}/{}", handle.group, handle.name)).collect();
        let now = self.origin.clock.now().wall.millis();
        tokio::task::spawn_blocking(move || sweep.run(now, &there));
    }

    /// Shows everybody the channels there are.
    fn show(&self) {
        let mut stay: Vec<_> = self.running.values().collect();
        // The file comes first.
        stay.sort_by_key(|running| running.wanted.source);
        let stay: Vec<_> = stay.into_iter().map(|r| Arc::clone(&r.handle)).collect();
        let go: Vec<_> = self.going.iter().map(|(_, handle)| Arc::clone(handle)).collect();
        self.origin.put_set(ChannelSet::of(&stay, &go));
    }

    fn tell(&self, job: Job) {
        // The thread ends after all who can tell it anything.
        let _ = self.archivist.send(job);
    }
}

fn name_of(channel: &Channel) -> ChannelName {
    (channel.group.clone(), channel.name.clone())
}
