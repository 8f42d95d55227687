//! The store against an independent model: plain maps that know the rules in their simplest form.

mod streams;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::api::model::endpoint::OutputProtocol;
use crate::api::model::tests::{
    channel_key, channel_settings, endpoint_key, endpoint_settings, inputs, name, origin,
};
use crate::api::model::value::{Stamp, Text};
use crate::api::model::{Model, Refusal};
use crate::api::{ChangeError, Desk, NoEffect};
use crate::config::Limits;

const NAMES: [&str; 3] = ["a", "b", "c"];

/// What is asked, by indices into [`NAMES`].
#[derive(Clone, Copy, Debug)]
enum Operation {
    CreateGroup(usize),
    DescribeGroup(usize, u8),
    DeleteGroup(usize),
    CreateChannel(usize, usize, u8),
    UpdateChannel(usize, usize, u8),
    Rotate(usize, usize, u8),
    DeleteChannel(usize, usize),
    CreateEndpoint(usize, usize, usize),
    UpdateEndpoint(usize, usize, usize),
    DeleteEndpoint(usize, usize, usize),
    Restart,
}

fn operation() -> impl Strategy<Value = Operation> {
    let n = || 0..NAMES.len();
    prop_oneof![
        3 => n().prop_map(Operation::CreateGroup),
        1 => (n(), 0..9_u8).prop_map(|(g, d)| Operation::DescribeGroup(g, d)),
        1 => n().prop_map(Operation::DeleteGroup),
        3 => (n(), n(), 1..30_u8).prop_map(|(g, c, s)| Operation::CreateChannel(g, c, s)),
        1 => (n(), n(), 1..30_u8).prop_map(|(g, c, s)| Operation::UpdateChannel(g, c, s)),
        1 => (n(), n(), 0..4_u8).prop_map(|(g, c, m)| Operation::Rotate(g, c, m)),
        2 => (n(), n()).prop_map(|(g, c)| Operation::DeleteChannel(g, c)),
        4 => (n(), n(), n()).prop_map(|(g, c, e)| Operation::CreateEndpoint(g, c, e)),
        1 => (n(), n(), n()).prop_map(|(g, c, e)| Operation::UpdateEndpoint(g, c, e)),
        3 => (n(), n(), n()).prop_map(|(g, c, e)| Operation::DeleteEndpoint(g, c, e)),
        1 => Just(Operation::Restart),
    ]
}

#[derive(Debug, Default, PartialEq)]
struct Plain {
    groups: BTreeMap<usize, String>,
    channels: BTreeMap<(usize, usize), (u8, [String; 2])>,
    endpoints: BTreeMap<(usize, usize, usize), (u32, &'static str)>,
    next: BTreeMap<(usize, usize), u32>,
}

impl Plain {
    /// Does an operation; whether it succeeds.
    fn does(&mut self, operation: Operation, step: usize) -> bool {
        let word = |n: usize| format!("{step}{n}");
        match operation {
            Operation::Restart => true,
            Operation::CreateGroup(g) => {
                let free = !self.groups.contains_key(&g);
                self.groups.entry(g).or_default();
                free
            }
            Operation::DescribeGroup(g, d) => {
                self.groups.get_mut(&g).map(|text| *text = d.to_string()).is_some()
            }
            Operation::DeleteGroup(g) => {
                let empty = self.channels.keys().all(|(group, _)| *group != g);
                empty && self.groups.remove(&g).is_some()
            }
            Operation::CreateChannel(g, c, s) => {
                let free = self.groups.contains_key(&g) && !self.channels.contains_key(&(g, c));
                if free {
                    self.channels.insert((g, c), (s, [word(1), word(2)]));
                    self.next.insert((g, c), 1);
                }
                free
            }
            Operation::UpdateChannel(g, c, s) => {
                self.channels.get_mut(&(g, c)).map(|channel| channel.0 = s).is_some()
            }
            Operation::Rotate(g, c, mask) => {
                let Some((_, words)) = self.channels.get_mut(&(g, c)) else { return false };
                for n in [1, 2_usize].into_iter().filter(|n| usize::from(mask) & n > 0) {
                    words[n - 1] = word(n);
                }
                true
            }
            Operation::DeleteChannel(g, c) => {
                let empty = self.endpoints.keys().all(|(group, of, _)| (*group, *of) != (g, c));
                empty && self.channels.remove(&(g, c)).is_some()
            }
            Operation::CreateEndpoint(g, c, e) => {
                let there = self.channels.contains_key(&(g, c));
                let free = there && !self.endpoints.contains_key(&(g, c, e));
                if let Some(next) = self.next.get_mut(&(g, c)).filter(|_| free) {
                    self.endpoints.insert((g, c, e), (*next, "HLS"));
                    *next += 1;
                }
                free
            }
            Operation::UpdateEndpoint(g, c, e) => {
                self.endpoints.get_mut(&(g, c, e)).map(|endpoint| endpoint.1 = "DASH").is_some()
            }
            Operation::DeleteEndpoint(g, c, e) => self.endpoints.remove(&(g, c, e)).is_some(),
        }
    }

