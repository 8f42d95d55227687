//! The scenarios of the goldens, as a table, and what each of them writes.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use headwater::isobmff::dump;
use headwater::manifest::Presentation;
use headwater::media::{Language, TrackId};
use headwater::packager::{RenditionView, SegmentContent, SegmentationView, Snapshot};
use headwater::resolve::{EndpointRules, Form, Protocol};

use crate::answers::{manifest, object, playlist};
use crate::asks::Ask;
use crate::reader::listed;
use crate::world::{Track, World, loop_file, transport_stream};

/// Something that happens to a world.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Happens {
    /// The encoder closes its connection.
    Lost,
    /// A new session begins, its clock where it was at the first one's beginning.
    Returns,
    /// The first track goes on with the pictures of the last track of another fixture.
    Settings(&'static str),
    /// The channel is switched off.
    End,
}

/// A world, what happens in it, and when it is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    /// The folder of its goldens: a phrase.
    pub(crate) name: &'static str,
    pub(crate) source: fn() -> Vec<Track>,
    pub(crate) absolute: bool,
    pub(crate) endpoints: &'static [Ask],
    /// By milliseconds after the beginning.
    pub(crate) events: &'static [(i64, Happens)],
    /// Milliseconds after the beginning.
    pub(crate) moments: &'static [i64],
}

const LOW: Ask = Ask {
    protocol: Protocol::LlHlsCmaf,
    segment_ms: 1000,
    part_ms: Some(500),
    segments: 6,
    dash_window_s: 0,
    presentation: Presentation::DEFAULT,
};
const HLS: Ask = Ask {
    protocol: Protocol::HlsCmaf,
    segment_ms: 4000,
    part_ms: None,
    segments: 6,
    dash_window_s: 0,
    presentation: Presentation::DEFAULT,
};
const BOTH: Ask = Ask {
    protocol: Protocol::HlsDashCmaf,
    segment_ms: 2000,
    part_ms: None,
    segments: 6,
    dash_window_s: 16,
    presentation: Presentation::DEFAULT,
};

/// Low-latency DASH, its segments twice as long as those of Low-Latency HLS.
const LOW_DASH: Ask = Ask {
    protocol: Protocol::DashCmaf,
    segment_ms: 2000,
    part_ms: Some(500),
    segments: 6,
    dash_window_s: 16,
    presentation: Presentation::DEFAULT,
};

pub(crate) const SCENARIOS: [Scenario; 7] = [
    Scenario {
        name: "two-rungs-and-two-languages",
        source: two_rungs_and_two_languages,
        absolute: true,
        endpoints: &[LOW, HLS, BOTH],
        events: &[],
        moments: &[12_400, 13_100],
    },
    Scenario {
        name: "an-encoder-that-returns-at-zero",
        source: || transport_stream("ts/bframes-25.ts"),
        absolute: false,
        endpoints: &[LOW, BOTH],
        events: &[(9_200, Happens::Lost), (16_500, Happens::Returns)],
        moments: &[9_100, 9_700, 22_300],
    },
    Scenario {
        name: "ntsc-with-b-frames",
        source: || transport_stream("ts/bframes-2997.ts"),
        absolute: false,
        endpoints: &[LOW, BOTH],
        events: &[],
        moments: &[12_400],
    },
    Scenario {
        name: "audio-only-44100",
        source: || transport_stream("ts/audio-441.ts"),
        absolute: false,
        endpoints: &[LOW, BOTH],
        events: &[],
        moments: &[12_400],
    },
    Scenario {
        name: "settings-change",
        source: || transport_stream("ts/bframes-25.ts"),
        absolute: false,
        endpoints: &[LOW, BOTH],
        events: &[(8_000, Happens::Settings("ts/two-programs.ts"))],
        moments: &[12_400],
    },
    Scenario {
        name: "low-latency-dash",
        source: || transport_stream("ts/bframes-2997.ts"),
        absolute: false,
        endpoints: &[LOW, LOW_DASH],
        events: &[(13_200, Happens::Lost), (16_500, Happens::Returns)],
        moments: &[12_400, 12_900, 22_300],
    },
    Scenario {
        name: "ended",
        source: || transport_stream("ts/bframes-30.ts"),
        absolute: false,
        endpoints: &[LOW, BOTH],
        events: &[(12_000, Happens::End)],
        moments: &[12_400],
    },
];

/// The loop's two rungs and its sound twice: in English and, so they say, in French.
fn two_rungs_and_two_languages() -> Vec<Track> {
    let mut tracks = loop_file("loop/two-rungs.mp4");
    let mut french = tracks.last().expect("video and audio").clone();
    french.info.id = TrackId(9);
    french.info.language = Language::parse(b"fra");
    tracks.push(french);
    tracks
}

impl Scenario {
    /// Plays the scenario; gives the world as it is in the end and the snapshot of each moment.
    pub(crate) fn play(&self) -> (World, Vec<(i64, Arc<Snapshot>)>) {
        let mut world = World::new(self.endpoints, (self.source)(), self.absolute);
        let mut seen = Vec::new();
        let mut events = self.events.iter().peekable();
        for moment in self.moments {
            while let Some((at, event)) = events.next_if(|(at, _)| at <= moment) {
                world.run_until(*at);
                match event {
                    Happens::Lost => world.lose(),
                    Happens::Returns => world.connect((self.source)()),
                    Happens::End => world.end(),
                    Happens::Settings(file) => {
                        let videos = transport_stream(file);
                        let other = videos.into_iter().rfind(|t| t.info.kind() == VIDEO);
                        world.change_settings(other.expect("it has pictures"));
                    }
                }
                if matches!(event, Happens::End) {
                    world.tracks.clear();
                }
            }
            world.run_until(*moment);
            seen.push((*moment, world.latest()));
        }
        (world, seen)
    }

