//! Which configuration is in force, and how the last try to put another in force ended.

use jiff::Timestamp;
use serde_json::{Value, json};

/// For operators who look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReloadStatus {
    /// Counts configurations since the start, which is 1; audit records name it.
    pub(crate) epoch: u64,
    /// SHA-256 of the file.
    pub(crate) digest: Option<String>,
    /// Since when it is in force.
    pub(crate) since: Timestamp,
    /// Why a later one is not.
    pub(crate) rejected: Option<(Timestamp, String)>,
    /// What of it takes effect with the next start only.
    pub(crate) warnings: Vec<String>,
}

impl ReloadStatus {
    pub(crate) fn to_json(&self) -> Value {
        let rejected = self.rejected.as_ref();
        json!({
            "epoch": self.epoch,
            "digest": self.digest,
            "since": self.since.to_string(),
            "rejected": rejected.map(|(at, why)| json!({ "at": at.to_string(), "why": why })),
            "warnings": self.warnings,
        })
    }
}
