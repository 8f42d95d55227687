//! A file with sample tables: `ftyp`, `moov` and the header of an `mdat` whose payload is laid out by
//! the caller (ISO/IEC 14496-12 §8). What plays without fragments: an export.

use bytes::{BufMut, Bytes, BytesMut};

use super::entry::put_sample_entry;
use super::init::{display_width, packed_language, put_data_information, put_handler};
use super::write::{boxed, full_boxed, put_unity_matrix};
use crate::media::{Codec, Language, MediaKind};
use crate::units::{MediaDuration, Timescale};

/// Ticks a second of the movie's own times.
const MOVIE_SCALE: Timescale = Timescale::MILLIS;

/// A sample of a movie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MovieSample {
    /// Ticks to the next one.
    pub duration: u32,
    /// Bytes.
    pub size: u32,
    /// Ticks from decode to presentation time.
    pub composition_offset: i32,
    /// Whether decoding can begin with it.
    pub sync: bool,
}

/// Samples that lie one behind the other in the payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovieRun {
    /// Which of the track's codecs they need.
    pub codec: usize,
    /// Decode time of the first, ticks.
    pub start: i64,
    /// First byte in the payload.
    pub at: u64,
    /// At least one.
    pub samples: Vec<MovieSample>,
}

/// A track of a movie.
#[derive(Clone, Debug, PartialEq)]
pub struct MovieTrack {
    /// What its samples are; all of one kind.
    pub codecs: Vec<Codec>,
    /// Ticks a second.
    pub timescale: Timescale,
    /// Language.
    pub language: Language,
    /// In order; at least one. Between two of them the last sample stands still.
    pub runs: Vec<MovieRun>,
}

/// What stands before the payload of a movie that begins at `origin` (in the tracks' own times): the
/// file is these bytes and `payload` more. `None` where a track has no codec or no sample.
#[must_use]
pub fn movie(tracks: &[MovieTrack], origin: MediaDuration, payload: u64) -> Option<Bytes> {
    let tables: Vec<Tables<'_>> =
        tracks.iter().map(|t| Tables::of(t, origin)).collect::<Option<_>>()?;
    let large = payload > u64::from(u32::MAX) / 2;
    // Where the payload begins is known when the tables are as long as they will be.
    let length = put(&tables, 0, payload, large).len() as u64;
    Some(put(&tables, length, payload, large).freeze())
}

fn put(tables: &[Tables<'_>], base: u64, payload: u64, large: bool) -> BytesMut {
    let mut out = BytesMut::new();
    boxed(&mut out, *b"ftyp", |out| out.put_slice(b"isom\0\0\x02\0isomiso2mp41"));
    boxed(&mut out, *b"moov", |out| {
        let longest = tables.iter().map(|table| table.shown).max().unwrap_or(0);
        put_movie_header(out, longest, tables.len());
        for (index, table) in (1..).zip(tables) {
            boxed(out, *b"trak", |out| table.put(out, index, base, large));
        }
    });
    if large {
        out.put_u32(1);
        out.put_slice(b"mdat");
        out.put_u64(payload + 16);
    } else {
        // Under half of what 32 bits count.
        out.put_u32(u32::try_from(payload + 8).unwrap_or(u32::MAX));
        out.put_slice(b"mdat");
    }
    out
}

fn put_movie_header(out: &mut BytesMut, duration: u64, tracks: usize) {
    full_boxed(out, *b"mvhd", 1, 0, |out| {
        out.put_bytes(0, 16); // creation and modification time
        out.put_u32(MOVIE_SCALE.get());
        out.put_u64(duration);
        out.put_u32(0x0001_0000); // rate 1
        out.put_u16(0x0100); // volume 1
        out.put_bytes(0, 10);
        put_unity_matrix(out);
        out.put_bytes(0, 24);
        out.put_u32(u32::try_from(tracks).unwrap_or(u32::MAX).saturating_add(1));
    });
}

/// What the tables of a track say.
struct Tables<'a> {
    track: &'a MovieTrack,
    codec: &'a Codec,
    /// Durations, each with how often it comes (§8.6.1.2).
    durations: Vec<(u32, u32)>,
    /// Ticks.
    duration: u64,
    /// How long nothing is shown before it, and how long it is shown, in the movie's ticks.
    empty: u64,
    shown: u64,
    /// What is skipped of it, ticks.
    skipped: i64,
}

impl<'a> Tables<'a> {
    fn of(track: &'a MovieTrack, origin: MediaDuration) -> Option<Self> {
        let codec = track.codecs.first()?;
        let first = track.runs.first()?;
        let mut durations: Vec<(u32, u32)> = Vec::new();
        let mut duration = 0;
        for (run, next) in track.runs.iter().zip(track.runs.iter().skip(1).map(Some).chain([None]))
        {
            let mut end = run.start;
            for (at, sample) in run.samples.iter().enumerate() {
                end += i64::from(sample.duration);
                let hole =
                    next.filter(|_| at + 1 == run.samples.len()).map_or(0, |next| next.start - end);
                let lasts =
                    u32::try_from((i64::from(sample.duration) + hole).max(1)).unwrap_or(u32::MAX);
                duration += u64::from(lasts);
                match durations.last_mut() {
                    Some((known, count)) if *known == lasts => *count += 1,
                    _ => durations.push((lasts, 1)),
                }
            }
        }
        let shift = first.samples.first()?.composition_offset;
        let scale = track.timescale;
        let begins = MediaDuration::new(first.start + i64::from(shift), scale) - origin;
        let movie = |d: MediaDuration| u64::try_from(d.rescale(MOVIE_SCALE).ticks()).unwrap_or(0);
        let before = if begins.is_positive() { begins } else { MediaDuration::ZERO };
        let cut = if begins.is_positive() { 0 } else { -begins.rescale(scale).ticks() };
        let all = MediaDuration::new(i64::try_from(duration).unwrap_or(i64::MAX), scale);
        let shown = movie(all - MediaDuration::new(cut, scale));
        let (empty, skipped) = (movie(before), cut + i64::from(shift));
        Some(Tables { track, codec, durations, duration, empty, shown: empty + shown, skipped })
    }

