//! Live, version 2016-11-01: package configurations and time shift.

use http::StatusCode;
use serde_json::{Value, json};
use thiserror::Error;

use super::Fields;
use super::parameters::{Parameters, boolean};
use super::reply::Fault;
use crate::api::ChangeError;
use crate::api::control::{Caller, Control};
use crate::api::model::live::{
    Domain, Package, PackageForm, PackageProtocol, Pattern, Shift, ShiftForm, Streams,
};
use crate::api::model::value::Whole;
use crate::api::model::{Refusal, Thing};

/// Every operation of this version.
pub(super) const ACTIONS: [&str; 7] = [
    "AddLivePackageConfig",
    "UpdateLivePackageConfig",
    "DeleteLivePackageConfig",
    "DescribeLivePackageConfig",
    "OpenLiveShift",
    "CloseLiveShift",
    "DescribeLiveShiftConfigs",
];

/// Days that the past is kept where a call does not say.
const VISION: i64 = 7;

/// Why an operation was not done.
#[derive(Debug, Error)]
enum LiveError {
    #[error("{0} is missing, please check and try again later.")]
    Missing(&'static str),
    #[error("{name} {why}, please check and try again later.")]
    Invalid { code: &'static str, name: &'static str, why: String },
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<LiveError> for Fault {
    fn from(error: LiveError) -> Fault {
        let (status, code) = match &error {
            LiveError::Missing(_) => (StatusCode::BAD_REQUEST, "MissingParam"),
            LiveError::Invalid { code, .. } => (StatusCode::BAD_REQUEST, *code),
            LiveError::Change(ChangeError::Refused(Refusal::Taken(_))) => {
                (StatusCode::BAD_REQUEST, "ConfigAlreadyExists")
            }
            LiveError::Change(ChangeError::Refused(Refusal::Unknown(Thing::Shift))) => {
                (StatusCode::NOT_FOUND, "InvalidDataNotFound")
            }
            LiveError::Change(ChangeError::Refused(Refusal::Unknown(_))) => {
                (StatusCode::NOT_FOUND, "ConfigNotFound")
            }
            LiveError::Change(ChangeError::Refused(_)) => {
                (StatusCode::BAD_REQUEST, "InvalidParams")
            }
            LiveError::Change(ChangeError::Store(_)) => {
                tracing::error!(%error, "an operation of the control plane failed");
                let message = "Internal error, please try again.".to_owned();
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                return Fault { status, code: "InternalErr", message };
            }
        };
        Fault { status, code, message: error.to_string() }
    }
}

/// What an operation is given.
struct Call<'a> {
    control: &'a Control,
    caller: Caller<'a>,
    parameters: &'a Parameters,
    /// The code of a wrong value that has none of its own.
    invalid: &'static str,
}

/// Does an operation of [`ACTIONS`].
pub(super) fn run(
    control: &Control,
    caller: Caller<'_>,
    parameters: &Parameters,
) -> Result<Fields, Fault> {
    let of_package = caller.action.ends_with("LivePackageConfig");
    let invalid = if of_package { "InvalidParams" } else { "InvalidParam" };
    let call = Call { control, caller, parameters, invalid };
    let fields = match caller.action {
        "AddLivePackageConfig" => add(&call),
        "UpdateLivePackageConfig" => update(&call),
        "DeleteLivePackageConfig" => delete(&call),
        "DescribeLivePackageConfig" => describe(&call),
        "OpenLiveShift" => open(&call),
        "CloseLiveShift" => close(&call),
        _ => describe_shifts(&call),
    };
    Ok(fields?)
}

impl Call<'_> {
    fn need(&self, names: &[&'static str]) -> Result<(), LiveError> {
        match names.iter().find(|name| self.parameters.get(name).is_none()) {
            Some(name) => Err(LiveError::Missing(name)),
            None => Ok(()),
        }
    }

    /// A parameter made into its type, where it is there; `code` where it is wrong.
    fn get<T, E: std::fmt::Display>(
        &self,
        name: &'static str,
        code: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, LiveError> {
        let Some(text) = self.parameters.get(name) else { return Ok(None) };
        let wrong = |why: E| LiveError::Invalid { code, name, why: why.to_string() };
        parse(text).map(Some).map_err(wrong)
    }

    fn domain(&self) -> Result<Domain, LiveError> {
        let domain =
            self.get("DomainName", self.invalid, |text| Domain::try_from(text.to_owned()))?;
        domain.ok_or(LiveError::Missing("DomainName"))
    }

    fn streams(&self) -> Result<Streams, LiveError> {
        let pattern = |name| {
            let found = self.get(name, self.invalid, |text| Pattern::try_from(text.to_owned()))?;
            Ok::<_, LiveError>(found.unwrap_or(Pattern::Any))
        };
        let domain = self.domain()?;
        Ok(Streams { domain, app: pattern("AppName")?, stream: pattern("StreamName")? })
    }

    fn ignore_transcode(&self) -> Result<bool, LiveError> {
        let read = |text: &str| boolean(text).ok_or("must be true or false");
        Ok(self.get("IgnoreTranscode", self.invalid, read)?.unwrap_or(true))
    }

    fn form(&self) -> Result<PackageForm, LiveError> {
        let protocol = self.get("Protocol", "InvalidProtocol", |text| {
            let named = PackageProtocol::ALL.into_iter().find(|p| p.name() == text);
            named.ok_or("must be HLS_CMAF, LLHLS_TS, LLHLS_CMAF, DASH_CMAF or HLSDASH_CMAF")
        })?;
        let protocol = protocol.ok_or(LiveError::Missing("Protocol"))?;
        let low = protocol.low_latency();
        let segment_num = self.get("SegmentNum", "InvalidSegmentNum", Whole::parse)?;
        let segment_duration = self.get("SegmentDuration", "InvalidSegmentDuration", |text| {
            if low {
                Whole::<1, 2>::parse(text).map(Whole::get)
            } else {
                Whole::<1, 10>::parse(text).map(Whole::get)
            }
        })?;
        let seconds = segment_duration.unwrap_or(if low { 1 } else { 5 });
        let part = if low {
            self.get("PartDuration", "InvalidPartDuration", |text| match seconds {
                1 => Whole::<100, 500>::parse(text).map(Whole::get),
                _ => Whole::<100, 1000>::parse(text).map(Whole::get),
            })?
            .unwrap_or(if seconds == 1 { 350 } else { 700 })
        } else {
            0
        };
        Ok(PackageForm {
            protocol,
            segment_num: segment_num.unwrap_or(Whole::clamped(3)),
            segment_duration: Whole::clamped(seconds),
            part_duration: Whole::clamped(part),
            ignore_transcode: self.ignore_transcode()?,
        })
    }
}

const KEY: [&str; 3] = ["DomainName", "AppName", "StreamName"];

fn add(call: &Call<'_>) -> Result<Fields, LiveError> {
    call.need(&KEY)?;
    call.need(&["Protocol"])?;
    let (streams, form) = (call.streams()?, call.form()?);
    let subject = streams.to_string();
    call.control
        .change(call.caller, &subject, |model, at| model.add_package(streams.clone(), form, at))?;
    Ok(Fields::new())
}

fn update(call: &Call<'_>) -> Result<Fields, LiveError> {
    call.need(&KEY)?;
    call.need(&["Protocol", "SegmentNum", "SegmentDuration"])?;
    if call.parameters.get("Protocol").is_some_and(|protocol| protocol.starts_with("LLHLS_")) {
        call.need(&["PartDuration"])?;
    }
    let (streams, form) = (call.streams()?, call.form()?);
    call.control.change(call.caller, &streams.to_string(), |model, at| {
        model.update_package(&streams, form, at)
    })?;
    Ok(Fields::new())
}

fn delete(call: &Call<'_>) -> Result<Fields, LiveError> {
    call.need(&KEY)?;
    let streams = call.streams()?;
    call.control
        .change(call.caller, &streams.to_string(), |model, _| model.delete_package(&streams))?;
    Ok(Fields::new())
}

fn describe(call: &Call<'_>) -> Result<Fields, LiveError> {
    call.need(&["DomainName"])?;
    let streams = call.streams()?;
    let page = call.get("PageNum", call.invalid, Whole::<1, { i64::MAX }>::parse)?;
    let page = page.map_or(1, Whole::get);
    let size = call.get("PageSize", call.invalid, Whole::<5, 30>::parse)?.map_or(10, Whole::get);
    let ascending = call.get("Order", call.invalid, |text| match text {
        "asc" => Ok(true),
        "desc" => Ok(false),
        _ => Err("must be asc or desc"),
    })?;
    let ascending = ascending.unwrap_or(true);
    let wanted = |name, pattern: &Pattern| {
        call.parameters.get(name).is_none_or(|text| text == pattern.as_str())
    };
    let mut found: Vec<Package> = call.control.desk().read(|model| {
        let of_domain = model.packages().filter(|p| p.streams.domain == streams.domain);
        let of_app = of_domain.filter(|p| wanted("AppName", &p.streams.app));
        of_app.filter(|p| wanted("StreamName", &p.streams.stream)).cloned().collect()
    });
    found.sort_by_key(|package| package.life.sequence);
    if !ascending {
        found.reverse();
    }
    let (total, size_of) = (found.len(), usize::try_from(size).unwrap_or(1));
    let before = usize::try_from(page - 1).unwrap_or(usize::MAX).saturating_mul(size_of);
    let shown: Vec<Value> = found.iter().skip(before).take(size_of).map(show).collect();
    Ok(fields(json!({
        "LivePackageConfigList": { "LivePackageConfig": shown },
        "Order": if ascending { "asc" } else { "desc" },
        "PageNum": page,
        "PageSize": size,
        "TotalNum": total,
        "TotalPage": total.div_ceil(size_of),
    })))
}

fn show(package: &Package) -> Value {
    json!({
        "DomainName": package.streams.domain.as_str(),
        "AppName": package.streams.app.as_str(),
        "StreamName": package.streams.stream.as_str(),
        "Protocol": package.form.protocol.name(),
        "SegmentNum": package.form.segment_num.get(),
        "SegmentDuration": package.form.segment_duration.get(),
        "PartDuration": package.form.part_duration.get(),
        "IgnoreTranscode": package.form.ignore_transcode,
    })
}

fn open(call: &Call<'_>) -> Result<Fields, LiveError> {
    call.need(&["DomainName"])?;
    let streams = call.streams()?;
    let vision = call.get("Vision", call.invalid, Whole::parse)?;
    let form = ShiftForm {
        vision: vision.unwrap_or(Whole::clamped(VISION)),
        duration: call.get("Duration", call.invalid, Whole::parse)?,
        ignore_transcode: call.ignore_transcode()?,
    };
    call.control.change(call.caller, &streams.to_string(), |model, at| {
        Ok(model.open_shift(streams.clone(), form, at))
    })?;
    Ok(Fields::new())
}

fn close(call: &Call<'_>) -> Result<Fields, LiveError> {
    call.need(&["DomainName"])?;
    let streams = call.streams()?;
    call.control
        .change(call.caller, &streams.to_string(), |model, _| model.close_shift(&streams))?;
    Ok(Fields::new())
}

fn describe_shifts(call: &Call<'_>) -> Result<Fields, LiveError> {
    call.need(&["DomainName"])?;
    let domain = call.domain()?;
    let mut found: Vec<Shift> = call.control.desk().read(|model| {
        model.shifts().filter(|shift| shift.streams.domain == domain).cloned().collect()
    });
    found.sort_by_key(|shift| shift.life.sequence);
    let shown = found.iter().map(|shift| {
        json!({
            "DomainName": shift.streams.domain.as_str(),
            "AppName": shift.streams.app.as_str(),
            "StreamName": shift.streams.stream.as_str(),
            "Vision": shift.form.vision.get(),
            "IgnoreTranscode": shift.form.ignore_transcode,
        })
    });
    Ok(fields(json!({ "Content": { "Config": shown.collect::<Vec<_>>() } })))
}

fn fields(value: Value) -> Fields {
    match value {
        Value::Object(fields) => fields,
        _ => Fields::new(),
    }
}
