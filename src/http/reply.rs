//! The only place with status codes and cache headers: both are a function of the kind of object
//! and the resolution (invariant 18).

use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode};

use super::body::{Body, Tail};
use super::export::Download;
use super::negotiate::{Ranged, accepts_gzip, has_already, range};
use super::rendered::Rendered;
use crate::media::MediaKind;
use crate::resolve::{
    Container, Missing, NotNow, Object, ObjectKind, PastManifest, View, ViewKind,
};
use crate::units::MediaDuration;

/// Headers a script on another site may read.
const EXPOSED: HeaderValue =
    HeaderValue::from_static("Date, Content-Length, Content-Range, ETag, Age, Retry-After");
const PRIORITY: HeaderName = HeaderName::from_static("priority");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// Unknown names cost a cache a second, not more (they may become known).
const ONE_SECOND: HeaderValue = HeaderValue::from_static("max-age=1");
/// A list that is whole leaves with what it lists.
const ONE_HOUR: HeaderValue = HeaderValue::from_static("public, max-age=3600");
/// An object never changes under its name.
const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Seconds after which a client may try again.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("1");
const DAY_SECONDS: HeaderValue = HeaderValue::from_static("86400");

/// What is answered.
#[derive(Debug)]
pub(super) enum Reply {
    /// A manifest.
    Manifest {
        view: View,
        rendered: Arc<Rendered>,
        /// The list's target duration.
        target: MediaDuration,
    },
    /// A manifest of the past.
    Past {
        rendered: Arc<Rendered>,
        what: PastManifest,
        /// How long it is what it is; `None` where it never changes.
        fresh: Option<MediaDuration>,
    },
    /// A stretch of the past as a file, and whether it grows no more.
    Export { download: Download, etag: String, settled: bool },
    /// Bytes that never change, and their validator.
    Object { object: Object, etag: String },
    /// A segment that is being made, and its validator: the same as when it is complete.
    Growing { media: MediaKind, etag: String, tail: Tail },
    /// A text made for this request.
    Text { content_type: &'static str, text: Bytes },
    /// A malformed or contradictory request.
    BadRequest(String),
    /// Access refused: the same whatever the reason.
    Forbidden,
    /// Not there.
    NotFound(Missing),
    /// It was there.
    Gone,
    /// Another method than GET, HEAD, OPTIONS.
    Method,
    /// The channel or this wait has nothing to show now.
    Unavailable(NotNow),
    /// `limits.waiters` wait already.
    Crowded,
    /// The server ends.
    Draining,
    /// A CORS preflight.
    Preflight,
}

impl Reply {
    /// The kind of what is answered, for metrics and the access log.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Reply::Manifest { view, .. } => match view.kind {
                ViewKind::Mpd => "mpd",
                ViewKind::Multivariant => "multivariant",
                ViewKind::Media { .. } => "media",
            },
            Reply::Past { what, .. } => match what {
                PastManifest::Mpd(_) => "mpd",
                PastManifest::Multivariant => "multivariant",
                PastManifest::Media(_) => "media",
            },
            Reply::Object { object, .. } => match object.kind {
                ObjectKind::Init => "init",
                ObjectKind::Segment => "segment",
                ObjectKind::Part => "part",
            },
            Reply::Growing { .. } => "segment",
            Reply::Export { .. } => "mp4",
            Reply::Text { .. } => "text",
            Reply::Preflight => "preflight",
            _ => "refusal",
        }
    }

    /// Turns an answer into a response to a request of this method with these headers.
    pub(super) fn into_response(self, method: &Method, asked: &HeaderMap) -> Response<Body> {
        let (cache, priority) = (self.cache_control(), self.priority());
        let mut response = match self {
            Reply::Manifest { view, rendered, .. } => {
                manifest(view.kind == ViewKind::Mpd, &rendered, asked)
            }
            Reply::Past { what, rendered, .. } => {
                manifest(matches!(what, PastManifest::Mpd(_)), &rendered, asked)
            }
            Reply::Export { download, etag, .. } => download.into_response(&etag, asked),
            Reply::Object { object, etag } => {
                let content_type = content_type(object.container, object.media);
                bytes(object.body, content_type, &etag, asked)
            }
            Reply::Growing { media, etag, tail } => {
                growing(tail, content_type(Container::Cmaf, media), &etag, asked)
            }
            Reply::Text { content_type, text } => whole(StatusCode::OK, content_type, vec![text]),
            Reply::BadRequest(why) => sentence(StatusCode::BAD_REQUEST, &why),
            Reply::Forbidden => sentence(StatusCode::FORBIDDEN, "access to this is not allowed"),
            Reply::NotFound(why) => sentence(StatusCode::NOT_FOUND, &why.to_string()),
            Reply::Gone => sentence(StatusCode::GONE, "this was here and has left the window"),
            Reply::Method => {
                sentence(StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD and OPTIONS are allowed")
            }
            Reply::Unavailable(why) => sentence(StatusCode::SERVICE_UNAVAILABLE, &why.to_string()),
            Reply::Crowded => sentence(
                StatusCode::SERVICE_UNAVAILABLE,
                "too many requests wait for what is not there yet: limits.waiters is reached",
            ),
            Reply::Draining => sentence(StatusCode::SERVICE_UNAVAILABLE, "the server is ending"),
            Reply::Preflight => whole(StatusCode::NO_CONTENT, "text/plain", Vec::new()),
        };
        let status = response.status();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, cache);
        if let Some(priority) = priority {
            headers.insert(PRIORITY, priority);
        }
        put_cors(headers, method, asked);
        match status {
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, RETRY_SECONDS);
            }
            StatusCode::METHOD_NOT_ALLOWED => {
                headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS"));
            }
            _ => {}
        }
        if method == Method::HEAD {
            *response.body_mut() = Body::default();
        }
        response
    }

    /// RFC 9218 §5, as rfc8216bis appendix B.1 wants it: playlists first, then what is played
    /// next. All rungs are equal, so that none goes before a lower one.
    fn priority(&self) -> Option<HeaderValue> {
        match self {
            Reply::Manifest { .. } | Reply::Past { .. } => Some(HeaderValue::from_static("u=1")),
            Reply::Object { object, .. } => match object.kind {
                ObjectKind::Init | ObjectKind::Part => Some(HeaderValue::from_static("u=2")),
                ObjectKind::Segment => Some(HeaderValue::from_static("u=3")),
            },
            Reply::Growing { .. } => Some(HeaderValue::from_static("u=3")),
            _ => None,
        }
    }

    /// SPEC: rfc8216bis appendix B.1 for lifetimes; refusals are never kept by a cache.
    fn cache_control(&self) -> HeaderValue {
        match self {
            Reply::Manifest { view, .. } if view.stale => NO_STORE,
            Reply::Manifest { view, target, .. } => {
                let whole = target.ceil_secs();
                let seconds = if view.blocking { whole * 6 } else { whole / 2 };
                HeaderValue::from_str(&format!("max-age={seconds}")).unwrap_or(NO_STORE)
            }
            Reply::Past { fresh: None, .. } | Reply::Export { settled: true, .. } => ONE_HOUR,
            Reply::Past { fresh: Some(fresh), .. } => {
                let seconds = (fresh.ceil_secs() / 2).max(1);
                HeaderValue::from_str(&format!("max-age={seconds}")).unwrap_or(NO_STORE)
            }
            Reply::Object { .. } | Reply::Growing { .. } => FOREVER,
            Reply::NotFound(
                Missing::Unknown
                | Missing::OtherProtocol
                | Missing::Gap
                | Missing::NotKept
                | Missing::InArchive
                | Missing::Past,
            )
            | Reply::Gone
            | Reply::Export { settled: false, .. } => ONE_SECOND,
            Reply::Text { .. }
            | Reply::BadRequest(_)
            | Reply::Forbidden
            | Reply::NotFound(Missing::NotYet | Missing::Future)
            | Reply::Method
            | Reply::Unavailable(_)
            | Reply::Crowded
            | Reply::Draining
            | Reply::Preflight => NO_STORE,
        }
    }
}

