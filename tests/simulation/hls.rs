//! HLS players: one rendition each, plain or low-latency, that obey the rules for clients
//! (rfc8216bis §6.3) and count the instants at which they have nothing to play.

use headwater::resolve::{Arrival, File, GENERATION, Leaf, Resolution};

use crate::origin::{Faults, LOW_LATENCY, LOW_LATENCY_TS, Origin};
use crate::playlist::{Listed, Playlist};

/// There and back on the network.
const ROUND_TRIP: i64 = 5_000;
/// An empty buffer for so long is a stall.
const STALL: i64 = 1_000_000;

pub(crate) struct HlsPlayer {
    endpoint: usize,
    rendition: String,
    /// Millionths by which its source's clock is fast: it plays as fast as that captures, as one that
    /// could not would run empty by its source's fault.
    ppm: i64,
    pub(crate) wake: i64,
    /// The newest list, whole.
    list: Option<Playlist>,
    /// The segment and the part of it that are fetched next.
    next: Option<(u64, usize)>,
    /// When the buffer runs empty.
    empty_at: i64,
    waiting: Option<Waiting>,
    pub(crate) loads: u64,
    pub(crate) played: i64,
    stalled: bool,
}

/// A blocked request.
struct Waiting {
    query: Option<String>,
    arrival: Arrival,
    version: Option<u64>,
    losses: u64,
}

impl HlsPlayer {
    pub(crate) fn new(endpoint: usize, rendition: String, ppm: i64) -> Self {
        HlsPlayer {
            endpoint,
            rendition,
            ppm,
            wake: 0,
            list: None,
            next: None,
            empty_at: 0,
            waiting: None,
            loads: 0,
            played: 0,
            stalled: false,
        }
    }

    fn low_latency(&self) -> bool {
        [LOW_LATENCY, LOW_LATENCY_TS].contains(&self.endpoint)
    }

    /// What a mishap has left thin is filled by joining again, as a viewer's reload does.
    pub(crate) fn after_grace(&mut self, now: i64) {
        let list = self.list.as_ref();
        let least = list.map_or(0, |l| if self.low_latency() { l.hold_back } else { l.target * 2 });
        if self.empty_at - now < least {
            (self.next, self.stalled, self.empty_at) = (None, false, now);
            if self.waiting.is_none() {
                self.wake = now;
            }
        }
    }

    /// The wait, if there is one, ends where the list has a new version.
    pub(crate) fn published(&mut self, origin: &Origin) {
        let version = origin.version(self.endpoint, &self.rendition);
        if self
            .waiting
            .as_ref()
            .is_some_and(|w| w.version != version || w.losses != origin.losses())
        {
            self.wake = origin.now;
        }
    }

    pub(crate) fn step(&mut self, origin: &Origin, faults: &mut Faults) {
        self.watch(origin, faults);
        let (query, arrival) = match self.waiting.take() {
            Some(waiting) => (waiting.query, waiting.arrival),
            None => (self.query(), origin.arrival()),
        };
        let leaf = Leaf::Object {
            generation: GENERATION,
            rendition: &self.rendition,
            file: File::Playlist,
        };
        match origin.ask(self.endpoint, &leaf, query.as_deref(), arrival) {
            None | Some(Resolution::Unavailable(_)) => self.fail(origin.now),
            Some(Resolution::Wait { deadline, .. }) => {
                let version = origin.version(self.endpoint, &self.rendition);
                let losses = origin.losses();
                self.waiting = Some(Waiting { query, arrival, version, losses });
                self.wake = Origin::instant(deadline) + 1;
            }
            Some(Resolution::Manifest(view)) => {
                let text = origin.render(self.endpoint, view.kind).expect("what was resolved");
                self.loaded(origin, &text, faults);
            }
            Some(Resolution::NotFound(_)) if origin.excused => self.fail(origin.now),
            Some(other) => {
                let who = self.who();
                faults.add(origin.now, || format!("{who}: {query:?} answers {other:?}"));
                self.fail(origin.now);
            }
        }
    }

    fn who(&self) -> String {
        format!("{} of endpoint {}", self.rendition, self.endpoint + 1)
    }

    /// Nothing to be had: the list is forgotten and asked for again.
    fn fail(&mut self, now: i64) {
        self.list = None;
        self.wake = now + 500_000;
    }

    fn query(&self) -> Option<String> {
        let list = self.list.as_ref().filter(|l| l.hold_back > 0)?;
        let skip = if list.can_skip { "&_HLS_skip=YES" } else { "" };
        Some(format!("_HLS_msn={}&_HLS_part={}{skip}", list.open.number, list.open.parts.len()))
    }

    /// Notes a buffer that is empty while nothing excuses it.
    fn watch(&mut self, origin: &Origin, faults: &mut Faults) {
        if origin.excused {
            self.stalled = false;
        } else if self.next.is_some() && !self.stalled && origin.now - self.empty_at >= STALL {
            self.stalled = true;
            let (who, next) = (self.who(), self.next);
            faults.add(origin.now, || format!("{who} stalls for want of {next:?}"));
        }
    }

