//! Requests for the past: which stretch of which list they ask for.

use std::sync::Arc;

use super::absence::{Missing, NotNow};
use super::protocol::Container;
use super::request::{File, Form, Leaf};
use super::resolution::{BadRequest, Resolution};
use super::rules::EndpointRules;
use super::shift::{Nothing, Reach, Shift, ShiftError, ShiftRules, Span};
use crate::manifest::dash::mpd;
use crate::manifest::hls::{MediaPlaylist, media, multivariant};
use crate::manifest::{Past, PastKind};
use crate::packager::{PastLists, Segment, SegmentationView, past};
use crate::units::{MediaDuration, MediaTime, Now};

/// The parameter by which links carry a time-shift query on.
const TOKEN: &str = "shift";
/// How long a list waits for media to reach its end before it ends without.
const PATIENCE_MS: i64 = 30_000;
/// The longest file: its tables are held in memory while it is sent.
const EXPORT_LONGEST_MS: i64 = 6 * 3_600_000;
/// A list of a stretch shows all of it.
const ALL: MediaDuration = MediaDuration::from_secs(10 * 366 * 86_400);

/// A manifest of the past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastView {
    /// What is shown.
    pub what: PastManifest,
    /// The wish, as links carry it on.
    pub shift: Shift,
    /// What it comes to now.
    pub span: Span,
    /// Now, Unix milliseconds.
    pub now: i64,
}

/// Which manifest of the past.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PastManifest {
    /// The MPD; its name, for the link to itself.
    Mpd(String),
    /// The multivariant playlist.
    Multivariant,
    /// The media playlist of a rendition of this name.
    Media(String),
}

/// An object that has left memory, if it ever was there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archived {
    /// Its rendition's name.
    pub rendition: String,
    /// Which.
    pub file: ArchivedFile,
}

/// Which object of a rendition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchivedFile {
    /// The segment of this number.
    Segment(u64),
    /// The initialization segment of the Period of this id.
    Init(i64),
}

/// A manifest of the past as text.
#[derive(Clone, Debug)]
pub struct PastText {
    /// The text.
    pub text: Arc<str>,
    /// Whether nothing will be added.
    pub ended: bool,
    /// The list's target duration.
    pub target: MediaDuration,
}

/// Why there is no manifest of the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPast {
    /// Nothing is kept of it.
    Missing(Missing),
    /// What is kept cannot be shown.
    NotNow(NotNow),
}

/// What a query asks of the past, if it does.
pub(super) fn asked(
    rules: &EndpointRules,
    leaf: &Leaf<'_>,
    query: Option<&str>,
    now: Now,
) -> Option<Resolution> {
    let wish = match wish(rules, leaf, query) {
        Ok(wish) => wish?,
        Err(error) => return Some(Resolution::BadRequest(BadRequest::Shift(error))),
    };
    if let Leaf::Manifest { form: Form::Mp4, .. } = leaf {
        return Some(export(rules, &wish, now.wall.millis()));
    }
    let what = match leaf {
        Leaf::Manifest { name, form } => {
            let Some((_, form)) = rules.asked_manifest(name, *form) else {
                return Some(Resolution::NotFound(Missing::Unknown));
            };
            match rules.is_hls(form) {
                Some(true) => PastManifest::Multivariant,
                Some(false) => PastManifest::Mpd(leaf.file_name().unwrap_or_default()),
                None => return Some(Resolution::NotFound(Missing::OtherProtocol)),
            }
        }
        Leaf::Object { rendition, .. } => PastManifest::Media((*rendition).to_owned()),
    };
    let Some(allowed) = rules.shift else {
        return Some(Resolution::BadRequest(BadRequest::Shift(ShiftError::Off)));
    };
    let now = now.wall.millis();
    Some(match wish.span(&allowed, now) {
        Ok(span) => {
            let grows = !matches!(span.reach, Reach::Window { .. })
                && (wish.grows || wish.end.is_none_or(|end| end > now - PATIENCE_MS));
            let shift = Shift { grows, ..wish };
            Resolution::Past(PastView { what, shift, span, now })
        }
        Err(Nothing::Wrong(error)) => Resolution::BadRequest(BadRequest::Shift(error)),
        Err(Nothing::Missing(missing)) => Resolution::NotFound(missing),
    })
}

/// A stretch as a file: both ends are past, as a file cannot grow.
fn export(rules: &EndpointRules, wish: &Shift, now: i64) -> Resolution {
    let wrong = |error: ShiftError| Resolution::BadRequest(error.into());
    let Some(allowed) = rules.shift else { return wrong(ShiftError::Off) };
    let (Some(_), Some(end), None) = (wish.start, wish.end, wish.delay) else {
        return wrong(ShiftError::Both);
    };
    if end > now {
        return Resolution::NotFound(Missing::Future);
    }
    let longest = allowed.longest.min(EXPORT_LONGEST_MS);
    match wish.span(&ShiftRules { longest, ..allowed }, now) {
        Ok(span) => Resolution::Export { from: span.from, to: span.to },
        Err(Nothing::Wrong(error)) => wrong(error),
        Err(Nothing::Missing(missing)) => Resolution::NotFound(missing),
    }
}

