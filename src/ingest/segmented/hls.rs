//! Pushed playlists: which path is which segment, and which comes next (RFC 8216bis).
//!
//! A playlist is not believed before what it lists is stored: it may come first on another
//! connection. Nothing is stored here.

use std::collections::{BTreeMap, BTreeSet};

use super::path::resolve;
use super::playlist::{MediaPlaylist, Multivariant, Range};
use crate::units::{MediaDuration, MediaTime};

/// Segments remembered of one playlist.
const SEGMENTS_MAX: usize = 4_096;
/// Media playlists of one push.
const PLAYLISTS_MAX: usize = 256;

/// All playlists of one push, by their paths.
#[derive(Debug, Default)]
pub(super) struct Hls {
    lists: BTreeMap<String, List>,
    /// Paths that the multivariant playlist lists, with the language where it tells one.
    expected: BTreeMap<String, Option<String>>,
}

/// One media playlist.
#[derive(Debug)]
pub(super) struct List {
    /// Its strand's place in the session.
    pub(super) strand: usize,
    segments: BTreeMap<u64, Listed>,
    /// The number that comes next; nothing before the first.
    next: Option<u64>,
    pub(super) ended: bool,
    /// Whether what comes next does not continue what came.
    began_anew: bool,
}

/// One segment as it is listed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Listed {
    pub(super) path: String,
    pub(super) range: Option<Range>,
    pub(super) discontinuity: bool,
    pub(super) gap: bool,
    pub(super) date: Option<MediaTime>,
    pub(super) map: Option<(String, Option<Range>)>,
}

/// How much of a path is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    Absent,
    /// Its body has begun.
    Open,
    Whole,
    /// Its body broke off.
    CutShort,
}

/// What is to be done about a playlist.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Next {
    /// All that is listed has been taken.
    Nothing,
    /// The segment is not stored yet; `later` where others after it are.
    Wait { number: u64, later: bool },
    /// The segment will not come; `gap` where the playlist says so.
    Skip { number: u64, gap: bool },
    /// The segment is there.
    Take(u64, Listed),
}

impl Hls {
    pub(super) fn is_empty(&self) -> bool {
        self.lists.is_empty() && self.expected.is_empty()
    }

    pub(super) fn lists(&self) -> impl Iterator<Item = (&String, &List)> {
        self.lists.iter()
    }

    pub(super) fn list(&self, path: &str) -> Option<&List> {
        self.lists.get(path)
    }

    /// What a multivariant playlist says of a media playlist's language.
    pub(super) fn language(&self, path: &str) -> Option<&str> {
        self.expected.get(path)?.as_deref()
    }

    /// Whether all playlists that the multivariant playlist lists are there; nothing where none came.
    pub(super) fn is_complete(&self) -> Option<bool> {
        let complete = || self.expected.keys().all(|path| self.lists.contains_key(path));
        (!self.expected.is_empty()).then(complete)
    }

    /// Takes a multivariant playlist.
    pub(super) fn expect(&mut self, path: &str, playlist: &Multivariant) {
        self.expected.clear();
        let variants = playlist.variants.iter().map(|v| (&v.uri, None));
        let renditions = playlist.renditions.iter();
        let renditions = renditions.filter_map(|r| Some((r.uri.as_ref()?, r.language.clone())));
        for (uri, language) in variants.chain(renditions).take(PLAYLISTS_MAX) {
            self.expected.insert(resolve(path, uri), language);
        }
    }

    /// Takes a media playlist and the place of its strand. Gives the longest segment.
    pub(super) fn take(
        &mut self,
        path: &str,
        playlist: &MediaPlaylist,
        strand: usize,
    ) -> MediaDuration {
        let list = self.lists.entry(path.to_owned()).or_insert_with(|| List {
            strand,
            segments: BTreeMap::new(),
            next: None,
            ended: false,
            began_anew: false,
        });
        let newest = playlist.segments.last().map(|segment| segment.number);
        // Numbers that go back are a sender's that began anew.
        if let (Some(next), Some(newest)) = (list.next, newest)
            && newest.saturating_add(1) < next
        {
            list.segments.clear();
            list.next = None;
            list.began_anew = true;
        }
        list.ended = playlist.ended;
        let first = playlist.segments.first().map_or(0, |segment| segment.number);
        list.segments.retain(|number, _| *number >= first);
        let mut longest = MediaDuration::ZERO;
        for segment in &playlist.segments {
            longest = longest.max(MediaDuration::from_millis(segment.duration_ms));
            if list.next.is_some_and(|next| segment.number < next) {
                continue;
            }
            let map = segment.map.as_ref().map(|map| (resolve(path, &map.uri), map.range));
            list.segments.insert(
                segment.number,
                Listed {
                    path: resolve(path, &segment.uri),
                    range: segment.range,
                    discontinuity: segment.discontinuity,
                    gap: segment.gap,
                    date: segment.program_date_time,
                    map,
                },
            );
        }
        while list.segments.len() > SEGMENTS_MAX {
            list.segments.pop_first();
        }
        longest
    }

