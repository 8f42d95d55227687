//! TLS and what is spoken inside it, certificates that change, and proxies that say for whom they
//! speak.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Bytes;
use hyper::client::conn::{http1, http2};
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, version};

use crate::client::{Connection, PATIENCE};
use crate::playlist::{Playlist, media_playlists};
use crate::ts;
use crate::world::{LOOPED, World, folder};

/// Listeners that speak TLS.
fn sections(rest: &str) -> String {
    let tls = "tls = { certificate = \"cert.pem\", key = \"key.pem\" }";
    format!(
        "[egress]\nlisten = \"127.0.0.1:0\"\nworkers = 1\n{tls}\n\
         [ingest]\nhttp = \"127.0.0.1:0\"\n{tls}\n[admin]\nlisten = \"127.0.0.1:0\"\n{rest}"
    )
}

/// Writes a certificate of its own for `origin.test`; gives what a client must trust.
pub(crate) fn issue(folder: &Path) -> CertificateDer<'static> {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["origin.test".to_owned()]).expect("a certificate");
    std::fs::write(folder.join("cert.pem"), cert.pem()).expect("writable");
    std::fs::write(folder.join("key.pem"), signing_key.serialize_pem()).expect("writable");
    cert.der().clone()
}

/// A server over TLS, and the certificate it began with.
async fn secured(rest: &str) -> (World, Arc<TempDir>, CertificateDer<'static>) {
    let folder = folder();
    let trusted = issue(folder.path());
    let world = World::driven_in(&folder, 0, &sections(rest));
    if rest.contains("loop = ") {
        world.settled().await;
    }
    (world, folder, trusted)
}

pub(crate) const BOTH: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];

