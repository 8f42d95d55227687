//! The part grid of low-latency segmentations.

use crate::units::{MediaDuration, Timescale};

/// A part is at least 85 % of PART-TARGET (rfc8216bis §4.4.4.9).
const LEAST: (i64, i64) = (85, 100);
/// What playlists add to PART-TARGET and to a segment's first part, in microseconds: more than what
/// seconds since 1970 are rounded to as binary64.
pub const PART_SLACK_MICROS: i64 = 2;

/// How much longer than asked a part may become for the sake of the segment's last one, in percent.
const STRETCH: (i64, i64) = (125, 100);

/// PART-TARGET for segments of `segment`: the smallest value not under `asked` at which every track
/// has a whole number of frames within 85–100 % of it and no segment ends in a part of less than
/// half the others; where none is within a quarter of `asked`, the smallest at which the first
/// holds. `frames` are the tracks' frame lengths, all positive.
///
/// A short last part comes on the heels of the part before it, and hls.js, which is then still
/// appending that one, passes it over and stands still.
///
/// The number of frames that fit grows by one exactly where the value is a multiple of a frame, so
/// only `asked` itself and such multiples need to be tried.
#[must_use]
pub fn part_target(
    asked: MediaDuration,
    segment: MediaDuration,
    frames: &[MediaDuration],
) -> MediaDuration {
    let multiples = frames.iter().flat_map(|frame| {
        let first = asked.div_ceil(*frame).max(1);
        (first..first + 16).map(|n| frame.times(n))
    });
    let mut candidates: Vec<MediaDuration> = multiples.filter(|target| *target >= asked).collect();
    candidates.push(asked);
    candidates.sort();
    candidates.retain(|target| parts_fit(*target, frames));
    let even = candidates.iter().find(|target| {
        target.times(STRETCH.1) <= asked.times(STRETCH.0)
            && frames.iter().all(|frame| ends_evenly(**target, segment, *frame))
    });
    even.or(candidates.first()).copied().unwrap_or(asked)
}

/// Whether every track's frames fill 85–100 % of `target`.
#[must_use]
pub(super) fn parts_fit(target: MediaDuration, frames: &[MediaDuration]) -> bool {
    frames.iter().all(|frame| fits(target, *frame))
}

/// Whether a segment's last part holds at least half of what fits into a part. A segment that is no
/// whole number of frames has one more at times.
fn ends_evenly(target: MediaDuration, segment: MediaDuration, frame: MediaDuration) -> bool {
    let part = frames_in(target, frame).max(1);
    let rounding = MediaDuration::new(1, Timescale::MILLIS);
    let counts = [(segment + rounding).div_floor(frame), (segment - rounding).div_ceil(frame)];
    counts.iter().map(|count| count % part).all(|last| last == 0 || 2 * last >= part)
}

fn fits(target: MediaDuration, frame: MediaDuration) -> bool {
    let filled = frame.times(frames_in(target, frame));
    let printed = target + MediaDuration::new(PART_SLACK_MICROS + 1, Timescale::MICROS);
    filled.times(LEAST.1) >= printed.times(LEAST.0)
}

/// How many whole frames fit into a part.
#[must_use]
pub(super) fn frames_in(target: MediaDuration, frame: MediaDuration) -> i64 {
    target.div_floor(frame)
}

