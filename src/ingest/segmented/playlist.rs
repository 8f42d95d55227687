//! HLS playlists of senders and of origins that are pulled, read into what ingest needs of them
//! (RFC 8216bis). URIs stay as they stand; what they are relative to is decided elsewhere.

use quick_m3u8::config::{ParsingOptions, ParsingOptionsBuilder};
use quick_m3u8::tag::KnownTag;
use quick_m3u8::tag::hls::{EnumeratedString, MediaType, Method, Tag};
use quick_m3u8::{HlsLine, Reader};
use thiserror::Error;

use super::time::instant;
use crate::units::MediaTime;

/// Longest playlist or MPD read.
pub(in crate::ingest) const TEXT_MAX: usize = 2 << 20;
/// Most segments, parts, variants and renditions taken of one playlist.
const ENTRIES_MAX: usize = 20_000;

/// Why a playlist is none.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlaylistError {
    /// The first line is not `#EXTM3U`.
    #[error("it does not begin with #EXTM3U")]
    NoPlaylist,
    /// More entries than are taken.
    #[error("it lists more than {ENTRIES_MAX} entries")]
    TooMany,
    /// The segments are encrypted.
    #[error("its segments are encrypted ({method}); push them in the clear")]
    Encrypted {
        /// METHOD of EXT-X-KEY.
        method: String,
    },
    /// Not text.
    #[error("it is not UTF-8")]
    NotText,
}

/// A playlist, read.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::ingest) enum Playlist {
    Multivariant(Multivariant),
    Media(MediaPlaylist),
}

/// What a multivariant playlist lists.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::ingest) struct Multivariant {
    pub(in crate::ingest) variants: Vec<Variant>,
    pub(in crate::ingest) renditions: Vec<Rendition>,
}

/// EXT-X-STREAM-INF and the URI after it.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::ingest) struct Variant {
    pub(in crate::ingest) uri: String,
    pub(in crate::ingest) bandwidth: u64,
}

/// EXT-X-MEDIA of TYPE=AUDIO or VIDEO.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::ingest) struct Rendition {
    /// Nothing where its media is in the variants.
    pub(in crate::ingest) uri: Option<String>,
    /// RFC 5646, where it is told.
    pub(in crate::ingest) language: Option<String>,
}

/// A media playlist.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::ingest) struct MediaPlaylist {
    /// Seconds; 0 where it is not told.
    pub(in crate::ingest) target_duration: u64,
    /// Milliseconds of EXT-X-PART-INF.
    pub(in crate::ingest) part_target_ms: Option<i64>,
    /// Whether requests may wait for what is not there yet.
    pub(in crate::ingest) can_block: bool,
    /// The first segment's number; that of the first skipped one in a delta update.
    pub(in crate::ingest) media_sequence: u64,
    /// Segments left out by EXT-X-SKIP.
    pub(in crate::ingest) skipped: u64,
    pub(in crate::ingest) segments: Vec<Segment>,
    /// Parts after the last segment, in order, and what stands before them.
    pub(in crate::ingest) parts: Vec<Part>,
    pub(in crate::ingest) open_discontinuity: bool,
    pub(in crate::ingest) open_date: Option<MediaTime>,
    pub(in crate::ingest) open_map: Option<Map>,
    pub(in crate::ingest) ended: bool,
    /// Whether it lists I-frames only.
    pub(in crate::ingest) i_frames_only: bool,
}

/// One segment.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::ingest) struct Segment {
    pub(in crate::ingest) number: u64,
    pub(in crate::ingest) uri: String,
    pub(in crate::ingest) duration_ms: i64,
    pub(in crate::ingest) discontinuity: bool,
    pub(in crate::ingest) gap: bool,
    pub(in crate::ingest) program_date_time: Option<MediaTime>,
    pub(in crate::ingest) range: Option<Range>,
    /// EXT-X-MAP in force.
    pub(in crate::ingest) map: Option<Map>,
    /// The parts it was listed by.
    pub(in crate::ingest) parts: Vec<Part>,
}

