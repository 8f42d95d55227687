//! Live streams by domain, application and name: how they are packaged, and how long their past is kept.

use std::cmp::Reverse;
use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::group::Life;
use super::value::Whole;

/// A DNS name with a dot at least, in small letters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Domain(String);

/// No domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must be a domain name with at least one dot")]
pub struct NotADomain;

impl Domain {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Domain {
    type Error = NotADomain;
    fn try_from(text: String) -> Result<Self, NotADomain> {
        // RFC 1035 §2.3.1, with digits first (RFC 1123 §2.1).
        let label = |label: &str| {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
            (1..=63).contains(&label.len())
                && label.bytes().all(plain)
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let right = text.len() <= 253 && text.contains('.') && text.split('.').all(label);
        right.then(|| Domain(text.to_ascii_lowercase())).ok_or(NotADomain)
    }
}

impl From<Domain> for String {
    fn from(domain: Domain) -> String {
        domain.0
    }
}

/// An application or stream: its name, or all of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Pattern {
    /// `*`.
    Any,
    /// `[A-Za-z0-9][A-Za-z0-9_-]{0,254}`.
    Exactly(String),
}

/// No application or stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must be `*`, or 1 to 255 letters, digits, `-` or `_` that begin with a letter or digit")]
pub struct NotAPattern;

impl Pattern {
    /// Whether it names `name`.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Pattern::Any => true,
            Pattern::Exactly(exactly) => exactly == name,
        }
    }

    /// How it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Pattern::Any => "*",
            Pattern::Exactly(name) => name,
        }
    }
}

impl TryFrom<String> for Pattern {
    type Error = NotAPattern;
    fn try_from(text: String) -> Result<Self, NotAPattern> {
        if text == "*" {
            return Ok(Pattern::Any);
        }
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        let first = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
        let right = first && text.len() <= 255 && text.bytes().all(plain);
        right.then_some(Pattern::Exactly(text)).ok_or(NotAPattern)
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> String {
        pattern.as_str().to_owned()
    }
}

/// The streams a configuration is for; there is one configuration of a kind for each.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Streams {
    /// Where they are played.
    pub domain: Domain,
    /// Their application.
    pub app: Pattern,
    /// Their name.
    pub stream: Pattern,
}

impl Streams {
    /// Whether a stream is one of them.
    #[must_use]
    pub fn include(&self, domain: &str, app: &str, stream: &str) -> bool {
        self.domain.as_str().eq_ignore_ascii_case(domain)
            && self.app.matches(app)
            && self.stream.matches(stream)
    }

    /// How exact they are: application and stream, application, stream, neither.
    fn exactness(&self) -> (bool, bool) {
        (self.app != Pattern::Any, self.stream != Pattern::Any)
    }
}

impl fmt::Display for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.domain.as_str(), self.app.as_str(), self.stream.as_str())
    }
}

/// What is configured for streams.
pub trait ForStreams {
    /// For which.
    fn streams(&self) -> &Streams;
}

/// The one configuration that holds for a stream: exact beats `*`, the application before the
/// stream; nothing is merged. `None` where none matches.
#[must_use]
pub fn matching<'a, C: ForStreams>(
    configs: impl IntoIterator<Item = &'a C>,
    domain: &str,
    app: &str,
    stream: &str,
) -> Option<&'a C> {
    let matching = configs.into_iter().filter(|c| c.streams().include(domain, app, stream));
    matching.min_by_key(|config| Reverse(config.streams().exactness()))
}

/// How streams are packaged, from their next publish on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// Which.
    pub streams: Streams,
    /// How.
    pub form: PackageForm,
    /// When it was made and changed.
    pub life: Life,
}

impl ForStreams for Package {
    fn streams(&self) -> &Streams {
        &self.streams
    }
}

/// What is made of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageForm {
    /// The protocol.
    pub protocol: PackageProtocol,
    /// Segments of a list.
    pub segment_num: Whole<3, 10>,
    /// Seconds of a segment; with LLHLS_* 1 or 2.
    pub segment_duration: Whole<1, 10>,
    /// Milliseconds of a part; 0 where the protocol has none.
    pub part_duration: Whole<0, 1000>,
    /// Whether only the source's own rung is shown.
    pub ignore_transcode: bool,
}

