//! The thread that keeps channels' archives.
//!
//! Ten times a second it appends to each channel's reels what the channel shows and they lack; once a
//! second it makes that durable. A channel never waits for it: where the disk fails or is slow, live goes on, and what
//! is still shown when the disk takes it again is appended then.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::channel::ChannelHandle;
use crate::archive::{LocalDisk, Reach, Reels, Shelf, Written, load, news};
use crate::packager::{ChannelConfig, Lists};
use crate::units::MediaDuration;

/// How often reels are appended to: what a sudden death of the process can cost of what readers were
/// shown, beyond the segment in the making.
const PASS: Duration = Duration::from_millis(100);
/// Passes from one sync to the next: what that of the machine can cost.
const SYNC_PASSES: u32 = 10;

/// A channel's archive.
#[derive(Debug)]
pub(super) struct Archive {
    reels: Reels,
    written: Written,
    /// How far behind the newest media reels are kept.
    keep: MediaDuration,
    /// Whether the last pass failed: said once.
    failing: bool,
}

impl Archive {
    /// What lies on a channel's shelf, and the rows its lists go on from. Reels are kept so far
    /// behind the newest media as `keep` says.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub(super) fn open(
        shelf: &Shelf,
        config: &ChannelConfig,
        keep: MediaDuration,
    ) -> io::Result<(Self, Lists)> {
        let mut refused = |path: &Path, why: String| {
            tracing::warn!(path = %path.display(), why, "a reel is passed over");
        };
        let mut reels = Reels::new(shelf.clone(), Box::new(LocalDisk));
        let found = reels.recent(config.kept(), &mut refused)?;
        let reach = Reach { rows: config.kept(), media: config.live_edge() };
        let loaded = load(&found, reach, &mut refused);
        let archive = Archive { reels, written: loaded.written, keep, failing: false };
        Ok((archive, loaded.rows))
    }

    fn pass(&mut self, channel: &ChannelHandle, sync: bool) {
        let snapshot = channel.snapshot();
        let appended = self
            .reels
            .append(&news(&snapshot, &self.written), &mut self.written)
            .and_then(|bytes| {
                if sync {
                    self.reels.sync()?;
                    self.reels.expire(self.keep)?;
                }
                Ok(bytes)
            });
        let (group, name) = (&channel.group, &channel.name);
        match appended {
            Ok(bytes) => {
                channel.metrics.archived(bytes);
                if std::mem::take(&mut self.failing) {
                    tracing::info!(group, channel = name, "the archive takes media again");
                }
            }
            Err(error) => {
                channel.metrics.archive_failed();
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::error!(
                        group,
                        channel = name,
                        %error,
                        "the archive takes no media; live goes on, and what is still shown then is appended when it does"
                    );
                }
            }
        }
    }
}

/// The thread.
#[derive(Debug)]
pub(super) struct Archivist {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Archivist {
    /// Starts it.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub(super) fn start(mut channels: Vec<(Arc<ChannelHandle>, Archive)>) -> io::Result<Self> {
        let (stop, stopped): (Sender<()>, Receiver<()>) = channel();
        let thread = thread::Builder::new().name("archivist".to_owned()).spawn(move || {
            for pass in 1_u32.. {
                let ends = stopped.recv_timeout(PASS) != Err(RecvTimeoutError::Timeout);
                for (channel, archive) in &mut channels {
                    archive.pass(channel, ends || pass % SYNC_PASSES == 0);
                }
                if ends {
                    return;
                }
            }
        })?;
        Ok(Archivist { stop, thread })
    }

    /// Appends what was shown last, and ends.
    pub(super) fn stop(self) {
        drop(self.stop);
        // A thread that panicked has ended too, and said so.
        let _ = self.thread.join();
    }
}
