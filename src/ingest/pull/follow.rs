//! What is fetched of a playlist, and when it is asked for again (RFC 8216bis §6.3.2 to §6.3.4, and
//! §6.2.5.2 for playlists that block). Sans-IO.

use std::time::Duration;

use url::Url;

use crate::ingest::segmented::{Map, MediaPlaylist, Part, Range, Segment};

/// Where one begins: so many target durations before the end.
const BEHIND_LIVE: i64 = 3;
/// Numbers of a segment's parts.
const PARTS_MAX: u64 = 1 << 12;
/// The shortest and the longest time between two requests of a playlist.
const RELOAD_MIN: Duration = Duration::from_millis(200);
const RELOAD_MAX: Duration = Duration::from_secs(30);

/// One media playlist that is followed.
#[derive(Debug, Default)]
pub(super) struct Follow {
    /// The first number that has not been taken.
    next: Option<u64>,
    /// The newest segment, and how many parts of the one after it were listed.
    newest: Option<(u64, u64)>,
    target: Duration,
    can_block: bool,
    low_latency: bool,
    pub(super) ended: bool,
}

/// Something to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// What it is known by: its URL, and of a range the range as fragment.
    pub(super) key: String,
    pub(super) url: Url,
    pub(super) range: Option<Range>,
    pub(super) header: bool,
    /// What it is of: the number of its part or whole segment.
    pub(super) unit: u64,
    /// At how many places it could not be had.
    pub(super) missed: usize,
}

impl Follow {
    /// Takes a playlist that came from `base`: gives it as it is to be read, each part or whole
    /// segment with a number of its own and a key for its URI, and what is to be fetched for it, in
    /// order. Headers stand before their segments.
    pub(super) fn take(
        &mut self,
        playlist: &MediaPlaylist,
        base: &Url,
    ) -> (MediaPlaylist, Vec<Wanted>) {
        self.target = Duration::from_secs(playlist.target_duration.clamp(1, 60));
        self.low_latency = playlist.part_target_ms.is_some();
        self.can_block = playlist.can_block;
        self.ended = playlist.ended;
        let newest = playlist.segments.last().map(|segment| segment.number);
        // Numbers that lie wholly behind what was taken are a source's that began anew; another place
        // may be some behind.
        let listed = playlist.segments.len() as u64 + playlist.skipped;
        if let (Some(next), Some(newest)) = (self.next, newest)
            && newest.saturating_add(listed).saturating_add(1) < next / PARTS_MAX
        {
            self.next = None;
        }
        self.newest = newest.map(|number| (number, playlist.parts.len() as u64)).or(self.newest);
        let mut units: Vec<Segment> = playlist.segments.iter().flat_map(pieces).collect();
        units.extend(open_segment(playlist));
        let next = self.next.unwrap_or_else(|| begins_at(playlist, &units));
        units.retain(|unit| unit.number >= next);
        if let Some(last) = units.last() {
            self.next = Some(last.number + 1);
        }
        let mut wanted: Vec<Wanted> = Vec::new();
        for unit in &mut units {
            let number = unit.number;
            if let Some(map) = unit.map.take() {
                let one = want(base, &map.uri, map.range, (number, true));
                unit.map = one.as_ref().map(|one| Map { uri: one.key.clone(), range: None });
                let known = |one: &Wanted| wanted.iter().any(|other| other.key == one.key);
                let one = one.filter(|one| !unit.gap && !known(one));
                wanted.extend(one);
            }
            match want(base, &unit.uri, unit.range, (number, false)) {
                Some(one) if !unit.gap => {
                    (unit.uri, unit.range) = (one.key.clone(), None);
                    wanted.push(one);
                }
                _ => unit.gap = true,
            }
        }
        let units = MediaPlaylist { segments: units, parts: Vec::new(), ..playlist.clone() };
        (units, wanted)
    }

    /// Where what could not be had elsewhere is to be fetched by a playlist that came from `base`: by the number
    /// of its segment, known by what it was there. Nothing of what is not listed.
    pub(super) fn settle(owed: &Wanted, playlist: &MediaPlaylist, base: &Url) -> Option<Wanted> {
        let mut units = playlist.segments.iter().flat_map(pieces).chain(open_segment(playlist));
        let unit = units.find(|unit| unit.number == owed.unit && !unit.gap)?;
        let (uri, range) = match unit.map.filter(|_| owed.header) {
            Some(map) => (map.uri, map.range),
            None if owed.header => return None,
            None => (unit.uri, unit.range),
        };
        let found = want(base, &uri, range, (owed.unit, owed.header))?;
        Some(Wanted { key: owed.key.clone(), missed: owed.missed, ..found })
    }

