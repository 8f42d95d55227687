//! The sources of docs/time.md's table again: with a restart in the middle and, with absolute time, a
//! twin that joins late. Only video is stamped in milliseconds here: audio is counted in samples from
//! the first timestamp seen, which a twin cannot know to better than its rounding.

use std::collections::BTreeMap;

use super::world::{Synthetic, World, config, rate};
use crate::media::MediaKind::Video;
use crate::units::MediaDuration;

/// The table's sources: a name, the asked durations, the tracks.
type Source = (&'static str, Vec<(u32, Option<u32>)>, fn() -> Vec<Synthetic>);

fn thirty() -> Vec<Synthetic> {
    vec![Synthetic::video("", 720, rate(30, 1), 60), Synthetic::audio(48_000)]
}

fn scene_cuts() -> Vec<Synthetic> {
    let mut tracks = thirty();
    tracks[0].sync = Box::new(|n| n % 60 == 0 || (n * n * n) % 1009 < 9);
    tracks
}

fn ntsc() -> Vec<Synthetic> {
    vec![Synthetic::video("", 720, rate(30_000, 1001), 60), Synthetic::audio(48_000)]
}

fn ntsc_in_milliseconds() -> Vec<Synthetic> {
    let mut tracks = ntsc();
    tracks[0].millis = true;
    tracks
}

fn half_an_interval_off() -> Vec<Synthetic> {
    let mut tracks = thirty();
    for track in &mut tracks {
        track.offset = MediaDuration::from_millis(1000);
    }
    tracks[0].millis = true;
    tracks
}

fn sources() -> Vec<Source> {
    vec![
        (
            "30 fps, sync 2 s",
            vec![(2, None), (4, None), (5, None), (6, None), (1, Some(500))],
            thirty,
        ),
        ("with scene cuts", vec![(2, None), (6, None)], scene_cuts),
        ("29.97 fps", vec![(2, None)], ntsc),
        ("29.97 fps in milliseconds", vec![(2, None)], ntsc_in_milliseconds),
        ("half an interval off the grid", vec![(4, None)], half_an_interval_off),
    ]
}

#[test]
fn a_restart_in_the_middle_changes_no_length_and_reuses_no_number() {
    for (name, asked, tracks) in sources() {
        let mut world = World::new(config(&asked), tracks());
        world.run_until(47);
        let before: Vec<_> = asked.iter().map(|(s, _)| world.rows(*s, Video)).collect();
        let targets: Vec<u32> = asked.iter().map(|(s, _)| world.segmentation(*s).target).collect();
        world.restart();
        world.run_until(100);
        for (((seconds, _), before), target) in asked.iter().zip(before).zip(targets) {
            let rows = world.rows(*seconds, Video);
            let last = before.last().expect("rows").0;
            assert!(rows[0].0 > last, "{name}, {seconds} s: I4");
            let length = before[before.len() / 2].1;
            assert!(
                rows.iter().all(|r| (r.1 - length).abs() <= 1),
                "{name}, {seconds} s: {rows:?}"
            );
            assert_eq!(world.segmentation(*seconds).target, target, "{name}, {seconds} s: I11");
        }
    }
}

/// Every object of a world by segmentation, rendition and number.
fn objects(world: &World) -> BTreeMap<(String, String, u64), Vec<u8>> {
    let mut objects = BTreeMap::new();
    for (key, view) in &world.latest().segmentations {
        for list in &view.renditions {
            for row in list.rows.iter_from(0) {
                let name = (key.to_string(), list.rendition.name.clone(), row.number);
                objects.insert(name, row.body().concat());
            }
        }
    }
    objects
}

#[test]
fn a_twin_with_absolute_time_that_joins_late_makes_the_same_objects_under_the_same_names() {
    for (name, asked, tracks) in sources() {
        let mut first = World::new(config(&asked), tracks()).with_absolute_time();
        first.run_until(60);
        let mut late = World::new(config(&asked), tracks()).with_absolute_time();
        // It hears nothing of the first seventeen seconds.
        for track in &mut late.tracks {
            track.next = MediaDuration::from_secs(17).div_ceil(track.frame);
        }
        late.run_until(60);
        let (ours, theirs) = (objects(&first), objects(&late));
        let common = theirs.iter().filter(|(key, _)| ours.contains_key(key)).count();
        assert!(common * 10 >= theirs.len() * 9, "{name}: {common} of {} in common", theirs.len());
        for (key, bytes) in &theirs {
            if let Some(other) = ours.get(key) {
                assert!(bytes == other, "{name}: {key:?} differs");
            }
        }
        let edge = |world: &World| -> Vec<u64> {
            asked.iter().map(|(s, _)| world.rows(*s, Video).last().expect("rows").0).collect()
        };
        assert_eq!(edge(&first), edge(&late), "{name}");
    }
}
