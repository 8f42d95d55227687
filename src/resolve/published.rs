//! Manifests that stand beside `/v1/`: by path, and by Host where that is said. Their objects stand in
//! a folder beside them, which says whose they are: `{group}.{channel}.{n}-{generation}/`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use thiserror::Error;

use super::access::IpList;
use super::request::{File, Form, Leaf, decimal};

/// Longest path of a manifest, in bytes.
pub const PATH_MAX: usize = 512;
/// Longest host, in bytes (RFC 1035 §2.3.4).
pub const HOST_MAX: usize = 253;

/// Where a manifest stands beside `/v1/`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Published {
    host: Option<String>,
    path: String,
}

/// Why a manifest cannot stand there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PublishedError {
    /// The host.
    #[error("must begin with `/` or with a host name without a port, and a `/` behind it")]
    Host,
    /// The path.
    #[error(
        "must have a path of up to {PATH_MAX} letters, digits, `.`, `_`, `~` and `-`, with single slashes between"
    )]
    Path,
    /// One of the server's own.
    #[error("must not be /time or begin with /v1/: these paths are the server's own")]
    Reserved,
}

impl Published {
    /// Reads `/path`, which stands on every host, or `host/path`; `http://` or `https://` may stand
    /// before a host.
    ///
    /// # Errors
    /// What is wrong, and what is allowed.
    pub fn parse(text: &str) -> Result<Self, PublishedError> {
        let bare = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
        let text = bare.unwrap_or(text);
        let slash = text.find('/').ok_or(PublishedError::Host)?;
        let (host, path) = text.split_at(slash);
        if host.is_empty() && bare.is_some() {
            return Err(PublishedError::Host);
        }
        Self::new((!host.is_empty()).then_some(host), path)
    }

    /// A manifest at `path` of `host`, or of every host.
    ///
    /// # Errors
    /// What is wrong, and what is allowed.
    pub fn new(host: Option<&str>, path: &str) -> Result<Self, PublishedError> {
        let of_host = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
        let is_host = |h: &str| {
            !h.is_empty() && h.len() <= HOST_MAX && h.bytes().all(of_host) && !h.starts_with('.')
        };
        if host.is_some_and(|host| !is_host(host)) {
            return Err(PublishedError::Host);
        }
        let of_path = |b: u8| b.is_ascii_alphanumeric() || b"._~-".contains(&b);
        let segment = |s: &str| !matches!(s, "" | "." | "..") && s.bytes().all(of_path);
        let segments = path.strip_prefix('/').ok_or(PublishedError::Path)?;
        if path.len() > PATH_MAX || !segments.split('/').all(segment) {
            return Err(PublishedError::Path);
        }
        if path == "/time" || path == "/v1" || path.starts_with("/v1/") {
            return Err(PublishedError::Reserved);
        }
        let host = host.map(str::to_ascii_lowercase);
        Ok(Published { host, path: path.to_owned() })
    }

    /// The manifest's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// The name of the folder of an endpoint's objects beside the manifest.
    #[must_use]
    pub fn folder(group: &str, channel: &str, ordinal: u32, generation: u32) -> String {
        // Names have no dots.
        format!("{group}.{channel}.{ordinal}-{generation}")
    }

    /// The path up to the last slash.
    fn parent(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(parent, _)| parent)
    }

    /// Host, where one is said, and path.
    #[must_use]
    pub fn place(&self) -> (Option<&str>, &str) {
        (self.host.as_deref(), &self.path)
    }
}

/// Which endpoint of which channel.
type Place = (String, String, u32);
/// A folder of objects: the path of what it stands in, group, channel and ordinal.
type Folder = (String, String, String, u32);

/// Everything that stands beside `/v1/`.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    manifests: BTreeMap<String, BTreeMap<Option<String>, Place>>,
    folders: BTreeMap<Folder, Vec<Option<String>>>,
}

/// What a request beside `/v1/` is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routed<'a> {
    /// The channel's group.
    pub group: &'a str,
    /// The channel.
    pub channel: &'a str,
    /// The endpoint's ordinal.
    pub ordinal: u32,
    /// The path of its manifest; `None` for an object.
    pub manifest: Option<&'a str>,
    /// What of the endpoint.
    pub leaf: Leaf<'a>,
}

