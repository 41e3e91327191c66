//! Rules about a whole policy that a write must not break.

use std::collections::HashSet;

use jiff::Timestamp;

use crate::effective::EffectiveEntries;
use crate::{
    Error, Importable, Label, Permission, Pointer, Policy, PolicyEntry, PolicyId, PolicyResource,
    Reference, ResourceKey, ResourceType, SubjectId,
};

/// Refuses subjects that are expired already.
pub(crate) fn check_expiry(policy: &Policy, now: Timestamp) -> Result<(), Error> {
    match policy
        .subjects()
        .find(|(_, subject)| subject.is_expired(now))
    {
        None => Ok(()),
        Some((subject_id, subject)) => Err(Error::SubjectExpired {
            subject_id: subject_id.clone(),
            expiry: subject.expiry.unwrap_or(now),
        }),
    }
}

/// Refuses references that name nothing, themselves, or the same twice.
pub(crate) fn check_references(policy: &Policy) -> Result<(), Error> {
    for (label, entry) in &policy.entries {
        for (at, reference) in entry.references.iter().enumerate() {
            let is_duplicate = entry
                .references
                .iter()
                .take(at)
                .any(|each| each == reference);
            check_reference(policy, label, reference, is_duplicate)
                .map_err(|reason| Error::InvalidEntry { reason })?;
        }
    }
    Ok(())
}

fn check_reference(
    policy: &Policy,
    label: &Label,
    reference: &Reference,
    is_duplicate: bool,
) -> Result<(), String> {
    let target = &reference.entry;
    if is_duplicate {
        return Err(format!("entry `{label}` references `{target}` twice"));
    }
    match &reference.import {
        Some(import) if !policy.imports.contains_key(import) => Err(format!(
            "entry `{label}` references policy `{import}`, which is not imported"
        )),
        Some(_) => Ok(()),
        None if target == label => Err(format!("entry `{label}` must not reference itself")),
        None => match policy.entries.get(target).map(|entry| entry.importable) {
            None => Err(format!(
                "entry `{label}` references `{target}`, which does not exist"
            )),
            Some(Importable::Never) => Err(format!(
                "entry `{label}` references `{target}`, which is importable never"
            )),
            Some(Importable::Implicit | Importable::Explicit) => Ok(()),
        },
    }
}

/// Refuses to take away what other entries reference: for writes of a part, not of all entries.
pub(crate) fn check_targets(
    before: &Policy,
    after: &Policy,
    resource: &PolicyResource,
) -> Result<(), Error> {
    match resource {
        PolicyResource::Entry(label) if !after.entries.contains_key(label) => {
            refuse_referenced_entry(before, label)
        }
        PolicyResource::Importable(label) => match after.entries.get(label) {
            Some(entry) if entry.importable == Importable::Never => {
                refuse_referenced_entry(before, label)
            }
            Some(_) | None => Ok(()),
        },
        PolicyResource::Imports | PolicyResource::Import(_) | PolicyResource::ImportEntries(_) => {
            refuse_referenced_imports(before, after)
        }
        PolicyResource::Policy
        | PolicyResource::Entries
        | PolicyResource::Entry(_)
        | PolicyResource::Subjects(_)
        | PolicyResource::Subject(..)
        | PolicyResource::Resources(_)
        | PolicyResource::Resource(..)
        | PolicyResource::Namespaces(_)
        | PolicyResource::AllowedAdditions(_)
        | PolicyResource::References(_)
        | PolicyResource::ImportTransitiveImports(_) => Ok(()),
    }
}

fn refuse_referenced_entry(policy: &Policy, label: &Label) -> Result<(), Error> {
    let is_referenced = policy
        .entries
        .iter()
        .filter(|(each, _)| *each != label)
        .flat_map(|(_, entry)| &entry.references)
        .any(|reference| reference.import.is_none() && reference.entry == *label);
    if is_referenced {
        return Err(Error::EntryReferenced {
            policy_id: policy.policy_id.clone(),
            label: label.clone(),
        });
    }
    Ok(())
}

/// Every import that entries reference must stay, with the labels that it listed for them.
fn refuse_referenced_imports(before: &Policy, after: &Policy) -> Result<(), Error> {
    let references = after.entries.values().flat_map(|entry| &entry.references);
    for reference in references {
        let Some(imported) = &reference.import else {
            continue;
        };
        let listed = |policy: &Policy| {
            policy
                .imports
                .get(imported)
                .is_some_and(|import| import.entries.contains(&reference.entry))
        };
        let is_gone = !after.imports.contains_key(imported);
        if is_gone || (listed(before) && !listed(after)) {
            return Err(Error::ImportReferenced {
                policy_id: after.policy_id.clone(),
                imported: imported.clone(),
            });
        }
    }
    Ok(())
}

/// Refuses a policy that nobody could write for good: some subject that does not expire needs WRITE on `policy:/`,
/// in `entries`, which are the policy's own and the imported ones.
pub(crate) fn check_lockout(
    policy_id: &PolicyId,
    entries: &EffectiveEntries,
    resource: &PolicyResource,
) -> Result<(), Error> {
    let root = ResourceKey::new(ResourceType::Policy, Pointer::root());
    let permissions = |entry: &PolicyEntry| entry.resources.get(&root).cloned().unwrap_or_default();
    let revoked: HashSet<&SubjectId> = entries
        .values()
        .filter(|entry| permissions(entry).revoked.contains(&Permission::WRITE))
        .flat_map(|entry| entry.subjects.keys())
        .collect();
    let is_writable = entries
        .values()
        .filter(|entry| permissions(entry).granted.contains(&Permission::WRITE))
        .flat_map(|entry| &entry.subjects)
        .any(|(id, subject)| subject.expiry.is_none() && !revoked.contains(id));
    if is_writable {
        return Ok(());
    }
    Err(Error::Lockout {
        policy_id: policy_id.clone(),
        label: resource.label().cloned(),
    })
}