/// A connection that trusts one certificate and asks for protocols by ALPN.
pub(crate) async fn connect(
    to: SocketAddr,
    trusted: &CertificateDer<'static>,
    versions: &[&'static SupportedProtocolVersion],
    alpn: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).expect("a certificate");
    let mut config = ClientConfig::builder_with_protocol_versions(versions)
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(to).await?;
    let name = ServerName::try_from("origin.test").expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

pub(crate) type Sender = http2::SendRequest<Empty<Bytes>>;

/// An HTTP/2 connection, driven in the background; the second value ends when it does. `window` is
/// what the server may send unread.
pub(crate) async fn h2(
    world: &World,
    trusted: &CertificateDer<'static>,
    window: u32,
) -> (Sender, tokio::task::JoinHandle<()>) {
    let stream = connect(world.egress(), trusted, BOTH, &["h2"]).await.expect("TLS");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(window);
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.expect("HTTP/2");
    let driven = tokio::spawn(async move {
        // How it ends is the tests' to see.
        let _ = connection.await;
    });
    (sender, driven)
}

pub(crate) fn get(path: &str) -> Request<Empty<Bytes>> {
    let uri = format!("https://origin.test{path}");
    Request::builder().uri(uri).body(Empty::new()).expect("a request")
}

async fn text(response: Response<hyper::body::Incoming>) -> String {
    let body = response.into_body().collect().await.expect("a whole body").to_bytes();
    String::from_utf8(body.to_vec()).expect("text")
}

async fn fetch(sender: &mut Sender, path: &str) -> String {
    let response = timeout(PATIENCE, sender.send_request(get(path))).await.expect("in time");
    let response = response.expect("an answer");
    assert_eq!(response.status(), 200, "{path}");
    text(response).await
}

/// Waits until a connection's task has ended.
async fn closed(connection: tokio::task::JoinHandle<()>) {
    timeout(PATIENCE, connection).await.expect("an end in time").expect("no panic");
}

#[tokio::test]
async fn both_versions_of_tls_are_spoken_and_http_by_agreement() {
    let (world, _folder, trusted) = secured(LOOPED).await;
    for versions in [&[&version::TLS12][..], &[&version::TLS13][..]] {
        let mut stream =
            connect(world.egress(), &trusted, versions, &[]).await.expect("a handshake");
        assert_eq!(stream.get_ref().1.alpn_protocol(), None);
        stream.write_all(b"").await.expect("open");
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
        tokio::spawn(connection);
        let asked = Request::builder()
            .uri("/v1/g/1/c/manifest.m3u8")
            .header("host", "origin.test")
            .body(Empty::<Bytes>::new())
            .unwrap();
        let response = sender.send_request(asked).await.expect("an answer");
        assert_eq!((response.status().as_u16(), response.version()), (200, Version::HTTP_11));
        assert!(text(response).await.starts_with("#EXTM3U"));
    }
    for (alpn, agreed) in [
        (&["h2", "http/1.1"][..], Some(&b"h2"[..])),
        (&["http/1.1"], Some(b"http/1.1")),
        (&["http/1.1", "h2"], Some(b"h2")),
    ] {
        let stream = connect(world.egress(), &trusted, BOTH, alpn).await.expect("a handshake");
        assert_eq!(stream.get_ref().1.alpn_protocol(), agreed);
    }
    let encoder = connect(world.server().ingest, &trusted, BOTH, &["h2", "http/1.1"]).await;
    let agreed = encoder.expect("a handshake").get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
    assert_eq!(agreed.as_deref(), Some(&b"http/1.1"[..]), "encoders speak HTTP/1.1");
    // Whoever speaks no TLS is closed, and counted.
    let mut plain = Connection::open(world.egress()).await;
    plain.write(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n").await;
    let failed = "headwater_handshakes_failed_total{kind=\"Tls\"}";
    world.until("the failure is counted", |w| w.metric(failed) == 1).await;
}

#[tokio::test]
async fn one_connection_of_http2_carries_waits_and_answers_side_by_side() {
    let (world, _folder, trusted) = secured(LOOPED).await;
    let (sender, connection) = h2(&world, &trusted, 1 << 20).await;
    let multivariant = sender.clone().send_request(get("/v1/g/1/c/manifest.m3u8")).await.unwrap();
    assert_eq!(multivariant.version(), Version::HTTP_2);
    assert_eq!(multivariant.headers()["priority"], "u=1");
    let lists = media_playlists(&text(multivariant).await);
    let mut waiting = Vec::new();
    for list in &lists {
        let path = format!("/v1/g/1/c/{list}");
        let now = Playlist::read(&fetch(&mut sender.clone(), &path).await, None);
        let next = now.last() + 1;
        for part in 0..=1 {
            let mut sender = sender.clone();
            let path = format!("{path}?_HLS_msn={next}&_HLS_part={part}");
            waiting.push(tokio::spawn(async move {
                Playlist::read(&fetch(&mut sender, &path).await, None).last()
            }));
        }
        let hint = now.hint.expect("a hint");
        let mut sender = sender.clone();
        let path = format!("{}{hint}", path.trim_end_matches("media.m3u8"));
        waiting.push(tokio::spawn(async move {
            let part = sender.send_request(get(&path)).await.expect("an answer");
            assert_eq!(
                (part.status().as_u16(), &part.headers()["priority"]),
                (200, &"u=2".parse().unwrap())
            );
            let body = part.into_body().collect().await.expect("a whole part").to_bytes();
            u64::try_from(body.len()).expect("small")
        }));
    }
    world.waiters(i64::try_from(waiting.len()).unwrap()).await;
    // Others are answered meanwhile.
    assert!(fetch(&mut sender.clone(), "/time").await.starts_with("20"));
    for _ in 0..4 {
        world.step().await;
    }
    for answer in waiting {
        let answered = timeout(PATIENCE, answer).await.expect("in time").expect("no panic");
        assert!(answered > 0);
    }
    assert_eq!(world.metric("headwater_connections "), 1, "one connection carried all of it");
    drop(sender);
    closed(connection).await;
}

#[tokio::test]
async fn a_connection_of_http2_is_idle_only_when_nothing_is_asked_on_it() {
    let limits = "[limits]\nkeep_alive = \"100ms\"\nfirst_byte = \"100ms\"\nheader = \"1s\"\n";
    let (world, _folder, trusted) = secured(&format!("{limits}{LOOPED}")).await;
    let (mut sender, connection) = h2(&world, &trusted, 1 << 20).await;
    assert!(fetch(&mut sender, "/time").await.starts_with("20"));
    let list = fetch(&mut sender, "/v1/g/1/c/manifest.m3u8").await;
    let list = format!("/v1/g/1/c/{}", media_playlists(&list).pop_first().unwrap());
    let next = Playlist::read(&fetch(&mut sender, &list).await, None).last() + 1;
    let waiting = tokio::spawn({
        let (mut sender, path) = (sender.clone(), format!("{list}?_HLS_msn={next}"));
        async move { fetch(&mut sender, &path).await }
    });
    world.waiters(1).await;
    // Another connection lives and dies through its deadlines meanwhile.
    let (mut other, others) = h2(&world, &trusted, 1 << 20).await;
    assert!(fetch(&mut other, "/time").await.starts_with("20"));
    closed(others).await;
    assert!(!connection.is_finished());
    world.step().await;
    world.step().await;
    timeout(PATIENCE, waiting).await.expect("in time").expect("an answer");
    closed(connection).await;
    assert_eq!(world.metric("headwater_limits_crossed_total"), 0, "idleness is no fault");
}

#[tokio::test]
async fn an_answer_that_is_left_unread_ends_the_connection_whatever_else_is_read() {
    let limits = "[limits]\nslow_reader = \"300ms\"\n";
    let config = format!("{limits}{LOOPED}").replace("loop.mp4", "large.mp4");
    let (world, _folder, trusted) = secured(&config).await;
    let (mut sender, connection) = h2(&world, &trusted, 1000).await;
    let list = fetch(&mut sender, "/v1/g/2/c/manifest.m3u8").await;
    let list = format!("/v1/g/2/c/{}", media_playlists(&list).pop_last().unwrap());
    let uri = Playlist::read(&fetch(&mut sender, &list).await, None).entries.pop().unwrap().uri;
    let path = format!("{}{uri}", list.trim_end_matches("media.m3u8"));
    let unread = sender.send_request(get(&path)).await.expect("a head");
    assert_eq!(unread.status(), 200);
    let mut again = tokio::time::interval(Duration::from_millis(20));
    let reading = async {
        while !connection.is_finished() {
            again.tick().await;
            let Ok(time) = sender.send_request(get("/time")).await else { break };
            let _ = time.into_body().collect().await;
        }
    };
    timeout(PATIENCE, reading).await.expect("an end in time");
    let crossed = "headwater_limits_crossed_total{limit=\"SlowReader\"}";
    world.until("it is counted", |w| w.metric(crossed) == 1).await;
    drop(unread);
}

#[tokio::test]
async fn who_does_not_finish_the_handshake_is_cut_off() {
    let limits = "[limits]\nfirst_byte = \"500ms\"\nheader = \"100ms\"\n";
    let (world, _folder, _) = secured(&format!("{limits}{LOOPED}")).await;
    // A connection may be seen to close a moment before it is counted.
    let crossed = async |first_byte: i64, header: i64| {
        let of = |w: &World, limit: &str| {
            w.metric(&format!("headwater_limits_crossed_total{{limit=\"{limit}\"}}"))
        };
        let both = |w: &World| (of(w, "FirstByte"), of(w, "Header"));
        world.until("it is counted", |w| both(w) == (first_byte, header)).await;
    };
    Connection::open(world.egress()).await.closed().await;
    crossed(1, 0).await;
    let mut connection = Connection::open(world.egress()).await;
    connection.write(&[22, 3, 1]).await;
    connection.closed().await;
    crossed(1, 1).await;
}

#[tokio::test]
async fn who_waits_on_http2_is_answered_when_the_server_ends() {
    let (world, _folder, trusted) = secured(LOOPED).await;
    let (mut sender, connection) = h2(&world, &trusted, 1 << 20).await;
    let list = fetch(&mut sender, "/v1/g/1/c/manifest.m3u8").await;
    let list = format!("/v1/g/1/c/{}", media_playlists(&list).pop_first().unwrap());
    let next = Playlist::read(&fetch(&mut sender, &list).await, None).last() + 1;
    let waiting = tokio::spawn({
        let path = format!("{list}?_HLS_msn={next}");
        async move { fetch(&mut sender, &path).await }
    });
    world.waiters(1).await;
    tokio::task::spawn_blocking(|| world.stop()).await.expect("ends");
    timeout(PATIENCE, waiting).await.expect("in time").expect("an answer");
    closed(connection).await;
}

#[tokio::test]
async fn a_new_certificate_is_taken_up_and_connections_live_on() {
    let (world, folder, old) = secured(LOOPED).await;
    let (mut sender, connection) = h2(&world, &old, 1 << 20).await;
    fetch(&mut sender, "/time").await;
    let accepts = async |trusted: &CertificateDer<'static>| {
        connect(world.egress(), trusted, BOTH, &[]).await.is_ok()
    };
    // Until the files stand still nothing happens, so the clock goes on as often as it takes.
    let taken_up = async |trusted: &CertificateDer<'static>| {
        let mut again = tokio::time::interval(Duration::from_millis(5));
        let all = async {
            while !accepts(trusted).await {
                again.tick().await;
                world.advance(2_000);
            }
        };
        assert!(timeout(PATIENCE, all).await.is_ok(), "in vain: the new certificate is in force");
    };
    let new = issue(folder.path());
    taken_up(&new).await;
    assert!(!accepts(&old).await);
    // A pair that cannot be used changes nothing.
    let key = std::fs::read(folder.path().join("key.pem")).unwrap();
    let third = issue(folder.path());
    std::fs::write(folder.path().join("key.pem"), [&key[..], b"\n"].concat()).unwrap();
    for _ in 0..10 {
        world.advance(2_000);
        assert!(accepts(&new).await && !accepts(&third).await);
    }
    let fourth = issue(folder.path());
    taken_up(&fourth).await;
    fetch(&mut sender, "/time").await;
    assert!(!connection.is_finished(), "who is connected stays so");
}

