//! What one rung's encoder publishes: messages in, tracks and samples out. It lives over its
//! encoder's connections until it has been silent.

use std::collections::BTreeMap;

use super::amf::{AmfFault, Value};
use super::audio::Audio;
use super::clock::{ticks, unroll};
use super::fault::MediaFault;
use super::metadata::Metadata;
use super::session::{Media, MediaKind};
use super::tag::{self, Content, Part};
use super::track::Out;
use super::video::{Times, Video};
use crate::media::{TrackId, VariantName};
use crate::packager::SourceId;
use crate::units::Monotonic;

/// Numbers of audio tracks begin here; those of video at 0.
const AUDIO_TRACKS: u32 = 0x100;

/// One rung of one input.
#[derive(Debug)]
pub(super) struct Publication {
    pub(super) source: SourceId,
    variant: VariantName,
    videos: BTreeMap<u8, Video>,
    audios: BTreeMap<u8, Audio>,
    metadata: Metadata,
    /// The newest timestamp, unrolled.
    reference: Option<i64>,
    /// When its last connection ended.
    ended: Option<Monotonic>,
}

impl Publication {
    pub(super) fn new(source: SourceId, variant: VariantName) -> Self {
        Publication {
            source,
            variant,
            videos: BTreeMap::new(),
            audios: BTreeMap::new(),
            metadata: Metadata::default(),
            reference: None,
            ended: None,
        }
    }

    /// A connection publishes it.
    pub(super) fn begin(&mut self) {
        self.ended = None;
        self.metadata = Metadata::default();
    }

    /// Notes when its connection ended.
    pub(super) fn ended_at(&mut self, at: Monotonic) {
        self.ended = Some(at);
    }

    /// Whether no connection has published it since the one that ended then.
    pub(super) fn silent(&self, since: Monotonic) -> bool {
        self.ended == Some(since)
    }

    /// The time all rungs of an input unroll against, milliseconds.
    pub(super) fn set_reference(&mut self, unrolled: i64) {
        self.reference = Some(unrolled);
    }

    pub(super) fn reference(&self) -> Option<i64> {
        self.reference
    }

    /// Takes a message.
    pub(super) fn take(&mut self, media: Media, out: &mut Out) {
        let mut parts = Vec::new();
        let read = match media.kind {
            MediaKind::Video => tag::video(media.body, &mut parts),
            MediaKind::Audio => tag::audio(media.body, &mut parts),
        };
        let at = unroll(media.timestamp, self.reference);
        if !parts.is_empty() {
            self.reference = Some(at);
        }
        for part in parts {
            match media.kind {
                MediaKind::Video => self.video(at, part, out),
                MediaKind::Audio => self.audio(at, part, out),
            }
        }
        out.faults.extend(read.err().map(MediaFault::from));
    }

    /// Takes what `onMetaData` says.
    pub(super) fn describe(&mut self, metadata: Result<Value, AmfFault>, out: &mut Out) {
        match metadata {
            Ok(value) => self.metadata = Metadata::read(&value),
            Err(fault) => out.faults.push(MediaFault::Metadata(fault)),
        }
        let rate = self.metadata.frame_rate;
        self.videos.values_mut().for_each(|video| video.hint(rate));
        for (id, audio) in &mut self.audios {
            if let Some(language) = self.metadata.languages.get(id) {
                audio.describe(*language);
            }
        }
    }

    fn video(&mut self, at: i64, part: Part, out: &mut Out) {
        let id = TrackId(u32::from(part.track));
        // Tracks beyond the first are rungs of their own.
        let variant = match (part.track, self.variant.as_str()) {
            (0, _) => self.variant.clone(),
            (track, "") => VariantName::of(&format!("t{track}")),
            (track, name) => VariantName::of(&format!("{name}-t{track}")),
        };
        let hint = self.metadata.frame_rate;
        let new = || {
            let mut video = Video::new(id, variant.clone(), part.coding);
            video.hint(hint);
            video
        };
        let video = self.videos.entry(part.track).or_insert_with(new);
        if !video.has(part.coding) {
            *video = new();
        }
        match part.content {
            Content::Settings(record) => {
                video.settings(&record, self.metadata.size.unwrap_or_default(), out);
            }
            Content::Frame { offset, key, data } => {
                video.frame(Times { decode: at, offset, nanos: part.nanos }, key, data, out);
            }
            // What comes no more is left out by the packager.
            Content::End => {}
        }
    }

    fn audio(&mut self, at: i64, part: Part, out: &mut Out) {
        let id = TrackId(AUDIO_TRACKS + u32::from(part.track));
        let language = self.metadata.languages.get(&part.track).copied();
        let new = || {
            let mut audio = Audio::new(id, self.variant.clone(), part.coding);
            if let Some(language) = language {
                audio.describe(language);
            }
            audio
        };
        let audio = self.audios.entry(part.track).or_insert_with(new);
        if !audio.has(part.coding) {
            *audio = new();
        }
        match part.content {
            Content::Settings(header) => audio.settings(&header, out),
            Content::Frame { data, .. } => {
                audio.frame(ticks(at, part.nanos.unwrap_or(0)), data, out);
            }
            Content::End => {}
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
