//! The egress listener: requests of players and CDNs.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response, Version};
use hyper::body::Incoming;
use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use tokio::net::TcpListener;

use super::body::Body;
use super::export;
use super::growing::Grower;
use super::past;
use super::reply::Reply;
use super::server::{Served, serve};
use crate::manifest::dash::UPDATE_PERIOD;
use crate::media::MediaKind;
use crate::observe::Limit;
use crate::packager::Snapshot;
use crate::resolve::{
    Arrival, Container, DerivedName, EgressPath, EndpointRules, File, GENERATION, Leaf, Missing,
    Object, ObjectKind, Resolution, View, ViewKind, Viewer, client_address, requested_host,
    resolve,
};
use crate::runtime::{ChannelHandle, ChannelSet, Entrance, Origin, Shown, WaitPlace};
use crate::units::{MediaDuration, Monotonic, Now};

/// Serves readers until shutdown.
pub async fn serve_readers(listener: TcpListener, origin: Arc<Origin>) {
    let served = Served {
        connections: origin.limits.connections,
        limit: Limit::Connections,
        slow_reader: origin.limits.slow_reader,
        front: origin.fronts.egress.clone(),
    };
    serve(listener, origin, served, answer).await;
}

async fn answer(
    origin: Arc<Origin>,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Response<Body> {
    let began = origin.clock.now().mono;
    let (head, _) = request.into_parts();
    let reply = match head.method {
        Method::OPTIONS => Reply::Preflight,
        Method::GET | Method::HEAD => {
            let path = head.uri.path();
            match path {
                "/time" => time(&origin),
                "/" if origin.page.is_some() => Reply::Text {
                    content_type: "text/html; charset=utf-8",
                    text: origin.page.clone().unwrap_or_default(),
                },
                _ => {
                    let set = origin.set();
                    match place(&origin, &set, peer, &head) {
                        Some((channel, at)) => media(&origin, peer, &head, &channel, &at).await,
                        None => Reply::NotFound(Missing::Unknown),
                    }
                }
            }
        }
        _ => Reply::Method,
    };
    // HTTP/2 brings scheme and host along.
    let asked = head.uri.path_and_query().map_or("", |asked| asked.as_str());
    let kind = reply.kind();
    let response = reply.into_response(&head.method, &head.headers);
    let (status, bytes) = (response.status().as_u16(), response.body().len());
    origin.metrics.answered(kind, status);
    origin.metrics.sent.inc_by(bytes);
    let micros = origin.clock.now().mono.since(began).as_micros() as u64;
    tracing::info!(target: "access", %peer, method = %head.method, uri = asked, status, bytes, micros);
    response
}

/// The wall clock, for UTCTiming: never cached.
fn time(origin: &Origin) -> Reply {
    const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));
    let now =
        Timestamp::from_millisecond(origin.clock.now().wall.millis()).unwrap_or(Timestamp::MAX);
    let text = Bytes::from(PRINTER.timestamp_to_string(&now));
    Reply::Text { content_type: "text/plain; charset=utf-8", text }
}

/// What of a channel is asked for.
struct At<'a> {
    ordinal: u32,
    /// Where the endpoint's manifest is published, where it is one that is.
    published: Option<&'a str>,
    leaf: Leaf<'a>,
}

impl At<'_> {
    /// The rules that hold now; of manifests by what their query asks for.
    fn rules(&self, shown: &Shown, query: Option<&str>) -> Option<Arc<EndpointRules>> {
        let entrance = shown.endpoints.get(&self.ordinal)?;
        let query = query.filter(|_| matches!(self.leaf, Leaf::Manifest { .. }));
        let rules = |entrance: &Entrance| entrance.of(query).at(self.published).cloned();
        let now = rules(entrance);
        let speaks = |rules: &Arc<EndpointRules>| rules.speaks(&self.leaf);
        if now.as_ref().is_some_and(speaks) {
            return now;
        }
        entrance.formers().iter().filter_map(rules).find(speaks).or(now)
    }
}

