//! What encoders do to their timestamps, as far as a channel.

mod differential;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::publication::Publication;
use super::publication::tests::{avc_record, avc_tag, pictures};
use super::session::{Media, MediaKind};
use super::track::Out;
use crate::media::{Sample, VariantName};
use crate::packager::{
    Channel, ChannelConfig, Input, InputId, Limits, Output, Report, Segment, SegmentContent,
    SegmentationKey, SegmentationWanted, Snapshot, SourceId,
};
use crate::units::{MediaDuration, Monotonic, Now, WallTime};

const KEY: SegmentationKey = SegmentationKey::new(2_000, None);
/// Pictures of 29.97 frames a second, a sync sample each second of them.
const GOP: i64 = 30;

/// A channel with one encoder.
struct World {
    channel: Channel,
    publication: Publication,
    samples: Vec<Sample>,
    snapshot: Option<Snapshot>,
    reports: BTreeMap<&'static str, usize>,
}

impl World {
    fn new() -> Self {
        let wanted = SegmentationWanted {
            key: KEY,
            segments: 2_000,
            window: MediaDuration::ZERO,
            leads_parts: false,
            nominal: false,
            muxed: false,
        };
        let config = ChannelConfig {
            segmentations: vec![wanted],
            endpoints: BTreeMap::new(),
            input_loss: MediaDuration::from_secs(2),
            prefers_main: false,
            slate: false,
            limits: Limits::default(),
        };
        let source = SourceId { input: InputId(1), session: 1 };
        let (info, samples) = pictures();
        let mut world = World {
            channel: Channel::new(config, None, at(0)),
            publication: Publication::new(source, VariantName::default()),
            samples,
            snapshot: None,
            reports: BTreeMap::new(),
        };
        world.give(0, MediaKind::Video, 0, avc_tag(0, 0, true, &avc_record(&info.codec, 4)));
        world.give(0, MediaKind::Audio, 0, b"\xaf\0\x12\x10".to_vec());
        world
    }

    fn give(&mut self, now_ms: i64, kind: MediaKind, timestamp: i64, body: Vec<u8>) {
        let mut out = Out::default();
        let timestamp = timestamp.cast_unsigned() as u32;
        self.publication.take(Media { kind, timestamp, body: body.into() }, &mut out);
        assert_eq!(out.faults, []);
        for event in out.events {
            self.channel.handle_input(at(now_ms), Input::Source(self.publication.source, event));
            while let Some(output) = self.channel.poll_output() {
                match output {
                    Output::Publish(snapshot) => self.snapshot = Some((*snapshot).clone()),
                    Output::Report(report) => self.report(&report),
                    Output::Remember(_) => {}
                }
            }
        }
    }

    fn report(&mut self, report: &Report) {
        *self.reports.entry(report.name()).or_default() += 1;
    }

    fn reported(&self, name: &str) -> usize {
        self.reports.get(name).copied().unwrap_or(0)
    }

    /// Pictures and sound of `seconds`, in the order of their times, which `video` and `audio` move.
    fn play(
        &mut self,
        seconds: std::ops::Range<i64>,
        video: impl Fn(i64) -> Option<i64>,
        audio: impl Fn(i64) -> Option<i64>,
    ) {
        let (from, to) = (seconds.start * 1_000, seconds.end * 1_000);
        let mut all = Vec::new();
        for n in from * 30 / 1_001..to * 30 / 1_001 {
            all.push((n * 1_001 / 30, MediaKind::Video, n));
        }
        for n in from * 44_100 / 1_024_000..to * 44_100 / 1_024_000 {
            all.push((n * 1_024_000 / 44_100, MediaKind::Audio, n));
        }
        all.sort_by_key(|(at, ..)| *at);
        for (at, kind, n) in all {
            let moved = if kind == MediaKind::Video { video(at) } else { audio(at) };
            let Some(timestamp) = moved else { continue };
            let body = match kind {
                MediaKind::Video => {
                    let sample = &self.samples[usize::try_from(n % GOP).unwrap()];
                    avc_tag(1, 67, n % GOP == 0, &sample.data)
                }
                MediaKind::Audio => b"\xaf\x01raw".to_vec(),
            };
            self.give(at, kind, timestamp, body);
        }
    }

