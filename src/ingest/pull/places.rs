//! Which of its places each source is read at, and what all sources list together. Sans-IO.
//!
//! A rung is known by the URL it was first listed with: at another place of its source it is the same rung,
//! under the same name, and what was taken of it is not taken again.

use std::collections::BTreeSet;

use url::Url;

use super::PLAYLISTS_MAX;
use super::name;
use crate::config::PullSource;
use crate::ingest::segmented::{Multivariant, Rendition, Variant};
use crate::media::VariantName;
use crate::units::Bitrate;

/// A media playlist to follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    /// What its rung is known by.
    pub(super) key: Url,
    /// Where it is read.
    pub(super) url: Url,
    pub(super) name: VariantName,
    /// Whose it is, by its place among the sources.
    pub(super) source: usize,
}

/// What a source has at its top.
#[derive(Debug)]
pub(super) struct Top {
    pub(super) source: usize,
    /// Where it came from in the end.
    pub(super) base: Url,
    /// `None` where it is a media playlist itself.
    pub(super) all: Option<Multivariant>,
}

/// The sources of an input, and where they stand.
#[derive(Debug)]
pub(super) struct Places {
    sources: Vec<PullSource>,
    /// Which place of each is read.
    at: Vec<usize>,
    /// How often each has been left since it brought anything.
    left: Vec<usize>,
    /// What each listed last.
    known: Vec<Entry>,
}

/// What is followed, the one playlist it is all of, and the sources of which nothing is.
pub(super) type Followed = (Vec<Listed>, Option<Multivariant>, Vec<usize>);

impl Places {
    /// Of more sources than playlists are followed the first.
    pub(super) fn new(mut sources: Vec<PullSource>) -> Self {
        sources.truncate(PLAYLISTS_MAX);
        let none = vec![0; sources.len()];
        Places { at: none.clone(), left: none, known: Vec::new(), sources }
    }

    /// The sources to be read: those that have failed at all of their places are looked for apart,
    /// unless there is no other.
    pub(super) fn to_read(&self) -> Vec<usize> {
        let all = 0..self.sources.len();
        let up: Vec<usize> = all.clone().filter(|n| self.left[*n] < self.of(*n)).collect();
        if up.is_empty() { all.collect() } else { up }
    }

    /// Where a source is read.
    pub(super) fn url(&self, source: usize) -> Url {
        let urls = &self.sources[source].urls;
        urls[self.at[source] % urls.len()].url().clone()
    }

    /// How many places a source has.
    pub(super) fn of(&self, source: usize) -> usize {
        self.sources[source].urls.len()
    }

    /// Whether any source has more than one.
    pub(super) fn have_others(&self) -> bool {
        self.sources.iter().any(|source| source.urls.len() > 1)
    }

    /// A source is to be read at its next place; after the last comes the first.
    pub(super) fn go_on(&mut self, source: usize) {
        self.at[source] = (self.at[source] + 1) % self.of(source);
        self.left[source] += 1;
    }

    /// A source has brought something, or can be read again.
    pub(super) fn is_back(&mut self, source: usize) {
        self.left[source] = 0;
    }

    /// What is known of all that is listed, and was of sources that are not listed now.
    pub(super) fn keys(&self) -> BTreeSet<Url> {
        self.known.iter().map(|one| one.listed.key.clone()).collect()
    }

