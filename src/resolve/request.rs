//! URLs of readers, decoded by pure functions.

use super::protocol::Container;

/// The generation of object names: it rises when bytes would differ under the same name
/// (encryption, a new layout of chunks).
pub const GENERATION: u32 = 1;

/// A path of the egress listener under `/v1/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EgressPath<'a> {
    /// The channel's group.
    pub group: &'a str,
    /// The endpoint's ordinal in its channel.
    pub ordinal: u32,
    /// The channel.
    pub channel: &'a str,
    /// What of the endpoint.
    pub leaf: Leaf<'a>,
}

/// What of an endpoint is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaf<'a> {
    /// `{name}`, `{name}.m3u8`, `{name}.mpd`: the multivariant playlist or the MPD.
    Manifest {
        /// Without the extension.
        name: &'a str,
        /// The extension.
        form: Form,
    },
    /// `{n}-{generation}/{rendition}/{file}`.
    Object {
        /// Names these bytes apart from earlier ones.
        generation: u32,
        /// The rendition's name.
        rendition: &'a str,
        /// Which file.
        file: File,
    },
}

/// How a manifest is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// No extension: as the endpoint's protocol has it.
    Bare,
    /// `.m3u8`
    M3u8,
    /// `.mpd`
    Mpd,
    /// `.mp4`, of the channel's own name: a stretch of the past as a file.
    Mp4,
}

/// A file of a rendition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum File {
    /// `media.m3u8`
    Playlist,
    /// `init-{period}.mp4`
    Init {
        /// Period id.
        period: i64,
    },
    /// `{number}.m4s`, `{number}.ts`
    Segment {
        /// As what.
        container: Container,
        /// Media sequence number.
        number: u64,
    },
    /// `p{period}-{decode time}.m4s`, `.ts`
    Part {
        /// As what.
        container: Container,
        /// Period id.
        period: i64,
        /// First tick.
        start: i64,
    },
}

impl<'a> EgressPath<'a> {
    /// Decodes `/v1/{group}/{n}/{channel}/…`; `None` for every other path.
    #[must_use]
    pub fn parse(path: &'a str) -> Option<Self> {
        let mut parts = path.strip_prefix("/v1/")?.split('/');
        let (group, ordinal, channel) = (parts.next()?, parts.next()?, parts.next()?);
        let ordinal = decimal(ordinal).and_then(|n| u32::try_from(n).ok())?;
        let first = parts.next()?;
        let leaf = match (parts.next(), parts.next(), parts.next()) {
            (None, ..) => manifest(first, channel),
            (Some(rendition), Some(file), None) => {
                let (n, generation) = first.split_once('-')?;
                if decimal(n)? != u64::from(ordinal) {
                    return None;
                }
                let generation = u32::try_from(decimal(generation)?).ok()?;
                Leaf::Object { generation, rendition, file: File::parse(file)? }
            }
            _ => return None,
        };
        Some(EgressPath { group, ordinal, channel, leaf })
    }
}

fn manifest<'a>(name: &'a str, channel: &str) -> Leaf<'a> {
    let own = name.strip_suffix(".mp4").filter(|own| *own == channel);
    let (name, form) = match (name.strip_suffix(".m3u8"), name.strip_suffix(".mpd"), own) {
        (Some(name), ..) => (name, Form::M3u8),
        (None, Some(name), _) => (name, Form::Mpd),
        (None, None, Some(own)) => (own, Form::Mp4),
        (None, None, None) => (name, Form::Bare),
    };
    Leaf::Manifest { name, form }
}

impl Leaf<'_> {
    /// A manifest's name as it was asked for; `None` of an object.
    #[must_use]
    pub fn file_name(&self) -> Option<String> {
        let Leaf::Manifest { name, form } = self else { return None };
        let extension = match form {
            Form::Bare => "",
            Form::M3u8 => ".m3u8",
            Form::Mpd => ".mpd",
            Form::Mp4 => ".mp4",
        };
        Some(format!("{name}{extension}"))
    }
}

impl File {
    /// Decodes a file's name; one object has exactly one name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        if name == "media.m3u8" {
            return Some(File::Playlist);
        }
        if let Some(init) = name.strip_prefix("init-") {
            let period = decimal(init.strip_suffix(".mp4")?)?;
            return Some(File::Init { period: i64::try_from(period).ok()? });
        }
        let (stem, container) = match name.strip_suffix(".m4s") {
            Some(stem) => (stem, Container::Cmaf),
            None => (name.strip_suffix(".ts")?, Container::TransportStream),
        };
        match stem.strip_prefix('p') {
            None => Some(File::Segment { container, number: decimal(stem)? }),
            Some(part) => {
                let (period, start) = part.split_once('-')?;
                Some(File::Part {
                    container,
                    period: i64::try_from(decimal(period)?).ok()?,
                    start: i64::try_from(decimal(start)?).ok()?,
                })
            }
        }
    }
}

/// A decimal number in its only spelling: digits, no sign, no leading zero.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let canonical = text.len() == 1 || !text.starts_with('0');
    (digits && canonical).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(path: &str) -> Option<Leaf<'_>> {
        EgressPath::parse(path).map(|p| p.leaf)
    }

    #[test]
    fn every_name_has_one_meaning() {
        let segment = |container| File::Segment { container, number: 42 };
        let part = |container| File::Part { container, period: 17, start: 99 };
        let object = |rendition, file| Some(Leaf::Object { generation: 1, rendition, file });
        let table = [
            ("/v1/g/2/c/manifest", Some(Leaf::Manifest { name: "manifest", form: Form::Bare })),
            (
                "/v1/g/2/c/manifest.m3u8",
                Some(Leaf::Manifest { name: "manifest", form: Form::M3u8 }),
            ),
            ("/v1/g/2/c/a.b.mpd", Some(Leaf::Manifest { name: "a.b", form: Form::Mpd })),
            ("/v1/g/2/c/2-1/video/media.m3u8", object("video", File::Playlist)),
            ("/v1/g/2/c/2-1/video/init-17.mp4", object("video", File::Init { period: 17 })),
            ("/v1/g/2/c/2-1/a/42.m4s", object("a", segment(Container::Cmaf))),
            ("/v1/g/2/c/2-1/a/42.ts", object("a", segment(Container::TransportStream))),
            ("/v1/g/2/c/2-1/a/p17-99.m4s", object("a", part(Container::Cmaf))),
            ("/v1/g/2/c/2-1/a/p17-99.ts", object("a", part(Container::TransportStream))),
        ];
        for (path, expected) in table {
            assert_eq!(leaf(path), expected, "{path}");
        }
    }

    #[test]
    fn other_spellings_have_none() {
        for path in [
            "/",
            "/v1/g/2/c",
            "/v1/g/x/c/manifest",
            "/v1/g/02/c/manifest",
            "/v1/g/2/c/1-1/v/media.m3u8",
            "/v1/g/2/c/2-1/v/042.m4s",
            "/v1/g/2/c/2-1/v/+42.m4s",
            "/v1/g/2/c/2-1/v/42.mp4",
            "/v1/g/2/c/2-1/v/042.ts",
            "/v1/g/2/c/2-1/v",
            "/v1/g/2/c/2-1/v/p1.m4s",
            "/v1/g/2/c/2-1/v/42.m4s/x",
            "/v2/g/2/c/manifest",
            "/v1/g/2/c/2-1/v/99999999999999999999.m4s",
        ] {
            assert_eq!(EgressPath::parse(path), None, "{path}");
        }
    }
}
