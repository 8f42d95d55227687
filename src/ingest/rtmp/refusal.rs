//! Why a publish is not taken, or ends: what the encoder and the operator are told.

use super::command::Status;
use crate::http::PushReply;

/// What is said of a stream that is taken and goes nowhere.
pub(super) const UNPACKAGED: &str =
    "no package configuration matches this stream: it is accepted, and not packaged";

/// Why a publish is not taken, or not taken on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Nobody has this place, or it is fed otherwise.
    NoChannel(String),
    /// It comes from an address that is not on the input's list.
    Forbidden,
    /// No or wrong user and password.
    Unauthorized,
    /// Another encoder publishes there.
    Busy,
    /// More streams are published than channels are made for.
    Full(String),
    /// The server ends.
    Ending,
    /// The channel is removed.
    Removed,
    /// It takes no answers, or has gone.
    Gone,
    /// It had been silent when another came.
    Superseded,
    /// Nothing of what it sends can be read.
    Broken(String),
}

impl Refusal {
    /// What the encoder is told.
    pub(super) fn status(&self) -> Status {
        match self {
            Refusal::NoChannel(_) | Refusal::Busy => Status::PublishBadName,
            _ => Status::PublishRejected,
        }
    }

    /// In a sentence.
    pub(super) fn sentence(&self) -> String {
        match self {
            Refusal::NoChannel(why) | Refusal::Full(why) | Refusal::Broken(why) => why.clone(),
            Refusal::Forbidden => PushReply::Forbidden.sentence(),
            Refusal::Unauthorized => {
                "this input asks for its user and password: add ?user=…&password=… to the stream name (stream key)".to_owned()
            }
            Refusal::Busy => {
                "another encoder publishes here; publish other rungs as {channel}_{rung}, a standby with ?input=2".to_owned()
            }
            Refusal::Ending => PushReply::Ending.sentence(),
            Refusal::Removed => PushReply::Removed.sentence(),
            Refusal::Gone => "the encoder does not take what it is answered".to_owned(),
            Refusal::Superseded => PushReply::Superseded.sentence(),
        }
    }

    /// The status that the same refusal has over HTTP, for the count of answers.
    pub(super) fn counted(&self) -> u16 {
        let reply = match self {
            Refusal::NoChannel(why) => PushReply::NoChannel(why.clone()),
            Refusal::Forbidden => PushReply::Forbidden,
            Refusal::Unauthorized => PushReply::Unauthorized { nonce: String::new(), stale: false },
            Refusal::Busy => PushReply::Busy,
            Refusal::Full(_) | Refusal::Ending => PushReply::Ending,
            Refusal::Removed => PushReply::Removed,
            Refusal::Gone => PushReply::BrokenOff,
            Refusal::Superseded => PushReply::Superseded,
            Refusal::Broken(why) => PushReply::Malformed(why.clone()),
        };
        reply.status()
    }
}
