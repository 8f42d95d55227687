//! The operations on OTT channels.

use http::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Served;
use super::fault::{Code, Fault, Named};
use crate::api::control::{Caller, Control};
use crate::api::model::live::Domain;
use crate::api::model::ott::{
    EncoderSettings, Encoding, EndpointItem, Input, Label, OttChange, OttChannel, OttDocument,
    OttKey, RecordSettings, Source, State, Word,
};
use crate::api::model::value::Whole;
use crate::api::sign::pairs;

/// An operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Create,
    List,
    Delete,
    General,
    Input,
    Record,
    Endpoints,
    State,
    Encoder,
}

impl Operation {
    /// Where each is: path after the prefix, and method.
    pub(super) const ALL: [(&'static str, Method, Operation); 9] = [
        ("", Method::POST, Operation::Create),
        ("", Method::GET, Operation::List),
        ("", Method::DELETE, Operation::Delete),
        ("/general", Method::PUT, Operation::General),
        ("/input", Method::PUT, Operation::Input),
        ("/record-settings", Method::PUT, Operation::Record),
        ("/endpoints", Method::PUT, Operation::Endpoints),
        ("/state", Method::PUT, Operation::State),
        ("/encorder-settings", Method::PUT, Operation::Encoder),
    ];

    /// The SDKs' name of it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Operation::Create => "CreateOttChannelInfo",
            Operation::List => "ListOttChannelInfo",
            Operation::Delete => "DeleteOttChannelInfo",
            Operation::General => "ModifyOttChannelInfoGeneral",
            Operation::Input => "ModifyOttChannelInfoInput",
            Operation::Record => "ModifyOttChannelInfoRecordSettings",
            Operation::Endpoints => "ModifyOttChannelInfoEndPoints",
            Operation::State => "ModifyOttChannelInfoStats",
            Operation::Encoder => "ModifyOttChannelInfoEncoderSettings",
        }
    }
}

/// What an operation is given.
pub(super) struct Call<'a> {
    pub(super) control: &'a Control,
    pub(super) caller: Caller<'a>,
    pub(super) query: &'a str,
    pub(super) body: &'a [u8],
}

/// The channel that a body names.
#[derive(Deserialize)]
struct Key {
    domain: Domain,
    app_name: Word,
    id: Word,
}

#[derive(Deserialize)]
struct General {
    name: Label,
}

#[derive(Deserialize)]
struct NewInput {
    input: Option<Input>,
    encoder_settings_expand: Option<Encoding>,
}

#[derive(Deserialize)]
struct Record {
    record_settings: RecordSettings,
}

#[derive(Deserialize)]
struct Endpoints {
    endpoints: Option<Vec<EndpointItem>>,
}

#[derive(Deserialize)]
struct NewState {
    state: State,
}

#[derive(Deserialize)]
struct Encoder {
    encoder_settings: Option<Vec<EncoderSettings>>,
}