    /// What the next request asks for and how long to wait before it, given whether the last answer
    /// brought anything new.
    pub(super) fn next_request(&self, brought: bool) -> (String, Duration) {
        if let (true, Some((newest, parts))) = (self.can_block, self.newest) {
            let part = if self.low_latency { format!("&_HLS_part={parts}") } else { String::new() };
            // A server that answers at once all the same is not asked in a whirl.
            let wait = if brought { Duration::ZERO } else { RELOAD_MIN };
            return (format!("_HLS_msn={}{part}", newest + 1), wait);
        }
        let wait = if brought { self.target } else { self.target / 2 };
        (String::new(), wait.clamp(RELOAD_MIN, RELOAD_MAX))
    }

    /// How long it may bring nothing new before it is looked for elsewhere: a player's buffer has three
    /// targets.
    pub(super) fn stale(&self) -> Duration {
        self.target * 3
    }

    /// How long a request of the playlist may take: one that blocks, as long as three targets.
    pub(super) fn patience(&self) -> Duration {
        let blocked = if self.can_block { self.target * 3 } else { Duration::ZERO };
        Duration::from_secs(10) + blocked
    }
}

/// What a URI found in the playlist at `base` means; nothing where it is no URL of a web server.
fn want(
    base: &Url,
    uri: &str,
    range: Option<Range>,
    (unit, header): (u64, bool),
) -> Option<Wanted> {
    let mut url = base.join(uri).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    url.set_fragment(None);
    let key = match range {
        Some(range) => format!("{url}#{}+{}", range.start, range.length),
        None => url.to_string(),
    };
    Some(Wanted { key, url, range, header, unit, missed: 0 })
}

/// A segment as its parts where it has any, else whole, under numbers of their own.
fn pieces(segment: &Segment) -> Vec<Segment> {
    let number = segment.number.saturating_mul(PARTS_MAX);
    if segment.parts.is_empty() {
        return vec![Segment { number, ..segment.clone() }];
    }
    let parts = segment.parts.iter().zip(0..PARTS_MAX);
    parts.map(|(part, place)| piece(segment, part, number + place, place == 0)).collect()
}

fn piece(segment: &Segment, part: &Part, number: u64, first: bool) -> Segment {
    Segment {
        number,
        uri: part.uri.clone(),
        duration_ms: part.duration_ms,
        discontinuity: segment.discontinuity && first,
        gap: segment.gap || part.gap,
        program_date_time: segment.program_date_time.filter(|_| first),
        range: part.range,
        map: segment.map.clone(),
        parts: Vec::new(),
    }
}

/// The parts after the last segment.
fn open_segment(playlist: &MediaPlaylist) -> Vec<Segment> {
    let after = playlist.segments.last();
    let number = after.map_or(playlist.media_sequence, |last| last.number + 1);
    let open = Segment {
        number,
        uri: String::new(),
        duration_ms: 0,
        discontinuity: playlist.open_discontinuity,
        gap: false,
        program_date_time: playlist.open_date,
        range: None,
        map: playlist.open_map.clone(),
        parts: playlist.parts.clone(),
    };
    if open.parts.is_empty() { Vec::new() } else { pieces(&open) }
}

