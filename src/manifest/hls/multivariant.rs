//! The multivariant playlist: every rung, and the audio group they share.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::super::Listing;
use crate::media::MediaKind;
use crate::media::codec::{Sound, VideoRange};
use crate::packager::{PeriodTrack, RenditionView, SegmentationView};
use crate::repackage::in_transport_stream;
use crate::resolve::Container;

/// The audio group's name.
const GROUP: &str = "audio";

/// Renders a multivariant playlist of the newest Period's tracks that have enough to be played.
#[must_use]
pub fn multivariant(listing: &Listing<'_>, segmentation: &SegmentationView) -> String {
    let of = |kind: MediaKind| {
        let kind = move |t: &&PeriodTrack| t.codec.kind() == kind;
        let tracks = segmentation.period.tracks.iter().filter(kind);
        let fits = |t: &&PeriodTrack| {
            listing.container == Container::Cmaf || t.codec.fits_transport_stream()
        };
        let list = |t: &PeriodTrack| {
            let muxed = segmentation.muxed(t.rendition).filter(|_| listing.muxed);
            muxed.or_else(|| segmentation.rendition(t.rendition))
        };
        let lists = tracks.filter(fits).filter_map(|t| Some((t, list(t)?)));
        let enough = |list| listing.past.is_some() || segmentation.has_enough(list);
        lists.filter(|(_, list)| enough(list)).collect::<Vec<_>>()
    };
    let video = listing.presentation.choose(of(MediaKind::Video), |(track, _)| track.rate);
    let mut audio = of(MediaKind::Audio);
    let muxed = listing.muxed && !video.is_empty();
    if muxed {
        // What goes with video has no list of its own.
        let default = segmentation.period.default_audio();
        let list = default.and_then(|t| Some((t, segmentation.rendition(t.rendition)?)));
        audio = list.into_iter().collect();
    }
    let version = if listing.container == Container::Cmaf { 6 } else { 3 };
    let version = listing.presentation.hls_version.max(version);
    let mut out = format!("#EXTM3U\n#EXT-X-VERSION:{version}\n#EXT-X-INDEPENDENT-SEGMENTS\n");
    for (i, (track, list)) in audio.iter().enumerate().filter(|_| !muxed) {
        put_audio(&mut out, listing, track, list, i == 0);
    }
    let rates = |(track, list): &(&PeriodTrack, &RenditionView)| {
        [list.rendition.peak, list.rendition.average].map(|rate| match listing.container {
            Container::Cmaf => rate.0,
            Container::TransportStream => in_transport_stream(rate, track).0,
        })
    };
    let loudest = audio.iter().map(|one| rates(one)[0]).max().unwrap_or(0);
    let average = audio.iter().map(|one| rates(one)[1]).max().unwrap_or(0);
    let heard: BTreeSet<String> = audio.iter().map(|(t, _)| t.codec.rfc6381()).collect();
    for one @ (track, list) in &video {
        let [own_peak, own_average] = rates(one);
        let codecs = std::iter::once(track.codec.rfc6381()).chain(heard.iter().cloned());
        let _ = write!(
            out,
            "#EXT-X-STREAM-INF:BANDWIDTH={},AVERAGE-BANDWIDTH={},CODECS=\"{}\"",
            own_peak + loudest,
            own_average + average,
            codecs.collect::<Vec<_>>().join(",")
        );
        put_picture(&mut out, track);
        if !audio.is_empty() && !muxed {
            let _ = write!(out, ",AUDIO=\"{GROUP}\"");
        }
        let _ = write!(out, "\n{}\n", uri(listing, list));
    }
    if let (true, Some((track, list))) = (video.is_empty(), audio.first()) {
        let _ = write!(
            out,
            "#EXT-X-STREAM-INF:BANDWIDTH={loudest},AVERAGE-BANDWIDTH={average},CODECS=\"{}\",AUDIO=\"{GROUP}\"\n{}\n",
            track.codec.rfc6381(),
            uri(listing, list)
        );
    }
    out
}

/// Where a media playlist is, with the wish that led here.
fn uri(listing: &Listing<'_>, list: &RenditionView) -> String {
    let uri = format!("{}/{}/media.m3u8", listing.folder, list.rendition.name);
    match listing.past {
        Some(past) => format!("{uri}?shift={}", past.token),
        None => uri,
    }
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
    let channels = track.codec.sound().map(channels).unwrap_or_default();
    // NAMEs differ within a group (§4.4.6.1.1): a rendition's name does.
    let _ = writeln!(
        out,
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"{GROUP}\",NAME=\"{name}\",LANGUAGE=\"{language}\",DEFAULT={chosen},AUTOSELECT=YES,CHANNELS=\"{channels}\",URI=\"{}\"",
        uri(listing, list),
        name = list.rendition.name,
    );
}

/// The value of CHANNELS (§4.4.6.1): loudspeakers; of joint object coding the objects it is mixed
/// for, with its name.
fn channels(sound: Sound) -> String {
    match sound.objects {
        Some(complexity) => format!("{complexity}/JOC"),
        None => sound.channels.to_string(),
    }
}

fn put_picture(out: &mut String, track: &PeriodTrack) {
    if let Some(picture) = track.codec.picture() {
        let _ = write!(out, ",RESOLUTION={}x{}", picture.width, picture.height);
        // What is absent means SDR (§4.4.6.2).
        out.push_str(match picture.range() {
            VideoRange::Sdr => "",
            VideoRange::Hlg => ",VIDEO-RANGE=HLG",
            VideoRange::Pq => ",VIDEO-RANGE=PQ",
        });
    }
    if let Some(rate) = track.frame_rate {
        let (frames, seconds) = (u64::from(rate.frames.get()), u64::from(rate.seconds.get()));
        let thousandths = (frames * 1000 + seconds / 2) / seconds;
        let _ = write!(out, ",FRAME-RATE={}.{:03}", thousandths / 1000, thousandths % 1000);
    }
}
