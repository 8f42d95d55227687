//! What an operation says in the place of an answer.

use http::StatusCode;

use crate::api::ChangeError;
use crate::api::model::ott::DocumentError;

/// Why an operation was not done.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) code: Code,
    pub(super) why: String,
}

/// What kind of fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    /// A parameter, a name that is taken or not there.
    Parameter,
    /// The store.
    Internal,
    /// No signature, or a wrong one.
    Unauthorized,
    /// A key that may not.
    Forbidden,
    /// No such path.
    NoApi,
    /// No such method there.
    NoMethod,
}

impl Code {
    /// Status and code.
    pub(super) fn on_the_wire(self) -> (StatusCode, &'static str) {
        match self {
            Code::Parameter => (StatusCode::BAD_REQUEST, "LIVE.100011001"),
            Code::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "LIVE.100011002"),
            Code::Unauthorized => (StatusCode::UNAUTHORIZED, "APIGW.0301"),
            Code::Forbidden => (StatusCode::FORBIDDEN, "APIGW.0302"),
            Code::NoApi => (StatusCode::NOT_FOUND, "APIGW.0101"),
            Code::NoMethod => (StatusCode::METHOD_NOT_ALLOWED, "APIGW.0106"),
        }
    }
}

/// What could be read of the channel that a request names.
#[derive(Clone, Debug, Default)]
pub(super) struct Named {
    pub(super) domain: String,
    pub(super) app_name: String,
    pub(super) id: String,
}

impl Fault {
    pub(super) fn new(code: Code, why: impl Into<String>) -> Self {
        Fault { code, why: why.into() }
    }
}

impl From<ChangeError> for Fault {
    fn from(error: ChangeError) -> Fault {
        match error {
            ChangeError::Refused(refusal) => Fault::new(Code::Parameter, refusal.to_string()),
            ChangeError::Store(error) => {
                tracing::error!(%error, "an operation of the control plane failed");
                Fault::new(Code::Internal, "the service cannot do this now; please try again")
            }
        }
    }
}

impl From<DocumentError> for Fault {
    fn from(error: DocumentError) -> Fault {
        Fault::new(Code::Parameter, format!("param check failed: {error}"))
    }
}
