//! What readers see: everything listed and retained, at one version.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::config::SegmentationKey;
use super::period::{Period, PeriodSpans};
use super::segment::{OpenSegment, Part, Segment};
use super::state::{Lineage, Rendition, RenditionId};
use super::window::Rows;
use crate::units::{MediaDuration, MediaTime};

/// Segments a rendition needs before it is shown (rfc8216bis §6.2.2).
const SEGMENTS_MIN: usize = 3;

/// Everything a reader may ask a channel for. Who holds one can answer from it: it owns the bytes.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Rises with every publication.
    pub version: u64,
    /// The state's revision that must be on disk before readers may see this (invariant 23).
    pub needs_state: u64,
    /// How often sources were lost: waiters from before the latest loss are answered at once.
    pub losses: u64,
    /// Whether the channel has ended: lists carry ENDLIST.
    pub ended: bool,
    /// The lists.
    pub segmentations: BTreeMap<SegmentationKey, SegmentationView>,
}

/// One segmentation's lists.
#[derive(Clone, Debug)]
pub struct SegmentationView {
    /// D, the duration of a segment where the source keeps its cadence.
    pub duration: MediaDuration,
    /// EXT-X-TARGETDURATION in seconds.
    pub target: u32,
    /// PART-TARGET on a low-latency segmentation.
    pub part_target: Option<MediaDuration>,
    /// The newest Period.
    pub period: Arc<Period>,
    /// Version of the newest change of any rendition.
    pub version: u64,
    /// Bytes of all complete segments.
    pub bytes: u64,
    /// The highest number that lists of a life before this one may have named: whoever asks for
    /// it follows them.
    pub named_before: u64,
    /// The longest segment of this process, in Periods that MPDs list.
    pub longest: MediaDuration,
    /// Ordinal of the first Period that lacks media of a track which is to come: an MPD does not
    /// list it yet.
    pub incomplete: Option<u64>,
    /// Its Periods, where an MPD lists them by number alone.
    pub spans: Option<Arc<PeriodSpans>>,
    /// By rendition id.
    pub renditions: Vec<RenditionView>,
    /// Video together with its default audio, by the video's rendition id; where an endpoint lists
    /// them so.
    pub muxed: Vec<RenditionView>,
    /// What its lists go on from.
    pub lineage: Lineage,
}

impl Snapshot {
    /// What a list goes on from.
    #[must_use]
    pub fn lineage(&self, key: SegmentationKey) -> Lineage {
        self.segmentations.get(&key).map_or_else(|| key.into(), |view| view.lineage.clone())
    }
}

impl SegmentationView {
    /// The list of a rendition.
    #[must_use]
    pub fn rendition(&self, id: RenditionId) -> Option<&RenditionView> {
        self.renditions.iter().find(|r| r.rendition.id == id)
    }

    /// The list of a rendition by its name in URLs.
    #[must_use]
    pub fn rendition_named(&self, name: &str) -> Option<&RenditionView> {
        self.renditions.iter().find(|r| r.rendition.name == name)
    }

    /// What a list spans at least: three target durations (rfc8216bis §6.2.2).
    #[must_use]
    pub fn least_listed(&self) -> MediaDuration {
        MediaDuration::from_secs(3 * i64::from(self.target))
    }

    /// Whether a list has three segments and three target durations (invariant 12).
    #[must_use]
    pub fn has_enough(&self, list: &RenditionView) -> bool {
        let (Some(first), Some(last)) = (list.rows.get(0), list.rows.last()) else { return false };
        let span = last.end_time() - first.start_time() + MediaDuration::from_millis(100);
        list.rows.len() >= SEGMENTS_MIN
            && (span >= self.least_listed() || list.rows.len() > SEGMENTS_MIN)
    }

    /// Whether there is enough of the channel to show: of every current list but those of tracks
    /// that came later than others, which manifests name once they have enough too. With `muxed`,
    /// where video and audio are listed together.
    #[must_use]
    pub fn can_be_shown(&self, muxed: bool) -> bool {
        let begins =
            |list: &RenditionView| list.rows.get(0).map(|row| row.number).or(list.next_number);
        let mut lists: Vec<&RenditionView> = self.current_muxed().filter(|_| muxed).collect();
        if lists.is_empty() {
            lists = self.current().collect();
        }
        let first = lists.iter().filter_map(|list| begins(list)).min();
        let mut early = lists.iter().filter(|list| begins(list) == first);
        lists.iter().any(|list| self.has_enough(list)) && early.all(|list| self.has_enough(list))
    }

    /// The list of a video together with its default audio.
    #[must_use]
    pub fn muxed(&self, video: RenditionId) -> Option<&RenditionView> {
        self.muxed.iter().find(|r| r.rendition.id == video)
    }

    /// As [`SegmentationView::current`], of video together with audio.
    pub fn current_muxed(&self) -> impl Iterator<Item = &RenditionView> {
        self.period.tracks.iter().filter_map(|t| self.muxed(t.rendition))
    }

    /// The lists of the newest Period's tracks, in the order manifests have them.
    pub fn current(&self) -> impl Iterator<Item = &RenditionView> {
        self.period.tracks.iter().filter_map(|t| self.rendition(t.rendition))
    }
}

/// The last position of another rendition (EXT-X-RENDITION-REPORT).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Whose.
    pub rendition: RenditionId,
    /// Its name in URLs.
    pub name: Arc<str>,
    /// Number of the last segment, or of the open one if it has parts.
    pub number: u64,
    /// Index of the last part, where there are parts.
    pub part: Option<usize>,
}

