//! How an endpoint's manifests present its channel: rungs, dates, delay, buffer, updates. The keys are
//! those of a control plane's packaging configuration.

use std::time::Duration;

use super::endpoint::Timing;
use super::fault::Problem;
use super::section::{Found, Section};
use super::value::{bitrate, count, media, stream_order};
use crate::manifest::dash::UPDATE_PERIOD;
use crate::manifest::hls::HOLD_BACK_TARGETS;
use crate::manifest::{Dates, Presentation, VideoBitrates};
use crate::resolve::Protocol;
use crate::units::MediaDuration;

/// The highest EXT-X-VERSION there is (rfc8216bis §8).
const HLS_VERSION_MAX: u64 = 13;
const SECOND: Duration = Duration::from_secs(1);
const INTERVAL_MAX: Duration = Duration::from_hours(1);
const DELAY_MAX: Duration = Duration::from_mins(1);
const BUFFER_MAX: Duration = Duration::from_secs(30);

/// Reads the keys; `None` where one of them is wrong.
pub(super) fn read(
    section: &mut Section<'_>,
    protocol: Option<Protocol>,
    timing: Option<Timing>,
) -> Option<Presentation> {
    let order = section.get("stream_order", stream_order).or_default();
    let bitrates = read_bitrates(section);
    let hls_version = section.get("hls_version", count(1, HLS_VERSION_MAX)).or(1);
    let durations = [
        section.get("date_time_interval", media(SECOND, INTERVAL_MAX)),
        section.get("presentation_delay", media(SECOND, DELAY_MAX)),
        section.get("min_buffer_time", media(SECOND, BUFFER_MAX)),
        section.get("min_update_period", media(SECOND, INTERVAL_MAX)),
    ];
    if durations.iter().any(|found| matches!(found, Found::Faulty)) {
        return None;
    }
    let [date_time_interval, delay, min_buffer, min_update] = durations.map(Found::good);
    let presentation = Presentation {
        order: order?,
        bitrates: bitrates?,
        dates: date_time_interval.map_or(Dates::All, Dates::FirstOf),
        delay,
        part_hold_back: None,
        min_buffer,
        min_update,
        hls_version: u32::try_from(hls_version?).ok()?,
    };
    if let (Some(protocol), Some(timing)) = (protocol, timing) {
        unused(section, protocol, &presentation);
        if protocol.has_hls() {
            fit_hls(section, timing, &presentation);
        }
        if protocol.has_dash() {
            fit_dash(section, timing, &presentation);
        }
    }
    Some(presentation)
}

fn read_bitrates(section: &mut Section<'_>) -> Option<VideoBitrates> {
    let all = VideoBitrates::ALL;
    let min = section.get("min_video_bitrate", bitrate).or(all.min);
    let max = section.get("max_video_bitrate", bitrate).or(all.max);
    let bitrates = VideoBitrates { min: min?, max: max? };
    if bitrates.min > bitrates.max {
        section.complain("min_video_bitrate", Problem::BitratesCrossed);
        return None;
    }
    Some(bitrates)
}

/// Remarks on keys that the protocol has no use for.
fn unused(section: &mut Section<'_>, protocol: Protocol, presentation: &Presentation) {
    for (key, written) in [
        ("date_time_interval", presentation.dates != Dates::All),
        ("hls_version", presentation.hls_version > 1),
    ] {
        if written && !protocol.has_hls() {
            section.complain(key, Problem::NoEffect { only: "HLS" });
        }
    }
    for (key, written) in [
        ("min_buffer_time", presentation.min_buffer.is_some()),
        ("min_update_period", presentation.min_update.is_some()),
    ] {
        if written && !protocol.has_dash() {
            section.complain(key, Problem::NoEffect { only: "DASH" });
        }
    }
}

fn fit_hls(section: &mut Section<'_>, timing: Timing, presentation: &Presentation) {
    let Some(delay) = presentation.delay else { return };
    // The least target duration that comes of the segments asked for.
    let target = MediaDuration::from_secs(timing.segment_duration.round_secs().max(1));
    let least = target.times(HOLD_BACK_TARGETS);
    if delay < least {
        section.complain("presentation_delay", Problem::NoHoldBack { least: least.to_std() });
        return;
    }
    let most = timing.hls_list() - timing.segment_duration;
    if delay > most {
        section.complain("presentation_delay", Problem::BeyondList { most: most.to_std() });
    }
}

fn fit_dash(section: &mut Section<'_>, timing: Timing, presentation: &Presentation) {
    let segment = timing.segment_duration;
    let window = timing.dash_window();
    // Segments of low latency are known by number: an update is needed for new Periods alone.
    let (ahead, unit, new, usual) = match timing.part_duration {
        Some(part) => (part, "part", "Periods", UPDATE_PERIOD),
        None => (segment, "segment", "segments", segment),
    };
    let update = presentation.min_update.unwrap_or(usual);
    let buffer = presentation.min_buffer.unwrap_or(segment.times(2));
    if presentation.min_update.is_some() {
        let most = window - segment.times(2);
        if update > most {
            section.complain("min_update_period", Problem::BeyondList { most: most.to_std() });
            return;
        }
        if update >= buffer && timing.part_duration.is_none() {
            let buffer = buffer.to_std();
            section.complain("min_update_period", Problem::UpdateNotUnderBuffer { buffer });
        }
    }
    let Some(delay) = presentation.delay else { return };
    let most = window - segment;
    if delay > most {
        section.complain("presentation_delay", Problem::BeyondList { most: most.to_std() });
    } else if delay < update + ahead {
        let least = (update + ahead).to_std();
        section.complain("presentation_delay", Problem::DelayUnderUpdate { unit, new, least });
    }
}
