//! CMAF tracks: headers and chunks alone tell what they are (DASH-IF Live Media Ingest, interface 1).

use super::*;

#[test]
fn cmaf_tracks_are_endless_bodies_in_any_pieces() {
    let whole = {
        let mut sender = Sender::new();
        sender.put("Streams(v.cmfv)", V_CMAF).expect("a track");
        sender.put("Streams(a.cmfa)", A_CMAF).expect("a track");
        sender.wait(20_000);
        sender
    };
    assert_eq!(whole.counts(), rows(&[(Video, "v", 150), (Audio, "a", 283)]));
    for piece in [1_usize, 100, 1_500] {
        let mut sender = Sender::new();
        let objects =
            ["Streams(v.cmfv)", "Streams(a.cmfa)"].map(|p| sender.session.open(now(0), p));
        let mut rest = [V_CMAF, A_CMAF];
        while rest.iter().any(|r| !r.is_empty()) {
            for (object, rest) in objects.iter().zip(&mut rest) {
                let (taken, left) = rest.split_at(piece.min(rest.len()));
                *rest = left;
                sender.session.push(now(0), *object, taken).expect("a track");
            }
        }
        for object in objects {
            sender.session.end(now(0), object, true).expect("whole");
        }
        sender.drain();
        sender.wait(20_000);
        same_media(&sender, &whole);
    }
}

#[test]
fn one_request_a_segment_is_as_good_and_duplicates_are_taken_once() {
    let (header, chunks) = cut(V_CMAF);
    assert!(chunks.len() > 4, "{}", chunks.len());
    let mut once = Sender::new();
    once.put("Streams(v.cmfv)", &[&header[..], &chunks.concat()].concat()).expect("a track");
    once.wait(20_000);

    let mut sender = Sender::new();
    sender.put("Streams(v.cmfv)", &header).expect("a header");
    for (n, chunk) in chunks.iter().enumerate() {
        sender.put("Streams(v.cmfv)", chunk).expect("a chunk");
        if n % 3 == 1 {
            // The connection is said to have failed: header and segment come again.
            sender.put("Streams(v.cmfv)", &header).expect("a header");
            sender.put("Streams(v.cmfv)", chunk).expect("a chunk");
        }
    }
    sender.wait(20_000);
    same_media(&sender, &once);
    assert_eq!(sender.faults, []);
    assert_eq!(sender.tracks().len(), 1, "the same header is nothing new");

    for path in ["v/init.cmfv", "v/init.mp4"] {
        let mut sender = Sender::new();
        sender.put(path, &header).expect("a header");
        let extension = path.rsplit('.').next().expect("one");
        for (n, chunk) in chunks.iter().enumerate() {
            sender
                .put(&format!("v/{n}.{}", extension.replace("mp4", "m4s")), chunk)
                .expect("a chunk");
        }
        sender.wait(20_000);
        same_media(&sender, &once);
    }
}

#[test]
fn a_chunk_that_comes_late_is_left_out_and_one_that_is_lost_is_a_hole() {
    let (header, chunks) = cut(A_CMAF);
    let mut sender = Sender::new();
    sender.put("Streams(a.cmfa)", &header).expect("a header");
    for n in [0, 1, 3, 2, 4] {
        sender.put("Streams(a.cmfa)", &chunks[n]).expect("a chunk");
    }
    sender.wait(20_000);
    assert_eq!(sender.faults, [Fault::LateChunk]);
    let media = sender.media();
    let samples = &media[&(Audio, "a".to_owned())];
    assert!(samples.windows(2).all(|w| w[0].dts < w[1].dts));
}

#[test]
fn a_sender_that_begins_anew_is_a_break() {
    let (header, chunks) = cut(A_CMAF);
    let other: Vec<Vec<u8>> = chunks
        .iter()
        .map(|chunk| {
            // Other media with the same times.
            let mut chunk = chunk.clone();
            let at = chunk.len() - 200;
            let mdat = chunk.windows(4).position(|w| w == b"mdat").expect("one") + 4;
            chunk[mdat] ^= 1;
            chunk[at] ^= 1;
            chunk
        })
        .collect();
    let mut sender = Sender::new();
    sender.put("Streams(a.cmfa)", &[&header[..], &chunks.concat()].concat()).expect("a track");
    sender.put("Streams(a.cmfa)", &[&header[..], &other.concat()].concat()).expect("a track");
    sender.wait(20_000);
    let breaks = sender.events.iter().filter(|e| matches!(e, SourceEvent::Break)).count();
    assert_eq!((breaks, sender.media()[&(Audio, "a".to_owned())].len()), (1, 2 * 283));
}

