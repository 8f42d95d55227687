//! One task a channel: it owns the core and does what that asks for.

use std::any::Any;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use tokio::sync::{mpsc, oneshot};

use super::channel::{ChannelHandle, Feed};
use super::clock::Clock;
use super::leaving::{Form, Former, beside};
use super::plan::{Endpoints, Plan};
use super::shutdown::Shutdown;
use super::state_file::StateFile;
use crate::config::{self, Limits};
use crate::media::{TrackId, TrackInfo};
use crate::packager::{
    Channel, ChannelConfig, Input, Lists, Output, Report, Restored, Snapshot, SourceEvent,
    SourceId, State,
};
use crate::units::{MediaTime, Monotonic};

/// What a channel's task is told.
#[derive(Debug)]
pub(super) enum Order {
    /// To go on as another configuration has it.
    Configure {
        /// The configuration.
        channel: Box<config::Channel>,
        /// When that was wanted: what leaves is answered for `limits.drain` from then on, and what has been for
        /// as long no more.
        at: Monotonic,
        /// Whether endpoints are known by their names, not by their ordinals.
        by_name: bool,
        /// Told when readers are answered so.
        done: oneshot::Sender<()>,
    },
    /// To end: its lists end with it.
    End,
}

/// The half of a channel that its task keeps.
#[derive(Debug)]
pub(super) struct ChannelTask {
    handle: Arc<ChannelHandle>,
    feeds: mpsc::Receiver<Feed>,
    orders: mpsc::Receiver<Order>,
    config: ChannelConfig,
    /// Rules that readers are shown with the next snapshot.
    rules: Option<Endpoints>,
    /// Its endpoints, by ordinal.
    forms: BTreeMap<u32, Form>,
    /// What they were, for who watches that.
    formers: Vec<Former>,
    state: Option<State>,
    /// The first life, until it is lived: what is there still of the one before is shown already.
    first: Option<Channel>,
    file: StateFile,
    clock: Clock,
    limits: Limits,
    /// What sources have declared, to be told again to a channel that is restarted.
    declared: Arc<Mutex<Declared>>,
}

#[derive(Debug, Default)]
struct Declared {
    tracks: BTreeMap<(SourceId, TrackId), TrackInfo>,
    anchors: BTreeMap<(SourceId, TrackId), (i64, MediaTime)>,
}

impl ChannelTask {
    /// A channel's task. What is still there of its last life is shown already.
    pub(super) fn new(
        handle: Arc<ChannelHandle>,
        channels: (mpsc::Receiver<Feed>, mpsc::Receiver<Order>),
        plan: Plan,
        remembered: (Option<State>, Lists, StateFile),
        (clock, limits): (Clock, Limits),
    ) -> Self {
        let (state, rows, file) = remembered;
        let restored = state.clone().map(|state| Restored { state, version: 0, rows });
        let mut task = ChannelTask {
            handle,
            feeds: channels.0,
            orders: channels.1,
            config: plan.config.clone(),
            rules: Some(plan.endpoints),
            forms: plan.forms,
            formers: Vec::new(),
            state,
            first: None,
            file,
            clock,
            limits,
            declared: Arc::default(),
        };
        let mut first = Channel::new(plan.config, restored, task.clock.now());
        let mut newest = Arc::default();
        while let Some(output) = first.poll_output() {
            match output {
                Output::Remember(state) => task.remember(state),
                // It rests on what is on the disk, whatever is remembered of what is to come.
                Output::Publish(snapshot) => newest = snapshot,
                Output::Report(_) => {}
            }
        }
        task.handle.publish(&newest, task.rules.take());
        task.first = Some(first);
        task
    }

    fn remember(&mut self, state: State) {
        self.state = Some(state.clone());
        self.file.remember(state);
    }

    /// Runs the channel until it or the server ends. A panic ends that life of the channel only: a
    /// new one begins from what it last remembered (invariant 20).
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
                order = self.orders.recv() => match order {
                    Some(Order::Configure { channel: wanted, at, by_name, done }) => {
                        self.configure(&mut channel, &wanted, at, by_name).await;
                        // Who asked may have gone.
                        let _ = done.send(());
                    }
                    Some(Order::End) => {
                        channel.handle_input(self.clock.now(), Input::End);
                        return self.drain(&mut channel).await;
                    }
                    None => return,
                },
                () = shutdown.wait() => return,
            }
        }
    }

    /// Goes on as another configuration has it.
    async fn configure(
        &mut self,
        channel: &mut Channel,
        wanted: &config::Channel,
        at: Monotonic,
        by_name: bool,
    ) {
        let plan = Plan::of(wanted, by_name, &self.limits, self.state.as_ref(), &self.forms);
        let before = std::mem::replace(&mut self.forms, plan.forms.clone());
        let formers = std::mem::take(&mut self.formers);
        let times = (at, at.after(self.limits.drain));
        self.formers = beside(&self.forms, before.into_values(), formers, times);
        let plan = plan.with(&self.formers, &self.limits);
        self.config = plan.config.clone();
        self.rules = Some(plan.endpoints);
        channel.handle_input(self.clock.now(), Input::Configure(plan.config));
        self.drain(channel).await;
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
                Output::Remember(state) => self.remember(state),
                Output::Publish(snapshot) => newest = Some(snapshot),
                Output::Report(report) => self.report(&report),
            }
        }
        let newest = newest.or_else(|| self.rules.as_ref().map(|_| self.handle.snapshot()));
        if let Some(snapshot) = newest {
            self.file.durable(snapshot.needs_state).await;
            self.handle.publish(&snapshot, self.rules.take());
        }
        self.handle.want_slate(channel.poll_slate());
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
