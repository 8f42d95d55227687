//! The file of a loop input: an MP4 of H.264 and AAC, whole in memory, as tracks of samples.
//!
//! The operator names the file, so it is trusted to be what was meant, not to be well formed: boxes
//! are checked to nest before crate `mp4` parses them, only the boxes a loop needs reach it, and
//! every table is checked against the file before a sample is taken. When a turn of the loop is
//! played is none of this module's business.

mod error;
mod layout;
mod tables;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use bytes::Bytes;
use mp4::Mp4Track;

pub use error::ProgrammeError;

use crate::media::codec::{AacConfig, AvcConfig};
use crate::media::{Codec, Language, MediaKind, Sample, TrackId, TrackInfo, VariantName};
use crate::units::{Bitrate, MediaDuration, Timescale};
use tables::Tables;

/// Most video and audio tracks of a file.
pub const TRACKS_MAX: usize = 16;
/// Most samples of a track: over five hours of 48-kHz AAC.
pub const SAMPLES_MAX: usize = 1_000_000;

/// A file that can be looped.
#[derive(Clone, Debug)]
pub struct Programme {
    /// Video and audio tracks in the file's order; at least one.
    pub tracks: Vec<ProgrammeTrack>,
}

/// One track of a file.
#[derive(Clone, Debug)]
pub struct ProgrammeTrack {
    /// What it is. Where the file has several video tracks each is a variant named for its height.
    pub info: TrackInfo,
    /// Its samples: decode times from 0 in `info.timescale`, or from where an empty edit lets the
    /// track begin; every duration known; at least one, and the first of a video is a sync sample.
    pub samples: Vec<Sample>,
    /// When its last sample ends, in ticks of `info.timescale`; never zero.
    pub length: u64,
}

impl ProgrammeTrack {
    /// [`ProgrammeTrack::length`] as time.
    #[must_use]
    pub fn duration(&self) -> MediaDuration {
        MediaDuration::new(i64::try_from(self.length).unwrap_or(i64::MAX), self.info.timescale)
    }
}

impl Programme {
    /// The length of one turn of the loop: that of the longest track. Audio beside video is cut to
    /// the whole frames that fit into it.
    #[must_use]
    pub fn length(&self) -> MediaDuration {
        self.tracks.iter().map(ProgrammeTrack::duration).max().unwrap_or(MediaDuration::ZERO)
    }

    /// Whether all tracks begin at 0 and have exactly the same length, so that turns join without a
    /// break.
    #[must_use]
    pub fn is_seamless(&self) -> bool {
        let begins = |track: &ProgrammeTrack| track.samples.first().map(|sample| sample.dts);
        let whole =
            |track: &ProgrammeTrack| begins(track) == Some(0) && track.duration() == self.length();
        self.tracks.iter().all(whole)
    }

    /// Leaves out the audio frames that end after all video has: each turn begins with both.
    fn cut_audio(&mut self) {
        let videos = self.tracks.iter().filter(|track| track.info.kind() == MediaKind::Video);
        let Some(end) = videos.map(ProgrammeTrack::duration).max() else { return };
        for track in self.tracks.iter_mut().filter(|t| t.info.kind() == MediaKind::Audio) {
            let scale = track.info.timescale;
            let ends = |sample: &Sample| sample.dts + i64::from(sample.duration.unwrap_or(0));
            track.samples.retain(|sample| MediaDuration::new(ends(sample), scale) <= end);
            track.length = track.samples.last().map_or(0, |last| ends(last).unsigned_abs());
        }
        self.tracks.retain(|track| !track.samples.is_empty());
    }
}

/// Reads a whole progressive MP4 file. Tracks that are neither video nor audio are left out.
///
/// # Errors
/// What is wrong with the file, and what is allowed.
pub fn read(bytes: &[u8]) -> Result<Programme, ProgrammeError> {
    let movie = layout::movie(bytes)?;
    let file = Bytes::copy_from_slice(bytes);
    let mut tracks = Vec::new();
    let mut ids = BTreeSet::new();
    for track in movie.moov.traks.iter().map(|trak| trak.tkhd.track_id) {
        let boxes = movie.tracks().get(&track).filter(|_| ids.insert(track));
        let boxes = boxes.ok_or(ProgrammeError::RepeatedTrack { track })?;
        let kind = match &boxes.trak.mdia.hdlr.handler_type.value {
            b"vide" => MediaKind::Video,
            b"soun" => MediaKind::Audio,
            _ => continue,
        };
        if tracks.len() == TRACKS_MAX {
            return Err(ProgrammeError::TooManyTracks);
        }
        tracks.push(read_track(&file, boxes, kind, movie.timescale())?);
    }
    if tracks.is_empty() {
        return Err(ProgrammeError::NoTracks);
    }
    name_rungs(&mut tracks);
    let mut programme = Programme { tracks };
    programme.cut_audio();
    Ok(programme)
}