    /// Everything its goldens hold, by path within its folder.
    pub(crate) fn files(&self) -> BTreeMap<String, String> {
        let (world, moments) = self.play();
        let mut files = BTreeMap::new();
        for (ms, snapshot) in &moments {
            let folder = format!("t={}.{:03}s", ms / 1000, ms % 1000);
            for rules in &world.endpoints {
                files.extend(
                    manifests(snapshot, rules)
                        .into_iter()
                        .map(|(n, t)| (format!("{folder}/{n}"), t)),
                );
            }
        }
        let last = world.latest();
        for rules in &world.endpoints {
            files.extend(boxes(&last, rules));
        }
        files.insert("objects.txt".to_owned(), objects(&last, &world.endpoints));
        let reports: Vec<String> = world.reports.iter().map(ToString::to_string).collect();
        files.insert("reports.txt".to_owned(), reports.join("\n") + "\n");
        files
    }
}

const VIDEO: headwater::media::MediaKind = headwater::media::MediaKind::Video;

/// The segmentation an endpoint shows.
pub(crate) fn view<'a>(snapshot: &'a Snapshot, rules: &EndpointRules) -> &'a SegmentationView {
    snapshot.segmentations.get(&rules.segmentation).expect("every endpoint has its own")
}

/// The names of what an endpoint's manifests show of the newest Period.
pub(crate) fn shown(view: &SegmentationView, rules: &EndpointRules) -> Vec<String> {
    let listed = listed(view, rules);
    let ids = rules.presentation.shown(&view.period);
    let lists = ids.iter().filter_map(|id| listed.iter().find(|l| l.rendition.id == *id));
    lists.map(|list| list.rendition.name.clone()).collect()
}

/// The first list of each kind.
fn one_of_each(view: &SegmentationView) -> Vec<&RenditionView> {
    let mut kinds = Vec::new();
    view.current()
        .filter(|list| {
            let new = !kinds.contains(&list.rendition.kind);
            kinds.push(list.rendition.kind);
            new
        })
        .collect()
}

/// The manifests of one endpoint at one moment, by file name.
fn manifests(snapshot: &Snapshot, rules: &EndpointRules) -> Vec<(String, String)> {
    let n = rules.ordinal;
    let mut files = Vec::new();
    let mut put = |name: String, text: Option<Arc<str>>| {
        files.push((name, text.expect("there is enough to show").to_string()));
    };
    if rules.protocol.has_dash() {
        put(format!("{n}.mpd"), manifest(snapshot, rules, Form::Mpd));
    }
    if rules.protocol.has_hls() {
        put(format!("{n}-multivariant.m3u8"), manifest(snapshot, rules, Form::M3u8));
        for list in one_of_each(view(snapshot, rules)) {
            let name = &list.rendition.name;
            put(format!("{n}-{name}.m3u8"), playlist(snapshot, rules, name, None));
            if rules.protocol.low_latency() && !snapshot.ended {
                let delta = playlist(snapshot, rules, name, Some("_HLS_skip=YES"));
                put(format!("{n}-{name}.delta.m3u8"), delta);
            }
        }
    }
    files
}

/// The inits and one chunk of one list of each kind, as text, of the first endpoint alone: the
/// others' are the same.
fn boxes(snapshot: &Snapshot, rules: &EndpointRules) -> Vec<(String, String)> {
    if rules.ordinal != 1 {
        return Vec::new();
    }
    let mut files = Vec::new();
    for list in one_of_each(view(snapshot, rules)) {
        let name = &list.rendition.name;
        for period in periods(list) {
            let init = object(snapshot, rules, name, &format!("init-{period}.mp4"));
            let init = init.expect("a listed Period has its init");
            files.push((format!("init-{period}.{name}.txt"), dump(&init)));
        }
        let last = list.rows.last().expect("there are rows");
        let SegmentContent::Media { chunks, .. } = &last.content else { continue };
        files.push((format!("chunk.{name}.txt"), dump(&chunks[0].bytes)));
    }
    files
}

fn periods(list: &RenditionView) -> Vec<i64> {
    let mut ids: Vec<i64> = list.rows.iter_from(0).map(|row| row.period.id).collect();
    ids.dedup();
    ids
}

/// Every object there is: key, length, FNV-1a.
pub(crate) fn objects(snapshot: &Snapshot, endpoints: &[EndpointRules]) -> String {
    let mut lines = String::new();
    for rules in endpoints {
        for list in &view(snapshot, rules).renditions {
            let name = &list.rendition.name;
            let inits = periods(list).into_iter().map(|period| format!("init-{period}.mp4"));
            let media = list.rows.iter_from(0).filter(|row| !row.is_gap()).flat_map(|row| {
                let part =
                    |p: &headwater::packager::Part| format!("p{}-{}.m4s", row.period.id, p.start);
                let parts = row.parts().iter().map(part);
                std::iter::once(format!("{}.m4s", row.number)).chain(parts).collect::<Vec<_>>()
            });
            for file in inits.chain(media) {
                let bytes = object(snapshot, rules, name, &file).expect("it is listed");
                let (folder, hash) = (&rules.folder, fnv(&bytes));
                let _ = writeln!(lines, "{folder}/{name}/{file} {} {hash:016x}", bytes.len());
            }
        }
    }
    lines
}

/// FNV-1a, 64 bits: enough to see that bytes changed.
pub(crate) fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
