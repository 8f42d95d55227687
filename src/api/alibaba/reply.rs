//! Answers of the RPC wire: a JSON object each, never an empty body.

use http::StatusCode;
use http::header::HOST;
use http::request::Parts;
use serde_json::{Value, json};

use super::Fields;
use crate::api::http::Answer;

/// Why an operation was not done, as the wire says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
}

const JSON: &str = "application/json;charset=utf-8";

/// What an operation answers.
pub(super) fn succeeded(mut fields: Fields, request_id: &str) -> Answer {
    fields.insert("RequestId".to_owned(), request_id.into());
    answer(StatusCode::OK, &Value::Object(fields), request_id)
}

/// Why it was not done.
pub(super) fn failed(fault: &Fault, request_id: &str, head: &Parts) -> Answer {
    let host = head.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let asks = |version: &str| {
        let query = head.uri.query().unwrap_or_default();
        head.headers.get("x-acs-version").is_some_and(|asked| asked == version)
            || query.split('&').any(|pair| pair.strip_prefix("Version=") == Some(version))
    };
    let product = if asks(super::LIVE) { "live" } else { "ICE" };
    let recommend =
        format!("https://api.aliyun.com/troubleshoot?q={}&product={product}", fault.code);
    let body = json!({
        "RequestId": request_id,
        "HostId": host,
        "Code": fault.code,
        "Message": fault.message,
        "Recommend": recommend,
    });
    answer(fault.status, &body, request_id)
}

fn answer(status: StatusCode, body: &Value, request_id: &str) -> Answer {
    Answer { status, content_type: JSON, request_id: request_id.to_owned(), body: body.to_string() }
}