fn read_track(
    file: &Bytes,
    boxes: &Mp4Track,
    kind: MediaKind,
    movie_timescale: u32,
) -> Result<ProgrammeTrack, ProgrammeError> {
    let track = boxes.track_id();
    let timescale = Timescale::new(boxes.timescale()).ok_or(ProgrammeError::Timescale { track })?;
    let (codec, nal_length_size) = match kind {
        MediaKind::Video => video_codec(boxes)?,
        MediaKind::Audio => (audio_codec(boxes)?, None),
    };
    let mut samples = Tables::of(boxes, file.len())?.samples(file, nal_length_size)?;
    if let Some(edit) = tables::edit(boxes, movie_timescale)? {
        match kind {
            MediaKind::Video => tables::begin_at(&mut samples, &edit, track)?,
            MediaKind::Audio => tables::trim(&mut samples, &edit),
        }
    }
    match samples.first() {
        None => return Err(ProgrammeError::NoSamples { track }),
        Some(first) if !first.sync => return Err(ProgrammeError::FirstNotSync { track }),
        Some(_) => {}
    }
    let lasts: u64 = samples.iter().map(|sample| u64::from(sample.duration.unwrap_or(0))).sum();
    let begins = samples.first().map_or(0, |sample| sample.dts.unsigned_abs());
    let length = begins.saturating_add(lasts);
    let info = TrackInfo {
        id: TrackId(track),
        variant: VariantName::default(),
        language: Language::parse(boxes.language().as_bytes()),
        codec,
        timescale,
        bitrate: None,
    };
    let mut read = ProgrammeTrack { info, samples, length };
    let size = read.samples.iter().map(|sample| sample.data.len() as u64).sum();
    read.info.bitrate = Some(Bitrate::of(size, read.duration()));
    Ok(read)
}

/// The settings, and how many bytes each NAL unit's length has.
fn video_codec(boxes: &Mp4Track) -> Result<(Codec, Option<usize>), ProgrammeError> {
    let track = boxes.track_id();
    let avc1 = boxes.trak.mdia.minf.stbl.stsd.avc1.as_ref();
    let avcc = &avc1.ok_or(ProgrammeError::Codec { track, kind: MediaKind::Video })?.avcc;
    let [sps] = avcc.sequence_parameter_sets.as_slice() else {
        let count = avcc.sequence_parameter_sets.len();
        return Err(ProgrammeError::SequenceParameterSets { track, count });
    };
    let pps = avcc.picture_parameter_sets.iter();
    let pps = pps.map(|set| Bytes::copy_from_slice(&set.bytes)).collect();
    let codec = AvcConfig::parse(Bytes::copy_from_slice(&sps.bytes), pps)
        .map_err(|reason| ProgrammeError::Avc { track, reason })?;
    Ok((Codec::Avc(codec), Some(usize::from(avcc.length_size_minus_one & 3) + 1)))
}

/// The AudioSpecificConfig is built again from its fields, for crate `mp4` keeps no more of it.
fn audio_codec(boxes: &Mp4Track) -> Result<Codec, ProgrammeError> {
    let track = boxes.track_id();
    let esds = boxes.trak.mdia.minf.stbl.stsd.mp4a.as_ref().and_then(|mp4a| mp4a.esds.as_ref());
    let config = esds.map(|esds| &esds.es_desc.dec_config);
    let fields = config
        .filter(|config| config.object_type_indication == 0x40)
        .map(|config| &config.dec_specific)
        .ok_or(ProgrammeError::Codec { track, kind: MediaKind::Audio })?;
    let (object, index, channels) = (fields.profile, fields.freq_index, fields.chan_conf);
    if object != 2 {
        return Err(ProgrammeError::AacObjectType { track, object });
    }
    let asc = [object << 3 | index >> 1, index << 7 | (channels & 15) << 3];
    AacConfig::from_asc(&asc)
        .map(Codec::Aac)
        .map_err(|reason| ProgrammeError::Aac { track, reason })
}

/// Names each of several videos `{height}p`, a second of the same height `{height}p-2` and so on.
fn name_rungs(tracks: &mut [ProgrammeTrack]) {
    if tracks.iter().filter(|track| track.info.kind() == MediaKind::Video).count() < 2 {
        return;
    }
    let mut taken = BTreeSet::new();
    for track in tracks {
        let Some(picture) = track.info.codec.picture() else { continue };
        let plain = format!("{}p", picture.height);
        let more = (2..).map(|n| format!("{plain}-{n}"));
        let name = std::iter::once(plain.clone()).chain(more).find(|name| !taken.contains(name));
        let name = name.unwrap_or(plain);
        track.info.variant = VariantName::parse(&name).unwrap_or_default();
        taken.insert(name);
    }
}
