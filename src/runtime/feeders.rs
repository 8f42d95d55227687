//! What feeds a channel by itself: its loop, its pulls, its slate, each of which may change while the
//! others play on.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::task::JoinHandle;

use super::channel::{ChannelHandle, Feed};
use super::channels::Feeders;
use super::loop_source::LoopSource;
use super::origin::Origin;
use super::shutdown::Shutdown;
use super::slate;
use crate::config::Pull;
use crate::ingest::programme::Programme;
use crate::ingest::pull;
use crate::packager::{InputId, SourceEvent};

/// Something that feeds, and how to end it.
#[derive(Debug)]
struct Source<T> {
    of: T,
    halt: Shutdown,
    task: JoinHandle<()>,
}

impl<T> Source<T> {
    async fn stop(self) {
        self.halt.begin();
        // One that panicked has ended too, and said so.
        let _ = self.task.await;
    }
}

/// What feeds a channel now.
#[derive(Debug, Default)]
pub(super) struct Feeding {
    looping: Option<Source<PathBuf>>,
    slate: Option<Source<PathBuf>>,
    pulls: [Option<Source<Pull>>; 2],
}

impl Feeding {
    /// Begins what is to feed and does not.
    pub(super) fn begin(
        &mut self,
        feeders: &Feeders,
        handle: &Arc<ChannelHandle>,
        origin: &Arc<Origin>,
    ) {
        if let (None, Some((path, programme))) = (&self.looping, &feeders.programme) {
            let halt = Shutdown::default();
            let task = looping(
                Arc::clone(programme),
                Arc::clone(handle),
                Arc::clone(origin),
                halt.clone(),
            );
            self.looping = Some(Source { of: path.clone(), halt, task: tokio::spawn(task) });
        }
        if let (None, Some((path, programme))) = (&self.slate, &feeders.slate) {
            let halt = Shutdown::default();
            let (handle, origin) = (Arc::clone(handle), Arc::clone(origin));
            let task = slate::run(Arc::clone(programme), handle, origin, halt.clone());
            self.slate = Some(Source { of: path.clone(), halt, task: tokio::spawn(task) });
        }
        for (n, (pull, from)) in (1..).zip(self.pulls.iter_mut().zip(&feeders.pulls)) {
            if let (None, Some(from)) = (&pull, from) {
                let halt = Shutdown::default();
                let (handle, origin) = (Arc::clone(handle), Arc::clone(origin));
                let task = pull::run(from.clone(), InputId(n), origin, handle, halt.clone());
                *pull = Some(Source { of: from.clone(), halt, task: tokio::spawn(task) });
            }
        }
    }

    /// Ends what is to feed no longer.
    pub(super) async fn stop_changed(&mut self, feeders: &Feeders) {
        for (source, next) in
            [(&mut self.looping, &feeders.programme), (&mut self.slate, &feeders.slate)]
        {
            if let Some(old) =
                source.take_if(|source| next.as_ref().is_none_or(|(path, _)| *path != source.of))
            {
                old.stop().await;
            }
        }
        for (pull, from) in self.pulls.iter_mut().zip(&feeders.pulls) {
            if let Some(old) = pull.take_if(|pull| Some(&pull.of) != from.as_ref()) {
                old.stop().await;
            }
        }
    }

    /// Ends all of it.
    pub(super) async fn stop(self) {
        for source in [self.looping, self.slate].into_iter().flatten() {
            source.stop().await;
        }
        for pull in self.pulls.into_iter().flatten() {
            pull.stop().await;
        }
    }
}

/// A loop until it is halted; then its source is lost, if the server goes on.
async fn looping(
    programme: Arc<Programme>,
    handle: Arc<ChannelHandle>,
    origin: Arc<Origin>,
    halt: Shutdown,
) {
    let source = origin.new_source(InputId(1));
    let playing = LoopSource::new(programme, source, origin.clock.now());
    playing.run(Arc::clone(&handle), origin.clock.clone(), halt).await;
    handle.status.disconnected(1);
    if origin.shutdown.begun() {
        // A segment that is being made when the server ends is not made less than whole.
        return;
    }
    handle.feed(Feed { source, events: vec![SourceEvent::Lost] }).await;
}
