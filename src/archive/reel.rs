//! A reel: a few minutes of one rendition within one Period, as a CMAF file that any player opens.
//!
//! | box | is |
//! | --- | --- |
//! | `ftyp`, `moov` | the rendition's initialization segment |
//! | `uuid` [`MARK`] `head` | JSON: the Period with all its tracks ([`Head`]) |
//! | `moof`, `mdat`, … | chunks, as they are served |
//! | `uuid` [`MARK`] `rows` | [`Record`]s of the chunks before it and of the segments they complete |
//!
//! The last two come again and again. Beside it lies its index: the same records without the media,
//! with a [`Record::Note`] for each `uuid` box. It is read instead of the reel, and made anew from
//! the reel's boxes where it is lost or torn.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::record::{RECORD, Record};
use crate::isobmff::{BoxHeader, ReadError, Strictness, parse_init};
use crate::media::Language;
use crate::packager::{Period, PeriodTrack, RenditionId};
use crate::units::{Bitrate, FrameRate, Timescale};

/// The extended type of the boxes that only this program reads (ISO/IEC 14496-12 §4.2).
pub(super) const MARK: &[u8; 16] = b"headwater reel 1";
/// Size, `uuid`, the extended type and a word for what follows.
const UUID_HEADER: usize = 8 + 16 + 4;

/// Why a reel cannot be read.
#[derive(Debug, Error)]
pub enum ReelError {
    /// Its boxes.
    #[error("{0}")]
    Boxes(#[from] ReadError),
    /// It does not begin as one of ours.
    #[error("it does not begin with ftyp, moov and the head of a reel")]
    NoHead,
    /// Its head.
    #[error("its head is damaged: {0}")]
    Head(String),
}

/// What a reel says of the Period it lies in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Layout of the reel.
    format: u32,
    /// Whose media it holds.
    pub rendition: RenditionId,
    /// The Period's id.
    pub(super) period: i64,
    /// How many Periods came before it.
    ordinal: u64,
    /// Its tracks, in the order manifests list them.
    tracks: Vec<Track>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Track {
    rendition: RenditionId,
    timescale: Timescale,
    frame_rate: Option<FrameRate>,
    language: Language,
    rate: Bitrate,
    /// ftyp and moov, in Base64.
    init: String,
}

impl Head {
    const FORMAT: u32 = 1;

    /// The head of a reel of `rendition` in `period`.
    #[must_use]
    pub fn of(rendition: RenditionId, period: &Period) -> Self {
        let track = |track: &PeriodTrack| Track {
            rendition: track.rendition,
            timescale: track.timescale,
            frame_rate: track.frame_rate,
            language: track.language,
            rate: track.rate,
            init: STANDARD.encode(&track.init),
        };
        Head {
            format: Head::FORMAT,
            rendition,
            period: period.id,
            ordinal: period.ordinal,
            tracks: period.tracks.iter().map(track).collect(),
        }
    }

    /// The Period it speaks of.
    ///
    /// # Errors
    /// [`ReelError::Head`] where a track cannot be read, or a newer version wrote it.
    pub fn period(&self) -> Result<Period, ReelError> {
        if self.format > Head::FORMAT {
            return Err(ReelError::Head(format!("layout {} is newer than this one", self.format)));
        }
        let tracks = self.tracks.iter().map(Track::read).collect::<Result<_, _>>()?;
        Ok(Period { id: self.period, ordinal: self.ordinal, tracks })
    }

    /// How many Periods came before the one it speaks of: the same Period has the same.
    #[must_use]
    pub fn ordinal(&self) -> u64 {
        self.ordinal
    }

    /// Ticks a second of its rendition's times.
    #[must_use]
    pub fn timescale(&self) -> Option<Timescale> {
        self.tracks.iter().find(|t| t.rendition == self.rendition).map(|t| t.timescale)
    }

