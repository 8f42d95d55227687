//! Whose each body is: told by what it holds, by the manifests that list it, and last by its path.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use super::content::{Content, Opening};
use super::fault::{Fault, Refusal};
use super::fragments::{Fragments, Naming};
use super::path::{cmaf_track, folder};
use super::playlist;
use super::session::{Session, State};
use super::strand::{Key, Object, Order, Strand, TRACKS};
use crate::isobmff::BoxStreamLimits;
use crate::media::{Language, VariantName};
use crate::units::{Monotonic, Now};

/// How long media whose header lies in its folder waits for a manifest that says otherwise.
const GRACE: Duration = Duration::from_secs(1);
/// Strands of one session.
const STRANDS_MAX: usize = 128;
/// Headers kept of one session.
const HEADERS_MAX: usize = 256;
/// Longest header kept.
const HEADER_BYTES_MAX: usize = 1 << 20;

impl Session {
    /// Looks at a body that nobody reads yet.
    pub(super) fn look(&mut self, now: Now, object: Object) -> Result<(), Refusal> {
        let Some(body) = self.bodies.get_mut(&object) else { return Ok(()) };
        let ended = body.state != State::Open;
        if body.content.is_none() {
            body.content = Content::of(&body.held, ended);
        }
        let long = body.held.len() > playlist::TEXT_MAX;
        match body.content {
            Some(Content::Other) => Err(Refusal::Unknown),
            Some(Content::Playlist | Content::Xml) if long => {
                Err(Refusal::Full { limit: playlist::TEXT_MAX })
            }
            Some(content @ (Content::Playlist | Content::Xml)) if ended => {
                let (path, text) = (body.path.clone(), body.held.split().freeze());
                let whole = body.state == State::Whole;
                self.remove(object);
                match content {
                    _ if !whole => Ok(()),
                    Content::Playlist => self.take_playlist(&path, &text),
                    _ => self.take_mpd(now, &path, &text),
                }
            }
            Some(Content::Boxes) if body.strand.is_none() => self.bind(now, object),
            Some(_) | None => Ok(()),
        }
    }

    /// Looks again at bodies that waited for a manifest, and drops those that nobody asked for.
    pub(super) fn look_again(&mut self, now: Now) {
        let old = Duration::from_mins(1) + self.shared.step.segment().to_std() * 3;
        let waiting: Vec<Object> = self.waiting().map(|(object, _)| object).collect();
        for object in waiting {
            if let Err(refusal) = self.bind(now, object) {
                self.shared.faults.push_back(Fault::Refused(refusal));
                self.forget(now, object);
            }
        }
        let wanted = self.hls.wanted();
        let unasked = self.bodies.iter().filter(|(_, body)| {
            body.state != State::Open
                && body.strand.is_none()
                && now.mono.since(body.opened) > old
                && !wanted.contains(body.path.as_str())
        });
        let unasked: Vec<_> = unasked.map(|(object, body)| (*object, body.path.clone())).collect();
        for (object, path) in unasked {
            self.remove(object);
            self.shared.faults.push_back(Fault::Unlisted { path });
        }
    }

    /// Bodies of boxes that belong to no strand yet, and when each began.
    fn waiting(&self) -> impl Iterator<Item = (Object, Monotonic)> {
        let boxes = self
            .bodies
            .iter()
            .filter(|(_, body)| body.content == Some(Content::Boxes) && body.strand.is_none());
        boxes.map(|(object, body)| (*object, body.opened))
    }

    /// When media that waits for a manifest is looked at again.
    pub(super) fn grace_ends(&self) -> Option<Monotonic> {
        if self.has_manifest() {
            return None;
        }
        self.waiting().map(|(_, opened)| opened.after(GRACE)).min()
    }

    /// Finds the strand of a body of boxes.
    fn bind(&mut self, now: Now, object: Object) -> Result<(), Refusal> {
        let Some(body) = self.bodies.get(&object) else { return Ok(()) };
        let path = body.path.clone();
        let opening = Opening::of(&body.held);
        let ended = body.state != State::Open;
        if self.hls.wanted().contains(&*path) {
            let header = opening == Opening::Header && ended;
            return if header { self.keep_header(now, object) } else { Ok(()) };
        }
        match self.position(&path) {
            Some((strand, Some(position))) => {
                self.put_at(object, strand, position);
                return Ok(());
            }
            Some((_, None)) if ended => return self.keep_header(now, object),
            Some((_, None)) => return Ok(()),
            None => {}
        }
        if let Some(track) = cmaf_track(&path).filter(|track| track.whole) {
            let (key, name) = (Key::Track(track.name.to_owned()), VariantName::of(track.name));
            return self.arrive(now, object, key, name);
        }
        match opening {
            Opening::Header if ended => self.keep_header(now, object),
            Opening::Header | Opening::Undecided => Ok(()),
            Opening::Both => self.arrive(now, object, Key::Track(path.clone()), name_of(&path)),
            Opening::Media => self.bind_media(now, object, &path),
        }
    }

