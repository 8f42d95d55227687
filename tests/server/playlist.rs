//! Playlists as a client reads them, and the rules it relies on from one version to the next.

use std::collections::BTreeSet;

/// One segment of a media playlist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) number: u64,
    pub(crate) uri: String,
    pub(crate) duration_us: i64,
    pub(crate) discontinuity: bool,
    pub(crate) gap: bool,
    /// The init section in force.
    pub(crate) map: String,
    pub(crate) date: String,
}

/// A media playlist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Playlist {
    pub(crate) target: u64,
    pub(crate) sequence: u64,
    pub(crate) discontinuities: u64,
    pub(crate) skipped: u64,
    pub(crate) part_target: Option<String>,
    pub(crate) entries: Vec<Entry>,
    /// By segment number: its parts' tags.
    pub(crate) parts: Vec<(u64, String)>,
    pub(crate) hint: Option<String>,
    pub(crate) reports: Vec<String>,
    pub(crate) ended: bool,
}

/// The value of an attribute, without quotes.
pub(crate) fn attribute(line: &str, name: &str) -> Option<String> {
    let at = line.find(&format!("{name}="))?;
    let rest = &line[at + name.len() + 1..];
    let value = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => rest.split(',').next(),
    };
    value.map(str::to_owned)
}

fn micros(seconds: &str) -> i64 {
    let (whole, part) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let part = format!("{part:0<6}");
    whole.parse::<i64>().unwrap() * 1_000_000 + part[..6].parse::<i64>().unwrap()
}

impl Playlist {
    /// Reads a playlist; a delta's skipped segments come from `before`.
    pub(crate) fn read(text: &str, before: Option<&Playlist>) -> Playlist {
        assert!(text.starts_with("#EXTM3U\n"), "{text}");
        let mut list = Playlist::default();
        let (mut map, mut date, mut discontinuity, mut gap) =
            (String::new(), String::new(), false, false);
        let mut duration_us = 0;
        for line in text.lines() {
            let (tag, value) = line.split_once(':').unwrap_or((line, ""));
            let next = list.sequence + list.entries.len() as u64;
            match tag {
                "#EXT-X-TARGETDURATION" => list.target = value.parse().unwrap(),
                "#EXT-X-MEDIA-SEQUENCE" => list.sequence = value.parse().unwrap(),
                "#EXT-X-DISCONTINUITY-SEQUENCE" => list.discontinuities = value.parse().unwrap(),
                "#EXT-X-PART-INF" => list.part_target = attribute(line, "PART-TARGET"),
                "#EXT-X-SKIP" => {
                    list.skipped = attribute(line, "SKIPPED-SEGMENTS").unwrap().parse().unwrap();
                    let before =
                        before.expect("only a client that has a playlist asks for a delta");
                    let end = list.sequence + list.skipped;
                    let known =
                        before.entries.iter().filter(|e| (list.sequence..end).contains(&e.number));
                    list.entries = known.cloned().collect();
                    assert_eq!(
                        list.entries.len() as u64,
                        list.skipped,
                        "skips what a client has not"
                    );
                    map.clone_from(&list.entries.last().expect("it skips something").map);
                }
                "#EXT-X-MAP" => map = attribute(line, "URI").unwrap(),
                "#EXT-X-PROGRAM-DATE-TIME" => value.clone_into(&mut date),
                "#EXT-X-DISCONTINUITY" => discontinuity = true,
                "#EXT-X-GAP" => gap = true,
                "#EXTINF" => duration_us = micros(value.trim_end_matches(',')),
                "#EXT-X-PART" => list.parts.push((next, line.to_owned())),
                "#EXT-X-PRELOAD-HINT" => list.hint = attribute(line, "URI"),
                "#EXT-X-RENDITION-REPORT" => list.reports.push(line.to_owned()),
                "#EXT-X-ENDLIST" => list.ended = true,
                _ if line.starts_with('#') => {}
                _ => {
                    let uri = line.to_owned();
                    let name = uri.trim_end_matches(".m4s").trim_end_matches(".ts");
                    assert_eq!(name, next.to_string(), "names are numbers in sequence\n{text}");
                    list.entries.push(Entry {
                        number: next,
                        uri,
                        duration_us,
                        discontinuity,
                        gap,
                        // Nothing is fetched for a gap.
                        map: if gap { String::new() } else { map.clone() },
                        date: date.clone(),
                    });
                    (discontinuity, gap) = (false, false);
                }
            }
        }
        list
    }

