//! From a request to its answer, without an await: who waits is told for what and until when.

use std::sync::Arc;

use bytes::Bytes;
use thiserror::Error;

use super::absence::{Missing, NotNow};
use super::access::{Refused, Viewer};
use super::derived::{Derived, DerivedName};
use super::directives::{Asked, DirectiveError, Directives, asked};
use super::growing::Growing;
use super::object::{ListId, Object, ObjectKind};
use super::past::{self, Archived, PastView};
use super::protocol::Container;
use super::request::{File, Form, Leaf};
use super::rules::EndpointRules;
use super::shift::ShiftError;
use crate::manifest::dash::mpd;
use crate::manifest::hls::{MediaPlaylist, media, multivariant};
use crate::packager::{RenditionId, RenditionView, Segment, SegmentationView, Snapshot};
use crate::units::{MediaDuration, Monotonic, Now};

/// How long a request may wait, in target durations (§6.2.5.2).
const PATIENCE_TARGETS: i64 = 3;

/// When a request came, and what had been lost by then.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// When it came.
    pub at: Monotonic,
    /// [`Snapshot::losses`] when it came: a later loss ends its wait.
    pub losses: u64,
    /// Whether its answer may grow: HTTP/1.0 cannot tell an answer that was cut off from a whole one.
    pub may_grow: bool,
}

/// The answer to a request.
#[derive(Clone, Debug)]
pub enum Resolution {
    /// Bytes that never change.
    Object(Object),
    /// Bytes that never change and are not stored: by [`recipe`](super::recipe) they are made.
    Derived(Derived),
    /// A segment that is being made: bytes that come one part after the other, and never change.
    Growing(Growing),
    /// A manifest to be rendered.
    Manifest(View),
    /// Not there yet: ask again when the rendition has a new version, at the deadline at the latest.
    Wait {
        /// Whose next version.
        on: ListId,
        /// When the wait ends.
        deadline: Monotonic,
    },
    /// A manifest of the past, to be rendered with what the archive has of it.
    Past(PastView),
    /// A stretch of the past as an MP4: from when up to when, Unix milliseconds.
    Export {
        /// Segments that reach into the stretch are in it whole.
        from: i64,
        /// Its end.
        to: i64,
    },
    /// An object that has left memory: it is in the archive, or what comes with it is the answer.
    Archived(Archived, Box<Resolution>),
    /// Malformed or contradictory.
    BadRequest(BadRequest),
    /// Access refused.
    Forbidden(Refused),
    /// Not there.
    NotFound(Missing),
    /// It was there.
    Gone,
    /// The channel, or this wait, has nothing to show now.
    Unavailable(NotNow),
}

/// What is wrong with a query.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BadRequest {
    /// A delivery directive.
    #[error(transparent)]
    Directive(#[from] DirectiveError),
    /// A time-shift parameter.
    #[error(transparent)]
    Shift(#[from] ShiftError),
}

/// Which rendering of which version: equal views of one endpoint are equal bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct View {
    /// What of it.
    pub kind: ViewKind,
    /// Version of the list, or of the segmentation for what shows several.
    pub version: u64,
    /// Whether the request blocked on it, or asked for a version by directives: it may be cached long.
    pub blocking: bool,
    /// Whether a wait ended without what was waited for.
    pub stale: bool,
}

/// What a manifest shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ViewKind {
    /// The MPD.
    Mpd,
    /// The multivariant playlist.
    Multivariant,
    /// A media playlist.
    Media {
        /// Whose.
        rendition: RenditionId,
        /// Whether as a delta update.
        skip: bool,
    },
}

/// Answers a request from a snapshot.
#[must_use]
pub fn resolve(
    snapshot: &Snapshot,
    rules: &EndpointRules,
    leaf: &Leaf<'_>,
    query: Option<&str>,
    viewer: &Viewer<'_>,
    arrival: Arrival,
    now: Now,
) -> Resolution {
    if let Err(refused) = rules.access.check(viewer) {
        return Resolution::Forbidden(refused);
    }
    if rules.encrypted {
        return Resolution::Unavailable(NotNow::Encryption);
    }
    if let Some(answer) = past::asked(rules, leaf, query, now) {
        return answer;
    }
    let view = snapshot.segmentations.get(&rules.segmentation);
    let answer = present(snapshot, rules, leaf, query, arrival, now, view);
    let left = matches!(answer, Resolution::Gone | Resolution::NotFound(_));
    // After a restart the older rows of a list are not in memory.
    let listed = matches!(answer, Resolution::NotFound(Missing::InArchive));
    match leaf {
        Leaf::Object { generation, rendition, file } if left && *generation == rules.generation => {
            match past::archived(rules, rendition, file, listed) {
                Some(archived) => Resolution::Archived(archived, Box::new(answer)),
                None => answer,
            }
        }
        _ => answer,
    }
}

