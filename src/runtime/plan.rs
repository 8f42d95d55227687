//! What a configured channel comes to: rules for its readers, lists for its core. Pure.
//!
//! An endpoint's URLs name its bytes for ever, whatever is configured: so it keeps its ordinal, its
//! lists go on where other durations are asked for, and its objects' folder gets another name where
//! bytes would differ under one.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::leaving::{Form, Former, goes_on};
use crate::config::{Channel, Endpoint, Limits};
use crate::manifest::Presentation;
use crate::packager::{self, ChannelConfig, SegmentationKey, SegmentationWanted, Served, State};
use crate::resolve::{Container, EndpointRules, GENERATION, Published, Selection, ShiftRules};
use crate::units::MediaDuration;

/// The longest stretch of the past that one list shows.
const SHIFT_LONGEST: MediaDuration = MediaDuration::from_secs(86_400);
/// Endpoints remembered that are there no more.
const GONE_REMEMBERED: usize = 64;

/// Rules get numbers of their own, so that nothing rendered by others is taken for theirs.
static RULES: AtomicU64 = AtomicU64::new(1);

/// An endpoint as readers meet it.
#[derive(Clone, Debug)]
pub struct Entrance {
    /// Under `/v1/`.
    pub rules: Arc<EndpointRules>,
    /// At each of [`EndpointRules::published`]: their objects stand in a folder of another name.
    pub published: Vec<Arc<EndpointRules>>,
    /// Where a query asks for a selection of rungs.
    selected: Vec<(Selection, Entrance)>,
    /// What it was before its lists became others, for who watches those; the newest first.
    formers: Vec<Entrance>,
}

impl Entrance {
    /// The rules under `/v1/`, or of the manifest that is published at this path.
    #[must_use]
    pub fn at(&self, published: Option<&str>) -> Option<&Arc<EndpointRules>> {
        let Some(path) = published else { return Some(&self.rules) };
        let nth = self.rules.published.iter().position(|place| place.place().1 == path)?;
        self.published.get(nth)
    }

    /// The entrance of readers whose query is this.
    #[must_use]
    pub fn of(&self, query: Option<&str>) -> &Entrance {
        let query = query.unwrap_or_default();
        let selected = self.selected.iter().find(|(selection, _)| selection.is_asked_by(query));
        selected.map_or(self, |(_, entrance)| entrance)
    }

    /// What it was before its lists became others, the newest first.
    #[must_use]
    pub fn formers(&self) -> &[Entrance] {
        &self.formers
    }

    /// All rules that readers may meet.
    pub fn all(&self) -> impl Iterator<Item = &Arc<EndpointRules>> {
        let each = std::iter::once(self).chain(&self.formers);
        let entrances = each.flat_map(|entrance| {
            let selected = entrance.selected.iter().map(|(_, entrance)| entrance);
            std::iter::once(entrance).chain(selected)
        });
        entrances.flat_map(|entrance| std::iter::once(&entrance.rules).chain(&entrance.published))
    }
}

/// A channel's endpoints, by ordinal.
pub type Endpoints = BTreeMap<u32, Entrance>;

/// What a configured channel comes to.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// For readers.
    pub(super) endpoints: Endpoints,
    /// For the core.
    pub(super) config: ChannelConfig,
    /// How far behind the newest media the archive is kept.
    pub(super) keep: MediaDuration,
    /// Whether any endpoint needs the archive.
    pub(super) reaches_back: bool,
    /// Its endpoints, by ordinal.
    pub(super) forms: BTreeMap<u32, Form>,
    channel: Channel,
}

