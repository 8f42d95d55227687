//! The rhythm of a source's sync samples: found at start-up, held to afterwards (docs/time.md: Cadence).

use serde::{Deserialize, Serialize};

use crate::units::{FrameRate, MediaDuration, MediaTime};

/// Sync samples nearer than this are too dense to cut at each.
const DENSE: MediaDuration = MediaDuration::from_millis(500);
/// What the interval of dense ones is raised to at least.
const DENSE_INTERVAL: MediaDuration = MediaDuration::from_millis(1000);
/// Intervals that must agree.
const INTERVALS: i64 = 3;
/// Sync samples looked at together.
const SYNCS_MAX: usize = 256;

/// How a source's sync samples come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rhythm {
    /// One within half a frame of every multiple of `interval`.
    Even {
        /// G: the distance.
        interval: MediaDuration,
        /// Whether there are sync samples between that must not end a chunk.
        dense: bool,
    },
    /// At no even distance.
    Irregular {
        /// L: the longest distance seen.
        longest: MediaDuration,
    },
}

impl Rhythm {
    /// D: the segment duration that comes out for the `asked` one.
    pub(super) fn segment_duration(self, asked: MediaDuration) -> MediaDuration {
        match self {
            Rhythm::Even { interval, .. } => interval.times(asked.div_ceil(interval).max(1)),
            Rhythm::Irregular { .. } => asked,
        }
    }

    /// TARGETDURATION in seconds for a segment duration D, where other tracks than the leading one
    /// are cut up to `slack` later than it.
    pub(super) fn target(self, d: MediaDuration, slack: MediaDuration) -> u32 {
        let seconds = match self {
            Rhythm::Even { .. } => (d + slack).round_secs(),
            Rhythm::Irregular { longest } => {
                (d + longest + longest).div_ceil(MediaDuration::from_secs(2))
            }
        };
        u32::try_from(seconds.max(1)).unwrap_or(u32::MAX)
    }
}

/// The rhythm of frames that are all sync samples: cut at multiples of at least a second.
pub(super) fn dense(frame: MediaDuration) -> Rhythm {
    Rhythm::Even { interval: frame.times(DENSE_INTERVAL.div_ceil(frame)), dense: true }
}

/// What looking at the first sync samples gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Too few yet.
    NotYet,
    /// A rhythm, and the instant from which it holds.
    Rhythm(Rhythm, MediaTime),
}

/// Looks for three equal intervals among `syncs` (ascending instants at which every video track has
/// a sync sample); sync samples between, at scene cuts, do not count. Gives up when three times the
/// longest interval has passed without any.
pub(super) fn find(syncs: &[MediaTime], frame: MediaDuration) -> Found {
    let (Some(first), Some(last)) = (syncs.first(), syncs.last()) else { return Found::NotYet };
    let syncs = &syncs[syncs.len().saturating_sub(SYNCS_MAX)..];
    let positions: Vec<i64> =
        syncs.iter().map(|t| (*t - *first + half(frame)).div_floor(frame)).collect();
    if let Some(found) = even(syncs, &positions, frame) {
        return found;
    }
    let longest = syncs.windows(2).map(|w| w[1] - w[0]).max();
    match longest {
        Some(longest)
            if syncs.len() > 3 && *last - *first >= longest.times(INTERVALS) && longest > frame =>
        {
            Found::Rhythm(Rhythm::Irregular { longest }, *first)
        }
        _ => Found::NotYet,
    }
}

fn even(syncs: &[MediaTime], positions: &[i64], frame: MediaDuration) -> Option<Found> {
    let has = |position: i64| positions.binary_search(&position).is_ok();
    for (i, start) in positions.iter().enumerate() {
        for next in &positions[i + 1..] {
            let step = next - start;
            if step < 1 || !(2..=INTERVALS).all(|k| has(start + k * step)) {
                continue;
            }
            let sparse = frame.times(step);
            let dense = sparse < DENSE;
            let interval =
                if dense { sparse.times(DENSE_INTERVAL.div_ceil(sparse)) } else { sparse };
            let covered = *syncs.last()? - syncs[i] + half(frame);
            if covered < interval.times(INTERVALS) {
                return Some(Found::NotYet);
            }
            return Some(Found::Rhythm(Rhythm::Even { interval, dense }, syncs[i]));
        }
    }
    None
}

/// Half of a frame: how far from its place a sync sample may lie.
pub(super) fn half(frame: MediaDuration) -> MediaDuration {
    frame.divided_by(const { std::num::NonZeroU32::new(2).expect("2 is not zero") })
}

/// The exact length of a frame: what the bitstream says if the timestamps bear it out, else the
/// nearest whole or n/1001 rate within 0.1 %, else what was measured.
pub(super) fn exact_frame(
    bitstream: Option<MediaDuration>,
    measured: MediaDuration,
) -> MediaDuration {
    let near = |a: MediaDuration, parts: i64| (a - measured).abs().times(parts) <= measured;
    if let Some(told) = bitstream.filter(|told| told.is_positive() && near(*told, 100)) {
        return told;
    }
    if !measured.is_positive() {
        return MediaDuration::from_millis(40);
    }
    let per_second = (MediaDuration::from_secs(1) + half(measured)).div_floor(measured);
    let candidates = [(per_second, 1), (per_second * 1000, 1001), ((per_second + 1) * 1000, 1001)];
    candidates
        .into_iter()
        .filter_map(|(n, d)| FrameRate::new(u32::try_from(n).ok()?, d))
        .map(|rate| rate.duration_of(1))
        .filter(|frame| near(*frame, 1000))
        .min_by_key(|frame| (*frame - measured).abs())
        .unwrap_or(measured)
}