/// Answers from what is in memory.
fn present(
    snapshot: &Snapshot,
    rules: &EndpointRules,
    leaf: &Leaf<'_>,
    query: Option<&str>,
    arrival: Arrival,
    now: Now,
    view: Option<&SegmentationView>,
) -> Resolution {
    match leaf {
        Leaf::Manifest { form: Form::Mp4, .. } => Resolution::BadRequest(ShiftError::Both.into()),
        Leaf::Manifest { name, form } => match rules.asked_manifest(name, *form) {
            Some((_, form)) => manifest(rules, view, form),
            None => Resolution::NotFound(Missing::Unknown),
        },
        Leaf::Object { generation, .. } if *generation != rules.generation => {
            Resolution::NotFound(Missing::Unknown)
        }
        Leaf::Object { rendition, file, .. } => {
            let Some(view) = view else { return Resolution::NotFound(Missing::NotYet) };
            let carried = |list: &&RenditionView| rules.carries(view, list.rendition.id);
            let Some(list) = view.rendition_named(rendition).filter(carried) else {
                return Resolution::NotFound(Missing::Unknown);
            };
            let muxed = view.muxed(list.rendition.id).filter(|_| rules.muxed());
            let (list, muxed) = (muxed.unwrap_or(list), muxed.is_some());
            let ask = Ask { snapshot, rules, view, list, muxed, arrival, now };
            let own = rules.protocol.container();
            match *file {
                File::Playlist => ask.playlist(query),
                File::Init { period } if own == Container::Cmaf => ask.init(period),
                File::Segment { container, number } if own == container => ask.segment(number),
                File::Part { container, period, start } if own == container => {
                    ask.part(period, start)
                }
                File::Init { .. } | File::Segment { .. } | File::Part { .. } => {
                    Resolution::NotFound(Missing::Unknown)
                }
            }
        }
    }
}

fn manifest(rules: &EndpointRules, view: Option<&SegmentationView>, form: Form) -> Resolution {
    let hls = form == Form::M3u8 || form == Form::Bare && rules.protocol.has_hls();
    let kind = if hls { ViewKind::Multivariant } else { ViewKind::Mpd };
    if hls && !rules.protocol.has_hls() || !hls && !rules.protocol.has_dash() {
        return Resolution::NotFound(Missing::OtherProtocol);
    }
    let Some(view) = view else { return Resolution::Unavailable(NotNow::NoMedia) };
    let mut tracks = view.period.tracks.iter();
    if !view.period.tracks.is_empty() && !tracks.any(|track| rules.carries(view, track.rendition)) {
        return Resolution::Unavailable(NotNow::NothingFits);
    }
    if !view.can_be_shown(rules.muxed()) {
        return Resolution::Unavailable(NotNow::Starting);
    }
    Resolution::Manifest(View { kind, version: view.version, blocking: false, stale: false })
}

/// One request for a file of a rendition.
struct Ask<'a> {
    snapshot: &'a Snapshot,
    rules: &'a EndpointRules,
    view: &'a SegmentationView,
    list: &'a RenditionView,
    /// Whether the list is one of video together with its default audio.
    muxed: bool,
    arrival: Arrival,
    now: Now,
}

