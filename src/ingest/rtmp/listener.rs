//! The listener: sockets and deadlines round a [`Session`], and whose a publish is.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BufMut;
use dashmap::DashMap;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::OwnedMutexGuard;
use tokio::time::{Instant, timeout, timeout_at};

use super::address::Address;
use super::publication::Publication;
use super::refusal::{Refusal, UNPACKAGED};
use super::session::{Event, Media, Session};
use super::track::Out;
use crate::http::{Front, Opened, Served, accept};
use crate::ingest::auth::shows;
use crate::ingest::push::RungSession;
use crate::media::VariantName;
use crate::observe::Limit;
use crate::packager::{InputId, SourceEvent};
use crate::runtime::{ChannelHandle, Destination, Feed, Origin};
use crate::units::Monotonic;

/// Bytes read at once.
const READ: usize = 64 << 10;
/// What a refused connection is read on for, so that its encoder finds the answer.
const LINGER: Duration = Duration::from_millis(500);
const LINGER_BYTES: usize = 1 << 20;

/// What encoders publish to one channel, or did a moment ago.
#[derive(Debug, Default)]
pub struct Publishers {
    sessions: DashMap<(InputId, VariantName), Arc<RungSession<Publication>>>,
    /// By input: the time all its rungs unroll against.
    references: DashMap<InputId, i64>,
}

/// Serves encoders that publish by RTMP, over TLS where `tls`, until shutdown.
pub async fn serve_publishers(listener: TcpListener, origin: Arc<Origin>, tls: bool) {
    let mut front = origin.fronts.ingest.clone();
    if !tls {
        front = Front { tls: None, ..front };
    }
    let served = Served {
        connections: origin.limits.ingest_connections,
        limit: Limit::IngestConnections,
        slow_reader: origin.limits.slow_reader,
        front,
    };
    accept(listener, origin, served, |opened, peer, origin, _| async move {
        let connection = Connection {
            session: Session::new(origin.limits.sample_bytes),
            peer,
            origin,
            unpackaged: false,
        };
        match opened {
            Opened::Plain(stream) => connection.run(stream).await,
            Opened::Tls(stream) => connection.run(stream).await,
        }
    })
    .await;
}

/// One connection.
struct Connection {
    session: Session,
    peer: SocketAddr,
    origin: Arc<Origin>,
    /// Whether it publishes what nobody packages.
    unpackaged: bool,
}

/// A rung this connection publishes.
struct Held {
    channel: Arc<ChannelHandle>,
    key: (InputId, VariantName),
    session: Arc<RungSession<Publication>>,
    publication: OwnedMutexGuard<Publication>,
}

impl Connection {
    async fn run<S: AsyncRead + AsyncWrite + Unpin>(mut self, mut stream: S) {
        let mut held = None;
        let refusal = self.serve(&mut stream, &mut held).await.err();
        if let Some(refusal) = &refusal {
            self.tell(&mut stream, held.as_ref(), refusal).await;
        }
        if let Some(held) = held {
            held.end(&self.origin);
        }
        // The connection closes whatever comes of this.
        let _ = stream.shutdown().await;
        if refusal.is_some() {
            let _ = timeout(LINGER, discard(&mut stream)).await;
        }
    }

