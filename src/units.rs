//! The vocabulary of quantities: times, durations, rates and ranges as types that cannot be mixed up.
//!
//! Three times are kept apart through the whole program. *Monotonic* time drives waits and
//! deadlines. *Wall* time anchors media to the Unix epoch and is never waited on. *Media* time is
//! what frames carry: an exact count of ticks since the Unix epoch. No float stands for a time
//! except in the line that prints decimal seconds.

use std::cmp::Ordering;
use std::fmt;
use std::num::NonZeroU32;
use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Ticks a second; never zero, so that a division by it cannot fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timescale(NonZeroU32);

impl Timescale {
    /// The clock of MPEG-TS.
    pub const NINETY_KHZ: Timescale =
        Timescale(NonZeroU32::new(90_000).expect("90,000 is not zero"));
    /// Thousandths of a second.
    pub const MILLIS: Timescale = Timescale(NonZeroU32::new(1_000).expect("1,000 is not zero"));
    /// Millionths of a second.
    pub const MICROS: Timescale = Timescale(NonZeroU32::new(1_000_000).expect("10^6 is not zero"));
    /// Billionths of a second.
    pub const NANOS: Timescale =
        Timescale(NonZeroU32::new(1_000_000_000).expect("10^9 is not zero"));

    /// A timescale of `ticks` a second, or `None` for zero.
    #[must_use]
    pub fn new(ticks: u32) -> Option<Self> {
        NonZeroU32::new(ticks).map(Timescale)
    }

    /// Ticks a second.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for Timescale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `ticks × to ÷ from`, rounded half up, exact for every input that fits the result.
#[must_use]
fn rescale(ticks: i64, from: Timescale, to: Timescale) -> i64 {
    if from == to {
        return ticks;
    }
    let scaled = i128::from(ticks) * i128::from(to.get());
    let divisor = i128::from(from.get());
    clamp_i64((scaled + divisor / 2).div_euclid(divisor))
}

fn clamp_i64(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

fn compare(a: i64, a_scale: Timescale, b: i64, b_scale: Timescale) -> Ordering {
    (i128::from(a) * i128::from(b_scale.get())).cmp(&(i128::from(b) * i128::from(a_scale.get())))
}

/// A timescale in which both operands are whole: their least common multiple where it fits 32 bits,
/// else the larger of the two.
fn common(a: Timescale, b: Timescale) -> Timescale {
    if a == b {
        return a;
    }
    let (mut x, mut y) = (a.get(), b.get());
    while y != 0 {
        (x, y) = (y, x % y);
    }
    (a.get() / x).checked_mul(b.get()).and_then(Timescale::new).unwrap_or(a.max(b))
}

/// An instant on the channel's clock: `ticks` of `scale` since the Unix epoch.
///
/// Instants of different scales compare exactly; two that name the same instant are equal.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct MediaTime {
    ticks: i64,
    scale: Timescale,
}

impl MediaTime {
    /// The instant `ticks / scale` seconds after the Unix epoch.
    #[must_use]
    pub fn new(ticks: i64, scale: Timescale) -> Self {
        MediaTime { ticks, scale }
    }

    /// The instant `ms` milliseconds after the Unix epoch.
    #[must_use]
    pub fn from_millis(ms: i64) -> Self {
        MediaTime::new(ms, Timescale::MILLIS)
    }

    /// Ticks since the Unix epoch, in [`MediaTime::scale`].
    #[must_use]
    pub fn ticks(self) -> i64 {
        self.ticks
    }

    /// Ticks a second of [`MediaTime::ticks`].
    #[must_use]
    pub fn scale(self) -> Timescale {
        self.scale
    }

    /// The same instant in another timescale, rounded half up to a tick.
    #[must_use]
    pub fn rescale(self, to: Timescale) -> Self {
        MediaTime::new(rescale(self.ticks, self.scale, to), to)
    }

    /// Milliseconds since the Unix epoch, rounded down.
    #[must_use]
    pub fn floor_millis(self) -> i64 {
        clamp_i64((i128::from(self.ticks) * 1000).div_euclid(i128::from(self.scale.get())))
    }

