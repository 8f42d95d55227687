//! The control plane over the wire: dates, nonces, restarts, and how tests sign what they ask.

use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use headwater::api::sign::percent_encode;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::client::{Connection, Reply};
use crate::world::{World, folder};

pub(crate) const KEYS: &str = "[egress]\nlisten = \"127.0.0.1:0\"\nworkers = 1\n[ingest]\nhttp = \"127.0.0.1:0\"\n\
    [admin]\nlisten = \"127.0.0.1:0\"\naccess_keys = [{ id = \"ak\", secret = \"sk\", \
    scopes = [\"ice\", \"live\", \"huawei\"], project_id = \"p\" }]\n";

/// Each request has a nonce of its own.
static NONCE: AtomicU32 = AtomicU32::new(0);

/// An answer's status, and what it says.
pub(crate) type Said = (u16, Value);

fn said(reply: &Reply) -> Said {
    assert!(reply.header("x-request-id").is_some(), "{reply:?}");
    (reply.status, serde_json::from_slice(&reply.body).expect("JSON"))
}

/// A world with keys, and how its surfaces are asked.
#[derive(Debug)]
pub(crate) struct Plane {
    pub(crate) world: World,
}

impl Plane {
    pub(crate) fn new() -> Self {
        Plane { world: World::driven(KEYS) }
    }

    fn date(&self, off_secs: i64, basic: bool) -> String {
        let millis = self.world.server().origin.clock.now().wall.millis();
        let at = jiff::Timestamp::from_millisecond(millis + off_secs * 1000).expect("a time");
        at.strftime(if basic { "%Y%m%dT%H%M%SZ" } else { "%Y-%m-%dT%H:%M:%SZ" }).to_string()
    }

    /// An RPC v1 request, dated so many seconds off, with this nonce.
    async fn rpc_at(&self, action: &str, fields: &[(&str, &str)], off: i64, nonce: &str) -> Said {
        let version = if action.contains("LivePackageC") && !action.contains("Config")
            || action.contains("OriginEndpoint")
        {
            "2020-11-09"
        } else {
            "2016-11-01"
        };
        let date = self.date(off, false);
        let mut all = vec![
            ("Action", action),
            ("Version", version),
            ("Timestamp", &date),
            ("SignatureNonce", nonce),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureVersion", "1.0"),
            ("AccessKeyId", "ak"),
        ];
        all.extend(fields);
        all.sort_unstable();
        let pair = |(k, v): &(&str, &str)| format!("{}={}", percent_encode(k), percent_encode(v));
        let canonical = all.iter().map(pair).collect::<Vec<_>>().join("&");
        let to_sign = format!("GET&%2F&{}", percent_encode(&canonical));
        let mut mac = Hmac::<Sha1>::new_from_slice(b"sk&").expect("any length");
        mac.update(to_sign.as_bytes());
        let signature = percent_encode(&BASE64_STANDARD.encode(mac.finalize().into_bytes()));
        said(&self.world.admin(&format!("/?{canonical}&Signature={signature}")).await)
    }

    pub(crate) async fn rpc(&self, action: &str, fields: &[(&str, &str)]) -> Said {
        let nonce = NONCE.fetch_add(1, Ordering::Relaxed).to_string();
        self.rpc_at(action, fields, 0, &nonce).await
    }

    /// A request that Huawei's SDK would sign.
    pub(crate) async fn rest(&self, method: &str, path: &str, body: &Value) -> Said {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let date = self.date(0, true);
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let hash = hex(&Sha256::digest(&body));
        let canonical = format!(
            "{method}\n{path}/\n{query}\nhost:test\nx-sdk-date:{date}\n\nhost;x-sdk-date\n{hash}"
        );
        let to_sign =
            format!("SDK-HMAC-SHA256\n{date}\n{}", hex(&Sha256::digest(canonical.as_bytes())));
        let mut mac = Hmac::<Sha256>::new_from_slice(b"sk").expect("any length");
        mac.update(to_sign.as_bytes());
        let signature = hex(&mac.finalize().into_bytes());
        let mut connection = Connection::open(self.world.server().admin).await;
        let head = format!(
            "{method} {path}?{query} HTTP/1.1\r\nHost: test\r\nX-Sdk-Date: {date}\r\n\
             Content-Length: {}\r\nAuthorization: SDK-HMAC-SHA256 Access=ak, \
             SignedHeaders=host;x-sdk-date, Signature={signature}\r\n\r\n{body}",
            body.len()
        );
        connection.write(head.as_bytes()).await;
        said(&connection.receive(method).await)
    }

