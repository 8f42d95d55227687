//! Every dialect, every refusal, and what wishes come to.

use super::span::{Nothing, Reach, ShiftRules, Span};
use super::{DelayName, Names, RecordNames, Shift, ShiftError, TimeForm};
use crate::resolve::absence::Missing;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// 2026-11-25T12:00:00Z.
const NOON: i64 = 1_795_608_000_000;
const RULES: ShiftRules = ShiftRules { kept: 7 * DAY, longest: DAY };

fn parse(query: &str) -> Result<Option<Shift>, ShiftError> {
    Shift::parse(Some(query), &Names::default())
}

fn stretch(start: i64, end: Option<i64>) -> Shift {
    Shift { start: Some(start), end, ..Shift::default() }
}

#[test]
fn one_stretch_is_said_in_every_dialect() {
    let wish = Some(stretch(NOON, Some(NOON + HOUR)));
    for query in [
        "start=1795608000&end=1795611600",
        "start=2026-11-25T12:00:00Z&end=2026-11-25T13:00:00Z",
        "start=2026-11-25T20:00:00%2B08:00&end=2026-11-25T08:00:00-05:00",
        "start=2026-11-25T20:00:00+08:00&end=1795611600.000",
        "timeshift=1&start=1795608000&end=1795611600&other=1",
        "aws.manifestsettings=start:1795608000%3Bend:1795611600",
        "aws.manifestsettings=START:2026-11-25T12%3A00%3A00Z%3BEnd:2026-11-25T13:00:00Z",
        "aliyunols=on&lhs_start_unix_s_0=1795608000&lhs_vodend_unix_s_0=1795611600",
        "aliyunols=on&lhs_start=1&lhs_start_human_s_8=20261125200000&lhs_vodend_human_s_8=20261125210000",
    ] {
        assert_eq!(parse(query), Ok(wish), "{query}");
    }
}

fn names(start: &str, end: &str, form: TimeForm, back: &str, late: &str) -> Names {
    let delay = |name: &str, millis| Some(DelayName { name: name.to_owned(), millis });
    Names {
        record: Some(RecordNames { start: start.to_owned(), end: end.to_owned(), form }),
        timeshift: delay(back, false),
        live: delay(late, true),
    }
}

#[test]
fn an_endpoints_own_names_are_understood_beside_the_plain_ones() {
    let wish = Some(stretch(NOON, Some(NOON + HOUR)));
    let delay = |ms| Ok(Some(Shift { delay: Some(ms), ..Shift::default() }));
    let own = names("begin", "finish", TimeForm::Seconds, "back", "late");
    let named = |query| Shift::parse(Some(query), &own);
    assert_eq!(named("begin=1795608000&finish=1795611600"), Ok(wish));
    assert_eq!(named("begin=1795608000"), Ok(Some(stretch(NOON, None))));
    assert_eq!(named("back=90"), delay(90_000));
    assert_eq!(named("late=1500"), delay(1_500));
    assert_eq!(named("start=1795608000&end=1795611600"), Ok(wish));
    assert_eq!(named("time_delay=90"), delay(90_000));
    assert!(named("begin=1795608000&start=1795608000").is_err(), "twice the same");
    assert!(named("begin=1795608000&time_shift=5").is_err(), "another vendor's");
    assert_eq!(named("begin=2026").map_err(|e| e.to_string()), Ok(Some(stretch(2_026_000, None))));
    let error = named("begin=2026-11-25T12:00:00Z").expect_err("no timestamp").to_string();
    assert!(error.contains("is not Unix seconds"), "{error}");
    let own = names("begin", "end", TimeForm::Millis, "back", "late");
    let named = |query| Shift::parse(Some(query), &own);
    assert_eq!(named("begin=1795608000000&end=1795611600000"), Ok(wish));
    assert!(named("begin=1795608000.5").is_err());
    let own = names("begin", "end", TimeForm::Iso8601, "back", "late");
    let named = |query| Shift::parse(Some(query), &own);
    assert_eq!(named("begin=2026-11-25T12:00:00Z&end=2026-11-25T13:00:00Z"), Ok(wish));
    assert!(named("begin=1795608000").is_err());
}

