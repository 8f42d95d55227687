//! One rung's session as bodies and connections share it: who holds it, and who may take it over.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, Notify, OwnedMutexGuard};
use tokio::time::timeout;

use crate::runtime::Clock;
use crate::units::Monotonic;

/// How long a body waits for the one before it. Encoders that push many short bodies open the next
/// connection without waiting for the answer on the last.
const HANDOVER: Duration = Duration::from_secs(1);

/// A rung, held by one body or connection at a time.
#[derive(Debug)]
pub(in crate::ingest) struct RungSession<R> {
    rung: Arc<Mutex<R>>,
    /// When its holder last delivered anything.
    heard: AtomicU64,
    /// Tells the holder that another encoder has come for it.
    superseded: Notify,
}

impl<R> RungSession<R> {
    pub(in crate::ingest) fn new(rung: R) -> Self {
        RungSession {
            rung: Arc::new(Mutex::new(rung)),
            heard: AtomicU64::new(0),
            superseded: Notify::new(),
        }
    }

    /// Notes that the holder delivers.
    pub(in crate::ingest) fn hear(&self, at: Monotonic) {
        self.heard.store(at.0, Ordering::Relaxed);
    }

    /// Ends when another encoder takes the rung from its holder.
    pub(in crate::ingest) async fn superseded(&self) {
        self.superseded.notified().await;
    }

    /// The rung if nobody holds it.
    pub(in crate::ingest) fn unheld(&self) -> Option<OwnedMutexGuard<R>> {
        Arc::clone(&self.rung).try_lock_owned().ok()
    }

    /// The rung for a new body: at once where nobody holds it, from a holder who ends soon, or from
    /// one who has delivered nothing for `silence`: a connection whose encoder died without a word
    /// does not keep the encoder that comes back away. `None` where the holder delivers.
    pub(in crate::ingest) async fn take(
        &self,
        clock: &Clock,
        silence: Duration,
    ) -> Option<OwnedMutexGuard<R>> {
        let came = clock.now().mono;
        let held = || Arc::clone(&self.rung).lock_owned();
        if let Ok(rung) = timeout(HANDOVER, held()).await {
            self.hear(clock.now().mono);
            return Some(rung);
        }
        let heard = Monotonic(self.heard.load(Ordering::Relaxed));
        if heard >= came {
            return None;
        }
        let rung = tokio::select! {
            rung = held() => rung,
            () = clock.sleep_until(heard.after(silence)) => {
                if self.heard.load(Ordering::Relaxed) != heard.0 {
                    return None;
                }
                self.superseded.notify_waiters();
                timeout(HANDOVER, held()).await.ok()?
            }
        };
        self.hear(clock.now().mono);
        Some(rung)
    }
}
