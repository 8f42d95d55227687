//! Operations on OTT channels.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    EncoderSettings, Encoding, EndpointItem, Input, InputProtocol, Label, OttChannel, OttDocument,
    OttKey, PlayUrl, RecordSettings, State,
};
use crate::api::model::channels::remove;
use crate::api::model::{Model, Moment, Plan, Record, RecordKey, Refusal, Thing, Write};
use crate::resolve::Published;

/// One part of a channel, in the place of the one before.
#[derive(Clone, Debug, PartialEq)]
pub enum OttChange {
    /// Its name.
    General(Label),
    /// Where its media comes from, and what is made of it, each where it is said.
    Input(Option<Box<Input>>, Option<Encoding>),
    /// What is kept.
    Record(RecordSettings),
    /// What it puts out; packages that are not named disappear.
    Endpoints(Vec<EndpointItem>),
    /// Whether it runs.
    State(State),
    /// Transcoding templates.
    Encoder(Vec<EncoderSettings>),
}

impl Model {
    /// All OTT channels, by their names.
    pub fn ott_channels(&self) -> impl Iterator<Item = &OttChannel> {
        self.ott.values()
    }

    /// An OTT channel.
    ///
    /// # Errors
    /// Where it is not there.
    pub fn ott_channel(&self, key: &OttKey) -> Result<&OttChannel, Refusal> {
        self.ott.get(key).ok_or(Refusal::Unknown(Thing::OttChannel))
    }

    /// A new OTT channel; its document fits.
    ///
    /// # Errors
    /// Where there is one of its names, or a URL of its packages is taken.
    pub fn create_ott(
        &self,
        document: OttDocument,
        at: Moment,
    ) -> Result<Plan<OttChannel>, Refusal> {
        let key = document.key();
        if self.ott.contains_key(&key) {
            return Err(Refusal::Taken(Thing::OttChannel));
        }
        let empty = OttDocument { endpoints: Vec::new(), ..document.clone() };
        let (ordinals, life) = (BTreeMap::new(), at.birth());
        let channel = OttChannel { key, document: empty, ordinals, next_ordinal: 1, life };
        self.check_pushes(&channel)?;
        Ok(put_ott(self.with_endpoints(channel, document.endpoints)?))
    }

    /// An OTT channel with one part changed.
    ///
    /// # Errors
    /// Where it is not there, a URL is taken, or a package is not the channel's.
    pub fn change_ott(
        &self,
        key: &OttKey,
        change: OttChange,
        at: Moment,
    ) -> Result<Plan<OttChannel>, Refusal> {
        let mut channel = self.ott_channel(key)?.clone();
        channel.life = at.touch(channel.life);
        match change {
            OttChange::General(name) => channel.document.name = Some(name),
            OttChange::Input(input, encoding) => {
                if let Some(input) = input {
                    channel.document.input = *input;
                    self.check_pushes(&channel)?;
                }
                if encoding.is_some() {
                    channel.document.encoder_settings_expand = encoding;
                }
            }
            OttChange::Record(settings) => channel.document.record_settings = settings,
            OttChange::Endpoints(items) => channel = self.with_endpoints(channel, items)?,
            OttChange::State(state) => channel.document.state = state,
            OttChange::Encoder(settings) => channel.document.encoder_settings = Some(settings),
        }
        Ok(put_ott(channel))
    }

    /// An OTT channel less.
    ///
    /// # Errors
    /// Where it is not there.
    pub fn delete_ott(&self, key: &OttKey) -> Result<Plan<()>, Refusal> {
        self.ott_channel(key)?;
        Ok(remove(RecordKey::Ott(key.clone())))
    }

    /// The channel with these packages: those with an id go on, the others are new.
    fn with_endpoints(
        &self,
        mut channel: OttChannel,
        mut items: Vec<EndpointItem>,
    ) -> Result<OttChannel, Refusal> {
        let mut ordinals = BTreeMap::new();
        for (kind, id) in items.iter_mut().flat_map(EndpointItem::ids_mut) {
            if let Some(id) = id {
                let same_kind = id.starts_with(&format!("{kind}-"));
                let known = channel.ordinals.get(id).filter(|_| same_kind);
                let ordinal = known.ok_or_else(|| Refusal::UnknownPackage(id.clone()))?;
                ordinals.insert(id.clone(), *ordinal);
            } else {
                let ordinal = channel.next_ordinal;
                channel.next_ordinal = ordinal.saturating_add(1);
                let made = format!("{kind}-{}-{ordinal}", channel.life.sequence);
                ordinals.insert(made.clone(), ordinal);
                *id = Some(made);
            }
        }
        channel.ordinals = ordinals;
        channel.document.endpoints = items;
        self.check_urls(&channel)?;
        Ok(channel)
    }

    /// Refuses a URL that another package has.
    fn check_urls(&self, channel: &OttChannel) -> Result<(), Refusal> {
        let others = self.ott.values().filter(|other| other.key != channel.key);
        let taken: BTreeSet<&Published> =
            others.flat_map(places).map(|(_, url)| url.published()).collect();
        let mut own: BTreeMap<&Published, usize> = BTreeMap::new();
        for (package, url) in places(channel) {
            // The two URLs of one package may be the same.
            let first = *own.entry(url.published()).or_insert(package);
            if taken.contains(url.published()) || first != package {
                return Err(Refusal::UrlTaken(url.as_str().to_owned()));
            }
        }
        Ok(())
    }

    /// Refuses a URL to push to that another channel has: `a` at 500 kbit/s and `a_500` are one.
    fn check_pushes(&self, channel: &OttChannel) -> Result<(), Refusal> {
        let others = self.ott.values().filter(|other| other.key != channel.key);
        let taken: BTreeSet<&str> = others.flat_map(pushes).collect();
        match pushes(channel).find(|url| taken.contains(url)) {
            Some(url) => Err(Refusal::UrlTaken(url.to_owned())),
            None => Ok(()),
        }
    }
}

fn put_ott(channel: OttChannel) -> Plan<OttChannel> {
    let write = Write::Put(Record::Ott(Box::new(channel.clone())));
    Plan { writes: vec![write], answer: channel }
}

/// The URLs of a channel's packages, each with the number of its package.
fn places(channel: &OttChannel) -> impl Iterator<Item = (usize, &PlayUrl)> {
    let packages = channel.document.endpoints.iter().flat_map(EndpointItem::packages);
    packages.enumerate().flat_map(|(number, package)| {
        [package.url, package.slave_url].into_iter().flatten().map(move |url| (number, url))
    })
}

/// The URLs that a channel is pushed to.
fn pushes(channel: &OttChannel) -> impl Iterator<Item = &str> {
    let input = &channel.document.input;
    let pushed = input.input_protocol == InputProtocol::RtmpPush;
    let sources = input.sources.iter().filter(move |_| pushed);
    sources.filter_map(|source| Some(source.url.as_ref()?.as_str()))
}
