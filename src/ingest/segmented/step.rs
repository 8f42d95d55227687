//! Tracks brought in step: segments of several tracks come one after another, each whole, and the
//! packager wants their frames by decode time.
//!
//! A track that is ahead waits for the others, but not for ever: one that delivers nothing is left
//! behind. Nothing is given before the tracks of the session have had time to show themselves.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::media::{Sample, TrackId, TrackInfo};
use crate::packager::SourceEvent;
use crate::units::{MediaDuration, MediaTime, Monotonic, Timescale};

/// How far a track may be ahead of another without waiting: what encoders leave between sound and
/// picture, and less than what makes the packager leave a track out.
const AHEAD: MediaDuration = MediaDuration::from_millis(500);
/// How long the first media waits for other tracks.
const SETTLES: Duration = Duration::from_secs(1);
/// How long a track that is ahead waits, beyond the longest segment.
const PATIENCE: Duration = Duration::from_secs(1);

/// All tracks of one session.
#[derive(Debug)]
pub(super) struct Step {
    lanes: BTreeMap<TrackId, Lane>,
    bytes: usize,
    bytes_max: usize,
    moves: Duration,
    /// When the first sample came; nothing once media flows.
    settling: Option<Monotonic>,
    settled: bool,
    /// Since when samples wait for a track that has none.
    waiting: Option<Monotonic>,
    /// The longest segment so far.
    segment: MediaDuration,
    out: VecDeque<SourceEvent>,
}

/// One track.
#[derive(Debug)]
struct Lane {
    scale: Timescale,
    queue: VecDeque<Queued>,
    /// Where its newest sample ends.
    end: Option<MediaTime>,
    /// Whether the others wait for it.
    awaited: bool,
}

#[derive(Debug)]
enum Queued {
    Track(TrackInfo),
    Sample(Sample),
    Break,
}

impl Lane {
    fn front(&self) -> Option<MediaTime> {
        match self.queue.front()? {
            Queued::Sample(sample) => Some(MediaTime::new(sample.dts, self.scale)),
            Queued::Track(_) | Queued::Break => None,
        }
    }

    fn at_break(&self) -> bool {
        matches!(self.queue.front(), Some(Queued::Break))
    }
}

impl Step {
    /// Holds no more than `bytes_max` back, and what is ahead `moves` longer than it would.
    pub(super) fn new(bytes_max: usize, moves: Duration) -> Self {
        Step {
            moves,
            lanes: BTreeMap::new(),
            bytes: 0,
            bytes_max,
            settling: None,
            settled: false,
            waiting: None,
            segment: MediaDuration::ZERO,
            out: VecDeque::new(),
        }
    }

    /// The next event, oldest first.
    pub(super) fn poll(&mut self) -> Option<SourceEvent> {
        self.out.pop_front()
    }

    /// Bytes of the samples that wait.
    pub(super) fn held_bytes(&self) -> usize {
        self.bytes
    }

    /// The longest segment so far.
    pub(super) fn segment(&self) -> MediaDuration {
        self.segment
    }

    /// A segment as long has come or is announced.
    pub(super) fn note_segment(&mut self, length: MediaDuration) {
        // No more than a minute: it only says how long to wait.
        let length = length.min(MediaDuration::from_secs(60));
        if length > self.segment {
            self.segment = length;
            // The next piece may come as much later as it is long, and half as much for jitter.
            let half = MediaDuration::from_std(length.to_std() / 2);
            self.out.push_back(SourceEvent::Pace(length + half));
        }
    }

    /// Declares a track, before its first sample or where its settings change.
    pub(super) fn declare(&mut self, info: TrackInfo) {
        let scale = info.timescale;
        let lane = self.lanes.entry(info.id).or_insert_with(|| Lane {
            scale,
            queue: VecDeque::new(),
            end: None,
            awaited: true,
        });
        if lane.queue.is_empty() {
            lane.scale = scale;
            self.out.push_back(SourceEvent::Track(info));
        } else {
            lane.queue.push_back(Queued::Track(info));
        }
    }

    /// `media` ticks of a track stand for `epoch`.
    pub(super) fn anchor(&mut self, track: TrackId, media: i64, epoch: MediaTime) {
        self.out.push_back(SourceEvent::Anchor { track, media, epoch });
    }

    /// Takes a sample of a declared track.
    pub(super) fn push(&mut self, now: Monotonic, track: TrackId, sample: Sample) {
        let Some(lane) = self.lanes.get_mut(&track) else { return };
        if !self.settled {
            self.settling.get_or_insert(now);
        }
        let length = i64::from(sample.duration.unwrap_or(0));
        lane.end = Some(MediaTime::new(sample.dts.saturating_add(length), lane.scale));
        lane.awaited = true;
        self.bytes += sample.data.len();
        lane.queue.push_back(Queued::Sample(sample));
    }

