//! A DASH player: refreshes the MPD by minimumUpdatePeriod and plays
//! suggestedPresentationDelay behind true time, which is media time.

use std::collections::{BTreeMap, BTreeSet};

use headwater::resolve::{Container, File, Form, Resolution};

use crate::origin::{BEGINNING_S, DASH, Faults, Origin};

const STALL: i64 = 1_000_000;

#[derive(Default)]
pub(crate) struct DashPlayer {
    pub(crate) wake: i64,
    /// By Representation: the highest number fetched and where its media ends, world microseconds.
    fetched: BTreeMap<String, (u64, i64)>,
    /// Period id → start and the offsets, which never change.
    periods: BTreeMap<String, Vec<String>>,
    /// The Representations of the newest Period.
    offered: BTreeSet<String>,
    pub(crate) loads: u64,
    pub(crate) segments: u64,
    late: bool,
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let pattern = format!(" {name}=\"");
    let at = tag.find(&pattern)? + pattern.len();
    tag[at..].split('"').next()
}

fn number(tag: &str, name: &str) -> Option<i64> {
    attribute(tag, name)?.parse().ok()
}

fn xs_duration(text: &str) -> i64 {
    let seconds = text.trim_start_matches("PT").trim_end_matches('S');
    let (whole, rest) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let whole: i64 = whole.parse().expect("seconds");
    let millis: i64 = format!("{rest:0<3}").parse().expect("thousandths");
    whole * 1_000_000 + millis * 1000
}

/// One segment of an MPD.
struct Entry {
    number: u64,
    start: i64,
    end: i64,
}

/// Where a scan of an MPD stands.
#[derive(Default)]
struct Scan<'a> {
    period: &'a str,
    start: &'a str,
    representation: &'a str,
    template: &'a str,
    number: u64,
    at: i64,
}

impl DashPlayer {
    pub(crate) fn after_grace(&mut self) {
        self.late = false;
    }

    pub(crate) fn step(&mut self, origin: &Origin, faults: &mut Faults) {
        self.wake = origin.now + 500_000;
        let Some(text) = origin.manifest(DASH, Form::Mpd) else { return };
        self.loads += 1;
        let root = &text[text.find("<MPD").expect("an MPD")..];
        let value = |name: &str| attribute(root, name).map(xs_duration).expect("live");
        let delay = value("suggestedPresentationDelay");
        self.wake = origin.now + value("minimumUpdatePeriod") + 5_000;
        let mut scan = Scan::default();
        self.offered.clear();
        for tag in root.split('<').skip(1) {
            match tag.split([' ', '>', '/']).next().unwrap_or("") {
                "Period" if tag.starts_with("Period") => {
                    scan.period = attribute(tag, "id").expect("an id");
                    scan.start = attribute(tag, "start").expect("a start");
                    self.offered.clear();
                }
                "Representation" => {
                    scan.representation = attribute(tag, "id").expect("an id");
                    self.offered.insert(scan.representation.to_owned());
                }
                "SegmentTemplate" => {
                    scan.template = tag;
                    scan.number = number(tag, "startNumber").expect("a number").unsigned_abs();
                    self.constant(&scan, origin, faults);
                }
                "S" => {
                    scan.at = number(tag, "t").unwrap_or(scan.at);
                    for _ in 0..=number(tag, "r").unwrap_or(0) {
                        let entry = scan.next(number(tag, "d").expect("a length"));
                        self.take(origin, &scan, &entry, delay, faults);
                    }
                }
                _ => {}
            }
        }
        // Who plays a Representation that the newest Period has not goes on with another.
        self.fetched.retain(|name, _| self.offered.contains(name));
        self.watch(origin, delay, faults);
    }

    /// A Period's start and its offsets are never rewritten; its init is there.
    fn constant(&mut self, scan: &Scan<'_>, origin: &Origin, faults: &mut Faults) {
        let key = format!("{} {}", scan.period, scan.representation);
        let offset = attribute(scan.template, "presentationTimeOffset").unwrap_or("0").to_owned();
        let facts = vec![scan.start.to_owned(), offset];
        let known = self.periods.entry(key).or_insert_with(|| facts.clone());
        if *known != facts {
            faults.add(origin.now, || format!("Period {} became {facts:?}", scan.period));
        }
        let period = scan.period.parse().expect("milliseconds");
        let answer = origin.file(DASH, scan.representation, File::Init { period });
        if !matches!(answer, Some(Resolution::Object(_))) {
            faults.add(origin.now, || format!("init of {} answers {answer:?}", scan.period));
        }
    }

    fn take(
        &mut self,
        origin: &Origin,
        scan: &Scan<'_>,
        entry: &Entry,
        delay: i64,
        faults: &mut Faults,
    ) {
        let known = self.fetched.get(scan.representation).copied();
        if known.is_some_and(|(number, _)| entry.number <= number) && !self.loads.is_multiple_of(16)
        {
            return;
        }
        // Whoever begins, or comes back to a Representation, begins where he plays.
        if known.is_none() && entry.end + delay < origin.now {
            return;
        }
        let file = File::Segment { container: Container::Cmaf, number: entry.number };
        let answer = origin.file(DASH, scan.representation, file);
        if !matches!(answer, Some(Resolution::Object(_))) {
            let number = entry.number;
            faults.add(origin.now, || format!("MPD lists {number}: it answers {answer:?}"));
        }
        if known.is_some_and(|(number, _)| entry.number <= number) {
            return;
        }
        self.segments += 1;
        self.fetched.insert(scan.representation.to_owned(), (entry.number, entry.end));
        let lateness = origin.now + 5_000 - (entry.start + delay);
        if known.is_some() && !origin.excused && lateness >= STALL && !self.late {
            self.late = true;
            let (number, name) = (entry.number, scan.representation);
            faults.add(origin.now, || format!("DASH {name} {number} is {lateness} µs late"));
        }
    }

    /// What should play now has been fetched.
    fn watch(&mut self, origin: &Origin, delay: i64, faults: &mut Faults) {
        if origin.excused || self.late {
            return;
        }
        for (name, (number, end)) in &self.fetched {
            if origin.now - delay - end >= STALL {
                self.late = true;
                faults.add(origin.now, || format!("DASH {name} has nothing after {number}"));
            }
        }
    }
}

impl Scan<'_> {
    fn next(&mut self, length: i64) -> Entry {
        let scale = i128::from(number(self.template, "timescale").expect("required"));
        let world = |ticks: i64| {
            let us = i128::from(ticks) * 1_000_000 / scale - i128::from(BEGINNING_S) * 1_000_000;
            i64::try_from(us).expect("near now")
        };
        let (start, end) = (world(self.at), world(self.at + length));
        let entry = Entry { number: self.number, start, end };
        self.at += length;
        self.number += 1;
        entry
    }
}
