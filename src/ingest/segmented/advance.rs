//! What is read next: each strand's bodies in their order, with patience for those that are missing.

use std::time::Duration;

use bytes::{Buf, Bytes};

use super::content::Content;
use super::fault::{Fault, Refusal};
use super::hls::{Listed, Next, Stored};
use super::playlist::Range;
use super::session::{Session, State};
use super::strand::{Key, Object, Order};
use crate::units::{Monotonic, Now};

/// How long a body of CMAF ingest may deliver nothing while the next of its track is there.
const STALLED: Duration = Duration::from_secs(2);

impl Session {
    /// Reads what can be read.
    pub(super) fn advance(&mut self, now: Now) {
        if self.is_over() {
            return;
        }
        while (0..self.strands.len()).any(|place| self.advance_strand(now, place)) {}
        if !self.shared.step.is_settled() && self.is_complete() {
            self.shared.step.settle();
        }
        self.shared.step.release(now.mono);
        if self.is_at_its_end() {
            self.lose(now);
        }
    }

    /// When a segment that is missing is given up.
    pub(super) fn patience_ends(&self) -> Option<Monotonic> {
        let missing = self.strands.iter().filter_map(|strand| strand.missing);
        let stalled = self.strands.iter().filter(|strand| match &strand.order {
            Order::Arrival(queue) => strand.current.is_some() && queue.len() > 1,
            _ => false,
        });
        let stalled = stalled.map(|strand| strand.heard.after(STALLED));
        missing.map(|since| since.after(self.patience())).chain(stalled).min()
    }

    /// True where something was read or passed over.
    fn advance_strand(&mut self, now: Now, place: usize) -> bool {
        let Some(strand) = self.strands.get(place) else { return false };
        match (&strand.key, &strand.order) {
            (Key::Playlist(path), _) => {
                let path = path.clone();
                self.advance_listed(now, place, &path)
            }
            (_, Order::Positions { .. }) => self.advance_positions(now, place),
            (_, Order::Arrival(_)) => self.advance_arrival(now, place),
            (_, Order::Listed) => false,
        }
    }

    fn advance_listed(&mut self, now: Now, place: usize, path: &str) -> bool {
        let next = self.hls.next(path, &|segment| self.stored(segment));
        let patience = self.patience();
        let Some(strand) = self.strands.get_mut(place) else { return false };
        let missing = strand.missing.take();
        match next {
            Next::Nothing | Next::Wait { later: false, .. } => return false,
            Next::Wait { number, later: true } => {
                let since = missing.unwrap_or(now.mono);
                if now.mono.since(since) < patience {
                    strand.missing = Some(since);
                    return false;
                }
                self.shared.faults.push_back(Fault::LostSegment { number });
                self.hls.done(path, number);
            }
            Next::Skip { number, gap } => {
                if !gap {
                    self.shared.faults.push_back(Fault::LostSegment { number });
                }
                self.hls.done(path, number);
            }
            Next::Take(number, segment) => self.read_listed(now, place, path, number, &segment),
        }
        true
    }

    /// How much of a segment is stored, with the header it needs.
    fn stored(&self, segment: &Listed) -> Stored {
        let Some(body) = self.paths.get(&segment.path).and_then(|id| self.bodies.get(id)) else {
            return Stored::Absent;
        };
        let header = segment.map.as_ref();
        let has_header = header.is_none_or(|(path, range)| self.header(path, *range).is_some());
        match body.state {
            State::Whole if has_header => Stored::Whole,
            State::Whole | State::Open => Stored::Open,
            State::CutShort => Stored::CutShort,
        }
    }

    /// The bytes of a header that a playlist names.
    fn header(&self, path: &str, range: Option<Range>) -> Option<Bytes> {
        let whole = self.headers.get(path).cloned().or_else(|| {
            let body = self.bodies.get(self.paths.get(path)?)?;
            let there = body.state == State::Whole;
            (there && range.is_some()).then(|| Bytes::copy_from_slice(&body.held))
        })?;
        Some(cut(&whole, range))
    }

