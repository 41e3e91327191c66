//! The one list of public routes: under which name, at which path, with which methods.
//!
//! What answers 405, what `/openapi.json` describes and what tests walk is read from here.

use ::policies::PolicyResource;
use ::things::ThingResource;
use actix_web::http::Method;
use protocol::MessageDirection;

use super::policies::PolicyActionName;
use super::{DocsFile, Mail, Route};

macro_rules! routes {
    ($($name:ident $template:literal [$($method:ident)+],)+) => {
        /// What a [`Route`] is called, without the ids that it was asked with.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum RouteName {
            $(#[doc = concat!("`", $template, "`")] $name,)+
        }

        impl RouteName {
            /// Every one of them.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The path, with parameters in braces (RFC 6570 §1.2).
            pub(crate) const fn template(self) -> &'static str {
                match self {
                    $(Self::$name => $template,)+
                }
            }

            /// What may be asked there.
            pub(crate) const fn methods(self) -> &'static [Method] {
                match self {
                    $(Self::$name => &[$(Method::$method),+],)+
                }
            }
        }
    };
}

routes! {
    Health "/health" [GET HEAD],
    OpenApi "/openapi.json" [GET HEAD],
    Docs "/docs" [GET HEAD],
    DocsFile "/docs/{file}" [GET HEAD],
    WhoAmI "/api/2/whoami" [GET],
    CheckPermissions "/api/2/checkPermissions" [POST],
    Things "/api/2/things" [GET POST],
    Thing "/api/2/things/{thingId}" [GET PUT PATCH DELETE],
    ThingPolicyId "/api/2/things/{thingId}/policyId" [GET PUT PATCH],
    Definition "/api/2/things/{thingId}/definition" [GET PUT PATCH DELETE],
    Migration "/api/2/things/{thingId}/migrateDefinition" [POST],
    Attributes "/api/2/things/{thingId}/attributes" [GET PUT PATCH DELETE],
    Attribute "/api/2/things/{thingId}/attributes/{attributePath}" [GET PUT PATCH DELETE],
    Features "/api/2/things/{thingId}/features" [GET PUT PATCH DELETE],
    Feature "/api/2/things/{thingId}/features/{featureId}" [GET PUT PATCH DELETE],
    FeatureDefinition "/api/2/things/{thingId}/features/{featureId}/definition" [GET PUT PATCH DELETE],
    FeatureProperties "/api/2/things/{thingId}/features/{featureId}/properties" [GET PUT PATCH DELETE],
    FeatureProperty "/api/2/things/{thingId}/features/{featureId}/properties/{propertyPath}" [GET PUT PATCH DELETE],
    FeatureDesiredProperties "/api/2/things/{thingId}/features/{featureId}/desiredProperties" [GET PUT PATCH DELETE],
    FeatureDesiredProperty "/api/2/things/{thingId}/features/{featureId}/desiredProperties/{propertyPath}" [GET PUT PATCH DELETE],
    Claim "/api/2/things/{thingId}/inbox/claim" [POST],
    Inbox "/api/2/things/{thingId}/inbox/messages" [POST GET],
    InboxMessage "/api/2/things/{thingId}/inbox/messages/{messageSubject}" [POST GET],
    Outbox "/api/2/things/{thingId}/outbox/messages" [POST GET],
    OutboxMessage "/api/2/things/{thingId}/outbox/messages/{messageSubject}" [POST GET],
    FeatureInbox "/api/2/things/{thingId}/features/{featureId}/inbox/messages" [POST GET],
    FeatureInboxMessage "/api/2/things/{thingId}/features/{featureId}/inbox/messages/{messageSubject}" [POST GET],
    FeatureOutbox "/api/2/things/{thingId}/features/{featureId}/outbox/messages" [POST GET],
    FeatureOutboxMessage "/api/2/things/{thingId}/features/{featureId}/outbox/messages/{messageSubject}" [POST GET],
    Policies "/api/2/policies" [POST],
    Policy "/api/2/policies/{policyId}" [GET PUT DELETE],
    Activation "/api/2/policies/{policyId}/actions/activateTokenIntegration" [POST],
    Deactivation "/api/2/policies/{policyId}/actions/deactivateTokenIntegration" [POST],
    Entries "/api/2/policies/{policyId}/entries" [GET PUT],
    Entry "/api/2/policies/{policyId}/entries/{label}" [GET PUT DELETE],
    EntryActivation "/api/2/policies/{policyId}/entries/{label}/actions/activateTokenIntegration" [POST],
    EntryDeactivation "/api/2/policies/{policyId}/entries/{label}/actions/deactivateTokenIntegration" [POST],
    Subjects "/api/2/policies/{policyId}/entries/{label}/subjects" [GET PUT],
    Subject "/api/2/policies/{policyId}/entries/{label}/subjects/{subjectId}" [GET PUT DELETE],
    Resources "/api/2/policies/{policyId}/entries/{label}/resources" [GET PUT],
    Resource "/api/2/policies/{policyId}/entries/{label}/resources/{resourcePath}" [GET PUT DELETE],
    Namespaces "/api/2/policies/{policyId}/entries/{label}/namespaces" [GET PUT],
    Importable "/api/2/policies/{policyId}/entries/{label}/importable" [GET PUT],
    AllowedAdditions "/api/2/policies/{policyId}/entries/{label}/allowedAdditions" [GET PUT DELETE],
    References "/api/2/policies/{policyId}/entries/{label}/references" [GET PUT DELETE],
    Imports "/api/2/policies/{policyId}/imports" [GET PUT DELETE],
    Import "/api/2/policies/{policyId}/imports/{importedPolicyId}" [GET PUT DELETE],
    ImportEntries "/api/2/policies/{policyId}/imports/{importedPolicyId}/entries" [GET PUT],
    TransitiveImports "/api/2/policies/{policyId}/imports/{importedPolicyId}/transitiveImports" [GET PUT],
    WebSocket "/ws/2" [GET],
}

