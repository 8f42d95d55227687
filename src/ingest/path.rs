//! Where encoders push: `/v1/{group}/{input}/{channel}/{object}`.

use percent_encoding::percent_decode_str;

use crate::media::VariantName;
use crate::packager::InputId;

/// Longest path of an object.
const OBJECT_MAX: usize = 1_024;

/// A path of the ingest listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngestPath<'a> {
    /// The channel's group.
    pub group: &'a str,
    /// 1 or 2.
    pub input: InputId,
    /// The channel.
    pub channel: &'a str,
    /// What is pushed, below the input's folder and percent-decoded: a name, or a name in folders.
    pub object: String,
}

impl<'a> IngestPath<'a> {
    /// Decodes a path; `None` where it is none of the listener's.
    #[must_use]
    pub fn parse(path: &'a str) -> Option<Self> {
        let mut parts = path.strip_prefix("/v1/")?.splitn(4, '/');
        let (group, input, channel) = (parts.next()?, parts.next()?, parts.next()?);
        let input = match input {
            "1" => InputId(1),
            "2" => InputId(2),
            _ => return None,
        };
        let object = percent_decode_str(parts.next()?).decode_utf8().ok()?.into_owned();
        let plain = |part: &str| !matches!(part, "" | "." | "..");
        let plain = object.len() <= OBJECT_MAX && object.split('/').all(plain);
        plain.then_some(IngestPath { group, input, channel, object })
    }

    /// The rung of a transport stream pushed here: the object's folders, empty where there are none.
    #[must_use]
    pub fn rung(&self) -> VariantName {
        let folders = self.object.rsplit_once('/').map_or("", |(folders, _)| folders);
        VariantName::of(&folders.replace('/', "-"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_a_rung() {
        let path = IngestPath::parse("/v1/news/2/one/hd/live.ts").expect("a path");
        assert_eq!((path.group, path.input, path.channel), ("news", InputId(2), "one"));
        assert_eq!((path.rung().as_str(), &*path.object), ("hd", "hd/live.ts"));
        let rung = |path| IngestPath::parse(path).expect("a path").rung().as_str().to_owned();
        assert_eq!(rung("/v1/news/1/one/live.ts"), "");
        assert_eq!(rung("/v1/news/1/one/a/b%20c/live.ts"), "a-b_c");
    }

    #[test]
    fn objects_are_decoded() {
        let path = IngestPath::parse("/v1/news/1/one/Streams%28v.cmfv%29").expect("a path");
        assert_eq!(path.object, "Streams(v.cmfv)");
        assert_eq!(
            IngestPath::parse("/v1/news/1/one/manifest").expect("a path").object,
            "manifest"
        );
    }

    #[test]
    fn other_paths_are_refused() {
        for path in [
            "/",
            "/v1/news/3/one/live.ts",
            "/v1/news/1/one/",
            "/v1/news/1/one",
            "/v1/news/1/one/a//c.ts",
            "/v1/news/1/one/../c.ts",
            "/v1/news/1/one/a/%2e%2e/c.ts",
            "/v1/news/1/one/a/",
            "/v1/news/1/one/%ff.ts",
        ] {
            assert_eq!(IngestPath::parse(path), None, "{path}");
        }
        let long = format!("/v1/news/1/one/{}", "a".repeat(1_025));
        assert_eq!(IngestPath::parse(&long), None);
    }
}