impl Plan {
    /// What `channel` comes to, with what is remembered of it, and with the forms that its endpoints had
    /// `before`. Endpoints of a file are known by their names; others have the ordinals they say.
    pub(super) fn of(
        channel: &Channel,
        by_name: bool,
        limits: &Limits,
        state: Option<&State>,
        before: &BTreeMap<u32, Form>,
    ) -> Self {
        let nothing = State::default();
        let state = state.unwrap_or(&nothing);
        let mut channel = channel.clone();
        if by_name {
            number(&mut channel, &state.endpoints);
        }
        let served = serve(&channel, state, before);
        let forms = channel.endpoints.iter().filter_map(|endpoint| {
            let served = served.get(&endpoint.ordinal)?.clone();
            Some((endpoint.ordinal, Form { endpoint: endpoint.clone(), served }))
        });
        let forms: BTreeMap<u32, Form> = forms.collect();
        let entrance = |form: &Form| entrance(&channel, form, false, limits);
        let endpoints = forms.iter().map(|(n, form)| (*n, entrance(form))).collect();
        let back = channel.endpoints.iter().map(|e| kept(e, limits)).max();
        let back = back.unwrap_or(MediaDuration::ZERO);
        let config = channel_config(&channel, forms.values(), served, limits);
        let keep = back.max(config.kept());
        Plan { endpoints, config, keep, reaches_back: back.is_positive(), forms, channel }
    }

    /// The same, and what is leaving.
    pub(super) fn with(mut self, formers: &[Former], limits: &Limits) -> Self {
        if formers.is_empty() {
            return self;
        }
        for Former { form, .. } in formers {
            let leaving = entrance(&self.channel, form, true, limits);
            match self.endpoints.entry(form.endpoint.ordinal) {
                Entry::Vacant(vacant) => drop(vacant.insert(leaving)),
                Entry::Occupied(now) => now.into_mut().formers.push(leaving),
            }
        }
        let all = self.forms.values().chain(formers.iter().map(|former| &former.form));
        let served = std::mem::take(&mut self.config.endpoints);
        self.config = channel_config(&self.channel, all, served, limits);
        self
    }
}

/// Gives a file's endpoints the ordinals they had, and new ones their places, or what follows all
/// that were used. One without a name of its own is known by its place.
fn number(channel: &mut Channel, known: &BTreeMap<u32, Served>) {
    let unnamed = |e: &Endpoint| e.name.to_string() == e.protocol.name().to_ascii_lowercase();
    let mut taken: BTreeSet<u32> = BTreeSet::new();
    let mut given: Vec<Option<u32>> = Vec::new();
    for endpoint in &channel.endpoints {
        let name = endpoint.name.to_string();
        let mut same = known.iter().rev().filter(|(_, served)| served.name == name);
        let ordinal = same.next().map(|(ordinal, _)| *ordinal);
        taken.extend(ordinal);
        given.push(ordinal);
    }
    for (place, (endpoint, given)) in (1..).zip(channel.endpoints.iter_mut().zip(given)) {
        let fits = |place: &u32| {
            !taken.contains(place) && (unnamed(endpoint) || !known.contains_key(place))
        };
        let last = known.keys().chain(&taken).max().copied().unwrap_or(0);
        let ordinal = given.or(Some(place).filter(fits)).unwrap_or(last + 1);
        taken.insert(ordinal);
        endpoint.ordinal = ordinal;
    }
}

