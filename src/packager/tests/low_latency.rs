//! Parts: their lengths, names and places.

use super::world::{Synthetic, World, config, rate};
use crate::media::MediaKind;
use crate::units::MediaDuration;

#[test]
fn parts_fill_85_to_100_percent_of_the_target_and_make_up_their_segment() {
    for (frames, seconds, gop) in [(24_000, 1001, 24), (25, 1, 25), (30_000, 1001, 30), (60, 1, 60)]
    {
        for part_ms in [100, 333, 500] {
            let mut tracks = vec![
                Synthetic::video("", 720, rate(frames, seconds), gop),
                Synthetic::audio(48_000),
            ];
            tracks[0].reorder = 2;
            let mut world = World::new(config(&[(1, Some(part_ms))]), tracks);
            world.run_until(30);
            let view = world.segmentation(1);
            let target = view.part_target.expect("low latency");
            for list in &view.renditions {
                let mut seen = 0;
                for row in list.rows.iter_from(0) {
                    let parts = row.parts();
                    assert_eq!(parts.iter().map(|p| p.duration).sum::<i64>(), row.duration);
                    for (i, part) in parts.iter().enumerate() {
                        let length = MediaDuration::new(part.duration, row.timescale);
                        assert!(length <= target + MediaDuration::from_millis(1), "L01");
                        let short = length.times(100) < target.times(85);
                        assert!(
                            !short || i + 1 == parts.len(),
                            "L02: {frames}/{seconds} {part_ms}"
                        );
                        seen += 1;
                    }
                }
                assert!(seen > 20, "{}", list.rendition.name);
            }
        }
    }
}

#[test]
fn a_hinted_part_comes_under_the_name_it_was_hinted_by() {
    let tracks = vec![Synthetic::video("", 720, rate(30, 1), 30), Synthetic::audio(48_000)];
    let mut world = World::new(config(&[(1, Some(200))]), tracks);
    world.run_until(20);
    let mut hints = 0;
    for pair in world.snapshots.windows(2) {
        for (key, view) in &pair[0].segmentations {
            for list in &view.renditions {
                let Some((period, start)) = list.next_part else { continue };
                let after =
                    pair[1].segmentations[key].rendition(list.rendition.id).expect("for life");
                let still = after.next_part == Some((period, start));
                assert!(still || after.part(period, start).is_some(), "L14");
                hints += 1;
            }
        }
    }
    assert!(hints > 100);
}

#[test]
fn audio_is_published_no_further_than_video_has_come() {
    let tracks = vec![Synthetic::video("", 720, rate(25, 1), 25), Synthetic::audio(48_000)];
    let mut world = World::new(config(&[(1, Some(200))]), tracks);
    world.run_until(20);
    let view = world.segmentation(1);
    let end = |kind: MediaKind| {
        let list = view.renditions.iter().find(|r| r.rendition.kind == kind).expect("of that kind");
        let open = list.open.as_ref().and_then(|o| o.parts.last()).map(|p| p.start + p.duration);
        let row = list.rows.last().expect("a row");
        crate::units::MediaTime::new(open.unwrap_or(row.start + row.duration), row.timescale)
    };
    assert!(end(MediaKind::Audio) - end(MediaKind::Video) < MediaDuration::from_millis(250));
    assert!(end(MediaKind::Video) - end(MediaKind::Audio) < MediaDuration::from_millis(250));
}
