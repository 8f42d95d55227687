//! What an ICE operation says in the place of an answer.

use http::StatusCode;
use thiserror::Error;

use crate::api::ChangeError;
use crate::api::alibaba::reply::Fault;
use crate::api::model::Refusal;
use crate::api::random::NoRandomness;

/// Why an operation was not done.
#[derive(Debug, Error)]
pub(super) enum IceError {
    #[error("{0} is required")]
    Missing(&'static str),
    #[error("{name} {why}")]
    Invalid { name: &'static str, why: String },
    #[error(transparent)]
    Change(#[from] ChangeError),
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

impl From<Refusal> for IceError {
    fn from(refusal: Refusal) -> IceError {
        IceError::Change(refusal.into())
    }
}

impl From<IceError> for Fault {
    fn from(error: IceError) -> Fault {
        let (status, code) = match &error {
            IceError::Missing(_) => (StatusCode::BAD_REQUEST, "MissingParameter"),
            IceError::Invalid { .. } => (StatusCode::BAD_REQUEST, "InvalidParameter"),
            IceError::Change(ChangeError::Refused(refusal)) => match refusal {
                Refusal::Unknown(_) => (StatusCode::NOT_FOUND, "ResourceNotFound"),
                Refusal::Taken(_) => (StatusCode::CONFLICT, "ResourceAlreadyExists"),
                Refusal::InUse(..) => (StatusCode::CONFLICT, "ResourceInUse"),
                Refusal::TokenMismatch => (StatusCode::BAD_REQUEST, "IdempotentParameterMismatch"),
                Refusal::EndpointsFull { .. }
                | Refusal::Durations { .. }
                | Refusal::UrlTaken(_)
                | Refusal::UnknownPackage(_) => (StatusCode::FORBIDDEN, "OperationDenied"),
            },
            IceError::Change(ChangeError::Store(_)) | IceError::Randomness(_) => {
                tracing::error!(%error, "an operation of the control plane failed");
                let message = "the service cannot do this now; please try again".to_owned();
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                return Fault { status, code: "InternalError", message };
            }
        };
        Fault { status, code, message: error.to_string() }
    }
}
