//! An MPD as dash-mpd-core reads it, and the rules of one and of two successive ones.

use std::collections::BTreeMap;

use dash_mpd_core::{MPD, SegmentTemplate, check_conformity, parse};

/// One segment reference: number, start and duration in ticks.
pub(crate) type Reference = (u64, u64, u64);

/// What one Representation has in one Period.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Listed {
    pub(crate) timescale: u64,
    pub(crate) offset: u64,
    pub(crate) media: String,
    pub(crate) initialization: String,
    /// None where numbers alone are listed.
    pub(crate) references: Vec<Reference>,
    /// There where they are: startNumber and the nominal duration in ticks.
    pub(crate) counted: Option<(u64, u64)>,
}

/// A Period: start in milliseconds, and its Representations by id.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Period {
    pub(crate) id: String,
    pub(crate) start_ms: u128,
    /// Ids in the order they are written.
    pub(crate) order: Vec<String>,
    pub(crate) representations: BTreeMap<String, Listed>,
}

/// An MPD.
#[derive(Clone, Debug)]
pub(crate) struct Mpd {
    pub(crate) text: String,
    pub(crate) parsed: MPD,
    pub(crate) periods: Vec<Period>,
}

/// Reads an MPD and holds it against the rules of one version.
pub(crate) fn read(text: &str) -> Mpd {
    let parsed = parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let anomalies = check_conformity(&parsed);
    assert!(anomalies.is_empty(), "dash-mpd-core: {anomalies:?}\n{text}");
    assert_eq!(parsed.mpdtype.as_deref(), Some("dynamic"), "D01");
    assert!(parsed.publishTime.is_some() && parsed.minBufferTime.is_some(), "D01");
    assert!(
        parsed.minimumUpdatePeriod.is_some() ^ parsed.mediaPresentationDuration.is_some(),
        "D02, D14"
    );
    assert_eq!(parsed.UTCTiming.len(), 1, "D09");
    let longest = parsed.maxSegmentDuration.expect("D08").as_micros();
    let mut periods: Vec<Period> = Vec::new();
    for period in &parsed.periods {
        let id = period.id.clone().expect("D20: dynamic Periods have an id");
        assert!(periods.iter().all(|p| p.id != id), "D20: {id} twice");
        let start_ms = period.start.expect("D20: a start").as_millis();
        assert!(periods.last().is_none_or(|p| p.start_ms < start_ms), "D20: in order");
        let mut representations = BTreeMap::new();
        let mut order = Vec::new();
        for set in &period.adaptations {
            assert_eq!(set.segmentAlignment, Some(true), "D39");
            assert_eq!(set.startWithSAP, Some(1), "D39");
            for one in &set.representations {
                let id = one.id.clone().expect("D42: an id");
                let template = one.SegmentTemplate.as_ref().expect("D30");
                let listed = match template.duration {
                    Some(duration) => {
                        assert_eq!(set.ProducerReferenceTime.len(), 1, "D53");
                        assert_eq!(set.Resync.len(), 1, "D54");
                        counted(template, duration, start_ms)
                    }
                    None => listed(template, start_ms, longest),
                };
                order.push(id.clone());
                assert!(representations.insert(id, listed).is_none(), "D42: an id twice");
            }
        }
        periods.push(Period { id, start_ms, order, representations });
    }
    if periods.iter().any(|p| p.representations.values().any(|l| l.counted.is_some())) {
        low_latency(&parsed, &periods);
    }
    Mpd { text: text.to_owned(), parsed, periods }
}

