//! One endpoint of a channel: its protocol, durations, window, name and guard.

use std::time::Duration;

use super::fault::{Fault, Problem};
use super::limits::MEMORY_WINDOW_MAX;
use super::name::{ManifestName, Name};
use super::presentation;
use super::request_args;
use super::section::{Found, Section};
use super::servers::addresses;
use super::value;
use crate::manifest::Presentation;
use crate::resolve::{AccessRules, Names, Protocol, Published, Selection};
use crate::units::MediaDuration;

const SECOND: Duration = Duration::from_secs(1);
/// Longest segment, and longest where it has parts.
const SEGMENT_MAX: Duration = Duration::from_secs(30);
const LOW_LATENCY_SEGMENT_MAX: Duration = Duration::from_secs(2);
const PART_MIN: Duration = Duration::from_millis(100);
/// Part of a segment that its parts last by default: 350 ms of 1 s, 700 ms of 2 s.
const PART_PERCENT: i64 = 35;
const SEGMENT_NUM: usize = 6;
const DASH_WINDOW_SECS: i64 = 60;
const TIMESHIFT_DAYS_MAX: u64 = 30;

/// One packaged output of a channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// Unique within the channel.
    pub name: Name,
    /// Its number in URLs, from 1: its position in the file.
    pub ordinal: u32,
    /// What it puts out.
    pub protocol: Protocol,
    /// Whether audio has lists of its own in transport streams, which else carry it with the video;
    /// in CMAF it always has.
    pub use_audio_rendition_groups: bool,
    /// Segments an HLS playlist lists at least, 2 to 100.
    pub segment_num: u32,
    /// Asked segment duration, 1 to 30 s, of Low-Latency HLS 1 to 2 s; whole milliseconds.
    pub segment_duration: MediaDuration,
    /// Asked part duration, 100 ms to half a segment and a second at most. Low-Latency HLS always
    /// has one; one that is written makes the DASH of DASH_CMAF and HLSDASH_CMAF low-latency.
    pub part_duration: Option<MediaDuration>,
    /// What a list spans at least, no less than three segments; there where it is written.
    pub window: Option<MediaDuration>,
    /// How far back it can be asked for, nothing to 30 days.
    pub timeshift: MediaDuration,
    /// The last part of its manifests' URLs.
    pub manifest_name: ManifestName,
    /// How its manifests present the channel.
    pub presentation: Presentation,
    /// Names of its own for the parameters of time-shift queries, beside those always understood.
    pub shift_names: Names,
    /// Rungs that are shown to queries that hold a key; the first that is asked for counts.
    pub selections: Vec<Selection>,
    /// Where its manifests stand beside `/v1/`, too.
    pub published: Vec<Published>,
    /// Whether what it serves is to be encrypted. It is set by a control plane alone, and such an
    /// endpoint serves nothing.
    pub encrypted: bool,
    /// Who may read it.
    pub access: AccessRules,
}

impl Endpoint {
    /// `timeShiftBufferDepth` of its MPD: the window, or 60 s and no less than three segments.
    #[must_use]
    pub fn dash_window(&self) -> MediaDuration {
        self.timing().dash_window()
    }

    /// What its media playlists span at least: `segment_num` segments, and the window where it is
    /// written.
    #[must_use]
    pub fn hls_window(&self) -> MediaDuration {
        self.timing().hls_list()
    }

    /// Whether its lists reach further back than memory does.
    #[must_use]
    pub fn lists_beyond(&self, memory: MediaDuration) -> bool {
        let hls = self.protocol.has_hls() && self.hls_window() > memory;
        hls || self.protocol.has_dash() && self.dash_window() > memory
    }

    fn timing(&self) -> Timing {
        Timing {
            segment_num: self.segment_num,
            segment_duration: self.segment_duration,
            part_duration: self.part_duration,
            window: self.window,
        }
    }
}

/// Days as a span.
#[must_use]
pub fn days(count: u32) -> MediaDuration {
    MediaDuration::from_secs(i64::from(count) * 86_400)
}

