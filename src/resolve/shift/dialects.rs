//! The dialects of time-shift queries: parameters of several vendors, read into one model.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

use super::{Shift, ShiftError};

/// Longest value of `aws.manifestsettings` (its own limit).
const SETTINGS_MAX: usize = 1024;

/// Names an endpoint gives the parameters of a request (Huawei's `request_args`), beside those that
/// are always understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Start and end of a stretch: `record`.
    pub record: Option<[String; 2]>,
    /// Start of a list that grows: `live`.
    pub live: Option<String>,
    /// How many seconds behind live: `timeshift`.
    pub timeshift: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    Plain,
    Aws,
    Alibaba,
    Unified,
    Configured,
}

impl Dialect {
    fn name(self) -> &'static str {
        match self {
            Dialect::Plain => "start, end, time_delay, window",
            Dialect::Aws => "aws.manifestsettings",
            Dialect::Alibaba => "aliyunols and lhs_…",
            Dialect::Unified => "time_shift, dvr_window_length",
            Dialect::Configured => "this endpoint's request_args",
        }
    }
}

/// What a parameter is.
#[derive(Clone, Copy)]
enum Field {
    Start,
    End,
    Delay,
    Window,
    Clip,
}

/// Reads a query as it goes.
struct Reading {
    shift: Shift,
    dialect: Option<Dialect>,
}

impl Shift {
    /// Reads the time-shift parameters of a query; `None` where it has none. Others are passed over.
    ///
    /// # Errors
    /// What is wrong with them, and what is allowed.
    pub fn parse(query: Option<&str>, names: &Names) -> Result<Option<Self>, ShiftError> {
        let mut reading = Reading { shift: Shift::default(), dialect: None };
        let pairs = query.unwrap_or("").split('&').filter_map(|pair| pair.split_once('='));
        // Every request of a live playlist has a query: what is not ours costs no more than this.
        for (name, value) in pairs.filter(|(name, _)| is_ours(name, names)) {
            let value = decoded(name, value)?;
            reading.parameter(name, &value, names)?;
        }
        let shift = reading.shift;
        let stretch = shift.start.is_some() || shift.end.is_some();
        let window = shift.delay.is_some() || shift.window.is_some() || shift.clip.is_some();
        if stretch && window {
            return Err(ShiftError::StretchAndWindow);
        }
        Ok((shift != Shift::default()).then_some(shift))
    }
}

impl Reading {
    fn parameter(&mut self, name: &str, value: &str, names: &Names) -> Result<(), ShiftError> {
        if let Some(field) = configured(name, names) {
            return self.put(Dialect::Configured, field, name, value);
        }
        match name {
            "start" => self.put(Dialect::Plain, Field::Start, name, value),
            "end" => self.put(Dialect::Plain, Field::End, name, value),
            "time_delay" | "delay" => self.put(Dialect::Plain, Field::Delay, name, value),
            "window" => self.put(Dialect::Plain, Field::Window, name, value),
            "time_shift" => self.put(Dialect::Unified, Field::Delay, name, value),
            "dvr_window_length" => self.put(Dialect::Unified, Field::Window, name, value),
            "aws.manifestsettings" => self.settings(value),
            "aliyunols" if value == "on" => self.speaks(Dialect::Alibaba),
            "aliyunols" => Err(refused(name, value, "on")),
            _ if name.starts_with("lhs_") => self.alibaba(name, value),
            _ => Ok(()),
        }
    }

    fn speaks(&mut self, dialect: Dialect) -> Result<(), ShiftError> {
        match self.dialect.replace(dialect) {
            Some(before) if before != dialect => {
                Err(ShiftError::Mixed(before.name(), dialect.name()))
            }
            _ => Ok(()),
        }
    }

    fn put(
        &mut self,
        dialect: Dialect,
        field: Field,
        name: &str,
        value: &str,
    ) -> Result<(), ShiftError> {
        let read = match field {
            Field::Start | Field::End | Field::Clip => instant(value)
                .ok_or_else(|| refused(name, value, "an ISO-8601 time or Unix seconds")),
            Field::Delay | Field::Window => {
                seconds(value).ok_or_else(|| refused(name, value, "a number of seconds"))
            }
        };
        self.take(dialect, field, name, read?)
    }

    fn take(
        &mut self,
        dialect: Dialect,
        field: Field,
        name: &str,
        value: i64,
    ) -> Result<(), ShiftError> {
        self.speaks(dialect)?;
        let place = match field {
            Field::Start => &mut self.shift.start,
            Field::End => &mut self.shift.end,
            Field::Delay => &mut self.shift.delay,
            Field::Window => &mut self.shift.window,
            Field::Clip => &mut self.shift.clip,
        };
        match place.replace(value) {
            Some(_) => Err(ShiftError::Twice(name.to_owned())),
            None => Ok(()),
        }
    }

