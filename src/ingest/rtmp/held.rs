//! A rung as its connection holds it: what comes goes to the channel, and what ends is given up when
//! it has been silent.

use std::sync::Arc;

use tokio::sync::OwnedMutexGuard;

use super::publication::Publication;
use super::session::Media;
use super::track::Out;
use crate::ingest::push::RungSession;
use crate::media::VariantName;
use crate::packager::{InputId, SourceEvent};
use crate::runtime::{ChannelHandle, Feed, Origin};
use crate::units::Monotonic;

/// A rung this connection publishes.
pub(super) struct Held {
    pub(super) channel: Arc<ChannelHandle>,
    pub(super) key: (InputId, VariantName),
    pub(super) session: Arc<RungSession<Publication>>,
    pub(super) publication: OwnedMutexGuard<Publication>,
}

impl Held {
    /// Takes a message. All rungs of an input unroll against one time, so that they wrap together.
    pub(super) fn media(&mut self, media: Media, out: &mut Out) {
        self.channel.publishers.unroll(self.key.0, &mut self.publication, |publication| {
            publication.take(media, out);
        });
    }

    /// Hands what has come to the channel, which may hold the encoder back.
    pub(super) async fn deliver(&mut self, out: Out) {
        let channel = &self.channel;
        for fault in out.faults {
            if channel.metrics.reported(fault.name()) {
                let (group, name, fact) = (&channel.group, &channel.name, fault.name());
                tracing::warn!(group, channel = name, fact, "{fault}");
            }
            channel.status.fault(fault.name(), fault.to_string());
        }
        if !out.events.is_empty() {
            channel.feed(Feed { source: self.publication.source, events: out.events }).await;
        }
    }

    /// The connection publishes no more; another may go on with the rung until it has been silent.
    pub(super) fn end(mut self, origin: &Arc<Origin>) {
        self.channel.status.disconnected(self.key.0.0);
        let ended = origin.clock.now().mono;
        self.publication.ended_at(ended);
        drop(self.publication);
        let origin = Arc::clone(origin);
        tokio::spawn(lose_when_silent(origin, self.channel, self.key, self.session, ended));
    }
}

/// A rung that nobody has published for `input_loss` has gone.
async fn lose_when_silent(
    origin: Arc<Origin>,
    channel: Arc<ChannelHandle>,
    key: (InputId, VariantName),
    session: Arc<RungSession<Publication>>,
    silent_since: Monotonic,
) {
    origin.clock.sleep_until(silent_since.after(channel.input_loss(&origin.limits))).await;
    // Another connection has the rung, or has had it since: that one's end decides.
    let Some(publication) = session.unheld() else { return };
    if !publication.silent(silent_since) || !channel.publishers.forget(&key, &session) {
        return;
    }
    let (group, name, rung) = (&channel.group, &channel.name, key.1.as_str());
    tracing::info!(group, channel = name, input = key.0.0, rung, "an encoder has gone");
    let events = vec![SourceEvent::Lost];
    channel.feed(Feed { source: publication.source, events }).await;
}
