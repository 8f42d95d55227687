//! The slate: a Period while all inputs are silent, in every rendition.

use super::world::{BEGINNING_S, Synthetic, World, config, rate};
use crate::media::MediaKind::{Audio, Video};
use crate::media::TrackId;
use crate::packager::{ChannelConfig, InputId, PeriodReason, Report, SlateWanted};
use crate::packager::{SourceEvent, SourceId};
use crate::units::{MediaDuration, MediaTime, Timescale};

const STEP_MS: i64 = 100;

fn with_slate() -> ChannelConfig {
    ChannelConfig { slate: true, ..config(&[(2, None), (1, Some(500))]) }
}

fn programme() -> Vec<Synthetic> {
    vec![
        Synthetic::video("big", 720, rate(30, 1), 60),
        Synthetic::video("small", 360, rate(30, 1), 60),
        Synthetic::audio(48_000),
    ]
}

/// A world and the shell's part in a slate.
struct Stage {
    world: World,
    playing: Option<(SourceId, SlateWanted, Vec<Synthetic>)>,
    sessions: u32,
}

impl Stage {
    fn new(world: World) -> Self {
        Stage { world, playing: None, sessions: 100 }
    }

    fn run_until(&mut self, seconds: i64) {
        let end = MediaDuration::from_secs(seconds);
        while self.world.now < end {
            let next = (self.world.now + MediaDuration::from_millis(STEP_MS)).min(end);
            self.world.run_to(next);
            self.play();
        }
    }

    fn say(&mut self, source: SourceId, event: SourceEvent) {
        let main = std::mem::replace(&mut self.world.source, source);
        self.world.input(event);
        self.world.source = main;
    }

    fn play(&mut self) {
        let wanted = self.world.channel.poll_slate().cloned();
        if let Some((source, playing, _)) = &self.playing
            && wanted.as_ref() != Some(playing)
        {
            self.say(*source, SourceEvent::Lost);
            self.playing = None;
        }
        let Some(wanted) = wanted else { return };
        if self.playing.is_none() {
            self.sessions += 1;
            let source = SourceId { input: InputId::SLATE, session: self.sessions };
            let tracks = cast(&wanted);
            for track in &tracks {
                let (info, track) = (track.info.clone(), track.info.id);
                self.say(source, SourceEvent::Track(info));
                let epoch = wanted.from;
                self.say(source, SourceEvent::Anchor { track, media: 0, epoch });
            }
            self.playing = Some((source, wanted, tracks));
        }
        let Some((source, wanted, mut tracks)) = self.playing.take() else { return };
        let here = MediaTime::new(BEGINNING_S, Timescale::new(1).expect("not zero"));
        while let Some(next) = tracks.iter_mut().min_by_key(|t| t.frame.times(t.next))
            && wanted.from + next.frame.times(next.next + 1) <= here + self.world.now
        {
            let (track, sample) = (next.info.id, next.take());
            self.say(source, SourceEvent::Sample(track, sample));
        }
        self.playing = Some((source, wanted, tracks));
    }

    fn periods(&self) -> Vec<PeriodReason> {
        let reason = |report: &Report| match report {
            Report::PeriodBegan { reason, .. } => Some(*reason),
            _ => None,
        };
        self.world.reports.iter().filter_map(reason).collect()
    }

    /// Numbers follow each other and no list has a gap or a hole of more than `most`.
    fn has_no_hole_over(&self, most: MediaDuration) {
        for seconds in [1, 2] {
            for list in &self.world.segmentation(seconds).renditions {
                let rows: Vec<_> = list.rows.iter_from(0).collect();
                assert!(rows.len() > 3, "{}", list.rendition.name);
                assert!(rows.iter().all(|row| !row.is_gap()), "{}", list.rendition.name);
                for pair in rows.windows(2) {
                    let hole = pair[1].start_time() - pair[0].end_time();
                    assert!(pair[1].number == pair[0].number + 1, "I4");
                    assert!(
                        hole.abs() <= most,
                        "{}: {} ms",
                        list.rendition.name,
                        hole.floor_millis()
                    );
                }
            }
        }
    }
}

