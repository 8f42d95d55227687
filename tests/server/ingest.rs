//! What encoders push, and what becomes of it.

use crate::client::{Connection, chunk};
use crate::playlist::{Playlist, attribute, media_playlists};
use crate::ts::{self, PUSHED, begin, push, push_as};
use crate::world::World;

const PATH: &str = "/v1/g/1/p/live.ts";

/// What an input with a password adds to the channel.
const PASSWORD: &str = "[[channel.input]]\nuser = \"encoder\"\npassword = \"example-password\"\n";

/// The multivariant playlist, once the channel plays what was pushed and its encoder has gone.
async fn played(world: &World) -> String {
    // What was pushed has the time at which it came.
    world.until("a run has begun", |w| !w.snapshot().segmentations.is_empty()).await;
    world.advance(1_100);
    // Until then the last segment is open.
    world.until("the encoder is known to have gone", |w| w.snapshot().losses == 1).await;
    world.until("it plays", ts::plays).await;
    let reply = world.get("/v1/g/2/p/manifest.m3u8").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.text()
}

/// Every segment of endpoint 2's lists with its bytes, by rendition.
async fn segments(world: &World) -> Vec<(String, Vec<u8>)> {
    let mut connection = Connection::open(world.egress()).await;
    let multivariant = connection.get("/v1/g/2/p/manifest.m3u8").await.text();
    let mut out = Vec::new();
    for media in media_playlists(&multivariant) {
        let path = format!("/v1/g/2/p/{media}");
        let list = Playlist::read(&connection.get(&path).await.text(), None);
        for uri in list.uris() {
            let path = format!("{}{uri}", path.trim_end_matches("media.m3u8"));
            let reply = connection.get(&path).await;
            assert_eq!(reply.status, 200, "{path}");
            out.push((path, reply.body));
        }
    }
    out
}

#[tokio::test]
async fn each_stream_plays_with_the_renditions_it_has() {
    let (big, small) = ("320x180", "160x90");
    for (name, body, lasts, sizes, languages) in [
        ("25", ts::BFRAMES_25, 4, &[big][..], &["und"][..]),
        ("29.97", ts::BFRAMES_2997, 4, &[big][..], &["und"][..]),
        ("30", ts::BFRAMES_30, 4, &[big][..], &["und"][..]),
        ("two languages", ts::TWO_LANGUAGES, 3, &[big][..], &["en", "fr"][..]),
        ("two programmes", ts::TWO_PROGRAMS, 3, &[big, small][..], &["und"][..]),
        ("a wrap", ts::WRAP, 3, &[big][..], &["und"][..]),
        ("audio only", ts::AUDIO_441, 4, &[][..], &["und"][..]),
    ] {
        let world = World::driven(PUSHED);
        // Three seconds are too few to be sure of a rhythm.
        let body = ts::twice(body, lasts);
        assert_eq!(push(&world, PATH, &body).await.status, 200, "{name}");
        let text = played(&world).await;
        let variants = text.lines().filter(|l| l.starts_with("#EXT-X-STREAM-INF"));
        let mut found: Vec<_> = variants.filter_map(|l| attribute(l, "RESOLUTION")).collect();
        found.sort_by(|a, b| b.cmp(a));
        assert_eq!(found, sizes, "{name}: {text}");
        let audio = text.lines().filter(|l| l.starts_with("#EXT-X-MEDIA:TYPE=AUDIO"));
        let found: Vec<_> = audio.filter_map(|l| attribute(l, "LANGUAGE")).collect();
        assert_eq!(found, languages, "{name}: {text}");
        let all = segments(&world).await;
        assert!(all.len() >= 3 * (sizes.len() + languages.len()), "{name}: {}", all.len());
        assert!(all.iter().all(|(_, bytes)| bytes.len() > 100), "{name}");
    }
}

