//! A channel's runs: begun from what was held back, broken off, resumed.

use std::collections::{BTreeMap, BTreeSet};

use super::super::cadence::{Rhythm, half};
use super::super::contract::{Output, PeriodReason, Report};
use super::super::run::{Beginner, Beginning, Run};
use super::super::state::LastRun;
use super::super::timeline::Mapping;
use super::super::watch::{Resume, SourceTrack, Start, Watch, Watched, identity};
use super::drift::Drift;
use super::{Channel, Phase};
use crate::media::{MediaKind, Sample, TrackInfo};
use crate::units::{MediaDuration, MediaTime, Now};

fn beginner(key: SourceTrack, watched: &Watched, shift: MediaDuration) -> Beginner {
    let (info, frame, rate) = (watched.info.clone(), watched.frame(), watched.rate());
    Beginner { key, info, frame, shift, rate }
}

/// A run that was taken away, and what the next is to know of it.
struct Stopped {
    resume: Resume,
    infos: Vec<(SourceTrack, TrackInfo)>,
    run: Box<Run>,
}

impl Channel {
    pub(super) fn begin_run(&mut self, now: Now, start: &Start) {
        self.finish_closing();
        let arrival = self.steady(now).media_time();
        let floor = self.floor();
        let Phase::Watching(_, reason) = self.phase else { return };
        let anchor = start.tracks.first().and_then(|(source, _)| self.anchors.get(source));
        let anchored = anchor.and_then(|anchor| Mapping::anchored(*anchor, start.newest, arrival));
        let anchored =
            anchored.map(|m| if self.plays_slate() { m.after(start.at, floor) } else { m });
        // Media that comes in pieces is late by up to a piece.
        let pace = start.tracks.first().and_then(|(source, _)| self.paces.get(&source.input));
        let pace = pace.copied().unwrap_or(MediaDuration::ZERO);
        let kept = self.last_mapping.filter(|_| !self.plays_slate()).filter(|m| {
            let late = arrival - m.apply(start.newest);
            let begins = m.apply(start.at) + Self::overlap_allowed(reason);
            !m.absolute
                && late.abs() <= MediaDuration::from_secs(1) + pace
                && self.here().is_none_or(|end| begins >= end)
        });
        let chosen = anchored.or(kept);
        let mapping =
            chosen.unwrap_or_else(|| Mapping::by_arrival(start.newest, arrival, start.at, floor));
        if kept.is_none() || anchored.is_some() {
            let absolute = mapping.absolute;
            self.outputs.push_back(Output::Report(Report::ClockMapped { absolute }));
            self.drift = Drift::default();
        }
        if !self.plays_slate() {
            self.last_mapping = Some(mapping);
        }
        let fresh = Phase::Watching(Watch::default(), PeriodReason::Started);
        let Phase::Watching(watch, reason) = std::mem::replace(&mut self.phase, fresh) else {
            return;
        };
        self.outputs.push_back(Output::Report(match start.rhythm {
            Rhythm::Even { interval, .. } => Report::CadenceFound { interval },
            Rhythm::Irregular { longest } => Report::CadenceIrregular { longest },
        }));
        let mut tracks = watch.tracks;
        let chosen = start.tracks.iter().filter_map(|key| {
            let watched = tracks.get(key)?;
            let shift = start.shifts.get(key).copied().unwrap_or(MediaDuration::ZERO);
            Some(beginner(*key, watched, shift))
        });
        let beginning = Beginning {
            tracks: chosen.collect(),
            mapping,
            rhythm: start.rhythm,
            frame: start.frame,
            origin: mapping.apply(start.origin),
            not_before: floor.filter(|_| mapping.absolute),
            reason,
        };
        let run = self.with(|around| Run::new(beginning, around));
        let changed = self.note_run(&run);
        self.phase = Phase::Running(Box::new(run));
        self.remember(changed);
        self.replay(&mut tracks, &start.shifts, start.at);
    }

