//! Encoders that do not wait for their answer, against a whole server with a driven clock.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::config::Config;
use crate::runtime::{Clock, DrivenClock, Launch, Server};
use crate::units::{Monotonic, Now, WallTime};

const TS: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/ts/bframes-25.ts"));
const CONFIG: &str = r#"
egress.listen = "127.0.0.1:0"
ingest.http = "127.0.0.1:0"
admin.listen = "127.0.0.1:0"
[[channel]]
group = "g"
name = "c"
  [[channel.endpoint]]
  protocol = "HLS_CMAF"
  open = true
"#;

/// Pushes a whole body and closes without reading the answer, as ffmpeg does.
fn push_and_go(to: SocketAddr, body: &[u8]) {
    let mut stream = TcpStream::connect(to).expect("it listens");
    let head = "PUT /v1/g/1/c/a.ts HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
    write!(stream, "{head}{:x}\r\n", body.len()).expect("it reads");
    stream.write_all(body).expect("it reads");
    stream.write_all(b"\r\n0\r\n\r\n").expect("it reads");
}

fn metrics(of: SocketAddr) -> String {
    let mut stream = TcpStream::connect(of).expect("it listens");
    let request = b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    stream.write_all(request).expect("it reads");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("it answers");
    text
}

/// Asks until `line` is there; each round trip lets the server come on.
fn until(of: SocketAddr, line: &str) -> String {
    for _ in 0..20_000 {
        let text = metrics(of);
        if text.lines().any(|l| l == line) {
            return text;
        }
    }
    panic!("never saw {line}:\n{}", metrics(of));
}

#[test]
fn a_body_whose_encoder_does_not_wait_for_the_answer_is_taken_whole_and_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let start = Now { mono: Monotonic(1), wall: WallTime(1_789_123_457_000_000_000) };
    let clock = DrivenClock::new(start);
    let server = Server::start(Launch {
        config: Config::parse(CONFIG).expect("right"),
        folder: folder.path().to_owned(),
        clock: Clock::Driven(clock.clone()),
        embedded: None,
        page: None,
    })
    .expect("it starts");
    let bytes: Vec<&[u8]> = TS.chunks(TS.len() / 188 / 4 * 188).collect();
    for (n, body) in (1..).zip(&bytes) {
        push_and_go(server.ingest, body);
        let answered = format!("headwater_requests_total{{kind=\"push\",status=\"200\"}} {n}");
        let text = until(server.admin, &answered);
        assert!(!text.contains("continuity_broken"), "counters begin anew with each body");
    }
    // Silence ends the session: nothing of it is left behind.
    clock.advance(Duration::from_secs(3));
    until(server.admin, "headwater_facts_total{group=\"g\",channel=\"c\",fact=\"SourceLost\"} 1");
    server.stop();
}