/// One rendition's list.
#[derive(Clone, Debug)]
pub struct RenditionView {
    /// Whose.
    pub rendition: Arc<Rendition>,
    /// The same as of the newest row that an MPD lists.
    pub whole: Arc<Rendition>,
    /// The snapshot version at which it changed last.
    pub version: u64,
    /// Complete segments.
    pub rows: Rows,
    /// The segment in the making, on a low-latency segmentation.
    pub open: Option<OpenSegment>,
    /// The number that the next complete segment will have, where one is in the making.
    pub next_number: Option<u64>,
    /// Period id and decode time of the part that comes next: its name, hinted.
    pub next_part: Option<(i64, i64)>,
    /// Numbers after whose rows the target duration was raised, each with the one before.
    pub raises: Arc<[(u64, u32)]>,
    /// Where the other renditions stood when this version was published.
    pub reports: Arc<[Report]>,
}

impl RenditionView {
    /// The first row of the list that shows at least `segments` rows, `span` of media and three
    /// target durations (invariant 12); it only moves forward as rows are added (invariant 10).
    #[must_use]
    pub fn list_start(&self, segments: u32, span: MediaDuration, target: u32) -> usize {
        // Where the target duration was raised a list would reach back for more: it stays where it
        // was under the old one.
        let before = self.raises.iter().filter_map(|(last, old)| {
            let shown = self.rows.partition_point(|row| row.number <= *last);
            (shown > 0).then(|| self.start_among(shown, segments, span, *old))
        });
        before.max().unwrap_or(0).max(self.start_among(self.rows.len(), segments, span, target))
    }

    /// As [`RenditionView::list_start`], of the first `rows` rows.
    fn start_among(&self, rows: usize, segments: u32, span: MediaDuration, target: u32) -> usize {
        let Some(last) = rows.checked_sub(1).and_then(|last| self.rows.get(last)) else { return 0 };
        let by_count = rows.saturating_sub(segments as usize);
        let span = span.max(MediaDuration::from_secs(3 * i64::from(target)));
        let since: MediaTime = last.end_time() - span;
        let by_span = self.rows.partition_point(|row| row.end_time() <= since);
        let least = MediaDuration::from_secs(3 * i64::from(target));
        let by_media = self.rows.last_spanning(rows, least).unwrap_or(0);
        let latest = by_media.min(rows.saturating_sub(3));
        self.after_long_hole(by_count.min(by_span).min(by_media), latest, span)
    }

    /// A list does not reach over a hole longer than itself once three rows and three target
    /// durations stand behind it: whoever reads now has all of what came before behind him.
    fn after_long_hole(&self, start: usize, latest: usize, span: MediaDuration) -> usize {
        let hole = (start + 1..=latest).rev().find(|at| {
            let (Some(before), Some(row)) = (self.rows.get(at - 1), self.rows.get(*at)) else {
                return false;
            };
            row.begins_period && row.start_time() - before.end_time() > span
        });
        hole.unwrap_or(start)
    }

    /// The newest row that is no gap and lies in a Period before `incomplete`.
    #[must_use]
    pub fn newest_media(&self, incomplete: Option<u64>) -> Option<&Arc<Segment>> {
        let listed = |row: &Segment| incomplete.is_none_or(|first| row.period.ordinal < first);
        self.rows.iter_from(0).rfind(|row| !row.is_gap() && listed(row))
    }

    /// The last number that has a row, and the open segment's with its count of parts.
    #[must_use]
    pub fn position(&self) -> (Option<u64>, Option<(u64, usize)>) {
        let last = self.rows.last().map(|row| row.number);
        let open =
            self.open.as_ref().filter(|o| !o.parts.is_empty()).map(|o| (o.number, o.parts.len()));
        (last, open)
    }

    /// The part of this name.
    #[must_use]
    pub fn part(&self, period: i64, start: i64) -> Option<&Part> {
        let open = self.open.iter().filter(|o| o.period.id == period).flat_map(|o| o.parts.iter());
        open.rev().find(|p| p.start == start).or_else(|| {
            let rows = self.rows_near(period, start);
            rows.flat_map(Segment::parts).find(|p| p.start == start)
        })
    }

    /// The rows of a Period that may hold a tick.
    pub fn rows_near(&self, period: i64, start: i64) -> impl Iterator<Item = &Segment> {
        // Ticks are comparable within a Period only: another may have another timescale.
        let before = |row: &Segment| (row.period.id, row.start) <= (period, start);
        let after = self.rows.partition_point(before);
        let rows = (after.saturating_sub(2)..=after).filter_map(|i| self.rows.get(i));
        rows.map(AsRef::as_ref).filter(move |row| row.period.id == period)
    }

    /// The complete segment of this number, unless it is a gap.
    #[must_use]
    pub fn segment(&self, number: u64) -> Option<&Arc<Segment>> {
        self.rows.by_number(number).filter(|row| !row.is_gap())
    }

    /// The Period of this id, if any listed or open segment lies in it.
    #[must_use]
    pub fn period(&self, id: i64) -> Option<&Arc<Period>> {
        let open = self.open.iter().map(|o| &o.period);
        open.chain(self.rows.iter_from(0).rev().map(|row| &row.period)).find(|p| p.id == id)
    }

    /// How this rendition's position reads in another's list.
    #[must_use]
    pub(super) fn report(&self) -> Option<Report> {
        let name: Arc<str> = self.rendition.name.as_str().into();
        let rendition = self.rendition.id;
        match self.position() {
            (_, Some((number, parts))) => {
                Some(Report { rendition, name, number, part: parts.checked_sub(1) })
            }
            (Some(number), None) => {
                let parts = self.rows.last().map_or(0, |row| row.parts().len());
                Some(Report { rendition, name, number, part: parts.checked_sub(1) })
            }
            (None, None) => None,
        }
    }
}