/// Bytes of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::ingest) struct Range {
    pub(in crate::ingest) start: u64,
    pub(in crate::ingest) length: u64,
}

/// EXT-X-MAP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ingest) struct Map {
    pub(in crate::ingest) uri: String,
    pub(in crate::ingest) range: Option<Range>,
}

/// EXT-X-PART.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ingest) struct Part {
    pub(in crate::ingest) uri: String,
    pub(in crate::ingest) duration_ms: i64,
    pub(in crate::ingest) range: Option<Range>,
    pub(in crate::ingest) gap: bool,
}

/// Reads a playlist. Lines nobody knows are passed over.
///
/// # Errors
/// Why it is none that can be used.
pub(in crate::ingest) fn read(text: &[u8]) -> Result<Playlist, PlaylistError> {
    let text = std::str::from_utf8(text).map_err(|_| PlaylistError::NotText)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader::from_str(text, options());
    let mut reading = Reading::default();
    let mut number = 0;
    loop {
        number += 1;
        let line = match reader.read_line() {
            Ok(Some(line)) => line,
            Ok(None) => break,
            // A line that breaks the syntax says nothing.
            Err(_) => continue,
        };
        match line {
            HlsLine::KnownTag(KnownTag::Hls(tag)) => reading.tag(&tag, number)?,
            HlsLine::Uri(uri) => reading.uri(uri.trim()),
            HlsLine::UnknownTag(tag) if tag.name() == DATE => reading.date(tag.value()),
            _ => {}
        }
        if number == 1 && !reading.begun {
            return Err(PlaylistError::NoPlaylist);
        }
        if reading.entries > ENTRIES_MAX {
            return Err(PlaylistError::TooMany);
        }
    }
    if !reading.begun {
        return Err(PlaylistError::NoPlaylist);
    }
    Ok(reading.finish())
}

/// All tags but this one: encoders write offsets without a colon, which the crate does not take.
const DATE: &str = "-X-PROGRAM-DATE-TIME";

fn options() -> ParsingOptions {
    let mut options = ParsingOptionsBuilder::new();
    options.with_parsing_for_all_tags().without_parsing_for_program_date_time();
    options.build()
}

/// A playlist so far.
#[derive(Debug, Default)]
struct Reading {
    begun: bool,
    entries: usize,
    multivariant: Multivariant,
    media: MediaPlaylist,
    /// BANDWIDTH of the variant whose URI comes next.
    variant: Option<u64>,
    next: Next,
    map: Option<Map>,
    /// Where the bytes of a range without an offset begin, and of what.
    after: Option<(String, u64)>,
    parts_after: Option<(String, u64)>,
    is_media: bool,
}

/// What the tags before a URI say of it.
#[derive(Debug, Default)]
struct Next {
    duration: Option<f64>,
    discontinuity: bool,
    gap: bool,
    program_date_time: Option<MediaTime>,
    range: Option<(u64, Option<u64>)>,
    parts: Vec<Part>,
}