/// Whose a path is: by names under `/v1/`, else by what is published there.
fn place<'a>(
    origin: &Origin,
    set: &'a ChannelSet,
    peer: SocketAddr,
    head: &'a Parts,
) -> Option<(Arc<ChannelHandle>, At<'a>)> {
    let path = head.uri.path();
    let (channel, at) = if let Some(path) = EgressPath::parse(path) {
        let EgressPath { group, ordinal, channel, leaf } = path;
        (set.channel(group, channel)?, At { ordinal, published: None, leaf })
    } else {
        let text = |name| head.headers.get(name).and_then(|v: &HeaderValue| v.to_str().ok());
        // HTTP/2 has it in the request's URI.
        let own = head.uri.host().or_else(|| text("host"));
        let trusted = &origin.egress.trusted_proxies;
        let host = requested_host(peer.ip(), own, text("x-forwarded-host"), trusted);
        let found = set.routes.find(host, path)?;
        let at = At { ordinal: found.ordinal, published: found.manifest, leaf: found.leaf };
        (set.channel(found.group, found.channel)?, at)
    };
    Some((Arc::clone(channel), at))
}

async fn media(
    origin: &Arc<Origin>,
    peer: SocketAddr,
    head: &Parts,
    channel: &Arc<ChannelHandle>,
    at: &At<'_>,
) -> Reply {
    let (headers, query) = (&head.headers, head.uri.query());
    let may_grow = head.version >= Version::HTTP_11;
    let forwarded = headers.get_all("x-forwarded-for").iter().map(HeaderValue::as_bytes);
    let bearer =
        headers.get(header::AUTHORIZATION).and_then(|v| v.as_bytes().strip_prefix(b"Bearer "));
    let viewer = Viewer {
        address: client_address(peer.ip(), forwarded, &origin.egress.trusted_proxies),
        code: headers.get(&origin.egress.cdn_auth_header).map(HeaderValue::as_bytes),
        bearer,
        identifier: None,
    };
    let goes = channel.ending.begun() && !origin.shutdown.begun();
    let asked = Asked { at, headers, query, viewer, may_grow, goes };
    let (resolution, snapshot, rules) = wait_for(origin, channel, &asked).await;
    let (Some(rules), leaf) = (rules, &at.leaf) else {
        return Reply::NotFound(Missing::Unknown);
    };
    match resolution {
        Resolution::Manifest(view) => manifest(origin, channel, &rules, &snapshot, view).await,
        Resolution::Object(object) => Reply::Object { object, etag: etag(leaf) },
        Resolution::Past(view) => past::manifest(channel, &rules, view, snapshot).await,
        Resolution::Export { from, to } => {
            let name = Arc::clone(channel);
            export::reply(origin, name, &rules, query, (from, to)).await
        }
        Resolution::Archived(archived, otherwise) => {
            match past::object(channel, &rules, archived).await {
                Ok(Some(object)) => Reply::Object { object, etag: etag(leaf) },
                Ok(None) => past::refusal(&otherwise),
                Err(why) => Reply::Unavailable(why),
            }
        }
        Resolution::Growing(growing) => {
            let Some(place) = origin.wait_place() else {
                origin.metrics.crossed(Limit::Waiters);
                return Reply::Crowded;
            };
            let (media, etag) = (growing.media, etag(leaf));
            let (origin, channel) = (Arc::clone(origin), Arc::clone(channel));
            let grower = Grower { origin, channel, growing, _place: place };
            Reply::Growing { media, etag, tail: grower.tail() }
        }
        Resolution::Derived(derived) => {
            let body = channel.derived.get(derived, &snapshot, &origin.metrics).await;
            let kind = match derived.name {
                DerivedName::Segment(_) => ObjectKind::Segment,
                DerivedName::Part { .. } => ObjectKind::Part,
            };
            let container = Container::TransportStream;
            match body {
                Some(body) => {
                    let object = Object { body, kind, media: MediaKind::Video, container };
                    Reply::Object { object, etag: etag(leaf) }
                }
                None => Reply::Gone,
            }
        }
        Resolution::BadRequest(error) => Reply::BadRequest(error.to_string()),
        Resolution::Forbidden(refused) => {
            origin.metrics.refused(refused.label());
            tracing::debug!(target: "access", %peer, reason = refused.label(), "refused");
            Reply::Forbidden
        }
        Resolution::NotFound(missing) => Reply::NotFound(missing),
        Resolution::Gone => Reply::Gone,
        Resolution::Unavailable(why) => Reply::Unavailable(why),
        Resolution::Wait { .. } => Reply::Crowded,
    }
}

