//! The media playlist, plain and low-latency, full and as a delta update.

use std::fmt::Write;

use super::super::text::{put_instant, put_micros};
use super::super::{Dates, Listing, PastKind};
use crate::packager::{PART_SLACK_MICROS, Part, Period, RenditionView, Segment, SegmentationView};
use crate::resolve::Container;
use crate::units::{MediaDuration, MediaTime, Timescale};

/// CAN-SKIP-UNTIL in target durations: the least allowed (rfc8216bis §4.4.3.8).
pub const SKIP_TARGETS: i64 = 6;
/// PART-HOLD-BACK in part targets, at least. The draft asks for two at least, Apple's authoring rules for three.
pub const HOLD_BACK_PARTS: i64 = 3;
/// HOLD-BACK in target durations at least (§4.4.3.8).
pub const HOLD_BACK_TARGETS: i64 = 3;
/// Parts are listed of segments that end within so many target durations of the end (§6.2.2).
const PART_TARGETS: i64 = 3;

/// What to render.
#[derive(Clone, Copy, Debug)]
pub struct MediaPlaylist<'a> {
    /// The endpoint's listing.
    pub listing: Listing<'a>,
    /// The list's segmentation.
    pub segmentation: &'a SegmentationView,
    /// The list.
    pub list: &'a RenditionView,
    /// Whether the endpoint is a low-latency one.
    pub low_latency: bool,
    /// Whether older segments are replaced by EXT-X-SKIP where the list is long enough.
    pub skip: bool,
}

impl MediaPlaylist<'_> {
    fn target(&self) -> MediaDuration {
        MediaDuration::from_secs(i64::from(self.segmentation.target))
    }

    /// Whether segments need an init beside them.
    fn has_inits(&self) -> bool {
        self.listing.container == Container::Cmaf
    }

    /// Whether the date stands before a segment that begins at `at`, the `first` of the list or of a
    /// Period or none such: of those in one stretch of the interval the first has it, so that no
    /// version of a list takes it from a segment.
    fn dated(&self, first: bool, at: MediaTime, before: Option<&Segment>) -> bool {
        let interval = match self.listing.presentation.dates {
            Dates::All => return true,
            Dates::None => return self.low_latency,
            Dates::FirstOf(interval) => interval,
        };
        let stretch = |at: MediaTime| at.since_epoch().div_floor(interval);
        first || before.is_none_or(|before| stretch(before.start_time()) != stretch(at))
    }

    /// How many of the rows from `first` on a delta update skips: those that begin farther than
    /// CAN-SKIP-UNTIL from the end of the last complete segment (§6.2.5.1). Gaps count for nothing:
    /// those of a hole are listed all at once when media returns, and who asked before has not seen
    /// them.
    fn skipped(&self, first: usize) -> usize {
        if !self.skip || !self.low_latency || self.listing.ended {
            return 0;
        }
        let beyond = self.target().times(SKIP_TARGETS) + MediaDuration::new(1, Timescale::MICROS);
        let far =
            self.list.rows.last_spanning(self.list.rows.len(), beyond).map_or(0, |last| last + 1);
        far.saturating_sub(first)
    }
}

/// Renders a media playlist.
#[must_use]
pub fn media(playlist: &MediaPlaylist<'_>) -> String {
    let list = playlist.list;
    let first = playlist.listing.start(playlist.segmentation, list);
    let skipped = playlist.skipped(first);
    let mut out = String::with_capacity(512 + 160 * (list.rows.len() - first - skipped));
    put_header(&mut out, playlist, first, skipped > 0);
    if skipped > 0 {
        let _ = writeln!(out, "#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}");
    }
    let parted = list.rows.last_reaching(playlist.target().times(PART_TARGETS)).unwrap_or(0);
    let mut before = (first + skipped).checked_sub(1).and_then(|i| list.rows.get(i));
    for (i, row) in (first + skipped..).zip(list.rows.iter_from(first + skipped)) {
        // A gap of a Period the rendition takes no part in has no init either.
        let has_init = playlist.has_inits() && row.period.track(list.rendition.id).is_some();
        let before = before.replace(row).map(AsRef::as_ref);
        let start = Start {
            period: &row.period,
            begins: row.begins_period,
            map: has_init && (row.begins_period || i == first),
            at: row.start_time(),
            dated: playlist.dated(i == first || row.begins_period, row.start_time(), before),
        };
        put_row(
            &mut out,
            row,
            &start,
            playlist.low_latency && i >= parted,
            playlist.listing.extension(),
        );
    }
    if playlist.listing.ended {
        out.push_str("#EXT-X-ENDLIST\n");
    } else if playlist.low_latency {
        put_edge(&mut out, playlist);
    }
    out
}

