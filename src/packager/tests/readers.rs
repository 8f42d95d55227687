//! What readers of a world get: manifests as text, a small reading of them, and sources that a test
//! alters frame by frame.

use std::net::Ipv4Addr;
use std::sync::Arc;

use super::world::{BEGINNING_S, Synthetic, World, reading};
use crate::media::{MediaKind, Sample};
use crate::packager::{RenditionView, Report, SegmentationKey, Snapshot, SourceEvent};
use crate::resolve::{
    AccessRules, Arrival, EndpointRules, File, Form, GENERATION, Leaf, Protocol, Resolution,
    Viewer, render, resolve,
};
use crate::units::{MediaDuration, MediaTime, Now, Timescale};

/// The longest audio frame of these worlds, and a millisecond for what is rounded to one.
pub(super) const AUDIO_FRAME: MediaDuration = MediaDuration::from_millis(48);

/// An endpoint that lists six segments, or twelve seconds.
pub(super) fn rules(key: SegmentationKey) -> EndpointRules {
    EndpointRules {
        id: 0,
        ordinal: 1,
        protocol: if key.part_ms.is_some() { Protocol::LlHlsCmaf } else { Protocol::HlsDashCmaf },
        audio_groups: false,
        segmentation: key,
        segments: 6,
        hls_window: MediaDuration::ZERO,
        dash_window: MediaDuration::from_secs(12),
        manifest_name: "manifest".to_owned(),
        presentation: crate::manifest::Presentation::default(),
        beyond_memory: false,
        shift: None,
        shift_names: crate::resolve::Names::default(),
        access: AccessRules::open(),
        encrypted: false,
        leaving: false,
        generation: GENERATION,
        folder: EndpointRules::folder(1, GENERATION),
        published: Vec::new(),
        selected: None,
    }
}

/// One request of somebody who came at `arrival`, looked at `now`.
pub(super) fn ask(
    snapshot: &Snapshot,
    key: SegmentationKey,
    leaf: &Leaf<'_>,
    query: Option<&str>,
    (arrival, now): (Arrival, Now),
) -> Resolution {
    let viewer =
        Viewer { address: Ipv4Addr::LOCALHOST.into(), code: None, bearer: None, identifier: None };
    resolve(snapshot, &rules(key), leaf, query, &viewer, arrival, now)
}

fn text(snapshot: &Snapshot, key: SegmentationKey, leaf: &Leaf<'_>) -> Option<Arc<str>> {
    let now = reading(MediaDuration::ZERO);
    let arrival = Arrival { at: now.mono, losses: snapshot.losses, may_grow: true };
    match ask(snapshot, key, leaf, None, (arrival, now)) {
        Resolution::Manifest(view) => render(snapshot, &rules(key), view.kind),
        _ => None,
    }
}

/// A media playlist; `None` where it is refused.
pub(super) fn playlist(
    snapshot: &Snapshot,
    key: SegmentationKey,
    rendition: &str,
) -> Option<Arc<str>> {
    let leaf = Leaf::Object { generation: GENERATION, rendition, file: File::Playlist };
    text(snapshot, key, &leaf)
}

/// The MPD; `None` where it is refused.
pub(super) fn mpd(snapshot: &Snapshot, key: SegmentationKey) -> Option<Arc<str>> {
    text(snapshot, key, &Leaf::Manifest { name: "manifest", form: Form::Mpd })
}

/// The multivariant playlist; `None` where it is refused.
pub(super) fn multivariant(snapshot: &Snapshot, key: SegmentationKey) -> Option<Arc<str>> {
    text(snapshot, key, &Leaf::Manifest { name: "manifest", form: Form::M3u8 })
}

/// The number behind a tag of a playlist.
pub(super) fn tag(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|value| value.strip_prefix(':')).expect("the tag").parse().expect("a number")
}

/// One segment of a media playlist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) number: u64,
    /// Its discontinuity sequence number.
    pub(super) discontinuity: u64,
    /// Whether it carries the tag.
    pub(super) marked: bool,
    pub(super) micros: i64,
    pub(super) gap: bool,
    /// EXT-X-PROGRAM-DATE-TIME, Unix milliseconds.
    pub(super) date: i64,
}

