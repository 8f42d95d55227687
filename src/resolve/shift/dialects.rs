//! The dialects of time-shift queries: parameters of several vendors, read into one model.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

use super::{Shift, ShiftError};

/// Longest value of `aws.manifestsettings` (its own limit).
const SETTINGS_MAX: usize = 1024;
/// Unix milliseconds of a moment in 1973: what says less is no time but a delay.
const LONG_AGO: i64 = 100_000_000_000;

/// Names an endpoint gives the parameters of a request (Huawei's `request_args`), beside those that
/// are always understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Start and end of a stretch.
    pub record: Option<RecordNames>,
    /// How far behind live, by another name.
    pub live: Option<DelayName>,
    /// How far behind live. Where the start of a stretch has the same name, a value with an end beside
    /// it, or of a time after 1973, is a start.
    pub timeshift: Option<DelayName>,
}

/// Names of a stretch's start and end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordNames {
    /// The start's.
    pub start: String,
    /// The end's.
    pub end: String,
    /// How times are written.
    pub form: TimeForm,
}

/// The name of a delay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelayName {
    /// Its name.
    pub name: String,
    /// Whether it is in milliseconds, not in seconds.
    pub millis: bool,
}

/// How times are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeForm {
    /// Unix seconds.
    Seconds,
    /// Unix milliseconds.
    Millis,
    /// ISO 8601 with a zone.
    Iso8601,
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
    /// Whether the endpoint's own name of an end is there.
    has_end: bool,
}

impl Shift {
    /// Reads the time-shift parameters of a query; `None` where it has none. Others are passed over.
    ///
    /// # Errors
    /// What is wrong with them, and what is allowed.
    pub fn parse(query: Option<&str>, names: &Names) -> Result<Option<Self>, ShiftError> {
        let pairs = query.unwrap_or("").split('&').filter_map(|pair| pair.split_once('='));
        let end = names.record.as_ref().map(|record| record.end.as_str());
        let has_end = end.is_some() && pairs.clone().any(|(name, _)| Some(name) == end);
        let mut reading = Reading { shift: Shift::default(), dialect: None, has_end };
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
        if let Some(own) = configured(name, names) {
            return self.configured(own, name, value);
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
        // An endpoint's own names stand beside the plain ones: some are spelt alike.
        let same = |a: Dialect, b: Dialect| {
            let plain = |d| matches!(d, Dialect::Plain | Dialect::Configured);
            a == b || plain(a) && plain(b)
        };
        match self.dialect.replace(dialect) {
            Some(before) if !same(before, dialect) => {
                Err(ShiftError::Mixed(before.name(), dialect.name()))
            }
            _ => Ok(()),
        }
    }

    /// A parameter that has one of the endpoint's own names.
    fn configured(&mut self, own: Own<'_>, name: &str, value: &str) -> Result<(), ShiftError> {
        let (field, read) = match own {
            Own { end: Some(form), .. } => (Field::End, form.read(name, value)),
            Own { start: Some(form), delay, .. } => match (form.read(name, value), delay) {
                (start, Some(_)) if self.has_end || start.as_ref().is_ok_and(|t| *t > LONG_AGO) => {
                    (Field::Start, start)
                }
                (_, Some(delay)) => (Field::Delay, delay.read(name, value)),
                (start, None) => (Field::Start, start),
            },
            Own { delay: Some(delay), .. } => (Field::Delay, delay.read(name, value)),
            Own { .. } => return Ok(()),
        };
        self.take(Dialect::Configured, field, name, read?)
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

/// What a parameter of an endpoint's own name may be.
#[derive(Clone, Copy, Default)]
struct Own<'a> {
    start: Option<TimeForm>,
    end: Option<TimeForm>,
    delay: Option<&'a DelayName>,
}

fn configured<'a>(name: &str, names: &'a Names) -> Option<Own<'a>> {
    let record = names.record.as_ref();
    let is = |delay: &&DelayName| delay.name == name;
    let own = Own {
        start: record.filter(|record| record.start == name).map(|record| record.form),
        end: record.filter(|record| record.end == name).map(|record| record.form),
        delay: names.timeshift.as_ref().filter(is).or(names.live.as_ref().filter(is)),
    };
    let any = own.start.is_some() || own.end.is_some() || own.delay.is_some();
    any.then_some(own)
}

impl TimeForm {
    /// A time; Unix milliseconds.
    fn read(self, name: &str, value: &str) -> Result<i64, ShiftError> {
        match self {
            TimeForm::Seconds => unix(value).ok_or_else(|| refused(name, value, "Unix seconds")),
            TimeForm::Millis => {
                millis(value).ok_or_else(|| refused(name, value, "Unix milliseconds"))
            }
            TimeForm::Iso8601 => {
                let time = iso8601(value);
                time.ok_or_else(|| refused(name, value, "an ISO-8601 time with its zone"))
            }
        }
    }
}

impl DelayName {
    /// A delay in milliseconds.
    fn read(&self, name: &str, value: &str) -> Result<i64, ShiftError> {
        if self.millis {
            return millis(value).ok_or_else(|| refused(name, value, "a number of milliseconds"));
        }
        seconds(value).ok_or_else(|| refused(name, value, "a number of seconds"))
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
    unix(text).or_else(|| iso8601(text))
}

/// An ISO-8601 time with its zone; Unix milliseconds.
fn iso8601(text: &str) -> Option<i64> {
    let time: Timestamp = text.replace(' ', "+").parse().ok()?;
    Some(time.as_millisecond()).filter(|ms| *ms >= 0)
}

/// Whole milliseconds.
fn millis(text: &str) -> Option<i64> {
    let digits = (1..=14).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
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
