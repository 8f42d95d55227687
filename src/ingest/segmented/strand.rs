//! One strand: what one media playlist, Representation or CMAF track is made of, as bytes in the
//! order they are to be read; and the media it holds, found by content.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use super::fault::{Fault, Refusal};
use super::fragments::{Found, Fragments, Naming};
use super::step::Step;
use crate::isobmff::BoxStreamLimits;
use crate::media::{Language, MediaKind, Sample, TrackId, TrackInfo, VariantName};
use crate::mpegts::{Demuxer, DemuxerLimits, Event};
use crate::units::{MediaDuration, MediaTime, Monotonic, Now};

/// Numbers of tracks that a strand may give.
pub(super) const TRACKS: u32 = 1 << 16;

/// Whose bytes come next.
pub(super) type Object = u64;

/// What a strand is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// The path of its media playlist.
    Playlist(String),
    /// `Representation@id`.
    Representation(VariantName),
    /// A track of CMAF ingest.
    Track(String),
}

/// In what order a strand's bodies are read.
#[derive(Debug)]
pub(super) enum Order {
    /// As its playlist lists them.
    Listed,
    /// By number or time. Bodies that may be read wait in `waiting`; `last` is the newest read.
    Positions { waiting: BTreeMap<u64, Object>, last: Option<u64>, by_one: bool },
    /// As they come.
    Arrival(VecDeque<Object>),
}

/// What is shared by the strands of a session.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) step: Step,
    pub(super) faults: VecDeque<Fault>,
    /// The time that all transport streams of the session unroll against.
    pub(super) reference: Option<i64>,
    pub(super) boxes: BoxStreamLimits,
    pub(super) sample_bytes: usize,
}

/// One strand.
#[derive(Debug)]
pub(super) struct Strand {
    pub(super) key: Key,
    naming: Naming,
    pub(super) order: Order,
    /// What its media is, once any came.
    boxes: Option<Box<Fragments>>,
    packets: Option<Box<Demuxer>>,
    /// The body that is being read.
    pub(super) current: Option<Object>,
    /// When bytes of it came last.
    pub(super) heard: Monotonic,
    /// Since when the next is missing though later ones are there.
    pub(super) missing: Option<Monotonic>,
    kinds: BTreeMap<TrackId, (MediaKind, TrackInfo)>,
    /// The header that came last as a body of its own.
    header: Bytes,
    /// The instant that the segment under way begins at, until a sample has told its media time.
    date: Option<MediaTime>,
    /// Media ticks and what they stand for, as an MPD has it; told again where it changes.
    zero: Option<(MediaTime, MediaTime)>,
    /// Where the media of the body under way begins and has come to, and when that body began to
    /// be read.
    span: Option<(MediaTime, MediaTime)>,
    began: Monotonic,
    /// Whether its media is none that is carried.
    pub(super) refused: bool,
}

impl Strand {
    pub(super) fn new(key: Key, naming: Naming, order: Order) -> Self {
        Strand {
            key,
            naming,
            order,
            boxes: None,
            packets: None,
            current: None,
            heard: Monotonic::default(),
            missing: None,
            kinds: BTreeMap::new(),
            header: Bytes::new(),
            date: None,
            zero: None,
            span: None,
            began: Monotonic::default(),
            refused: false,
        }
    }

    /// The rung its media belongs to.
    pub(super) fn variant(&self) -> &VariantName {
        &self.naming.variant
    }

    /// Whether a header differs from the one it was given last.
    pub(super) fn is_new_header(&self, header: &Bytes) -> bool {
        self.header != *header
    }

    /// Its tracks.
    pub(super) fn tracks(&self) -> impl Iterator<Item = TrackId> {
        self.kinds.keys().copied()
    }

    /// Whether its media can be read: a transport stream, or boxes whose header is known.
    pub(super) fn has_header(&self) -> bool {
        self.packets.is_some() || self.boxes.as_ref().is_some_and(|f| f.has_header())
    }

