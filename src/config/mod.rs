//! The configuration file, parsed into types that cannot be wrong.
//!
//! [`Config::parse`] turns a text into a [`Config`] or into every fault of it at once, each with its
//! line, key, value and what is allowed. Reading the file from disk and acting on it belong to the
//! program and to `runtime`. A file that is no TOML gets its faults of syntax alone: what such a
//! file means elsewhere is a guess.
//!
//! `config/headwater.toml` lists every key at its default.

mod access_key;
mod channel;
mod endpoint;
mod fault;
mod faults;
mod limits;
mod name;
mod presentation;
mod public_url;
mod pull;
mod request_args;
mod section;
mod servers;
mod store;
#[cfg(test)]
mod tests;
mod text;
mod value;

use toml::de::DeTable;

pub use self::access_key::{AccessKey, Scope};
pub use self::channel::{Channel, Credentials, Failover};
pub use self::endpoint::{Endpoint, days};
pub use self::fault::{Fault, Problem};
pub use self::faults::Faults;
pub use self::limits::Limits;
pub use self::name::{ManifestName, Name};
pub use self::public_url::PublicUrl;
pub use self::pull::{Pull, PullSource, PullUrl};
pub use self::servers::{Admin, Egress, Ingest, TlsFiles};
pub use self::store::{ObjectStore, Store};
pub use self::text::{ShownDuration, ShownSize};

use self::section::{Section, Source};

/// Everything a server is told. Its default is what an empty file gives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// Where readers come.
    pub egress: Egress,
    /// Where encoders push.
    pub ingest: Ingest,
    /// Where operators look.
    pub admin: Admin,
    /// Where state is kept.
    pub store: Store,
    /// What bounds memory, waits and counts.
    pub limits: Limits,
    /// The channels, no two of one group and name.
    pub channels: Vec<Channel>,
    /// What is right and yet may not be meant, in the order of the file's lines.
    pub remarks: Vec<Fault>,
}

impl Config {
    /// Parses a configuration file.
    ///
    /// # Errors
    /// Every fault of the file, in the order of its lines.
    pub fn parse(text: &str) -> Result<Self, Faults> {
        let source = Source::new(text);
        let (document, errors) = DeTable::parse_recoverable(text);
        if let Some(faults) = Faults::of(syntax_faults(&source, &errors)) {
            return Err(faults);
        }
        let mut faults = Vec::new();
        let mut root = Section::root(&source, document.get_ref());
        let (egress, ingest, admin) = servers::read_listeners(&mut root, &mut faults);
        let store = Store::read(root.section("store"), &mut faults);
        let limits = Limits::read(root.section("limits"), &mut faults);
        let channels = channel::read_channels(&mut root, &limits, &mut faults);
        root.close(&mut faults);
        let (remarks, faults) = faults.into_iter().partition(|fault| fault.problem.is_remark());
        match Faults::of(faults) {
            None => {
                let remarks = Faults::of(remarks).map_or_else(Vec::new, Faults::into_vec);
                Ok(Config { egress, ingest, admin, store, limits, channels, remarks })
            }
            Some(faults) => Err(faults),
        }
    }
}

/// One fault a line: the parser may stumble over one mistake more than once.
fn syntax_faults(source: &Source<'_>, errors: &[toml::de::Error]) -> Vec<Fault> {
    let fault = |error: &toml::de::Error| Fault {
        line: source.line(error.span().map_or(0, |span| span.start)),
        key: String::new(),
        value: None,
        problem: Problem::Syntax(error.message().to_owned()),
    };
    let mut faults: Vec<_> = errors.iter().map(fault).collect();
    faults.sort_by_key(|fault| fault.line);
    faults.dedup_by_key(|fault| fault.line);
    faults
}
