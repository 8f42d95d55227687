//! The surfaces as routes: bodies are read within a limit, and operations done where they may wait for
//! the disk.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use http::request::Parts;
use http::{Method, StatusCode, header};
use tokio::time::timeout;

use super::control::Control;
use super::{alibaba, huawei, native};

/// Most bytes of a request's body.
const BODY_MAX: usize = 1 << 20;

/// How long a body may take to come.
const BODY_WITHIN: Duration = Duration::from_secs(10);

/// What is told of a body that cannot be read.
pub(super) const BODY_WRONG: &str = "the body must come within 10 seconds and be at most 1 MiB";

/// Why a request is not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turned {
    /// Its body.
    Body,
    /// Its method.
    Method,
    /// The work it asked for panicked, which has been said.
    Failed,
}

/// An answer of a surface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) content_type: &'static str,
    pub(super) request_id: String,
    pub(super) body: String,
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let headers = [
            (header::CONTENT_TYPE, self.content_type.to_owned()),
            (header::CACHE_CONTROL, "no-store".to_owned()),
            (header::HeaderName::from_static("x-request-id"), self.request_id),
        ];
        (self.status, headers, self.body).into_response()
    }
}

/// Whether a path is the control plane's.
#[must_use]
pub fn serves(path: &str) -> bool {
    path == "/" || path.starts_with("/v1/") || path.starts_with("/api/")
}

/// The routes of all surfaces.
pub fn router(control: Arc<Control>) -> Router {
    Router::new()
        .route("/", any(alibaba_rpc))
        .route("/api/openapi.json", get(native::describe))
        .nest("/api/v1", native::router())
        .fallback(huawei_rest)
        .with_state(control)
}

/// Reads a body; `None` where it is too large, ends too early or takes too long.
pub(super) async fn read(body: Body) -> Option<bytes::Bytes> {
    timeout(BODY_WITHIN, to_bytes(body, BODY_MAX)).await.ok()?.ok()
}

async fn whole(request: Request<Body>) -> (Parts, Option<bytes::Bytes>) {
    let (head, body) = request.into_parts();
    (head, read(body).await)
}

/// Does what may wait for the disk.
pub(super) async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Response> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

async fn alibaba_rpc(State(control): State<Arc<Control>>, request: Request<Body>) -> Response {
    let (head, body) = whole(request).await;
    let turned = |head: &Parts, why| alibaba::turned_away(head, why).into_response();
    if ![Method::GET, Method::POST].contains(&head.method) {
        return turned(&head, Turned::Method);
    }
    let Some(body) = body else { return turned(&head, Turned::Body) };
    let asked = head.clone();
    let answered = apart(move || alibaba::answer(&control, &head, &body)).await;
    answered.map_or_else(|_| turned(&asked, Turned::Failed), IntoResponse::into_response)
}

async fn huawei_rest(State(control): State<Arc<Control>>, request: Request<Body>) -> Response {
    let (head, body) = whole(request).await;
    let Some(body) = body else { return huawei::turned_away(Turned::Body).into_response() };
    let answered = apart(move || huawei::answer(&control, &head, &body)).await;
    let failed = |_| huawei::turned_away(Turned::Failed).into_response();
    answered.map_or_else(failed, IntoResponse::into_response)
}
