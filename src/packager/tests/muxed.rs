//! Video together with its default audio: what goes with what, when it is there, and that it never
//! changes.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::readers::rules;
use super::world::{Synthetic, World, config, rate, reading};
use crate::packager::{Chunk, RenditionView, SegmentationKey, Snapshot};
use crate::repackage::{Recipe, Stretch, transport_stream};
use crate::resolve::{
    Arrival, Derived, DerivedName, EndpointRules, Form, Leaf, Protocol, Resolution, Viewer, recipe,
    resolve,
};
use crate::units::{FrameRate, MediaDuration};

/// A source, and the part duration asked for.
struct Case {
    frames: FrameRate,
    gop: i64,
    audio: u32,
    part_ms: u32,
    millis: bool,
    reorder: i64,
}

fn cases() -> Vec<Case> {
    let case = |frames, gop, audio, part_ms| Case {
        frames,
        gop,
        audio,
        part_ms,
        millis: false,
        reorder: 0,
    };
    vec![
        case(rate(30, 1), 60, 48_000, 500),
        case(rate(25, 1), 25, 48_000, 500),
        case(rate(60, 1), 120, 44_100, 200),
        case(rate(50, 1), 100, 32_000, 350),
        Case { millis: true, ..case(rate(30_000, 1001), 60, 44_100, 300) },
        Case { reorder: 2, ..case(rate(24_000, 1001), 48, 48_000, 500) },
    ]
}

fn world(case: &Case, videos: &[(&str, u16)]) -> World {
    let video = |(variant, height): &(&str, u16)| {
        let video = Synthetic::video(variant, *height, case.frames, case.gop);
        // A NAL unit of forty bytes.
        let before = [&[0, 0, 0, 40, 0x41][..], &[0x55; 31]].concat();
        Synthetic { millis: case.millis, reorder: case.reorder, before, ..video }
    };
    let before = vec![0x55; 40];
    let audio = Synthetic { millis: case.millis, before, ..Synthetic::audio(case.audio) };
    let tracks = videos.iter().map(video).chain([audio]).collect();
    World::new(config(&[(1, Some(case.part_ms)), (4, None)]), tracks)
}

/// The objects a list names.
fn names(list: &RenditionView, key: SegmentationKey) -> Vec<Derived> {
    let rows = || list.rows.iter_from(0).filter(|row| !row.is_gap());
    let segments = rows().map(|row| DerivedName::Segment(row.number));
    let closed = rows().map(|row| (row.period.id, row.parts()));
    let open = list.open.iter().map(|open| (open.period.id, open.parts.as_slice()));
    let parts = closed.chain(open).flat_map(|(period, parts)| {
        parts.iter().map(move |part| DerivedName::Part { period, start: part.start })
    });
    let (segmentation, rendition) = (key, list.rendition.id);
    let derived = |name| Derived { segmentation, rendition, muxed: true, name };
    segments.chain(parts).map(derived).collect()
}

fn chunks(stretches: &[Stretch]) -> Vec<Vec<(i64, i64)>> {
    let of = |chunks: &Vec<std::sync::Arc<Chunk>>| {
        chunks.iter().map(|c| (c.start, c.duration)).collect()
    };
    stretches.iter().flat_map(|stretch| stretch.chunks.iter().map(of)).collect()
}

/// All that an object is made of.
type Print = (Vec<Vec<(i64, i64)>>, Option<Vec<Vec<(i64, i64)>>>, usize, Vec<bool>);

fn print(recipe: &Recipe) -> Print {
    let last = recipe.stretches.iter().map(|stretch| stretch.last).collect();
    (chunks(&recipe.stretches), recipe.before.as_deref().map(chunks), recipe.from, last)
}

/// Everything any snapshot lists can be made, and is made of the same things ever after.
fn never_changes(snapshots: &[std::sync::Arc<Snapshot>]) -> BTreeMap<Derived, Print> {
    let mut known: BTreeMap<Derived, Print> = BTreeMap::new();
    for snapshot in snapshots {
        for (key, view) in &snapshot.segmentations {
            for list in &view.muxed {
                for name in names(list, *key) {
                    let Some(made) = recipe(snapshot, &name) else {
                        let front = list.rows.get(0).map(|row| DerivedName::Segment(row.number));
                        let of_front = match name.name {
                            DerivedName::Segment(_) => front == Some(name.name),
                            DerivedName::Part { start, .. } => {
                                list.rows.get(0).is_some_and(|row| {
                                    row.start <= start && start < row.start + row.duration
                                })
                            }
                        };
                        assert!(of_front, "{name:?} is listed and cannot be made");
                        continue;
                    };
                    let made = print(&made);
                    let before = known.entry(name).or_insert_with(|| made.clone());
                    assert_eq!(*before, made, "{name:?} has changed");
                }
            }
        }
    }
    known
}

