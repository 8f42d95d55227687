//! What tracks there are, when they begin, and what they turn into.

use crate::media::Codec;
use crate::media::MediaKind::{self, Audio, Video};
use crate::packager::tests::readers::{multivariant, playlist, rows};
use crate::packager::tests::world::{Synthetic, World, avc, config, rate};
use crate::packager::{PeriodReason, Report, Segment, SourceEvent};
use crate::units::{MediaDuration, Timescale};

fn both() -> Vec<Synthetic> {
    vec![Synthetic::video("", 720, rate(30, 1), 60), Synthetic::audio(48_000)]
}

/// An AAC track with so many samples a frame.
fn audio(sample_rate: u32, frame_length: u32) -> Synthetic {
    let mut track = Synthetic::audio(sample_rate);
    if let Codec::Aac(aac) = &mut track.info.codec {
        aac.frame_length = frame_length;
    }
    track.frame = track.info.codec.frame_duration().expect("audio");
    track
}

/// Robustness 12: 85 to 100 % of PART-TARGET, but for the last part of a segment, at every usual
/// rate, with either length of AAC frames, with and without a picture.
#[test]
fn parts_are_85_to_100_percent_of_the_target_at_every_rate_and_for_audio_alone() {
    let rates =
        [(24_000, 1001, 24), (25, 1, 25), (30_000, 1001, 30), (50, 1, 50), (60_000, 1001, 60)];
    let pictures = rates.iter().map(|(frames, seconds, gop)| {
        let rate = rate(*frames, *seconds);
        (format!("{frames}/{seconds} fps"), Some((rate, *gop)))
    });
    for (name, picture) in pictures.chain([("audio alone".to_owned(), None)]) {
        for (sample_rate, frame_length) in
            [(48_000, 1024), (44_100, 1024), (48_000, 2048), (44_100, 2048), (32_000, 1024)]
        {
            for part_ms in [250, 500] {
                let video = picture.map(|(rate, gop)| {
                    let mut video = Synthetic::video("", 720, rate, gop);
                    video.reorder = 2;
                    video
                });
                let tracks = video.into_iter().chain([audio(sample_rate, frame_length)]).collect();
                let mut world = World::new(config(&[(1, Some(part_ms))]), tracks);
                world.run_until(30);
                let view = world.segmentation(1);
                let target = view.part_target.expect("low latency");
                let told = format!("{name}, {frame_length} at {sample_rate} Hz, {part_ms} ms");
                for list in &view.renditions {
                    let mut whole = 0;
                    for row in list.rows.iter_from(0) {
                        let (last, parts) = row.parts().split_last().expect("parts");
                        let length = |ticks| MediaDuration::new(ticks, row.timescale);
                        // Millisecond timestamps aside, a part is never longer than it says.
                        let most = target + MediaDuration::from_millis(1);
                        assert!(length(last.duration) <= most, "{told}: {target:?}");
                        for part in parts {
                            let length = length(part.duration);
                            assert!(length <= most, "{told}: {length:?} of {target:?}");
                            let enough = length.times(100) >= target.times(85);
                            assert!(enough, "{told}: {length:?} of {target:?}");
                            whole += 1;
                        }
                    }
                    assert!(whole >= 10, "{told}: {} has few parts", list.rendition.name);
                }
            }
        }
    }
}

/// Neither a runt nor a giant in any list, but where a source breaks off.
fn neither_tiny_nor_huge(world: &World, told: &str) {
    for seconds in [1, 2, 4] {
        for list in &world.segmentation(seconds).renditions {
            let target = MediaDuration::from_secs(i64::from(world.segmentation(seconds).target));
            let rows: Vec<_> = list.rows.iter_from(0).collect();
            for (row, next) in rows.iter().zip(&rows[1..]) {
                let broken_off = next.begins_period || next.is_gap();
                let length = row.length();
                let least = MediaDuration::from_millis(i64::from(seconds) * 500);
                let name = &list.rendition.name;
                assert!(
                    row.is_gap() || broken_off || length >= least,
                    "{told}: {seconds} s {name}: {length:?} is a runt"
                );
                let most = target + MediaDuration::from_millis(500);
                assert!(length <= most, "{told}: {seconds} s {name}: {length:?} is a giant");
            }
        }
    }
}

