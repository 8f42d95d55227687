//! The JSON form of our own, described by OpenAPI: the same model with a bearer key.

mod channels;
mod fault;
mod live;
mod ott;
mod shown;
mod shown_live;

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use http::header::AUTHORIZATION;
use http::request::Parts;
use serde::de::DeserializeOwned;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;

pub(super) use self::fault::NativeError;
use super::control::{Caller, Control};
use super::http::{BODY_WRONG, apart};
use super::random::request_id;
use crate::config::Scope;

/// The routes, below `/api/v1`.
pub(super) fn router() -> axum::Router<Arc<Control>> {
    described().split_for_parts().0
}

fn described() -> OpenApiRouter<Arc<Control>> {
    OpenApiRouter::new().merge(channels::routes()).merge(live::routes()).merge(ott::routes())
}

/// The OpenAPI description.
pub(super) async fn describe() -> Response {
    let all = OpenApiRouter::with_openapi(Description::openapi()).nest("/api/v1", described());
    Json(all.split_for_parts().1).into_response()
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Headwater", description = "Groups, channels, endpoints and live configurations."),
    modifiers(&Bearer),
    security(("key" = []))
)]
struct Description;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        openapi.components.get_or_insert_default().add_security_scheme("key", scheme);
    }
}

/// A request with the secret of a key that has the scope `native`.
pub(super) struct Authorized {
    control: Arc<Control>,
    key_id: String,
    request_id: String,
}

impl FromRequestParts<Arc<Control>> for Authorized {
    type Rejection = NativeError;

    async fn from_request_parts(
        parts: &mut Parts,
        control: &Arc<Control>,
    ) -> Result<Self, NativeError> {
        let given = parts.headers.get(AUTHORIZATION).map(http::HeaderValue::as_bytes);
        let given = given.and_then(|value| value.strip_prefix(b"Bearer "));
        let key = given.and_then(|given| control.bearer(given));
        let key_id = key.ok_or(NativeError::Unauthorized)?.id.clone();
        Ok(Authorized { control: Arc::clone(control), key_id, request_id: request_id() })
    }
}

impl Authorized {
    /// Does an operation where it may wait for the disk.
    async fn done<T: Send + 'static>(
        self,
        action: &'static str,
        work: impl FnOnce(&Control, Caller<'_>) -> Result<T, NativeError> + Send + 'static,
    ) -> Result<T, Response> {
        let did = apart(move || {
            let Authorized { control, key_id, request_id } = self;
            let (key_id, request_id) = (key_id.as_str(), request_id.as_str());
            work(&control, Caller { scope: Scope::Native, action, key_id, request_id })
        });
        did.await?.map_err(IntoResponse::into_response)
    }
}

/// A JSON body; what is wrong in it is told with its path.
pub(super) struct Given<T>(T);

impl<T: DeserializeOwned> axum::extract::FromRequest<Arc<Control>> for Given<T> {
    type Rejection = NativeError;

    async fn from_request(request: Request, _: &Arc<Control>) -> Result<Self, NativeError> {
        let body = super::http::read(request.into_body()).await;
        let body = body.ok_or_else(|| NativeError::invalid("", BODY_WRONG))?;
        let mut json = serde_json::Deserializer::from_slice(&body);
        let read = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            NativeError::invalid(&error.path().to_string(), &error.inner().to_string())
        })?;
        Ok(Given(read))
    }
}
