//! The slate: a file played while all of a channel's inputs are silent.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::channel::{ChannelHandle, Feed};
use super::loop_source::LoopSource;
use super::origin::Origin;
use super::shutdown::Shutdown;
use crate::ingest::programme::{Programme, ProgrammeTrack};
use crate::media::{Language, MediaKind, TrackId, VariantName};
use crate::packager::{InputId, SourceEvent};

/// Plays the slate whenever the channel wants it, until it is halted.
pub(super) async fn run(
    programme: Arc<Programme>,
    channel: Arc<ChannelHandle>,
    origin: Arc<Origin>,
    halt: Shutdown,
) {
    let mut wanted = channel.slate_wanted();
    loop {
        let slate = tokio::select! {
            now = wanted.wait_for(Option::is_some) => match now {
                Ok(slate) => slate.clone(),
                Err(_) => return,
            },
            () = halt.wait() => return,
        };
        let Some(slate) = slate else { continue };
        let source = origin.new_source(InputId::SLATE);
        let cast = Arc::new(cast(&programme, &slate.tracks));
        let playing = LoopSource::starting_at(cast, source, slate.from);
        tokio::select! {
            () = playing.play(&channel, &origin.clock, &halt) => {}
            _ = wanted.wait_for(|now| now.as_ref() != Some(&slate)) => {}
        }
        // What is made less than whole is not to be what a server shows last.
        if origin.shutdown.begun()
            || !channel.feed(Feed { source, events: vec![SourceEvent::Lost] }).await
            || halt.begun()
        {
            return;
        }
    }
}

/// The programme in the place of all that played before: a rung for each rung, the rung of that name
/// or else the largest; a language for each language, that one or else the first. Where nothing has
/// played, its largest rung and its first language: what comes takes the place of these, and players
/// of more would be left without.
fn cast(programme: &Programme, parts: &BTreeSet<(MediaKind, VariantName, Language)>) -> Programme {
    let tracks = parts.iter().filter_map(|(kind, variant, language)| {
        understudy(programme, *kind, variant, Some(*language))
    });
    let mut tracks: Vec<ProgrammeTrack> = tracks.collect();
    if tracks.is_empty() {
        let alone = |kind| understudy(programme, kind, &VariantName::default(), None);
        tracks = [MediaKind::Video, MediaKind::Audio].into_iter().filter_map(alone).collect();
    }
    for (id, track) in (0..).zip(&mut tracks) {
        track.info.id = TrackId(id);
    }
    Programme { tracks }
}

/// The track that plays a part; one of no language keeps its own.
fn understudy(
    programme: &Programme,
    kind: MediaKind,
    variant: &VariantName,
    language: Option<Language>,
) -> Option<ProgrammeTrack> {
    let of_kind = programme.tracks.iter().filter(|track| track.info.kind() == kind);
    let best = of_kind.min_by_key(|track| {
        let same = match kind {
            MediaKind::Video => track.info.variant == *variant,
            MediaKind::Audio => Some(track.info.language) == language,
        };
        let area = track.info.codec.picture().map_or(0, |picture| picture.area());
        (!same, std::cmp::Reverse(area), track.info.id)
    })?;
    let mut track = best.clone();
    track.info.variant = variant.clone();
    track.info.language = language.unwrap_or(track.info.language);
    Some(track)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::programme::read;

    const FILE: &[u8] =
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/loop/two-rungs.mp4"));

    #[test]
    fn a_slate_takes_the_place_of_each_rung_and_language() {
        let programme = read(FILE).expect("the fixture");
        let name = |text: &str| VariantName::parse(text).expect("plain");
        let codec = |variant: &str| {
            let mut tracks = programme.tracks.iter();
            tracks.find(|t| t.info.variant == name(variant)).expect("a rung").info.codec.clone()
        };
        let german = Language::parse(b"deu");
        let parts = BTreeSet::from([
            (MediaKind::Video, name("1080p"), Language::UNDETERMINED),
            (MediaKind::Video, name("46p"), Language::UNDETERMINED),
            (MediaKind::Audio, VariantName::default(), german),
        ]);
        let cast = cast(&programme, &parts);
        let infos: Vec<_> = cast.tracks.iter().map(|track| &track.info).collect();
        let names: Vec<_> = infos.iter().map(|info| info.variant.as_str()).collect();
        assert_eq!(names, ["1080p", "46p", ""]);
        assert_eq!(infos[0].codec, codec("90p"), "the largest for a rung it does not have");
        assert_eq!(infos[1].codec, codec("46p"));
        assert_eq!(infos[2].language, german);
        assert!(cast.is_seamless() == programme.is_seamless());
        let none_of_it =
            BTreeSet::from([(MediaKind::Video, VariantName::default(), Language::UNDETERMINED)]);
        let mut silent = programme.clone();
        silent.tracks.retain(|track| track.info.kind() == MediaKind::Audio);
        assert_eq!(super::cast(&silent, &none_of_it).tracks.len(), 1, "what there is");
        let first = super::cast(&programme, &BTreeSet::new());
        let codecs: Vec<_> = first.tracks.iter().map(|track| &track.info.codec).collect();
        assert_eq!(codecs, [&codec("90p"), &cast.tracks[2].info.codec]);
    }
}
