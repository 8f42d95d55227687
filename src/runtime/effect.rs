//! What the control plane asks for, put into force: its channels become the server's.

use std::sync::Arc;

use tokio::sync::watch;

use super::origin::Origin;
use super::supervisor::Desired;
use crate::api::{Change, Effect};
use crate::config::Channel;

/// Takes changes, which never wait for what they ask for.
#[derive(Debug)]
pub(super) struct Asked(watch::Sender<Vec<Channel>>);

impl Asked {
    /// One that takes changes, and what becomes of them.
    pub(super) fn new() -> (Self, watch::Receiver<Vec<Channel>>) {
        let (asked, wanted) = watch::channel(Vec::new());
        (Asked(asked), wanted)
    }
}

impl Effect for Asked {
    fn apply(&self, change: &Change) {
        self.0.send_replace(change.desired.channels.clone());
    }
}

/// Makes the server's channels those that are asked for, as long as it runs. Changes that come while
/// others are being made are made together.
pub(super) async fn put_into_force(mut wanted: watch::Receiver<Vec<Channel>>, origin: Arc<Origin>) {
    let shutdown = origin.shutdown.clone();
    loop {
        let channels = wanted.borrow_and_update().clone();
        if let Err(failed) = origin.desire(Desired::Api, channels).await {
            for why in failed {
                tracing::error!(%why, "what the control plane asks for cannot be put into force");
            }
        }
        tokio::select! {
            changed = wanted.changed() => if changed.is_err() { return },
            () = shutdown.wait() => return,
        }
    }
}
