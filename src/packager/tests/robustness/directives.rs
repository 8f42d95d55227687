//! Blocking reloads: every combination of directives, against a model of rfc8216bis §6.2.5.2 that
//! reads nothing but the playlist a client has.

use std::sync::Arc;

use crate::packager::tests::readers::{ask, playlist, rules};
use crate::packager::tests::world::{Synthetic, World, config, rate, reading};
use crate::packager::{SegmentationKey, Snapshot};
use crate::resolve::{Arrival, File, GENERATION, Leaf, Resolution, View, ViewKind, render};
use crate::units::MediaDuration;

const LEAF: Leaf<'_> =
    Leaf::Object { generation: GENERATION, rendition: "video", file: File::Playlist };

fn world() -> World {
    let tracks = vec![Synthetic::video("", 720, rate(30, 1), 30), Synthetic::audio(48_000)];
    World::new(config(&[(1, Some(500))]), tracks)
}

/// What a playlist holds: parts by segment, the open one's last.
struct Model {
    first: u64,
    /// Of complete segments; `None` where a segment's parts are not listed any more.
    parts: Vec<Option<u64>>,
    open: u64,
    /// PART-TARGET, microseconds.
    part_target: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    AtOnce,
    Held,
    Refused,
}

impl Model {
    fn read(text: &str) -> Self {
        let mut model = Model { first: 0, parts: Vec::new(), open: 0, part_target: 0 };
        for line in text.lines() {
            let (tag, value) = line.split_once(':').unwrap_or((line, ""));
            match tag {
                "#EXT-X-MEDIA-SEQUENCE" => model.first = value.parse().expect("a number"),
                "#EXT-X-PART-INF" => {
                    let target = value.strip_prefix("PART-TARGET=").expect("required");
                    let (whole, part) = target.split_once('.').unwrap_or((target, "0"));
                    let micros = format!("{whole}{part:0<6}");
                    model.part_target = micros.parse().expect("microseconds");
                }
                "#EXT-X-PART" => model.open += 1,
                _ if !line.starts_with('#') => {
                    let parts = std::mem::take(&mut model.open);
                    model.parts.push((parts > 0).then_some(parts));
                }
                _ => {}
            }
        }
        model
    }

    /// The last complete segment's number.
    fn last(&self) -> u64 {
        self.first + self.parts.len() as u64 - 1
    }

    fn expects(&self, msn: u64, part: Option<u64>) -> Expected {
        let last = self.last();
        let newest = if self.open > 0 { last + 1 } else { last };
        // Farther ahead than the newest Media Sequence Number and two.
        if msn > newest + 2 {
            return Expected::Refused;
        }
        let Some(part) = part else {
            return if msn <= last { Expected::AtOnce } else { Expected::Held };
        };
        // Beyond the last part by more than the Advance Part Limit: three seconds' worth of parts.
        let limit = 3_000_000_u64.div_ceil(self.part_target);
        let listed = match msn.cmp(&newest) {
            std::cmp::Ordering::Less => None,
            std::cmp::Ordering::Equal if self.open > 0 => Some(self.open),
            std::cmp::Ordering::Equal => self.parts.last().copied().flatten(),
            std::cmp::Ordering::Greater => Some(1),
        };
        if listed.is_some_and(|listed| part > listed - 1 + limit) {
            return Expected::Refused;
        }
        if msn < last {
            return Expected::AtOnce;
        }
        if msn == last {
            let parts = self.parts.last().copied().flatten().expect("the newest have parts");
            // Past the last part of a segment is part 0 of the next.
            let there = part < parts || self.open > 0;
            return if there { Expected::AtOnce } else { Expected::Held };
        }
        if msn == last + 1 && part < self.open { Expected::AtOnce } else { Expected::Held }
    }
}