    /// Publishes until the encoder or the connection ends; why it was ended by us is the error.
    async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        held: &mut Option<Held>,
    ) -> Result<(), Refusal> {
        let origin = Arc::clone(&self.origin);
        // Whoever connects publishes soon.
        let greeted = Instant::now() + origin.limits.first_byte + origin.limits.header;
        loop {
            let silence = Instant::now() + origin.limits.ingest_silence;
            let (limit, deadline) = match held {
                Some(_) => (Limit::IngestSilence, silence),
                None if self.unpackaged => (Limit::IngestSilence, silence),
                None => (Limit::Header, greeted.min(silence)),
            };
            let superseded = async {
                match &held {
                    Some(held) => held.session.superseded().await,
                    None => std::future::pending().await,
                }
            };
            let ending = async {
                match &held {
                    Some(held) => held.channel.ending.wait().await,
                    None => std::future::pending().await,
                }
            };
            self.session.input().reserve(READ);
            let mut input = self.session.input().limit(READ);
            let read = tokio::select! {
                read = timeout_at(deadline, stream.read_buf(&mut input)) => read,
                () = superseded => return Err(Refusal::Superseded),
                () = ending => return Err(Refusal::Ending),
                () = origin.shutdown.wait() => return Err(Refusal::Ending),
            };
            let Ok(read) = read else {
                origin.metrics.crossed(limit);
                return Ok(());
            };
            let Ok(count @ 1..) = read else { return Ok(()) };
            if let Some(held) = held {
                held.session.hear(origin.clock.now().mono);
                held.channel.metrics.ingested(count);
            }
            self.take(stream, held, count).await?;
        }
    }

    /// Takes what was read.
    async fn take<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        held: &mut Option<Held>,
        mut count: usize,
    ) -> Result<(), Refusal> {
        loop {
            let advanced = self.session.advance(count);
            let mut asked = false;
            let mut out = Out::default();
            while let Some(event) = self.session.poll_event() {
                match (event, &mut *held) {
                    (Event::Publish { host, app, name }, None) => {
                        *held = self.publish(host.as_deref(), &app, &name).await?;
                        self.unpackaged = held.is_none();
                        if self.unpackaged {
                            self.session.accept_saying(UNPACKAGED);
                        } else {
                            self.session.accept();
                        }
                        asked = true;
                    }
                    (Event::Media(media), Some(held)) => held.media(media, &mut out),
                    (Event::Metadata(value), Some(held)) => {
                        held.publication.describe(value, &mut out);
                    }
                    (Event::Unpublish, None) => self.unpackaged = false,
                    (Event::Unpublish, Some(held_now)) => {
                        held_now.deliver(std::mem::take(&mut out)).await;
                        if let Some(held) = held.take() {
                            held.end(&self.origin);
                        }
                    }
                    _ => {}
                }
            }
            if let Some(held) = held {
                held.deliver(out).await;
            }
            self.send(stream).await;
            advanced.map_err(|fault| Refusal::Broken(fault.to_string()))?;
            if !asked {
                return Ok(());
            }
            count = 0;
        }
    }

    /// Finds the rung of a publish, and takes it; `None` where it is accepted and not packaged.
    async fn publish(
        &self,
        host: Option<&str>,
        app: &str,
        name: &str,
    ) -> Result<Option<Held>, Refusal> {
        let origin = &self.origin;
        let no_channel = |why: String| Refusal::NoChannel(why);
        let address = Address::parse(app, name).map_err(|fault| no_channel(fault.to_string()))?;
        let group = &*address.group;
        let Some((name, rung)) = address.place(|name| origin.channel(group, name).is_some()) else {
            let host = host.unwrap_or_default();
            match origin.streams.publish(origin, host, group, &address.stream).await {
                Destination::To(channel, rung) => {
                    return self.hold(&channel, &address, rung).await.map(Some);
                }
                Destination::Unpackaged => {
                    let stream = address.stream.as_str();
                    tracing::warn!(host, app = group, stream, peer = %self.peer, UNPACKAGED);
                    origin.metrics.answered("rtmp", 202);
                    return Ok(None);
                }
                Destination::Unknown => {}
            }
            return Err(no_channel(format!("there is no channel {group}/{}", address.stream)));
        };
        let Some(channel) = origin.channel(group, name) else {
            return Err(no_channel(format!("there is no channel {group}/{name}")));
        };
        self.hold(&channel, &address, rung).await.map(Some)
    }

    /// Takes a rung of a channel, and tells of it.
    async fn hold(
        &self,
        channel: &Arc<ChannelHandle>,
        address: &Address,
        rung: VariantName,
    ) -> Result<Held, Refusal> {
        let (origin, input) = (&self.origin, address.input);
        let (group, name) = (channel.group.as_str(), channel.name.as_str());
        let taken = self.admit(channel, address, rung).await;
        match taken {
            Ok(held) => {
                tracing::info!(group, channel = name, input = input.0, rung = held.key.1.as_str(), peer = %self.peer, "an encoder publishes");
                channel.status.connected(input.0);
                origin.metrics.answered("rtmp", 200);
                Ok(held)
            }
            Err(refusal) => {
                channel.status.refused(input.0, refusal.sentence());
                Err(refusal)
            }
        }
    }

    async fn admit(
        &self,
        channel: &Arc<ChannelHandle>,
        address: &Address,
        rung: VariantName,
    ) -> Result<Held, Refusal> {
        let (origin, input) = (&self.origin, address.input);
        let place = usize::from(input.0) - 1;
        if let Some(why) = channel.fed_otherwise(input) {
            return Err(Refusal::NoChannel(why));
        }
        if !channel.may_come(input, self.peer.ip()) {
            return Err(Refusal::Forbidden);
        }
        if let Some(wanted) = &channel.inputs().credentials[place] {
            let given = |text: &Option<String>| text.clone().unwrap_or_default();
            let (user, password) = (given(&address.user), given(&address.password));
            if !shows(wanted, user.as_bytes(), password.as_bytes()) {
                return Err(Refusal::Unauthorized);
            }
        }
        let key = (input, rung);
        let session = channel.publishers.sessions.entry(key.clone()).or_insert_with(|| {
            let publication = Publication::new(origin.new_source(input), key.1.clone());
            Arc::new(RungSession::new(publication))
        });
        let session = Arc::clone(&session);
        let taken = session.take(&origin.clock, origin.limits.input_loss).await;
        let mut publication = taken.ok_or(Refusal::Busy)?;
        publication.begin();
        Ok(Held { channel: Arc::clone(channel), key, session, publication })
    }

    /// Sends what is to be answered. One who takes nothing is noticed when nothing comes of it.
    async fn send<S: AsyncWrite + Unpin>(&mut self, stream: &mut S) {
        let output = self.session.take_output();
        if output.is_empty() {
            return;
        }
        let sent = async {
            stream.write_all(&output).await?;
            stream.flush().await
        };
        if timeout(self.origin.limits.slow_reader, sent).await.is_err() {
            self.origin.metrics.crossed(Limit::SlowReader);
        }
    }

    /// Tells the encoder, and whoever looks, why it was refused or ended.
    async fn tell<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        held: Option<&Held>,
        refusal: &Refusal,
    ) {
        let why = refusal.sentence();
        tracing::warn!(peer = %self.peer, why, "an encoder that publishes was refused");
        self.origin.metrics.answered("rtmp", refusal.counted());
        if let Some(held) = held {
            held.channel.status.refused(held.key.0.0, why.clone());
        }
        self.session.refuse(refusal.status(), &why);
        self.send(stream).await;
    }
}

