//! What every snapshot must obey, held against all that came before it, over restarts too.

use std::collections::BTreeMap;
use std::sync::Arc;

use headwater::media::MediaKind;
use headwater::packager::{
    RenditionId, RenditionView, Segment, SegmentationKey, SegmentationView, Snapshot,
};

use crate::origin::Faults;
use crate::source::micros;

/// Longer than the target by more is a giant.
const GIANT: i64 = 500_000;

#[derive(Default)]
pub(crate) struct Invariants {
    /// By list: the newest row, and the process that made it.
    last: BTreeMap<(SegmentationKey, RenditionId), (u64, Arc<Segment>)>,
    targets: BTreeMap<SegmentationKey, u32>,
    version: u64,
    process: u64,
    pub(crate) rows: u64,
    /// Allowed between tracks while decode times are wrong: a part's end is predicted from them, and
    /// the error goes into the next sample's duration. Composition times stay exact.
    pub(crate) slack: i64,
}

impl Invariants {
    pub(crate) fn restarted(&mut self) {
        self.process += 1;
        self.version = 0;
    }

    pub(crate) fn check(
        &mut self,
        snapshot: &Snapshot,
        durable: u64,
        now: i64,
        faults: &mut Faults,
    ) {
        if snapshot.version <= self.version {
            faults.add(now, || format!("version {} comes again", snapshot.version));
        }
        self.version = snapshot.version;
        if snapshot.needs_state > durable {
            faults.add(now, || format!("needs state {} of {durable}", snapshot.needs_state));
        }
        for (key, view) in &snapshot.segmentations {
            let target = self.targets.entry(*key).or_insert(view.target);
            if view.target < *target {
                faults.add(now, || format!("{key}: target lowered to {}", view.target));
            }
            *target = view.target;
            for list in &view.renditions {
                self.list(*key, view, list, now, faults);
            }
        }
    }

    fn list(
        &mut self,
        key: SegmentationKey,
        view: &SegmentationView,
        list: &RenditionView,
        now: i64,
        faults: &mut Faults,
    ) {
        let known = self.last.get(&(key, list.rendition.id)).map_or(0, |(_, row)| row.number);
        let from = list.rows.partition_point(|row| row.number <= known);
        for row in list.rows.iter_from(from) {
            self.rows += 1;
            let name = format!("{key} {} {}", list.rendition.name, row.number);
            if let Some((process, before)) = self.last.get(&(key, list.rendition.id)) {
                // A list that would have to jump starts afresh.
                let fresh = list.rows.get(0).is_some_and(|first| first.number == row.number);
                let same = *process == self.process && !fresh;
                for fault in continues(before, row, same, key) {
                    faults.add(now, || format!("{name}: {fault} (after {})", told(before)));
                }
            }
            if !row.is_gap() && micros(row.length()) > i64::from(view.target) * 1_000_000 + GIANT {
                faults.add(now, || format!("{name}: a giant, {}", told(row)));
            }
            if let Some(skew) = skewed(view, list, row).filter(|us| us.abs() > self.slack) {
                faults.add(now, || format!("{name}: {skew} µs apart from the leading track"));
            }
            self.last.insert((key, list.rendition.id), (self.process, row.clone()));
        }
        if list.rows.last().is_some_and(|row| row.number < known) {
            faults.add(now, || format!("{key} {}: numbers go back", list.rendition.name));
        }
    }
}

fn told(row: &Segment) -> String {
    let (at, length) = (row.start_time().floor_millis(), row.length().floor_millis());
    let what = if row.is_gap() { "gap" } else { "media" };
    format!("{what} {} of Period {} at {at} for {length} ms", row.number, row.period.ordinal)
}

/// What is wrong with a row after the one before it.
fn continues(before: &Segment, row: &Segment, same: bool, key: SegmentationKey) -> Vec<String> {
    let mut faults = Vec::new();
    if row.number <= before.number || same && row.number != before.number + 1 {
        faults.push("not the next number".to_owned());
    }
    let rises = row.period.ordinal > before.period.ordinal;
    if row.period.ordinal < before.period.ordinal || rises != row.begins_period {
        faults.push(format!("a Period is not marked where it begins: {}", told(row)));
    }
    let apart = micros(row.start_time() - before.end_time());
    if !rises && !row.is_gap() && !before.is_gap() && apart != 0 {
        faults.push(format!("an unmarked jump of {apart} µs"));
    }
    if rises && apart < -1_000_000 {
        faults.push(format!("a Period reaches back {apart} µs"));
    }
    let short = micros(before.length()) < i64::from(key.segment_ms) * 1000 / 4;
    if short && !before.is_gap() && !row.is_gap() && !rises && same {
        faults.push("a runt comes before".to_owned());
    }
    faults
}

/// How far a row begins from the leading track's of the same number, if too far.
fn skewed(view: &SegmentationView, list: &RenditionView, row: &Segment) -> Option<i64> {
    let video = view.renditions.iter().find(|r| r.rendition.kind == MediaKind::Video)?;
    if list.rendition.id == video.rendition.id || row.is_gap() {
        return None;
    }
    let other = video.rows.by_number(row.number).filter(|other| !other.is_gap())?;
    let sound = row.period.track(list.rendition.id)?.codec.sound();
    let frame = sound.map_or(0, |sound| micros(sound.frame_duration()));
    let half = row.period.track(video.rendition.id)?.frame_rate?;
    let allowed = frame + micros(half.duration_of(1)) / 2 + 1000;
    let apart = micros(row.start_time() - other.start_time());
    (apart.abs() > allowed).then_some(apart)
}
