//! What a request costs the server, beside nginx with the same bytes in the same run.
//!
//! `cargo bench --bench serving`. Server CPU time a request, in the clear and over TLS 1.3, by turns
//! (A B A B), and the medians' ratio. Client and server share the machine, so CPU time is compared, not rates.
//! nginx serves from a memory file system with the better of its `tcp_nopush` settings; where it is
//! not installed only our own figures are printed.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, version::TLS13,
};

const CONNECTIONS: usize = 16;
const TURNS: usize = 5;
const CONFIG: &str = r#"
[egress]
listen = "127.0.0.1:0"
workers = 2
[ingest]
http = "127.0.0.1:0"
[admin]
listen = "127.0.0.1:0"
[[channel]]
group = "bench"
name = "loop"
loop = "demo.mp4"
  [[channel.endpoint]]
  name = "short"
  protocol = "HLS_CMAF"
  segment_duration = "1s"
  segment_num = 12
  open = true
  [[channel.endpoint]]
  name = "long"
  protocol = "HLS_CMAF"
  segment_duration = "6s"
  open = true
"#;

/// The same over TLS.
const TLS: &str = "tls = { certificate = \"cert.pem\", key = \"key.pem\" }\n";

/// A server to ask, and how.
#[derive(Clone)]
struct Peer {
    address: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
}

trait Wire: Read + Write {}

impl<T: Read + Write> Wire for T {}

impl Peer {
    fn connect(&self) -> Box<dyn Wire> {
        let stream = TcpStream::connect(self.address).expect("connected");
        let _ = stream.set_nodelay(true);
        let Some(config) = &self.tls else { return Box::new(stream) };
        let name = ServerName::try_from("bench.test").expect("a name");
        let tls = ClientConnection::new(Arc::clone(config), name).expect("a client");
        Box::new(StreamOwned::new(tls, stream))
    }
}

/// Writes a certificate for the servers; gives what a client needs to trust it.
fn issue(folder: &Path) -> Arc<ClientConfig> {
    let issued = rcgen::generate_simple_self_signed(["bench.test".to_owned()]).expect("one");
    fs::write(folder.join("cert.pem"), issued.cert.pem()).expect("writable");
    fs::write(folder.join("key.pem"), issued.signing_key.serialize_pem()).expect("writable");
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::clone(issued.cert.der())).expect("a certificate");
    let config = ClientConfig::builder_with_protocol_versions(&[&TLS13]);
    Arc::new(config.with_root_certificates(roots).with_no_client_auth())
}

struct Stopped(Child);

impl Drop for Stopped {
    fn drop(&mut self) {
        // SIGTERM, so that nginx ends its workers too.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

/// CPU seconds of a process and its children that run.
fn cpu(pid: u32) -> f64 {
    let stat = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let fields: Vec<String> =
            stat.rsplit(')').next()?.split_whitespace().map(str::to_owned).collect();
        fields[11..13].iter().map(|t| t.parse::<f64>().ok()).sum::<Option<f64>>()
    };
    let children =
        fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let children = children.split_whitespace().filter_map(|pid| pid.parse().ok());
    std::iter::once(pid).chain(children).filter_map(stat).sum::<f64>() / 100.0
}

/// One GET on a connection kept alive; gives the body.
fn get(stream: &mut dyn Wire, path: &str, buffer: &mut Vec<u8>) -> (u16, usize) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    buffer.clear();
    let mut piece = vec![0; 1 << 16];
    let mut expected = None;
    loop {
        let read = stream.read(&mut piece).expect("an answer");
        assert!(read > 0, "closed");
        buffer.extend_from_slice(&piece[..read]);
        if expected.is_none()
            && let Some(end) = buffer.windows(4).position(|w| w == b"\r\n\r\n")
        {
            let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
            let length =
                head.lines().find_map(|l| l.strip_prefix("content-length: ")).expect("a length");
            let length: usize = length.parse().expect("a number");
            let status = head[9..12].parse().expect("a status");
            expected = Some((status, end + 4, length));
        }
        if let Some((status, head, length)) = expected
            && buffer.len() >= head + length
        {
            buffer.drain(..head);
            return (status, length);
        }
    }
}

/// CPU seconds that `requests` of `path` cost the process.
fn cost(pid: u32, peer: &Peer, path: &str, requests: usize) -> f64 {
    let before = cpu(pid);
    thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                let mut stream = peer.connect();
                let mut buffer = Vec::new();
                for _ in 0..requests / CONNECTIONS {
                    assert_eq!(get(&mut *stream, path, &mut buffer).0, 200);
                }
            });
        }
    });
    cpu(pid) - before
}

fn start_headwater(folder: &Path, tls: bool) -> (Stopped, SocketAddr) {
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/demo/demo.mp4");
    fs::copy(demo, folder.join("demo.mp4")).expect("the demo's loop");
    let front = if tls { TLS } else { "" };
    let config = CONFIG.replace("[ingest]\n", &format!("{front}[ingest]\n"));
    let file = folder.join(format!("headwater-{tls}.toml"));
    fs::write(&file, format!("store.path = \"var-{tls}\"\n{config}")).expect("writable");
    let mut child = Command::new(env!("CARGO_BIN_EXE_headwater"))
        .args(["--log", "warn", "serve", "--config"])
        .arg(file)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the server starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    let address = line.trim().rsplit('/').next().expect("egress").parse().expect("an address");
    (Stopped(child), address)
}