    /// A group `g` with a channel `c`.
    pub(crate) async fn with_channel() -> Self {
        let plane = Plane::new();
        let made = plane.rpc("CreateLivePackageChannelGroup", &[("GroupName", "g")]).await;
        assert_eq!(made.0, 200, "{made:?}");
        let made = plane.rpc("CreateLivePackageChannel", &CHANNEL).await;
        assert_eq!(made.0, 200, "{made:?}");
        plane
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).expect("a nibble");
    bytes.iter().flat_map(|b| [b >> 4, b & 15]).map(digit).collect()
}

pub(crate) const CHANNEL: [(&str, &str); 3] =
    [("GroupName", "g"), ("ChannelName", "c"), ("Protocol", "HLS")];

#[tokio::test(flavor = "multi_thread")]
async fn a_date_holds_fifteen_minutes_and_a_nonce_once() {
    let plane = Plane::new();
    let describe = async |off, nonce: &str| {
        let said = plane.rpc_at("DescribeLiveShiftConfigs", &[("DomainName", "a.b")], off, nonce);
        said.await.1["Code"].as_str().map(str::to_owned)
    };
    assert_eq!(describe(900, "a1").await, None);
    assert_eq!(describe(-900, "a2").await, None);
    assert_eq!(describe(901, "a3").await.as_deref(), Some("InvalidTimeStamp.Expired"));
    assert_eq!(describe(-901, "a4").await.as_deref(), Some("InvalidTimeStamp.Expired"));
    assert_eq!(describe(0, "a1").await.as_deref(), Some("SignatureNonceUsed"));
    plane.world.advance(30 * 60 * 1000);
    assert_eq!(describe(0, "a1").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_is_used_up_over_a_restart() {
    let folder = folder();
    let asked = async |plane: &Plane| {
        plane.rpc_at("DescribeLiveShiftConfigs", &[("DomainName", "a.b")], 0, "once").await.0
    };
    let plane = Plane { world: World::driven_in(&folder, 0, KEYS) };
    assert_eq!(asked(&plane).await, 200);
    plane.world.stop();
    let plane = Plane { world: World::driven_in(&folder, 29 * 60_000, KEYS) };
    assert_eq!(asked(&plane).await, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_is_there_after_a_restart_and_names_its_listeners() {
    let folder = folder();
    let plane = Plane { world: World::driven_in(&folder, 0, KEYS) };
    let made = plane.rpc("CreateLivePackageChannelGroup", &[("GroupName", "g")]).await.1;
    let origin = &made["LivePackageChannelGroup"]["OriginDomain"];
    assert_eq!(*origin, json!(plane.world.egress().to_string()));
    let channel = plane.rpc("CreateLivePackageChannel", &CHANNEL).await.1;
    let url = channel["LivePackageChannel"]["IngestEndpoints"][1]["Url"].as_str().expect("a URL");
    assert_eq!(url, format!("http://{}/v1/g/2/c/manifest", plane.world.server().ingest));
    let password =
        |said: &Value| said["LivePackageChannel"]["IngestEndpoints"][0]["Password"].clone();
    let before = password(&channel);
    plane.world.stop();
    let plane = Plane { world: World::driven_in(&folder, 60_000, KEYS) };
    let found = plane.rpc("GetLivePackageChannel", &CHANNEL[..2]).await;
    assert_eq!(found.0, 200, "{found:?}");
    assert_eq!(password(&found.1), before);
    let again = plane.rpc("CreateLivePackageChannel", &CHANNEL).await;
    assert_eq!((again.0, &again.1["Code"]), (409, &json!("ResourceAlreadyExists")));
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_paths_are_answered_as_before() {
    let world = World::driven(KEYS);
    assert_eq!(world.admin("/healthz").await.text(), "ok\n");
    assert_eq!(world.admin("/nothing").await.status, 404);
    let unsigned = world.admin("/").await;
    assert_eq!(unsigned.status, 400);
    let body: Value = serde_json::from_slice(&unsigned.body).expect("JSON");
    assert_eq!(body["Code"], "MissingParameter");
}
