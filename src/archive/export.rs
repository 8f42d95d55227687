//! A stretch of the past as one MP4: its tables made from the reels' `moof` boxes, its media read from
//! them when it is sent.

use std::io;

use bytes::Bytes;

use super::page::Page;
use super::place::{Place, Reader};
use super::record::Record;
use super::shelf::Shelf;
use crate::isobmff::{MovieRun, MovieSample, MovieTrack, movie, parse_moof};
use crate::media::{Codec, MediaKind};
use crate::packager::{Lineage, Rendition};
use crate::units::{MediaDuration, MediaTime, Timescale};

/// A `moof` is rarely longer.
const MOOF: usize = 8 << 10;
/// Bytes read at once.
const READ: u64 = 1 << 20;

/// A file that is made while it is sent.
#[derive(Debug)]
pub struct Export {
    header: Bytes,
    pieces: Vec<Piece>,
    length: u64,
}

/// Bytes of a reel, and where they lie in the file.
#[derive(Clone, Debug)]
struct Piece {
    place: Place,
    offset: u64,
    length: u64,
    at: u64,
}

/// A track of an export in the making.
struct Track {
    movie: MovieTrack,
    /// Of each run, where its bytes lie.
    pieces: Vec<Piece>,
}

impl Export {
    /// Bytes of the file.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// CRC-32 of its tables, which say where every sample lies, how long it is and when it is shown.
    #[must_use]
    pub fn checksum(&self) -> u32 {
        crc32fast::hash(&self.header)
    }

    /// Some of its bytes from `at` on, before `end`; empty at its end.
    ///
    /// # Errors
    /// Where a reel cannot be read, or has left.
    pub fn read(&self, at: u64, end: u64) -> io::Result<Bytes> {
        let header = self.header.len() as u64;
        if at < header {
            // Both lie within the header.
            return Ok(self.header.slice(at as usize..end.min(header) as usize));
        }
        let next = self.pieces.partition_point(|piece| piece.at + piece.length <= at);
        let Some(piece) = self.pieces.get(next) else { return Ok(Bytes::new()) };
        let skip = at - piece.at;
        let length = (piece.length - skip).min(READ).min(end.saturating_sub(at));
        let length = usize::try_from(length).unwrap_or(0);
        piece.place.read_at(piece.offset + skip, length)
    }
}

impl Shelf {
    /// What segments from `from` up to `to` (Unix milliseconds) hold of the renditions that `choose`
    /// picks, as one MP4 that begins with the first picture; `None` where there is nothing.
    ///
    /// # Errors
    /// Where reels cannot be read.
    pub fn export(
        &self,
        of: &Lineage,
        (from, to): (i64, i64),
        choose: impl FnOnce(&[Rendition]) -> Vec<String>,
    ) -> io::Result<Option<Export>> {
        let stretches = self.rows(of, (from, to), None)?;
        let known: Vec<Rendition> = stretches.values().map(|s| s.rendition.clone()).collect();
        let mut tracks = Vec::new();
        for name in choose(&known) {
            let Some(stretch) = stretches.get(&name) else { continue };
            let mut spans: Vec<(i64, i64, i64)> = Vec::new();
            for row in stretch.rows.iter().filter(|row| !row.is_gap()) {
                let end = row.start + row.duration;
                match spans.last_mut() {
                    Some((period, _, last)) if *period == row.period.id && *last == row.start => {
                        *last = end;
                    }
                    _ => spans.push((row.period.id, row.start, end)),
                }
            }
            tracks.extend(self.track(&name, (from, to), &spans)?);
        }
        Ok(lay_out(tracks))
    }

    fn track(
        &self,
        name: &str,
        (from, to): (i64, i64),
        spans: &[(i64, i64, i64)],
    ) -> io::Result<Option<Track>> {
        let mut track: Option<Track> = None;
        let mut last_chunk = None;
        // A segment's first chunks may lie in the reel before the one that lists it.
        for page in self.pages_of(name, from - 60_000, to)? {
            let Some(own) = page.told().period.track(page.told().rendition) else { continue };
            let track = track.get_or_insert_with(|| Track {
                movie: MovieTrack {
                    codecs: Vec::new(),
                    timescale: own.timescale,
                    language: own.language,
                    runs: Vec::new(),
                },
                pieces: Vec::new(),
            });
            let codec = place_of(&own.codec, &mut track.movie.codecs);
            let scale = (own.timescale, track.movie.timescale);
            let mut reel = Reel { page: &page, reader: page.place().reader() };
            for record in page.records() {
                let Record::Chunk { offset, length, start, .. } = record else { continue };
                let of = spans.iter().any(|(period, from, to)| {
                    *period == page.told().period.id && (*from..*to).contains(start)
                });
                if !of || last_chunk >= Some((page.told().period.ordinal, *start)) {
                    continue;
                }
                last_chunk = Some((page.told().period.ordinal, *start));
                let (samples, piece) = reel.chunk(*offset, *length, scale)?;
                let start = MediaTime::new(*start, scale.0).rescale(scale.1).ticks();
                if !samples.is_empty() {
                    track.movie.runs.push(MovieRun { codec, start, at: 0, samples });
                    track.pieces.push(piece);
                }
            }
        }
        Ok(track.filter(|track| !track.movie.runs.is_empty()))
    }
}