/// What each endpoint is served from, and what those that are gone were.
fn serve(channel: &Channel, state: &State, forms: &BTreeMap<u32, Form>) -> BTreeMap<u32, Served> {
    let mut served = state.endpoints.clone();
    let mut used: BTreeSet<SegmentationKey> = state.segmentations.keys().copied().collect();
    used.extend(served.values().map(|served| served.key));
    let mut moves: BTreeMap<(SegmentationKey, SegmentationKey), SegmentationKey> = BTreeMap::new();
    for endpoint in &channel.endpoints {
        let asked = key_of(endpoint);
        let packets = endpoint.protocol.container() == Container::TransportStream;
        let muxed = packets.then_some(!endpoint.use_audio_rendition_groups);
        let known = state.endpoints.get(&endpoint.ordinal);
        let before = known.and_then(|known| known.muxed);
        // Segments of video with and without audio have one name.
        let remuxed = before.zip(muxed).is_some_and(|(before, muxed)| before != muxed);
        // Lists of one name must not have other objects under the same numbers (rfc8216bis §6.2.1).
        let was = known.and_then(|known| known.packets);
        let repacked = was.is_some_and(|was| was != packets);
        let key = match known {
            None => asked,
            Some(known) if known.key.is_as_long_as(asked) => known.key,
            Some(known) => *moves.entry((known.key, asked)).or_insert_with(|| {
                let same = used.iter().filter(|key| key.is_as_long_as(asked));
                let series = same.map(|key| key.series).max().map_or(1, |last| last + 1);
                let key = SegmentationKey { series, ..asked };
                used.insert(key);
                key
            }),
        };
        // Nor must who watches the end of the old find those of other durations in it.
        let left = forms
            .get(&endpoint.ordinal)
            .is_some_and(|form| form.served.key != key && !goes_on(&form.endpoint, endpoint));
        let renamed = remuxed || repacked || left;
        let own = Served {
            name: endpoint.name.to_string(),
            key,
            generation: known.map_or(0, |known| known.generation) + u32::from(renamed),
            muxed: muxed.or(before),
            packets: Some(packets),
        };
        served.insert(endpoint.ordinal, own);
    }
    let there: BTreeSet<u32> = channel.endpoints.iter().map(|e| e.ordinal).collect();
    let gone: Vec<u32> = served.keys().filter(|n| !there.contains(n)).copied().collect();
    for ordinal in gone.iter().take(gone.len().saturating_sub(GONE_REMEMBERED)) {
        served.remove(ordinal);
    }
    served
}

fn entrance(channel: &Channel, form: &Form, leaving: bool, limits: &Limits) -> Entrance {
    let Form { endpoint, served } = form;
    let (group, name) = (channel.group.to_string(), channel.name.to_string());
    let generation = GENERATION + served.generation;
    let own = EndpointRules { leaving, ..rules(endpoint, served, generation, limits) };
    let selected = endpoint.selections.iter().map(|selection| {
        let bitrates = selection.bitrates;
        let presentation = Presentation { bitrates, ..endpoint.presentation };
        let only = Endpoint { presentation, selections: Vec::new(), ..endpoint.clone() };
        let only = Form { endpoint: only, served: served.clone() };
        let mut entrance = entrance(channel, &only, leaving, limits);
        for rules in std::iter::once(&mut entrance.rules).chain(&mut entrance.published) {
            Arc::make_mut(rules).selected = Some(selection.key.clone());
        }
        (selection.clone(), entrance)
    });
    let selected = selected.collect();
    let published = endpoint.published.iter().map(|place| {
        Arc::new(EndpointRules {
            id: RULES.fetch_add(1, Ordering::Relaxed),
            folder: Published::folder(&group, &name, endpoint.ordinal, generation),
            manifest_name: place.name().to_owned(),
            ..own.clone()
        })
    });
    Entrance { published: published.collect(), rules: Arc::new(own), selected, formers: Vec::new() }
}

fn rules(endpoint: &Endpoint, served: &Served, generation: u32, limits: &Limits) -> EndpointRules {
    EndpointRules {
        id: RULES.fetch_add(1, Ordering::Relaxed),
        ordinal: endpoint.ordinal,
        protocol: endpoint.protocol,
        audio_groups: endpoint.use_audio_rendition_groups,
        segmentation: served.key,
        segments: endpoint.segment_num,
        hls_window: endpoint.window.unwrap_or(MediaDuration::ZERO),
        dash_window: endpoint.dash_window(),
        manifest_name: endpoint.manifest_name.to_string(),
        presentation: endpoint.presentation,
        beyond_memory: endpoint.lists_beyond(limits.memory_window),
        shift: endpoint.timeshift.is_positive().then(|| ShiftRules {
            kept: endpoint.timeshift.floor_millis(),
            longest: SHIFT_LONGEST.floor_millis(),
        }),
        shift_names: endpoint.shift_names.clone(),
        access: endpoint.access.clone(),
        encrypted: endpoint.encrypted,
        leaving: false,
        generation,
        folder: EndpointRules::folder(endpoint.ordinal, generation),
        published: endpoint.published.clone(),
        selected: None,
    }
}

