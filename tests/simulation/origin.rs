//! What players reach: the newest snapshot through `resolve`, and the list of what went wrong.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use headwater::manifest::Presentation;
use headwater::packager::{SegmentationKey, SegmentationWanted, Snapshot};
use headwater::resolve::{
    AccessRules, Arrival, EndpointRules, File, Form, GENERATION, Leaf, Protocol, Resolution,
    ViewKind, Viewer, recipe, render, resolve,
};
use headwater::units::{MediaDuration, Monotonic, Now, WallTime};

/// Unix seconds at which worlds begin; no multiple of anything.
pub(crate) const BEGINNING_S: i64 = 1_789_123_457;

/// The endpoints, by index.
pub(crate) const LOW_LATENCY: usize = 0;
pub(crate) const HLS: usize = 1;
pub(crate) const DASH: usize = 2;
pub(crate) const LOW_LATENCY_TS: usize = 3;
pub(crate) const HLS_TS: usize = 4;

const ENDPOINTS: [(Protocol, u32, Option<u32>); 5] = [
    (Protocol::LlHlsCmaf, 1000, Some(500)),
    (Protocol::HlsCmaf, 4000, None),
    (Protocol::HlsDashCmaf, 2000, None),
    (Protocol::LlHlsTs, 1000, Some(500)),
    (Protocol::Hls, 4000, None),
];
const SEGMENTS: u32 = 8;
const WINDOW: MediaDuration = MediaDuration::from_secs(30);

/// An instant of the world, for people.
pub(crate) fn told(now: i64) -> String {
    format!("{:>6}.{:03} s", now / 1_000_000, now / 1000 % 1000)
}

/// What went wrong; the first few are enough.
#[derive(Default)]
pub(crate) struct Faults(pub(crate) Vec<String>);

impl Faults {
    pub(crate) fn add(&mut self, now: i64, what: impl FnOnce() -> String) {
        if self.0.len() < 25 {
            let fault = format!("{}: {}", told(now), what());
            if std::env::var_os("HEADWATER_TRACE").is_some() {
                println!("FAULT {fault}");
            }
            self.0.push(fault);
        }
    }
}

pub(crate) struct Origin {
    pub(crate) rules: Vec<EndpointRules>,
    /// None while the process is down.
    pub(crate) snapshot: Option<Arc<Snapshot>>,
    pub(crate) now: i64,
    /// While a mishap or its grace lasts, stalls are excused.
    pub(crate) excused: bool,
    pub(crate) wall_step: i64,
}

pub(crate) fn wanted() -> Vec<SegmentationWanted> {
    let wanted = ENDPOINTS.iter().map(|(_, segment_ms, part_ms)| SegmentationWanted {
        key: SegmentationKey::new(*segment_ms, *part_ms),
        segments: SEGMENTS,
        window: WINDOW,
        leads_parts: part_ms.is_some(),
        nominal: false,
        muxed: true,
    });
    wanted.collect()
}

impl Origin {
    pub(crate) fn new() -> Self {
        let rules = ENDPOINTS.iter().enumerate().map(|(i, (protocol, segment_ms, part_ms))| {
            let ordinal = i as u32 + 1;
            EndpointRules {
                id: 0,
                ordinal,
                protocol: *protocol,
                audio_groups: false,
                segmentation: SegmentationKey::new(*segment_ms, *part_ms),
                segments: SEGMENTS,
                hls_window: WINDOW,
                dash_window: WINDOW,
                manifest_name: "manifest".to_owned(),
                presentation: Presentation::DEFAULT,
                beyond_memory: false,
                shift: None,
                shift_names: headwater::resolve::Names::default(),
                access: AccessRules::open(),
                encrypted: false,
                leaving: false,
                generation: GENERATION,
                folder: EndpointRules::folder(ordinal, GENERATION),
                published: Vec::new(),
                selected: None,
            }
        });
        let rules = rules.collect();
        Origin { rules, snapshot: None, now: 0, excused: true, wall_step: 0 }
    }

    pub(crate) fn reading(&self) -> Now {
        let ns = self.now * 1000;
        Now {
            mono: Monotonic(1_000_000_000 + ns.unsigned_abs()),
            wall: WallTime(BEGINNING_S * 1_000_000_000 + ns + self.wall_step * 1000),
        }
    }

    pub(crate) fn arrival(&self) -> Arrival {
        let losses = self.snapshot.as_ref().map_or(0, |s| s.losses);
        Arrival { at: self.reading().mono, losses, may_grow: true }
    }

    pub(crate) fn instant(at: Monotonic) -> i64 {
        ((at.0 - 1_000_000_000) / 1000).cast_signed()
    }

    /// None where the process is down.
    pub(crate) fn ask(
        &self,
        endpoint: usize,
        leaf: &Leaf<'_>,
        query: Option<&str>,
        arrival: Arrival,
    ) -> Option<Resolution> {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let viewer = Viewer { address, code: None, bearer: None, identifier: None };
        let snapshot = self.snapshot.as_ref()?;
        let rules = &self.rules[endpoint];
        Some(resolve(snapshot, rules, leaf, query, &viewer, arrival, self.reading()))
    }

    pub(crate) fn file(&self, endpoint: usize, rendition: &str, file: File) -> Option<Resolution> {
        let leaf = Leaf::Object { generation: GENERATION, rendition, file };
        self.ask(endpoint, &leaf, None, self.arrival())
    }

    /// A file by its name in a playlist.
    pub(crate) fn named(&self, endpoint: usize, rendition: &str, name: &str) -> Option<Resolution> {
        self.file(endpoint, rendition, File::parse(name)?)
    }

    pub(crate) fn manifest(&self, endpoint: usize, form: Form) -> Option<Arc<str>> {
        let leaf = Leaf::Manifest { name: "manifest", form };
        match self.ask(endpoint, &leaf, None, self.arrival())? {
            Resolution::Manifest(view) => self.render(endpoint, view.kind),
            _ => None,
        }
    }

    pub(crate) fn render(&self, endpoint: usize, kind: ViewKind) -> Option<Arc<str>> {
        render(self.snapshot.as_ref()?, &self.rules[endpoint], kind)
    }

    /// The version of the list a wait is for.
    pub(crate) fn version(&self, endpoint: usize, rendition: &str) -> Option<u64> {
        let view = self.snapshot.as_ref()?.segmentations.get(&self.rules[endpoint].segmentation)?;
        let list = view.rendition_named(rendition)?;
        let muxed = view.muxed(list.rendition.id).filter(|_| self.rules[endpoint].muxed());
        Some(muxed.unwrap_or(list).version)
    }

    /// Whether an answer is an object that is there, or can be made.
    pub(crate) fn is_there(&self, answer: Option<&Resolution>) -> bool {
        match (answer, &self.snapshot) {
            (Some(Resolution::Object(_)), _) => true,
            (Some(Resolution::Derived(derived)), Some(snapshot)) => {
                recipe(snapshot, derived).is_some()
            }
            _ => false,
        }
    }

    /// The names of an endpoint's renditions.
    pub(crate) fn renditions(&self, endpoint: usize) -> Vec<String> {
        let key = &self.rules[endpoint].segmentation;
        let view = self.snapshot.as_ref().and_then(|snapshot| snapshot.segmentations.get(key));
        let lists = view.iter().flat_map(|view| &view.renditions);
        lists.map(|list| list.rendition.name.clone()).collect()
    }

    pub(crate) fn losses(&self) -> u64 {
        self.snapshot.as_ref().map_or(0, |s| s.losses)
    }
}