    /// AWS Elemental MediaPackage v2: `setting:value;setting:value`, names in any case.
    fn settings(&mut self, settings: &str) -> Result<(), ShiftError> {
        let name = "aws.manifestsettings";
        if settings.len() > SETTINGS_MAX {
            return Err(refused(name, "…", "settings of up to 1,024 characters"));
        }
        for setting in settings.split(';').filter(|setting| !setting.is_empty()) {
            let allowed = "settings as setting:value, with ; between them";
            let (name, value) =
                setting.split_once(':').ok_or_else(|| refused(name, setting, allowed))?;
            let field = match name.to_ascii_lowercase().as_str() {
                "start" => Field::Start,
                "end" => Field::End,
                "time_delay" => Field::Delay,
                "manifest_window_seconds" => Field::Window,
                "clip_start_time" => Field::Clip,
                _ => return Err(ShiftError::Setting(name.to_owned())),
            };
            self.put(Dialect::Aws, field, name, value)?;
        }
        Ok(())
    }

    /// Alibaba Cloud's live time shift: `lhs_{what}_{unix|human}_s_{hours east of UTC}`.
    fn alibaba(&mut self, name: &str, value: &str) -> Result<(), ShiftError> {
        let allowed = "one of lhs_start_…, lhs_vodend_… and lhs_offset_…, with unix or human, _s_ and hours east of UTC";
        if name == "lhs_start" {
            return self.speaks(Dialect::Alibaba);
        }
        let unknown = || refused(name, value, allowed);
        let (what, zone) = name.rsplit_once("_s_").ok_or_else(unknown)?;
        let hours: i8 = zone.parse().map_err(|_| unknown())?;
        let offset = Offset::from_hours(hours).map_err(|_| unknown())?;
        let (field, form) = match what {
            "lhs_start_unix" => (Field::Start, "unix"),
            "lhs_start_human" => (Field::Start, "human"),
            "lhs_vodend_unix" | "lhs_end_unix" => (Field::End, "unix"),
            "lhs_vodend_human" | "lhs_end_human" => (Field::End, "human"),
            "lhs_offset_unix" => (Field::Delay, "offset"),
            _ => return Err(unknown()),
        };
        let read = match form {
            "unix" => unix(value).ok_or_else(|| refused(name, value, "Unix seconds")),
            "human" => {
                human(value, offset).ok_or_else(|| refused(name, value, "a time as YYYYMMDDHHmmss"))
            }
            _ => seconds(value).ok_or_else(|| refused(name, value, "a number of seconds")),
        };
        self.take(Dialect::Alibaba, field, name, read?)
    }
}

/// Whether a parameter is one of any dialect.
fn is_ours(name: &str, names: &Names) -> bool {
    matches!(
        name,
        "start"
            | "end"
            | "time_delay"
            | "delay"
            | "window"
            | "time_shift"
            | "dvr_window_length"
            | "aws.manifestsettings"
            | "aliyunols"
    ) || name.starts_with("lhs_")
        || configured(name, names).is_some()
}

fn configured(name: &str, names: &Names) -> Option<Field> {
    let [start, end] = names.record.as_ref().map_or([None, None], |r| r.each_ref().map(Some));
    let is = |known: Option<&String>| known.is_some_and(|known| known == name);
    if is(start) || is(names.live.as_ref()) {
        Some(Field::Start)
    } else if is(end) {
        Some(Field::End)
    } else if is(names.timeshift.as_ref()) {
        Some(Field::Delay)
    } else {
        None
    }
}

fn refused(name: &str, value: &str, allowed: &'static str) -> ShiftError {
    ShiftError::Value { name: name.to_owned(), value: value.chars().take(64).collect(), allowed }
}

fn decoded(name: &str, value: &str) -> Result<String, ShiftError> {
    let decoded = percent_encoding::percent_decode_str(value).decode_utf8();
    decoded.map(Into::into).map_err(|_| refused(name, value, "percent-encoded UTF-8"))
}

/// An ISO-8601 time with its zone, or Unix seconds; Unix milliseconds.
fn instant(text: &str) -> Option<i64> {
    unix(text).or_else(|| {
        let time: Timestamp = text.replace(' ', "+").parse().ok()?;
        Some(time.as_millisecond()).filter(|ms| *ms >= 0)
    })
}

/// Unix seconds, whole or with decimals; milliseconds.
fn unix(text: &str) -> Option<i64> {
    // Ten digits reach to the year 2286: more would be milliseconds, which nobody means here.
    let whole = text.split('.').next()?;
    (whole.len() <= 11).then(|| seconds(text)).flatten()
}

/// Seconds, whole or with up to three decimals; milliseconds.
fn seconds(text: &str) -> Option<i64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(decimals) || whole.len() > 11 || decimals.len() > 9 {
        return None;
    }
    let millis: i64 = format!("{decimals:0<3}")[..3].parse().ok()?;
    whole.parse::<i64>().ok()?.checked_mul(1000)?.checked_add(millis)
}

/// `YYYYMMDDHHmmss` of a zone; Unix milliseconds.
fn human(text: &str, zone: Offset) -> Option<i64> {
    if text.len() != 14 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize, to: usize| text[from..to].parse::<i16>().ok();
    let small = |from: usize| part(from, from + 2).and_then(|n| i8::try_from(n).ok());
    let (hour, minute, second) = (small(8)?, small(10)?, small(12)?);
    let time = DateTime::new(part(0, 4)?, small(4)?, small(6)?, hour, minute, second, 0).ok()?;
    let time = time.to_zoned(TimeZone::fixed(zone)).ok()?;
    Some(time.timestamp().as_millisecond()).filter(|ms| *ms >= 0)
}
