//! `time:now` and its relatives: one grammar, with units of fixed lengths or those of the calendar.

use std::str::FromStr;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};

/// A time relative to when it is asked for: `time:now-1h`, `time:now_epoch_millis[d]`.
///
/// Source: Ditto documentation, page "Placeholders", section "Time placeholder".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeExpression {
    is_epoch_millis: bool,
    offset: Option<(i64, Unit)>,
    truncated_to: Option<Unit>,
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

const MILLIS_PER_DAY: i64 = 86_400_000;

impl TimeExpression {
    /// Reads what follows `time:`; `None` if it has no value.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        name.parse().ok()
    }

    /// An instant in RFC 3339 form, or milliseconds since 1970 in decimal form; a month has 30 days and a year 365, as in
    /// Ditto's expressions. `None` if it is outside of the calendar.
    pub fn evaluate(&self, now: Timestamp) -> Option<String> {
        let moved = match self.offset {
            None => now,
            Some((count, unit)) => {
                let millis = count.checked_mul(unit.millis())?;
                now.checked_add(SignedDuration::from_millis(millis)).ok()?
            }
        };
        self.text(moved)
    }

    /// The same with months and years of the calendar in UTC: a month before 31 March is the last day of February.
    pub fn evaluate_in_calendar(&self, now: Timestamp) -> Option<String> {
        let moved = match self.offset {
            None => now,
            Some((count, unit)) => {
                let utc = TimeZone::UTC.to_datetime(now);
                let moved = utc.checked_add(unit.span(count)?).ok()?;
                TimeZone::UTC.to_timestamp(moved).ok()?
            }
        };
        self.text(moved)
    }

    fn text(&self, moved: Timestamp) -> Option<String> {
        let moment = match self.truncated_to {
            Some(unit) => unit.start_of(moved)?,
            None => moved,
        };
        Some(if self.is_epoch_millis {
            moment.as_millisecond().to_string()
        } else {
            moment.to_string()
        })
    }
}

impl FromStr for TimeExpression {
    type Err = TimeExpressionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (is_epoch_millis, rest) = match text.strip_prefix("now_epoch_millis") {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix("now").ok_or(TimeExpressionError)?),
        };
        let (offset, truncation) = match rest.split_once('[') {
            None => (rest, None),
            Some((offset, unit)) => {
                let unit = unit.strip_suffix(']').ok_or(TimeExpressionError)?;
                (offset, Some(unit))
            }
        };
        Ok(Self {
            is_epoch_millis,
            offset: (!offset.is_empty()).then(|| duration(offset)).transpose()?,
            truncated_to: truncation.map(Unit::from_str).transpose()?,
        })
    }
}

/// `+2d`, `-90s`.
fn duration(text: &str) -> Result<(i64, Unit), TimeExpressionError> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').ok_or(TimeExpressionError)?),
    };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (count, unit) = rest.split_at_checked(digits).ok_or(TimeExpressionError)?;
    let count: i64 = count.parse().map_err(|_| TimeExpressionError)?;
    Ok((sign * count, unit.parse()?))
}

impl FromStr for Unit {
    type Err = TimeExpressionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "ms" => Self::Millisecond,
            "s" => Self::Second,
            "m" => Self::Minute,
            "h" => Self::Hour,
            "d" => Self::Day,
            "w" => Self::Week,
            "mo" => Self::Month,
            "y" => Self::Year,
            _ => return Err(TimeExpressionError),
        })
    }
}

impl Unit {
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

    /// The start of the unit that `moment` lies in, in UTC; weeks start on Monday (ISO 8601).
    fn start_of(self, moment: Timestamp) -> Option<Timestamp> {
        let date = || moment.to_zoned(TimeZone::UTC).date();
        let at_midnight =
            |date: jiff::civil::Date| Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp());
        match self {
            Self::Millisecond | Self::Second | Self::Minute | Self::Hour | Self::Day => {
                let millis = moment.as_millisecond();
                Timestamp::from_millisecond(millis - millis.rem_euclid(self.millis())).ok()
            }
            Self::Week => {
                // 1970-01-01 was a Thursday, three days after a Monday.
                let days = moment.as_millisecond().div_euclid(MILLIS_PER_DAY);
                let monday = days - (days + 3).rem_euclid(7);
                Timestamp::from_millisecond(monday * MILLIS_PER_DAY).ok()
            }
            Self::Month => at_midnight(date().first_of_month()),
            Self::Year => at_midnight(date().first_of_year()),
        }
    }
}

#[cfg(test)]
mod tests;
