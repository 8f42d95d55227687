//! What any two successive snapshots of a channel must obey, by the numbers of docs/invariants.md.

use crate::isobmff::{SampleDefaults, Strictness, parse_chunk};
use crate::packager::{RenditionView, Segment, SegmentContent, Snapshot};
use crate::units::MediaDuration;

/// Asserts invariants 1, 2, 4, 5, 6, 7, 9, 10, 11, 13 and 14 between two successive snapshots.
pub(crate) fn obeys(before: &Snapshot, after: &Snapshot) {
    assert!(after.version > before.version);
    assert!(after.needs_state >= before.needs_state, "I23");
    for (key, view) in &after.segmentations {
        let Some(old) = before.segmentations.get(key) else { continue };
        assert!(view.target >= old.target, "I11: a target duration is never lowered");
        let same_period = view.period.ordinal == old.period.ordinal;
        assert!(!same_period || view.part_target == old.part_target, "I11: part target");
        for list in &view.renditions {
            assert!(list.version <= after.version);
            if let Some(earlier) = old.rendition(list.rendition.id) {
                if list.version == earlier.version {
                    assert_eq!(list.rows.len(), earlier.rows.len(), "a version is one list");
                    assert_eq!(list.reports, earlier.reports, "a version has one text");
                }
                continues(earlier, list);
            }
            if let Some(last) = list.rows.last() {
                whole(last);
            }
        }
        starts_agree(view.renditions.iter());
    }
}

fn continues(earlier: &RenditionView, list: &RenditionView) {
    assert_eq!(earlier.rendition.name, list.rendition.name, "a name is for life");
    let Some(first) = list.rows.get(0) else { return };
    // I10: only added at the edge and removed at the front; I1: what stays is the same.
    for old in earlier.rows.iter_from(0).filter(|row| row.number >= first.number) {
        let now = list.rows.by_number(old.number).expect("I10: nothing goes from the middle");
        // After a restart it is another that says the same.
        let same = std::ptr::eq(&raw const **old, &raw const **now)
            || (old.start, old.duration, old.body()) == (now.start, now.duration, now.body());
        assert!(same, "I1: a row never changes");
    }
    let mut previous: Option<&Segment> = None;
    for row in list.rows.iter_from(list.rows.len().saturating_sub(3)) {
        if let Some(previous) = previous {
            assert_eq!(row.number, previous.number + 1, "I4: consecutive");
            let rises = row.period.ordinal - previous.period.ordinal;
            assert_eq!(rises > 0, row.begins_period, "I9: ordinals rise where a Period begins");
            if rises == 0 && !row.is_gap() {
                assert_eq!(
                    row.start,
                    previous.start + previous.duration,
                    "I6: no hole within a Period"
                );
            } else {
                let overlap = previous.end_time() - row.start_time();
                assert!(overlap <= MediaDuration::from_millis(1000), "I8: order of time");
            }
        }
        previous = Some(row);
    }
}

/// I2 and I6 for one segment: parts laid end to end are the segment, and its boxes say its times.
fn whole(segment: &Segment) {
    let SegmentContent::Media { chunks, parts } = &segment.content else { return };
    let mut at = segment.start;
    for chunk in chunks {
        let parsed = parse_chunk(&chunk.bytes, &SampleDefaults::default(), Strictness::Strict)
            .expect("strictly our own");
        assert_eq!(parsed.base_decode_time, Some(at.unsigned_abs()), "I6");
        let length: i64 = parsed.samples.iter().map(|s| i64::from(s.duration)).sum();
        assert_eq!(length, chunk.duration, "I6");
        at += length;
    }
    assert_eq!(at, segment.start + segment.duration, "I6");
    assert!(chunks[0].sync, "I7: a segment starts with a sync sample");
    if !parts.is_empty() {
        let laid: Vec<u8> = parts.iter().flat_map(|p| p.body().concat()).collect();
        assert!(laid == segment.body().concat(), "I2");
    }
}

/// I7: segments of one number start within an audio frame of each other in all renditions.
fn starts_agree<'a>(lists: impl Iterator<Item = &'a RenditionView>) {
    let lists: Vec<&RenditionView> = lists.collect();
    let Some(leading) = lists.first() else { return };
    for list in &lists[1..] {
        let Some(row) = list.rows.last() else { continue };
        let Some(other) = leading.rows.by_number(row.number) else { continue };
        // A gap begins where its own rendition's media ended.
        let gap = row.is_gap() || other.is_gap();
        if other.period.ordinal == row.period.ordinal && !gap {
            let skew = (row.start_time() - other.start_time()).abs();
            assert!(skew <= MediaDuration::from_millis(50), "I7: {}", row.number);
        }
    }
}
