//! Random worlds: rates, distances of sync samples, durations of segments and parts.

use std::sync::Arc;

use headwater::manifest::dash::UPDATE_PERIOD;
use headwater::manifest::{Dates, Presentation, StreamOrder, VideoBitrates};
use headwater::packager::Snapshot;
use headwater::resolve::{Container, Protocol};
use headwater::units::{Bitrate, FrameRate, MediaDuration};
use proptest::prelude::*;

use crate::asks::Ask;
use crate::foreign;
use crate::reader::Reader;
use crate::world::{BEGINNING_S, Track, World};

const RATES: [(u32, u32); 9] = [
    (24_000, 1001),
    (24, 1),
    (25, 1),
    (30_000, 1001),
    (30, 1),
    (48, 1),
    (50, 1),
    (60_000, 1001),
    (60, 1),
];

/// A world of even cadence.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    rate: (u32, u32),
    gop_ms: u32,
    b_frames: bool,
    rungs: u16,
    audio_rates: Vec<u32>,
    absolute: bool,
    /// Milliseconds without a source, in the middle.
    hole_ms: Option<u32>,
    low: Ask,
    both: Ask,
}

/// Bounds among the rates of the rungs, and keys that change what a manifest says.
fn presentation() -> impl Strategy<Value = Presentation> {
    let seconds = |most: i64| prop::option::of((1..=most).prop_map(MediaDuration::from_secs));
    let order = prop::sample::select(StreamOrder::ALL.to_vec());
    let bounds = prop::option::of((1..=60_000_u64, 1..=60_000_u64)).prop_map(|bounds| {
        bounds.map_or(VideoBitrates::ALL, |(a, b)| VideoBitrates {
            min: Bitrate(a.min(b)),
            max: Bitrate(a.max(b)),
        })
    });
    (order, bounds, seconds(20), seconds(60), seconds(5), seconds(30), seconds(5)).prop_map(
        |(order, bitrates, interval, delay, part_hold_back, min_buffer, min_update)| Presentation {
            order,
            bitrates,
            dates: interval.map_or(Dates::All, Dates::FirstOf),
            delay,
            part_hold_back,
            min_buffer,
            min_update,
            hls_version: 1,
        },
    )
}

fn ask(protocol: Protocol) -> impl Strategy<Value = Ask> {
    let part = move |segment: u32| {
        let most = 1000.min(segment / 2);
        if protocol.low_latency() {
            (100..=most).prop_map(Some).boxed()
        } else {
            Just(None).boxed()
        }
    };
    (1000..=10_000_u32, 2..=8_u32, 3..=6_i64, presentation()).prop_flat_map(
        move |(segment_ms, segments, depth, presentation)| {
            part(segment_ms).prop_map(move |part_ms| Ask {
                protocol,
                segment_ms,
                part_ms,
                segments,
                dash_window_s: depth * i64::from(segment_ms) / 1000,
                presentation,
            })
        },
    )
}

pub(crate) fn recipe() -> impl Strategy<Value = Recipe> {
    let audio = prop::sample::select(vec![32_000_u32, 44_100, 48_000]);
    (
        prop::sample::select(RATES.to_vec()),
        500..=4000_u32,
        any::<bool>(),
        0..=2_u16,
        prop::collection::vec(audio, 1..=2),
        any::<bool>(),
        prop::option::of(100..=60_000_u32),
        ask(Protocol::LlHlsCmaf),
        (ask(Protocol::HlsDashCmaf), any::<bool>()),
    )
        .prop_map(
            |(
                rate,
                gop_ms,
                b_frames,
                rungs,
                audio_rates,
                absolute,
                hole_ms,
                low,
                (both, counts),
            )| {
                let fits = |part: &u32| counts && part * 2 <= both.segment_ms;
                let mut both = Ask { part_ms: low.part_ms.filter(fits), ..both };
                if let Some(part) = both.part_ms {
                    // The configuration remarks on less: new Periods would be met too late.
                    let update = both.presentation.min_update.unwrap_or(UPDATE_PERIOD);
                    let least = update + MediaDuration::from_millis(i64::from(part));
                    both.presentation.delay = both.presentation.delay.map(|delay| delay.max(least));
                }
                Recipe {
                    rate,
                    gop_ms,
                    b_frames,
                    rungs,
                    audio_rates,
                    // A source of absolute time would have to go on where its clock stands.
                    hole_ms: hole_ms.filter(|_| !absolute),
                    absolute,
                    low,
                    both,
                }
            },
        )
}

