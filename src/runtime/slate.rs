//! The slate: a file played while all of a channel's inputs are silent.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::channel::{ChannelHandle, Feed};
use super::loop_source::LoopSource;
use super::origin::Origin;
use crate::ingest::programme::{Programme, ProgrammeTrack};
use crate::media::{Language, MediaKind, TrackId, VariantName};
use crate::packager::{InputId, SourceEvent};

/// Plays the slate whenever the channel wants it, until shutdown.
pub(super) async fn run(
    programme: Arc<Programme>,
    channel: Arc<ChannelHandle>,
    origin: Arc<Origin>,
) {
    let mut wanted = channel.slate_wanted();
    loop {
        let slate = tokio::select! {
            now = wanted.wait_for(Option::is_some) => match now {
                Ok(slate) => slate.clone(),
                Err(_) => return,
            },
            () = origin.shutdown.wait() => return,
        };
        let Some(slate) = slate else { continue };
        let source = origin.new_source(InputId::SLATE);
        let cast = Arc::new(cast(&programme, &slate.tracks));
        let playing = LoopSource::from(cast, source, slate.from);
        tokio::select! {
            () = playing.play(&channel, &origin.clock, &origin.shutdown) => return,
            _ = wanted.wait_for(|now| now.as_ref() != Some(&slate)) => {}
        }
        if !channel.feed(Feed { source, events: vec![SourceEvent::Lost] }).await {
            return;
        }
    }
}

/// The programme in the place of all that played before: a rung for each rung, the rung of that name
/// or else the largest; a language for each language, that one or else the first. As it is where
/// nothing has played.
fn cast(programme: &Programme, parts: &BTreeSet<(MediaKind, VariantName, Language)>) -> Programme {
    let mut tracks = Vec::new();
    for (kind, variant, language) in parts {
        let understudies = programme.tracks.iter().filter(|track| track.info.kind() == *kind);
        let best = understudies.min_by_key(|track| {
            let same = match kind {
                MediaKind::Video => track.info.variant == *variant,
                MediaKind::Audio => track.info.language == *language,
            };
            let area = track.info.codec.picture().map_or(0, |picture| picture.area());
            (!same, std::cmp::Reverse(area), track.info.id)
        });
        tracks.extend(best.map(|track| {
            let mut info = track.info.clone();
            info.id = TrackId(u32::try_from(tracks.len()).unwrap_or(u32::MAX));
            (info.variant, info.language) = (variant.clone(), *language);
            ProgrammeTrack { info, ..track.clone() }
        }));
    }
    if tracks.is_empty() { programme.clone() } else { Programme { tracks } }
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
        assert_eq!(super::cast(&programme, &BTreeSet::new()).tracks.len(), programme.tracks.len());
    }
}
