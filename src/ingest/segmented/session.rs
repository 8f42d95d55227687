//! One push of segments: everything one encoder delivers to one input by playlists, MPDs or CMAF
//! tracks, on however many connections, as one source.
//!
//! Sans-IO: bodies come in as they come, with the time; events come out in order. **After every call
//! drain [`Session::poll_event`] and [`Session::poll_fault`].**

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::content::Content;
use super::fault::{Fault, Refusal};
use super::hls::Hls;
use super::mpd::Mpd;
use super::step::Step;
use super::strand::{Key, Object, Order, Shared, Strand};
use crate::isobmff::BoxStreamLimits;
use crate::packager::{SourceEvent, SourceId};
use crate::units::{MediaDuration, Monotonic, Now};

/// Silence after which the source of a static MPD has gone.
const AFTER_STATIC: Duration = Duration::from_secs(1);

/// What a session may hold, and how long it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// Bytes of bodies and samples that wait.
    pub held_bytes: usize,
    /// Bytes of one sample of a transport stream.
    pub sample_bytes: usize,
    /// Silence, beyond one segment and a half, after which the source has gone.
    pub input_loss: Duration,
    /// How much later what is missing may come, as where it is looked for at another place.
    pub moves: Duration,
}

/// One push of segments.
#[derive(Debug)]
pub struct Session {
    source: SourceId,
    limits: SessionLimits,
    pub(super) bodies: BTreeMap<Object, Body>,
    /// The newest body of each path.
    pub(super) paths: BTreeMap<String, Object>,
    next: Object,
    /// Bodies that are a header and nothing else, by path.
    pub(super) headers: BTreeMap<String, Bytes>,
    pub(super) strands: Vec<Strand>,
    pub(super) hls: Hls,
    pub(super) mpd: Option<Mpd>,
    pub(super) shared: Shared,
    /// A body that turned out to be none that is taken while it was read.
    pub(super) refused: Option<(Object, Refusal)>,
    /// Whether bodies are open elsewhere of which nothing has come.
    pub(super) others_are_open: bool,
    /// When a byte came last.
    active: Monotonic,
    over: bool,
}

/// One body that is being pushed, or waits to be read.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) path: String,
    pub(super) content: Option<Content>,
    /// What has come and has not been read.
    pub(super) held: BytesMut,
    pub(super) state: State,
    /// The strand it belongs to, once that is known.
    pub(super) strand: Option<usize>,
    pub(super) opened: Monotonic,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Open,
    Whole,
    CutShort,
}

impl Session {
    /// A session of `source`, at its first body.
    #[must_use]
    pub fn new(source: SourceId, limits: SessionLimits, now: Now) -> Self {
        let chunk_bytes = limits.held_bytes;
        let boxes = BoxStreamLimits { chunk_bytes, ..BoxStreamLimits::default() };
        Session {
            source,
            limits,
            bodies: BTreeMap::new(),
            paths: BTreeMap::new(),
            next: 0,
            headers: BTreeMap::new(),
            strands: Vec::new(),
            hls: Hls::default(),
            mpd: None,
            shared: Shared {
                step: Step::new(limits.held_bytes, limits.moves),
                faults: VecDeque::new(),
                reference: None,
                boxes,
                sample_bytes: limits.sample_bytes,
            },
            refused: None,
            others_are_open: false,
            active: now.mono,
            over: false,
        }
    }

    /// The source that its events are of.
    #[must_use]
    pub fn source(&self) -> SourceId {
        self.source
    }

    /// Whether a track has been given.
    #[must_use]
    pub fn has_tracks(&self) -> bool {
        self.strands.iter().any(|strand| strand.tracks().next().is_some())
    }

    /// Whether [`SourceEvent::Lost`] has been given, so that the next body begins another session.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Whether a playlist or an MPD has come, so that transport streams belong to it.
    #[must_use]
    pub fn has_manifest(&self) -> bool {
        !self.hls.is_empty() || self.mpd.is_some()
    }