impl Recipe {
    /// A hole longer than all that is kept, after a segment so short that three of them are not three
    /// target durations.
    pub(crate) fn long_hole() -> Self {
        let ask = |protocol, segment_ms, part_ms, segments, dash_window_s| Ask {
            protocol,
            segment_ms,
            part_ms,
            segments,
            dash_window_s,
            presentation: Presentation::DEFAULT,
        };
        Recipe {
            rate: (25, 1),
            gop_ms: 2360,
            b_frames: false,
            rungs: 1,
            audio_rates: vec![32_000],
            absolute: false,
            hole_ms: Some(15_281),
            low: ask(Protocol::LlHlsCmaf, 7181, Some(100), 6, 21),
            both: ask(Protocol::HlsDashCmaf, 1064, None, 3, 4),
        }
    }

    fn tracks(&self) -> Vec<Track> {
        let rate = FrameRate::new(self.rate.0, self.rate.1).expect("not zero");
        let gop = i64::from(self.gop_ms * self.rate.0 / self.rate.1 / 1000).max(2);
        let rungs = (1..=self.rungs)
            .map(|n| Track::video(&format!("{n}"), 90 * n, rate, gop, self.b_frames));
        let languages = ["eng", "fra"].into_iter().zip(&self.audio_rates);
        let audio = (1..).zip(languages).map(|(id, (lang, rate))| Track::audio(id, lang, *rate));
        let mut tracks: Vec<Track> = rungs.chain(audio).collect();
        for track in tracks.iter_mut().filter(|_| self.absolute) {
            track.base = BEGINNING_S * i64::from(track.info.timescale.get());
        }
        tracks
    }

    /// Long enough that every list has lost segments in front.
    fn seconds(&self) -> i64 {
        let longest = |ask: &Ask| i64::from(ask.segment_ms + self.gop_ms) / 1000 + 1;
        let listed = |ask: &Ask| longest(ask) * i64::from(ask.segments.max(6) + 3);
        (3 * i64::from(self.gop_ms) / 1000) + listed(&self.low).max(listed(&self.both)) + 1
    }
}

/// Lets every reader read what has been published, and keeps the newest.
fn read(world: &mut World, readers: &mut [Reader], last: &mut Option<Arc<Snapshot>>) {
    for snapshot in std::mem::take(&mut world.snapshots) {
        for (rules, reader) in world.endpoints.iter().zip(readers.iter_mut()) {
            reader.take(&snapshot, rules);
        }
        *last = Some(snapshot);
    }
}

/// Plays a world and holds every version of everything against the rules.
pub(crate) fn obeys(recipe: &Recipe) {
    let low_ts = Ask { protocol: Protocol::LlHlsTs, ..recipe.low };
    let ts = Ask { protocol: Protocol::Hls, ..recipe.both };
    let asks = [recipe.low, recipe.both, low_ts, ts];
    let mut world = World::new(&asks, recipe.tracks(), recipe.absolute);
    let mut readers: Vec<Reader> = world.endpoints.iter().map(|_| Reader::default()).collect();
    let seconds = recipe.seconds();
    let mut last = None;
    for second in 1..=seconds {
        world.run_until(second * 1000);
        read(&mut world, &mut readers, &mut last);
    }
    if let Some(hole_ms) = recipe.hole_ms {
        for reader in &mut readers {
            reader.lenient = true;
        }
        world.lose();
        let back = seconds * 1000 + i64::from(hole_ms);
        world.run_until(back);
        world.connect(recipe.tracks());
        for second in 1..=seconds {
            world.run_until(back + second * 1000);
            read(&mut world, &mut readers, &mut last);
        }
    }
    for rules in &world.endpoints {
        match (&last, rules.protocol.container()) {
            (Some(last), Container::Cmaf) => foreign::everything(last, rules),
            (Some(last), Container::TransportStream) => foreign::transport_streams(last, rules),
            (None, _) => {}
        }
    }
    for reader in &readers {
        assert!(reader.seen.0 > 3, "the world is long enough: {:?}", reader.seen);
    }
    assert!(readers[1].seen.1 > 4, "the world is long enough");
}
