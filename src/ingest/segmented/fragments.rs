//! One stream of pushed fragmented MP4: headers and chunks in, tracks and samples out, over all the
//! bodies it comes in (ISO/IEC 23000-19; DASH-IF Live Media Ingest, interface 1).
//!
//! Times are the sender's own, on the presentation timeline: decode time plus composition offset,
//! moved by the edit list. A chunk that was there already, or comes after one that follows it, is
//! passed over. What order bodies are taken in is decided elsewhere.

mod track;

use std::collections::VecDeque;

use bytes::Bytes;

use super::fault::{Fault, Refusal};
use crate::isobmff::{
    BoxStream, BoxStreamLimits, Element, ProducerTime, SampleDefaults, parse_fragment, parse_movie,
};
use crate::media::{Codec, Language, MediaKind, Sample, TrackId, TrackInfo, VariantName};
use crate::units::{MediaTime, Timescale, WallTime};
use track::Track;

/// What a stream gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A track, before its first sample and whenever its settings change.
    Track(TrackInfo),
    /// `media` ticks of a track stand for `epoch`.
    Anchor { track: TrackId, media: i64, epoch: MediaTime },
    /// A frame.
    Sample(TrackId, Sample),
    /// What comes next does not continue what came before.
    Break,
    /// Something wrong that ends nothing.
    Fault(Fault),
}

/// How a stream is named and bounded.
#[derive(Clone, Debug)]
pub(super) struct Naming {
    /// Added to a track's place in the header gives its number in the session.
    pub(super) first_track: u32,
    /// The rung.
    pub(super) variant: VariantName,
    /// What a manifest says of audio; a header that says something is believed before it.
    pub(super) language: Language,
}

/// One stream.
#[derive(Debug)]
pub(super) struct Fragments {
    naming: Naming,
    limits: BoxStreamLimits,
    boxes: BoxStream,
    header: Bytes,
    /// Whether a header came since the last chunk.
    header_is_fresh: bool,
    tracks: Vec<Track>,
    /// Whether the segment under way says it is the last.
    last: bool,
    ended: bool,
    out: VecDeque<Found>,
}

impl Fragments {
    pub(super) fn new(naming: Naming, limits: BoxStreamLimits) -> Self {
        Fragments {
            naming,
            limits,
            boxes: BoxStream::new(limits),
            header: Bytes::new(),
            header_is_fresh: false,
            tracks: Vec::new(),
            last: false,
            ended: false,
            out: VecDeque::new(),
        }
    }

    /// What has come, oldest first.
    pub(super) fn poll(&mut self) -> Option<Found> {
        self.out.pop_front()
    }

    /// Whether the header is known.
    pub(super) fn has_header(&self) -> bool {
        !self.tracks.is_empty()
    }

    /// Whether the sender says that the stream has ended; a new header begins it again.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether times count from the Unix epoch, so that no other anchor is needed.
    pub(super) fn is_absolute(&self) -> bool {
        self.tracks.iter().any(|track| track.absolute)
    }

    /// The tracks that are carried: number, ticks a second, kind.
    pub(super) fn carried(&self) -> impl Iterator<Item = (TrackId, Timescale, MediaKind)> {
        self.tracks.iter().filter_map(|t| Some((t.id, t.parsed.timescale, t.kind?)))
    }

    /// Bytes held for a chunk that is not whole yet.
    pub(super) fn held_bytes(&self) -> usize {
        self.boxes.held_bytes()
    }

    /// What a manifest says of the language.
    pub(super) fn set_language(&mut self, language: Language) {
        if self.naming.language != language {
            self.naming.language = language;
            self.announce();
        }
    }

    /// Takes a header that came as a body of its own, while another may be under way.
    ///
    /// # Errors
    /// Why it cannot be taken.
    pub(super) fn take_header_body(&mut self, body: &[u8]) -> Result<(), Refusal> {
        let mut boxes = BoxStream::new(self.limits);
        boxes.push(body);
        boxes.end_of_body();
        let mut taken = Ok(());
        while let Some(element) = boxes.poll() {
            match element {
                Ok(Element::Header(moov)) => taken = self.take_header(moov),
                Ok(_) => {}
                Err(error) => return Err(Refusal::Boxes(error)),
            }
        }
        taken
    }

    /// Takes the next bytes of a body, which arrive at `wall`.
    ///
    /// # Errors
    /// Why the rest of the body cannot be taken.
    pub(super) fn push(&mut self, bytes: &[u8], wall: WallTime) -> Result<(), Refusal> {
        self.boxes.push(bytes);
        self.drain(wall)
    }

    /// The body has ended; the next begins with a box.
    ///
    /// # Errors
    /// What the end of the body was not right in.
    pub(super) fn end_of_body(&mut self, wall: WallTime) -> Result<(), Refusal> {
        self.boxes.end_of_body();
        let drained = self.drain(wall);
        self.ended |= self.last;
        self.last = false;
        drained
    }

