//! The rows of docs/time.md's table that change as they go, or have no even cadence: each with a
//! restart of the process in the middle and, with absolute time, a twin that joins late.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

use super::readers::{mpd, multivariant, playlist};
use super::world::{BEGINNING_S, Synthetic, World, config, rate};
use crate::media::MediaKind::{Audio, Video};
use crate::packager::contract::LeftOut;
use crate::packager::{Report, SegmentationKey, Snapshot};
use crate::units::{MediaDuration, MediaTime};

fn thirty() -> Vec<Synthetic> {
    vec![Synthetic::video("", 720, rate(30, 1), 60), Synthetic::audio(48_000)]
}

/// Sync samples at these frames of 30 a second, and audio.
fn synced_at(syncs: std::collections::BTreeSet<i64>) -> Vec<Synthetic> {
    let mut tracks = thirty();
    tracks[0].sync = Box::new(move |n| syncs.contains(&n));
    tracks
}

/// Distances by a fixed scramble, `least` to `most` frames.
fn scrambled(least: i64, most: i64) -> std::collections::BTreeSet<i64> {
    let mut syncs = std::collections::BTreeSet::new();
    let (mut at, mut seed) = (0_i64, 7_i64);
    while at < 30 * 400 {
        syncs.insert(at);
        seed = (seed * 1103 + 12_345) % 65_537;
        // The longest distance is met with early, wherever somebody joins.
        at += if syncs.len() % 6 == 3 { most } else { least + seed % (most - least + 1) };
    }
    syncs
}

/// x264's defaults: a sync sample at each scene cut, and 250 frames after the last at the latest.
fn x264_default() -> Vec<Synthetic> {
    let mut syncs = std::collections::BTreeSet::new();
    let (mut at, mut seed) = (0_i64, 11_u64);
    while at < 30 * 400 {
        syncs.insert(at);
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let scene = 12 + (seed >> 33).cast_signed() % 400;
        at += if syncs.len() % 3 == 0 { 250 } else { scene.min(250) };
    }
    synced_at(syncs)
}

/// How far a twin that joins late agrees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Twins {
    /// The same bytes under the same names.
    Bytes,
    /// The same numbers: frames that are no whole ticks are counted from the first one heard.
    Numbers,
    /// Cuts of its own: without a cadence each follows from the one before.
    Neither,
}

/// One row: what is asked, and what must come out of every list of the leading track.
struct Row {
    name: &'static str,
    asked: u32,
    tracks: fn() -> Vec<Synthetic>,
    /// Milliseconds of each segment.
    lengths: Range<i64>,
    /// What TARGETDURATION may be.
    targets: &'static [u32],
    /// How far a twin that joins late agrees.
    twins: Twins,
}

fn rows() -> Vec<Row> {
    vec![
        Row {
            name: "25 fps, sync 8.32 s",
            asked: 2,
            tracks: || vec![Synthetic::video("", 720, rate(25, 1), 208), Synthetic::audio(48_000)],
            lengths: 8320..8321,
            targets: &[8],
            twins: Twins::Bytes,
        },
        Row {
            name: "sync at 0.5 to 4 s at random",
            asked: 4,
            tracks: || synced_at(scrambled(15, 120)),
            lengths: 2000..6001,
            targets: &[6],
            twins: Twins::Neither,
        },
        Row {
            name: "x264's defaults",
            asked: 2,
            tracks: x264_default,
            lengths: 1000..10_001,
            // Who begins between syncs of one distance takes it for the cadence, until a scene cut
            // has the next sync come late by what it came early: an announced raise.
            targets: &[10, 14],
            twins: Twins::Neither,
        },
        Row {
            name: "audio alone, 44.1 kHz",
            asked: 4,
            tracks: || vec![Synthetic::audio(44_100)],
            lengths: 4086..4088,
            targets: &[4],
            twins: Twins::Numbers,
        },
    ]
}