/// Rules of a low-latency MPD whose newest Period lists numbers alone.
fn low_latency(parsed: &MPD, periods: &[Period]) {
    let newest = periods.last().expect("a Period");
    if newest.representations.values().any(|l| l.counted.is_none()) {
        assert!(parsed.ServiceDescription.is_empty(), "no latency is promised without cadence");
        return;
    }
    let [service] = parsed.ServiceDescription.as_slice() else { panic!("D52") };
    let [latency] = service.Latency.as_slice() else { panic!("D52") };
    let target = latency.target.expect("D52");
    assert!(latency.min.expect("set") < target && target < latency.max.expect("set"), "D52");
    assert!(target.fract() == 0.0, "D52: whole milliseconds");
    let reference = latency.referenceId.as_ref().expect("D53");
    let sets = &parsed.periods.last().expect("a Period").adaptations;
    let mut ids: Vec<&String> = Vec::new();
    for set in sets {
        let [time] = set.ProducerReferenceTime.as_slice() else { panic!("D53") };
        ids.push(time.id.as_ref().expect("D53"));
        assert!(time.UTCTiming.as_ref().is_some_and(|t| *t == parsed.UTCTiming[0]), "D53");
        let [resync] = set.Resync.as_slice() else { panic!("D54") };
        let between = resync.dT.expect("D54") as f64;
        for one in &set.representations {
            let template = one.SegmentTemplate.as_ref().expect("D30");
            let scale = template.timescale.expect("a timescale") as f64;
            assert!(between / scale * 1000.0 <= target, "D54: dT is within the target latency");
        }
    }
    assert!(ids.contains(&reference), "D53: the reference is one of the Period's");
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), sets.len(), "D53: unique");
    let profiles = parsed.profiles.as_deref().unwrap_or_default();
    assert!(profiles.contains("low-latency-live-v5"), "D57");
    if let Some(update) = parsed.minimumUpdatePeriod {
        assert!(update.as_millis() as f64 <= target, "D05");
    }
}

fn counted(template: &SegmentTemplate, duration: f64, start_ms: u128) -> Listed {
    assert!(template.SegmentTimeline.is_none(), "D30");
    assert_eq!(template.availabilityTimeComplete, Some(false), "D50");
    let timescale = template.timescale.expect("a timescale");
    let early = template.availabilityTimeOffset.expect("D50");
    assert!(early >= 0.0 && early < duration / timescale as f64, "D50: {early} of {duration}");
    assert!(duration.fract() == 0.0, "D is whole in the timescale");
    let offset = template.presentationTimeOffset.expect("an offset");
    assert_eq!(u128::from(offset) * 1000, start_ms * u128::from(timescale), "D24: exactly");
    assert!(offset < 1 << 53, "D11");
    Listed {
        timescale,
        offset,
        media: template.media.clone().expect("D30"),
        initialization: template.initialization.clone().expect("D30"),
        references: Vec::new(),
        counted: Some((template.startNumber.expect("D34"), duration as u64)),
    }
}

fn listed(template: &SegmentTemplate, start_ms: u128, longest_micros: u128) -> Listed {
    assert!(template.duration.is_none() && template.eptDelta.is_none(), "D30, D34");
    let timescale = template.timescale.expect("a timescale");
    let offset = template.presentationTimeOffset.expect("an offset");
    let mut number = template.startNumber.expect("D34: a startNumber");
    let mut next: Option<u64> = None;
    let mut references = Vec::new();
    for s in &template.SegmentTimeline.as_ref().expect("D30: a timeline").segments {
        assert!(s.n.is_none(), "D34: S@n is not used");
        let at = s.t.or(next).expect("D31: the first S has its time");
        assert!(next.is_none_or(|next| next == at), "D22, D31: contiguous");
        assert!(s.d > 0, "D31");
        let ceiling = u128::from(s.d) * 1_000_000 / u128::from(timescale);
        assert!(ceiling <= longest_micros, "D08: {} > {longest_micros}", s.d);
        let repeats = u64::try_from(s.r.unwrap_or(0)).expect("no open repetition");
        for k in 0..=repeats {
            references.push((number, at + k * s.d, s.d));
            number += 1;
        }
        next = Some(at + (repeats + 1) * s.d);
    }
    assert!(next.is_some_and(|t| t < 1 << 53), "D11");
    // An audio frame may begin a frame after the Period does, and Periods begin on milliseconds.
    let begins = u128::from(offset) * 1000 / u128::from(timescale);
    assert!(begins.abs_diff(start_ms) <= 1, "D24: the offset is the Period's start");
    assert!(references[0].1 >= offset || references[0].1 + timescale / 20 >= offset, "D22");
    Listed {
        timescale,
        offset,
        media: template.media.clone().expect("D30"),
        initialization: template.initialization.clone().expect("D30"),
        references,
        counted: None,
    }
}

