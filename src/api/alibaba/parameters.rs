//! The parameters of one operation.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::api::sign::{Pairs, percent_encode};

/// Parameters that are the wire's, not the operation's.
const COMMON: [&str; 14] = [
    "AccessKeyId",
    "Action",
    "ClientToken",
    "Format",
    "OwnerAccount",
    "OwnerId",
    "RegionId",
    "SecurityToken",
    "Signature",
    "SignatureMethod",
    "SignatureNonce",
    "SignatureType",
    "SignatureVersion",
    "Timestamp",
];

/// Parameters by name; what is empty is not there.
#[derive(Debug)]
pub(super) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Those of these pairs, or the name of one that has two values.
    pub(super) fn of(pairs: Pairs) -> Result<Self, String> {
        let mut found = BTreeMap::new();
        for (name, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
            let before = found.insert(name.clone(), value.clone());
            if before.is_some_and(|before| before != value) {
                return Err(name);
            }
        }
        Ok(Parameters(found))
    }

    /// One of them.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A hash of those that are the operation's own.
    pub(super) fn fingerprint(&self) -> String {
        let own = self.0.iter().filter(|(name, _)| !COMMON.contains(&name.as_str()));
        let own = own.filter(|(name, _)| *name != "Version");
        let lines: Vec<String> = own
            .map(|(name, value)| format!("{}={}", percent_encode(name), percent_encode(value)))
            .collect();
        let hash = Sha256::digest(lines.join("&"));
        hash.iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .filter_map(|n| char::from_digit(n.into(), 16))
            .collect()
    }
}

/// Reads `true` or `false`, however large its letters.
pub(super) fn boolean(text: &str) -> Option<bool> {
    let is = |word: &str| text.eq_ignore_ascii_case(word);
    if is("true") { Some(true) } else { is("false").then_some(false) }
}
