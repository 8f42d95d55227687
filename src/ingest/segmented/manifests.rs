//! What playlists and MPDs change in a session.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::fault::Refusal;
use super::mpd::{self, Media};
use super::path::rung_of_playlist;
use super::playlist::{self, MediaPlaylist, Multivariant, Playlist};
use super::session::Session;
use super::strand::{Key, Order};
use crate::media::{Language, VariantName};
use crate::units::{MediaDuration, MediaTime, Now};

impl Session {
    pub(super) fn take_playlist(&mut self, path: &str, text: &Bytes) -> Result<(), Refusal> {
        match playlist::read(text).map_err(Refusal::Playlist)? {
            Playlist::Multivariant(multivariant) => {
                self.hls.expect(path, &multivariant);
                self.tell_languages();
                Ok(())
            }
            Playlist::Media(media) if media.i_frames_only => Ok(()),
            Playlist::Media(media) => self.take_media_playlist(path, &media),
        }
    }

    fn take_media_playlist(&mut self, path: &str, media: &MediaPlaylist) -> Result<(), Refusal> {
        let place = if let Some(list) = self.hls.list(path) {
            list.strand
        } else {
            let name = self.free_name(path);
            self.strand(Key::Playlist(path.to_owned()), name, || Order::Listed)?
        };
        let longest = self.hls.take(path, media, place);
        self.note_segment(longest);
        self.tell_languages();
        Ok(())
    }

    /// Takes a multivariant playlist that was pulled from the URL `url`.
    pub(in crate::ingest) fn expect_pulled(&mut self, url: &str, playlist: &Multivariant) {
        self.hls.expect(url, playlist);
        self.tell_languages();
    }

    /// Takes a media playlist that is pulled as `key`, a URL; its URIs are URLs.
    ///
    /// # Errors
    /// Where there are too many.
    pub(in crate::ingest) fn take_pulled(
        &mut self,
        now: Now,
        key: &str,
        name: &VariantName,
        playlist: &MediaPlaylist,
    ) -> Result<(), Refusal> {
        let place = self.strand(Key::Playlist(key.to_owned()), name.clone(), || Order::Listed)?;
        let longest = self.hls.take(key, playlist, place);
        self.note_segment(longest);
        self.tell_languages();
        self.advance(now);
        Ok(())
    }

    /// Whether the header at `url` has come.
    pub(in crate::ingest) fn has_header(&self, url: &str) -> bool {
        self.headers.contains_key(url)
    }

    /// The rung of a media playlist: its folder's name, with its own where that is taken.
    fn free_name(&self, path: &str) -> VariantName {
        let name = rung_of_playlist(path);
        let mut taken = self.strands.iter().map(super::strand::Strand::variant);
        if taken.any(|variant| *variant == name) {
            let whole = path.rsplit_once('.').map_or(path, |(name, _)| name);
            return VariantName::of(&whole.replace('/', "-"));
        }
        name
    }

    fn tell_languages(&mut self) {
        for (path, list) in self.hls.lists() {
            let language = self.hls.language(path).map(language_of);
            if let (Some(language), Some(strand)) = (language, self.strands.get_mut(list.strand)) {
                strand.set_language(language);
            }
        }
    }

    pub(super) fn take_mpd(&mut self, now: Now, path: &str, text: &Bytes) -> Result<(), Refusal> {
        let mpd = mpd::read(text, path).map_err(Refusal::Mpd)?;
        // What is behind in a static MPD is behind in the last dynamic one as well.
        let start = mpd.availability_start.or(self
            .mpd
            .as_ref()
            .filter(|_| mpd.ended)
            .and_then(|before| before.availability_start));
        for representation in &mpd.representations {
            if representation.media == Media::Unknown {
                continue;
            }
            let by_one = representation.is_numbered();
            let order = || Order::Positions { waiting: BTreeMap::new(), last: None, by_one };
            let key = Key::Representation(representation.name.clone());
            let place = self.strand(key, representation.name.clone(), order)?;
            let Some(strand) = self.strands.get_mut(place) else { continue };
            if let Some(language) = &representation.language {
                strand.set_language(language_of(language));
            }
            if let Some(start) = start {
                let media = MediaTime::new(
                    representation.presentation_time_offset,
                    representation.timescale,
                );
                let epoch = start + representation.period_start;
                strand.set_zero(media, epoch, &mut self.shared);
            }
            let needs_header = !strand.has_header() && !strand.refused;
            let header = representation.initialization.as_ref().filter(|_| needs_header);
            if let Some(header) = header.and_then(|path| self.headers.get(path)).cloned() {
                self.give_header(now, place, &header);
            }
        }
        let longest = mpd.representations.iter().filter_map(|r| r.segment).max();
        self.note_segment(longest.unwrap_or(MediaDuration::ZERO));
        self.mpd = Some(mpd::Mpd { availability_start: start, ..mpd });
        self.look_again(now);
        Ok(())
    }

    /// Whether every track that the manifests speak of has brought media.
    pub(super) fn is_complete(&self) -> bool {
        let listed = self.hls.is_complete().unwrap_or(false);
        if !listed && self.mpd.is_none() {
            return false;
        }
        let mut carried = self.strands.iter().filter(|strand| !strand.refused).peekable();
        carried.peek().is_some()
            && carried.all(|strand| {
                strand.tracks().next().is_some() && self.shared.step.have_media(strand.tracks())
            })
    }
}

/// The language of an RFC 5646 tag, as far as tracks have it.
fn language_of(tag: &str) -> Language {
    let primary = tag.split('-').next().unwrap_or(tag);
    Language::from_tag(primary)
}
