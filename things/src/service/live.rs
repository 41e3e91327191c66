//! Signals for the device itself: authorised here, carried out elsewhere; the twin is neither read nor changed.

use std::sync::Arc;

use jiff::Timestamp;
use policies::{CommandContext, Enforcer, Pointer, PolicyId, SubjectId};
use serde_json::Value;

use super::permit::Writer;
use super::{Loaded, Things};
use crate::change::Change;
use crate::{Error, ThingAction, ThingCommand, ThingId, ThingResource, TwinHeaders, view};

impl Things {
    /// What the policy of a thing that exists grants now.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the thing or its policy does not exist, or why they could not be read.
    pub fn permissions(&self, thing_id: &ThingId, now: Timestamp) -> Result<Arc<Enforcer>, Error> {
        let not_found = || Error::not_found(thing_id, &ThingResource::Thing);
        let Loaded::Exists(stored) = self.load(thing_id)? else {
            return Err(not_found());
        };
        self.enforcer(thing_id, stored.state.policy_id(), now)?
            .ok_or_else(not_found)
    }

    /// What a policy grants now on a thing that need not exist any more.
    ///
    /// # Errors
    ///
    /// If the policy could not be read; `None` if it does not exist.
    pub fn permissions_by(
        &self,
        thing_id: &ThingId,
        policy_id: &PolicyId,
        now: Timestamp,
    ) -> Result<Option<Arc<Enforcer>>, Error> {
        self.enforcer(thing_id, policy_id, now)
    }

    /// Decides on a command to the device as on the same command to its twin, which must exist.
    ///
    /// # Errors
    ///
    /// As [`Things::execute_with`], as far as they come from the command itself, from permissions and the condition.
    pub fn permit_live(
        &self,
        context: &CommandContext,
        command: ThingCommand,
        headers: Option<&TwinHeaders>,
    ) -> Result<Arc<Enforcer>, Error> {
        let ThingCommand {
            thing_id,
            resource,
            action,
        } = command;
        resource.validate()?;
        if let ThingAction::Retrieve { .. } = action {
            let sight = self.look(context, &thing_id, &resource, None)?;
            self.require_of_twin(context, &thing_id, headers)?;
            return Ok(sight.into_enforcer());
        }
        let change = Change::parse(thing_id, resource, action, self.limits.thing_size_max)?
            .expect("everything but a retrieval changes something");
        let Loaded::Exists(stored) = self.load(&change.thing_id)? else {
            return Err(Error::not_found(&change.thing_id, &ThingResource::Thing));
        };
        let enforcer = self.enforcer_of_write(context, &change, &stored)?;
        let writer = Writer {
            context,
            enforcer: &enforcer,
        };
        writer.authorise(&change)?;
        self.require_of_twin(context, &change.thing_id, headers)?;
        Ok(enforcer)
    }

    /// Refuses a live signal whose `condition` does not hold for the twin, or with headers that only the twin honours.
    ///
    /// # Errors
    ///
    /// [`Error::ConditionFailed`], [`Error::HeaderUnusable`], and as [`Things::holds`].
    pub fn require_of_twin(
        &self,
        context: &CommandContext,
        thing_id: &ThingId,
        headers: Option<&TwinHeaders>,
    ) -> Result<(), Error> {
        let Some(headers) = headers else {
            return Ok(());
        };
        headers.check_use_on_live_channel()?;
        match &headers.condition {
            Some(condition) if !self.holds(context, thing_id, condition)? => {
                Err(Error::ConditionFailed {
                    thing_id: thing_id.clone(),
                    unreadable: None,
                })
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// What a caller with all of `subjects` may read of the `value` at `path`, wherever the value comes from.
pub fn readable_part(
    enforcer: &Enforcer,
    subjects: &[SubjectId],
    (path, value): (&Pointer, &Value),
) -> Option<Value> {
    view::of_value(enforcer, subjects, path, value)
}