/// What one `[[channel.endpoint]]` says, as far as it is right.
pub(super) struct Outline {
    /// Its name, written or by its protocol.
    pub(super) name: Option<Name>,
    /// Its durations.
    pub(super) timing: Option<Timing>,
    /// Whether it is a Low-Latency HLS one.
    pub(super) leads_parts: bool,
    /// Where its manifests stand beside `/v1/`.
    pub(super) published: Vec<Published>,
    /// All of it.
    pub(super) endpoint: Option<Endpoint>,
}

/// The durations of an endpoint.
#[derive(Clone, Copy)]
pub(super) struct Timing {
    segment_num: u32,
    pub(super) segment_duration: MediaDuration,
    pub(super) part_duration: Option<MediaDuration>,
    window: Option<MediaDuration>,
}

impl Timing {
    /// The window of an MPD: as written, or 60 s and no less than three segments.
    pub(super) fn dash_window(&self) -> MediaDuration {
        let default =
            MediaDuration::from_secs(DASH_WINDOW_SECS).max(self.segment_duration.times(3));
        self.window.unwrap_or(default)
    }

    /// What a playlist spans at least.
    pub(super) fn hls_list(&self) -> MediaDuration {
        let counted = self.segment_duration.times(i64::from(self.segment_num));
        self.window.map_or(counted, |window| window.max(counted))
    }
}

impl Outline {
    /// Reads one `[[channel.endpoint]]`. `kept` is what stays in memory.
    pub(super) fn read(
        section: &mut Section<'_>,
        ordinal: u32,
        kept: MediaDuration,
        faults: &mut Vec<Fault>,
    ) -> Self {
        let protocol = section.required("protocol", value::protocol);
        let timing = read_timing(section, protocol);
        if let (Some(protocol), Some(timing)) = (protocol, timing) {
            fit(section, protocol, timing, kept);
        }
        let timeshift = section.get("timeshift_days", value::count(0, TIMESHIFT_DAYS_MAX)).or(0);
        let name = match section.get("name", value::name) {
            Found::Absent => {
                protocol.and_then(|protocol| Name::parse(&protocol.name().to_ascii_lowercase()))
            }
            written => written.good(),
        };
        let manifest_name = section.get("manifest_name", value::manifest_name).or_default();
        let audio_groups = section.get("use_audio_rendition_groups", value::boolean).or(false);
        let presentation = presentation::read(section, protocol, timing);
        let published = section.list("published", value::published).or_default();
        let shift_names = request_args::read(section, faults);
        let access = read_access(section, faults);
        let assemble = || {
            let timing = timing?;
            Some(Endpoint {
                name: name.clone()?,
                ordinal,
                protocol: protocol?,
                use_audio_rendition_groups: audio_groups?,
                segment_num: timing.segment_num,
                segment_duration: timing.segment_duration,
                part_duration: timing.part_duration,
                window: timing.window,
                timeshift: days(u32::try_from(timeshift?).ok()?),
                manifest_name: manifest_name?,
                presentation: presentation?,
                shift_names: shift_names.clone()?,
                selections: Vec::new(),
                published: published.clone()?,
                encrypted: false,
                access: access?,
            })
        };
        let leads_parts = protocol.is_some_and(Protocol::low_latency);
        let endpoint = assemble();
        let published = published.unwrap_or_default();
        Outline { name, timing, leads_parts, published, endpoint }
    }
}

/// Complains of an MPD that lists Periods by number alone for longer than they are `kept`: of those
/// that have left memory nothing is known but their segments.
fn fit(section: &mut Section<'_>, protocol: Protocol, timing: Timing, kept: MediaDuration) {
    let window = timing.dash_window();
    if protocol.has_dash() && timing.part_duration.is_some() && window > kept {
        section.complain("window", beyond(window, kept));
    }
}

fn beyond(listed: MediaDuration, kept: MediaDuration) -> Problem {
    Problem::WindowBeyondMemory { listed: listed.to_std(), kept: kept.to_std() }
}

