//! How long something lasts, as written in the configuration.

use std::{borrow::Cow, fmt, str::FromStr, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

/// A duration such as `60s`, `500ms`, `10m`, `24h`, `30d`; a bare number is milliseconds.
///
/// Source: Ditto documentation, page "Operating Ditto", where HOCON durations read bare numbers the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(Duration);

/// The text is no duration.
#[derive(Debug, thiserror::Error)]
#[error(
    "expected a duration such as `60s`, `500ms`, `10m`, `24h` or `30d` (a bare number is milliseconds), found `{0}`"
)]
pub struct PeriodError(String);

impl Period {
    /// So many milliseconds.
    pub const fn from_millis(milliseconds: u64) -> Self {
        Self(Duration::from_millis(milliseconds))
    }

    /// So many seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// The same as a standard duration.
    pub const fn duration(self) -> Duration {
        self.0
    }

    /// Whether nothing would ever fit into it.
    pub const fn is_zero(self) -> bool {
        self.0.is_zero()
    }
}

impl FromStr for Period {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Self, PeriodError> {
        let error = || PeriodError(text.to_owned());
        let number_end = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(number_end);
        let milliseconds_per_unit: f64 = match unit.trim_start() {
            "" | "ms" => 1.0,
            "s" => 1e3,
            "m" | "min" => 60e3,
            "h" => 3_600e3,
            "d" => 86_400e3,
            _ => return Err(error()),
        };
        let amount: f64 = number.parse().map_err(|_| error())?;
        Duration::try_from_secs_f64(amount * milliseconds_per_unit / 1e3)
            .map(Self)
            .map_err(|_| error())
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0.as_millis();
        for (unit, size) in [
            ("d", 86_400_000),
            ("h", 3_600_000),
            ("m", 60_000),
            ("s", 1_000),
        ] {
            if milliseconds >= size && milliseconds.is_multiple_of(size) {
                return write!(f, "{}{unit}", milliseconds / size);
            }
        }
        write!(f, "{milliseconds}ms")
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::size::scalar_text(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

impl serde::Serialize for Period {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Period {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A duration such as `60s`, `500ms`, `10m`, `24h` or `30d`; a bare number is milliseconds.",
            "type": ["string", "integer"],
            "minimum": 0,
            "x-twinward-format": "duration",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Period;

    #[track_caller]
    fn check(input: &str, expected_milliseconds: Option<u64>) {
        let period = input.parse::<Period>().ok();
        assert_eq!(
            period,
            expected_milliseconds.map(Period::from_millis),
            "input: {input:?}"
        );
    }

    #[test]
    fn units_multiply() {
        check("500ms", Some(500));
        check("60s", Some(60_000));
        check("1.5s", Some(1_500));
        check("2 m", Some(120_000));
        check("24h", Some(86_400_000));
        check("30d", Some(2_592_000_000));
    }

    #[test]
    fn a_bare_number_is_milliseconds() {
        check("10000", Some(10_000));
    }

    #[test]
    fn anything_else_is_refused() {
        for input in [
            "",
            "s",
            "-1s",
            "1w",
            "1.2.3s",
            "999999999999999999999999d",
            "NaN",
            "inf",
        ] {
            check(input, None);
        }
    }

    #[test]
    fn prints_the_largest_whole_unit() {
        assert_eq!(Period::from_secs(5_400).to_string(), "90m");
        assert_eq!(Period::from_millis(1_500).to_string(), "1500ms");
    }
}
