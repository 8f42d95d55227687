//! The rules of live media playlists: of one version, and of a version and the one before it. Ids are
//! those of the conformance ledger.

use crate::model::{Playlist, Segment};

const SECOND: i64 = 1_000_000;

/// Rules of one version of a live media playlist.
///
/// `hintless`: a hint may be missing, as the source has gone. `sparse`: the date stands only before
/// some segments.
pub(crate) fn holds(list: &Playlist, hintless: bool, sparse: bool) {
    let target = list.target as i64 * SECOND;
    assert!(list.hold_back.is_none_or(|micros| micros >= 3 * target), "L05");
    assert!(list.target >= 1, "H05");
    // Transport streams need no init.
    let ts = list.segments.first().is_some_and(|s| s.uri.rsplit('.').next() == Some("ts"));
    for segment in &list.segments {
        assert!((segment.micros + SECOND / 2) / SECOND * SECOND <= target, "H06: {segment:?}");
        assert!(segment.micros > 0 && segment.micros <= target + SECOND / 2, "H07: {segment:?}");
        assert!(segment.date.is_some() || sparse && !segment.discontinuity, "H31: {segment:?}");
        assert!(!segment.discontinuity || segment.map.is_some() || ts, "H36: {segment:?}");
        assert!(segment.map.is_none() || !ts, "H04: {segment:?}");
    }
    for (segment, number) in list.segments.iter().zip(list.sequence + list.skipped..) {
        let extension = if ts { "ts" } else { "m4s" };
        assert_eq!(segment.uri, format!("{number}.{extension}"), "I5: name and number are one");
    }
    if list.skipped == 0 {
        let first = list.segments.first().expect("something is listed");
        assert!(first.map.is_some() || ts, "H36: the first segment has its MAP");
        assert!(first.date.is_some(), "H31: the first segment has its date");
    }
    let version = match (list.skipped > 0, ts) {
        (true, _) => 9,
        (false, true) => 3,
        (false, false) => 6,
    };
    assert_eq!(list.version, version, "H03, H04, L33");
    if list.blocks {
        low_latency(list, target, hintless);
    } else {
        let parts = list.segments.iter().chain([&list.open]).all(|s| s.parts.is_empty());
        assert!(parts && list.hint.is_none() && list.reports.is_empty());
    }
}

fn low_latency(list: &Playlist, target: i64, hintless: bool) {
    let part_target = list.part_target.expect("L01: PART-INF where there are parts");
    let hold_back = list.part_hold_back.expect("L04: PART-HOLD-BACK with PART-INF");
    assert!(hold_back >= 3 * part_target, "L04");
    assert!(list.can_skip_until.expect("deltas are offered") >= 6 * target, "L06");
    assert!(list.hint.is_none() || !list.ended, "L17");
    assert!(list.hint.is_some() || list.ended || hintless, "L13");
    for segment in &list.segments {
        parts(segment, part_target, true);
        if !segment.parts.is_empty() {
            let sum: i64 = segment.parts.iter().map(|p| p.micros).sum();
            // Parts after the first are said to begin two microseconds late.
            assert_eq!(sum, segment.micros + 2, "L08: {segment:?}");
            assert!(segment.parts.iter().any(|p| p.independent), "L10: {segment:?}");
        }
    }
    parts(&list.open, part_target, false);
    let mut behind = 0;
    for segment in list.segments.iter().rev() {
        if behind < 3 * target {
            assert!(segment.gap || !segment.parts.is_empty(), "parts within three targets");
        } else {
            assert!(segment.parts.is_empty(), "L12: parts beyond three targets");
        }
        behind += segment.micros;
    }
}

fn parts(segment: &Segment, part_target: i64, complete: bool) {
    for (i, part) in segment.parts.iter().enumerate() {
        assert!(part.micros <= part_target, "L01: {part:?} over {part_target}");
        let last = complete && i + 1 == segment.parts.len();
        let long_enough = part.micros * 100 >= part_target * 85;
        assert!(last || part.independent || long_enough, "L02: {part:?} under {part_target}");
    }
}