impl Row {
    fn came_out(&self, world: &World, when: &str) {
        let name = self.name;
        let view = world.segmentation(self.asked);
        assert!(self.targets.contains(&view.target), "{name}, {when}: {:?}", world.reports);
        let list = view.renditions.first().expect("a list");
        let rows: Vec<_> = list.rows.iter_from(0).collect();
        assert!(rows.len() >= 4, "{name}, {when}: {}", rows.len());
        for (row, next) in rows.iter().zip(&rows[1..]) {
            assert_eq!(next.number, row.number + 1, "{name}, {when}");
            let ms = row.length().floor_millis();
            assert!(self.lengths.contains(&ms) || next.begins_period, "{name}, {when}: {ms} ms");
        }
    }
}

#[test]
fn long_irregular_and_audio_only_sources_come_out_the_same_after_a_restart() {
    for row in rows() {
        let mut world = World::new(config(&[(row.asked, None)]), (row.tracks)());
        world.run_until(95);
        row.came_out(&world, "before");
        let list = &world.segmentation(row.asked).renditions[0];
        let last = list.rows.last().expect("rows").number;
        world.restart();
        world.run_until(230);
        row.came_out(&world, "after a restart");
        let list = &world.segmentation(row.asked).renditions[0];
        assert!(list.rows.get(0).expect("rows").number > last, "{}: I4", row.name);
    }
}

/// Does not hear what came before so many seconds.
fn joins_at(world: &mut World, seconds: i64) {
    for track in &mut world.tracks {
        track.next = MediaDuration::from_secs(seconds).div_ceil(track.frame);
    }
}

/// How closely twins are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Alike {
    /// Everything of the newest Period, to the letter.
    Exactly,
    /// Everything, but for what says where an origin's first Period began: that is history the other
    /// did not see.
    ButForTheirBeginning,
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

