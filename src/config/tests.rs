mod keys;
mod shipped;

use super::*;
use crate::units::MediaDuration;

/// A channel that lacks its endpoints.
const CHANNEL: &str = "[[channel]]\ngroup = 'g'\nname = 'c'\n";

/// A channel of one open endpoint with these lines.
fn with_endpoint(protocol: &str, lines: &str) -> String {
    format!("{CHANNEL}[[channel.endpoint]]\nopen = true\nprotocol = '{protocol}'\n{lines}\n")
}

fn faults(text: &str) -> Vec<String> {
    let faults = Config::parse(text).expect_err(text);
    faults.iter().map(ToString::to_string).collect()
}

fn endpoint(text: &str) -> Endpoint {
    let mut config = Config::parse(text).unwrap_or_else(|faults| unreachable!("{faults}"));
    config.channels.remove(0).endpoints.remove(0)
}

#[test]
fn every_fault_of_a_file_is_told_at_once_with_its_line_and_key() {
    let text = r#"[egress]
lisen = "127.0.0.1:8080"
workers = -1
trusted_proxies = [
  "127.0.0.1",
  "0.0.0.0/0",
  7,
]
[limits]
drain = "1d"
memory_windw = "60s"
[[channel]]
group = "news"
name = "o ne"
  [[channel.input]]
  password = "hunter2"
  pasword = "hunter2"
  [[channel.endpoint]]
  protocol = "MSS"
  part_duration = "350"
  [[channel.endpoint]]
  protocol = "LLHLS_CMAF"
  segment_duration = "3s"
  authorization_code = "hunter 2"
[[chanel]]
"#;
    let expected = [
        "line 2: egress.lisen: is no key of this section; the nearest is `listen`",
        "line 3: egress.workers = -1: must be a whole number from 0 to 1024",
        "line 6: egress.trusted_proxies[1] = \"0.0.0.0/0\": \
         must not be a /0: it names every address",
        "line 7: egress.trusted_proxies[2] = 7: must be a string",
        "line 10: limits.drain = \"1d\": must be a duration from 0ms to 10m, \
         written like \"500ms\", \"2s\", \"1m\" or \"24h\"",
        "line 11: limits.memory_windw: is no key of this section; the nearest is `memory_window`",
        "line 14: channel[0].name = \"o ne\": must be 1 to 200 letters, digits, `_` or `-`",
        "line 16: channel[0].input[0].password: \
         needs user beside it: user and password go together",
        "line 17: channel[0].input[0].pasword: \
         is no key of this section; the nearest is `password`",
        "line 18: channel[0].endpoint[0]: needs authorization_code, ip_whitelist or cdn_identifier_header, \
         or open = true to let everybody read",
        "line 19: channel[0].endpoint[0].protocol = \"MSS\": is not a protocol; \
         available are HLS, HLS_CMAF, LLHLS_TS, LLHLS_CMAF, DASH_CMAF (or DASH), HLSDASH_CMAF",
        "line 20: channel[0].endpoint[0].part_duration = \"350\": must be a duration from 100ms \
         to 1s, written like \"500ms\", \"2s\", \"1m\" or \"24h\"",
        "line 23: channel[0].endpoint[1].segment_duration = \"3s\": must be a duration from 1s \
         to 2s, written like \"500ms\", \"2s\", \"1m\" or \"24h\"",
        "line 24: channel[0].endpoint[1].authorization_code: \
         must be 1 to 200 letters, digits, `_`, `.` or `-`",
        "line 25: chanel: is no key of this section; the nearest is `channel`",
    ];
    assert_eq!(faults(text), expected);
    let whole = Config::parse(text).expect_err("has faults").to_string();
    assert_eq!(whole, expected.join("\n"));
    assert!(!whole.contains("hunter"), "no secret, nor what may be one, is shown");
}

