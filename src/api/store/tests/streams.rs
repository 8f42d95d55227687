//! The same for live streams and OTT channels.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;

use super::{desk, unit};
use crate::api::model::live::{Domain, PackageForm, PackageProtocol, Pattern, ShiftForm, Streams};
use crate::api::model::ott::{EndpointItem, Label, OttChange, OttDocument, OttKey, State, Word};
use crate::api::model::value::{Stamp, Whole};
use crate::api::model::{Model, Refusal};
use crate::api::{ChangeError, Desk};

const DOMAIN: &str = "push.example.com";
const APPS: [&str; 2] = ["*", "a"];
const IDS: [&str; 3] = ["x", "y", "z"];
/// URLs that channels may have, by the bits of a mask.
const URLS: u8 = 3;

/// What is asked, by indices; URLs by the bits of a mask.
#[derive(Clone, Copy, Debug)]
enum Operation {
    AddPackage(usize, u8),
    UpdatePackage(usize, u8),
    DeletePackage(usize),
    OpenShift(usize, u8),
    CloseShift(usize),
    Create(usize, u8),
    Name(usize, u8),
    Switch(usize, bool),
    Endpoints(usize, u8),
    Delete(usize),
    Restart,
}

fn operation() -> impl Strategy<Value = Operation> {
    let (app, id, mask) = (0..APPS.len(), 0..IDS.len(), 0..1_u8 << URLS);
    prop_oneof![
        2 => (app.clone(), 3..11_u8).prop_map(|(a, n)| Operation::AddPackage(a, n)),
        1 => (app.clone(), 3..11_u8).prop_map(|(a, n)| Operation::UpdatePackage(a, n)),
        1 => app.clone().prop_map(Operation::DeletePackage),
        2 => (app.clone(), 1..31_u8).prop_map(|(a, n)| Operation::OpenShift(a, n)),
        1 => app.prop_map(Operation::CloseShift),
        3 => (id.clone(), mask.clone()).prop_map(|(i, m)| Operation::Create(i, m)),
        1 => (id.clone(), 0..9_u8).prop_map(|(i, n)| Operation::Name(i, n)),
        1 => (id.clone(), any::<bool>()).prop_map(|(i, on)| Operation::Switch(i, on)),
        4 => (id.clone(), mask).prop_map(|(i, m)| Operation::Endpoints(i, m)),
        1 => id.prop_map(Operation::Delete),
        1 => Just(Operation::Restart),
    ]
}

/// An OTT channel: its name, whether it is on, the numbers of its packages by their URLs, the next.
type Plainest = (String, bool, BTreeMap<u8, u32>, u32);

#[derive(Debug, Default, PartialEq)]
struct Plain {
    packages: BTreeMap<usize, u8>,
    shifts: BTreeMap<usize, u8>,
    channels: BTreeMap<usize, Plainest>,
}

fn bits(mask: u8) -> impl Iterator<Item = u8> {
    (0..URLS).filter(move |bit| mask & 1 << bit > 0)
}

impl Plain {
    /// Does an operation; whether it succeeds.
    fn does(&mut self, operation: Operation) -> bool {
        match operation {
            Operation::Restart => true,
            Operation::AddPackage(a, n) => {
                let free = !self.packages.contains_key(&a);
                self.packages.entry(a).or_insert(n);
                free
            }
            Operation::UpdatePackage(a, n) => {
                self.packages.get_mut(&a).map(|known| *known = n).is_some()
            }
            Operation::DeletePackage(a) => self.packages.remove(&a).is_some(),
            Operation::OpenShift(a, n) => {
                self.shifts.insert(a, n);
                true
            }
            Operation::CloseShift(a) => self.shifts.remove(&a).is_some(),
            Operation::Create(i, mask) => {
                let free = !self.channels.contains_key(&i) && self.are_free(i, mask);
                if free {
                    let fresh = (IDS[i].to_owned(), true, BTreeMap::new(), 1);
                    self.channels.insert(i, fresh);
                    self.put(i, mask);
                }
                free
            }
            Operation::Name(i, n) => {
                self.channels.get_mut(&i).map(|channel| channel.0 = n.to_string()).is_some()
            }
            Operation::Switch(i, on) => {
                self.channels.get_mut(&i).map(|channel| channel.1 = on).is_some()
            }
            Operation::Endpoints(i, mask) => {
                let may = self.channels.contains_key(&i) && self.are_free(i, mask);
                if may {
                    self.put(i, mask);
                }
                may
            }
            Operation::Delete(i) => self.channels.remove(&i).is_some(),
        }
    }

    fn are_free(&self, of: usize, mask: u8) -> bool {
        let others = self.channels.iter().filter(|(i, _)| **i != of);
        let taken: BTreeSet<u8> = others.flat_map(|(_, c)| c.2.keys().copied()).collect();
        bits(mask).all(|bit| !taken.contains(&bit))
    }

    /// Packages that stay keep their numbers.
    fn put(&mut self, i: usize, mask: u8) {
        let Some((_, _, known, next)) = self.channels.get_mut(&i) else { return };
        let mut number = |bit: u8| {
            known.get(&bit).copied().unwrap_or_else(|| {
                *next += 1;
                *next - 1
            })
        };
        let now = bits(mask).map(|bit| (bit, number(bit))).collect();
        *known = now;
    }

