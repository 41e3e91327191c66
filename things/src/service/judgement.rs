//! What the conditional headers of a write say of what exists, without telling more than the writer may read.

use journal::Revision;
use policies::{EntityTag, IfEqual, PreconditionOutcome};

use super::permit::Writer;
use super::write::precondition_failed;
use crate::change::{Change, Operation};
use crate::{Error, ThingResource};

impl Writer<'_> {
    /// What to do with a write that changes nothing; whether it does is not for those who may not read what is there.
    pub(super) fn if_equal(&self, change: &Change) -> IfEqual {
        match self.context.headers.if_equal {
            IfEqual::Update => IfEqual::Update,
            wanted @ (IfEqual::Skip | IfEqual::SkipMinimizingMerge) if self.may_read(change) => {
                wanted
            }
            IfEqual::Skip | IfEqual::SkipMinimizingMerge => IfEqual::Update,
        }
    }

    /// Refuses what the conditions of the command do not allow; patches of ids may also name the thing's own tag.
    pub(super) fn check_precondition(
        &self,
        change: &Change,
        etag: Option<EntityTag>,
        revision: Revision,
    ) -> Result<(), Error> {
        let precondition = &self.context.headers.precondition;
        let may_know = self.may_read_in(change);
        // Revisions say nothing of what a thing holds, and every answer to a write tells them.
        let mut outcome = if may_know || change.resource == ThingResource::Thing {
            precondition.evaluate(etag.as_ref())
        } else {
            precondition.evaluate_unseen(etag.is_some())
        };
        let is_scalar_patch = matches!(change.operation, Operation::Merge { .. })
            && matches!(
                change.resource,
                ThingResource::PolicyId | ThingResource::Definition
            );
        if is_scalar_patch && outcome != PreconditionOutcome::NotModified {
            let by_thing = precondition.evaluate(Some(&EntityTag::Revision(revision)));
            if by_thing != PreconditionOutcome::Failed {
                outcome = by_thing;
            }
        }
        match outcome {
            PreconditionOutcome::Proceed => Ok(()),
            PreconditionOutcome::NotModified | PreconditionOutcome::Failed => {
                Err(precondition_failed(change, etag.filter(|_| may_know)))
            }
        }
    }
}