fn put_header(out: &mut String, playlist: &MediaPlaylist<'_>, first: usize, delta: bool) {
    // Version 3 for decimal durations, 6 for EXT-X-MAP, 9 for EXT-X-SKIP; the other low-latency
    // tags need none (§8).
    let version = match (delta, playlist.has_inits()) {
        (true, _) => 9,
        (false, true) => 6,
        (false, false) => 3,
    };
    let target = playlist.segmentation.target;
    let version = playlist.listing.presentation.hls_version.max(version);
    let _ = write!(out, "#EXTM3U\n#EXT-X-VERSION:{version}\n#EXT-X-TARGETDURATION:{target}\n");
    if let Some(past) = playlist.listing.past {
        out.push_str(match past.kind {
            PastKind::Window { .. } => "",
            // Start-over: players begin at the live edge of what grows, where nothing else is said.
            PastKind::Growing => "#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-START:TIME-OFFSET=0\n",
            PastKind::Whole => "#EXT-X-PLAYLIST-TYPE:VOD\n",
        });
    }
    put_server_control(out, playlist);
    if let Some(part_target) = playlist.segmentation.part_target.filter(|_| playlist.low_latency) {
        out.push_str("#EXT-X-PART-INF:PART-TARGET=");
        put_micros(out, printed_part_target(part_target));
        out.push('\n');
    }
    let next = playlist
        .list
        .open
        .as_ref()
        .map(|open| (open.number, open.period.ordinal, open.begins_period));
    let row = playlist
        .list
        .rows
        .get(first)
        .map(|row| (row.number, row.period.ordinal, row.begins_period));
    let (number, ordinal, begins) = row.or(next).unwrap_or((0, 0, false));
    let discontinuities = ordinal - u64::from(begins);
    let _ = write!(
        out,
        "#EXT-X-MEDIA-SEQUENCE:{number}\n#EXT-X-DISCONTINUITY-SEQUENCE:{discontinuities}\n"
    );
}

/// EXT-X-SERVER-CONTROL, the same in all of an endpoint's playlists (§6.2.4): HOLD-BACK where the
/// endpoint's delay is no less than the draft allows, and what low latency has.
fn put_server_control(out: &mut String, playlist: &MediaPlaylist<'_>) {
    let mut attributes = Vec::new();
    let part_target = playlist.segmentation.part_target.filter(|_| playlist.low_latency);
    if part_target.is_some() {
        attributes.push("CAN-BLOCK-RELOAD=YES".to_owned());
    }
    let mut seconds = |name: &str, micros: i64| {
        let mut attribute = format!("{name}=");
        put_micros(&mut attribute, micros);
        attributes.push(attribute);
    };
    let micro = MediaDuration::new(1, Timescale::MICROS);
    if let Some(delay) = playlist.listing.presentation.delay
        && delay >= playlist.target().times(HOLD_BACK_TARGETS)
    {
        seconds("HOLD-BACK", delay.div_ceil(micro));
    }
    if let Some(part_target) = part_target {
        let part_target = printed_part_target(part_target);
        let asked =
            playlist.listing.presentation.part_hold_back.map_or(0, |asked| asked.div_ceil(micro));
        seconds("PART-HOLD-BACK", asked.max(part_target * HOLD_BACK_PARTS));
        attributes.push(format!(
            "CAN-SKIP-UNTIL={}.0",
            i64::from(playlist.segmentation.target) * SKIP_TARGETS
        ));
    }
    if !attributes.is_empty() {
        let _ = writeln!(out, "#EXT-X-SERVER-CONTROL:{}", attributes.join(","));
    }
}