impl Routes {
    /// Adds the manifests of an endpoint. Gives those that stand where another's do already, and are
    /// left out.
    pub fn add<'a>(
        &mut self,
        (group, channel, ordinal): (&str, &str, u32),
        published: &'a [Published],
    ) -> Vec<&'a Published> {
        let mut taken = Vec::new();
        for one in published {
            let hosts = self.manifests.entry(one.path.clone()).or_default();
            if hosts.contains_key(&one.host) {
                taken.push(one);
            } else {
                let place = (group.to_owned(), channel.to_owned(), ordinal);
                hosts.insert(one.host.clone(), place);
            }
            // Objects are found beside a manifest that another has taken the place of, too.
            let parent = one.parent().to_owned();
            let folder = (parent, group.to_owned(), channel.to_owned(), ordinal);
            self.folders.entry(folder).or_default().push(one.host.clone());
        }
        taken
    }

    /// What stands at a path of a host. A manifest that names the host goes before one that names
    /// none.
    #[must_use]
    pub fn find<'a>(&'a self, host: Option<&str>, path: &'a str) -> Option<Routed<'a>> {
        let host = host.map(str::to_ascii_lowercase);
        if let Some(hosts) = self.manifests.get(path) {
            let (group, channel, ordinal) =
                host.is_some().then(|| hosts.get(&host)).flatten().or_else(|| hosts.get(&None))?;
            let last = path.rsplit('/').next().unwrap_or_default();
            let (name, form) = match (last.strip_suffix(".m3u8"), last.strip_suffix(".mpd")) {
                (Some(name), _) => (name, Form::M3u8),
                (None, Some(name)) => (name, Form::Mpd),
                (None, None) => (last, Form::Bare),
            };
            let leaf = Leaf::Manifest { name, form };
            let manifest = Some(path);
            return Some(Routed { group, channel, ordinal: *ordinal, manifest, leaf });
        }
        let (rest, file) = path.rsplit_once('/')?;
        let (rest, rendition) = rest.rsplit_once('/')?;
        let (parent, folder) = rest.rsplit_once('/')?;
        let (group, named) = folder.split_once('.')?;
        let (channel, numbers) = named.split_once('.')?;
        let (ordinal, generation) = numbers.split_once('-')?;
        let number = |text| decimal(text).and_then(|n| u32::try_from(n).ok());
        let (ordinal, generation) = (number(ordinal)?, number(generation)?);
        let key = (parent.to_owned(), group.to_owned(), channel.to_owned(), ordinal);
        let hosts = self.folders.get(&key)?;
        if !hosts.iter().any(|of| of.is_none() || *of == host) {
            return None;
        }
        let leaf = Leaf::Object { generation, rendition, file: File::parse(file)? };
        Some(Routed { group, channel, ordinal, manifest: None, leaf })
    }
}

