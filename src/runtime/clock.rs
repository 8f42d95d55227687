//! The only place that reads a clock, and the driven one that tests put in its stead.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;

use crate::units::{Monotonic, Now, WallTime};

/// Gives readings of both clocks and sleeps by the monotonic one.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's.
    System {
        /// The monotonic clock's zero.
        zero: Instant,
    },
    /// A test's.
    Driven(Arc<DrivenClock>),
}

impl Clock {
    /// The machine's clock, its monotonic zero a second ago, so that no reading is zero.
    #[must_use]
    pub fn system() -> Self {
        let now = Instant::now();
        Clock::System { zero: now.checked_sub(Duration::from_secs(1)).unwrap_or(now) }
    }

    /// One reading of both clocks.
    #[must_use]
    pub fn now(&self) -> Now {
        match self {
            Clock::System { zero } => {
                let wall =
                    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                Now {
                    mono: Monotonic(u64::try_from(zero.elapsed().as_nanos()).unwrap_or(u64::MAX)),
                    wall: WallTime(i64::try_from(wall.as_nanos()).unwrap_or(i64::MAX)),
                }
            }
            Clock::Driven(driven) => *driven.now.borrow(),
        }
    }

    /// Sleeps until `deadline`.
    pub async fn sleep_until(&self, deadline: Monotonic) {
        match self {
            Clock::System { .. } => tokio::time::sleep(deadline.since(self.now().mono)).await,
            Clock::Driven(driven) => {
                let mut now = driven.now.subscribe();
                // The sender lives in `driven`, which is held here, so waiting cannot fail.
                let _ = now.wait_for(|now| now.mono >= deadline).await;
            }
        }
    }
}

/// A clock that moves when it is told to.
#[derive(Debug)]
pub struct DrivenClock {
    now: watch::Sender<Now>,
}

impl DrivenClock {
    /// A clock standing at `now`.
    #[must_use]
    pub fn new(now: Now) -> Arc<Self> {
        Arc::new(DrivenClock { now: watch::Sender::new(now) })
    }

    /// Moves both clocks forward.
    pub fn advance(&self, by: Duration) {
        self.now.send_modify(|now| {
            now.mono = now.mono.after(by);
            now.wall.0 += i64::try_from(by.as_nanos()).unwrap_or(i64::MAX);
        });
    }
}
