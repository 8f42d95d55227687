//! The REST wire of Huawei Live: OTT channels, JSON with strict types.
//!
//! Answers carry both pairs of keys that SDKs look for an error in.

mod fault;
mod operations;

use http::request::Parts;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use self::fault::{Code, Fault, Named};
use self::operations::{Call, Operation};
use super::control::{Caller, Control};
use super::http::{Answer, BODY_WRONG, Turned};
use super::model::value::Stamp;
use super::random::request_id;
use super::sign::{Asked, Sdk};
use crate::config::{AccessKey, Scope};

/// Seconds that a request's date may lie from the server's clock.
const WINDOW_SECS: u64 = 15 * 60;
const JSON: &str = "application/json";

/// Answers a request.
pub(super) fn answer(control: &Control, head: &Parts, body: &[u8]) -> Answer {
    let id = request_id();
    match serve(control, head, body, &id) {
        Ok((status, body)) => reply(status, &body, id),
        Err((fault, named)) => failed(&fault, &named, id),
    }
}

/// Answers a request that cannot be looked at.
pub(super) fn turned_away(why: Turned) -> Answer {
    let fault = match why {
        Turned::Body => Fault::new(Code::Parameter, BODY_WRONG),
        Turned::Method => Fault::new(Code::NoMethod, "the method is not allowed here"),
        Turned::Failed => Fault::new(Code::Internal, "this failed; please try again"),
    };
    failed(&fault, &Named::default(), request_id())
}

fn reply(status: StatusCode, body: &Value, request_id: String) -> Answer {
    Answer { status, content_type: JSON, request_id, body: body.to_string() }
}

fn failed(fault: &Fault, named: &Named, request_id: String) -> Answer {
    let (status, code) = fault.code.on_the_wire();
    let body = json!({
        "result_code": code,
        "result_msg": fault.why,
        "error_code": code,
        "error_msg": fault.why,
        "request_id": request_id,
        "domain": named.domain,
        "app_name": named.app_name,
        "id": named.id,
    });
    reply(status, &body, request_id)
}

type Served = Result<(StatusCode, Value), (Fault, Named)>;

fn serve(control: &Control, head: &Parts, body: &[u8], request_id: &str) -> Served {
    let nameless = |fault| (fault, Named::default());
    let (project, operation) = route(&head.method, head.uri.path()).map_err(nameless)?;
    let key = authorize(control, head, body).map_err(nameless)?;
    if key.project_id.as_deref().is_some_and(|own| own != project) {
        let why = "the access key is of another project than the path";
        return Err(nameless(Fault::new(Code::Forbidden, why)));
    }
    if !key.scopes.contains(&Scope::Huawei) {
        let why = "the access key has not the scope huawei";
        return Err(nameless(Fault::new(Code::Forbidden, why)));
    }
    let action = operation.name();
    let caller = Caller { scope: Scope::Huawei, action, key_id: &key.id, request_id };
    let query = head.uri.query().unwrap_or_default();
    Call { control, caller, query, body }.run(operation)
}

/// The project and the operation that method and path name.
fn route<'p>(method: &Method, path: &'p str) -> Result<(&'p str, Operation), Fault> {
    let unknown = || Fault::new(Code::NoApi, "The API does not exist or has not been published");
    let rest = path.strip_prefix("/v1/").ok_or_else(unknown)?;
    let (project, rest) = rest.split_once('/').ok_or_else(unknown)?;
    let rest = rest.strip_prefix("ott/channels").ok_or_else(unknown)?;
    let at_path: Vec<_> = Operation::ALL.iter().filter(|(path, ..)| *path == rest).collect();
    if at_path.is_empty() {
        return Err(unknown());
    }
    let found = at_path.iter().find(|(_, m, _)| m == method);
    let found = found.ok_or_else(|| Fault::new(Code::NoMethod, "the method is not allowed here"));
    found.map(|(_, _, operation)| (project, *operation))
}

/// The key that signed a request, if it did so rightly and just now.
fn authorize<'c>(control: &'c Control, head: &Parts, body: &[u8]) -> Result<&'c AccessKey, Fault> {
    let incorrect = |why: &str| {
        Fault::new(Code::Unauthorized, format!("Incorrect IAM authentication information: {why}"))
    };
    let signature = Sdk::read(&head.headers).ok_or_else(|| {
        incorrect("Authorization must be SDK-HMAC-SHA256 Access=.., SignedHeaders=.., Signature=..")
    })?;
    let key = control.key(signature.key_id()).ok_or_else(|| incorrect("unknown access key"))?;
    let asked = Asked {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        headers: &head.headers,
        body,
    };
    let checked = signature.check(&asked, key.secret.bytes());
    checked.map_err(|_| incorrect("verify aksk signature fail"))?;
    let date = head.headers.get("x-sdk-date").and_then(|date| date.to_str().ok());
    let date = date.and_then(Stamp::parse_basic);
    let date = date.ok_or_else(|| incorrect("X-Sdk-Date must be yyyyMMddTHHmmssZ"))?;
    if date.0.abs_diff(Stamp::of(control.now().wall).0) > WINDOW_SECS {
        return Err(incorrect("signature expired"));
    }
    Ok(key)
}
