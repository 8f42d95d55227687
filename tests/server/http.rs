//! What HTTP asks of every answer: methods, validators, ranges, encodings, caches, other sites.

use std::io::Read;

use flate2::read::GzDecoder;

use crate::client::{Connection, Reply};
use crate::playlist::Playlist;
use crate::world::{LOOPED, World};

const MULTIVARIANT: &str = "/v1/g/1/c/manifest.m3u8";
const MEDIA: &str = "/v1/g/1/c/1-1/audio-eng/media.m3u8";

/// A channel that nobody feeds.
const SILENT: &str = r#"
[[channel]]
group = "g"
name = "silent"
  [[channel.endpoint]]
  protocol = "LLHLS_CMAF"
  open = true
"#;

/// A media playlist of endpoint 1, its init section, a segment and a part: the video's first rung.
async fn objects(world: &World) -> [String; 4] {
    let multivariant = world.get(MULTIVARIANT).await.text();
    let media = multivariant.lines().find(|l| l.ends_with("media.m3u8")).expect("a variant");
    let folder = format!("/v1/g/1/c/{}", media.trim_end_matches("media.m3u8"));
    let list = Playlist::read(&world.get(&format!("/v1/g/1/c/{media}")).await.text(), None);
    let entry = list.entries.last().unwrap();
    let part = crate::playlist::attribute(&list.parts.last().unwrap().1, "URI").unwrap();
    ["media.m3u8", &entry.map, &entry.uri, &part].map(|name| format!("{folder}{name}"))
}

/// Robustness 22: an answer knows no viewer, so that one copy of it in a cache is everyone's.
#[tokio::test]
async fn every_viewer_gets_the_same_bytes_and_no_cookie() {
    let world = World::looped(LOOPED).await;
    let mut paths = objects(&world).await.to_vec();
    paths.extend([MULTIVARIANT, "/v1/g/3/c/manifest.mpd"].map(str::to_owned));
    for path in paths {
        let viewer = |cookie, agent| [("Cookie", cookie), ("User-Agent", agent)];
        let one = world.ask("GET", &path, &viewer("session=1", "hls.js")).await;
        let other = world.ask("GET", &path, &viewer("session=2; a=b", "AppleCoreMedia")).await;
        assert_eq!(one.header("set-cookie"), None, "{path}");
        assert_eq!(one.status, 200, "{path}");
        assert!(one.without_date() == other.without_date(), "{path}");
    }
}

/// Robustness 24: whatever the status.
#[tokio::test]
async fn scripts_of_other_sites_may_read_every_status() {
    let world = World::looped(&format!("{LOOPED}{SILENT}")).await;
    let [media, init, segment, part] = objects(&world).await;
    let range = ("Range", "bytes=99999999-");
    for (method, path, header, status) in [
        ("GET", MULTIVARIANT, ("A", "b"), 200),
        ("GET", &*media, ("A", "b"), 200),
        ("GET", &*init, ("A", "b"), 200),
        ("GET", &*part, ("Range", "bytes=0-9"), 206),
        ("GET", &*segment, ("If-None-Match", "*"), 304),
        ("GET", &format!("{media}?_HLS_part=1"), ("A", "b"), 400),
        ("GET", "/nothing", ("A", "b"), 404),
        ("GET", "/v1/g/9/c/manifest.m3u8", ("A", "b"), 404),
        ("DELETE", MULTIVARIANT, ("A", "b"), 405),
        ("GET", &*segment, range, 416),
        ("GET", "/v1/g/1/silent/manifest.m3u8", ("A", "b"), 503),
        ("GET", "/time", ("A", "b"), 200),
        ("OPTIONS", &*media, ("A", "b"), 204),
    ] {
        let reply = world.ask(method, path, &[header, ("Origin", "https://player.test")]).await;
        assert_eq!(reply.status, status, "{method} {path}");
        assert_eq!(reply.header("access-control-allow-origin"), Some("*"), "{status}");
        let exposed = reply.header("access-control-expose-headers").expect("exposes headers");
        assert!(exposed.contains("Date") && exposed.contains("ETag"), "{exposed}");
        assert!(reply.header("date").is_some(), "{status}");
        assert_eq!(reply.header("age"), None, "an origin's own answer has no Age");
        assert_eq!(reply.header("allow").is_some(), status == 405);
    }
}

