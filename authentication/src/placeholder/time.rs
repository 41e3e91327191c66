//! `{{ time:now }}`, `{{ time:now-1h[d] }}`, `{{ time:now_epoch_millis }}`: the time as a value.
//!
//! Source: Ditto documentation, page "Placeholders", section on time.

use std::str::FromStr;

use jiff::civil::{DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// What follows `time:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeExpression {
    as_millis: bool,
    offset: Option<(i64, Unit)>,
    truncate_to: Option<Unit>,
}

/// The text is no [`TimeExpression`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a time is `now` or `now_epoch_millis`, then e.g. `-1h` or `+2d`, then e.g. `[h]`")]
pub struct TimeExpressionError;

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

impl TimeExpression {
    /// The text at `now`; `None` if that is outside of the calendar.
    pub fn at(&self, now: Timestamp) -> Option<String> {
        let utc = TimeZone::UTC.to_datetime(now);
        let moved = match self.offset {
            None => utc,
            Some((count, unit)) => utc.checked_add(unit.span(count)?).ok()?,
        };
        let cut = match self.truncate_to {
            None => moved,
            Some(unit) => unit.start_of(moved)?,
        };
        let then = TimeZone::UTC.to_timestamp(cut).ok()?;
        Some(if self.as_millis {
            then.as_millisecond().to_string()
        } else {
            then.to_string()
        })
    }
}

impl FromStr for TimeExpression {
    type Err = TimeExpressionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (as_millis, rest) = match text.strip_prefix("now_epoch_millis") {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix("now").ok_or(TimeExpressionError)?),
        };
        let (offset, truncation) = match rest.split_once('[') {
            None => (rest, None),
            Some((offset, unit)) => (
                offset,
                Some(unit.strip_suffix(']').ok_or(TimeExpressionError)?),
            ),
        };
        Ok(Self {
            as_millis,
            offset: (!offset.is_empty()).then(|| duration(offset)).transpose()?,
            truncate_to: truncation.map(Unit::from_str).transpose()?,
        })
    }
}

/// `+2d`, `-90s`.
fn duration(text: &str) -> Result<(i64, Unit), TimeExpressionError> {
    let sign = match text.chars().next() {
        Some('+') => 1,
        Some('-') => -1,
        Some(_) | None => return Err(TimeExpressionError),
    };
    let text = text.trim_start_matches(['+', '-']);
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (count, unit) = text.split_at_checked(digits).ok_or(TimeExpressionError)?;
    let count: i64 = count.parse().map_err(|_| TimeExpressionError)?;
    Ok((sign * count, unit.parse()?))
}

impl FromStr for Unit {
    type Err = TimeExpressionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "ms" => Ok(Self::Millisecond),
            "s" => Ok(Self::Second),
            "m" => Ok(Self::Minute),
            "h" => Ok(Self::Hour),
            "d" => Ok(Self::Day),
            "w" => Ok(Self::Week),
            "mo" => Ok(Self::Month),
            "y" => Ok(Self::Year),
            _ => Err(TimeExpressionError),
        }
    }
}

impl Unit {
    fn span(self, count: i64) -> Option<Span> {
        let span = Span::new();
        match self {
            Self::Millisecond => span.try_milliseconds(count),
            Self::Second => span.try_seconds(count),
            Self::Minute => span.try_minutes(count),
            Self::Hour => span.try_hours(count),
            Self::Day => span.try_days(count),
            Self::Week => span.try_weeks(count),
            Self::Month => span.try_months(count),
            Self::Year => span.try_years(count),
        }
        .ok()
    }

    /// The start of the unit that `at` lies in; weeks start on Monday (ISO 8601).
    fn start_of(self, at: DateTime) -> Option<DateTime> {
        let (date, time) = (at.date(), at.time());
        let at_time = |time: Result<Time, jiff::Error>| Some(date.to_datetime(time.ok()?));
        match self {
            Self::Millisecond => at_time(Time::new(
                time.hour(),
                time.minute(),
                time.second(),
                i32::from(time.millisecond()) * 1_000_000,
            )),
            Self::Second => at_time(Time::new(time.hour(), time.minute(), time.second(), 0)),
            Self::Minute => at_time(Time::new(time.hour(), time.minute(), 0, 0)),
            Self::Hour => at_time(Time::new(time.hour(), 0, 0, 0)),
            Self::Day => at_time(Ok(Time::midnight())),
            Self::Week => {
                let since_monday = i64::from(date.weekday().since(Weekday::Monday));
                let monday = date
                    .checked_sub(Span::new().try_days(since_monday).ok()?)
                    .ok()?;
                Some(monday.to_datetime(Time::midnight()))
            }
            Self::Month => Some(date.first_of_month().to_datetime(Time::midnight())),
            Self::Year => Some(date.first_of_year().to_datetime(Time::midnight())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Tuesday.
    fn now() -> Timestamp {
        "2026-08-18T10:20:30.456789Z".parse().unwrap()
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let expression: TimeExpression = text.parse().unwrap();
        assert_eq!(
            expression.at(now()).as_deref(),
            Some(expected),
            "time:{text}"
        );
    }

    #[test]
    fn the_time_moves_and_is_cut() {
        check("now", "2026-08-18T10:20:30.456789Z");
        check("now_epoch_millis", "1787048430456");
        check("now[ms]", "2026-08-18T10:20:30.456Z");
        check("now[s]", "2026-08-18T10:20:30Z");
        check("now-1h[m]", "2026-08-18T09:20:00Z");
        check("now+90s[h]", "2026-08-18T10:00:00Z");
        check("now[d]", "2026-08-18T00:00:00Z");
        check("now[w]", "2026-08-17T00:00:00Z");
        check("now-1mo[mo]", "2026-07-01T00:00:00Z");
        check("now+1y[y]", "2027-01-01T00:00:00Z");
        check("now-2w[d]", "2026-08-04T00:00:00Z");
        check("now_epoch_millis-500ms[s]", "1787048429000");
    }

    #[test]
    fn anything_else_is_no_time() {
        for text in [
            "",
            "then",
            "now1h",
            "now+h",
            "now-",
            "now+1",
            "now+1q",
            "now[",
            "now[h",
            "now[]",
            "now[h]x",
            "now+99999999999999999999s",
        ] {
            assert_eq!(
                text.parse::<TimeExpression>(),
                Err(TimeExpressionError),
                "time:{text}"
            );
        }
        let beyond: TimeExpression = "now+19000y".parse().unwrap();
        assert_eq!(beyond.at(now()), None);
    }
}