    fn samples(&self) -> impl Iterator<Item = &MovieSample> {
        self.track.runs.iter().flat_map(|run| &run.samples)
    }

    fn put(&self, out: &mut BytesMut, index: u32, base: u64, large: bool) {
        self.put_header(out, index);
        boxed(out, *b"edts", |out| {
            full_boxed(out, *b"elst", 1, 0, |out| {
                out.put_u32(1 + u32::from(self.empty > 0));
                if self.empty > 0 {
                    out.put_u64(self.empty);
                    out.put_i64(-1);
                    out.put_u32(0x0001_0000);
                }
                out.put_u64(self.shown - self.empty);
                out.put_i64(self.skipped);
                out.put_u32(0x0001_0000);
            });
        });
        boxed(out, *b"mdia", |out| {
            full_boxed(out, *b"mdhd", 1, 0, |out| {
                out.put_bytes(0, 16);
                out.put_u32(self.track.timescale.get());
                out.put_u64(self.duration);
                out.put_u16(packed_language(self.track.language));
                out.put_u16(0);
            });
            put_handler(out, self.codec);
            boxed(out, *b"minf", |out| {
                put_data_information(out, self.codec);
                boxed(out, *b"stbl", |out| self.put_tables(out, base, large));
            });
        });
    }

    fn put_header(&self, out: &mut BytesMut, index: u32) {
        full_boxed(out, *b"tkhd", 1, 7, |out| {
            out.put_bytes(0, 16);
            out.put_u32(index);
            out.put_u32(0);
            out.put_u64(self.shown);
            out.put_bytes(0, 12);
            out.put_u16(if self.codec.kind() == MediaKind::Audio { 0x0100 } else { 0 });
            out.put_u16(0);
            put_unity_matrix(out);
            let picture = self.codec.picture();
            out.put_u32(picture.as_ref().map_or(0, display_width));
            out.put_u32(picture.map_or(0, |picture| u32::from(picture.height) << 16));
        });
    }

    fn put_tables(&self, out: &mut BytesMut, base: u64, large: bool) {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        full_boxed(out, *b"stsd", 0, 0, |out| {
            out.put_u32(count(self.track.codecs.len()));
            self.track.codecs.iter().for_each(|codec| put_sample_entry(out, codec));
        });
        full_boxed(out, *b"stts", 0, 0, |out| {
            out.put_u32(count(self.durations.len()));
            for (duration, times) in &self.durations {
                out.put_u32(*times);
                out.put_u32(*duration);
            }
        });
        if self.samples().any(|sample| sample.composition_offset != 0) {
            self.put_compositions(out);
        }
        if self.samples().any(|sample| !sample.sync) {
            let syncs: Vec<u32> =
                (1..).zip(self.samples()).filter(|(_, s)| s.sync).map(|(n, _)| n).collect();
            full_boxed(out, *b"stss", 0, 0, |out| {
                out.put_u32(count(syncs.len()));
                for number in &syncs {
                    out.put_u32(*number);
                }
            });
        }
        self.put_runs(out);
        full_boxed(out, *b"stsz", 0, 0, |out| {
            out.put_u32(0);
            out.put_u32(count(self.samples().count()));
            self.samples().for_each(|sample| out.put_u32(sample.size));
        });
        let runs = &self.track.runs;
        full_boxed(out, if large { *b"co64" } else { *b"stco" }, 0, 0, |out| {
            out.put_u32(count(runs.len()));
            for run in runs {
                let at = base + run.at;
                if large {
                    out.put_u64(at);
                } else {
                    out.put_u32(u32::try_from(at).unwrap_or(u32::MAX));
                }
            }
        });
    }

    /// Version 1: offsets are signed (§8.6.1.3).
    fn put_compositions(&self, out: &mut BytesMut) {
        let mut offsets: Vec<(i32, u32)> = Vec::new();
        for sample in self.samples() {
            match offsets.last_mut() {
                Some((known, times)) if *known == sample.composition_offset => *times += 1,
                _ => offsets.push((sample.composition_offset, 1)),
            }
        }
        full_boxed(out, *b"ctts", 1, 0, |out| {
            out.put_u32(u32::try_from(offsets.len()).unwrap_or(u32::MAX));
            for (offset, times) in offsets {
                out.put_u32(times);
                out.put_i32(offset);
            }
        });
    }

    /// Runs of equal length and codec, each once (§8.7.4).
    fn put_runs(&self, out: &mut BytesMut) {
        let mut known = None;
        let mut entries: Vec<(u32, usize, usize)> = Vec::new();
        for (number, run) in (1..).zip(&self.track.runs) {
            let now = (run.samples.len(), run.codec);
            if known.replace(now) != Some(now) {
                entries.push((number, now.0, now.1));
            }
        }
        full_boxed(out, *b"stsc", 0, 0, |out| {
            let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            out.put_u32(count(entries.len()));
            for (first, samples, codec) in entries {
                out.put_u32(first);
                out.put_u32(count(samples));
                out.put_u32(count(codec + 1));
            }
        });
    }
}
