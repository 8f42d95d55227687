//! What a server must run so that the model is in force: a pure function of the model.
//!
//! Channels come out as the configuration file's types. What those cannot say (streams that are pushed
//! by RTMP, configurations that wait for one) stands beside them.

mod ice;
mod live;
mod ott;

use std::collections::BTreeSet;

pub use self::live::live_channel;
pub use self::ott::Push;

use super::Model;
use super::endpoint::Endpoint;
use super::group::Channel;
use super::live::{Package, Shift};
use crate::config::{self, Limits};
use crate::units::MediaDuration;

/// Group of the channels that OTT channels are run as; no group of the model has its name.
pub const OTT_GROUP: &str = "_ott";
/// Group of the channels that live streams are run as; likewise.
pub const LIVE_GROUP: &str = "_live";

/// Everything that must be in force.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Desired {
    /// The channels. One may have no endpoint yet: it takes pushes all the same.
    pub channels: Vec<config::Channel>,
    /// Streams that RTMP may push, and to which input.
    pub pushes: Vec<Push>,
    /// How live streams are packaged; see [`live_channel`].
    pub packages: Vec<Package>,
    /// How long the past of live streams is kept.
    pub shifts: Vec<Shift>,
}

impl Model {
    /// What must be in force.
    #[must_use]
    pub fn desired(&self, limits: &Limits) -> Desired {
        let mut desired = Desired {
            packages: self.packages().cloned().collect(),
            shifts: self.shifts().cloned().collect(),
            ..Desired::default()
        };
        let mut endpoints = self.endpoints.values().peekable();
        for channel in self.all_channels() {
            let mut own = Vec::new();
            while let Some(endpoint) = endpoints.next_if(|e| e.key.channel <= channel.key) {
                own.push(endpoint);
            }
            own.sort_by_key(|endpoint| endpoint.ordinal);
            ice::run(channel, &own, limits, &mut desired);
        }
        for channel in self.ott_channels() {
            ott::run(channel, &mut desired);
        }
        desired
    }
}

/// How many pairs of segment and part duration the endpoints of a channel ask for.
#[must_use]
pub fn durations<'e>(
    channel: &Channel,
    endpoints: impl Iterator<Item = &'e Endpoint>,
    limits: &Limits,
) -> usize {
    let mut endpoints: Vec<&Endpoint> = endpoints.collect();
    endpoints.sort_by_key(|endpoint| endpoint.ordinal);
    let made = ice::endpoints(channel, &endpoints, limits);
    let pairs: BTreeSet<_> = made.iter().map(|e| (e.segment_duration, e.part_duration)).collect();
    pairs.len()
}

fn secs(seconds: u32) -> MediaDuration {
    MediaDuration::from_secs(i64::from(seconds))
}
