//! Lists of video together with its default audio: the video's list as far as the audio has come.

use std::sync::Arc;

use super::Segmentation;
use crate::media::MediaKind;
use crate::packager::muxed::Sound;
use crate::packager::period::Period;
use crate::packager::segment::{OpenSegment, Segment};
use crate::packager::snapshot::{RenditionView, Report, SegmentationView};
use crate::packager::state::RenditionId;
use crate::packager::window::Rows;

/// What readers know of one such list.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    mark: Mark,
    version: u64,
    reports: Arc<[Report]>,
}

impl Shown {
    /// How many of the video's rows the list had.
    pub(super) fn rows(&self, video: &Rows) -> usize {
        self.mark.last.map_or(0, |last| video.partition_point(|row| row.number <= last))
    }
}

/// What a list's text depends on: where it differs the list is another version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Mark {
    first: Option<u64>,
    last: Option<u64>,
    open: Option<(u64, usize)>,
    next_part: Option<(i64, i64)>,
    raises: usize,
}

impl Mark {
    fn of(list: &RenditionView) -> Self {
        Mark {
            first: list.rows.get(0).map(|row| row.number),
            last: list.rows.last().map(|row| row.number),
            open: list.open.as_ref().map(|open| (open.number, open.parts.len())),
            next_part: list.next_part,
            raises: list.raises.len(),
        }
    }
}

impl Segmentation {
    /// Adds the lists of video together with audio to `view`, where an endpoint lists them. True
    /// where one has changed.
    pub(in crate::packager) fn attach_muxed(
        &mut self,
        view: &mut SegmentationView,
        version: u64,
    ) -> bool {
        if !self.wanted.muxed {
            return false;
        }
        let video = view.renditions.iter().filter(|list| list.rendition.kind == MediaKind::Video);
        view.muxed = video.map(|list| muxed(list, view)).collect();
        let current: Vec<RenditionId> = view.period.tracks.iter().map(|t| t.rendition).collect();
        let now: Vec<(RenditionId, Option<Report>)> =
            view.muxed.iter().map(|list| (list.rendition.id, list.report())).collect();
        let mut any = false;
        for list in &mut view.muxed {
            let id = list.rendition.id;
            let mark = Mark::of(list);
            let shown = self.shown.entry(id).or_default();
            if shown.version == 0 || shown.mark != mark {
                any = true;
                let others =
                    now.iter().filter(|(other, _)| *other != id && current.contains(other));
                let reports = others.filter_map(|(_, report)| report.clone());
                let reports = reports.filter(|_| self.part_target.is_some()).collect();
                *shown = Shown { mark, version, reports };
            }
            list.version = shown.version;
            list.reports = Arc::clone(&shown.reports);
        }
        any
    }
}

/// The list of a video as far as its audio has come.
fn muxed(video: &RenditionView, view: &SegmentationView) -> RenditionView {
    let mut list = video.clone();
    let mut held: Option<Arc<Segment>> = None;
    while let Some(row) = list.rows.last().filter(|row| !is_whole(&list, row, view)).cloned() {
        list.rows.remove_last();
        held = Some(row);
    }
    if let Some(row) = held {
        list.open = view.part_target.is_some().then(|| OpenSegment {
            number: row.number,
            period: Arc::clone(&row.period),
            begins_period: row.begins_period,
            first: row.first,
            start: Some(row.start),
            parts: row.parts().to_vec(),
            ahead: Vec::new(),
        });
        list.next_number = Some(row.number);
        list.next_part = None;
    }
    hold_parts(&mut list, view);
    list
}

/// Whether all audio of a row is there.
fn is_whole(list: &RenditionView, row: &Segment, view: &SegmentationView) -> bool {
    let Some(track) = row.period.track(list.rendition.id).filter(|_| !row.is_gap()) else {
        return true;
    };
    let parts = row.parts();
    sound(&row.period, row.number, view).is_none_or(|sound| {
        let has_come = || !parts.is_empty() && sound.shares(parts, track).len() == parts.len();
        sound.is_whole() || has_come()
    })
}

/// The audio of a number; `None` where it has been dropped.
fn sound(period: &Period, number: u64, view: &SegmentationView) -> Option<Sound> {
    match period.default_audio() {
        Some(track) => Sound::of(view.rendition(track.rendition), period, number),
        None => Some(Sound::none()),
    }
}

/// Takes those parts out of the open segment whose audio is not there: the first of them is next.
fn hold_parts(list: &mut RenditionView, view: &SegmentationView) {
    let Some(open) = &mut list.open else { return };
    let Some(track) = open.period.track(list.rendition.id) else { return };
    let sound = sound(&open.period, open.number, view).unwrap_or_default();
    let there = sound.shares(&open.parts, track).len();
    if let Some(next) = open.parts.get(there) {
        list.next_part = Some((open.period.id, next.start));
        open.parts.truncate(there);
    }
}
