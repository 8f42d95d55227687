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

use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderMap, Method, Request, Response, header};
use hyper::body::Incoming;
use tokio::net::TcpListener;

use super::path::IngestPath;
use super::segmented::Content;
use crate::config::Credentials;
use crate::http::{Body, ConnectionState, PushReply, Served, serve};
use crate::observe::Limit;
use crate::packager::InputId;
use crate::runtime::{ChannelHandle, Origin};
use frames::Frames;
pub use packets::Rungs;
pub use segments::Segments;

/// Serves encoders until shutdown.
pub async fn serve_encoders(listener: TcpListener, origin: Arc<Origin>) {
    let served = Served {
        connections: origin.limits.ingest_connections,
        limit: Limit::IngestConnections,
        slow_reader: origin.limits.slow_reader,
    };
    serve(listener, origin, served, answer).await;
}

async fn answer(
    origin: Arc<Origin>,
    peer: SocketAddr,
    connection: Arc<ConnectionState>,
    request: Request<Incoming>,
) -> Response<Body> {
    // A task of its own: an encoder that closes without waiting for its answer has this future
    // dropped, and what it pushed must be taken to the end all the same.
    let answered = tokio::spawn(async move {
        let (head, body) = request.into_parts();
        let reply = push(&origin, peer, &head.method, head.uri.path(), &head.headers, body).await;
        let refused = reply != PushReply::Taken;
        let response = reply.into_response();
        let status = response.status().as_u16();
        origin.metrics.answered("push", status);
        tracing::info!(target: "access", %peer, method = %head.method, uri = %head.uri, status, refused);
        response
    });
    let response = answered.await.unwrap_or_else(|_| PushReply::Ending.into_response());
    response.map(|body| body.on(connection))
}

async fn push(
    origin: &Arc<Origin>,
    peer: SocketAddr,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
    body: Incoming,
) -> PushReply {
    if !matches!(*method, Method::PUT | Method::POST | Method::DELETE) {
        return PushReply::Method;
    }
    let Some(path) = IngestPath::parse(path) else { return PushReply::NoPath };
    let Some(channel) = origin.channel(path.group, path.channel) else {
        return PushReply::NoChannel(format!(
            "there is no channel {}/{}",
            path.group, path.channel
        ));
    };
    let input = path.input;
    if channel.looped && input == InputId(1) {
        return refuse(
            channel,
            input,
            PushReply::NoChannel(
                "input 1 of this channel plays its loop; push to input 2".to_owned(),
            ),
        );
    }
    if channel.pulled[usize::from(input.0) - 1] {
        let why = format!("input {} of this channel is pulled; push to the other", input.0);
        return refuse(channel, input, PushReply::NoChannel(why));
    }
    if !allowed(channel.credentials[usize::from(input.0) - 1].as_ref(), headers) {
        return refuse(channel, input, PushReply::Unauthorized);
    }
    if *method == Method::DELETE {
        // What was taken is the channel's, and leaves its lists when the channel says so.
        return PushReply::Taken;
    }
    tracing::info!(group = channel.group, channel = channel.name, input = input.0, object = path.object, %peer, "an encoder delivers");
    channel.status.connected(input.0);
    let reply = take(origin, channel, &path, Frames::new(origin, channel, body)).await;
    channel.status.disconnected(input.0);
    if reply != PushReply::Taken {
        refuse(channel, input, reply.clone());
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

/// HTTP Basic (RFC 7617), user and password compared in constant time.
fn allowed(wanted: Option<&Credentials>, headers: &HeaderMap) -> bool {
    let Some(wanted) = wanted else { return true };
    let given = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
    let given =
        given.and_then(|v| v.get(..6).filter(|s| s.eq_ignore_ascii_case("basic ")).and(v.get(6..)));
    let given = given.and_then(|v| BASE64_STANDARD.decode(v.trim()).ok());
    let Some(given) = given else { return false };
    let colon = given.iter().position(|b| *b == b':').unwrap_or(given.len());
    let password = given.get(colon + 1..).unwrap_or_default();
    let user = subtle::ConstantTimeEq::ct_eq(&given[..colon], wanted.user.as_bytes());
    bool::from(user) & wanted.password.matches(password)
}

#[cfg(test)]
mod tests;