impl Ask<'_> {
    fn playlist(&self, query: Option<&str>) -> Resolution {
        if !self.rules.protocol.has_hls() {
            return Resolution::NotFound(Missing::OtherProtocol);
        }
        if !self.view.has_enough(self.list) {
            return Resolution::Unavailable(NotNow::Starting);
        }
        if !self.rules.protocol.low_latency() {
            return self.rendering(false, false, false);
        }
        let directives = match Directives::parse(query) {
            Ok(directives) => directives,
            Err(error) => return Resolution::BadRequest(error.into()),
        };
        // §6.2.5.1: directives mean nothing to a playlist that has ended.
        let Some(msn) = directives.msn.filter(|_| !self.rules.ended(self.snapshot)) else {
            return self.rendering(directives.skip, false, false);
        };
        match asked(self.list, self.view, msn, directives.part) {
            Err(error) => Resolution::BadRequest(error.into()),
            Ok(Asked::There) => self.rendering(directives.skip, true, false),
            Ok(Asked::Later) if self.waited_enough() => self.rendering(directives.skip, true, true),
            Ok(Asked::Later) => self.wait(),
        }
    }

    fn rendering(&self, skip: bool, blocking: bool, stale: bool) -> Resolution {
        let skip = skip && !self.rules.ended(self.snapshot);
        let kind = ViewKind::Media { rendition: self.list.rendition.id, skip };
        Resolution::Manifest(View { kind, version: self.list.version, blocking, stale })
    }

    fn init(&self, period: i64) -> Resolution {
        let id = self.list.rendition.id;
        match self.list.period(period).and_then(|p| p.track(id)) {
            Some(track) => self.object(vec![track.init.clone()], ObjectKind::Init),
            None => Resolution::NotFound(Missing::Unknown),
        }
    }

    fn object(&self, body: Vec<Bytes>, kind: ObjectKind) -> Resolution {
        let container = Container::Cmaf;
        Resolution::Object(Object { body, kind, media: self.list.rendition.kind, container })
    }

    fn list(&self) -> ListId {
        let (segmentation, rendition) = (self.rules.segmentation, self.list.rendition.id);
        ListId { segmentation, rendition, muxed: self.muxed }
    }

    fn derived(&self, name: DerivedName) -> Resolution {
        let ListId { segmentation, rendition, muxed } = self.list();
        Resolution::Derived(Derived { segmentation, rendition, muxed, name })
    }

    fn segment(&self, number: u64) -> Resolution {
        if let Some(segment) = self.list.segment(number) {
            if self.is_stored(segment) {
                return Resolution::NotFound(Missing::InArchive);
            }
            return match self.rules.protocol.container() {
                Container::Cmaf => self.object(segment.body(), ObjectKind::Segment),
                Container::TransportStream => self.derived(DerivedName::Segment(number)),
            };
        }
        let open = self.list.open.as_ref().filter(|open| open.number == number);
        let there = open.is_some_and(|open| !open.parts.is_empty());
        if there && self.rules.grows() && self.arrival.may_grow {
            let (on, media) = (self.list(), self.list.rendition.kind);
            return Resolution::Growing(Growing::new(on, media, number, self.view.target));
        }
        let first = self.list.rows.get(0).map(|row| row.number);
        let last = self.list.rows.last().map(|row| row.number);
        // The one that comes next is held, not refused: clients ask at the instant they compute. A
        // segment that is there from its first part on has another behind it.
        let next = self.list.next_number.or(last.map(|last| last + 1));
        let behind = u64::from(self.rules.grows());
        let expected = next.is_some_and(|next| (next..=next + behind).contains(&number));
        match (first, last) {
            _ if expected && !self.snapshot.ended => self.hold(),
            (Some(first), _) if number < first => Resolution::Gone,
            (_, Some(last)) if number <= last => Resolution::NotFound(Missing::Gap),
            _ => Resolution::NotFound(Missing::NotYet),
        }
    }

    /// Whether the archive answers for a row that is listed: after a restart the older ones are not in
    /// memory. A transport stream is made with the segment before it, which may have left.
    fn is_stored(&self, row: &Segment) -> bool {
        let before = row.number.checked_sub(1).and_then(|number| self.list.segment(number));
        let archived = self.rules.shift.is_some() || self.rules.beyond_memory;
        let made = self.rules.protocol.container() == Container::TransportStream && !row.first;
        row.is_stored() || made && before.map_or(archived, |before| before.is_stored())
    }

    fn part(&self, period: i64, start: i64) -> Resolution {
        if let Some(part) = self.list.part(period, start) {
            return match self.rules.protocol.container() {
                Container::Cmaf => self.object(part.body(), ObjectKind::Part),
                Container::TransportStream => self.derived(DerivedName::Part { period, start }),
            };
        }
        if self.list.next_part == Some((period, start)) && !self.snapshot.ended {
            return self.hold();
        }
        Resolution::NotFound(Missing::NotYet)
    }

    fn hold(&self) -> Resolution {
        if self.waited_enough() { Resolution::Unavailable(NotNow::TimedOut) } else { self.wait() }
    }

    fn deadline(&self) -> Monotonic {
        let target = MediaDuration::from_secs(i64::from(self.view.target));
        self.arrival.at.after(target.times(PATIENCE_TARGETS).to_std())
    }

    /// At the deadline, or as soon as the source is known to be lost.
    fn waited_enough(&self) -> bool {
        self.now.mono >= self.deadline() || self.snapshot.losses > self.arrival.losses
    }

    fn wait(&self) -> Resolution {
        Resolution::Wait { on: self.list(), deadline: self.deadline() }
    }
}

/// Renders what [`resolve`] found. `None` where the snapshot has no such list, which a view of the
/// same snapshot never meets.
#[must_use]
pub fn render(snapshot: &Snapshot, rules: &EndpointRules, kind: ViewKind) -> Option<Arc<str>> {
    let segmentation = snapshot.segmentations.get(&rules.segmentation)?;
    let text = match kind {
        ViewKind::Mpd => mpd(&rules.listing(snapshot, true), segmentation),
        ViewKind::Multivariant => multivariant(&rules.listing(snapshot, false), segmentation),
        ViewKind::Media { rendition, skip } => media(&MediaPlaylist {
            listing: rules.listing(snapshot, false),
            segmentation,
            list: match segmentation.muxed(rendition).filter(|_| rules.muxed()) {
                Some(list) => list,
                None => segmentation.rendition(rendition)?,
            },
            low_latency: rules.protocol.low_latency(),
            skip,
        }),
    };
    Some(text.into())
}
