//! Every key: what it takes and what it refuses.

use super::*;

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
            ("workers", &["0", "0x10", "1024"], &["1025", "-1", "1.0", "'2'"]),
        ],
        |line| format!("[egress]\n{line}"),
    );
    check(&[("http", ADDRESS.1, ADDRESS.2)], |line| format!("[ingest]\n{line}"));
    check(&[ADDRESS], |line| format!("[admin]\n{line}"));
    check(&[("path", &["'/srv/headwater'"], &["''", "1", "\"a\\u0000\""])], |line| {
        format!("[store]\n{line}")
    });
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
fn keys_of_a_channel_and_its_inputs() {
    let open = "[[channel.endpoint]]\nprotocol = 'DASH'\nopen = true\n";
    let names: Row = ("name", &["'A-z_09'"], &["''", "'a.b'", "'a b'", "'é'", "1"]);
    check(&[("group", names.1, names.2)], |line| format!("[[channel]]\nname = 'c'\n{line}{open}"));
    check(&[names, ("loop", &["'file.mp4'"], &["''", "true"])], |line| {
        let name = if line.starts_with("name") { "" } else { "name = 'c'\n" };
        format!("[[channel]]\ngroup = 'g'\n{name}{line}{open}")
    });
    check(&[("user", &["'u'", "'é u'"], &["''", "'a:b'", "\"a\\n\"", "1"])], |line| {
        format!("{CHANNEL}{open}[[channel.input]]\npassword = 'p'\n{line}")
    });
    check(&[("password", &["'p'", "'a:b é'"], &["''", "\"\\t\"", "1"])], |line| {
        format!("{CHANNEL}{open}[[channel.input]]\nuser = 'u'\n{line}")
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
            ("manifest_name", &["'a.b_C-9'"], &["''", "'..'", "'a.m3u8'", "'a.MPD'", "'a/b'"]),
            ("timeshift_days", &["0"], &["1", "30", "31", "-1"]),
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
        with_endpoint("LLHLS_CMAF", &format!("segment_duration = '2s'\n{line}"))
    });
    check(&[("part_duration", &["'750ms'"], &["'751ms'"])], |line| {
        with_endpoint("LLHLS_CMAF", &format!("segment_duration = '1500ms'\n{line}"))
    });
    let protocols = &["'HLS_CMAF'", "'LLHLS_CMAF'", "'DASH_CMAF'", "'DASH'", "'HLSDASH_CMAF'"];
    check(&[("protocol", protocols, &["'HLS'", "'LLHLS_TS'", "'dash'", "1"])], |line| {
        format!("{CHANNEL}[[channel.endpoint]]\nopen = true\n{line}")
    });
    assert_eq!(
        faults(&with_endpoint("DASH", "timeshift_days = 7")),
        ["line 7: channel[0].endpoint[0].timeshift_days = 7: \
          must be 0: time shift needs the archive, not available in this release"]
    );
}

#[test]
fn an_endpoint_has_a_control_or_is_open_and_not_both() {
    let with = |lines: &str| {
        Config::parse(&format!("{CHANNEL}[[channel.endpoint]]\nprotocol = 'DASH'\n{lines}\n"))
    };
    let code = "authorization_code = 'a_B.9-'";
    let white = "ip_whitelist = ['10.0.0.0/8']";
    let black = "ip_blacklist = ['10.0.0.1']";
    for lines in [code, white, "open = true", &format!("{code}\n{white}\n{black}")] {
        assert!(with(lines).is_ok(), "{lines}");
    }
    assert!(with(&format!("open = true\n{black}")).is_ok());
    assert!(with(&format!("open = false\n{code}")).is_ok());
    for lines in ["", "open = false", "ip_whitelist = []", black] {
        let faults = with(lines).expect_err(lines);
        assert!(faults.to_string().contains("needs authorization_code or ip_whitelist"), "{lines}");
    }
    for (control, line) in [("authorization_code", code), ("ip_whitelist", white)] {
        let faults = with(&format!("open = true\n{line}")).expect_err(line);
        let told = format!("open = true: contradicts {control}: leave one of them out");
        assert!(faults.to_string().contains(&told), "{faults}");
    }
    for code in ["''", "'a b'", "'é'", "1"] {
        let faults = with(&format!("authorization_code = {code}")).expect_err(code);
        assert!(faults.to_string().contains("authorization_code: must be 1 to 200"), "{faults}");
    }
    assert!(with("open = 'true'").is_err());
}