#[tokio::test]
async fn a_folder_is_a_rung_of_its_own() {
    let world = World::driven(PUSHED);
    let mut high = begin(&world, "/v1/g/1/p/high/live.ts").await;
    let mut low = begin(&world, "/v1/g/1/p/low/live.ts").await;
    let mut pushed = 0;
    for piece in ts::twice(ts::BFRAMES_25, 4).chunks(ts::PACKET * 100) {
        high.write(&chunk(piece)).await;
        low.write(&chunk(piece)).await;
        // In step, as two encoders of one programme are.
        pushed += 2 * i64::try_from(piece.len()).unwrap();
        world.until("both came", |w| w.metric("headwater_ingested") == pushed).await;
    }
    world.until("it plays", ts::plays).await;
    let text = world.get("/v1/g/2/p/manifest.m3u8").await.text();
    for connection in [&mut high, &mut low] {
        connection.write(b"0\r\n\r\n").await;
        assert_eq!(connection.receive("PUT").await.status, 200);
    }
    let lists = media_playlists(&text);
    for rung in ["high", "low"] {
        assert!(lists.iter().any(|list| list.contains(rung)), "{rung}: {text}");
    }
    assert_eq!(text.matches("#EXT-X-STREAM-INF").count(), 2, "{text}");
    assert_eq!(text.matches("#EXT-X-MEDIA").count(), 1, "rungs share what they say: {text}");
}

#[tokio::test]
async fn many_short_bodies_are_one_stream_and_post_is_as_good_as_put() {
    let whole = World::driven(PUSHED);
    push(&whole, PATH, ts::BFRAMES_30).await;
    played(&whole).await;
    let expected = segments(&whole).await;
    assert!(expected.len() >= 8, "{}", expected.len());

    let pieces = ts::pieces(ts::BFRAMES_30, 9_000);
    assert!(pieces.len() > 10, "{}", pieces.len());
    assert_eq!(pieces.concat(), ts::BFRAMES_30);
    for method in ["PUT", "POST"] {
        let world = World::driven(PUSHED);
        for (i, piece) in pieces.iter().enumerate() {
            let reply = push_as(&world, method, &format!("/v1/g/1/p/{i}.ts"), &[], piece).await;
            assert_eq!(reply.status, 200, "{}", reply.text());
        }
        played(&world).await;
        assert!(segments(&world).await == expected, "{method}: the same names and bytes");
    }
}

#[tokio::test]
async fn an_input_with_a_password_takes_no_other() {
    let world = World::driven(&format!("{PUSHED}{PASSWORD}"));
    // encoder:example-password, encoder:wrong, other:example-password, encoder
    let right = "Basic ZW5jb2RlcjpleGFtcGxlLXBhc3N3b3Jk";
    for (authorization, status) in [
        (None, 401),
        (Some("Basic ZW5jb2Rlcjp3cm9uZw=="), 401),
        (Some("Basic b3RoZXI6ZXhhbXBsZS1wYXNzd29yZA=="), 401),
        (Some("Basic ZW5jb2Rlcg=="), 401),
        (Some("Basic !!!"), 401),
        (Some("Bearer example-password"), 401),
        (Some(right), 200),
    ] {
        let header = authorization.map(|value| ("Authorization", value));
        let reply = push_as(&world, "PUT", PATH, header.as_slice(), ts::AUDIO_441).await;
        assert_eq!(reply.status, status, "{authorization:?}");
        let challenges = reply.headers.iter().filter(|(name, _)| name == "www-authenticate");
        let schemes: Vec<&str> =
            challenges.filter_map(|(_, value)| value.split(' ').next()).collect();
        let offered = if status == 401 { &["Digest", "Digest", "Basic"][..] } else { &[] };
        assert_eq!(schemes, offered, "{authorization:?}");
    }
    // Input 2 has no section, so it is open.
    assert_eq!(push(&world, "/v1/g/2/p/live.ts", ts::AUDIO_441).await.status, 200);
}

/// Answers a challenge as an encoder does (RFC 7616 §3.4), by MD5.
fn digest(challenge: &str, password: &str) -> String {
    use md5::{Digest, Md5};
    let hash = |text: String| {
        let bytes = Md5::digest(text.as_bytes());
        format!("{:032x}", u128::from_be_bytes(bytes.into()))
    };
    let nonce = challenge.split_once("nonce=\"").unwrap().1.split('"').next().unwrap();
    let who = hash(format!("encoder:headwater ingest:{password}"));
    let what = hash(format!("PUT:{PATH}"));
    let response = hash(format!("{who}:{nonce}:00000001:abc:auth:{what}"));
    format!(
        "Digest username=\"encoder\", realm=\"headwater ingest\", nonce=\"{nonce}\", \
         uri=\"{PATH}\", qop=auth, nc=00000001, cnonce=\"abc\", response=\"{response}\""
    )
}