    /// Has the media held back put through the run first: the tracks interleaved by time, from `at`
    /// on. It is taken from a queue, for a break in it begins another run.
    fn replay(
        &mut self,
        tracks: &mut BTreeMap<SourceTrack, Watched>,
        shifts: &BTreeMap<SourceTrack, MediaDuration>,
        at: MediaTime,
    ) {
        let mut held: Vec<(MediaTime, SourceTrack, Sample)> = Vec::new();
        for (key, watched) in tracks.iter_mut() {
            let scale = watched.info.timescale;
            let undeclared = self.running_without(*key);
            if undeclared {
                self.declare(*key, watched.info.clone());
                self.outputs.extend(watched.left_out().map(Output::Report));
            }
            let samples = std::mem::take(&mut watched.samples);
            let shift = shifts.get(key).copied().unwrap_or(MediaDuration::ZERO);
            let time = |ticks: i64| MediaTime::new(ticks, scale) + shift;
            // A run begins with the first sync sample of its picture, which is not to be an earlier one.
            let video = watched.info.kind() == MediaKind::Video;
            let reach = half(watched.frame());
            let before = |s: &Sample| video && !(s.sync && time(s.pts) + reach >= at);
            let samples = samples.into_iter().skip_while(before);
            held.extend(samples.map(|s| (time(s.dts), *key, s)));
        }
        held.sort_by_key(|(time, key, _)| (*time, *key));
        // A second of what lies before the start may hold audio that belongs to it.
        let since = at - MediaDuration::from_secs(1);
        for (_, key, sample) in held.into_iter().rev().take_while(|(time, ..)| *time >= since) {
            self.held.push_front((key, sample));
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
        let Some(Stopped { mut resume, infos, run }) = self.stop_run() else { return };
        self.closing = Some(run);
        if reason != PeriodReason::SettingsChanged {
            self.finish_closing();
        }
        let changed_frame = infos.first().is_some_and(|(key, old)| {
            let new = self.declared.get(key);
            new.is_some_and(|new| new.codec.frame_duration() != old.codec.frame_duration())
        });
        if changed_frame {
            // Another frame rate has another rhythm: it must be found anew.
            resume.video = None;
        }
        let mut watch = Watch::resuming(resume);
        for (key, _) in infos {
            if let Some(info) = self.declared.get(&key) {
                watch.declare(key, info.clone(), self.config.limits.tracks);
            }
        }
        for (key, info) in self.declared.iter().filter(|((s, _), _)| Some(s.input) == self.active) {
            if !watch.tracks.contains_key(key) {
                watch.declare(*key, info.clone(), self.config.limits.tracks);
            }
        }
        self.phase = Phase::Watching(watch, reason);
    }

    /// Ends the run, or what is left of the last one.
    pub(super) fn end_run(&mut self) {
        if let Some(stopped) = self.stop_run() {
            self.closing = Some(stopped.run);
        }
        self.finish_closing();
    }

    /// Takes the run away.
    fn stop_run(&mut self) -> Option<Stopped> {
        let fresh = Phase::Watching(Watch::default(), PeriodReason::SourceReturned);
        let run = match std::mem::replace(&mut self.phase, fresh) {
            Phase::Running(run) => run,
            watching @ Phase::Watching(..) => {
                self.phase = watching;
                return None;
            }
        };
        let slate = self.plays_slate();
        let video = run.rhythm().or(self.video.filter(|_| !slate));
        if !slate {
            self.video = video;
        }
        let infos: Vec<(SourceTrack, TrackInfo)> =
            run.infos().map(|(k, i)| (*k, i.clone())).collect();
        let tracks: BTreeSet<_> = infos.iter().map(|(_, info)| identity(info)).collect();
        Some(Stopped { resume: Resume { video, tracks }, infos, run })
    }

    /// A sample of a track that goes on as it was while another has changed its settings: what was
    /// sent together with the old picture still belongs to it.
    pub(super) fn take_closing(&mut self, key: SourceTrack, sample: &Sample) {
        let Some(mut run) = self.closing.take() else { return };
        let unchanged = run.follows(key, self.declared.get(&key));
        if unchanged {
            self.with(|around| run.sample(key, sample, around));
        }
        let bytes_max = self.config.limits.pending_bytes;
        let done = run.has_all(&self.declared) || run.pending_bytes() > bytes_max;
        self.closing = Some(run);
        if done {
            self.finish_closing();
        }
    }

    /// Closes the run that was stopped, with what it has.
    pub(super) fn finish_closing(&mut self) {
        if let Some(run) = self.closing.take() {
            self.with(|around| run.finish(around));
        }
    }

    /// Remembers what the next run of an input is to know of this one. True where that is new.
    fn note_run(&mut self, run: &Run) -> bool {
        if self.plays_slate() {
            return false;
        }
        let last = LastRun {
            offset: run.mapping.offset,
            absolute: run.mapping.absolute,
            video: run.rhythm().or(self.video),
            tracks: run.infos().map(|(_, info)| identity(info)).collect(),
        };
        self.video = last.video;
        let new = self.state.run.as_ref() != Some(&last);
        self.state.run = Some(last);
        new
    }
}
