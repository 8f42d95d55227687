//! One encoded elementary stream, as its source declares it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::codec::Codec;
use crate::units::{Bitrate, Timescale};

/// A track's number within one session of one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrackId(pub u32);

/// What a track carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MediaKind {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
}

impl fmt::Display for MediaKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            MediaKind::Video => "video",
            MediaKind::Audio => "audio",
        })
    }
}

/// The rung a track belongs to: the ingest folder, `p{program}` for the second and later programmes
/// of one transport stream, or empty where the source has only one. `[A-Za-z0-9_-]`, at most 64.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VariantName(String);

impl VariantName {
    /// Longest name allowed.
    pub const LENGTH_MAX: usize = 64;

    /// Parses a folder name; `None` where it holds anything but `[A-Za-z0-9_-]` or is too long.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        (plain && name.len() <= Self::LENGTH_MAX).then(|| VariantName(name.to_owned()))
    }

    /// A name from any text: what it may not have becomes `_`, what is too long is cut off.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
        VariantName(text.chars().map(plain).take(Self::LENGTH_MAX).collect())
    }

    /// The name; empty for a source's only rung.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An ISO 639-2 code, three lower-case letters; `und` where the source says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Language([u8; 3]);

impl Language {
    /// Not told.
    pub const UNDETERMINED: Language = Language(*b"und");

    /// Three ASCII letters, lower-cased; anything else is [`Language::UNDETERMINED`].
    #[must_use]
    pub fn parse(code: &[u8]) -> Self {
        match code {
            [a, b, c] if code.iter().all(u8::is_ascii_alphabetic) => {
                Language([a.to_ascii_lowercase(), b.to_ascii_lowercase(), c.to_ascii_lowercase()])
            }
            _ => Language::UNDETERMINED,
        }
    }

    /// The language of a tag's primary part (RFC 5646): two letters or three.
    #[must_use]
    pub fn from_tag(primary: &str) -> Self {
        let two = primary.to_ascii_lowercase();
        let known = TWO_LETTERS.iter().find(|(_, short)| *short == two);
        known.map_or_else(
            || Language::parse(primary.as_bytes()),
            |(l, _)| Language::parse(l.as_bytes()),
        )
    }

    /// The tag of RFC 5646, which prefers two letters where ISO 639-1 has them.
    #[must_use]
    pub fn bcp47(&self) -> &str {
        let three = self.as_str();
        TWO_LETTERS.iter().find(|(long, _)| *long == three).map_or(three, |(_, short)| short)
    }

    /// The three letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("und")
    }
}

/// ISO 639-2 codes, terminological and bibliographic, with their ISO 639-1 counterparts.
const TWO_LETTERS: [(&str, &str); 54] = [
    ("ara", "ar"),
    ("baq", "eu"),
    ("ben", "bn"),
    ("bul", "bg"),
    ("cat", "ca"),
    ("ces", "cs"),
    ("chi", "zh"),
    ("cze", "cs"),
    ("dan", "da"),
    ("deu", "de"),
    ("dut", "nl"),
    ("ell", "el"),
    ("eng", "en"),
    ("est", "et"),
    ("eus", "eu"),
    ("fas", "fa"),
    ("fin", "fi"),
    ("fra", "fr"),
    ("fre", "fr"),
    ("ger", "de"),
    ("gle", "ga"),
    ("glg", "gl"),
    ("gre", "el"),
    ("heb", "he"),
    ("hin", "hi"),
    ("hrv", "hr"),
    ("hun", "hu"),
    ("ind", "id"),
    ("isl", "is"),
    ("ita", "it"),
    ("jpn", "ja"),
    ("kor", "ko"),
    ("lav", "lv"),
    ("lit", "lt"),
    ("may", "ms"),
    ("msa", "ms"),
    ("nld", "nl"),
    ("nor", "no"),
    ("per", "fa"),
    ("pol", "pl"),
    ("por", "pt"),
    ("ron", "ro"),
    ("rum", "ro"),
    ("rus", "ru"),
    ("slk", "sk"),
    ("slv", "sl"),
    ("spa", "es"),
    ("srp", "sr"),
    ("swe", "sv"),
    ("tam", "ta"),
    ("tha", "th"),
    ("tur", "tr"),
    ("ukr", "uk"),
    ("zho", "zh"),
];

/// What a source says of a track before its first sample, and again whenever it changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackInfo {
    /// Its number within the session.
    pub id: TrackId,
    /// The rung it belongs to.
    pub variant: VariantName,
    /// Language, of audio mostly.
    pub language: Language,
    /// Codec and its settings.
    pub codec: Codec,
    /// Ticks a second of the samples' times.
    pub timescale: Timescale,
    /// Bit rate where the source declares one.
    pub bitrate: Option<Bitrate>,
}

impl TrackInfo {
    /// Whether this is video or audio.
    #[must_use]
    pub fn kind(&self) -> MediaKind {
        self.codec.kind()
    }
}
