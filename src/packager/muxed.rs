//! Video together with its default audio, as one transport stream has them: which chunks of the
//! audio go with which of the video's segments and parts, and whether they are there.
//!
//! Segments of one number go together. The audio's segment holds the frames that begin before the
//! next one of the leading video, and its chunks end where parts of the leading video do
//! ([`Chunk::ends_part`]): those up to there go with that part, in every rung with the part that
//! ends there but for half a frame.

use std::sync::Arc;

use super::cadence::half;
use super::chunker::Chunk;
use super::period::{Period, PeriodTrack};
use super::segment::{Part, SegmentContent};
use super::snapshot::RenditionView;
use crate::units::{MediaDuration, MediaTime};

/// Half a frame of a video whose rate is not known.
const HALF_UNTOLD: MediaDuration = MediaDuration::from_millis(10);

/// What is there of the audio of one number.
#[derive(Clone, Debug, Default)]
pub struct Sound {
    /// In order.
    chunks: Vec<Arc<Chunk>>,
    /// Whether nothing more comes.
    whole: bool,
}

impl Sound {
    /// Of a Period without audio.
    #[must_use]
    pub fn none() -> Self {
        Sound { chunks: Vec::new(), whole: true }
    }

    /// What `list`, the audio of `period`, has of a segment; `None` where it has been dropped.
    #[must_use]
    pub fn of(list: Option<&RenditionView>, period: &Period, number: u64) -> Option<Self> {
        let Some(list) = list else { return Some(Sound::default()) };
        let open = list.open.as_ref().filter(|open| open.number == number);
        if let Some(open) = open {
            let parts = open.parts.iter().flat_map(|part| &part.chunks);
            return Some(Sound {
                chunks: parts.chain(&open.ahead).cloned().collect(),
                whole: false,
            });
        }
        if let Some(row) = list.rows.by_number(number) {
            let chunks = match &row.content {
                SegmentContent::Media { chunks, .. } => chunks.clone(),
                SegmentContent::Stored | SegmentContent::Gap => Vec::new(),
            };
            return Some(Sound { chunks, whole: true });
        }
        let front = list.rows.get(0).filter(|front| front.number > number);
        let dropped = front.is_some_and(|f| !f.first || f.period.ordinal != period.ordinal);
        let whole = front.is_some() || ended(list, period, number);
        (!dropped).then_some(Sound { chunks: Vec::new(), whole })
    }

    /// All of it.
    #[must_use]
    pub fn chunks(&self) -> &[Arc<Chunk>] {
        &self.chunks
    }

    /// What goes with each of the video's parts, for as many parts as it has come to.
    #[must_use]
    pub fn shares(&self, parts: &[Part], video: &PeriodTrack) -> Vec<Vec<Arc<Chunk>>> {
        let half = video.frame_rate.map_or(HALF_UNTOLD, |rate| half(rate.duration_of(1)));
        let end = |part: &Part| MediaTime::new(part.start + part.duration, video.timescale) + half;
        let mut shares = vec![Vec::new(); parts.len()];
        let mut group: Vec<Arc<Chunk>> = Vec::new();
        let mut at = 0;
        let mut come_to = None;
        for chunk in &self.chunks {
            group.push(Arc::clone(chunk));
            let Some(ends) = chunk.ends_part else { continue };
            come_to = Some(ends);
            at += parts[at..].iter().take_while(|part| end(part) < ends).count();
            if let Some(share) = shares.get_mut(at) {
                share.append(&mut group);
            }
        }
        // A part whose end the audio has come to is there.
        let there = |part: &&Part| come_to.is_some_and(|come| end(part) - half.times(2) <= come);
        let ready = parts.iter().take_while(there).count();
        if self.whole {
            // Audio that says nothing of parts goes with the first that waited for all of it.
            if let Some(share) = shares.get_mut(ready) {
                share.append(&mut group);
            }
        } else {
            shares.truncate(ready);
        }
        shares
    }

    /// Whether nothing more comes.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.whole
    }
}

/// Whether a list has nothing more to come of a number in a Period: it has gone past it, or its
/// track takes no part any more.
fn ended(list: &RenditionView, period: &Period, number: u64) -> bool {
    match (list.next_number, list.rows.last()) {
        (Some(next), _) => next > number,
        (None, Some(last)) => last.number >= number || last.period.ordinal >= period.ordinal,
        (None, None) => false,
    }
}
