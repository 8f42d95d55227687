//! RTMP publish: who may, what plays, what is refused and why.

use std::net::SocketAddr;

use headwater::media::{Codec, MediaKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::PATIENCE;
use crate::playlist::{attribute, media_playlists};
use crate::rtmp_client::{Encoder, NULL, Tag, chunks, object, tags, text};
use crate::segments::samples;
use crate::tls;
use crate::ts::{self, PUSHED};
use crate::world::{World, folder};

/// Listeners with RTMP, before what follows.
fn listening(sections: &str) -> String {
    format!(
        "[egress]\nlisten = \"127.0.0.1:0\"\nworkers = 1\n\
         [ingest]\nhttp = \"127.0.0.1:0\"\nrtmp = \"127.0.0.1:0\"\n\
         [admin]\nlisten = \"127.0.0.1:0\"\n{sections}"
    )
}

pub(crate) fn rtmp(world: &World) -> SocketAddr {
    world.server().rtmp[0].expect("it listens")
}

/// Eight seconds of H.264 and AAC.
pub(crate) fn plain() -> Vec<Tag> {
    tags(&ts::twice(ts::BFRAMES_25, 4), 0, |_| true)
}

/// A publish that begins, of this name in the group `g`.
async fn publishing(world: &World, name: &str) -> Encoder<TcpStream> {
    let mut encoder = Encoder::open(rtmp(world)).await;
    let status = encoder.publish("g", name).await;
    assert!(status.contains("NetStream.Publish.Start"), "{name}: {status}");
    encoder.sent = 0;
    encoder
}

async fn refused(world: &World, app: &str, name: &str) -> String {
    let mut encoder = Encoder::open(rtmp(world)).await;
    let status = encoder.publish(app, name).await;
    encoder.closed().await;
    status
}

/// The multivariant playlist, once it plays.
async fn played(world: &World) -> String {
    world.until("it plays", ts::plays).await;
    world.get("/v1/g/2/p/manifest.m3u8").await.text()
}

#[tokio::test]
async fn what_is_published_plays_with_every_frame() {
    let world = World::driven(&listening(PUSHED));
    let mut encoder = publishing(&world, "p").await;
    let all = plain();
    encoder.tags(&all).await;
    world.until("it plays", ts::plays).await;
    encoder.call("FCUnpublish", 4.0, &[NULL, &text("p")]).await;
    encoder.until("NetStream.Unpublish.Success").await;
    world.advance(1_100);
    world.until("the encoder is known to have gone", |w| w.snapshot().losses == 1).await;
    let text = played(&world).await;
    assert!(text.contains("RESOLUTION=320x180") && text.contains("mp4a.40.2"), "{text}");
    let frames = |kind| all.iter().filter(|tag| tag.kind == kind).count() - 1;
    let listed = samples(&world);
    assert!(listed["video"] > frames(MediaKind::Video) - 51, "{listed:?}");
    for list in media_playlists(&text) {
        let list = world.get(&format!("/v1/g/2/p/{list}")).await.text();
        let lengths = list.lines().filter_map(|line| line.strip_prefix("#EXTINF:"));
        let lengths: Vec<f64> = lengths.map(|l| l.trim_end_matches(',').parse().unwrap()).collect();
        assert!(lengths.len() >= 5 && lengths.iter().all(|l| (l - 1.0).abs() < 0.03), "{list}");
        assert!(!list.contains("DISCONTINUITY\n"), "{list}");
    }
    assert!(world.metric("headwater_ingested_bytes") > 100_000);
    assert_eq!(world.metric("headwater_requests_total{kind=\"rtmp\",status=\"200\"}"), 1);
}

#[tokio::test]
async fn picture_and_sound_may_be_interleaved_chunk_by_chunk() {
    let world = World::driven(&listening(PUSHED));
    let mut encoder = publishing(&world, "p").await;
    // Chunks of 500 bytes, of both kinds in turn.
    encoder.send(2, 1, 0, &500_u32.to_be_bytes()).await;
    let (video, audio): (Vec<Tag>, Vec<Tag>) =
        plain().into_iter().partition(|tag| tag.kind == MediaKind::Video);
    let of = |stream, kind, tags: Vec<Tag>| {
        tags.into_iter().flat_map(move |tag| chunks(stream, 500, kind, tag.at, &tag.body))
    };
    let (mut video, mut audio) = (of(6, 9, video).peekable(), of(4, 8, audio).peekable());
    while video.peek().is_some() || audio.peek().is_some() {
        let pieces: Vec<u8> =
            video.by_ref().take(2).chain(audio.by_ref().take(1)).flatten().collect();
        encoder.write(&pieces).await;
    }
    let text = played(&world).await;
    assert_eq!(text.matches("#EXT-X-STREAM-INF").count(), 1, "{text}");
    assert_eq!(
        world.metric("headwater_facts_total{group=\"g\",channel=\"p\",fact=\"unit_length\"}"),
        0
    );
}

#[tokio::test]
async fn names_behind_the_channels_are_rungs_and_a_channel_of_the_whole_name_wins() {
    let other = PUSHED[PUSHED.find("[[channel]]").unwrap()..].replace("\"p\"", "\"p_own\"");
    let world = World::driven(&listening(&format!("{PUSHED}{other}")));
    let mut high = publishing(&world, "p_high").await;
    let mut low = publishing(&world, "p_low").await;
    for piece in plain().chunks(40) {
        high.tags(piece).await;
        low.tags(piece).await;
        // In step, as two encoders of one programme are.
        let sent = high.sent + low.sent;
        world.until("both came", |w| w.metric("headwater_ingested") == sent).await;
    }
    let text = played(&world).await;
    let lists = media_playlists(&text);
    for rung in ["high", "low"] {
        assert!(lists.iter().any(|list| list.contains(&format!("video-{rung}"))), "{text}");
    }
    let mut own = publishing(&world, "p_own").await;
    own.tags(&plain()).await;
    let channel = world.server().origin.channel("g", "p_own").expect("a channel").clone();
    world.until("its own channel plays", |_| !channel.snapshot().segmentations.is_empty()).await;
}

#[tokio::test]
async fn refusals_say_why_and_leave_a_note() {
    let looped = "[[channel]]\ngroup = \"g\"\nname = \"loop\"\nloop = \"loop.mp4\"\n\
                  [[channel.endpoint]]\nprotocol = \"DASH\"\nopen = true\n";
    let password = "[[channel.input]]\nuser = \"encoder\"\npassword = \"example-password\"\n";
    let world = World::driven(&listening(&format!("{PUSHED}{password}{looped}")));
    let wants = "asks for its user and password";
    for (app, name, code, why) in [
        ("g", "x", "BadName", "there is no channel g/x"),
        ("x", "p", "BadName", "there is no channel x/p"),
        ("g", "p_b.d", "BadName", "there is no channel g/p_b.d"),
        ("g/h", "p", "BadName", "rtmp://host/{group}/{channel}"),
        ("g", "p?input=3", "BadName", "input=3 is not known"),
        ("g", "loop", "BadName", "plays its loop"),
        ("g", "p", "Rejected", wants),
        ("g", "p?user=encoder&pass=wrong", "Rejected", wants),
        ("g", "p?user=other&pass=example-password", "Rejected", wants),
        ("g", "p?auth=encoder", "Rejected", wants),
    ] {
        let status = refused(&world, app, name).await;
        assert!(status.contains(&format!("NetStream.Publish.{code}")), "{app}/{name}: {status}");
        assert!(status.contains(why), "{app}/{name}: {status}");
    }
    let status = world.admin("/status").await.text();
    assert!(status.contains(&format!("input 1 and was refused: this input {wants}")), "{status}");
    for name in [
        "p?user=encoder&pass=example-password",
        "p_hd?user=encoder&password=example-password",
        "p_sd?auth=encoder:example-password",
        // Input 2 has no section, so it is open.
        "p?input=2",
    ] {
        publishing(&world, name).await;
    }
    let mut player = Encoder::open(rtmp(&world)).await;
    player.call("connect", 1.0, &[&object(&[("app", "g")])]).await;
    player.until("NetConnection.Connect.Success").await;
    player.call("play", 0.0, &[NULL, &text("p")]).await;
    assert!(player.until("onStatus").await.contains("play by HLS or DASH"));
}

#[tokio::test]
async fn an_input_takes_encoders_from_its_addresses_alone() {
    let lists = "[[channel.input]]\nip_whitelist = [\"10.0.0.0/8\"]\n\
                 [[channel.input]]\nip_whitelist = [\"127.0.0.0/8\"]\n";
    let world = World::driven(&listening(&format!("{PUSHED}{lists}")));
    let status = refused(&world, "g", "p").await;
    assert!(status.contains("Publish.Rejected") && status.contains("ip_whitelist"), "{status}");
    publishing(&world, "p?input=2").await;
    for (input, status) in [(1, 403), (2, 200)] {
        let reply = ts::push(&world, &format!("/v1/g/{input}/p/live.ts"), ts::AUDIO_441).await;
        assert_eq!(reply.status, status, "{}", reply.text());
    }
}

#[tokio::test]
async fn an_encoder_that_delivers_keeps_its_rung_and_one_that_is_silent_loses_it() {
    let world = World::driven(&listening(PUSHED));
    let mut first = publishing(&world, "p").await;
    let all = plain();
    first.tags(&all[..100]).await;
    let mut second = Encoder::open(rtmp(&world)).await;
    let (asked, ()) = tokio::join!(second.publish("g", "p"), async {
        // Delivers on while the other waits.
        let mut again = tokio::time::interval(std::time::Duration::from_millis(100));
        for tag in &all[100..130] {
            again.tick().await;
            first.tags(std::slice::from_ref(tag)).await;
        }
    });
    assert!(asked.contains("BadName") && asked.contains("another encoder publishes"), "{asked}");
    // Silent from here on: the clock passes limits.input_loss while the next one waits.
    let mut third = Encoder::open(rtmp(&world)).await;
    let passing = async {
        let mut again = tokio::time::interval(std::time::Duration::from_millis(50));
        loop {
            again.tick().await;
            world.advance(100);
        }
    };
    let (asked, told) = tokio::select! {
        both = async { tokio::join!(third.publish("g", "p"), first.until("onStatus")) } => both,
        () = passing => unreachable!("time passes for ever"),
    };
    assert!(asked.contains("Publish.Start"), "{asked}");
    assert!(told.contains("NetStream.Publish.Rejected"), "{told}");
    third.tags(&all).await;
    world.until("it plays", ts::plays).await;
}

#[tokio::test]
async fn a_crowd_that_comes_for_a_rung_is_turned_away_and_hangs_nobody() {
    let world = World::driven(&listening(PUSHED));
    let mut holder = publishing(&world, "p").await;
    let all = plain();
    holder.tags(&all[..100]).await;
    // More than the server has threads, so that one who kept a thread would be missed.
    let mut crowd = tokio::task::JoinSet::new();
    for _ in 0..24 {
        let to = rtmp(&world);
        crowd.spawn(async move { Encoder::open(to).await.publish("g", "p").await });
    }
    let told = async {
        let mut told = Vec::new();
        while let Some(status) = crowd.join_next().await {
            told.push(status.expect("no panic"));
        }
        told
    };
    let on = async {
        let mut again = tokio::time::interval(std::time::Duration::from_millis(50));
        for tag in all[100..].iter().cycle() {
            again.tick().await;
            holder.tags(std::slice::from_ref(tag)).await;
        }
    };
    let told = tokio::select! {
        told = told => told,
        () = on => unreachable!("it delivers for ever"),
    };
    assert!(told.iter().all(|status| status.contains("another encoder publishes")), "{told:?}");
    // Others come and go as ever.
    drop(publishing(&world, "p_low").await);
}

#[tokio::test]
async fn an_encoder_that_comes_back_goes_on_behind_a_discontinuity() {
    let world = World::driven(&listening(PUSHED));
    let mut encoder = publishing(&world, "p").await;
    encoder.tags(&plain()).await;
    world.until("it plays", ts::plays).await;
    drop(encoder);
    world.until("it is closed", |w| w.metric("headwater_ingest_connections") == 0).await;
    world.advance(3_000);
    world.until("it is known to have gone", |w| w.snapshot().losses == 1).await;
    let mut encoder = publishing(&world, "p").await;
    world.advance(8_000);
    encoder.tags(&plain()).await;
    let list = "/v1/g/2/p/1-1/video/media.m3u8";
    let list = loop {
        let text = played(&world).await;
        let name = media_playlists(&text)
            .into_iter()
            .find(|l| l.contains("video"))
            .unwrap_or(list.to_owned());
        let text = world.get(&format!("/v1/g/2/p/{name}")).await.text();
        if text.contains("#EXT-X-DISCONTINUITY\n") {
            break text;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(list.matches("#EXT-X-DISCONTINUITY\n").count(), 1, "{list}");
}

#[tokio::test]
async fn enhanced_tags_bring_hevc_ac3_and_eac3() {
    for sound in ["ac-3", "ec-3", "mp4a.6B"] {
        let world = World::driven(&listening(PUSHED));
        let mut encoder = publishing(&world, "p").await;
        let carried = |codec: &Codec| codec.kind() == MediaKind::Video || codec.rfc6381() == sound;
        let mut all = tags(ts::CODECS, 0, carried);
        // Two more rounds: three seconds are too few to be sure of a rhythm.
        let first = all.clone();
        for round in 1..3 {
            all.extend(first.iter().cloned().map(|tag| Tag { at: tag.at + round * 3_000, ..tag }));
        }
        encoder.tags(&all).await;
        let text = played(&world).await;
        let codecs = text.lines().find_map(|line| attribute(line, "CODECS")).unwrap_or_default();
        assert!(codecs.contains("hvc1.") && codecs.contains(sound), "{sound}: {text}");
    }
}

#[tokio::test]
async fn what_is_no_rtmp_or_too_much_is_closed_with_its_reason() {
    let limits = "[limits]\nheader = \"100ms\"\nfirst_byte = \"100ms\"\nsample_bytes = \"64KiB\"\n";
    let pushed = PUSHED.replace("[limits]\n", limits);
    let world = World::driven(&listening(&pushed));
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0x16, 3, 1], &[6; 2_000]] {
        let mut stream = TcpStream::connect(rtmp(&world)).await.expect("it listens");
        stream.write_all(bytes).await.expect("it reads");
        let mut rest = Vec::new();
        timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("an end").ok();
        assert_eq!(rest, b"");
    }
    // Who says nothing, and who connects and publishes nothing.
    let silent = TcpStream::connect(rtmp(&world)).await.expect("it listens");
    let mut idle = Encoder::open(rtmp(&world)).await;
    idle.call("connect", 1.0, &[&object(&[("app", "g")])]).await;
    idle.until("NetConnection.Connect.Success").await;
    idle.closed().await;
    drop(silent);
    world
        .until("both are counted", |w| {
            w.metric("headwater_limits_crossed_total{limit=\"Header\"}") == 2
        })
        .await;
    let mut encoder = publishing(&world, "p").await;
    encoder.write(&chunks(6, 128, 9, 0, &vec![0; 65_537])[0]).await;
    let told = encoder.until("onStatus").await;
    assert!(told.contains("has 65537 bytes; 65536 are allowed"), "{told}");
    encoder.closed().await;
    let status = world.admin("/status").await.text();
    assert!(status.contains("65536 are allowed"), "{status}");
}

#[tokio::test]
async fn the_end_of_the_server_is_told() {
    let world = World::driven(&listening(PUSHED));
    let mut encoder = publishing(&world, "p").await;
    encoder.tags(&plain()[..50]).await;
    let stopping = tokio::task::spawn_blocking(move || world.stop());
    let told = encoder.until("onStatus").await;
    assert!(told.contains("NetStream.Publish.Rejected") && told.contains("is ending"), "{told}");
    encoder.closed().await;
    stopping.await.expect("it stops");
}

#[tokio::test]
async fn rtmps_is_the_same_over_tls_and_a_plain_listener_stays_plain() {
    let folder = folder();
    let trusted = tls::issue(folder.path());
    let both = "rtmp = \"127.0.0.1:0\"\nrtmps = \"127.0.0.1:0\"\n\
                tls = { certificate = \"cert.pem\", key = \"key.pem\" }\n";
    let sections = listening(PUSHED).replace("rtmp = \"127.0.0.1:0\"\n", both);
    let world = World::driven_in(&folder, 0, &sections);
    let to = world.server().rtmp[1].expect("it listens");
    let stream = tls::connect(to, &trusted, tls::BOTH, &[]).await.expect("TLS");
    let mut encoder = Encoder::over(stream).await;
    let status = encoder.publish("g", "p").await;
    assert!(status.contains("NetStream.Publish.Start"), "{status}");
    encoder.tags(&plain()).await;
    world.until("it plays", ts::plays).await;
    assert!(publishing(&world, "p_plain").await.said.is_empty());
}