/// The segments of a media playlist.
pub(super) fn rows(text: &str) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let first = tag(text, "#EXT-X-MEDIA-SEQUENCE");
    let mut discontinuity = tag(text, "#EXT-X-DISCONTINUITY-SEQUENCE");
    let (mut marked, mut micros, mut gap, mut date) = (false, 0, false, 0);
    for line in text.lines() {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        match name {
            "#EXT-X-DISCONTINUITY" => marked = true,
            "#EXT-X-GAP" => gap = true,
            "#EXT-X-PROGRAM-DATE-TIME" => {
                let at: jiff::Timestamp = value.parse().expect("a date");
                date = at.as_millisecond();
            }
            "#EXTINF" => {
                let (whole, part) = value.trim_end_matches(',').split_once('.').expect("decimals");
                let part: i64 = format!("{part:0<6}").parse().expect("microseconds");
                micros = whole.parse::<i64>().expect("seconds") * 1_000_000 + part;
            }
            _ if !line.starts_with('#') => {
                discontinuity += u64::from(marked);
                let number = first + rows.len() as u64;
                rows.push(Row { number, discontinuity, marked, micros, gap, date });
                (marked, gap) = (false, false);
            }
            _ => {}
        }
    }
    rows
}

/// Every value of an attribute, in the order of the text.
pub(super) fn attributes<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let pattern = format!(" {name}=\"");
    text.split(&pattern).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

impl World {
    /// The key of the segmentation that was asked for with this duration.
    pub(crate) fn key(&self, seconds: u32) -> SegmentationKey {
        let keys = self.config.segmentations.iter().map(|wanted| wanted.key);
        keys.into_iter().find(|key| key.segment_ms == seconds * 1000).expect("asked for")
    }

    /// The encoder goes, and comes back so many seconds later with its clock at zero.
    pub(crate) fn encoder_returns(&mut self, seconds: i64) {
        self.input(SourceEvent::Lost);
        self.source.session += 1;
        for track in &mut self.tracks {
            track.next = 0;
        }
        self.delay = self.now + MediaDuration::from_secs(seconds);
        if let Some(epoch) = &mut self.absolute {
            *epoch = MediaTime::new(BEGINNING_S, epoch.scale()) + self.delay;
        }
        self.declare();
    }

    /// As `run_until`, but `alter` may change what is delivered: it is given the track's index and
    /// the frame, and says whether it arrives.
    pub(super) fn run_altered(
        &mut self,
        seconds: i64,
        mut alter: impl FnMut(usize, &mut Sample) -> bool,
    ) {
        let end = MediaDuration::from_secs(seconds);
        let due = |t: &Synthetic, delay| t.offset + t.frame.times(t.next + 1) + delay;
        loop {
            let delay = self.delay;
            let next = (0..self.tracks.len()).min_by_key(|i| due(&self.tracks[*i], delay));
            let Some(i) = next.filter(|i| due(&self.tracks[*i], delay) <= end) else { break };
            self.now = self.now.max(due(&self.tracks[i], delay));
            let mut sample = self.tracks[i].take();
            if alter(i, &mut sample) {
                let track = self.tracks[i].info.id;
                self.input(SourceEvent::Sample(track, sample));
            }
        }
        self.run_until(seconds);
    }

    /// The newest list of a kind.
    pub(super) fn list(&self, seconds: u32, kind: MediaKind) -> &RenditionView {
        let lists = &self.segmentation(seconds).renditions;
        lists.iter().find(|list| list.rendition.kind == kind).expect("of that kind")
    }

    /// How far the newest media of a kind lies behind the world's clock.
    pub(super) fn lag(&self, seconds: u32, kind: MediaKind) -> MediaDuration {
        let end = self.list(seconds, kind).newest_media(None).expect("media").end_time();
        MediaTime::new(BEGINNING_S, Timescale::new(1).expect("not zero")) + self.now - end
    }

    /// The renditions that take part in the newest Period.
    pub(super) fn playing(&self, seconds: u32) -> Vec<&str> {
        self.segmentation(seconds).current().map(|list| list.rendition.name.as_str()).collect()
    }

    /// How many reports are such.
    pub(super) fn reported(&self, such: impl Fn(&Report) -> bool) -> usize {
        self.reports.iter().filter(|report| such(report)).count()
    }
}