#[test]
fn a_name_of_both_a_start_and_a_delay_means_what_its_value_can_mean() {
    let own = names("begin", "end", TimeForm::Seconds, "begin", "late");
    let named = |query| Shift::parse(Some(query), &own);
    let wish = Some(stretch(NOON, Some(NOON + HOUR)));
    assert_eq!(named("begin=1795608000&end=1795611600"), Ok(wish));
    assert_eq!(named("begin=1795608000"), Ok(Some(stretch(NOON, None))));
    let back = Shift { delay: Some(90_000), ..Shift::default() };
    assert_eq!(named("begin=90"), Ok(Some(back)));
    assert_eq!(named("begin=90&end=1795611600"), Ok(Some(stretch(90_000, Some(NOON + HOUR)))));
}

#[test]
fn windows_are_said_in_every_dialect() {
    let wish = |delay, window| Ok(Some(Shift { delay, window, ..Shift::default() }));
    for (query, expected) in [
        ("time_delay=90", wish(Some(90_000), None)),
        ("delay=90.5&window=600", wish(Some(90_500), Some(600_000))),
        ("time_shift=90&dvr_window_length=600", wish(Some(90_000), Some(600_000))),
        ("aliyunols=on&lhs_offset_unix_s_0=90", wish(Some(90_000), None)),
        (
            "aws.manifestsettings=time_delay:90;manifest_window_seconds:600",
            wish(Some(90_000), Some(600_000)),
        ),
    ] {
        assert_eq!(parse(query), expected, "{query}");
    }
    let clip = parse("aws.manifestsettings=clip_start_time:1795608000");
    assert_eq!(clip, Ok(Some(Shift { clip: Some(NOON), ..Shift::default() })));
    for query in ["", "a=b", "_HLS_msn=4&_HLS_part=1", "session=start", "start", "a=%ff"] {
        assert_eq!(parse(query), Ok(None), "{query}");
    }
    assert_eq!(Shift::parse(None, &Names::default()), Ok(None));
}

#[test]
fn what_is_wrong_is_said_with_what_is_allowed() {
    for (query, part) in [
        ("start=yesterday", "start=yesterday is not an ISO-8601 time or Unix seconds"),
        ("start=1795608000000", "is not an ISO-8601 time"),
        ("start=2026-11-25T12:00:00", "is not an ISO-8601 time"),
        ("end=", "end= is not"),
        ("start=-5", "is not"),
        ("time_delay=1h", "is not a number of seconds"),
        ("start=%ff", "is not percent-encoded UTF-8"),
        ("start=1&start=2", "start is given twice"),
        ("start=1795608000&time_shift=5", "are mixed"),
        ("start=1795608000&aws.manifestsettings=end:1795611600", "are mixed"),
        ("aliyunols=on&start=1795608000", "are mixed"),
        ("start=1795608000&window=60", "cannot be combined"),
        ("aws.manifestsettings=begin:5", "has no setting begin"),
        ("aws.manifestsettings=start", "is not settings as setting:value"),
        ("aliyunols=off", "is not on"),
        ("lhs_start_human_s_8=2026", "is not a time as YYYYMMDDHHmmss"),
        ("lhs_start_human_s_99=20261125200000", "is not one of lhs_start_"),
        ("lhs_begin_unix_s_0=5", "is not one of lhs_start_"),
    ] {
        let error = parse(query).expect_err(query).to_string();
        assert!(error.contains(part), "{query}: {error}");
    }
    let long = format!("aws.manifestsettings={}", "start:1;".repeat(200));
    assert!(parse(&long).is_err());
}

