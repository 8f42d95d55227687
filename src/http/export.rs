//! A stretch of the past as an MP4: made and sent piece by piece, ranges of it as well.

use std::sync::Arc;

use http::header::{self, HeaderMap, HeaderValue};
use http::{Response, StatusCode};

use super::body::{Body, Next, Tail};
use super::negotiate::{Ranged, has_already, range};
use super::reply::{Reply, put, sentence, whole};
use crate::archive::{Export, best, is_lost};
use crate::packager::Rendition;
use crate::resolve::{EndpointRules, Missing, NotNow};
use crate::runtime::{ChannelHandle, Origin};

/// The parameter that names the renditions of a file.
const TRACKS: &str = "tracks";
/// How long after its end a stretch still grows: what is played last is archived a little later.
const SETTLED_MS: i64 = 60_000;

/// A file that is to be sent.
#[derive(Debug)]
pub(super) struct Download {
    origin: Arc<Origin>,
    export: Arc<Export>,
}

/// The file of a stretch.
pub(super) async fn reply(
    origin: &Arc<Origin>,
    channel: Arc<ChannelHandle>,
    rules: &EndpointRules,
    query: Option<&str>,
    (from, to): (i64, i64),
) -> Reply {
    let wanted = wanted(query);
    let lineage = channel.snapshot().lineage(rules.segmentation);
    let settled = origin.clock.now().wall.millis() - to >= SETTLED_MS;
    let made = tokio::task::spawn_blocking(move || {
        let shelf = channel.shelf()?;
        let mut unknown = None;
        let choose = |known: &[Rendition]| {
            let Some(wanted) = &wanted else { return best(known) };
            let names: Vec<&str> = known.iter().map(|r| r.name.as_str()).collect();
            let missing = wanted.iter().find(|name| !names.contains(&name.as_str()));
            unknown = missing.map(|name| (name.clone(), names.join(", ")));
            wanted.clone()
        };
        let mut choose = choose;
        let export = shelf.export(&lineage, (from, to), &mut choose);
        let export = export.inspect_err(|error| {
            let (group, name) = (&channel.group, &channel.name);
            tracing::warn!(group, channel = name, %error, "a file cannot be made of the archive");
        });
        Some((export, unknown))
    });
    match made.await.ok().flatten() {
        Some((_, Some((name, known)))) => {
            Reply::BadRequest(format!("{TRACKS}: {name} is not there; there are {known}"))
        }
        Some((Err(error), None)) if !is_lost(&error) => Reply::Unavailable(NotNow::Unreadable),
        Some((Ok(Some(export)), None)) => {
            let etag = format!("\"mp4-{:08x}-{}\"", export.checksum(), export.length());
            let download = Download { origin: Arc::clone(origin), export: Arc::new(export) };
            Reply::Export { download, etag, settled }
        }
        _ => Reply::NotFound(Missing::NotKept),
    }
}

/// The names of `tracks=a,b`; absent where nothing is said.
fn wanted(query: Option<&str>) -> Option<Vec<String>> {
    let mut pairs = query?.split('&').filter_map(|pair| pair.split_once('='));
    let (_, names) = pairs.find(|(name, _)| *name == TRACKS)?;
    let names = percent_encoding::percent_decode_str(names).decode_utf8_lossy();
    Some(names.split(',').map(str::to_owned).collect())
}

impl Download {
    /// Turns it into a response to a request with these headers: 200, 206, 304 or 416.
    pub(super) fn into_response(self, etag: &str, asked: &HeaderMap) -> Response<Body> {
        let length = self.export.length();
        if has_already(asked, etag) {
            let mut response = whole(StatusCode::NOT_MODIFIED, "video/mp4", Vec::new());
            put(&mut response, header::ETAG, etag);
            return response;
        }
        let (status, bytes) = match range(asked, etag, length) {
            Ranged::Whole => (StatusCode::OK, 0..length),
            Ranged::Part(part) => (StatusCode::PARTIAL_CONTENT, part.start..part.end),
            Ranged::Unsatisfiable => {
                let why = "the range lies outside the file";
                let mut response = sentence(StatusCode::RANGE_NOT_SATISFIABLE, why);
                put(&mut response, header::CONTENT_RANGE, &format!("bytes */{length}"));
                return response;
            }
        };
        let mut response = Response::new(Body::growing(self.tail(bytes.start, bytes.end)));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("video/mp4"));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.end - bytes.start));
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        put(&mut response, header::ETAG, etag);
        if status == StatusCode::PARTIAL_CONTENT {
            let told = format!("bytes {}-{}/{length}", bytes.start, bytes.end - 1);
            put(&mut response, header::CONTENT_RANGE, &told);
        }
        response
    }

    /// The bytes from `at` up to `end`, read when the reader has taken those before.
    fn tail(self, at: u64, end: u64) -> Tail {
        Tail::new(async move {
            let export = Arc::clone(&self.export);
            let read = tokio::task::spawn_blocking(move || export.read(at, end));
            let Ok(Ok(bytes)) = read.await else { return Next::CutOff };
            let next = at + bytes.len() as u64;
            self.origin.metrics.sent.inc_by(bytes.len() as u64);
            if self.origin.shutdown.begun() || bytes.is_empty() && at < end {
                return Next::CutOff;
            }
            if next >= end {
                Next::Last(vec![bytes])
            } else {
                Next::More(vec![bytes], self.tail(next, end))
            }
        })
    }
}
