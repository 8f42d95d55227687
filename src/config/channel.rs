//! One channel: its names, its inputs and its endpoints, and what must agree among them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::endpoint::{Endpoint, Outline};
use super::fault::{Fault, Problem};
use super::limits::{INPUT_LOSS_MAX, Limits, WAIT_MIN};
use super::name::Name;
use super::pull::Pull;
use super::section::{Found, Section};
use super::servers::addresses;
use super::value;
use crate::resolve::{IpList, Published, Secret};
use crate::units::MediaDuration;

/// Inputs of a channel: the main one and its standby.
const INPUTS: usize = 2;
/// Most endpoints of a channel.
const ENDPOINTS_MAX: usize = 16;

/// One live service; group and name together are unique.
#[derive(Clone, Debug, PartialEq)]
pub struct Channel {
    /// The group it belongs to.
    pub group: Name,
    /// Its name within the group.
    pub name: Name,
    /// A file played endlessly as its source, as written: relative to the configuration file's
    /// folder.
    pub loop_file: Option<PathBuf>,
    /// A file shown while all inputs are silent, as written.
    pub slate: Option<PathBuf>,
    /// What inputs 1 and 2 ask of an encoder; `None` lets every encoder in.
    pub inputs: [Option<Credentials>; INPUTS],
    /// From where encoders may come to inputs 1 and 2; empty lets them come from everywhere.
    pub whitelists: [IpList; INPUTS],
    /// Where inputs 1 and 2 are pulled from; `None` where they are pushed to.
    pub pulls: [Option<Pull>; INPUTS],
    /// When the other input takes over.
    pub failover: Failover,
    /// Its outputs, 1 to 16.
    pub endpoints: Vec<Endpoint>,
}

/// When the other input takes over, and for how long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failover {
    /// Silence after which it does, 100 ms to 1 h; `limits.input_loss` where nothing is said.
    pub loss: Option<Duration>,
    /// Whether input 1 is gone back to when it delivers again. What plays goes on otherwise.
    pub prefers_main: bool,
}

/// What an encoder must show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// 1 to 200 bytes, without a colon.
    pub user: String,
    /// 1 to 200 bytes.
    pub password: Secret,
}

/// Reads every `[[channel]]`.
pub(super) fn read_channels(
    root: &mut Section<'_>,
    limits: &Limits,
    faults: &mut Vec<Fault>,
) -> Vec<Channel> {
    let mut first_of = BTreeMap::new();
    let mut published = BTreeMap::new();
    let mut channels = Vec::new();
    for mut section in root.sections("channel").good().unwrap_or_default() {
        let group = section.required("group", value::name);
        let name = section.required("name", value::name);
        if let (Some(group), Some(name)) = (&group, &name) {
            let path = section.path().to_owned();
            let first = first_of.entry((group.clone(), name.clone())).or_insert(path).clone();
            if first != section.path() {
                section.complain("name", Problem::ChannelTaken { first });
            }
        }
        let loop_file = section.get("loop", value::path).good();
        let slate = section.get("slate", value::path).good();
        if loop_file.is_some() && slate.is_some() {
            section.complain("slate", Problem::NoEffect { only: "a channel without a loop" });
        }
        let (inputs, whitelists, pulls) = read_inputs(&mut section, faults);
        if let (Some(_), [Some(_), _]) = (&loop_file, &pulls) {
            section.complain("loop", Problem::LoopAndPull);
        }
        let loss = section.get("input_loss", value::duration(WAIT_MIN, INPUT_LOSS_MAX)).good();
        let preference = section.get("input_preference", value::preference).good();
        let failover = Failover { loss, prefers_main: preference.unwrap_or(false) };
        let endpoints = read_endpoints(&mut section, limits, &mut published, faults);
        section.close(faults);
        if let (Some(group), Some(name)) = (group, name) {
            channels.push(Channel {
                group,
                name,
                loop_file,
                slate,
                inputs,
                whitelists,
                pulls,
                failover,
                endpoints,
            });
        }
    }
    channels
}

/// What inputs ask of an encoder, from where it may come, and where they are pulled from.
type Inputs = ([Option<Credentials>; INPUTS], [IpList; INPUTS], [Option<Pull>; INPUTS]);

