//! The configuration file read again while the server runs: SIGHUP.

use std::fmt::Display;
use std::path::PathBuf;

use super::origin::Origin;
use super::supervisor::Desired;
use crate::api::Control;
use crate::config::Config;

/// The file a server was started from, and what of it holds until the server is started again.
#[derive(Debug)]
pub struct Reload {
    /// The file.
    pub path: PathBuf,
    /// What it said.
    pub started: Config,
}

impl Reload {
    /// Reads the file again. A faulty one changes nothing; its faults are logged, each on a line.
    pub(super) async fn again(&self, origin: &Origin, control: &Control) {
        let path = self.path.display();
        let config = match std::fs::read_to_string(&self.path) {
            Ok(text) => Config::parse(&text).map_err(|faults| lines(&faults)),
            Err(error) => Err(vec![error.to_string()]),
        };
        let config = match config {
            Ok(config) => config,
            Err(faults) => {
                for fault in faults {
                    tracing::error!(%path, fault, "the configuration cannot be used: nothing is changed");
                }
                return;
            }
        };
        if config.channels.is_empty() && !self.started.channels.is_empty() {
            // A file that is being written is read empty, and would end every channel.
            tracing::error!(%path, "the configuration names no channel: nothing is changed");
            return;
        }
        for remark in &config.remarks {
            tracing::warn!("{remark}");
        }
        for section in self.unchanged(&config) {
            tracing::warn!(section, "the section has changed: it takes effect at the next start");
        }
        let count = config.channels.len();
        for (group, channel) in control.reserve(&config) {
            tracing::warn!(
                group,
                channel,
                "the control plane has a channel of this name: the file's is served in its place"
            );
        }
        match origin.desire(Desired::File, config.channels).await {
            Ok(()) => tracing::info!(%path, channels = count, "the configuration was read again"),
            Err(failed) => {
                for error in failed {
                    tracing::error!("{error}; it is as it was");
                }
            }
        }
    }

    /// The sections that hold until the next start and say something else now.
    fn unchanged(&self, config: &Config) -> Vec<&'static str> {
        let old = &self.started;
        let sections = [
            ("egress", old.egress != config.egress),
            ("ingest", old.ingest != config.ingest),
            ("admin", old.admin != config.admin),
            ("store", old.store != config.store),
            ("limits", old.limits != config.limits),
        ];
        sections.into_iter().filter(|(_, changed)| *changed).map(|(name, _)| name).collect()
    }
}

fn lines<T: Display>(faults: impl IntoIterator<Item = T>) -> Vec<String> {
    faults.into_iter().map(|fault| fault.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_section_that_needs_a_start_is_named_once() {
        let parse = |text: &str| Config::parse(text).expect("valid");
        let reload = Reload { path: PathBuf::new(), started: parse("") };
        assert!(reload.unchanged(&parse("")).is_empty());
        let other = parse(
            "[egress]\nlisten = \"127.0.0.1:1\"\nworkers = 3\n[store]\npath = \"x\"\n[limits]\nwaiters = 7\n",
        );
        assert_eq!(reload.unchanged(&other), ["egress", "store", "limits"]);
    }
}
