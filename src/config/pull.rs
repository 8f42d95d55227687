//! Where an input is pulled from.

use std::fmt;

use url::Url;

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
