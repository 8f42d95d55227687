//! Where an encoder's sync samples are, the same for all its rungs.

use std::collections::BTreeSet;

use crate::rng::Rng;

/// How they come, in frames.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mode {
    /// At one distance.
    Every(i64),
    /// At one distance, and more at scene cuts in between.
    Scenes(i64),
    /// At any distance within these.
    Random { least: i64, most: i64 },
}

pub(crate) struct Syncs {
    mode: Mode,
    rng: Rng,
    /// By chance, up to the last of them.
    drawn: BTreeSet<i64>,
}

impl Syncs {
    pub(crate) fn new(mode: Mode, seed: u64) -> Self {
        Syncs { mode, rng: Rng::new(seed), drawn: BTreeSet::from([0]) }
    }

    /// The encoder counts its frames anew.
    pub(crate) fn restart(&mut self) {
        self.drawn = BTreeSet::from([0]);
    }

    /// How many frames after the newest sync sample frame `n` comes; 0 where it is one.
    pub(crate) fn since(&mut self, n: i64) -> i64 {
        match self.mode {
            Mode::Every(gop) => n % gop,
            Mode::Scenes(gop) => {
                let scene = |n: i64| n * n % 1009 < 4;
                (0..gop).find(|back| (n - back) % gop == 0 || scene(n - back)).unwrap_or(0)
            }
            Mode::Random { least, most } => {
                while let Some(last) = self.drawn.last().copied().filter(|last| *last <= n) {
                    self.drawn.insert(last + self.rng.range(least, most + 1));
                }
                while self.drawn.first().is_some_and(|first| first + 50 * most < n) {
                    self.drawn.pop_first();
                }
                self.drawn.range(..=n).next_back().map_or(0, |last| n - last)
            }
        }
    }
}
