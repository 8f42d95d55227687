//! Origin endpoints.

use serde_json::{Value, json};

use super::channels::subject;
use super::fault::IceError;
use super::list::{Seen, Wanted};
use super::{Call, fields, json_of, stamp};
use crate::api::alibaba::Fields;
use crate::api::model::endpoint::{
    Controls, Endpoint, EndpointKey, EndpointSettings, Guard, OutputProtocol, Packaging,
};
use crate::api::model::group::ChannelKey;
use crate::api::model::value::{Addresses, Code, Whole};
use crate::api::model::{Model, Plan, Refusal};
use crate::config::ManifestName;

const ONE: &str = "LivePackageOriginEndpoint";
const NAMES: [&str; 3] = ["GroupName", "ChannelName", "EndpointName"];

fn key(call: &Call<'_>) -> Result<EndpointKey, IceError> {
    Ok(EndpointKey { channel: call.channel()?, endpoint: call.name("EndpointName")? })
}

fn subject_of(key: &EndpointKey) -> String {
    format!("{}/{}", subject(&key.channel), key.endpoint)
}

/// Names and settings, missing ones told before wrong ones.
fn read(call: &Call<'_>) -> Result<(EndpointKey, EndpointSettings), IceError> {
    call.need(&NAMES)?;
    call.need(&["Protocol"])?;
    let given = |name| call.parameters.get(name).is_some();
    if !given("AuthorizationCode") && !given("IpWhitelist") {
        return Err(IceError::Missing("AuthorizationCode or IpWhitelist"));
    }
    let key = key(call)?;
    let protocol = call.required("Protocol", |text| {
        let named = OutputProtocol::ALL.into_iter().find(|protocol| protocol.name() == text);
        named.ok_or("must be HLS, HLS_CMAF or DASH")
    })?;
    let addresses = |name| call.get(name, |text| Addresses::try_from(text.to_owned()));
    let controls = Controls {
        code: call.get("AuthorizationCode", |text| Code::try_from(text.to_owned()))?,
        whitelist: addresses("IpWhitelist")?,
        blacklist: addresses("IpBlacklist")?,
    };
    let manifest_name = call.get("ManifestName", |text| ManifestName::try_from(text.to_owned()))?;
    let days = call.get("TimeshiftVision", Whole::parse)?;
    let settings = EndpointSettings {
        protocol,
        manifest_name: manifest_name.unwrap_or_default(),
        description: call.description()?,
        timeshift_days: days.unwrap_or(Whole::clamped(0)),
        guard: Guard::try_from(controls).map_err(|_| IceError::Missing("AuthorizationCode"))?,
        packaging: call.get("LivePackagingConfig", |text| packaging(text, protocol))?,
    };
    Ok((key, settings))
}

/// Reads a packaging configuration; what is wrong in it is told with its path.
fn packaging(text: &str, protocol: OutputProtocol) -> Result<Packaging, String> {
    let value: Value =
        serde_json::from_str(text).map_err(|_| "must be a JSON object".to_owned())?;
    if !value.is_object() {
        return Err("must be a JSON object".to_owned());
    }
    let read: Packaging =
        serde_path_to_error::deserialize(without_blanks(value)).map_err(|error| {
            let (path, why) = (error.path().to_string(), error.inner().to_string());
            format!(".{path}: {why}")
        })?;
    read.fit(protocol).map_err(|error| error.to_string())
}

