use serde_json::json;

use super::endpoint::{Controls, EndpointSettings, Guard, OutputProtocol, Packaging};
use super::group::{ChannelKey, ChannelSettings, Input, Origin};
use super::ott::{OttChange, OttDocument};
use super::*;
use crate::api::model::effective::{LIVE_GROUP, OTT_GROUP};
use crate::api::model::value::{Code, Text, Whole};
use crate::config::{Limits, ManifestName};
use crate::manifest::Dates;
use crate::resolve::{AccessRules, Protocol};
use crate::units::MediaDuration;

pub(in crate::api) fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

pub(in crate::api) fn origin() -> Origin {
    Origin { scheme: "https".to_owned(), domain: "origin.example.com".to_owned() }
}

pub(in crate::api) fn channel_key(group: &str, channel: &str) -> ChannelKey {
    ChannelKey { group: name(group), channel: name(channel) }
}

pub(in crate::api) fn endpoint_key(group: &str, channel: &str, endpoint: &str) -> EndpointKey {
    EndpointKey { channel: channel_key(group, channel), endpoint: name(endpoint) }
}

pub(in crate::api) fn channel_settings(count: i64, duration: i64) -> ChannelSettings {
    ChannelSettings {
        segment_count: Whole::clamped(count),
        segment_duration: Whole::clamped(duration),
        description: Text::default(),
    }
}

pub(in crate::api) fn inputs(word: &str) -> [Input; 2] {
    ["1", "2"].map(|n| Input { user: format!("user{n}"), password: format!("{word}{n}") })
}

pub(in crate::api) fn endpoint_settings(protocol: OutputProtocol) -> EndpointSettings {
    let code = Code::try_from("code".to_owned()).ok();
    let controls = Controls { code, ..Controls::default() };
    EndpointSettings {
        protocol,
        manifest_name: ManifestName::default(),
        description: Text::default(),
        timeshift_days: Whole::clamped(0),
        guard: Guard::try_from(controls).expect("guarded"),
        packaging: None,
    }
}

fn packaged(protocol: OutputProtocol, config: serde_json::Value) -> EndpointSettings {
    let packaging: Packaging = serde_json::from_value(config).expect("a configuration");
    let packaging = Some(packaging.fit(protocol).expect("it fits"));
    EndpointSettings { packaging, ..endpoint_settings(protocol) }
}

fn at(revision: u64) -> Moment {
    Moment { now: Stamp(1000), revision }
}

/// Plans, and applies what was planned.
fn done<T>(model: &mut Model, plan: Result<Plan<T>, Refusal>) -> T {
    let plan = plan.expect("planned");
    for write in plan.writes {
        model.apply(write);
    }
    plan.answer
}

/// A group `g` with a channel `c` of segments of 6 s, three in a list.
fn with_channel() -> Model {
    let mut model = Model::default();
    let plan = model.create_group(name("g"), Text::default(), origin(), at(1));
    done(&mut model, plan);
    let (settings, inputs) = (channel_settings(3, 6), inputs("word"));
    let plan = model.create_channel(channel_key("g", "c"), settings, inputs, at(2));
    done(&mut model, plan);
    model
}

fn add(model: &mut Model, endpoint: &str, settings: EndpointSettings) -> Endpoint {
    let key = endpoint_key("g", "c", endpoint);
    let plan = model.create_endpoint(&key, settings, &Limits::default(), at(3));
    done(model, plan)
}

#[test]
fn an_ordinal_is_never_given_twice() {
    let mut model = with_channel();
    let hls = || endpoint_settings(OutputProtocol::Hls);
    assert_eq!(add(&mut model, "a", hls()).ordinal, 1);
    assert_eq!(add(&mut model, "b", hls()).ordinal, 2);
    for endpoint in ["a", "b"] {
        let plan = model.delete_endpoint(&endpoint_key("g", "c", endpoint));
        done(&mut model, plan);
    }
    assert_eq!(add(&mut model, "b", hls()).ordinal, 3);
}

