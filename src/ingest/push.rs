//! The listener of HTTP push: MPEG-TS by PUT or POST, one endless body or many short ones.

mod session;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dashmap::DashMap;
use http::{HeaderMap, Method, Request, Response, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::auth::{Admission, admit};
use super::path::IngestPath;
use super::rung::{Rung, Taken};
use crate::http::{Body, PushReply, Served, serve};
use crate::media::VariantName;
use crate::observe::Limit;
use crate::packager::{InputId, SourceEvent};
use crate::runtime::{ChannelHandle, Origin};
use crate::units::Monotonic;
use session::Session;

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

/// The rungs of one channel's inputs that are being pushed, or were a moment ago.
#[derive(Debug, Default)]
pub struct Rungs {
    sessions: DashMap<(InputId, VariantName), Arc<Session>>,
    /// By input: the time all its transport streams unroll against.
    references: DashMap<InputId, i64>,
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
    if !matches!(*method, Method::PUT | Method::POST) {
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
    if let Some(wanted) = channel.credentials[usize::from(input.0) - 1].as_ref() {
        let now = origin.clock.now().mono;
        let admission = admit(wanted, &origin.nonces, method, target, headers, now);
        if admission != Admission::Admitted {
            let stale = admission == Admission::Stale;
            let reply = PushReply::Unauthorized { nonce: origin.nonces.make(now), stale };
            if admission == Admission::Refused {
                return refuse(channel, input, reply);
            }
            // Digest has every encoder ask first: that is worth showing until one delivers, no more.
            channel.status.refused(input.0, reply.sentence());
            return reply;
        }
    }
    let key = (input, path.rung.clone());
    let session = Arc::clone(&channel.rungs.sessions.entry(key).or_insert_with(|| {
        let rung =
            Rung::new(origin.new_source(input), path.rung.clone(), origin.limits.sample_bytes);
        Arc::new(Session::new(rung))
    }));
    let Some(mut rung) = session.take(&origin.clock, origin.limits.input_loss).await else {
        return refuse(channel, input, PushReply::Busy);
    };
    tracing::info!(group = channel.group, channel = channel.name, input = input.0, rung = path.rung.as_str(), %peer, "an encoder delivers");
    channel.status.connected(input.0);
    let reply = take(origin, channel, input, (&session, &mut rung), body).await;
    channel.status.disconnected(input.0);
    if reply != PushReply::Taken {
        refuse(channel, input, reply.clone());
    }
    let ended = origin.clock.now().mono;
    rung.ended_at(ended);
    drop(rung);
    let key = (input, path.rung);
    tokio::spawn(lose_when_silent(Arc::clone(origin), Arc::clone(channel), key, session, ended));
    reply
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

/// Takes one body, piece by piece, as fast as the channel does.
async fn take(
    origin: &Arc<Origin>,
    channel: &Arc<ChannelHandle>,
    input: InputId,
    (session, rung): (&Session, &mut Rung),
    body: &mut Incoming,
) -> PushReply {
    rung.begin_body();
    let ended = loop {
        let frame = tokio::select! {
            frame = timeout(origin.limits.ingest_silence, body.frame()) => frame,
            () = session.superseded() => break PushReply::Superseded,
            () = origin.shutdown.wait() => break PushReply::Ending,
        };
        session.hear(origin.clock.now().mono);
        let bytes = match frame {
            Ok(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
            Ok(Some(Err(_))) => break PushReply::BrokenOff,
            Ok(None) => break PushReply::Taken,
            Err(_) => {
                origin.metrics.crossed(Limit::IngestSilence);
                break PushReply::Silent;
            }
        };
        channel.metrics.ingested(bytes.len());
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

/// A rung without a body for `limits.input_loss` has gone; a new body before that goes on with it.
async fn lose_when_silent(
    origin: Arc<Origin>,
    channel: Arc<ChannelHandle>,
    key: (InputId, VariantName),
    session: Arc<Session>,
    silent_since: Monotonic,
) {
    origin.clock.sleep_until(silent_since.after(origin.limits.input_loss)).await;
    // Another body has the rung, or has had it since: that one's end decides.
    let Some(rung) = session.unheld() else { return };
    if !rung.silent(silent_since) {
        return;
    }
    channel.rungs.sessions.remove_if(&key, |_, known| Arc::ptr_eq(known, &session));
    if channel.rungs.sessions.iter().all(|s| s.key().0 != key.0) {
        channel.rungs.references.remove(&key.0);
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
