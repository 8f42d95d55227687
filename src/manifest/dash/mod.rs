//! The MPD (ISO/IEC 23009-1): SegmentTimeline with `$Number$`; numbers alone for low latency.
//!
//! `availabilityStartTime` is the Unix epoch and `presentationTimeOffset` the Period's start, so
//! that MPD time is media time and nothing in it is ever rewritten.

mod low_latency;
mod timeline;

use std::fmt::Write;

use quick_xml::escape::escape;

use super::text::{put_instant, put_xs_duration};
use super::{Listing, PastKind};
use crate::media::codec::{ChannelLayout, Sound};
use crate::media::{Codec, MediaKind};
use crate::packager::{Nominal, PeriodTrack, RenditionView, Segment, SegmentationView};
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
    let mut periods = match spans {
        Some(spans) => low_latency::periods(listing, segmentation, spans),
        None => timeline::periods(listing, segmentation),
    };
    let published = match spans {
        Some(spans) => low_latency::published(listing, segmentation, spans),
        None => published(listing, segmentation),
    };
    let origin = origin(listing, &mut periods);
    let newest = periods.last();
    let nominal = newest.and_then(|listed| listed.span?.nominal.as_ref());
    let mut out = String::with_capacity(2048);
    let end = periods.iter().filter_map(Listed::end).max().unwrap_or(MediaTime::from_millis(0));
    put_root(&mut out, &Root { listing, segmentation, published, origin, end, nominal });
    if let (Some(nominal), Some(newest)) = (nominal, newest) {
        let video = newest.of(MediaKind::Video).next().is_some();
        let latency = low_latency::target_latency(nominal, listing.presentation);
        low_latency::put_service(&mut out, nominal, latency, usize::from(!video));
    }
    for period in &periods {
        put_period(&mut out, listing, period, origin);
    }
    if listing.past.is_some_and(|past| past.kind == PastKind::Whole) {
        out.push_str("</MPD>\n");
        return out;
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
    /// Where MPD time begins.
    origin: MediaTime,
    /// Where the last listed media ends.
    end: MediaTime,
    /// The newest Period's, where it is low-latency.
    nominal: Option<&'a Nominal>,
}

fn put_root(out: &mut String, root: &Root<'_>) {
    let segmentation = root.segmentation;
    let target = MediaDuration::from_secs(i64::from(segmentation.target));
    // Of an irregular source D is what was asked, and its segments are as long as the target.
    let duration = segmentation.duration.max(target);
    let advice = Advice::of(root, duration);
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
    let past = root.listing.past.map(|past| past.kind);
    if past == Some(PastKind::Whole) {
        put_static(out, root, advice.buffer);
        return;
    }
    let delay = if let Some(PastKind::Window { delay }) = past { delay } else { 0 };
    out.push_str("\" type=\"dynamic\" availabilityStartTime=\"");
    // What is listed late is there so much later.
    if delay == 0 {
        out.push_str("1970-01-01T00:00:00Z");
    } else {
        put_instant(out, MediaTime::from_millis(delay));
    }
    out.push_str("\" publishTime=\"");
    put_instant(out, root.published + MediaDuration::from_millis(delay));
    out.push('"');
    let mut put = |name: &str, value: MediaDuration| {
        let _ = write!(out, " {name}=\"");
        put_xs_duration(out, value);
        out.push('"');
    };
    if root.listing.ended {
        put("mediaPresentationDuration", root.end.since_epoch());
    } else {
        put("minimumUpdatePeriod", advice.update);
    }
    put("minBufferTime", advice.buffer);
    // Without it all of what grows is there.
    if !matches!(past, Some(PastKind::Growing)) {
        put("timeShiftBufferDepth", root.listing.window.max(least));
    }
    put("suggestedPresentationDelay", advice.delay);
    let longest = target.max(segmentation.longest);
    put(
        "maxSegmentDuration",
        MediaDuration::from_millis(longest.div_ceil(MediaDuration::from_millis(1))),
    );
    out.push_str(">\n");
    if let Some(past) = root.listing.past.filter(|past| matches!(past.kind, PastKind::Growing)) {
        let _ = writeln!(out, "<Location>{}</Location>", escape(past.location));
    }
}

/// The root of a presentation that is all there (§5.3.1.2): it begins at 0.
fn put_static(out: &mut String, root: &Root<'_>, buffer: MediaDuration) {
    out.push_str("\" type=\"static\"");
    let mut put = |name: &str, value: MediaDuration| {
        let _ = write!(out, " {name}=\"");
        put_xs_duration(out, value);
        out.push('"');
    };
    put("mediaPresentationDuration", root.end - root.origin);
    put("minBufferTime", buffer);
    out.push_str(">\n");
}

