//! Where an input is pulled from.

use std::fmt;

use url::Url;

use crate::units::Bitrate;

/// What an input is pulled from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pull {
    first: PullSource,
    others: Vec<PullSource>,
}

impl Pull {
    /// One source, or several that are rungs of one ladder; `None` without any.
    #[must_use]
    pub fn new(sources: Vec<PullSource>) -> Option<Self> {
        let mut sources = sources.into_iter();
        let first = sources.next()?;
        Some(Pull { first, others: sources.collect() })
    }
}

impl From<Pull> for Vec<PullSource> {
    fn from(pull: Pull) -> Self {
        std::iter::once(pull.first).chain(pull.others).collect()
    }
}

/// A playlist, and where it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullSource {
    /// Its places: the first, and those that stand in for it in turn. At least one.
    pub urls: Vec<PullUrl>,
    /// Of a multivariant playlist the variant nearest to this rate alone; all of them where it is not said.
    pub bitrate: Option<Bitrate>,
    /// Of a multivariant playlist no variant above this rate, but the lowest where all are.
    pub max_bitrate: Option<Bitrate>,
}

/// A URL of a web server. What may be secret in it, user, password and query, never prints.
#[derive(Clone, PartialEq, Eq)]
pub struct PullUrl(Url);

impl PullUrl {
    /// Parses an `http` or `https` URL with a host.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let web = matches!(url.scheme(), "http" | "https") && url.has_host();
        web.then_some(PullUrl(url))
    }

    /// The URL, with what is secret in it.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.0
    }
}

impl fmt::Debug for PullUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.0.host_str().unwrap_or_default();
        write!(f, "PullUrl({}://{host}{})", self.0.scheme(), self.0.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_secret_prints() {
        let url = PullUrl::parse("https://user:word@host:8443/a.m3u8?token=1").expect("a URL");
        assert_eq!(format!("{url:?}"), "PullUrl(https://host/a.m3u8)");
        for other in ["", "a.m3u8", "/a.m3u8", "ftp://host/a", "file:///a", "http://"] {
            assert_eq!(PullUrl::parse(other), None, "{other}");
        }
    }
}