#[tokio::test]
async fn digest_is_asked_for_answered_and_asked_for_anew_when_its_nonce_is_old() {
    let world = World::driven(&format!("{PUSHED}{PASSWORD}"));
    let push = async |authorization: Option<&str>| {
        let header = authorization.map(|value| ("Authorization", value));
        push_as(&world, "PUT", PATH, header.as_slice(), ts::AUDIO_441).await
    };
    let challenge = |reply: &crate::client::Reply| {
        let mut challenges = reply.headers.iter().filter(|(name, _)| name == "www-authenticate");
        let md5 = challenges.find(|(_, value)| value.contains("algorithm=MD5"));
        md5.expect("MD5 is offered").1.clone()
    };
    let asked = push(None).await;
    assert_eq!(asked.status, 401);
    assert!(!challenge(&asked).contains("stale"));
    let right = digest(&challenge(&asked), "example-password");
    assert_eq!(push(Some(&right)).await.status, 200);
    assert_eq!(push(Some(&right)).await.status, 200, "a nonce may be answered again");
    let wrong = digest(&challenge(&asked), "wrong");
    let refused = push(Some(&wrong)).await;
    assert_eq!(refused.status, 401);
    assert!(!challenge(&refused).contains("stale"));
    world.advance(301_000);
    let stale = push(Some(&right)).await;
    assert_eq!(stale.status, 401);
    assert!(challenge(&stale).contains(", stale=true"));
    let anew = digest(&challenge(&stale), "example-password");
    assert_eq!(push(Some(&anew)).await.status, 200);
}

#[tokio::test]
async fn who_expects_100_continue_is_answered_before_the_body() {
    let world = World::driven(&format!("{PUSHED}{PASSWORD}"));
    let expect = [("Transfer-Encoding", "chunked"), ("Expect", "100-continue")];
    let mut connection = Connection::open(world.server().ingest).await;
    let reply = connection.ask("PUT", PATH, &expect).await;
    assert_eq!(reply.status, 401, "without a byte of the body");

    let right = ("Authorization", "Basic ZW5jb2RlcjpleGFtcGxlLXBhc3N3b3Jk");
    let mut connection = Connection::open(world.server().ingest).await;
    let reply = connection.ask("PUT", PATH, &[expect[0], expect[1], right]).await;
    assert_eq!(reply.status, 100);
    connection.write(&chunk(ts::AUDIO_441)).await;
    connection.write(b"0\r\n\r\n").await;
    assert_eq!(connection.receive("PUT").await.status, 200);
}

#[tokio::test]
async fn what_is_not_there_or_not_a_push_is_refused_with_a_sentence() {
    let looped = "[[channel]]\ngroup = \"g\"\nname = \"l\"\nloop = \"loop.mp4\"\n\
                  [[channel.endpoint]]\nprotocol = \"HLS_CMAF\"\nopen = true\n";
    let world = World::driven(&format!("{PUSHED}{looped}"));
    for (method, path, status, says) in [
        ("PUT", "/v1/g/1/nobody/live.ts", 404, "there is no channel g/nobody"),
        ("PUT", "/v1/nobody/1/p/live.ts", 404, "there is no channel nobody/p"),
        ("PUT", "/v1/g/3/p/live.ts", 404, "input is 1 or 2"),
        ("PUT", "/v1/g/1/p/a//live.ts", 404, "push to /v1/"),
        ("PUT", "/v1/g/1/p/", 404, "push to /v1/"),
        ("PUT", "/", 404, "push to /v1/"),
        ("PUT", "/v1/g/1/l/live.ts", 404, "push to input 2"),
        ("GET", PATH, 405, "PUT or POST"),
        ("DELETE", "/v1/g/1/nobody/live.ts", 404, "there is no channel g/nobody"),
        ("OPTIONS", PATH, 405, "PUT or POST"),
    ] {
        let reply = push_as(&world, method, path, &[], &[]).await;
        assert_eq!(reply.status, status, "{method} {path}");
        assert!(reply.text().contains(says), "{method} {path}: {}", reply.text());
        assert_eq!(reply.header("allow").is_some(), status == 405);
    }
}

#[tokio::test]
async fn a_second_body_in_one_folder_is_refused_and_harms_nobody() {
    let world = World::driven(PUSHED);
    let (first, rest) = ts::BFRAMES_30.split_at(ts::PACKET * 400);
    let mut encoder = ts::push_and_stay(&world, PATH, first).await;
    world.until("the first is heard", |w| w.metric("headwater_ingested") > 0).await;
    let reply = push(&world, "/v1/g/1/p/other.ts", ts::BFRAMES_25).await;
    assert_eq!(reply.status, 409);
    assert!(reply.text().contains("folders of their own"), "{}", reply.text());
    assert!(world.admin("/status").await.text().contains("another body is being pushed"));
    encoder.write(&chunk(rest)).await;
    encoder.write(b"0\r\n\r\n").await;
    assert_eq!(encoder.receive("PUT").await.status, 200);
    let text = played(&world).await;
    assert!(text.contains("FRAME-RATE=30.000"), "{text}");
}