    /// What comes next of a playlist, given what is stored.
    pub(super) fn next(&self, path: &str, stored: &dyn Fn(&Listed) -> Stored) -> Next {
        let Some(list) = self.lists.get(path) else { return Next::Nothing };
        let mut listed = list.segments.range(list.next.unwrap_or(0)..);
        // Before the first only what is there can be the first.
        let first = match list.next {
            Some(_) => listed.next(),
            None => listed.find(|(_, segment)| stored(segment) != Stored::Absent),
        };
        let Some((number, segment)) = first else { return Next::Nothing };
        if segment.gap {
            return Next::Skip { number: *number, gap: true };
        }
        match stored(segment) {
            Stored::Whole => Next::Take(*number, segment.clone()),
            Stored::CutShort => Next::Skip { number: *number, gap: false },
            Stored::Absent | Stored::Open => {
                let later = listed.any(|(_, segment)| stored(segment) == Stored::Whole);
                Next::Wait { number: *number, later }
            }
        }
    }

    /// The segment has been taken or passed over. True where it does not continue the one before.
    pub(super) fn done(&mut self, path: &str, number: u64) -> bool {
        let Some(list) = self.lists.get_mut(path) else { return false };
        let discontinuity = list.segments.get(&number).is_some_and(|s| s.discontinuity);
        let breaks = discontinuity && list.next.is_some() || list.began_anew;
        list.began_anew = false;
        list.next = Some(number + 1);
        list.segments.retain(|listed, _| *listed > number);
        breaks
    }

    /// The paths that some playlist lists and that have not been taken: segments and maps.
    pub(super) fn wanted(&self) -> BTreeSet<&str> {
        let segments = self.lists.values().flat_map(|list| list.segments.values());
        segments
            .flat_map(|segment| {
                let map = segment.map.as_ref().map(|(path, _)| path.as_str());
                std::iter::once(segment.path.as_str()).chain(map)
            })
            .collect()
    }

    /// Whether everything that an ended playlist lists has been taken.
    pub(super) fn is_over(&self, path: &str) -> bool {
        self.lists.get(path).is_some_and(|list| list.ended && list.segments.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::segmented::playlist::{Playlist, read};

    fn media(text: &str) -> MediaPlaylist {
        match read(text.as_bytes()) {
            Ok(Playlist::Media(media)) => media,
            other => panic!("{other:?}"),
        }
    }

    fn list(first: u64, last: u64) -> MediaPlaylist {
        let segments = (first..=last).map(|n| format!("#EXTINF:2,\n{n}.ts"));
        let segments: Vec<_> = segments.collect();
        media(&format!("#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:{first}\n{}\n", segments.join("\n")))
    }

    fn number(next: &Next) -> Option<u64> {
        match next {
            Next::Take(number, _) => Some(*number),
            _ => None,
        }
    }

    #[test]
    fn the_first_segment_is_the_first_that_is_there_and_then_one_follows_another() {
        let mut hls = Hls::default();
        hls.take("v/a.m3u8", &list(4, 6), 0);
        let have = |paths: &'static [&'static str]| {
            move |s: &Listed| if paths.contains(&&*s.path) { Stored::Whole } else { Stored::Absent }
        };
        assert_eq!(hls.next("v/a.m3u8", &have(&[])), Next::Nothing);
        assert_eq!(number(&hls.next("v/a.m3u8", &have(&["v/5.ts", "v/6.ts"]))), Some(5));
        assert!(!hls.done("v/a.m3u8", 5));
        assert_eq!(hls.next("v/a.m3u8", &have(&[])), Next::Wait { number: 6, later: false });
        hls.take("v/a.m3u8", &list(5, 7), 0);
        let next = hls.next("v/a.m3u8", &have(&["v/7.ts"]));
        assert_eq!(next, Next::Wait { number: 6, later: true });
        assert_eq!(hls.wanted().into_iter().collect::<Vec<_>>(), ["v/6.ts", "v/7.ts"]);
        // The list has moved on: what it no longer lists will not come.
        hls.take("v/a.m3u8", &list(7, 9), 0);
        assert_eq!(number(&hls.next("v/a.m3u8", &have(&["v/7.ts"]))), Some(7));
    }

    #[test]
    fn numbers_that_go_back_are_a_break() {
        let mut hls = Hls::default();
        let all = |_: &Listed| Stored::Whole;
        hls.take("a.m3u8", &list(8, 9), 0);
        for number in 8..=9 {
            assert!(!hls.done("a.m3u8", number));
        }
        assert_eq!(hls.next("a.m3u8", &all), Next::Nothing);
        hls.take("a.m3u8", &list(0, 0), 0);
        assert_eq!(number(&hls.next("a.m3u8", &all)), Some(0));
        assert!(hls.done("a.m3u8", 0));
    }

    #[test]
    fn a_gap_is_passed_over_and_a_discontinuity_is_a_break_but_for_the_first() {
        let mut hls = Hls::default();
        let text = "#EXTM3U\n#EXT-X-DISCONTINUITY\n#EXTINF:2,\na.ts\n#EXT-X-DISCONTINUITY\n\
                    #EXTINF:2,\nb.ts\n#EXT-X-GAP\n#EXTINF:2,\nc.ts\n#EXT-X-ENDLIST\n";
        hls.take("a.m3u8", &media(text), 0);
        let all = |_: &Listed| Stored::Whole;
        assert!(!hls.done("a.m3u8", 0));
        assert!(hls.done("a.m3u8", 1));
        assert_eq!(hls.next("a.m3u8", &all), Next::Skip { number: 2, gap: true });
        assert!(!hls.is_over("a.m3u8"));
        hls.done("a.m3u8", 2);
        assert!(hls.is_over("a.m3u8"));
    }
}
