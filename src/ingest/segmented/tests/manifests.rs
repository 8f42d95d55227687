//! HLS and DASH: what files are is told by a playlist or an MPD (DASH-IF Live Media Ingest, interface 2).

use super::*;

#[test]
fn an_hls_push_of_transport_streams_is_two_rungs_of_one_source() {
    let sender = pushed(&hls_ts());
    let expected = rows(&[
        (Video, "out_0", 150),
        (Video, "out_1", 150),
        (Audio, "out_0", 283),
        (Audio, "out_1", 283),
    ]);
    assert_eq!(sender.counts(), expected);
    for samples in sender.media().values() {
        assert!(samples.windows(2).all(|w| w[0].dts < w[1].dts));
    }
    assert_eq!(sender.faults, []);
    assert!(sender.is_lost(), "the playlists end");
    assert!(sender.session.is_over());
}

#[test]
fn a_playlist_may_come_before_what_it_lists() {
    let in_order = pushed(&hls_ts());
    let mut files = hls_ts();
    files.sort_by_key(|(path, _)| !path.ends_with("m3u8"));
    same_media(&pushed(&files), &in_order);
    files.reverse();
    same_media(&pushed(&files), &in_order);
}

#[test]
fn an_hls_push_of_fragments_gives_video_and_sound_of_one_header() {
    let sender = pushed(&hls_fmp4());
    let (video, audio) = ((Video, "v", 150), (Audio, "v", 283));
    assert_eq!(sender.counts(), rows(&[video, audio]));
    assert!(sender.is_lost());
    // ffmpeg opens the header's body first and fills it when the first segment is done.
    let mut late = Sender::new();
    let files = hls_fmp4();
    let header = late.session.open(now(0), files[0].0);
    late.put_all(&files[1..4].to_vec());
    assert_eq!(late.counts(), []);
    late.session.push(now(0), header, files[0].1).expect("a header");
    late.session.end(now(0), header, true).expect("a header");
    late.put_all(&files[4..].to_vec());
    same_media(&late, &sender);
}

#[test]
fn tracks_are_given_in_step_though_segments_come_one_after_another() {
    let sender = pushed(&dash());
    let mut newest: BTreeMap<u32, i64> = BTreeMap::new();
    let mut scales = BTreeMap::new();
    for event in &sender.events {
        match event {
            SourceEvent::Track(info) => {
                scales.insert(info.id, info.timescale);
            }
            SourceEvent::Sample(track, sample) => {
                let at = MediaTime::new(sample.dts, scales[track]).floor_millis();
                newest.insert(track.0, at);
                let behind = newest.values().min().expect("one at least");
                assert!(at - behind <= 600, "{at} {behind}");
            }
            _ => {}
        }
    }
}

#[test]
fn a_dash_push_is_told_by_its_mpd() {
    let sender = pushed(&dash());
    let expected = rows(&[(Video, "0", 150), (Video, "1", 150), (Audio, "2", 283)]);
    assert_eq!(sender.counts(), expected);
    assert_eq!(sender.tracks().iter().filter(|t| t.language.as_str() == "fra").count(), 1);
    let audio = sender.media()[&(Audio, "2".to_owned())][0].clone();
    assert_eq!((audio.dts, audio.duration), (-1_024, Some(1_024)), "the edit list takes it off");
    assert!(sender.is_lost(), "the MPD is static");
    assert_eq!(sender.faults, []);
}

#[test]
fn media_waits_for_a_late_mpd_and_numbers_say_the_order() {
    let in_order = pushed(&dash());
    let mut files = dash();
    let mpd = files.remove(5);
    files.push(mpd);
    same_media(&pushed(&files), &in_order);
    let mut files = dash();
    files.swap(7, 10);
    same_media(&pushed(&files), &in_order);
}

#[test]
fn a_lost_segment_is_a_hole_and_what_follows_is_given() {
    let dynamic = |files: &mut Files| {
        let text = std::str::from_utf8(files[5].1).expect("text").replace("static", "dynamic");
        files[5].1 = Box::leak(text.into_bytes().into_boxed_slice());
    };
    let mut files = dash();
    dynamic(&mut files);
    files.remove(7);
    let mut sender = Sender::new();
    sender.put_all(&files);
    sender.wait(2_500);
    assert_eq!(sender.faults, [Fault::LostSegment { number: 2 }]);
    sender.wait(20_000);
    let expected = rows(&[(Video, "0", 100), (Video, "1", 150), (Audio, "2", 283)]);
    assert_eq!(sender.counts(), expected);
    assert!(sender.is_lost(), "silence");

    let mut files = hls_ts();
    files.remove(5);
    let sender = pushed(&files);
    assert_eq!(sender.faults, [Fault::LostSegment { number: 1 }]);
    assert_eq!(sender.counts()[0], (Video, "out_0".to_owned(), 100));
}

#[test]
fn an_availability_start_time_says_what_media_time_stands_for() {
    let mut files = dash();
    let text = std::str::from_utf8(files[5].1).expect("text");
    let text = text.replace("static\"", "dynamic\" availabilityStartTime=\"2027-01-15T08:00:00Z\"");
    files[5].1 = Box::leak(text.into_bytes().into_boxed_slice());
    let sender = pushed(&files);
    let epoch = MediaTime::from_millis(WALL_MS);
    assert_eq!(sender.anchors(), [(0, epoch), (0, epoch), (0, epoch)]);
}

#[test]
fn a_date_in_a_playlist_says_when_the_first_picture_was() {
    let mut files = hls_fmp4();
    let text = std::str::from_utf8(files[2].1).expect("text");
    let date = "#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:00.500+0000\n#EXTINF";
    let text = text.replacen("#EXTINF", date, 1);
    files[2].1 = Box::leak(text.into_bytes().into_boxed_slice());
    let sender = pushed(&files);
    let first = sender.media()[&(Video, "v".to_owned())][0].pts;
    assert_eq!(sender.anchors(), [(first, MediaTime::from_millis(WALL_MS + 500))]);
}

#[test]
fn a_discontinuity_is_one_break_for_all_renditions() {
    let mut files = hls_ts();
    for at in [1, 3] {
        let text = std::str::from_utf8(files[at].1).expect("text");
        let mut lines: Vec<&str> = text.lines().collect();
        lines.insert(6, "#EXT-X-DISCONTINUITY");
        files[at].1 = Box::leak(lines.join("\n").into_bytes().into_boxed_slice());
    }
    let sender = pushed(&files);
    let is_break = |event: &&SourceEvent| matches!(event, SourceEvent::Break);
    assert_eq!(sender.events.iter().filter(is_break).count(), 1);
    same_media(&sender, &pushed(&hls_ts()));
}
