//! What each route is about: its group, its name in sentences, the schema of what lies there.

use crate::routes::RouteName;

/// The groups, in the order of the page.
pub(super) const TAGS: [(&str, &str); 5] = [
    (
        "Things",
        "Digital twins: their definition, attributes and features.",
    ),
    (
        "Messages",
        "To and from devices: nothing is kept, whoever listens may answer.",
    ),
    ("Policies", "Who may do what."),
    ("Caller", "As whom a caller is known and what it may do."),
    (
        "Gateway",
        "Its health, its description, and the way to its streams.",
    ),
];

/// The group of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    Things,
    Messages,
    Policies,
    Caller,
    Gateway,
}

impl Tag {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Things => "Things",
            Self::Messages => "Messages",
            Self::Policies => "Policies",
            Self::Caller => "Caller",
            Self::Gateway => "Gateway",
        }
    }
}

/// What a route is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject {
    pub(super) tag: Tag,
    /// As in "Read the attributes".
    pub(super) noun: &'static str,
    /// The name of the schema.
    pub(super) schema: &'static str,
}

impl Subject {
    #[expect(clippy::too_many_lines, reason = "a line for each route")]
    pub(super) const fn of(name: RouteName) -> Self {
        let (tag, noun, schema) = match name {
            RouteName::Health => (Tag::Gateway, "the health of the gateway", "Health"),
            RouteName::OpenApi => (Tag::Gateway, "this description", "OpenApi"),
            RouteName::Docs => (Tag::Gateway, "the page that shows this description", "Page"),
            RouteName::DocsFile => (Tag::Gateway, "a file of that page", "Page"),
            RouteName::WebSocket => (Tag::Gateway, "a WebSocket", "Json"),
            RouteName::WhoAmI => (Tag::Caller, "as whom you are known", "WhoAmI"),
            RouteName::CheckPermissions => (Tag::Caller, "permissions", "PermissionAnswers"),
            RouteName::Things => (Tag::Things, "several things", "Things"),
            RouteName::Thing => (Tag::Things, "the thing", "Thing"),
            RouteName::ThingPolicyId => (Tag::Things, "the id of the thing's policy", "PolicyId"),
            RouteName::Definition => (Tag::Things, "the definition of the thing", "Definition"),
            RouteName::Migration => (Tag::Things, "the thing", "Migrated"),
            RouteName::Attributes => (Tag::Things, "all attributes", "Attributes"),
            RouteName::Attribute => (Tag::Things, "an attribute", "Json"),
            RouteName::Features => (Tag::Things, "all features", "Features"),
            RouteName::Feature => (Tag::Things, "a feature", "Feature"),
            RouteName::FeatureDefinition => (
                Tag::Things,
                "the definition of a feature",
                "FeatureDefinition",
            ),
            RouteName::FeatureProperties => {
                (Tag::Things, "all properties of a feature", "Properties")
            }
            RouteName::FeatureProperty => (Tag::Things, "a property of a feature", "Json"),
            RouteName::FeatureDesiredProperties => (
                Tag::Things,
                "all desired properties of a feature",
                "Properties",
            ),
            RouteName::FeatureDesiredProperty => {
                (Tag::Things, "a desired property of a feature", "Json")
            }
            RouteName::Claim => (Tag::Messages, "the thing", "Json"),
            RouteName::Inbox | RouteName::InboxMessage => (Tag::Messages, "the thing", "Json"),
            RouteName::Outbox | RouteName::OutboxMessage => (Tag::Messages, "the thing", "Json"),
            RouteName::FeatureInbox | RouteName::FeatureInboxMessage => {
                (Tag::Messages, "a feature", "Json")
            }
            RouteName::FeatureOutbox | RouteName::FeatureOutboxMessage => {
                (Tag::Messages, "a feature", "Json")
            }
            RouteName::Policies => (Tag::Policies, "a policy", "Policy"),
            RouteName::Policy => (Tag::Policies, "the policy", "Policy"),
            RouteName::Activation
            | RouteName::Deactivation
            | RouteName::EntryActivation
            | RouteName::EntryDeactivation => (Tag::Policies, "token integration", "Activation"),
            RouteName::Entries => (Tag::Policies, "all entries", "Entries"),
            RouteName::Entry => (Tag::Policies, "an entry", "Entry"),
            RouteName::Subjects => (Tag::Policies, "all subjects of an entry", "Subjects"),
            RouteName::Subject => (Tag::Policies, "a subject of an entry", "Subject"),
            RouteName::Resources => (Tag::Policies, "all resources of an entry", "Resources"),
            RouteName::Resource => (Tag::Policies, "a resource of an entry", "Resource"),
            RouteName::Namespaces => (
                Tag::Policies,
                "the namespaces that an entry is for",
                "Namespaces",
            ),
            RouteName::Importable => (
                Tag::Policies,
                "whether an entry may be imported",
                "Importable",
            ),
            RouteName::AllowedAdditions => (
                Tag::Policies,
                "what may be added to an entry where it is referenced",
                "AllowedAdditions",
            ),
            RouteName::References => (
                Tag::Policies,
                "the entries that an entry builds on",
                "References",
            ),
            RouteName::Imports => (Tag::Policies, "all imports", "Imports"),
            RouteName::Import => (Tag::Policies, "an import", "Import"),
            RouteName::ImportEntries => (Tag::Policies, "the entries that are imported", "Labels"),
            RouteName::TransitiveImports => (
                Tag::Policies,
                "the imports of the imported policy that count",
                "PolicyIds",
            ),
        };
        Self { tag, noun, schema }
    }

    /// Whether there are parts to choose from when it is read.
    pub(super) fn is_selectable(self) -> bool {
        match self.tag {
            Tag::Things => !matches!(
                self.schema,
                "Json" | "PolicyId" | "Definition" | "FeatureDefinition" | "Migrated"
            ),
            Tag::Policies => self.schema == "Policy",
            Tag::Messages | Tag::Caller | Tag::Gateway => false,
        }
    }
}
