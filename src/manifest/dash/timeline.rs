//! What a window lists by Period and track, and SegmentTimeline.

use std::fmt::Write;

use super::super::Listing;
use crate::media::MediaKind;
use crate::packager::{
    Period, PeriodSpan, PeriodTrack, RenditionId, RenditionView, SegmentationView,
};
use crate::units::{MediaDuration, MediaTime};

/// Consecutive segments of equal length: one `S`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    number: u64,
    start: i64,
    duration: i64,
    /// Segments after the first.
    repeats: u64,
}

/// One Period's part of a window.
#[derive(Debug)]
pub(super) struct Listed<'a> {
    pub(super) period: &'a Period,
    /// Period@start.
    pub(super) start: MediaTime,
    /// Period@duration, where it is written.
    pub(super) duration: Option<MediaDuration>,
    /// There where its segments are listed by number alone; its runs are empty then.
    pub(super) span: Option<&'a PeriodSpan>,
    pub(super) tracks: Vec<(&'a PeriodTrack, &'a RenditionView, Vec<Run>)>,
}

impl<'a> Listed<'a> {
    pub(super) fn of(
        &self,
        kind: MediaKind,
    ) -> impl Iterator<Item = (&'a PeriodTrack, &'a RenditionView, &[Run])> {
        let of_kind = self.tracks.iter().filter(move |(t, _, _)| t.codec.kind() == kind);
        of_kind.map(|(track, view, runs)| (*track, *view, runs.as_slice()))
    }

    /// Where its first listed media begins.
    pub(super) fn begin(&self) -> Option<MediaTime> {
        let begins = self.tracks.iter().filter_map(|(track, _, runs)| {
            Some(MediaTime::new(runs.first()?.start, track.timescale))
        });
        begins.min()
    }

    pub(super) fn end(&self) -> Option<MediaTime> {
        if let Some(span) = self.span {
            return span.end;
        }
        let ends = self.tracks.iter().filter_map(|(track, _, runs)| {
            let last = runs.last()?;
            Some(MediaTime::new(
                last.start + last.duration * (last.repeats.cast_signed() + 1),
                track.timescale,
            ))
        });
        ends.max()
    }
}

/// The Periods of a window with what each track has of them, up to the first that lacks media of a
/// track which is to come. Gaps have no reference: the Period
/// they end in ends there, and what comes after them is another (DASH-IF: no missing segments).
pub(super) fn periods<'a>(
    listing: &Listing<'_>,
    segmentation: &'a SegmentationView,
) -> Vec<Listed<'a>> {
    let mut periods: Vec<Listed<'a>> = Vec::new();
    for view in &segmentation.renditions {
        for row in view
            .rows
            .iter_from(listing.window_start(segmentation, view))
            .take_while(|row| segmentation.incomplete.is_none_or(|p| row.period.ordinal < p))
            .filter(|row| !row.is_gap())
        {
            let at = periods.partition_point(|p| p.period.ordinal < row.period.ordinal);
            if periods.get(at).is_none_or(|p| p.period.ordinal != row.period.ordinal) {
                let (start, tracks) = (row.period.start(), Vec::new());
                let listed =
                    Listed { period: &row.period, start, duration: None, span: None, tracks };
                periods.insert(at, listed);
            }
            let Some(track) = row.period.track(view.rendition.id) else { continue };
            let tracks = &mut periods[at].tracks;
            if tracks.last().is_none_or(|(t, _, _)| t.rendition != track.rendition) {
                tracks.push((track, view, Vec::new()));
            }
            if let Some((_, _, runs)) = tracks.last_mut() {
                extend(runs, row.number, row.start, row.duration);
            }
        }
    }
    for listed in &mut periods {
        let shown = listing.presentation.shown(listed.period);
        let order = |id| shown.iter().position(|shown| *shown == id);
        listed.tracks.retain(|(t, _, _)| shown.contains(&t.rendition));
        listed.tracks.sort_by_key(|(t, _, _)| order(t.rendition));
    }
    leave_whole(listing, segmentation, &mut periods);
    periods
}

/// A Period leaves the window with all its tracks at once, though their last segments end a frame
/// apart: shaka-player finds no way to join Periods one of which lacks a track (its error 4037).
fn leave_whole(
    listing: &Listing<'_>,
    segmentation: &SegmentationView,
    periods: &mut Vec<Listed<'_>>,
) {
    while let [first, _, ..] = periods.as_slice() {
        let ordinal = first.period.ordinal;
        let had = |id: &RenditionId| {
            let Some(list) = segmentation.rendition(*id) else { return false };
            let from = list.rows.partition_point(|row| row.period.ordinal < ordinal);
            let mut rows = list.rows.iter_from(from).take_while(|r| r.period.ordinal == ordinal);
            rows.any(|row| !row.is_gap())
        };
        let listed = |id: &RenditionId| first.tracks.iter().any(|(t, _, _)| t.rendition == *id);
        let shown = listing.presentation.shown(first.period);
        if shown.iter().all(|id| listed(id) || !had(id)) {
            return;
        }
        periods.remove(0);
    }
}

pub(super) fn extend(runs: &mut Vec<Run>, number: u64, start: i64, duration: i64) {
    match runs.last_mut() {
        Some(run)
            if run.duration == duration
                && run.start + duration * (run.repeats.cast_signed() + 1) == start =>
        {
            run.repeats += 1;
        }
        _ => runs.push(Run { number, start, duration, repeats: 0 }),
    }
}

/// Writes SegmentTemplate with its SegmentTimeline (ISO/IEC 23009-1 §5.3.9.6).
pub(super) fn put(
    out: &mut String,
    listing: &Listing<'_>,
    listed: &Listed<'_>,
    track: &PeriodTrack,
    runs: &[Run],
) {
    let offset = listed.start.rescale(track.timescale).ticks();
    let _ = write!(
        out,
        "<SegmentTemplate timescale=\"{}\" presentationTimeOffset=\"{offset}\" startNumber=\"{}\" initialization=\"{folder}/$RepresentationID$/init-{}.mp4\" media=\"{folder}/$RepresentationID$/$Number$.m4s\">\n<SegmentTimeline>\n",
        track.timescale,
        runs.first().map_or(1, |run| run.number),
        listed.period.id,
        folder = listing.folder,
    );
    let mut expected = None;
    for run in runs {
        out.push_str("<S");
        if expected != Some(run.start) {
            let _ = write!(out, " t=\"{}\"", run.start);
        }
        let _ = write!(out, " d=\"{}\"", run.duration);
        if run.repeats > 0 {
            let _ = write!(out, " r=\"{}\"", run.repeats);
        }
        out.push_str("/>\n");
        expected = Some(run.start + run.duration * (run.repeats.cast_signed() + 1));
    }
    out.push_str("</SegmentTimeline>\n</SegmentTemplate>\n");
}
