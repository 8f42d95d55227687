//! What an endpoint answers by.

use super::access::AccessRules;
use super::protocol::{Container, Protocol};
use super::published::Published;
use super::request::{File, Form, Leaf};
use super::shift::{Names, ShiftRules};
use crate::manifest::{Listing, Presentation};
use crate::packager::{PeriodTrack, RenditionId, SegmentationKey, SegmentationView, Snapshot};
use crate::units::MediaDuration;

/// What an endpoint answers by.
#[derive(Clone, Debug)]
pub struct EndpointRules {
    /// Which rules: those of another number may render the same snapshot otherwise.
    pub id: u64,
    /// Its ordinal in its channel.
    pub ordinal: u32,
    /// What it puts out.
    pub protocol: Protocol,
    /// Whether audio has lists of its own where transport streams could carry it with video.
    pub audio_groups: bool,
    /// Its segmentation.
    pub segmentation: SegmentationKey,
    /// Segments a playlist lists at least.
    pub segments: u32,
    /// What a playlist spans at least.
    pub hls_window: MediaDuration,
    /// What an MPD spans at least.
    pub dash_window: MediaDuration,
    /// The manifest's name in URLs, with an extension or without.
    pub manifest_name: String,
    /// How its manifests present the channel.
    pub presentation: Presentation,
    /// Whether its lists reach further back than memory does.
    pub beyond_memory: bool,
    /// How far back it may be asked for, where it may.
    pub shift: Option<ShiftRules>,
    /// Names of its own for the parameters of a time-shift query.
    pub shift_names: Names,
    /// Who may read.
    pub access: AccessRules,
    /// Whether what it serves is to be encrypted: it serves nothing then, for nothing is.
    pub encrypted: bool,
    /// Whether it goes: nobody begins to watch it, and who watches it sees it end.
    pub leaving: bool,
    /// Names its objects apart from earlier ones of the same names.
    pub generation: u32,
    /// The folder of its objects, as manifests name it.
    pub folder: String,
    /// Where its manifests stand beside `/v1/`.
    pub published: Vec<Published>,
    /// What a query held that these rules are for, where they are for some queries alone: links of a
    /// manifest to itself hold it too.
    pub selected: Option<String>,
}

impl EndpointRules {
    /// The folder of an endpoint's objects under `/v1/`.
    #[must_use]
    pub fn folder(ordinal: u32, generation: u32) -> String {
        format!("{ordinal}-{generation}")
    }

    /// The manifest's name without an extension, and what that is.
    fn manifest_stem(&self) -> (&str, Form) {
        let name = self.manifest_name.as_str();
        match (name.strip_suffix(".m3u8"), name.strip_suffix(".mpd")) {
            (Some(stem), _) => (stem, Form::M3u8),
            (None, Some(stem)) => (stem, Form::Mpd),
            (None, None) => (name, Form::Bare),
        }
    }

    /// The stem of the endpoint's manifest, and how it is asked for by this name; `None` where it is not by
    /// this. An extension that is written into its name is none of another protocol's.
    pub(super) fn asked_manifest(&self, name: &str, form: Form) -> Option<(&str, Form)> {
        let (stem, written) = self.manifest_stem();
        let spoken = match form {
            Form::M3u8 => self.protocol.has_hls(),
            Form::Mpd => self.protocol.has_dash(),
            Form::Bare | Form::Mp4 => true,
        };
        let named = form == written && !spoken;
        (name == stem).then_some((stem, if named { Form::Bare } else { form }))
    }

    /// Whether a list of video carries its default audio.
    #[must_use]
    pub fn muxed(&self) -> bool {
        self.protocol.container() == Container::TransportStream && !self.audio_groups
    }

    /// Whether the endpoint's container can hold a rendition.
    pub(super) fn carries(&self, view: &SegmentationView, rendition: RenditionId) -> bool {
        let fits = |track: &PeriodTrack| track.codec.fits_transport_stream();
        self.protocol.container() == Container::Cmaf
            || view.period.track(rendition).is_none_or(fits)
    }

    /// Whether by this a player begins to watch: what players under way ask for again does not.
    #[must_use]
    pub fn begins(&self, leaf: &Leaf<'_>) -> bool {
        let Leaf::Manifest { name, form } = leaf else { return false };
        let asked = self.asked_manifest(name, *form);
        asked.is_none_or(|(_, form)| self.is_hls(form) != Some(false))
    }

    /// Whether a manifest of that form is HLS's; `None` where the protocol has none of the form.
    pub(super) fn is_hls(&self, form: Form) -> Option<bool> {
        match form {
            Form::M3u8 | Form::Bare if self.protocol.has_hls() => Some(true),
            Form::Mpd | Form::Bare if self.protocol.has_dash() => Some(false),
            _ => None,
        }
    }

    /// Whether what is asked for is of these lists, and not of those that an endpoint had before.
    #[must_use]
    pub fn speaks(&self, leaf: &Leaf<'_>) -> bool {
        match leaf {
            Leaf::Manifest { form: Form::Mp4, .. } => true,
            Leaf::Manifest { name, form } => {
                let asked = self.asked_manifest(name, *form);
                asked.is_some_and(|(_, form)| self.is_hls(form).is_some())
            }
            Leaf::Object { generation, file, .. } => {
                let is_list = matches!(file, File::Playlist);
                *generation == self.generation && (!is_list || self.protocol.has_hls())
            }
        }
    }

    /// Whether its lists have ended.
    #[must_use]
    pub fn ended(&self, snapshot: &Snapshot) -> bool {
        snapshot.ended || self.leaving
    }

    pub(super) fn listing(&self, snapshot: &Snapshot, dash: bool) -> Listing<'_> {
        self.listing_of(self.ended(snapshot), dash)
    }

    pub(super) fn listing_of(&self, ended: bool, dash: bool) -> Listing<'_> {
        Listing {
            folder: &self.folder,
            segments: if dash { 0 } else { self.segments },
            window: if dash { self.dash_window } else { self.hls_window },
            ended,
            container: self.protocol.container(),
            muxed: self.muxed(),
            presentation: &self.presentation,
            past: None,
        }
    }
}
