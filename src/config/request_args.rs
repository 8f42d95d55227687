//! Names of an endpoint's own for the parameters of its time-shift queries: `request_args`. Keys and
//! values are those of a control plane that has them.

use super::fault::{Fault, Problem};
use super::section::{Found, Section};
use super::value;
use crate::resolve::{DelayName, Names, RecordNames, TimeForm};

/// Reads `request_args`; `None` where something of it is wrong.
pub(super) fn read(endpoint: &mut Section<'_>, faults: &mut Vec<Fault>) -> Option<Names> {
    let mut section = endpoint.section("request_args");
    let record = read_record(&mut section, faults);
    let timeshift = read_delay(&mut section, ("timeshift", "back_time"), faults);
    let live = read_delay(&mut section, ("live", "delay"), faults);
    let faulty = matches!(record, Found::Faulty)
        || matches!(timeshift, Found::Faulty)
        || matches!(live, Found::Faulty);
    let names = Names { record: record.good(), timeshift: timeshift.good(), live: live.good() };
    let end = names.record.as_ref().map(|record| record.end.as_str());
    let start = names.record.as_ref().map(|record| record.start.as_str());
    let delays = [&names.timeshift, &names.live].map(|delay| delay.as_ref().map(|d| &*d.name));
    let taken = end.is_some() && (end == start || delays.contains(&end));
    if taken {
        section.complain("record", Problem::EndNameTaken);
    }
    section.close(faults);
    (!taken && !faulty).then_some(names)
}

fn read_record(section: &mut Section<'_>, faults: &mut Vec<Fault>) -> Found<RecordNames> {
    let mut record = section.section("record");
    let is_there = record.is_there();
    let mut read = || {
        let start = record.required("start_time", value::parameter);
        let end = record.required("end_time", value::parameter);
        let iso = record.get("format", value::is_iso8601).or(false);
        let millis = read_unit(&mut record);
        let form = match (iso?, millis?) {
            (true, _) => TimeForm::Iso8601,
            (false, true) => TimeForm::Millis,
            (false, false) => TimeForm::Seconds,
        };
        Some(RecordNames { start: start?, end: end?, form })
    };
    let names = if is_there { read().map_or(Found::Faulty, Found::Good) } else { Found::Absent };
    record.close(faults);
    names
}

/// A delay's name.
fn read_delay(
    section: &mut Section<'_>,
    (key, named): (&'static str, &'static str),
    faults: &mut Vec<Fault>,
) -> Found<DelayName> {
    let mut delay = section.section(key);
    let is_there = delay.is_there();
    let mut read = || {
        let name = delay.required(named, value::parameter);
        let millis = read_unit(&mut delay);
        Some(DelayName { name: name?, millis: millis? })
    };
    let name = if is_there { read().map_or(Found::Faulty, Found::Good) } else { Found::Absent };
    delay.close(faults);
    name
}

fn read_unit(section: &mut Section<'_>) -> Option<bool> {
    match section.get("unit", value::is_millisecond) {
        Found::Absent => Some(false),
        found => found.good(),
    }
}