    /// What is followed of what the sources have at their tops: each media playlist once, variants before
    /// renditions, and the one multivariant playlist they are all of, by their keys. That is `None` where
    /// a media playlist is all there is.
    pub(super) fn list(&mut self, tops: &[Top]) -> Followed {
        let mut found = Found::default();
        for top in tops {
            let source = &self.sources[top.source];
            match &top.all {
                None => found.variant(top.source, &self.url(top.source), "", 0),
                Some(all) => {
                    let variants = all.variants.iter().filter(|v| is_wanted(v, all, source));
                    variants
                        .for_each(|v| found.variant(top.source, &top.base, &v.uri, v.bandwidth));
                }
            }
        }
        for top in tops {
            let renditions = top.all.iter().flat_map(|all| &all.renditions);
            renditions.for_each(|rendition| found.rendition(top.source, &top.base, rendition));
        }
        let keys: Vec<Url> =
            (0..found.listed.len()).map(|at| self.key(&found.listed, at)).collect();
        for (one, key) in found.listed.iter_mut().zip(keys) {
            one.listed.key = key;
        }
        // Those of sources that are away have their names when they are back.
        let read: BTreeSet<usize> = tops.iter().map(|top| top.source).collect();
        let followed = found.listed.len();
        let away = std::mem::take(&mut self.known).into_iter();
        found.listed.extend(away.filter(|one| !read.contains(&one.listed.source)));
        let keys: Vec<Url> = found.listed.iter().map(|one| one.listed.key.clone()).collect();
        for (one, name) in found.listed.iter_mut().zip(name::names(&keys)) {
            one.listed.name = name;
        }
        self.known = found.listed;
        let now = &self.known[..followed];
        let alone = self.sources.len() == 1 && matches!(tops, [Top { all: None, .. }]);
        let missing = (0..self.sources.len()).filter(|source| !read.contains(source)).collect();
        let listed = now.iter().map(|one| one.listed.clone()).collect();
        (listed, (!alone).then(|| together(now)), missing)
    }

    /// What a playlist is known by: the key of the same URL, or, as the source stands at another place now,
    /// of what was listed there in its stead; else its own URL.
    fn key(&self, found: &[Entry], at: usize) -> Url {
        let Entry { listed: Listed { url, source, .. }, .. } = &found[at];
        let before: Vec<&Entry> =
            self.known.iter().filter(|one| one.listed.source == *source).collect();
        let now: Vec<&Entry> = found.iter().filter(|one| one.listed.source == *source).collect();
        let is_same = |one: &&&Entry| one.listed.key == *url || one.listed.url == *url;
        if let Some(same) = before.iter().find(is_same) {
            return same.listed.key.clone();
        }
        let moved = now.iter().all(|one| before.iter().all(|old| old.listed.url != one.listed.url));
        if !moved || before.len() != now.len() {
            return url.clone();
        }
        let place = ranked(now).iter().position(|one| one.listed.url == *url);
        let stead = place.and_then(|place| ranked(before).get(place).copied());
        stead.map_or_else(|| url.clone(), |one| one.listed.key.clone())
    }
}

/// Variants by their bandwidths and renditions by their languages, and as they are listed where those are
/// the same: so that another place may list them in another order.
fn ranked(mut entries: Vec<&Entry>) -> Vec<&Entry> {
    entries.sort_by_key(|one| match &one.kind {
        Kind::Variant(bandwidth) => (0, *bandwidth, ""),
        Kind::Rendition(language) => (1, 0, language.as_deref().unwrap_or_default()),
    });
    entries
}

/// The multivariant playlist that these are all of, by their keys.
fn together(entries: &[Entry]) -> Multivariant {
    let mut all = Multivariant::default();
    for one in entries {
        let uri = one.listed.key.to_string();
        match &one.kind {
            Kind::Variant(bandwidth) => {
                all.variants.push(Variant { uri, bandwidth: *bandwidth });
            }
            Kind::Rendition(language) => {
                let language = language.clone();
                all.renditions.push(Rendition { uri: Some(uri), language });
            }
        }
    }
    all
}

/// Whether a variant is one of those that a source has: within its bound, and the one nearest to its rate.
fn is_wanted(variant: &Variant, all: &Multivariant, source: &PullSource) -> bool {
    let least = all.variants.iter().map(|variant| variant.bandwidth).min().unwrap_or(0);
    let most = source.max_bitrate.map_or(u64::MAX, |Bitrate(most)| most.max(least));
    let mut within = all.variants.iter().filter(|variant| variant.bandwidth <= most);
    let Some(Bitrate(rate)) = source.bitrate else { return within.any(|other| other == variant) };
    let off = |variant: &Variant| variant.bandwidth.abs_diff(rate);
    within.min_by_key(|other| off(other)).is_some_and(|nearest| nearest == variant)
}