/// The slot of an instant: floor((t − phase + G/2) / D) (docs/time.md: Numbers).
pub(super) fn slot(t: MediaTime, phase: MediaDuration, g: MediaDuration, d: MediaDuration) -> u64 {
    u64::try_from((t.since_epoch() - phase + half(g)).div_floor(d)).unwrap_or(0)
}

/// The grid's offset from multiples of G since 1970, in [−½ frame, G − ½ frame).
pub(super) fn phase(t: MediaTime, g: MediaDuration, frame: MediaDuration) -> MediaDuration {
    (t.since_epoch() + half(frame)).rem_floor(g) - half(frame)
}

/// Whether a run that begins at `t` has its slot for number: (t − phase + G/2) mod D < G.
pub(super) fn begins_a_slot(
    t: MediaTime,
    phase: MediaDuration,
    g: MediaDuration,
    d: MediaDuration,
) -> bool {
    (t.since_epoch() - phase + half(g)).rem_floor(d) < g
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Timescale;

    fn at_frames(frames: &[i64], rate: FrameRate) -> Vec<MediaTime> {
        frames.iter().map(|n| MediaTime::from_millis(1_000_000) + rate.duration_of(*n)).collect()
    }

    fn rate(frames: u32, seconds: u32) -> FrameRate {
        FrameRate::new(frames, seconds).expect("not zero")
    }

    fn interval(found: Found) -> Option<MediaDuration> {
        match found {
            Found::Rhythm(Rhythm::Even { interval, .. }, _) => Some(interval),
            _ => None,
        }
    }

    #[test]
    fn three_equal_intervals_make_a_cadence() {
        let thirty = rate(30, 1);
        let frame = thirty.duration_of(1);
        assert_eq!(find(&at_frames(&[0, 60, 120], thirty), frame), Found::NotYet);
        let found = find(&at_frames(&[0, 60, 120, 180], thirty), frame);
        assert_eq!(interval(found), Some(MediaDuration::from_secs(2)));
    }

    #[test]
    fn sync_samples_at_scene_cuts_do_not_count() {
        let thirty = rate(30, 1);
        let syncs = at_frames(&[0, 21, 60, 120, 151, 180], thirty);
        let found = find(&syncs, thirty.duration_of(1));
        assert_eq!(interval(found), Some(MediaDuration::from_secs(2)));
    }

    #[test]
    fn millisecond_timestamps_still_give_the_exact_ntsc_interval() {
        let ntsc = rate(30_000, 1001);
        let syncs: Vec<MediaTime> = at_frames(&[0, 60, 120, 180], ntsc)
            .into_iter()
            .map(|t| t.rescale(Timescale::MILLIS))
            .collect();
        assert_eq!(interval(find(&syncs, ntsc.duration_of(1))), Some(ntsc.duration_of(60)));
    }

    #[test]
    fn random_distances_are_irregular_after_three_times_the_longest() {
        let thirty = rate(30, 1);
        let syncs = at_frames(&[0, 100, 131, 190, 290, 345], thirty);
        let Found::Rhythm(rhythm @ Rhythm::Irregular { longest }, _) =
            find(&syncs, thirty.duration_of(1))
        else {
            panic!("no rhythm")
        };
        assert_eq!(longest, thirty.duration_of(100));
        // ceil(4/2 + 3.33) = 6
        assert_eq!(rhythm.target(MediaDuration::from_secs(4), MediaDuration::ZERO), 6);
    }

    #[test]
    fn audio_frames_make_intervals_of_at_least_a_second() {
        let frame = MediaDuration::new(1024, Timescale::new(44_100).expect("not zero"));
        let syncs: Vec<MediaTime> =
            (0..140).map(|n| MediaTime::from_millis(0) + frame.times(n)).collect();
        let found = find(&syncs, frame);
        assert_eq!(interval(found), Some(frame.times(44)));
        assert_eq!(find(&syncs[..100], frame), Found::NotYet);
    }

    #[test]
    fn a_frame_is_what_the_bitstream_says_only_if_timestamps_agree() {
        let measured = MediaDuration::from_millis(40);
        assert_eq!(
            exact_frame(Some(rate(50, 1).duration_of(1)), measured),
            rate(25, 1).duration_of(1)
        );
        assert_eq!(
            exact_frame(None, MediaDuration::new(33_367, Timescale::MICROS)),
            rate(30_000, 1001).duration_of(1)
        );
        assert_eq!(
            exact_frame(None, MediaDuration::new(41_708, Timescale::MICROS)),
            rate(24_000, 1001).duration_of(1)
        );
    }

    #[test]
    fn a_slot_is_the_same_half_an_interval_off_the_grid() {
        // Sync at half a G from the epoch's grid ± 1 ms: number = slot throughout.
        let (g, d) = (MediaDuration::from_secs(2), MediaDuration::from_secs(4));
        let frame = rate(30, 1).duration_of(1);
        let first = MediaTime::from_millis(1_000_001_000);
        let phase = phase(first, g, frame);
        assert!(begins_a_slot(first, phase, g, d) || begins_a_slot(first + g, phase, g, d));
        let start = if begins_a_slot(first, phase, g, d) { first } else { first + g };
        let number = slot(start, phase, g, d);
        for k in 0..1000 {
            for error in [-1, 0, 1] {
                let t = start + d.times(k) + MediaDuration::from_millis(error);
                assert_eq!(slot(t, phase, g, d), number + k.unsigned_abs());
            }
        }
    }
}