#[test]
fn a_fault_of_syntax_is_told_with_its_line_and_alone() {
    let cases = [
        (
            "[egress]\nworkers = -1\nlisten = \n",
            &["line 3: string values must be quoted, expected literal string"][..],
        ),
        ("[store]\npath = 'a'\npath = 'b'\n", &["line 3: duplicate key"]),
        (
            "a = 1 1\nb = 2\nc = 'x\n",
            &[
                "line 1: string values must be quoted, expected literal string",
                "line 3: invalid literal string, expected `'`",
            ],
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(faults(text), expected, "{text}");
    }
}

#[test]
fn files_that_are_no_configuration_give_faults_and_no_panic() {
    for text in ["\0", "\u{feff}[", "[[[[", "a.b.c", "'''", "=", &"[".repeat(10_000), "é = \"\\u1"]
    {
        assert!(!faults(text).is_empty());
    }
    let nested = format!("x = {}1{}", "[".repeat(50_000), "]".repeat(50_000));
    assert!(!faults(&nested).is_empty());
}

#[test]
fn values_of_another_kind_are_named_by_their_kind() {
    let cases = [
        ("egress = 'secret'", "line 1: egress = string: must be a table"),
        ("channel = 3", "line 1: channel = integer: must be an array of tables"),
        ("\nchannel = ['secret']", "line 2: channel[0] = string: must be a table"),
        ("[channel]", "line 1: channel = table: must be an array of tables"),
        (
            "[egress]\ntrusted_proxies = '::1'",
            "line 2: egress.trusted_proxies = '::1': must be an array of strings",
        ),
        (
            "[egress]\nlisten = []",
            "line 2: egress.listen = an array: must be an IP address and a port, like \"127.0.0.1:8080\" or \"[::1]:8080\"",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(faults(text).first().map(String::as_str), Some(expected), "{text}");
    }
}

#[test]
fn a_long_value_is_shown_in_part() {
    let told = faults(&format!("[egress]\nlisten = '{}'", "é".repeat(10_000)));
    assert!(
        told[0].starts_with("line 2: egress.listen = 'é") && told[0].len() < 300,
        "{}",
        told[0]
    );
    assert!(told[0].contains("é…: must be"), "{}", told[0]);
    let unknown = faults(&format!("\"{}\\n\" = 1", "k".repeat(10_000)));
    assert!(unknown[0].len() < 300 && !unknown[0].contains('\n'), "{}", unknown[0]);
}

#[test]
fn no_two_listeners_share_an_address() {
    let cases = [
        ("127.0.0.1:8080", "127.0.0.1:8080", true),
        ("127.0.0.1:8080", "0.0.0.0:8080", true),
        ("[::]:8080", "[::1]:8080", true),
        ("127.0.0.1:8080", "127.0.0.2:8080", false),
        ("127.0.0.1:8080", "[::1]:8080", false),
        ("127.0.0.1:0", "127.0.0.1:0", false),
    ];
    for (egress, ingest, refused) in cases {
        let text = format!("[egress]\nlisten = '{egress}'\n[ingest]\nhttp = '{ingest}'");
        assert_eq!(Config::parse(&text).is_err(), refused, "{egress} {ingest}");
    }
    assert_eq!(
        faults("[admin]\nlisten = '127.0.0.1:8090'"),
        [
            "line 2: admin.listen = '127.0.0.1:8090': is taken by ingest.http; each listener needs its own"
        ]
    );
}

#[test]
fn limits_hold_what_must_fit_into_them() {
    assert_eq!(
        faults("[limits]\nsample_bytes = '128MiB'\nchannel_bytes = '1MiB'"),
        [
            "line 1: limits.pending_bytes: must be at least limits.sample_bytes, which is 128MiB",
            "line 3: limits.channel_bytes = '1MiB': \
             must be at least limits.pending_bytes, which is 64MiB",
        ]
    );
}

#[test]
fn channels_and_endpoints_have_names_of_their_own() {
    let channel = with_endpoint("HLS_CMAF", "");
    let twice = format!("{channel}{}", channel.replace("'HLS_CMAF'", "'DASH'"));
    assert_eq!(
        faults(&twice),
        ["line 10: channel[1].name = 'c': names the same channel as channel[0]; \
          group and name together must be unique"]
    );
    let other_group = channel.replace("'g'", "'h'");
    assert!(Config::parse(&format!("{channel}{other_group}")).is_ok());

    let second = "[[channel.endpoint]]\nopen = 1\nprotocol = 'HLS_CMAF'\n";
    let told = faults(&format!("{channel}{second}"));
    assert_eq!(told.len(), 2, "a fault elsewhere hides no clash of names: {told:?}");
    assert!(told[0].starts_with(
        "line 8: channel[0].endpoint[1].name: names the same endpoint as channel[0].endpoint[0]"
    ));
}

#[test]
fn low_latency_endpoints_of_a_channel_share_one_grid() {
    let low = |name: &str, lines: &str| {
        format!(
            "[[channel.endpoint]]\nname = '{name}'\nopen = true\nprotocol = 'LLHLS_CMAF'\n{lines}\n"
        )
    };
    let first = low("a", "segment_duration = '2s'");
    let parse = |second: &str| Config::parse(&format!("{CHANNEL}{first}{second}"));
    assert!(parse(&low("b", "segment_duration = '2s'\npart_duration = '700ms'")).is_ok());
    let other_parts = parse(&low("b", "segment_duration = '2s'\npart_duration = '500ms'"));
    assert_eq!(
        other_parts.expect_err("another grid").to_string(),
        "line 14: channel[0].endpoint[1].part_duration = '500ms': must have the part_duration 700ms \
         of channel[0].endpoint[0]: a channel has one part grid"
    );
    let other_segments = parse(&low("b", "part_duration = '500ms'")).expect_err("another grid");
    assert!(other_segments.to_string().contains("must have the segment_duration 2s of channel[0]"));
    let fault = other_segments.iter().next().expect("one fault");
    assert_eq!((fault.line, &*fault.key), (9, "channel[0].endpoint[1].segment_duration"));
}

#[test]
fn low_latency_dash_has_segments_of_its_own_and_the_parts_of_its_channel() {
    let dash = |protocol: &str, lines: &str| {
        format!("[[channel.endpoint]]\nopen = true\nprotocol = '{protocol}'\n{lines}\n")
    };
    let low = dash("LLHLS_CMAF", "segment_duration = '2s'\npart_duration = '500ms'");
    let parse = |second: &str| Config::parse(&format!("{CHANNEL}{low}{second}"));
    for protocol in ["DASH_CMAF", "HLSDASH_CMAF"] {
        let config = parse(&dash(protocol, "segment_duration = '4s'\npart_duration = '500ms'"));
        let endpoints = config.expect("the same parts").channels.remove(0).endpoints;
        assert_eq!(endpoints[1].part_duration, Some(MediaDuration::from_millis(500)));
        let plain = parse(&dash(protocol, "")).expect("no parts").channels.remove(0).endpoints;
        assert_eq!(plain[1].part_duration, None, "low latency is asked for");
        let other = parse(&dash(protocol, "part_duration = '400ms'")).expect_err("other parts");
        assert!(other.to_string().contains("must have the part_duration 500ms"), "{other}");
        for (segment, part, good) in
            [("10s", "1s", true), ("10s", "1001ms", false), ("1s", "501ms", false)]
        {
            let lines = format!("segment_duration = '{segment}'\npart_duration = '{part}'");
            let alone = Config::parse(&format!("{CHANNEL}{}", dash(protocol, &lines)));
            assert_eq!(alone.is_ok(), good, "{lines}");
        }
    }
}

#[test]
fn segmentations_of_a_channel_are_limited() {
    let plain = |(name, seconds)| {
        format!(
            "[[channel.endpoint]]\nname = '{name}'\nopen = true\nprotocol = 'HLS_CMAF'\n\
             segment_duration = '{seconds}s'\n"
        )
    };
    let endpoints: String = [("a", 2), ("b", 2), ("c", 4)].map(plain).concat();
    let mut text = format!("[limits]\nsegmentations = 2\n{CHANNEL}{endpoints}");
    assert!(Config::parse(&text).is_ok());
    text += "[[channel.endpoint]]\nopen = true\nprotocol = 'LLHLS_CMAF'\nsegment_duration = '2s'\n";
    assert_eq!(
        faults(&text),
        ["line 6: channel[0].endpoint = an array: ask for 3 different pairs of segment_duration \
          and part_duration; limits.segmentations allows 2 a channel"]
    );
}

#[test]
fn lists_may_be_longer_than_memory_but_those_of_low_latency_dash() {
    let told = |protocol, lines: &str| faults(&with_endpoint(protocol, lines));
    assert_eq!(
        told("DASH", "window = '3m'\npart_duration = '500ms'"),
        ["line 7: channel[0].endpoint[0].window = '3m': lists 3m, but limits.memory_window keeps \
          2m in memory, and an MPD with part_duration reaches no further; \
          limits.memory_window may be raised, up to 24h"]
    );
    let low = with_endpoint("DASH", "part_duration = '500ms'");
    let short = format!("[limits]\nmemory_window = '30s'\n{low}");
    assert!(faults(&short)[0].contains("window: lists 1m"), "the default counts too");
    let memory = MediaDuration::from_secs(120);
    for (protocol, lines, beyond) in [
        ("DASH", "window = '3m'", true),
        ("DASH", "window = '24h'", true),
        ("DASH", "window = '2m'", false),
        ("DASH", "segment_num = 100", false),
        ("HLS_CMAF", "segment_duration = '30s'", true),
        ("HLS_CMAF", "segment_num = 24", false),
        ("HLS_CMAF", "segment_num = 25", true),
        ("LLHLS_CMAF", "window = '1h'", true),
        ("HLSDASH_CMAF", "window = '121s'", true),
    ] {
        let endpoint = endpoint(&with_endpoint(protocol, lines));
        assert_eq!(endpoint.lists_beyond(memory), beyond, "{protocol} {lines}");
    }
}

#[test]
fn defaults_of_an_endpoint_follow_its_protocol() {
    let ms = MediaDuration::from_millis;
    let low = endpoint(&with_endpoint("LLHLS_CMAF", ""));
    assert_eq!((low.segment_duration, low.part_duration), (ms(1_000), Some(ms(350))));
    assert_eq!((low.name.as_str(), low.ordinal, low.segment_num), ("llhls_cmaf", 1, 6));
    assert_eq!(low.manifest_name.as_str(), "manifest");
    assert_eq!(low.hls_window(), ms(6_000));
    let table = [("1s", 350), ("1001ms", 350), ("1500ms", 525), ("2s", 700)];
    for (segment, part) in table {
        let text = with_endpoint("LLHLS_CMAF", &format!("segment_duration = '{segment}'"));
        assert_eq!(endpoint(&text).part_duration, Some(ms(part)), "{segment}");
    }
    let dash = endpoint(&with_endpoint("DASH", ""));
    assert_eq!((dash.segment_duration, dash.part_duration), (ms(5_000), None));
    assert_eq!((dash.name.as_str(), dash.dash_window()), ("dash_cmaf", ms(60_000)));
    let long = endpoint(&with_endpoint("DASH", "segment_duration = '30s'"));
    assert_eq!(long.dash_window(), ms(90_000), "three segments where 60 s are fewer");
    let both = endpoint(&with_endpoint("HLSDASH_CMAF", "window = '40s'"));
    assert_eq!((both.dash_window(), both.hls_window()), (ms(40_000), ms(40_000)));
    let unset = endpoint(&with_endpoint("HLSDASH_CMAF", ""));
    assert_eq!((unset.dash_window(), unset.hls_window()), (ms(60_000), ms(30_000)));
}

#[test]
fn nothing_secret_is_printed_for_debugging() {
    let text = with_endpoint("DASH", "authorization_code = 'hunter2'").replace("open = true", "");
    let input = "[[channel.input]]\nuser = 'u'\npassword = 'hunter2'\n";
    let config = Config::parse(&format!("{text}{input}")).expect("is right");
    assert!(!format!("{config:?}").contains("hunter2"));
    let credentials = config.channels[0].inputs[0].as_ref().expect("input 1 has some");
    assert!(credentials.password.matches(b"hunter2") && credentials.user == "u");
    assert_eq!(config.channels[0].inputs[1], None);
}