/// The text but for publishTime.
fn content(mpd: &Mpd) -> String {
    let (before, after) = mpd.text.split_once(" publishTime=\"").expect("D01");
    let (_, after) = after.split_once('"').expect("an attribute ends");
    format!("{before}{after}")
}

/// Rules of an MPD and the one before it.
pub(crate) fn follows(had: &Mpd, now: &Mpd) {
    let published = |mpd: &Mpd| mpd.parsed.publishTime.expect("checked when read");
    assert!(published(now) >= published(had), "D04: publishTime went back");
    assert_eq!(
        published(now) != published(had),
        content(now) != content(had),
        "D04: publishTime and content change together\n{}\n{}",
        had.text,
        now.text
    );
    assert_eq!(now.parsed.availabilityStartTime, had.parsed.availabilityStartTime, "D03");
    assert_eq!(now.parsed.timeShiftBufferDepth, had.parsed.timeShiftBufferDepth, "D07");
    let first = &now.periods.first().expect("a Period").id;
    // All of it may have expired in a hole longer than the window.
    let from = had.periods.iter().position(|p| p.id == *first).unwrap_or(had.periods.len());
    let newest = had.periods.last().expect("a Period").start_ms;
    assert!(from < had.periods.len() || now.periods[0].start_ms > newest, "D21: not in front");
    for (before, after) in had.periods[from..].iter().zip(&now.periods) {
        assert_eq!((&before.id, before.start_ms), (&after.id, after.start_ms), "D16");
        let both = |a: &Period, b: &Period| -> Vec<String> {
            a.order.iter().filter(|id| b.representations.contains_key(*id)).cloned().collect()
        };
        assert_eq!(both(before, after), both(after, before), "D16: order");
        for (id, listed) in &after.representations {
            let earlier = before.representations.get(id);
            same_period(earlier.unwrap_or_else(|| panic!("D16: {id} came later")), listed);
        }
    }
    let (old, new) = (had.periods.len() - from, now.periods.len());
    assert!(new >= old, "D21: a Period went from the end");
    for (before, after) in had.periods[from..].iter().zip(&now.periods).take(old.saturating_sub(1))
    {
        for (id, listed) in &after.representations {
            let Some(earlier) = before.representations.get(id) else { continue };
            let ends = |l: &Listed| l.references.last().map(|r| r.0);
            // The other tracks of a Period may end a moment after the next one has begun.
            assert!(ends(listed) <= ends(earlier).map(|n| n + 1), "D21: {id}");
        }
    }
}

fn same_period(before: &Listed, after: &Listed) {
    assert_eq!(before.timescale, after.timescale, "D16");
    assert_eq!(before.offset, after.offset, "D16: presentationTimeOffset");
    assert_eq!(before.media, after.media, "D16");
    assert_eq!(before.initialization, after.initialization, "D16");
    assert_eq!(before.counted, after.counted, "D16: numbers and their times stay");
    let Some((first, ..)) = after.references.first().copied() else { return };
    assert!(first >= before.references[0].0, "D32: nothing comes back in front");
    for reference in before.references.iter().filter(|r| r.0 >= first) {
        let now = after.references.get((reference.0 - first) as usize);
        assert_eq!(now, Some(reference), "D32, D34: a reference changed its number or time");
    }
}
