//! What an operation says in the place of an answer: a code, a sentence, and where it lies.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::WWW_AUTHENTICATE;
use serde_json::json;
use thiserror::Error;

use crate::api::ChangeError;
use crate::api::model::Refusal;
use crate::api::random::NoRandomness;

/// Why an operation was not done.
#[derive(Debug, Error)]
pub(in crate::api) enum NativeError {
    #[error("Authorization must be Bearer with the secret of an access key of scope native")]
    Unauthorized,
    #[error("{why}")]
    Invalid { field: String, why: String },
    #[error(transparent)]
    Change(#[from] ChangeError),
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

impl NativeError {
    pub(super) fn invalid(field: &str, why: &str) -> Self {
        NativeError::Invalid { field: field.to_owned(), why: why.to_owned() }
    }
}

impl From<Refusal> for NativeError {
    fn from(refusal: Refusal) -> NativeError {
        NativeError::Change(refusal.into())
    }
}

impl IntoResponse for NativeError {
    fn into_response(self) -> Response {
        let (status, code) = match &self {
            NativeError::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized"),
            NativeError::Invalid { .. } => (StatusCode::BAD_REQUEST, "invalid"),
            NativeError::Change(ChangeError::Refused(refusal)) => match refusal {
                Refusal::Unknown(_) | Refusal::UnknownPackage(_) => {
                    (StatusCode::NOT_FOUND, "unknown")
                }
                Refusal::Taken(_) | Refusal::UrlTaken(_) => (StatusCode::CONFLICT, "taken"),
                Refusal::InUse(..) => (StatusCode::CONFLICT, "in_use"),
                Refusal::TokenMismatch
                | Refusal::EndpointsFull { .. }
                | Refusal::Durations { .. } => (StatusCode::CONFLICT, "full"),
            },
            NativeError::Change(ChangeError::Store(_)) | NativeError::Randomness(_) => {
                tracing::error!(error = %self, "an operation of the control plane failed");
                (StatusCode::INTERNAL_SERVER_ERROR, "internal")
            }
        };
        let message = if status.is_server_error() {
            "the service cannot do this now; please try again".to_owned()
        } else {
            self.to_string()
        };
        let field = match &self {
            NativeError::Invalid { field, .. } if !matches!(field.as_str(), "" | ".") => {
                Some(field)
            }
            _ => None,
        };
        let body = Json(json!({ "error": { "code": code, "message": message, "field": field } }));
        if status == StatusCode::UNAUTHORIZED {
            return (status, [(WWW_AUTHENTICATE, "Bearer")], body).into_response();
        }
        (status, body).into_response()
    }
}
