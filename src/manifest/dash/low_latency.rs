//! Low-latency DASH (ISO/IEC 23009-1 §5.3.9.5.3, annex K; DASH-IF low-latency live v5): Periods
//! listed by number alone, whose segments are read while they are made.
//!
//! Number k begins at Period@start + (k − startNumber)·D. What such an MPD says changes with
//! Periods, rates and targets only; Periods without cadence are listed by SegmentTimeline.

use std::fmt::Write;

use super::super::text::{put_micros, put_xs_duration};
use super::super::{Listing, Presentation};
use super::timeline::{Listed, Run, extend};
use crate::packager::{
    Change, Nominal, PeriodSpan, PeriodSpans, RenditionView, Segment, SegmentationView,
};
use crate::units::{MediaDuration, MediaTime, Timescale};

/// `minimumUpdatePeriod` where nothing is said: a new Period is known by the end of its first part,
/// and must be met before a player that is the target latency behind comes to it.
pub const UPDATE_PERIOD: MediaDuration = MediaDuration::from_secs(1);
/// Latency@target: so many part targets, as Low-Latency HLS holds players back by, and the update
/// period.
const LATENCY_PARTS: i64 = 3;
/// Part targets of buffer asked for before playing.
const BUFFER_PARTS: i64 = 1;
/// A hole between two Periods that is no rounding.
const HOLE: MediaDuration = MediaDuration::from_millis(100);
const TICK: MediaDuration = MediaDuration::from_millis(1);

/// `minimumUpdatePeriod`.
pub(super) fn update_period(presentation: &Presentation) -> MediaDuration {
    presentation.min_update.unwrap_or(UPDATE_PERIOD)
}

/// Latency@target: the delay an endpoint asks for, as players heed this before
/// `suggestedPresentationDelay`.
pub(super) fn target_latency(nominal: &Nominal, presentation: &Presentation) -> MediaDuration {
    let least = nominal.part.times(LATENCY_PARTS) + update_period(presentation);
    presentation.delay.unwrap_or(least)
}

/// `minBufferTime` where nothing is said.
pub(super) fn buffer(nominal: &Nominal) -> MediaDuration {
    nominal.part.times(BUFFER_PARTS)
}

/// The Periods of a window, up to the first that lacks media of a track which is to come.
pub(super) fn periods<'a>(
    listing: &Listing<'_>,
    segmentation: &'a SegmentationView,
    spans: &'a PeriodSpans,
) -> Vec<Listed<'a>> {
    let since = window_start(listing, segmentation, spans);
    let known = segmentation.incomplete.unwrap_or(u64::MAX);
    let listed =
        spans.periods.iter().enumerate().filter(|(_, span)| {
            span.period.ordinal < known && span.end.is_some_and(|end| end > since)
        });
    let listed = listed.map(|(i, span)| {
        let next = spans.periods.get(i + 1).filter(|next| next.period.ordinal < known);
        let shown = listing.presentation.shown(&span.period).into_iter();
        let tracks = shown.filter(|id| span.tracks.contains(id));
        let tracks = tracks.filter_map(|id| span.period.track(id)).filter_map(|track| {
            let view = segmentation.rendition(track.rendition)?;
            let mut runs: Vec<Run> = Vec::new();
            if span.nominal.is_none() {
                let row = |row: &&std::sync::Arc<Segment>| {
                    row.period.ordinal == span.period.ordinal && !row.is_gap()
                };
                let last = last_of(view, span.period.ordinal);
                let first = view.rows.partition_point(|row| row.end_time() <= since).min(last);
                for row in view.rows.iter_from(first).filter(row) {
                    extend(&mut runs, row.number, row.start, row.duration);
                }
            }
            (span.nominal.is_some() || !runs.is_empty()).then_some((track, view, runs))
        });
        Listed {
            period: &span.period,
            tracks: tracks.collect(),
            start: span.start,
            duration: next.and_then(|next| duration(span, next)),
            span: Some(span).filter(|span| span.nominal.is_some()),
        }
    });
    listed.filter(|listed| !listed.tracks.is_empty()).collect()
}

/// The index of a list's last row in a Period. It is listed for as long as the Period is: a Period
/// leaves the window with all its tracks at once, though their last segments end a frame apart.
fn last_of(list: &RenditionView, ordinal: u64) -> usize {
    list.rows.partition_point(|row| row.period.ordinal <= ordinal).saturating_sub(1)
}

fn window(listing: &Listing<'_>, segmentation: &SegmentationView) -> MediaDuration {
    listing.window.max(segmentation.least_listed())
}

/// What ends before this has left the window.
fn window_start(
    listing: &Listing<'_>,
    segmentation: &SegmentationView,
    spans: &PeriodSpans,
) -> MediaTime {
    spans.edge - window(listing, segmentation)
}

