//! Blocks that can be pasted into a configuration file.

use std::fmt;

use jiff::{Timestamp, Unit};

/// Seconds will do, and are easier to read.
pub(super) fn in_seconds(time: Timestamp) -> Timestamp {
    time.round(Unit::Second).unwrap_or(time)
}

/// One credential of an identity.
#[derive(Debug, Clone, Default)]
pub(super) struct CredentialBlock {
    pub(super) hash: String,
    pub(super) key_hint: Option<String>,
    pub(super) created_at: Option<Timestamp>,
    pub(super) not_before: Option<Timestamp>,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) comment: Option<String>,
}

impl CredentialBlock {
    fn fields(&self) -> impl Iterator<Item = (&'static str, String)> {
        let time = |time: Option<Timestamp>| time.map(|time| time.to_string());
        [
            ("api_key", Some(self.hash.clone())),
            ("key_hint", self.key_hint.clone()),
            ("created_at", time(self.created_at)),
            ("not_before", time(self.not_before)),
            ("expires_at", time(self.expires_at)),
            ("comment", self.comment.clone()),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
    }
}

/// As flow style, which fits any indentation. JSON strings are YAML strings.
impl fmt::Display for CredentialBlock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("{ ")?;
        for (place, (name, value)) in self.fields().enumerate() {
            let separator = if place == 0 { "" } else { ", " };
            write!(
                formatter,
                "{separator}{name}: {}",
                serde_json::Value::from(value)
            )?;
        }
        formatter.write_str(" }")
    }
}
