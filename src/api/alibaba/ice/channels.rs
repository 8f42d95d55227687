//! Channels and the credentials of their inputs.

use serde_json::{Value, json};

use super::fault::IceError;
use super::list::{Seen, Wanted};
use super::{Call, fields, stamp};
use crate::api::alibaba::Fields;
use crate::api::control::Control;
use crate::api::model::group::{Channel, ChannelKey, ChannelSettings};
use crate::api::model::value::Whole;
use crate::api::model::{Model, Plan};
use crate::api::random::credentials;

const ONE: &str = "LivePackageChannel";
/// Where a call does not say.
const SEGMENT_COUNT: i64 = 3;
const SEGMENT_SECS: i64 = 6;

impl Call<'_> {
    /// The channel a call names; [`Call::need`] has been asked.
    pub(super) fn channel(&self) -> Result<ChannelKey, IceError> {
        Ok(ChannelKey { group: self.name("GroupName")?, channel: self.name("ChannelName")? })
    }
}

pub(super) fn subject(key: &ChannelKey) -> String {
    format!("{}/{}", key.group, key.channel)
}

fn settings(call: &Call<'_>) -> Result<ChannelSettings, IceError> {
    call.required("Protocol", |text| if text == "HLS" { Ok(()) } else { Err("must be HLS") })?;
    let count = call.get("SegmentCount", Whole::parse)?;
    let duration = call.get("SegmentDuration", Whole::parse)?;
    Ok(ChannelSettings {
        segment_count: count.unwrap_or(Whole::clamped(SEGMENT_COUNT)),
        segment_duration: duration.unwrap_or(Whole::clamped(SEGMENT_SECS)),
        description: call.description()?,
    })
}

pub(super) fn create(call: &Call<'_>) -> Result<Fields, IceError> {
    call.need(&["GroupName", "ChannelName", "Protocol"])?;
    let (key, settings) = (call.channel()?, settings(call)?);
    let inputs = [credentials()?, credentials()?];
    let plan = |model: &Model, at| {
        let plan = model.create_channel(key.clone(), settings.clone(), inputs.clone(), at)?;
        let answer = json!({ ONE: show(call.control, &plan.answer) });
        Ok(Plan { writes: plan.writes, answer })
    };
    call.create(&subject(&key), |model| model.group(&key.group).map(|_| ()), plan)
}

pub(super) fn get(call: &Call<'_>) -> Result<Fields, IceError> {
    call.need(&["GroupName", "ChannelName"])?;
    let key = call.channel()?;
    let shown = call
        .control
        .desk()
        .read(|model| model.channel(&key).map(|channel| show(call.control, channel)))?;
    Ok(fields(&[(ONE, shown)]))
}

pub(super) fn list(call: &Call<'_>) -> Result<Fields, IceError> {
    call.need(&["GroupName"])?;
    let group = call.name("GroupName")?;
    let wanted = Wanted::read(call)?;
    let page = |model: &Model| {
        model.group(&group)?;
        let show = |channel: &Channel| show(call.control, channel);
        Ok::<_, IceError>(wanted.page("LivePackageChannels", model.channels(&group), seen, show))
    };
    call.control.desk().read(page)
}

fn seen(channel: &Channel) -> Seen<'_> {
    Seen {
        name: channel.key.channel.as_str(),
        description: channel.settings.description.as_str(),
        sequence: channel.life.sequence,
    }
}

pub(super) fn update(call: &Call<'_>) -> Result<Fields, IceError> {
    call.need(&["GroupName", "ChannelName", "Protocol"])?;
    let (key, settings) = (call.channel()?, settings(call)?);
    let limits = call.control.desk().limits();
    let channel = call.change(&subject(&key), |model, at| {
        model.update_channel(&key, settings.clone(), limits, at)
    })?;
    Ok(fields(&[(ONE, show(call.control, &channel))]))
}

pub(super) fn rotate(call: &Call<'_>) -> Result<Fields, IceError> {
    call.need(&["GroupName", "ChannelName", "RotateCredentials"])?;
    let key = call.channel()?;
    let which: Whole<1, 3> = call.required("RotateCredentials", Whole::parse)?;
    let fresh = |bit: i64| {
        let named = which.get() & bit > 0;
        named.then(credentials).transpose()
    };
    let fresh = [fresh(1)?, fresh(2)?];
    let channel =
        call.change(&subject(&key), |model, at| model.rotate_credentials(&key, fresh.clone(), at))?;
    Ok(fields(&[("IngestEndpoints", inputs(call.control, &channel))]))
}

pub(super) fn delete(call: &Call<'_>) -> Result<Fields, IceError> {
    call.need(&["GroupName", "ChannelName"])?;
    let key = call.channel()?;
    call.change(&subject(&key), |model, _| model.delete_channel(&key))?;
    Ok(Fields::new())
}

fn inputs(control: &Control, channel: &Channel) -> Value {
    let ingest = control.ingest();
    let inputs = (1..).zip(&channel.inputs).map(|(n, input)| {
        let ChannelKey { group, channel } = &channel.key;
        json!({
            "Id": format!("input{n}"),
            "Url": format!("{ingest}/v1/{group}/{n}/{channel}/manifest"),
            "Username": input.user,
            "Password": input.password,
        })
    });
    inputs.collect::<Vec<_>>().into()
}

fn show(control: &Control, channel: &Channel) -> Value {
    json!({
        "GroupName": channel.key.group.as_str(),
        "ChannelName": channel.key.channel.as_str(),
        "Protocol": "HLS",
        "SegmentCount": channel.settings.segment_count.get(),
        "SegmentDuration": channel.settings.segment_duration.get(),
        "Description": channel.settings.description.as_str(),
        "IngestEndpoints": inputs(control, channel),
        "CreateTime": stamp(channel.life.created),
        "LastModified": stamp(channel.life.modified),
    })
}