/// Where MPD time begins: with what is listed first, where it is all there; else with Unix time.
fn origin(listing: &Listing<'_>, periods: &mut [Listed<'_>]) -> MediaTime {
    let whole = listing.past.is_some_and(|past| past.kind == PastKind::Whole);
    let epoch = MediaTime::from_millis(0);
    let Some(first) = periods.first_mut().filter(|_| whole) else { return epoch };
    first.start = first.begin().map_or(first.start, |at| MediaTime::from_millis(at.floor_millis()));
    first.start
}

/// What players are told of updates, buffer and delay.
struct Advice {
    update: MediaDuration,
    buffer: MediaDuration,
    delay: MediaDuration,
}

impl Advice {
    /// As the endpoint has it; what it does not say follows from segments, of low latency from parts.
    fn of(root: &Root<'_>, duration: MediaDuration) -> Self {
        let presentation = root.listing.presentation;
        let (update, buffer, delay) = if let Some(nominal) = root.nominal {
            let delay = low_latency::target_latency(nominal, presentation);
            (low_latency::update_period(presentation), low_latency::buffer(nominal), delay)
        } else {
            let update = presentation.min_update.unwrap_or(root.segmentation.duration);
            (update, duration.times(BUFFER_SEGMENTS), default_delay(duration, update))
        };
        Advice {
            update,
            buffer: presentation.min_buffer.unwrap_or(buffer),
            delay: presentation.delay.unwrap_or(delay),
        }
    }
}

/// How far behind the live edge players are asked to play where nothing is said: three segments, and
/// no less than what a player has not been told of yet (DASH-IF timing model, presentation delay).
fn default_delay(segment: MediaDuration, update: MediaDuration) -> MediaDuration {
    segment.times(DELAY_SEGMENTS).max(update + segment)
}

/// `publishTime`: it must rise with every change of the content and with nothing else (ISO/IEC
/// 23009-1 §5.3.1.2), and twins must agree on it. The content changes exactly when a segment is
/// added, so it is the end of the newest one, and a millisecond more for each number that a
/// Representation is not behind. What is not shown stands at the most there is: it changes nothing.
fn published(listing: &Listing<'_>, segmentation: &SegmentationView) -> MediaTime {
    let newest = segmentation.renditions.iter().filter_map(|list| {
        let row = list.newest_media(segmentation.incomplete)?;
        Some((row, listing.presentation.shown(&row.period).contains(&list.rendition.id)))
    });
    let newest: Vec<_> = newest.collect();
    let shown = || newest.iter().filter(|(_, shown)| *shown).map(|(row, _)| row);
    let end = shown().map(|row| row.end_time()).max().unwrap_or(MediaTime::from_millis(0));
    let last = shown().map(|row| row.number).max().unwrap_or(0);
    let lag = |row: &Segment, shown: bool| if shown { last - row.number } else { 0 };
    let progress: u64 =
        newest.iter().map(|(row, shown)| LAG_MAX.saturating_sub(lag(row, *shown))).sum();
    let changes = progress + u64::from(listing.ended);
    end + MediaDuration::from_millis(i64::try_from(changes).unwrap_or(0))
}

