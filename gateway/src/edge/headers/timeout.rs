//! The `timeout` header.

use std::time::Duration;

use crate::error::DittoError;

/// How long a caller is willing to wait; `timeout` of Ditto's headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timeout(Duration);

impl Timeout {
    /// Commands wait no longer than this.
    pub(crate) const COMMAND_MAX: Duration = Duration::from_secs(60);

    /// `<digits>[ms|s|m|h|d|w|mo|y]`, without unit seconds.
    pub(crate) fn parse(text: &str) -> Result<Self, DittoError> {
        let text = text.trim();
        let text = text.strip_prefix('+').unwrap_or(text);
        let digits = text.len()
            - text
                .trim_start_matches(|each: char| each.is_ascii_digit())
                .len();
        let (number, unit) = text.split_at(digits);
        let millis_per_unit: u64 = match unit {
            "ms" => 1,
            "" | "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            "mo" => 2_592_000_000,
            "y" => 31_536_000_000,
            _ => return Err(malformed()),
        };
        let number: u64 = number.parse().map_err(|_| malformed())?;
        number
            .checked_mul(millis_per_unit)
            .map(|millis| Self(Duration::from_millis(millis)))
            .ok_or_else(malformed)
    }

    /// The time itself.
    pub(crate) fn duration(self) -> Duration {
        self.0
    }

    pub(crate) fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// The wait of a command on a thing or policy; more than a minute is refused.
    pub(crate) fn for_command(self) -> Result<Duration, DittoError> {
        if self.0 > Self::COMMAND_MAX {
            return Err(DittoError::bad_request(
                "gateway:timeout.invalid",
                "The header `timeout` is longer than allowed.",
            )
            .describe("A command waits at most 60 s."));
        }
        Ok(self.0)
    }
}

fn malformed() -> DittoError {
    DittoError::bad_request("timeout.invalid", "The header `timeout` is no duration.").describe(
        "Write a number and a unit, such as `10s` or `500ms`; a number alone means seconds.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected_millis: Option<u64>) {
        let parsed = Timeout::parse(text).ok();
        assert_eq!(
            parsed,
            expected_millis.map(|millis| Timeout(Duration::from_millis(millis))),
            "text: {text:?}"
        );
    }

    #[test]
    fn units_are_read_and_seconds_are_the_default() {
        check("5", Some(5000));
        check("+5s", Some(5000));
        check("500ms", Some(500));
        check("1m", Some(60_000));
        check("0", Some(0));
        check("-1", None);
        check("1.5s", None);
        check("s", None);
        check("", None);
        check("99999999999999999999y", None);
        check("9999999999999999y", None);
    }
}
