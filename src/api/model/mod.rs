//! The model: everything the control plane knows, and the operations on it.
//!
//! An operation reads the model and gives a [`Plan`]: what to write and what to answer, or a named
//! reason why not. It changes nothing itself; whoever commits the writes to the store applies them here
//! afterwards. Nothing here knows a wire, a code or a status.

pub mod channels;
pub mod effective;
pub mod endpoint;
pub mod group;
pub mod live;
pub mod ott;
mod record;
pub mod streams;
#[cfg(test)]
pub(super) mod tests;
pub mod token;
pub mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use thiserror::Error;

use self::endpoint::{Endpoint, EndpointKey};
use self::group::{Channel, ChannelKey, Group, Life};
use self::live::{Package, Shift, Streams};
use self::ott::{OttChannel, OttKey};
pub use self::record::{Record, RecordKey, Write};
use self::token::{Token, TokenKey};
use self::value::Stamp;
use crate::config::Name;

/// Everything the control plane knows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    groups: BTreeMap<Name, Group>,
    channels: BTreeMap<ChannelKey, Channel>,
    endpoints: BTreeMap<EndpointKey, Endpoint>,
    packages: BTreeMap<Streams, Package>,
    shifts: BTreeMap<Streams, Shift>,
    ott: BTreeMap<OttKey, OttChannel>,
    tokens: BTreeMap<TokenKey, Token>,
    /// Names of the configuration file's channels, which are not this model's to give.
    reserved: BTreeSet<(String, String)>,
}

/// When a change is made.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The clock.
    pub now: Stamp,
    /// The revision it will be.
    pub revision: u64,
}

impl Moment {
    fn birth(self) -> Life {
        Life { sequence: self.revision, created: self.now, modified: self.now }
    }

    fn touch(self, life: Life) -> Life {
        Life { modified: self.now.max(life.created), ..life }
    }
}

/// What a change writes and answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan<T> {
    /// What is written, all of it or nothing.
    pub writes: Vec<Write>,
    /// What is answered once it is.
    pub answer: T,
}

/// A kind of thing that operations name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the type of that name")]
pub enum Thing {
    Group,
    Channel,
    Endpoint,
    Package,
    Shift,
    OttChannel,
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Thing::Group => "channel group",
            Thing::Channel | Thing::OttChannel => "channel",
            Thing::Endpoint => "origin endpoint",
            Thing::Package => "package configuration",
            Thing::Shift => "time shift configuration",
        })
    }
}

/// Why an operation is not done.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// What it names is not there.
    #[error("there is no such {0}")]
    Unknown(Thing),
    /// What it would make is there.
    #[error("there is a {0} of that name already")]
    Taken(Thing),
    /// What it would remove still holds something.
    #[error("the {0} still has a {1}; remove that first")]
    InUse(Thing, Thing),
    /// The token was used for something else.
    #[error("ClientToken was used before with other parameters")]
    TokenMismatch,
    /// So many are there as may be.
    #[error("a channel has at most {most} origin endpoints")]
    EndpointsFull {
        /// The most.
        most: usize,
    },
    /// More different durations than a channel may have.
    #[error("the endpoints of a channel may ask for {most} different durations at most")]
    Durations {
        /// The most.
        most: usize,
    },
    /// A URL that another package has.
    #[error("output url {0} is exist")]
    UrlTaken(String),
    /// A package id that the channel has not.
    #[error("there is no package {0} in this channel")]
    UnknownPackage(String),
}

impl Model {
    /// The model of what a store holds.
    #[must_use]
    pub fn of(records: Vec<Record>, reserved: BTreeSet<(String, String)>) -> Self {
        let mut model = Model { reserved, ..Model::default() };
        for record in records {
            model.apply(Write::Put(record));
        }
        model
    }

    /// Changes it as a store was changed.
    pub fn apply(&mut self, write: Write) {
        match write {
            Write::Put(Record::Group(it)) => drop(self.groups.insert(it.name.clone(), it)),
            Write::Put(Record::Channel(it)) => drop(self.channels.insert(it.key.clone(), it)),
            Write::Put(Record::Endpoint(it)) => drop(self.endpoints.insert(it.key.clone(), *it)),
            Write::Put(Record::Package(it)) => drop(self.packages.insert(it.streams.clone(), it)),
            Write::Put(Record::Shift(it)) => drop(self.shifts.insert(it.streams.clone(), it)),
            Write::Put(Record::Ott(it)) => drop(self.ott.insert(it.key.clone(), *it)),
            Write::Put(Record::Token(it)) => drop(self.tokens.insert(it.key.clone(), it)),
            Write::Remove(RecordKey::Group(key)) => drop(self.groups.remove(&key)),
            Write::Remove(RecordKey::Channel(key)) => drop(self.channels.remove(&key)),
            Write::Remove(RecordKey::Endpoint(key)) => drop(self.endpoints.remove(&key)),
            Write::Remove(RecordKey::Package(key)) => drop(self.packages.remove(&key)),
            Write::Remove(RecordKey::Shift(key)) => drop(self.shifts.remove(&key)),
            Write::Remove(RecordKey::Ott(key)) => drop(self.ott.remove(&key)),
            Write::Remove(RecordKey::Token(key)) => drop(self.tokens.remove(&key)),
        }
    }

    /// Every record, in the order of their names.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        let groups = self.groups.values().cloned().map(Record::Group);
        let channels = self.channels.values().cloned().map(Record::Channel);
        let endpoints = self.endpoints.values().cloned().map(|it| Record::Endpoint(Box::new(it)));
        let packages = self.packages.values().cloned().map(Record::Package);
        let shifts = self.shifts.values().cloned().map(Record::Shift);
        let ott = self.ott.values().cloned().map(|it| Record::Ott(Box::new(it)));
        let tokens = self.tokens.values().cloned().map(Record::Token);
        let first = groups.chain(channels).chain(endpoints).chain(packages);
        first.chain(shifts).chain(ott).chain(tokens).collect()
    }

    /// The names that are the configuration file's, as `(group, channel)`.
    pub fn reserve(&mut self, names: BTreeSet<(String, String)>) {
        self.reserved = names;
    }

    /// The names that are the configuration file's.
    #[must_use]
    pub fn reserved(&self) -> &BTreeSet<(String, String)> {
        &self.reserved
    }

    /// What was answered to a create with this token; `None` for a new token.
    ///
    /// # Errors
    /// [`Refusal::TokenMismatch`] where the parameters were others.
    pub fn replay(
        &self,
        key: &TokenKey,
        fingerprint: &str,
        now: Stamp,
    ) -> Result<Option<serde_json::Value>, Refusal> {
        match self.tokens.get(key).filter(|token| now.0 - token.at.0 <= token::KEPT_SECS) {
            None => Ok(None),
            Some(token) if token.fingerprint == fingerprint => Ok(Some(token.answer.clone())),
            Some(_) => Err(Refusal::TokenMismatch),
        }
    }

    /// What remembers a token, and forgets those whose time is over.
    #[must_use]
    pub fn remember(&self, token: Token) -> Vec<Write> {
        let over = |old: &&Token| token.at.0 - old.at.0 > token::KEPT_SECS;
        let old = self.tokens.values().filter(over).filter(|old| old.key != token.key);
        let mut writes: Vec<_> =
            old.map(|old| Write::Remove(RecordKey::Token(old.key.clone()))).collect();
        writes.push(Write::Put(Record::Token(token)));
        writes
    }
}