    /// What a store says, in the same form.
    fn of(model: &Model) -> Self {
        let app = |text: &str| APPS.iter().position(|app| *app == text).expect("one of ours");
        let small = |number: u32| u8::try_from(number).expect("small");
        let packages = model.packages().map(|package| {
            (app(package.streams.app.as_str()), small(package.form.segment_num.unsigned()))
        });
        let shifts = model
            .shifts()
            .map(|shift| (app(shift.streams.app.as_str()), small(shift.form.vision.unsigned())));
        let channels = model.ott_channels().map(|channel| {
            let i = IDS.iter().position(|id| *id == channel.key.id.as_str()).expect("ours");
            let packages = channel.document.endpoints.iter().flat_map(EndpointItem::packages);
            let numbers = packages.map(|package| {
                let url = package.url.expect("it has one").as_str();
                let bit = url.rsplit('/').next().and_then(|bit| bit.parse().ok());
                (bit.expect("a number"), channel.ordinals[package.id.expect("it has one")])
            });
            let on = channel.document.state == State::On;
            let name = channel.document.name.as_ref().expect("it has one").as_str().to_owned();
            (i, (name, on, numbers.collect(), channel.next_ordinal))
        });
        Plain {
            packages: packages.collect(),
            shifts: shifts.collect(),
            channels: channels.collect(),
        }
    }
}

fn streams(a: usize) -> Streams {
    Streams {
        domain: Domain::try_from(DOMAIN.to_owned()).expect("a domain"),
        app: Pattern::try_from(APPS[a].to_owned()).expect("a pattern"),
        stream: Pattern::Any,
    }
}

fn package(segments: u8) -> PackageForm {
    PackageForm {
        protocol: PackageProtocol::HlsCmaf,
        segment_num: Whole::clamped(segments.into()),
        segment_duration: Whole::clamped(4),
        part_duration: Whole::clamped(0),
        ignore_transcode: true,
    }
}

fn key(i: usize) -> OttKey {
    let word = |text: &str| Word::try_from(text.to_owned()).expect("a word");
    let domain = Domain::try_from(DOMAIN.to_owned()).expect("a domain");
    OttKey { domain, app_name: word("live"), id: word(IDS[i]) }
}

/// Packages at these URLs; those that `model` knows of the channel with their ids.
fn items(model: &Model, i: usize, mask: u8) -> serde_json::Value {
    let url = |bit: u8| format!("http://play.example.com/{bit}");
    let known = model.ott_channel(&key(i)).ok();
    let id = |bit: u8| {
        let mut packages = known?.document.endpoints.iter().flat_map(EndpointItem::packages);
        let same = packages.find(|package| package.url.is_some_and(|u| u.as_str() == url(bit)))?;
        Some(same.id?.to_owned())
    };
    let one = |bit| json!({ "id": id(bit), "url": url(bit), "segment_duration_seconds": 4 });
    json!([{ "hls_package": bits(mask).map(one).collect::<Vec<_>>() }])
}

fn perform(desk: &Desk, operation: Operation, step: usize) -> bool {
    let now = Stamp(i64::try_from(step).expect("small"));
    let done = desk.change(now, |model, at| match operation {
        Operation::Restart => Ok(crate::api::model::Plan { writes: Vec::new(), answer: () }),
        Operation::AddPackage(a, n) => unit(model.add_package(streams(a), package(n), at)),
        Operation::UpdatePackage(a, n) => unit(model.update_package(&streams(a), package(n), at)),
        Operation::DeletePackage(a) => model.delete_package(&streams(a)),
        Operation::OpenShift(a, n) => {
            let vision = Whole::clamped(n.into());
            let form = ShiftForm { vision, duration: None, ignore_transcode: true };
            unit(Ok::<_, Refusal>(model.open_shift(streams(a), form, at)))
        }
        Operation::CloseShift(a) => model.close_shift(&streams(a)),
        Operation::Create(i, mask) => {
            let document = json!({
                "domain": DOMAIN, "app_name": "live", "id": IDS[i], "name": IDS[i], "state": "ON",
                "input": { "input_protocol": "RTMP_PUSH" },
                "record_settings": { "rollingbuffer_duration": 0 },
                "endpoints": items(&Model::default(), i, mask),
            });
            let document: OttDocument = serde_json::from_value(document).expect("a document");
            unit(model.create_ott(document.fit().expect("it fits"), at))
        }
        Operation::Name(i, n) => {
            let name = Label::try_from(n.to_string()).expect("a name");
            unit(model.change_ott(&key(i), OttChange::General(name), at))
        }
        Operation::Switch(i, on) => {
            let state = if on { State::On } else { State::Off };
            unit(model.change_ott(&key(i), OttChange::State(state), at))
        }
        Operation::Endpoints(i, mask) => {
            let items = serde_json::from_value(items(model, i, mask)).expect("packages");
            unit(model.change_ott(&key(i), OttChange::Endpoints(items), at))
        }
        Operation::Delete(i) => model.delete_ott(&key(i)),
    });
    match done {
        Ok(_) => true,
        Err(ChangeError::Refused(_)) => false,
        Err(error) => unreachable!("{error}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn any_sequence_of_operations_leaves_streams_equal_to_plain_maps(
        operations in prop::collection::vec(operation(), 1..60)
    ) {
        let folder = TempDir::new().expect("a folder");
        let mut desk_now = desk(&folder);
        let mut plain = Plain::default();
        for (step, operation) in operations.into_iter().enumerate() {
            if let Operation::Restart = operation {
                drop(desk_now);
                desk_now = desk(&folder);
            }
            let expected = plain.does(operation);
            prop_assert_eq!(perform(&desk_now, operation, step), expected, "{:?}", operation);
            prop_assert_eq!(&desk_now.read(Plain::of), &plain);
        }
        let before = desk_now.read(Model::records);
        drop(desk_now);
        prop_assert_eq!(desk(&folder).read(Model::records), before);
    }
}
