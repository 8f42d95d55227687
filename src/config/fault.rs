//! What is wrong with a configuration file, each fault with its line, key, value and what is allowed.
//!
//! A fault never shows the value of a key that holds a secret, nor that of an unknown key, which
//! may be a misspelt one.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

use super::text::{ShownDuration, ShownSize};
use crate::resolve::{AddressError, NoControl, ProtocolError, PublishedError};

/// One fault of a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Line of the file, from 1; of the section's head where the key is not written.
    pub line: usize,
    /// Dotted path of the key, arrays counted from 0; empty for a fault of syntax.
    pub key: String,
    /// The value as written, or what kind of value it is; `None` where there is none to show.
    pub value: Option<String>,
    /// What is wrong and what is allowed.
    pub problem: Problem,
}

/// What is wrong with a value and what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Problem {
    /// No address block, or one of all addresses.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// No authorization code.
    #[error("must be 1 to 200 letters, digits, `_`, `.` or `-`")]
    AuthorizationCode,
    /// More than an endpoint lists.
    #[error("must be at most {}: what the endpoint lists must leave something to play",
        ShownDuration(*.most))]
    BeyondList {
        /// Longest allowed.
        most: Duration,
    },
    /// No bitrate.
    #[error(
        "must be a rate from 1 bit/s to 10Gbit, written like \"800kbit\", \"2Mbit\" or as a number \
        of bits a second"
    )]
    Bitrate,
    /// A least bitrate above the greatest.
    #[error("must not be above max_video_bitrate")]
    BitratesCrossed,
    /// Two channels of the same group and name.
    #[error("names the same channel as {first}; group and name together must be unique")]
    ChannelTaken {
        /// Path of the first of them.
        first: String,
    },
    /// No whole number, or one out of range.
    #[error("must be a whole number from {min} to {max}")]
    Count {
        /// Least value allowed.
        min: u64,
        /// Greatest value allowed.
        max: u64,
    },
    /// Only one half of an access key.
    #[error("needs {missing} beside it")]
    KeyIncomplete {
        /// The key that is not there.
        missing: &'static str,
    },
    /// A key of S3 where the store is none.
    #[error(
        "needs url = \"s3://…\" beside it; other stores take what they need from the environment"
    )]
    OfS3,
    /// No address of an object store.
    #[error(
        "must be s3://bucket/folder, gs://bucket/folder, az://container/folder or file:///folder"
    )]
    StoreUrl,
    /// No word.
    #[error("must be 1 to 1000 printable ASCII characters without a space")]
    Word,
    /// Only one of user and password.
    #[error("needs {missing} beside it: user and password go together")]
    CredentialsIncomplete {
        /// The key that is not there.
        missing: &'static str,
    },
    /// Remark: players asked to play what they have not been told of.
    #[error("should be at least {}, min_update_period and a {unit}: \
        players learn of new {new} no sooner", ShownDuration(*.least))]
    DelayUnderUpdate {
        /// What must be complete before it can be played.
        unit: &'static str,
        /// What players learn of by an update.
        new: &'static str,
        /// Shortest that is of use.
        least: Duration,
    },
    /// No duration, or one out of range.
    #[error("must be a duration from {} to {}, written like \"500ms\", \"2s\", \"1m\" or \"24h\"",
        ShownDuration(*.min), ShownDuration(*.max))]
    Duration {
        /// Shortest allowed.
        min: Duration,
        /// Longest allowed.
        max: Duration,
    },
    /// The name of a stretch's end that says something else too.
    #[error("must have an end_time that no other parameter of request_args is called by")]
    EndNameTaken,
    /// Two endpoints of one name in a channel.
    #[error(
        "names the same endpoint as {first}; names must be unique within a channel \
        (default: the protocol's, in lower case)"
    )]
    EndpointTaken {
        /// Path of the first of them.
        first: String,
    },
    /// Low-latency endpoints of one channel that ask for different parts.
    #[error("must have the part_duration {} of {first}: a channel has one part grid",
        ShownDuration(*.part))]
    GridDiffers {
        /// Path of the channel's first endpoint with parts.
        first: String,
        /// Its part duration.
        part: Duration,
    },
    /// Low-Latency HLS endpoints of one channel whose segments differ.
    #[error("must have the segment_duration {} of {first}: a channel has one part grid, \
        which begins with each segment of Low-Latency HLS", ShownDuration(*.segment))]
    GridBeginsElsewhere {
        /// Path of the channel's first Low-Latency HLS endpoint.
        first: String,
        /// Its segment duration.
        segment: Duration,
    },
    /// No name of a header.
    #[error("must be the name of an HTTP header; Authorization is always read and cannot be it")]
    HeaderName,
    /// No value of a header.
    #[error("must be 1 to 200 printable ASCII characters, without a space at either end")]
    HeaderValue,
    /// No id of an access key or a project.
    #[error("must be 1 to 128 letters, digits, `_`, `.` or `-`")]
    KeyId,
    /// Two access keys of one id.
    #[error("names the same key as {first}; ids must be unique")]
    KeyTaken {
        /// Path of the first of them.
        first: String,
    },
    /// No address to listen on.
    #[error("must be an IP address and a port, like \"127.0.0.1:8080\" or \"[::1]:8080\"")]
    ListenAddress,
    /// Two listeners on one address.
    #[error("is taken by {by}; each listener needs its own")]
    ListenerTaken {
        /// Path of the other listener's key.
        by: String,
    },
    /// Remark: HLS has no such short HOLD-BACK.
    #[error("has no effect on HLS, whose HOLD-BACK is at least three target durations, {}",
        ShownDuration(*.least))]
    NoHoldBack {
        /// Shortest that has one.
        least: Duration,
    },
    /// Remark: the protocol has no use for the key.
    #[error("has no effect here: only {only} has it")]
    NoEffect {
        /// What has it.
        only: &'static str,
    },
    /// No preference among inputs.
    #[error("must be EQUAL or PRIMARY")]
    InputPreference,
    /// No order of streams.
    #[error("must be ORIGINAL, VIDEO_BITRATE_ASCENDING or VIDEO_BITRATE_DESCENDING")]
    StreamOrder,
    /// A loop and a pull for one input.
    #[error("contradicts the pull of input 1: leave one of them out")]
    LoopAndPull,
    /// No name for a manifest.
    #[error(
        "must be 1 to 128 letters, digits, `.`, `_` or `-`, other than `.` and `..` and \
        without the extension, which the protocol adds"
    )]
    ManifestName,
    /// A key that must be there is not.
    #[error("is required")]
    Missing,
    /// No name of a group, channel or endpoint.
    #[error("must be 1 to 200 letters, digits, `_` or `-`")]
    Name,
    /// An endpoint without access control.
    #[error(transparent)]
    NoControl(#[from] NoControl),
    /// An endpoint declared open that has a control.
    #[error("contradicts {control}: leave one of them out")]
    OpenContradicts {
        /// Key of the control.
        control: &'static str,
    },
    /// No name of a parameter.
    #[error(
        "must be 1 to 64 letters, digits, `_`, `.` or `-`, other than shift and tracks, and must not \
        begin with _HLS_: these are the server's own"
    )]
    ParameterName,
    /// Parts for an endpoint that has none.
    #[error(
        "must not stand here: only LLHLS_CMAF, LLHLS_TS, DASH_CMAF and HLSDASH_CMAF have parts"
    )]
    PartsWithoutLowLatency,
    /// No password.
    #[error("must be 1 to 200 bytes without control characters")]
    Password,
    /// No path.
    #[error("must be a path, not empty and without a zero byte")]
    Path,
    /// A pull where an encoder's user and password are asked for.
    #[error("contradicts user and password, which are for encoders that push; a URL has its own")]
    PullAndCredentials,
    /// No URL of a web server.
    #[error("must be a URL like \"https://host:9000\"")]
    WebUrl,
    /// No URL of a web server, nor up to eight.
    #[error(
        "must be a URL like \"https://host/live.m3u8\", or an array of up to 8: each stands in for those before it"
    )]
    PullUrl,
    /// No place for a manifest.
    #[error(transparent)]
    Published(#[from] PublishedError),
    /// Two manifests in one place.
    #[error("stands where a manifest of {first} does; each needs a place of its own")]
    PublishedTaken {
        /// Path of the first endpoint.
        first: String,
    },
    /// No protocol of this release.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// No address that others can use.
    #[error("must be a URL without a path, like \"https://origin.example.com\"")]
    PublicUrl,
    /// No surface of the control plane.
    #[error("must be \"ice\", \"live\", \"huawei\" or \"native\"")]
    Scope,
    /// More distinct segmentations in a channel than allowed.
    #[error(
        "ask for {found} different pairs of segment_duration and part_duration; \
        limits.segmentations allows {allowed} a channel"
    )]
    Segmentations {
        /// How many the endpoints ask for.
        found: usize,
        /// How many `limits.segmentations` allows.
        allowed: usize,
    },
    /// No size, or one out of range.
    #[error("must be a size from {} to {}, written like \"16KiB\", \"64MiB\", \"1GiB\" \
        or as a number of bytes", ShownSize(*.min), ShownSize(*.max))]
    Size {
        /// Least allowed, in bytes.
        min: usize,
        /// Most allowed, in bytes.
        max: usize,
    },
    /// A limit that is smaller than what must fit into it.
    #[error("must be at least {part}, which is {}", ShownSize(*.least))]
    SmallerThanItsPart {
        /// Key of what must fit.
        part: &'static str,
        /// Its value in bytes.
        least: usize,
    },
    /// The file is no TOML; the parser's own words.
    #[error("{0}")]
    Syntax(String),
    /// No form of times.
    #[error("must be \"timestamp\" or \"iso8601\"")]
    TimeFormat,
    /// No unit of times.
    #[error("must be \"second\" or \"millisecond\"")]
    TimeUnit,
    /// Fewer entries than needed.
    #[error("must have at least one entry")]
    TooFew,
    /// More entries than allowed.
    #[error("must have at most {max} entries")]
    TooMany {
        /// Most allowed.
        max: usize,
    },
    /// A key nobody reads.
    #[error("is no key of this section; the nearest is `{nearest}`")]
    UnknownKey {
        /// The most similar key of the section.
        nearest: &'static str,
        /// Every key of the section.
        known: Vec<&'static str>,
    },
    /// Remark: a player may run dry before it is told of more.
    #[error("should be less than min_buffer_time, {}", ShownDuration(*.buffer))]
    UpdateNotUnderBuffer {
        /// The buffer.
        buffer: Duration,
    },
    /// No user name.
    #[error("must be 1 to 200 bytes without `:` and control characters")]
    User,
    /// A low-latency MPD longer than what is kept in memory.
    #[error("lists {}, but limits.memory_window keeps {} in memory, and an MPD with part_duration reaches \
        no further; limits.memory_window may be raised, up to 24h", ShownDuration(*.listed), ShownDuration(*.kept))]
    WindowBeyondMemory {
        /// What the endpoint would list.
        listed: Duration,
        /// What `limits.memory_window` keeps.
        kept: Duration,
    },
    /// A window of fewer than three segments.
    #[error("must be at least three segment durations, {}", ShownDuration(*.least))]
    WindowTooShort {
        /// Three segment durations.
        least: Duration,
    },
    /// A listener that speaks TLS without a certificate.
    #[error("needs ingest.tls beside it, whose certificate it shows")]
    WithoutTls,
    /// A value of another kind.
    #[error("must be {expected}")]
    WrongKind {
        /// The kind it must be.
        expected: &'static str,
    },
}

impl Problem {
    /// Whether it only wants saying: a server starts with it.
    #[must_use]
    pub fn is_remark(&self) -> bool {
        matches!(
            self,
            Problem::DelayUnderUpdate { .. }
                | Problem::NoEffect { .. }
                | Problem::NoHoldBack { .. }
                | Problem::UpdateNotUnderBuffer { .. }
        )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        if !self.key.is_empty() {
            f.write_str(&self.key)?;
            if let Some(value) = &self.value {
                write!(f, " = {value}")?;
            }
            f.write_str(": ")?;
        }
        self.problem.fmt(f)
    }
}