/// Period@duration: there where the next Period's start alone would promise segments that never
/// were, behind a hole or by a few milliseconds of rounding.
fn duration(span: &PeriodSpan, next: &PeriodSpan) -> Option<MediaDuration> {
    let nominal = span.nominal.as_ref()?;
    let count = i64::try_from(span.last + 1 - span.first).ok()?;
    let counted = nominal.duration.times(count);
    let all = next.start - span.start;
    let media = span.end.map_or(all, |end| end - span.start);
    let real = if all > media + HOLE { media } else { all };
    let least = real.min(counted);
    (least < all).then_some(least)
}

/// `publishTime`: when what is said changed last, or when its window last left something behind.
/// That happens when media comes to the end of what goes and the window's length more. Rungs that the
/// endpoint does not show change nothing.
pub(super) fn published(
    listing: &Listing<'_>,
    segmentation: &SegmentationView,
    spans: &PeriodSpans,
) -> MediaTime {
    let since = window_start(listing, segmentation, spans);
    let known = segmentation.incomplete.unwrap_or(u64::MAX);
    let mut gone: Option<MediaTime> = None;
    let mut last = spans.changed;
    for span in spans.periods.iter().filter(|span| span.period.ordinal < known) {
        gone = gone.max(span.before).max(span.end.filter(|end| *end <= since));
        let shown = listing.presentation.shown(&span.period);
        if span.end.is_some_and(|end| end > since) {
            let changes = shown.iter().filter(|id| span.tracks.contains(id));
            let changes = changes.filter_map(|id| spans.renditions.get(id)).copied();
            last = changes.fold(last, Change::max);
        }
        for id in shown.iter().filter(|id| span.nominal.is_none() && span.tracks.contains(id)) {
            let Some(list) = segmentation.rendition(*id) else { continue };
            let last = last_of(list, span.period.ordinal);
            let first = list.rows.partition_point(|row| row.end_time() <= since).min(last);
            let last = first.checked_sub(1).and_then(|i| list.rows.get(i));
            let last = last.filter(|row| row.period.ordinal == span.period.ordinal);
            gone = gone.max(last.map(|row| row.end_time()));
        }
    }
    let left = gone.map(|end| end + window(listing, segmentation));
    let left = left.filter(|left| *left > last.edge);
    let changed = left.map_or(last.at, |left| left.max(last.at + TICK));
    if listing.ended { changed + TICK } else { changed }
}

/// ServiceDescription (annex K): the latency to hold, measured by the first AdaptationSet's
/// ProducerReferenceTime, and how fast to play for it.
pub(super) fn put_service(
    out: &mut String,
    nominal: &Nominal,
    target: MediaDuration,
    reference: usize,
) {
    let ms = |d: MediaDuration| d.floor_millis();
    let _ = writeln!(
        out,
        "<ServiceDescription id=\"0\">\n<Latency referenceId=\"{reference}\" target=\"{}\" min=\"{}\" max=\"{}\"/>\n<PlaybackRate min=\"0.96\" max=\"1.04\"/>\n</ServiceDescription>",
        ms(target),
        ms(target - nominal.part),
        ms(target.times(2)),
    );
}

/// What an AdaptationSet says of when its media is made: MPD time is the wall clock's, whatever the
/// timescale; and how far apart chunks begin, video's with any frame (§5.3.13).
pub(super) fn put_production(out: &mut String, nominal: &Nominal, set: usize) {
    let between = nominal.part.rescale(nominal.timescale).ticks();
    let kind = u8::from(set > 0);
    let _ = writeln!(
        out,
        "<ProducerReferenceTime id=\"{set}\" inband=\"false\" type=\"encoder\" wallClockTime=\"1970-01-01T00:00:00Z\" presentationTime=\"0\">\n<UTCTiming schemeIdUri=\"urn:mpeg:dash:utc:http-iso:2014\" value=\"/time\"/>\n</ProducerReferenceTime>\n<Resync type=\"{kind}\" dT=\"{between}\"/>"
    );
}

/// SegmentTemplate@duration: number k begins at Period@start + (k − startNumber)·D and can be asked
/// for when its first part is there.
pub(super) fn put(out: &mut String, listing: &Listing<'_>, span: &PeriodSpan, nominal: &Nominal) {
    let scale = nominal.timescale;
    let early = (nominal.duration - nominal.part).max(MediaDuration::ZERO);
    let _ = write!(
        out,
        "<SegmentTemplate timescale=\"{scale}\" duration=\"{}\" presentationTimeOffset=\"{}\" startNumber=\"{}\" availabilityTimeOffset=\"",
        nominal.duration.rescale(scale).ticks(),
        span.start.rescale(scale).ticks(),
        span.first,
    );
    put_micros(out, early.div_floor(MediaDuration::new(1, Timescale::MICROS)));
    let _ = writeln!(
        out,
        "\" availabilityTimeComplete=\"false\" initialization=\"{folder}/$RepresentationID$/init-{}.mp4\" media=\"{folder}/$RepresentationID$/$Number$.m4s\"/>",
        span.period.id,
        folder = listing.folder,
    );
}

/// ` duration="…"` of a Period.
pub(super) fn put_duration(out: &mut String, duration: MediaDuration) {
    out.push_str("\" duration=\"");
    put_xs_duration(out, duration);
}