/// What is empty is not there, as of every parameter of this surface.
fn without_blanks(value: Value) -> Value {
    let blank = |value: &Value| value.is_null() || value.as_str() == Some("");
    match value {
        Value::Object(fields) => {
            let kept = fields.into_iter().filter(|(_, value)| !blank(value));
            Value::Object(kept.map(|(name, value)| (name, without_blanks(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_blanks).collect()),
        other => other,
    }
}

pub(super) fn create(call: &Call<'_>) -> Result<Fields, IceError> {
    let (key, settings) = read(call)?;
    let limits = call.control.desk().limits();
    let plan = |model: &Model, at| {
        let plan = model.create_endpoint(&key, settings.clone(), limits, at)?;
        let answer = json!({ ONE: show(model, &plan.answer)? });
        Ok(Plan { writes: plan.writes, answer })
    };
    call.create(&subject_of(&key), |model| model.channel(&key.channel).map(|_| ()), plan)
}

pub(super) fn get(call: &Call<'_>) -> Result<Fields, IceError> {
    call.need(&NAMES)?;
    let key = key(call)?;
    let shown =
        call.control.desk().read(|model| model.endpoint(&key).and_then(|it| show(model, it)))?;
    Ok(fields(&[(ONE, shown)]))
}

pub(super) fn list(call: &Call<'_>) -> Result<Fields, IceError> {
    call.need(&["GroupName", "ChannelName"])?;
    let channel = call.channel()?;
    let wanted = Wanted::read(call)?;
    let page = |model: &Model| {
        model.channel(&channel)?;
        let show = |endpoint: &Endpoint| {
            let mut shown = show(model, endpoint).unwrap_or_default();
            if let Some(shown) = shown.as_object_mut() {
                shown.remove("LivePackagingConfig");
            }
            shown
        };
        let endpoints = model.endpoints(&channel);
        Ok::<_, IceError>(wanted.page("LivePackageOriginEndpoints", endpoints, seen, show))
    };
    call.control.desk().read(page)
}

fn seen(endpoint: &Endpoint) -> Seen<'_> {
    Seen {
        name: endpoint.key.endpoint.as_str(),
        description: endpoint.settings.description.as_str(),
        sequence: endpoint.life.sequence,
    }
}

pub(super) fn update(call: &Call<'_>) -> Result<Fields, IceError> {
    let (key, settings) = read(call)?;
    let limits = call.control.desk().limits();
    let shown = call.change(&subject_of(&key), |model, at| {
        let plan = model.update_endpoint(&key, settings.clone(), limits, at)?;
        let answer = show(model, &plan.answer)?;
        Ok(Plan { writes: plan.writes, answer })
    })?;
    Ok(fields(&[(ONE, shown)]))
}

pub(super) fn delete(call: &Call<'_>) -> Result<Fields, IceError> {
    call.need(&NAMES)?;
    let key = key(call)?;
    call.change(&subject_of(&key), |model, _| model.delete_endpoint(&key))?;
    Ok(Fields::new())
}

fn show(model: &Model, endpoint: &Endpoint) -> Result<Value, Refusal> {
    let EndpointKey { channel: ChannelKey { group, channel }, endpoint: name } = &endpoint.key;
    let origin = &model.group(group)?.origin;
    let settings = &endpoint.settings;
    let controls = settings.guard.controls();
    let text = |addresses: &Option<Addresses>| {
        addresses.as_ref().map_or_else(String::new, |it| it.as_str().to_owned())
    };
    let mut shown = json!({
        "GroupName": group.as_str(),
        "ChannelName": channel.as_str(),
        "EndpointName": name.as_str(),
        "Protocol": settings.protocol.name(),
        "ManifestName": settings.manifest_name.as_str(),
        "Description": settings.description.as_str(),
        "TimeshiftVision": settings.timeshift_days.get(),
        "AuthorizationCode": controls.code.as_ref().map_or("", Code::as_str),
        "IpWhitelist": text(&controls.whitelist),
        "IpBlacklist": text(&controls.blacklist),
        "EndpointUrl": format!(
            "{}://{}/v1/{group}/{}/{channel}/{}",
            origin.scheme, origin.domain, endpoint.ordinal, settings.manifest_name
        ),
        "CreateTime": stamp(endpoint.life.created),
        "LastModified": stamp(endpoint.life.modified),
    });
    if let (Some(packaging), Some(shown)) = (&settings.packaging, shown.as_object_mut()) {
        shown.insert("LivePackagingConfig".to_owned(), json_of(packaging));
    }
    Ok(shown)
}
