//! Other lists are asked for while a channel lives, or since it last did (docs/time.md:
//! Segmentations).

use std::collections::BTreeMap;

use super::super::config::{ChannelConfig, SegmentationKey, SegmentationWanted};
use super::super::run::Rearranged;
use super::super::segmentation::Segmentation;
use super::super::state::{Lists, Reserved, State};
use super::{Channel, Phase};

/// Segmentations remembered that nothing lists any more.
const REMEMBERED: usize = 64;

/// What an endpoint was served from before, by what it is to be served from. An endpoint may go
/// on only where its lists were of the same kind: of video with its audio, or of each by itself.
fn heritage(config: &ChannelConfig, state: &State) -> BTreeMap<SegmentationKey, SegmentationKey> {
    let mut before = BTreeMap::new();
    for (ordinal, served) in &config.endpoints {
        let Some(known) = state.endpoints.get(ordinal) else { continue };
        let goes_on = known.key != served.key && known.generation == served.generation;
        if goes_on {
            before.entry(served.key).or_insert(known.key);
        }
    }
    before
}

/// Notes what endpoints are served from now on, and where its numbers go on from. True where that
/// is new.
fn note(config: &ChannelConfig, state: &mut State) -> bool {
    let before = (state.endpoints.clone(), state.segmentations.len(), state.forgotten);
    for (key, from) in heritage(config, state) {
        let reserved = state.segmentations.get(&from).copied();
        if let Some(reserved) = reserved {
            let parts_of = reserved.parts_of.or(from.part_ms);
            let after = Some((from, reserved.number));
            let own = Reserved { offset: None, parts_of, after, ..reserved };
            state.segmentations.entry(key).or_insert(own);
        }
    }
    if state.forgotten > 0 {
        for wanted in &config.segmentations {
            let number = state.forgotten;
            state
                .segmentations
                .entry(wanted.key)
                .or_insert(Reserved { number, ..Reserved::default() });
        }
    }
    if !config.endpoints.is_empty() {
        state.endpoints.clone_from(&config.endpoints);
        forget(config, state);
    }
    before != (state.endpoints.clone(), state.segmentations.len(), state.forgotten)
}

/// Forgets segmentations that no endpoint was ever served from, or none that is remembered.
fn forget(config: &ChannelConfig, state: &mut State) {
    let served = |key: &SegmentationKey| {
        config.segmentations.iter().any(|wanted| wanted.key == *key)
            || state.endpoints.values().any(|served| served.key == *key)
    };
    let mut unserved: Vec<(u64, SegmentationKey)> = Vec::new();
    for (key, reserved) in &state.segmentations {
        if !served(key) {
            unserved.push((reserved.number, *key));
        }
    }
    unserved.sort();
    for (number, key) in unserved.iter().take(unserved.len().saturating_sub(REMEMBERED)) {
        state.forgotten = state.forgotten.max(*number);
        state.segmentations.remove(key);
    }
}

/// Takes over at a start what lists go on from under other durations. True where the state has
/// changed.
pub(super) fn adopt(config: &ChannelConfig, state: &mut State, rows: &mut Lists) -> bool {
    for (key, from) in heritage(config, state) {
        if let (false, Some(own)) = (rows.contains_key(&key), rows.get(&from)) {
            rows.insert(key, own.clone());
        }
    }
    note(config, state)
}

impl Channel {
    /// Takes other wishes: lists come and go at once, other durations come with the next Period.
    pub(super) fn configure(&mut self, config: ChannelConfig) {
        let heritage = heritage(&config, &self.state);
        let wanted: BTreeMap<SegmentationKey, SegmentationWanted> =
            config.segmentations.iter().map(|wanted| (wanted.key, *wanted)).collect();
        let known: Vec<SegmentationKey> =
            self.segmentations.iter().map(Segmentation::key).collect();
        let mut how = Rearranged::default();
        let mut there: Vec<Segmentation> = Vec::new();
        for (at, mut segmentation) in
            std::mem::take(&mut self.segmentations).into_iter().enumerate()
        {
            let placed =
                |key: &SegmentationKey| there.iter().any(|s: &Segmentation| s.key() == *key);
            let mut heirs = heritage.iter().filter(|(_, from)| **from == segmentation.key());
            let heir = heirs.find(|(key, _)| !known.contains(key) && !placed(key));
            let stays = wanted.get(&segmentation.key());
            let Some(next) = stays.or_else(|| wanted.get(heir?.0)) else { continue };
            how.changed |= segmentation.must_change(next);
            segmentation.set_wanted(*next);
            how.kept.push(at);
            there.push(segmentation);
        }
        let kept = there.len();
        for (key, next) in wanted.iter().filter(|(key, _)| !known.contains(key)) {
            if there.iter().any(|s| s.key() == *key) {
                continue;
            }
            // The one it goes on from is there under its own name, or under that of another heir.
            let from = heritage.get(key).and_then(|from| known.iter().position(|k| k == from));
            let of = from.and_then(|from| how.kept.iter().position(|at| *at == from));
            if let Some(of) = of.filter(|of| *of < kept) {
                let mut copy = there[of].clone();
                copy.set_wanted(*next);
                how.copies.push(of);
                how.changed = true;
                there.push(copy);
            }
        }
        for (key, next) in &wanted {
            if !there.iter().any(|s| s.key() == *key) {
                there.push(Segmentation::new(*next));
            }
        }
        self.segmentations = there;
        let changed = note(&config, &mut self.state);
        self.config = config;
        self.remember(changed);
        self.end_unwanted_slate();
        if let Some(mut closing) = self.closing.take() {
            self.with(|around| closing.rearrange(&how, around));
            self.closing = Some(closing);
        }
        if matches!(self.phase, Phase::Running(_)) {
            self.with_run(|run, around| run.rearrange(&how, around));
        }
        self.publish(true);
    }
}