#[tokio::test]
async fn encoders_push_over_tls() {
    let (world, _folder, trusted) = secured(ts::PUSHED).await;
    let stream = connect(world.server().ingest, &trusted, BOTH, &[]).await.expect("TLS");
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
    tokio::spawn(connection);
    let body = Full::new(Bytes::from_static(ts::BFRAMES_30));
    let pushed = Request::put("/v1/g/1/p/live.ts").header("host", "origin.test").body(body);
    let response = sender.send_request(pushed.unwrap()).await.expect("an answer");
    assert_eq!(response.status(), 200);
    world.until("it plays", ts::plays).await;
}

/// The loop behind a proxy, for whom the proxy says so.
const PROXIED: &str = r#"
[egress]
listen = "127.0.0.1:0"
workers = 1
proxy_protocol = true
[ingest]
http = "127.0.0.1:0"
[admin]
listen = "127.0.0.1:0"
[limits]
header = "100ms"
[[channel]]
group = "g"
name = "c"
loop = "loop.mp4"
  [[channel.endpoint]]
  protocol = "HLS_CMAF"
  segment_duration = "1s"
  ip_whitelist = ["192.0.2.0/24"]
"#;

#[tokio::test]
async fn a_proxys_header_says_who_reads() {
    let world = World::looped(PROXIED).await;
    let path = "/v1/g/1/c/manifest.m3u8";
    for (header, status) in [
        (&b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 80\r\n"[..], 200),
        (b"PROXY TCP4 192.0.3.7 198.51.100.1 56324 80\r\n", 403),
        (b"PROXY UNKNOWN\r\n", 403),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x09\xc6\x33\x64\x01\xdc\x04\0\x50", 200),
        (b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 403),
    ] {
        let mut connection = Connection::open(world.egress()).await;
        connection.write(header).await;
        assert_eq!(connection.get(path).await.status, status, "{header:?}");
        // It stands once, at the beginning.
        assert_eq!(connection.get(path).await.status, status, "{header:?}");
    }
    let mut without = Connection::open(world.egress()).await;
    without.send("GET", path, &[]).await;
    without.closed().await;
    let failed = "headwater_handshakes_failed_total{kind=\"Proxy\"}";
    world.until("it is counted", |w| w.metric(failed) == 1).await;
    let mut slow = Connection::open(world.egress()).await;
    slow.write(b"PROXY TCP4 192.0.2.7").await;
    slow.closed().await;
    let crossed = "headwater_limits_crossed_total{limit=\"Header\"}";
    world.until("it is counted", |w| w.metric(crossed) == 1).await;
}
