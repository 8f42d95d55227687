//! Transport streams without a playlist: one endless body or many short ones, a session a rung.
//!
//! The first bodies are kept: a playlist that lists them may come, and then they are segments of an
//! HLS push.

use std::sync::Arc;

use bytes::Bytes;
use dashmap::DashMap;
use tokio::sync::OwnedMutexGuard;

use super::frames::Frames;
use super::segments;
use super::session::RungSession;
use crate::http::PushReply;
use crate::ingest::path::IngestPath;
use crate::ingest::rung::{Rung, Taken};
use crate::ingest::segmented::Session;
use crate::media::VariantName;
use crate::packager::{InputId, SourceEvent};
use crate::runtime::{ChannelHandle, Clock, Origin};
use crate::units::Monotonic;

/// Bytes kept of an input's first bodies.
const KEPT_BYTES: usize = 16 << 20;
/// Bodies kept of an input; a push with playlists has sent one by then.
const KEPT_BODIES: usize = 16;

/// The rungs of one channel's inputs that are being pushed, or were a moment ago.
#[derive(Debug, Default)]
pub struct Rungs {
    sessions: DashMap<(InputId, VariantName), Arc<RungSession<Rung>>>,
    /// By input: the time all its transport streams unroll against.
    references: DashMap<InputId, i64>,
    /// By input: its first bodies.
    kept: DashMap<InputId, Kept>,
}

/// The first bodies of an input, while a playlist that lists them may come.
#[derive(Debug, Default)]
struct Kept {
    bodies: Vec<(String, Vec<Bytes>)>,
    bytes: usize,
    /// No playlist came: nothing is kept any more.
    given_up: bool,
}

impl Rungs {
    fn keeps(&self, input: InputId) -> bool {
        self.kept.get(&input).is_none_or(|kept| !kept.given_up)
    }

    fn keep(&self, input: InputId, object: String, body: Vec<Bytes>) {
        let mut kept = self.kept.entry(input).or_default();
        kept.bytes += body.iter().map(Bytes::len).sum::<usize>();
        kept.bodies.push((object, body));
        if kept.bytes > KEPT_BYTES || kept.bodies.len() > KEPT_BODIES {
            *kept = Kept { given_up: true, ..Kept::default() };
        }
    }
}

/// Takes a transport stream, piece by piece, as fast as the channel does.
pub(super) async fn take(
    origin: &Arc<Origin>,
    channel: &Arc<ChannelHandle>,
    path: &IngestPath<'_>,
    mut frames: Frames<'_>,
) -> PushReply {
    let input = path.input;
    let key = (input, path.rung());
    let session = Arc::clone(&channel.rungs.sessions.entry(key.clone()).or_insert_with(|| {
        let source = origin.new_source(input);
        Arc::new(RungSession::new(Rung::new(source, key.1.clone(), origin.limits.sample_bytes)))
    }));
    let Some(mut rung) = session.take(&origin.clock, channel.input_loss(&origin.limits)).await
    else {
        return PushReply::Busy;
    };
    let mut kept = channel.rungs.keeps(input).then(Vec::new);
    let held = Holding { clock: &origin.clock, session: &session };
    let reply = take_body(channel, input, (&held, &mut rung), &mut frames, &mut kept).await;
    if let Some(body) = kept.filter(|_| reply == PushReply::Taken) {
        channel.rungs.keep(input, path.object.clone(), body);
    }
    let ended = origin.clock.now().mono;
    rung.ended_at(ended);
    drop(rung);
    // A playlist may have come while the body did.
    segments::adopt(origin, channel, input).await;
    tokio::spawn(lose_when_silent(Arc::clone(origin), Arc::clone(channel), key, session, ended));
    reply
}

/// The session a body holds, and the clock by which it is heard.
struct Holding<'a> {
    clock: &'a Clock,
    session: &'a RungSession<Rung>,
}

