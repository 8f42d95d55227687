//! One list of segments over the channel's chunks: cuts, numbers, parts, rows.

mod builder;
mod follow;
mod gaps;
mod incomplete;
mod muxed;
mod published;
mod restore;
mod spans;
mod trim;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::cadence::{self, Rhythm, half};
use super::chunker::Chunk;
use super::config::{SegmentationKey, SegmentationWanted};
use super::period::Period;
use super::segment::{OpenSegment, Segment, SegmentContent};
use super::state::{RenditionId, Reserved};
use crate::units::{MediaDuration, MediaTime};
use builder::Builder;
use incomplete::Incomplete;
use muxed::Shown;
use restore::Before;
use spans::Spans;

/// Where and how a segmentation cuts here.
#[derive(Clone, Debug)]
pub(super) struct Cut {
    pub(super) number: u64,
    /// Numbers skipped before it, to be listed as gaps.
    pub(super) gaps: std::ops::Range<u64>,
    /// How long each of them is: they share the hole.
    pub(super) gap: MediaDuration,
    /// Where the cut is.
    pub(super) at: MediaTime,
    /// What the number is beyond the slot of its time, where that is settled here.
    pub(super) offset: Option<i64>,
}

/// One list of segments for each rendition, over the channel's chunks.
#[derive(Clone, Debug)]
pub(super) struct Segmentation {
    pub(super) wanted: SegmentationWanted,
    /// D.
    pub(super) duration: MediaDuration,
    /// EXT-X-TARGETDURATION in seconds.
    pub(super) target: u32,
    /// PART-TARGET, on a low-latency segmentation.
    pub(super) part_target: Option<MediaDuration>,
    /// Where parts are others than those asked for before: from which number on, and what they were.
    parts_before: Option<(u64, Option<MediaDuration>)>,
    /// The part duration in milliseconds that the part target was found for.
    parts_of: Option<u32>,
    /// What numbers are beyond the slots of their times; `None` until a cut settles it.
    offset: Option<i64>,
    /// The part target readers know: a run's own is told with its first segment.
    told_part_target: Option<MediaDuration>,
    /// How much later than the leading track others may be cut: the longest audio frame.
    slack: MediaDuration,
    /// Whether the source keeps its cadence, so that cuts are foreseen.
    even: bool,
    last_cut: Option<MediaTime>,
    /// The highest number used.
    last_number: Option<u64>,
    end: Option<MediaTime>,
    /// What a life before this one reserved, until this one has cut.
    before: Option<Before>,
    /// The highest number that life may have used.
    named_before: u64,
    /// The target duration readers know.
    published_target: u32,
    /// Snapshot version of the newest change.
    version: u64,
    builders: BTreeMap<RenditionId, Builder>,
    incomplete: Incomplete,
    spans: Spans,
    /// The longest segment so far, and the longest but for those in Periods that are incomplete.
    longest_made: MediaDuration,
    longest_listed: MediaDuration,
    /// What readers know of the lists of video together with audio.
    shown: BTreeMap<RenditionId, Shown>,
    /// Whether audio has come to a part's end since the last publication.
    sound_came: bool,
}

impl Segmentation {
    pub(super) fn new(wanted: SegmentationWanted) -> Self {
        Segmentation {
            wanted,
            duration: wanted.key.segment_duration(),
            target: 0,
            part_target: None,
            parts_before: None,
            parts_of: wanted.key.part_ms,
            offset: Some(0),
            told_part_target: None,
            slack: MediaDuration::ZERO,
            even: false,
            last_cut: None,
            last_number: None,
            end: None,
            before: None,
            named_before: 0,
            published_target: 0,
            version: 0,
            builders: BTreeMap::new(),
            incomplete: Incomplete::default(),
            spans: Spans::default(),
            longest_made: MediaDuration::ZERO,
            longest_listed: MediaDuration::ZERO,
            shown: BTreeMap::new(),
            sound_came: false,
        }
    }

    pub(super) fn key(&self) -> SegmentationKey {
        self.wanted.key
    }

    /// Takes the rhythm of a run and forgets the last cut: the next one begins a run.
    pub(super) fn begin_run(
        &mut self,
        rhythm: Rhythm,
        part_target: Option<MediaDuration>,
        slack: MediaDuration,
        stored: Option<&Reserved>,
    ) {
        self.last_cut = None;
        self.slack = slack;
        self.parts_before = None;
        self.parts_of = self.key().part_ms;
        self.part_target = part_target.filter(|_| self.key().part_ms.is_some());
        self.set_rhythm(rhythm);
        self.target = self.target.max(stored.map_or(0, |s| s.target));
    }

    /// Takes a new rhythm within a run; the target duration is never lowered.
    pub(super) fn set_rhythm(&mut self, rhythm: Rhythm) {
        self.duration = rhythm.segment_duration(self.key().segment_duration());
        self.even = matches!(rhythm, Rhythm::Even { .. });
        self.target = self.target.max(rhythm.target(self.duration, self.slack));
    }

