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
    /// The namespace of entities created without one.
    pub default_namespace: String,
}

impl Default for Policies {
    fn default() -> Self {
        Self {
            namespace_policies: BTreeMap::new(),
            subject_expiry_granularity: Period::from_secs(3600),
            subject_deletion_announcement_granularity: Period::from_secs(60),
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
