//! Names of the query parameters by which players of a package ask for the past.

use serde::{Deserialize, Serialize};

use super::text::{Label, blank};

/// PackageRequestArgs: names of the query parameters that players use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestArgs {
    /// Of stretches of the past.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<Vec<RecordArgs>>,
    /// Of distances from live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeshift: Option<Vec<TimeshiftArgs>>,
    /// Of delays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<Vec<LiveArgs>>,
}

macro_rules! arguments {
    ($(#[$doc:meta])* $name:ident { $($field:ident),* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[allow(missing_docs, reason = "the vendor's names say it")]
        pub struct $name {
            $(
                #[serde(
                    default,
                    deserialize_with = "blank",
                    skip_serializing_if = "Option::is_none"
                )]
                pub $field: Option<Label>,
            )*
        }
    };
}

arguments!(
    /// RecordRequestArgs.
    RecordArgs { start_time, end_time, format, unit }
);
arguments!(
    /// TimeshiftRequestArgs.
    TimeshiftArgs { back_time, unit }
);
arguments!(
    /// LiveRequestArgs.
    LiveArgs { delay, unit }
);
