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

use super::archivist::Job;
use super::channel::{ChannelHandle, Inputs};
use super::channel_task::Order;
use super::channels::{Feeders, Made, Maker};
use super::feeders::Feeding;
use super::leaving::goes_on;
use super::origin::{ChannelSet, Origin};
use super::server::ServerError;
use crate::config::{Channel, Endpoint, Name};
use crate::units::Monotonic;

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

/// From the start until one looks for what channels have left behind, and how often after that.
const SWEEP_FIRST: Duration = Duration::from_mins(1);
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
    /// Endpoints that are wanted no more, and until when what was under way is answered.
    leaving: Vec<(Monotonic, Endpoint)>,
}

impl Running {
    /// Has the task go on as is wanted, with what is leaving. The answer comes when that is in force.
    async fn configure(&self) -> oneshot::Receiver<()> {
        let (done, applied) = oneshot::channel();
        let channel = Box::new(self.wanted.channel.clone());
        let leaving = self.leaving.iter().map(|(_, endpoint)| endpoint.clone()).collect();
        let by_name = self.wanted.source == Desired::File;
        // A task that has ended has ended with the server.
        let _ = self.orders.send(Order::Configure { channel, leaving, by_name, done }).await;
        applied
    }

    /// Wants something else; endpoints that it lacks, or whose lists would be others, are leaving until
    /// then.
    fn want(&mut self, wanted: Wanted, until: Monotonic) {
        let old = std::mem::replace(&mut self.wanted, wanted);
        let Wanted { source, channel } = &self.wanted;
        let there = |one: &Endpoint| {
            let same = |other: &&Endpoint| match source {
                Desired::File => other.name == one.name,
                Desired::Api => other.ordinal == one.ordinal,
            };
            channel.endpoints.iter().find(same).is_some_and(|other| goes_on(one, other))
        };
        // Another source has other ordinals.
        if old.source != *source {
            self.leaving.clear();
            return;
        }
        let gone = old.channel.endpoints.into_iter().map(|endpoint| (until, endpoint));
        self.leaving.extend(gone);
        self.leaving.retain(|(_, endpoint)| !there(endpoint));
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
        let sweep_at = origin.clock.now().mono.after(SWEEP_FIRST);
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
            let leaving = self.running.values().flat_map(|running| &running.leaving);
            let going = self.going.iter().map(|(until, _)| *until);
            let leaving = leaving.map(|(until, _)| *until);
            let next = going.chain(leaving).fold(self.sweep_at, Monotonic::min);
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
        if let Some(archive) = archive {
            self.tell(Job::Keep(Arc::clone(&handle), Box::new(archive)));
        }
        let task = tokio::spawn(task.run(self.origin.shutdown.clone()));
        let mut feeding = Feeding::default();
        feeding.begin(&feeders, &handle, &self.origin);
        Running { wanted, handle, orders, task, feeding, leaving: Vec::new() }
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
            None => self.tell(Job::Span(Arc::clone(&handle), keep)),
        }
        handle.put_inputs(Inputs::of(&wanted.channel));
        if let Some(feeders) = &feeders {
            running.feeding.stop_changed(feeders).await;
        }
        let until = self.origin.clock.now().mono.after(self.maker.limits.drain);
        running.want(wanted, until);
        let applied = running.configure().await;
        // A channel that waits for its disk has its orders.
        let _ = timeout(self.maker.limits.drain, applied).await;
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

    /// Forgets channels and endpoints that have gone for long enough.
    async fn forget(&mut self) {
        let now = self.origin.clock.now().mono;
        self.going.retain(|(until, _)| *until > now);
        if self.sweep_at <= now {
            self.sweep_at = now.after(SWEEP_EVERY);
            self.sweep();
        }
        for running in self.running.values_mut() {
            let before = running.leaving.len();
            running.leaving.retain(|(until, _)| *until > now);
            if running.leaving.len() < before {
                let applied = running.configure().await;
                let _ = timeout(self.maker.limits.drain, applied).await;
            }
        }
        self.show();
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