#[tokio::test]
async fn a_preflight_allows_the_methods_and_the_headers_asked_for() {
    let world = World::looped(LOOPED).await;
    let asked = [
        ("Origin", "https://player.test"),
        ("Access-Control-Request-Method", "GET"),
        ("Access-Control-Request-Headers", "range, x-package-authorization"),
    ];
    let reply = world.ask("OPTIONS", MEDIA, &asked).await;
    assert_eq!(reply.status, 204);
    assert_eq!(reply.header("access-control-allow-methods"), Some("GET, HEAD, OPTIONS"));
    assert_eq!(
        reply.header("access-control-allow-headers"),
        Some("range, x-package-authorization")
    );
    assert_eq!(reply.header("access-control-max-age"), Some("86400"));
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let world = World::looped(&format!("{LOOPED}{SILENT}")).await;
    let mut paths = objects(&world).await.to_vec();
    paths.extend(
        [MULTIVARIANT, "/v1/g/3/c/manifest.mpd", "/nothing", "/v1/g/1/silent/manifest", "/time"]
            .map(str::to_owned),
    );
    for path in paths {
        for header in [("A", "b"), ("Accept-Encoding", "gzip"), ("Range", "bytes=3-8")] {
            let mut connection = Connection::open(world.egress()).await;
            let head = connection.ask("HEAD", &path, &[header]).await.without_date();
            // The connection is in step: nothing of a body was sent.
            let get = connection.ask("GET", &path, &[header]).await.without_date();
            assert_eq!((head.status, &head.headers), (get.status, &get.headers), "{path}");
            let length = head.header("content-length").expect("a length").parse();
            assert_eq!(length, Ok(get.body.len()), "{path}");
        }
    }
}