    /// What a store says, in the same form.
    fn of(model: &Model, next: BTreeMap<(usize, usize), u32>) -> Self {
        let index = |name: &str| NAMES.iter().position(|n| *n == name).expect("one of ours");
        let mut plain = Plain { next, ..Plain::default() };
        for group in model.groups() {
            let g = index(group.name.as_str());
            plain.groups.insert(g, group.description.as_str().to_owned());
        }
        for channel in model.all_channels() {
            let key = (index(channel.key.group.as_str()), index(channel.key.channel.as_str()));
            let words = channel.inputs.each_ref().map(|input| input.password.clone());
            let seconds = u8::try_from(channel.settings.segment_duration.get()).expect("small");
            plain.channels.insert(key, (seconds, words));
            for endpoint in model.endpoints(&channel.key) {
                let e = index(endpoint.key.endpoint.as_str());
                let is = (endpoint.ordinal, endpoint.settings.protocol.name());
                plain.endpoints.insert((key.0, key.1, e), is);
            }
        }
        plain
    }
}

/// A desk over the file of a folder.
fn desk(folder: &TempDir) -> Desk {
    let store = Sqlite::open(&folder.path().join("control.sqlite3")).expect("opened");
    Desk::open(Box::new(store), BTreeSet::new(), Box::new(NoEffect), Limits::default())
        .expect("loaded")
}

fn perform(desk: &Desk, operation: Operation, step: usize) -> bool {
    let now = Stamp(i64::try_from(step).expect("small"));
    let limits = Limits::default();
    let key = |g: usize, c: usize| channel_key(NAMES[g], NAMES[c]);
    let end = |g: usize, c: usize, e: usize| endpoint_key(NAMES[g], NAMES[c], NAMES[e]);
    let fresh = || inputs(&step.to_string());
    let done = desk.change(now, |model, at| {
        let nothing = |plan: Result<crate::api::model::Plan<()>, Refusal>| plan;
        match operation {
            Operation::Restart => {
                nothing(Ok(crate::api::model::Plan { writes: Vec::new(), answer: () }))
            }
            Operation::CreateGroup(g) => {
                unit(model.create_group(name(NAMES[g]), Text::default(), origin(), at))
            }
            Operation::DescribeGroup(g, d) => {
                let text = Text::try_from(d.to_string()).expect("short");
                unit(model.update_group(&name(NAMES[g]), text, at))
            }
            Operation::DeleteGroup(g) => model.delete_group(&name(NAMES[g])),
            Operation::CreateChannel(g, c, s) => {
                unit(model.create_channel(key(g, c), channel_settings(3, s.into()), fresh(), at))
            }
            Operation::UpdateChannel(g, c, s) => {
                unit(model.update_channel(&key(g, c), channel_settings(3, s.into()), &limits, at))
            }
            Operation::Rotate(g, c, mask) => {
                let [one, two] = fresh();
                let fresh =
                    [Some(one).filter(|_| mask & 1 > 0), Some(two).filter(|_| mask & 2 > 0)];
                unit(model.rotate_credentials(&key(g, c), fresh, at))
            }
            Operation::DeleteChannel(g, c) => model.delete_channel(&key(g, c)),
            Operation::CreateEndpoint(g, c, e) => {
                let hls = endpoint_settings(OutputProtocol::Hls);
                unit(model.create_endpoint(&end(g, c, e), hls, &limits, at))
            }
            Operation::UpdateEndpoint(g, c, e) => {
                let dash = endpoint_settings(OutputProtocol::Dash);
                unit(model.update_endpoint(&end(g, c, e), dash, &limits, at))
            }
            Operation::DeleteEndpoint(g, c, e) => model.delete_endpoint(&end(g, c, e)),
        }
    });
    match done {
        Ok(_) => true,
        Err(ChangeError::Refused(_)) => false,
        Err(error) => unreachable!("{error}"),
    }
}

fn unit<T>(
    plan: Result<crate::api::model::Plan<T>, Refusal>,
) -> Result<crate::api::model::Plan<()>, Refusal> {
    plan.map(|plan| crate::api::model::Plan { writes: plan.writes, answer: () })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn any_sequence_of_operations_leaves_the_store_equal_to_plain_maps(
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
            let expected = plain.does(operation, step);
            prop_assert_eq!(perform(&desk_now, operation, step), expected, "{:?}", operation);
            let next = plain.next.clone();
            prop_assert_eq!(&desk_now.read(|model| Plain::of(model, next)), &plain);
        }
        let before = desk_now.read(Model::records);
        drop(desk_now);
        prop_assert_eq!(desk(&folder).read(Model::records), before);
    }
}

