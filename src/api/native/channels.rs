//! Groups, channels and endpoints.

use std::sync::Arc;

use axum::Json;
use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::shown::{
    self, ChannelChange, EndpointChange, GroupChange, NewChannel, NewEndpoint, NewGroup, Rotation,
    ShownChannel, ShownEndpoint, ShownGroup,
};
use super::{Authorized, Given, NativeError};
use crate::api::control::Control;
use crate::api::model::Plan;
use crate::api::model::endpoint::{EndpointKey, EndpointSettings};
use crate::api::model::group::{ChannelKey, ChannelSettings};
use crate::api::random::credentials;
use crate::config::Name;

pub(super) fn routes() -> OpenApiRouter<Arc<Control>> {
    OpenApiRouter::new()
        .routes(routes!(list_groups, create_group))
        .routes(routes!(get_group, update_group, delete_group))
        .routes(routes!(list_channels, create_channel))
        .routes(routes!(get_channel, update_channel, delete_channel))
        .routes(routes!(rotate_credentials))
        .routes(routes!(list_endpoints, create_endpoint))
        .routes(routes!(get_endpoint, update_endpoint, delete_endpoint))
}

/// What a handler gives.
type Done<T> = Result<T, Response>;

fn name(field: &str, text: &str) -> Result<Name, NativeError> {
    Name::try_from(text.to_owned()).map_err(|why| NativeError::invalid(field, why))
}

fn channel_key((group, channel): (&str, &str)) -> Result<ChannelKey, NativeError> {
    Ok(ChannelKey { group: name("group", group)?, channel: name("channel", channel)? })
}

type Three = Path<(String, String, String)>;

fn endpoint_key(
    (group, channel, endpoint): &(String, String, String),
) -> Result<EndpointKey, NativeError> {
    Ok(EndpointKey {
        channel: channel_key((group, channel))?,
        endpoint: name("endpoint", endpoint)?,
    })
}

fn subject(key: &ChannelKey) -> String {
    format!("{}/{}", key.group, key.channel)
}

/// All groups, by name.
#[utoipa::path(get, path = "/groups", responses((status = 200, body = Vec<ShownGroup>)))]
async fn list_groups(by: Authorized) -> Done<Json<Vec<ShownGroup>>> {
    let all = by.done("list_groups", |control, _| {
        Ok(control.desk().read(|model| model.groups().map(shown::group).collect()))
    });
    all.await.map(Json)
}

/// Makes a group.
#[utoipa::path(post, path = "/groups", request_body = NewGroup,
    responses((status = 201, body = ShownGroup), (status = 400), (status = 409)))]
async fn create_group(
    by: Authorized,
    Given(new): Given<NewGroup>,
) -> Done<(StatusCode, Json<ShownGroup>)> {
    let made = by.done("create_group", move |control, caller| {
        let (subject, origin) = (new.name.to_string(), control.origin());
        Ok(control.change(caller, &subject, |model, at| {
            model.create_group(new.name.clone(), new.description.clone(), origin.clone(), at)
        })?)
    });
    made.await.map(|group| (StatusCode::CREATED, Json(shown::group(&group))))
}

/// A group.
#[utoipa::path(get, path = "/groups/{group}", params(("group" = String, Path)),
    responses((status = 200, body = ShownGroup), (status = 404)))]
async fn get_group(by: Authorized, Path(group): Path<String>) -> Done<Json<ShownGroup>> {
    let found = by.done("get_group", move |control, _| {
        let group = name("group", &group)?;
        Ok(control.desk().read(|model| model.group(&group).map(shown::group))?)
    });
    found.await.map(Json)
}

/// Describes a group anew.
#[utoipa::path(put, path = "/groups/{group}", request_body = GroupChange,
    params(("group" = String, Path)), responses((status = 200, body = ShownGroup), (status = 404)))]
async fn update_group(
    by: Authorized,
    Path(group): Path<String>,
    Given(change): Given<GroupChange>,
) -> Done<Json<ShownGroup>> {
    let changed = by.done("update_group", move |control, caller| {
        let group = name("group", &group)?;
        Ok(control.change(caller, group.as_str(), |model, at| {
            model.update_group(&group, change.description.clone(), at)
        })?)
    });
    changed.await.map(|group| Json(shown::group(&group)))
}

/// Removes a group without channels.
#[utoipa::path(delete, path = "/groups/{group}", params(("group" = String, Path)),
    responses((status = 204), (status = 404), (status = 409)))]
async fn delete_group(by: Authorized, Path(group): Path<String>) -> Done<StatusCode> {
    let deleted = by.done("delete_group", move |control, caller| {
        let group = name("group", &group)?;
        Ok(control.change(caller, group.as_str(), |model, _| model.delete_group(&group))?)
    });
    deleted.await.map(|()| StatusCode::NO_CONTENT)
}

