//! Times: 32 bits of milliseconds made endless, and rounded milliseconds put back onto the frames'
//! own grid.

use crate::units::FrameRate;

/// Timestamps count modulo this.
const TURN: i64 = 1 << 32;
/// Ticks of a millisecond on the clock samples are given with, 90 kHz.
const TICKS: i64 = 90;
/// How far rounding to a millisecond moves a frame whose neighbour was moved the other way.
const ROUNDED: i64 = TICKS;

/// The instant congruent to `timestamp` modulo 2^32 that is nearest `reference`, milliseconds; the
/// first stands as it is.
pub(super) fn unroll(timestamp: u32, reference: Option<i64>) -> i64 {
    let Some(reference) = reference else { return i64::from(timestamp) };
    let ahead = i64::from(timestamp).wrapping_sub(reference).rem_euclid(TURN);
    reference.saturating_add(if ahead >= TURN / 2 { ahead - TURN } else { ahead })
}

/// Milliseconds and nanoseconds in ticks of 90 kHz.
pub(super) fn ticks(millis: i64, nanos: u32) -> i64 {
    let rounded = (i64::from(nanos) * TICKS + 500_000) / 1_000_000;
    millis.saturating_mul(TICKS).saturating_add(rounded)
}

/// The instants that frames of one rate lie on. What comes out lies within a millisecond of what went
/// in, whether the rate is right or wrong.
#[derive(Debug, Default)]
pub(super) struct Grid {
    rate: Option<FrameRate>,
    /// An instant of the grid, milliseconds. Encoders count frames from 0, so that all rungs of one
    /// begin with the same grid.
    anchor: i64,
}

impl Grid {
    /// Frames come at `rate` from here on.
    pub(super) fn set_rate(&mut self, rate: Option<FrameRate>) {
        if self.rate != rate {
            *self = Grid { rate, anchor: 0 };
        }
    }

    /// Where a decode time lies on the grid, 90 kHz. One that lies on none begins another.
    pub(super) fn decode(&mut self, millis: i64) -> i64 {
        self.nearest(millis).unwrap_or_else(|| {
            self.anchor = millis;
            ticks(millis, 0)
        })
    }

    /// Where a presentation time lies on the grid, 90 kHz.
    pub(super) fn presentation(&self, millis: i64) -> i64 {
        self.nearest(millis).unwrap_or_else(|| ticks(millis, 0))
    }

    fn nearest(&self, millis: i64) -> Option<i64> {
        let rate = self.rate?;
        let (frames, seconds) = (i128::from(rate.frames.get()), i128::from(rate.seconds.get()));
        let since = i128::from(millis) - i128::from(self.anchor);
        let unit = 1_000 * seconds;
        let frame = (since * frames + unit / 2).div_euclid(unit);
        let after = (frame * seconds * 90_000 + frames / 2).div_euclid(frames);
        let exact = ticks(self.anchor, 0).checked_add(i64::try_from(after).ok()?)?;
        ((exact - ticks(millis, 0)).abs() <= ROUNDED).then_some(exact)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(frames: u32, seconds: u32) -> Option<FrameRate> {
        FrameRate::new(frames, seconds)
    }

    #[test]
    fn times_go_on_through_a_wrap_and_back_for_the_slower_track() {
        assert_eq!(unroll(u32::MAX, None), TURN - 1);
        assert_eq!(unroll(5, Some(TURN - 10)), TURN + 5);
        assert_eq!(unroll(u32::MAX - 3, Some(TURN + 5)), TURN - 4);
        assert_eq!(unroll(7, Some(5 * TURN + 100)), 5 * TURN + 7);
        for reference in [i64::MIN, i64::MAX] {
            unroll(12_345, Some(reference));
        }
    }

    #[test]
    fn nanoseconds_count() {
        assert_eq!((ticks(33, 0), ticks(33, 366_667), ticks(-1, 0)), (2970, 3003, -90));
        assert_eq!(ticks(0, 999_999), 90);
    }

    #[test]
    fn milliseconds_rounded_in_any_way_become_even_frames() {
        for (frames, seconds) in [(30_000, 1001), (30, 1), (24_000, 1001), (60_000, 1001), (25, 1)]
        {
            for begins in [0, 7, 123_456_789] {
                for round in [0, 500, 999] {
                    let mut grid = Grid::default();
                    grid.set_rate(rate(frames, seconds));
                    let mut steps = std::collections::BTreeSet::new();
                    let mut last = None;
                    for n in 0..200_000_i64 {
                        let exact = n * 1_000_000 * i64::from(seconds) / i64::from(frames);
                        let at = grid.decode(begins + (exact + round) / 1_000);
                        steps.extend(last.map(|last| at - last));
                        last = Some(at);
                    }
                    let step = 90_000 * i64::from(seconds) / i64::from(frames);
                    // 3753.75 ticks come out as 3753 or 3754.
                    let even: Vec<i64> = steps.into_iter().collect();
                    let odd = even.iter().filter(|s| !(0..=1).contains(&(*s - step))).count();
                    assert!(odd <= 1, "{frames}/{seconds} from {begins}: {even:?}");
                }
            }
        }
    }

    #[test]
    fn a_wrong_rate_moves_nothing_by_more_than_rounding_did() {
        let mut grid = Grid::default();
        grid.set_rate(rate(30, 1));
        for n in 0..10_000_i64 {
            let millis = n * 1_001 / 25;
            assert!((grid.decode(millis) - millis * 90).abs() <= 90);
            assert!((grid.presentation(millis + 80) - (millis + 80) * 90).abs() <= 90);
        }
        assert_eq!(Grid::default().decode(41), 41 * 90);
    }
}
