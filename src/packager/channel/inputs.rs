//! Inputs come and go: sessions that follow each other, what plays, what is lost.

use super::super::contract::{InputId, Output, PeriodReason, Report, SourceId};
use super::super::run::Remaining;
use super::super::watch::SourceTrack;
use super::{Channel, Phase};
use crate::media::TrackInfo;
use crate::units::{MediaDuration, Now};

impl Channel {
    /// Silence after which an input counts as lost.
    pub(super) fn loss_after(&self, input: InputId) -> MediaDuration {
        let pace = self.paces.get(&input).copied().unwrap_or(MediaDuration::ZERO);
        self.config.input_loss + pace
    }

    pub(super) fn silent_since(&self, input: InputId, now: Now) -> MediaDuration {
        let heard = self.heard.get(&input).copied().unwrap_or_default();
        MediaDuration::from_std(now.mono.since(heard))
    }

    /// A newer session of an input takes over the tracks of an older one that it declares too.
    pub(super) fn supersede(&mut self, source: SourceId, info: &TrackInfo) {
        let same = |(of, known): (&SourceTrack, &TrackInfo)| {
            let older = of.0.input == source.input && of.0.session < source.session;
            let alike = known.kind() == info.kind()
                && known.variant == info.variant
                && known.language == info.language;
            (older && alike).then_some(*of)
        };
        for key in self.declared.iter().filter_map(same).collect::<Vec<_>>() {
            self.declared.remove(&key);
            if let Phase::Watching(watch, _) = &mut self.phase {
                watch.tracks.remove(&key);
            }
        }
    }

    pub(super) fn is_active(&self, source: SourceId) -> bool {
        self.active == Some(source.input)
    }

    pub(super) fn activate(&mut self, input: InputId) {
        self.active = Some(input);
        let declared: Vec<(SourceTrack, TrackInfo)> = self
            .declared
            .iter()
            .filter(|((s, _), _)| s.input == input)
            .map(|(k, i)| (*k, i.clone()))
            .collect();
        for (key, info) in declared {
            self.declare(key, info);
        }
    }

    pub(super) fn lose(&mut self, now: Now, source: SourceId) {
        self.declared.retain(|(s, _), _| *s != source);
        self.anchors.remove(&source);
        if self.declared.keys().all(|(s, _)| s.input != source.input) {
            self.paces.remove(&source.input);
        }
        if let Some((_, watch)) = &mut self.incoming {
            watch.forget(source);
            self.incoming = self.incoming.take().filter(|(_, watch)| !watch.tracks.is_empty());
        }
        if self.active != Some(source.input) {
            return;
        }
        if self.plays_slate() {
            return self.part_from(source.input);
        }
        let remaining = match &mut self.phase {
            Phase::Watching(watch, _) => {
                watch.forget(source);
                if watch.tracks.is_empty() { Remaining::None } else { Remaining::Leader }
            }
            Phase::Running(_) => self.with_run(|run, _| run.lose(source)),
        };
        match remaining {
            Remaining::Leader => {}
            Remaining::NotTheLeader => self.break_off(PeriodReason::TracksChanged),
            Remaining::None => self.lose_input(now, source.input),
        }
    }

    /// The input that played has gone.
    pub(super) fn lose_input(&mut self, now: Now, input: InputId) {
        self.outputs.push_back(Output::Report(Report::SourceLost { input }));
        if !self.switch_seamlessly(now, input) {
            self.part_from(input);
        }
    }

    /// Ends what an input played. What is there stays; waiters are released.
    pub(super) fn part_from(&mut self, input: InputId) {
        self.forget_standby();
        self.finish_closing();
        self.break_off(PeriodReason::SourceReturned);
        self.active = None;
        self.heard.remove(&input);
        self.losses += 1;
        if let Phase::Watching(watch, _) = &mut self.phase {
            watch.tracks.clear();
            // Rungs of their own connections went one by one; the last run had them all.
            if let Some(run) = &self.state.run {
                watch.expect(&run.tracks);
            }
        }
        self.publish(true);
    }
}
