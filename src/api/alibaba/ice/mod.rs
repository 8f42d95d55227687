//! ICE, version 2020-11-09: channel groups, channels, origin endpoints.

mod channels;
mod endpoints;
mod fault;
mod groups;
mod list;

use std::fmt::Display;

use serde::Serialize;
use serde_json::Value;

use self::fault::IceError;
use super::Fields;
use super::parameters::Parameters;
use super::reply::Fault;
use crate::api::control::{Caller, Control};
use crate::api::model::token::{Token, TokenKey};
use crate::api::model::value::{Description, Stamp};
use crate::api::model::{Model, Moment, Plan, Refusal};
use crate::config::Name;

/// Every operation of this version.
pub(super) const ACTIONS: [&str; 16] = [
    "CreateLivePackageChannelGroup",
    "GetLivePackageChannelGroup",
    "ListLivePackageChannelGroups",
    "UpdateLivePackageChannelGroup",
    "DeleteLivePackageChannelGroup",
    "CreateLivePackageChannel",
    "GetLivePackageChannel",
    "ListLivePackageChannels",
    "UpdateLivePackageChannel",
    "UpdateLivePackageChannelCredentials",
    "DeleteLivePackageChannel",
    "CreateLivePackageOriginEndpoint",
    "GetLivePackageOriginEndpoint",
    "ListLivePackageOriginEndpoints",
    "UpdateLivePackageOriginEndpoint",
    "DeleteLivePackageOriginEndpoint",
];

/// Longest ClientToken.
const TOKEN_MAX: usize = 64;

/// What an operation is given.
struct Call<'a> {
    control: &'a Control,
    caller: Caller<'a>,
    parameters: &'a Parameters,
}

/// Does an operation of [`ACTIONS`].
pub(super) fn run(
    control: &Control,
    caller: Caller<'_>,
    parameters: &Parameters,
) -> Result<Fields, Fault> {
    let call = Call { control, caller, parameters };
    let fields = match caller.action {
        "CreateLivePackageChannelGroup" => groups::create(&call),
        "GetLivePackageChannelGroup" => groups::get(&call),
        "ListLivePackageChannelGroups" => groups::list(&call),
        "UpdateLivePackageChannelGroup" => groups::update(&call),
        "DeleteLivePackageChannelGroup" => groups::delete(&call),
        "CreateLivePackageChannel" => channels::create(&call),
        "GetLivePackageChannel" => channels::get(&call),
        "ListLivePackageChannels" => channels::list(&call),
        "UpdateLivePackageChannel" => channels::update(&call),
        "UpdateLivePackageChannelCredentials" => channels::rotate(&call),
        "DeleteLivePackageChannel" => channels::delete(&call),
        "CreateLivePackageOriginEndpoint" => endpoints::create(&call),
        "GetLivePackageOriginEndpoint" => endpoints::get(&call),
        "ListLivePackageOriginEndpoints" => endpoints::list(&call),
        "UpdateLivePackageOriginEndpoint" => endpoints::update(&call),
        _ => endpoints::delete(&call),
    };
    Ok(fields?)
}

impl Call<'_> {
    /// Refuses a call that lacks one of these.
    fn need(&self, names: &[&'static str]) -> Result<(), IceError> {
        match names.iter().find(|name| self.parameters.get(name).is_none()) {
            Some(name) => Err(IceError::Missing(name)),
            None => Ok(()),
        }
    }

    /// A parameter made into its type, where it is there.
    fn get<T, E: Display>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, IceError> {
        let Some(text) = self.parameters.get(name) else { return Ok(None) };
        parse(text).map(Some).map_err(|why| IceError::Invalid { name, why: why.to_string() })
    }

    /// A parameter that [`Call::need`] has asked for.
    fn required<T, E: Display>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, IceError> {
        self.get(name, parse)?.ok_or(IceError::Missing(name))
    }

    fn name(&self, name: &'static str) -> Result<Name, IceError> {
        self.required(name, |text| Name::try_from(text.to_owned()))
    }

    fn description(&self) -> Result<Description, IceError> {
        Ok(self
            .get("Description", |text| Description::try_from(text.to_owned()))?
            .unwrap_or_default())
    }

    /// Makes a change.
    fn change<T>(
        &self,
        subject: &str,
        plan: impl Fn(&Model, Moment) -> Result<Plan<T>, Refusal>,
    ) -> Result<T, IceError> {
        Ok(self.control.change(self.caller, subject, plan)?)
    }

    /// Makes something, once for each ClientToken. `parent` is asked before the token.
    fn create(
        &self,
        subject: &str,
        parent: impl Fn(&Model) -> Result<(), Refusal>,
        plan: impl Fn(&Model, Moment) -> Result<Plan<Value>, Refusal>,
    ) -> Result<Fields, IceError> {
        let token = self.get("ClientToken", |text| {
            let right = text.len() <= TOKEN_MAX && text.bytes().all(|b| b.is_ascii_graphic());
            right.then(|| text.to_owned()).ok_or("must be at most 64 printable ASCII characters")
        })?;
        let fingerprint = self.parameters.fingerprint();
        let (key_id, action) = (self.caller.key_id.to_owned(), self.caller.action.to_owned());
        let key = token.map(|token| TokenKey { key_id, action, token });
        let answer = self.change(subject, |model, at| {
            parent(model)?;
            let Some(key) = &key else { return plan(model, at) };
            if let Some(answer) = model.replay(key, &fingerprint, at.now)? {
                return Ok(Plan { writes: Vec::new(), answer });
            }
            let mut plan = plan(model, at)?;
            let (answer, fingerprint) = (plan.answer.clone(), fingerprint.clone());
            let token = Token { key: key.clone(), fingerprint, answer, at: at.now };
            plan.writes.extend(model.remember(token));
            Ok(plan)
        })?;
        match answer {
            Value::Object(fields) => Ok(fields),
            other => Ok(fields(&[("Result", other)])),
        }
    }
}

/// An answer of these fields.
fn fields(of: &[(&str, Value)]) -> Fields {
    of.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn stamp(stamp: Stamp) -> Value {
    stamp.to_string().into()
}

/// A type of the model as JSON.
fn json_of(it: &impl Serialize) -> Value {
    serde_json::to_value(it).unwrap_or_default()
}