    fn read_listed(&mut self, now: Now, place: usize, path: &str, number: u64, segment: &Listed) {
        let header = segment.map.as_ref().and_then(|(path, range)| self.header(path, *range));
        let breaks = self.hls.done(path, number);
        let Some(object) = self.paths.get(&segment.path).copied() else { return };
        let wanted_again = self.hls.wanted().contains(&*segment.path);
        let Some(body) = self.bodies.get_mut(&object) else { return };
        let content = body.content;
        let bytes = if wanted_again {
            Bytes::copy_from_slice(&body.held)
        } else {
            body.held.split().freeze()
        };
        if !wanted_again {
            self.remove(object);
        }
        let Some(strand) = self.strands.get_mut(place) else { return };
        if breaks {
            strand.break_off(&mut self.shared);
        }
        strand.begin_body(now.mono, segment.date);
        let mut read = Ok(());
        if let Some(header) = header.filter(|header| strand.is_new_header(header)) {
            read = strand.take_header(&header, now, &mut self.shared);
        }
        let bytes = cut(&bytes, segment.range);
        match content {
            Some(Content::Packets) => strand.push_packets(&bytes, now, &mut self.shared),
            Some(Content::Boxes) => {
                read = read.and(strand.push_boxes(&bytes, now, &mut self.shared));
            }
            _ => read = Err(Refusal::Unknown),
        }
        let read = read.and(strand.end_of_body(now, &mut self.shared));
        self.report(read);
    }

    fn advance_positions(&mut self, now: Now, place: usize) -> bool {
        let patience = self.patience();
        let Some(strand) = self.strands.get_mut(place) else { return false };
        let has_header = strand.has_header();
        if strand.current.is_some() || !has_header {
            return false;
        }
        let Order::Positions { waiting, last, by_one } = &mut strand.order else { return false };
        let Some((position, object)) = waiting.first_key_value().map(|(p, o)| (*p, *o)) else {
            strand.missing = None;
            return false;
        };
        let expected = last.map(|last| last.saturating_add(1));
        if let Some(expected) = expected.filter(|e| *by_one && *e < position) {
            let since = *strand.missing.get_or_insert(now.mono);
            if now.mono.since(since) < patience {
                return false;
            }
            self.shared.faults.push_back(Fault::LostSegment { number: expected });
        }
        strand.missing = None;
        *last = Some(position);
        waiting.remove(&position);
        self.read(now, place, object);
        true
    }

    fn advance_arrival(&mut self, now: Now, place: usize) -> bool {
        let Some(strand) = self.strands.get_mut(place) else { return false };
        let Order::Arrival(queue) = &mut strand.order else { return false };
        if let Some(current) = strand.current {
            // A connection that died without a word holds the others up no longer than this.
            let stalled = queue.len() > 1 && now.mono.since(strand.heard) >= STALLED;
            if stalled {
                self.forget(now, current);
            }
            return stalled;
        }
        let Some(object) = queue.front().copied() else { return false };
        if self.bodies.contains_key(&object) {
            self.read(now, place, object);
        } else if let Some(Order::Arrival(queue)) =
            self.strands.get_mut(place).map(|strand| &mut strand.order)
        {
            queue.pop_front();
        }
        true
    }

    /// Reads what has come of a body, and what comes from now on.
    fn read(&mut self, now: Now, place: usize, object: Object) {
        let Some(strand) = self.strands.get_mut(place) else { return };
        let Some(body) = self.bodies.get_mut(&object) else { return };
        strand.begin_body(now.mono, None);
        strand.current = Some(object);
        let bytes = body.held.split().freeze();
        let ended = body.state != State::Open;
        let mut read = strand.push_boxes(bytes.chunk(), now, &mut self.shared);
        if ended && read.is_ok() {
            strand.current = None;
            read = strand.end_of_body(now, &mut self.shared);
            self.remove(object);
        } else if read.is_err() {
            self.forget(now, object);
        }
        if let Err(refusal) = read {
            let before = self.refused.replace((object, refusal));
            self.report(before.map_or(Ok(()), |(_, refusal)| Err(refusal)));
        }
    }

    fn report(&mut self, read: Result<(), Refusal>) {
        if let Err(refusal) = read {
            self.shared.faults.push_back(Fault::Refused(refusal));
        }
    }
}

fn cut(bytes: &Bytes, range: Option<Range>) -> Bytes {
    let Some(range) = range else { return bytes.clone() };
    let at = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).min(bytes.len());
    bytes.slice(at(range.start)..at(range.start.saturating_add(range.length)))
}