    /// What its numbers are beyond the slots of their times.
    pub(super) fn offset(&self) -> Option<i64> {
        self.offset
    }

    /// Whether a run has begun.
    pub(super) fn started(&self) -> bool {
        self.last_cut.is_some()
    }

    /// The number a run gets that begins at `t`, or `None` where it must wait for its slot.
    pub(super) fn first_cut(
        &self,
        t: MediaTime,
        run: &RunClock,
        stored: Option<&Reserved>,
    ) -> Option<Cut> {
        let last = self.last_number.or(stored.map(|s| s.number));
        let offset = self.last_number.map_or(stored.map_or(Some(0), |s| s.offset), |_| self.offset);
        if let Rhythm::Even { interval, .. } = run.rhythm {
            let phase = cadence::phase(run.origin, interval, run.frame);
            if run.absolute && !cadence::begins_a_slot(t, phase, interval, self.duration) {
                return None;
            }
        }
        let place = self.slot(t, run);
        // What goes on from another list has an offset from its first cut on.
        let slot = offset.map_or(0, |offset| place.saturating_add_signed(offset));
        let next = last.map_or(1, |last| last + 1);
        let hole = self.end.map(|end| t - end);
        let span = self.list_span();
        let even = matches!(run.rhythm, Rhythm::Even { .. });
        let slots = run.absolute && even && offset.is_some();
        let number = match (last, hole) {
            // No number is 0: players take it for none.
            (None, _) => next.max(slot),
            // Numbers count cuts of an irregular source, and slots count D.
            (Some(_), None) if slots => next.max(slot),
            (Some(_), Some(hole)) if slots && hole.is_positive() => next.max(slot),
            (Some(_), Some(hole)) if hole.is_positive() && hole <= span => {
                next + self.gaps_of(hole)
            }
            (Some(_), _) => next,
        };
        let number = self.after_before(number);
        // A hole longer than the window lists no gap: whoever reads now has all of it behind him.
        let reserved = self.before.is_some();
        let hole = hole.filter(|hole| *hole <= span && (hole.is_positive() || reserved));
        // Nor do numbers that time alone skips: those before may have counted cuts, and lag behind.
        let hole = hole.filter(|_| number - next <= self.gaps_max());
        let gaps = if hole.is_some() { next..number } else { number..number };
        let gap = hole.map_or(self.duration, |hole| self.gap_length(hole, gaps.end - gaps.start));
        let offset = offset.unwrap_or_else(|| beyond(number, place));
        Some(Cut { number, gaps, gap, at: t, offset: Some(offset) })
    }

    /// The slot of an instant.
    fn slot(&self, t: MediaTime, run: &RunClock) -> u64 {
        match run.rhythm {
            Rhythm::Even { interval, .. } => {
                let phase = cadence::phase(run.origin, interval, run.frame);
                cadence::slot(t, phase, interval, self.duration)
            }
            Rhythm::Irregular { .. } => {
                cadence::slot(t, MediaDuration::ZERO, MediaDuration::ZERO, self.duration)
            }
        }
    }

    /// Whether a sync sample of the leading track at `t` is a cut.
    pub(super) fn cuts_at(&self, t: MediaTime, rhythm: Rhythm, frame: MediaDuration) -> bool {
        let Some(last) = self.last_cut else { return false };
        match rhythm {
            Rhythm::Even { .. } => t + half(frame) >= last + self.duration,
            Rhythm::Irregular { .. } => (t - last).times(2) >= self.duration,
        }
    }

    pub(super) fn next_cut(&self, at: MediaTime, run: &RunClock) -> Cut {
        let number = self.last_number.map_or(1, |last| last + 1);
        let offset = self.offset.is_none().then(|| beyond(number, self.slot(at, run)));
        Cut { number, gaps: number..number, gap: self.duration, at, offset }
    }

    /// Notes a cut of the leading track. Gives the target duration that the segment it ends would
    /// have needed, where that is over the one announced.
    pub(super) fn note_cut(&mut self, cut: &Cut) -> Option<u32> {
        let needed = self.last_cut.map_or(0, |last| (cut.at - last).round_secs());
        self.last_cut = Some(cut.at);
        self.last_number = Some(cut.number);
        self.offset = cut.offset.or(self.offset);
        self.before = None;
        u32::try_from(needed).ok().filter(|needed| *needed > self.target && self.target > 0)
    }

