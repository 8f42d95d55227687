//! One accept loop for every listener: a cap on connections, deadlines, and an end in order. What lies
//! before a listener's protocol, a proxy's header and TLS, is opened here; HTTP/2 is spoken where TLS
//! has agreed on it.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body::Body as HttpBody;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

use super::connection::{ConnectionState, Deadlines, Guarded};
use super::proxy;
use super::streams::{Answer, Requests, Streams};
use super::tls::{ALPN_H2, Tls};
use crate::observe::{Handshake, Limit};
use crate::runtime::Origin;

/// How long to wait before accepting again where the system had no file descriptor to give.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Bytes of one answer that wait in HTTP/2's own buffer.
const SEND_BUFFER: usize = 128 << 10;
/// Bytes of a request's body, and of all of a connection, that an HTTP/2 peer may send unasked: the
/// least there is (RFC 9113 §6.9.2), as readers send none.
const RECEIVE_WINDOW: u32 = 65_535;

/// What stands before the protocol on a listener's connections.
#[derive(Clone, Debug, Default)]
pub struct Front {
    /// TLS, where it is spoken.
    pub tls: Option<Tls>,
    /// Whether each begins with a proxy's header.
    pub proxy_protocol: bool,
}

/// How a listener's connections are bounded and counted.
#[derive(Clone, Debug)]
pub struct Served {
    /// Connections at a time.
    pub connections: usize,
    /// Which limit that is.
    pub limit: Limit,
    /// Bytes a peer may leave unread for how long.
    pub slow_reader: Duration,
    /// What stands before HTTP.
    pub front: Front,
}

/// A bound listener, made asynchronous; `None`, and a log line, where the system refuses.
#[must_use]
pub fn listen(listener: std::net::TcpListener) -> Option<TcpListener> {
    match TcpListener::from_std(listener) {
        Ok(listener) => Some(listener),
        Err(error) => {
            tracing::error!(%error, "a listener cannot be used");
            None
        }
    }
}

/// A connection behind what stands before its protocol.
#[derive(Debug)]
pub enum Opened {
    /// In the clear.
    Plain(TcpStream),
    /// Over TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

/// Answers HTTP until shutdown, then lets what is under way finish within `limits.drain`.
pub async fn serve<A, F, B>(listener: TcpListener, origin: Arc<Origin>, served: Served, answer: A)
where
    A: Fn(Arc<Origin>, SocketAddr, Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: HttpBody<Data = Bytes, Error: Error + Send + Sync> + Unpin + Send + 'static,
{
    accept(listener, origin, served, move |opened, peer, origin, slow_reader| {
        let answer = answer.clone();
        async move {
            let speaking = Speaking { peer, slow_reader, origin, answer };
            match opened {
                Opened::Plain(stream) => speaking.http1(stream).await,
                Opened::Tls(stream) if stream.get_ref().1.alpn_protocol() == Some(ALPN_H2) => {
                    speaking.http2(stream).await;
                }
                Opened::Tls(stream) => speaking.http1(stream).await,
            }
        }
    })
    .await;
}

/// Accepts connections until shutdown and hands each on once it is open, with its peer and
/// `slow_reader`; then lets them finish within `limits.drain`.
pub async fn accept<S, F>(listener: TcpListener, origin: Arc<Origin>, served: Served, speak: S)
where
    S: Fn(Opened, SocketAddr, Arc<Origin>, Duration) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(served.connections));
    let served = Arc::new(served);
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = origin.shutdown.wait() => break,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, peer)) => {
                // Dropping the stream closes it: one more would harm those that are there.
                let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                    origin.metrics.crossed(served.limit);
                    continue;
                };
                let (origin, served) = (Arc::clone(&origin), Arc::clone(&served));
                let speak = speak.clone();
                connections.spawn(async move {
                    let gauge = match served.limit {
                        Limit::IngestConnections => origin.metrics.ingest_connections.clone(),
                        _ => origin.metrics.connections.clone(),
                    };
                    gauge.inc();
                    if let Some((opened, peer)) = open(stream, peer, &origin, &served.front).await {
                        speak(opened, peer, origin, served.slow_reader).await;
                    }
                    gauge.dec();
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
        }
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(origin.limits.drain, all).await.is_err() {
        tracing::warn!("connections were cut: limits.drain is over");
    }
}