fn read_inputs(channel: &mut Section<'_>, faults: &mut Vec<Fault>) -> Inputs {
    let mut inputs = [const { None }; INPUTS];
    let mut whitelists = [const { None }; INPUTS];
    let mut pulls = [const { None }; INPUTS];
    let sections = channel.sections("input").good().unwrap_or_default();
    if sections.len() > INPUTS {
        channel.complain("input", Problem::TooMany { max: INPUTS });
    }
    for (index, mut section) in sections.into_iter().enumerate() {
        let credentials = read_credentials(&mut section);
        let whitelist = addresses(&mut section, "ip_whitelist").good();
        let pull = section.get("pull", value::pull).good();
        if credentials.is_some() && pull.is_some() {
            section.complain("pull", Problem::PullAndCredentials);
        }
        if whitelist.is_some() && pull.is_some() {
            let only = "an input that is pushed to";
            section.complain("ip_whitelist", Problem::NoEffect { only });
        }
        if let (Some(input), Some(list), Some(from)) =
            (inputs.get_mut(index), whitelists.get_mut(index), pulls.get_mut(index))
        {
            (*input, *list, *from) = (credentials, whitelist, pull);
        }
        section.close(faults);
    }
    (inputs, whitelists.map(Option::unwrap_or_default), pulls)
}

fn read_credentials(section: &mut Section<'_>) -> Option<Credentials> {
    let user = section.get("user", value::user);
    let password = section.get("password", value::password);
    match (user, password) {
        (Found::Good(user), Found::Good(password)) => Some(Credentials { user, password }),
        (Found::Absent, Found::Absent) => None,
        (user, password) => {
            if matches!(user, Found::Absent) {
                section.complain("password", Problem::CredentialsIncomplete { missing: "user" });
            }
            if matches!(password, Found::Absent) {
                let missing = "password";
                section.complain("user", Problem::CredentialsIncomplete { missing });
            }
            None
        }
    }
}

fn read_endpoints(
    channel: &mut Section<'_>,
    limits: &Limits,
    published: &mut BTreeMap<Published, String>,
    faults: &mut Vec<Fault>,
) -> Vec<Endpoint> {
    let sections = match channel.sections("endpoint") {
        Found::Absent => {
            channel.complain("endpoint", Problem::Missing);
            Vec::new()
        }
        Found::Faulty => Vec::new(),
        Found::Good(sections) => {
            if sections.is_empty() {
                channel.complain("endpoint", Problem::TooFew);
            } else if sections.len() > ENDPOINTS_MAX {
                channel.complain("endpoint", Problem::TooMany { max: ENDPOINTS_MAX });
            }
            sections
        }
    };
    let mut before: Vec<(String, Outline)> = Vec::new();
    // Those past the most allowed are refused as a whole.
    for (ordinal, mut section) in (1..).zip(sections.into_iter().take(ENDPOINTS_MAX)) {
        let outline = Outline::read(&mut section, ordinal, limits.memory_window, faults);
        agree(&before, &outline, &mut section);
        for place in &outline.published {
            let path = section.path().to_owned();
            if let Some(first) = published.insert(place.clone(), path) {
                section.complain("published", Problem::PublishedTaken { first });
            }
        }
        before.push((section.path().to_owned(), outline));
        section.close(faults);
    }
    let found = segmentations(&before);
    if found > limits.segmentations {
        let allowed = limits.segmentations;
        channel.complain("endpoint", Problem::Segmentations { found, allowed });
    }
    before.into_iter().filter_map(|(_, outline)| outline.endpoint).collect()
}

/// Complains of what an endpoint has in conflict with those before it.
fn agree(before: &[(String, Outline)], outline: &Outline, section: &mut Section<'_>) {
    let same_name = |other: &Outline| other.name.is_some() && other.name == outline.name;
    if let Some((first, _)) = before.iter().find(|(_, other)| same_name(other)) {
        section.complain("name", Problem::EndpointTaken { first: first.clone() });
    }
    let Some((segment, part)) = grid(outline) else { return };
    let grids = || before.iter().filter_map(|(path, other)| Some((path, other, grid(other)?)));
    if let Some((first, _, (_, other))) = grids().next()
        && part != other
    {
        let first = first.clone();
        section.complain("part_duration", Problem::GridDiffers { first, part: other.to_std() });
    }
    let leading = grids().find(|(_, other, _)| other.leads_parts);
    if let Some((first, _, (other, _))) = leading.filter(|_| outline.leads_parts)
        && segment != other
    {
        let (first, segment) = (first.clone(), other.to_std());
        section.complain("segment_duration", Problem::GridBeginsElsewhere { first, segment });
    }
}

/// Segment and part duration of an endpoint that has parts.
fn grid(outline: &Outline) -> Option<(MediaDuration, MediaDuration)> {
    let timing = outline.timing?;
    Some((timing.segment_duration, timing.part_duration?))
}

/// How many distinct pairs of segment duration and part grid the endpoints ask for.
fn segmentations(outlines: &[(String, Outline)]) -> usize {
    let timings = outlines.iter().filter_map(|(_, outline)| outline.timing);
    let mut pairs: Vec<_> =
        timings.map(|timing| (timing.segment_duration, timing.part_duration)).collect();
    pairs.sort_unstable();
    pairs.dedup();
    pairs.len()
}
