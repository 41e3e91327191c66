//! The parts of a policy as values: parsed from commands, read from a policy, put into it and taken out.

use std::sync::Arc;

use indexmap::IndexMap;
use journal::EntityKind;
use serde_json::{Value, json};

use crate::model::{
    additions_from_json, additions_to_json, entries_from_json, imports_from_json,
    namespaces_from_json, namespaces_to_json, policy_entries_from_json, references_from_json,
    refuse_self, resources_from_json, resources_to_json, subjects_from_json, subjects_to_json,
    transitive_imports_from_json,
};
use crate::{
    AllowedAddition, EntityTag, Error, Granularity, Import, Importable, Label, NamespacePattern,
    Permissions, Placeholders, Policy, PolicyEntry, PolicyId, PolicyResource, Reference,
    ResourceKey, Subject, SubjectId, TagKey, Tagged, json,
};

/// The content of a part, valid in itself.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    Policy(Policy),
    Entries(IndexMap<Label, Arc<PolicyEntry>>),
    Entry(PolicyEntry),
    Subjects(IndexMap<SubjectId, Subject>),
    Subject(Subject),
    Resources(IndexMap<ResourceKey, Permissions>),
    Resource(Permissions),
    Namespaces(Vec<NamespacePattern>),
    Importable(Importable),
    AllowedAdditions(Vec<AllowedAddition>),
    References(Vec<Reference>),
    Imports(IndexMap<PolicyId, Import>),
    Import(Import),
    ImportEntries(Vec<Label>),
    ImportTransitiveImports(Vec<PolicyId>),
}

impl Part {
    /// Reads what a client wants to put at `resource` of policy `policy_id`.
    pub(crate) fn parse(
        policy_id: &PolicyId,
        resource: &PolicyResource,
        value: &Value,
        placeholders: Placeholders<'_>,
    ) -> Result<Self, Error> {
        json::refuse_nul(value)?;
        let members = |field| Ok::<_, Error>(json::data(Some(json::object(value, field)?)));
        Ok(match resource {
            PolicyResource::Policy => {
                Self::Policy(Policy::from_json(policy_id.clone(), value, placeholders)?)
            }
            PolicyResource::Entries => {
                Self::Entries(policy_entries_from_json(members("entries")?, placeholders)?)
            }
            PolicyResource::Entry(_) => Self::Entry(PolicyEntry::from_json(value, placeholders)?),
            PolicyResource::Subjects(_) => {
                Self::Subjects(subjects_from_json(members("subjects")?, placeholders)?)
            }
            PolicyResource::Subject(..) => Self::Subject(Subject::from_json(value)?),
            PolicyResource::Resources(_) => {
                Self::Resources(resources_from_json(members("resources")?)?)
            }
            PolicyResource::Resource(..) => Self::Resource(Permissions::from_json(value)?),
            PolicyResource::Namespaces(_) => Self::Namespaces(namespaces_from_json(value)?),
            PolicyResource::Importable(_) => Self::Importable(Importable::from_json(value)?),
            PolicyResource::AllowedAdditions(_) => {
                Self::AllowedAdditions(additions_from_json(value)?)
            }
            PolicyResource::References(_) => Self::References(references_from_json(value)?),
            PolicyResource::Imports => {
                Self::Imports(imports_from_json(members("imports")?, policy_id)?)
            }
            PolicyResource::Import(id) => {
                let import = Import::from_json(value)?;
                refuse_self(policy_id, id, &import)?;
                Self::Import(import)
            }
            PolicyResource::ImportEntries(_) => Self::ImportEntries(entries_from_json(value)?),
            PolicyResource::ImportTransitiveImports(id) => {
                let ids = transitive_imports_from_json(value)?;
                let import = Import::default().with_transitive_imports(ids);
                refuse_self(policy_id, id, &import)?;
                Self::ImportTransitiveImports(import.transitive_imports)
            }
        })
    }

