//! Answers that go out while their segment is made: each part as soon as it is there.

use std::sync::Arc;

use super::body::{Next, Tail};
use crate::resolve::{Growing, Growth};
use crate::runtime::{ChannelHandle, Origin, WaitPlace};
use crate::units::Monotonic;

/// Who makes the body of a segment that is being made. It holds a place among those who wait, and no
/// bytes: what a slow reader has not taken lies in the channel's window.
pub(super) struct Grower {
    pub(super) origin: Arc<Origin>,
    pub(super) channel: Arc<ChannelHandle>,
    pub(super) growing: Growing,
    pub(super) _place: WaitPlace,
}

impl Grower {
    /// The body from here on.
    pub(super) fn tail(self) -> Tail {
        // Counted from when what came before was given.
        let deadline = self.origin.clock.now().mono.after(self.growing.patience.to_std());
        Tail::new(self.next(deadline))
    }

    async fn next(mut self, deadline: Monotonic) -> Next {
        loop {
            // Subscribed before the snapshot is looked at: nothing published after is missed.
            let mut versions = self.channel.versions(self.growing.on);
            let growth = self.growing.grow(&self.channel.snapshot());
            match growth {
                Growth::More(pieces) => {
                    self.origin.metrics.sent.inc_by(length(&pieces));
                    return Next::More(pieces, self.tail());
                }
                Growth::Last(pieces) => {
                    self.origin.metrics.sent.inc_by(length(&pieces));
                    return Next::Last(pieces);
                }
                Growth::Never => return Next::CutOff,
                Growth::Nothing => {}
            }
            let late = self.origin.clock.now().mono >= deadline;
            if late || self.origin.shutdown.begun() {
                return Next::CutOff;
            }
            tokio::select! {
                _ = versions.changed() => {}
                () = self.origin.clock.sleep_until(deadline) => {}
                // The segment will not be completed: channels end with the server.
                () = self.origin.shutdown.wait() => {}
            }
        }
    }
}

fn length(pieces: &[bytes::Bytes]) -> u64 {
    pieces.iter().map(|piece| piece.len() as u64).sum()
}
