//! One track's way out: announced before its first sample, and again where something differs.

use super::fault::MediaFault;
use crate::media::{Codec, Language, Sample, TrackId, TrackInfo, VariantName};
use crate::packager::SourceEvent;
use crate::units::Timescale;

/// What has come of messages.
#[derive(Debug, Default)]
pub(super) struct Out {
    /// For the channel, in order.
    pub(super) events: Vec<SourceEvent>,
    /// What the encoder gets wrong.
    pub(super) faults: Vec<MediaFault>,
}

/// What a track is known by.
#[derive(Debug)]
pub(super) struct Track {
    id: TrackId,
    variant: VariantName,
    language: Language,
    codec: Option<Codec>,
    announced: bool,
    /// Whether media without settings has been reported.
    early_reported: bool,
}

impl Track {
    pub(super) fn new(id: TrackId, variant: VariantName) -> Self {
        let language = Language::UNDETERMINED;
        Track { id, variant, language, codec: None, announced: false, early_reported: false }
    }

    /// Its language, as metadata has it.
    pub(super) fn describe(&mut self, language: Language) {
        if self.language != language {
            self.language = language;
            self.announced = false;
        }
    }

    /// Its settings.
    pub(super) fn configure(&mut self, codec: Codec) {
        if self.codec.as_ref() != Some(&codec) {
            self.codec = Some(codec);
            self.announced = false;
        }
        self.early_reported = false;
    }

    pub(super) fn codec(&self) -> Option<&Codec> {
        self.codec.as_ref()
    }

    /// Reports media without settings, once.
    pub(super) fn early(&mut self, out: &mut Out) {
        if !std::mem::replace(&mut self.early_reported, true) {
            out.faults.push(MediaFault::BeforeSettings);
        }
    }

    /// Gives a sample, and before it the track where that is new.
    pub(super) fn give(&mut self, sample: Sample, out: &mut Out) {
        let Some(codec) = &self.codec else { return self.early(out) };
        if !std::mem::replace(&mut self.announced, true) {
            out.events.push(SourceEvent::Track(TrackInfo {
                id: self.id,
                variant: self.variant.clone(),
                language: self.language,
                codec: codec.clone(),
                timescale: Timescale::NINETY_KHZ,
                bitrate: None,
            }));
        }
        out.events.push(SourceEvent::Sample(self.id, sample));
    }
}
