//! Subjects that go: they are told, their acknowledgements are awaited, and at their expiry they are removed.
//!
//! Source: Ditto documentation, page "Policy", section "Subject deletion announcements".

mod keeper;
mod machine;
mod memory;

use std::time::Duration;

use jiff::Timestamp;

use crate::{PolicyId, SubjectId};

pub use keeper::SubjectKeeper;
pub(crate) use memory::{Memory, Remembered};

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

/// Somebody says that an announcement was heard, or was not.
#[derive(Debug, Clone, Copy)]
pub struct Acknowledgement<'a> {
    /// The subjects that whoever says so acts as; the one that was told must be among them.
    pub givers: &'a [SubjectId],
    /// That of the announcement.
    pub correlation_id: &'a str,
    /// Which of the requested ones.
    pub label: &'a str,
    /// As of a response: 2xx for heard.
    pub status: u16,
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
    /// How long it is waited before an announcement is repeated.
    pub backoff: Backoff,
}

/// The pauses before an announcement is repeated.
#[derive(Debug, Clone)]
pub struct Backoff {
    /// The first one.
    pub shortest: Duration,
    /// The longest one.
    pub longest: Duration,
    /// How much of a pause's growth is left to chance, from 0 to 1.
    pub random_factor: f64,
}

impl Backoff {
    /// The pause after `last`; `chance` is between 0 and 1.
    fn next(&self, last: Option<Duration>, chance: f64) -> Duration {
        let Some(last) = last else {
            return self.shortest;
        };
        let growth = 0.5 + 0.5 * self.random_factor * chance;
        last.saturating_add(last.mul_f64(growth)).min(self.longest)
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            shortest: Duration::from_secs(1),
            longest: Duration::from_secs(3600),
            random_factor: 1.0,
        }
    }
}

impl Default for AnnouncementSettings {
    fn default() -> Self {
        Self {
            grace_period: Duration::from_secs(4 * 3600),
            timeout_max: Duration::from_secs(60),
            when_deleted: true,
            randomization_interval: Duration::from_secs(300),
            backoff: Backoff::default(),
        }
    }
}
