//! Who may write, import and reference.

use indexmap::IndexMap;

use super::Policies;
use crate::part::Part;
use crate::{
    CommandContext, Enforcer, Error, Import, Importable, Permission, Pointer, PolicyId,
    PolicyResource, Principal, Purpose, Reference, ResourceType,
};

/// Whether the principal may write `resource` and everything below it.
pub(super) fn may_write(
    enforcer: &Enforcer,
    principal: &Principal,
    resource: &PolicyResource,
) -> bool {
    let (subjects, path) = (principal.subjects(), &resource.pointer());
    enforcer.unrestricted(subjects, &ResourceType::Policy, path, &Permission::WRITE)
}

/// Whether the principal may read `resource` and everything below it.
pub(super) fn may_read(
    enforcer: &Enforcer,
    principal: &Principal,
    resource: &PolicyResource,
) -> bool {
    let (subjects, path) = (principal.subjects(), &resource.pointer());
    enforcer.unrestricted(subjects, &ResourceType::Policy, path, &Permission::READ)
}

fn may_read_entry(enforcer: &Enforcer, principal: &Principal, label: &str) -> bool {
    enforcer.unrestricted(
        principal.subjects(),
        &ResourceType::Policy,
        &Pointer::from_segments(["entries", label]),
        &Permission::READ,
    )
}

impl Policies {
    /// Whether the principal may import and reference what `part` imports and references.
    pub(super) fn check_foreign(&self, context: &CommandContext, part: &Part) -> Result<(), Error> {
        let imports = part.imports();
        self.check_import_count(imports.map_or(0, IndexMap::len))?;
        for (imported, import) in imports.into_iter().flatten() {
            self.check_import(context, imported, import)?;
        }
        for reference in part.references() {
            if let Some(imported) = &reference.import {
                self.check_reference(context, part, imported, reference)?;
            }
        }
        Ok(())
    }

    /// Whether there may be as many imports.
    pub(super) fn check_import_count(&self, actual: usize) -> Result<(), Error> {
        let max = self.limits.imports_max;
        if actual > max {
            return Err(Error::TooManyImports { actual, max });
        }
        Ok(())
    }

    /// Whether the principal may READ every entry that the import takes over.
    pub(super) fn check_import(
        &self,
        context: &CommandContext,
        imported: &PolicyId,
        import: &Import,
    ) -> Result<(), Error> {
        context.check_reach(Purpose::FollowPolicy, imported.namespace())?;
        let loaded = self.load(imported)?.ok_or_else(|| missing(imported))?;
        let enforcer = self.enforcer_of(&loaded, None, context.now)?;
        let entries = self.effective_entries(&loaded.stored.policy)?;
        let implicit = entries
            .iter()
            .filter(|(_, entry)| entry.importable == Importable::Implicit)
            .map(|(label, _)| label.as_str());
        let listed = import.entries.iter().map(|label| label.as_str());
        if implicit
            .chain(listed)
            .all(|label| may_read_entry(&enforcer, &context.principal, label))
        {
            return Ok(());
        }
        Err(Error::ImportNotAccessible {
            policy_id: imported.clone(),
        })
    }

    fn check_reference(
        &self,
        context: &CommandContext,
        part: &Part,
        imported: &PolicyId,
        reference: &Reference,
    ) -> Result<(), Error> {
        let invalid = |reason| Err(Error::InvalidImport { reason });
        if let Part::Policy(policy) = part
            && !policy.imports.contains_key(imported)
        {
            return invalid(format!("policy `{imported}` is referenced, not imported"));
        }
        context.check_reach(Purpose::FollowPolicy, imported.namespace())?;
        let loaded = self.load(imported)?.ok_or_else(|| missing(imported))?;
        let entries = self.effective_entries(&loaded.stored.policy)?;
        let label = reference.entry.as_str();
        match entries.get(label).map(|entry| entry.importable) {
            None => return invalid(format!("policy `{imported}` has no entry `{label}`")),
            Some(Importable::Never) => {
                return invalid(format!(
                    "entry `{label}` of policy `{imported}` is importable never"
                ));
            }
            Some(Importable::Implicit | Importable::Explicit) => {}
        }
        let enforcer = self.enforcer_of(&loaded, None, context.now)?;
        if may_read_entry(&enforcer, &context.principal, label) {
            return Ok(());
        }
        Err(Error::ImportNotAccessible {
            policy_id: imported.clone(),
        })
    }
}

fn missing(policy_id: &PolicyId) -> Error {
    Error::NotFound {
        policy_id: policy_id.clone(),
        resource: Box::new(PolicyResource::Policy),
    }
}
