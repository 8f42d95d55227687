//! The packaged forms an endpoint can have.
//!
//! Names, meanings and one table of what each form has; ranges of durations belong to `config`.

use std::fmt;

use thiserror::Error;

/// What an endpoint puts out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// DASH over CMAF segments.
    DashCmaf,
    /// HLS over transport streams.
    Hls,
    /// HLS over CMAF segments.
    HlsCmaf,
    /// HLS and DASH over the same CMAF segments.
    HlsDashCmaf,
    /// Low-Latency HLS over CMAF segments and parts.
    LlHlsCmaf,
    /// Low-Latency HLS over transport stream segments and parts.
    LlHlsTs,
}

/// What an endpoint's segments and parts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Container {
    /// CMAF chunks: `.m4s`.
    Cmaf,
    /// MPEG transport streams: `.ts`.
    TransportStream,
}

/// Why a name is no protocol of this release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ProtocolError {
    /// No protocol of this release.
    #[error("is not a protocol; available are {}", Protocol::AVAILABLE)]
    Unknown,
}

impl Protocol {
    /// Every protocol of this release.
    pub const ALL: [Protocol; 6] = [
        Protocol::Hls,
        Protocol::HlsCmaf,
        Protocol::LlHlsTs,
        Protocol::LlHlsCmaf,
        Protocol::DashCmaf,
        Protocol::HlsDashCmaf,
    ];

    /// The names [`Protocol::parse`] takes, for sentences.
    pub const AVAILABLE: &str =
        "HLS, HLS_CMAF, LLHLS_TS, LLHLS_CMAF, DASH_CMAF (or DASH), HLSDASH_CMAF";

    /// Parses a protocol's name, in capitals; `DASH` is `DASH_CMAF`.
    pub fn parse(name: &str) -> Result<Self, ProtocolError> {
        match name {
            "DASH" => Ok(Protocol::DashCmaf),
            _ => Protocol::ALL.into_iter().find(|p| p.name() == name).ok_or(ProtocolError::Unknown),
        }
    }

    /// Its name in configuration and in the control plane.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Protocol::DashCmaf => "DASH_CMAF",
            Protocol::Hls => "HLS",
            Protocol::HlsCmaf => "HLS_CMAF",
            Protocol::HlsDashCmaf => "HLSDASH_CMAF",
            Protocol::LlHlsCmaf => "LLHLS_CMAF",
            Protocol::LlHlsTs => "LLHLS_TS",
        }
    }

    /// Whether it has a multivariant playlist.
    #[must_use]
    pub fn has_hls(self) -> bool {
        match self {
            Protocol::Hls
            | Protocol::HlsCmaf
            | Protocol::HlsDashCmaf
            | Protocol::LlHlsCmaf
            | Protocol::LlHlsTs => true,
            Protocol::DashCmaf => false,
        }
    }

    /// Whether it has an MPD.
    #[must_use]
    pub fn has_dash(self) -> bool {
        match self {
            Protocol::DashCmaf | Protocol::HlsDashCmaf => true,
            Protocol::Hls | Protocol::HlsCmaf | Protocol::LlHlsCmaf | Protocol::LlHlsTs => false,
        }
    }

    /// Whether its segments are listed part by part, so that the channel needs a part grid.
    #[must_use]
    pub fn low_latency(self) -> bool {
        match self {
            Protocol::LlHlsCmaf | Protocol::LlHlsTs => true,
            Protocol::DashCmaf | Protocol::Hls | Protocol::HlsCmaf | Protocol::HlsDashCmaf => false,
        }
    }

    /// What its segments and parts are.
    #[must_use]
    pub fn container(self) -> Container {
        match self {
            Protocol::Hls | Protocol::LlHlsTs => Container::TransportStream,
            Protocol::DashCmaf
            | Protocol::HlsCmaf
            | Protocol::HlsDashCmaf
            | Protocol::LlHlsCmaf => Container::Cmaf,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_protocol_is_parsed_from_its_own_name() {
        for protocol in Protocol::ALL {
            assert_eq!(Protocol::parse(protocol.name()), Ok(protocol));
            assert!(Protocol::AVAILABLE.contains(protocol.name()));
        }
        assert_eq!(Protocol::parse("DASH"), Ok(Protocol::DashCmaf));
    }

    #[test]
    fn what_is_no_protocol_is_refused_with_those_there_are() {
        for name in ["", "hls_cmaf", "HLS_CMAF ", "MSS"] {
            assert_eq!(Protocol::parse(name), Err(ProtocolError::Unknown), "{name:?}");
        }
        assert_eq!(
            ProtocolError::Unknown.to_string(),
            "is not a protocol; available are \
             HLS, HLS_CMAF, LLHLS_TS, LLHLS_CMAF, DASH_CMAF (or DASH), HLSDASH_CMAF"
        );
    }

    #[test]
    fn each_protocol_has_the_manifests_its_name_says() {
        let table = [
            (Protocol::DashCmaf, false, true, false),
            (Protocol::Hls, true, false, false),
            (Protocol::HlsCmaf, true, false, false),
            (Protocol::HlsDashCmaf, true, true, false),
            (Protocol::LlHlsCmaf, true, false, true),
            (Protocol::LlHlsTs, true, false, true),
        ];
        for (protocol, hls, dash, low_latency) in table {
            let has = (protocol.has_hls(), protocol.has_dash(), protocol.low_latency());
            assert_eq!(has, (hls, dash, low_latency), "{protocol}");
        }
    }
}
