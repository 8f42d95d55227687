//! A media playlist as quick-m3u8 reads it: a foreign parser's word for what we wrote.

use quick_m3u8::config::ParsingOptionsBuilder;
use quick_m3u8::tag::KnownTag;
use quick_m3u8::tag::hls::Tag;
use quick_m3u8::{HlsLine, Reader};

/// EXT-X-PART.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) uri: String,
    pub(crate) micros: i64,
    pub(crate) independent: bool,
}

/// A segment with the tags before it, or the open one, which has no URI yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Segment {
    pub(crate) discontinuity: bool,
    pub(crate) map: Option<String>,
    /// The line as written.
    pub(crate) date: Option<String>,
    pub(crate) parts: Vec<Part>,
    pub(crate) gap: bool,
    pub(crate) micros: i64,
    pub(crate) uri: String,
}

/// A media playlist.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Playlist {
    pub(crate) version: u64,
    pub(crate) target: u64,
    pub(crate) sequence: u64,
    pub(crate) discontinuity_sequence: u64,
    pub(crate) part_target: Option<i64>,
    pub(crate) hold_back: Option<i64>,
    pub(crate) part_hold_back: Option<i64>,
    pub(crate) can_skip_until: Option<i64>,
    pub(crate) blocks: bool,
    pub(crate) skipped: u64,
    pub(crate) segments: Vec<Segment>,
    pub(crate) open: Segment,
    pub(crate) hint: Option<String>,
    /// URI, LAST-MSN, LAST-PART.
    pub(crate) reports: Vec<(String, u64, Option<u64>)>,
    pub(crate) ended: bool,
}

impl Playlist {
    /// Sum of all EXTINF in microseconds.
    pub(crate) fn length(&self) -> i64 {
        self.segments.iter().map(|s| s.micros).sum()
    }

    /// The number of the segment after the last complete one.
    pub(crate) fn next_number(&self) -> u64 {
        self.sequence + self.skipped + self.segments.len() as u64
    }
}

fn micros(seconds: f64) -> i64 {
    (seconds * 1e6).round() as i64
}

/// Every line of a playlist as a tag of the draft or a URI; anything else fails the test.
pub(crate) fn lines(text: &str) -> Vec<HlsLine<'_>> {
    assert!(text.starts_with("#EXTM3U\n"), "H01");
    assert!(text.ends_with('\n') && !text.contains('\r') && !text.contains("\n\n"), "H01");
    let options = ParsingOptionsBuilder::new().with_parsing_for_all_tags().build();
    let mut reader = Reader::from_str(text, options);
    let mut lines = Vec::new();
    while let Some(line) = reader.read_line().unwrap_or_else(|e| panic!("{e:?} in\n{text}")) {
        match &line {
            HlsLine::KnownTag(_) | HlsLine::Uri(_) => lines.push(line),
            other => panic!("{other:?} is no tag of the draft, in\n{text}"),
        }
    }
    lines
}

/// Reads a media playlist.
pub(crate) fn read(text: &str) -> Playlist {
    let mut playlist = Playlist::default();
    let mut segment = Segment::default();
    let mut once = std::collections::BTreeSet::new();
    for (line, written) in lines(text).into_iter().zip(text.lines()) {
        match line {
            HlsLine::Uri(uri) => {
                segment.uri = uri.into_owned();
                playlist.segments.push(std::mem::take(&mut segment));
            }
            HlsLine::KnownTag(KnownTag::Hls(tag)) => {
                if !segment_tag(&mut segment, &tag, written) {
                    let name = written.split(':').next().expect("a first piece").to_owned();
                    let repeats = name == "#EXT-X-RENDITION-REPORT";
                    assert!(once.insert(name) || repeats, "H02: {written} twice in\n{text}");
                    playlist_tag(&mut playlist, &tag);
                }
            }
            other => panic!("{other:?}"),
        }
    }
    playlist.open = segment;
    playlist
}

fn segment_tag(segment: &mut Segment, tag: &Tag<'_>, written: &str) -> bool {
    match tag {
        Tag::Discontinuity(_) => segment.discontinuity = true,
        Tag::Map(map) => segment.map = Some(map.uri().to_owned()),
        Tag::ProgramDateTime(_) => segment.date = Some(written.to_owned()),
        Tag::Gap(_) => segment.gap = true,
        Tag::Inf(inf) => segment.micros = micros(inf.duration()),
        Tag::Part(part) => segment.parts.push(Part {
            uri: part.uri().to_owned(),
            micros: micros(part.duration()),
            independent: part.independent(),
        }),
        _ => return false,
    }
    let before_parts =
        !matches!(tag, Tag::Discontinuity(_) | Tag::Map(_) | Tag::ProgramDateTime(_));
    assert!(before_parts || segment.parts.is_empty(), "L09: {written} stands behind a part");
    true
}

fn playlist_tag(playlist: &mut Playlist, tag: &Tag<'_>) {
    match tag {
        Tag::M3u(_) => {}
        Tag::Version(version) => playlist.version = version.version(),
        Tag::Targetduration(target) => playlist.target = target.target_duration(),
        Tag::MediaSequence(sequence) => {
            assert!(playlist.segments.is_empty(), "H10: before the first segment");
            playlist.sequence = sequence.media_sequence();
        }
        Tag::DiscontinuitySequence(sequence) => {
            assert!(playlist.segments.is_empty(), "H27: before the first segment");
            playlist.discontinuity_sequence = sequence.discontinuity_sequence();
        }
        Tag::PartInf(inf) => playlist.part_target = Some(micros(inf.part_target())),
        Tag::ServerControl(control) => {
            playlist.hold_back = control.hold_back().map(micros);
            playlist.part_hold_back = control.part_hold_back().map(micros);
            playlist.can_skip_until = control.can_skip_until().map(micros);
            playlist.blocks = control.can_block_reload();
        }
        Tag::Skip(skip) => playlist.skipped = skip.skipped_segments(),
        Tag::PreloadHint(hint) => playlist.hint = Some(hint.uri().to_owned()),
        Tag::RenditionReport(report) => {
            let at = (report.uri().to_owned(), report.last_msn(), report.last_part());
            playlist.reports.push(at);
        }
        Tag::Endlist(_) => playlist.ended = true,
        other => panic!("{other:?} does not belong into a media playlist of ours"),
    }
}

/// What a client has that laid a delta update over what it had (rfc8216bis §6.3.7).
pub(crate) fn merge(had: &Playlist, delta: &Playlist) -> Playlist {
    let mut merged = delta.clone();
    let from = (delta.sequence - had.sequence) as usize;
    let skipped = delta.skipped as usize;
    let kept = had.segments.get(from..from + skipped).expect("the client has what is skipped");
    merged.segments = kept.iter().chain(&delta.segments).cloned().collect();
    // What it knows of the MAP goes on to hold.
    let map = had.segments[..=from].iter().rev().find_map(|s| s.map.clone());
    merged.segments[0].map = map;
    merged.skipped = 0;
    merged.version = had.version;
    merged
}
