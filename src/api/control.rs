//! What all surfaces share: the desk, the keys, the clock, the addresses they hand out.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use subtle::ConstantTimeEq;

use super::desk::{ChangeError, Desk, Done, Effect};
use super::model::group::{ChannelKey, Origin};
use super::model::value::Stamp;
use super::model::{Model, Moment, Plan, Refusal};
use super::sign::{Spent, SpentError};
use super::store::{Sqlite, StoreError};
use crate::config::{AccessKey, Config, PublicUrl, Scope};
use crate::runtime::Clock;
use crate::units::Now;

/// The file in the store's folder.
const FILE: &str = "control.sqlite3";
/// The nonces beside it.
const NONCES: &str = "nonces";

/// The control plane of a server.
#[derive(Debug)]
pub struct Control {
    desk: Desk,
    keys: Vec<AccessKey>,
    spent: Mutex<Spent>,
    clock: Clock,
    egress: PublicUrl,
    ingest: PublicUrl,
}

/// Who asks, and for what; for the audit line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller<'a> {
    /// The surface.
    pub(super) scope: Scope,
    /// The operation.
    pub(super) action: &'a str,
    /// Id of the access key.
    pub(super) key_id: &'a str,
    /// The answer's id.
    pub(super) request_id: &'a str,
}

impl Control {
    /// Opens the store of a configuration and puts its model into force. `egress` and `ingest` are
    /// what readers and encoders know the listeners as.
    ///
    /// # Errors
    /// What the store says.
    pub fn open(
        config: &Config,
        folder: &Path,
        clock: Clock,
        (egress, ingest): (PublicUrl, PublicUrl),
        effect: Box<dyn Effect>,
    ) -> Result<Self, StoreError> {
        let store = Sqlite::open(&folder.join(&config.store.path).join(FILE))?;
        let desk = Desk::open(Box::new(store), names_of(config), effect, config.limits.clone())?;
        let path = folder.join(&config.store.path).join(NONCES);
        let spent = Spent::open(&path, clock.now().wall).unwrap_or_else(|error| {
            tracing::warn!(%error, ?path, "nonces are not kept: after a restart requests could be repeated");
            Spent::default()
        });
        let (keys, spent) = (config.admin.access_keys.clone(), Mutex::new(spent));
        Ok(Control { desk, keys, spent, clock, egress, ingest })
    }

    /// Where the model is read and changed.
    #[must_use]
    pub fn desk(&self) -> &Desk {
        &self.desk
    }

    /// Takes the names of a configuration's channels for it, from now on. Gives those that the model
    /// has channels of: they are kept, and stand behind the configuration's.
    pub fn reserve(&self, config: &Config) -> Vec<(String, String)> {
        let names = names_of(config);
        let taken = self.desk.read(|model| {
            let known = model.all_channels().map(|channel| {
                let ChannelKey { group, channel } = &channel.key;
                (group.as_str().to_owned(), channel.as_str().to_owned())
            });
            known.filter(|name| names.contains(name)).collect()
        });
        self.desk.reserve(names);
        taken
    }

    /// The time.
    pub(super) fn now(&self) -> Now {
        self.clock.now()
    }

    /// A key by its id.
    pub(super) fn key(&self, id: &str) -> Option<&AccessKey> {
        self.keys.iter().find(|key| key.id == id)
    }

    /// The key of the native form whose secret this is. All are compared, so that time tells nothing.
    pub(super) fn bearer(&self, given: &[u8]) -> Option<&AccessKey> {
        let native = self.keys.iter().filter(|key| key.scopes.contains(&Scope::Native));
        native.fold(None, |found, key| {
            let right = bool::from(u8::from(key.secret.matches(given)).ct_eq(&1));
            if right { found.or(Some(key)) } else { found }
        })
    }

    /// Spends the nonce of a key.
    pub(super) fn spend(&self, key_id: &str, nonce: &str) -> Result<(), SpentError> {
        let now = self.now().wall;
        self.spent.lock().unwrap_or_else(PoisonError::into_inner).spend(key_id, nonce, now)
    }

    /// What a new group's players use.
    pub(super) fn origin(&self) -> Origin {
        let (scheme, domain) =
            (self.egress.scheme().to_owned(), self.egress.authority().to_owned());
        Origin { scheme, domain }
    }

    /// What encoders use.
    pub(super) fn ingest(&self) -> &PublicUrl {
        &self.ingest
    }

    /// Makes a change and tells of it. `subject` names what is changed.
    pub(super) fn change<T>(
        &self,
        caller: Caller<'_>,
        subject: &str,
        plan: impl Fn(&Model, Moment) -> Result<Plan<T>, Refusal>,
    ) -> Result<T, ChangeError> {
        let Done { answer, revision, written } =
            self.desk.change(Stamp::of(self.now().wall), plan)?;
        if written {
            let Caller { scope, action, key_id, request_id } = caller;
            tracing::info!(
                target: "audit",
                %scope, action, key_id, request_id, subject, revision,
                "changed"
            );
            self.desk.wait(revision);
        }
        Ok(answer)
    }
}

/// The names of a configuration's channels, as `(group, channel)`.
fn names_of(config: &Config) -> BTreeSet<(String, String)> {
    config.channels.iter().map(|c| (c.group.to_string(), c.name.to_string())).collect()
}
