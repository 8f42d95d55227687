//! Where encoders push: `/v1/{group}/{input}/{channel}/[{rung}/]{name}`.

use crate::media::VariantName;
use crate::packager::InputId;

/// A path of the ingest listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngestPath<'a> {
    /// The channel's group.
    pub group: &'a str,
    /// 1 or 2.
    pub input: InputId,
    /// The channel.
    pub channel: &'a str,
    /// The folder before the file's name; empty where there is none.
    pub rung: VariantName,
}

impl<'a> IngestPath<'a> {
    /// Decodes a path; `None` where it is none of the listener's.
    #[must_use]
    pub fn parse(path: &'a str) -> Option<Self> {
        let mut parts = path.strip_prefix("/v1/")?.split('/');
        let (group, input, channel) = (parts.next()?, parts.next()?, parts.next()?);
        let input = match input {
            "1" => InputId(1),
            "2" => InputId(2),
            _ => return None,
        };
        let (rung, file) = match (parts.next()?, parts.next(), parts.next()) {
            (file, None, _) => (VariantName::default(), file),
            (rung, Some(file), None) => {
                (VariantName::parse(rung).filter(|r| !r.as_str().is_empty())?, file)
            }
            _ => return None,
        };
        (!file.is_empty()).then_some(IngestPath { group, input, channel, rung })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_a_rung() {
        let path = IngestPath::parse("/v1/news/2/one/hd/live.ts").expect("a path");
        assert_eq!((path.group, path.input, path.channel), ("news", InputId(2), "one"));
        assert_eq!(path.rung.as_str(), "hd");
        assert_eq!(IngestPath::parse("/v1/news/1/one/live.ts").expect("a path").rung.as_str(), "");
    }

    #[test]
    fn other_paths_are_refused() {
        for path in [
            "/",
            "/v1/news/3/one/live.ts",
            "/v1/news/1/one/",
            "/v1/news/1/one",
            "/v1/news/1/one/a/b/c.ts",
            "/v1/news/1/one/a b/c.ts",
        ] {
            assert_eq!(IngestPath::parse(path), None, "{path}");
        }
    }
}
