//! Which of its places each source is read at, and what all sources list together. Sans-IO.
//!
//! A rung is known by the URL it was first listed with: at another place of its source it is the same rung,
//! under the same name, and what was taken of it is not taken again.

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
    /// What was listed last.
    listed: Vec<Listed>,
}

impl Places {
    /// Of more sources than playlists are followed the first.
    pub(super) fn new(mut sources: Vec<PullSource>) -> Self {
        sources.truncate(PLAYLISTS_MAX);
        Places { at: vec![0; sources.len()], listed: Vec::new(), sources }
    }

    pub(super) fn count(&self) -> usize {
        self.sources.len()
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
    }

    /// What is followed of what the sources have at their tops: each media playlist once, variants before
    /// renditions, and the one multivariant playlist they are all of, by their keys. That is `None` where
    /// a media playlist stands alone.
    pub(super) fn list(&mut self, tops: &[Top]) -> (Vec<Listed>, Option<Multivariant>) {
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
        let names = name::names(&keys);
        let mut together = Multivariant::default();
        for (one, (key, name)) in found.listed.iter_mut().zip(keys.into_iter().zip(names)) {
            (one.listed.key, one.listed.name) = (key, name);
            let uri = one.listed.key.to_string();
            match &one.kind {
                Kind::Variant(bandwidth) => {
                    together.variants.push(Variant { uri, bandwidth: *bandwidth });
                }
                Kind::Rendition(language) => {
                    let language = language.clone();
                    together.renditions.push(Rendition { uri: Some(uri), language });
                }
            }
        }
        self.listed = found.listed.into_iter().map(|one| one.listed).collect();
        let alone = matches!(tops, [Top { all: None, .. }]);
        (self.listed.clone(), (!alone).then_some(together))
    }

    /// What a playlist is known by: the key of the same URL, or, as the source stands at another place now,
    /// of what was listed there in its stead; else its own URL.
    fn key(&self, found: &[Entry], at: usize) -> Url {
        let Listed { url, source, .. } = &found[at].listed;
        let before: Vec<&Listed> = self.listed.iter().filter(|one| one.source == *source).collect();
        let now: Vec<&Entry> = found.iter().filter(|one| one.listed.source == *source).collect();
        if let Some(same) = before.iter().find(|one| one.url == *url) {
            return same.key.clone();
        }
        let moved = now.iter().all(|one| before.iter().all(|old| old.url != one.listed.url));
        let place = now.iter().position(|one| one.listed.url == *url);
        let stead = place.and_then(|place| before.get(place));
        let stead = stead.filter(|_| moved && before.len() == now.len());
        stead.map_or_else(|| url.clone(), |one| one.key.clone())
    }
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
        let (listed, together) = places.list(&[top(&places, 0, &lines)]);
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
        let (first, _) = places.list(&[top(&places, 0, &variants(&["hi", "lo"]))]);
        places.go_on(0);
        let (moved, together) = places.list(&[top(&places, 0, &variants(&["1/x", "2/x"]))]);
        assert_eq!(names(&moved), ["hi", "lo"]);
        assert_eq!((&moved[1].key, moved[1].url.as_str()), (&first[1].url, "https://b/x/2/x.m3u8"));
        assert_eq!(together.expect("all").variants[1].uri, first[1].url.as_str());
        places.go_on(0);
        let (back, _) = places.list(&[top(&places, 0, &variants(&["hi", "lo"]))]);
        assert_eq!(back, first);
        // Where it lists more than before, nothing says which is which.
        places.go_on(0);
        let (more, _) = places.list(&[top(&places, 0, &variants(&["1", "2", "3"]))]);
        assert!(more.iter().all(|one| one.key == one.url), "{more:?}");
    }

    #[test]
    fn several_sources_are_one_ladder() {
        let places = ["https://a/hi.m3u8", "https://b/lo.m3u8"].map(|url| source(&[url], None));
        let mut places = Places::new(places.to_vec());
        let tops = [top(&places, 0, &media()), top(&places, 1, &media())];
        let (listed, together) = places.list(&tops);
        assert_eq!(names(&listed), ["hi", "lo"]);
        assert_eq!(listed[1].source, 1);
        assert_eq!(together.expect("both").variants.len(), 2);
        let (listed, together) = places.list(&tops[..1]);
        assert_eq!((names(&listed), together), (vec![""], None), "one alone");
    }

    #[test]
    fn a_rate_chooses_the_nearest_variant_and_leaves_the_audio() {
        let mut places = Places::new(vec![source(&["https://a/top.m3u8"], Some(2_400))]);
        let mut lines = variants(&["one", "two", "three"]);
        lines.push("#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"x\",URI=\"s.m3u8\"".to_owned());
        let (listed, _) = places.list(&[top(&places, 0, &lines)]);
        assert_eq!(names(&listed), ["two", "s"]);
        for (most, expected) in [(3_000, 4), (2_999, 3), (1_000, 2), (1, 2)] {
            let max_bitrate = Some(Bitrate(most));
            let source = PullSource { max_bitrate, ..source(&["https://a/top.m3u8"], None) };
            let mut places = Places::new(vec![source]);
            let (listed, _) = places.list(&[top(&places, 0, &lines)]);
            assert_eq!(listed.len(), expected, "{most}");
        }
    }
}