/// Robustness 20: segmentation follows one clock, whatever the tracks' own clocks say.
#[test]
fn tracks_that_start_apart_or_jump_apart_make_no_tiny_and_no_huge_segments() {
    for apart_ms in [-4_000, -2_000, -900, -300, -40, 0, 40] {
        for jump_s in [-7, 0, 5] {
            let mut tracks = both();
            tracks[1].offset = MediaDuration::from_millis(apart_ms.max(0));
            tracks[0].offset = MediaDuration::from_millis((-apart_ms).max(0));
            let mut world = World::new(config(&[(2, None), (4, None), (1, Some(500))]), tracks);
            world.run_until(45);
            let told = format!("{apart_ms} ms apart, then {jump_s} s more");
            neither_tiny_nor_huge(&world, &told);
            let audio = &mut world.tracks[1];
            audio.skew = MediaDuration::from_secs(jump_s).div_floor(audio.frame);
            world.run_until(90);
            neither_tiny_nor_huge(&world, &told);
            assert_eq!(world.playing(2), ["video", "audio"], "{told}");
        }
    }
}

/// Robustness 27: at the boundary, in both renditions, without a restart.
#[test]
fn a_change_of_sample_rate_channels_or_picture_begins_a_period_with_an_init_of_its_own() {
    type Change = fn(&mut Synthetic);
    let changes: [(&str, usize, Change); 4] = [
        ("sample rate", 1, |track| {
            track.info.codec = audio(44_100, 1024).info.codec;
            track.frame = track.info.codec.frame_duration().expect("audio");
        }),
        ("channels", 1, |track| {
            if let Codec::Aac(aac) = &mut track.info.codec {
                aac.channels = 6;
                aac.asc = bytes::Bytes::from_static(&[0x11, 0xb0]);
            }
        }),
        ("resolution", 0, |track| {
            track.info.codec = avc(540, Some(rate(30, 1)));
        }),
        ("profile", 0, |track| {
            if let Codec::Avc(avc) = &mut track.info.codec {
                avc.sps = bytes::Bytes::from_static(&[0x67, 0x4d, 0x40, 0x1f]);
            }
        }),
    ];
    for (what, index, change) in changes {
        let mut world = World::new(config(&[(2, None), (1, Some(500))]), both());
        world.run_until(20);
        let track = &mut world.tracks[index];
        let at = track.frame.times(track.next);
        change(track);
        track.next = at.div_ceil(track.frame);
        let info = track.info.clone();
        world.input(SourceEvent::Track(info.clone()));
        world.run_until(32);
        let told = format!("{what}: {:?}", world.reports);
        assert_eq!(world.playing(2), ["video", "audio"], "{told}");
        let began = |r: &Report| matches!(r, Report::PeriodBegan { .. });
        assert_eq!(world.reported(began), 2, "{told}");
        let reason = PeriodReason::SettingsChanged;
        let because =
            |r: &Report| matches!(r, Report::PeriodBegan { reason: why, .. } if *why == reason);
        assert_eq!(world.reported(because), 1, "{told}");
        for kind in [Video, Audio] {
            let list = world.list(2, kind);
            let taking_part =
                |row: &Segment| row.period.track(list.rendition.id).expect("it takes part").clone();
            let first = taking_part(list.rows.get(0).expect("rows"));
            let last = taking_part(list.rows.last().expect("rows"));
            let changed = info.kind() == kind;
            assert_eq!(first.init != last.init, changed, "{told}");
            assert_eq!(last.codec == info.codec, changed, "{told}");
            let text = playlist(world.latest(), world.key(2), &list.rendition.name);
            let text = text.expect("it plays");
            assert_eq!(rows(&text).iter().filter(|row| row.marked).count(), 1, "{text}");
            assert_eq!(text.matches("#EXT-X-MAP").count(), 2, "{text}");
            let lag = world.lag(2, kind);
            assert!(lag < MediaDuration::from_millis(4500), "{told}: {lag:?}");
        }
    }
}

