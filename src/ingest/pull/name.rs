//! What the rungs of pulled playlists are called: by the part of their URLs that tells them apart.

use std::collections::BTreeSet;

use url::Url;

use crate::media::VariantName;

/// A name for each of several playlists: their files' where those differ, else their folders', else
/// their places. One alone needs none.
pub(super) fn names(urls: &[Url]) -> Vec<VariantName> {
    if urls.len() < 2 {
        return urls.iter().map(|_| VariantName::default()).collect();
    }
    let file = |url: &Url| {
        let name = url.path().rsplit('/').next().unwrap_or_default().to_owned();
        name.rsplit_once('.').map_or(name.clone(), |(stem, _)| stem.to_owned())
    };
    let folder = |url: &Url| url.path().rsplit('/').nth(1).unwrap_or_default().to_owned();
    let place = (1..=urls.len()).map(|n| format!("v{n}")).collect();
    let all: [Vec<String>; 3] =
        [urls.iter().map(file).collect(), urls.iter().map(folder).collect(), place];
    let names = all.into_iter().map(|names| names.iter().map(|n| VariantName::of(n)).collect());
    let distinct = |names: &Vec<VariantName>| {
        let set: BTreeSet<_> = names.iter().filter(|n| !n.as_str().is_empty()).collect();
        set.len() == names.len()
    };
    names.into_iter().find(distinct).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rungs_are_named_for_what_tells_them_apart() {
        for (paths, expected) in [
            (&["a/live.m3u8"][..], &[""][..]),
            (&["a/hi.m3u8", "a/lo.m3u8"], &["hi", "lo"]),
            (&["a/hi/index.m3u8", "a/lo 1/index.m3u8"], &["hi", "lo_201"]),
            (&["x/hi/index.m3u8", "y/hi/index.m3u8"], &["v1", "v2"]),
        ] {
            let urls = paths.iter().map(|path| Url::parse(&format!("http://h/{path}")));
            let urls: Vec<_> = urls.map(|url| url.expect("a URL")).collect();
            let found = names(&urls);
            assert_eq!(found.iter().map(VariantName::as_str).collect::<Vec<_>>(), expected);
        }
    }
}
