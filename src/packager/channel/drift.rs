//! Drift: how the source's clock goes against the monotonic one.
//!
//! Media arrives late, never early, so the least lateness of a minute tells where the source's
//! clock stands whatever the network does. Over half a second from where it stood at first, the
//! mapping is moved by a Period (docs/time.md: Clock). The wall clock takes no part: its steps move
//! nothing.

use super::super::contract::PeriodReason;
use super::super::watch::SourceTrack;
use super::{Channel, Phase};
use crate::media::Sample;
use crate::units::{MediaDuration, Monotonic, Now, WallTime};

/// How long lateness is watched before its least is taken.
const WINDOW: MediaDuration = MediaDuration::from_millis(60_000);
/// Drift that is put right.
const DRIFT_MAX: MediaDuration = MediaDuration::from_millis(500);

/// What is known of a source's clock.
#[derive(Debug, Default)]
pub(super) struct Drift {
    since: Option<Monotonic>,
    least: Option<MediaDuration>,
    /// The least lateness of the first window.
    baseline: Option<MediaDuration>,
    /// What the mapping must be moved by.
    due: Option<MediaDuration>,
}

impl Drift {
    fn observe(&mut self, at: Monotonic, lateness: MediaDuration) {
        let since = *self.since.get_or_insert(at);
        self.least = Some(self.least.map_or(lateness, |least| least.min(lateness)));
        if MediaDuration::from_std(at.since(since)) < WINDOW {
            return;
        }
        let least = self.least.take().unwrap_or(lateness);
        self.since = Some(at);
        let baseline = *self.baseline.get_or_insert(least);
        let drift = least - baseline;
        self.due = (drift.abs() > DRIFT_MAX).then_some(drift);
    }
}

impl Channel {
    /// The time of day by the monotonic clock: the wall clock's first reading and what has passed.
    pub(super) fn steady(&self, now: Now) -> WallTime {
        let passed = now.mono.since(self.began.mono).as_nanos();
        WallTime(self.began.wall.0.saturating_add(i64::try_from(passed).unwrap_or(i64::MAX)))
    }

    /// Notes how late the leading track's media is.
    pub(super) fn observe_drift(&mut self, now: Now, key: SourceTrack) {
        let Phase::Running(run) = &self.phase else { return };
        if run.mapping.absolute || self.plays_slate() {
            return;
        }
        if let Some(reached) = run.reached_by(key) {
            let lateness = self.steady(now).media_time() - reached;
            self.drift.observe(now.mono, lateness);
        }
    }

    /// Puts the mapping right where it has drifted and the leading track comes to a cut: the run
    /// must be broken off before this sample. True where it must.
    pub(super) fn drifted_at(&mut self, key: SourceTrack, sample: &Sample) -> bool {
        let (Phase::Running(run), Some(drift)) = (&self.phase, self.drift.due) else {
            return false;
        };
        if !run.cuts_at(key, sample, &self.segmentations) {
            return false;
        }
        self.drift.due = None;
        let moved = MediaDuration::from_millis(drift.floor_millis());
        self.last_mapping =
            Some(super::Mapping { offset: run.mapping.offset + moved, absolute: false });
        true
    }

    /// How far a run that begins for this reason may reach back over what is there.
    pub(super) fn overlap_allowed(reason: PeriodReason) -> MediaDuration {
        match reason {
            PeriodReason::Drift => MediaDuration::from_millis(1000),
            // The last frame of sound lasts longer than the picture.
            PeriodReason::SettingsChanged => MediaDuration::from_millis(100),
            _ => MediaDuration::ZERO,
        }
    }
}
