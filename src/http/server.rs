//! One accept loop for every listener: a cap on connections, deadlines, and an end in order.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body::Body as HttpBody;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::connection::{ConnectionState, Deadlines, Guarded};
use crate::observe::Limit;
use crate::runtime::Origin;

/// How long to wait before accepting again where the system had no file descriptor to give.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// How a listener's connections are bounded and counted.
#[derive(Clone, Copy, Debug)]
pub struct Served {
    /// Connections at a time.
    pub connections: usize,
    /// Which limit that is.
    pub limit: Limit,
    /// Bytes a peer may leave unread for how long.
    pub slow_reader: Duration,
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

/// Accepts connections until shutdown, then lets what is under way finish within `limits.drain`.
pub async fn serve<A, F, B>(listener: TcpListener, origin: Arc<Origin>, served: Served, answer: A)
where
    A: Fn(Arc<Origin>, SocketAddr, Arc<ConnectionState>, Request<Incoming>) -> F
        + Copy
        + Send
        + Sync
        + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: HttpBody<Error: Error + Send + Sync> + Send + 'static,
    B::Data: Send,
{
    let places = Arc::new(Semaphore::new(served.connections));
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
                let origin = Arc::clone(&origin);
                connections.spawn(async move {
                    connection(stream, peer, origin, served, answer).await;
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
    if tokio::time::timeout(origin.limits.drain, all).await.is_err() {
        tracing::warn!("connections were cut: limits.drain is over");
    }
}

async fn connection<A, F, B>(
    stream: TcpStream,
    peer: SocketAddr,
    origin: Arc<Origin>,
    served: Served,
    answer: A,
) where
    A: Fn(Arc<Origin>, SocketAddr, Arc<ConnectionState>, Request<Incoming>) -> F + Copy,
    F: Future<Output = Response<B>>,
    B: HttpBody<Error: Error + Send + Sync> + 'static,
{
    // A manifest is one small write: waiting to fill a packet would delay it.
    let _ = stream.set_nodelay(true);
    let gauge = match served.limit {
        Limit::IngestConnections => origin.metrics.ingest_connections.clone(),
        _ => origin.metrics.connections.clone(),
    };
    gauge.inc();
    let state = Arc::new(ConnectionState::default());
    let deadlines = Deadlines {
        first_byte: origin.limits.first_byte,
        header: origin.limits.header,
        keep_alive: origin.limits.keep_alive,
        slow_reader: served.slow_reader,
    };
    let guarded = Guarded::new(stream, Arc::clone(&state), deadlines, origin.metrics.clone());
    let service = {
        let origin = Arc::clone(&origin);
        service_fn(move |request| {
            state.asked();
            let answered = answer(Arc::clone(&origin), peer, Arc::clone(&state), request);
            async move { Ok::<_, Infallible>(answered.await) }
        })
    };
    let mut http = http1::Builder::new();
    http.max_buf_size(origin.limits.header_bytes.max(8192)).half_close(false);
    let connection = http.serve_connection(TokioIo::new(guarded), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = origin.shutdown.wait() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection ended early");
    }
    gauge.dec();
}
