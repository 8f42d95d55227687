//! Every key: what it takes and what it refuses.

use super::*;
use crate::resolve::{DelayName, Names, TimeForm};

/// Values that `key` of a section takes and refuses, as written.
type Row = (&'static str, &'static [&'static str], &'static [&'static str]);

fn check(rows: &[Row], file: impl Fn(&str) -> String) {
    for (key, taken, refused) in rows {
        for value in *taken {
            let text = file(&format!("{key} = {value}\n"));
            if let Err(faults) = Config::parse(&text) {
                unreachable!("{text}{faults}");
            }
        }
        for value in *refused {
            let text = file(&format!("{key} = {value}\n"));
            let faults = Config::parse(&text).expect_err(&text);
            let named = faults.iter().any(|fault| {
                let last = fault.key.rsplit('.').next().unwrap_or_default();
                last == *key || last.starts_with(&format!("{key}["))
            });
            assert!(named, "{text}{faults}");
        }
    }
}

const ADDRESS: Row = (
    "listen",
    &["'127.0.0.1:0'", "'[::1]:443'", "'0.0.0.0:65535'"],
    &["''", "'127.0.0.1'", "'localhost:80'", "'127.0.0.1:65536'", "8080"],
);
const WAITS: [&str; 2] = ["'100ms'", "'24h'"];
const NO_WAITS: [&str; 6] = ["'99ms'", "'86401s'", "'10'", "10", "1.5", "''"];

#[test]
fn keys_of_the_listeners_and_the_store() {
    check(
        &[
            ADDRESS,
            ("trusted_proxies", &["[]", "['10.0.0.1/8', '::1']"], &["['/8']", "['::/0']", "'::1'"]),
            ("cdn_auth_header", &["'X-Code'"], &["''", "'X Code'", "'authorization'", "1"]),
            (
                "public_url",
                &["'https://h'", "'http://10.0.0.1:80/'"],
                &["''", "'h'", "'http://h/a'", "1"],
            ),
            ("tls", &["{ certificate = 'a', key = 'b' }"], &["true", "'a'"]),
            ("proxy_protocol", &["true", "false"], &["1", "'true'"]),
            ("workers", &["0", "0x10", "1024"], &["1025", "-1", "1.0", "'2'"]),
        ],
        |line| format!("[egress]\n{line}"),
    );
    check(&[("http", ADDRESS.1, ADDRESS.2)], |line| format!("[ingest]\n{line}"));
    check(&[("rtmp", ADDRESS.1, ADDRESS.2), ("rtmps", ADDRESS.1, ADDRESS.2)], |line| {
        format!("[ingest]\ntls = {{ certificate = 'a', key = 'b' }}\n{line}")
    });
    assert_eq!(
        faults("[ingest]\nrtmp = '127.0.0.1:8090'\nrtmps = '127.0.0.1:443'\n"),
        [
            "line 2: ingest.rtmp = '127.0.0.1:8090': is taken by ingest.http; each listener needs its own",
            "line 3: ingest.rtmps = '127.0.0.1:443': needs ingest.tls beside it, whose certificate it shows",
        ]
    );
    check(&[("proxy_protocol", &["true"], &["0"])], |line| format!("[ingest]\n{line}"));
    assert_eq!(
        faults("[ingest.tls]\ncertificate = 'a'\n[egress]\ntls = { key = 1 }\n"),
        [
            "line 1: ingest.tls.key: is required",
            "line 4: egress.tls.certificate: is required",
            "line 4: egress.tls.key = 1: must be a path, not empty and without a zero byte",
        ]
    );
    check(&[ADDRESS], |line| format!("[admin]\n{line}"));
    check(
        &[
            ("path", &["'/srv/headwater'"], &["''", "1", "\"a\\u0000\""]),
            (
                "url",
                &["'s3://bucket'", "'gs://b/c'", "'az://box/a/b'", "'file:///srv/reels'"],
                &["''", "'bucket'", "'http://h/b'", "'s3:///x'", "'file://host/x'", "'file:///'"],
            ),
            ("spool", &["'64MiB'", "'1024GiB'"], &["'63MiB'", "1", "'much'", "-1"]),
        ],
        |line| format!("[store]\n{line}"),
    );
    check(
        &[
            ("endpoint", &["'http://127.0.0.1:9000'", "'https://h'"], &["'h:80'", "''", "1"]),
            ("region", &["'eu-west-1'"], &["''", "'eu west'", "1"]),
        ],
        |line| format!("[store]\nurl = 's3://b/x'\n{line}"),
    );
    assert_eq!(
        faults("[store]\nurl = 'gs://b'\nregion = 'x'\n"),
        [
            "line 3: store.region = 'x': needs url = \"s3://…\" beside it; other stores take what they \
          need from the environment"
        ]
    );
    assert_eq!(
        faults("[store]\nurl = 's3://b'\nsecret_access_key = 'hidden'\n"),
        ["line 3: store.secret_access_key: needs access_key_id beside it"]
    );
    let public: Row = ("public_url", &["'https://h'"], &["'ftp://h'", "false"]);
    check(&[public], |line| format!("[ingest]\n{line}"));
}

#[test]
fn keys_of_the_limits() {
    let sizes = &["'1GiB'", "1073741824"];
    check(
        &[
            ("connections", &["1", "1_000_000"], &["0", "1000001", "'1'"]),
            ("ingest_connections", &["1", "100000"], &["0", "100001"]),
            ("first_byte", &WAITS, &NO_WAITS),
            ("header", &WAITS, &NO_WAITS),
            ("keep_alive", &WAITS, &NO_WAITS),
            ("slow_reader", &WAITS, &NO_WAITS),
            ("ingest_silence", &WAITS, &NO_WAITS),
            ("streams", &["1", "10000"], &["0", "10001"]),
            ("header_bytes", &["'8KiB'", "8192", "'1MiB'"], &["8191", "'2MiB'", "'16KB'", "-1"]),
            ("waiters", &["1", "1000000"], &["0", "1000001"]),
            ("tracks", &["1", "256"], &["0", "257"]),
            ("periods", &["1", "64"], &["0", "65"]),
            ("segmentations", &["1", "16"], &["0", "17"]),
            ("sample_bytes", &["'64KiB'", "'64MiB'"], &["65535", "'257MiB'", "''"]),
            ("pending_bytes", sizes, &["'16MB'", "'17GiB'", "1.5"]),
            ("channel_bytes", &["'64MiB'", "'1024GiB'"], &["0", "'1025GiB'"]),
            ("memory_window", &["'10s'", "'24h'"], &["'9s'", "'25h'", "120"]),
            ("input_loss", &["'100ms'", "'1h'"], &["'0s'", "'61m'"]),
            ("drain", &["'0s'", "'10m'"], &["'11m'", "0"]),
        ],
        |line| format!("[limits]\n{line}"),
    );
}

#[test]
fn a_body_may_be_silent_for_the_longest_segment_twice_over() {
    // ffmpeg opens a segment's body when the segment begins and writes it when it ends.
    let longest = std::time::Duration::from_secs(30);
    assert!(Limits::default().ingest_silence >= longest * 2);
}

#[test]
fn keys_of_a_channel_and_its_inputs() {
    let open = "[[channel.endpoint]]\nprotocol = 'DASH'\nopen = true\n";
    let names: Row = ("name", &["'A-z_09'"], &["''", "'a.b'", "'a b'", "'é'", "1"]);
    check(&[("group", names.1, names.2)], |line| format!("[[channel]]\nname = 'c'\n{line}{open}"));
    check(
        &[
            names,
            ("loop", &["'file.mp4'"], &["''", "true"]),
            ("slate", &["'file.mp4'"], &["''", "true"]),
            ("input_loss", &["'100ms'", "'1h'"], &["'99ms'", "'61m'", "2"]),
            ("input_preference", &["'EQUAL'", "'PRIMARY'"], &["''", "'primary'", "1", "true"]),
        ],
        |line| {
            let name = if line.starts_with("name") { "" } else { "name = 'c'\n" };
            format!("[[channel]]\ngroup = 'g'\n{name}{line}{open}")
        },
    );
    check(&[("user", &["'u'", "'é u'"], &["''", "'a:b'", "\"a\\n\"", "1"])], |line| {
        format!("{CHANNEL}{open}[[channel.input]]\npassword = 'p'\n{line}")
    });
    check(&[("password", &["'p'", "'a:b é'"], &["''", "\"\\t\"", "1"])], |line| {
        format!("{CHANNEL}{open}[[channel.input]]\nuser = 'u'\n{line}")
    });
    let lists = &["[]", "['10.0.0.1/8', '::1']"];
    check(&[("ip_whitelist", lists, &["['/8']", "['::/0']", "'::1'"])], |line| {
        format!("{CHANNEL}{open}[[channel.input]]\n{line}")
    });
    let urls = &["'http://h/a.m3u8'", "'https://u:p@h:1/a?b'"];
    check(&[("pull", urls, &["''", "'h/a.m3u8'", "'ftp://h/a'", "1"])], |line| {
        format!("{CHANNEL}{open}[[channel.input]]\n{line}")
    });
    let pull = "pull = 'http://u:p@h/a'";
    let both = format!("{CHANNEL}{open}[[channel.input]]\n{pull}\nuser = 'u'\npassword = 'p'\n");
    let found = faults(&both);
    assert!(found[0].contains("pull: contradicts user and password"), "{found:?}");
    let both = format!("{CHANNEL}loop = 'f.mp4'\n{open}[[channel.input]]\n{pull}\n");
    assert!(faults(&both)[0].contains("contradicts the pull of input 1"));
    let input = "{ user = 'u', password = 'p' }";
    let two = format!("input = [{input}, {{}}]\n");
    assert!(Config::parse(&format!("{CHANNEL}{two}{open}")).is_ok());
    let three = format!("input = [{input}, {{}}, {{}}]\n");
    assert!(faults(&format!("{CHANNEL}{three}{open}"))[0].ends_with("must have at most 2 entries"));
    assert!(
        faults(&format!("{CHANNEL}{open}[[channel.input]]\nuser = 'u'\n"))[0]
            .ends_with("user = 'u': needs password beside it: user and password go together")
    );
}

#[test]
fn a_name_has_at_most_two_hundred_bytes_and_a_manifest_name_one_hundred_and_twenty_eight() {
    let longest = "n".repeat(200);
    assert!(Name::parse(&longest).is_some() && Name::parse(&format!("{longest}n")).is_none());
    let longest = "n".repeat(128);
    assert!(ManifestName::parse(&longest).is_some());
    assert!(ManifestName::parse(&format!("{longest}n")).is_none());
}

#[test]
fn a_channel_needs_its_names_and_one_to_sixteen_endpoints() {
    assert_eq!(
        faults("\n[[channel]]"),
        [
            "line 2: channel[0].endpoint: is required",
            "line 2: channel[0].group: is required",
            "line 2: channel[0].name: is required",
        ]
    );
    assert_eq!(
        faults(&format!("{CHANNEL}endpoint = []")),
        ["line 4: channel[0].endpoint = an array: must have at least one entry"]
    );
    let numbered = |count: u32| {
        let one =
            |n| format!("[[channel.endpoint]]\nname = 'e{n}'\nprotocol = 'DASH'\nopen = true\n");
        CHANNEL.to_owned() + &(1..=count).map(one).collect::<String>()
    };
    let config = Config::parse(&numbered(16)).expect("sixteen are allowed");
    let ordinals: Vec<_> = config.channels[0].endpoints.iter().map(|e| e.ordinal).collect();
    assert_eq!(ordinals, (1..=16).collect::<Vec<_>>());
    assert!(faults(&numbered(17))[0].ends_with("must have at most 16 entries"));
}

#[test]
fn keys_of_an_endpoint() {
    let seconds: Row =
        ("segment_duration", &["'1s'", "'1001ms'", "'20s'"], &["'999ms'", "'31s'", "6"]);
    check(
        &[
            ("name", &["'low'"], &["''", "'a/b'"]),
            ("segment_num", &["2", "24"], &["1", "101", "'6'"]),
            seconds,
            ("part_duration", &[], &["'500ms'", "1"]),
            ("window", &["'15s'", "'2m'"], &["'14999ms'", "'25h'", "60"]),
            ("use_audio_rendition_groups", &["true", "false"], &["'yes'", "1"]),
            ("manifest_name", &["'a.b_C-9'", "'a.m3u8'", "'a.MPD'"], &["''", "'..'", "'a/b'"]),
            ("timeshift_days", &["0", "1", "30"], &["31", "-1", "'7'"]),
            (
                "stream_order",
                &["'ORIGINAL'", "'VIDEO_BITRATE_ASCENDING'", "'VIDEO_BITRATE_DESCENDING'"],
                &["''", "'original'", "1"],
            ),
            ("min_video_bitrate", &["1", "'800kbit'"], &["0", "'2Mb'", "'1.5Mbit'", "-1"]),
            ("max_video_bitrate", &["2_000_000", "'10Gbit'"], &["'11Gbit'", "'0Mbit'", "1.0"]),
            ("hls_version", &["1", "13"], &["0", "14", "'7'"]),
            (
                "published",
                &["[]", "['/a/b.m3u8', 'h.test/a']"],
                &["['a']", "['/v1/x']", "['/a//b']", "'/a'", "[1]"],
            ),
            ("date_time_interval", &["'1s'", "'1h'"], &["'999ms'", "'3601s'", "6"]),
            ("presentation_delay", &["'1s'", "'15s'", "'25s'"], &["'26s'", "'999ms'", "'61s'"]),
            ("min_buffer_time", &["'1s'", "'30s'"], &["'31s'", "'0s'"]),
            ("min_update_period", &["'1s'", "'1h'"], &["'0s'", "'61m'"]),
            ("ip_whitelist", &["[]"], &["['::/0']", "'::1'", "[1]"]),
            ("ip_blacklist", &["['10.0.0.1/8']"], &["['10.0.0.1/0']"]),
        ],
        |line| with_endpoint("HLS_CMAF", line),
    );
    check(
        &[
            ("segment_duration", &["'1s'", "'1500ms'", "'2s'"], &["'999ms'", "'2001ms'"]),
            ("part_duration", &["'100ms'", "'500ms'"], &["'99ms'", "'501ms'"]),
        ],
        |line| with_endpoint("LLHLS_CMAF", line),
    );
    check(&[("part_duration", &["'1s'", "'1000ms'"], &["'1001ms'"])], |line| {
        with_endpoint("LLHLS_TS", &format!("segment_duration = '2s'\n{line}"))
    });
    check(&[("part_duration", &["'750ms'"], &["'751ms'"])], |line| {
        with_endpoint("LLHLS_CMAF", &format!("segment_duration = '1500ms'\n{line}"))
    });
    let protocols = &[
        "'HLS'",
        "'HLS_CMAF'",
        "'LLHLS_TS'",
        "'LLHLS_CMAF'",
        "'DASH_CMAF'",
        "'DASH'",
        "'HLSDASH_CMAF'",
    ];
    check(&[("protocol", protocols, &["'hls'", "'MSS'", "'dash'", "1"])], |line| {
        format!("{CHANNEL}[[channel.endpoint]]\nopen = true\n{line}")
    });
}

#[test]
fn bounds_of_the_bitrate_do_not_cross() {
    assert_eq!(
        faults(&with_endpoint(
            "HLS_CMAF",
            "max_video_bitrate = '1Mbit'\nmin_video_bitrate = '2Mbit'"
        )),
        ["line 8: channel[0].endpoint[0].min_video_bitrate = '2Mbit': \
          must not be above max_video_bitrate"]
    );
    let both = "min_video_bitrate = '2Mbit'\nmax_video_bitrate = 2_000_000";
    assert!(Config::parse(&with_endpoint("HLS_CMAF", both)).is_ok());
}

/// What is right and yet worth a word, of an endpoint with these lines.
fn remarks(protocol: &str, lines: &str) -> Vec<String> {
    let config = Config::parse(&with_endpoint(protocol, lines)).expect(lines);
    config
        .remarks
        .iter()
        .map(|r| r.to_string().split_once(": ").expect("a line").1.to_owned())
        .collect()
}

#[test]
fn keys_without_an_effect_are_remarked_on() {
    for (protocol, line, expected) in [
        ("DASH", "date_time_interval = '6s'", "has no effect here: only HLS has it"),
        ("HLS_CMAF", "min_buffer_time = '6s'", "has no effect here: only DASH has it"),
        ("LLHLS_CMAF", "min_update_period = '6s'", "has no effect here: only DASH has it"),
        (
            "HLS_CMAF",
            "presentation_delay = '14s'",
            "has no effect on HLS, whose HOLD-BACK is at least three target durations, 15s",
        ),
        (
            "DASH",
            "presentation_delay = '9s'",
            "should be at least 10s, min_update_period and a segment: \
             players learn of new segments no sooner",
        ),
        ("DASH", "min_update_period = '10s'", "should be less than min_buffer_time, 10s"),
        (
            "DASH",
            "part_duration = '500ms'\npresentation_delay = '1s'",
            "should be at least 1500ms, min_update_period and a part: \
             players learn of new Periods no sooner",
        ),
    ] {
        let said = remarks(protocol, line);
        assert!(said.len() == 1 && said[0].ends_with(expected), "{line}: {said:?}");
    }
    for (protocol, line) in [
        ("HLSDASH_CMAF", "date_time_interval = '6s'\npresentation_delay = '15s'"),
        ("DASH", "min_update_period = '4s'\nmin_buffer_time = '6s'\npresentation_delay = '12s'"),
        ("DASH", "part_duration = '500ms'\nmin_update_period = '2s'\nmin_buffer_time = '1s'"),
        ("HLSDASH_CMAF", "part_duration = '1s'\npresentation_delay = '15s'"),
    ] {
        assert_eq!(remarks(protocol, line), [] as [&str; 0], "{line}");
    }
}

#[test]
fn players_are_not_asked_to_play_what_is_not_listed() {
    let most = |text: &str| {
        format!("must be at most {text}: what the endpoint lists must leave something to play")
    };
    for (protocol, lines, expected) in [
        ("DASH", "window = '15s'\npresentation_delay = '11s'", most("10s")),
        ("DASH", "window = '20s'\nmin_update_period = '11s'", most("10s")),
        ("HLS_CMAF", "segment_num = 4\npresentation_delay = '16s'", most("15s")),
    ] {
        let told = faults(&with_endpoint(protocol, lines));
        assert!(told.len() == 1 && told[0].ends_with(&expected), "{lines}: {told:?}");
    }
}

#[test]
fn an_endpoint_has_a_control_or_is_open_and_not_both() {
    let with = |lines: &str| {
        Config::parse(&format!("{CHANNEL}[[channel.endpoint]]\nprotocol = 'DASH'\n{lines}\n"))
    };
    let code = "authorization_code = 'a_B.9-'";
    let white = "ip_whitelist = ['10.0.0.0/8']";
    let header = "cdn_identifier_header = { key = 'X-Cdn', value = 'a b' }";
    let black = "ip_blacklist = ['10.0.0.1']";
    for lines in [code, white, header, "open = true", &format!("{code}\n{white}\n{black}")] {
        assert!(with(lines).is_ok(), "{lines}");
    }
    assert!(with(&format!("open = true\n{black}")).is_ok());
    assert!(with(&format!("open = false\n{code}")).is_ok());
    for lines in ["", "open = false", "ip_whitelist = []", black] {
        let faults = with(lines).expect_err(lines);
        assert!(
            faults.to_string().contains("needs authorization_code, ip_whitelist or"),
            "{lines}"
        );
    }
    let controls =
        [("authorization_code", code), ("ip_whitelist", white), ("cdn_identifier_header", header)];
    for (control, line) in controls {
        let faults = with(&format!("open = true\n{line}")).expect_err(line);
        let told = format!("open = true: contradicts {control}: leave one of them out");
        assert!(faults.to_string().contains(&told), "{faults}");
    }
    for code in ["''", "'a b'", "'é'", "1"] {
        let faults = with(&format!("authorization_code = {code}")).expect_err(code);
        assert!(faults.to_string().contains("authorization_code: must be 1 to 200"), "{faults}");
    }
    assert!(with("open = 'true'").is_err());
    for (header, told) in [
        ("{ key = 'X-Cdn' }", "value: is required"),
        ("{ key = 'a b', value = 'x' }", "key = 'a b': must be the name"),
        ("{ key = 'X-Cdn', value = ' x' }", "value: must be 1 to 200 printable"),
        ("{ key = 'X-Cdn', value = 'é' }", "value: must be 1 to 200 printable"),
        ("{ key = 'X-Cdn', value = 'x', valeu = 1 }", "nearest is `value`"),
    ] {
        let faults = with(&format!("cdn_identifier_header = {header}")).expect_err(header);
        assert!(faults.to_string().contains(told), "{faults}");
    }
}

#[test]
fn names_of_parameters_are_an_endpoints_own_and_say_one_thing() {
    let with = |args: &str| {
        let text = with_endpoint("HLS_CMAF", &format!("request_args = {args}"));
        Config::parse(&text).map(|config| config.channels[0].endpoints[0].shift_names.clone())
    };
    let longest = "n".repeat(64);
    let record = |start: &str, end: &str, more: &str| {
        format!("{{ record = {{ start_time = '{start}', end_time = '{end}'{more} }} }}")
    };
    for (more, form) in [
        ("", TimeForm::Seconds),
        (", unit = 'millisecond'", TimeForm::Millis),
        (", format = 'timestamp', unit = 'second'", TimeForm::Seconds),
        (", format = 'iso8601'", TimeForm::Iso8601),
    ] {
        let names = with(&record("begin", &longest, more)).expect(more);
        let own = names.record.expect("given");
        assert_eq!((own.start.as_str(), own.end.len(), own.form), ("begin", 64, form));
    }
    let both =
        "{ timeshift = { back_time = 'begin' }, live = { delay = 'late', unit = 'millisecond' } }";
    let names = with(both).expect("valid");
    let named = |delay: Option<DelayName>| delay.map(|delay| (delay.name, delay.millis));
    assert_eq!(named(names.timeshift), Some(("begin".to_owned(), false)));
    assert_eq!(named(names.live), Some(("late".to_owned(), true)));
    assert_eq!(with("{}"), Ok(Names::default()));
    for (args, told) in [
        (record("shift", "end", ""), "start_time = 'shift': must be 1 to 64"),
        (record("_HLS_msn", "end", ""), "must not begin with _HLS_"),
        (record("a b", "end", ""), "must be 1 to 64 letters"),
        (record(&format!("{longest}n"), "end", ""), "must be 1 to 64 letters"),
        (record("a", "a", ""), "must have an end_time that no other"),
        (record("a", "b", ", unit = 's'"), "must be \"second\" or \"millisecond\""),
        (record("a", "b", ", format = 'unix'"), "must be \"timestamp\" or \"iso8601\""),
        ("{ record = { start_time = 'a' } }".to_owned(), "record.end_time: is required"),
        ("{ timeshift = { unit = 'second' } }".to_owned(), "back_time: is required"),
        ("{ recrod = 1 }".to_owned(), "nearest is `record`"),
        ("1".to_owned(), "must be a table"),
    ] {
        let faults = with(&args).expect_err(&args);
        assert!(faults.to_string().contains(told), "{args}: {faults}");
    }
}

#[test]
fn two_manifests_do_not_stand_in_one_place() {
    let endpoint = |name: &str, place: &str| {
        format!(
            "[[channel.endpoint]]\nname = '{name}'\nprotocol = 'HLS'\nopen = true\npublished = ['{place}']\n"
        )
    };
    let two = |a: &str, b: &str| format!("{CHANNEL}{}{}", endpoint("a", a), endpoint("b", b));
    assert!(Config::parse(&two("/a", "h/a")).is_ok());
    let found = faults(&two("H/a", "http://h/a"));
    assert!(found[0].ends_with("published = an array: stands where a manifest of channel[0].endpoint[0] does; each needs a place of its own"), "{found:?}");
}

#[test]
fn keys_of_an_access_key() {
    let others = |key: &str| {
        let all = [("id", "id = 'a'"), ("secret", "secret = 's'"), ("scopes", "scopes = ['ice']")];
        let rest = all.iter().filter(|(k, _)| *k != key);
        rest.flat_map(|(_, line)| [*line, "\n"]).collect::<String>()
    };
    let long = format!("'{}'", "k".repeat(129));
    for (key, taken, refused) in [
        ("id", vec!["'A-b_c.1'"], vec!["''", "'a b'", "'ü'", "1", &long]),
        ("secret", vec!["'any thing'"], vec!["''", "1", "\"a\\u0001\""]),
        ("scopes", vec!["['ice', 'live', 'huawei', 'native']"], vec!["[]", "['ICE']", "'ice'"]),
        ("project_id", vec!["'0123abc'"], vec!["''", "'a/b'", "7"]),
    ] {
        let file = |value| format!("[[admin.access_keys]]\n{}{key} = {value}\n", others(key));
        for value in taken {
            assert!(Config::parse(&file(value)).is_ok(), "{value}");
        }
        for value in refused {
            let faults = faults(&file(value)).concat();
            assert!(faults.contains(&format!("admin.access_keys[0].{key}")), "{faults}");
            assert!(key != "secret" || !faults.contains("any"), "{faults}");
        }
    }
    assert_eq!(
        faults(
            "[admin]\naccess_keys = [{ id = 'a', secret = 's', scopes = ['ice'] },\n\
             { id = 'a', secret = 't', scopes = ['live'] }, {}]\n"
        ),
        [
            "line 3: admin.access_keys[1].id = 'a': \
             names the same key as admin.access_keys[0]; ids must be unique",
            "line 3: admin.access_keys[2].id: is required",
            "line 3: admin.access_keys[2].scopes: is required",
            "line 3: admin.access_keys[2].secret: is required",
        ]
    );
}