    /// With all times of subjects rounded up.
    pub(crate) fn rounded(mut self, granularity: Granularity) -> Self {
        let round = |subject: &mut Subject| *subject = subject.clone().rounded(granularity);
        let round_entry = |entry: &mut PolicyEntry| entry.subjects.values_mut().for_each(round);
        let round_shared = |entry: &mut Arc<PolicyEntry>| round_entry(Arc::make_mut(entry));
        match &mut self {
            Self::Policy(policy) => policy.entries.values_mut().for_each(round_shared),
            Self::Entries(entries) => entries.values_mut().for_each(round_shared),
            Self::Entry(entry) => round_entry(entry),
            Self::Subjects(subjects) => subjects.values_mut().for_each(round),
            Self::Subject(subject) => round(subject),
            Self::Resources(_)
            | Self::Resource(_)
            | Self::Namespaces(_)
            | Self::Importable(_)
            | Self::AllowedAdditions(_)
            | Self::References(_)
            | Self::Imports(_)
            | Self::Import(_)
            | Self::ImportEntries(_)
            | Self::ImportTransitiveImports(_) => {}
        }
        self
    }

    /// The imports, of parts that have all of them.
    pub(crate) fn imports(&self) -> Option<&IndexMap<PolicyId, Import>> {
        match self {
            Self::Policy(policy) => Some(&policy.imports),
            Self::Imports(imports) => Some(imports),
            Self::Entries(_)
            | Self::Entry(_)
            | Self::Subjects(_)
            | Self::Subject(_)
            | Self::Resources(_)
            | Self::Resource(_)
            | Self::Namespaces(_)
            | Self::Importable(_)
            | Self::AllowedAdditions(_)
            | Self::References(_)
            | Self::Import(_)
            | Self::ImportEntries(_)
            | Self::ImportTransitiveImports(_) => None,
        }
    }

    /// The references that the writer must be allowed to make.
    pub(crate) fn references(&self) -> Vec<&Reference> {
        match self {
            Self::Policy(policy) => all_references(policy.entries.values().map(AsRef::as_ref)),
            Self::Entries(entries) => all_references(entries.values().map(AsRef::as_ref)),
            Self::Entry(entry) => all_references([entry]),
            Self::References(references) => references.iter().collect(),
            Self::Subjects(_)
            | Self::Subject(_)
            | Self::Resources(_)
            | Self::Resource(_)
            | Self::Namespaces(_)
            | Self::Importable(_)
            | Self::AllowedAdditions(_)
            | Self::Imports(_)
            | Self::Import(_)
            | Self::ImportEntries(_)
            | Self::ImportTransitiveImports(_) => Vec::new(),
        }
    }

    /// Puts it where `resource` says; the parent is there or the part is not found.
    pub(crate) fn put(self, resource: &PolicyResource, policy: &mut Policy) -> Result<(), Error> {
        match (self, resource) {
            (Self::Policy(new), _) => *policy = new,
            (Self::Entries(entries), _) => policy.entries = entries,
            (Self::Imports(imports), _) => policy.imports = imports,
            (Self::Entry(entry), PolicyResource::Entry(label)) => {
                policy.entries.insert(label.clone(), Arc::new(entry));
            }
            (Self::Import(import), PolicyResource::Import(id)) => {
                policy.imports.insert(id.clone(), import);
            }
            (Self::ImportEntries(labels), PolicyResource::ImportEntries(id)) => {
                let import = import_mut(policy, id, resource)?;
                *import = std::mem::take(import).with_entries(labels);
            }
            (Self::ImportTransitiveImports(ids), PolicyResource::ImportTransitiveImports(id)) => {
                let import = import_mut(policy, id, resource)?;
                *import = std::mem::take(import).with_transitive_imports(ids);
            }
            (part, resource) => part.put_into_entry(resource, entry_mut(policy, resource)?),
        }
        Ok(())
    }

