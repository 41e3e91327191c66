//! Whether a principal may write all that a command would change.

use policies::{CommandContext, Enforcer, Permission, Pointer, ResourceType};
use serde_json::Value;

use crate::change::{Change, Operation};
use crate::metadata::{MetadataHeader, Written};
use crate::{Error, ResourceKind, ThingResource, edit, merge, metadata, view};

/// Who writes, and what the policy of the thing says.
pub(super) struct Writer<'w> {
    pub(super) context: &'w CommandContext,
    pub(super) enforcer: &'w Enforcer,
}

impl Writer<'_> {
    /// Refuses a write that the principal may not make.
    pub(super) fn authorise(&self, change: &Change) -> Result<(), Error> {
        permit(self.holds(&Permission::WRITE, change), change)
    }

    /// Whether the principal may read all that `change` names, so that it may know whether it changes anything.
    pub(super) fn may_read(&self, change: &Change) -> bool {
        self.holds(&Permission::READ, change)
    }

    /// Whether the principal may read anything of the resource that `change` is about.
    pub(super) fn may_read_in(&self, change: &Change) -> bool {
        let subjects = self.context.principal.subjects();
        view::is_partially_readable(self.enforcer, subjects, &change.pointer)
    }

    /// Refuses a write that would make an object of a scalar or array which the principal may not write.
    pub(super) fn check_displaced(&self, change: &Change, document: &Value) -> Result<(), Error> {
        permit(self.may_displace(change, document), change)
    }

    /// Refuses `header` if it is about parts that the principal may not write.
    pub(super) fn check_metadata(
        &self,
        change: &Change,
        (header, before): (&MetadataHeader, Option<&Value>),
        written: &Written<'_>,
    ) -> Result<(), Error> {
        let touched = metadata::touched(header, before, written);
        permit(touched.iter().all(|path| self.may_write_at(path)), change)
    }

    /// Whether the principal has `permission` on all that `change` names.
    fn holds(&self, permission: &Permission, change: &Change) -> bool {
        if self.may(permission, &change.pointer) {
            return true;
        }
        match &change.operation {
            Operation::Merge { patch, .. } => {
                merge::all_leaves(&change.pointer, patch, &mut |path| {
                    self.may(permission, path)
                })
            }
            Operation::Create(_)
            | Operation::Replace(_)
            | Operation::Put(_)
            | Operation::Migrate(_)
            | Operation::Delete => false,
        }
    }

    fn may_displace(&self, change: &Change, document: &Value) -> bool {
        let is_way_free = || {
            edit::obstacle(document, &change.pointer)
                .is_none_or(|obstacle| self.may_write_at(&obstacle))
        };
        match &change.operation {
            Operation::Put(_) => is_way_free(),
            Operation::Merge { patch, .. } => {
                let current = change.pointer.resolve(document);
                is_way_free()
                    && (self.may_write_at(&change.pointer)
                        || self.may_merge(&change.pointer, patch, current))
            }
            Operation::Create(_)
            | Operation::Replace(_)
            | Operation::Migrate(_)
            | Operation::Delete => true,
        }
    }

    /// Whether the principal may write each scalar and array of `current` of which `patch` makes an object.
    fn may_merge(&self, pointer: &Pointer, patch: &Value, current: Option<&Value>) -> bool {
        match (patch, current) {
            (Value::Object(changes), Some(Value::Object(members))) => changes
                .iter()
                .all(|(key, change)| self.may_merge(&pointer.child(key), change, members.get(key))),
            (Value::Object(_), Some(current)) if !current.is_null() => self.may_write_at(pointer),
            (_, _) => true,
        }
    }

    fn may_write_at(&self, path: &Pointer) -> bool {
        self.may(&Permission::WRITE, path)
    }

    fn may(&self, permission: &Permission, path: &Pointer) -> bool {
        let subjects = self.context.principal.subjects();
        self.enforcer
            .unrestricted(subjects, &ResourceType::Thing, path, permission)
    }
}

fn permit(is_allowed: bool, change: &Change) -> Result<(), Error> {
    if is_allowed {
        return Ok(());
    }
    Err(match (&change.operation, change.resource.kind()) {
        (Operation::Merge { .. }, _) => {
            Error::not_modifiable(&change.thing_id, &ThingResource::Thing)
        }
        (Operation::Delete, ResourceKind::Thing) => Error::NotDeletable {
            thing_id: change.thing_id.clone(),
        },
        (
            Operation::Create(_)
            | Operation::Replace(_)
            | Operation::Put(_)
            | Operation::Migrate(_)
            | Operation::Delete,
            _,
        ) => Error::not_modifiable(&change.thing_id, &change.resource),
    })
}