#[tokio::test]
async fn an_encoder_that_returns_takes_its_rung_from_a_connection_that_died_without_a_word() {
    let world = World::driven(PUSHED);
    let (first, rest) = ts::BFRAMES_30.split_at(ts::BFRAMES_30.len() / ts::PACKET / 2 * ts::PACKET);
    let mut dead = ts::push_and_stay(&world, PATH, first).await;
    let came = i64::try_from(first.len()).unwrap();
    world.until("the first is heard", |w| w.metric("headwater_ingested") == came).await;
    world.advance(2_100);
    assert_eq!(push(&world, PATH, rest).await.status, 200);
    let reply = dead.receive("PUT").await;
    assert_eq!(reply.status, 409);
    assert!(reply.text().contains("another encoder has come"), "{}", reply.text());
    // The session goes on: nothing was lost between the two.
    let text = played(&world).await;
    assert!(text.contains("FRAME-RATE=30.000"), "{text}");
    assert_eq!(world.snapshot().losses, 1, "the end of the second is the only loss");
}

#[tokio::test]
async fn what_is_no_media_is_refused_with_what_is_taken() {
    let mut state = 7_u32;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    });
    let noise: Vec<u8> = noise.take(64 << 10).collect();
    let html = "<!DOCTYPE html><title>no media</title>".repeat(20);
    for (name, body) in [("noise", &*noise), ("a page", html.as_bytes())] {
        let world = World::driven(PUSHED);
        let reply = push(&world, PATH, body).await;
        assert_eq!(reply.status, 415, "{name}");
        assert!(reply.text().contains("MPEG-TS (188-byte packets)"), "{name}: {}", reply.text());
        let status = world.admin("/status").await.text();
        assert!(status.contains("was refused: no media was found in the body"), "{name}: {status}");
        // The same connection and input take media at once.
        assert_eq!(push(&world, PATH, ts::BFRAMES_30).await.status, 200, "{name}");
        played(&world).await;
    }
}

#[tokio::test]
async fn what_an_encoder_gets_wrong_is_counted_and_said() {
    let world = World::driven(PUSHED);
    let damaged = ts::without_packet(ts::BFRAMES_30, 256, 40);
    assert_eq!(damaged.len() + ts::PACKET, ts::BFRAMES_30.len());
    assert_eq!(push(&world, PATH, &damaged).await.status, 200);
    played(&world).await;
    let fact = "headwater_facts_total{group=\"g\",channel=\"p\",fact=\"continuity_broken\"} 1\n";
    let metrics = world.admin("/metrics").await.text();
    assert!(metrics.contains(fact), "{metrics}");
    let status = world.admin("/status").await.text();
    assert_eq!(status.matches("packets are missing on PID 256").count(), 1, "{status}");
    assert!(status.contains("plays "), "{status}");
}

#[tokio::test]
async fn elementary_streams_that_are_not_carried_are_named() {
    let world = World::driven(PUSHED);
    // The second language becomes AAC in LATM.
    let body = ts::with_stream_type(&ts::twice(ts::TWO_LANGUAGES, 3), 4096, 258, 0x11);
    assert_eq!(push(&world, PATH, &body).await.status, 200);
    let text = played(&world).await;
    assert_eq!(text.matches("#EXT-X-MEDIA").count(), 1, "{text}");
    let status = world.admin("/status").await.text();
    assert!(
        status.contains("elementary stream 258 of type 0x11 (AAC in LATM) is not carried"),
        "{status}"
    );
    assert_eq!(
        world.metric("headwater_facts_total{group=\"g\",channel=\"p\",fact=\"LeftOut\"}"),
        1
    );
}

#[tokio::test]
async fn hevc_and_all_sounds_are_listed_with_their_strings() {
    let world = World::driven(PUSHED);
    assert_eq!(push(&world, PATH, &ts::twice(ts::CODECS, 3)).await.status, 200);
    let text = played(&world).await;
    assert!(text.contains("CODECS=\"hvc1.1.6.L30.90,ac-3,ec-3,mp4a.6B\""), "{text}");
    assert_eq!(text.matches("CHANNELS=\"1\"").count(), 3, "{text}");
}
