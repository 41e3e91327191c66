//! Durations that remember the unit they were written in.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A unit of a [`UnitDuration`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DurationUnit {
    /// No suffix: seconds.
    Plain,
    /// `ms`
    Milliseconds,
    /// `s`
    Seconds,
    /// `m`
    Minutes,
    /// `h`
    Hours,
    /// `d`
    Days,
    /// `w`
    Weeks,
    /// `mo`: 30 days.
    Months,
    /// `y`: 365 days.
    Years,
}

impl DurationUnit {
    const ALL: [Self; 9] = [
        Self::Milliseconds,
        Self::Months,
        Self::Seconds,
        Self::Minutes,
        Self::Hours,
        Self::Days,
        Self::Weeks,
        Self::Years,
        Self::Plain,
    ];

    const fn suffix(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Milliseconds => "ms",
            Self::Seconds => "s",
            Self::Minutes => "m",
            Self::Hours => "h",
            Self::Days => "d",
            Self::Weeks => "w",
            Self::Months => "mo",
            Self::Years => "y",
        }
    }

    const fn milliseconds(self) -> u64 {
        const SECOND: u64 = 1_000;
        const DAY: u64 = 24 * 3_600 * SECOND;
        match self {
            Self::Milliseconds => 1,
            Self::Plain | Self::Seconds => SECOND,
            Self::Minutes => 60 * SECOND,
            Self::Hours => 3_600 * SECOND,
            Self::Days => DAY,
            Self::Weeks => 7 * DAY,
            Self::Months => 30 * DAY,
            Self::Years => 365 * DAY,
        }
    }
}

/// A non-negative duration as clients write it: `90`, `90s`, `2h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnitDuration {
    amount: u64,
    unit: DurationUnit,
}

/// The text is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a duration is a whole number with one of the units ms, s, m, h, d, w, mo, y")]
pub struct UnitDurationError;

impl UnitDuration {
    /// Its unit.
    pub fn unit(self) -> DurationUnit {
        self.unit
    }

    /// Its length.
    pub fn to_duration(self) -> Duration {
        Duration::from_millis(self.amount.saturating_mul(self.unit.milliseconds()))
    }

    /// At least one `step`, rounded up to a multiple of it, in the same unit (rounded down to it, at least one).
    #[must_use]
    pub fn rounded_up_to(self, step: Duration) -> Self {
        let step = u64::try_from(step.as_millis()).unwrap_or(u64::MAX).max(1);
        let length = u64::try_from(self.to_duration().as_millis()).unwrap_or(u64::MAX);
        let rounded = length.max(step).div_ceil(step).saturating_mul(step);
        Self {
            amount: (rounded / self.unit.milliseconds()).max(1),
            unit: self.unit,
        }
    }
}

impl FromStr for UnitDuration {
    type Err = UnitDurationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        DurationUnit::ALL
            .into_iter()
            .find_map(|unit| {
                let digits = text.strip_suffix(unit.suffix())?;
                let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
                let amount = all_digits.then(|| digits.parse().ok()).flatten()?;
                Some(Self { amount, unit })
            })
            .ok_or(UnitDurationError)
    }
}

impl fmt::Display for UnitDuration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.amount, self.unit.suffix())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, milliseconds: Option<u64>) {
        let parsed = input.parse::<UnitDuration>().ok();
        assert_eq!(
            parsed.map(UnitDuration::to_duration),
            milliseconds.map(Duration::from_millis),
            "input: {input:?}"
        );
        if let Some(parsed) = parsed {
            assert_eq!(parsed.to_string(), input);
        }
    }

    #[test]
    fn units_are_read_and_kept() {
        check("5", Some(5_000));
        check("5ms", Some(5));
        check("5s", Some(5_000));
        check("2m", Some(120_000));
        check("1h", Some(3_600_000));
        check("1d", Some(86_400_000));
        check("1w", Some(7 * 86_400_000));
        check("1mo", Some(30 * 86_400_000));
        check("1y", Some(365 * 86_400_000));
    }

    #[test]
    fn other_texts_are_refused() {
        check("", None);
        check("s", None);
        check("-1s", None);
        check("+1s", None);
        check("1.5s", None);
        check("1 s", None);
        check("1x", None);
    }

    #[test]
    fn rounding_keeps_the_unit() {
        let rounded = |text: &str| {
            let duration: UnitDuration = text.parse().unwrap();
            duration.rounded_up_to(Duration::from_secs(60)).to_string()
        };
        assert_eq!(rounded("90s"), "120s");
        assert_eq!(rounded("1s"), "60s");
        assert_eq!(rounded("0"), "60");
        assert_eq!(rounded("2m"), "2m");
        assert_eq!(rounded("1h"), "1h");
    }
}