/// What live streams can be packaged into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PackageProtocol {
    /// HLS over CMAF.
    #[serde(rename = "HLS_CMAF")]
    HlsCmaf,
    /// Low-Latency HLS over transport streams.
    #[serde(rename = "LLHLS_TS")]
    LlHlsTs,
    /// Low-Latency HLS over CMAF.
    #[serde(rename = "LLHLS_CMAF")]
    LlHlsCmaf,
    /// DASH over CMAF.
    #[serde(rename = "DASH_CMAF")]
    DashCmaf,
    /// HLS and DASH over the same CMAF.
    #[serde(rename = "HLSDASH_CMAF")]
    HlsDashCmaf,
}

impl PackageProtocol {
    /// Every protocol.
    pub const ALL: [PackageProtocol; 5] = [
        PackageProtocol::HlsCmaf,
        PackageProtocol::LlHlsTs,
        PackageProtocol::LlHlsCmaf,
        PackageProtocol::DashCmaf,
        PackageProtocol::HlsDashCmaf,
    ];

    /// Its name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            PackageProtocol::HlsCmaf => "HLS_CMAF",
            PackageProtocol::LlHlsTs => "LLHLS_TS",
            PackageProtocol::LlHlsCmaf => "LLHLS_CMAF",
            PackageProtocol::DashCmaf => "DASH_CMAF",
            PackageProtocol::HlsDashCmaf => "HLSDASH_CMAF",
        }
    }

    /// Whether it has parts.
    #[must_use]
    pub fn low_latency(self) -> bool {
        matches!(self, PackageProtocol::LlHlsTs | PackageProtocol::LlHlsCmaf)
    }
}

/// How long the past of streams is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shift {
    /// Which.
    pub streams: Streams,
    /// How long.
    pub form: ShiftForm,
    /// When it was made and changed.
    pub life: Life,
}

impl ForStreams for Shift {
    fn streams(&self) -> &Streams {
        &self.streams
    }
}

/// What is kept of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShiftForm {
    /// Days.
    pub vision: Whole<1, 30>,
    /// Seconds of a segment, where they were given.
    pub duration: Option<Whole<1, 60>>,
    /// Whether only the source's own rung is kept.
    pub ignore_transcode: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::model::value::Stamp;

    fn shift(app: &str, stream: &str) -> Shift {
        let streams = Streams {
            domain: Domain::try_from("Play.example.com".to_owned()).expect("a domain"),
            app: Pattern::try_from(app.to_owned()).expect("a pattern"),
            stream: Pattern::try_from(stream.to_owned()).expect("a pattern"),
        };
        let vision = Whole::try_from(7).expect("days");
        Shift {
            streams,
            form: ShiftForm { vision, duration: None, ignore_transcode: true },
            life: Life { sequence: 1, created: Stamp(0), modified: Stamp(0) },
        }
    }

    #[test]
    fn exact_beats_any_and_the_application_goes_before_the_stream() {
        let all = [shift("*", "*"), shift("*", "s"), shift("a", "*"), shift("a", "s")];
        let found = |all: &[Shift], app, stream| {
            matching(all, "play.example.COM", app, stream).map(|c| c.streams.to_string())
        };
        assert_eq!(found(&all, "a", "s").as_deref(), Some("play.example.com/a/s"));
        assert_eq!(found(&all[..3], "a", "s").as_deref(), Some("play.example.com/a/*"));
        assert_eq!(found(&all[..2], "a", "s").as_deref(), Some("play.example.com/*/s"));
        assert_eq!(found(&all, "b", "t").as_deref(), Some("play.example.com/*/*"));
        assert_eq!(found(&all[1..], "b", "t"), None);
        assert_eq!(matching(&all, "other.example.com", "a", "s"), None);
    }

    #[test]
    fn domains_and_patterns_are_taken_or_refused_whole() {
        for text in ["a.b", "push.example.com", "1.example", &format!("{}.b", "a".repeat(63))] {
            assert!(Domain::try_from(text.to_owned()).is_ok(), "{text}");
        }
        for text in ["", "a", "a..b", ".a", "a.", "-a.b", "a-.b", "a_b.c", "a.b\n", "ä.b"] {
            assert!(Domain::try_from(text.to_owned()).is_err(), "{text:?}");
        }
        for text in ["*", "a", "0-_", &"a".repeat(255)] {
            assert!(Pattern::try_from(text.to_owned()).is_ok(), "{text}");
        }
        for text in ["", "**", "-a", "_a", "a b", "a\n", "ä", &"a".repeat(256)] {
            assert!(Pattern::try_from(text.to_owned()).is_err(), "{text:?}");
        }
    }
}
