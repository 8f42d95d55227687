//! Paths below an input's folder: what a URI in a manifest points at, and what a path says of the
//! track that is pushed there.

use url::Url;

use crate::media::VariantName;

/// Longest path kept.
pub(super) const PATH_MAX: usize = 1_024;

/// What `uri`, found in the document at `base`, points at. Where `base` is a URL, what is pulled, so
/// is this. Else both are below the input's folder; a URI with a host or from the root is taken for
/// what it says after that folder, which is all that senders mean by one.
pub(super) fn resolve(base: &str, uri: &str) -> String {
    if base.contains("://") {
        let joined = Url::parse(base).and_then(|base| base.join(uri));
        return joined.map_or_else(|_| uri.to_owned(), String::from);
    }
    let uri = uri.split(['?', '#']).next().unwrap_or(uri);
    let absolute = uri.split_once("://").map(|(_, rest)| rest.split_once('/').map_or("", |r| r.1));
    let rooted = absolute.or_else(|| uri.strip_prefix('/'));
    let mut parts: Vec<&str> = Vec::new();
    match rooted {
        // /v1/{group}/{input}/{channel}/…
        Some(rest) if rest.starts_with("v1/") => parts.extend(rest.split('/').skip(4)),
        Some(rest) => {
            let name = rest.rsplit('/').next().unwrap_or(rest);
            parts.extend(folder(base).split('/'));
            parts.push(name);
        }
        None => {
            parts.extend(folder(base).split('/'));
            parts.extend(uri.split('/'));
        }
    }
    let mut out: Vec<&str> = Vec::new();
    let last = parts.len().saturating_sub(1);
    for (at, part) in parts.into_iter().enumerate() {
        match part {
            "." => {}
            "" if at < last => {}
            ".." => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out.join("/")
}

/// The folder of a path; empty for none.
pub(super) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The last part of a path without its extension.
pub(super) fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// The extension, in lower case.
pub(super) fn extension(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or(String::new(), |(_, extension)| extension.to_ascii_lowercase())
}

/// The rung a media playlist stands for: its folder's name or, at the top, its own.
pub(super) fn rung_of_playlist(path: &str) -> VariantName {
    let folder = folder(path);
    if folder.is_empty() {
        VariantName::of(stem(path))
    } else {
        VariantName::of(&folder.replace('/', "-"))
    }
}

/// The track of a path of CMAF ingest, whatever else is pushed: `Streams({track})`, which may be
/// followed by more, and whether that says so itself or only the extension does
/// (DASH-IF Live Media Ingest §6.2 and §7.1.3).
pub(super) fn cmaf_track(path: &str) -> Option<Track<'_>> {
    if let Some(at) = path.find("Streams(") {
        let name = path[at + 8..].split(')').next().unwrap_or_default();
        return Some(Track { name: stem(name), whole: true });
    }
    let media = ["cmfv", "cmfa", "cmft", "cmfm"].contains(&&*extension(path));
    media.then_some(Track { name: path, whole: false })
}

/// What a path of CMAF ingest says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Track<'a> {
    /// The track's name, or the path where that is for the body to tell.
    pub(super) name: &'a str,
    /// Whether all bodies of that path are the track's.
    pub(super) whole: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_found_whatever_form_they_have() {
        for (base, uri, path) in [
            ("live.m3u8", "seg1.ts", "seg1.ts"),
            ("hd/live.m3u8", "seg1.ts", "hd/seg1.ts"),
            ("hd/live.m3u8", "../sd/./seg1.ts?x=1", "sd/seg1.ts"),
            ("hd/live.m3u8", "../../../seg1.ts", "seg1.ts"),
            ("hd/live.m3u8", "/v1/g/1/c/sd/seg1.ts", "sd/seg1.ts"),
            ("hd/live.m3u8", "http://host:80/v1/g/1/c/sd/seg1.ts#t", "sd/seg1.ts"),
            ("hd/live.m3u8", "https://cdn/elsewhere/seg1.ts", "hd/seg1.ts"),
            ("hd/manifest.mpd", "sub/", "hd/sub/"),
            ("hd/sub/", "a.m4s", "hd/sub/a.m4s"),
        ] {
            assert_eq!(resolve(base, uri), path, "{uri} in {base}");
        }
    }

    #[test]
    fn rungs_are_named_for_folders_and_tracks_by_their_paths() {
        assert_eq!(rung_of_playlist("a b/index.m3u8").as_str(), "a_b");
        assert_eq!(rung_of_playlist("hd/1/index.m3u8").as_str(), "hd-1");
        assert_eq!(rung_of_playlist("out_0.m3u8").as_str(), "out_0");
        assert_eq!(cmaf_track("Streams(v.cmfv)"), Some(Track { name: "v", whole: true }));
        let long = "x/Switching(video)/Streams(v-1.cmfv)/Segment(7)";
        assert_eq!(cmaf_track(long), Some(Track { name: "v-1", whole: true }));
        assert_eq!(cmaf_track("v/1.cmfv"), Some(Track { name: "v/1.cmfv", whole: false }));
        assert_eq!(cmaf_track("v/1.m4s"), None);
    }
}
