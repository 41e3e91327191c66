//! What logs, metrics and traces call a resource: its first part, as Ditto's dashboards know it, and no id.

use policies::PolicyResource;
use things::ThingResource;

pub(super) fn of_thing(resource: &ThingResource) -> &'static str {
    match resource {
        ThingResource::Thing => "/api/2/things/x",
        ThingResource::PolicyId => "/api/2/things/x/policyId/x",
        ThingResource::Definition => "/api/2/things/x/definition/x",
        ThingResource::Attributes | ThingResource::Attribute(_) => "/api/2/things/x/attributes/x",
        ThingResource::Features
        | ThingResource::Feature(_)
        | ThingResource::FeatureDefinition(_)
        | ThingResource::FeatureProperties(_)
        | ThingResource::FeatureProperty(..)
        | ThingResource::FeatureDesiredProperties(_)
        | ThingResource::FeatureDesiredProperty(..) => "/api/2/things/x/features/x",
    }
}

pub(super) fn of_policy(resource: &PolicyResource) -> &'static str {
    match resource {
        PolicyResource::Policy => "/api/2/policies/x",
        PolicyResource::Entries
        | PolicyResource::Entry(_)
        | PolicyResource::Subjects(_)
        | PolicyResource::Subject(..)
        | PolicyResource::Resources(_)
        | PolicyResource::Resource(..)
        | PolicyResource::Namespaces(_)
        | PolicyResource::Importable(_)
        | PolicyResource::AllowedAdditions(_)
        | PolicyResource::References(_) => "/api/2/policies/x/entries/x",
        PolicyResource::Imports
        | PolicyResource::Import(_)
        | PolicyResource::ImportEntries(_)
        | PolicyResource::ImportTransitiveImports(_) => "/api/2/policies/x/imports/x",
    }
}
