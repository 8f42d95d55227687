//! The admin listener: metrics, health, status, and the control plane's routes.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Collected};
use hyper::body::Incoming;
use serde_json::json;
use tokio::net::TcpListener;
use tower_service::Service;

use super::body::Body;
use super::reply::Reply;
use super::server::{Front, Served, serve};
use crate::api;
use crate::observe::Limit;
use crate::packager::Snapshot;
use crate::resolve::{EndpointRules, Missing};
use crate::runtime::Origin;

/// Connections of operators at a time.
const CONNECTIONS: usize = 64;

/// Serves operators until shutdown; `control` are the control plane's routes.
pub async fn serve_admin(listener: TcpListener, origin: Arc<Origin>, control: Router) {
    let served = Served {
        connections: CONNECTIONS,
        limit: Limit::Connections,
        slow_reader: origin.limits.slow_reader,
        front: Front::default(),
    };
    let answer = move |origin: Arc<Origin>, _: SocketAddr, request: Request<Incoming>| {
        let control = api::serves(request.uri().path()).then(|| control.clone());
        async move {
            match control {
                Some(control) => ask(control, request).await,
                None => answer(&origin, request),
            }
        }
    };
    serve(listener, origin, served, answer).await;
}

/// Asks the control plane. Its answers are small, so each goes out whole, with its length.
async fn ask(mut control: Router, request: Request<Incoming>) -> Response<Body> {
    let Ok(response) = control.call(request).await;
    let (head, body) = response.into_parts();
    let body = body.collect().await.map(Collected::to_bytes).unwrap_or_default();
    Response::from_parts(head, Body::new(vec![body]))
}

fn answer(origin: &Origin, request: Request<Incoming>) -> Response<Body> {
    let (head, _) = request.into_parts();
    let text = |content_type, text: String| Reply::Text { content_type, text: Bytes::from(text) };
    let reply = match (&head.method, head.uri.path()) {
        (&(Method::GET | Method::HEAD), "/metrics") => text(
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            origin.metrics.scrape(),
        ),
        // It answers, so it lives.
        (&(Method::GET | Method::HEAD), "/healthz") => {
            text("text/plain; charset=utf-8", "ok\n".to_owned())
        }
        (&(Method::GET | Method::HEAD), "/readyz") if origin.shutdown.begun() => Reply::Draining,
        (&(Method::GET | Method::HEAD), "/readyz") => {
            text("text/plain; charset=utf-8", "ready\n".to_owned())
        }
        (&(Method::GET | Method::HEAD), "/status") => text("application/json", status(origin)),
        (&(Method::GET | Method::HEAD), _) => Reply::NotFound(Missing::Unknown),
        _ => Reply::Method,
    };
    reply.into_response(&head.method, &head.headers)
}

/// What is to be said of an endpoint whose bounds no rung keeps.
fn missed(rules: &EndpointRules, snapshot: &Snapshot) -> Option<String> {
    let view = snapshot.segmentations.get(&rules.segmentation)?;
    rules.presentation.misses(&view.period).then(|| {
        format!(
            "endpoint {}: no rung lies within its video bitrates; the nearest is listed",
            rules.ordinal
        )
    })
}

/// For each channel, in a sentence, what it plays or why it does not.
fn status(origin: &Origin) -> String {
    let now = origin.clock.now();
    let channels: Vec<_> = origin
        .channels()
        .map(|c| {
            let now_shown = c.shown();
            let snapshot = &now_shown.snapshot;
            let looped = c.inputs().looped;
            let shown = c.status.show(&c.group, &c.name, looped, snapshot, now);
            let entrances = now_shown.endpoints.values().filter(|entrance| !entrance.rules.leaving);
            shown.with(entrances.filter_map(|entrance| missed(&entrance.rules, snapshot)))
        })
        .collect();
    let mut text =
        serde_json::to_string_pretty(&json!({ "channels": channels })).unwrap_or_default();
    text.push('\n');
    text
}
