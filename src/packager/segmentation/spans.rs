//! Periods as a segmentation knows them that an MPD lists by number alone: low-latency DASH
//! (docs/low-latency.md). What such an MPD says changes with Periods, rates and targets only, so
//! that the media time at which it changed last is remembered here, for `publishTime`.

use std::sync::Arc;

use super::Segmentation;
use crate::packager::cadence::Rhythm;
use crate::packager::period::{Nominal, Period, PeriodSpan, PeriodSpans};
use crate::packager::state::RenditionId;
use crate::units::{Bitrate, MediaDuration, MediaTime};

/// How far from its nominal place a cut may lie.
const OFF_NOMINAL: MediaDuration = MediaDuration::from_millis(50);
/// A millisecond, the resolution of `publishTime`.
const TICK: MediaDuration = MediaDuration::from_millis(1);

/// The Periods of a segmentation's rows, and when what an MPD says of them changed.
#[derive(Debug, Default)]
pub(super) struct Spans {
    periods: Vec<PeriodSpan>,
    changed: Option<MediaTime>,
    changed_at: Option<MediaTime>,
    content: Content,
    /// Something listed was removed to get under a limit.
    curtailed: bool,
}

/// What of a segmentation an MPD shows, but for what its window leaves behind.
#[derive(Debug, Default, PartialEq)]
struct Content {
    /// Ordinal and, by track, the last row where rows are listed one by one.
    periods: Vec<(u64, Vec<(RenditionId, u64)>)>,
    rates: Vec<(RenditionId, Bitrate)>,
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
        let content = self.content();
        let first = content.periods.first().map_or(0, |(ordinal, _)| *ordinal);
        self.spans.content.periods.retain(|(ordinal, _)| *ordinal >= first);
        if content != self.spans.content || std::mem::take(&mut self.spans.curtailed) {
            // A millisecond more for each change while media stands where it is.
            let since = self.spans.changed.unwrap_or(edge).max(edge);
            self.spans.changed = Some(MediaTime::from_millis(since.floor_millis()) + TICK);
            self.spans.changed_at = Some(edge);
            self.spans.content = content;
        }
        let changed = self.spans.changed.unwrap_or(edge);
        let changed_at = self.spans.changed_at.unwrap_or(edge);
        let periods = self.spans.periods.clone();
        Some(Arc::new(PeriodSpans { periods, edge, changed, changed_at }))
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
        let rates = self.builders.iter().filter_map(|(id, builder)| {
            let listed = listed().any(|span| span.tracks.contains(id));
            let said = builder.whole.as_ref().or(builder.rendition.as_ref())?;
            listed.then_some((*id, said.peak))
        });
        let target = MediaDuration::from_secs(i64::from(self.target));
        Content {
            periods: listed().map(|span| (span.period.ordinal, self.shown(span))).collect(),
            rates: rates.collect(),
            longest: Some(target.max(self.longest_listed())),
            lengths: listed()
                .next_back()
                .filter(|span| span.nominal.is_none())
                .map(|_| (self.duration, self.target)),
        }
    }

    /// The tracks of a Period, each with the number of its last row where rows are listed.
    fn shown(&self, span: &PeriodSpan) -> Vec<(RenditionId, u64)> {
        let last = |id: &RenditionId| {
            let rows = &self.builders.get(id)?.rows;
            let end = rows.partition_point(|row| row.period.ordinal <= span.period.ordinal);
            rows.get(end.checked_sub(1)?).map(|row| row.number)
        };
        let number = |id| if span.nominal.is_some() { None } else { last(id) };
        span.tracks.iter().map(|id| (*id, number(id).unwrap_or(0))).collect()
    }
}
