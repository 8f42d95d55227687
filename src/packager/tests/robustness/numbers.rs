//! Numbers, dates and discontinuities over the life of a channel.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::isobmff::{SampleDefaults, Strictness, parse_chunk};
use crate::media::MediaKind::Video;
use crate::packager::tests::readers::{
    AUDIO_FRAME, attributes, mpd, multivariant, playlist, rows, tag,
};
use crate::packager::tests::world::{Synthetic, World, config, rate};
use crate::packager::{
    Channel, Input, InputId, Output, Segment, SegmentContent, SegmentationKey, SegmentationWanted,
    Snapshot, SourceEvent, SourceId,
};
use crate::units::{MediaDuration, Monotonic, Now, WallTime};

fn world() -> World {
    let tracks = vec![Synthetic::video("", 720, rate(30, 1), 30), Synthetic::audio(48_000)];
    World::new(config(&[(2, None), (1, Some(500))]), tracks)
}

/// First and last number, first and last discontinuity sequence number.
type Ends = ((u64, u64), (u64, u64));

/// What must never go back, as the manifests of all lists of a snapshot say it.
#[derive(Default)]
struct Never {
    /// By list.
    lists: BTreeMap<(SegmentationKey, String), Ends>,
    /// `startNumber` of the newest Period, by MPD.
    started: BTreeMap<SegmentationKey, u64>,
}

impl Never {
    /// Reads everything. `discontinuities` may begin anew.
    fn goes_back(&mut self, world: &World, after: &str, discontinuities: bool) {
        let snapshot = world.latest();
        for (key, view) in &snapshot.segmentations {
            for list in view.current() {
                let name = &list.rendition.name;
                let text = playlist(snapshot, *key, name).expect("it plays");
                let rows = rows(&text);
                let (first, last) = (rows.first().expect("rows"), rows.last().expect("rows"));
                assert_eq!(tag(&text, "#EXT-X-MEDIA-SEQUENCE"), first.number);
                let now = ((first.number, last.number), (first.discontinuity, last.discontinuity));
                if let Some((numbers, dsn)) = self.lists.insert((*key, name.clone()), now) {
                    let told = format!("{after}: {key} {name}: {now:?} after {numbers:?} {dsn:?}");
                    assert!(now.0.0 >= numbers.0 && now.0.1 > numbers.1, "{told}");
                    let held = now.1.0 >= dsn.0 && now.1.1 >= dsn.1;
                    assert!(held || !discontinuities, "{told}");
                }
            }
            let Some(text) = mpd(snapshot, *key) else { continue };
            let newest = attributes(&text, "startNumber").last().expect("a Period").parse();
            let newest = newest.expect("a number");
            let before = self.started.insert(*key, newest).unwrap_or(0);
            assert!(newest >= before, "{after}: startNumber {newest} after {before}");
        }
    }
}

/// Robustness 1: over an encoder that restarts, another configuration, another process, another node.
#[test]
fn numbers_never_go_back_over_encoders_configurations_processes_and_nodes() {
    let mut world = world();
    let mut never = Never::default();
    world.run_until(30);
    never.goes_back(&world, "the beginning", true);
    for down in [0, 4, 40] {
        world.encoder_returns(down);
        world.run_until(world.now.round_secs() + down + 20);
        never.goes_back(&world, "an encoder that restarts", true);
    }
    let four = SegmentationKey::new(4000, None);
    let wanted = SegmentationWanted {
        key: four,
        segments: 6,
        window: MediaDuration::ZERO,
        leads_parts: false,
        nominal: false,
        muxed: false,
    };
    world.config.segmentations.push(wanted);
    world.config.segmentations[0].segments = 9;
    for process in ["another configuration", "the same configuration", "and again"] {
        world.restart();
        world.run_until(world.now.round_secs() + 25);
        never.goes_back(&world, process, true);
    }
    // A node that has the configuration only: numbers are slots of time. Discontinuities are what
    // nobody can know who has not seen them; the state carries them.
    world.state = None;
    world.restart();
    world.run_until(world.now.round_secs() + 25);
    never.goes_back(&world, "another node without the state", false);
}

