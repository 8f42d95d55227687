//! Who may read what.

use std::net::IpAddr;

use crate::client::{Connection, Reply};
use crate::playlist::{Playlist, media_playlists};
use crate::world::{LISTENERS, World};

const GUARDED: &str = r#"
[egress]
listen = "127.0.0.1:0"
workers = 1
trusted_proxies = ["127.0.0.9", "10.9.0.0/16"]
cdn_auth_header = "X-Cdn-Code"
[ingest]
http = "127.0.0.1:0"
[admin]
listen = "127.0.0.1:0"
[[channel]]
group = "g"
name = "c"
loop = "loop.mp4"
  [[channel.endpoint]]
  name = "code"
  protocol = "LLHLS_CMAF"
  segment_duration = "1s"
  part_duration = "500ms"
  authorization_code = "example-code_1"
  [[channel.endpoint]]
  name = "all"
  protocol = "HLSDASH_CMAF"
  segment_duration = "1s"
  window = "10s"
  authorization_code = "example-code_2"
  ip_whitelist = ["127.0.0.0/24"]
  ip_blacklist = ["127.0.0.66"]
  [[channel.endpoint]]
  name = "addresses"
  protocol = "HLS_CMAF"
  segment_duration = "1s"
  ip_whitelist = ["192.0.2.0/24", "2001:db8::/32"]
  ip_blacklist = ["192.0.2.66", "2001:db8:bad::/48"]
"#;

async fn from(world: &World, address: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
    let address: IpAddr = address.parse().unwrap();
    Connection::open_from(address, world.egress()).await.ask("GET", path, headers).await
}

#[tokio::test]
async fn the_code_comes_in_the_configured_header_or_as_a_bearer() {
    let world = World::looped(GUARDED).await;
    let path = "/v1/g/1/c/manifest.m3u8";
    for (header, value, status) in [
        ("X-Cdn-Code", "example-code_1", 200),
        ("x-cdn-code", "example-code_1", 200),
        ("Authorization", "Bearer example-code_1", 200),
        ("X-Cdn-Code", "example-code_2", 403),
        ("X-Cdn-Code", "example-code_", 403),
        ("X-Cdn-Code", "", 403),
        ("X-Package-Authorization", "example-code_1", 403),
        ("Authorization", "Basic ZXhhbXBsZS1jb2RlXzE=", 403),
        ("Authorization", "example-code_1", 403),
        ("Accept", "*/*", 403),
    ] {
        assert_eq!(
            world.ask("GET", path, &[(header, value)]).await.status,
            status,
            "{header}: {value}"
        );
    }
    let either = [("X-Cdn-Code", "wrong"), ("Authorization", "Bearer example-code_1")];
    assert_eq!(world.ask("GET", path, &either).await.status, 200);
}

#[tokio::test]
async fn every_control_must_pass_and_the_first_that_does_not_is_counted() {
    let world = World::looped(GUARDED).await;
    let right = [("X-Cdn-Code", "example-code_2")];
    let wrong = [("X-Cdn-Code", "example-code_1")];
    let path = "/v1/g/2/c/manifest.mpd";
    for (address, headers, reason) in [
        ("127.0.0.2", &right[..], None),
        ("127.0.0.66", &right[..], Some("blacklisted")),
        ("127.0.0.66", &[][..], Some("blacklisted")),
        ("127.0.1.2", &right[..], Some("not_whitelisted")),
        ("127.0.1.2", &wrong[..], Some("not_whitelisted")),
        ("127.0.0.2", &wrong[..], Some("wrong_code")),
        ("127.0.0.2", &[][..], Some("no_code")),
    ] {
        let count = |reason: &str| {
            world.metric(&format!("headwater_refusals_total{{reason=\"{reason}\"}}"))
        };
        let before = reason.map_or(0, count);
        let status = from(&world, address, path, headers).await.status;
        assert_eq!(status, if reason.is_some() { 403 } else { 200 }, "{address} {headers:?}");
        assert_eq!(reason.map_or(0, count), before + i64::from(reason.is_some()), "{address}");
    }
}

