//! The listeners.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;

use http::HeaderName;

use super::access_key::{self, AccessKey};
use super::fault::{Fault, Problem};
use super::public_url::PublicUrl;
use super::section::{Found, Section};
use super::value;
use crate::resolve::IpList;

/// Most threads that answer readers.
const WORKERS_MAX: u64 = 1_024;

/// Where readers come.
#[derive(Clone, Debug, PartialEq)]
pub struct Egress {
    /// Address and port; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// The address that URLs of the control plane name; `None` for the listener's own.
    pub public_url: Option<PublicUrl>,
    /// Proxies whose X-Forwarded-For is believed.
    pub trusted_proxies: IpList,
    /// Header that carries an endpoint's authorization code; never Authorization.
    pub cdn_auth_header: HeaderName,
    /// Threads that answer readers, at most 1,024; `None` for one a core.
    pub workers: Option<NonZeroUsize>,
    /// TLS, where it is spoken.
    pub tls: Option<TlsFiles>,
    /// Whether each connection begins with a header of the PROXY protocol.
    pub proxy_protocol: bool,
}

/// A certificate and its key, as PEM files: paths as written, relative to the configuration file's
/// folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate, then its issuers'.
    pub certificate: PathBuf,
    /// The private key, without a password.
    pub key: PathBuf,
}

/// Where encoders push.
#[derive(Clone, Debug, PartialEq)]
pub struct Ingest {
    /// Address and port of HTTP push; port 0 lets the system choose.
    pub http: SocketAddr,
    /// The address that URLs of the control plane name; `None` for the listener's own.
    pub public_url: Option<PublicUrl>,
    /// Address and port of RTMP publish, where there is any.
    pub rtmp: Option<SocketAddr>,
    /// The same over TLS; [`Ingest::tls`] is there with it.
    pub rtmps: Option<SocketAddr>,
    /// TLS, where it is spoken.
    pub tls: Option<TlsFiles>,
    /// Whether each connection begins with a header of the PROXY protocol.
    pub proxy_protocol: bool,
}

/// Where operators look.
#[derive(Clone, Debug, PartialEq)]
pub struct Admin {
    /// Address and port; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// The keys of the control plane, at most 100; without one nobody may change anything.
    pub access_keys: Vec<AccessKey>,
}

impl Default for Egress {
    fn default() -> Self {
        Egress {
            listen: loopback(8080),
            public_url: None,
            trusted_proxies: IpList::loopback(),
            cdn_auth_header: HeaderName::from_static("x-package-authorization"),
            workers: None,
            tls: None,
            proxy_protocol: false,
        }
    }
}

impl Default for Ingest {
    fn default() -> Self {
        Ingest {
            http: loopback(8090),
            rtmp: None,
            rtmps: None,
            public_url: None,
            tls: None,
            proxy_protocol: false,
        }
    }
}

