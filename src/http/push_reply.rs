//! Answers to encoders: a status and a sentence.

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Response, StatusCode};

use super::body::Body;
use crate::ingest::{Algorithm, REALM};

/// What an encoder may show, the strongest first (RFC 7616 §3.7): a field each, as encoders that read
/// only the last Digest know MD5 alone, and those that read the first know both.
fn challenges(nonce: &str, stale: bool) -> Vec<HeaderValue> {
    let stale = if stale { ", stale=true" } else { "" };
    let digest = Algorithm::ALL.map(|algorithm| {
        format!(
            "Digest realm=\"{REALM}\", qop=\"auth\", algorithm={}, nonce=\"{nonce}\"{stale}, charset=UTF-8",
            algorithm.name()
        )
    });
    let basic = format!("Basic realm=\"{REALM}\", charset=\"UTF-8\"");
    let all = digest.into_iter().chain([basic]);
    all.filter_map(|challenge| HeaderValue::from_str(&challenge).ok()).collect()
}

/// What an encoder is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushReply {
    /// All of the body was taken.
    Taken,
    /// Another body is being pushed to the same rung.
    Busy,
    /// Neither PUT nor POST nor DELETE.
    Method,
    /// There is no such channel or input.
    NoChannel(String),
    /// The path is none of the ingest listener's.
    NoPath,
    /// The body is broken.
    Malformed(String),
    /// Media whose header was not pushed before.
    NoHeader(String),
    /// The body is no media this release takes.
    NotMedia(String),
    /// More than is held for one push.
    TooLarge(String),
    /// The channel ends with the server.
    Ending,
    /// The channel is removed.
    Removed,
    /// No byte came for `limits.ingest_silence`.
    Silent,
    /// The body broke off.
    BrokenOff,
    /// It had been silent when another encoder came for its rung.
    Superseded,
    /// It comes from an address that is not on the input's list.
    Forbidden,
    /// No or wrong user and password, or an answer to an old nonce.
    Unauthorized {
        /// A nonce to answer.
        nonce: String,
        /// Whether what was shown was right of an old nonce.
        stale: bool,
    },
}

impl PushReply {
    /// What the encoder is told, empty where all is well.
    #[must_use]
    pub fn sentence(&self) -> String {
        self.clone().parts().1
    }

    /// Its status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.clone().parts().0.as_u16()
    }

    fn parts(self) -> (StatusCode, String) {
        match self {
            PushReply::Taken => (StatusCode::OK, String::new()),
            PushReply::Busy => (
                StatusCode::CONFLICT,
                "another body is being pushed to this rung; push other rungs into folders of their own: /v1/{group}/{input}/{channel}/{rung}/live.ts".to_owned(),
            ),
            PushReply::Method => (StatusCode::METHOD_NOT_ALLOWED, "push media by PUT or POST; DELETE is taken and removes nothing".to_owned()),
            PushReply::NoChannel(why) => (StatusCode::NOT_FOUND, why),
            PushReply::NoPath => (
                StatusCode::NOT_FOUND,
                "push to /v1/{group}/{input}/{channel}/…, where input is 1 or 2: a transport stream to live.ts, or with a folder for each rung to {rung}/live.ts; HLS and DASH as the manifest has them; CMAF tracks to Streams({track})".to_owned(),
            ),
            PushReply::Malformed(why) => (StatusCode::BAD_REQUEST, why),
            PushReply::NoHeader(why) => (StatusCode::PRECONDITION_FAILED, why),
            PushReply::TooLarge(why) => (StatusCode::PAYLOAD_TOO_LARGE, why),
            PushReply::NotMedia(why) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, why),
            PushReply::Ending => (StatusCode::SERVICE_UNAVAILABLE, "the server is ending; try again".to_owned()),
            PushReply::Removed => {
                (StatusCode::NOT_FOUND, "this channel has been removed".to_owned())
            }
            PushReply::Silent => (
                StatusCode::REQUEST_TIMEOUT,
                "no byte came for limits.ingest_silence".to_owned(),
            ),
            PushReply::BrokenOff => (StatusCode::BAD_REQUEST, "the body broke off".to_owned()),
            PushReply::Superseded => (
                StatusCode::CONFLICT,
                "the connection was silent for limits.input_loss and another encoder has come for this rung".to_owned(),
            ),
            PushReply::Forbidden => (
                StatusCode::FORBIDDEN,
                "this input takes no encoder from this address: ip_whitelist of its [[channel.input]] does not hold it".to_owned(),
            ),
            PushReply::Unauthorized { .. } => (
                StatusCode::UNAUTHORIZED,
                "this input asks for its user and password by HTTP Basic or Digest".to_owned(),
            ),
        }
    }

    /// Status and sentence.
    #[must_use]
    pub fn into_response(self) -> Response<Body> {
        let challenges = match &self {
            PushReply::Unauthorized { nonce, stale } => challenges(nonce, *stale),
            _ => Vec::new(),
        };
        let (status, text) = self.parts();
        let text = if text.is_empty() { text } else { format!("{text}\n") };
        let mut response = Response::new(Body::new(vec![Bytes::from(text)]));
        *response.status_mut() = status;
        let length = response.body().len();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match status {
            StatusCode::UNAUTHORIZED => {
                for challenge in challenges {
                    headers.append(header::WWW_AUTHENTICATE, challenge);
                }
            }
            StatusCode::METHOD_NOT_ALLOWED => {
                headers.insert(header::ALLOW, HeaderValue::from_static("PUT, POST, DELETE"));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }
}
