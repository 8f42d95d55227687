//! HLS, DASH and CMAF ingest over HTTP: every body of an input goes to its one session, in whatever
//! order and on however many connections they come.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use tokio::sync::MutexGuard;

use super::frames::Frames;
use super::packets;
use crate::http::PushReply;
use crate::ingest::live::{Live, give};
use crate::ingest::path::IngestPath;
use crate::ingest::segmented::{Refusal, Session};
use crate::packager::InputId;
use crate::runtime::{ChannelHandle, Origin};

/// The pushes of one channel's inputs that are under way.
#[derive(Debug, Default)]
pub struct Segments {
    sessions: DashMap<InputId, Arc<Live>>,
    /// Bodies of inputs 1 and 2 of which nothing has come.
    silent: [AtomicUsize; 2],
}

/// A body of which nothing has come, until it is dropped.
#[derive(Debug)]
pub(super) struct Silent<'a>(&'a AtomicUsize);

impl Drop for Silent<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A body of a push that is open.
#[derive(Debug)]
pub(super) struct Open {
    push: Arc<Live>,
    object: u64,
}

impl Open {
    /// The body was empty, or is none of this push.
    pub(super) async fn close(self, origin: &Origin, channel: &ChannelHandle) {
        let mut session = self.push.session.lock().await;
        // Nothing of it was given to the session.
        let _ = session.end(origin.clock.now(), self.object, true);
        give(channel, &mut session).await;
        self.push.called.notify_one();
    }
}

impl Segments {
    fn silent_of(&self, input: InputId) -> &AtomicUsize {
        &self.silent[usize::from(input.0 == 2)]
    }

    /// Counts a body of which nothing has come.
    pub(super) fn silent(&self, input: InputId) -> Silent<'_> {
        let count = self.silent_of(input);
        count.fetch_add(1, Ordering::Relaxed);
        Silent(count)
    }

    fn of(&self, input: InputId) -> Option<Arc<Live>> {
        self.sessions.get(&input).map(|push| Arc::clone(push.value()))
    }

    /// Opens a body, where a push is under way.
    pub(super) async fn open(&self, origin: &Origin, path: &IngestPath<'_>) -> Option<Open> {
        let push = self.of(path.input)?;
        let mut session = push.session.lock().await;
        if session.is_over() {
            return None;
        }
        let object = session.open(origin.clock.now(), &path.object);
        drop(session);
        push.called.notify_one();
        Some(Open { push, object })
    }

    /// Whether a push is under way whose playlists or MPD say what its bodies are.
    pub(super) async fn has_manifest(&self, input: InputId) -> bool {
        let Some(push) = self.of(input) else { return false };
        let session = push.session.lock().await;
        !session.is_over() && session.has_manifest()
    }
}

/// Takes one body of a push, which begins with it where none is under way.
pub(super) async fn take(
    origin: &Arc<Origin>,
    channel: &Arc<ChannelHandle>,
    path: &IngestPath<'_>,
    mut frames: Frames<'_>,
    open: Option<Open>,
) -> PushReply {
    let open = match open {
        Some(open) => open,
        None => begin(origin, channel, path).await,
    };
    let (push, object) = (&open.push, open.object);
    let ended = loop {
        match frames.next().await {
            Ok(Some(bytes)) => {
                let mut session = push.session.lock().await;
                let silent = channel.segments.silent_of(path.input).load(Ordering::Relaxed);
                session.set_others_open(silent > 0);
                let taken = session.push(origin.clock.now(), object, &bytes);
                give(channel, &mut session).await;
                push.called.notify_one();
                if let Err(refusal) = taken {
                    return reply(&refusal);
                }
            }
            Ok(None) => break PushReply::Taken,
            Err(reply) => break reply,
        }
    };
    let mut session = push.session.lock().await;
    let taken = session.end(origin.clock.now(), object, ended == PushReply::Taken);
    take_over(origin, channel, path.input, &mut session).await;
    push.called.notify_one();
    match taken {
        Err(refusal) if ended == PushReply::Taken => reply(&refusal),
        _ => ended,
    }
}

/// Opens a body in the push that is under way, or in one that begins with it.
async fn begin(origin: &Arc<Origin>, channel: &Arc<ChannelHandle>, path: &IngestPath<'_>) -> Open {
    loop {
        if let Some(open) = channel.segments.open(origin, path).await {
            return open;
        }
        let push = Live::new(origin, channel, path.input, Duration::ZERO);
        let over = channel.segments.of(path.input);
        match over {
            // It is removed by the task that watches over it, or here, whoever comes first.
            Some(over) => {
                channel
                    .segments
                    .sessions
                    .remove_if(&path.input, |_, known| Arc::ptr_eq(known, &over));
            }
            None => {
                channel.segments.sessions.entry(path.input).or_insert_with(|| {
                    let (origin, channel) = (Arc::clone(origin), Arc::clone(channel));
                    let watched = Arc::clone(&push);
                    let input = path.input;
                    tokio::spawn(async move {
                        watched.watch(&origin, &channel, &channel.ending).await;
                        let sessions = &channel.segments.sessions;
                        sessions.remove_if(&input, |_, known| Arc::ptr_eq(known, &watched));
                    });
                    push
                });
            }
        }
    }
}

/// Gives the first bodies of an input to the push whose playlists list them.
pub(super) async fn adopt(origin: &Origin, channel: &ChannelHandle, input: InputId) {
    let Some(push) = channel.segments.of(input) else { return };
    let mut session = push.session.lock().await;
    take_over(origin, channel, input, &mut session).await;
    push.called.notify_one();
}

/// Gives the session what came before its playlists, and the channel what has come of the session.
async fn take_over(
    origin: &Origin,
    channel: &ChannelHandle,
    input: InputId,
    session: &mut MutexGuard<'_, Session>,
) {
    let mut handed = packets::hand_over(channel, session, input);
    for (object, body) in std::mem::take(&mut handed.bodies) {
        let now = origin.clock.now();
        let id = session.open(now, &object);
        for piece in body {
            // What is wrong with it has been answered.
            let _ = session.push(now, id, &piece);
        }
        let _ = session.end(now, id, true);
    }
    give(channel, session).await;
    handed.end_rungs(channel).await;
}

fn reply(refusal: &Refusal) -> PushReply {
    let why = refusal.to_string();
    match refusal {
        Refusal::NoHeader => PushReply::NoHeader(why),
        Refusal::Encrypted { .. }
        | Refusal::NothingCarried { .. }
        | Refusal::NotFragmented
        | Refusal::Unknown => PushReply::NotMedia(why),
        Refusal::Full { .. } | Refusal::TooManyTracks { .. } => PushReply::TooLarge(why),
        Refusal::Boxes(_) | Refusal::Playlist(_) | Refusal::Mpd(_) => PushReply::Malformed(why),
    }
}