/// A slate of 25 frames a second in the place of what played.
fn cast(wanted: &SlateWanted) -> Vec<Synthetic> {
    let tracks = (1..).zip(&wanted.tracks).map(|(id, (kind, variant, language))| {
        let mut track = match kind {
            Video => Synthetic::video("", 90, rate(25, 1), 25),
            Audio => Synthetic::audio(44_100),
        };
        track.info.id = TrackId(id);
        (track.info.variant, track.info.language) = (variant.clone(), *language);
        track
    });
    let mut tracks: Vec<_> = tracks.collect();
    if tracks.is_empty() {
        tracks.push(Synthetic::video("", 90, rate(25, 1), 25));
    }
    tracks
}

#[test]
fn while_all_inputs_are_silent_the_slate_plays_in_every_rendition() {
    let mut stage = Stage::new(World::new(with_slate(), programme()));
    stage.run_until(30);
    stage.world.main_is_silent = true;
    stage.run_until(31);
    assert!(stage.world.channel.poll_slate().is_none(), "not before input_loss");
    stage.run_until(50);
    assert_eq!(stage.periods().last(), Some(&PeriodReason::Slate));
    let view = stage.world.segmentation(2);
    let mut names: Vec<_> = view.renditions.iter().map(|l| l.rendition.name.clone()).collect();
    names.sort();
    assert_eq!(names, ["audio", "video-big", "video-small"]);
    stage.has_no_hole_over(MediaDuration::from_millis(50));
}

#[test]
fn an_input_that_returns_takes_over_with_its_next_sync_sample() {
    for lost in [true, false] {
        let mut stage = Stage::new(World::new(with_slate(), programme()));
        stage.run_until(30);
        if lost {
            stage.world.input(SourceEvent::Lost);
        }
        stage.world.main_is_silent = true;
        stage.run_until(50);
        stage.world.main_is_silent = false;
        if lost {
            stage.world.source.session += 1;
            stage.world.declare();
        }
        stage.run_until(60);
        let last = [PeriodReason::Slate, PeriodReason::SourceReturned];
        assert!(stage.periods().ends_with(&last), "{:?}", stage.periods());
        stage.has_no_hole_over(MediaDuration::from_millis(70));
        let rows = stage.world.rows(2, Video);
        let newest = rows.iter().rev().take(2).map(|row| row.1);
        assert!(newest.eq([2000, 2000]), "the rhythm it had: {rows:?}");
    }
}

#[test]
fn a_rung_that_stays_away_is_waited_for_behind_the_slate_but_not_for_ever() {
    let mut stage = Stage::new(World::new(with_slate(), programme()));
    stage.run_until(30);
    stage.world.main_is_silent = true;
    stage.run_until(50);
    stage.world.main_is_silent = false;
    stage.world.tracks[1].delivered = 0..0;
    stage.run_until(70);
    assert_eq!(stage.periods().last(), Some(&PeriodReason::SourceReturned));
    stage.world.tracks.remove(1);
    let rows = stage.world.rows(2, Video);
    assert!(rows.iter().rev().take(4).all(|row| row.1 == 2000), "{rows:?}");
}

#[test]
fn an_input_that_only_stutters_does_not_end_the_slate() {
    let mut stage = Stage::new(World::new(with_slate(), programme()));
    stage.run_until(30);
    stage.world.main_is_silent = true;
    stage.run_until(50);
    // A second of media without a sync sample, once in a while.
    for at in [50, 53, 56] {
        stage.world.main_is_silent = false;
        stage.world.tracks.iter_mut().for_each(|track| track.sync = Box::new(|_| false));
        stage.run_until(at + 1);
        stage.world.main_is_silent = true;
        stage.run_until(at + 3);
    }
    assert_eq!(stage.periods().last(), Some(&PeriodReason::Slate));
    stage.has_no_hole_over(MediaDuration::from_millis(50));
}

