//! What every request must pass before it is looked at: key, signature, date, nonce.

use http::StatusCode;
use http::header::AUTHORIZATION;
use http::request::Parts;
use thiserror::Error;

use super::reply::Fault;
use crate::api::control::Control;
use crate::api::model::value::Stamp;
use crate::api::sign::{Acs3, Asked, Pairs, Rpc1, SignatureError, SpentError};
use crate::config::{AccessKey, Scope};

/// Seconds that a request's date may lie from the server's clock.
const WINDOW_SECS: u64 = 15 * 60;

/// A request whose key is known and whose signature is right.
pub(super) struct Passed<'c> {
    pub(super) key: &'c AccessKey,
    pub(super) action: String,
    pub(super) version: String,
}

/// Why a request is not looked at.
#[derive(Clone, Debug, Error)]
pub(super) enum GateError {
    #[error("AccessKeyId is mandatory for this action")]
    NoKey,
    #[error("The request signature is incomplete: {0}")]
    Incomplete(&'static str),
    #[error("Specified access key is not found")]
    UnknownKey,
    #[error(
        "Specified signature is not matched with our calculation. server string to sign is:{0}"
    )]
    Signature(String),
    #[error("Specified time stamp or date value is not well formatted: yyyy-MM-ddTHH:mm:ssZ")]
    TimeFormat,
    #[error("Specified time stamp or date value is expired")]
    TimeExpired,
    #[error("Specified signature nonce was used already")]
    NonceUsed,
    #[error("Request was denied due to user flow control")]
    Throttled,
    #[error("Specified parameter Version is not valid")]
    Version,
    #[error("Specified api is not found, please check your url and method")]
    Action,
    #[error("the access key has not the scope {0}")]
    Scope(Scope),
}

impl From<GateError> for Fault {
    fn from(error: GateError) -> Fault {
        let (status, code) = match &error {
            GateError::NoKey => (400, "MissingParameter"),
            GateError::Incomplete(_) => (400, "IncompleteSignature"),
            GateError::UnknownKey => (404, "InvalidAccessKeyId.NotFound"),
            GateError::Signature(_) => (400, "SignatureDoesNotMatch"),
            GateError::TimeFormat => (400, "InvalidTimeStamp.Format"),
            GateError::TimeExpired => (400, "InvalidTimeStamp.Expired"),
            GateError::NonceUsed => (400, "SignatureNonceUsed"),
            GateError::Throttled => (400, "Throttling.User"),
            GateError::Version => (404, "InvalidVersion"),
            GateError::Action => (404, "InvalidAction.NotFound"),
            GateError::Scope(_) => (403, "Forbidden"),
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        Fault { status, code, message: error.to_string() }
    }
}

/// Checks a request. `parameters` are those of query and form.
pub(super) fn pass<'c>(
    control: &'c Control,
    head: &Parts,
    body: &[u8],
    query: &str,
    parameters: &Pairs,
) -> Result<Passed<'c>, GateError> {
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let parameter = |name: &str| {
        let found = parameters.iter().find(|(n, value)| n == name && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    };
    let either = |name: &str, by_header: &str| {
        parameter(name).or_else(|| header(by_header)).unwrap_or_default().to_owned()
    };
    if head.headers.contains_key(AUTHORIZATION) {
        let signature = Acs3::read(&head.headers).ok_or(GateError::Incomplete(
            "Authorization must be ACS3-HMAC-SHA256 Credential=..,SignedHeaders=..,Signature=..",
        ))?;
        let key = control.key(signature.key_id()).ok_or(GateError::UnknownKey)?;
        let path = head.uri.path();
        let asked =
            Asked { method: head.method.as_str(), path, query, headers: &head.headers, body };
        signature.check(&asked, key.secret.bytes()).map_err(|error| match error {
            SignatureError::Unsigned(name) => GateError::Incomplete(name),
            SignatureError::Header(_) | SignatureError::Body => {
                GateError::Signature(signature.string_to_sign(&asked))
            }
            SignatureError::Mismatch { string_to_sign } => GateError::Signature(string_to_sign),
        })?;
        let date = header("x-acs-date").unwrap_or_default();
        in_time_and_new(control, key, date, header("x-acs-signature-nonce").unwrap_or_default())?;
        let action = header("x-acs-action").unwrap_or_default().to_owned();
        let version = header("x-acs-version").unwrap_or_default().to_owned();
        return Ok(Passed { key, action, version });
    }
    if parameter("Signature").is_none() || parameter("AccessKeyId").is_none() {
        return Err(GateError::NoKey);
    }
    let signature = Rpc1::read(parameters).ok_or(GateError::Incomplete(
        "SignatureMethod must be HMAC-SHA1, SignatureVersion 1.0; SignatureNonce is needed",
    ))?;
    let key = control.key(signature.key_id).ok_or(GateError::UnknownKey)?;
    signature.check(head.method.as_str(), parameters, key.secret.bytes()).map_err(|error| {
        match error {
            SignatureError::Mismatch { string_to_sign } => GateError::Signature(string_to_sign),
            SignatureError::Unsigned(_) | SignatureError::Header(_) | SignatureError::Body => {
                GateError::Incomplete("Signature")
            }
        }
    })?;
    in_time_and_new(control, key, signature.timestamp, signature.nonce)?;
    let action = either("Action", "x-acs-action");
    Ok(Passed { key, action, version: either("Version", "x-acs-version") })
}

fn in_time_and_new(
    control: &Control,
    key: &AccessKey,
    date: &str,
    nonce: &str,
) -> Result<(), GateError> {
    let date = Stamp::parse(date).ok_or(GateError::TimeFormat)?;
    if date.0.abs_diff(Stamp::of(control.now().wall).0) > WINDOW_SECS {
        return Err(GateError::TimeExpired);
    }
    control.spend(&key.id, nonce).map_err(|error| match error {
        SpentError::Used => GateError::NonceUsed,
        SpentError::Full => GateError::Throttled,
    })
}
