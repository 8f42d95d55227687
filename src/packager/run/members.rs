//! Who takes part in a run: tracks that are declared, lost, or replaced by another input's.

use super::super::contract::{LeftOut, PeriodReason, Report, SourceId};
use super::super::timeline::Mapping;
use super::super::watch::{SourceTrack, identity};
use super::track::RunTrack;
use super::{Beginner, Remaining, Run, Surroundings, Taken};
use crate::media::TrackInfo;
use crate::units::MediaDuration;

impl Run {
    /// A track is declared while the run goes on: the same again is nothing, new settings are a
    /// break, a new one waits for a Period.
    pub(in crate::packager) fn declare(
        &mut self,
        key: SourceTrack,
        info: TrackInfo,
        limit: usize,
        around: &mut Surroundings<'_>,
    ) -> Taken {
        if let Some(known) = self.tracks.iter().find(|t| t.key == key) {
            return if known.info == info {
                Taken::Yes
            } else {
                Taken::Break(PeriodReason::SettingsChanged)
            };
        }
        let own = identity(&info);
        // Programmes of one source are rungs as folders are: they share what they say in a language.
        let elsewhere = |t: &RunTrack| t.key.0 != key.0 || t.info.variant != info.variant;
        if self.tracks.iter().any(|t| identity(&t.info) == own && elsewhere(t)) {
            let same = self.tracks.iter().find(|t| identity(&t.info) == own);
            if same.is_some_and(|t| t.info.variant == info.variant) {
                return Taken::Break(PeriodReason::SourceReturned);
            }
            let track = format!("{}-{}", own.0, info.variant.as_str());
            around.reports.push(Report::TrackLeftOut { track, why: LeftOut::DuplicateLanguage });
            return Taken::Yes;
        }
        if self.tracks.len() >= limit {
            let track = own.0.to_string();
            around.reports.push(Report::TrackLeftOut { track, why: LeftOut::TooManyTracks });
            return Taken::Yes;
        }
        let frame = info.codec.frame_duration().unwrap_or(self.clock.frame);
        let shift = MediaDuration::ZERO;
        self.add_track(Beginner { key, info, frame, shift, rate: None }, around);
        if let Some(track) = self.tracks.last_mut() {
            track.next_boundary = self.passed + self.boundaries.len() as u64;
        }
        Taken::Yes
    }

    /// A source has gone. Gives whether any track of the run is left.
    pub(in crate::packager) fn lose(&mut self, source: SourceId) -> Remaining {
        let remains = |t: &RunTrack| t.member && !t.leaving && t.key.0 != source;
        if !self.tracks.iter().any(remains) {
            // Not marked as leaving: these are the tracks to wait for when the source returns.
            return Remaining::None;
        }
        for track in self.tracks.iter_mut().filter(|t| t.key.0 == source) {
            track.leaving = true;
        }
        self.tracks.retain(|t| t.member || !t.leaving);
        if self.tracks.first().is_some_and(|leader| leader.leaving) {
            return Remaining::NotTheLeader;
        }
        if self.tracks.iter().any(|t| t.leaving) {
            self.pending.get_or_insert(PeriodReason::TracksChanged);
        }
        Remaining::Leader
    }

    /// Puts another input's tracks in the place of the run's, one for each with the same identity
    /// and equal settings. False, and nothing changed, where they do not match one for one.
    pub(in crate::packager) fn take_over(
        &mut self,
        mapping: Mapping,
        others: &[(SourceTrack, &TrackInfo)],
    ) -> bool {
        let same = |ours: &TrackInfo, theirs: &TrackInfo| {
            identity(ours) == identity(theirs)
                && ours.codec == theirs.codec
                && ours.timescale == theirs.timescale
        };
        let counterpart =
            |t: &RunTrack| others.iter().find(|(_, info)| same(&t.info, info)).map(|(key, _)| *key);
        let members = self.tracks.iter().filter(|t| t.member);
        let Some(keys) = members.map(counterpart).collect::<Option<Vec<_>>>() else { return false };
        self.tracks.retain(|t| t.member);
        for (track, key) in self.tracks.iter_mut().zip(keys) {
            track.key = key;
            track.leaving = false;
        }
        self.mapping = mapping;
        true
    }
}