#[test]
fn a_commit_on_an_old_revision_writes_nothing() {
    let mut store = Sqlite::in_memory().expect("memory");
    assert_eq!(store.commit(0, &[]).expect("committed"), 1);
    assert!(matches!(store.commit(0, &[]), Err(StoreError::Behind)));
    assert_eq!(store.commit(1, &[]).expect("committed"), 2);
    assert_eq!(store.load().expect("loaded"), (2, Vec::new()));
}

#[test]
fn a_desk_that_another_one_overtook_plans_again() {
    let folder = TempDir::new().expect("a folder");
    let (one, two) = (desk(&folder), desk(&folder));
    assert!(perform(&one, Operation::CreateGroup(0), 1));
    assert!(!perform(&two, Operation::CreateGroup(0), 2));
    assert!(perform(&two, Operation::CreateGroup(1), 3));
    assert!(perform(&one, Operation::CreateChannel(1, 0, 6), 4));
    assert_eq!(one.read(|model| model.groups().count()), 2);
}

#[test]
fn of_many_creates_of_one_name_at_a_time_one_succeeds() {
    let folder = TempDir::new().expect("a folder");
    let desk = desk(&folder);
    let made: usize = std::thread::scope(|threads| {
        let creates: Vec<_> = (0..10)
            .map(|step| {
                let desk = &desk;
                threads.spawn(move || usize::from(perform(desk, Operation::CreateGroup(0), step)))
            })
            .collect();
        creates.into_iter().map(|create| create.join().expect("no panic")).sum()
    });
    assert_eq!(made, 1);
}

#[test]
fn a_file_that_cannot_be_read_is_left_as_it_is() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("control.sqlite3");
    std::fs::write(&path, vec![7; 8192]).expect("written");
    assert!(Sqlite::open(&path).is_err());
    assert_eq!(std::fs::read(&path).expect("there"), vec![7; 8192]);
}
