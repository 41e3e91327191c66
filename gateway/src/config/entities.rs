//! `policies` and `history`: how entities behave and how long their past is kept.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::value::Period;

/// How policies behave.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Policies {
    /// Policies that apply to every thing of a namespace, by namespace.
    pub namespace_policies: BTreeMap<String, Vec<String>>,
    /// What the expiry of a subject is rounded up to.
    pub subject_expiry_granularity: Period,
    /// What the announcement of a subject's deletion is rounded up to.
    pub subject_deletion_announcement_granularity: Period,
    /// How subjects are told that they go.
    pub announcement: Announcement,
    /// The namespace of entities created without one.
    pub default_namespace: String,
}

/// How subjects of policies are told that they go.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Announcement {
    /// For how long after the deletion unacknowledged announcements are repeated.
    pub grace_period: Period,
    /// The longest time that acknowledgements are awaited.
    pub max_timeout: Period,
    /// Whether `whenDeleted` is acted on.
    pub enable_announcements_when_deleted: bool,
    /// How much earlier announcements are made at most, if they do not say themselves.
    pub default_randomization_interval: Period,
}

impl Default for Announcement {
    fn default() -> Self {
        Self {
            grace_period: Period::from_secs(4 * 3600),
            max_timeout: Period::from_secs(60),
            enable_announcements_when_deleted: true,
            default_randomization_interval: Period::from_secs(300),
        }
    }
}

impl Default for Policies {
    fn default() -> Self {
        Self {
            namespace_policies: BTreeMap::new(),
            subject_expiry_granularity: Period::from_secs(3600),
            subject_deletion_announcement_granularity: Period::from_secs(60),
            announcement: Announcement::default(),
            default_namespace: "org.eclipse.ditto".to_owned(),
        }
    }
}

/// How long the past of entities is kept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct History {
    /// How old a revision may become.
    pub retention: Period,
    /// How many revisions of one entity are kept.
    #[schemars(range(min = 1))]
    pub max_revisions: u64,
}

impl Default for History {
    fn default() -> Self {
        Self {
            retention: Period::from_secs(30 * 24 * 3600),
            max_revisions: 10_000,
        }
    }
}