fn place_of(codec: &Codec, codecs: &mut Vec<Codec>) -> usize {
    if let Some(known) = codecs.iter().position(|known| known == codec) {
        return known;
    }
    codecs.push(codec.clone());
    codecs.len() - 1
}

struct Reel<'a> {
    page: &'a Page,
    reader: Reader,
}

impl Reel<'_> {
    /// The samples of a chunk, in another timescale where the track's first one had another.
    fn chunk(
        &mut self,
        offset: u64,
        length: u32,
        (own, scale): (Timescale, Timescale),
    ) -> io::Result<(Vec<MovieSample>, Piece)> {
        let damaged = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
        let mut head = self.reader.read_at(offset, MOOF.min(length as usize))?;
        let size = head.first_chunk().map_or(0, |size| u32::from_be_bytes(*size)) as usize;
        if size > head.len() && size <= length as usize {
            head = self.reader.read_at(offset, size)?;
        }
        head.truncate(size.min(head.len()));
        let chunk =
            parse_moof(&head, length as usize).map_err(|error| damaged(error.to_string()))?;
        let (Some(first), Some(last)) = (chunk.samples.first(), chunk.samples.last()) else {
            return Err(damaged(format!(
                "a chunk of {} has no samples",
                self.page.place().path().display()
            )));
        };
        let ticks = |ticks: i64| MediaDuration::new(ticks, own).rescale(scale).ticks();
        let samples = chunk.samples.iter().map(|sample| MovieSample {
            duration: u32::try_from(ticks(i64::from(sample.duration))).unwrap_or(1),
            size: u32::try_from(sample.data.len()).unwrap_or(0),
            composition_offset: i32::try_from(ticks(i64::from(sample.composition_offset)))
                .unwrap_or(0),
            sync: sample.sync(),
        });
        let (begin, end) = (first.data.start as u64, last.data.end as u64);
        let place = self.page.place().clone();
        let piece = Piece { place, offset: offset + begin, length: end - begin, at: 0 };
        Ok((samples.collect(), piece))
    }
}

/// Lays the runs of all tracks one behind the other in the order of their times.
fn lay_out(mut tracks: Vec<Track>) -> Option<Export> {
    let mut order: Vec<(MediaTime, usize, usize)> = Vec::new();
    for (index, track) in tracks.iter().enumerate() {
        let scale = track.movie.timescale;
        let starts = track.movie.runs.iter().map(|run| MediaTime::new(run.start, scale));
        order.extend(starts.enumerate().map(|(run, start)| (start, index, run)));
    }
    order.sort();
    let mut payload = 0;
    let mut pieces = Vec::with_capacity(order.len());
    for (_, index, run) in order {
        let track = &mut tracks[index];
        let piece = Piece { at: payload, ..track.pieces[run].clone() };
        track.movie.runs[run].at = payload;
        payload += piece.length;
        pieces.push(piece);
    }
    let begins = |track: &Track| {
        let first = track.movie.runs.first()?;
        let shift = first.samples.first()?.composition_offset;
        Some(MediaTime::new(first.start + i64::from(shift), track.movie.timescale))
    };
    let video = |track: &&Track| {
        track.movie.codecs.first().is_some_and(|codec| codec.kind() == MediaKind::Video)
    };
    let of_video = tracks.iter().filter(video).filter_map(begins).min();
    let origin = of_video.or_else(|| tracks.iter().filter_map(begins).min())?;
    let tracks: Vec<MovieTrack> = tracks.into_iter().map(|track| track.movie).collect();
    let header = movie(&tracks, origin.since_epoch(), payload)?;
    let base = header.len() as u64;
    for piece in &mut pieces {
        piece.at += base;
    }
    Some(Export { header, pieces, length: base + payload })
}

/// What is exported where nothing is said: the best picture, and the first sound.
#[must_use]
pub fn best(renditions: &[Rendition]) -> Vec<String> {
    let of = |kind: MediaKind| renditions.iter().filter(move |r| r.kind == kind);
    let video = of(MediaKind::Video).max_by_key(|r| r.average);
    let audio = of(MediaKind::Audio).min_by_key(|r| r.id);
    video.into_iter().chain(audio).map(|rendition| rendition.name.clone()).collect()
}
