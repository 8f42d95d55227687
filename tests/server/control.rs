//! The control plane's tables, row by row: what each field takes and what it refuses.

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

const KEYS: &str = "[egress]\nlisten = \"127.0.0.1:0\"\nworkers = 1\n[ingest]\nhttp = \"127.0.0.1:0\"\n\
    [admin]\nlisten = \"127.0.0.1:0\"\naccess_keys = [{ id = \"ak\", secret = \"sk\", \
    scopes = [\"ice\", \"live\", \"huawei\"], project_id = \"p\" }]\n";

/// Each request has a nonce of its own.
static NONCE: AtomicU32 = AtomicU32::new(0);

/// An answer's status, and what it says.
type Said = (u16, Value);

fn said(reply: &Reply) -> Said {
    assert!(reply.header("x-request-id").is_some(), "{reply:?}");
    (reply.status, serde_json::from_slice(&reply.body).expect("JSON"))
}

/// A world with keys, and how its surfaces are asked.
struct Plane {
    world: World,
}

impl Plane {
    fn new() -> Self {
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

    async fn rpc(&self, action: &str, fields: &[(&str, &str)]) -> Said {
        let nonce = NONCE.fetch_add(1, Ordering::Relaxed).to_string();
        self.rpc_at(action, fields, 0, &nonce).await
    }

    /// A request that Huawei's SDK would sign.
    async fn rest(&self, method: &str, path: &str, body: &Value) -> Said {
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
    async fn with_channel() -> Self {
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

const CHANNEL: [(&str, &str); 3] = [("GroupName", "g"), ("ChannelName", "c"), ("Protocol", "HLS")];

/// The fields with one of them set, or left out where it is empty.
fn with<'a>(fields: &[(&'a str, &'a str)], set: (&'a str, &'a str)) -> Vec<(&'a str, &'a str)> {
    let others = fields.iter().copied().filter(|(name, _)| *name != set.0);
    others.chain(Some(set).filter(|(_, value)| !value.is_empty())).collect()
}

/// A field, values it takes, values it refuses and the code they are refused with.
type Row<'a> = (&'a str, &'a [&'a str], &'a [&'a str], &'a str);

/// Checks rows of an action; what is taken is undone by another one with the same names.
async fn check(plane: &Plane, action: &str, undo: &str, fields: &[(&str, &str)], rows: &[Row<'_>]) {
    for (field, taken, refused, code) in rows {
        for value in *taken {
            let fields = with(fields, (field, value));
            let done = plane.rpc(action, &fields).await;
            assert_eq!(done.0, 200, "{field} = {value}: {done:?}");
            let undone = plane.rpc(undo, &fields).await;
            assert_eq!(undone.0, 200, "{field} = {value}: {undone:?}");
        }
        for value in *refused {
            let done = plane.rpc(action, &with(fields, (field, value))).await;
            assert_eq!(
                (done.0, &done.1["Code"]),
                (400, &json!(code)),
                "{field} = {value}: {done:?}"
            );
            assert!(
                done.1["Message"].as_str().is_some_and(|message| message.len() > 10),
                "{done:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_of_groups_and_channels_takes_its_range_and_refuses_the_rest() {
    let plane = Plane::with_channel().await;
    let (name200, name201) = ("n".repeat(200), "n".repeat(201));
    let (text, long) = ("ü".repeat(1000), "ü".repeat(1001));
    let (missing, invalid) = ("MissingParameter", "InvalidParameter");
    let create = "CreateLivePackageChannelGroup";
    let names: Row<'_> =
        ("GroupName", &["a", "A-b_9", &name200], &[&name201, "a b", "ü", "a\n"], invalid);
    let texts: Row<'_> = ("Description", &[&text, ""], &[&long], invalid);
    let rows = [names, ("GroupName", &[], &[""], missing), texts];
    check(&plane, create, "DeleteLivePackageChannelGroup", &[("GroupName", "other")], &rows).await;
    let rows = [
        ("ChannelName", names.1, names.2, invalid),
        ("ChannelName", &[], &[""], missing),
        ("GroupName", &[], &[""], missing),
        ("Protocol", &["HLS"], &["hls", "HLS_CMAF", "DASH"], invalid),
        ("Protocol", &[], &[""], missing),
        ("SegmentCount", &["2", "100", ""], &["1", "101", "x", "2.5", "-3"], invalid),
        ("SegmentDuration", &["1", "30", ""], &["0", "31", "x", "1.5"], invalid),
        texts,
    ];
    let fields = with(&CHANNEL, ("ChannelName", "other"));
    let (create, delete) = ("CreateLivePackageChannel", "DeleteLivePackageChannel");
    check(&plane, create, delete, &fields, &rows).await;
    let rotate = "UpdateLivePackageChannelCredentials";
    let rows: [Row<'_>; 2] = [
        ("RotateCredentials", &["1", "2", "3"], &["0", "4", "x"], invalid),
        ("RotateCredentials", &[], &[""], missing),
    ];
    check(&plane, rotate, "GetLivePackageChannel", &CHANNEL, &rows).await;
    let rows: [Row<'_>; 3] = [
        ("PageNo", &["1", "9"], &["0", "-1", "x"], invalid),
        ("PageSize", &["1", "100"], &["0", "101", "1.5"], invalid),
        ("SortBy", &["asc", "desc"], &["ASC", "name"], invalid),
    ];
    for list in ["ListLivePackageChannelGroups", "ListLivePackageChannels"] {
        check(&plane, list, list, &[("GroupName", "g")], &rows).await;
    }
    let list = "ListLivePackageOriginEndpoints";
    check(&plane, list, list, &[("GroupName", "g"), ("ChannelName", "c")], &rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_of_an_endpoint_takes_its_range_and_refuses_the_rest() {
    let plane = Plane::with_channel().await;
    let fields = [
        ("GroupName", "g"),
        ("ChannelName", "c"),
        ("EndpointName", "e"),
        ("Protocol", "HLS"),
        ("AuthorizationCode", "code"),
    ];
    let (name, long_name) = ("m".repeat(128), "m".repeat(129));
    let (text, long) = ("t".repeat(1000), "t".repeat(1001));
    let (code, long_code) = ("c".repeat(200), "c".repeat(201));
    let addresses = vec!["10.0.0.11"; 100].join(",");
    let too_many = format!("{addresses},::1");
    assert_eq!(addresses.len(), 999);
    let (missing, invalid) = ("MissingParameter", "InvalidParameter");
    let wrong_lists: &[&str] =
        &["0.0.0.0/0", "::/0", "10.1.2.3/0", "10.0.0.256", "x", "::1,", "::1/129", &too_many];
    let rows = [
        ("EndpointName", &["a", "A-b_9"][..], &["a b", "ü"][..], invalid),
        ("EndpointName", &[], &[""], missing),
        ("Protocol", &["HLS", "HLS_CMAF", "DASH"], &["hls", "MSS", "LLHLS_CMAF"], invalid),
        ("Protocol", &[], &[""], missing),
        ("ManifestName", &["a.b_c-1", &name, ""], &[&long_name, "a/b", "a b"], invalid),
        ("Description", &[&text], &[&long], invalid),
        ("TimeshiftVision", &["0", "30", ""], &["-1", "31", "1.5", "x"], invalid),
        ("AuthorizationCode", &["a-_.9", &code], &[&long_code, "a b", "ü"], invalid),
        ("AuthorizationCode", &[], &[""], missing),
        ("IpWhitelist", &["10.0.0.1", "10.0.0.1/24, ::1/64", &addresses], wrong_lists, invalid),
        ("IpBlacklist", &["10.0.0.1", "10.0.0.1/24"], wrong_lists, invalid),
        ("LivePackagingConfig", &["{}"], &["[]", "{", "1", "null"], invalid),
    ];
    let (create, delete) = ("CreateLivePackageOriginEndpoint", "DeleteLivePackageOriginEndpoint");
    check(&plane, create, delete, &fields, &rows).await;
    let dash = with(&fields, ("Protocol", "DASH"));
    for (key, taken, refused) in [
        ("SegmentCount", vec!["2", "100"], vec!["1", "101", "\"3\"", "2.5"]),
        ("DateTimeInterval", vec!["1", "3600"], vec!["0", "3601"]),
        ("AdMarkers", vec!["\"NONE\"", "\"XML\""], vec!["\"DATE_RANGE\"", "\"x\""]),
        ("MinVideoBitrate", vec!["1", "null"], vec!["0", "-1"]),
        ("MaxVideoBitrate", vec!["1"], vec!["0"]),
        ("StreamOrder", vec!["\"ORIGINAL\"", "\"VIDEO_BITRATE_DESCENDING\""], vec!["\"UP\""]),
        ("PresentationDelay", vec!["1", "60"], vec!["0", "61"]),
        ("MinBufferTime", vec!["1", "30"], vec!["0", "31"]),
        ("MinUpdatePeriod", vec!["1", "3600"], vec!["0", "3601"]),
        ("ManifestDuration", vec!["1", "3600"], vec!["0", "3601"]),
        ("SegmentTemplateFormat", vec!["\"NUMBER_TIMELINE\""], vec!["\"TIME\""]),
        ("PartHoldBackMs", vec!["1"], vec!["0"]),
    ] {
        let config = |value: &&str| format!(r#"{{"LiveManifestConfigs":[{{"{key}":{value}}}]}}"#);
        let (taken, refused): (Vec<_>, Vec<_>) =
            (taken.iter().map(config).collect(), refused.iter().map(config).collect());
        let taken: Vec<&str> = taken.iter().map(String::as_str).collect();
        let refused: Vec<&str> = refused.iter().map(String::as_str).collect();
        let row: Row<'_> = ("LivePackagingConfig", &taken, &refused, invalid);
        check(&plane, create, delete, &dash, &[row]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_of_live_configurations_takes_its_range_and_refuses_the_rest() {
    let plane = Plane::new();
    let fields =
        [("DomainName", "a.b"), ("AppName", "live"), ("StreamName", "s"), ("Protocol", "HLS_CMAF")];
    let (longest, long) = ("s".repeat(255), "s".repeat(256));
    let patterns: (&[&str], &[&str]) = (&["*", "0-_", &longest], &["-a", "_a", "a b", &long]);
    let (missing, invalid) = ("MissingParam", "InvalidParams");
    let rows = [
        (
            "DomainName",
            &["a.b", "1.example.com"][..],
            &["nodot", "a..b", "-a.b", "a_b.c"][..],
            invalid,
        ),
        ("DomainName", &[], &[""], missing),
        ("AppName", patterns.0, patterns.1, invalid),
        ("AppName", &[], &[""], missing),
        ("StreamName", patterns.0, patterns.1, invalid),
        ("StreamName", &[], &[""], missing),
        (
            "Protocol",
            &["HLS_CMAF", "LLHLS_TS", "LLHLS_CMAF", "DASH_CMAF", "HLSDASH_CMAF"],
            &["HLS", "hls_cmaf"],
            "InvalidProtocol",
        ),
        ("Protocol", &[], &[""], missing),
        ("SegmentNum", &["3", "10"], &["2", "11", "x"], "InvalidSegmentNum"),
        ("SegmentDuration", &["1", "10"], &["0", "11", "x"], "InvalidSegmentDuration"),
        ("PartDuration", &["350", "9999", "x"], &[], "InvalidPartDuration"),
        ("IgnoreTranscode", &["true", "False"], &["1", "yes"], invalid),
    ];
    check(&plane, "AddLivePackageConfig", "DeleteLivePackageConfig", &fields, &rows).await;
    let low = with(&fields, ("Protocol", "LLHLS_TS"));
    let rows: [Row<'_>; 2] = [
        ("SegmentDuration", &["1", "2"], &["0", "3"], "InvalidSegmentDuration"),
        ("PartDuration", &["100", "500"], &["99", "501", "x"], "InvalidPartDuration"),
    ];
    check(&plane, "AddLivePackageConfig", "DeleteLivePackageConfig", &low, &rows).await;
    let two = with(&low, ("SegmentDuration", "2"));
    let row: Row<'_> = ("PartDuration", &["100", "1000"], &["99", "1001"], "InvalidPartDuration");
    check(&plane, "AddLivePackageConfig", "DeleteLivePackageConfig", &two, &[row]).await;
    let describe = "DescribeLivePackageConfig";
    let rows: [Row<'_>; 3] = [
        ("PageNum", &["1"], &["0", "x"], invalid),
        ("PageSize", &["5", "30"], &["4", "31"], invalid),
        ("Order", &["asc", "desc"], &["up"], invalid),
    ];
    check(&plane, describe, describe, &[("DomainName", "a.b")], &rows).await;
    let rows: [Row<'_>; 4] = [
        ("DomainName", &["a.b"], &["x"], "InvalidParam"),
        ("Vision", &["1", "30", ""], &["0", "31", "x"], "InvalidParam"),
        ("Duration", &["1", "60"], &["0", "61"], "InvalidParam"),
        ("IgnoreTranscode", &["true"], &["1"], "InvalidParam"),
    ];
    check(&plane, "OpenLiveShift", "CloseLiveShift", &[("DomainName", "a.b")], &rows).await;
}

fn document() -> Value {
    json!({
        "domain": "push.example.com", "app_name": "live", "id": "one", "name": "n", "state": "ON",
        "input": { "input_protocol": "RTMP_PUSH", "sources": [{ "bitrate": 3000 }] },
        "record_settings": { "rollingbuffer_duration": 0 },
        "endpoints": [{ "hls_package": [{ "segment_duration_seconds": 4 }] }],
    })
}

/// Where a field is, its name, what it takes and what it refuses.
type DocumentRow = (&'static str, &'static str, Value, Value);

fn channel_rows() -> Vec<DocumentRow> {
    vec![
        ("", "domain", json!(["a.b"]), json!(["x", "", null, 1])),
        ("", "app_name", json!(["a"]), json!(["", "a/b", null])),
        ("", "id", json!(["x_1"]), json!(["", null, 7])),
        ("", "name", json!(["中"]), json!(["", null])),
        ("", "state", json!(["ON", "OFF"]), json!(["on", null, true])),
        ("", "mode", json!(["ADD_CDN", "ONLY_OS", null]), json!(["x"])),
        (
            "/record_settings",
            "rollingbuffer_duration",
            json!([0, 1_209_600]),
            json!([-1, 1_209_601, "1", 1.5, null]),
        ),
        (
            "/input",
            "input_protocol",
            json!(["RTMP_PUSH", "SRT_PUSH"]),
            json!(["UDP", null, "HLS_PULL"]),
        ),
        ("/input/sources/0", "bitrate", json!([1, 104_857_600]), json!([0, 104_857_601, "1"])),
        ("/input/sources/0", "width", json!([0, 4096]), json!([-1, 4097])),
        ("/input/sources/0", "height", json!([0, 2160]), json!([-1, 2161])),
        (
            "/input",
            "failover_conditions",
            json!([{}, { "input_preference": "PRIMARY" }]),
            json!([{ "input_preference": "x" }, 1]),
        ),
    ]
}

fn package_rows() -> Vec<DocumentRow> {
    let package = "/endpoints/0/hls_package/0";
    vec![
        (package, "segment_duration_seconds", json!([1, 10]), json!([0, 11, "4", 4.0, null])),
        (package, "playlist_window_seconds", json!([0, 86_400]), json!([-1, 86_401, "1"])),
        (
            package,
            "url",
            json!(["http://a.b/c", ""]),
            json!(["http://a.b/", "a.b/c", "ftp://a.b/c", 1]),
        ),
        (package, "slave_url", json!(["https://a.b/c"]), json!(["x"])),
        (package, "manifest_name", json!(["a.b_c-1", ""]), json!(["a/b", "a b", 1])),
        (package, "enable_access", json!([true, false, null]), json!(["true", 1])),
        (package, "allow_all_ip_access", json!([true]), json!(["true"])),
        (package, "ip_whitelist", json!(["10.0.0.0/8,::1", ""]), json!(["x", "10.0.0.0/33", 1])),
        (
            package,
            "cdn_identifier_header",
            json!([{ "key": "X-Cdn", "value": "v" }, null]),
            json!([{ "key": "X" }, { "key": "a b", "value": "v" }, "x"]),
        ),
        (
            package,
            "origin_domain_master",
            json!(["a.b.com"]),
            json!(["b.com", "a.b.c1", "-a.b.com"]),
        ),
        (package, "origin_domain_slave", json!(["a.b.com"]), json!(["b.com"])),
        (package, "hls_version", json!(["7"]), json!([7])),
        (package, "ad_marker", json!([["ENHANCED_SCTE35"]]), json!([["x"], "ENHANCED_SCTE35"])),
        (package, "ext_args", json!([{}]), json!([1])),
        (package, "ads", json!([{}]), json!([[]])),
        (
            package,
            "stream_selection",
            json!([[{ "key": "k=1", "min_bandwidth": 0, "max_bandwidth": 104_857_600 }]]),
            json!([[{ "max_bandwidth": 104_857_601 }], [{ "min_bandwidth": 2, "max_bandwidth": 1 }]]),
        ),
        (
            package,
            "manifest_selection",
            json!([{ "min_video_bandwidth": 1, "max_video_bandwidth": 2 }]),
            json!([{ "min_video_bandwidth": 2, "max_video_bandwidth": 2 }, { "stream_order": "x" }]),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_of_an_ott_channel_takes_its_range_and_refuses_the_rest() {
    let plane = Plane::new();
    let at = "/v1/p/ott/channels";
    for (pointer, key, taken, refused) in channel_rows().into_iter().chain(package_rows()) {
        let set = |value: &Value| {
            let mut document = document();
            let place = document.pointer_mut(pointer).and_then(Value::as_object_mut);
            place.expect("an object").insert(key.to_owned(), value.clone());
            document
        };
        for value in taken.as_array().expect("an array") {
            let made = set(value);
            let done = plane.rest("POST", at, &made).await;
            assert_eq!(done.0, 201, "{pointer}/{key} = {value}: {done:?}");
            let text = |key: &str| made[key].as_str().expect("text").to_owned();
            let (app, domain, id) = (text("app_name"), text("domain"), text("id"));
            let query = format!("{at}?app_name={app}&domain={domain}&id={id}");
            assert_eq!(plane.rest("DELETE", &query, &Value::Null).await.0, 200, "{query}");
        }
        for value in refused.as_array().expect("an array") {
            let done = plane.rest("POST", at, &set(value)).await;
            assert_eq!(
                (done.0, &done.1["error_code"], &done.1["result_code"]),
                (400, &json!("LIVE.100011001"), &json!("LIVE.100011001")),
                "{pointer}/{key} = {value}: {done:?}"
            );
        }
    }
    assert_eq!(plane.rest("GET", at, &Value::Null).await.1["total"], 0);
}

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