/// nginx over the same files, where it is installed.
fn start_nginx(folder: &Path, nopush: &str, tls: bool) -> Option<(Stopped, SocketAddr)> {
    let free = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?;
    let (ssl, certificate) = if tls {
        let files = "ssl_certificate cert.pem; ssl_certificate_key key.pem;";
        (" ssl", format!("ssl_protocols TLSv1.3; {files}"))
    } else {
        ("", String::new())
    };
    let config = format!(
        "worker_processes 2; daemon off; pid {0}/nginx.pid; error_log {0}/error.log;\n\
         events {{ worker_connections 1024; }}\n\
         http {{ access_log off; sendfile on; tcp_nopush {nopush}; tcp_nodelay on; keepalive_requests 10000000;\n\
         open_file_cache max=100; types {{ }} default_type video/mp4;\n\
         client_body_temp_path {0}; proxy_temp_path {0}; fastcgi_temp_path {0}; uwsgi_temp_path {0}; scgi_temp_path {0};\n\
         server {{ listen {free}{ssl} reuseport; {certificate} root {0}; }} }}\n",
        folder.display()
    );
    let file = folder.join(format!("nginx-{nopush}.conf"));
    fs::write(&file, config).ok()?;
    let child = Command::new("nginx").arg("-c").arg(&file).stderr(Stdio::null()).spawn().ok()?;
    let nginx = Stopped(child);
    let began = Instant::now();
    while TcpStream::connect(free).is_err() {
        if began.elapsed() > Duration::from_secs(5) {
            return None;
        }
        thread::sleep(Duration::from_millis(20));
    }
    Some((nginx, free))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// One server of ours and its peers, asked by turns.
fn compare(folder: &Path, tls: Option<&Arc<ClientConfig>>) {
    let (headwater, address) = start_headwater(folder, tls.is_some());
    let ours = Peer { address, tls: tls.cloned() };
    let mut probe = ours.connect();
    let mut body = Vec::new();
    let mut fetch = |path: &str| {
        while get(&mut *probe, path, &mut body).0 != 200 {
            thread::sleep(Duration::from_millis(50));
        }
        body.clone()
    };
    let last = |playlist: &[u8]| -> String {
        let text = String::from_utf8_lossy(playlist).into_owned();
        text.lines()
            .rfind(|l| !l.starts_with('#') && l.contains(".m4s"))
            .expect("a segment")
            .to_owned()
    };
    let short = "/v1/bench/1/loop/1-1/video-720p";
    let long = "/v1/bench/2/loop/2-1/video-720p";
    let manifest = format!("{short}/media.m3u8");
    let small = format!("{short}/{}", last(&fetch(&manifest)));
    let large = format!("{long}/{}", last(&fetch(&format!("{long}/media.m3u8"))));
    let objects = [
        ("manifest", manifest, 40_000),
        ("segment of 1 s", small, 8_000),
        ("segment of 6 s", large, 2_000),
    ];
    for (name, path, _) in &objects {
        fs::write(folder.join(name.replace(' ', "-")), fetch(path)).expect("writable");
    }
    // Whatever `tcp_nopush` says, it is of no use where nothing is sent from a file.
    let settings = if tls.is_some() { &["off"][..] } else { &["on", "off"] };
    let peers: Vec<_> = settings
        .iter()
        .filter_map(|nopush| {
            let (nginx, address) = start_nginx(folder, nopush, tls.is_some())?;
            Some((nginx, Peer { address, tls: tls.cloned() }))
        })
        .collect();
    let over = if tls.is_some() { "over TLS 1.3" } else { "in the clear" };
    println!("{over:16} {:>9} {:>14} {:>14} {:>10}", "bytes", "ours", "nginx's better", "ratio");
    for (name, path, requests) in &objects {
        let bytes = fetch(path).len();
        let file = format!("/{}", name.replace(' ', "-"));
        let mut own = Vec::new();
        let mut theirs: Vec<Vec<f64>> = vec![Vec::new(); peers.len()];
        for _ in 0..TURNS {
            own.push(cost(headwater.0.id(), &ours, path, *requests));
            for ((nginx, peer), costs) in peers.iter().zip(&mut theirs) {
                costs.push(cost(nginx.0.id(), peer, &file, *requests));
            }
        }
        let requests = u32::try_from(*requests).map_or(1.0, f64::from);
        let micros = |seconds: f64| seconds * 1e6 / requests;
        let own = micros(median(own));
        let better = theirs.into_iter().map(|t| micros(median(t))).min_by(f64::total_cmp);
        match better {
            Some(better) => println!(
                "{name:16} {bytes:>9} {own:>11.1} µs {better:>11.1} µs {:>10.2}",
                own / better
            ),
            None => println!("{name:16} {bytes:>9} {own:>11.1} µs {:>14} {:>10}", "-", "-"),
        }
    }
}

fn main() {
    let memory =
        if Path::new("/dev/shm").is_dir() { Path::new("/dev/shm") } else { Path::new("/tmp") };
    let folder = tempfile::tempdir_in(memory).expect("a folder");
    compare(folder.path(), None);
    let trusting = issue(folder.path());
    compare(folder.path(), Some(&trusting));
}
