//! The MPD (ISO/IEC 23009-1): SegmentTimeline with `$Number$`; numbers alone for low latency.
//!
//! `availabilityStartTime` is the Unix epoch and `presentationTimeOffset` the Period's start, so
//! that MPD time is media time and nothing in it is ever rewritten.

mod low_latency;
mod timeline;

use std::fmt::Write;

use super::Listing;
use super::text::{put_instant, put_xs_duration};
use crate::media::{Codec, MediaKind};
use crate::packager::{Nominal, PeriodTrack, RenditionView, SegmentationView};
use crate::units::{MediaDuration, MediaTime};
pub use low_latency::UPDATE_PERIOD;
use timeline::Listed;

/// Segments between the live edge and where players are asked to play.
const DELAY_SEGMENTS: i64 = 3;
/// Segments of buffer asked for before playing.
const BUFFER_SEGMENTS: i64 = 2;

/// Numbers a Representation may lag behind and still count in `publishTime`.
const LAG_MAX: u64 = 4;

/// Renders an MPD.
#[must_use]
pub fn mpd(listing: &Listing<'_>, segmentation: &SegmentationView) -> String {
    let spans = segmentation.spans.as_deref();
    let periods = match spans {
        Some(spans) => low_latency::periods(listing, segmentation, spans),
        None => timeline::periods(listing, segmentation),
    };
    let published = match spans {
        Some(spans) => low_latency::published(listing, segmentation, spans),
        None => published(listing, segmentation),
    };
    let newest = periods.last();
    let nominal = newest.and_then(|listed| listed.span?.nominal.as_ref());
    let mut out = String::with_capacity(2048);
    let end = periods.iter().filter_map(Listed::end).max().unwrap_or(MediaTime::from_millis(0));
    put_root(&mut out, &Root { listing, segmentation, published, end, nominal });
    if let (Some(nominal), Some(newest)) = (nominal, newest) {
        let video = newest.of(MediaKind::Video).next().is_some();
        low_latency::put_service(&mut out, nominal, usize::from(!video));
    }
    for period in &periods {
        put_period(&mut out, listing, period);
    }
    out.push_str(
        "<UTCTiming schemeIdUri=\"urn:mpeg:dash:utc:http-iso:2014\" value=\"/time\"/>\n</MPD>\n",
    );
    out
}

/// What the root element says.
struct Root<'a> {
    listing: &'a Listing<'a>,
    segmentation: &'a SegmentationView,
    published: MediaTime,
    /// Where the last listed media ends.
    end: MediaTime,
    /// The newest Period's, where it is low-latency.
    nominal: Option<&'a Nominal>,
}

fn put_root(out: &mut String, root: &Root<'_>) {
    let segmentation = root.segmentation;
    let duration = segmentation.duration;
    let (update, buffer, delay) = match root.nominal {
        Some(nominal) => {
            let delay = low_latency::target_latency(nominal);
            (UPDATE_PERIOD, low_latency::buffer(nominal), delay)
        }
        None => (duration, duration.times(BUFFER_SEGMENTS), duration.times(DELAY_SEGMENTS)),
    };
    let least = match segmentation.spans {
        Some(_) => segmentation.least_listed(),
        None => duration.times(DELAY_SEGMENTS),
    };
    out.push_str(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\"",
    );
    out.push_str(" profiles=\"urn:mpeg:dash:profile:isoff-live:2011");
    if root.nominal.is_some() {
        out.push_str(",http://www.dashif.org/guidelines/low-latency-live-v5");
    }
    out.push_str("\" type=\"dynamic\"");
    out.push_str(" availabilityStartTime=\"1970-01-01T00:00:00Z\" publishTime=\"");
    put_instant(out, root.published);
    out.push('"');
    let mut put = |name: &str, value: MediaDuration| {
        let _ = write!(out, " {name}=\"");
        put_xs_duration(out, value);
        out.push('"');
    };
    if root.listing.ended {
        put("mediaPresentationDuration", root.end.since_epoch());
    } else {
        put("minimumUpdatePeriod", update);
    }
    put("minBufferTime", buffer);
    put("timeShiftBufferDepth", root.listing.window.max(least));
    put("suggestedPresentationDelay", delay);
    let target = MediaDuration::from_secs(i64::from(segmentation.target));
    let longest = target.max(segmentation.longest);
    put(
        "maxSegmentDuration",
        MediaDuration::from_millis(longest.div_ceil(MediaDuration::from_millis(1))),
    );
    out.push_str(">\n");
}

/// `publishTime`: it must rise with every change of the content and with nothing else (ISO/IEC
/// 23009-1 §5.3.1.2), and twins must agree on it. The content changes exactly when a segment is
/// added, so it is the end of the newest one, and a millisecond more for each number that a
/// Representation is not behind.
fn published(listing: &Listing<'_>, segmentation: &SegmentationView) -> MediaTime {
    let incomplete = segmentation.incomplete;
    let newest = || segmentation.renditions.iter().filter_map(|l| l.newest_media(incomplete));
    let end = newest().map(|row| row.end_time()).max().unwrap_or(MediaTime::from_millis(0));
    let last = newest().map(|row| row.number).max().unwrap_or(0);
    let progress: u64 = newest().map(|row| LAG_MAX.saturating_sub(last - row.number)).sum();
    let changes = progress + u64::from(listing.ended);
    end + MediaDuration::from_millis(i64::try_from(changes).unwrap_or(0))
}