    /// What comes next of these tracks does not continue what came before. The break is given once
    /// all tracks have come to theirs.
    pub(super) fn break_off(&mut self, tracks: impl Iterator<Item = TrackId>) {
        for track in tracks {
            let Some(lane) = self.lanes.get_mut(&track) else { continue };
            if lane.end.is_some() && !matches!(lane.queue.back(), Some(Queued::Break)) {
                lane.queue.push_back(Queued::Break);
            }
        }
    }

    /// A track has ended: nobody waits for it.
    pub(super) fn end(&mut self, track: TrackId) {
        if let Some(lane) = self.lanes.get_mut(&track) {
            lane.awaited = false;
        }
    }

    /// All tracks there will be have media: nothing more is waited for at the start.
    pub(super) fn settle(&mut self) {
        self.settled = true;
        self.settling = None;
    }

    /// Whether each of `tracks` has brought media.
    pub(super) fn have_media(&self, mut tracks: impl Iterator<Item = TrackId>) -> bool {
        tracks.all(|track| self.lanes.get(&track).is_some_and(|lane| lane.end.is_some()))
    }

    /// When [`Step::release`] has something to do though nothing comes.
    pub(super) fn timeout(&self) -> Option<Monotonic> {
        let settles = self.settling.map(|since| since.after(SETTLES));
        settles.or_else(|| Some(self.waiting?.after(self.patience())))
    }

    fn patience(&self) -> Duration {
        PATIENCE + self.segment.to_std() + self.moves
    }

    /// Gives what need not wait any longer.
    pub(super) fn release(&mut self, now: Monotonic) {
        if let Some(since) = self.settling
            && (now.since(since) >= SETTLES || self.bytes > self.bytes_max / 2)
        {
            self.settle();
        }
        if !self.settled {
            return;
        }
        loop {
            self.give_tracks();
            if self.give_break() {
                continue;
            }
            let next = self.lanes.iter().filter_map(|(id, lane)| Some((lane.front()?, *id))).min();
            let blocked = match next {
                // What is left has come to a break that others have not.
                None => self.lanes.values().any(Lane::at_break),
                Some((at, _)) => {
                    let empty = self.lanes.values().filter(|l| l.awaited && l.queue.is_empty());
                    let behind = empty.filter_map(|lane| lane.end).min();
                    behind.is_some_and(|end| at > end + AHEAD)
                }
            };
            if blocked {
                let since = *self.waiting.get_or_insert(now);
                if now.since(since) < self.patience() && self.bytes <= self.bytes_max / 2 {
                    return;
                }
                let late = |lane: &&mut Lane| lane.queue.is_empty();
                self.lanes.values_mut().filter(late).for_each(|lane| lane.awaited = false);
                self.waiting = None;
                continue;
            }
            let Some((_, track)) = next else { break };
            let Some(lane) = self.lanes.get_mut(&track) else { break };
            if let Some(Queued::Sample(sample)) = lane.queue.pop_front() {
                self.bytes -= sample.data.len();
                self.out.push_back(SourceEvent::Sample(track, sample));
            }
        }
        self.waiting = None;
    }

    /// Gives everything, in order, as far as it has come: the session ends.
    pub(super) fn flush(&mut self, now: Monotonic) {
        self.settle();
        self.lanes.values_mut().for_each(|lane| lane.awaited = false);
        self.release(now);
    }

    /// The source has gone.
    pub(super) fn lose(&mut self) {
        self.out.push_back(SourceEvent::Lost);
    }

    /// Whether nothing waits for other tracks at the start any longer.
    pub(super) fn is_settled(&self) -> bool {
        self.settled
    }

    fn give_tracks(&mut self) {
        for lane in self.lanes.values_mut() {
            while let Some(Queued::Track(_)) = lane.queue.front() {
                if let Some(Queued::Track(info)) = lane.queue.pop_front() {
                    lane.scale = info.timescale;
                    self.out.push_back(SourceEvent::Track(info));
                }
            }
        }
    }