fn put_row(out: &mut String, row: &Segment, start: &Start<'_>, parted: bool, extension: &str) {
    put_start(out, start);
    if parted {
        for part in row.parts() {
            put_part(out, part, row.period.id, row.timescale, extension);
        }
    }
    if row.is_gap() {
        out.push_str("#EXT-X-GAP\n");
    }
    out.push_str("#EXTINF:");
    // The difference of rounded instants: the sum over any run is exact to a microsecond (§4.4.4.1).
    put_micros(out, micros_up(row.end_time()) - micros_up(row.start_time()));
    let _ = write!(out, ",\n{}.{extension}\n", row.number);
}

/// Microseconds since the epoch, rounded up.
fn micros_up(at: MediaTime) -> i64 {
    at.since_epoch().div_ceil(MediaDuration::new(1, Timescale::MICROS))
}

/// PART-TARGET in microseconds: no part is longer than it says (§4.4.3.7), neither by rounding nor
/// by what `put_part` adds.
fn printed_part_target(target: MediaDuration) -> i64 {
    target.div_ceil(MediaDuration::new(1, Timescale::MICROS)) + PART_SLACK_MICROS
}

/// What stands before a segment's first part (§4.4.4.9).
struct Start<'a> {
    period: &'a Period,
    begins: bool,
    map: bool,
    at: MediaTime,
    dated: bool,
}

fn put_start(out: &mut String, start: &Start<'_>) {
    if start.begins {
        out.push_str("#EXT-X-DISCONTINUITY\n");
    }
    if start.map {
        let _ = writeln!(out, "#EXT-X-MAP:URI=\"init-{}.mp4\"", start.period.id);
    }
    if start.dated {
        out.push_str("#EXT-X-PROGRAM-DATE-TIME:");
        put_instant(out, start.at);
        out.push('\n');
    }
}

/// A part's row. Within its segment a part is said to begin [`PART_SLACK_MICROS`] late: a player that
/// places parts by the playlist never sees one begin before the segment's first did. shaka-player
/// resets its decoder where it does, by whatever rounding, and Chromium then drops pictures up to
/// the next sync sample.
fn put_part(out: &mut String, part: &Part, period: i64, timescale: Timescale, extension: &str) {
    let at = |ticks: i64| micros_up(MediaTime::new(ticks, timescale));
    let start = at(part.start) + if part.first { 0 } else { PART_SLACK_MICROS };
    out.push_str("#EXT-X-PART:DURATION=");
    put_micros(out, at(part.start + part.duration) + PART_SLACK_MICROS - start);
    let _ = write!(out, ",URI=\"p{period}-{}.{extension}\"", part.start);
    out.push_str(if part.independent { ",INDEPENDENT=YES\n" } else { "\n" });
}

/// The open segment's parts, the hint, the reports.
fn put_edge(out: &mut String, playlist: &MediaPlaylist<'_>) {
    let list = playlist.list;
    let extension = playlist.listing.extension();
    if let Some(open) = &list.open
        && let (Some(start), Some(_), Some(track)) =
            (open.start, open.parts.first(), open.period.track(list.rendition.id))
    {
        let at = MediaTime::new(start, track.timescale);
        let before = list.rows.last().map(AsRef::as_ref);
        put_start(
            out,
            &Start {
                period: &open.period,
                begins: open.begins_period,
                map: playlist.has_inits() && (open.begins_period || before.is_none()),
                at,
                dated: playlist.dated(open.begins_period, at, before),
            },
        );
        for part in &open.parts {
            put_part(out, part, open.period.id, track.timescale, extension);
        }
    }
    if let Some((period, start)) = list.next_part {
        let _ =
            writeln!(out, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"p{period}-{start}.{extension}\"");
    }
    let shown = playlist.listing.presentation.shown(&playlist.segmentation.period);
    for report in list.reports.iter().filter(|r| shown.contains(&r.rendition)) {
        let _ = write!(
            out,
            "#EXT-X-RENDITION-REPORT:URI=\"../{}/media.m3u8\",LAST-MSN={}",
            report.name, report.number
        );
        if let Some(part) = report.part {
            let _ = write!(out, ",LAST-PART={part}");
        }
        out.push('\n');
    }
}