    fn put_into_entry(self, resource: &PolicyResource, entry: &mut PolicyEntry) {
        match self {
            Self::Subjects(subjects) => entry.subjects = subjects,
            Self::Subject(subject) => {
                if let PolicyResource::Subject(_, id) = resource {
                    entry.subjects.insert(id.clone(), subject);
                }
            }
            Self::Resources(resources) => entry.resources = resources,
            Self::Resource(permissions) => {
                if let PolicyResource::Resource(_, key) = resource {
                    entry.resources.insert(key.clone(), permissions);
                }
            }
            Self::Namespaces(namespaces) => entry.namespaces = Some(namespaces),
            Self::Importable(importable) => entry.importable = importable,
            Self::AllowedAdditions(additions) => entry.allowed_additions = Some(additions),
            Self::References(references) => entry.references = references,
            Self::Policy(_)
            | Self::Entries(_)
            | Self::Entry(_)
            | Self::Imports(_)
            | Self::Import(_)
            | Self::ImportEntries(_)
            | Self::ImportTransitiveImports(_) => {
                unreachable!("`put` placed everything that is no part of an entry")
            }
        }
    }
}

fn entry_mut<'p>(
    policy: &'p mut Policy,
    resource: &PolicyResource,
) -> Result<&'p mut PolicyEntry, Error> {
    let missing = not_found(policy, resource);
    resource
        .label()
        .and_then(|label| policy.entries.get_mut(label).map(Arc::make_mut))
        .ok_or(missing)
}

fn import_mut<'p>(
    policy: &'p mut Policy,
    id: &PolicyId,
    resource: &PolicyResource,
) -> Result<&'p mut Import, Error> {
    let missing = not_found(policy, resource);
    policy.imports.get_mut(id).ok_or(missing)
}

fn all_references<'e>(entries: impl IntoIterator<Item = &'e PolicyEntry>) -> Vec<&'e Reference> {
    entries
        .into_iter()
        .flat_map(|entry| &entry.references)
        .collect()
}

/// The JSON of a part; `None` if it is missing.
pub(crate) fn read(policy: &Policy, resource: &PolicyResource) -> Option<Value> {
    let entry = || policy.entries.get(resource.label()?).map(AsRef::as_ref);
    match resource {
        PolicyResource::Policy => Some(policy.to_json()),
        PolicyResource::Entries => Some(policy.entries_to_json()),
        PolicyResource::Entry(_) => entry().map(PolicyEntry::to_json),
        PolicyResource::Subjects(_) => entry().map(|entry| subjects_to_json(&entry.subjects)),
        PolicyResource::Subject(_, id) => entry()?.subjects.get(id).map(Subject::to_json),
        PolicyResource::Resources(_) => entry().map(|entry| resources_to_json(&entry.resources)),
        PolicyResource::Resource(_, key) => entry()?.resources.get(key).map(Permissions::to_json),
        PolicyResource::Namespaces(_) => entry()?.namespaces.as_deref().map(namespaces_to_json),
        PolicyResource::Importable(_) => entry().map(|entry| json!(entry.importable.as_str())),
        PolicyResource::AllowedAdditions(_) => entry()
            .map(|entry| additions_to_json(entry.allowed_additions.as_deref().unwrap_or_default())),
        PolicyResource::References(_) => entry().map(PolicyEntry::references_to_json),
        PolicyResource::Imports => Some(policy.imports_to_json()),
        PolicyResource::Import(id) => policy.imports.get(id).map(Import::to_json),
        PolicyResource::ImportEntries(id) => policy.imports.get(id).map(Import::entries_to_json),
        PolicyResource::ImportTransitiveImports(id) => policy
            .imports
            .get(id)
            .map(Import::transitive_imports_to_json),
    }
}

