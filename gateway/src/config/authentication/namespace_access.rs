//! `auth.namespace_access`: which namespaces a caller may touch at all.

use schemars::JsonSchema;
use serde::Deserialize;

/// One rule; the first that blocks wins, and no rule that allows means no.
///
/// Source: Ditto documentation, page "Operating Ditto", section "Namespace access".
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NamespaceAccess {
    /// Templates that must all resolve for the rule to apply.
    pub conditions: Vec<String>,
    /// The kinds it applies to; empty: all.
    pub resource_types: Vec<NamespaceResourceType>,
    /// Names or patterns (`*`, `?`); empty: all.
    pub allowed_namespaces: Vec<String>,
    /// Names or patterns (`*`, `?`).
    pub blocked_namespaces: Vec<String>,
}

/// What a namespace rule applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NamespaceResourceType {
    /// Things and their messages.
    Thing,
    /// Policies.
    Policy,
}
