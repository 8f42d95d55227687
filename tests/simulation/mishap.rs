//! What befalls a world.

use headwater::media::MediaKind;

use crate::SECOND;
use crate::rng::Rng;
use crate::source::Source;

/// What befalls a world.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mishap {
    EncoderRestart {
        down: i64,
        at_zero: bool,
    },
    Jump {
        by: i64,
        track: Option<usize>,
    },
    EqualTimes(i64),
    BackwardTimes(i64),
    Silence {
        track: usize,
        us: i64,
    },
    /// A rung's sync samples and all else stand 40 ms off the others'.
    Misaligned {
        track: usize,
        us: i64,
    },
    Resolution {
        track: usize,
    },
    Profile {
        track: usize,
    },
    Channels {
        track: usize,
    },
    /// The input that plays goes, told or untold, and comes back.
    InputGone {
        down: i64,
        told: bool,
    },
    ProcessKilled {
        down: i64,
    },
    WallStep(i64),
}

fn away(rng: &mut Rng) -> i64 {
    if rng.one_in(6) { rng.range(60, 600) * SECOND } else { rng.range(1_000, 15_000) * 1000 }
}

fn jump(rng: &mut Rng) -> i64 {
    let by = if rng.one_in(3) { rng.range(60, 3600) } else { rng.range(3, 30) } * SECOND;
    if rng.one_in(2) { by } else { -by }
}

impl Mishap {
    /// One of those that can befall such a source.
    pub(crate) fn random(source: &Source, rng: &mut Rng) -> Self {
        loop {
            if let Some(mishap) = Self::drawn(source, rng) {
                return mishap;
            }
        }
    }

    fn drawn(source: &Source, rng: &mut Rng) -> Option<Self> {
        let of = |kind: MediaKind, rng: &mut Rng| {
            let tracks = (0..source.tracks.len()).filter(|i| source.tracks[*i].kind() == kind);
            let tracks: Vec<usize> = tracks.collect();
            (!tracks.is_empty()).then(|| rng.pick(&tracks))
        };
        let several = source.tracks.len() > 1;
        let all: Vec<usize> = (0..source.tracks.len()).collect();
        let any = rng.pick(&all);
        // A source that says the time would have to say it anew.
        let jumps = !source.make.absolute;
        Some(match rng.range(0, 17) {
            0 => Mishap::EncoderRestart { down: rng.range(100, 1_000) * 1000, at_zero: true },
            1 => Mishap::EncoderRestart { down: away(rng), at_zero: true },
            2 => Mishap::EncoderRestart { down: away(rng), at_zero: false },
            3 if jumps => Mishap::Jump { by: jump(rng), track: None },
            // A rung that jumps away from the others is not one any more.
            4 if jumps && several && source.make.rungs < 2 => {
                Mishap::Jump { by: jump(rng), track: Some(any) }
            }
            5 => Mishap::EqualTimes(rng.range(1, 4)),
            6 => Mishap::BackwardTimes(rng.range(1, 3)),
            7 | 8 if several => Mishap::Silence { track: any, us: rng.range(1, 60) * SECOND },
            9 if source.make.rungs > 1 => {
                let others: Vec<usize> = (1..usize::from(source.make.rungs)).collect();
                Mishap::Misaligned { track: rng.pick(&others), us: rng.range(3, 30) * SECOND }
            }
            10 => Mishap::Resolution { track: of(MediaKind::Video, rng)? },
            11 => Mishap::Profile { track: of(MediaKind::Video, rng)? },
            13 => Mishap::Channels { track: of(MediaKind::Audio, rng)? },
            14 if source.make.inputs > 1 => {
                Mishap::InputGone { down: away(rng), told: rng.one_in(2) }
            }
            15 => Mishap::ProcessKilled { down: rng.range(500, 30_000) * 1000 },
            16 => Mishap::WallStep(rng.pick(&[-3600, -2, 2, 3600]) * SECOND),
            _ => return None,
        })
    }
}