impl Held {
    /// Takes a message. All rungs of an input unroll against one time, so that they wrap together.
    fn media(&mut self, media: Media, out: &mut Out) {
        let references = &self.channel.publishers.references;
        if let Some(reference) = references.get(&self.key.0) {
            self.publication.set_reference(*reference);
        }
        self.publication.take(media, out);
        if let Some(reference) = self.publication.reference() {
            references.insert(self.key.0, reference);
        }
    }

    /// Hands what has come to the channel, which may hold the encoder back.
    async fn deliver(&mut self, out: Out) {
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
    fn end(mut self, origin: &Arc<Origin>) {
        self.channel.status.disconnected(self.key.0.0);
        let ended = origin.clock.now().mono;
        self.publication.ended_at(ended);
        drop(self.publication);
        let origin = Arc::clone(origin);
        tokio::spawn(lose_when_silent(origin, self.channel, self.key, self.session, ended));
    }
}

/// A rung that nobody has published for `limits.input_loss` has gone.
async fn lose_when_silent(
    origin: Arc<Origin>,
    channel: Arc<ChannelHandle>,
    key: (InputId, VariantName),
    session: Arc<RungSession<Publication>>,
    silent_since: Monotonic,
) {
    origin.clock.sleep_until(silent_since.after(origin.limits.input_loss)).await;
    // Another connection has the rung, or has had it since: that one's end decides.
    let Some(publication) = session.unheld() else { return };
    let publishers = &channel.publishers;
    if !publication.silent(silent_since)
        || publishers.sessions.remove_if(&key, |_, known| Arc::ptr_eq(known, &session)).is_none()
    {
        return;
    }
    if publishers.sessions.iter().all(|session| session.key().0 != key.0) {
        publishers.references.remove(&key.0);
    }
    let (group, name, rung) = (&channel.group, &channel.name, key.1.as_str());
    tracing::info!(group, channel = name, input = key.0.0, rung, "an encoder has gone");
    let events = vec![SourceEvent::Lost];
    channel.feed(Feed { source: publication.source, events }).await;
}

/// Reads on, and keeps nothing.
async fn discard<S: AsyncRead + Unpin>(stream: &mut S) {
    let mut buffer = vec![0; 16 << 10];
    let mut read = 0;
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        read += count;
        if read > LINGER_BYTES {
            return;
        }
    }
}