/// Opens what stands before the protocol; nothing where that fails, which is counted.
async fn open(
    mut stream: TcpStream,
    mut peer: SocketAddr,
    origin: &Origin,
    front: &Front,
) -> Option<(Opened, SocketAddr)> {
    // A manifest is one small write: waiting to fill a packet would delay it.
    let _ = stream.set_nodelay(true);
    if front.proxy_protocol || front.tls.is_some() {
        // That nothing can be read will be seen by who reads.
        let _ = within(origin, Limit::FirstByte, stream.peek(&mut [0])).await?;
    }
    if front.proxy_protocol {
        match within(origin, Limit::Header, proxy::source(&mut stream)).await? {
            Ok(source) => peer = source.unwrap_or(peer),
            Err(error) => {
                origin.metrics.handshake_failed(Handshake::Proxy);
                tracing::debug!(%peer, %error, "a connection was closed");
                return None;
            }
        }
    }
    let Some(tls) = &front.tls else { return Some((Opened::Plain(stream), peer)) };
    match within(origin, Limit::Header, tls.acceptor().accept(stream)).await? {
        Ok(stream) => Some((Opened::Tls(Box::new(stream)), peer)),
        Err(error) => {
            origin.metrics.handshake_failed(Handshake::Tls);
            tracing::debug!(%peer, %error, "a connection was closed");
            None
        }
    }
}

/// Waits for what a peer must do before it may ask, no longer than its limit and not over the end.
async fn within<T>(origin: &Origin, limit: Limit, done: impl Future<Output = T>) -> Option<T> {
    let allowed =
        if limit == Limit::FirstByte { origin.limits.first_byte } else { origin.limits.header };
    tokio::select! {
        done = timeout(allowed, done) => {
            if done.is_err() {
                origin.metrics.crossed(limit);
            }
            done.ok()
        }
        () = origin.shutdown.wait() => None,
    }
}

/// A connection on which HTTP is spoken.
struct Speaking<A> {
    peer: SocketAddr,
    slow_reader: Duration,
    origin: Arc<Origin>,
    answer: A,
}

impl<A, F, B> Speaking<A>
where
    A: Fn(Arc<Origin>, SocketAddr, Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: HttpBody<Data = Bytes, Error: Error + Send + Sync> + Unpin + Send + 'static,
{
    fn deadlines(&self) -> Deadlines {
        Deadlines {
            first_byte: self.origin.limits.first_byte,
            header: self.origin.limits.header,
            keep_alive: self.origin.limits.keep_alive,
            slow_reader: self.slow_reader,
        }
    }

    fn guarded<S>(&self, stream: S, state: &Arc<ConnectionState>) -> TokioIo<Guarded<S>> {
        let metrics = self.origin.metrics.clone();
        TokioIo::new(Guarded::new(stream, Arc::clone(state), self.deadlines(), metrics))
    }

    /// Answers one request, which counts among the connection's until its answer is out.
    fn respond(
        &self,
        requests: &Requests,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<Answer<B>>, Infallible>> + Send + use<A, F, B> {
        let begun = requests.begin();
        let answered = (self.answer)(Arc::clone(&self.origin), self.peer, request);
        async move { Ok(answered.await.map(|body| Answer::new(body, begun))) }
    }

    async fn http1<S: AsyncRead + AsyncWrite + Unpin>(self, stream: S) {
        let state = Arc::new(ConnectionState::default());
        let stream = self.guarded(stream, &state);
        let requests = Requests::One(state);
        let service = service_fn(|request| self.respond(&requests, request));
        let mut http = http1::Builder::new();
        http.max_buf_size(self.origin.limits.header_bytes.max(8192)).half_close(false);
        let mut connection = std::pin::pin!(http.serve_connection(stream, service));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.origin.shutdown.wait() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        self.ended(ended);
    }

    async fn http2<S: AsyncRead + AsyncWrite + Unpin>(self, stream: S) {
        let (state, streams) = (Arc::new(ConnectionState::default()), Arc::new(Streams::default()));
        let stream = self.guarded(stream, &state);
        // Frames come and go at any time: what is idle and what is slow is seen by stream.
        state.asked();
        let requests = Requests::Several(Arc::clone(&streams));
        let service = service_fn(|request| self.respond(&requests, request));
        let limits = &self.origin.limits;
        let mut http = http2::Builder::new(TokioExecutor::new());
        http.timer(TokioTimer::new())
            .max_concurrent_streams(limits.streams)
            .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
            .max_send_buf_size(SEND_BUFFER)
            .initial_stream_window_size(RECEIVE_WINDOW)
            .initial_connection_window_size(RECEIVE_WINDOW)
            .keep_alive_interval(self.slow_reader)
            .keep_alive_timeout(self.slow_reader);
        let mut connection = std::pin::pin!(http.serve_connection(stream, service));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            overdue = streams.overdue(self.deadlines()) => {
                if let Some(limit) = overdue {
                    self.origin.metrics.crossed(limit);
                    return;
                }
                connection.as_mut().graceful_shutdown();
                // What was answered long ago may still not have been read.
                let Ok(ended) = timeout(self.slow_reader, connection).await else {
                    self.origin.metrics.crossed(Limit::SlowReader);
                    return;
                };
                ended
            }
            () = self.origin.shutdown.wait() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        self.ended(ended);
    }

    fn ended(&self, ended: hyper::Result<()>) {
        if let Err(error) = ended {
            tracing::debug!(peer = %self.peer, %error, "a connection ended early");
        }
    }
}
