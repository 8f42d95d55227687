//! Operations on groups, channels and origin endpoints.

use super::effective::{LIVE_GROUP, OTT_GROUP, durations};
use super::endpoint::{Endpoint, EndpointKey, EndpointSettings};
use super::group::{Channel, ChannelKey, ChannelSettings, Group, Input, Origin};
use super::value::Description;
use super::{Model, Moment, Plan, Record, RecordKey, Refusal, Thing, Write};
use crate::config::{Limits, Name};

/// Most endpoints of a channel.
pub const ENDPOINTS_MAX: usize = 16;

/// A plan or why there is none.
type Planned<T> = Result<Plan<T>, Refusal>;

impl Model {
    /// A group.
    ///
    /// # Errors
    /// Where it is not there.
    pub fn group(&self, name: &Name) -> Result<&Group, Refusal> {
        self.groups.get(name).ok_or(Refusal::Unknown(Thing::Group))
    }

    /// All groups, by name.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values()
    }

    /// A channel.
    ///
    /// # Errors
    /// Where it or its group is not there.
    pub fn channel(&self, key: &ChannelKey) -> Result<&Channel, Refusal> {
        self.group(&key.group)?;
        self.channels.get(key).ok_or(Refusal::Unknown(Thing::Channel))
    }

    /// The channels of a group, by name.
    pub fn channels<'m>(&'m self, group: &'m Name) -> impl Iterator<Item = &'m Channel> {
        self.all_channels().filter(move |channel| channel.key.group == *group)
    }

    /// All channels, by name.
    pub fn all_channels(&self) -> impl Iterator<Item = &Channel> {
        self.channels.values()
    }

    /// An origin endpoint.
    ///
    /// # Errors
    /// Where it, its channel or its group is not there.
    pub fn endpoint(&self, key: &EndpointKey) -> Result<&Endpoint, Refusal> {
        self.channel(&key.channel)?;
        self.endpoints.get(key).ok_or(Refusal::Unknown(Thing::Endpoint))
    }

    /// The endpoints of a channel, by name.
    pub fn endpoints<'m>(&'m self, channel: &'m ChannelKey) -> impl Iterator<Item = &'m Endpoint> {
        self.endpoints.values().filter(move |endpoint| endpoint.key.channel == *channel)
    }

    /// A new group.
    ///
    /// # Errors
    /// Where there is one of its name, or the name is kept for other surfaces.
    pub fn create_group(
        &self,
        name: Name,
        description: Description,
        origin: Origin,
        at: Moment,
    ) -> Planned<Group> {
        let kept = [OTT_GROUP, LIVE_GROUP].contains(&name.as_str());
        if kept || self.groups.contains_key(&name) {
            return Err(Refusal::Taken(Thing::Group));
        }
        Ok(put_group(Group { name, description, origin, life: at.birth() }))
    }

    /// A group described anew.
    ///
    /// # Errors
    /// Where it is not there.
    pub fn update_group(
        &self,
        name: &Name,
        description: Description,
        at: Moment,
    ) -> Planned<Group> {
        let group = self.group(name)?;
        let life = at.touch(group.life);
        Ok(put_group(Group { description, life, ..group.clone() }))
    }

    /// A group less.
    ///
    /// # Errors
    /// Where it is not there or has channels.
    pub fn delete_group(&self, name: &Name) -> Planned<()> {
        self.group(name)?;
        if self.channels(name).next().is_some() {
            return Err(Refusal::InUse(Thing::Group, Thing::Channel));
        }
        Ok(remove(RecordKey::Group(name.clone())))
    }

    /// A new channel.
    ///
    /// # Errors
    /// Where its group is not there, or there is a channel of its name, here or in the file.
    pub fn create_channel(
        &self,
        key: ChannelKey,
        settings: ChannelSettings,
        inputs: [Input; 2],
        at: Moment,
    ) -> Planned<Channel> {
        self.group(&key.group)?;
        let named = (key.group.to_string(), key.channel.to_string());
        if self.channels.contains_key(&key) || self.reserved.contains(&named) {
            return Err(Refusal::Taken(Thing::Channel));
        }
        let life = at.birth();
        Ok(put_channel(Channel { key, settings, inputs, next_ordinal: 1, life }))
    }

    /// A channel with other settings.
    ///
    /// # Errors
    /// Where it is not there, or its endpoints would ask for too many durations.
    pub fn update_channel(
        &self,
        key: &ChannelKey,
        settings: ChannelSettings,
        limits: &Limits,
        at: Moment,
    ) -> Planned<Channel> {
        let channel = self.channel(key)?;
        let life = at.touch(channel.life);
        let channel = Channel { settings, life, ..channel.clone() };
        fit(&channel, self.endpoints(key), limits)?;
        Ok(put_channel(channel))
    }

    /// A channel with other credentials for the inputs that are given.
    ///
    /// # Errors
    /// Where it is not there.
    pub fn rotate_credentials(
        &self,
        key: &ChannelKey,
        fresh: [Option<Input>; 2],
        at: Moment,
    ) -> Planned<Channel> {
        let mut channel = self.channel(key)?.clone();
        for (input, fresh) in channel.inputs.iter_mut().zip(fresh) {
            if let Some(fresh) = fresh {
                *input = fresh;
            }
        }
        channel.life = at.touch(channel.life);
        Ok(put_channel(channel))
    }

    /// A channel less.
    ///
    /// # Errors
    /// Where it is not there or has endpoints.
    pub fn delete_channel(&self, key: &ChannelKey) -> Planned<()> {
        self.channel(key)?;
        if self.endpoints(key).next().is_some() {
            return Err(Refusal::InUse(Thing::Channel, Thing::Endpoint));
        }
        Ok(remove(RecordKey::Channel(key.clone())))
    }

    /// A new origin endpoint, under the next ordinal.
    ///
    /// # Errors
    /// Where its channel is not there, there is an endpoint of its name, or the channel has as many
    /// as it may.
    pub fn create_endpoint(
        &self,
        key: &EndpointKey,
        settings: EndpointSettings,
        limits: &Limits,
        at: Moment,
    ) -> Planned<Endpoint> {
        let channel = self.channel(&key.channel)?;
        if self.endpoints.contains_key(key) {
            return Err(Refusal::Taken(Thing::Endpoint));
        }
        let others = || self.endpoints(&key.channel);
        if others().count() >= ENDPOINTS_MAX {
            return Err(Refusal::EndpointsFull { most: ENDPOINTS_MAX });
        }
        let ordinal = channel.next_ordinal;
        let endpoint = Endpoint { key: key.clone(), ordinal, settings, life: at.birth() };
        fit(channel, others().chain([&endpoint]), limits)?;
        let channel = Channel { next_ordinal: ordinal.saturating_add(1), ..channel.clone() };
        let mut plan = put_endpoint(endpoint);
        plan.writes.push(Write::Put(Record::Channel(channel)));
        Ok(plan)
    }

    /// An origin endpoint with other settings.
    ///
    /// # Errors
    /// Where it is not there, or the channel's endpoints would ask for too many durations.
    pub fn update_endpoint(
        &self,
        key: &EndpointKey,
        settings: EndpointSettings,
        limits: &Limits,
        at: Moment,
    ) -> Planned<Endpoint> {
        let endpoint = self.endpoint(key)?;
        let life = at.touch(endpoint.life);
        let endpoint = Endpoint { settings, life, ..endpoint.clone() };
        let others = self.endpoints(&key.channel).filter(|other| other.key != *key);
        fit(self.channel(&key.channel)?, others.chain([&endpoint]), limits)?;
        Ok(put_endpoint(endpoint))
    }

    /// An origin endpoint less.
    ///
    /// # Errors
    /// Where it is not there.
    pub fn delete_endpoint(&self, key: &EndpointKey) -> Planned<()> {
        self.endpoint(key)?;
        Ok(remove(RecordKey::Endpoint(key.clone())))
    }
}

/// Refuses endpoints that ask for more different durations than a channel may have.
fn fit<'e>(
    channel: &Channel,
    endpoints: impl Iterator<Item = &'e Endpoint>,
    limits: &Limits,
) -> Result<(), Refusal> {
    let most = limits.segmentations;
    if durations(channel, endpoints, limits) > most {
        return Err(Refusal::Durations { most });
    }
    Ok(())
}

fn put_group(group: Group) -> Plan<Group> {
    Plan { writes: vec![Write::Put(Record::Group(group.clone()))], answer: group }
}

fn put_channel(channel: Channel) -> Plan<Channel> {
    Plan { writes: vec![Write::Put(Record::Channel(channel.clone()))], answer: channel }
}

fn put_endpoint(endpoint: Endpoint) -> Plan<Endpoint> {
    let write = Write::Put(Record::Endpoint(Box::new(endpoint.clone())));
    Plan { writes: vec![write], answer: endpoint }
}

pub(super) fn remove(key: RecordKey) -> Plan<()> {
    Plan { writes: vec![Write::Remove(key)], answer: () }
}