    fn drain(&mut self, wall: WallTime) -> Result<(), Refusal> {
        let mut drained = Ok(());
        while let Some(element) = self.boxes.poll() {
            let taken = match element {
                Ok(Element::Header(moov)) => self.take_header(moov),
                Ok(Element::Chunk(chunk)) => self.take_chunk(chunk, wall),
                Ok(Element::ProducerTime(time)) => {
                    self.take_producer_time(&time);
                    Ok(())
                }
                Ok(Element::Type { last }) => {
                    self.last = last;
                    Ok(())
                }
                Ok(Element::End) => {
                    self.ended = true;
                    Ok(())
                }
                Err(error) => Err(Refusal::Boxes(error)),
            };
            drained = drained.and(taken);
        }
        drained
    }

    fn take_header(&mut self, moov: Bytes) -> Result<(), Refusal> {
        self.ended = false;
        self.header_is_fresh = true;
        if moov == self.header {
            return Ok(());
        }
        let parsed = parse_movie(&moov).map_err(|error| Refusal::Boxes(error.into()))?;
        if let Some(track) = parsed.iter().find(|t| matches!(&t.entry.0, b"encv" | b"enca")) {
            return Err(Refusal::Encrypted { entry: track.entry });
        }
        if moov.windows(4).all(|kind| kind != b"mvex") {
            return Err(Refusal::NotFragmented);
        }
        self.header = moov;
        let before = std::mem::take(&mut self.tracks);
        for (place, parsed) in (0..).zip(parsed) {
            let id = TrackId(self.naming.first_track + place);
            let kind = parsed.codec.as_ref().map(Codec::kind);
            if kind.is_none() && matches!(&parsed.handler.0, b"vide" | b"soun") {
                self.out.push_back(Found::Fault(Fault::NotCarried { entry: parsed.entry }));
            }
            let same_clock = before
                .iter()
                .find(|t| t.parsed.track_id == parsed.track_id)
                .filter(|t| t.parsed.timescale == parsed.timescale);
            let (end, remembered) =
                same_clock.map_or((None, VecDeque::new()), |t| (t.end, t.remembered.clone()));
            self.tracks.push(Track { parsed, id, kind, end, remembered, absolute: false });
        }
        self.announce();
        if self.tracks.iter().all(|track| track.kind.is_none()) {
            let entries = self.tracks.iter().map(|t| t.parsed.entry).collect();
            return Err(Refusal::NothingCarried { entries });
        }
        Ok(())
    }

    fn announce(&mut self) {
        for track in &self.tracks {
            let Some(codec) = track.parsed.codec.clone() else { continue };
            let told = track.parsed.language;
            let language = if told == Language::UNDETERMINED && codec.kind() == MediaKind::Audio {
                self.naming.language
            } else {
                told
            };
            self.out.push_back(Found::Track(TrackInfo {
                id: track.id,
                variant: self.naming.variant.clone(),
                language,
                codec,
                timescale: track.parsed.timescale,
                bitrate: None,
            }));
        }
    }

    fn take_chunk(&mut self, bytes: Bytes, wall: WallTime) -> Result<(), Refusal> {
        if self.tracks.is_empty() {
            return Err(Refusal::NoHeader);
        }
        let defaults = |track| {
            let known = self.tracks.iter().find(|t| t.parsed.track_id == track);
            known.map_or(SampleDefaults::default(), |t| t.parsed.defaults)
        };
        let chunks = match parse_fragment(&bytes, &defaults) {
            Ok(chunks) => chunks,
            Err(error) => {
                self.out.push_back(Found::Fault(Fault::BrokenChunk(error)));
                return Ok(());
            }
        };
        let mut frames = chunks.iter().flat_map(|chunk| &chunk.samples).peekable();
        if frames.peek().is_some() && frames.all(|frame| frame.data.is_empty()) {
            self.out.push_back(Found::Fault(Fault::EmptyChunk));
            return Ok(());
        }
        let fresh = std::mem::take(&mut self.header_is_fresh);
        if let [chunk] = &chunks[..]
            && let Some(track) = self.tracks.iter_mut().find(|t| t.is_carried_as(chunk.track_id))
        {
            track.take_whole(bytes, chunk, fresh, wall, &mut self.out);
            return Ok(());
        }
        for chunk in chunks {
            let out = &mut self.out;
            match self.tracks.iter_mut().find(|t| t.parsed.track_id == chunk.track_id) {
                Some(track) if track.kind.is_some() => {
                    track.take(&bytes, &chunk, None, (fresh, wall), out);
                }
                Some(_) => {}
                None => {
                    let track = chunk.track_id;
                    self.out.push_back(Found::Fault(Fault::UnknownTrack { track }));
                }
            }
        }
        Ok(())
    }

    fn take_producer_time(&mut self, time: &ProducerTime) {
        let Some(track) = self.tracks.iter().find(|t| t.parsed.track_id == time.track_id) else {
            return;
        };
        if track.kind.is_none() || track.absolute {
            return;
        }
        let Ok(media) = i64::try_from(time.media_time) else { return };
        let media = media.saturating_add(track.parsed.presentation_shift);
        let epoch = WallTime(time.wall_nanos).media_time();
        self.out.push_back(Found::Anchor { track: track.id, media, epoch });
    }
}