/// The host that was asked for, without its port: of `X-Forwarded-Host` where a trusted proxy says
/// so, its last, else of the request itself.
#[must_use]
pub fn requested_host<'a>(
    peer: IpAddr,
    own: Option<&'a str>,
    forwarded: Option<&'a str>,
    trusted: &IpList,
) -> Option<&'a str> {
    let forwarded = forwarded.filter(|_| trusted.contains(peer));
    let last = forwarded.and_then(|hosts| hosts.rsplit(',').next()).map(str::trim);
    let host = last.filter(|host| !host.is_empty()).or(own)?;
    let bare = match host.rsplit_once(':') {
        Some((bare, port)) if port.bytes().all(|b| b.is_ascii_digit()) => bare,
        _ => host,
    };
    (!bare.is_empty() && bare.len() <= HOST_MAX).then_some(bare)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resolve::Container;

    #[test]
    fn a_manifest_stands_at_a_path_of_every_host_or_of_one() {
        let place = |text: &str| Published::parse(text).map(|p| (p.host, p.path));
        let every = |path: &str| Ok((None, path.to_owned()));
        let of = |host: &str, path: &str| Ok((Some(host.to_owned()), path.to_owned()));
        for (text, expected) in [
            ("/app/stream.m3u8", every("/app/stream.m3u8")),
            ("/stream.mpd", every("/stream.mpd")),
            ("Live.Example.COM/app/stream.m3u8", of("live.example.com", "/app/stream.m3u8")),
            ("https://live.example.com/a/b/index", of("live.example.com", "/a/b/index")),
            ("localhost/a", of("localhost", "/a")),
            ("stream.m3u8", Err(PublishedError::Host)),
            ("http:///a", Err(PublishedError::Host)),
            ("host:8080/a", Err(PublishedError::Host)),
            ("/", Err(PublishedError::Path)),
            ("/a//b", Err(PublishedError::Path)),
            ("/a/../b", Err(PublishedError::Path)),
            ("/a b", Err(PublishedError::Path)),
            ("/a?b=c", Err(PublishedError::Path)),
            ("/time", Err(PublishedError::Reserved)),
            ("host/v1/g/1/c/manifest", Err(PublishedError::Reserved)),
        ] {
            assert_eq!(place(text), expected, "{text}");
        }
        assert_eq!(place(&format!("/{}", "a".repeat(PATH_MAX))), Err(PublishedError::Path));
    }

    fn routes() -> Routes {
        let mut routes = Routes::default();
        let parse = |text: &&str| Published::parse(text).expect("a place");
        let first: Vec<_> = ["/app/s.m3u8", "/app/s.mpd"].iter().map(parse).collect();
        assert!(routes.add(("g", "c", 2), &first).is_empty());
        let second: Vec<_> = ["one.test/app/s.m3u8", "/x"].iter().map(parse).collect();
        assert!(routes.add(("g", "d", 1), &second).is_empty());
        routes
    }

    #[test]
    fn a_manifest_of_the_host_goes_before_one_of_every_host() {
        let routes = routes();
        let find = |host, path| {
            routes.find(host, path).map(|r| (r.channel.to_owned(), r.ordinal, r.manifest))
        };
        let c = |path| Some(("c".to_owned(), 2, Some(path)));
        let d = |path| Some(("d".to_owned(), 1, Some(path)));
        assert_eq!(find(None, "/app/s.m3u8"), c("/app/s.m3u8"));
        assert_eq!(find(Some("other.test"), "/app/s.m3u8"), c("/app/s.m3u8"));
        assert_eq!(find(Some("ONE.test"), "/app/s.m3u8"), d("/app/s.m3u8"));
        assert_eq!(find(Some("one.test"), "/app/s.mpd"), c("/app/s.mpd"));
        assert_eq!(find(None, "/x"), d("/x"));
        for path in ["/", "/app", "/app/s", "/app/s.m3u8/", "/app/t.m3u8"] {
            assert_eq!(find(None, path), None, "{path}");
        }
        let taken = [Published::parse("/app/s.mpd").expect("a place")];
        let mut routes = routes.clone();
        assert_eq!(routes.add(("z", "z", 1), &taken), [&taken[0]]);
        assert_eq!(
            routes.find(None, "/app/s.mpd").map(|r| r.group.to_owned()).as_deref(),
            Some("g")
        );
    }

    #[test]
    fn objects_stand_beside_their_manifest_and_nowhere_else() {
        let routes = routes();
        let segment = File::Segment { container: Container::Cmaf, number: 7 };
        let found = routes.find(None, "/app/g.c.2-1/video/7.m4s").expect("an object");
        assert_eq!((found.group, found.channel, found.ordinal), ("g", "c", 2));
        assert_eq!(found.leaf, Leaf::Object { generation: 1, rendition: "video", file: segment });
        assert!(routes.find(Some("one.test"), "/app/g.d.1-1/video/7.m4s").is_some());
        assert!(routes.find(None, "/g.d.1-1/video/media.m3u8").is_some(), "beside /x");
        for path in [
            "/app/g.d.1-1/video/7.m4s",
            "/g.c.2-1/video/7.m4s",
            "/app/x/g.c.2-1/video/7.m4s",
            "/app/g.c.1-1/video/7.m4s",
            "/app/g.c.02-1/video/7.m4s",
            "/app/g.c.2-1/video/07.m4s",
            "/app/g.c.2-1/7.m4s",
            "/app/g.c-2-1/video/7.m4s",
        ] {
            assert_eq!(routes.find(Some("other.test"), path), None, "{path}");
        }
    }

    #[test]
    fn a_forwarded_host_is_believed_of_trusted_proxies_alone() {
        let trusted = IpList::parse("10.0.0.0/8").expect("a block");
        let host = |peer: &str, own, forwarded| {
            requested_host(peer.parse().expect("an address"), own, forwarded, &trusted)
        };
        assert_eq!(host("192.0.2.1", Some("a:80"), Some("b")), Some("a"));
        assert_eq!(host("10.1.1.1", Some("a"), Some("x, b:443")), Some("b"));
        assert_eq!(host("10.1.1.1", Some("a"), None), Some("a"));
        assert_eq!(host("10.1.1.1", Some("a"), Some("")), Some("a"));
        assert_eq!(host("10.1.1.1", None, None), None);
    }
}
