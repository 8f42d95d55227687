//! Names that stand in URLs.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The name of a group, channel or endpoint: 1 to 200 of `[A-Za-z0-9_-]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

impl Name {
    /// Longest name allowed, in bytes.
    pub const LENGTH_MAX: usize = 200;

    /// Parses a name; `None` where it is empty, too long or holds anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        let fits = (1..=Self::LENGTH_MAX).contains(&text.len());
        (fits && text.bytes().all(allowed)).then(|| Name(text.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The last part of a manifest's URL: 1 to 128 of `[A-Za-z0-9._-]`, no dot segment (RFC 3986 §3.3). It is
/// asked for as it is, and with the extension of the protocol in the place of one that it has.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ManifestName(String);

impl ManifestName {
    /// Longest name allowed, in bytes.
    pub const LENGTH_MAX: usize = 128;

    /// Parses a manifest's name; `None` for anything but the above.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        let fits = (1..=Self::LENGTH_MAX).contains(&text.len()) && text.bytes().all(allowed);
        let segment_of_dots = text == "." || text == "..";
        (fits && !segment_of_dots).then(|| ManifestName(text.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for ManifestName {
    /// `manifest`.
    fn default() -> Self {
        ManifestName("manifest".to_owned())
    }
}

impl fmt::Display for ManifestName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! by_text {
    ($name:ident, $wrong:literal) => {
        impl TryFrom<String> for $name {
            type Error = &'static str;
            fn try_from(text: String) -> Result<Self, &'static str> {
                $name::parse(&text).ok_or($wrong)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
    };
}

by_text!(Name, "must be 1 to 200 letters, digits, `_` or `-`");
by_text!(
    ManifestName,
    "must be 1 to 128 letters, digits, `.`, `_` or `-`, other than `.` and `..`"
);
