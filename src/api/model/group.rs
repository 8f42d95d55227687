//! Channel groups, channels and their inputs.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::value::{Description, Stamp, Whole};
use crate::config::Name;

/// Channels that belong together, under one host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its name, unique.
    pub name: Name,
    /// What people wrote about it.
    pub description: Description,
    /// The origin that players use, `http(s)://host[:port]`; it never changes.
    pub origin: Origin,
    /// When it was made and changed, and by which revision.
    pub life: Life,
}

/// Scheme and host that were assigned at creation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// `http` or `https`.
    pub scheme: String,
    /// Host, and port where it is not the scheme's own.
    pub domain: String,
}

/// When something was made and changed last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    /// Its place among all that was made.
    pub sequence: u64,
    /// When it was made.
    pub created: Stamp,
    /// When it was changed last.
    pub modified: Stamp,
}

/// Names a channel.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ChannelKey {
    /// The group.
    pub group: Name,
    /// Its name in the group.
    pub channel: Name,
}

/// One live service with two inputs to push to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// Its names.
    pub key: ChannelKey,
    /// What may be changed.
    pub settings: ChannelSettings,
    /// Main input and standby.
    pub inputs: [Input; 2],
    /// The next endpoint's ordinal; none is given twice.
    pub next_ordinal: u32,
    /// When it was made and changed.
    pub life: Life,
}

/// What of a channel may be changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelSettings {
    /// Segments of a list, where an endpoint does not say.
    pub segment_count: Whole<2, 100>,
    /// Seconds of a segment, where an endpoint does not say.
    pub segment_duration: Whole<1, 30>,
    /// What people wrote about it.
    pub description: Description,
}

/// What an encoder must show to push to an input. The password never prints for debugging.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// The user.
    pub user: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Input({})", self.user)
    }
}
