//! One track in step, and what is written of it.

use std::collections::VecDeque;
use std::sync::Arc;

use super::super::chunker::{ChunkBuilder, Timed};
use super::super::period::PeriodTrack;
use super::super::segment::Segment;
use super::super::segmentation::{Cut, Segmentation};
use super::super::state::{RenditionId, Reserved, State};
use super::super::timeline::TrackClock;
use super::super::watch::SourceTrack;
use super::Surroundings;
use crate::isobmff::init_segment;
use crate::media::{MediaKind, TrackInfo};
use crate::units::{Bitrate, FrameRate, MediaDuration, MediaTime, Timescale};

/// What manifests declare over what was measured: 110 %.
const RATE_MARGIN: (u64, u64) = (110, 100);

/// One track in step.
#[derive(Debug)]
pub(super) struct RunTrack {
    pub(super) key: SourceTrack,
    pub(super) info: TrackInfo,
    pub(super) rendition: RenditionId,
    pub(super) clock: TrackClock,
    pub(super) builder: ChunkBuilder,
    /// Samples the leading track has not reached yet.
    pub(super) queue: VecDeque<Timed>,
    pub(super) queued_bytes: usize,
    /// Ends of the leading track's parts that this one, being audio, has not come to yet.
    pub(super) part_ends: VecDeque<MediaTime>,
    /// The boundary this track meets next, counted from the run's first.
    pub(super) next_boundary: u64,
    /// The length of a frame.
    pub(super) frame: MediaDuration,
    pub(super) frames_in_part: i64,
    pub(super) frames_per_part: i64,
    /// Whether it takes part in the Period; the others wait for one that includes them.
    pub(super) member: bool,
    /// Whether a sync sample of a waiting track was seen at a boundary.
    pub(super) aligned: bool,
    /// Whether its source has gone.
    pub(super) leaving: bool,
    /// Whether it has met a boundary of a Period it takes part in.
    pub(super) active: bool,
    pub(super) bytes: u64,
    pub(super) ticks: i64,
    /// What it measured before the run, where that is known.
    pub(super) before: Option<Bitrate>,
    /// What has come in the run.
    pub(super) came: Came,
}

/// The media that has come of a track, whether it takes part or not.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Came {
    bytes: u64,
    /// The newest sample's.
    newest: u64,
    first: Option<i64>,
    last: i64,
}

impl Came {
    pub(super) fn note(&mut self, timed: &Timed) {
        self.newest = timed.data.len() as u64;
        self.bytes += self.newest;
        self.first.get_or_insert(timed.dts);
        self.last = timed.dts;
    }

    /// Its rate, where it is a second at least.
    fn rate(&self, scale: Timescale) -> Option<Bitrate> {
        let span = MediaDuration::new(self.last - self.first?, scale);
        // The newest sample lasts beyond the span.
        let rate = Bitrate::of(self.bytes - self.newest, span);
        (span >= MediaDuration::from_secs(1)).then_some(rate)
    }
}

impl RunTrack {
    /// The last of the leading track's part ends that it has come to with `end`.
    pub(super) fn pass_part_ends(&mut self, end: i64) -> Option<MediaTime> {
        let end = MediaTime::new(end, self.clock.timescale());
        let mut passed = None;
        while let Some(at) = self.part_ends.pop_front_if(|at| *at <= end) {
            passed = Some(at);
        }
        passed
    }

    /// Raises the rates manifests declare by what a segment measures.
    pub(super) fn measure(&mut self, segment: &Segment, state: &mut State, changed: &mut bool) {
        let Some(rendition) = state.renditions.get_mut(self.rendition.0 as usize) else { return };
        let size = segment.size();
        self.bytes += size;
        self.ticks += segment.duration;
        let peak = with_margin(Bitrate::of(size, segment.length()));
        let span = MediaDuration::new(self.ticks, segment.timescale);
        let average = with_margin(Bitrate::of(self.bytes, span)).min(peak.max(rendition.peak));
        if peak > rendition.peak || average > rendition.average {
            rendition.peak = rendition.peak.max(peak);
            rendition.average = rendition.average.max(average);
            *changed = true;
        }
    }
}

/// A measured rate with the margin manifests declare, in whole kilobits.
fn with_margin(rate: Bitrate) -> Bitrate {
    Bitrate((rate.0.saturating_mul(RATE_MARGIN.0) / RATE_MARGIN.1).div_ceil(1000) * 1000)
}

pub(super) fn close_chunk(
    track: &mut RunTrack,
    next: Option<i64>,
    part_end: bool,
    ends_part: Option<MediaTime>,
    around: &mut Surroundings<'_>,
) {
    let Some(mut chunk) = track.builder.close(next) else { return };
    chunk.ends_part = ends_part.filter(|_| track.info.kind() == MediaKind::Audio);
    let chunk = Arc::new(chunk);
    for segmentation in around.segmentations.iter_mut() {
        segmentation.add(track.rendition, &chunk, part_end);
    }
}

/// Reserves the number after the one a cut uses, and says which state must be on disk for this one.
pub(super) fn reserve(
    segmentation: &Segmentation,
    cut: &Cut,
    at: MediaTime,
    state: &mut State,
    needs: &mut u64,
) {
    let revision = state.revision;
    let stored: &mut Reserved = state.segmentations.entry(segmentation.key()).or_default();
    let ahead = stored.number >= cut.number;
    stored.number = cut.number + 1;
    stored.target = segmentation.target;
    stored.part_target = segmentation.part_target;
    stored.parts_of = segmentation.parts_of();
    stored.offset = segmentation.offset();
    stored.end_ms = (at + segmentation.duration.times(2)).floor_millis();
    *needs = (*needs).max(if ahead { revision } else { revision + 1 });
}

/// The average of a rate that carries the margin.
fn without_margin(rate: Bitrate) -> Bitrate {
    Bitrate(rate.0 / RATE_MARGIN.0 * RATE_MARGIN.1)
}

pub(super) fn period_track(
    track: &RunTrack,
    leading_frame: MediaDuration,
    state: &State,
) -> PeriodTrack {
    let declared = || state.renditions.get(track.rendition.0 as usize).map(|r| r.average);
    let timescale = track.clock.timescale();
    let frame = track.info.codec.frame_duration().unwrap_or(leading_frame);
    PeriodTrack {
        rendition: track.rendition,
        codec: track.info.codec.clone(),
        timescale,
        frame_rate: match track.info.kind() {
            MediaKind::Video => rate_of(frame),
            MediaKind::Audio => None,
        },
        language: track.info.language,
        rate: track
            .came
            .rate(timescale)
            .or(track.before)
            .or_else(|| declared().map(without_margin))
            .unwrap_or_default(),
        init: init_segment(&track.info.codec, timescale, track.info.language),
    }
}

/// The rate whose frames are this long, where it is a fraction of 32-bit numbers.
fn rate_of(frame: MediaDuration) -> Option<FrameRate> {
    let rate = FrameRate::new(frame.scale().get(), u32::try_from(frame.ticks()).ok()?)?;
    (rate.frames.get() / rate.seconds.get() < 1000).then_some(rate)
}

pub(super) fn name_of(state: &State, rendition: RenditionId) -> String {
    state.renditions.get(rendition.0 as usize).map_or_else(String::new, |r| r.name.clone())
}