impl RouteName {
    /// Whether a caller must have proved who it is: everywhere but where nothing is told of anybody's things.
    pub(crate) const fn needs_principal(self) -> bool {
        !matches!(
            self,
            Self::Health | Self::OpenApi | Self::Docs | Self::DocsFile
        )
    }
}

impl RouteName {
    /// Whether it belongs to the page that shows the description, which has a switch of its own.
    pub(crate) const fn is_of_page(self) -> bool {
        matches!(self, Self::Docs | Self::DocsFile)
    }
}

impl Route {
    /// The row of the table that it belongs to.
    pub(crate) fn name(&self) -> RouteName {
        match self {
            Self::Health => RouteName::Health,
            Self::OpenApi => RouteName::OpenApi,
            Self::Docs(DocsFile::Page) => RouteName::Docs,
            Self::Docs(DocsFile::Style | DocsFile::Script) => RouteName::DocsFile,
            Self::WhoAmI => RouteName::WhoAmI,
            Self::CheckPermissions => RouteName::CheckPermissions,
            Self::Things => RouteName::Things,
            Self::Thing(_, resource) => of_thing(resource),
            Self::Migration(_) => RouteName::Migration,
            Self::Message(_, mail) => of_mail(mail),
            Self::Policies => RouteName::Policies,
            Self::Policy(_, resource) => of_policy(resource),
            Self::PolicyAction(_, label, action) => of_action(label.is_some(), *action),
            Self::WebSocket => RouteName::WebSocket,
        }
    }
}

const fn of_thing(resource: &ThingResource) -> RouteName {
    match resource {
        ThingResource::Thing => RouteName::Thing,
        ThingResource::PolicyId => RouteName::ThingPolicyId,
        ThingResource::Definition => RouteName::Definition,
        ThingResource::Attributes => RouteName::Attributes,
        ThingResource::Attribute(_) => RouteName::Attribute,
        ThingResource::Features => RouteName::Features,
        ThingResource::Feature(_) => RouteName::Feature,
        ThingResource::FeatureDefinition(_) => RouteName::FeatureDefinition,
        ThingResource::FeatureProperties(_) => RouteName::FeatureProperties,
        ThingResource::FeatureProperty(..) => RouteName::FeatureProperty,
        ThingResource::FeatureDesiredProperties(_) => RouteName::FeatureDesiredProperties,
        ThingResource::FeatureDesiredProperty(..) => RouteName::FeatureDesiredProperty,
    }
}

fn of_mail(mail: &Mail) -> RouteName {
    use MessageDirection::{From, To};
    match mail {
        Mail::Claim => RouteName::Claim,
        Mail::Message(path) => match (path.feature_id(), path.direction()) {
            (None, To) => RouteName::InboxMessage,
            (None, From) => RouteName::OutboxMessage,
            (Some(_), To) => RouteName::FeatureInboxMessage,
            (Some(_), From) => RouteName::FeatureOutboxMessage,
        },
        Mail::Box {
            feature_id,
            direction,
        } => match (feature_id, direction) {
            (None, To) => RouteName::Inbox,
            (None, From) => RouteName::Outbox,
            (Some(_), To) => RouteName::FeatureInbox,
            (Some(_), From) => RouteName::FeatureOutbox,
        },
    }
}

const fn of_policy(resource: &PolicyResource) -> RouteName {
    match resource {
        PolicyResource::Policy => RouteName::Policy,
        PolicyResource::Entries => RouteName::Entries,
        PolicyResource::Entry(_) => RouteName::Entry,
        PolicyResource::Subjects(_) => RouteName::Subjects,
        PolicyResource::Subject(..) => RouteName::Subject,
        PolicyResource::Resources(_) => RouteName::Resources,
        PolicyResource::Resource(..) => RouteName::Resource,
        PolicyResource::Namespaces(_) => RouteName::Namespaces,
        PolicyResource::Importable(_) => RouteName::Importable,
        PolicyResource::AllowedAdditions(_) => RouteName::AllowedAdditions,
        PolicyResource::References(_) => RouteName::References,
        PolicyResource::Imports => RouteName::Imports,
        PolicyResource::Import(_) => RouteName::Import,
        PolicyResource::ImportEntries(_) => RouteName::ImportEntries,
        PolicyResource::ImportTransitiveImports(_) => RouteName::TransitiveImports,
    }
}

const fn of_action(is_of_entry: bool, action: PolicyActionName) -> RouteName {
    match (is_of_entry, action) {
        (false, PolicyActionName::Activate) => RouteName::Activation,
        (false, PolicyActionName::Deactivate) => RouteName::Deactivation,
        (true, PolicyActionName::Activate) => RouteName::EntryActivation,
        (true, PolicyActionName::Deactivate) => RouteName::EntryDeactivation,
    }
}
