//! The multivariant playlist: every rung, and the audio group they share.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::super::Listing;
use crate::media::{Codec, MediaKind};
use crate::packager::{PeriodTrack, RenditionView, SegmentationView};

/// The audio group's name.
const GROUP: &str = "audio";

/// Renders a multivariant playlist of the newest Period's tracks that have enough to be played.
#[must_use]
pub fn multivariant(listing: &Listing<'_>, segmentation: &SegmentationView) -> String {
    let of = |kind: MediaKind| {
        let kind = move |t: &&PeriodTrack| t.codec.kind() == kind;
        let tracks = segmentation.period.tracks.iter().filter(kind);
        let lists = tracks.filter_map(|t| Some((t, segmentation.rendition(t.rendition)?)));
        lists.filter(|(_, list)| segmentation.has_enough(list)).collect::<Vec<_>>()
    };
    let video = listing.presentation.choose(of(MediaKind::Video), |(track, _)| track.rate);
    let audio = of(MediaKind::Audio);
    let mut out = String::from("#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n");
    for (i, (track, list)) in audio.iter().enumerate() {
        put_audio(&mut out, listing, track, list, i == 0);
    }
    let loudest = audio.iter().map(|(_, list)| list.rendition.peak.0).max().unwrap_or(0);
    let average = audio.iter().map(|(_, list)| list.rendition.average.0).max().unwrap_or(0);
    let heard: BTreeSet<String> = audio.iter().map(|(t, _)| t.codec.rfc6381()).collect();
    for (track, list) in &video {
        let codecs = std::iter::once(track.codec.rfc6381()).chain(heard.iter().cloned());
        let _ = write!(
            out,
            "#EXT-X-STREAM-INF:BANDWIDTH={},AVERAGE-BANDWIDTH={},CODECS=\"{}\"",
            list.rendition.peak.0 + loudest,
            list.rendition.average.0 + average,
            codecs.collect::<Vec<_>>().join(",")
        );
        put_picture(&mut out, track);
        if !audio.is_empty() {
            let _ = write!(out, ",AUDIO=\"{GROUP}\"");
        }
        let _ = write!(out, "\n{}/{}/media.m3u8\n", listing.folder, list.rendition.name);
    }
    if let (true, Some((track, list))) = (video.is_empty(), audio.first()) {
        let _ = write!(
            out,
            "#EXT-X-STREAM-INF:BANDWIDTH={loudest},AVERAGE-BANDWIDTH={average},CODECS=\"{}\",AUDIO=\"{GROUP}\"\n{}/{}/media.m3u8\n",
            track.codec.rfc6381(),
            listing.folder,
            list.rendition.name
        );
    }
    out
}

fn put_audio(
    out: &mut String,
    listing: &Listing<'_>,
    track: &PeriodTrack,
    list: &RenditionView,
    default: bool,
) {
    let language = track.language.bcp47();
    let chosen = if default { "YES" } else { "NO" };
    let channels = match &track.codec {
        Codec::Aac(aac) => aac.channels,
        Codec::Avc(_) => 0,
    };
    // NAMEs differ within a group (§4.4.6.1.1): a rendition's name does.
    let _ = writeln!(
        out,
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"{GROUP}\",NAME=\"{name}\",LANGUAGE=\"{language}\",DEFAULT={chosen},AUTOSELECT=YES,CHANNELS=\"{channels}\",URI=\"{folder}/{name}/media.m3u8\"",
        name = list.rendition.name,
        folder = listing.folder,
    );
}

fn put_picture(out: &mut String, track: &PeriodTrack) {
    if let Codec::Avc(avc) = &track.codec {
        let _ = write!(out, ",RESOLUTION={}x{}", avc.width, avc.height);
    }
    if let Some(rate) = track.frame_rate {
        let (frames, seconds) = (u64::from(rate.frames.get()), u64::from(rate.seconds.get()));
        let thousandths = (frames * 1000 + seconds / 2) / seconds;
        let _ = write!(out, ",FRAME-RATE={}.{:03}", thousandths / 1000, thousandths % 1000);
    }
}
