//! Endpoints that are wanted no more, or whose lists would be others under one name. Who watches them sees
//! their lists end, beside what stays.

use std::collections::BTreeMap;

use super::plan::{Endpoints, Entrance};
use crate::config::Endpoint;
use crate::packager::Served;
use crate::resolve::{Container, EndpointRules, GENERATION};

/// What an endpoint was.
#[derive(Clone, Debug)]
pub(super) struct Former {
    /// With its number in URLs.
    pub(super) endpoint: Endpoint,
    /// What it is served from.
    pub(super) served: Served,
}

/// Whether lists that players hold under the same URLs go on when one becomes the other.
pub(super) fn goes_on(before: &Endpoint, after: &Endpoint) -> bool {
    let muxed = |e: &Endpoint| {
        (e.protocol.container() == Container::TransportStream)
            .then_some(!e.use_audio_rendition_groups)
    };
    let speaks = |hls: bool, dash: bool, other: &Endpoint| {
        (!hls || other.protocol.has_hls()) && (!dash || other.protocol.has_dash())
    };
    muxed(before) == muxed(after)
        && speaks(before.protocol.has_hls(), before.protocol.has_dash(), after)
}

/// Those of `leaving` that can be served beside the endpoints that `stay`. An endpoint is found by its name
/// where `by_name` says so, else by its number; `known` is what was served up to now, `shown` how.
pub(super) fn beside(
    stay: &[Endpoint],
    leaving: &[Endpoint],
    by_name: bool,
    known: &BTreeMap<u32, Served>,
    shown: &Endpoints,
) -> Vec<Former> {
    let mut there: Vec<Endpoint> = stay.to_vec();
    let mut formers = Vec::new();
    for endpoint in leaving {
        let name = endpoint.name.to_string();
        let mut same = known.iter().rev().filter(|(ordinal, served)| {
            if by_name { served.name == name } else { **ordinal == endpoint.ordinal }
        });
        let Some((ordinal, served)) = same.next() else { continue };
        let endpoint = Endpoint { ordinal: *ordinal, ..endpoint.clone() };
        let served = match stay.iter().find(|other| other.ordinal == *ordinal) {
            None => served.clone(),
            Some(now) => {
                let rules = shown.get(ordinal).and_then(|entrance| rules_before(entrance, now));
                let Some(rules) = rules else { continue };
                let generation = rules.generation - GENERATION;
                Served { key: rules.segmentation, generation, ..served.clone() }
            }
        };
        // A channel has one grid of parts.
        if there.iter().all(|other| is_of_one_grid(&endpoint, other)) {
            there.push(endpoint.clone());
            formers.push(Former { endpoint, served });
        }
    }
    formers
}

/// The rules by which an endpoint's lists were shown before they became what they are `now`.
fn rules_before<'a>(entrance: &'a Entrance, now: &Endpoint) -> Option<&'a EndpointRules> {
    let rules = &*entrance.rules;
    let audio_groups = now.use_audio_rendition_groups;
    if (rules.protocol, rules.audio_groups) != (now.protocol, audio_groups) {
        return Some(rules);
    }
    entrance.former().map(|former| &*former.rules)
}

fn is_of_one_grid(one: &Endpoint, other: &Endpoint) -> bool {
    let lead = one.protocol.low_latency() && other.protocol.low_latency();
    match (one.part_duration, other.part_duration) {
        (Some(a), Some(b)) => a == b && (!lead || one.segment_duration == other.segment_duration),
        _ => true,
    }
}