#[test]
fn what_is_listed_can_be_made_and_is_the_same_ever_after() {
    for case in cases() {
        let mut world = world(&case, &[("", 720)]);
        world.run_until(24);
        let known = never_changes(&world.snapshots);
        assert!(known.len() > 60, "{}", known.len());
        world.restart();
        world.run_until(40);
        never_changes(&world.snapshots);
    }
}

#[test]
fn every_frame_of_audio_goes_with_one_part_in_order() {
    for case in cases() {
        let mut world = world(&case, &[("", 720)]);
        world.run_until(14);
        let snapshot = world.latest();
        for (key, view) in &snapshot.segmentations {
            let list = &view.muxed[0];
            let mut end = None;
            for row in list.rows.iter_from(1) {
                let name = DerivedName::Segment(row.number);
                let (segmentation, rendition) = (*key, list.rendition.id);
                let name = Derived { segmentation, rendition, muxed: true, name };
                let made = recipe(snapshot, &name).expect("it is listed");
                let scale = row.period.default_audio().expect("it has one").timescale;
                for stretch in &made.stretches {
                    let [video, audio] = stretch.chunks.as_slice() else { panic!("two tracks") };
                    for chunk in audio {
                        assert!(
                            end.is_none_or(|end| end == chunk.start),
                            "none is lost or doubled"
                        );
                        end = Some(chunk.end());
                    }
                    // It begins within the part, to a frame; the audio's own parts do not matter.
                    let (Some(first), Some(last)) = (video.first(), video.last()) else { panic!() };
                    let ticks = |at: i64| MediaDuration::new(at, row.timescale);
                    let sound = |at: i64| MediaDuration::new(at, scale);
                    let frame = sound(1024);
                    let begins = sound(audio[0].start) - ticks(first.start);
                    assert!(!begins.is_positive() || begins <= frame, "{begins:?}");
                    let over = sound(audio[audio.len() - 1].end()) - ticks(last.end());
                    assert!(over <= frame && over > MediaDuration::ZERO - frame, "{over:?}");
                }
            }
        }
    }
}

#[test]
fn a_part_is_there_a_frame_after_its_video_at_most() {
    for case in cases() {
        let mut world = world(&case, &[("", 720)]);
        let step = MediaDuration::from_millis(5);
        let mut seen: BTreeMap<i64, [Option<MediaDuration>; 2]> = BTreeMap::new();
        world.run_until(8);
        while world.now < MediaDuration::from_secs(14) {
            world.run_to(world.now + step);
            let view = world.segmentation(1);
            for (which, list) in [&view.renditions[0], &view.muxed[0]].into_iter().enumerate() {
                let closed = list.rows.iter_from(list.rows.len().saturating_sub(2));
                let open = list.open.iter().flat_map(|open| &open.parts);
                for part in closed.flat_map(|row| row.parts()).chain(open) {
                    seen.entry(part.start).or_default()[which].get_or_insert(world.now);
                }
            }
        }
        let frame = case.frames.duration_of(1);
        let late: Vec<MediaDuration> =
            seen.values().filter_map(|[video, both]| Some((*both)? - (*video)?)).collect();
        assert!(late.len() > 12, "{}", late.len());
        // A frame of video or one of audio that straddles the end, as much more as audio is sent
        // after the video that is shown with it, and the step of this test.
        let audio =
            MediaDuration::new(1024, crate::units::Timescale::new(case.audio).expect("a rate"));
        let most = late.iter().max().copied().expect("parts");
        let allowed = frame.max(audio) + frame.times(case.reorder) + step;
        assert!(most <= allowed, "{} ms", most.floor_millis());
    }
}

#[test]
fn rungs_share_the_audio_part_by_part() {
    for case in cases() {
        let mut world = world(&case, &[("hd", 1080), ("sd", 360)]);
        world.run_until(14);
        never_changes(&world.snapshots);
        let snapshot = world.latest();
        let (key, view) = snapshot.segmentations.iter().next().expect("low latency");
        let [hd, sd] = view.muxed.as_slice() else { panic!("two lists") };
        assert_eq!(hd.reports.len(), 1, "each reports the other");
        assert_eq!(&*hd.reports[0].name, sd.rendition.name);
        for (a, b) in names(hd, *key).iter().zip(&names(sd, *key)) {
            let (Some(a), Some(b)) = (recipe(snapshot, a), recipe(snapshot, b)) else { continue };
            let audio = |made: &Recipe| -> Vec<Vec<i64>> {
                let of = |s: &Stretch| s.chunks[1].iter().map(|c| c.start).collect();
                made.stretches.iter().map(of).collect()
            };
            assert_eq!(audio(&a), audio(&b));
        }
    }
}

