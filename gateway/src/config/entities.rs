//! `policies` and `history`: how entities behave and how long their past is kept.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::authentication::NamespaceResourceType;
use super::value::Period;

/// How policies behave.
#[derive(Clone, Debug, PartialEq, Deserialize, serde::Serialize, JsonSchema)]
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
    /// Who may create things and policies, whatever is in them.
    pub entity_creation: EntityCreation,
}

/// Who may create things and policies: what a grant matches and no revoke does.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EntityCreation {
    /// One of these must match; without any nobody creates anything.
    pub grant: Vec<CreationRule>,
    /// None of these may match.
    pub revoke: Vec<CreationRule>,
}

/// Matches what each of its lists matches; an empty list matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CreationRule {
    /// What is created.
    pub resource_types: Vec<NamespaceResourceType>,
    /// Names or patterns (`*`, `?`).
    pub namespaces: Vec<String>,
    /// Subjects of the caller, or patterns.
    pub auth_subjects: Vec<String>,
    /// Definitions of things, or patterns; a rule that names some is about things that have one.
    pub thing_definitions: Vec<String>,
}

impl Default for EntityCreation {
    fn default() -> Self {
        Self {
            grant: vec![CreationRule::default()],
            revoke: Vec::new(),
        }
    }
}

/// How subjects of policies are told that they go.
#[derive(Clone, Debug, PartialEq, Deserialize, serde::Serialize, JsonSchema)]
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
    /// How long it is waited before an announcement is repeated that failed or that nobody acknowledged.
    pub backoff: Backoff,
}

/// How long it is waited before an announcement is repeated.
#[derive(Clone, Debug, PartialEq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Backoff {
    /// The first time.
    pub min: Period,
    /// At most; every pause is longer than the one before.
    pub max: Period,
    /// How much of the growth is left to chance: each pause is longer by half of the last one, and by up to this half of it again.
    #[schemars(range(min = 0, max = 1))]
    pub random_factor: f64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            min: Period::from_secs(1),
            max: Period::from_secs(3600),
            random_factor: 1.0,
        }
    }
}

impl Default for Announcement {
    fn default() -> Self {
        Self {
            grace_period: Period::from_secs(4 * 3600),
            max_timeout: Period::from_secs(60),
            enable_announcements_when_deleted: true,
            default_randomization_interval: Period::from_secs(300),
            backoff: Backoff::default(),
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
            entity_creation: EntityCreation::default(),
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