/// Robustness 4: nothing before three segments and three target durations, and whoever begins with
/// a discontinuity has counted it.
#[test]
fn no_list_of_less_than_three_segments_is_shown_and_no_leading_discontinuity_goes_uncounted() {
    let mut world = world();
    let mut shown = BTreeMap::<SegmentationKey, bool>::new();
    let mut discontinuities = BTreeMap::<(SegmentationKey, u64), u64>::new();
    for life in 0..3 {
        for _ in 0..4 {
            let seconds = world.now.round_secs();
            world.run_until(seconds + 8);
            world.encoder_returns(2);
            world.run_until(seconds + 18);
        }
        shown.clear();
        for snapshot in &world.snapshots {
            for (key, view) in &snapshot.segmentations {
                let texts = ["video", "audio"].map(|name| playlist(snapshot, *key, name));
                let whole = multivariant(snapshot, *key).is_some();
                let before = shown.insert(*key, whole).unwrap_or(false);
                assert!(whole || !before, "{key}: what was shown is shown still");
                if !whole {
                    continue;
                }
                for text in texts {
                    let rows = rows(&text.expect("both renditions are there"));
                    let media: i64 = rows.iter().filter(|row| !row.gap).map(|row| row.micros).sum();
                    let least = i64::from(view.target) * 3_000_000 - 100_000;
                    assert!(rows.len() >= 3 && media >= least, "{life} {key}: {rows:?}");
                    for row in rows {
                        let known =
                            *discontinuities.entry((*key, row.number)).or_insert(row.discontinuity);
                        assert_eq!(known, row.discontinuity, "{life} {key}: {row:?}");
                    }
                }
            }
        }
        assert!(shown.len() == 2 && shown.values().all(|shown| *shown), "{shown:?}");
        world.restart();
    }
    let highest = discontinuities.values().max();
    assert!(highest >= Some(&11), "every break was counted: {highest:?}");
}

/// What happens to a channel of three rungs.
#[derive(Clone, Copy, Debug)]
enum Event {
    Nothing,
    EncoderReturns(i64),
    Jump(i64),
    RungOff(usize),
    RungsBack,
    AudioGoes,
    AudioReturns,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Nothing),
        (0..9_i64).prop_map(Event::EncoderReturns),
        (-20..20_i64).prop_map(Event::Jump),
        (1..3_usize).prop_map(Event::RungOff),
        Just(Event::RungsBack),
        Just(Event::AudioGoes),
        Just(Event::AudioReturns),
    ]
}

fn inflict(world: &mut World, event: Event) {
    match event {
        Event::Nothing => {}
        Event::EncoderReturns(down) => world.encoder_returns(down),
        Event::Jump(by) => {
            for track in &mut world.tracks {
                track.offset = track.offset + MediaDuration::from_secs(by);
            }
            world.delay = world.delay - MediaDuration::from_secs(by);
        }
        Event::RungOff(rung) => world.tracks[rung].skew = 1,
        Event::RungsBack => world.tracks.iter_mut().for_each(|track| track.skew = 0),
        Event::AudioGoes => world.tracks[3].delivered = 0..0,
        Event::AudioReturns => world.tracks[3].delivered = 0..i64::MAX,
    }
}

/// Number → discontinuity sequence number and date, over all lists and versions of a segmentation.
type Mapping = BTreeMap<u64, (u64, i64)>;

