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

use tokio::sync::oneshot;

use super::channel::ChannelHandle;
use crate::archive::{LocalDisk, Reach, Reels, Shelf, Written, load, news};
use crate::packager::{ChannelConfig, Lists};
use crate::units::MediaDuration;

/// How often reels are appended to: what a sudden death of the process can cost of what readers were
/// shown, beyond the segment in the making.
const PASS: Duration = Duration::from_millis(100);
/// Passes from one sync to the next: what that of the machine can cost.
const SYNC_PASSES: u32 = 10;
/// Passes without media after which a channel's reels are ended, so that the store gets them.
const IDLE_PASSES: u32 = 3_000;

/// A channel's archive.
#[derive(Debug)]
pub(super) struct Archive {
    reels: Reels,
    written: Written,
    /// How far behind the newest media reels are kept.
    keep: MediaDuration,
    /// Whether the last pass failed: said once.
    failing: bool,
    /// Passes that brought nothing.
    idle: u32,
}

/// What follows an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Nothing,
    /// It is made durable, and what is too old goes.
    Sync,
    /// The same, and no reel stays open.
    Finish,
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
        let archive = Archive { reels, written: loaded.written, keep, failing: false, idle: 0 };
        Ok((archive, loaded.rows))
    }

    /// How far behind the newest media reels are kept.
    pub(super) fn keep(&self) -> MediaDuration {
        self.keep
    }

    /// Keeps reels so far behind the newest media from now on.
    pub(super) fn set_keep(&mut self, keep: MediaDuration) {
        self.keep = keep;
    }

    fn pass(&mut self, channel: &ChannelHandle, then: Then) {
        let news = news(&channel.snapshot(), &self.written);
        self.idle = if news.is_empty() { self.idle.saturating_add(1) } else { 0 };
        let then = if self.idle == IDLE_PASSES { Then::Finish } else { then };
        let appended = self.reels.append(&news, &mut self.written).and_then(|bytes| {
            match then {
                Then::Nothing => return Ok(bytes),
                Then::Sync => self.reels.sync()?,
                Then::Finish => self.reels.finish()?,
            }
            self.reels.expire(self.keep)?;
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

/// What the thread is told.
#[derive(Debug)]
pub(super) enum Job {
    /// To keep a channel's archive.
    Keep(Arc<ChannelHandle>, Box<Archive>),
    /// To keep it for another time.
    Span(Arc<ChannelHandle>, MediaDuration),
    /// To append what a channel showed last, and to keep its archive no more; told when that is done.
    Part(Arc<ChannelHandle>, oneshot::Sender<()>),
}

/// Does a job. `channels` are those whose archives are kept.
fn act(job: Job, channels: &mut Vec<(Arc<ChannelHandle>, Archive)>) {
    match job {
        Job::Keep(channel, archive) => channels.push((channel, *archive)),
        Job::Span(channel, keep) => {
            for (_, archive) in channels.iter_mut().filter(|(c, _)| Arc::ptr_eq(c, &channel)) {
                archive.set_keep(keep);
            }
        }
        Job::Part(channel, done) => {
            channels.retain_mut(|(known, archive)| {
                let other = !Arc::ptr_eq(known, &channel);
                if !other {
                    archive.pass(&channel, Then::Finish);
                }
                other
            });
            // Who asked may have gone.
            let _ = done.send(());
        }
    }
}

/// The thread.
#[derive(Debug)]
pub(super) struct Archivist {
    jobs: Sender<Job>,
    thread: JoinHandle<()>,
}

impl Archivist {
    /// Starts it.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub(super) fn start() -> io::Result<Self> {
        let (jobs, queue): (Sender<Job>, Receiver<Job>) = channel();
        let thread = thread::Builder::new().name("archivist".to_owned()).spawn(move || {
            let mut channels = Vec::new();
            for pass in 1_u32.. {
                let ends = match queue.recv_timeout(PASS) {
                    Ok(job) => {
                        act(job, &mut channels);
                        continue;
                    }
                    Err(why) => why == RecvTimeoutError::Disconnected,
                };
                let then = match (ends, pass % SYNC_PASSES) {
                    (true, _) => Then::Finish,
                    (false, 0) => Then::Sync,
                    _ => Then::Nothing,
                };
                for (channel, archive) in &mut channels {
                    archive.pass(channel, then);
                }
                if ends {
                    return;
                }
            }
        })?;
        Ok(Archivist { jobs, thread })
    }

    /// Where it is told what to do. It ends when all who hold one have gone.
    pub(super) fn jobs(&self) -> Sender<Job> {
        self.jobs.clone()
    }

    /// Appends what was shown last, and ends.
    pub(super) fn stop(self) {
        drop(self.jobs);
        // A thread that panicked has ended too, and said so.
        let _ = self.thread.join();
    }
}