impl Call<'_> {
    pub(super) fn run(&self, operation: Operation) -> Served {
        match operation {
            Operation::List => {
                self.list().map_err(|fault| (fault, named(|name| self.parameter(name))))
            }
            Operation::Delete => self.delete(),
            other => {
                let body: Value = serde_json::from_slice(self.body).unwrap_or_default();
                let named = named(|name| body.get(name)?.as_str().map(str::to_owned));
                let answered = match other {
                    Operation::Create => self.create(body),
                    _ => self.modify(other, &body),
                };
                answered.map_err(|fault| (fault, named))
            }
        }
    }

    fn create(&self, body: Value) -> Result<(StatusCode, Value), Fault> {
        let document: OttDocument = read(body)?;
        let document = document.fit()?;
        let subject = subject(&document.key());
        let channel = self
            .control
            .change(self.caller, &subject, |model, at| model.create_ott(document.clone(), at))?;
        Ok((StatusCode::CREATED, success(&channel.key, Some(&channel))))
    }

    fn modify(&self, operation: Operation, body: &Value) -> Result<(StatusCode, Value), Fault> {
        let Key { domain, app_name, id } = read(body.clone())?;
        let key = OttKey { domain, app_name, id };
        let body = body.clone();
        let change = match operation {
            Operation::General => Some(OttChange::General(read::<General>(body)?.name)),
            Operation::Record => Some(OttChange::Record(read::<Record>(body)?.record_settings)),
            Operation::State => Some(OttChange::State(read::<NewState>(body)?.state)),
            Operation::Encoder => read::<Encoder>(body)?.encoder_settings.map(OttChange::Encoder),
            Operation::Endpoints => {
                let items = read::<Endpoints>(body)?.endpoints;
                items
                    .map(|items| EndpointItem::fit_all(items).map(OttChange::Endpoints))
                    .transpose()?
            }
            _ => {
                let NewInput { input, encoder_settings_expand } = read(body)?;
                let fit = |input: Input| input.fit(&key.domain, &key.app_name, &key.id);
                let input = input.map(fit).transpose()?.map(Box::new);
                let said = input.is_some() || encoder_settings_expand.is_some();
                said.then_some(OttChange::Input(input, encoder_settings_expand))
            }
        };
        let Some(change) = change else {
            let channel = self.control.desk().read(|model| model.ott_channel(&key).cloned());
            let channel = channel.map_err(|refusal| parameter(&refusal.to_string()))?;
            return Ok((StatusCode::OK, success(&key, Some(&channel))));
        };
        let channel = self.control.change(self.caller, &subject(&key), |model, at| {
            model.change_ott(&key, change.clone(), at)
        })?;
        let shown = Some(&channel).filter(|_| operation != Operation::Record);
        Ok((StatusCode::OK, success(&key, shown)))
    }

    fn parameter(&self, name: &str) -> Option<String> {
        let found = pairs(self.query.as_bytes()).into_iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value).filter(|value| !value.is_empty())
    }

    fn delete(&self) -> Served {
        let named = named(|name| self.parameter(name));
        let key = json!({ "domain": named.domain, "app_name": named.app_name, "id": named.id });
        let deleted = read::<Key>(key).and_then(|Key { domain, app_name, id }| {
            let key = OttKey { domain, app_name, id };
            let subject = subject(&key);
            self.control.change(self.caller, &subject, |model, _| model.delete_ott(&key))?;
            Ok((StatusCode::OK, success(&key, None)))
        });
        deleted.map_err(|fault| (fault, named))
    }

    fn list(&self) -> Result<(StatusCode, Value), Fault> {
        let whole = |name: &str, text: Option<String>, default: i64, max: i64| {
            let Some(text) = text else { return Ok(default) };
            let min = i64::from(name == "limit");
            let number = Whole::<0, { i64::MAX }>::parse(&text).ok().map(Whole::get);
            number.filter(|number| (min..=max).contains(number)).ok_or_else(|| {
                parameter(&format!("{name} must be a whole number from {min} to {max}"))
            })
        };
        let limit = whole("limit", self.parameter("limit"), 10, 100)?;
        let offset = whole("offset", self.parameter("offset"), 0, i64::MAX)?;
        let wanted = named(|name| self.parameter(name));
        let is = |wanted: &str, it: &str| wanted.is_empty() || wanted == it;
        let mut found: Vec<OttChannel> = self.control.desk().read(|model| {
            let channels = model.ott_channels().filter(|channel| {
                let domain = wanted.domain.to_ascii_lowercase();
                is(&domain, channel.key.domain.as_str())
                    && is(&wanted.app_name, channel.key.app_name.as_str())
                    && is(&wanted.id, channel.key.id.as_str())
            });
            channels.cloned().collect()
        });
        found.sort_by_key(|channel| channel.life.sequence);
        let total = found.len();
        let (limit, offset) = (usize::try_from(limit), usize::try_from(offset));
        let page = found.into_iter().skip(offset.unwrap_or(usize::MAX)).take(limit.unwrap_or(10));
        let channels: Vec<OttDocument> = page.map(|channel| channel.document).collect();
        Ok((StatusCode::OK, json!({ "total": total, "channels": channels })))
    }
}

fn parameter(why: &str) -> Fault {
    Fault::new(Code::Parameter, format!("param check failed: {why}"))
}

/// Reads a JSON object into a type; what is wrong is told with its path.
fn read<T: DeserializeOwned>(body: Value) -> Result<T, Fault> {
    if !body.is_object() {
        return Err(parameter("the body must be a JSON object"));
    }
    serde_path_to_error::deserialize(body).map_err(|error| {
        let (path, why) = (error.path().to_string(), error.inner().to_string());
        parameter(&if path == "." { why } else { format!("{path}: {why}") })
    })
}

fn named(get: impl Fn(&str) -> Option<String>) -> Named {
    let text = |name| get(name).unwrap_or_default();
    Named { domain: text("domain"), app_name: text("app_name"), id: text("id") }
}

fn subject(key: &OttKey) -> String {
    format!("{}/{}/{}", key.domain.as_str(), key.app_name.as_str(), key.id.as_str())
}

fn success(key: &OttKey, channel: Option<&OttChannel>) -> Value {
    let mut body = json!({
        "result_code": "LIVE.100000000",
        "result_msg": "SUCCESS",
        "domain": key.domain.as_str(),
        "app_name": key.app_name.as_str(),
        "id": key.id.as_str(),
    });
    let sources = channel.map(|channel| &channel.document.input.sources);
    if let (Some(sources), Some(body)) = (sources.filter(|s| !s.is_empty()), body.as_object_mut()) {
        body.insert("sources".to_owned(), sources.iter().map(source).collect());
    }
    body
}

/// SourceRsp: what encoders must know.
fn source(source: &Source) -> Value {
    json!({
        "url": source.url.as_ref().map(Label::as_str),
        "bitrate": source.bitrate.map(Whole::get),
        "width": source.width.map(Whole::get),
        "height": source.height.map(Whole::get),
        "enable_snapshot": source.enable_snapshot,
    })
}
