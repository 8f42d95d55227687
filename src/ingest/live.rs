//! A session of segments and its channel: events handed over in order, time passed on.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard, Notify};

use super::segmented::{Session, SessionLimits};
use crate::packager::InputId;
use crate::runtime::{ChannelHandle, Feed, Origin, Shutdown};

/// A session that lives.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) session: Mutex<Session>,
    /// Told after each call, for then the session's deadlines may be others.
    pub(super) called: Notify,
    input: InputId,
}

impl Live {
    /// A session of a new source of `input`. What is missing may come so much later as `moves` says.
    pub(super) fn new(
        origin: &Origin,
        channel: &ChannelHandle,
        input: InputId,
        moves: Duration,
    ) -> Arc<Self> {
        let limits = SessionLimits {
            held_bytes: origin.limits.pending_bytes,
            sample_bytes: origin.limits.sample_bytes,
            input_loss: channel.input_loss(&origin.limits),
            moves,
        };
        let session = Session::new(origin.new_source(input), limits, origin.clock.now());
        Arc::new(Live { session: Mutex::new(session), called: Notify::new(), input })
    }

    /// Tells the session how time passes until it is over or halted.
    pub(super) async fn watch(&self, origin: &Origin, channel: &ChannelHandle, halt: &Shutdown) {
        loop {
            let deadline = self.session.lock().await.poll_timeout();
            let alarm = async {
                match deadline {
                    Some(at) => origin.clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = alarm => {}
                () = self.called.notified() => {}
                () = halt.wait() => return,
            }
            let mut session = self.session.lock().await;
            session.handle_timeout(origin.clock.now());
            give(channel, &mut session).await;
            if session.is_over() {
                if session.has_tracks() {
                    let (group, name, input) = (&channel.group, &channel.name, self.input.0);
                    tracing::info!(group, channel = name, input, "a source has gone");
                }
                return;
            }
        }
    }
}

/// Hands what has come to the channel, in order: the session stays locked meanwhile.
pub(super) async fn give(channel: &ChannelHandle, session: &mut MutexGuard<'_, Session>) {
    let (group, name) = (&channel.group, &channel.name);
    while let Some(fault) = session.poll_fault() {
        if channel.metrics.reported(fault.name()) {
            tracing::warn!(group, channel = name, fact = fault.name(), "{fault}");
        }
        channel.status.fault(fault.name(), fault.to_string());
    }
    let events: Vec<_> = std::iter::from_fn(|| session.poll_event()).collect();
    if !events.is_empty() {
        channel.feed(Feed { source: session.source(), events }).await;
    }
}
