//! Configurations of live streams.

use std::sync::Arc;

use axum::Json;
use axum::extract::Query;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::shown_live::{self as shown, GivenPackage, GivenStreams, ShownPackage, ShownShift, yes};
use super::{Authorized, Given};
use crate::api::control::Control;
use crate::api::model::live::{PackageForm, ShiftForm, Streams};
use crate::api::model::value::Whole;

pub(super) fn routes() -> OpenApiRouter<Arc<Control>> {
    OpenApiRouter::new()
        .routes(routes!(list_packages, add_package, update_package, delete_package))
        .routes(routes!(list_shifts, open_shift, close_shift))
}

type Done<T> = Result<T, Response>;

/// A package configuration and what it is for.
#[derive(Debug, Deserialize, ToSchema)]
struct NewPackage {
    #[serde(flatten)]
    streams: GivenStreams,
    #[serde(flatten)]
    form: GivenPackage,
}

/// A time shift configuration and what it is for.
#[derive(Debug, Deserialize, ToSchema)]
struct NewShift {
    #[serde(flatten)]
    streams: GivenStreams,
    /// Days that the past is kept, 1 to 30.
    #[serde(default = "seven")]
    #[schema(value_type = u32, default = 7)]
    days: Whole<1, 30>,
    /// Whether only the source's own rung is kept.
    #[serde(default = "yes")]
    #[schema(default = true)]
    ignore_transcode: bool,
}

fn seven() -> Whole<1, 30> {
    Whole::clamped(7)
}

/// All package configurations.
#[utoipa::path(get, path = "/live/packages", responses((status = 200, body = Vec<ShownPackage>)))]
async fn list_packages(by: Authorized) -> Done<Json<Vec<ShownPackage>>> {
    let all = by.done("list_packages", |control, _| {
        Ok(control.desk().read(|model| model.packages().map(shown::package).collect()))
    });
    all.await.map(Json)
}

/// Adds a package configuration; it holds from the next publish on.
#[utoipa::path(post, path = "/live/packages", request_body = NewPackage,
    responses((status = 201, body = ShownPackage), (status = 400), (status = 409)))]
async fn add_package(
    by: Authorized,
    Given(new): Given<NewPackage>,
) -> Done<(StatusCode, Json<ShownPackage>)> {
    let added = by.done("add_package", move |control, caller| {
        let streams = Streams::try_from(new.streams)?;
        let form = PackageForm::try_from(new.form)?;
        Ok(control.change(caller, &streams.to_string(), |model, at| {
            model.add_package(streams.clone(), form, at)
        })?)
    });
    added.await.map(|package| (StatusCode::CREATED, Json(shown::package(&package))))
}

/// Sets a package configuration anew; it holds from the next publish on.
#[utoipa::path(put, path = "/live/packages", request_body = NewPackage,
    responses((status = 200, body = ShownPackage), (status = 400), (status = 404)))]
async fn update_package(by: Authorized, Given(new): Given<NewPackage>) -> Done<Json<ShownPackage>> {
    let updated = by.done("update_package", move |control, caller| {
        let streams = Streams::try_from(new.streams)?;
        let form = PackageForm::try_from(new.form)?;
        Ok(control.change(caller, &streams.to_string(), |model, at| {
            model.update_package(&streams, form, at)
        })?)
    });
    updated.await.map(|package| Json(shown::package(&package)))
}

/// Removes a package configuration.
#[utoipa::path(delete, path = "/live/packages",
    params(("domain" = String, Query), ("app" = Option<String>, Query),
        ("stream" = Option<String>, Query)),
    responses((status = 204), (status = 404)))]
async fn delete_package(by: Authorized, Query(streams): Query<GivenStreams>) -> Done<StatusCode> {
    let deleted = by.done("delete_package", move |control, caller| {
        let streams = Streams::try_from(streams)?;
        let subject = streams.to_string();
        Ok(control.change(caller, &subject, |model, _| model.delete_package(&streams))?)
    });
    deleted.await.map(|()| StatusCode::NO_CONTENT)
}

/// All time shift configurations.
#[utoipa::path(get, path = "/live/shifts", responses((status = 200, body = Vec<ShownShift>)))]
async fn list_shifts(by: Authorized) -> Done<Json<Vec<ShownShift>>> {
    let all = by.done("list_shifts", |control, _| {
        Ok(control.desk().read(|model| model.shifts().map(shown::shift).collect()))
    });
    all.await.map(Json)
}

/// Sets a time shift configuration, in the place of one for the same streams.
#[utoipa::path(put, path = "/live/shifts", request_body = NewShift,
    responses((status = 200, body = ShownShift), (status = 400)))]
async fn open_shift(by: Authorized, Given(new): Given<NewShift>) -> Done<Json<ShownShift>> {
    let opened = by.done("open_shift", move |control, caller| {
        let NewShift { streams, days, ignore_transcode } = new;
        let streams = Streams::try_from(streams)?;
        let form = ShiftForm { vision: days, duration: None, ignore_transcode };
        Ok(control.change(caller, &streams.to_string(), |model, at| {
            Ok(model.open_shift(streams.clone(), form, at))
        })?)
    });
    opened.await.map(|shift| Json(shown::shift(&shift)))
}

/// Removes a time shift configuration.
#[utoipa::path(delete, path = "/live/shifts",
    params(("domain" = String, Query), ("app" = Option<String>, Query),
        ("stream" = Option<String>, Query)),
    responses((status = 204), (status = 404)))]
async fn close_shift(by: Authorized, Query(streams): Query<GivenStreams>) -> Done<StatusCode> {
    let closed = by.done("close_shift", move |control, caller| {
        let streams = Streams::try_from(streams)?;
        let subject = streams.to_string();
        Ok(control.change(caller, &subject, |model, _| model.close_shift(&streams))?)
    });
    closed.await.map(|()| StatusCode::NO_CONTENT)
}