/// The wish of a request: by a token on what links lead to, in a dialect on what people write.
fn wish(
    rules: &EndpointRules,
    leaf: &Leaf<'_>,
    query: Option<&str>,
) -> Result<Option<Shift>, ShiftError> {
    let plain = Shift::parse(query, &rules.shift_names)?;
    let pairs = query.unwrap_or("").split('&').filter_map(|pair| pair.split_once('='));
    let token = pairs.filter(|(name, _)| *name == TOKEN).map(|(_, value)| value).next();
    let list = matches!(leaf, Leaf::Manifest { .. } | Leaf::Object { file: File::Playlist, .. });
    match (token, plain) {
        (_, Some(_)) if !matches!(leaf, Leaf::Manifest { .. }) => Err(ShiftError::Elsewhere),
        (Some(_), None) if !list => Err(ShiftError::Elsewhere),
        (Some(_), Some(_)) => Err(ShiftError::Twice(TOKEN.to_owned())),
        (Some(token), None) => {
            let refused = || ShiftError::Value {
                name: TOKEN.to_owned(),
                value: token.chars().take(64).collect(),
                allowed: "what a multivariant playlist or an MPD links to",
            };
            Shift::from_token(token).map(Some).ok_or_else(refused)
        }
        (None, plain) => Ok(plain),
    }
}

impl PastView {
    /// What may be listed of the archive: from when up to when, Unix milliseconds.
    #[must_use]
    pub fn stretch(&self, rules: &EndpointRules) -> (i64, i64) {
        let to = self.span.to.min(self.now + PATIENCE_MS);
        let Reach::Window { span, .. } = self.span.reach else { return (self.span.from, to) };
        // Segments may be longer than asked, and gaps count for nothing.
        let counted = i64::from(rules.segments.max(4)) * i64::from(rules.segmentation.segment_ms);
        let window = rules.hls_window.max(rules.dash_window).floor_millis();
        let reach = span.unwrap_or(window).max(counted * 2) * 2 + 120_000;
        ((to - reach).max(self.span.from), to)
    }

    fn listed(&self, row: &Segment) -> bool {
        let to = MediaTime::from_millis(self.span.to);
        match self.span.reach {
            Reach::Window { .. } => row.end_time() <= to,
            Reach::Growing => true,
            Reach::Until(_) => row.start_time() < to,
        }
    }
}

/// Renders a manifest of the past from what the archive has `stored` of it and what is live.
///
/// # Errors
/// Where there is nothing of it.
pub fn render_past(
    rules: &EndpointRules,
    view: &PastView,
    stored: PastLists,
    live: Option<&SegmentationView>,
) -> Result<PastText, NoPast> {
    let from = MediaTime::from_millis(view.span.from);
    let rows = past(rules.segmentation, stored, live, from, |row| view.listed(row));
    let nothing = || NoPast::Missing(Missing::NotKept);
    let segmentation = rows.ok_or_else(nothing)?;
    let ended = view.ended(&segmentation);
    let kind = match view.span.reach {
        Reach::Window { delay, .. } => PastKind::Window { delay },
        _ if view.shift.grows => PastKind::Growing,
        _ => PastKind::Whole,
    };
    let token = view.shift.token();
    let (dash, location) = match &view.what {
        PastManifest::Mpd(name) => {
            let selected = rules.selected.as_ref().map(|key| format!("&{key}"));
            (true, format!("{name}?{TOKEN}={token}{}", selected.unwrap_or_default()))
        }
        _ => (false, String::new()),
    };
    let past = Past { token: &token, kind, location: &location };
    let mut listing = rules.listing_of(ended || kind == PastKind::Whole, dash);
    listing.past = Some(past);
    if let Reach::Window { span, .. } = view.span.reach {
        listing.window = span.map_or(listing.window, MediaDuration::from_millis);
    } else {
        (listing.segments, listing.window) = (u32::MAX, ALL);
    }
    let muxed = rules.muxed();
    let text = match &view.what {
        PastManifest::Mpd(_) => mpd(&listing, &segmentation),
        PastManifest::Multivariant => {
            let mut tracks = segmentation.period.tracks.iter();
            if !tracks.any(|track| rules.carries(&segmentation, track.rendition)) {
                return Err(NoPast::NotNow(NotNow::NothingFits));
            }
            multivariant(&listing, &segmentation)
        }
        PastManifest::Media(name) => {
            let list = segmentation.rendition_named(name).ok_or_else(nothing)?;
            let list = segmentation.muxed(list.rendition.id).filter(|_| muxed).unwrap_or(list);
            let segmentation = &segmentation;
            media(&MediaPlaylist { listing, segmentation, list, low_latency: false, skip: false })
        }
    };
    let target = MediaDuration::from_secs(i64::from(segmentation.target));
    Ok(PastText { text: text.into(), ended: listing.ended, target })
}

impl PastView {
    /// Whether nothing will be added: media has come to the end, or will not come any more.
    fn ended(&self, segmentation: &SegmentationView) -> bool {
        let Reach::Until(end) = self.span.reach else { return false };
        let end_time = MediaTime::from_millis(end);
        let come = |name: &crate::packager::RenditionView| {
            name.rows.last().is_some_and(|row| row.end_time() >= end_time)
        };
        self.now >= end + PATIENCE_MS || segmentation.current().all(come)
    }
}

/// What the archive may have of an endpoint; of one that has no past it has what is `listed`.
pub(super) fn archived(
    rules: &EndpointRules,
    rendition: &str,
    file: &File,
    listed: bool,
) -> Option<Archived> {
    if rules.shift.is_none() && !rules.beyond_memory && !listed {
        return None;
    }
    let own = rules.protocol.container();
    let file = match *file {
        File::Segment { container, number } if container == own => ArchivedFile::Segment(number),
        File::Init { period } if own == Container::Cmaf => ArchivedFile::Init(period),
        _ => return None,
    };
    Some(Archived { rendition: rendition.to_owned(), file })
}