/// Robustness 7: `_HLS_msn` and `_HLS_part`, near and far, alone and together, at every version.
#[test]
fn every_combination_of_directives_is_answered_held_or_refused_as_the_list_says() {
    let mut world = world();
    world.run_until(16);
    let key = world.key(1);
    let now = reading(world.now);
    let mut seen = [0; 3];
    let shown = world.snapshots.iter().filter_map(|s| Some((s, playlist(s, key, "video")?)));
    for (snapshot, text) in shown {
        let model = Model::read(&text);
        let arrival = Arrival { at: now.mono, losses: snapshot.losses, may_grow: true };
        for msn in (0..2).chain(model.first - 2..model.last() + 6).chain([u64::MAX]) {
            for part in std::iter::once(None).chain((0..12).map(Some)).chain([Some(u64::MAX)]) {
                let number = part.map_or(String::new(), |part| format!("&_HLS_part={part}"));
                let expected = model.expects(msn, part);
                for skip in ["", "&_HLS_skip=YES", "&_HLS_skip=v2"] {
                    let query = format!("_HLS_msn={msn}{number}{skip}");
                    let answer = ask(snapshot, key, &LEAF, Some(&query), (arrival, now));
                    let got = match &answer {
                        Resolution::Manifest(view) => {
                            let ViewKind::Media { skip: delta, .. } = view.kind else {
                                panic!("{query}: another manifest")
                            };
                            assert_eq!(delta, !skip.is_empty(), "{query}");
                            Expected::AtOnce
                        }
                        Resolution::Wait { .. } => Expected::Held,
                        Resolution::BadRequest(_) => Expected::Refused,
                        other => panic!("{query}: {other:?}\n{text}"),
                    };
                    assert_eq!(got, expected, "{query}\n{text}");
                    seen[got as usize] += 1;
                }
            }
        }
        for query in ["_HLS_part=0", "_HLS_part=0&_HLS_skip=YES", "_HLS_msn=&_HLS_part=1"] {
            let answer = ask(snapshot, key, &LEAF, Some(query), (arrival, now));
            assert!(matches!(answer, Resolution::BadRequest(_)), "{query}: {answer:?}");
        }
    }
    assert!(seen.iter().all(|count| *count > 500), "{seen:?}");
}

fn answer(snapshot: &Snapshot, key: SegmentationKey, view: View) -> Arc<str> {
    render(snapshot, &rules(key), view.kind).expect("what was resolved")
}

/// Robustness 8: whoever asks for what is to come gets it, or waits; never what he has.
#[test]
fn a_request_for_the_future_is_never_answered_with_the_playlist_the_client_has() {
    let mut world = world();
    world.run_until(16);
    let key = world.key(1);
    let versions: Vec<(&Snapshot, Arc<str>)> =
        world.snapshots.iter().filter_map(|s| Some((&**s, playlist(s, key, "video")?))).collect();
    let now = reading(world.now);
    let (mut held, mut answered) = (0, 0);
    for pair in versions.windows(2) {
        let ((before, had), (after, _)) = (&pair[0], &pair[1]);
        let model = Model::read(had);
        let arrival = Arrival { at: now.mono, losses: before.losses, may_grow: true };
        let next = model.last() + 1;
        for query in [
            format!("_HLS_msn={next}&_HLS_part={}", model.open),
            format!("_HLS_msn={next}&_HLS_part={}", model.open + 1),
            format!("_HLS_msn={next}"),
            format!("_HLS_msn={}", next + 1),
            format!("_HLS_msn={}&_HLS_part=0", next + 1),
        ] {
            let at_once = ask(before, key, &LEAF, Some(&query), (arrival, now));
            assert!(matches!(at_once, Resolution::Wait { .. }), "{query}: {at_once:?}\n{had}");
            held += 1;
            if let Resolution::Manifest(view) = ask(after, key, &LEAF, Some(&query), (arrival, now))
            {
                assert!(!view.stale && *answer(after, key, view) != **had, "{query}\n{had}");
                answered += 1;
            }
        }
        // Only the end of the wait gives what stands; it is told apart and cached nowhere.
        let late = reading(world.now + MediaDuration::from_secs(4));
        let query = format!("_HLS_msn={next}");
        let Resolution::Manifest(view) = ask(before, key, &LEAF, Some(&query), (arrival, late))
        else {
            panic!("three target durations are over")
        };
        assert!(view.stale);
    }
    assert!(held > 50 && answered > 10, "{held} held, {answered} answered");
}
