//! The thread that carries whole reels to the object store. Nothing waits for it: where the store is
//! out of reach reels stay on the disk, and go there when it answers again.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use crate::archive::{Round, Spool};
use crate::observe::Metrics;

/// Between rounds that have nothing more to do.
const REST: Duration = Duration::from_secs(1);
/// After one that failed, doubled each time up to the longest.
const FAILED: (Duration, Duration) = (Duration::from_secs(2), Duration::from_mins(1));

/// The thread. It ends when this is dropped, after what it carries: nobody waits for it, as what has
/// not come to the store is taken there after the next start.
#[derive(Debug)]
pub(super) struct Porter {
    _stop: Sender<()>,
}

impl Porter {
    /// Starts it.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub(super) fn start(spool: Spool, metrics: Metrics) -> io::Result<Self> {
        let (stop, stopped) = channel();
        let run = move || carry(&spool, &metrics, &stopped);
        thread::Builder::new().name("porter".to_owned()).spawn(run)?;
        Ok(Porter { _stop: stop })
    }
}

fn carry(spool: &Spool, metrics: &Metrics, stopped: &Receiver<()>) {
    let mut failed = None;
    loop {
        let mut round = Round::default();
        let done = spool.round(&mut round);
        metrics.stored.inc_by(round.stored);
        metrics.spooled.set(i64::try_from(round.on_disk).unwrap_or(i64::MAX));
        for path in &round.lost {
            metrics.spool_lost.inc();
            tracing::error!(
                path = %path.display(),
                "a reel is lost: it was not in the object store when it had to make room, or had gone"
            );
        }
        let rest = match done {
            Ok(()) => {
                if failed.take().is_some() {
                    tracing::info!("the object store takes reels again");
                }
                if round.more { Duration::ZERO } else { REST }
            }
            Err(error) => {
                metrics.store_failures.inc();
                if failed.is_none() {
                    tracing::error!(
                        %error,
                        "reels do not come into the object store; they stay on the disk as long as \
                         store.spool holds them"
                    );
                }
                let next = failed.map_or(FAILED.0, |last: Duration| (last * 2).min(FAILED.1));
                *failed.insert(next)
            }
        };
        if stopped.recv_timeout(rest) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}
