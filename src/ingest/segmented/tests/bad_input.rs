//! What is refused, dropped or waited for, and bodies in any order and state.

use proptest::prelude::*;

use super::*;

#[test]
fn an_empty_body_is_welcome_and_a_body_that_broke_off_is_not_believed() {
    let mut sender = Sender::new();
    assert_eq!(sender.put("Streams(v.cmfv)", b""), Ok(()));
    let object = sender.session.open(now(0), "live.m3u8");
    sender.session.push(now(0), object, b"#EXTM3U\n#EXTINF:2,\na.ts\n").expect("a playlist");
    sender.session.end(now(0), object, false).expect("it broke off");
    assert!(!sender.session.has_manifest());
}

#[test]
fn what_is_no_media_is_refused_with_what_it_is() {
    let (header, _) = cut(V_CMAF);
    let mut encrypted = header.clone();
    let entry = encrypted.windows(4).position(|w| w == b"avc1").map(|at| {
        encrypted[at..at + 4].copy_from_slice(b"encv");
    });
    assert!(entry.is_some());
    let progressive =
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/loop/two-rungs.mp4"));
    for (path, body, says) in [
        ("a.m3u8", b"#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n".as_slice(), "AES-128"),
        ("a.mpd", b"<?xml version=\"1.0\"?><html></html>", "no MPD"),
        ("a.mpd", b"<MPD><Period></MPD>            ", "not well-formed"),
        ("a.cmfv", &encrypted, "encrypted"),
        ("a.mp4", progressive, "not fragmented"),
        ("a.vtt", b"WEBVTT and more text", "no media"),
        ("Streams(a)", b"\0\0\0\x10styp\0\0\0\0\0\0\0\0\0\0\0\x02????", "not made of ISO boxes"),
    ] {
        let refusal = Sender::new().put(path, body).expect_err(path).to_string();
        assert!(refusal.contains(says), "{path}: {refusal}");
    }
}

#[test]
fn chunks_whose_frames_have_no_bytes_are_left_out_and_said() {
    let (header, chunks) = cut(A_CMAF);
    let mut empty = chunks[1].clone();
    let trun = empty.windows(4).position(|w| w == b"trun").expect("one") - 4;
    // Its flags say: an offset, and the sizes alone.
    assert_eq!(empty[trun + 8..trun + 12], [1, 0, 2, 1]);
    let mdat = empty.windows(4).position(|w| w == b"mdat").expect("one") - 4;
    empty[trun + 20..mdat].fill(0);
    empty.truncate(mdat);
    empty.extend(b"\0\0\0\x08mdat");
    let mut sender = Sender::new();
    sender.put("Streams(a.cmfa)", &header).expect("a header");
    for chunk in [&chunks[0], &empty, &chunks[2]] {
        sender.put("Streams(a.cmfa)", chunk).expect("a chunk");
    }
    sender.wait(20_000);
    assert_eq!(sender.faults, [Fault::EmptyChunk]);
    assert_eq!(sender.counts(), rows(&[(Audio, "a", 48)]));
}

#[test]
fn what_nobody_asks_for_is_dropped_before_it_is_too_much() {
    let mut sender = Sender::holding(100_000);
    sender.put("live.m3u8", fixture!("hls-fmp4/live.m3u8")).expect("a playlist");
    for n in 0..30 {
        sender
            .put(&format!("other{n}.ts"), fixture!("hls-ts/s_0_0.ts"))
            .expect("it is dropped later");
    }
    let dropped = sender.faults.iter().filter(|f| matches!(f, Fault::Unlisted { .. })).count();
    assert_eq!(dropped, 27);
    let object = sender.session.open(now(0), "large.ts");
    let large = [&[0x47; 1][..], &vec![0; 150_000]].concat();
    let refused = sender.session.push(now(0), object, &large);
    assert_eq!(refused, Err(Refusal::Full { limit: 100_000 }));
}

#[test]
fn silence_of_a_segment_and_a_half_and_more_ends_the_source() {
    let mut sender = Sender::new();
    sender.put_all(&hls_ts()[..1].to_vec());
    let text = std::str::from_utf8(fixture!("hls-ts/out_0.m3u8")).expect("text");
    let live = text.replace("#EXT-X-ENDLIST\n", "");
    sender.put("out_0.m3u8", live.as_bytes()).expect("a playlist");
    sender.wait(4_900);
    assert!(!sender.is_lost());
    sender.wait(200);
    assert!(sender.is_lost());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_order_of_bodies_gives_the_same_media(
        order in Just((0..14).collect::<Vec<usize>>()).prop_shuffle(),
    ) {
        let files = dash();
        let shuffled: Files = order.iter().map(|n| files[*n]).collect();
        let mut sender = Sender::new();
        for (path, body) in &shuffled {
            // Media before any header is refused, and its sender is told so.
            let _ = sender.put(path, body);
        }
        sender.wait(20_000);
        for samples in sender.media().values() {
            prop_assert!(samples.windows(2).all(|w| w[0].dts < w[1].dts));
        }
    }

    #[test]
    fn no_mutation_of_a_push_is_too_much(
        which in 0usize..4,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..12),
        piece in 1usize..5_000,
    ) {
        let mut files: Vec<(&str, Vec<u8>)> = match which {
            0 => hls_ts(),
            1 => hls_fmp4(),
            2 => dash(),
            _ => vec![("Streams(v.cmfv)", V_CMAF), ("Streams(a.cmfa)", A_CMAF)],
        }.into_iter().map(|(path, body)| (path, body.to_vec())).collect();
        for (file, at, value) in edits {
            let file = file.index(files.len());
            let body = &mut files[file].1;
            let at = at.index(body.len());
            body[at] = value;
        }
        let mut sender = Sender::holding(200_000);
        for (path, body) in &files {
            let object = sender.session.open(now(sender.ms), path);
            for piece in body.chunks(piece) {
                let _ = sender.session.push(now(sender.ms), object, piece);
                sender.drain();
            }
            let _ = sender.session.end(now(sender.ms), object, true);
            sender.drain();
            sender.ms += 100;
        }
        sender.wait(200_000);
        prop_assert!(sender.session.is_over());
    }

    #[test]
    fn no_manifest_is_too_much(
        which in 0usize..3,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..20),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut text = [
            fixture!("hls-ts/master.m3u8"),
            fixture!("hls-fmp4/live.m3u8"),
            fixture!("dash/manifest.mpd"),
        ][which].to_vec();
        for (at, value) in edits {
            let at = at.index(text.len());
            text[at] = value;
        }
        text.truncate(cut.index(text.len()) + 1);
        fuzz_playlist(&text);
        fuzz_mpd(&text);
    }
}