/// One way a channel's tracks are there or not.
struct Case {
    name: &'static str,
    tracks: fn() -> Vec<Synthetic>,
    /// Seconds from and until which frames of the last track arrive.
    delivered: &'static [(i64, i64)],
    playing: &'static [&'static str],
}

const CASES: [Case; 8] = [
    Case {
        name: "audio alone",
        tracks: || vec![Synthetic::audio(48_000)],
        delivered: &[(0, 90)],
        playing: &["audio"],
    },
    Case {
        name: "audio alone, 44.1 kHz",
        tracks: || vec![Synthetic::audio(44_100)],
        delivered: &[(0, 90)],
        playing: &["audio"],
    },
    Case {
        name: "video alone",
        tracks: || vec![Synthetic::video("", 720, rate(25, 1), 50)],
        delivered: &[(0, 90)],
        playing: &["video"],
    },
    Case { name: "late audio", tracks: both, delivered: &[(31, 90)], playing: &["video", "audio"] },
    Case {
        name: "audio that disappears",
        tracks: both,
        delivered: &[(0, 40)],
        playing: &["video"],
    },
    Case {
        name: "audio that disappears and returns",
        tracks: both,
        delivered: &[(0, 25), (44, 90)],
        playing: &["video", "audio"],
    },
    Case {
        name: "late video",
        tracks: || both().into_iter().rev().collect(),
        delivered: &[(31, 90)],
        playing: &["video", "audio"],
    },
    Case {
        name: "video that disappears",
        tracks: || both().into_iter().rev().collect(),
        delivered: &[(0, 40)],
        playing: &["audio"],
    },
];

/// Robustness 28: each plays, with true EXTINFs, and is shown as what it is.
#[test]
fn audio_alone_video_alone_late_tracks_and_tracks_that_disappear_are_all_played() {
    for case in &CASES {
        let mut world = World::new(config(&[(2, None), (1, Some(500))]), (case.tracks)());
        let last = world.tracks.len() - 1;
        let counts: Vec<MediaDuration> = world.tracks.iter().map(|track| track.frame).collect();
        let mut frames = 0;
        world.run_altered(80, |track, _| {
            if track != last {
                return true;
            }
            let at = counts[last].times(frames).round_secs();
            frames += 1;
            case.delivered.iter().any(|(from, until)| (*from..*until).contains(&at))
        });
        let name = case.name;
        assert_eq!(world.playing(2), case.playing, "{name}: {:?}", world.reports);
        assert_eq!(world.playing(1), case.playing, "{name}");
        for kind in case.playing {
            let kind = if *kind == "video" { Video } else { Audio };
            for seconds in [1, 2] {
                plays_evenly(&world, seconds, kind, name);
            }
        }
        let text = multivariant(world.latest(), world.key(2)).expect("it plays");
        let (video, audio) = (case.playing.contains(&"video"), case.playing.contains(&"audio"));
        assert_eq!(text.contains("RESOLUTION="), video, "{name}: {text}");
        assert_eq!(text.contains("TYPE=AUDIO"), audio, "{name}: {text}");
        assert_eq!(text.matches("#EXT-X-STREAM-INF").count(), 1, "{name}: {text}");
    }
}

/// What is listed is as long as its segments, and reaches to now.
fn plays_evenly(world: &World, seconds: u32, kind: MediaKind, name: &str) {
    let list = world.list(seconds, kind);
    let text = playlist(world.latest(), world.key(seconds), &list.rendition.name).expect(name);
    for row in rows(&text) {
        let Some(segment) = list.segment(row.number) else { continue };
        let micros = segment.length().rescale(Timescale::MICROS).ticks();
        assert!((micros - row.micros).abs() <= 1, "{name}: {row:?}");
    }
    let lag = world.lag(seconds, kind);
    let most = MediaDuration::from_millis(i64::from(seconds) * 1000 + 2_600);
    assert!(lag < most, "{name}, {seconds} s: {lag:?}");
}
