//! The keys of the control plane: who may change channels, by which of its surfaces.

use std::fmt;

use super::fault::{Fault, Problem};
use super::section::{Found, Section};
use super::value;
use crate::resolve::Secret;

/// Most keys: each request may be compared with all of them.
const KEYS_MAX: usize = 100;

/// A surface of the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Alibaba ICE, version 2020-11-09.
    Ice,
    /// Alibaba Live, version 2016-11-01.
    Live,
    /// Huawei Live, OTT channels.
    Huawei,
    /// The JSON form of our own.
    Native,
}

impl Scope {
    /// Every surface.
    pub const ALL: [Scope; 4] = [Scope::Ice, Scope::Live, Scope::Huawei, Scope::Native];

    /// Its name in configuration and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Scope::Ice => "ice",
            Scope::Live => "live",
            Scope::Huawei => "huawei",
            Scope::Native => "native",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An access key: an id that is shown, and a secret that signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKey {
    /// 1 to 128 letters, digits, `_`, `.` or `-`; unique.
    pub id: String,
    /// 1 to 200 bytes; the bearer token of the native form.
    pub secret: Secret,
    /// The surfaces it opens, one at least.
    pub scopes: Vec<Scope>,
    /// The project that Huawei's paths must name; `None` lets them name any.
    pub project_id: Option<String>,
}

/// Reads `access_keys` of `[admin]`.
pub(super) fn read(admin: &mut Section<'_>, faults: &mut Vec<Fault>) -> Vec<AccessKey> {
    let sections = admin.sections("access_keys").good().unwrap_or_default();
    if sections.len() > KEYS_MAX {
        admin.complain("access_keys", Problem::TooMany { max: KEYS_MAX });
    }
    let mut keys: Vec<(String, AccessKey)> = Vec::new();
    for mut section in sections.into_iter().take(KEYS_MAX) {
        let key = read_one(&mut section);
        let before = |id: &str| keys.iter().find(|(_, other)| other.id == id);
        if let Some((first, _)) = key.as_ref().and_then(|key| before(&key.id)) {
            section.complain("id", Problem::KeyTaken { first: first.clone() });
        }
        let path = section.path().to_owned();
        section.close(faults);
        keys.extend(key.map(|key| (path, key)));
    }
    keys.into_iter().map(|(_, key)| key).collect()
}

fn read_one(section: &mut Section<'_>) -> Option<AccessKey> {
    let id = section.required("id", value::key_id);
    let secret = section.required("secret", value::password);
    let scopes = match section.list("scopes", value::scope) {
        Found::Absent => {
            section.complain("scopes", Problem::Missing);
            None
        }
        Found::Faulty => None,
        Found::Good(scopes) if scopes.is_empty() => {
            section.complain("scopes", Problem::TooFew);
            None
        }
        Found::Good(scopes) => Some(scopes),
    };
    let project_id = section.get("project_id", value::key_id);
    if matches!(project_id, Found::Faulty) {
        return None;
    }
    Some(AccessKey { id: id?, secret: secret?, scopes: scopes?, project_id: project_id.good() })
}