impl Reading {
    fn tag(&mut self, tag: &Tag<'_>, line: usize) -> Result<(), PlaylistError> {
        match tag {
            Tag::M3u(_) => self.begun |= line == 1,
            Tag::StreamInf(variant) => self.variant = Some(variant.bandwidth()),
            Tag::Media(media) => {
                let kind = media.media_type();
                let carried = [MediaType::Audio, MediaType::Video].map(EnumeratedString::Known);
                if carried.contains(&kind) {
                    self.entries += 1;
                    let uri = media.uri().map(str::to_owned);
                    let language = media.language().map(str::to_owned);
                    self.multivariant.renditions.push(Rendition { uri, language });
                }
            }
            Tag::Targetduration(target) => {
                self.is_media = true;
                self.media.target_duration = target.target_duration();
            }
            Tag::MediaSequence(sequence) => {
                self.is_media = true;
                self.media.media_sequence = sequence.media_sequence();
            }
            Tag::PartInf(parts) => self.media.part_target_ms = Some(millis(parts.part_target())),
            Tag::ServerControl(control) => self.media.can_block = control.can_block_reload(),
            Tag::Skip(skip) => self.media.skipped = skip.skipped_segments(),
            Tag::IFramesOnly(_) => self.media.i_frames_only = true,
            Tag::Endlist(_) => {
                self.is_media = true;
                self.media.ended = true;
            }
            Tag::Key(key) => {
                let method = key.method();
                if method != EnumeratedString::Known(Method::None) {
                    return Err(PlaylistError::Encrypted { method: method.to_string() });
                }
            }
            Tag::Map(map) => {
                let range = map
                    .byterange()
                    .map(|range| Range { start: range.offset, length: range.length });
                self.map = Some(Map { uri: map.uri().to_owned(), range });
            }
            Tag::Inf(inf) => {
                self.is_media = true;
                self.next.duration = Some(inf.duration());
            }
            Tag::Discontinuity(_) => self.next.discontinuity = true,
            Tag::Gap(_) => self.next.gap = true,
            Tag::Byterange(range) => self.next.range = Some((range.length(), range.offset())),
            Tag::Part(part) => {
                self.entries += 1;
                let range = part.byterange().map(|range| (range.length, range.offset));
                let range = ranged(&mut self.parts_after, part.uri(), range);
                self.next.parts.push(Part {
                    uri: part.uri().to_owned(),
                    duration_ms: millis(part.duration()),
                    range,
                    gap: part.gap(),
                });
            }
            _ => {}
        }
        Ok(())
    }

    fn date(&mut self, value: Option<quick_m3u8::tag::TagValue<'_>>) {
        let text = value.and_then(|value| std::str::from_utf8(value.0).ok());
        self.next.program_date_time = text.and_then(|text| instant(text.trim()));
    }

    fn uri(&mut self, uri: &str) {
        self.entries += 1;
        if let Some(bandwidth) = self.variant.take() {
            self.multivariant.variants.push(Variant { uri: uri.to_owned(), bandwidth });
            return;
        }
        let next = std::mem::take(&mut self.next);
        let place = self.media.segments.len() as u64;
        self.media.segments.push(Segment {
            number: self.media.media_sequence.saturating_add(self.media.skipped + place),
            range: ranged(&mut self.after, uri, next.range),
            uri: uri.to_owned(),
            duration_ms: millis(next.duration.unwrap_or(0.0)),
            discontinuity: next.discontinuity,
            gap: next.gap,
            program_date_time: next.program_date_time,
            map: self.map.clone(),
            parts: next.parts,
        });
    }

    fn finish(mut self) -> Playlist {
        if !self.is_media && !self.multivariant.variants.is_empty() {
            return Playlist::Multivariant(self.multivariant);
        }
        self.media.parts = self.next.parts;
        self.media.open_discontinuity = self.next.discontinuity;
        self.media.open_date = self.next.program_date_time;
        self.media.open_map = self.map;
        Playlist::Media(self.media)
    }
}

/// A range whose offset, where it is not told, is the end of the one before of the same resource.
fn ranged(
    after: &mut Option<(String, u64)>,
    uri: &str,
    range: Option<(u64, Option<u64>)>,
) -> Option<Range> {
    let (length, offset) = range?;
    let follows = after.as_ref().filter(|(last, _)| last == uri).map_or(0, |(_, end)| *end);
    let start = offset.unwrap_or(follows);
    *after = Some((uri.to_owned(), start.saturating_add(length)));
    Some(Range { start, length })
}

/// Decimal seconds as milliseconds; what is no duration is none.
fn millis(seconds: f64) -> i64 {
    if seconds.is_finite() { (seconds.clamp(0.0, 1e9) * 1000.0).round() as i64 } else { 0 }
}

/// What a fuzzer drives. Must return, whatever the bytes are.
#[doc(hidden)]
pub fn fuzz_playlist(data: &[u8]) {
    let _ = read(data);
}

#[cfg(test)]
mod tests;