async fn take_body(
    channel: &ChannelHandle,
    input: InputId,
    (held, rung): (&Holding<'_>, &mut Rung),
    frames: &mut Frames<'_>,
    kept: &mut Option<Vec<Bytes>>,
) -> PushReply {
    rung.begin_body();
    let mut size = 0;
    let ended = loop {
        let read = tokio::select! {
            read = frames.next() => read,
            () = held.session.superseded() => break PushReply::Superseded,
        };
        held.session.hear(held.clock.now().mono);
        let bytes = match read {
            Ok(Some(bytes)) => bytes,
            Ok(None) => break PushReply::Taken,
            Err(reply) => break reply,
        };
        size += bytes.len();
        if let Some(body) = kept {
            body.push(bytes.clone());
        }
        if size > KEPT_BYTES {
            *kept = None;
        }
        if let Some(reference) = channel.rungs.references.get(&input) {
            rung.set_reference(*reference);
        }
        let taken = rung.push(&bytes);
        if let Some(reference) = rung.reference() {
            channel.rungs.references.insert(input, reference);
        }
        deliver(channel, rung, taken).await;
        if let Some(why) = rung.hopeless(false) {
            return PushReply::NotMedia(why);
        }
    };
    let taken = rung.end_body();
    deliver(channel, rung, taken).await;
    match rung.hopeless(true) {
        Some(why) if ended == PushReply::Taken => PushReply::NotMedia(why),
        _ => ended,
    }
}

async fn deliver(channel: &ChannelHandle, rung: &Rung, taken: Taken) {
    let (group, name) = (&channel.group, &channel.name);
    for fault in taken.faults {
        if channel.metrics.reported(fault.name()) {
            tracing::warn!(group, channel = name, fact = fault.name(), "{fault}");
        }
        channel.status.fault(fault.name(), fault.to_string());
    }
    for left_out in taken.left_out {
        let what = left_out.to_string();
        tracing::warn!(group, channel = name, fact = "LeftOut", "{what}");
        channel.metrics.reported("LeftOut");
        channel.status.fault("LeftOut", what);
    }
    if !taken.events.is_empty() {
        channel.feed(rung.feed(taken.events)).await;
    }
}

/// What was taken for rungs of its own, and is a push's that has playlists.
#[derive(Debug, Default)]
pub(super) struct HandedOver {
    /// The bodies that came before the playlists.
    pub(super) bodies: Vec<(String, Vec<Bytes>)>,
    rungs: Vec<OwnedMutexGuard<Rung>>,
}

impl HandedOver {
    /// Ends the rungs, once the push has told its tracks: the input goes on without a break.
    pub(super) async fn end_rungs(self, channel: &ChannelHandle) {
        for rung in self.rungs {
            channel.feed(rung.feed(vec![SourceEvent::Lost])).await;
        }
    }
}

/// The first bodies of an input, where the playlists of `session` list one of them, and its rungs.
pub(super) fn hand_over(channel: &ChannelHandle, session: &Session, input: InputId) -> HandedOver {
    let listed = |kept: &Kept| kept.bodies.iter().any(|(object, _)| session.wants(object));
    let Some((_, kept)) = channel.rungs.kept.remove_if(&input, |_, kept| listed(kept)) else {
        return HandedOver::default();
    };
    let mut rungs = Vec::new();
    channel.rungs.sessions.retain(|key, rung| {
        // One whose body is under way goes when that ends.
        let lock = (key.0 == input).then(|| rung.unheld());
        let Some(Some(rung)) = lock else { return true };
        rungs.push(rung);
        false
    });
    HandedOver { bodies: kept.bodies, rungs }
}

/// A rung without a body for `input_loss` has gone; a new body before that goes on with it.
async fn lose_when_silent(
    origin: Arc<Origin>,
    channel: Arc<ChannelHandle>,
    key: (InputId, VariantName),
    session: Arc<RungSession<Rung>>,
    silent_since: Monotonic,
) {
    origin.clock.sleep_until(silent_since.after(channel.input_loss(&origin.limits))).await;
    // Another body has the rung, or has had it since: that one's end decides.
    let Some(rung) = session.unheld() else { return };
    if !rung.silent(silent_since) {
        return;
    }
    if channel.rungs.sessions.remove_if(&key, |_, known| Arc::ptr_eq(known, &session)).is_none() {
        return;
    }
    if channel.rungs.sessions.iter().all(|s| s.key().0 != key.0) {
        channel.rungs.references.remove(&key.0);
        channel.rungs.kept.remove(&key.0);
    }
    tracing::info!(
        group = channel.group,
        channel = channel.name,
        input = key.0.0,
        rung = key.1.as_str(),
        "an encoder has gone"
    );
    channel.feed(rung.feed(vec![SourceEvent::Lost])).await;
}