    fn loaded(&mut self, origin: &Origin, text: &str, faults: &mut Faults) {
        self.loads += 1;
        let now = origin.now;
        let parsed = Playlist::parse(text);
        let delta = parsed.skipped > 0;
        let list = match &self.list {
            Some(older) => parsed.merged(older),
            None => (!delta).then_some(parsed),
        };
        let Some(list) = list else {
            let who = self.who();
            faults.add(now, || format!("{who}: an update skips what was never listed\n{text}"));
            return self.fail(now);
        };
        let unchanged = self.list.as_ref() == Some(&list);
        self.compare(&list, now, faults);
        if !unchanged {
            self.check_uris(origin, &list, faults);
        }
        if self.next.is_none() {
            self.join(&list, now);
        }
        self.fetch(origin, &list, faults);
        self.wake = now
            + match (self.low_latency(), unchanged) {
                (true, false) => ROUND_TRIP,
                (false, false) => list.target,
                (_, true) => list.target / 2,
            };
        self.list = Some(list);
    }

    /// What one list may not do to the one before it.
    fn compare(&self, list: &Playlist, now: i64, faults: &mut Faults) {
        let Some(older) = &self.list else { return };
        let who = self.who();
        if list.first < older.first || list.next_number() < older.next_number() {
            faults.add(now, || format!("{who}: numbers go back to {}", list.first));
        }
        if list.discontinuities < older.discontinuities || list.target < older.target {
            faults.add(now, || format!("{who}: discontinuities or target go back"));
        }
        let same = list.segments.iter().find(|s| s.number == older.next_number().wrapping_sub(1));
        if let (Some(row), Some(before)) = (same, older.segments.last())
            && (row.uri != before.uri || row.us != before.us || row.gap != before.gap)
        {
            faults.add(now, || format!("{who}: {before:?} became {row:?}"));
        }
    }

    /// Whatever the newest list names is there.
    fn check_uris(&self, origin: &Origin, list: &Playlist, faults: &mut Faults) {
        let skip = if self.loads.is_multiple_of(16) || origin.excused {
            0
        } else {
            list.segments.len().saturating_sub(2)
        };
        let mut check = |name: &str| {
            let answer = origin.named(self.endpoint, &self.rendition, name);
            if !origin.is_there(answer.as_ref()) {
                let who = self.who();
                faults.add(origin.now, || format!("{who}: listed {name} answers {answer:?}"));
            }
        };
        for row in list.segments.iter().skip(skip).chain([&list.open]) {
            if row.gap {
                continue;
            }
            if !row.uri.is_empty() {
                check(&row.uri);
            }
            row.parts.iter().for_each(|part| check(&part.uri));
            if let Some(map) =
                row.map.as_ref().filter(|_| !row.uri.is_empty() || !row.parts.is_empty())
            {
                check(map);
            }
        }
        if let Some(hint) = &list.hint {
            let answer = origin.named(self.endpoint, &self.rendition, hint);
            let held = matches!(answer, Some(Resolution::Wait { .. }));
            if !held && !origin.is_there(answer.as_ref()) {
                let who = self.who();
                faults.add(origin.now, || format!("{who}: hint {hint} answers {answer:?}"));
            }
        }
    }

    /// Three target durations from the end, or PART-HOLD-BACK; gaps hold nothing to play.
    fn join(&mut self, list: &Playlist, now: i64) {
        self.empty_at = now;
        let mut behind = if self.low_latency() { list.hold_back } else { list.target * 3 };
        let rows = list.segments.iter().chain([&list.open]);
        for row in rows.rev() {
            if row.parts.is_empty() && behind > 0 {
                behind -= if row.gap { 0 } else { row.us };
                self.next = Some((row.number, 0));
            }
            for (i, part) in row.parts.iter().enumerate().rev() {
                if behind > 0 {
                    behind -= part.us;
                    self.next = Some((row.number, i));
                }
            }
        }
    }

    fn fetch(&mut self, origin: &Origin, list: &Playlist, faults: &mut Faults) {
        let Some((mut number, mut part)) = self.next else { return };
        if number < list.first {
            if !origin.excused {
                let who = self.who();
                faults.add(origin.now, || format!("{who}: {number} left the list unplayed"));
            }
            (number, part) = (list.first, 0);
        }
        for row in list.segments.iter().chain([&list.open]) {
            if row.number == number {
                part = self.buffer(origin, row, part);
            } else if row.number > number {
                number = row.number;
                part = self.buffer(origin, row, 0);
            }
        }
        let complete = list.next_number();
        self.next = Some(if number < complete { (complete, 0) } else { (number, part) });
    }

    /// Takes what is new of a row. Gives the part of it that comes next.
    fn buffer(&mut self, origin: &Origin, row: &Listed, part: usize) -> usize {
        if row.gap {
            return 0;
        }
        if row.parts.is_empty() {
            self.append(origin, if part == 0 { row.us } else { 0 });
            return part;
        }
        for new in row.parts.iter().skip(part) {
            self.append(origin, new.us);
        }
        row.parts.len().max(part)
    }

    fn append(&mut self, origin: &Origin, us: i64) {
        let lasts = us - us * self.ppm / 1_000_000;
        self.empty_at = self.empty_at.max(origin.now + ROUND_TRIP) + lasts;
        self.played += us;
    }
}
