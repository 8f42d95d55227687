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
    /// HLS over CMAF segments.
    HlsCmaf,
    /// HLS and DASH over the same CMAF segments.
    HlsDashCmaf,
    /// Low-Latency HLS over CMAF segments and parts.
    LlHlsCmaf,
}

/// Why a name is no protocol of this release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ProtocolError {
    /// A protocol over transport streams.
    #[error("is not available in this release; available are {}", Protocol::AVAILABLE)]
    NotAvailable,
    /// No protocol at all.
    #[error("is not a protocol; available are {}", Protocol::AVAILABLE)]
    Unknown,
}

impl Protocol {
    /// Every protocol of this release.
    pub const ALL: [Protocol; 4] =
        [Protocol::HlsCmaf, Protocol::LlHlsCmaf, Protocol::DashCmaf, Protocol::HlsDashCmaf];

    /// The names [`Protocol::parse`] takes, for sentences.
    pub const AVAILABLE: &str = "HLS_CMAF, LLHLS_CMAF, DASH_CMAF (or DASH), HLSDASH_CMAF";

    /// Parses a protocol's name, in capitals; `DASH` is `DASH_CMAF`.
    pub fn parse(name: &str) -> Result<Self, ProtocolError> {
        match name {
            "DASH" => Ok(Protocol::DashCmaf),
            "HLS" | "LLHLS_TS" => Err(ProtocolError::NotAvailable),
            _ => Protocol::ALL.into_iter().find(|p| p.name() == name).ok_or(ProtocolError::Unknown),
        }
    }

    /// Its name in configuration and in the control plane.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Protocol::DashCmaf => "DASH_CMAF",
            Protocol::HlsCmaf => "HLS_CMAF",
            Protocol::HlsDashCmaf => "HLSDASH_CMAF",
            Protocol::LlHlsCmaf => "LLHLS_CMAF",
        }
    }

    /// Whether it has a multivariant playlist.
    #[must_use]
    pub fn has_hls(self) -> bool {
        match self {
            Protocol::HlsCmaf | Protocol::HlsDashCmaf | Protocol::LlHlsCmaf => true,
            Protocol::DashCmaf => false,
        }
    }

    /// Whether it has an MPD.
    #[must_use]
    pub fn has_dash(self) -> bool {
        match self {
            Protocol::DashCmaf | Protocol::HlsDashCmaf => true,
            Protocol::HlsCmaf | Protocol::LlHlsCmaf => false,
        }
    }

    /// Whether its segments are listed part by part, so that the channel needs a part grid.
    #[must_use]
    pub fn low_latency(self) -> bool {
        match self {
            Protocol::LlHlsCmaf => true,
            Protocol::DashCmaf | Protocol::HlsCmaf | Protocol::HlsDashCmaf => false,
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
    fn transport_streams_are_refused_as_not_available_and_the_rest_as_unknown() {
        for name in ["HLS", "LLHLS_TS"] {
            assert_eq!(Protocol::parse(name), Err(ProtocolError::NotAvailable), "{name}");
        }
        for name in ["", "hls_cmaf", "HLS_CMAF ", "MSS"] {
            assert_eq!(Protocol::parse(name), Err(ProtocolError::Unknown), "{name:?}");
        }
        assert_eq!(
            ProtocolError::NotAvailable.to_string(),
            "is not available in this release; available are \
             HLS_CMAF, LLHLS_CMAF, DASH_CMAF (or DASH), HLSDASH_CMAF"
        );
    }

    #[test]
    fn each_protocol_has_the_manifests_its_name_says() {
        let table = [
            (Protocol::DashCmaf, false, true, false),
            (Protocol::HlsCmaf, true, false, false),
            (Protocol::HlsDashCmaf, true, true, false),
            (Protocol::LlHlsCmaf, true, false, true),
        ];
        for (protocol, hls, dash, low_latency) in table {
            let has = (protocol.has_hls(), protocol.has_dash(), protocol.low_latency());
            assert_eq!(has, (hls, dash, low_latency), "{protocol}");
        }
    }
}