    /// The duration from the Unix epoch to this instant.
    #[must_use]
    pub fn since_epoch(self) -> MediaDuration {
        MediaDuration::new(self.ticks, self.scale)
    }
}

impl PartialEq for MediaTime {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for MediaTime {}

impl PartialOrd for MediaTime {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for MediaTime {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(self.ticks, self.scale, other.ticks, other.scale)
    }
}

impl Add<MediaDuration> for MediaTime {
    type Output = MediaTime;
    fn add(self, rhs: MediaDuration) -> MediaTime {
        let sum = MediaDuration::new(self.ticks, self.scale) + rhs;
        MediaTime::new(sum.ticks, sum.scale)
    }
}

impl Sub<MediaDuration> for MediaTime {
    type Output = MediaTime;
    fn sub(self, rhs: MediaDuration) -> MediaTime {
        self + MediaDuration::new(-rhs.ticks, rhs.scale)
    }
}

impl Sub for MediaTime {
    type Output = MediaDuration;
    fn sub(self, rhs: MediaTime) -> MediaDuration {
        MediaDuration::new(self.ticks, self.scale) + MediaDuration::new(-rhs.ticks, rhs.scale)
    }
}

/// A signed stretch of media time: `ticks` of `scale`. Durations of different scales compare and
/// add exactly while their common timescale fits 32 bits.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct MediaDuration {
    ticks: i64,
    scale: Timescale,
}

impl MediaDuration {
    /// No time at all.
    pub const ZERO: MediaDuration = MediaDuration { ticks: 0, scale: Timescale::MILLIS };

    /// `ticks / scale` seconds.
    #[must_use]
    pub const fn new(ticks: i64, scale: Timescale) -> Self {
        MediaDuration { ticks, scale }
    }

    /// `ms` milliseconds.
    #[must_use]
    pub const fn from_millis(ms: i64) -> Self {
        MediaDuration::new(ms, Timescale::MILLIS)
    }

    /// `s` seconds.
    #[must_use]
    pub const fn from_secs(s: i64) -> Self {
        MediaDuration::new(s.saturating_mul(1000), Timescale::MILLIS)
    }

    /// Ticks of [`MediaDuration::scale`].
    #[must_use]
    pub fn ticks(self) -> i64 {
        self.ticks
    }

    /// Ticks a second of [`MediaDuration::ticks`].
    #[must_use]
    pub fn scale(self) -> Timescale {
        self.scale
    }

    /// The same duration in another timescale, rounded half up to a tick.
    #[must_use]
    pub fn rescale(self, to: Timescale) -> Self {
        MediaDuration::new(rescale(self.ticks, self.scale, to), to)
    }

    /// `self × n`.
    #[must_use]
    pub fn times(self, n: i64) -> Self {
        MediaDuration::new(self.ticks.saturating_mul(n), self.scale)
    }

    /// `self ÷ n` rounded down to a tick of nanoseconds where it is not whole.
    #[must_use]
    pub fn divided_by(self, n: NonZeroU32) -> Self {
        let n = i64::from(n.get());
        if self.ticks % n == 0 {
            return MediaDuration::new(self.ticks / n, self.scale);
        }
        MediaDuration::new(self.rescale(Timescale::NANOS).ticks.div_euclid(n), Timescale::NANOS)
    }

    /// How many whole `unit`s fit into `self`, rounded down; `unit` must be positive.
    #[must_use]
    pub fn div_floor(self, unit: MediaDuration) -> i64 {
        debug_assert!(unit.ticks > 0);
        let (a, b) = self.in_common(unit);
        clamp_i64(a.div_euclid(b.max(1)))
    }

    /// How many whole `unit`s cover `self`, rounded up; `unit` must be positive.
    #[must_use]
    pub fn div_ceil(self, unit: MediaDuration) -> i64 {
        -MediaDuration::new(-self.ticks, self.scale).div_floor(unit)
    }

    /// What is left of `self` after [`MediaDuration::div_floor`]; never negative.
    #[must_use]
    pub fn rem_floor(self, unit: MediaDuration) -> MediaDuration {
        self - unit.times(self.div_floor(unit))
    }

    fn in_common(self, other: MediaDuration) -> (i128, i128) {
        (
            i128::from(self.ticks) * i128::from(other.scale.get()),
            i128::from(other.ticks) * i128::from(self.scale.get()),
        )
    }

    /// The absolute value.
    #[must_use]
    pub fn abs(self) -> Self {
        MediaDuration::new(self.ticks.saturating_abs(), self.scale)
    }

    /// Whether this is longer than nothing.
    #[must_use]
    pub fn is_positive(self) -> bool {
        self.ticks > 0
    }

    /// Whole milliseconds, rounded down.
    #[must_use]
    pub fn floor_millis(self) -> i64 {
        self.div_floor(MediaDuration::from_millis(1))
    }

    /// Seconds rounded half up, as EXT-X-TARGETDURATION wants them (rfc8216bis §4.4.3.1).
    #[must_use]
    pub fn round_secs(self) -> i64 {
        (self + MediaDuration::from_millis(500)).div_floor(MediaDuration::from_secs(1))
    }

    /// Seconds rounded up.
    #[must_use]
    pub fn ceil_secs(self) -> i64 {
        self.div_ceil(MediaDuration::from_secs(1))
    }

    /// As a waiting time; nothing for a negative duration.
    #[must_use]
    pub fn to_std(self) -> Duration {
        Duration::from_nanos(u64::try_from(self.rescale(Timescale::NANOS).ticks).unwrap_or(0))
    }