/// How far back an endpoint can be asked for, or its lists reach beyond memory. What has left a list
/// can be asked for as long again.
fn kept(endpoint: &Endpoint, limits: &Limits) -> MediaDuration {
    let lists = endpoint.hls_window().max(endpoint.dash_window()).times(2);
    let lists = Some(lists).filter(|_| endpoint.lists_beyond(limits.memory_window));
    endpoint.timeshift.max(lists.unwrap_or(MediaDuration::ZERO))
}

fn key_of(endpoint: &Endpoint) -> SegmentationKey {
    let ms = |d: MediaDuration| u32::try_from(d.floor_millis()).unwrap_or(u32::MAX);
    SegmentationKey::new(ms(endpoint.segment_duration), endpoint.part_duration.map(ms))
}

/// The segmentation whose cuts parts are filled from: that of Low-Latency HLS, where parts may be
/// short at the end of a segment only (rfc8216bis §4.4.4.9), else the shortest that has parts.
fn leads_parts(all: &[(&Endpoint, SegmentationKey)]) -> Option<SegmentationKey> {
    let parted = all.iter().filter(|(endpoint, _)| endpoint.part_duration.is_some());
    let first = parted.min_by_key(|(e, _)| (!e.protocol.low_latency(), key_of(e)));
    first.map(|(_, key)| *key)
}

/// What the core is told of a channel: one segmentation for each distinct value among its forms.
fn channel_config<'a>(
    channel: &Channel,
    forms: impl Iterator<Item = &'a Form>,
    served: BTreeMap<u32, Served>,
    limits: &Limits,
) -> ChannelConfig {
    let mut wanted: BTreeMap<SegmentationKey, SegmentationWanted> = BTreeMap::new();
    let all: Vec<(&Endpoint, SegmentationKey)> =
        forms.map(|form| (&form.endpoint, form.served.key)).collect();
    let leads = leads_parts(&all);
    for (endpoint, key) in all {
        let entry = wanted.entry(key).or_insert(SegmentationWanted {
            key,
            segments: 0,
            window: MediaDuration::ZERO,
            leads_parts: leads == Some(key),
            nominal: false,
            muxed: false,
        });
        entry.nominal |= endpoint.protocol.has_dash() && key.part_ms.is_some();
        entry.muxed |= endpoint.protocol.container() == Container::TransportStream
            && !endpoint.use_audio_rendition_groups;
        let has = |yes: bool, window: MediaDuration| if yes { window } else { MediaDuration::ZERO };
        if endpoint.protocol.has_hls() {
            let fit = limits.memory_window.div_floor(endpoint.segment_duration);
            let fit = u32::try_from(fit).unwrap_or(u32::MAX);
            entry.segments = entry.segments.max(endpoint.segment_num.min(fit));
        }
        let window = entry
            .window
            .max(has(endpoint.protocol.has_hls(), endpoint.window.unwrap_or(MediaDuration::ZERO)))
            .max(has(endpoint.protocol.has_dash(), endpoint.dash_window()));
        // The rest is listed from the archive.
        entry.window = window.min(limits.memory_window);
    }
    ChannelConfig {
        segmentations: wanted.into_values().collect(),
        endpoints: served,
        input_loss: MediaDuration::from_std(channel.failover.loss.unwrap_or(limits.input_loss)),
        prefers_main: channel.failover.prefers_main,
        slate: channel.slate.is_some(),
        limits: packager::Limits {
            tracks: limits.tracks,
            periods: limits.periods,
            pending_bytes: limits.pending_bytes,
            channel_bytes: limits.channel_bytes as u64,
        },
    }
}