#[test]
fn names_of_the_file_and_of_other_surfaces_are_taken() {
    let mut model = with_channel();
    model.reserve(BTreeSet::from([("g".to_owned(), "file".to_owned())]));
    let create = |channel| {
        let key = channel_key("g", channel);
        model.create_channel(key, channel_settings(3, 6), inputs("w"), at(4)).err()
    };
    assert_eq!(create("file"), Some(Refusal::Taken(Thing::Channel)));
    assert_eq!(create("c"), Some(Refusal::Taken(Thing::Channel)));
    assert_eq!(create("other"), None);
    for group in [OTT_GROUP, LIVE_GROUP, "g"] {
        let refused = model.create_group(name(group), Text::default(), origin(), at(4)).err();
        assert_eq!(refused, Some(Refusal::Taken(Thing::Group)), "{group}");
    }
}

#[test]
fn what_still_holds_something_stays() {
    let mut model = with_channel();
    add(&mut model, "e", endpoint_settings(OutputProtocol::Hls));
    let in_use = |of, holds| Some(Refusal::InUse(of, holds));
    assert_eq!(model.delete_group(&name("g")).err(), in_use(Thing::Group, Thing::Channel));
    let channel = channel_key("g", "c");
    assert_eq!(model.delete_channel(&channel).err(), in_use(Thing::Channel, Thing::Endpoint));
}

#[test]
fn a_channel_has_sixteen_endpoints_at_most_and_as_many_durations_as_the_limits_say() {
    let mut model = with_channel();
    for n in 1..=16 {
        add(&mut model, &format!("e{n}"), endpoint_settings(OutputProtocol::Hls));
    }
    let hls = endpoint_settings(OutputProtocol::Hls);
    let one_more = endpoint_key("g", "c", "e17");
    let refused = model.create_endpoint(&one_more, hls, &Limits::default(), at(9)).err();
    assert_eq!(refused, Some(Refusal::EndpointsFull { most: 16 }));

    let mut model = with_channel();
    add(&mut model, "a", packaged(OutputProtocol::Hls, json!({ "SegmentDuration": 6 })));
    let limits = Limits { segmentations: 1, ..Limits::default() };
    let other = packaged(OutputProtocol::Dash, json!({ "SegmentDuration": 8 }));
    let refused = model.create_endpoint(&endpoint_key("g", "c", "b"), other, &limits, at(9)).err();
    assert_eq!(refused, Some(Refusal::Durations { most: 1 }));
}

#[test]
fn a_channel_comes_out_as_the_file_would_say_it() {
    let mut model = with_channel();
    let config = json!({
        "SegmentDuration": 4, "UseAudioRenditionGroups": true,
        "LiveManifestConfigs": [{
            "SegmentCount": 7, "StreamOrder": "VIDEO_BITRATE_ASCENDING", "MinVideoBitrate": 5,
            "DateTimeInterval": 9, "ManifestDuration": 100,
        }],
    });
    add(&mut model, "hls", packaged(OutputProtocol::Hls, config.clone()));
    add(&mut model, "dash", packaged(OutputProtocol::Dash, config));
    let desired = model.desired(&Limits::default());
    let [channel] = &desired.channels[..] else { unreachable!("{desired:?}") };
    assert_eq!((channel.group.as_str(), channel.name.as_str()), ("g", "c"));
    let second = channel.inputs[1].as_ref().expect("credentials");
    assert_eq!(second.user, "user2");
    assert!(second.password.matches(b"word2"));
    let [hls, dash] = &channel.endpoints[..] else { unreachable!("{channel:?}") };
    assert_eq!((hls.protocol, hls.ordinal, hls.segment_num), (Protocol::Hls, 1, 7));
    assert_eq!(hls.segment_duration, MediaDuration::from_secs(4));
    assert!(hls.use_audio_rendition_groups);
    assert_eq!(hls.window, None);
    assert_eq!(hls.presentation.dates, Dates::FirstOf(MediaDuration::from_secs(9)));
    assert_eq!(hls.presentation.delay, None);
    assert_eq!(dash.window, Some(MediaDuration::from_secs(100)));
    assert_eq!(dash.presentation.delay, Some(MediaDuration::from_secs(12)));
    assert_eq!(dash.presentation.min_buffer, Some(MediaDuration::from_secs(8)));
    assert_eq!(dash.presentation.bitrates.min.0, 5);
}

