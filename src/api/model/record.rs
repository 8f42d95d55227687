//! What the model consists of, one record a thing, and how a record is named.

use serde::{Deserialize, Serialize};

use super::endpoint::{Endpoint, EndpointKey};
use super::group::{Channel, ChannelKey, Group};
use super::live::{Package, Shift, Streams};
use super::ott::{OttChannel, OttKey};
use super::token::{Token, TokenKey};
use crate::config::Name;

/// One thing of the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is the type it holds")]
pub enum Record {
    Group(Group),
    Channel(Channel),
    Endpoint(Box<Endpoint>),
    Package(Package),
    Shift(Shift),
    Ott(Box<OttChannel>),
    Token(Token),
}

/// Names a record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is the key of the record of that name")]
pub enum RecordKey {
    Group(Name),
    Channel(ChannelKey),
    Endpoint(EndpointKey),
    Package(Streams),
    Shift(Streams),
    Ott(OttKey),
    Token(TokenKey),
}

impl Record {
    /// Its name.
    #[must_use]
    pub fn key(&self) -> RecordKey {
        match self {
            Record::Group(group) => RecordKey::Group(group.name.clone()),
            Record::Channel(channel) => RecordKey::Channel(channel.key.clone()),
            Record::Endpoint(endpoint) => RecordKey::Endpoint(endpoint.key.clone()),
            Record::Package(package) => RecordKey::Package(package.streams.clone()),
            Record::Shift(shift) => RecordKey::Shift(shift.streams.clone()),
            Record::Ott(channel) => RecordKey::Ott(channel.key.clone()),
            Record::Token(token) => RecordKey::Token(token.key.clone()),
        }
    }
}

/// One step of a change.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// This record, whether or not one of its name was there.
    Put(Record),
    /// No record of this name.
    Remove(RecordKey),
}