#[tokio::test]
async fn who_has_the_bytes_already_is_told_so() {
    let world = World::looped(LOOPED).await;
    let mut paths = objects(&world).await.to_vec();
    paths.extend([MULTIVARIANT.to_owned(), "/v1/g/3/c/manifest.mpd".to_owned()]);
    for path in paths {
        let first = world.get(&path).await;
        let etag = first.header("etag").expect("a validator").to_owned();
        for known in [etag.clone(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".to_owned()] {
            let again = world.ask("GET", &path, &[("If-None-Match", &known)]).await;
            assert_eq!((again.status, again.body.len()), (304, 0), "{path} {known}");
            for kept in ["etag", "cache-control", "vary", "date"] {
                let same = kept == "date" || again.header(kept) == first.header(kept);
                assert!(same, "{path}: {kept} of a 304 is that of the 200");
            }
        }
        let other = world.ask("GET", &path, &[("If-None-Match", "\"other\"")]).await;
        assert_eq!(other.status, 200, "{path}");
    }
    let [media, ..] = objects(&world).await;
    let etag = world.get(&media).await.header("etag").unwrap().to_owned();
    world.step().await;
    assert_eq!(world.ask("GET", &media, &[("If-None-Match", &etag)]).await.status, 200);
}

#[tokio::test]
async fn objects_are_served_in_ranges_and_manifests_whole() {
    let world = World::looped(LOOPED).await;
    let [media, init, segment, part] = objects(&world).await;
    for path in [init, segment, part] {
        let whole = world.get(&path).await;
        let (n, etag) = (whole.body.len(), whole.header("etag").unwrap().to_owned());
        assert_eq!(whole.header("accept-ranges"), Some("bytes"));
        for (range, from, to) in [
            ("bytes=0-0".to_owned(), 0, 1),
            ("bytes=10-99".to_owned(), 10, 100),
            (format!("bytes={}-", n - 5), n - 5, n),
            ("bytes=-7".to_owned(), n - 7, n),
            ("bytes=20-9007199254740991".to_owned(), 20, n),
        ] {
            for headers in [&[("Range", &*range)][..], &[("Range", &*range), ("If-Range", &*etag)]]
            {
                let reply = world.ask("GET", &path, headers).await;
                assert_eq!(
                    (reply.status, &reply.body[..]),
                    (206, &whole.body[from..to]),
                    "{range}"
                );
                let said = format!("bytes {from}-{}/{n}", to - 1);
                assert_eq!(reply.header("content-range"), Some(&*said));
                assert_eq!(reply.header("etag"), Some(&*etag));
            }
            let changed = [("Range", &*range), ("If-Range", "\"other\"")];
            assert_eq!(world.ask("GET", &path, &changed).await.body, whole.body);
        }
        let beyond = world.ask("GET", &path, &[("Range", &format!("bytes={n}-"))]).await;
        assert_eq!(beyond.status, 416);
        assert_eq!(beyond.header("content-range"), Some(&*format!("bytes */{n}")));
    }
    for path in [&*media, MULTIVARIANT] {
        assert_eq!(world.ask("GET", path, &[("Range", "bytes=5-9")]).await.status, 200);
    }
}

#[tokio::test]
async fn manifests_are_compressed_for_who_accepts_it() {
    let world = World::looped(LOOPED).await;
    for path in [MULTIVARIANT, MEDIA, "/v1/g/3/c/manifest.mpd"] {
        let plain = world.get(path).await;
        assert_eq!(plain.header("vary"), Some("Accept-Encoding"));
        assert_eq!(plain.header("content-encoding"), None);
        let packed = world.ask("GET", path, &[("Accept-Encoding", "gzip, deflate, br")]).await;
        assert_eq!(packed.header("content-encoding"), Some("gzip"));
        assert_eq!(packed.header("vary"), Some("Accept-Encoding"));
        assert_ne!(packed.header("etag"), plain.header("etag"), "other bytes, another validator");
        let mut text = String::new();
        GzDecoder::new(&packed.body[..]).read_to_string(&mut text).expect("gzip");
        assert_eq!(text, plain.text());
        for refused in ["identity", "gzip;q=0", "br", "*;q=0", "gzip;q=0.000, *"] {
            let reply = world.ask("GET", path, &[("Accept-Encoding", refused)]).await;
            assert_eq!(reply.body, plain.body, "{refused}");
        }
    }
    let [_, _, segment, _] = objects(&world).await;
    let object = world.ask("GET", &segment, &[("Accept-Encoding", "gzip")]).await;
    assert_eq!(object.header("content-encoding"), None, "media is compressed already");
}

#[tokio::test]
async fn caches_are_told_how_long_each_kind_holds() {
    let world = World::looped(&format!("{LOOPED}{SILENT}")).await;
    let [media, init, segment, part] = objects(&world).await;
    let list = Playlist::read(&world.get(&media).await.text(), None);
    let (first, last) = (list.sequence, list.last());
    let folder = media.trim_end_matches("media.m3u8").to_owned();
    let forever = "public, max-age=31536000, immutable";
    let hls2 = world.get("/v1/g/2/c/manifest.m3u8").await.text();
    let hls2 = hls2.lines().find(|l| l.ends_with("media.m3u8")).unwrap().to_owned();
    for (path, status, cache) in [
        (MULTIVARIANT.to_owned(), 200, "max-age=0"),
        (media.clone(), 200, "max-age=0"),
        (format!("{media}?_HLS_skip=YES"), 200, "max-age=0"),
        (format!("{media}?_HLS_msn={last}"), 200, "max-age=6"),
        (format!("{media}?_HLS_msn={last}&_HLS_part=0&_HLS_skip=YES"), 200, "max-age=6"),
        (format!("/v1/g/2/c/{hls2}"), 200, "max-age=1"),
        ("/v1/g/3/c/manifest.mpd".to_owned(), 200, "max-age=1"),
        (init, 200, forever),
        (segment, 200, forever),
        (part, 200, forever),
        (format!("{media}?_HLS_msn={}", last + 9), 400, "no-store"),
        (format!("{folder}{}.m4s", last + 9), 404, "no-store"),
        (format!("{folder}p1-1.m4s"), 404, "no-store"),
        (format!("{folder}{}.m4s", first - 1000), 410, "max-age=1"),
        (format!("{folder}init-1.mp4"), 404, "max-age=1"),
        (format!("{folder}nothing"), 404, "max-age=1"),
        ("/v1/g/1/c/another.m3u8".to_owned(), 404, "max-age=1"),
        ("/v1/g/1/c/2-1/audio-eng/media.m3u8".to_owned(), 404, "max-age=1"),
        ("/v1/g/1/c/1-2/audio-eng/media.m3u8".to_owned(), 404, "max-age=1"),
        ("/v1/g/1/c/1-1/nobody/media.m3u8".to_owned(), 404, "max-age=1"),
        ("/v1/g/1/nobody/manifest.m3u8".to_owned(), 404, "max-age=1"),
        ("/".to_owned(), 404, "max-age=1"),
        ("/v1/g/1/silent/manifest.m3u8".to_owned(), 503, "no-store"),
        ("/time".to_owned(), 200, "no-store"),
    ] {
        let reply = world.get(&path).await;
        let told = (reply.status, reply.header("cache-control"));
        assert_eq!(told, (status, Some(cache)), "{path}: {:?}", reply.text_if_short());
        assert_eq!(reply.header("retry-after").is_some(), status == 503, "{path}");
    }
}

impl Reply {
    fn text_if_short(&self) -> String {
        String::from_utf8_lossy(&self.body[..self.body.len().min(200)]).into_owned()
    }
}

#[tokio::test]
async fn each_manifest_is_there_under_the_names_its_protocol_has() {
    let world = World::looped(LOOPED).await;
    let (hls, dash) = ("application/vnd.apple.mpegurl", "application/dash+xml");
    for (endpoint, bare, m3u8, mpd) in [
        (1, Some(hls), Some(hls), None),
        (2, Some(hls), Some(hls), None),
        (3, Some(dash), None, Some(dash)),
        (4, Some(hls), Some(hls), Some(dash)),
    ] {
        for (extension, expected) in [("", bare), (".m3u8", m3u8), (".mpd", mpd)] {
            let reply = world.get(&format!("/v1/g/{endpoint}/c/manifest{extension}")).await;
            let status = if expected.is_some() { 200 } else { 404 };
            assert_eq!(reply.status, status, "{endpoint}{extension}");
            let content_type = reply.header("content-type").expect("a type");
            assert_eq!(content_type, expected.unwrap_or("text/plain; charset=utf-8"));
        }
    }
    let bare = world.get("/v1/g/1/c/manifest").await.body;
    assert_eq!(bare, world.get(MULTIVARIANT).await.body);
    assert_eq!(world.get("/v1/g/3/c/3-1/audio-eng/media.m3u8").await.status, 404);
}

#[tokio::test]
async fn other_methods_are_refused_with_those_that_are_allowed() {
    let world = World::looped(LOOPED).await;
    for method in ["POST", "PUT", "DELETE", "PATCH", "PROPFIND"] {
        let reply = world.ask(method, MULTIVARIANT, &[("Content-Length", "0")]).await;
        assert_eq!(reply.status, 405, "{method}");
        assert_eq!(reply.header("allow"), Some("GET, HEAD, OPTIONS"));
    }
}

#[tokio::test]
async fn one_connection_answers_many_requests_and_pipelined_ones_in_order() {
    let world = World::looped(LOOPED).await;
    let [media, init, segment, part] = objects(&world).await;
    let mut connection = Connection::open(world.egress()).await;
    let mut expected = Vec::new();
    for path in [&media, &init, &segment, &part] {
        expected.push(connection.get(path).await.without_date());
    }
    assert_eq!(world.metric("headwater_connections "), 1);
    let paths = [&*media, &*init, "/nothing", &*segment, &*part];
    let requests = paths.map(|path| format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n"));
    connection.write(requests.concat().as_bytes()).await;
    for (path, expected) in paths.iter().zip([
        Some(&expected[0]),
        Some(&expected[1]),
        None,
        Some(&expected[2]),
        Some(&expected[3]),
    ]) {
        let reply = connection.receive("GET").await.without_date();
        match expected {
            Some(expected) => assert_eq!(&reply, expected, "{path}"),
            None => assert_eq!(reply.status, 404),
        }
    }
}
