//! How mishaps befall a world, and how long their consequences are excused.

use headwater::media::Codec;
use headwater::packager::{Input, SourceEvent};

use super::{Action, World};
use crate::SECOND;
use crate::mishap::Mishap;
use crate::origin::told;
use crate::source::{aac, avc};

/// How far wrong decode times may move where a segment begins.
const WRONG_TIMES: i64 = 100_000;

impl World {
    pub(super) fn befall(&mut self, now: i64) {
        let mishap = Mishap::random(&self.source, &mut self.rng);
        self.mishaps += 1;
        if self.trace {
            println!("{}: {mishap:?}", told(now));
        }
        self.origin.excused = true;
        let end = now + self.inflict(mishap, now);
        let targets = match mishap {
            // A process that was killed shows nothing before it has three segments, which is two
            // target durations more.
            Mishap::ProcessKilled { .. } => 4,
            _ => 2,
        };
        let over = end + self.grace(targets);
        for at in [now, now + SECOND, end, end + 3 * SECOND, over, over + 20 * SECOND] {
            self.actions.push((at, Action::Audit));
        }
        self.excuse(over);
        let next = over + self.rng.range(30, 420) * SECOND;
        self.actions.push((next, Action::Mishap));
    }

    /// Does what the mishap is. Gives how long it lasts.
    fn inflict(&mut self, mishap: Mishap, now: i64) -> i64 {
        match mishap {
            Mishap::EncoderRestart { down, at_zero } => {
                let lost = self.rng.one_in(2);
                if lost {
                    self.tell(&SourceEvent::Lost);
                }
                self.encoder_up = false;
                let base = if at_zero { 0 } else { self.source.position() };
                self.actions.push((now + down, Action::EncoderBack { base, lost }));
                return down;
            }
            Mishap::Jump { by, track: None } => self.source.base += by,
            Mishap::Jump { by, track: Some(track) } => self.source.tracks[track].skew += by,
            Mishap::EqualTimes(n) => {
                self.invariants.slack = WRONG_TIMES;
                self.source.leading().stuck = n;
            }
            Mishap::BackwardTimes(n) => {
                self.invariants.slack = WRONG_TIMES;
                self.source.leading().early = n;
            }
            Mishap::Silence { track, us } => {
                self.source.tracks[track].silent_until = now + us;
                return us;
            }
            Mishap::Misaligned { track, us } => {
                self.source.tracks[track].skew += 40_000;
                self.actions.push((now + us, Action::Aligned { track }));
                return us;
            }
            Mishap::InputGone { down, told } => {
                let up = (0..self.feeds.len()).find(|i| self.feeds[*i].up).unwrap_or(0);
                if told {
                    self.input(Input::Source(self.feeds[up].id, SourceEvent::Lost));
                }
                self.feeds[up].up = false;
                self.actions.push((now + down, Action::InputBack { input: up, told }));
                return down;
            }
            Mishap::Resolution { .. } | Mishap::Profile { .. } | Mishap::Channels { .. } => {
                self.change(mishap);
            }
            Mishap::ProcessKilled { down } => {
                self.channel = None;
                let shown = self.origin.snapshot.take();
                // Every other time what it showed is kept on disk.
                self.kept = shown.filter(|_| down / 1000 % 2 == 0);
                self.actions.push((now + down, Action::ProcessBack));
                return down;
            }
            Mishap::WallStep(by) => {
                self.origin.wall_step = by;
                self.actions.push((now + 20 * SECOND, Action::WallBack));
                return 20 * SECOND;
            }
        }
        0
    }

    /// A track's settings become others.
    fn change(&mut self, mishap: Mishap) {
        let rate = self.source.make.rate;
        let (track, codec) = match mishap {
            Mishap::Resolution { track } | Mishap::Profile { track } => {
                let Codec::Avc(avc_now) = &self.source.tracks[track].info.codec else { return };
                let (height, profile) = (avc_now.height, avc_now.sps[1]);
                let resolution = matches!(mishap, Mishap::Resolution { .. });
                let height = height ^ if resolution { 4 } else { 0 };
                let profile = if resolution { profile } else { profile ^ (0x64 ^ 0x4d) };
                (track, avc(height, rate, profile))
            }
            Mishap::Channels { track } => {
                let Codec::Aac(aac_now) = &self.source.tracks[track].info.codec else { return };
                (track, aac(aac_now.sample_rate, aac_now.channels ^ 2 ^ 6))
            }
            _ => return,
        };
        self.source.tracks[track].becomes(codec);
        let info = self.source.tracks[track].info.clone();
        self.tell(&SourceEvent::Track(info));
    }

    /// How long after a mishap's end stalls are excused: so many of the longest target durations,
    /// and three seconds.
    pub(super) fn grace(&self, targets: i64) -> i64 {
        let views = self.origin.snapshot.iter().flat_map(|s| s.segmentations.values());
        let target = views.map(|v| i64::from(v.target)).max().unwrap_or(6) * SECOND;
        targets * target + 3 * SECOND
    }
}
