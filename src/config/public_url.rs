//! The address by which others know a listener, where it is not the one it is bound to.

use std::fmt;
use std::net::SocketAddr;

use url::Url;

/// `http://` or `https://`, a host and perhaps a port; nothing after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    scheme: &'static str,
    authority: String,
}

impl PublicUrl {
    /// Parses one; a slash at its end is left out.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let scheme = ["http", "https"].into_iter().find(|scheme| *scheme == url.scheme())?;
        let bare = matches!(url.path(), "" | "/") && url.query().is_none();
        let plain = bare && url.fragment().is_none() && url.username().is_empty();
        let host = url.host_str().filter(|_| plain && url.password().is_none())?;
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        Some(PublicUrl { scheme, authority })
    }

    /// That of a listener by itself.
    #[must_use]
    pub fn of(address: SocketAddr, tls: bool) -> Self {
        let scheme = if tls { "https" } else { "http" };
        PublicUrl { scheme, authority: address.to_string() }
    }

    /// `http` or `https`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        self.scheme
    }

    /// Host, and port where it is not the scheme's own.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_a_scheme_and_an_authority() {
        for (text, shown) in [
            ("https://origin.example.com", "https://origin.example.com"),
            ("http://10.0.0.1:8080/", "http://10.0.0.1:8080"),
            ("https://h:443", "https://h"),
            ("http://[::1]:80", "http://[::1]"),
        ] {
            assert_eq!(PublicUrl::parse(text).map(|url| url.to_string()), Some(shown.to_owned()));
        }
        for text in ["", "h", "ftp://h", "http://h/a", "http://u@h", "http://h?a", "http://h#a"] {
            assert_eq!(PublicUrl::parse(text), None, "{text}");
        }
    }
}