pub(super) fn whole(
    status: StatusCode,
    content_type: &'static str,
    body: Vec<Bytes>,
) -> Response<Body> {
    let body = Body::new(body);
    let length = body.len();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if status != StatusCode::NO_CONTENT && status != StatusCode::NOT_MODIFIED {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    response
}

pub(super) fn sentence(status: StatusCode, why: &str) -> Response<Body> {
    whole(status, "text/plain; charset=utf-8", vec![Bytes::from(format!("{why}\n"))])
}

fn manifest(mpd: bool, rendered: &Rendered, asked: &HeaderMap) -> Response<Body> {
    let content_type = if mpd { "application/dash+xml" } else { "application/vnd.apple.mpegurl" };
    // A manifest changes under its URL, so a range of it means nothing: Chromium's own player asks
    // for what lies behind the length it saw last. RFC 9110 §14.2 lets a server pass a Range over.
    let compressed = accepts_gzip(asked);
    let etag = if compressed {
        format!("{}-gz\"", rendered.etag.trim_end_matches('"'))
    } else {
        rendered.etag.clone()
    };
    let mut response = if has_already(asked, &etag) {
        whole(StatusCode::NOT_MODIFIED, content_type, Vec::new())
    } else if compressed {
        let mut response = whole(StatusCode::OK, content_type, vec![rendered.gzip()]);
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        response
    } else {
        whole(StatusCode::OK, content_type, vec![rendered.plain.clone()])
    };
    put(&mut response, header::ETAG, &etag);
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    response
}

fn content_type(container: Container, media: MediaKind) -> &'static str {
    match (container, media) {
        (Container::TransportStream, _) => "video/mp2t",
        (Container::Cmaf, MediaKind::Video) => "video/mp4",
        (Container::Cmaf, MediaKind::Audio) => "audio/mp4",
    }
}

