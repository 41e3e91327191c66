//! Which texts are times, and which ones.

use super::*;

fn now() -> Timestamp {
    "2026-08-19T13:47:12.345678Z".parse().unwrap()
}

/// Where fixed units and those of the calendar agree.
#[track_caller]
fn check(name: &str, expected: Option<&str>) {
    check_both(name, (expected, expected));
}

#[track_caller]
fn check_both(name: &str, expected: (Option<&str>, Option<&str>)) {
    let time = TimeExpression::parse(name);
    let fixed = time.as_ref().and_then(|time| time.evaluate(now()));
    let calendar = time.and_then(|time| time.evaluate_in_calendar(now()));
    assert_eq!(
        (fixed.as_deref(), calendar.as_deref()),
        expected,
        "time:{name}"
    );
}

#[test]
fn now_moves_and_is_truncated() {
    check("now", Some("2026-08-19T13:47:12.345678Z"));
    check("now-1h", Some("2026-08-19T12:47:12.345678Z"));
    check("now+30s[m]", Some("2026-08-19T13:47:00Z"));
    check("now+90s[h]", Some("2026-08-19T13:00:00Z"));
    check("now[ms]", Some("2026-08-19T13:47:12.345Z"));
    check("now[s]", Some("2026-08-19T13:47:12Z"));
    check("now[h]", Some("2026-08-19T13:00:00Z"));
    check("now[d]", Some("2026-08-19T00:00:00Z"));
    check("now[w]", Some("2026-08-17T00:00:00Z"));
    check("now-2w[d]", Some("2026-08-05T00:00:00Z"));
    check("now[mo]", Some("2026-08-01T00:00:00Z"));
    check("now[y]", Some("2026-01-01T00:00:00Z"));
    check("now_epoch_millis", Some("1787147232345"));
    check("now_epoch_millis-1d[d]", Some("1787011200000"));
    check("now_epoch_millis-500ms[s]", Some("1787147231000"));
}

#[test]
fn months_and_years_are_fixed_or_those_of_the_calendar() {
    check_both(
        "now-1mo",
        (
            Some("2026-07-20T13:47:12.345678Z"),
            Some("2026-07-19T13:47:12.345678Z"),
        ),
    );
    check_both(
        "now+2y[d]",
        (Some("2028-08-18T00:00:00Z"), Some("2028-08-19T00:00:00Z")),
    );
    check("now-1mo[mo]", Some("2026-07-01T00:00:00Z"));
    check("now+1y[y]", Some("2027-01-01T00:00:00Z"));
}

#[test]
fn everything_else_has_no_value() {
    for name in [
        "",
        "later",
        "now1h",
        "now-",
        "now+h",
        "now-1",
        "now-1x",
        "now+-1h",
        "now[",
        "now[]",
        "now[x]",
        "now[s",
        "now[h]x",
        "now 1h",
        "now+99999999999999999999s",
    ] {
        assert_eq!(
            name.parse::<TimeExpression>(),
            Err(TimeExpressionError),
            "time:{name}"
        );
    }
    for name in ["now+9999999999y", "now+19000y", "now-19000y[y]"] {
        check(name, None);
    }
}