fn put_period(out: &mut String, listing: &Listing<'_>, listed: &Listed<'_>) {
    let _ = write!(out, "<Period id=\"{}\" start=\"", listed.period.id);
    put_xs_duration(out, listed.start.since_epoch());
    if let Some(duration) = listed.duration {
        low_latency::put_duration(out, duration);
    }
    out.push_str("\">\n");
    let video: Vec<_> = listed.of(MediaKind::Video).collect();
    if !video.is_empty() {
        put_video(out, listing, listed, &video);
    }
    for (i, (track, view, rows)) in listed.of(MediaKind::Audio).enumerate() {
        put_audio(out, listed, track, i);
        put_representation(out, listing, listed, (track, view, rows));
        out.push_str("</AdaptationSet>\n");
    }
    out.push_str("</Period>\n");
}

type ListedTrack<'a> = (&'a PeriodTrack, &'a RenditionView, &'a [timeline::Run]);

fn put_video(
    out: &mut String,
    listing: &Listing<'_>,
    listed: &Listed<'_>,
    tracks: &[ListedTrack<'_>],
) {
    let sizes = tracks.iter().filter_map(|(t, _, _)| match &t.codec {
        Codec::Avc(avc) => Some((avc.width, avc.height)),
        Codec::Aac(_) => None,
    });
    let (width, height) = sizes.fold((0, 0), |(w, h), (x, y)| (w.max(x), h.max(y)));
    let _ = write!(
        out,
        "<AdaptationSet id=\"0\" contentType=\"video\" mimeType=\"video/mp4\" segmentAlignment=\"true\" startWithSAP=\"1\" maxWidth=\"{width}\" maxHeight=\"{height}\""
    );
    let fastest =
        tracks.iter().filter_map(|(t, _, _)| t.frame_rate).max_by_key(|r| r.duration_of(-1));
    if let Some(rate) = fastest {
        let _ = write!(out, " maxFrameRate=\"{}\"", ratio(rate.frames.get(), rate.seconds.get()));
    }
    out.push_str(">\n");
    put_production(out, listed, 0);
    out.push_str("<Role schemeIdUri=\"urn:mpeg:dash:role:2011\" value=\"main\"/>\n");
    for track in tracks {
        put_representation(out, listing, listed, *track);
    }
    out.push_str("</AdaptationSet>\n");
}

fn put_production(out: &mut String, listed: &Listed<'_>, set: usize) {
    if let Some(nominal) = listed.span.and_then(|span| span.nominal.as_ref()) {
        low_latency::put_production(out, nominal, set);
    }
}

fn put_audio(out: &mut String, listed: &Listed<'_>, track: &PeriodTrack, index: usize) {
    let (id, language) = (index + 1, track.language.bcp47());
    let _ = writeln!(
        out,
        "<AdaptationSet id=\"{id}\" contentType=\"audio\" mimeType=\"audio/mp4\" segmentAlignment=\"true\" startWithSAP=\"1\" lang=\"{language}\">"
    );
    put_production(out, listed, id);
    let role = if index == 0 { "main" } else { "alternate" };
    let _ = writeln!(out, "<Role schemeIdUri=\"urn:mpeg:dash:role:2011\" value=\"{role}\"/>");
}

fn put_representation(
    out: &mut String,
    listing: &Listing<'_>,
    listed: &Listed<'_>,
    (track, view, runs): ListedTrack<'_>,
) {
    let _ = write!(
        out,
        "<Representation id=\"{}\" codecs=\"{}\" bandwidth=\"{}\"",
        view.rendition.name,
        track.codec.rfc6381(),
        view.whole.peak.0.max(1)
    );
    match &track.codec {
        Codec::Avc(avc) => {
            let (x, y) = avc.pixel_aspect;
            let _ =
                write!(out, " width=\"{}\" height=\"{}\" sar=\"{x}:{y}\"", avc.width, avc.height);
            if let Some(rate) = track.frame_rate {
                let _ =
                    write!(out, " frameRate=\"{}\"", ratio(rate.frames.get(), rate.seconds.get()));
            }
            out.push_str(">\n");
        }
        Codec::Aac(aac) => {
            let _ = write!(
                out,
                " audioSamplingRate=\"{}\">\n<AudioChannelConfiguration schemeIdUri=\"urn:mpeg:dash:23003:3:audio_channel_configuration:2011\" value=\"{}\"/>\n",
                aac.sample_rate, aac.channels
            );
        }
    }
    match listed.span.and_then(|span| Some((span, span.nominal.as_ref()?))) {
        Some((span, nominal)) => low_latency::put(out, listing, span, nominal),
        None => timeline::put(out, listing, listed, track, runs),
    }
    out.push_str("</Representation>\n");
}

fn ratio(frames: u32, seconds: u32) -> String {
    if seconds == 1 { frames.to_string() } else { format!("{frames}/{seconds}") }
}
