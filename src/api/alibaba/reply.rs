//! Answers of the RPC wire: a JSON object each, never an empty body.

use http::StatusCode;
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
pub(super) fn failed(fault: &Fault, request_id: &str, host: &str) -> Answer {
    let recommend = format!("https://api.aliyun.com/troubleshoot?q={}", fault.code);
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