    /// Whether a playlist lists what is pushed to `path`, and it has not come yet.
    #[must_use]
    pub fn wants(&self, path: &str) -> bool {
        self.hls.wanted().contains(path)
    }

    /// The next event, oldest first.
    pub fn poll_event(&mut self) -> Option<SourceEvent> {
        self.shared.step.poll()
    }

    /// What the sender got wrong, oldest first.
    pub fn poll_fault(&mut self) -> Option<Fault> {
        self.shared.faults.pop_front()
    }

    /// Whether bodies of the same input are open that have not been opened here, for nothing of
    /// them has come: one may be a header.
    pub fn set_others_open(&mut self, open: bool) {
        self.others_are_open = open;
    }

    /// A body to `path`, which is below the input's folder, begins.
    pub fn open(&mut self, now: Now, path: &str) -> u64 {
        self.active = now.mono;
        let object = self.next;
        self.next += 1;
        if let Some(before) = self.paths.insert(path.to_owned(), object)
            && self
                .bodies
                .get(&before)
                .is_some_and(|b| b.strand.is_none() && b.state != State::Open)
        {
            // It is written anew before anyone wanted it.
            self.bodies.remove(&before);
        }
        self.bodies.insert(
            object,
            Body {
                path: path.to_owned(),
                content: None,
                held: BytesMut::new(),
                state: State::Open,
                strand: None,
                opened: now.mono,
            },
        );
        object
    }

    /// Takes the next bytes of a body.
    ///
    /// # Errors
    /// Why it, or the rest of it, is not taken; bytes that follow are passed over.
    pub fn push(&mut self, now: Now, object: u64, bytes: &[u8]) -> Result<(), Refusal> {
        self.active = now.mono;
        let Some(body) = self.bodies.get_mut(&object) else { return Ok(()) };
        let reading = body.strand.and_then(|s| self.strands.get_mut(s));
        let taken = if let Some(strand) = reading.filter(|s| s.current == Some(object)) {
            strand.push_boxes(bytes, now, &mut self.shared)
        } else {
            body.held.extend_from_slice(bytes);
            self.look(now, object).and_then(|()| self.bound(object))
        };
        if taken.is_err() {
            self.forget(now, object);
        }
        self.advance(now);
        taken.and(self.read_so_far(object))
    }

    /// A body has ended; `whole` where its sender ended it.
    ///
    /// # Errors
    /// Why it is not taken.
    pub fn end(&mut self, now: Now, object: u64, whole: bool) -> Result<(), Refusal> {
        self.active = now.mono;
        let Some(body) = self.bodies.get_mut(&object) else { return Ok(()) };
        body.state = if whole { State::Whole } else { State::CutShort };
        let reading = body.strand.and_then(|s| self.strands.get_mut(s));
        let taken = if let Some(strand) = reading.filter(|s| s.current == Some(object)) {
            strand.current = None;
            let ended = strand.end_of_body(now, &mut self.shared);
            self.remove(object);
            if whole { ended } else { Ok(()) }
        } else if body.held.is_empty() {
            self.remove(object);
            Ok(())
        } else {
            self.look(now, object)
        };
        if taken.is_err() {
            self.forget(now, object);
        }
        self.advance(now);
        taken.and(self.read_so_far(object))
    }

