//! A whole server: started from a configuration, taken down in order.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use bytes::Bytes;
use thiserror::Error;
use tokio::runtime;
use tokio::sync::mpsc;

use super::archivist::Archivist;
use super::channels::{Made, Maker};
use super::clock::Clock;
use super::effect::{Asked, Changes};
use super::origin::{Fronts, Origin};
use super::reload::Reload;
use super::state_file::StateError;
use super::streams::Streams;
use super::supervisor::{Desired, Supervisor, Wanted};
use crate::api::{self, Control, store};
use crate::archive::StoreError;
use crate::config::{self, Config, PublicUrl, TlsFiles};
use crate::http::{CertificateError, Front, Tls, listen, serve_admin, serve_readers};
use crate::ingest::programme::ProgrammeError;
use crate::ingest::{Nonces, serve_encoders, serve_publishers};
use crate::observe::Metrics;

/// Why a server does not start.
#[derive(Debug, Error)]
pub enum ServerError {
    /// A listener's address cannot be had.
    #[error("cannot listen on {address} for {what}: {error}")]
    Listen {
        /// Which listener.
        what: &'static str,
        /// Where.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// The file of a loop or slate cannot be read.
    #[error("cannot read {path} of channel {channel}: {error}")]
    LoopFile {
        /// The channel.
        channel: String,
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The file of a loop or slate cannot be played.
    #[error("cannot play {path} of channel {channel}: {error}")]
    Programme {
        /// The channel.
        channel: String,
        /// The file.
        path: PathBuf,
        /// Why.
        error: ProgrammeError,
    },
    /// A listener's certificate cannot be used.
    #[error("{listener}.tls cannot be used: {error}")]
    Certificate {
        /// The listener's section.
        listener: &'static str,
        /// Why.
        error: CertificateError,
    },
    /// The object store cannot be used.
    #[error("store.url {url} cannot be used: {error}")]
    Store {
        /// Its address.
        url: String,
        /// Why.
        error: Box<StoreError>,
    },
    /// What the control plane keeps cannot be used.
    #[error(transparent)]
    Control(#[from] store::StoreError),
    /// State on disk cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The system gives no thread or runtime.
    #[error("cannot start: {0}")]
    System(io::Error),
}

/// Wishes for other channels that wait for their turn.
const WISHES: usize = 16;

/// What a server is started from.
#[derive(Debug)]
pub struct Launch {
    /// The configuration.
    pub config: Config,
    /// Where its relative paths begin.
    pub folder: PathBuf,
    /// The clock.
    pub clock: Clock,
    /// Loops that are in memory, by the path channels name them with.
    pub embedded: Option<(PathBuf, &'static [u8])>,
    /// The page that `/` shows readers, made from the addresses of egress and ingest.
    pub page: Option<fn(SocketAddr, SocketAddr) -> Bytes>,
}

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    /// Where readers come.
    pub egress: SocketAddr,
    /// Where encoders push.
    pub ingest: SocketAddr,
    /// Where encoders publish by RTMP, and by RTMP over TLS.
    pub rtmp: [Option<SocketAddr>; 2],
    /// Where operators look.
    pub admin: SocketAddr,
    /// What its parts share.
    pub origin: Arc<Origin>,
    control: Arc<Control>,
    threads: Vec<JoinHandle<()>>,
    archivist: Archivist,
}

impl Server {
    /// Starts everything. When this returns the listeners answer.
    ///
    /// # Errors
    /// The first thing that cannot be had; nothing runs then.
    pub fn start(launch: Launch) -> Result<Self, ServerError> {
        let Launch { config, folder, clock, embedded, page } = launch;
        let workers = config.egress.workers.map_or_else(cores, std::num::NonZeroUsize::get);
        let egress = bind("readers", config.egress.listen, workers)?;
        let ingest = bind("encoders", config.ingest.http, 1)?;
        let rtmp = bind_optional("encoders by RTMP", config.ingest.rtmp)?;
        let rtmps = bind_optional("encoders by RTMPS", config.ingest.rtmps)?;
        let admin = bind("operators", config.admin.listen, 1)?;
        let address = |listeners: &[TcpListener], asked: SocketAddr| {
            listeners.first().and_then(|l| l.local_addr().ok()).unwrap_or(asked)
        };
        let egress_address = address(&egress, config.egress.listen);
        let ingest_address = address(&ingest, config.ingest.http);
        let admin_address = address(&admin, config.admin.listen);
        let given = |listener: &Option<TcpListener>| listener.as_ref()?.local_addr().ok();
        let rtmp_addresses = [given(&rtmp), given(&rtmps)];

        let fronts = fronts(&config, &folder)?;
        let known = |url: Option<&PublicUrl>, address, tls: bool| {
            url.cloned().unwrap_or_else(|| PublicUrl::of(address, tls))
        };
        let (readers, encoders) = (&config.egress, &config.ingest);
        let public = (
            known(readers.public_url.as_ref(), egress_address, readers.tls.is_some()),
            known(encoders.public_url.as_ref(), ingest_address, encoders.tls.is_some()),
        );
        let store = folder.join(&config.store.path);
        let streams = Arc::new(Streams::new(&store, config.limits.clone()));
        let (asked, changes) = Asked::new(Arc::clone(&streams));
        let control = Control::open(&config, &folder, clock.clone(), public, Box::new(asked))?;
        let control = Arc::new(control);
        streams.forget_unwanted();
        let nonces = Nonces::new()
            .ok_or_else(|| ServerError::System(io::Error::other("there are no random bytes")))?;
        let metrics = Metrics::default();
        let mut maker = Maker::new(&config, &folder, embedded, metrics.clone(), clock.clone())?;
        let make = |channel: &config::Channel| {
            let made = maker.make(channel, true)?;
            Ok((Wanted { source: Desired::File, channel: channel.clone() }, made))
        };
        let made: Vec<(Wanted, Made)> =
            config.channels.iter().map(make).collect::<Result<_, ServerError>>()?;
        let page = page.map(|page| page(egress_address, ingest_address));
        let (wishes, wished) = mpsc::channel(WISHES);
        let origin = Arc::new(Origin::new(
            clock,
            config.limits.clone(),
            (config.egress.clone(), fronts, nonces),
            page,
            metrics,
            (wishes, streams),
        ));
        let archivist = Archivist::start().map_err(ServerError::System)?;
        let supervisor = Supervisor::new(Arc::clone(&origin), maker, archivist.jobs(), wished);
        let mut server = Server {
            egress: egress_address,
            ingest: ingest_address,
            rtmp: rtmp_addresses,
            admin: admin_address,
            origin,
            control: Arc::clone(&control),
            threads: Vec::new(),
            archivist,
        };
        let doors = (ingest, [rtmp, rtmps]);
        server.spawn_shell((supervisor, made), doors, (admin, control, changes))?;
        for (n, listener) in egress.into_iter().enumerate() {
            server.spawn_worker(n, listener)?;
        }
        Ok(server)
    }

    /// The thread of channels, sources, encoders and operators.
    fn spawn_shell(
        &mut self,
        (mut supervisor, made): (Supervisor, Vec<(Wanted, Made)>),
        (ingest, publish): (Vec<TcpListener>, [Option<TcpListener>; 2]),
        (admin, control, mut changes): (Vec<TcpListener>, Arc<Control>, Changes),
    ) -> Result<(), ServerError> {
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(cores())
            .thread_name("channels")
            .enable_all()
            .build()
            .map_err(ServerError::System)?;
        let origin = Arc::clone(&self.origin);
        let (ready, begun) = std::sync::mpsc::channel();
        self.spawn("shell", move || {
            runtime.block_on(async {
                supervisor.begin(made);
                let mut running = tokio::task::JoinSet::new();
                running.spawn(supervisor.run());
                changes.put_into_force(&origin).await;
                // Readers are answered from here on.
                let _ = ready.send(());
                running.spawn(changes.follow(Arc::clone(&origin)));
                for listener in ingest.into_iter().filter_map(listen) {
                    running.spawn(serve_encoders(listener, Arc::clone(&origin)));
                }
                for (listener, tls) in publish.into_iter().zip([false, true]) {
                    let Some(listener) = listener.and_then(listen) else { continue };
                    running.spawn(serve_publishers(listener, Arc::clone(&origin), tls));
                }
                for tls in [&origin.fronts.egress.tls, &origin.fronts.ingest.tls] {
                    let Some(tls) = tls.clone() else { continue };
                    running.spawn(tls.watch(origin.clock.clone(), origin.shutdown.clone()));
                }
                for listener in admin.into_iter().filter_map(listen) {
                    let control = api::router(Arc::clone(&control));
                    running.spawn(serve_admin(listener, Arc::clone(&origin), control));
                }
                while running.join_next().await.is_some() {}
            });
            runtime.shutdown_timeout(std::time::Duration::from_millis(100));
        })?;
        // Where the thread has ended already it has said why.
        let _ = begun.recv();
        Ok(())
    }

    /// One of the threads that answer readers, each with its own listener on the same port.
    fn spawn_worker(&mut self, n: usize, listener: TcpListener) -> Result<(), ServerError> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(ServerError::System)?;
        let origin = Arc::clone(&self.origin);
        self.spawn(&format!("readers-{n}"), move || {
            runtime.block_on(async {
                if let Some(listener) = listen(listener) {
                    serve_readers(listener, origin).await;
                }
            });
        })
    }

    fn spawn(
        &mut self,
        name: &str,
        run: impl FnOnce() + Send + 'static,
    ) -> Result<(), ServerError> {
        let thread = thread::Builder::new().name(name.to_owned()).spawn(run);
        self.threads.push(thread.map_err(ServerError::System)?);
        Ok(())
    }

    /// Serves until SIGTERM or SIGINT, then ends everything in order. At SIGHUP the file of `reload`
    /// is read again.
    ///
    /// # Errors
    /// Where the system gives no signals.
    pub fn run_until_signal(self, reload: Option<&Reload>) -> io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut terminate = signal(SignalKind::terminate())?;
            let mut interrupt = signal(SignalKind::interrupt())?;
            let mut hangup = signal(SignalKind::hangup())?;
            loop {
                tokio::select! {
                    _ = terminate.recv() => return io::Result::Ok(()),
                    _ = interrupt.recv() => return Ok(()),
                    _ = hangup.recv(), if reload.is_some() => {
                        if let Some(reload) = reload {
                            reload.again(&self.origin, &self.control).await;
                        }
                    }
                }
            }
        })?;
        tracing::info!("ending: no new connections, waiters answered, what is under way finished");
        self.stop();
        Ok(())
    }

    /// Ends everything in order: no new connections, waiters answered, answers under way finished
    /// within `limits.drain`, sources closed. Returns when all of it has ended.
    pub fn stop(self) {
        self.origin.shutdown.begin();
        for thread in self.threads {
            // A thread that panicked has ended too, and said so.
            let _ = thread.join();
        }
        self.archivist.stop();
    }
}