#[test]
fn what_leaves_nothing_to_play_is_brought_to_the_nearest_that_does() {
    let mut model = with_channel();
    let config = json!({
        "SegmentDuration": 30,
        "LiveManifestConfigs": [{
            "ManifestDuration": 1, "PresentationDelay": 60, "MinUpdatePeriod": 3600,
        }],
    });
    add(&mut model, "dash", packaged(OutputProtocol::Dash, config));
    let desired = model.desired(&Limits::default());
    let dash = &desired.channels[0].endpoints[0];
    assert_eq!(dash.window, Some(MediaDuration::from_secs(90)));
    assert_eq!(dash.presentation.delay, Some(MediaDuration::from_secs(60)));
    assert_eq!(dash.presentation.min_update, Some(MediaDuration::from_secs(30)));
}

#[test]
fn parts_are_had_by_those_that_agree_with_the_first() {
    let mut model = with_channel();
    let parts =
        |segment: i64, part: i64| json!({ "SegmentDuration": segment, "PartDurationMs": part });
    add(&mut model, "a", packaged(OutputProtocol::HlsCmaf, parts(2, 500)));
    add(&mut model, "b", packaged(OutputProtocol::HlsCmaf, parts(2, 400)));
    add(&mut model, "c", packaged(OutputProtocol::Dash, parts(6, 500)));
    add(&mut model, "d", packaged(OutputProtocol::Hls, parts(6, 500)));
    add(&mut model, "e", packaged(OutputProtocol::Hls, parts(2, 500)));
    let desired = model.desired(&Limits::default());
    let made: Vec<_> = desired.channels[0].endpoints.iter().map(|e| e.protocol).collect();
    assert_eq!(
        made,
        [
            Protocol::LlHlsCmaf,
            Protocol::HlsCmaf,
            Protocol::DashCmaf,
            Protocol::Hls,
            Protocol::LlHlsTs
        ]
    );
    assert!(desired.channels[0].endpoints[2].part_duration.is_some());
}

#[test]
fn an_endpoint_that_asks_for_encryption_is_withheld() {
    let mut model = with_channel();
    let drm = json!({ "DrmConfig": { "EncryptionMethod": "SAMPLE_AES", "ContentId": "c" } });
    add(&mut model, "drm", packaged(OutputProtocol::HlsCmaf, drm));
    let empty = json!({ "DrmConfig": { "EncryptionMethod": "", "Url": "" } });
    add(&mut model, "clear", packaged(OutputProtocol::HlsCmaf, empty));
    let desired = model.desired(&Limits::default());
    let encrypted = desired.channels[0].endpoints.iter().map(|e| (e.ordinal, e.encrypted));
    assert_eq!(encrypted.collect::<Vec<_>>(), [(1, true), (2, false)]);
}

fn document(id: &str, more: serde_json::Value) -> OttDocument {
    let mut document = json!({
        "domain": "push.example.com", "app_name": "live", "id": id, "name": "n", "state": "ON",
        "input": { "input_protocol": "RTMP_PUSH", "sources": [{ "bitrate": 3000 }] },
        "record_settings": { "rollingbuffer_duration": 90_000 },
    });
    if let (Some(document), serde_json::Value::Object(more)) = (document.as_object_mut(), more) {
        document.extend(more);
    }
    let document: OttDocument = serde_json::from_value(document).expect("a document");
    document.fit().expect("it fits")
}

fn hls_at(url: &str) -> serde_json::Value {
    json!({ "endpoints": [{ "hls_package": [{ "url": url, "segment_duration_seconds": 4 }] }] })
}

#[test]
fn packages_keep_their_ids_and_numbers_while_they_are_named() {
    let mut model = Model::default();
    let made = document("a", hls_at("http://play.example.com/a.m3u8"));
    let plan = model.create_ott(made.clone(), at(1));
    let channel = done(&mut model, plan);
    let mut items = channel.document.endpoints.clone();
    let id = items[0].hls_package[0].id.clone().expect("an id");
    assert_eq!(channel.ordinals[&id], 1);
    let fresh = document("a", hls_at("http://play.example.com/b.m3u8")).endpoints;
    items.extend(fresh.clone());
    let plan = model.change_ott(&channel.key, OttChange::Endpoints(items), at(2));
    let channel = done(&mut model, plan);
    assert_eq!(channel.ordinals.len(), 2);
    assert_eq!(channel.ordinals[&id], 1);
    let plan = model.change_ott(&channel.key, OttChange::Endpoints(fresh), at(3));
    let channel = done(&mut model, plan);
    assert_eq!(channel.ordinals.values().collect::<Vec<_>>(), [&3]);

    let mut unknown = channel.document.endpoints.clone();
    unknown[0].hls_package[0].id = Some(id.clone());
    let refused = model.change_ott(&channel.key, OttChange::Endpoints(unknown), at(4)).err();
    assert_eq!(refused, Some(Refusal::UnknownPackage(id)));
}

