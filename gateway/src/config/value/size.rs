//! How many bytes something may have, as written in the configuration.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

/// A number of bytes such as `100k` (1024 each), `1MiB` or `5kB` (1000 each); a bare number is bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(u64);

/// The text is no size.
#[derive(Debug, thiserror::Error)]
#[error("expected a size such as `100k`, `1MiB` or `512` (bytes), found `{0}`")]
pub struct SizeError(String);

impl Size {
    /// So many bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// So many times 1024 bytes.
    pub const fn from_kibibytes(kibibytes: u64) -> Self {
        Self(kibibytes * 1024)
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// The number of bytes, for buffers in memory; the largest possible one where it does not fit.
    pub fn in_memory(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl FromStr for Size {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let error = || SizeError(text.to_owned());
        let number_end = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(number_end);
        let factor: u64 = match unit.trim_start() {
            "" | "B" => 1,
            "k" | "K" | "Ki" | "KiB" => 1 << 10,
            "m" | "M" | "Mi" | "MiB" => 1 << 20,
            "g" | "G" | "Gi" | "GiB" => 1 << 30,
            "kB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            _ => return Err(error()),
        };
        let amount: u64 = number.parse().map_err(|_| error())?;
        amount.checked_mul(factor).map(Self).ok_or_else(error)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, size) in [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)] {
            if self.0 >= size && self.0.is_multiple_of(size) {
                return write!(f, "{}{unit}", self.0 / size);
            }
        }
        write!(f, "{}B", self.0)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        scalar_text(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

impl serde::Serialize for Size {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Size {
    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A size such as `100k` (1024 each), `1MiB` or `5kB` (1000 each); a bare number is bytes.",
            "type": ["string", "integer"],
            "minimum": 0,
            "x-twinward-format": "size",
        })
    }
}

/// The text of a string, or of a number that stands where a unit could follow.
pub(super) fn scalar_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a text or a number")]
    enum Scalar {
        Number(u64),
        Text(String),
    }
    Ok(match Scalar::deserialize(deserializer)? {
        Scalar::Number(number) => number.to_string(),
        Scalar::Text(text) => text,
    })
}

#[cfg(test)]
mod tests {
    use super::Size;

    #[track_caller]
    fn check(input: &str, expected_bytes: Option<u64>) {
        let size = input.parse::<Size>().ok();
        assert_eq!(
            size,
            expected_bytes.map(Size::from_bytes),
            "input: {input:?}"
        );
    }

    #[test]
    fn a_lone_letter_counts_1024_and_kb_counts_1000() {
        check("100k", Some(102_400));
        check("100kB", Some(100_000));
        check("1MiB", Some(1_048_576));
        check("1 GiB", Some(1 << 30));
        check("512", Some(512));
    }

    #[test]
    fn anything_else_is_refused() {
        for input in ["", "k", "-1k", "1.5k", "1 potato", "99999999999999G"] {
            check(input, None);
        }
    }
}