/// What a twin can know of a manifest: not where other renditions stood when a version came, nor
/// rates, which are measured over a life.
fn known(text: &str, snapshot: &Snapshot, alike: Alike) -> String {
    let mut left_out = vec!["bandwidth="];
    let mut text = text.to_owned();
    if alike == Alike::ButForTheirBeginning {
        left_out.extend(["start=", "presentationtimeoffset="]);
        let lists = snapshot.segmentations.values().flat_map(|view| &view.renditions);
        for row in lists.flat_map(|list| list.rows.iter_from(0)) {
            text = text.replace(&row.period.id.to_string(), "{period}");
        }
    }
    let lines = text.lines().filter(|line| !line.starts_with("#EXT-X-RENDITION-REPORT"));
    let lines = lines.map(|line| {
        let words = line.split_inclusive([' ', ',', ':', '>']);
        let kept = |word: &&str| !left_out.iter().any(|w| word.to_ascii_lowercase().contains(w));
        words.filter(kept).collect::<String>()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Hashes of every manifest and every object it may list, by name.
fn hashes(world: &World, alike: Alike) -> BTreeMap<String, u64> {
    let snapshot = world.latest();
    let mut hashes = BTreeMap::new();
    for (key, view) in &snapshot.segmentations {
        let mut manifest = |name: &str, text: Option<Arc<str>>| {
            let text = text.map_or_else(String::new, |text| known(&text, snapshot, alike));
            hashes.insert(format!("{key} {name}"), hash(text.as_bytes()));
        };
        manifest("multivariant", multivariant(snapshot, *key));
        manifest("mpd", mpd(snapshot, *key));
        for list in &view.renditions {
            let name = &list.rendition.name;
            manifest(&format!("{name} media"), playlist(snapshot, *key, name));
        }
        for list in &view.renditions {
            let name = format!("{key} {}", list.rendition.name);
            for row in list.rows.iter_from(0).filter(|row| !row.is_gap()) {
                let period = match alike {
                    Alike::Exactly if row.period.ordinal < view.period.ordinal => continue,
                    Alike::Exactly => row.period.id,
                    Alike::ButForTheirBeginning => row.period.ordinal.cast_signed(),
                };
                hashes.insert(format!("{name} {}.m4s", row.number), hash(&row.body().concat()));
                for part in row.parts() {
                    let part_name = format!("{name} p{period}-{}.m4s", part.start);
                    hashes.insert(part_name, hash(&part.body().concat()));
                }
                let track = row.period.track(list.rendition.id).expect("it takes part");
                hashes.insert(format!("{name} init-{period}.mp4"), hash(&track.init));
            }
        }
    }
    hashes
}

/// Asserts that two origins give the same, but for objects that only one has made.
fn same(ours: &World, theirs: &World, alike: Alike, told: &str) {
    let (ours, theirs) = (hashes(ours, alike), hashes(theirs, alike));
    let object = |name: &str| [".m4s", ".mp4"].iter().any(|ending| name.ends_with(ending));
    let mut common = 0;
    for (name, hash) in &theirs {
        match ours.get(name) {
            Some(other) => {
                assert_eq!(hash, other, "{told}: {name} differs");
                common += 1;
            }
            None => assert!(object(name), "{told}: only one has {name}"),
        }
    }
    assert!(common * 10 >= theirs.len() * 8, "{told}: {common} of {} in common", theirs.len());
}

#[test]
fn long_irregular_and_audio_only_sources_come_out_the_same_for_a_twin_that_joins_late() {
    for row in rows() {
        let asked = config(&[(row.asked, None)]);
        let mut first = World::new(asked.clone(), (row.tracks)()).with_absolute_time();
        first.run_until(230);
        let mut late = World::new(asked, (row.tracks)()).with_absolute_time();
        joins_at(&mut late, 17);
        late.run_until(230);
        row.came_out(&first, "with absolute time");
        row.came_out(&late, "joined late");
        let newest = |world: &World| {
            let list = &world.segmentation(row.asked).renditions[0];
            list.rows.last().expect("rows").number
        };
        if row.twins != Twins::Neither {
            assert_eq!(newest(&first), newest(&late), "{}", row.name);
        }
        if row.twins == Twins::Bytes {
            same(&first, &late, Alike::ButForTheirBeginning, row.name);
        }
    }
}

/// A break of the table, played from 40 s on; it ends before the seconds given.
struct Break {
    name: &'static str,
    play: fn(&mut World),
    over: i64,
    /// Gaps that a list of two seconds shows of it.
    gaps: Range<usize>,
}

/// Frames of these seconds never arrive.
fn hole(world: &mut World, seconds: Range<i64>) {
    let frames: Vec<MediaDuration> = world.tracks.iter().map(|track| track.frame).collect();
    let mut next: Vec<i64> = world.tracks.iter().map(|track| track.next).collect();
    world.run_altered(seconds.end, |track, _| {
        let at = frames[track].times(next[track]);
        next[track] += 1;
        at < MediaDuration::from_secs(seconds.start) || at >= MediaDuration::from_secs(seconds.end)
    });
}

const BREAKS: [Break; 4] = [
    Break { name: "a hole of 5 s", play: |world| hole(world, 40..45), over: 45, gaps: 1..4 },
    Break { name: "a hole of 10 min", play: |world| hole(world, 40..640), over: 640, gaps: 0..1 },
    Break {
        name: "the encoder back at zero",
        play: |world| world.encoder_returns(1),
        over: 41,
        gaps: 0..2,
    },
    Break {
        name: "one track's timestamps jump",
        play: |world| {
            let audio = &mut world.tracks[1];
            audio.skew = MediaDuration::from_secs(7).div_floor(audio.frame);
        },
        over: 41,
        gaps: 0..1,
    },
];

fn broken(event: &Break, world: &mut World) {
    world.run_until(40);
    (event.play)(world);
}

/// What all breaks must come to: one Period, even segments again, the gaps of the hole.
fn recovered(event: &Break, world: &World, when: &str) {
    let name = event.name;
    for (seconds, gaps) in [(2, Some(&event.gaps)), (1, None)] {
        let list = world.list(seconds, Video);
        let rows: Vec<_> = list.rows.iter_from(0).collect();
        for (row, next) in rows.iter().zip(&rows[1..]) {
            assert_eq!(next.number, row.number + 1, "{name}, {when}: I4");
            let even = row.length().floor_millis() == 2000;
            assert!(even || next.begins_period, "{name}, {when}: {:?}", row.length());
        }
        let found = rows.iter().filter(|row| row.is_gap()).count();
        assert!(gaps.is_none_or(|gaps| gaps.contains(&found)), "{name}, {when}: {found} gaps");
        let lag = world.lag(seconds, Video);
        assert!(lag < MediaDuration::from_millis(4500), "{name}, {when}: {lag:?}");
    }
    assert_eq!(world.playing(2), ["video", "audio"], "{name}, {when}: {:?}", world.reports);
}

#[test]
fn breaks_are_survived_with_a_restart_of_the_process_before_during_and_after_them() {
    for event in &BREAKS {
        for absolute in [false, true] {
            for (when, at) in
                [("before it", 39), ("while it lasts", 41), ("after it", event.over + 3)]
            {
                let mut world = World::new(config(&[(2, None), (1, Some(500))]), thirty());
                if absolute {
                    world = world.with_absolute_time();
                }
                let mut numbers = Vec::new();
                for step in [39, 40, event.over, event.over + 3, event.over + 25] {
                    if at < step && numbers.is_empty() {
                        world.run_until(at);
                        numbers = world.rows(2, Video);
                        world.restart();
                    }
                    world.run_until(step);
                    if step == 40 {
                        (event.play)(&mut world);
                    }
                }
                let after = Break { gaps: 0..4, ..*event };
                recovered(&after, &world, &format!("a restart {when}, absolute time: {absolute}"));
                let first = world.rows(2, Video).first().expect("rows").0;
                assert!(numbers.iter().all(|row| row.0 < first), "{} {when}: I4", event.name);
            }
        }
    }
}

#[test]
fn twins_with_absolute_time_give_the_same_manifests_and_objects_before_and_after_a_break() {
    for event in &BREAKS {
        let mut asked = config(&[(2, None), (4, None), (1, Some(500))]);
        // Where low-latency lists carry video and audio together, chunks of audio end where parts of
        // video do, as far as this origin has seen them: docs/time.md, Twins.
        asked.segmentations.iter_mut().for_each(|wanted| wanted.muxed = false);
        let mut first = World::new(asked.clone(), thirty()).with_absolute_time();
        let mut late = World::new(asked, thirty()).with_absolute_time();
        joins_at(&mut late, 7);
        first.run_until(39);
        late.run_until(39);
        same(&first, &late, Alike::ButForTheirBeginning, &format!("before {}", event.name));
        broken(event, &mut first);
        broken(event, &mut late);
        // The newest list that shows what was before the break is 24 seconds long.
        for (seconds, alike) in [
            (6, Alike::ButForTheirBeginning),
            (12, Alike::ButForTheirBeginning),
            (40, Alike::Exactly),
            (70, Alike::Exactly),
        ] {
            first.run_until(event.over + seconds);
            late.run_until(event.over + seconds);
            same(&first, &late, alike, &format!("{seconds} s after {}", event.name));
        }
        recovered(&Break { gaps: 0..4, ..*event }, &late, "the twin");
    }
}

/// The slot of an instant, for cuts that lie on the grid of whole multiples of two seconds.
fn slot(at: MediaTime, phase_ms: i64) -> u64 {
    let since = at.since_epoch() - MediaDuration::from_millis(phase_ms);
    (since + MediaDuration::from_millis(1000)).div_floor(MediaDuration::from_secs(2)).unsigned_abs()
}

#[test]
fn a_process_that_was_down_skips_one_number_at_most_and_with_absolute_time_none_but_slots() {
    for absolute in [false, true] {
        for down in [3, 3600] {
            let mut world = World::new(config(&[(2, None), (1, Some(500))]), thirty());
            if absolute {
                world = world.with_absolute_time();
            }
            world.run_until(40);
            let before = world.rows(2, Video);
            world.now = MediaDuration::from_secs(40 + down);
            world.restart();
            joins_at(&mut world, 40 + down);
            world.run_until(40 + down + 30);
            let list = world.list(2, Video);
            let rows: Vec<_> = list.rows.iter_from(0).collect();
            let (first, last) = (rows[0].number, before.last().expect("rows").0);
            // The open segment's number may have been used, and one more is reserved.
            assert!(absolute || (last + 1..=last + 3).contains(&first), "{down} s: {last} {first}");
            assert!(first > last, "{down} s");
            // World time begins at an odd second, and so does the grid.
            let phase = (BEGINNING_S % 2) * 1000;
            for row in &rows {
                assert_eq!(row.length().floor_millis(), 2000, "{down} s");
                let expected = slot(row.start_time(), phase);
                assert!(!absolute || row.number.abs_diff(expected) == 0, "{down} s: {row:?}");
            }
            assert!(world.lag(2, Video) < MediaDuration::from_millis(2500), "{down} s");
        }
    }
}

fn rungs() -> Vec<Synthetic> {
    let mut tracks = vec![
        Synthetic::video("a", 720, rate(30, 1), 60),
        Synthetic::video("b", 480, rate(30, 1), 60),
        Synthetic::video("c", 360, rate(30, 1), 60),
        Synthetic::audio(48_000),
    ];
    tracks[2].offset = MediaDuration::from_millis(40);
    tracks
}

#[test]
fn a_rung_off_by_forty_milliseconds_is_left_out_after_a_restart_and_by_a_twin_too() {
    let left_out = Report::TrackLeftOut { track: "video-c".to_owned(), why: LeftOut::Misaligned };
    let asked = config(&[(2, None)]);
    let mut world = World::new(asked.clone(), rungs());
    world.run_until(41);
    world.restart();
    world.run_until(80);
    assert_eq!(world.playing(2), ["video-a", "video-b", "audio"], "{:?}", world.reports);
    assert!(world.reported(|report| *report == left_out) >= 1, "{:?}", world.reports);
    let mut first = World::new(asked.clone(), rungs()).with_absolute_time();
    let mut late = World::new(asked, rungs()).with_absolute_time();
    joins_at(&mut late, 9);
    first.run_until(60);
    late.run_until(60);
    for world in [&first, &late] {
        assert_eq!(world.playing(2), ["video-a", "video-b", "audio"], "{:?}", world.reports);
        assert!(world.reported(|report| *report == left_out) >= 1, "{:?}", world.reports);
    }
    same(&first, &late, Alike::ButForTheirBeginning, "three rungs");
}

/// The numbers of a week must be its slots; with a picture alone, as it leads.
#[test]
fn ntsc_skips_and_doubles_no_slot_in_a_week() {
    let full = std::env::var("HEADWATER_FULL").is_ok_and(|v| v == "1");
    let hours = if full { 7 * 24 } else { 12 };
    for millis in [false, true] {
        let mut tracks = vec![Synthetic::video("", 720, rate(30_000, 1001), 60)];
        tracks[0].millis = millis;
        let mut world = World::new(config(&[(2, None)]), tracks).with_absolute_time();
        world.keep = 2;
        world.run_until(20);
        let slot = |world: &World| {
            let list = world.list(2, Video);
            let row = list.rows.last().expect("rows");
            let slots = row.start_time().since_epoch() + MediaDuration::from_millis(500);
            (row.number, slots.div_floor(world.segmentation(2).duration))
        };
        let (first, at) = slot(&world);
        for hour in 1..=hours {
            world.run_until(20 + hour * 3600);
            let (number, now) = slot(&world);
            assert_eq!(number - first, (now - at).unsigned_abs(), "hour {hour}, millis: {millis}");
            let key = SegmentationKey::new(2000, None);
            let rows = world.latest().segmentations[&key].renditions[0].rows.iter_from(0);
            let even = |ms: i64| (2001..=2003).contains(&ms);
            assert!(rows.map(|row| row.length().floor_millis()).all(even), "hour {hour}");
        }
        let periods = world.reported(|report| matches!(report, Report::PeriodBegan { .. }));
        assert_eq!(periods, 1, "one Period for ever");
    }
}

#[test]
fn a_switch_of_inputs_or_a_hole_leaves_sound_and_picture_together() {
    for event in &BREAKS {
        let mut world = World::new(config(&[(2, None), (1, Some(500))]), thirty());
        broken(event, &mut world);
        world.run_until(event.over + 25);
        recovered(event, &world, "alone");
        let (video, audio) = (world.list(2, Video), world.list(2, Audio));
        let last = audio.rows.last().expect("rows");
        let other = video.rows.by_number(last.number).expect("the same number");
        let skew = (last.start_time() - other.start_time()).abs();
        assert!(skew <= MediaDuration::from_millis(22), "{}: {skew:?}", event.name);
    }
}