/// Takes a part out of `policy`.
pub(crate) fn remove(policy: &mut Policy, resource: &PolicyResource) -> Result<(), Error> {
    let missing = not_found(policy, resource);
    let was_there = match resource {
        PolicyResource::Entry(label) => policy.entries.shift_remove(label).is_some(),
        PolicyResource::Subject(_, id) => entry_mut(policy, resource)?
            .subjects
            .shift_remove(id)
            .is_some(),
        PolicyResource::Resource(_, key) => entry_mut(policy, resource)?
            .resources
            .shift_remove(key)
            .is_some(),
        PolicyResource::AllowedAdditions(_) => {
            entry_mut(policy, resource)?.allowed_additions = None;
            true
        }
        PolicyResource::References(_) => {
            entry_mut(policy, resource)?.references.clear();
            true
        }
        PolicyResource::Imports => {
            policy.imports.clear();
            true
        }
        PolicyResource::Import(id) => policy.imports.shift_remove(id).is_some(),
        PolicyResource::Policy
        | PolicyResource::Entries
        | PolicyResource::Subjects(_)
        | PolicyResource::Resources(_)
        | PolicyResource::Namespaces(_)
        | PolicyResource::Importable(_)
        | PolicyResource::ImportEntries(_)
        | PolicyResource::ImportTransitiveImports(_) => {
            return Err(Error::ActionNotSupported {
                resource: Box::new(resource.clone()),
                action: "deleted",
            });
        }
    };
    if was_there { Ok(()) } else { Err(missing) }
}

/// What is missing when `resource` is: its entry, if that is not there either.
pub(crate) fn not_found(policy: &Policy, resource: &PolicyResource) -> Error {
    let missing = match resource.label() {
        Some(label) if !policy.entries.contains_key(label) => PolicyResource::Entry(label.clone()),
        Some(_) | None => resource.clone(),
    };
    Error::NotFound {
        policy_id: policy.policy_id.clone(),
        resource: Box::new(missing),
    }
}

/// The tag that writes of a part are compared with and return; `None` if it is missing or such parts have none.
pub(crate) fn write_tag(
    key: &TagKey,
    policy: &Policy,
    revision: u64,
    resource: &PolicyResource,
) -> Option<EntityTag> {
    let tag = |resource: &PolicyResource, value: &Value| {
        let part = Tagged {
            kind: EntityKind::Policy,
            id: policy.policy_id.as_str(),
            path: &resource.pointer(),
        };
        key.of_value(part, value)
    };
    match resource {
        PolicyResource::Policy => Some(EntityTag::Revision(revision)),
        PolicyResource::ImportEntries(id) => {
            let import = PolicyResource::Import(id.clone());
            read(policy, &import).map(|value| tag(&import, &value))
        }
        PolicyResource::References(label) => {
            let entry = policy.entries.get(label)?;
            (!entry.references.is_empty()).then(|| tag(resource, &entry.references_to_json()))
        }
        PolicyResource::AllowedAdditions(label) => {
            let additions = policy.entries.get(label)?.allowed_additions.as_deref();
            let value = additions.map_or(Value::Null, additions_to_json);
            Some(tag(resource, &value))
        }
        PolicyResource::Namespaces(_)
        | PolicyResource::Importable(_)
        | PolicyResource::ImportTransitiveImports(_) => None,
        PolicyResource::Entries
        | PolicyResource::Entry(_)
        | PolicyResource::Subjects(_)
        | PolicyResource::Subject(..)
        | PolicyResource::Resources(_)
        | PolicyResource::Resource(..)
        | PolicyResource::Imports
        | PolicyResource::Import(_) => read(policy, resource).map(|value| tag(resource, &value)),
    }
}

/// The tag that reads of a part return.
pub(crate) fn read_tag(
    key: &TagKey,
    policy: &Policy,
    revision: u64,
    resource: &PolicyResource,
) -> Option<EntityTag> {
    if matches!(resource, PolicyResource::ImportEntries(_)) {
        return None;
    }
    write_tag(key, policy, revision, resource)
}
