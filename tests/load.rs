//! Ten thousand blocked reloads held by one process: the server is one process, this test another.
//!
//! Both raise their limit of open files, which the test says. It asserts who is answered by what and
//! how often a version is rendered; the CPU time and memory it prints are figures, not assertions.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Barrier, mpsc, watch};

/// Readers that block at a time.
const READERS: usize = 10_000;
/// How often each of them blocks.
const ROUNDS: usize = 4;

const CONFIG: &str = r#"
[egress]
listen = "127.0.0.1:0"
[ingest]
http = "127.0.0.1:0"
[admin]
listen = "127.0.0.1:0"
[limits]
connections = 10100
waiters = 10100
[[channel]]
group = "load"
name = "loop"
loop = "demo.mp4"
  [[channel.endpoint]]
  protocol = "LLHLS_CMAF"
  segment_duration = "2s"
  part_duration = "1s"
  segment_num = 10
  open = true
"#;

struct Server {
    child: Child,
    egress: SocketAddr,
    admin: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("headwater.toml");
        std::fs::write(&file, CONFIG).expect("writable");
        let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/demo/demo.mp4");
        std::fs::copy(demo, folder.path().join("demo.mp4")).expect("the demo's loop");
        let mut child = Command::new(env!("CARGO_BIN_EXE_headwater"))
            .args(["--log", "warn", "serve", "--config"])
            .arg(&file)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut address = |name: &str| {
            let line = lines.next().expect("a line").expect("text");
            line.strip_prefix(&format!("{name} http://")).expect(name).parse().expect("an address")
        };
        let (egress, _ingest, admin): (_, SocketAddr, _) =
            (address("egress"), address("ingest"), address("admin"));
        assert_eq!(lines.next().expect("a line").expect("text"), "ready");
        Server { child, egress, admin, _folder: folder }
    }

    /// CPU seconds and resident KiB so far.
    fn costs(&self) -> (f64, u64) {
        let read = |name| {
            std::fs::read_to_string(format!("/proc/{}/{name}", self.child.id())).expect("it runs")
        };
        let stat = read("stat");
        let fields: Vec<&str> =
            stat.rsplit(')').next().expect("a name").split_whitespace().collect();
        let ticks: f64 = fields[11..13].iter().map(|t| t.parse::<f64>().expect("ticks")).sum();
        let status = read("status");
        let resident = status.lines().find(|l| l.starts_with("VmRSS:")).expect("memory");
        let kib = resident.split_whitespace().nth(1).expect("a number").parse().expect("KiB");
        (ticks / 100.0, kib)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One connection, kept alive.
struct Reader {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Reader {
    async fn connect(to: SocketAddr) -> Self {
        loop {
            match TcpStream::connect(to).await {
                Ok(stream) => return Reader { stream, buffer: Vec::new() },
                // The listen queue is full for a moment.
                Err(_) => tokio::task::yield_now().await,
            }
        }
    }

    /// One GET: status and body. Whatever comes beyond the answer is a fault.
    async fn get(&mut self, path: &str) -> (u16, String) {
        let request = format!("GET {path} HTTP/1.1\r\nHost: load\r\n\r\n");
        self.stream.write_all(request.as_bytes()).await.expect("sent");
        self.buffer.clear();
        loop {
            if let Some(answer) = self.answer() {
                return answer;
            }
            let read = self.stream.read_buf(&mut self.buffer).await.expect("an answer");
            assert!(read > 0, "the connection was closed");
        }
    }

    fn answer(&self) -> Option<(u16, String)> {
        let text = std::str::from_utf8(&self.buffer).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        let length: usize = head
            .lines()
            .find_map(|l| {
                l.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned)
            })?
            .parse()
            .ok()?;
        assert!(body.len() <= length, "answered twice");
        (body.len() == length).then(|| (head[9..12].parse().expect("a status"), body.to_owned()))
    }
}

/// The last position of a playlist: the number of its last segment, and parts behind it.
fn position(playlist: &str) -> (u64, u64) {
    let line = |tag: &str| playlist.lines().find_map(|l| l.strip_prefix(tag).map(str::to_owned));
    let first: u64 = line("#EXT-X-MEDIA-SEQUENCE:").expect("a sequence").parse().expect("a number");
    let segments = playlist.lines().filter(|l| l.starts_with("#EXTINF")).count() as u64;
    let tail = playlist.rsplit("#EXTINF").next().expect("a tail");
    let parts = tail.lines().filter(|l| l.starts_with("#EXT-X-PART:")).count() as u64;
    (first + segments - 1, parts)
}

fn metric(scrape: &str, name: &str) -> u64 {
    let line = scrape.lines().find(|l| l.starts_with(&format!("{name} "))).expect(name);
    line.split_whitespace().nth(1).expect("a value").parse().expect("a number")
}

/// Readers that all ask for the same path at the same time, and what they are answered.
struct Crowd {
    ask: watch::Sender<String>,
    told: mpsc::Receiver<(u16, String)>,
}

impl Crowd {
    /// Connects all of them.
    async fn connect(egress: SocketAddr) -> Self {
        let barrier = Arc::new(Barrier::new(READERS + 1));
        let (ask, asked) = watch::channel(String::new());
        let (tell, told) = mpsc::channel(READERS);
        for _ in 0..READERS {
            let (barrier, mut asked, tell) = (Arc::clone(&barrier), asked.clone(), tell.clone());
            tokio::spawn(async move {
                let mut reader = Reader::connect(egress).await;
                barrier.wait().await;
                while asked.changed().await.is_ok() {
                    let path = asked.borrow_and_update().clone();
                    let answer = reader.get(&path).await;
                    if tell.send(answer).await.is_err() {
                        return;
                    }
                }
            });
        }
        barrier.wait().await;
        Crowd { ask, told }
    }

    /// The one text all of them are answered with.
    async fn answer(&mut self) -> String {
        let (status, first) = self.told.recv().await.expect("an answer");
        assert_eq!(status, 200);
        for _ in 1..READERS {
            let (status, other) = self.told.recv().await.expect("an answer");
            assert_eq!(status, 200);
            assert!(other == first, "one version has one text");
        }
        first
    }
}

const PLAYLIST: &str = "/v1/load/1/loop/1-1/video-360p/media.m3u8";

/// All of the crowd block once. Gives the server's CPU seconds and its memory while they did.
async fn round(
    server: &Server,
    probe: &mut Reader,
    operator: &mut Reader,
    crowd: &mut Crowd,
) -> (f64, u64) {
    // Two segments ahead of the last complete one: nobody can have it yet.
    let (_, now) = probe.get(PLAYLIST).await;
    let msn = position(&now).0 + 2;
    let rendered = metric(&operator.get("/metrics").await.1, "headwater_renderings_total");
    crowd.ask.send(format!("{PLAYLIST}?_HLS_msn={msn}&_HLS_part=0")).expect("readers wait");
    while metric(&operator.get("/metrics").await.1, "headwater_waiters") < READERS as u64 {
        assert!(crowd.told.is_empty(), "somebody was answered before all waited");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let blocked = server.costs();
    let text = crowd.answer().await;
    assert_eq!(position(&text), (msn - 1, 1), "the first version that has the part");
    let renderings =
        metric(&operator.get("/metrics").await.1, "headwater_renderings_total") - rendered;
    assert!(renderings <= 2, "{renderings} renderings");
    (server.costs().0 - blocked.0, blocked.1)
}

/// Robustness 26: thousands may wait.
#[test]
fn ten_thousand_blocked_reloads_are_each_answered_once_by_the_right_version() {
    let files = rlimit::increase_nofile_limit(12_000).expect("more open files");
    assert!(files >= READERS as u64 + 200, "only {files} files may be open");
    println!("open files: up to {files} in each of two processes");
    let server = Server::start();
    let all = async {
        let mut probe = Reader::connect(server.egress).await;
        let mut operator = Reader::connect(server.admin).await;
        while matches!(probe.get(PLAYLIST).await.0, 404 | 503) {}
        let before = server.costs().1;
        let mut crowd = Crowd::connect(server.egress).await;
        let (mut cpu, mut memory) = (0.0, 0);
        for _ in 0..ROUNDS {
            let cost = round(&server, &mut probe, &mut operator, &mut crowd).await;
            cpu += cost.0;
            memory = cost.1.saturating_sub(before);
        }
        let answers = u32::try_from(READERS * ROUNDS).expect("few");
        println!(
            "{READERS} readers blocked {ROUNDS} times: {:.1} µs of CPU an answer",
            cpu * 1e6 / f64::from(answers)
        );
        println!("{} bytes of memory a waiting reader", memory * 1024 / READERS as u64);
    };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        tokio::time::timeout(Duration::from_mins(2), all).await.expect("within two minutes");
    });
}