/// `target`, or as much more as a part of whole frames can be longer by the rounding of its first
/// and last instant to ticks: no part is over PART-TARGET (rfc8216bis §4.4.4.9).
#[must_use]
pub(super) fn with_rounding(
    target: MediaDuration,
    frame: MediaDuration,
    timescale: Timescale,
) -> MediaDuration {
    if frame.rescale(timescale) == frame {
        return target;
    }
    target.max(frame.times(frames_in(target, frame)) + MediaDuration::new(2, timescale))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::FrameRate;

    const RATES: [(u32, u32); 7] =
        [(24_000, 1001), (24, 1), (25, 1), (30_000, 1001), (30, 1), (50, 1), (60, 1)];

    fn audio(frame: i64, rate: u32) -> MediaDuration {
        MediaDuration::new(frame, Timescale::new(rate).expect("not zero"))
    }

    #[test]
    fn every_track_fills_85_to_100_percent_of_the_part_target() {
        for (frames, seconds) in RATES {
            let video = FrameRate::new(frames, seconds).expect("not zero").duration_of(1);
            for frame in [1024, 1536, 2048] {
                for rate in [44_100, 48_000] {
                    for asked_ms in (100..=1000).step_by(10) {
                        let tracks = [video, audio(frame, rate)];
                        let asked = MediaDuration::from_millis(asked_ms);
                        let target = part_target(asked, MediaDuration::from_secs(2), &tracks);
                        assert!(target >= asked);
                        for track in tracks {
                            let n = frames_in(target, track);
                            assert!(n >= 1, "{frames}/{seconds} {frame}@{rate} {asked_ms} ms");
                            assert!(track.times(n) <= target);
                            assert!(
                                track.times(n * 100) >= target.times(85),
                                "{frames}/{seconds} {frame}@{rate} {asked_ms} ms"
                            );
                        }
                        // It is never more than one frame of the slower track longer than asked,
                        // or a quarter.
                        let slower = tracks.into_iter().max().expect("two tracks");
                        assert!(
                            target - asked <= slower.max(MediaDuration::from_millis(asked_ms / 4))
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn no_segment_ends_in_a_short_part() {
        let two = MediaDuration::from_secs(2);
        let half = MediaDuration::from_millis(500);
        let aac = audio(1024, 48_000);
        let thirty = FrameRate::new(30, 1).expect("not zero").duration_of(1);
        assert_eq!(part_target(half, two, &[thirty]), half);
        // 93 or 94 frames are 23 · 4 and 1 or 2 more; or 24 · 3 and 21 or 22.
        assert_eq!(part_target(half, two, &[thirty, aac]), aac.times(24));
        // 50 frames are 12 · 4 and 2 more; or 13 · 3 and 11.
        let pal = FrameRate::new(25, 1).expect("not zero").duration_of(1);
        assert_eq!(part_target(half, two, &[pal, aac]), pal.times(13));
        // 30 frames of 400 ms are 12, 12 and 6: half a part is not short.
        let second = MediaDuration::from_secs(1);
        let asked = MediaDuration::from_millis(400);
        assert_eq!(part_target(asked, second, &[thirty]), asked);
        // Nothing within a quarter: what fits first.
        let asked = MediaDuration::from_millis(900);
        assert_eq!(part_target(asked, thirty.times(35), &[thirty]), asked);
    }

    #[test]
    fn the_next_multiple_is_taken_where_too_few_frames_fit() {
        // 100 ms holds 2 frames of 41.7 ms: 83.4 %. Three are 125.125 ms; 5 of 21.3 ms are 106.7.
        let film = FrameRate::new(24_000, 1001).expect("not zero").duration_of(1);
        let tracks = [film, audio(1024, 48_000)];
        let target = part_target(MediaDuration::from_millis(100), film.times(48), &tracks);
        assert_eq!(target, film.times(3));
    }

    #[test]
    fn frames_that_are_no_whole_ticks_get_two_ticks_more() {
        let film = FrameRate::new(24_000, 1001).expect("not zero").duration_of(1);
        let (scale, target) = (Timescale::NINETY_KHZ, film.times(4));
        let longer = with_rounding(target, film, scale);
        assert_eq!(longer - target, MediaDuration::new(2, scale));
        let thirty = FrameRate::new(30, 1).expect("not zero").duration_of(1);
        assert_eq!(with_rounding(thirty.times(4), thirty, scale), thirty.times(4));
        // A part that is well under the target needs nothing.
        let second = MediaDuration::from_secs(1);
        assert_eq!(with_rounding(second, film, scale), second);
    }
}
