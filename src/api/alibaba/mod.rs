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
use super::http::{Answer, BODY_WRONG, Turned};
use super::random::request_id;
use super::sign::pairs;
use crate::config::Scope;

/// The versions that are spoken.
const ICE: &str = "2020-11-09";
const LIVE: &str = "2016-11-01";

/// What an operation answers, without the request's id.
type Fields = Map<String, Value>;

/// Answers a request.
pub(super) fn answer(control: &Control, head: &Parts, body: &[u8]) -> Answer {
    let id = request_id();
    match serve(control, head, body, &id) {
        Ok(fields) => succeeded(fields, &id),
        Err(fault) => failed(&fault, &id, head),
    }
}

/// Answers a request that cannot be looked at.
pub(super) fn turned_away(head: &Parts, why: Turned) -> Answer {
    let (status, code, message) = match why {
        Turned::Body => (StatusCode::BAD_REQUEST, "InvalidParameter", BODY_WRONG),
        Turned::Method => (
            StatusCode::METHOD_NOT_ALLOWED,
            "UnsupportedHTTPMethod",
            "the method must be POST or GET",
        ),
        Turned::Failed => {
            (StatusCode::INTERNAL_SERVER_ERROR, "InternalError", "this failed; please try again")
        }
    };
    let fault = Fault { status, code, message: message.to_owned() };
    failed(&fault, &request_id(), head)
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
    let (action, key) = (passed.action.as_str(), passed.key);
    let caller = |scope| Caller { scope, action, key_id: &key.id, request_id: id };
    let (scope, known) = match passed.version.as_str() {
        ICE => (Scope::Ice, ice::ACTIONS.contains(&action)),
        LIVE => (Scope::Live, live::ACTIONS.contains(&action)),
        _ => return Err(GateError::Version.into()),
    };
    if !known {
        return Err(GateError::Action.into());
    }
    if !key.scopes.contains(&scope) {
        return Err(GateError::Scope(scope).into());
    }
    let parameters = Parameters::of(all).map_err(|name| Fault {
        status: StatusCode::BAD_REQUEST,
        code: if scope == Scope::Ice { "InvalidParameter" } else { "InvalidParams" },
        message: format!("{name} is given twice, with different values"),
    })?;
    match scope {
        Scope::Ice => ice::run(control, caller(scope), &parameters),
        _ => live::run(control, caller(scope), &parameters),
    }
}