/// What a playlist is in the one at its top.
#[derive(Debug)]
enum Kind {
    /// With its bandwidth.
    Variant(u64),
    /// With its language.
    Rendition(Option<String>),
}

#[derive(Debug)]
struct Entry {
    listed: Listed,
    kind: Kind,
}

#[derive(Debug, Default)]
struct Found {
    listed: Vec<Entry>,
}

impl Found {
    fn variant(&mut self, source: usize, base: &Url, uri: &str, bandwidth: u64) {
        self.add(source, base, uri, Kind::Variant(bandwidth));
    }

    fn rendition(&mut self, source: usize, base: &Url, rendition: &Rendition) {
        if let Some(uri) = &rendition.uri {
            self.add(source, base, uri, Kind::Rendition(rendition.language.clone()));
        }
    }

    fn add(&mut self, source: usize, base: &Url, uri: &str, kind: Kind) {
        let url = base.join(uri).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let known = |url: &Url| self.listed.iter().any(|one| one.listed.url == *url);
        let Some(url) = url.filter(|url| !known(url) && self.listed.len() < PLAYLISTS_MAX) else {
            return;
        };
        let listed = Listed { key: url.clone(), url, name: VariantName::default(), source };
        self.listed.push(Entry { listed, kind });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::PullUrl;
    use crate::ingest::segmented::{Playlist, read_playlist};

    fn source(urls: &[&str], bitrate: Option<u64>) -> PullSource {
        let url = |url: &&str| PullUrl::parse(url).expect("a URL");
        let (urls, bitrate) = (urls.iter().map(url).collect(), bitrate.map(Bitrate));
        PullSource { urls, bitrate, max_bitrate: None }
    }

    fn top(places: &Places, source: usize, lines: &[String]) -> Top {
        let text = format!("#EXTM3U\n{}", lines.join("\n"));
        let all = match read_playlist(text.as_bytes()) {
            Ok(Playlist::Multivariant(all)) => Some(all),
            Ok(Playlist::Media(_)) => None,
            Err(error) => panic!("{error}: {text}"),
        };
        Top { source, base: places.url(source), all }
    }

    fn variants(names: &[&str]) -> Vec<String> {
        let line = |(n, name): (usize, &&str)| {
            format!("#EXT-X-STREAM-INF:BANDWIDTH={}000,AUDIO=\"a\"\n{name}.m3u8", n + 1)
        };
        names.iter().enumerate().map(line).collect()
    }

    fn media() -> Vec<String> {
        vec!["#EXT-X-TARGETDURATION:2\n#EXTINF:2,\na.ts".to_owned()]
    }

    fn names(listed: &[Listed]) -> Vec<&str> {
        listed.iter().map(|one| one.name.as_str()).collect()
    }

    #[test]
    fn each_playlist_is_followed_once_and_no_more_than_allowed() {
        let mut places = Places::new(vec![source(&["https://host/a/top.m3u8"], None)]);
        let mut lines =
            vec!["#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"x\",URI=\"s.m3u8\"".to_owned()];
        for n in 0..20 {
            lines.extend(variants(&[&format!("v{n}"), &format!("v{n}")]));
        }
        let (listed, together, _) = places.list(&[top(&places, 0, &lines)]);
        let together = together.expect("a multivariant playlist");
        assert_eq!(listed.len(), PLAYLISTS_MAX);
        assert_eq!((together.variants.len(), together.renditions.len()), (PLAYLISTS_MAX, 0));
        assert_eq!(listed[15].url.as_str(), "https://host/a/v15.m3u8");
        assert_eq!(listed[15].name.as_str(), "v15");
    }

    #[test]
    fn a_rung_stays_what_it_is_at_another_place() {
        let urls = ["https://a/hi/top.m3u8?t=1", "https://b/x/main.m3u8"];
        let mut places = Places::new(vec![source(&urls, None)]);
        let (first, ..) = places.list(&[top(&places, 0, &variants(&["hi", "lo"]))]);
        places.go_on(0);
        let (moved, together, _) = places.list(&[top(&places, 0, &variants(&["1/x", "2/x"]))]);
        assert_eq!(names(&moved), ["hi", "lo"]);
        assert_eq!((&moved[1].key, moved[1].url.as_str()), (&first[1].url, "https://b/x/2/x.m3u8"));
        assert_eq!(together.expect("all").variants[1].uri, first[1].url.as_str());
        places.go_on(0);
        let (back, ..) = places.list(&[top(&places, 0, &variants(&["hi", "lo"]))]);
        assert_eq!(back, first);
        // Where it lists more than before, nothing says which is which.
        places.go_on(0);
        let (more, ..) = places.list(&[top(&places, 0, &variants(&["1", "2", "3"]))]);
        assert!(more.iter().all(|one| one.key == one.url), "{more:?}");
    }

    #[test]
    fn several_sources_are_one_ladder() {
        let places = ["https://a/hi.m3u8", "https://b/lo.m3u8"].map(|url| source(&[url], None));
        let mut places = Places::new(places.to_vec());
        let tops = [top(&places, 0, &media()), top(&places, 1, &media())];
        let (listed, together, missing) = places.list(&tops);
        assert_eq!((names(&listed), missing), (vec!["hi", "lo"], vec![]));
        assert_eq!(listed[1].source, 1);
        assert_eq!(together.expect("both").variants.len(), 2);
        // One that is away keeps the names and keys of both.
        let (listed, together, missing) = places.list(&tops[..1]);
        assert_eq!((names(&listed), missing), (vec!["hi"], vec![1]));
        assert_eq!(together.expect("of two").variants.len(), 1);
        assert_eq!(places.keys().len(), 2);
    }

    #[test]
    fn rungs_in_another_order_are_the_same_rungs() {
        let urls = ["https://a/top.m3u8", "https://b/top.m3u8"];
        let mut places = Places::new(vec![source(&urls, None)]);
        let (first, ..) = places.list(&[top(&places, 0, &variants(&["lo", "hi"]))]);
        places.go_on(0);
        let mut turned = variants(&["lo", "hi"]);
        turned.reverse();
        let (moved, ..) = places.list(&[top(&places, 0, &turned)]);
        assert_eq!((&moved[0].key, moved[0].url.as_str()), (&first[1].key, "https://b/hi.m3u8"));
    }

    #[test]
    fn a_source_that_failed_everywhere_is_looked_for_apart() {
        let sources =
            vec![source(&["https://a/1", "https://b/1"], None), source(&["https://a/2"], None)];
        let mut places = Places::new(sources);
        places.go_on(0);
        assert_eq!(places.to_read(), [0, 1]);
        places.go_on(0);
        assert_eq!(places.to_read(), [1]);
        places.go_on(1);
        assert_eq!(places.to_read(), [0, 1], "there is no other");
        places.is_back(1);
        assert_eq!(places.to_read(), [1]);
    }

    #[test]
    fn a_rate_chooses_the_nearest_variant_and_leaves_the_audio() {
        let mut places = Places::new(vec![source(&["https://a/top.m3u8"], Some(2_400))]);
        let mut lines = variants(&["one", "two", "three"]);
        lines.push("#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"x\",URI=\"s.m3u8\"".to_owned());
        let (listed, ..) = places.list(&[top(&places, 0, &lines)]);
        assert_eq!(names(&listed), ["two", "s"]);
        for (most, expected) in [(3_000, 4), (2_999, 3), (1_000, 2), (1, 2)] {
            let max_bitrate = Some(Bitrate(most));
            let source = PullSource { max_bitrate, ..source(&["https://a/top.m3u8"], None) };
            let mut places = Places::new(vec![source]);
            let (listed, ..) = places.list(&[top(&places, 0, &lines)]);
            assert_eq!(listed.len(), expected, "{most}");
        }
    }
}
