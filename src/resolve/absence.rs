//! Why an answer has nothing to show.

use thiserror::Error;

/// Why something is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Missing {
    /// A gap: nothing was recorded.
    #[error("nothing was received for this segment")]
    Gap,
    /// Not yet.
    #[error("this does not exist yet")]
    NotYet,
    /// The endpoint's protocol has no such manifest.
    #[error("this endpoint's protocol has no manifest of this kind")]
    OtherProtocol,
    /// Nothing of it is kept.
    #[error("nothing is kept of this time")]
    NotKept,
    /// It is listed, was in the archive, and is there no more.
    #[error("the archive has lost this")]
    InArchive,
    /// It is longer ago than anything is kept.
    #[error("this is longer ago than anything is kept: timeshift_days says how long")]
    Past,
    /// It has not come.
    #[error("this time has not come yet")]
    Future,
    /// No such thing.
    #[error("there is nothing of this name")]
    Unknown,
}

/// Why a channel has nothing to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotNow {
    /// It is to be encrypted, and nothing is served in the clear.
    #[error(
        "this endpoint is configured to be encrypted, which this server does not do: it serves nothing in the clear"
    )]
    Encryption,
    /// No media yet.
    #[error("the channel has received no media yet")]
    NoMedia,
    /// Under three segments.
    #[error("the channel has just started: it has not three segments yet")]
    Starting,
    /// Only codecs that the endpoint's container cannot hold.
    #[error(
        "transport streams can carry none of the channel's codecs: HLS_CMAF, LLHLS_CMAF and DASH can"
    )]
    NothingFits,
    /// The archive has it, and does not give it.
    #[error("the archive cannot be read at the moment; ask again")]
    Unreadable,
    /// What was waited for did not come.
    #[error("what was asked for did not come in time")]
    TimedOut,
}
