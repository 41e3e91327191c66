//! Subjects that go: they are told, their acknowledgements are awaited, and at their expiry they are removed.
//!
//! Source: Ditto documentation, page "Policy", section "Subject deletion announcements".

mod keeper;
mod machine;

use std::time::Duration;

use jiff::Timestamp;

use crate::{PolicyId, SubjectId};

pub use keeper::SubjectKeeper;

/// A subject is told that it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// Ties acknowledgements to it.
    pub correlation_id: String,
    /// Of which policy.
    pub policy_id: PolicyId,
    /// Who goes; sessions that act as this subject are told.
    pub subject_id: SubjectId,
    /// When.
    pub delete_at: Timestamp,
    /// Which acknowledgements are awaited.
    pub requested_acks: Vec<String>,
    /// For how long.
    pub timeout: Duration,
}

/// How subjects are told.
#[derive(Debug, Clone)]
pub struct AnnouncementSettings {
    /// For how long after the deletion unacknowledged announcements are repeated.
    pub grace_period: Duration,
    /// The longest time that acknowledgements are awaited.
    pub timeout_max: Duration,
    /// Whether `whenDeleted` is acted on.
    pub when_deleted: bool,
    /// How much earlier announcements are made at most, if they do not say themselves.
    pub randomization_interval: Duration,
    /// The shortest and the longest pause before an announcement is repeated.
    pub backoff: (Duration, Duration),
}

impl Default for AnnouncementSettings {
    fn default() -> Self {
        Self {
            grace_period: Duration::from_secs(4 * 3600),
            timeout_max: Duration::from_secs(60),
            when_deleted: true,
            randomization_interval: Duration::from_secs(300),
            backoff: (Duration::from_secs(1), Duration::from_secs(3600)),
        }
    }
}