#[test]
fn media_without_a_header_is_refused_and_a_header_makes_it_welcome() {
    let (header, chunks) = cut(A_CMAF);
    for path in ["Streams(a.cmfa)", "a/1.cmfa", "a/1.m4s", "a.cmfa"] {
        let mut sender = Sender::new();
        assert_eq!(sender.put(path, &chunks[0]), Err(Refusal::NoHeader), "{path}");
        sender.put(path, &header).expect("a header");
        assert_eq!(sender.put(path, &chunks[0]), Ok(()), "{path}");
    }
}

#[test]
fn the_last_segment_of_all_tracks_ends_the_source() {
    let (header, chunks) = cut(A_CMAF);
    let mut sender = Sender::new();
    sender.put("Streams(a.cmfa)", &header).expect("a header");
    sender.put("Streams(a.cmfa)", &chunks[0]).expect("a chunk");
    let last = [b"\0\0\0\x18stypcmfs\0\0\0\0cmfslmsg".as_slice(), &chunks[1]].concat();
    sender.put("Streams(a.cmfa)", &last).expect("the last");
    assert!(sender.is_lost());
}

#[test]
fn times_near_their_arrival_count_from_the_epoch() {
    let (header, chunks) = cut(A_CMAF);
    let mut sender = Sender::new();
    sender.put("Streams(a.cmfa)", &header).expect("a header");
    let begins = u64::try_from(WALL_MS).expect("after 1970") * 48;
    for (n, chunk) in chunks.iter().enumerate() {
        let mut chunk = chunk.clone();
        let tfdt = chunk.windows(4).position(|w| w == b"tfdt").expect("one") + 4;
        let (version, field) = (chunk[tfdt], tfdt + 4);
        assert_eq!(version, 1, "a decode time of 64 bits");
        let old = u64::from_be_bytes(chunk[field..field + 8].try_into().expect("eight"));
        chunk[field..field + 8].copy_from_slice(&(begins + old).to_be_bytes());
        sender.ms = n as u64 * 500;
        sender.put("Streams(a.cmfa)", &chunk).expect("a chunk");
    }
    sender.wait(20_000);
    assert_eq!(sender.anchors().last().map(|a| (a.0, a.1.floor_millis())), Some((0, 0)));
    // Each chunk could go on as it is.
    let media = sender.media();
    let samples = &media[&(Audio, "a".to_owned())];
    assert!(samples.iter().all(|sample| sample.origin.is_some()));
}

/// A `prft` of track 1: so many ticks were produced at that Unix second and a half.
fn producer_time(unix: u32, media_time: u64) -> Vec<u8> {
    let seconds = unix.wrapping_add(2_208_988_800).to_be_bytes();
    let version_and_flags = [1, 0, 0, 24];
    [
        &32_u32.to_be_bytes()[..],
        b"prft",
        &version_and_flags,
        &1_u32.to_be_bytes(),
        &seconds,
        &(1_u32 << 31).to_be_bytes(),
        &media_time.to_be_bytes(),
    ]
    .concat()
}

/// The same chunk without a `prft` of its own.
fn unstamped(chunk: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = chunk;
    while let Some(size) = rest.first_chunk::<4>().map(|size| u32::from_be_bytes(*size) as usize) {
        let (one, more) = rest.split_at(size);
        if &one[4..8] != b"prft" {
            out.extend_from_slice(one);
        }
        rest = more;
    }
    out
}

#[test]
fn a_track_counted_from_zero_has_its_time_of_day_by_prft() {
    let (header, chunks) = cut(A_CMAF);
    let chunks: Vec<_> = chunks.iter().map(|chunk| unstamped(chunk)).collect();
    let mut plain = Sender::new();
    plain.put("Streams(a.cmfa)", &[&header[..], &chunks.concat()].concat()).expect("a track");
    plain.wait(20_000);
    assert_eq!(plain.anchors(), [], "nothing says when");

    let mut told = Sender::new();
    told.put("Streams(a.cmfa)", &header).expect("a header");
    for (n, chunk) in chunks.iter().enumerate() {
        let stamped = [&producer_time(1_800_000_000, 48_000)[..], chunk].concat();
        told.put("Streams(a.cmfa)", if n < 2 { &stamped } else { chunk }).expect("a chunk");
    }
    told.wait(20_000);
    same_media(&told, &plain);
    let epoch = MediaTime::from_millis(1_800_000_000_500);
    assert!(!told.anchors().is_empty());
    assert!(told.anchors().iter().all(|anchor| *anchor == (48_000, epoch)), "{:?}", told.anchors());
}