    pub(crate) fn last(&self) -> u64 {
        self.entries.last().expect("a list with segments").number
    }

    /// The discontinuity sequence number of its first segment and of its last.
    pub(crate) fn discontinuity_numbers(&self) -> (u64, u64) {
        let first = u64::from(self.entries.first().is_some_and(|e| e.discontinuity));
        let all = self.entries.iter().filter(|e| e.discontinuity).count() as u64;
        (self.discontinuities + first, self.discontinuities + all)
    }

    /// Whether it is what comes after a restart: higher numbers, another discontinuity sequence
    /// number, no name used again.
    pub(crate) fn begins_after(&self, old: &Playlist) {
        assert!(self.sequence > old.last(), "{} after {}", self.sequence, old.last());
        let (new, before) = (self.discontinuity_numbers().0, old.discontinuity_numbers().1);
        assert!(new > before, "discontinuity {new} after {before}");
        let dates = (&self.entries[0].date, &old.entries.last().expect("listed").date);
        assert!(dates.0 > dates.1, "media listed again: {dates:?}");
        let reused = self.uris().intersection(&old.uris()).cloned().collect::<Vec<_>>();
        assert!(reused.is_empty(), "names used again: {reused:?}");
    }

    pub(crate) fn span_us(&self) -> i64 {
        self.entries.iter().map(|e| e.duration_us).sum()
    }

    /// Every URI it lists, but for the hint and gaps.
    pub(crate) fn uris(&self) -> BTreeSet<String> {
        let media = self.entries.iter().filter(|e| !e.gap);
        let maps = media.clone().map(|e| e.map.clone());
        let parts = self.parts.iter().filter_map(|(_, line)| attribute(line, "URI"));
        media.map(|e| e.uri.clone()).chain(maps).chain(parts).collect()
    }

    /// What rfc8216bis §6.2.1 and §6.2.2 let change from one version to the next.
    pub(crate) fn follows(&self, before: &Playlist) {
        assert_eq!(self.target, before.target, "the target duration never changes");
        assert_eq!(self.part_target, before.part_target, "nor does the part target");
        assert!(self.sequence >= before.sequence, "media sequence numbers never go back");
        assert!(self.last() >= before.last(), "the end never goes back");
        assert!(self.sequence <= before.last() + 1, "no segment comes and goes unseen");
        let (gone, kept): (Vec<_>, Vec<_>) =
            before.entries.iter().partition(|e| e.number < self.sequence);
        for (old, new) in kept.iter().zip(&self.entries) {
            assert_eq!(*old, new, "what is listed never changes");
        }
        let gone = gone.iter().filter(|e| e.discontinuity).count() as u64;
        assert_eq!(
            self.discontinuities,
            before.discontinuities + gone,
            "the discontinuity sequence rises by what was removed"
        );
        for (number, part) in &before.parts {
            let there = self.parts.iter().any(|(n, p)| n == number && p == part);
            let far = *number + 3 <= self.last();
            assert!(there || far, "a part left its list too early: {part}");
        }
    }
}

/// The media playlists a multivariant playlist names, relative to it.
pub(crate) fn media_playlists(multivariant: &str) -> BTreeSet<String> {
    let media = multivariant.lines().filter(|l| l.starts_with("#EXT-X-MEDIA:"));
    let media = media.filter_map(|l| attribute(l, "URI"));
    let variants = multivariant.lines().filter(|l| !l.starts_with('#') && !l.is_empty());
    media.chain(variants.map(str::to_owned)).collect()
}