#[test]
fn segments_are_parts_laid_end_to_end_and_continue_each_other() {
    for case in cases() {
        let mut world = world(&case, &[("", 720)]);
        world.run_until(12);
        let snapshot = world.latest();
        for (key, view) in &snapshot.segmentations {
            let list = &view.muxed[0];
            let derived = |name| Derived {
                segmentation: *key,
                rendition: list.rendition.id,
                muxed: true,
                name,
            };
            let bytes = |name| {
                transport_stream(&recipe(snapshot, &derived(name)).expect("listed")).concat()
            };
            let mut joined = Vec::new();
            for row in list.rows.iter_from(1) {
                let whole = bytes(DerivedName::Segment(row.number));
                let period = row.period.id;
                let part = |start| bytes(DerivedName::Part { period, start });
                let parts: Vec<u8> = row.parts().iter().flat_map(|p| part(p.start)).collect();
                assert!(row.parts().is_empty() || parts == whole, "{}", row.number);
                joined.extend(whole);
            }
            let read = crate::mpegts::mux::audit::read(&joined);
            crate::mpegts::mux::audit::obeys_time(&read);
            assert!(read.jumps.is_empty(), "{:?}", read.jumps);
        }
    }
}

#[test]
fn audio_that_disappears_is_not_waited_for_and_comes_back() {
    let case = &cases()[0];
    let mut world = world(case, &[("", 720)]);
    world.tracks[1].delivered = 0..480;
    world.run_until(20);
    world.tracks[1].delivered = world.tracks[1].next..i64::MAX;
    world.run_until(40);
    never_changes(&world.snapshots);
    for view in world.latest().segmentations.values() {
        let (video, muxed) = (&view.renditions[0], &view.muxed[0]);
        assert_eq!(video.rows.last().map(|r| r.number), muxed.rows.last().map(|r| r.number));
        let with = |row: &crate::packager::Segment| row.period.default_audio().is_some();
        assert!(muxed.rows.iter_from(0).any(|row| !with(row)));
        assert!(muxed.rows.last().is_some_and(|row| with(row)), "it came back");
    }
    // While it was missing the list went on, a second or two behind at most.
    for snapshot in &world.snapshots {
        for view in snapshot.segmentations.values() {
            let (Some(video), Some(muxed)) =
                (view.renditions[0].rows.last(), view.muxed[0].rows.last())
            else {
                continue;
            };
            assert!(video.number - muxed.number <= 2, "{} {}", video.number, muxed.number);
        }
    }
}

#[test]
fn a_list_without_audio_is_the_videos() {
    let video = Synthetic::video("", 720, rate(30, 1), 60);
    let mut world = World::new(config(&[(1, Some(500))]), vec![video]);
    world.run_until(12);
    let view = world.segmentation(1);
    let (video, muxed) = (&view.renditions[0], &view.muxed[0]);
    assert_eq!(video.position(), muxed.position());
    assert_eq!(video.next_part, muxed.next_part);
    never_changes(&world.snapshots);
}

#[test]
fn a_channel_of_codecs_that_transport_streams_cannot_carry_says_so() {
    let mut audio = Synthetic::audio(48_000);
    let record = bytes::Bytes::from_static(&[0, 2, 1, 0x38, 0, 0, 0xbb, 0x80, 0, 0, 0]);
    let opus = crate::media::codec::OpusConfig::from_record(record).expect("stereo");
    audio.info.codec = crate::media::Codec::Opus(opus);
    let mut world = World::new(config(&[(2, None)]), vec![audio]);
    world.run_until(30);
    for (protocol, plays) in [(Protocol::Hls, false), (Protocol::HlsCmaf, true)] {
        let rules = EndpointRules { protocol, ..rules(world.config.segmentations[0].key) };
        let leaf = Leaf::Manifest { name: "manifest", form: Form::M3u8 };
        let viewer = Viewer {
            address: Ipv4Addr::LOCALHOST.into(),
            code: None,
            bearer: None,
            identifier: None,
        };
        let now = reading(world.now);
        let arrival = Arrival { at: now.mono, losses: 0, may_grow: true };
        match resolve(world.latest(), &rules, &leaf, None, &viewer, arrival, now) {
            Resolution::Manifest(_) => assert!(plays),
            Resolution::Unavailable(why) => {
                assert!(!plays && why.to_string().contains("transport streams can carry none"));
            }
            other => panic!("{other:?}"),
        }
    }
}
