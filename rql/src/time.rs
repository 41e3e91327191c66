//! `time:now` and its relatives.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// A time relative to when an expression is evaluated: `time:now-1h`, `time:now_epoch_millis[d]`.
///
/// Source: Ditto documentation, page "Placeholders", section "Time placeholder".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeExpression {
    is_epoch_millis: bool,
    offset: SignedDuration,
    truncated_to: Option<Unit>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

const MILLIS_PER_DAY: i64 = 86_400_000;

impl Unit {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "ms" => Self::Millisecond,
            "s" => Self::Second,
            "m" => Self::Minute,
            "h" => Self::Hour,
            "d" => Self::Day,
            "w" => Self::Week,
            "mo" => Self::Month,
            "y" => Self::Year,
            _ => return None,
        })
    }

    /// As a duration; months have 30 days and years 365, as elsewhere in Ditto.
    const fn millis(self) -> i64 {
        match self {
            Self::Millisecond => 1,
            Self::Second => 1000,
            Self::Minute => 60_000,
            Self::Hour => 3_600_000,
            Self::Day => MILLIS_PER_DAY,
            Self::Week => 7 * MILLIS_PER_DAY,
            Self::Month => 30 * MILLIS_PER_DAY,
            Self::Year => 365 * MILLIS_PER_DAY,
        }
    }
}

impl TimeExpression {
    /// Reads what follows `time:`; `None` if it has no value.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let (is_epoch_millis, rest) = match name.strip_prefix("now_epoch_millis") {
            Some(rest) => (true, rest),
            None => (false, name.strip_prefix("now")?),
        };
        let (offset, truncation) = rest.split_once('[').map_or((rest, None), |(offset, unit)| {
            (offset, Some(unit.strip_suffix(']').and_then(Unit::parse)))
        });
        let truncated_to = match truncation {
            Some(unit) => Some(unit?),
            None => None,
        };
        Some(Self {
            is_epoch_millis,
            offset: parse_offset(offset)?,
            truncated_to,
        })
    }

    /// An instant in RFC 3339 form, or milliseconds since 1970 in decimal form.
    pub fn evaluate(&self, now: Timestamp) -> Option<String> {
        let moved = now.checked_add(self.offset).ok()?;
        let moment = match self.truncated_to {
            Some(unit) => truncate(moved, unit)?,
            None => moved,
        };
        Some(if self.is_epoch_millis {
            moment.as_millisecond().to_string()
        } else {
            moment.to_string()
        })
    }
}

fn parse_offset(text: &str) -> Option<SignedDuration> {
    if text.is_empty() {
        return Some(SignedDuration::ZERO);
    }
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+')?),
    };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = rest.split_at_checked(digits)?;
    let number: i64 = number.parse().ok()?;
    let millis = number.checked_mul(Unit::parse(unit)?.millis())?;
    Some(SignedDuration::from_millis(sign * millis))
}

fn truncate(moment: Timestamp, unit: Unit) -> Option<Timestamp> {
    let date = || moment.to_zoned(TimeZone::UTC).date();
    let at_midnight =
        |date: jiff::civil::Date| Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp());
    match unit {
        Unit::Millisecond | Unit::Second | Unit::Minute | Unit::Hour | Unit::Day => {
            let millis = moment.as_millisecond();
            Timestamp::from_millisecond(millis - millis.rem_euclid(unit.millis())).ok()
        }
        Unit::Week => {
            // 1970-01-01 was a Thursday, three days after a Monday.
            let days = moment.as_millisecond().div_euclid(MILLIS_PER_DAY);
            let monday = days - (days + 3).rem_euclid(7);
            Timestamp::from_millisecond(monday * MILLIS_PER_DAY).ok()
        }
        Unit::Month => at_midnight(date().first_of_month()),
        Unit::Year => at_midnight(date().first_of_year()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expected: Option<&str>) {
        let now = "2026-08-19T13:47:12.345Z".parse().unwrap();
        let value = TimeExpression::parse(name).and_then(|time| time.evaluate(now));
        assert_eq!(value.as_deref(), expected, "time:{name}");
    }

    #[test]
    fn now_moves_and_is_truncated() {
        check("now", Some("2026-08-19T13:47:12.345Z"));
        check("now-1h", Some("2026-08-19T12:47:12.345Z"));
        check("now+30s[m]", Some("2026-08-19T13:47:00Z"));
        check("now[ms]", Some("2026-08-19T13:47:12.345Z"));
        check("now[h]", Some("2026-08-19T13:00:00Z"));
        check("now[d]", Some("2026-08-19T00:00:00Z"));
        check("now[w]", Some("2026-08-17T00:00:00Z"));
        check("now[mo]", Some("2026-08-01T00:00:00Z"));
        check("now[y]", Some("2026-01-01T00:00:00Z"));
        check("now_epoch_millis", Some("1787147232345"));
        check("now_epoch_millis-1d[d]", Some("1787011200000"));
    }

    #[test]
    fn everything_else_has_no_value() {
        for name in [
            "",
            "later",
            "now-",
            "now-1",
            "now-1x",
            "now[x]",
            "now[s",
            "now 1h",
            "now+99999999999999999999s",
            "now+9999999999y",
        ] {
            check(name, None);
        }
    }
}
