//! The RPC wire of Alibaba: one path, parameters in query and form, JSON in every answer.

mod gate;
mod ice;
mod live;
mod parameters;
mod reply;

use http::StatusCode;
use http::request::Parts;
use serde_json::{Map, Value};

use self::gate::GateError;
use self::parameters::Parameters;
use self::reply::{Fault, failed, succeeded};
use super::control::{Caller, Control};
use super::http::{Answer, BODY_WRONG};
use super::random::request_id;
use super::sign::pairs;
use crate::config::Scope;

/// What an operation answers, without the request's id.
type Fields = Map<String, Value>;

/// Answers a request.
pub(super) fn answer(control: &Control, head: &Parts, body: &[u8]) -> Answer {
    let id = request_id();
    let host = head.headers.get(http::header::HOST).and_then(|host| host.to_str().ok());
    match serve(control, head, body, &id) {
        Ok(fields) => succeeded(fields, &id),
        Err(fault) => failed(&fault, &id, host.unwrap_or_default()),
    }
}

/// Answers a request whose body is too large to be read.
pub(super) fn too_large() -> Answer {
    let message = BODY_WRONG.to_owned();
    let fault = Fault { status: StatusCode::PAYLOAD_TOO_LARGE, code: "InvalidParameter", message };
    failed(&fault, &request_id(), "")
}

fn serve(control: &Control, head: &Parts, body: &[u8], id: &str) -> Result<Fields, Fault> {
    let query = head.uri.query().unwrap_or_default();
    let mut all = pairs(query.as_bytes());
    let form = head.headers.get(http::header::CONTENT_TYPE);
    let form =
        form.is_none_or(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
    if form {
        all.extend(pairs(body));
    }
    let passed = gate::pass(control, head, body, query, &all)?;
    let parameters = Parameters::of(all).map_err(|name| Fault {
        status: StatusCode::BAD_REQUEST,
        code: "InvalidParameter",
        message: format!("{name} is given twice, with different values"),
    })?;
    let (action, key) = (passed.action.as_str(), passed.key);
    let caller = |scope| Caller { scope, action, key_id: &key.id, request_id: id };
    let (scope, known) = match passed.version.as_str() {
        "2020-11-09" => (Scope::Ice, ice::ACTIONS.contains(&action)),
        "2016-11-01" => (Scope::Live, live::ACTIONS.contains(&action)),
        _ => return Err(GateError::Version.into()),
    };
    if !known {
        return Err(GateError::Action.into());
    }
    if !key.scopes.contains(&scope) {
        return Err(GateError::Scope(scope).into());
    }
    match scope {
        Scope::Ice => ice::run(control, caller(scope), &parameters),
        _ => live::run(control, caller(scope), &parameters),
    }
}