/// Bytes that are still coming: 200 without a length, or 304. A range is passed over (RFC 9110
/// §14.2): its answer would have to tell the last byte.
fn growing(
    tail: Tail,
    content_type: &'static str,
    etag: &str,
    asked: &HeaderMap,
) -> Response<Body> {
    let mut response = if has_already(asked, etag) {
        whole(StatusCode::NOT_MODIFIED, content_type, Vec::new())
    } else {
        let mut response = Response::new(Body::growing(tail));
        let kind = HeaderValue::from_static(content_type);
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    };
    put(&mut response, header::ETAG, etag);
    response.headers_mut().insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    response
}

/// Bytes with a validator: 200, 206, 304 or 416.
fn bytes(
    body: Vec<Bytes>,
    content_type: &'static str,
    etag: &str,
    asked: &HeaderMap,
) -> Response<Body> {
    let length: u64 = body.iter().map(|b| b.len() as u64).sum();
    let mut response = if has_already(asked, etag) {
        whole(StatusCode::NOT_MODIFIED, content_type, Vec::new())
    } else {
        match range(asked, etag, length) {
            Ranged::Whole => whole(StatusCode::OK, content_type, body),
            Ranged::Unsatisfiable => {
                let mut response = sentence(
                    StatusCode::RANGE_NOT_SATISFIABLE,
                    "the range lies outside the object",
                );
                put(&mut response, header::CONTENT_RANGE, &format!("bytes */{length}"));
                response
            }
            Ranged::Part(part) => {
                let mut response = whole(
                    StatusCode::PARTIAL_CONTENT,
                    content_type,
                    cut(body, part.start, part.end),
                );
                let last = part.end - 1;
                put(
                    &mut response,
                    header::CONTENT_RANGE,
                    &format!("bytes {}-{last}/{length}", part.start),
                );
                response
            }
        }
    };
    put(&mut response, header::ETAG, etag);
    response.headers_mut().insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    response
}

pub(super) fn put(response: &mut Response<Body>, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// Bytes `start..end` of pieces laid end to end, shared.
fn cut(pieces: Vec<Bytes>, start: u64, end: u64) -> Vec<Bytes> {
    let mut at = 0_u64;
    let mut out = Vec::new();
    for piece in pieces {
        let length = piece.len() as u64;
        let from = start.saturating_sub(at).min(length);
        let to = end.saturating_sub(at).min(length);
        if from < to {
            // Both are at most the piece's own length.
            out.push(piece.slice(from as usize..to as usize));
        }
        at += length;
    }
    out
}

/// CORS on every status: players come from other sites, and must see why they are refused.
fn put_cors(headers: &mut HeaderMap, method: &Method, asked: &HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    if method == Method::OPTIONS {
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET, HEAD, OPTIONS"),
        );
        let wanted = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
        let wanted = wanted.unwrap_or(HeaderValue::from_static("*"));
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, DAY_SECONDS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_over_pieces_without_copying() {
        let pieces =
            vec![Bytes::from_static(b"abc"), Bytes::from_static(b"defg"), Bytes::from_static(b"h")];
        let cut = |start, end| cut(pieces.clone(), start, end).concat();
        assert_eq!(cut(0, 8), b"abcdefgh");
        assert_eq!(cut(2, 5), b"cde");
        assert_eq!(cut(7, 8), b"h");
    }

    #[test]
    fn refusals_are_never_cached_and_always_readable_from_other_sites() {
        let replies = [
            Reply::BadRequest("x".to_owned()),
            Reply::Forbidden,
            Reply::NotFound(Missing::NotYet),
            Reply::Unavailable(NotNow::Starting),
            Reply::Crowded,
        ];
        for reply in replies {
            let response = reply.into_response(&Method::GET, &HeaderMap::new());
            assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
            assert_eq!(response.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        }
    }
}