    /// Opens the segment `number` of a rendition, ending the one before it.
    pub(super) fn open(
        &mut self,
        rendition: RenditionId,
        number: u64,
        period: &Arc<Period>,
        next_base: Option<i64>,
    ) -> Option<Arc<Segment>> {
        let closed = self.close(rendition);
        let timescale = period.track(rendition)?.timescale;
        let low_latency = self.part_target_of(number).is_some();
        if self.parts_before.is_none_or(|(from, _)| number >= from) {
            self.told_part_target = self.part_target;
        }
        self.catch_up(rendition, number);
        let builder = self.builders.entry(rendition).or_insert_with(|| Builder::new(timescale));
        builder.timescale = timescale;
        builder.next_part = next_base.filter(|_| low_latency).map(|base| (period.id, base));
        builder.dirty |= low_latency;
        let begins_period =
            builder.rows.last().is_none_or(|last| last.period.ordinal != period.ordinal);
        builder.open = Some(OpenSegment {
            number,
            period: Arc::clone(period),
            begins_period: begins_period && period.ordinal > 0,
            first: begins_period,
            start: None,
            parts: Vec::new(),
            ahead: Vec::new(),
        });
        closed
    }

    /// Adds a chunk to a rendition's open segment; `part_end` where the part grid ends a part here.
    pub(super) fn add(&mut self, rendition: RenditionId, chunk: &Arc<Chunk>, part_end: bool) {
        let Some(builder) = self.builders.get_mut(&rendition) else { return };
        let Some(open) = &mut builder.open else { return };
        open.start.get_or_insert(chunk.start);
        builder.chunks.push(Arc::clone(chunk));
        let number = open.number;
        let low_latency = self.part_target_of(number).is_some();
        self.sound_came |= low_latency && self.wanted.muxed && chunk.ends_part.is_some();
        if part_end {
            self.end_part(rendition);
        }
    }

    /// Ends a rendition's open segment, if it has any media.
    pub(super) fn close(&mut self, rendition: RenditionId) -> Option<Arc<Segment>> {
        let number = self.builders.get(&rendition)?.open.as_ref()?.number;
        let low_latency = self.part_target_of(number).is_some();
        let builder = self.builders.get_mut(&rendition)?;
        if low_latency {
            builder.end_part(true);
            self.deliver(rendition);
        }
        let builder = self.builders.get_mut(&rendition)?;
        let open = builder.open.take()?;
        builder.next_part = None;
        let chunks = std::mem::take(&mut builder.chunks);
        builder.parted = 0;
        let start = open.start?;
        let segment = Arc::new(Segment {
            number: open.number,
            period: open.period,
            begins_period: open.begins_period,
            first: open.first,
            start,
            duration: chunks.last().map_or(0, |last| last.end() - start),
            timescale: builder.timescale,
            content: SegmentContent::Media { chunks, parts: open.parts },
        });
        builder.bytes += segment.size();
        builder.rows.push(Arc::clone(&segment));
        builder.dirty = true;
        self.end = self.end.max(Some(segment.end_time()));
        self.longest_made = self.longest_made.max(segment.length());
        self.incomplete.delivered(rendition, segment.period.ordinal);
        Some(segment)
    }

    /// How many gaps in a row a list has at most: one that missed more starts afresh.
    fn gaps_max(&self) -> u64 {
        self.list_span().div_ceil(self.duration).unsigned_abs()
    }

    /// The longest span any endpoint lists.
    fn list_span(&self) -> MediaDuration {
        let segments = i64::from(self.wanted.segments.max(3) + 1);
        self.duration
            .times(segments)
            .max(self.wanted.window)
            .max(MediaDuration::from_secs(3 * i64::from(self.target)) + self.duration)
    }

    /// The longest segment an MPD has listed.
    pub(super) fn longest_listed(&self) -> MediaDuration {
        self.longest_listed
    }

    /// Bytes of all rows.
    pub(super) fn bytes(&self) -> u64 {
        self.builders.values().map(|b| b.bytes).sum()
    }

    /// When the newest complete segment ends.
    pub(super) fn end(&self) -> Option<MediaTime> {
        self.end
    }

    /// PART-TARGET as the lists have it: that of the newest segment, open or complete.
    pub(super) fn told_part_target(&self) -> Option<MediaDuration> {
        self.told_part_target
    }

    /// The Period of the newest segment, open or complete.
    pub(super) fn newest_period(&self) -> Option<Arc<Period>> {
        let open = self.builders.values().filter_map(|b| b.open.as_ref().map(|o| &o.period));
        let rows = self.builders.values().filter_map(|b| b.rows.last().map(|row| &row.period));
        open.chain(rows).max_by_key(|p| p.ordinal).cloned()
    }
}

/// How far a number lies beyond a slot.
fn beyond(number: u64, slot: u64) -> i64 {
    i64::try_from(i128::from(number) - i128::from(slot)).unwrap_or(0)
}

/// What a segmentation must know of the run it is part of.
#[derive(Clone, Copy, Debug)]
pub(super) struct RunClock {
    pub(super) rhythm: Rhythm,
    /// The leading track's frame.
    pub(super) frame: MediaDuration,
    /// An instant of the sync grid.
    pub(super) origin: MediaTime,
    /// Whether the source brings absolute time.
    pub(super) absolute: bool,
}
