//! MPDs of senders, read into what ingest needs of them (ISO/IEC 23009-1): which path is which
//! segment of which Representation, and what instant media time 0 stands for.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use thiserror::Error;

use super::path::{PATH_MAX, resolve};
use super::time::{duration, instant};
use crate::media::VariantName;
use crate::units::{MediaDuration, MediaTime, Timescale};

/// Most Representations taken of one MPD, over all Periods.
const REPRESENTATIONS_MAX: usize = 1_024;
/// Most segments taken of one SegmentList.
const LISTED_MAX: usize = 20_000;
/// Deepest elements read.
const DEPTH_MAX: usize = 32;

/// Why an MPD is none that can be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MpdError {
    /// Not well-formed.
    #[error("it is not well-formed XML: {0}")]
    Xml(String),
    /// Another document.
    #[error("its root is no MPD element")]
    NoMpd,
    /// Not text.
    #[error("it is not UTF-8")]
    NotText,
    /// More than is taken.
    #[error("it has more than {REPRESENTATIONS_MAX} Representations")]
    TooMany,
    /// Deeper than is read.
    #[error("its elements lie deeper than {DEPTH_MAX}")]
    Depth,
}

/// An MPD, read.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Mpd {
    /// `@type="static"`: the sender has ended.
    pub(super) ended: bool,
    /// `@availabilityStartTime`.
    pub(super) availability_start: Option<MediaTime>,
    /// In the order of the document; the Periods' starts are told.
    pub(super) representations: Vec<Representation>,
}

/// One Representation of one Period.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Representation {
    /// `@id`, as far as a rung's name can have it.
    pub(super) name: VariantName,
    /// `@lang` of its AdaptationSet.
    pub(super) language: Option<String>,
    pub(super) period_start: MediaDuration,
    pub(super) timescale: Timescale,
    /// Ticks of media time at which the Period begins.
    pub(super) presentation_time_offset: i64,
    /// The length of a segment where it is told.
    pub(super) segment: Option<MediaDuration>,
    /// Where its header is pushed to.
    pub(super) initialization: Option<String>,
    pub(super) media: Media,
}

/// How media segments are named; paths are whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Media {
    /// `SegmentTemplate@media`: what stands before and after `$Number$` or `$Time$`.
    Template { before: String, after: String, counts: Counts },
    /// `SegmentList`: each with its number.
    List { paths: Vec<String>, first: u64 },
    /// In no way that is read.
    Unknown,
}

/// What a template's variable counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counts {
    Segments,
    Ticks,
}

impl Representation {
    /// The number or time of the segment that is pushed to `path`.
    pub(super) fn position(&self, path: &str) -> Option<u64> {
        match &self.media {
            Media::Template { before, after, .. } => {
                let digits = path.strip_prefix(&**before)?.strip_suffix(&**after)?;
                let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
                plain.then(|| digits.parse().ok()).flatten()
            }
            Media::List { paths, first } => {
                let place = paths.iter().position(|listed| listed == path)?;
                Some(first.saturating_add(place as u64))
            }
            Media::Unknown => None,
        }
    }

    /// Whether positions count by one.
    pub(super) fn is_numbered(&self) -> bool {
        !matches!(self.media, Media::Template { counts: Counts::Ticks, .. })
    }
}

/// What the elements so far say, from the outermost to the one that is open.
#[derive(Clone, Debug, Default)]
struct Level {
    base: String,
    /// Whether `base` is this element's own.
    based: bool,
    language: Option<String>,
    bandwidth: String,
    id: String,
    media: Option<String>,
    initialization: Option<String>,
    timescale: Option<u32>,
    presentation_time_offset: Option<i64>,
    start_number: Option<u64>,
    duration: Option<i64>,
    /// Longest S@d.
    longest: Option<i64>,
    list: Vec<String>,
}

/// Reads an MPD that is pushed to `path`.
///
/// # Errors
/// Why it is none that can be used.
pub(super) fn read(text: &[u8], path: &str) -> Result<Mpd, MpdError> {
    let text = std::str::from_utf8(text).map_err(|_| MpdError::NotText)?;
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut reading = Reading { path: path.to_owned(), ..Reading::default() };
    loop {
        match reader.read_event().map_err(|error| MpdError::Xml(error.to_string()))? {
            Event::Start(element) => reading.open(&element)?,
            Event::Empty(element) => {
                reading.open(&element)?;
                reading.close()?;
            }
            Event::End(_) => reading.close()?,
            Event::Text(text) if reading.open.last().is_some_and(|name| name == "BaseURL") => {
                reading.base(&text.xml10_content());
            }
            Event::Eof => break,
            _ => {}
        }
    }
    if reading.seen { Ok(reading.mpd) } else { Err(MpdError::NoMpd) }
}