/// The durations; `None` where one of them is wrong.
fn read_timing(section: &mut Section<'_>, protocol: Option<Protocol>) -> Option<Timing> {
    let segment_num = section.get("segment_num", value::count(2, 100)).or(SEGMENT_NUM);
    let low_latency = protocol.is_some_and(Protocol::low_latency);
    let (longest, default) =
        if low_latency { (LOW_LATENCY_SEGMENT_MAX, 1) } else { (SEGMENT_MAX, 5) };
    let segment = section.get("segment_duration", value::media(SECOND, longest));
    let segment = segment.or(MediaDuration::from_secs(default));
    let part = read_part_duration(section, protocol, segment);
    let window = read_window(section, segment);
    if matches!(part, Found::Faulty) || matches!(window, Found::Faulty) {
        return None;
    }
    Some(Timing {
        segment_num: u32::try_from(segment_num?).ok()?,
        segment_duration: segment?,
        part_duration: part.good(),
        window: window.good(),
    })
}

/// The part duration; absent where the protocol is not known, has no parts, or has them only where
/// they are asked for.
fn read_part_duration(
    section: &mut Section<'_>,
    protocol: Option<Protocol>,
    segment: Option<MediaDuration>,
) -> Found<MediaDuration> {
    let asks = |protocol: Protocol| protocol.low_latency() || protocol.has_dash();
    if protocol.is_some_and(|protocol| !asks(protocol)) {
        return section.get("part_duration", |_| Err(Problem::PartsWithoutLowLatency));
    }
    let segment_max = segment.map_or(LOW_LATENCY_SEGMENT_MAX, MediaDuration::to_std);
    let half = segment_max.min(LOW_LATENCY_SEGMENT_MAX) / 2;
    match (section.get("part_duration", value::media(PART_MIN, half)), protocol, segment) {
        (Found::Absent, Some(protocol), Some(segment)) if protocol.low_latency() => {
            let millis = segment.floor_millis() * PART_PERCENT / 100;
            Found::Good(MediaDuration::from_millis(millis))
        }
        (found, _, _) => found,
    }
}

fn read_window(section: &mut Section<'_>, segment: Option<MediaDuration>) -> Found<MediaDuration> {
    let found = section.get("window", value::media(SECOND, MEMORY_WINDOW_MAX));
    let least = segment.unwrap_or(MediaDuration::ZERO).times(3);
    match found {
        Found::Good(window) if window < least => {
            section.complain("window", Problem::WindowTooShort { least: least.to_std() });
            Found::Faulty
        }
        found => found,
    }
}

fn read_access(section: &mut Section<'_>, faults: &mut Vec<Fault>) -> Option<AccessRules> {
    let mut header = section.section("cdn_identifier_header");
    let identifier = header.is_there().then(|| {
        let name = header.required("key", value::header_name);
        let value = header.required("value", value::header_value);
        Some((name?.as_str().to_owned(), value?))
    });
    header.close(faults);
    let code = section.get("authorization_code", value::authorization_code);
    let whitelist = addresses(section, "ip_whitelist");
    let blacklist = addresses(section, "ip_blacklist");
    let open = section.get("open", value::boolean);
    let code = match code {
        Found::Absent => None,
        Found::Faulty => return None,
        Found::Good(code) => Some(code),
    };
    let (whitelist, blacklist) = (whitelist.or_default()?, blacklist.or_default()?);
    let open = open.or(false)?;
    let controls = [
        ("authorization_code", code.is_some()),
        ("ip_whitelist", !whitelist.is_empty()),
        ("cdn_identifier_header", identifier.is_some()),
    ];
    if let (true, Some((control, _))) = (open, controls.into_iter().find(|(_, given)| *given)) {
        section.complain("open", Problem::OpenContradicts { control });
        return None;
    }
    let rules = AccessRules::new(blacklist, whitelist, code, open || identifier.is_some());
    let rules = rules.map_err(|error| section.complain_of_all(error.into())).ok()?;
    match identifier {
        None => Some(rules),
        Some(identifier) => {
            let (name, value) = identifier?;
            Some(rules.with_identifier(name, value))
        }
    }
}
