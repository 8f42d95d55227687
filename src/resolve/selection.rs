//! Rungs that a manifest shows where its query asks for them by a key.

use crate::manifest::VideoBitrates;

/// Rungs under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// What the query must hold between its `&`: all of a pair, or the name of one.
    pub key: String,
    /// Which rungs are shown then.
    pub bitrates: VideoBitrates,
}

impl Selection {
    /// Whether a query, as it came, holds the key.
    #[must_use]
    pub fn is_asked_by(&self, query: &str) -> bool {
        let query = format!("&{query}&");
        [format!("&{}&", self.key), format!("&{}=", self.key)].iter().any(|key| query.contains(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_pair_or_the_name_of_one() {
        let of = |key: &str, query: &str| {
            let key = key.to_owned();
            Selection { key, bitrates: VideoBitrates::ALL }.is_asked_by(query)
        };
        for query in ["sss", "sss=1", "a=b&sss", "sss&a=b", "sss=&a"] {
            assert!(of("sss", query), "{query}");
        }
        for query in ["", "ssss", "a=sss", "sss1=1", "SSS"] {
            assert!(!of("sss", query), "{query}");
        }
        assert!(of("bitrate=900000-1800000", "a=1&bitrate=900000-1800000"));
        assert!(!of("bitrate=900000-1800000", "bitrate=900000-18000000"));
        assert!(of("a=1&b=2", "x&a=1&b=2"), "a key of two pairs");
    }
}