#[test]
fn a_wish_has_one_token() {
    for shift in [
        stretch(NOON, None),
        stretch(NOON, Some(NOON + 1)),
        Shift { delay: Some(0), window: Some(7), clip: Some(9), ..Shift::default() },
        Shift { grows: true, ..stretch(NOON, None) },
    ] {
        assert_eq!(Shift::from_token(&shift.token()), Some(shift));
    }
    for token in
        ["", "s", "s1s2", "x1", "e1s2", "s-1", "s01", "s1gg", "s99999999999999999999", "sé"]
    {
        assert_eq!(Shift::from_token(token), None, "{token}");
    }
}

#[test]
fn wishes_come_to_stretches() {
    let span = |shift: Shift| shift.span(&RULES, NOON);
    let listed = |from, to, reach| Ok(Span { from, to, reach });
    let both = stretch(NOON - 2 * HOUR, Some(NOON - HOUR));
    assert_eq!(
        span(both),
        listed(NOON - 2 * HOUR, NOON - HOUR, Reach::Until(NOON - HOUR)),
        "catch-up"
    );
    let grows = stretch(NOON - HOUR, None);
    assert_eq!(span(grows), listed(NOON - HOUR, i64::MAX, Reach::Growing), "start-over");
    let future = stretch(NOON - HOUR, Some(NOON + HOUR));
    assert_eq!(span(future), listed(NOON - HOUR, NOON + HOUR, Reach::Until(NOON + HOUR)));
    let early = stretch(NOON - 7 * DAY - HOUR, Some(NOON - 7 * DAY + HOUR));
    let clamped =
        listed(NOON - 7 * DAY, NOON - 7 * DAY + HOUR, Reach::Until(NOON - 7 * DAY + HOUR));
    assert_eq!(span(early), clamped, "what is kept no longer is cut off");
    let end_only = Shift { end: Some(NOON - HOUR), ..Shift::default() };
    let day = listed(NOON - HOUR - DAY, NOON - HOUR, Reach::Until(NOON - HOUR));
    assert_eq!(span(end_only), day, "as far back as a list may reach");
    let delayed = Shift { delay: Some(HOUR), window: Some(60_000), ..Shift::default() };
    let window = Reach::Window { delay: HOUR, span: Some(60_000) };
    assert_eq!(span(delayed), listed(NOON - 7 * DAY, NOON - HOUR, window));
    let clipped = Shift { clip: Some(NOON - 5000), ..Shift::default() };
    assert_eq!(span(clipped), listed(NOON - 5000, NOON, Reach::Window { delay: 0, span: None }));
}

#[test]
fn what_cannot_be_listed_is_wrong_or_missing() {
    let span = |shift: Shift| shift.span(&RULES, NOON).expect_err("nothing");
    let wrong = |shift, part: &str| match span(shift) {
        Nothing::Wrong(error) => assert!(error.to_string().contains(part), "{error}"),
        Nothing::Missing(missing) => panic!("{missing}"),
    };
    wrong(stretch(NOON, Some(NOON)), "later than the start");
    wrong(stretch(NOON - HOUR, Some(NOON - 2 * HOUR)), "later than the start");
    wrong(stretch(NOON - 25 * HOUR, Some(NOON - 1)), "at most 24 hours");
    wrong(stretch(NOON - 25 * HOUR, None), "at most 24 hours");
    wrong(Shift { window: Some(DAY + 1), ..Shift::default() }, "at most 24 hours");
    for (shift, missing) in [
        (stretch(NOON - 8 * DAY, Some(NOON - 7 * DAY)), Missing::Past),
        (stretch(NOON + 1, None), Missing::Future),
        (stretch(NOON + HOUR, Some(NOON + 2 * HOUR)), Missing::Future),
        (Shift { delay: Some(7 * DAY), ..Shift::default() }, Missing::Past),
        (Shift { clip: Some(NOON + 1), ..Shift::default() }, Missing::Future),
    ] {
        assert_eq!(span(shift), Nothing::Missing(missing), "{shift:?}");
    }
}
