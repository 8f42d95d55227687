//! The listener: sockets and deadlines round a [`Session`], and whose a publish is.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BufMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout, timeout_at};

use super::address::Address;
use super::held::Held;
use super::refusal::{Refusal, UNPACKAGED};
use super::session::{Event, Session};
use super::track::Out;
use crate::http::{Front, Opened, Served, accept};
use crate::ingest::auth::shows;
use crate::media::VariantName;
use crate::observe::Limit;
use crate::runtime::{ChannelHandle, Destination, Origin, StreamName, Unpackaged};

/// Bytes read at once.
const READ: usize = 64 << 10;
/// What a refused connection is read on for, so that its encoder finds the answer.
const LINGER: Duration = Duration::from_millis(500);
const LINGER_BYTES: usize = 1 << 20;

/// Why a channel takes no more.
fn ended(origin: &Origin) -> Refusal {
    if origin.shutdown.begun() { Refusal::Ending } else { Refusal::Removed }
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
            unpackaged: None,
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
    /// Its place, while it publishes what nobody packages.
    unpackaged: Option<Unpackaged>,
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
        let _ = timeout(self.origin.limits.slow_reader, stream.shutdown()).await;
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
        // Whoever connects, or has ended a publish, publishes soon.
        let soon = || Instant::now() + origin.limits.first_byte + origin.limits.header;
        let mut greeted = soon();
        loop {
            let silence = Instant::now() + origin.limits.ingest_silence;
            let (limit, deadline) = match held {
                Some(_) => (Limit::IngestSilence, silence),
                None if self.unpackaged.is_some() => (Limit::IngestSilence, silence),
                None => (Limit::Header, greeted.min(silence)),
            };
            // Bytes that keep coming do not put it off.
            if Instant::now() >= deadline {
                origin.metrics.crossed(limit);
                return Ok(());
            }
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
                () = ending => return Err(ended(&origin)),
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
            let published = held.is_some() || self.unpackaged.is_some();
            self.take(stream, held, count).await?;
            if published && held.is_none() && self.unpackaged.is_none() {
                greeted = soon();
            }
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
                        if self.unpackaged.is_some() {
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
                    (Event::Unpublish, None) => self.unpackaged = None,
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
            self.send(stream).await?;
            advanced.map_err(|fault| Refusal::Broken(fault.to_string()))?;
            if !asked {
                return Ok(());
            }
            count = 0;
        }
    }

    /// Finds the rung of a publish, and takes it; `None` where it is accepted and not packaged.
    async fn publish(
        &mut self,
        host: Option<&str>,
        app: &str,
        name: &str,
    ) -> Result<Option<Held>, Refusal> {
        let origin = Arc::clone(&self.origin);
        let address =
            Address::parse(app, name).map_err(|fault| Refusal::NoChannel(fault.to_string()))?;
        let (group, whole) = (&*address.group, &*address.stream);
        let host = host.unwrap_or_default().to_ascii_lowercase();
        let stream = StreamName { host: &host, app: group, name: whole };
        // A URL that was given out names one channel; a path names channels on every host.
        if let Some((channel, rung)) = origin.streams.pushed(&origin, stream) {
            return self.hold(&channel, &address, rung).await.map(Some);
        }
        let named = address.place(|name| origin.pushable(group, name).is_some());
        if let Some((name, rung)) = named
            && let Some(channel) = origin.pushable(group, name)
        {
            return self.hold(&channel, &address, rung).await.map(Some);
        }
        match origin.streams.publish(&origin, stream).await {
            Destination::To(channel, rung) => self.hold(&channel, &address, rung).await.map(Some),
            Destination::Unpackaged(place) => {
                tracing::warn!(host, app = group, stream = whole, peer = %self.peer, UNPACKAGED);
                origin.metrics.answered("rtmp", 202);
                self.unpackaged = Some(place);
                Ok(None)
            }
            Destination::Full(why) => Err(Refusal::Full(why)),
            Destination::Unplayable(why) => {
                Err(Refusal::NoChannel(format!("the stream cannot be played by this name: {why}")))
            }
            Destination::Unknown => {
                Err(Refusal::NoChannel(format!("there is no channel {group}/{whole}")))
            }
        }
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
        let (key, publishers) = ((input, rung), &channel.publishers);
        loop {
            let session = publishers.session(&key, origin);
            let taken = session.take(&origin.clock, channel.input_loss(&origin.limits)).await;
            let mut publication = taken.ok_or(Refusal::Busy)?;
            if channel.ending.begun() {
                return Err(ended(origin));
            }
            // It may have been forgotten for its silence while it was waited for.
            if publishers.knows(&key, &session) {
                publication.begin();
                return Ok(Held { channel: Arc::clone(channel), key, session, publication });
            }
        }
    }

    /// Sends what is to be answered.
    async fn send<S: AsyncWrite + Unpin>(&mut self, stream: &mut S) -> Result<(), Refusal> {
        let output = self.session.take_output();
        if output.is_empty() {
            return Ok(());
        }
        let sent = async {
            stream.write_all(&output).await?;
            stream.flush().await
        };
        match timeout(self.origin.limits.slow_reader, sent).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Refusal::Gone),
            Err(_) => {
                self.origin.metrics.crossed(Limit::SlowReader);
                Err(Refusal::Gone)
            }
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
        if *refusal != Refusal::Gone {
            // Whoever does not take it is gone, too.
            let _ = self.send(stream).await;
        }
    }
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