/// The channels of a group, by name.
#[utoipa::path(get, path = "/groups/{group}/channels", params(("group" = String, Path)),
    responses((status = 200, body = Vec<ShownChannel>), (status = 404)))]
async fn list_channels(by: Authorized, Path(group): Path<String>) -> Done<Json<Vec<ShownChannel>>> {
    let all = by.done("list_channels", move |control, _| {
        let group = name("group", &group)?;
        control.desk().read(|model| {
            model.group(&group)?;
            let channels = model.channels(&group);
            Ok(channels.map(|channel| shown::channel(control, channel)).collect())
        })
    });
    all.await.map(Json)
}

/// Makes a channel with two inputs and credentials for both.
#[utoipa::path(post, path = "/groups/{group}/channels", request_body = NewChannel,
    params(("group" = String, Path)),
    responses((status = 201, body = ShownChannel), (status = 400), (status = 404), (status = 409)))]
async fn create_channel(
    by: Authorized,
    Path(group): Path<String>,
    Given(new): Given<NewChannel>,
) -> Done<(StatusCode, Json<ShownChannel>)> {
    let made = by.done("create_channel", move |control, caller| {
        let key = ChannelKey { group: name("group", &group)?, channel: new.name };
        let (settings, subject) = (ChannelSettings::from(new.settings), subject(&key));
        let inputs = [credentials()?, credentials()?];
        let channel = control.change(caller, &subject, |model, at| {
            model.create_channel(key.clone(), settings.clone(), inputs.clone(), at)
        })?;
        Ok(shown::channel(control, &channel))
    });
    made.await.map(|channel| (StatusCode::CREATED, Json(channel)))
}

/// A channel.
#[utoipa::path(get, path = "/groups/{group}/channels/{channel}",
    params(("group" = String, Path), ("channel" = String, Path)),
    responses((status = 200, body = ShownChannel), (status = 404)))]
async fn get_channel(
    by: Authorized,
    Path((group, channel)): Path<(String, String)>,
) -> Done<Json<ShownChannel>> {
    let found = by.done("get_channel", move |control, _| {
        let key = channel_key((&group, &channel))?;
        let shown = |model: &crate::api::model::Model| {
            model.channel(&key).map(|channel| shown::channel(control, channel))
        };
        Ok(control.desk().read(shown)?)
    });
    found.await.map(Json)
}

/// Sets what of a channel may be changed.
#[utoipa::path(put, path = "/groups/{group}/channels/{channel}", request_body = ChannelChange,
    params(("group" = String, Path), ("channel" = String, Path)),
    responses((status = 200, body = ShownChannel), (status = 404)))]
async fn update_channel(
    by: Authorized,
    Path((group, channel)): Path<(String, String)>,
    Given(change): Given<ChannelChange>,
) -> Done<Json<ShownChannel>> {
    let changed = by.done("update_channel", move |control, caller| {
        let key = channel_key((&group, &channel))?;
        let settings = ChannelSettings::from(change);
        let limits = control.desk().limits();
        let channel = control.change(caller, &subject(&key), |model, at| {
            model.update_channel(&key, settings.clone(), limits, at)
        })?;
        Ok(shown::channel(control, &channel))
    });
    changed.await.map(Json)
}

/// Removes a channel without endpoints.
#[utoipa::path(delete, path = "/groups/{group}/channels/{channel}",
    params(("group" = String, Path), ("channel" = String, Path)),
    responses((status = 204), (status = 404), (status = 409)))]
async fn delete_channel(
    by: Authorized,
    Path((group, channel)): Path<(String, String)>,
) -> Done<StatusCode> {
    let deleted = by.done("delete_channel", move |control, caller| {
        let key = channel_key((&group, &channel))?;
        Ok(control.change(caller, &subject(&key), |model, _| model.delete_channel(&key))?)
    });
    deleted.await.map(|()| StatusCode::NO_CONTENT)
}

/// Gives inputs other credentials, at once.
#[utoipa::path(post, path = "/groups/{group}/channels/{channel}/credentials", request_body = Rotation,
    params(("group" = String, Path), ("channel" = String, Path)),
    responses((status = 200, body = ShownChannel), (status = 404)))]
async fn rotate_credentials(
    by: Authorized,
    Path((group, channel)): Path<(String, String)>,
    Given(rotation): Given<Rotation>,
) -> Done<Json<ShownChannel>> {
    let rotated = by.done("rotate_credentials", move |control, caller| {
        let key = channel_key((&group, &channel))?;
        let named = |n: i64| rotation.inputs.iter().any(|input| input.get() == n);
        let fresh = |n| named(n).then(credentials).transpose();
        let fresh = [fresh(1)?, fresh(2)?];
        let channel = control.change(caller, &subject(&key), |model, at| {
            model.rotate_credentials(&key, fresh.clone(), at)
        })?;
        Ok(shown::channel(control, &channel))
    });
    rotated.await.map(Json)
}