#[tokio::test]
async fn all_refusals_are_one_and_the_same_reply() {
    let world = World::looped(GUARDED).await;
    let mut replies = Vec::new();
    for (address, code, path) in [
        ("127.0.0.66", "example-code_2", "/v1/g/2/c/manifest.mpd"),
        ("127.0.1.1", "example-code_2", "/v1/g/2/c/manifest.mpd"),
        ("127.0.0.2", "wrong", "/v1/g/2/c/manifest.mpd"),
        ("127.0.0.2", "wrong", "/v1/g/1/c/manifest.m3u8"),
        ("127.0.0.2", "wrong", "/v1/g/1/c/1-1/video/media.m3u8"),
        ("127.0.0.2", "wrong", "/v1/g/1/c/1-1/nothing/7.m4s"),
        ("127.0.0.2", "wrong", "/v1/g/1/c/another.m3u8"),
    ] {
        replies.push(from(&world, address, path, &[("X-Cdn-Code", code)]).await.without_date());
    }
    replies.dedup();
    assert_eq!(replies.len(), 1, "{replies:?}");
    assert_eq!(replies[0].status, 403);
    assert_eq!(replies[0].header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn forwarded_addresses_are_believed_from_trusted_proxies_only() {
    let world = World::looped(GUARDED).await;
    let path = "/v1/g/3/c/manifest.m3u8";
    for (peer, forwarded, status) in [
        ("127.0.0.9", "192.0.2.7", 200),
        ("127.0.0.9", "192.0.2.66", 403),
        ("127.0.0.9", "198.51.100.1", 403),
        ("127.0.0.8", "192.0.2.7", 403),
        ("127.0.0.9", "192.0.2.7, 10.9.1.1", 200),
        ("127.0.0.9", "192.0.2.7, 198.51.100.1", 403),
        ("127.0.0.9", "192.0.2.7, nonsense", 403),
        ("127.0.0.9", "2001:db8::7", 200),
        ("127.0.0.9", "[2001:db8::7]:4711", 200),
        ("127.0.0.9", "2001:db8:bad::7", 403),
        ("127.0.0.9", "::ffff:192.0.2.7", 200),
        ("127.0.0.9", "::ffff:192.0.2.66", 403),
    ] {
        let reply = from(&world, peer, path, &[("X-Forwarded-For", forwarded)]).await;
        assert_eq!(reply.status, status, "{peer} for {forwarded}");
    }
    let twice = [("X-Forwarded-For", "192.0.2.7"), ("X-Forwarded-For", "198.51.100.1")];
    assert_eq!(from(&world, "127.0.0.9", path, &twice).await.status, 403);
}

#[tokio::test]
async fn objects_and_media_playlists_are_guarded_as_manifests_are() {
    let world = World::looped(GUARDED).await;
    for (endpoint, code) in [(1, "example-code_1"), (2, "example-code_2")] {
        let right = [("X-Cdn-Code", code)];
        let base = format!("/v1/g/{endpoint}/c/");
        let multivariant = world.ask("GET", &format!("{base}manifest.m3u8"), &right).await.text();
        let mut all = vec![format!("{base}manifest.m3u8"), format!("{base}manifest")];
        for media in media_playlists(&multivariant) {
            let text = world.ask("GET", &format!("{base}{media}"), &right).await.text();
            let folder = format!("{base}{}", media.trim_end_matches("media.m3u8"));
            all.extend(
                Playlist::read(&text, None).uris().iter().map(|uri| format!("{folder}{uri}")),
            );
            all.push(format!("{base}{media}"));
        }
        assert!(all.len() > 20, "{all:?}");
        let mut connection = Connection::open(world.egress()).await;
        for path in all {
            for method in ["GET", "HEAD"] {
                assert_eq!(connection.ask(method, &path, &right).await.status, 200, "{path}");
                assert_eq!(connection.ask(method, &path, &[]).await.status, 403, "{path}");
                let known = [("If-None-Match", "*"), ("Range", "bytes=0-1")];
                assert_eq!(connection.ask(method, &path, &known).await.status, 403, "{path}");
            }
        }
    }
}

#[tokio::test]
async fn a_listener_on_ipv6_guards_by_ipv6_addresses() {
    let endpoint = |name: &str, list: &str| {
        format!(
            "[[channel.endpoint]]\nname = \"{name}\"\nprotocol = \"HLS_CMAF\"\nsegment_duration = \"1s\"\n{list}\n"
        )
    };
    let config = format!(
        "{}[[channel]]\ngroup = \"g\"\nname = \"c\"\nloop = \"loop.mp4\"\n{}{}{}",
        LISTENERS.replacen("127.0.0.1:0", "[::1]:0", 1),
        endpoint("a", "ip_whitelist = [\"::1\"]"),
        endpoint("b", "ip_whitelist = [\"2001:db8::/32\"]"),
        endpoint("c", "open = true\nip_blacklist = [\"::1\"]"),
    );
    let world = World::looped(&config).await;
    assert!(world.egress().is_ipv6());
    for (endpoint, status) in [(1, 200), (2, 403), (3, 403)] {
        assert_eq!(world.get(&format!("/v1/g/{endpoint}/c/manifest")).await.status, status);
    }
    let forwarded = [("X-Forwarded-For", "2001:db8::1")];
    assert_eq!(world.ask("GET", "/v1/g/2/c/manifest", &forwarded).await.status, 200);
}
