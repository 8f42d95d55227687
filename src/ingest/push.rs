//! The listener of push over HTTP: who may push, what a body is, and whose it is.
//!
//! | file | is |
//! | --- | --- |
//! | `frames` | a body's bytes, with its deadlines |
//! | `packets` | transport streams without a playlist, a session a rung |
//! | `segments` | HLS, DASH and CMAF ingest, a session an input |

mod frames;
mod packets;
mod segments;
mod session;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::auth::{Admission, admit};
use super::path::IngestPath;
use super::segmented::Content;
use crate::http::{Body, PushReply, Served, serve};
use crate::observe::Limit;
use crate::packager::InputId;
use crate::runtime::{ChannelHandle, Origin};
use frames::Frames;
pub use packets::Rungs;
pub use segments::Segments;
pub(super) use session::RungSession;

/// What a refused body is read on for, so that its encoder finds the answer: a connection closed on
/// unread bytes is reset, and the answer with it (RFC 9112 §9.6).
const LINGER: Duration = Duration::from_millis(500);
const LINGER_BYTES: usize = 1 << 20;

/// Serves encoders until shutdown.
pub async fn serve_encoders(listener: TcpListener, origin: Arc<Origin>) {
    let served = Served {
        connections: origin.limits.ingest_connections,
        limit: Limit::IngestConnections,
        slow_reader: origin.limits.slow_reader,
        front: origin.fronts.ingest.clone(),
    };
    serve(listener, origin, served, answer).await;
}

async fn answer(
    origin: Arc<Origin>,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Response<Body> {
    // A task of its own: an encoder that closes without waiting for its answer has this future
    // dropped, and what it pushed must be taken to the end all the same.
    let answered = tokio::spawn(async move {
        let (head, mut body) = request.into_parts();
        let asked = head.uri.path_and_query().map_or("", |asked| asked.as_str());
        let reply = push(&origin, peer, &head.method, asked, &head.headers, &mut body).await;
        let refused = reply != PushReply::Taken;
        // Whoever waits for 100 has sent nothing, and must not be asked to.
        if refused && !head.headers.contains_key(header::EXPECT) {
            let _ = timeout(LINGER, discard(&mut body)).await;
        }
        let response = reply.into_response();
        let status = response.status().as_u16();
        origin.metrics.answered("push", status);
        tracing::info!(target: "access", %peer, method = %head.method, uri = %head.uri, status, refused);
        response
    });
    answered.await.unwrap_or_else(|_| PushReply::Ending.into_response())
}

async fn push(
    origin: &Arc<Origin>,
    peer: SocketAddr,
    method: &Method,
    target: &str,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> PushReply {
    let path = target.split_once('?').map_or(target, |(path, _)| path);
    if !matches!(*method, Method::PUT | Method::POST | Method::DELETE) {
        return PushReply::Method;
    }
    let Some(path) = IngestPath::parse(path) else { return PushReply::NoPath };
    let Some(channel) = origin.pushable(path.group, path.channel) else {
        return PushReply::NoChannel(format!(
            "there is no channel {}/{}",
            path.group, path.channel
        ));
    };
    let input = path.input;
    if let Some(why) = channel.fed_otherwise(input) {
        return refuse(&channel, input, PushReply::NoChannel(why));
    }
    if !channel.may_come(input, peer.ip()) {
        return refuse(&channel, input, PushReply::Forbidden);
    }
    let inputs = channel.inputs();
    if let Some(wanted) = inputs.credentials[usize::from(input.0) - 1].as_ref() {
        let now = origin.clock.now().mono;
        let admission = admit(wanted, &origin.nonces, method, target, headers, now);
        if admission != Admission::Admitted {
            let stale = admission == Admission::Stale;
            let reply = PushReply::Unauthorized { nonce: origin.nonces.make(now), stale };
            if admission == Admission::Refused {
                return refuse(&channel, input, reply);
            }
            // Digest has every encoder ask first: that is worth showing until one delivers, no more.
            channel.status.refused(input.0, reply.sentence());
            return reply;
        }
    }
    if *method == Method::DELETE {
        // What was taken is the channel's, and leaves its lists when the channel says so.
        return PushReply::Taken;
    }
    tracing::info!(group = channel.group, channel = channel.name, input = input.0, object = path.object, %peer, "an encoder delivers");
    channel.status.connected(input.0);
    let reply = take(origin, &channel, &path, Frames::new(origin, &channel, body)).await;
    channel.status.disconnected(input.0);
    if reply != PushReply::Taken {
        refuse(&channel, input, reply.clone());
    }
    reply
}

/// Takes one body, whatever it is.
async fn take(
    origin: &Arc<Origin>,
    channel: &Arc<ChannelHandle>,
    path: &IngestPath<'_>,
    mut frames: Frames<'_>,
) -> PushReply {
    // A push that is under way lives as long as a body of it is open, even one without a byte yet.
    let open = channel.segments.open(origin, path).await;
    let silent = channel.segments.silent(path.input);
    let content = frames.content().await;
    drop(silent);
    let packets = matches!(content, Ok(Some(Content::Packets | Content::Other)));
    let packets = packets && !channel.segments.has_manifest(path.input).await;
    if packets || !matches!(content, Ok(Some(_))) {
        if let Some(open) = open {
            open.close(origin, channel).await;
        }
        return match content {
            Ok(Some(_)) => packets::take(origin, channel, path, frames).await,
            // An empty body asks whether there is somebody to push to.
            Ok(None) => PushReply::Taken,
            Err(reply) => reply,
        };
    }
    segments::take(origin, channel, path, frames, open).await
}

/// Notes a refusal where operators look, once a body.
fn refuse(channel: &ChannelHandle, input: InputId, reply: PushReply) -> PushReply {
    let why = reply.sentence();
    tracing::warn!(
        group = channel.group,
        channel = channel.name,
        input = input.0,
        why,
        "an encoder was refused"
    );
    channel.status.refused(input.0, why);
    reply
}

/// Reads on, and keeps nothing.
async fn discard(body: &mut Incoming) {
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, Bytes::len);
        if read > LINGER_BYTES {
            return;
        }
    }
}