    /// Rows with media of a rendition.
    fn rows(&self, name: &str) -> Vec<Arc<Segment>> {
        let view = &self.snapshot.as_ref().expect("published").segmentations[&KEY];
        let list = view.renditions.iter().find(|list| list.rendition.name == name).expect("a list");
        let media = |row: &&Arc<Segment>| matches!(row.content, SegmentContent::Media { .. });
        list.rows.iter_from(0).filter(media).cloned().collect()
    }
}

fn at(ms: i64) -> Now {
    let wall = WallTime((1_789_123_457_000 + ms) * 1_000_000);
    Now { mono: Monotonic(1 + ms.unsigned_abs() * 1_000_000), wall }
}

/// Robustness 19: whole milliseconds, two clocks that do not divide them, half an hour.
#[test]
fn sound_and_picture_stay_together_though_their_times_are_rounded_to_milliseconds() {
    let mut world = World::new();
    world.play(0..1_800, Some, Some);
    let (video, audio) = (world.rows("video"), world.rows("audio"));
    assert!(video.len() > 850, "{}", video.len());
    let frame = MediaDuration::new(1_024, crate::units::Timescale::new(44_100).unwrap());
    for row in &video {
        assert_eq!(row.length(), MediaDuration::from_millis(2_002), "{}", row.number);
    }
    for sound in &audio {
        let Some(picture) = video.iter().find(|row| row.number == sound.number) else { continue };
        let apart = sound.end_time() - picture.end_time();
        assert!(apart >= MediaDuration::ZERO - MediaDuration::from_millis(1), "{apart:?}");
        assert!(apart <= frame + MediaDuration::from_millis(1), "{apart:?}");
    }
    assert_eq!(world.reported("TimestampRepaired"), 0);
    assert_eq!(world.reported("PeriodBegan"), 1, "{:?}", world.reports);
}

/// Robustness 20: tracks begin apart, jump together, and jump apart.
#[test]
fn tracks_that_begin_or_jump_apart_make_no_tiny_and_no_huge_segments() {
    type Moved = fn(i64) -> Option<i64>;
    let cases: [(&str, Moved, Moved); 6] = [
        ("sound begins late", Some, |t| (t >= 3_000).then_some(t)),
        ("pictures begin late", |t| (t >= 3_000).then_some(t), Some),
        ("both jump", |t| Some(t + (t / 20_000) * 50_000), |t| Some(t + (t / 20_000) * 50_000)),
        ("both go back", |t| Some(t % 20_000), |t| Some(t % 20_000)),
        ("sound jumps", Some, |t| Some(if t > 20_000 { t + 9_000 } else { t })),
        ("a wrap", |t| Some(t + 0xffff_0000), |t| Some(t + 0xffff_0000)),
    ];
    for (name, video, audio) in cases {
        let mut world = World::new();
        world.play(0..90, video, audio);
        let rows = world.rows("video");
        let played: i64 = rows.iter().map(|row| row.length().floor_millis()).sum();
        assert!(played > 70_000, "{name}: {played} ms");
        for row in &rows {
            let ms = row.length().floor_millis();
            assert!((1_000..=3_100).contains(&ms), "{name}: {ms} ms");
        }
        assert!(!world.rows("audio").is_empty(), "{name}");
    }
}

/// Robustness 6: decode times that stand still or fall.
#[test]
fn equal_and_falling_timestamps_stop_nothing() {
    let mut world = World::new();
    // Every tenth picture repeats the time before it, every hundredth falls behind it.
    let broken = |t: i64| match t * 30 / 1_001 {
        n if n % 100 == 99 => Some(t - 50),
        n if n % 10 == 9 => Some(t - 33),
        _ => Some(t),
    };
    world.play(0..60, broken, Some);
    let played: i64 = world.rows("video").iter().map(|row| row.length().floor_millis()).sum();
    assert!(played > 50_000, "{played}");
    assert!(world.reported("TimestampRepaired") > 50, "{:?}", world.reports);
}