#[derive(Debug, Default)]
struct Reading {
    path: String,
    mpd: Mpd,
    seen: bool,
    open: Vec<String>,
    /// One for each of MPD, Period, AdaptationSet and Representation that is open.
    levels: Vec<Level>,
    period_start: Option<MediaDuration>,
    /// Where the Period ends, if that is told, and so where the next begins.
    period_end: Option<MediaDuration>,
}

impl Reading {
    fn open(&mut self, element: &BytesStart<'_>) -> Result<(), MpdError> {
        let name = element.local_name().as_ref().to_owned();
        if !self.seen && name != "MPD" {
            return Err(MpdError::NoMpd);
        }
        if self.open.len() == DEPTH_MAX {
            return Err(MpdError::Depth);
        }
        let attribute = |name: &str| {
            let found = element.try_get_attribute(name).ok().flatten()?;
            let value = found.normalized_value(XmlVersion::Implicit1_0).ok()?;
            (value.len() <= PATH_MAX).then(|| value.into_owned())
        };
        match &*name {
            "MPD" => {
                self.seen = true;
                self.mpd.ended = attribute("type").is_none_or(|kind| kind != "dynamic");
                let start = attribute("availabilityStartTime");
                self.mpd.availability_start = start.and_then(|text| instant(&text));
                self.levels.push(Level { base: self.path.clone(), ..Level::default() });
            }
            "Period" => {
                let told = attribute("start").and_then(|text| duration(&text));
                let start = told.or(self.period_end).unwrap_or(MediaDuration::ZERO);
                self.period_start = Some(start);
                let length = attribute("duration").and_then(|text| duration(&text));
                self.period_end = length.map(|length| start + length);
                self.deeper();
            }
            "AdaptationSet" => {
                self.deeper();
                if let (Some(level), Some(lang)) = (self.levels.last_mut(), attribute("lang")) {
                    level.language = Some(lang);
                }
            }
            "Representation" => {
                self.deeper();
                if let Some(level) = self.levels.last_mut() {
                    level.id = attribute("id").unwrap_or_default();
                    level.bandwidth = attribute("bandwidth").unwrap_or_default();
                }
            }
            "SegmentTemplate" | "SegmentList" => {
                if let Some(level) = self.levels.last_mut() {
                    level.addressing(attribute);
                }
            }
            "Initialization" => {
                if let (Some(level), Some(uri)) = (self.levels.last_mut(), attribute("sourceURL")) {
                    level.initialization = Some(uri);
                }
            }
            "SegmentURL" => {
                if let (Some(level), Some(uri)) = (self.levels.last_mut(), attribute("media"))
                    && level.list.len() < LISTED_MAX
                {
                    level.list.push(uri);
                }
            }
            "S" => {
                let length = attribute("d").and_then(|d| d.parse().ok());
                if let Some(level) = self.levels.last_mut() {
                    level.longest = level.longest.max(length);
                }
            }
            _ => {}
        }
        self.open.push(name);
        Ok(())
    }

    fn deeper(&mut self) {
        let outer = self.levels.last().cloned().unwrap_or_default();
        self.levels.push(Level { list: Vec::new(), based: false, ..outer });
    }

    fn base(&mut self, text: &str) {
        let Some(level) = self.levels.last_mut() else { return };
        let base = resolve(&level.base, text.trim());
        // Those after the first are other places of the same.
        if !level.based && base.len() <= PATH_MAX {
            level.base = base;
            level.based = true;
        }
    }

    fn close(&mut self) -> Result<(), MpdError> {
        let Some(name) = self.open.pop() else { return Ok(()) };
        if !matches!(&*name, "MPD" | "Period" | "AdaptationSet" | "Representation") {
            return Ok(());
        }
        let Some(level) = self.levels.pop() else { return Ok(()) };
        if name == "Representation" {
            if self.mpd.representations.len() == REPRESENTATIONS_MAX {
                return Err(MpdError::TooMany);
            }
            let start = self.period_start.unwrap_or(MediaDuration::ZERO);
            self.mpd.representations.push(level.representation(start));
        }
        Ok(())
    }
}