/// The endpoints of a channel, by name.
#[utoipa::path(get, path = "/groups/{group}/channels/{channel}/endpoints",
    params(("group" = String, Path), ("channel" = String, Path)),
    responses((status = 200, body = Vec<ShownEndpoint>), (status = 404)))]
async fn list_endpoints(
    by: Authorized,
    Path((group, channel)): Path<(String, String)>,
) -> Done<Json<Vec<ShownEndpoint>>> {
    let all = by.done("list_endpoints", move |control, _| {
        let key = channel_key((&group, &channel))?;
        control.desk().read(|model| {
            model.channel(&key)?;
            Ok(model.endpoints(&key).map(|endpoint| shown::endpoint(model, endpoint)).collect())
        })
    });
    all.await.map(Json)
}

/// Makes an endpoint.
#[utoipa::path(post, path = "/groups/{group}/channels/{channel}/endpoints",
    request_body = NewEndpoint, params(("group" = String, Path), ("channel" = String, Path)),
    responses((status = 201, body = ShownEndpoint), (status = 400), (status = 404), (status = 409)))]
async fn create_endpoint(
    by: Authorized,
    Path((group, channel)): Path<(String, String)>,
    Given(new): Given<NewEndpoint>,
) -> Done<(StatusCode, Json<ShownEndpoint>)> {
    let made = by.done("create_endpoint", move |control, caller| {
        let key = EndpointKey { channel: channel_key((&group, &channel))?, endpoint: new.name };
        let settings = EndpointSettings::try_from(new.settings)?;
        let limits = control.desk().limits();
        let subject = format!("{}/{}", subject(&key.channel), key.endpoint);
        Ok(control.change(caller, &subject, |model, at| {
            let plan = model.create_endpoint(&key, settings.clone(), limits, at)?;
            let answer = shown::endpoint(model, &plan.answer);
            Ok(Plan { writes: plan.writes, answer })
        })?)
    });
    made.await.map(|endpoint| (StatusCode::CREATED, Json(endpoint)))
}

/// An endpoint.
#[utoipa::path(get, path = "/groups/{group}/channels/{channel}/endpoints/{endpoint}",
    params(("group" = String, Path), ("channel" = String, Path), ("endpoint" = String, Path)),
    responses((status = 200, body = ShownEndpoint), (status = 404)))]
async fn get_endpoint(by: Authorized, Path(names): Three) -> Done<Json<ShownEndpoint>> {
    let found = by.done("get_endpoint", move |control, _| {
        let key = endpoint_key(&names)?;
        control.desk().read(|model| Ok(shown::endpoint(model, model.endpoint(&key)?)))
    });
    found.await.map(Json)
}

/// Sets what of an endpoint may be changed.
#[utoipa::path(put, path = "/groups/{group}/channels/{channel}/endpoints/{endpoint}",
    request_body = EndpointChange,
    params(("group" = String, Path), ("channel" = String, Path), ("endpoint" = String, Path)),
    responses((status = 200, body = ShownEndpoint), (status = 400), (status = 404)))]
async fn update_endpoint(
    by: Authorized,
    Path(names): Three,
    Given(change): Given<EndpointChange>,
) -> Done<Json<ShownEndpoint>> {
    let changed = by.done("update_endpoint", move |control, caller| {
        let key = endpoint_key(&names)?;
        let settings = EndpointSettings::try_from(change)?;
        let limits = control.desk().limits();
        let subject = format!("{}/{}", subject(&key.channel), key.endpoint);
        Ok(control.change(caller, &subject, |model, at| {
            let plan = model.update_endpoint(&key, settings.clone(), limits, at)?;
            let answer = shown::endpoint(model, &plan.answer);
            Ok(Plan { writes: plan.writes, answer })
        })?)
    });
    changed.await.map(Json)
}

/// Removes an endpoint.
#[utoipa::path(delete, path = "/groups/{group}/channels/{channel}/endpoints/{endpoint}",
    params(("group" = String, Path), ("channel" = String, Path), ("endpoint" = String, Path)),
    responses((status = 204), (status = 404)))]
async fn delete_endpoint(by: Authorized, Path(names): Three) -> Done<StatusCode> {
    let deleted = by.done("delete_endpoint", move |control, caller| {
        let key = endpoint_key(&names)?;
        let subject = format!("{}/{}", subject(&key.channel), key.endpoint);
        Ok(control.change(caller, &subject, |model, _| model.delete_endpoint(&key))?)
    });
    deleted.await.map(|()| StatusCode::NO_CONTENT)
}