impl Default for Admin {
    fn default() -> Self {
        Admin { listen: loopback(8070), access_keys: Vec::new() }
    }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// The address list `key` of a section.
pub(super) fn addresses(section: &mut Section<'_>, key: &'static str) -> Found<IpList> {
    match section.list(key, value::address_block) {
        Found::Absent => Found::Absent,
        Found::Faulty => Found::Faulty,
        Found::Good(blocks) => match IpList::new(blocks) {
            Ok(list) => Found::Good(list),
            Err(error) => {
                section.complain(key, error.into());
                Found::Faulty
            }
        },
    }
}

/// Reads `[egress]`, `[ingest]` and `[admin]`, which must not share an address.
pub(super) fn read_listeners(
    root: &mut Section<'_>,
    faults: &mut Vec<Fault>,
) -> (Egress, Ingest, Admin) {
    let mut taken = Vec::new();
    let egress = Egress::read(root.section("egress"), &mut taken, faults);
    let mut section = root.section("ingest");
    let http = read_listener(&mut section, "http", &mut taken, Ingest::default().http);
    let public_url = section.get("public_url", value::public_url).good();
    let rtmp = read_optional_listener(&mut section, "rtmp", &mut taken);
    let rtmps = read_optional_listener(&mut section, "rtmps", &mut taken);
    let (tls, proxy_protocol) = read_front(&mut section, faults);
    if rtmps.is_some() && tls.is_none() {
        section.complain("rtmps", Problem::WithoutTls);
    }
    section.close(faults);
    let mut section = root.section("admin");
    let listen = read_listener(&mut section, "listen", &mut taken, Admin::default().listen);
    let access_keys = access_key::read(&mut section, faults);
    section.close(faults);
    let ingest = Ingest { http, public_url, rtmp, rtmps, tls, proxy_protocol };
    (egress, ingest, Admin { listen, access_keys })
}

impl Egress {
    fn read(
        mut section: Section<'_>,
        taken: &mut Vec<(String, SocketAddr)>,
        faults: &mut Vec<Fault>,
    ) -> Self {
        let default = Egress::default();
        let s = &mut section;
        let listen = read_listener(s, "listen", taken, default.listen);
        let public_url = s.get("public_url", value::public_url).good();
        let trusted = addresses(s, "trusted_proxies").or(default.trusted_proxies);
        let header = s.or("cdn_auth_header", &default.cdn_auth_header, value::header_name);
        let workers = s.or("workers", &0, value::count(0, WORKERS_MAX));
        let (tls, proxy_protocol) = read_front(s, faults);
        section.close(faults);
        Egress {
            listen,
            public_url,
            trusted_proxies: trusted.unwrap_or_default(),
            cdn_auth_header: header,
            workers: NonZeroUsize::new(workers),
            tls,
            proxy_protocol,
        }
    }
}

/// Reads what stands before HTTP on a listener.
fn read_front(section: &mut Section<'_>, faults: &mut Vec<Fault>) -> (Option<TlsFiles>, bool) {
    let proxy_protocol = section.or("proxy_protocol", &false, value::boolean);
    let mut files = section.section("tls");
    let tls = files.is_there().then(|| {
        let certificate = files.required("certificate", value::path);
        let key = files.required("key", value::path);
        Some(TlsFiles { certificate: certificate?, key: key? })
    });
    files.close(faults);
    (tls.flatten(), proxy_protocol)
}

/// Reads the address of a listener that need not be.
fn read_optional_listener(
    section: &mut Section<'_>,
    key: &'static str,
    taken: &mut Vec<(String, SocketAddr)>,
) -> Option<SocketAddr> {
    let address = section.get(key, value::listen_address).good()?;
    note(section, key, taken, address);
    Some(address)
}

/// Reads a listener's address and notes it among those that are `taken`.
fn read_listener(
    section: &mut Section<'_>,
    key: &'static str,
    taken: &mut Vec<(String, SocketAddr)>,
    default: SocketAddr,
) -> SocketAddr {
    let Some(address) = section.get(key, value::listen_address).or(default) else {
        return default;
    };
    note(section, key, taken, address);
    address
}

/// Notes a listener's address among those that are `taken`.
fn note(
    section: &mut Section<'_>,
    key: &'static str,
    taken: &mut Vec<(String, SocketAddr)>,
    address: SocketAddr,
) {
    if let Some((by, _)) = taken.iter().find(|(_, other)| collide(*other, address)) {
        section.complain(key, Problem::ListenerTaken { by: by.clone() });
    }
    taken.push((format!("{}.{key}", section.path()), address));
}

/// Whether two listeners cannot both bind.
fn collide(a: SocketAddr, b: SocketAddr) -> bool {
    let same_family = a.is_ipv4() == b.is_ipv4();
    let all_of_it = same_family && (a.ip().is_unspecified() || b.ip().is_unspecified());
    a.port() != 0 && a.port() == b.port() && (a.ip() == b.ip() || all_of_it)
}