impl Level {
    /// Attributes of `SegmentTemplate` or `SegmentList`, over those inherited.
    fn addressing(&mut self, attribute: impl Fn(&str) -> Option<String>) {
        self.media = attribute("media").or(self.media.take());
        self.initialization = attribute("initialization").or(self.initialization.take());
        let number = |name: &str| attribute(name).and_then(|text| text.parse::<i64>().ok());
        self.timescale = number("timescale").and_then(|n| u32::try_from(n).ok()).or(self.timescale);
        self.presentation_time_offset =
            number("presentationTimeOffset").or(self.presentation_time_offset);
        self.start_number =
            number("startNumber").and_then(|n| u64::try_from(n).ok()).or(self.start_number);
        self.duration = number("duration").or(self.duration);
    }

    fn representation(self, period_start: MediaDuration) -> Representation {
        let one = Timescale::new(1).unwrap_or(Timescale::MILLIS);
        let timescale = self.timescale.and_then(Timescale::new).unwrap_or(one);
        let media = if self.list.is_empty() {
            self.media.as_deref().map_or(Media::Unknown, |media| self.template(media))
        } else {
            let paths = self.list.iter().map(|uri| resolve(&self.base, uri)).collect();
            Media::List { paths, first: self.start_number.unwrap_or(1) }
        };
        let initialization = self.initialization.as_deref().map(|template| {
            let pieces = self.fill(template);
            resolve(&self.base, &pieces.into_iter().map(|p| p.0).collect::<String>())
        });
        Representation {
            name: VariantName::of(&self.id),
            segment: self.longest.or(self.duration).map(|d| MediaDuration::new(d, timescale)),
            language: self.language,
            period_start,
            timescale,
            presentation_time_offset: self.presentation_time_offset.unwrap_or(0),
            initialization,
            media,
        }
    }

    fn template(&self, media: &str) -> Media {
        let pieces = self.fill(media);
        let mut variable = pieces.iter().enumerate().filter_map(|(at, p)| Some((at, p.1?)));
        let (Some((at, counts)), None) = (variable.next(), variable.next()) else {
            return Media::Unknown;
        };
        let joined = |pieces: &[(String, Option<Counts>)]| {
            pieces.iter().map(|piece| piece.0.as_str()).collect::<String>()
        };
        // Resolved with a digit in its place, for the variable is part of a path.
        let (before, after) = (joined(&pieces[..at]), joined(&pieces[at + 1..]));
        let whole = resolve(&self.base, &format!("{before}0{after}"));
        let after = after.split(['?', '#']).next().unwrap_or_default().to_owned();
        match whole.strip_suffix(&format!("0{after}")) {
            Some(before) => Media::Template { before: before.to_owned(), after, counts },
            None => Media::Unknown,
        }
    }

    /// A template cut at its identifiers, those that are known filled in (ISO/IEC 23009-1
    /// §5.3.9.4.4).
    fn fill(&self, template: &str) -> Vec<(String, Option<Counts>)> {
        let mut pieces = Vec::new();
        for (at, piece) in template.split('$').enumerate() {
            let identifier = piece.split('%').next().unwrap_or(piece);
            pieces.push(match (at % 2, identifier) {
                (0, _) => (piece.to_owned(), None),
                (_, "") => ("$".to_owned(), None),
                (_, "RepresentationID") => (self.id.clone(), None),
                (_, "Bandwidth") => (self.bandwidth.clone(), None),
                (_, "Number") => (String::new(), Some(Counts::Segments)),
                (_, "Time") => (String::new(), Some(Counts::Ticks)),
                _ => (format!("${piece}$"), None),
            });
        }
        pieces
    }
}

/// What a fuzzer drives. Must return, whatever the bytes are.
#[doc(hidden)]
pub fn fuzz_mpd(data: &[u8]) {
    if let Ok(mpd) = read(data, "folder/manifest.mpd") {
        for representation in &mpd.representations {
            let _ = representation.position("folder/chunk-stream0-00001.m4s");
        }
    }
}

#[cfg(test)]
mod tests;
