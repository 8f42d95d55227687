//! HTTP for pulling: one GET with its deadlines, redirects followed, over TLS too.

use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Pooled;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use thiserror::Error;
use tokio::time::timeout;
use url::Url;

use crate::ingest::segmented::Range;

/// Redirects followed of one request.
const REDIRECTS_MAX: usize = 5;
/// Without a byte of a body.
const SILENCE: Duration = Duration::from_secs(10);

/// Why nothing came.
#[derive(Debug, Error)]
pub(super) enum FetchError {
    /// No connection, or it broke.
    #[error("{0}")]
    Connection(String),
    /// Another status than success.
    #[error("the answer was {0}")]
    Status(StatusCode),
    /// All of a resource where a range of it was asked for.
    #[error(
        "the server answers a request for a range with the whole: playlists with \
        EXT-X-BYTERANGE need one that has ranges"
    )]
    NoRange,
    /// No answer, or no more of it, in time.
    #[error("no answer in time")]
    Late,
    /// Redirected too often, or to what is no URL of a web server.
    #[error("a redirect leads nowhere")]
    Redirect,
    /// Longer than what is taken.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
}

/// Fetches, keeping connections.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pooled: Pooled<HttpsConnector<HttpConnector>, Empty<Bytes>>,
}

/// An answer whose body is to come.
#[derive(Debug)]
pub(super) struct Fetched {
    /// Where it came from in the end.
    pub(super) url: Url,
    body: Incoming,
    left: usize,
    limit: usize,
}

impl Client {
    /// A client that believes the system's certificates.
    pub(super) fn new() -> Result<Self, FetchError> {
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(rustls::crypto::aws_lc_rs::default_provider())
            .map_err(|error| FetchError::Connection(error.to_string()))?
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Client { pooled: Pooled::builder(TokioExecutor::new()).build(connector) })
    }

    /// Asks for a resource or a range of it, of at most `limit` bytes; its head must come within
    /// `patience`.
    pub(super) async fn get(
        &self,
        url: &Url,
        range: Option<Range>,
        limit: usize,
        patience: Duration,
    ) -> Result<Fetched, FetchError> {
        let mut url = url.clone();
        for _ in 0..=REDIRECTS_MAX {
            let asked = self.pooled.request(request(&url, range)?);
            let answer = timeout(patience, asked).await.map_err(|_| FetchError::Late)?;
            let answer = answer.map_err(|error| FetchError::Connection(causes(&error)))?;
            let status = answer.status();
            if status.is_redirection() {
                let to = answer.headers().get(header::LOCATION).and_then(|to| to.to_str().ok());
                let to = to.and_then(|to| url.join(to).ok()).ok_or(FetchError::Redirect)?;
                url = to;
                continue;
            }
            if !status.is_success() {
                return Err(FetchError::Status(status));
            }
            if range.is_some() && status != StatusCode::PARTIAL_CONTENT {
                return Err(FetchError::NoRange);
            }
            return Ok(Fetched { url, body: answer.into_body(), left: limit, limit });
        }
        Err(FetchError::Redirect)
    }

    /// The same, whole.
    pub(super) async fn text(
        &self,
        url: &Url,
        limit: usize,
        patience: Duration,
    ) -> Result<(Url, Vec<u8>), FetchError> {
        let mut answer = self.get(url, None, limit, patience).await?;
        let mut text = Vec::new();
        while let Some(bytes) = answer.next().await? {
            text.extend_from_slice(&bytes);
        }
        Ok((answer.url, text))
    }
}

impl Fetched {
    /// The next bytes; nothing at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, FetchError> {
        loop {
            let frame = timeout(SILENCE, self.body.frame()).await.map_err(|_| FetchError::Late)?;
            let Some(frame) = frame else { return Ok(None) };
            let frame = frame.map_err(|error| FetchError::Connection(error.to_string()))?;
            let Ok(bytes) = frame.into_data() else { continue };
            self.left =
                self.left.checked_sub(bytes.len()).ok_or(FetchError::TooLong(self.limit))?;
            return Ok(Some(bytes));
        }
    }
}

fn request(url: &Url, range: Option<Range>) -> Result<Request<Empty<Bytes>>, FetchError> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(FetchError::Redirect);
    }
    let mut plain = url.clone();
    // Only a URL that cannot have them refuses to lose them.
    let _ = plain.set_username("");
    let _ = plain.set_password(None);
    plain.set_fragment(None);
    let mut request = Request::get(plain.as_str())
        .header(header::USER_AGENT, concat!("headwater/", env!("CARGO_PKG_VERSION")));
    if let Some(range) = range {
        let last = range.start.saturating_add(range.length.saturating_sub(1));
        request = request.header(header::RANGE, format!("bytes={}-{last}", range.start));
    }
    if let Some(basic) = credentials(url) {
        request = request.header(header::AUTHORIZATION, basic);
    }
    request.body(Empty::new()).map_err(|_| FetchError::Redirect)
}

/// User and password of a URL, as HTTP Basic has them (RFC 7617).
fn credentials(url: &Url) -> Option<HeaderValue> {
    use base64::Engine;
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let decoded = |text: &str| percent_encoding::percent_decode_str(text).collect::<Vec<u8>>();
    let mut both = decoded(url.username());
    both.push(b':');
    both.extend(decoded(url.password().unwrap_or_default()));
    let encoded = base64::prelude::BASE64_STANDARD.encode(both);
    let mut value = HeaderValue::from_str(&format!("Basic {encoded}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// An error with what lies under it: hyper's own words are few.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