    /// Gives a break that all tracks which are awaited have come to.
    fn give_break(&mut self) -> bool {
        let awaited = |l: &&Lane| l.awaited && l.end.is_some() || !l.queue.is_empty();
        let mut awaited = self.lanes.values().filter(awaited);
        let any = self.lanes.values().any(Lane::at_break);
        if !any || !awaited.all(Lane::at_break) {
            return false;
        }
        for lane in self.lanes.values_mut().filter(|lane| lane.at_break()) {
            lane.queue.pop_front();
            if lane.queue.is_empty() {
                lane.end = None;
            }
        }
        self.out.push_back(SourceEvent::Break);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{Codec, Language, VariantName, codec::AacConfig};
    use bytes::Bytes;

    fn track(id: u32) -> TrackInfo {
        TrackInfo {
            id: TrackId(id),
            variant: VariantName::default(),
            language: Language::UNDETERMINED,
            codec: Codec::Aac(AacConfig::from_asc(&[0x11, 0x90]).expect("AAC LC")),
            timescale: Timescale::MILLIS,
            bitrate: None,
        }
    }

    /// Ten samples of 200 ms from `second` on.
    fn segment(step: &mut Step, at_ms: u64, id: u32, second: i64) {
        for n in 0..10 {
            let dts = second * 1000 + n * 200;
            let data = Bytes::from_static(b"frame");
            let (sync, duration) = (n == 0, Some(200));
            let sample = Sample { dts, pts: dts, duration, sync, data, origin: None };
            step.push(ms(at_ms), TrackId(id), sample);
        }
        step.note_segment(MediaDuration::from_secs(2));
        step.release(ms(at_ms));
    }

    fn ms(ms: u64) -> Monotonic {
        Monotonic(ms * 1_000_000)
    }

    /// What has been given: track and decode time, or `B` for a break.
    fn given(step: &mut Step) -> Vec<(u32, i64)> {
        let events = std::iter::from_fn(|| step.poll());
        events
            .filter_map(|event| match event {
                SourceEvent::Sample(track, sample) => Some((track.0, sample.dts)),
                SourceEvent::Break => Some((0, 0)),
                _ => None,
            })
            .collect()
    }

    fn two() -> Step {
        let mut step = Step::new(1 << 20, Duration::ZERO);
        step.declare(track(1));
        step.declare(track(2));
        step
    }

    #[test]
    fn segments_that_come_one_after_another_are_given_by_decode_time() {
        let mut step = two();
        segment(&mut step, 0, 1, 0);
        assert_eq!(given(&mut step), [], "other tracks may come");
        segment(&mut step, 100, 2, 0);
        step.settle();
        step.release(ms(100));
        let first = given(&mut step);
        assert_eq!(first.len(), 20);
        assert!(first.windows(2).all(|w| w[0].1 <= w[1].1), "{first:?}");
        segment(&mut step, 2000, 1, 2);
        // Half a second ahead is nothing to wait for.
        assert_eq!(given(&mut step), [(1, 2000), (1, 2200), (1, 2400)]);
        segment(&mut step, 2100, 2, 2);
        assert_eq!(given(&mut step).len(), 17);
        assert_eq!(step.held_bytes(), 0);
    }

    #[test]
    fn a_track_that_delivers_nothing_is_left_behind_and_comes_back() {
        let mut step = two();
        segment(&mut step, 0, 1, 0);
        segment(&mut step, 0, 2, 0);
        assert_eq!(step.timeout(), Some(ms(1000)));
        step.release(ms(1000));
        assert_eq!(given(&mut step).len(), 20);
        segment(&mut step, 2000, 1, 2);
        assert_eq!(given(&mut step).len(), 3);
        assert_eq!(step.timeout(), Some(ms(5000)), "a second beyond a segment");
        segment(&mut step, 4000, 1, 4);
        assert_eq!(given(&mut step), []);
        step.release(ms(5000));
        assert_eq!(given(&mut step).len(), 17);
        segment(&mut step, 6000, 1, 6);
        assert_eq!(given(&mut step).len(), 10, "nobody waits for the other");
        segment(&mut step, 7000, 2, 6);
        assert_eq!(given(&mut step).len(), 10);
        segment(&mut step, 8000, 1, 8);
        assert_eq!(given(&mut step).len(), 3, "now it is waited for");
    }

    #[test]
    fn a_break_is_given_once_when_all_have_come_to_it() {
        let mut step = two();
        step.settle();
        segment(&mut step, 0, 1, 0);
        segment(&mut step, 0, 2, 0);
        assert_eq!(given(&mut step).len(), 20);
        step.break_off([TrackId(1)].into_iter());
        segment(&mut step, 2000, 1, 100);
        assert_eq!(given(&mut step), []);
        step.break_off([TrackId(2)].into_iter());
        segment(&mut step, 2100, 2, 100);
        let all = given(&mut step);
        assert_eq!(all.len(), 21);
        assert_eq!(all[0], (0, 0));
    }

    #[test]
    fn no_more_is_held_than_allowed() {
        let mut step = Step::new(200, Duration::ZERO);
        step.declare(track(1));
        step.declare(track(2));
        for second in 0..20 {
            segment(&mut step, 0, 1, second * 2);
            assert!(step.held_bytes() <= 150, "{}", step.held_bytes());
        }
    }
}