    /// Of a waiting time.
    #[must_use]
    pub fn from_std(d: Duration) -> Self {
        MediaDuration::new(i64::try_from(d.as_nanos()).unwrap_or(i64::MAX), Timescale::NANOS)
    }
}

impl PartialEq for MediaDuration {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for MediaDuration {}

impl PartialOrd for MediaDuration {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for MediaDuration {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(self.ticks, self.scale, other.ticks, other.scale)
    }
}

impl Add for MediaDuration {
    type Output = MediaDuration;
    fn add(self, rhs: MediaDuration) -> MediaDuration {
        let scale = common(self.scale, rhs.scale);
        MediaDuration::new(
            rescale(self.ticks, self.scale, scale)
                .saturating_add(rescale(rhs.ticks, rhs.scale, scale)),
            scale,
        )
    }
}

impl Sub for MediaDuration {
    type Output = MediaDuration;
    fn sub(self, rhs: MediaDuration) -> MediaDuration {
        self + MediaDuration::new(-rhs.ticks, rhs.scale)
    }
}

/// Nanoseconds on a clock that only moves forward; its zero is the process's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Monotonic(pub u64);

impl Monotonic {
    /// This instant and `d` more.
    #[must_use]
    pub fn after(self, d: Duration) -> Self {
        Monotonic(self.0.saturating_add(u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// How long after `earlier` this is; nothing if it is not.
    #[must_use]
    pub fn since(self, earlier: Monotonic) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// Nanoseconds since the Unix epoch as the system's clock tells them; it may step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct WallTime(pub i64);

impl WallTime {
    /// Whole milliseconds since the Unix epoch.
    #[must_use]
    pub fn millis(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// As an instant on a channel's clock.
    #[must_use]
    pub fn media_time(self) -> MediaTime {
        MediaTime::new(self.0, Timescale::NANOS)
    }
}

/// One reading of both clocks. Every call into the core carries one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Now {
    /// For deadlines.
    pub mono: Monotonic,
    /// For anchoring media to the epoch.
    pub wall: WallTime,
}

/// Frames a second as a fraction: 30000/1001 and the like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FrameRate {
    /// Frames …
    pub frames: NonZeroU32,
    /// … in so many seconds.
    pub seconds: NonZeroU32,
}

impl FrameRate {
    /// `frames` in `seconds`, or `None` where either is zero.
    #[must_use]
    pub fn new(frames: u32, seconds: u32) -> Option<Self> {
        Some(FrameRate { frames: NonZeroU32::new(frames)?, seconds: NonZeroU32::new(seconds)? })
    }

    /// The length of `n` frames, exact.
    #[must_use]
    pub fn duration_of(self, n: i64) -> MediaDuration {
        MediaDuration::new(n.saturating_mul(i64::from(self.seconds.get())), Timescale(self.frames))
    }
}

/// Bits a second.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Bitrate(pub u64);

impl Bitrate {
    /// The rate of `bytes` over `duration`, rounded up; nothing for an empty duration.
    #[must_use]
    pub fn of(bytes: u64, duration: MediaDuration) -> Self {
        if !duration.is_positive() {
            return Bitrate(0);
        }
        let bits = u128::from(bytes) * 8 * u128::from(duration.scale.get());
        let ticks = u128::from(duration.ticks.unsigned_abs());
        Bitrate(u64::try_from(bits.div_ceil(ticks)).unwrap_or(u64::MAX))
    }
}

/// Bytes `start..end` of an object, end not included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    /// First byte.
    pub start: u64,
    /// One past the last byte; never under `start`.
    pub end: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(n: u32) -> Timescale {
        Timescale::new(n).expect("not zero")
    }

    #[test]
    fn instants_of_different_scales_compare_exactly() {
        let a = MediaTime::new(3, scale(800));
        let b = MediaTime::new(48, scale(12_800));
        assert_eq!(a, b);
        assert!(MediaTime::new(49, scale(12_800)) > a);
    }

    #[test]
    fn sixty_ntsc_frames_are_whole_in_ninety_kilohertz() {
        let rate = FrameRate::new(30_000, 1001).expect("not zero");
        let sixty = rate.duration_of(60);
        assert_eq!(sixty, MediaDuration::new(180_180, Timescale::NINETY_KHZ));
        assert_eq!(sixty.round_secs(), 2);
    }

    #[test]
    fn division_floors_towards_the_past_and_ceils_towards_the_future() {
        let second = MediaDuration::from_secs(1);
        assert_eq!(MediaDuration::from_millis(-1).div_floor(second), -1);
        assert_eq!(MediaDuration::from_millis(2001).div_ceil(second), 3);
        assert_eq!(
            MediaDuration::from_millis(2001).rem_floor(second),
            MediaDuration::from_millis(1)
        );
    }

    #[test]
    fn a_rate_rounds_up() {
        assert_eq!(Bitrate::of(1, MediaDuration::from_secs(3)), Bitrate(3));
    }
}
