//! What a channel plays, or why it does not, in a sentence.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use crate::packager::{PeriodReason, Report, Snapshot};
use crate::units::{MediaDuration, Now};

/// Media older than this is not live any more.
const SILENCE: MediaDuration = MediaDuration::from_secs(10);
/// Complaints kept, newest first.
const COMPLAINTS_MAX: usize = 8;

/// What a channel's task and its sources have said last.
#[derive(Debug, Default)]
pub struct ChannelStatus {
    said: Mutex<Said>,
}

#[derive(Debug, Default)]
struct Said {
    /// The newest report of each kind worth showing.
    reports: BTreeMap<&'static str, String>,
    /// What encoders were refused for, by input.
    refusals: BTreeMap<u8, String>,
    /// Encoders connected, by input.
    connected: BTreeMap<u8, usize>,
    /// Inputs whose encoder has come and gone.
    gone: BTreeSet<u8>,
}

/// A channel for `/status`.
#[derive(Debug, Serialize)]
pub struct Shown {
    group: String,
    channel: String,
    /// What it plays or why it does not.
    says: String,
    /// What is worth knowing of its source.
    notes: Vec<String>,
}

impl Shown {
    /// The same with more notes.
    #[must_use]
    pub fn with(mut self, notes: impl IntoIterator<Item = String>) -> Self {
        self.notes.extend(notes);
        self
    }
}

impl ChannelStatus {
    /// Notes what the channel reports.
    pub fn note(&self, report: &Report) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        match report {
            Report::CadenceFound { .. } => {
                said.reports.remove("CadenceIrregular");
            }
            Report::PeriodBegan { reason: PeriodReason::Slate, .. } => {
                let text = "all inputs are silent: the slate plays";
                said.reports.insert("Slate", text.to_owned());
            }
            Report::PeriodBegan { reason: PeriodReason::SourceReturned, .. } => {
                said.reports.remove("Slate");
                said.reports.remove("SourceLost");
            }
            Report::ClockMapped { .. } | Report::MainReturned | Report::PeriodBegan { .. } => {
                said.reports.remove("SourceLost");
            }
            Report::TrackJoined { .. } => {
                said.reports.remove("TrackLeftOut");
            }
            other => {
                said.reports.insert(other.name(), other.to_string());
            }
        }
    }

    /// Notes what a source gets wrong.
    pub fn fault(&self, name: &'static str, text: String) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.reports.insert(name, text);
    }

    /// Notes that an encoder of `input` was refused, and why.
    pub fn refused(&self, input: u8, why: String) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.refusals.insert(input, why);
    }

    /// Notes that an encoder of `input` has begun to deliver.
    pub fn connected(&self, input: u8) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        *said.connected.entry(input).or_default() += 1;
        said.refusals.remove(&input);
    }

    /// Notes that a body of `input` has ended.
    pub fn disconnected(&self, input: u8) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let count = said.connected.entry(input).or_default();
        *count = count.saturating_sub(1);
        said.gone.insert(input);
    }

    /// The channel as `/status` shows it.
    #[must_use]
    pub fn show(
        &self,
        group: &str,
        channel: &str,
        looped: bool,
        snapshot: &Snapshot,
        now: Now,
    ) -> Shown {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let connected: usize = said.connected.values().sum();
        let newest = snapshot
            .segmentations
            .values()
            .flat_map(|view| view.renditions.iter())
            .filter_map(|list| list.rows.last().map(|row| row.end_time()))
            .max();
        let says = match newest {
            Some(end) => {
                let age = now.wall.media_time() - end;
                let behind = age.max(MediaDuration::ZERO).floor_millis() / 1000;
                if age > SILENCE && !looped {
                    format!(
                        "stands still: the newest media is {behind} s old{}",
                        encoders(connected)
                    )
                } else if snapshot.segmentations.values().any(|view| view.can_be_shown(false)) {
                    format!("plays {}", playing(snapshot))
                } else {
                    "gathers its first segments: it plays from three of them, and three target durations, on"
                        .to_owned()
                }
            }
            None if looped => "is about to start its loop".to_owned(),
            None if connected > 0 => {
                "has an encoder connected and gathers its first segments".to_owned()
            }
            None => said.nothing(group, channel),
        };
        let notes = said.reports.values().cloned();
        let refusals =
            said.refusals.iter().map(|(input, why)| format!("input {input} refused: {why}"));
        let notes = notes.chain(refusals).take(COMPLAINTS_MAX).collect();
        Shown { group: group.to_owned(), channel: channel.to_owned(), says, notes }
    }
}

impl Said {
    /// Why nothing plays while no encoder is connected: the newest refusal, or else what is missing.
    fn nothing(&self, group: &str, channel: &str) -> String {
        if let Some((input, why)) = self.refusals.iter().next_back() {
            return format!(
                "plays nothing: an encoder came to input {input} and was refused: {why}"
            );
        }
        if let Some(input) = self.gone.last() {
            return format!(
                "plays nothing: the encoder of input {input} went before it had brought enough to begin, which is media over three distances of its key frames"
            );
        }
        format!(
            "plays nothing: no encoder has come; push MPEG-TS by PUT to /v1/{group}/1/{channel}/live.ts on the ingest listener"
        )
    }
}

fn encoders(connected: usize) -> &'static str {
    match connected {
        0 => " and no encoder is connected",
        1 => " though an encoder is connected",
        _ => " though encoders are connected",
    }
}

fn playing(snapshot: &Snapshot) -> String {
    let Some(view) = snapshot.segmentations.values().next() else { return String::new() };
    let tracks = view.period.tracks.iter().filter_map(|track| {
        let name = &view.rendition(track.rendition)?.rendition.name;
        let codec = track.codec.rfc6381();
        Some(match (track.codec.picture(), track.codec.sound()) {
            (Some(p), _) => format!("{name} ({}x{} {codec})", p.width, p.height),
            (None, Some(sound)) => format!("{name} ({} Hz {codec})", sound.sample_rate),
            (None, None) => format!("{name} ({codec})"),
        })
    });
    let durations: Vec<String> = snapshot
        .segmentations
        .values()
        .map(|v| format!("{} ms", v.duration.floor_millis()))
        .collect();
    format!("{}; segments of {}", tracks.collect::<Vec<_>>().join(", "), durations.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(status: &ChannelStatus) -> String {
        status.show("news", "one", false, &Snapshot::default(), Now::default()).says
    }

    #[test]
    fn an_encoder_that_came_and_went_too_soon_is_told_apart_from_none() {
        let status = ChannelStatus::default();
        assert!(says(&status).contains("no encoder has come"), "{}", says(&status));
        status.connected(1);
        assert_eq!(says(&status), "has an encoder connected and gathers its first segments");
        status.disconnected(1);
        assert_eq!(
            says(&status),
            "plays nothing: the encoder of input 1 went before it had brought enough to begin, which is media over three distances of its key frames"
        );
        status.connected(1);
        status.disconnected(1);
        status.refused(1, "the body broke off".to_owned());
        assert!(says(&status).ends_with("was refused: the body broke off"), "{}", says(&status));
    }
}
