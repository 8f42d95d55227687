//! OTT channels: the vendor's document, whole.

use std::sync::Arc;

use axum::Json;
use axum::extract::Query;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Authorized, Given, NativeError};
use crate::api::control::Control;
use crate::api::model::live::Domain;
use crate::api::model::ott::{OttChannel, OttDocument, OttKey, Word};

pub(super) fn routes() -> OpenApiRouter<Arc<Control>> {
    OpenApiRouter::new().routes(routes!(list_channels, create_channel, delete_channel))
}

type Done<T> = Result<T, Response>;

/// Names a channel.
#[derive(Debug, Deserialize)]
struct Named {
    domain: Domain,
    app_name: Word,
    id: Word,
}

fn document(channel: &OttChannel) -> Value {
    serde_json::to_value(&channel.document).unwrap_or_default()
}

/// All channels.
#[utoipa::path(get, path = "/ott/channels", responses((status = 200, body = Vec<Object>)))]
async fn list_channels(by: Authorized) -> Done<Json<Vec<Value>>> {
    let all = by.done("list_ott_channels", |control, _| {
        Ok(control.desk().read(|model| model.ott_channels().map(document).collect()))
    });
    all.await.map(Json)
}

/// Makes a channel from a CreateOttChannelInfoReq.
#[utoipa::path(post, path = "/ott/channels", request_body = Object,
    responses((status = 201, body = Object), (status = 400), (status = 409)))]
async fn create_channel(
    by: Authorized,
    Given(given): Given<OttDocument>,
) -> Done<(StatusCode, Json<Value>)> {
    let made = by.done("create_ott_channel", move |control, caller| {
        let fitted = given.fit().map_err(|error| NativeError::invalid("", &error.to_string()))?;
        let key = fitted.key();
        let subject =
            format!("{}/{}/{}", key.domain.as_str(), key.app_name.as_str(), key.id.as_str());
        let channel =
            control.change(caller, &subject, |model, at| model.create_ott(fitted.clone(), at))?;
        Ok(document(&channel))
    });
    made.await.map(|document| (StatusCode::CREATED, Json(document)))
}

/// Removes a channel.
#[utoipa::path(delete, path = "/ott/channels",
    params(("domain" = String, Query), ("app_name" = String, Query), ("id" = String, Query)),
    responses((status = 204), (status = 404)))]
async fn delete_channel(
    by: Authorized,
    Query(Named { domain, app_name, id }): Query<Named>,
) -> Done<StatusCode> {
    let deleted = by.done("delete_ott_channel", move |control, caller| {
        let key = OttKey { domain, app_name, id };
        let subject =
            format!("{}/{}/{}", key.domain.as_str(), key.app_name.as_str(), key.id.as_str());
        Ok(control.change(caller, &subject, |model, _| model.delete_ott(&key))?)
    });
    deleted.await.map(|()| StatusCode::NO_CONTENT)
}