#[test]
fn a_slate_comes_also_where_an_input_was_slower_before() {
    let mut world = World::new(with_slate(), programme());
    world.input(SourceEvent::Pace(MediaDuration::from_secs(4)));
    world.run_until(20);
    world.input(SourceEvent::Pace(MediaDuration::ZERO));
    world.main_is_silent = true;
    // It is looked after two seconds, to no avail, and again when six have passed.
    world.run_until(22);
    assert!(world.channel.poll_slate().is_none());
    let again = world.channel.poll_timeout().expect("it is looked again");
    assert!(again > super::world::reading(world.now).mono);
    world.run_until(27);
    assert!(world.channel.poll_slate().is_some());
}

#[test]
fn the_standby_is_taken_before_the_slate() {
    let mut world = World::new(with_slate(), programme());
    world.twin = Some(SourceId { input: InputId(2), session: 2 });
    world.declare();
    let mut stage = Stage::new(world);
    stage.run_until(30);
    stage.world.main_is_silent = true;
    stage.run_until(50);
    assert!(!stage.periods().contains(&PeriodReason::Slate), "{:?}", stage.periods());
    stage.world.twin = None;
    stage.run_until(60);
    assert_eq!(stage.periods().last(), Some(&PeriodReason::Slate));
}

#[test]
fn a_channel_that_nobody_feeds_shows_its_slate_and_forgets_it_in_its_state() {
    let mut stage = Stage::new(World::new(with_slate(), programme()));
    stage.world.main_is_silent = true;
    stage.run_until(5);
    let rows = stage.world.rows(2, Video);
    assert!(rows.len() >= 6, "a full list at once: {rows:?}");
    assert!(stage.world.state.as_ref().is_some_and(|state| state.run.is_none()));
    stage.world.main_is_silent = false;
    stage.run_until(8);
    assert!(
        stage.periods().ends_with(&[PeriodReason::Slate]),
        "no rhythm is found in three seconds"
    );
    stage.run_until(20);
    // Who watched the slate goes on with the first rung that came.
    let view = stage.world.segmentation(2);
    let list = view.renditions.iter().find(|l| l.rendition.name == "video").expect("the slate's");
    let rows: Vec<_> = list.rows.iter_from(0).collect();
    assert!(rows.iter().all(|row| !row.is_gap()));
    for pair in rows.windows(2) {
        let hole = pair[1].start_time() - pair[0].end_time();
        assert!(hole.abs() <= MediaDuration::from_millis(70), "{} ms", hole.floor_millis());
    }
    let mut names: Vec<_> = view.renditions.iter().map(|l| l.rendition.name.clone()).collect();
    names.sort();
    assert_eq!(names, ["audio", "video", "video-small"]);
    let (state, big) = (stage.world.state.as_ref().expect("a state"), "big");
    let run = state.run.as_ref().expect("the encoder's");
    assert!(run.tracks.iter().any(|(_, variant, _)| variant.as_str() == big));
    assert_eq!(stage.periods().last(), Some(&PeriodReason::SourceReturned));
}

#[test]
fn an_input_with_absolute_time_goes_on_where_the_slate_has_ended() {
    let mut world = World::new(with_slate(), programme()).with_absolute_time();
    world.delay = MediaDuration::from_millis(1500);
    let mut stage = Stage::new(world);
    stage.run_until(30);
    stage.world.main_is_silent = true;
    stage.run_until(50);
    stage.world.main_is_silent = false;
    stage.run_until(70);
    assert_eq!(stage.periods().last(), Some(&PeriodReason::SourceReturned));
    // Its own times stand: what the slate has covered is not shown again.
    stage.has_no_hole_over(MediaDuration::from_millis(2100));
}
