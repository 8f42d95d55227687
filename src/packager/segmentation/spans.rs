//! Periods as a segmentation knows them that an MPD lists by number alone: low-latency DASH
//! (docs/low-latency.md). What such an MPD says changes with Periods, rates and targets only, so
//! that the media time at which it changed last is remembered here, for `publishTime`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Segmentation;
use crate::packager::cadence::Rhythm;
use crate::packager::period::{Change, Nominal, Period, PeriodSpan, PeriodSpans};
use crate::packager::segment::Segment;
use crate::packager::state::RenditionId;
use crate::units::{Bitrate, MediaDuration, MediaTime};

/// How far from its nominal place a cut may lie.
const OFF_NOMINAL: MediaDuration = MediaDuration::from_millis(50);
/// A millisecond, the resolution of `publishTime`.
const TICK: MediaDuration = MediaDuration::from_millis(1);

/// The Periods of a segmentation's rows, and when what an MPD says of them changed.
#[derive(Clone, Debug, Default)]
pub(super) struct Spans {
    periods: Vec<PeriodSpan>,
    content: Content,
    changed: Option<Change>,
    /// What is said of each rendition, and when that changed last.
    renditions: BTreeMap<RenditionId, (Said, Change)>,
    /// Something listed was removed to get under a limit.
    curtailed: bool,
}

/// What of a rendition an MPD shows, but for what its window leaves behind.
#[derive(Clone, Debug, PartialEq)]
struct Said {
    /// By ordinal of the Period, its last row where rows are listed one by one.
    periods: Vec<(u64, u64)>,
    rate: Bitrate,
}

/// What of a segmentation an MPD shows whatever rungs it lists, but for what its window leaves behind.
#[derive(Clone, Debug, Default, PartialEq)]
struct Content {
    /// By ordinal.
    periods: Vec<u64>,
    /// `maxSegmentDuration`: the target duration, or the longest segment if that is longer.
    longest: Option<MediaDuration>,
    /// What delays are reckoned from where the newest Period lists rows: D and the target duration.
    lengths: Option<(MediaDuration, u32)>,
}

impl Spans {
    fn find(&mut self, ordinal: u64) -> Option<&mut PeriodSpan> {
        self.periods.iter_mut().rfind(|span| span.period.ordinal == ordinal)
    }

    /// Media up to `end` of a rendition has come in a Period. Whether the Period counts by number,
    /// so that a part is enough of a track for an MPD to list it.
    pub(super) fn deliver(
        &mut self,
        period: &Period,
        rendition: RenditionId,
        end: MediaTime,
    ) -> bool {
        let Some(span) = self.find(period.ordinal) else { return false };
        if !span.tracks.contains(&rendition) {
            span.tracks.push(rendition);
        }
        span.end = span.end.max(Some(end));
        let nominal = span.nominal.is_some();
        if period.tracks.first().is_some_and(|leading| leading.rendition == rendition) {
            span.edge = span.edge.max(Some(end));
        }
        nominal
    }

    /// Something that MPDs list may have gone before its time.
    pub(super) fn curtail(&mut self) {
        self.curtailed = true;
    }
}

impl Segmentation {
    /// Notes a cut of the leading track for MPDs that list this segmentation by number.
    pub(in crate::packager) fn note_span(
        &mut self,
        period: &Arc<Period>,
        at: MediaTime,
        number: u64,
        rhythm: Rhythm,
    ) {
        if !self.wanted.nominal {
            return;
        }
        if let Some(span) = self.spans.find(period.ordinal) {
            span.last = number;
            return;
        }
        let even = matches!(rhythm, Rhythm::Even { .. });
        let part = self.part_target.filter(|_| even);
        let nominal = part.and_then(|part| Nominal::new(self.duration, part));
        self.spans.periods.push(PeriodSpan {
            period: Arc::clone(period),
            // The Period may have begun at a cut of others.
            start: period.start().max(MediaTime::from_millis(at.floor_millis())),
            first: number,
            last: number,
            nominal,
            tracks: Vec::new(),
            end: None,
            edge: None,
            before: None,
        });
    }

    /// The Periods of the rows that a life before this one left. Whether they kept to their nominal
    /// grid is not known any more: MPDs list their rows one by one.
    pub(super) fn restore_spans(&mut self) {
        if !self.wanted.nominal {
            return;
        }
        let mut rows: Vec<(RenditionId, Arc<Segment>)> = Vec::new();
        for (id, builder) in &self.builders {
            rows.extend(builder.rows.iter_from(0).map(|row| (*id, Arc::clone(row))));
        }
        rows.sort_by_key(|(_, row)| (row.period.ordinal, row.number));
        for (rendition, row) in rows {
            let period = &row.period;
            if self.spans.find(period.ordinal).is_none() {
                self.spans.periods.push(PeriodSpan {
                    period: Arc::clone(period),
                    start: MediaTime::from_millis(row.start_time().floor_millis())
                        .max(period.start()),
                    first: row.number,
                    last: row.number,
                    nominal: None,
                    tracks: Vec::new(),
                    end: None,
                    edge: None,
                    before: None,
                });
            }
            if !row.is_gap() {
                self.spans.deliver(period, rendition, row.end_time());
            }
            if let Some(span) = self.spans.find(period.ordinal) {
                span.last = span.last.max(row.number);
            }
        }
    }