#[test]
fn a_url_belongs_to_one_package_of_all_channels() {
    let mut model = Model::default();
    let plan = model.create_ott(document("a", hls_at("http://play.example.com/a")), at(1));
    done(&mut model, plan);
    for url in ["http://play.example.com/a", "https://PLAY.example.com/a"] {
        let refused = model.create_ott(document("b", hls_at(url)), at(2)).err();
        assert_eq!(refused, Some(Refusal::UrlTaken(url.to_owned())));
    }
    assert!(model.create_ott(document("b", hls_at("http://play.example.com/b")), at(2)).is_ok());
    let refused = model.create_ott(document("a", json!({})), at(2)).err();
    assert_eq!(refused, Some(Refusal::Taken(Thing::OttChannel)));
}

#[test]
fn an_ott_channel_comes_out_with_its_urls_its_pushes_and_its_guard() {
    let mut model = Model::default();
    let package = |more: serde_json::Value| {
        let mut package = json!({ "segment_duration_seconds": 4 });
        if let (Some(package), serde_json::Value::Object(more)) = (package.as_object_mut(), more) {
            package.extend(more);
        }
        package
    };
    let endpoints = json!({ "mode": "ONLY_OS", "endpoints": [{
        "hls_package": [
            package(json!({ "url": "http://a.b/x/index.m3u8", "enable_access": true,
                "allow_all_ip_access": true, "hls_version": "7", "playlist_window_seconds": 40 })),
            package(json!({ "enable_access": false, "allow_all_ip_access": true })),
            package(json!({ "enable_access": true })),
            package(json!({ "enable_access": true, "ip_whitelist": "10.0.0.0/8" })),
        ],
        "dash_package": [package(json!({ "enable_access": true, "allow_all_ip_access": true,
            "suggested_presentation_delay": 120 }))],
        "mss_package": [package(json!({}))],
    }] });
    let plan = model.create_ott(document("a", endpoints), at(7));
    let channel = done(&mut model, plan);
    let desired = model.desired(&Limits::default());
    let [own] = &desired.channels[..] else { unreachable!("{desired:?}") };
    assert_eq!((own.group.as_str(), own.name.as_str()), (OTT_GROUP, "7"));
    let ordinals: Vec<_> = own.endpoints.iter().map(|e| e.ordinal).collect();
    assert_eq!(ordinals, [1, 2, 3, 4, 5]);
    let closed = own.endpoints.iter().map(|e| e.access == AccessRules::closed());
    assert_eq!(closed.collect::<Vec<_>>(), [false, true, true, false, false]);
    assert_eq!(own.endpoints[0].window, Some(MediaDuration::from_secs(40)));
    // The second, not the day.
    assert_eq!(own.endpoints[0].timeshift, MediaDuration::from_secs(90_000));
    assert_eq!(own.endpoints[0].manifest_name.as_str(), "index");
    assert_eq!(own.endpoints[4].window, Some(MediaDuration::from_secs(12)));
    assert_eq!(own.endpoints[4].presentation.delay, Some(MediaDuration::from_secs(8)));
    assert_eq!(own.endpoints[0].presentation.hls_version, 7);
    assert_eq!(own.endpoints[0].published[0].place(), (Some("a.b"), "/x/index.m3u8"));
    let [push] = &desired.pushes[..] else { unreachable!("{desired:?}") };
    assert_eq!((push.stream.as_str(), push.rung.as_deref()), ("a_3000", Some("3000")));

    let off = OttChange::State(serde_json::from_value(json!("OFF")).expect("a state"));
    let plan = model.change_ott(&channel.key, off, at(8));
    done(&mut model, plan);
    assert_eq!(model.desired(&Limits::default()).channels, []);
}