    /// What a reel begins with; `None` where the rendition takes no part in the Period.
    #[must_use]
    pub fn write(&self, period: &Period) -> Option<Vec<u8>> {
        let mut bytes = period.track(self.rendition)?.init.to_vec();
        // Numbers, names and Base64: nothing that JSON cannot say.
        let json = serde_json::to_vec(self).ok()?;
        bytes.extend(uuid(*b"head", &json));
        Some(bytes)
    }
}

impl Track {
    fn read(&self) -> Result<PeriodTrack, ReelError> {
        let damaged = |why: String| ReelError::Head(why);
        let init = STANDARD.decode(&self.init).map_err(|error| damaged(error.to_string()))?;
        let parsed = parse_init(&init, Strictness::Strict)?;
        let codec = parsed.codec.ok_or_else(|| damaged("a codec that is not known".to_owned()))?;
        Ok(PeriodTrack {
            rendition: self.rendition,
            codec,
            timescale: self.timescale,
            frame_rate: self.frame_rate,
            language: self.language,
            rate: self.rate,
            init: Bytes::from(init),
        })
    }
}

/// A box that only this program reads.
fn uuid(word: [u8; 4], body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(UUID_HEADER + body.len()).unwrap_or(u32::MAX);
    [&size.to_be_bytes()[..], b"uuid", MARK, &word, body].concat()
}

/// The box that ends what is written at once, and what the index says of it all.
#[must_use]
pub(super) fn rows(offset: u64, records: &[Record]) -> (Vec<u8>, Vec<u8>) {
    let mut index: Vec<u8> = records.iter().flat_map(Record::write).collect();
    let bytes = uuid(*b"rows", &index);
    index.extend(note(offset, bytes.len()));
    (bytes, index)
}

/// What the index says of a reel's head.
#[must_use]
pub(super) fn note(offset: u64, length: usize) -> [u8; RECORD] {
    Record::Note { offset, length: u32::try_from(length).unwrap_or(u32::MAX) }.write()
}

/// The head of a reel.
///
/// # Errors
/// Where it does not begin as a reel does.
pub(super) fn head(reel: &[u8]) -> Result<Head, ReelError> {
    let mut at = 0;
    for kind in [b"ftyp", b"moov"] {
        let found = BoxHeader::read(reel, at, reel.len(), Strictness::Strict)?;
        if !found.is(kind) {
            return Err(ReelError::NoHead);
        }
        at = found.end;
    }
    let found = BoxHeader::read(reel, at, reel.len(), Strictness::Strict)?;
    let body = own(reel, &found, *b"head").ok_or(ReelError::NoHead)?;
    serde_json::from_slice(body).map_err(|error| ReelError::Head(error.to_string()))
}

/// The index of a reel, made from its boxes: everything up to the first `uuid` box that is not whole,
/// or speaks of chunks that are not what was written.
#[must_use]
pub(super) fn index_of(reel: &[u8]) -> Vec<u8> {
    let mut index = Vec::new();
    let mut at = 0;
    while let Ok(found) = BoxHeader::read(reel, at, reel.len(), Strictness::Strict) {
        let head = own(reel, &found, *b"head").is_some();
        if let Some(body) = own(reel, &found, *b"rows") {
            let (records, all) = Record::read_all(body);
            if !all || !records.iter().all(|record| is_there(reel, record)) {
                break;
            }
            index.extend(records.iter().flat_map(Record::write));
            index.extend(note(found.start as u64, found.end - found.start));
        } else if head {
            index.extend(note(0, found.end));
        }
        at = found.end;
    }
    index
}

fn is_there(reel: &[u8], record: &Record) -> bool {
    let Record::Chunk { offset, length, checksum, .. } = record else { return true };
    let from = usize::try_from(*offset).unwrap_or(usize::MAX);
    let bytes = reel.get(from..from.saturating_add(*length as usize));
    bytes.is_some_and(|bytes| crc32fast::hash(bytes) == *checksum)
}

fn own<'a>(reel: &'a [u8], found: &BoxHeader, word: [u8; 4]) -> Option<&'a [u8]> {
    let body = reel.get(found.body..found.end).filter(|_| found.is(b"uuid"))?;
    body.strip_prefix(MARK)?.strip_prefix(&word)
}

/// What is to be believed of an index: its records up to the last note, and how far the reel reaches
/// by them. Whether that is the whole index.
#[must_use]
pub(super) fn believed(index: &[u8]) -> (Vec<Record>, u64, bool) {
    let (mut records, all) = Record::read_all(index);
    let last = records.iter().rposition(|record| matches!(record, Record::Note { .. }));
    let whole = all && last.is_some_and(|last| last + 1 == records.len());
    records.truncate(last.map_or(0, |last| last + 1));
    let end = match records.last() {
        Some(Record::Note { offset, length }) => offset.saturating_add(u64::from(*length)),
        _ => 0,
    };
    (records, end, whole)
}

/// The Periods of several reels, each once.
#[derive(Debug, Default)]
pub struct Periods(std::collections::BTreeMap<u64, Arc<Period>>);

impl Periods {
    /// The Period a reel lies in.
    ///
    /// # Errors
    /// As [`Head::period`].
    pub fn of(&mut self, head: &Head) -> Result<Arc<Period>, ReelError> {
        if let Some(known) = self.0.get(&head.ordinal) {
            return Ok(Arc::clone(known));
        }
        let period = Arc::new(head.period()?);
        self.0.insert(head.ordinal, Arc::clone(&period));
        Ok(period)
    }
}
