//! Segmentations that an MPD lists by number alone (docs/low-latency.md: Low-latency DASH).

use super::world::{Synthetic, World, config, rate};
use crate::packager::{ChannelConfig, PeriodReason, PeriodSpan, PeriodSpans, Report};
use crate::units::{FrameRate, MediaDuration};

/// The same asked durations, each with its parts listed by number.
fn nominal(asked: &[(u32, Option<u32>)]) -> ChannelConfig {
    let mut config = config(asked);
    for wanted in &mut config.segmentations {
        wanted.nominal = true;
    }
    config
}

fn picture_and_sound(fps: FrameRate, gop: i64) -> Vec<Synthetic> {
    vec![Synthetic::video("", 720, fps, gop), Synthetic::audio(48_000)]
}

/// How far the rows of a Period lie from where their numbers say, at most.
fn worst(world: &World, seconds: u32, span: &PeriodSpan) -> MediaDuration {
    let view = world.segmentation(seconds);
    let nominal = span.nominal.expect("an even Period");
    let mut worst = MediaDuration::ZERO;
    for row in view.renditions.iter().flat_map(|list| list.rows.iter_from(0)) {
        if row.period.ordinal == span.period.ordinal && !row.is_gap() {
            let k = i64::try_from(row.number - span.first).expect("in the Period");
            worst = worst.max((row.start_time() - (span.start + nominal.duration.times(k))).abs());
        }
    }
    worst
}

fn spans(world: &World, seconds: u32) -> &PeriodSpans {
    world.segmentation(seconds).spans.as_ref().expect("it is listed by number")
}

#[test]
fn numbers_of_an_even_source_begin_at_their_nominal_times() {
    for (frames, seconds, gop) in [(24_000, 1001, 48), (25, 1, 50), (30_000, 1001, 60), (60, 1, 60)]
    {
        for millis in [false, true] {
            let mut tracks = picture_and_sound(rate(frames, seconds), gop);
            tracks[0].millis = millis;
            tracks[0].reorder = 2;
            let mut world = World::new(nominal(&[(2, Some(500)), (4, Some(500))]), tracks);
            world.keep = 2;
            world.run_until(600);
            for asked in [2, 4] {
                let spans = spans(&world, asked);
                assert_eq!(spans.periods.len(), 1, "{frames}/{seconds}: one Period for ever");
                let off = worst(&world, asked, &spans.periods[0]);
                assert!(off < MediaDuration::from_millis(40), "{frames}/{seconds}: {off:?}");
            }
        }
    }
}

#[test]
fn a_source_that_is_slower_than_it_says_begins_a_period_before_it_is_fifty_milliseconds_off() {
    let mut tracks = picture_and_sound(rate(30, 1), 60);
    // A frame is a two-thousandth longer than the bitstream says: a millisecond a segment.
    tracks[0].frame = rate(60_000, 2001).duration_of(1);
    let mut world = World::new(nominal(&[(2, Some(500))]), tracks);
    world.run_until(240);
    let off = |report: &&Report| {
        matches!(report, Report::PeriodBegan { reason: PeriodReason::OffNominal, .. })
    };
    assert_eq!(world.reports.iter().filter(off).count(), 2, "each hundred seconds");
    for span in &spans(&world, 2).periods {
        let worst = worst(&world, 2, span);
        // A moment more for sound, which is cut at its next frame.
        assert!(worst <= MediaDuration::from_millis(72), "D35: {worst:?}");
    }
}

#[test]
fn a_source_without_cadence_has_no_nominal_times_until_it_finds_one() {
    let mut tracks = picture_and_sound(rate(25, 1), 50);
    tracks[0].sync = Box::new(|n| n % 50 == 0 && n < 1000 || n % 75 == 0 && n > 1000);
    let mut world = World::new(nominal(&[(2, Some(500))]), tracks);
    let mut seen = Vec::new();
    for second in 1..120 {
        world.run_until(second);
        let Some(spans) =
            world.snapshots.last().and_then(|s| s.segmentations.values().next()?.spans.clone())
        else {
            continue;
        };
        for span in &spans.periods {
            let known = seen.iter().any(|(ordinal, _)| *ordinal == span.period.ordinal);
            if !known {
                seen.push((span.period.ordinal, span.nominal.map(|n| n.duration)));
            }
        }
    }
    let seconds = |s| Some(MediaDuration::from_secs(s));
    assert_eq!(seen, [(0, seconds(2)), (1, None), (2, seconds(3))]);
}

#[test]
fn an_mpd_may_list_a_period_with_the_first_part_of_each_track() {
    let mut world = World::new(nominal(&[(2, Some(500))]), picture_and_sound(rate(30, 1), 60));
    world.run_until(20);
    world.delay = MediaDuration::from_secs(5);
    for track in &mut world.tracks {
        track.skew = -track.next;
    }
    world.snapshots.clear();
    world.run_until(40);
    let first = world.snapshots.iter().find_map(|snapshot| {
        let view = snapshot.segmentations.values().next()?;
        (view.period.ordinal == 1 && view.incomplete.is_none()).then_some(view)
    });
    let first = first.expect("the encoder is back");
    for list in &first.renditions {
        let open = list.open.as_ref().expect("its first segment is open");
        assert_eq!((open.period.ordinal, open.parts.len()), (1, 1), "{}", list.rendition.name);
    }
    let spans = first.spans.as_ref().expect("by number");
    assert_eq!(spans.periods[1].tracks.len(), 2);
    assert!(spans.changed.at >= spans.edge, "publishTime moves with the new Period");
}

#[test]
fn parts_begin_anew_with_the_segments_that_lead_them_alone() {
    // Key frames a second apart: the cuts of 3 s are not all cuts of 2 s.
    let mut config = nominal(&[(2, Some(400)), (3, Some(400))]);
    config.segmentations[0].nominal = false;
    config.segmentations[1].leads_parts = false;
    let mut world = World::new(config, picture_and_sound(rate(30, 1), 30));
    world.run_until(30);
    let view = world.segmentation(2);
    let target = view.part_target.expect("low latency");
    for row in view.renditions.iter().flat_map(|list| list.rows.iter_from(0)) {
        let parts = row.parts();
        for part in &parts[..parts.len() - 1] {
            let length = MediaDuration::new(part.duration, row.timescale);
            assert!(length.times(100) >= target.times(85), "L02: {length:?}");
        }
    }
    let other = world.segmentation(3);
    for row in other.renditions.iter().flat_map(|list| list.rows.iter_from(0)) {
        let longest =
            row.parts().iter().map(|part| MediaDuration::new(part.duration, row.timescale));
        assert!(longest.max().is_some_and(|longest| longest <= target), "no chunk is later");
    }
    assert_eq!(spans(&world, 3).periods.len(), 1);
}
