//! Lists of the past: rows of the archive and of memory, laid out as readers of a live channel know
//! them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::config::SegmentationKey;
use super::segment::{Segment, SegmentContent};
use super::snapshot::{RenditionView, SegmentationView};
use super::state::Rendition;
use super::window::Rows;
use crate::media::MediaKind;
use crate::units::{MediaDuration, MediaTime};

/// Numbers without a row that are listed as gaps: a day of segments of a second. Behind more a list
/// begins afresh.
const GAPS_MAX: u64 = 86_400;

/// A rendition's rows of the past, by its name.
pub type PastLists = BTreeMap<String, (Rendition, Vec<Arc<Segment>>)>;

/// Lays what is `stored` and what is in memory one behind the other: rows that end behind `from`, and
/// for which `listed` holds. Numbers in between that have no row are gaps. `None` where nothing is left.
#[must_use]
pub fn past(
    key: SegmentationKey,
    mut stored: PastLists,
    live: Option<&SegmentationView>,
    from: MediaTime,
    listed: impl Fn(&Segment) -> bool,
) -> Option<SegmentationView> {
    for list in live.into_iter().flat_map(|live| &live.renditions) {
        let rendition = || (list.rendition.as_ref().clone(), Vec::new());
        let (known, rows) = stored.entry(list.rendition.name.clone()).or_insert_with(rendition);
        // What is measured now is said of all of it: it is what live readers are told.
        known.clone_from(&list.rendition);
        let last = rows.last().map_or(0, |row| row.number);
        rows.extend(list.rows.iter_from(0).filter(|row| row.number > last).cloned());
    }
    let mut renditions = Vec::new();
    for (rendition, mut rows) in stored.into_values() {
        rows.retain(|row| row.end_time() > from && listed(row));
        let rows = without_holes(&rows);
        if !rows.is_empty() {
            renditions.push(view(rendition, rows));
        }
    }
    renditions.sort_by_key(|list| list.rendition.id);
    let newest = renditions.iter().filter_map(|list| list.rows.last());
    let period = Arc::clone(&newest.max_by_key(|row| row.period.ordinal)?.period);
    let rows = renditions.iter().flat_map(|list| list.rows.iter_from(0));
    let longest = rows.filter(|row| !row.is_gap()).map(|row| row.length()).max();
    let target = longest.map_or(1, MediaDuration::round_secs);
    let target = u32::try_from(target).unwrap_or(1).max(live.map_or(1, |live| live.target));
    let muxed = renditions.iter().filter(|list| list.rendition.kind == MediaKind::Video);
    let muxed = muxed.map(|list| heard(list, live)).collect();
    Some(SegmentationView {
        duration: live.map_or(key.segment_duration(), |live| live.duration),
        target,
        part_target: None,
        period,
        version: 0,
        bytes: 0,
        named_before: 0,
        longest: longest.unwrap_or(MediaDuration::ZERO),
        incomplete: live.and_then(|live| live.incomplete),
        spans: None,
        renditions,
        muxed,
        lineage: key.into(),
    })
}

/// What is live with what is `stored` of the same lists before it, as far back as numbers follow each
/// other: what readers of a list longer than memory see.
#[must_use]
pub fn extended(live: &SegmentationView, stored: &PastLists) -> SegmentationView {
    let mut view = live.clone();
    for list in view.renditions.iter_mut().chain(&mut view.muxed) {
        let (Some((_, rows)), Some(first)) =
            (stored.get(&list.rendition.name), list.rows.get(0).map(|row| row.number))
        else {
            continue;
        };
        let end = rows.partition_point(|row| row.number < first);
        let mut next = first;
        let follows = |row: &&Arc<Segment>| {
            let follows = row.number + 1 == next;
            next = row.number;
            follows
        };
        let count = rows[..end].iter().rev().take_while(follows).count();
        let mut all = Rows::default();
        for row in rows[end - count..end].iter().chain(list.rows.iter_from(0)) {
            all.push(Arc::clone(row));
        }
        list.rows = all;
    }
    view
}

fn view(rendition: Rendition, rows: Rows) -> RenditionView {
    let rendition = Arc::new(rendition);
    RenditionView {
        whole: Arc::clone(&rendition),
        rendition,
        version: 0,
        rows,
        open: None,
        next_number: None,
        next_part: None,
        raises: Arc::default(),
        reports: Arc::default(),
    }
}

/// A list of video as far as its audio has come, by what live readers see.
fn heard(list: &RenditionView, live: Option<&SegmentationView>) -> RenditionView {
    let mut list = list.clone();
    let live = live.and_then(|live| live.muxed(list.rendition.id));
    let newest = live.and_then(|live| live.rows.last()).map_or(u64::MAX, |row| row.number);
    while list.rows.last().is_some_and(|row| row.number > newest) {
        list.rows.remove_last();
    }
    list
}

/// The rows with gaps for the numbers between them that have none.
fn without_holes(rows: &[Arc<Segment>]) -> Rows {
    let mut list = Rows::default();
    for row in rows {
        let last = list.last().cloned();
        if let Some(last) = last.filter(|last| row.number > last.number + 1) {
            if row.number - last.number > GAPS_MAX {
                list = Rows::default();
            } else {
                put_gaps(&mut list, &last, row);
            }
        }
        list.push(Arc::clone(row));
    }
    list
}

fn put_gaps(list: &mut Rows, last: &Segment, next: &Segment) {
    let count = i64::try_from(next.number - last.number - 1).unwrap_or(1);
    let scale = last.timescale;
    let (from, to) = (last.start + last.duration, next.start_time().rescale(scale).ticks());
    let share = ((to - from) / count).clamp(1, last.duration.max(1));
    for (number, start) in (last.number + 1..next.number).zip((0..).map(|i| from + share * i)) {
        list.push(Arc::new(Segment {
            number,
            period: Arc::clone(&last.period),
            begins_period: false,
            first: false,
            start,
            duration: share,
            timescale: scale,
            content: SegmentContent::Gap,
        }));
    }
}