fn put_period(out: &mut String, listing: &Listing<'_>, listed: &Listed<'_>, origin: MediaTime) {
    let _ = write!(out, "<Period id=\"{}\" start=\"", listed.period.id);
    put_xs_duration(out, listed.start - origin);
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
    let sizes = tracks.iter().filter_map(|(t, _, _)| t.codec.picture());
    let (width, height) = sizes.fold((0, 0), |(w, h), p| (w.max(p.width), h.max(p.height)));
    let _ = write!(
        out,
        "<AdaptationSet id=\"0\" contentType=\"video\" mimeType=\"video/mp4\" segmentAlignment=\"true\" startWithSAP=\"1\" maxWidth=\"{width}\" maxHeight=\"{height}\""
    );
    let pictures = tracks.iter().filter_map(|(t, _, _)| Picture::of(&t.codec));
    if let Some((x, y)) = picture_aspect(&pictures.collect::<Vec<_>>()) {
        let _ = write!(out, " par=\"{x}:{y}\"");
    }
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

/// A picture as it is coded: width, height, and the aspect of a pixel.
#[derive(Clone, Copy)]
struct Picture {
    size: (u64, u64),
    pixel: (u64, u64),
}

impl Picture {
    fn of(codec: &Codec) -> Option<Self> {
        let picture = codec.picture()?;
        let (x, y) = picture.pixel_aspect;
        let size = (u64::from(picture.width), u64::from(picture.height));
        Some(Picture { size, pixel: (u64::from(x), u64::from(y)) })
    }

    /// Width and height of the picture as it is shown.
    fn shown(self) -> (u64, u64) {
        (self.size.0 * self.pixel.0, self.size.1 * self.pixel.1)
    }

    /// Whether its aspect is that of another but for a pixel: encoders round sizes to even numbers.
    fn looks_like(self, (x, y): (u64, u64)) -> bool {
        let (width, height) = self.shown();
        let pixel = (self.pixel.0 * y).max(self.pixel.1 * x);
        (width * y).abs_diff(height * x) <= pixel
    }
}

/// @par, where all pictures of a set have one: that of the largest, which says it most exactly.
fn picture_aspect(pictures: &[Picture]) -> Option<(u64, u64)> {
    let largest = pictures.iter().max_by_key(|p| p.size.0 * p.size.1)?;
    let (width, height) = largest.shown();
    if width == 0 || height == 0 {
        return None;
    }
    let divisor = greatest_common_divisor(width, height);
    let aspect = (width / divisor, height / divisor);
    pictures.iter().all(|p| p.looks_like(aspect)).then_some(aspect)
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
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
    if let Some(picture) = track.codec.picture() {
        let (x, y) = picture.pixel_aspect;
        let (width, height) = (picture.width, picture.height);
        let _ = write!(out, " width=\"{width}\" height=\"{height}\" sar=\"{x}:{y}\"");
        if let Some(rate) = track.frame_rate {
            let _ = write!(out, " frameRate=\"{}\"", ratio(rate.frames.get(), rate.seconds.get()));
        }
        out.push_str(">\n");
    }
    if let Some(sound) = track.codec.sound() {
        let _ = writeln!(out, " audioSamplingRate=\"{}\">", sound.sample_rate);
        put_channels(out, &sound);
    }
    match listed.span.and_then(|span| Some((span, span.nominal.as_ref()?))) {
        Some((span, nominal)) => low_latency::put(out, listing, span, nominal),
        None => timeline::put(out, listing, listed, track, runs),
    }
    out.push_str("</Representation>\n");
}

/// Which loudspeakers, in the notation of the codec's own standard: Dolby's maps say layouts that
/// MPEG's numbers do not (ISO/IEC 23009-1 §5.8.5.4; ETSI TS 102 366 §I.1.2.1), and joint object
/// coding by its two properties (ETSI TS 103 420 §D.2.2).
fn put_channels(out: &mut String, sound: &Sound) {
    let _ = match sound.layout {
        ChannelLayout::Configuration(value) => writeln!(
            out,
            "<AudioChannelConfiguration schemeIdUri=\"urn:mpeg:dash:23003:3:audio_channel_configuration:2011\" value=\"{value}\"/>"
        ),
        ChannelLayout::DolbyMap(map) => writeln!(
            out,
            "<AudioChannelConfiguration schemeIdUri=\"tag:dolby.com,2014:dash:audio_channel_configuration:2011\" value=\"{map:04X}\"/>"
        ),
    };
    if let Some(complexity) = sound.objects {
        let _ = writeln!(
            out,
            "<SupplementalProperty schemeIdUri=\"tag:dolby.com,2018:dash:EC3_ExtensionType:2018\" value=\"JOC\"/>\n<SupplementalProperty schemeIdUri=\"tag:dolby.com,2018:dash:EC3_ExtensionComplexityIndex:2018\" value=\"{complexity}\"/>"
        );
    }
}

fn ratio(frames: u32, seconds: u32) -> String {
    if seconds == 1 { frames.to_string() } else { format!("{frames}/{seconds}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_of_one_shape_but_for_a_pixel_have_an_aspect() {
        let picture = |(width, height, x, y)| Picture { size: (width, height), pixel: (x, y) };
        for (pictures, expected) in [
            (&[(1280, 720, 1, 1), (640, 360, 1, 1)][..], Some((16, 9))),
            (&[(854, 480, 1, 1), (1280, 720, 1, 1), (426, 240, 1, 1)], Some((16, 9))),
            (&[(720, 576, 64, 45), (1280, 720, 1, 1)], Some((16, 9))),
            (&[(1280, 720, 1, 1), (640, 480, 1, 1)], None),
            (&[(640, 360, 0, 1)], None),
            (&[], None),
        ] {
            let pictures: Vec<Picture> = pictures.iter().copied().map(picture).collect();
            assert_eq!(picture_aspect(&pictures), expected);
        }
    }
}
