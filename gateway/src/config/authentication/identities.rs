//! `auth.identities` and `auth.permission_sets`: callers known by an API key, as in Edge Server.
//!
//! Source: Ditto Edge Server documentation, page "Identity Reference".

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::value::{Cidr, Secret, timestamp_schema};

/// Identities by name.
pub type Identities = BTreeMap<String, Identity>;

/// Permission sets by name.
pub type PermissionSets = BTreeMap<String, PermissionSet>;

/// One caller.
#[derive(Clone, Debug, Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Its API key's hash.
    pub credential: Option<IdentityCredential>,
    /// Several of them: rotation with overlap.
    #[serde(default)]
    pub credentials: Vec<IdentityCredential>,
    /// The permission sets it has.
    pub permissions: Vec<String>,
    /// Its name in audit records and subjects; absent: the key of this entry.
    pub id: Option<String>,
    /// Whether its credentials are refused.
    #[serde(default)]
    pub disabled: bool,
    /// When it was made.
    #[schemars(schema_with = "timestamp_schema")]
    #[serde(default)]
    pub created_at: Option<Timestamp>,
    /// From when on its credentials are accepted.
    #[schemars(schema_with = "timestamp_schema")]
    #[serde(default)]
    pub not_before: Option<Timestamp>,
    /// Until when its credentials are accepted.
    #[schemars(schema_with = "timestamp_schema")]
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// Where it may call from; empty: anywhere.
    #[serde(default)]
    pub allow_from: Vec<Cidr>,
    /// How much it may ask for.
    pub rate_limit: Option<IdentityRateLimit>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Further authorization subjects it acts as.
    #[serde(default)]
    pub subjects: Vec<String>,
}

impl Identity {
    /// Its credentials, however they were written.
    pub fn all_credentials(&self) -> impl Iterator<Item = &IdentityCredential> {
        self.credential.iter().chain(&self.credentials)
    }

    /// Its name in audit records and subjects.
    pub fn effective_id<'a>(&'a self, name: &'a str) -> &'a str {
        self.id.as_deref().unwrap_or(name)
    }
}

/// One API key's hash.
#[derive(Clone, Debug, Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentityCredential {
    /// The hash that `api-key generate` printed; never the key.
    pub api_key: Secret,
    /// The lookup hint of a slow hash.
    pub key_hint: Option<String>,
    /// When it was made.
    #[schemars(schema_with = "timestamp_schema")]
    #[serde(default)]
    pub created_at: Option<Timestamp>,
    /// From when on it is accepted.
    #[schemars(schema_with = "timestamp_schema")]
    #[serde(default)]
    pub not_before: Option<Timestamp>,
    /// Until when it is accepted.
    #[schemars(schema_with = "timestamp_schema")]
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// A remark for people.
    pub comment: Option<String>,
}

/// How much one identity may ask for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentityRateLimit {
    /// How many requests pass in a window.
    #[schemars(range(min = 1))]
    pub max_requests: u32,
    /// The window, in seconds.
    #[schemars(range(min = 1))]
    pub window_secs: u32,
}

/// What an identity may reach.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PermissionSet {
    /// The word `full`, or a list of scopes.
    pub permissions: Permissions,
    /// Whether `full` includes the operator service.
    #[serde(default)]
    pub full_includes_devops: bool,
}

/// The permissions of a set.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Permissions {
    /// Everything.
    Word(FullPermission),
    /// These scopes, each with an optional namespace filter (`things:read@org.acme.*`).
    Scopes(Vec<String>),
}

/// The word for everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FullPermission {
    /// Every endpoint and operation.
    Full,
}