/// Rules of a version and the one before it.
pub(crate) fn follows(had: &Playlist, now: &Playlist) {
    assert_eq!(now.target, had.target, "H05");
    assert_eq!(now.part_target, had.part_target, "L03");
    assert!(now.sequence >= had.sequence, "H10");
    assert!(now.next_number() >= had.next_number(), "H12: nothing goes from the end");
    let removed = (now.sequence - had.sequence) as usize;
    // A hole's GAPs come all at once, and the oldest of them may be beyond the list at once.
    let holed = now.segments.iter().any(|s| s.gap);
    assert!(holed || removed <= had.segments.len(), "H12: what was never listed is not removed");
    let removed = removed.min(had.segments.len());
    let gone = had.segments[..removed].iter().filter(|s| s.discontinuity).count() as u64;
    assert_eq!(now.discontinuity_sequence, had.discontinuity_sequence + gone, "H28");
    for (i, (before, after)) in had.segments[removed..].iter().zip(&now.segments).enumerate() {
        same(before, after, i == 0 && removed > 0);
    }
    if removed > 0 && !now.ended {
        assert!(
            now.length() >= 3 * now.target as i64 * SECOND,
            "H14: {} µs\n{had:#?}\n{now:#?}",
            now.length()
        );
    }
    edge(had, now);
}

/// A segment never changes; parts may go, and the first segment gets the MAP that holds for it and
/// its date.
fn same(before: &Segment, after: &Segment, first: bool) {
    let mut expected = before.clone();
    if after.parts.is_empty() {
        expected.parts.clear();
    }
    if first {
        assert!(expected.map.is_none() || expected.map == after.map, "H36");
        expected.map.clone_from(&after.map);
        assert!(expected.date.is_none() || expected.date == after.date, "H34");
        expected.date.clone_from(&after.date);
    }
    assert_eq!(&expected, after, "H12, H34: a listed segment changed");
}

/// Parts that were listed of the open segment stay as they are; the hinted part is what came.
fn edge(had: &Playlist, now: &Playlist) {
    if !had.blocks {
        return;
    }
    let at = had.next_number() as usize;
    let first = now.sequence as usize;
    let then = at.checked_sub(first).and_then(|i| now.segments.get(i)).unwrap_or(&now.open);
    if then.parts.is_empty() {
        return;
    }
    let known = had.open.parts.len();
    assert!(then.parts.len() >= known, "H12: a part went");
    assert_eq!(then.parts[..known], had.open.parts[..], "H12: a part changed");
    let next = then.parts.get(known).map(|p| &p.uri);
    if let (Some(hint), Some(next)) = (&had.hint, next) {
        assert_eq!(hint, next, "L14: the part that came is the one that was hinted");
    }
}

/// Rules among the renditions of one snapshot, by name; `fresh` are those that changed in it, whose
/// rendition reports say how the others stand.
/// Reports are of the `shown` alone.
pub(crate) fn agree(lists: &[(String, Playlist)], fresh: &[String], shown: &[String]) {
    let (_, first) = lists.first().expect("at least one");
    for (name, list) in lists {
        assert_eq!(list.target, first.target, "H08");
        let control = |l: &Playlist| (l.hold_back, l.part_hold_back, l.can_skip_until, l.blocks);
        assert_eq!(control(list), control(first), "L07");
        if !list.blocks || list.ended || !fresh.contains(name) {
            continue;
        }
        let told: Vec<&str> = list.reports.iter().map(|(uri, ..)| uri.as_str()).collect();
        let others: Vec<String> = lists
            .iter()
            .filter(|(other, _)| other != name && shown.contains(other))
            .map(|(other, _)| format!("../{other}/media.m3u8"))
            .collect();
        assert_eq!(told, others, "L19: {name}");
        for (uri, number, part) in &list.reports {
            let other = lists.iter().find(|(o, _)| *uri == format!("../{o}/media.m3u8"));
            let (_, other) = other.expect("checked above");
            // A report says how things stood when this version came: what it names is there.
            let at = (*number).checked_sub(other.sequence).expect("L20: it is listed") as usize;
            let named = other.segments.get(at).unwrap_or(&other.open);
            assert!(at <= other.segments.len(), "L20: {uri} {number} is ahead");
            match part {
                Some(part) => {
                    assert!(named.parts.len() as u64 > *part, "L20: {uri} {number} {part}");
                }
                None => assert!(named.gap, "L20: {uri} {number} has parts"),
            }
            assert!(number + 2 >= other.next_number(), "L21: {uri} {number}");
        }
    }
}
