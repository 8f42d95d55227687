//! The program: arguments, configuration, logs, run.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use headwater::config::Config;
use headwater::demo;
use headwater::observe::{LogFormat, start_logging};
use headwater::runtime::{Clock, Launch, Reload, Server, certificate_faults};

/// A live packaging origin. Without a command it plays the demo.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// What is logged, in the form of RUST_LOG
    #[arg(long, global = true, env = "HEADWATER_LOG", default_value = "info")]
    log: String,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the server; SIGTERM ends it in order, SIGHUP has the file read again
    Serve {
        /// The configuration file
        #[arg(long)]
        config: PathBuf,
    },
    /// Shows every fault of a configuration file; exits with 0 or 2
    Check {
        /// The configuration file
        #[arg(long)]
        config: PathBuf,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let format = if io::stderr().is_terminal() { LogFormat::Text } else { LogFormat::Json };
    let outcome = match &arguments.command {
        Some(Command::Check { config }) => read(config).and_then(|parsed| {
            remark(&parsed);
            find_certificates(&parsed, config)
        }),
        Some(Command::Serve { config }) => read(config).and_then(|parsed| {
            start_logging(format, &arguments.log);
            for remark in &parsed.remarks {
                tracing::warn!("{remark}");
            }
            let folder = config.parent().unwrap_or(Path::new(".")).to_owned();
            let reload = Reload { path: config.clone(), started: parsed.clone() };
            let launch = Launch {
                config: parsed,
                folder,
                clock: Clock::system(),
                embedded: None,
                page: None,
            };
            run(launch, Some(&reload), |_| String::new())
        }),
        None => demo::launch().map_err(|e| e.to_string()).and_then(|(launch, _folder)| {
            start_logging(LogFormat::Text, &format!("{},access=off", arguments.log));
            run(launch, None, demo::greeting)
        }),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{}", why.trim_end());
            ExitCode::from(2)
        }
    }
}

fn read(path: &Path) -> Result<Config, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| format!("cannot read {}: {e}", path.display()))?;
    Config::parse(&text).map_err(|faults| format!("{} cannot be used:\n{faults}", path.display()))
}

/// Every fault of the certificates a configuration names.
fn find_certificates(config: &Config, path: &Path) -> Result<(), String> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let faults = certificate_faults(config, folder);
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    if lines.is_empty() { Ok(()) } else { Err(lines.join("\n")) }
}

/// Says what is right and yet may not be meant.
fn remark(config: &Config) {
    for remark in &config.remarks {
        eprintln!("remark: {remark}");
    }
}

/// Every connection is an open file; the system's soft limit is often far below the hard one.
fn raise_open_files(connections: usize) {
    let wanted = connections as u64 + 256;
    match rlimit::increase_nofile_limit(wanted) {
        Ok(files) if files < wanted => tracing::warn!(
            files,
            wanted,
            "the system allows fewer open files than limits.connections needs: raise them (ulimit -n, LimitNOFILE)"
        ),
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "cannot raise the limit of open files"),
    }
}

fn run(
    launch: Launch,
    reload: Option<&Reload>,
    greeting: impl Fn(&Server) -> String,
) -> Result<(), String> {
    raise_open_files(launch.config.limits.connections + launch.config.limits.ingest_connections);
    let server = Server::start(launch).map_err(|e| e.to_string())?;
    let fronts = &server.origin.fronts;
    let scheme = |tls: bool| if tls { "https" } else { "http" };
    let addresses = [
        ("egress", scheme(fronts.egress.tls.is_some()), server.egress),
        ("ingest", scheme(fronts.ingest.tls.is_some()), server.ingest),
        ("admin", scheme(false), server.admin),
    ];
    let publish = ["rtmp", "rtmps"].into_iter().zip(server.rtmp);
    let publish = publish.filter_map(|(scheme, address)| Some(("publish", scheme, address?)));
    let mut lines = String::new();
    for (name, scheme, address) in addresses.into_iter().chain(publish) {
        // Writing into a String cannot fail.
        let _ = writeln!(lines, "{name} {scheme}://{address}");
    }
    // Nobody reading standard output is no reason not to serve.
    let _ = io::stdout().write_all(format!("{lines}{}ready\n", greeting(&server)).as_bytes());
    server.run_until_signal(reload).map_err(|e| e.to_string())
}