    /// Media that no manifest lists and whose header is another body's.
    fn bind_media(&mut self, now: Now, object: Object, path: &str) -> Result<(), Refusal> {
        let known = |key: &Key| self.strands.iter().any(|strand| strand.key == *key);
        let own = Key::Track(path.to_owned());
        if known(&own) || self.headers.contains_key(path) {
            return self.arrive(now, object, own, name_of(path));
        }
        let named_cmaf = cmaf_track(path).is_some();
        let folder = folder(path);
        let shared = Key::Track(format!("{folder}/"));
        let beside = self.headers.keys().filter(|header| super::path::folder(header) == folder);
        let alone = beside.count() == 1;
        let opened = self.bodies.get(&object).map_or(now.mono, |body| body.opened);
        let waited = named_cmaf || now.mono.since(opened) >= GRACE;
        if known(&shared) || alone && waited && !self.has_manifest() {
            return self.arrive(now, object, shared, VariantName::of(&folder.replace('/', "-")));
        }
        // A header may be under way on another connection.
        let may_come = self
            .bodies
            .iter()
            .any(|(other, body)| *other != object && Opening::of(&body.held) != Opening::Media);
        let hopeless = if named_cmaf { !alone } else { self.headers.is_empty() };
        if hopeless && !may_come && !self.others_are_open && !self.has_manifest() {
            return Err(Refusal::NoHeader);
        }
        Ok(())
    }

    /// The Representation of a path, and the position of its segment; none for its header.
    fn position(&self, path: &str) -> Option<(usize, Option<u64>)> {
        let mpd = self.mpd.as_ref()?;
        mpd.representations.iter().find_map(|representation| {
            let position = representation.position(path);
            if position.is_none() && representation.initialization.as_deref() != Some(path) {
                return None;
            }
            let key = Key::Representation(representation.name.clone());
            let strand = self.strands.iter().position(|strand| strand.key == key)?;
            Some((strand, position))
        })
    }

    /// A segment of a Representation waits for its turn. One that is behind is passed over.
    fn put_at(&mut self, object: Object, strand: usize, position: u64) {
        let Some(Order::Positions { waiting, last, .. }) =
            self.strands.get_mut(strand).map(|strand| &mut strand.order)
        else {
            return;
        };
        if last.is_some_and(|last| position <= last) || waiting.contains_key(&position) {
            return self.remove(object);
        }
        waiting.insert(position, object);
        if let Some(body) = self.bodies.get_mut(&object) {
            body.strand = Some(strand);
        }
    }

    /// A body of a track of CMAF ingest is read when those before it are.
    fn arrive(
        &mut self,
        now: Now,
        object: Object,
        key: Key,
        name: VariantName,
    ) -> Result<(), Refusal> {
        let header = self.header_of(&key);
        let before = self.strands.len();
        let strand = self.strand(key, name, || Order::Arrival(VecDeque::new()))?;
        if let Some(header) = header.filter(|_| strand == before) {
            self.give_header(now, strand, &header);
        }
        if let Some(Order::Arrival(queue)) = self.strands.get_mut(strand).map(|s| &mut s.order) {
            queue.push_back(object);
        }
        if let Some(body) = self.bodies.get_mut(&object) {
            body.strand = Some(strand);
        }
        Ok(())
    }

    /// The strand `key`, made where it is new.
    pub(super) fn strand(
        &mut self,
        key: Key,
        variant: VariantName,
        order: impl FnOnce() -> Order,
    ) -> Result<usize, Refusal> {
        if let Some(known) = self.strands.iter().position(|strand| strand.key == key) {
            return Ok(known);
        }
        let place = self.strands.len();
        if place >= STRANDS_MAX {
            return Err(Refusal::TooManyTracks { limit: STRANDS_MAX });
        }
        let first_track = u32::try_from(place).unwrap_or(u32::MAX).saturating_mul(TRACKS);
        let naming = Naming { first_track, variant, language: Language::UNDETERMINED };
        self.strands.push(Strand::new(key, naming, order()));
        Ok(place)
    }

    /// The header that was pushed to the path of a track, or into its folder.
    fn header_of(&self, key: &Key) -> Option<Bytes> {
        let Key::Track(track) = key else { return None };
        let beside = |path: &str| track.strip_suffix('/').is_some_and(|f| folder(path) == f);
        let mut headers = self.headers.iter();
        headers.find(|(path, _)| *path == track || beside(path)).map(|(_, header)| header.clone())
    }

    /// Keeps a body that is a header and nothing else, for those whose header it is.
    fn keep_header(&mut self, now: Now, object: Object) -> Result<(), Refusal> {
        let Some(body) = self.bodies.get_mut(&object) else { return Ok(()) };
        let (path, header) = (body.path.clone(), body.held.split().freeze());
        let whole = body.state == State::Whole;
        self.remove(object);
        if !whole || header.len() > HEADER_BYTES_MAX || self.headers.len() >= HEADERS_MAX {
            return Ok(());
        }
        let mine = check_header(&header);
        let below = format!("{}/", folder(&path));
        for place in 0..self.strands.len() {
            let its_own = match &self.strands[place].key {
                Key::Track(track) => *track == path || *track == below,
                Key::Representation(_) => self.position(&path) == Some((place, None)),
                Key::Playlist(_) => false,
            };
            if its_own {
                self.give_header(now, place, &header);
            }
        }
        self.headers.insert(path, header);
        mine
    }

    /// Gives a strand its header, and where its positions may begin anew with it.
    pub(super) fn give_header(&mut self, now: Now, place: usize, header: &Bytes) {
        let Some(strand) = self.strands.get_mut(place) else { return };
        if let Order::Positions { last, .. } = &mut strand.order {
            *last = None;
        }
        // Who pushed it has been told what is wrong with it.
        let _ = strand.take_header(header, now, &mut self.shared);
    }
}

/// What is wrong with a header.
fn check_header(header: &[u8]) -> Result<(), Refusal> {
    let variant = VariantName::default();
    let naming = Naming { first_track: 0, variant, language: Language::UNDETERMINED };
    Fragments::new(naming, BoxStreamLimits::default()).take_header_body(header)
}

/// A rung's name from the path of a track.
fn name_of(path: &str) -> VariantName {
    let name = path.rsplit_once('.').map_or(path, |(name, _)| name);
    VariantName::of(&name.replace('/', "-"))
}