/// Where a playlist is joined: three target durations before its end, at a segment's beginning.
fn begins_at(playlist: &MediaPlaylist, units: &[Segment]) -> u64 {
    let most = i64::try_from(playlist.target_duration.max(1)).unwrap_or(1) * 1000 * BEHIND_LIVE;
    let mut behind = 0;
    let mut begins = units.last().map_or(0, |unit| unit.number / PARTS_MAX * PARTS_MAX);
    for unit in units.iter().rev() {
        begins = begins.min(unit.number / PARTS_MAX * PARTS_MAX);
        behind += unit.duration_ms;
        if behind >= most {
            break;
        }
    }
    begins
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::segmented::{Playlist, read_playlist};

    fn read(text: &str) -> MediaPlaylist {
        match read_playlist(text.as_bytes()) {
            Ok(Playlist::Media(media)) => media,
            other => panic!("{other:?}"),
        }
    }

    fn take(follow: &mut Follow, playlist: &MediaPlaylist) -> (MediaPlaylist, Vec<String>) {
        let base = Url::parse("https://host/a/live.m3u8?token=1").expect("a URL");
        let (units, wanted) = follow.take(playlist, &base);
        let short = |one: Wanted| one.key.trim_start_matches("https://host/a/").to_owned();
        (units, wanted.into_iter().map(short).collect())
    }

    fn plain(first: u64, last: u64) -> MediaPlaylist {
        let segments: Vec<_> = (first..=last).map(|n| format!("#EXTINF:2,\n{n}.ts")).collect();
        let head = format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:{first}\n");
        read(&format!("{head}{}\n", segments.join("\n")))
    }

    #[test]
    fn one_joins_three_targets_before_the_end_and_takes_what_is_new() {
        let mut follow = Follow::default();
        assert_eq!(take(&mut follow, &plain(10, 19)).1, ["17.ts", "18.ts", "19.ts"]);
        assert_eq!(follow.next_request(true), (String::new(), Duration::from_secs(2)));
        assert_eq!(take(&mut follow, &plain(10, 19)).1, [] as [String; 0]);
        assert_eq!(follow.next_request(false), (String::new(), Duration::from_secs(1)));
        assert_eq!(take(&mut follow, &plain(12, 21)).1, ["20.ts", "21.ts"]);
        // Numbers that go back: the source began anew.
        assert_eq!(take(&mut follow, &plain(0, 1)).1, ["0.ts", "1.ts"]);
    }

    const LOW: &str = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-PART-INF:PART-TARGET=0.5\n\
        #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.5\n#EXT-X-MEDIA-SEQUENCE:3\n\
        #EXT-X-MAP:URI=\"i.mp4\"\n#EXTINF:1,\n3.mp4\n#EXTINF:1,\n4.mp4\n\
        #EXT-X-PART:DURATION=0.5,URI=\"5.0.mp4\"\n#EXT-X-PART:DURATION=0.5,URI=\"5.1.mp4\"\n\
        #EXTINF:1,\n5.mp4\n#EXT-X-PART:DURATION=0.5,URI=\"6.0.mp4\"\n";

    #[test]
    fn parts_are_taken_as_they_come_and_never_again_as_their_segment() {
        let mut follow = Follow::default();
        let (units, wanted) = take(&mut follow, &read(LOW));
        assert_eq!(wanted, ["i.mp4", "3.mp4", "4.mp4", "5.0.mp4", "5.1.mp4", "6.0.mp4"]);
        let numbers: Vec<u64> = units.segments.iter().map(|unit| unit.number).collect();
        assert!(numbers.windows(2).all(|w| w[0] < w[1]), "{numbers:?}");
        assert_eq!(
            follow.next_request(true),
            ("_HLS_msn=6&_HLS_part=1".to_owned(), Duration::ZERO)
        );
        // The parts of 5 and 6 are no longer listed.
        let later = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-PART-INF:PART-TARGET=0.5\n\
            #EXT-X-MEDIA-SEQUENCE:5\n#EXT-X-MAP:URI=\"i.mp4\"\n#EXTINF:1,\n5.mp4\n#EXTINF:1,\n6.mp4\n\
            #EXTINF:1,\n7.mp4\n";
        let (units, wanted) = take(&mut follow, &read(later));
        assert_eq!(wanted, ["i.mp4", "7.mp4"]);
        assert_eq!(units.segments.len(), 1);
    }

    #[test]
    fn gaps_are_told_and_not_fetched() {
        let mut follow = Follow::default();
        let text =
            "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-GAP\n#EXTINF:2,\na.ts\n#EXTINF:2,\nb.ts\n";
        let (units, wanted) = take(&mut follow, &read(text));
        assert_eq!(wanted, ["b.ts"]);
        assert_eq!(units.segments.iter().map(|unit| unit.gap).collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn a_range_of_a_resource_has_a_key_of_its_own() {
        let mut follow = Follow::default();
        let text = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MAP:URI=\"a.mp4\",BYTERANGE=\"9@0\"\n\
            #EXTINF:2,\n#EXT-X-BYTERANGE:50@9\na.mp4\n#EXTINF:2,\n#EXT-X-BYTERANGE:60\n/b/../a.mp4\n\
            #EXTINF:2,\nfile:///etc/passwd\n";
        let (units, wanted) = take(&mut follow, &read(text));
        assert_eq!(wanted, ["a.mp4#0+9", "a.mp4#9+50", "https://host/a.mp4#0+60"]);
        assert!(units.segments.iter().all(|unit| unit.range.is_none()));
        assert!(units.segments[2].gap, "what is no web server's is not there");
    }

    #[test]
    fn a_playlist_without_anything_begins_nowhere() {
        let mut follow = Follow::default();
        let (units, wanted) = take(&mut follow, &read("#EXTM3U\n#EXT-X-TARGETDURATION:0\n"));
        assert!(units.segments.is_empty() && wanted.is_empty());
        assert_eq!(follow.next_request(false).0, "");
    }
}