/// A manifest of what is live.
async fn manifest(
    origin: &Origin,
    channel: &Arc<ChannelHandle>,
    rules: &Arc<EndpointRules>,
    snapshot: &Arc<Snapshot>,
    view: View,
) -> Reply {
    let rendered = if rules.beyond_memory {
        past::beyond(channel, rules, snapshot, view, &origin.metrics).await
    } else {
        channel.renderings.get(rules, snapshot, view, &origin.metrics)
    };
    let seconds = snapshot.segmentations.get(&rules.segmentation).map_or(1, |s| s.target);
    let target = match view.kind {
        // A new Period must be met in time.
        ViewKind::Mpd if rules.grows() => UPDATE_PERIOD,
        _ => MediaDuration::from_secs(i64::from(seconds)),
    };
    match rendered {
        Some(rendered) => Reply::Manifest { view, rendered, target },
        None => Reply::NotFound(Missing::Unknown),
    }
}

/// A request for media.
struct Asked<'a> {
    at: &'a At<'a>,
    headers: &'a HeaderMap,
    query: Option<&'a str>,
    viewer: Viewer<'a>,
    may_grow: bool,
    /// Whether the channel goes.
    goes: bool,
}

impl Asked<'_> {
    fn answer(
        &self,
        snapshot: &Snapshot,
        rules: Option<&EndpointRules>,
        arrival: Arrival,
        now: Now,
    ) -> Resolution {
        // An endpoint may have been removed while its reader waited.
        let Some(rules) = rules else { return Resolution::NotFound(Missing::Unknown) };
        // Nobody begins to watch what goes; who watches it sees its lists end.
        if (self.goes || rules.leaving) && rules.begins(&self.at.leaf) {
            return Resolution::NotFound(Missing::Unknown);
        }
        let header = rules.access.identifier_header();
        let identifier = header.and_then(|name| self.headers.get(name)).map(HeaderValue::as_bytes);
        let viewer = Viewer { identifier, ..self.viewer };
        resolve(snapshot, rules, &self.at.leaf, self.query, &viewer, arrival, now)
    }
}

/// Resolves, and where that says to wait, waits for the rendition's next version, the deadline or
/// shutdown, and asks again. A `Wait` comes out only where too many wait already.
async fn wait_for(
    origin: &Arc<Origin>,
    channel: &ChannelHandle,
    asked: &Asked<'_>,
) -> (Resolution, Arc<Snapshot>, Option<Arc<EndpointRules>>) {
    let now = origin.clock.now();
    let mut shown = channel.shown();
    let mut rules = asked.at.rules(&shown, asked.query);
    let losses = shown.snapshot.losses;
    let arrival = Arrival { at: now.mono, losses, may_grow: asked.may_grow };
    let mut resolution = asked.answer(&shown.snapshot, rules.as_deref(), arrival, now);
    let mut place: Option<WaitPlace> = None;
    while let Resolution::Wait { on, deadline } = resolution {
        if place.is_none() {
            place = origin.wait_place();
            if place.is_none() {
                origin.metrics.crossed(Limit::Waiters);
                break;
            }
        }
        // Subscribed before what is shown is looked at again: nothing published after is missed.
        let mut versions = channel.versions(on);
        if Arc::ptr_eq(&channel.shown(), &shown) {
            tokio::select! {
                _ = versions.changed() => {}
                () = origin.clock.sleep_until(deadline) => {}
                // Who waits when the server ends gets what is there.
                () = origin.shutdown.wait() => {}
            }
        }
        // Rules may have changed too.
        shown = channel.shown();
        rules = asked.at.rules(&shown, asked.query);
        let mut now = origin.clock.now();
        if origin.shutdown.begun() {
            now.mono = Monotonic(u64::MAX);
        }
        resolution = asked.answer(&shown.snapshot, rules.as_deref(), arrival, now);
    }
    (resolution, Arc::clone(&shown.snapshot), rules)
}

/// An object's URL names its bytes, so its name is its validator.
fn etag(leaf: &Leaf<'_>) -> String {
    match leaf {
        Leaf::Object { file: File::Segment { number, .. }, .. } => {
            format!("\"{GENERATION}-{number}\"")
        }
        Leaf::Object { file: File::Part { period, start, .. }, .. } => {
            format!("\"{GENERATION}-p{period}-{start}\"")
        }
        Leaf::Object { file: File::Init { period }, .. } => format!("\"{GENERATION}-i{period}\""),
        Leaf::Object { file: File::Playlist, .. } | Leaf::Manifest { .. } => {
            format!("\"{GENERATION}\"")
        }
    }
}