    /// What came of a body that was read meanwhile.
    fn read_so_far(&mut self, object: Object) -> Result<(), Refusal> {
        match self.refused.take() {
            Some((refused, refusal)) if refused == object => Err(refusal),
            Some((_, refusal)) => {
                self.shared.faults.push_back(Fault::Refused(refusal));
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Takes the passing of time.
    pub fn handle_timeout(&mut self, now: Now) {
        self.look_again(now);
        self.advance(now);
        if let Some((_, refusal)) = self.refused.take() {
            self.shared.faults.push_back(Fault::Refused(refusal));
        }
        if !self.over && self.lost_at().is_some_and(|at| now.mono >= at) {
            self.lose(now);
        }
    }

    /// When to call [`Session::handle_timeout`] at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Monotonic> {
        if self.over {
            return None;
        }
        let step = self.shared.step.timeout();
        step.into_iter()
            .chain(self.lost_at())
            .chain(self.patience_ends())
            .chain(self.grace_ends())
            .min()
    }

    /// When the source counts as lost, if no more comes.
    fn lost_at(&self) -> Option<Monotonic> {
        let open = self.bodies.values().any(|body| body.state == State::Open);
        // A static MPD comes last, or nearly so.
        let ended = self.mpd.as_ref().is_some_and(|mpd| mpd.ended);
        let silence =
            if ended { AFTER_STATIC } else { self.limits.input_loss + self.segment_and_a_half() };
        (!open).then(|| self.active.after(silence))
    }

    fn segment_and_a_half(&self) -> Duration {
        let segment = self.shared.step.segment().to_std();
        segment + segment / 2
    }

    /// How long a segment may be missing while later ones are there.
    pub(super) fn patience(&self) -> Duration {
        Duration::from_secs(1) + self.shared.step.segment().to_std() / 2 + self.limits.moves
    }

    pub(super) fn lose(&mut self, now: Now) {
        self.over = true;
        self.shared.step.flush(now.mono);
        if self.has_tracks() {
            self.shared.step.lose();
        }
        self.bodies.clear();
        self.paths.clear();
    }

    /// The body is not needed any longer.
    pub(super) fn remove(&mut self, object: Object) {
        if let Some(body) = self.bodies.remove(&object)
            && self.paths.get(&body.path) == Some(&object)
        {
            self.paths.remove(&body.path);
        }
    }

    /// The body is none that is taken: a strand that was reading it goes on with the next.
    pub(super) fn forget(&mut self, now: Now, object: Object) {
        self.remove(object);
        for strand in &mut self.strands {
            match &mut strand.order {
                Order::Positions { waiting, .. } => waiting.retain(|_, waits| *waits != object),
                Order::Arrival(queue) => queue.retain(|waits| *waits != object),
                Order::Listed => {}
            }
            if strand.current == Some(object) {
                strand.current = None;
                // What is wrong with it has been said.
                let _ = strand.end_of_body(now, &mut self.shared);
            }
        }
    }

    /// Keeps what is held within the limit: first goes what no manifest has asked for.
    fn bound(&mut self, object: Object) -> Result<(), Refusal> {
        let limit = self.limits.held_bytes;
        while self.held_bytes() > limit {
            let wanted = self.hls.wanted();
            let unasked = self.bodies.iter().find(|(id, body)| {
                **id != object
                    && body.state != State::Open
                    && body.strand.is_none()
                    && !wanted.contains(body.path.as_str())
            });
            let Some((id, path)) = unasked.map(|(id, body)| (*id, body.path.clone())) else {
                return Err(Refusal::Full { limit });
            };
            self.remove(id);
            self.shared.faults.push_back(Fault::Unlisted { path });
        }
        Ok(())
    }

    fn held_bytes(&self) -> usize {
        let bodies: usize = self.bodies.values().map(|body| body.held.len()).sum();
        let strands: usize = self.strands.iter().map(Strand::held_bytes).sum();
        bodies + strands + self.shared.step.held_bytes()
    }

    /// Whether all strands of an ended push have been read to their ends.
    pub(super) fn is_at_its_end(&self) -> bool {
        let mut carried = self.strands.iter().filter(|s| !s.refused).peekable();
        // A playlist that is listed and has not come has not ended.
        self.has_tracks()
            && self.hls.is_complete() != Some(false)
            && carried.peek().is_some()
            && carried.all(|strand| match (&strand.key, &strand.order) {
                (Key::Playlist(path), _) => self.hls.is_over(path),
                (_, Order::Arrival(queue)) => strand.has_ended() && queue.is_empty(),
                (_, Order::Positions { .. } | Order::Listed) => false,
            })
    }

    pub(super) fn note_segment(&mut self, length: MediaDuration) {
        self.shared.step.note_segment(length);
    }
}