fn agree(snapshot: &Snapshot, mappings: &mut BTreeMap<SegmentationKey, Mapping>) {
    for (key, view) in &snapshot.segmentations {
        let mapping = mappings.entry(*key).or_default();
        for list in &view.renditions {
            let name = &list.rendition.name;
            let Some(text) = playlist(snapshot, *key, name) else { continue };
            for row in rows(&text) {
                let first = *mapping.entry(row.number).or_insert((row.discontinuity, row.date));
                assert_eq!(first.0, row.discontinuity, "{key} {name}: {row:?}");
                let apart = MediaDuration::from_millis((row.date - first.1).abs());
                assert!(apart <= AUDIO_FRAME, "{key} {name}: {row:?}, elsewhere {first:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// Robustness 5: one list of numbers, dates and discontinuities for all renditions.
    #[test]
    fn every_playlist_maps_a_number_to_the_same_date_and_discontinuity(
        events in prop::collection::vec((event(), 5..25_i64), 1..8)
    ) {
        numbers_agree_through(events);
    }
}

fn numbers_agree_through(events: Vec<(Event, i64)>) {
    let rungs = [("a", 720), ("b", 480), ("c", 360)];
    let rungs = rungs.map(|(name, height)| Synthetic::video(name, height, rate(30, 1), 30));
    let tracks = rungs.into_iter().chain([Synthetic::audio(48_000)]).collect();
    let mut world = World::new(config(&[(2, None), (1, Some(500))]), tracks);
    let mut mappings = BTreeMap::new();
    world.run_until(20);
    for (event, seconds) in events {
        inflict(&mut world, event);
        let until = world.now.max(world.delay).round_secs() + seconds;
        world.run_until(until);
        world.snapshots.iter().for_each(|snapshot| agree(snapshot, &mut mappings));
        world.snapshots.drain(..world.snapshots.len() - 1);
    }
}

#[test]
fn sound_that_comes_back_after_its_encoder_keeps_to_the_numbers_of_the_picture() {
    numbers_agree_through(vec![
        (Event::Jump(9), 5),
        (Event::AudioGoes, 5),
        (Event::EncoderReturns(0), 10),
        (Event::AudioReturns, 5),
    ]);
}

/// Robustness 10: also where the clock of the node stands at 1970.
#[test]
fn the_first_number_of_a_channel_is_never_zero() {
    for since_epoch in [0, 1, 999, 3_000] {
        let asked = config(&[(2, None), (4, None), (1, Some(500))]);
        let now = |seconds: i64| Now {
            mono: Monotonic(1_000_000_000 * (1 + seconds.unsigned_abs())),
            wall: WallTime((since_epoch + seconds) * 1_000_000_000),
        };
        let mut channel = Channel::new(asked, None, now(0));
        let source = SourceId { input: InputId(1), session: 1 };
        let mut video = Synthetic::video("", 720, rate(30, 1), 30);
        let id = video.info.id;
        let track = SourceEvent::Track(video.info.clone());
        channel.handle_input(now(0), Input::Source(source, track));
        let mut first = None;
        for frame in 0..30 * 30 {
            let sample = SourceEvent::Sample(id, video.take());
            channel.handle_input(now(frame / 30), Input::Source(source, sample));
            while let Some(output) = channel.poll_output() {
                let Output::Publish(snapshot) = output else { continue };
                let numbers = snapshot.segmentations.values().filter_map(|view| {
                    let list = view.renditions.iter().find(|r| r.rendition.kind == Video)?;
                    list.rows.get(0).map(|row| row.number)
                });
                first = numbers.min().or(first);
                assert!(first.is_none_or(|number| number >= 1), "{since_epoch}: {first:?}");
            }
        }
        assert!(first.is_some(), "something was listed");
    }
}

/// `mfhd` numbers of a list's chunks, in order.
fn fragment_numbers(world: &World) -> BTreeMap<u64, Vec<u32>> {
    let rows = world.list(2, Video).rows.clone();
    let numbers = |row: &Segment| match &row.content {
        SegmentContent::Media { chunks, .. } => {
            let parsed = chunks.iter().map(|chunk| {
                parse_chunk(&chunk.bytes, &SampleDefaults::default(), Strictness::Strict)
                    .expect("strictly our own")
            });
            parsed.map(|chunk| chunk.sequence_number).collect()
        }
        SegmentContent::Stored | SegmentContent::Gap => Vec::new(),
    };
    rows.iter_from(0).map(|row| (row.number, numbers(row))).collect()
}

#[test]
fn fragment_numbers_rise_and_are_the_same_whoever_makes_them() {
    let twin = || World::new(world().config, world().tracks).with_absolute_time();
    let (mut first, mut late) = (twin(), twin());
    for track in &mut late.tracks {
        track.next = MediaDuration::from_secs(5).div_ceil(track.frame);
    }
    first.run_until(30);
    late.run_until(30);
    let (ours, theirs) = (fragment_numbers(&first), fragment_numbers(&late));
    let all: Vec<u32> = ours.values().flatten().copied().collect();
    assert!(all.len() > 20 && all.windows(2).all(|pair| pair[0] < pair[1]), "{all:?}");
    assert!(theirs.iter().all(|(number, numbers)| ours.get(number).is_none_or(|n| n == numbers)));
    first.restart();
    first.run_until(60);
    let after = fragment_numbers(&first);
    assert!(after.values().flatten().all(|number| number > all.last().expect("some")));
}