    /// Whether a cut at `at` would lie too far from where an MPD says its number begins.
    pub(in crate::packager) fn off_nominal(&self, at: MediaTime) -> bool {
        let Some(span) = self.spans.periods.last().filter(|_| self.started()) else { return false };
        let next = i64::try_from(span.last + 1 - span.first).unwrap_or(i64::MAX);
        let start = |nominal: &Nominal| span.start + nominal.duration.times(next);
        span.nominal.as_ref().is_some_and(|nominal| (at - start(nominal)).abs() > OFF_NOMINAL)
    }

    /// The Periods as readers see them; notes whether what an MPD says has changed.
    pub(in crate::packager) fn publish_spans(&mut self) -> Option<Arc<PeriodSpans>> {
        if !self.wanted.nominal {
            return None;
        }
        self.forget_spans();
        let known = self.first_incomplete().unwrap_or(u64::MAX);
        let listed = self.spans.periods.iter().filter(|span| span.period.ordinal < known);
        let edge = listed.filter_map(|span| span.edge).max()?;
        let (content, said) = (self.content(), self.said());
        let spans = &mut self.spans;
        // A millisecond more for each change while media stands where it is.
        let last = spans.renditions.values().map(|(_, change)| change.at);
        let since = last.chain(spans.changed.map(|change| change.at)).max().max(Some(edge));
        let at = MediaTime::from_millis(since.unwrap_or(edge).floor_millis()) + TICK;
        let now = Change { at, edge };
        let first = content.periods.first().copied().unwrap_or(0);
        spans.content.periods.retain(|ordinal| *ordinal >= first);
        if content != spans.content || std::mem::take(&mut spans.curtailed) {
            spans.changed = Some(now);
            spans.content = content;
        }
        spans.renditions.retain(|id, _| said.contains_key(id));
        for (id, said) in said {
            let known = spans.renditions.remove(&id).map(|(mut known, change)| {
                known.periods.retain(|(ordinal, _)| *ordinal >= first);
                (known, change)
            });
            let known = known.filter(|(known, _)| *known == said);
            spans.renditions.insert(id, known.unwrap_or((said, now)));
        }
        Some(Arc::new(PeriodSpans {
            periods: spans.periods.clone(),
            edge,
            changed: spans.changed.unwrap_or(now),
            renditions: spans.renditions.iter().map(|(id, (_, change))| (*id, *change)).collect(),
        }))
    }

    /// Forgets Periods of which no row is left.
    fn forget_spans(&mut self) {
        while let [first, next, ..] = self.spans.periods.as_mut_slice() {
            let ordinal = first.period.ordinal;
            let in_rows = |b: &super::Builder| {
                let row = b.rows.get(0).map(|row| row.period.ordinal);
                let open = b.open.as_ref().map(|open| open.period.ordinal);
                row.or(open).is_some_and(|oldest| oldest <= ordinal)
            };
            if self.builders.values().any(in_rows) {
                return;
            }
            next.before = next.before.max(first.end).max(first.before);
            self.spans.periods.remove(0);
        }
    }

    fn content(&self) -> Content {
        let known = self.first_incomplete().unwrap_or(u64::MAX);
        let listed = || self.spans.periods.iter().filter(|span| span.period.ordinal < known);
        let target = MediaDuration::from_secs(i64::from(self.target));
        Content {
            periods: listed().map(|span| span.period.ordinal).collect(),
            longest: Some(target.max(self.longest_listed())),
            lengths: listed()
                .next_back()
                .filter(|span| span.nominal.is_none())
                .map(|_| (self.duration, self.target)),
        }
    }

    /// What is said of each rendition that has media in a listed Period.
    fn said(&self) -> BTreeMap<RenditionId, Said> {
        let known = self.first_incomplete().unwrap_or(u64::MAX);
        let said = self.builders.iter().filter_map(|(id, builder)| {
            let spans = self.spans.periods.iter().filter(|span| span.period.ordinal < known);
            let spans = spans.filter(|span| span.tracks.contains(id));
            let periods = spans.map(|span| {
                let ordinal = span.period.ordinal;
                let end = builder.rows.partition_point(|row| row.period.ordinal <= ordinal);
                let last = end.checked_sub(1).and_then(|last| builder.rows.get(last));
                let last = last.filter(|_| span.nominal.is_none());
                (ordinal, last.map_or(0, |row| row.number))
            });
            let periods: Vec<_> = periods.collect();
            let rate = builder.whole.as_ref().or(builder.rendition.as_ref())?.peak;
            (!periods.is_empty()).then_some((*id, Said { periods, rate }))
        });
        said.collect()
    }
}
