//! A channel's runs: begun from what was held back, broken off, resumed.

use std::collections::{BTreeMap, BTreeSet};

use super::super::cadence::Rhythm;
use super::super::contract::{Output, PeriodReason, Report};
use super::super::run::{Beginning, Run, Surroundings};
use super::super::timeline::Mapping;
use super::super::watch::{Resume, SourceTrack, Start, Watch, Watched, identity};
use super::{Channel, Phase};
use crate::media::{Sample, TrackInfo};
use crate::units::{MediaDuration, MediaTime, Now};

impl Channel {
    pub(super) fn begin_run(&mut self, now: Now, start: &Start) {
        let arrival = now.wall.media_time();
        let floor = self.floor();
        let anchor = start.tracks.first().and_then(|(source, _)| self.anchors.get(source));
        let anchored = anchor.and_then(|anchor| Mapping::anchored(*anchor, start.newest, arrival));
        let kept = self.last_mapping.filter(|m| {
            let late = arrival - m.apply(start.newest);
            !m.absolute
                && late.abs() <= MediaDuration::from_secs(1)
                && floor.is_none_or(|f| m.apply(start.at) >= f)
        });
        let chosen = anchored.or(kept);
        let mapping =
            chosen.unwrap_or_else(|| Mapping::by_arrival(start.newest, arrival, start.at, floor));
        if kept.is_none() || anchored.is_some() {
            self.outputs
                .push_back(Output::Report(Report::ClockMapped { absolute: mapping.absolute }));
        }
        self.last_mapping = Some(mapping);
        let Phase::Watching(watch, reason) = std::mem::replace(
            &mut self.phase,
            Phase::Watching(Watch::default(), PeriodReason::Started),
        ) else {
            return;
        };
        self.outputs.push_back(Output::Report(match start.rhythm {
            Rhythm::Even { interval, .. } => Report::CadenceFound { interval },
            Rhythm::Irregular { longest } => Report::CadenceIrregular { longest },
        }));
        let mut tracks = watch.tracks;
        let chosen = start.tracks.iter().filter_map(|key| {
            let watched = tracks.get(key)?;
            Some((*key, watched.info.clone(), watched.frame()))
        });
        let beginning = Beginning {
            tracks: chosen.collect(),
            mapping,
            rhythm: start.rhythm,
            frame: start.frame,
            origin: mapping.apply(start.origin),
            reason,
        };
        let mut reports = Vec::new();
        let mut changed = false;
        let run = Run::new(
            beginning,
            &mut Surroundings {
                state: &mut self.state,
                segmentations: &mut self.segmentations,
                reports: &mut reports,
                needs_state: &mut self.needs_state,
                state_changed: &mut changed,
            },
        );
        self.phase = Phase::Running(Box::new(run));
        self.outputs.extend(reports.into_iter().map(Output::Report));
        self.remember(changed);
        self.replay(now, &mut tracks, start.at);
    }

    /// Puts the media held back through the run: the tracks interleaved by time, from `at` on.
    fn replay(&mut self, now: Now, tracks: &mut BTreeMap<SourceTrack, Watched>, at: MediaTime) {
        let mut held: Vec<(MediaTime, SourceTrack, Sample)> = Vec::new();
        for (key, watched) in tracks.iter_mut() {
            let scale = watched.info.timescale;
            let undeclared = self.running_without(*key);
            if undeclared {
                self.declare(*key, watched.info.clone());
                self.outputs.extend(watched.left_out().map(Output::Report));
            }
            let samples = std::mem::take(&mut watched.samples);
            held.extend(samples.into_iter().map(|s| (MediaTime::new(s.dts, scale), *key, s)));
        }
        held.sort_by_key(|(time, key, _)| (*time, *key));
        // A second of what lies before the start may hold audio that belongs to it.
        let since = at - MediaDuration::from_secs(1);
        for (time, key, sample) in held {
            if time >= since {
                self.sample(now, key, sample);
            }
        }
    }

    fn running_without(&self, key: SourceTrack) -> bool {
        match &self.phase {
            Phase::Running(run) => run.infos().all(|(known, _)| *known != key),
            Phase::Watching(..) => false,
        }
    }

    /// Ends the run, if there is one, and watches for the next.
    pub(super) fn break_off(&mut self, reason: PeriodReason) {
        let Some((resume, infos)) = self.end_run() else { return };
        let mut watch = Watch::resuming(resume);
        for (key, info) in infos {
            let info = self.declared.get(&key).cloned().unwrap_or(info);
            watch.declare(key, info, self.config.limits.tracks);
        }
        for (key, info) in self.declared.iter().filter(|((s, _), _)| Some(s.input) == self.active) {
            if !watch.tracks.contains_key(key) {
                watch.declare(*key, info.clone(), self.config.limits.tracks);
            }
        }
        self.phase = Phase::Watching(watch, reason);
    }

    pub(super) fn end_run(&mut self) -> Option<(Resume, Vec<(SourceTrack, TrackInfo)>)> {
        let fresh = Phase::Watching(Watch::default(), PeriodReason::SourceReturned);
        let run = match std::mem::replace(&mut self.phase, fresh) {
            Phase::Running(run) => run,
            watching @ Phase::Watching(..) => {
                self.phase = watching;
                return None;
            }
        };
        let (rhythm, frame) = run.rhythm();
        let infos: Vec<(SourceTrack, TrackInfo)> =
            run.infos().map(|(k, i)| (*k, i.clone())).collect();
        let tracks: BTreeSet<_> = infos.iter().map(|(_, info)| identity(info)).collect();
        let mut reports = Vec::new();
        let mut changed = false;
        run.finish(&mut Surroundings {
            state: &mut self.state,
            segmentations: &mut self.segmentations,
            reports: &mut reports,
            needs_state: &mut self.needs_state,
            state_changed: &mut changed,
        });
        self.outputs.extend(reports.into_iter().map(Output::Report));
        self.remember(changed);
        Some((Resume { rhythm, frame, tracks }, infos))
    }
}