    /// Whether its sender says that it has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.boxes.as_ref().is_some_and(|fragments| fragments.has_ended())
    }

    /// Bytes held for boxes that are not whole.
    pub(super) fn held_bytes(&self) -> usize {
        self.boxes.as_ref().map_or(0, |fragments| fragments.held_bytes())
            + self.packets.as_ref().map_or(0, |demuxer| demuxer.held_bytes())
    }

    /// What a manifest says of its language.
    pub(super) fn set_language(&mut self, language: Language) {
        self.naming.language = language;
        if let Some(fragments) = &mut self.boxes {
            fragments.set_language(language);
        }
    }

    /// A body begins, its media at `date` where that is told.
    pub(super) fn begin_body(&mut self, now: Monotonic, date: Option<MediaTime>) {
        self.date = date;
        self.began = now;
    }

    /// `media` of its media time stands for `epoch`, as an MPD has it.
    pub(super) fn set_zero(&mut self, media: MediaTime, epoch: MediaTime, shared: &mut Shared) {
        if self.zero.replace((media, epoch)) != Some((media, epoch)) {
            self.tell_zero(shared);
        }
    }

    fn tell_zero(&self, shared: &mut Shared) {
        let (Some((media, epoch)), Some(fragments)) = (self.zero, &self.boxes) else { return };
        if fragments.is_absolute() {
            return;
        }
        for (track, scale, _) in fragments.carried() {
            shared.step.anchor(track, media.rescale(scale).ticks(), epoch);
        }
    }

    /// Takes a header that came as a body of its own, whatever else is being read.
    pub(super) fn take_header(
        &mut self,
        body: &Bytes,
        now: Now,
        shared: &mut Shared,
    ) -> Result<(), Refusal> {
        self.header = body.clone();
        let taken = self.fragments(shared).take_header_body(body);
        self.drain(now, shared);
        self.tell_zero(shared);
        self.refused = matches!(taken, Err(Refusal::NothingCarried { .. }));
        taken
    }

    fn fragments(&mut self, shared: &Shared) -> &mut Fragments {
        let naming = &self.naming;
        let limits = shared.boxes;
        self.boxes.get_or_insert_with(|| Box::new(Fragments::new(naming.clone(), limits)))
    }

    /// Takes the next bytes of boxes.
    pub(super) fn push_boxes(
        &mut self,
        bytes: &[u8],
        now: Now,
        shared: &mut Shared,
    ) -> Result<(), Refusal> {
        self.heard = now.mono;
        let knew = self.has_header();
        let taken = self.fragments(shared).push(bytes, now.wall);
        self.drain(now, shared);
        if !knew {
            self.tell_zero(shared);
        }
        self.refused |= matches!(taken, Err(Refusal::NothingCarried { .. }));
        taken
    }

    /// Takes the next packets.
    pub(super) fn push_packets(&mut self, bytes: &[u8], now: Now, shared: &mut Shared) {
        self.heard = now.mono;
        let limits = DemuxerLimits { pes_bytes: shared.sample_bytes, ..DemuxerLimits::default() };
        let variant = &self.naming.variant;
        let demuxer =
            self.packets.get_or_insert_with(|| Box::new(Demuxer::new(variant.clone(), limits)));
        if let Some(reference) = shared.reference {
            demuxer.set_reference(reference);
        }
        demuxer.push(bytes);
        shared.reference = demuxer.reference().or(shared.reference);
        self.drain(now, shared);
    }

    /// The body under way has ended.
    pub(super) fn end_of_body(&mut self, now: Now, shared: &mut Shared) -> Result<(), Refusal> {
        if let Some(demuxer) = &mut self.packets {
            demuxer.end_of_body();
            shared.reference = demuxer.reference().or(shared.reference);
        }
        let wall = now.wall;
        let ended = self.boxes.as_mut().map_or(Ok(()), |fragments| fragments.end_of_body(wall));
        self.drain(now, shared);
        if let Some((begins, ends)) = self.span.take() {
            // What came at once, and not as time went by, is what one waits for another time.
            let elapsed = MediaDuration::from_std(now.mono.since(self.began));
            shared.step.note_segment(ends - begins - elapsed);
        }
        self.date = None;
        if self.has_ended() {
            self.kinds.keys().for_each(|track| shared.step.end(*track));
        }
        ended
    }

    /// What comes next does not continue what came.
    pub(super) fn break_off(&mut self, shared: &mut Shared) {
        shared.step.break_off(self.kinds.keys().copied());
    }

    fn drain(&mut self, now: Now, shared: &mut Shared) {
        let before = self.span.map(|(_, ends)| ends);
        while let Some(found) = self.next_found(shared) {
            match found {
                Found::Track(info) => self.declare(info, shared),
                Found::Anchor { track, media, epoch } => shared.step.anchor(track, media, epoch),
                Found::Sample(track, sample) => self.sample(now, track, sample, shared),
                Found::Break => self.break_off(shared),
                Found::Fault(fault) => shared.faults.push_back(fault),
            }
        }
        if let Some((begins, ends)) = self.span {
            shared.step.note_segment(ends - before.unwrap_or(begins));
        }
    }

    fn next_found(&mut self, shared: &mut Shared) -> Option<Found> {
        if let Some(found) = self.boxes.as_mut().and_then(|fragments| fragments.poll()) {
            return Some(found);
        }
        let first = self.naming.first_track;
        loop {
            return Some(match self.packets.as_mut()?.poll_event()? {
                Event::Track(mut info) => {
                    info.id = TrackId(first + info.id.0);
                    if info.language == Language::UNDETERMINED && info.kind() == MediaKind::Audio {
                        info.language = self.naming.language;
                    }
                    Found::Track(info)
                }
                Event::Sample(track, sample) => Found::Sample(TrackId(first + track.0), sample),
                Event::LeftOut(left_out) => {
                    shared.faults.push_back(Fault::LeftOut(left_out));
                    continue;
                }
                Event::Fault(fault) => Found::Fault(Fault::Ts(fault)),
            });
        }
    }

    fn declare(&mut self, info: TrackInfo, shared: &mut Shared) {
        let known = self.kinds.insert(info.id, (info.kind(), info.clone()));
        if known.is_none_or(|(_, known)| known != info) {
            shared.step.declare(info);
        }
    }

    fn sample(&mut self, now: Now, track: TrackId, sample: Sample, shared: &mut Shared) {
        let Some((kind, info)) = self.kinds.get(&track) else { return };
        let scale = info.timescale;
        let no_video = || self.kinds.values().all(|(kind, _)| *kind == MediaKind::Audio);
        if self.date.is_some() && (*kind == MediaKind::Video || no_video()) {
            let absolute = self.boxes.as_ref().is_some_and(|f| f.is_absolute());
            if let Some(date) = self.date.take().filter(|_| !absolute) {
                shared.step.anchor(track, sample.pts, date);
            }
        }
        let begins = MediaTime::new(sample.dts, scale);
        let length = MediaDuration::new(i64::from(sample.duration.unwrap_or(0)), scale);
        let (first, last) = self.span.unwrap_or((begins, begins));
        self.span = Some((first.min(begins), last.max(begins + length)));
        shared.step.push(now.mono, track, sample);
    }
}
