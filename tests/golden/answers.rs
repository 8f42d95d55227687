//! What readers get, asked of `resolve` as they ask.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use headwater::packager::Snapshot;
use headwater::repackage::transport_stream;
use headwater::resolve::{
    Arrival, EndpointRules, File, Form, GENERATION, Leaf, Resolution, Viewer, recipe, render,
    resolve,
};
use headwater::units::{MediaDuration, Monotonic};

use crate::world::{MONO_NS, reading};

/// What a reader gets at once.
pub(crate) fn ask(
    snapshot: &Snapshot,
    rules: &EndpointRules,
    leaf: &Leaf<'_>,
    query: Option<&str>,
) -> Resolution {
    let viewer = Viewer {
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        code: None,
        bearer: None,
        identifier: None,
    };
    let arrival = Arrival { at: Monotonic(MONO_NS), losses: snapshot.losses, may_grow: true };
    resolve(snapshot, rules, leaf, query, &viewer, arrival, reading(MediaDuration::ZERO))
}

fn manifest_text(
    snapshot: &Snapshot,
    rules: &EndpointRules,
    resolution: &Resolution,
) -> Option<Arc<str>> {
    let Resolution::Manifest(view) = resolution else { return None };
    Some(render(snapshot, rules, view.kind).expect("a view of the same snapshot"))
}

/// The multivariant playlist or the MPD, where the endpoint has it and there is enough to show.
pub(crate) fn manifest(snapshot: &Snapshot, rules: &EndpointRules, form: Form) -> Option<Arc<str>> {
    let leaf = Leaf::Manifest { name: "manifest", form };
    manifest_text(snapshot, rules, &ask(snapshot, rules, &leaf, None))
}

/// A media playlist, where there is enough to show.
pub(crate) fn playlist(
    snapshot: &Snapshot,
    rules: &EndpointRules,
    rendition: &str,
    query: Option<&str>,
) -> Option<Arc<str>> {
    let leaf = Leaf::Object { generation: GENERATION, rendition, file: File::Playlist };
    manifest_text(snapshot, rules, &ask(snapshot, rules, &leaf, query))
}

/// The bytes of the object that a manifest names so.
pub(crate) fn object(
    snapshot: &Snapshot,
    rules: &EndpointRules,
    rendition: &str,
    name: &str,
) -> Option<Vec<u8>> {
    let file = File::parse(name).unwrap_or_else(|| panic!("{name} is an object's name"));
    let leaf = Leaf::Object { generation: GENERATION, rendition, file };
    match ask(snapshot, rules, &leaf, None) {
        Resolution::Object(object) => Some(object.body.concat()),
        Resolution::Derived(derived) => {
            recipe(snapshot, &derived).map(|recipe| transport_stream(&recipe).concat())
        }
        _ => None,
    }
}
