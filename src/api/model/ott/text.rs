//! Texts of documents, and how what is empty is read.

use serde::{Deserialize, Deserializer, Serialize};
use thiserror::Error;

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $error:ident, $says:literal, $right:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        /// Why a text is none.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
        #[error($says)]
        pub struct $error;

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = $error;
            fn try_from(text: String) -> Result<Self, $error> {
                let right: fn(&str) -> bool = $right;
                right(&text).then_some($name(text)).ok_or($error)
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> String {
                text.0
            }
        }
    };
}

fn printable(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

text!(
    /// A part of a path: an application, an id.
    Word, NotAWord, "must be 1 to 255 characters without spaces, `/`, `?` and `#`",
    |text| printable(text, 255) && !text.contains(['/', '?', '#', ' '])
);

text!(
    /// A text of one line.
    Label, NotALabel, "must be 1 to 2048 characters without control characters",
    |text| printable(text, 2048)
);

text!(
    /// Name of an audio selector.
    SelectorName, NotASelectorName, "must be letters, digits, `_` or `-`",
    |text| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        (1..=128).contains(&text.len()) && text.bytes().all(plain)
    }
);

text!(
    /// A language of two or three small letters.
    Language, NotALanguage, "must be 2 or 3 small letters",
    |text| (2..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase())
);

text!(
    /// Name of an HTTP header, as it was given.
    HeaderKey, NotAHeaderKey, "must be the name of an HTTP header",
    |text| http::HeaderName::from_bytes(text.as_bytes()).is_ok()
);

text!(
    /// Name of a manifest, with or without an extension.
    IndexName, NotAnIndexName, "must be at most 128 letters, digits, `.`, `_` or `-`",
    |text| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        (1..=128).contains(&text.len()) && text.bytes().all(plain) && text != "." && text != ".."
    }
);

text!(
    /// A domain of three labels at least.
    OriginDomain, NotAnOriginDomain,
    "must be a domain name of three labels at least and at most 255 characters",
    |text| {
        let label = |label: &str| {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
            let ends = !label.starts_with('-') && !label.ends_with('-');
            (1..=63).contains(&label.len()) && label.bytes().all(plain) && ends
        };
        let labels: Vec<&str> = text.split('.').collect();
        let Some((top, rest)) = labels.split_last() else { return false };
        let letters = (2..=16).contains(&top.len()) && top.bytes().all(|b| b.is_ascii_alphabetic());
        text.len() <= 255 && letters && rest.len() >= 2 && rest.iter().all(|l| label(l))
    }
);

/// A text that may be left out, `null` or empty, which SDKs send for nothing.
pub(super) fn blank<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<String, Error: std::fmt::Display>,
{
    let text = Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty());
    text.map(T::try_from).transpose().map_err(serde::de::Error::custom)
}

/// What may be `null` for its default.
pub(super) fn none_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}
