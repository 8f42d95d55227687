//! What is given and shown of live configurations.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::NativeError;
use crate::api::model::live::{Package, PackageForm, PackageProtocol, Shift, Streams};
use crate::api::model::value::Whole;

/// Streams that a configuration is for.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct GivenStreams {
    /// A domain name.
    pub(super) domain: String,
    /// An application, or `*`.
    #[serde(default = "any")]
    pub(super) app: String,
    /// A stream, or `*`.
    #[serde(default = "any")]
    pub(super) stream: String,
}

fn any() -> String {
    "*".to_owned()
}

impl TryFrom<GivenStreams> for Streams {
    type Error = NativeError;
    fn try_from(given: GivenStreams) -> Result<Streams, NativeError> {
        let wrong = |field: &'static str| {
            move |why: &dyn std::fmt::Display| NativeError::invalid(field, &why.to_string())
        };
        Ok(Streams {
            domain: given.domain.try_into().map_err(|e| wrong("domain")(&e))?,
            app: given.app.try_into().map_err(|e| wrong("app")(&e))?,
            stream: given.stream.try_into().map_err(|e| wrong("stream")(&e))?,
        })
    }
}

/// How streams are packaged.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub(super) struct GivenPackage {
    /// `HLS_CMAF`, `LLHLS_TS`, `LLHLS_CMAF`, `DASH_CMAF` or `HLSDASH_CMAF`.
    #[schema(value_type = String)]
    protocol: PackageProtocol,
    /// Segments of a list, 3 to 10.
    #[serde(default = "three_segments")]
    #[schema(value_type = u32, default = 3)]
    segment_num: Whole<3, 10>,
    /// Seconds of a segment: 1 to 10, 5 by default; with LLHLS_* 1 or 2, 1 by default.
    #[schema(value_type = Option<u32>)]
    segment_duration: Option<Whole<1, 10>>,
    /// With LLHLS_* milliseconds of a part: 100 to half a segment, 35 % of a segment by default.
    #[schema(value_type = Option<u32>)]
    part_duration: Option<Whole<100, 1000>>,
    /// Whether only the source's own rung is shown.
    #[serde(default = "yes")]
    #[schema(default = true)]
    ignore_transcode: bool,
}

fn three_segments() -> Whole<3, 10> {
    Whole::clamped(3)
}

pub(super) fn yes() -> bool {
    true
}

impl TryFrom<GivenPackage> for PackageForm {
    type Error = NativeError;
    fn try_from(given: GivenPackage) -> Result<PackageForm, NativeError> {
        let low = given.protocol.low_latency();
        let seconds = given.segment_duration.map_or(if low { 1 } else { 5 }, Whole::get);
        if low && seconds > 2 {
            let why = "must be 1 or 2 with LLHLS_TS and LLHLS_CMAF";
            return Err(NativeError::invalid("segment_duration", why));
        }
        let part = given.part_duration.map_or(seconds * 350, Whole::get);
        if low && part > seconds * 500 {
            return Err(NativeError::invalid("part_duration", "must be at most half a segment"));
        }
        Ok(PackageForm {
            protocol: given.protocol,
            segment_num: given.segment_num,
            segment_duration: Whole::clamped(seconds),
            part_duration: Whole::clamped(if low { part } else { 0 }),
            ignore_transcode: given.ignore_transcode,
        })
    }
}

/// A package configuration.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ShownPackage {
    domain: String,
    app: String,
    stream: String,
    protocol: String,
    segment_num: i64,
    segment_duration: i64,
    part_duration: i64,
    ignore_transcode: bool,
}

/// A time shift configuration.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ShownShift {
    domain: String,
    app: String,
    stream: String,
    days: i64,
    ignore_transcode: bool,
}

pub(super) fn package(package: &Package) -> ShownPackage {
    let Streams { domain, app, stream } = &package.streams;
    ShownPackage {
        domain: domain.as_str().to_owned(),
        app: app.as_str().to_owned(),
        stream: stream.as_str().to_owned(),
        protocol: package.form.protocol.name().to_owned(),
        segment_num: package.form.segment_num.get(),
        segment_duration: package.form.segment_duration.get(),
        part_duration: package.form.part_duration.get(),
        ignore_transcode: package.form.ignore_transcode,
    }
}

pub(super) fn shift(shift: &Shift) -> ShownShift {
    let Streams { domain, app, stream } = &shift.streams;
    ShownShift {
        domain: domain.as_str().to_owned(),
        app: app.as_str().to_owned(),
        stream: stream.as_str().to_owned(),
        days: shift.form.vision.get(),
        ignore_transcode: shift.form.ignore_transcode,
    }
}
