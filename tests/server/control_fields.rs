//! The control plane's tables, row by row: what each field takes and what it refuses.

use serde_json::{Value, json};

use crate::control::{CHANNEL, Plane};

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
        ("", "name", json!(["中", "", null]), json!([1, "a\nb"])),
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
            json!(["http://a.b/c", "a.b/c", "https://a.b:8443/c/d.m3u8", ""]),
            json!([
                "http://a.b/",
                "ftp://a.b/c",
                "a.b",
                "http://a.b:x/c",
                "a.b/c d",
                "a.b/v1/c",
                1
            ]),
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