/// Reads the certificates of all listeners.
fn fronts(config: &Config, folder: &Path) -> Result<Fronts, ServerError> {
    let load = |listener, files: Option<&TlsFiles>, http2| {
        let tls = files.map(|files| Tls::load(folder, files, http2)).transpose();
        tls.map_err(|error| ServerError::Certificate { listener, error })
    };
    let egress = Front {
        tls: load("egress", config.egress.tls.as_ref(), true)?,
        proxy_protocol: config.egress.proxy_protocol,
    };
    // DASH-IF ingest is HTTP/1.1; the windows of HTTP/2 would hold encoders back.
    let ingest = Front {
        tls: load("ingest", config.ingest.tls.as_ref(), false)?,
        proxy_protocol: config.ingest.proxy_protocol,
    };
    Ok(Fronts { egress, ingest })
}

/// Everything wrong with the files that a configuration names for TLS.
#[must_use]
pub fn certificate_faults(config: &Config, folder: &Path) -> Vec<ServerError> {
    let listeners =
        [("egress", config.egress.tls.as_ref()), ("ingest", config.ingest.tls.as_ref())];
    let faults = listeners.into_iter().filter_map(|(listener, files)| {
        let error = Tls::load(folder, files?, false).err()?;
        Some(ServerError::Certificate { listener, error })
    });
    faults.collect()
}

fn cores() -> usize {
    thread::available_parallelism().map_or(2, std::num::NonZeroUsize::get)
}

/// `count` listeners on one address; the system spreads connections over them.
fn bind(
    what: &'static str,
    address: SocketAddr,
    count: usize,
) -> Result<Vec<TcpListener>, ServerError> {
    let failed = |error| ServerError::Listen { what, address, error };
    // Another server on this port must make us fail, not share it with us: ask alone first.
    drop(bind_one(address, false).map_err(failed)?);
    let first = bind_one(address, count > 1).map_err(failed)?;
    let chosen = first.local_addr().map_err(failed)?;
    let mut listeners = vec![first];
    for _ in 1..count {
        listeners.push(bind_one(chosen, true).map_err(failed)?);
    }
    Ok(listeners)
}

/// The listener on an address that need not be.
fn bind_optional(
    what: &'static str,
    address: Option<SocketAddr>,
) -> Result<Option<TcpListener>, ServerError> {
    Ok(match address {
        Some(address) => bind(what, address, 1)?.pop(),
        None => None,
    })
}

fn bind_one(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    use socket2::{Domain, Protocol, Socket, Type};
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(4096)?;
    Ok(socket.into())
}
