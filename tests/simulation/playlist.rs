//! A media playlist as a player reads it, by a small parser of its own.

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Part {
    pub(crate) uri: String,
    pub(crate) us: i64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Listed {
    pub(crate) number: u64,
    pub(crate) uri: String,
    pub(crate) us: i64,
    pub(crate) gap: bool,
    pub(crate) discontinuity: bool,
    /// The EXT-X-MAP in force, as far as the text tells.
    pub(crate) map: Option<String>,
    pub(crate) parts: Vec<Part>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Playlist {
    pub(crate) target: i64,
    pub(crate) first: u64,
    pub(crate) discontinuities: u64,
    pub(crate) skipped: u64,
    pub(crate) part_target: i64,
    pub(crate) hold_back: i64,
    pub(crate) can_skip: bool,
    pub(crate) segments: Vec<Listed>,
    /// The segment in the making.
    pub(crate) open: Listed,
    pub(crate) hint: Option<String>,
}

fn seconds(text: &str) -> i64 {
    (text.parse::<f64>().expect("decimal seconds") * 1e6).round() as i64
}

pub(crate) fn attribute<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let pattern = format!("{name}=");
    let at = line
        .match_indices(&pattern)
        .map(|(at, _)| at)
        .find(|at| matches!(line.as_bytes().get(at.wrapping_sub(1)), Some(b',' | b':')))?;
    let value = &line[at + pattern.len()..];
    match value.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => value.split(',').next(),
    }
}

impl Playlist {
    pub(crate) fn parse(text: &str) -> Self {
        let mut list = Playlist::default();
        let mut row = Listed::default();
        let mut map = None;
        for line in text.lines() {
            let value = line.split_once(':').map_or("", |(_, value)| value);
            match line.split(':').next().unwrap_or(line) {
                "#EXT-X-TARGETDURATION" => list.target = seconds(value),
                "#EXT-X-MEDIA-SEQUENCE" => list.first = value.parse().expect("a number"),
                "#EXT-X-DISCONTINUITY-SEQUENCE" => {
                    list.discontinuities = value.parse().expect("a number");
                }
                "#EXT-X-SERVER-CONTROL" => {
                    list.hold_back = attribute(line, "PART-HOLD-BACK").map_or(0, seconds);
                    list.can_skip = attribute(line, "CAN-SKIP-UNTIL").is_some();
                }
                "#EXT-X-PART-INF" => {
                    list.part_target = attribute(line, "PART-TARGET").map_or(0, seconds);
                }
                "#EXT-X-SKIP" => {
                    let skipped = attribute(line, "SKIPPED-SEGMENTS").expect("required");
                    list.skipped = skipped.parse().expect("a number");
                }
                "#EXT-X-MAP" => map = attribute(line, "URI").map(str::to_owned),
                "#EXT-X-DISCONTINUITY" => row.discontinuity = true,
                "#EXT-X-GAP" => row.gap = true,
                "#EXTINF" => row.us = seconds(value.trim_end_matches(',')),
                "#EXT-X-PART" => row.parts.push(Part {
                    uri: attribute(line, "URI").expect("required").to_owned(),
                    us: attribute(line, "DURATION").map_or(0, seconds),
                }),
                "#EXT-X-PRELOAD-HINT" => list.hint = attribute(line, "URI").map(str::to_owned),
                uri if !uri.starts_with('#') => {
                    row.number = list.first + list.skipped + list.segments.len() as u64;
                    line.clone_into(&mut row.uri);
                    row.map.clone_from(&map);
                    list.segments.push(std::mem::take(&mut row));
                }
                _ => {}
            }
        }
        row.map = map;
        row.number = list.next_number();
        list.open = row;
        list
    }

    /// The number after the last complete segment's.
    pub(crate) fn next_number(&self) -> u64 {
        self.first + self.skipped + self.segments.len() as u64
    }

    /// Lays a delta update over the list it was asked with (rfc8216bis §6.2.5.1). `None` where the
    /// older list does not hold what the update skips.
    pub(crate) fn merged(mut self, older: &Playlist) -> Option<Self> {
        if self.skipped == 0 {
            return Some(self);
        }
        let from = self.first.checked_sub(older.first)? as usize;
        let kept = older.segments.get(from..from + self.skipped as usize)?;
        let mut map = kept.last().and_then(|row| row.map.clone());
        let mut segments = kept.to_vec();
        for mut row in std::mem::take(&mut self.segments) {
            row.map = row.map.or_else(|| map.clone());
            map.clone_from(&row.map);
            segments.push(row);
        }
        self.open.map = self.open.map.or(map);
        self.segments = segments;
        self.skipped = 0;
        Some(self)
    }
}
