//! Executes commands: authorises them with policies and keeps things in the journal.

mod adopt;
mod condition;
mod creation;
mod dump;
mod enrich;
mod history;
mod judgement;
mod listing;
mod live;
mod migration;
mod permit;
mod policy_reference;
mod read;
mod special;
mod write;

use std::sync::Arc;

use jiff::Timestamp;
use journal::{Entity, EntityKey, EntityKind, EntityLocks, Journal, Retention};
use policies::{CommandContext, Enforcer, Policies, PolicyId};

use crate::change::Change;
use crate::state::ThingState;
use crate::{
    Delivery, Error, ThingAction, ThingCommand, ThingEvent, ThingId, ThingResponse, TwinHeaders,
};

pub use adopt::AdoptionError;
pub use listing::ThingPage;
pub use live::readable_part;
pub use migration::Migrated;
pub use read::Read;

/// What things are bounded by.
#[derive(Debug, Clone)]
pub struct ThingLimits {
    /// The largest thing, in UTF-16 units of its compact JSON.
    pub thing_size_max: usize,
    /// The namespace of things that are created without one.
    pub default_namespace: String,
}

/// The digital twins.
pub struct Things {
    journal: Arc<dyn Journal>,
    policies: Arc<Policies>,
    locks: EntityLocks,
    limits: ThingLimits,
    retention: Retention,
}

/// A thing that exists.
pub(crate) struct Stored {
    entity: Arc<Entity>,
    state: Arc<ThingState>,
}

/// What the journal knows of a thing.
enum Loaded {
    Exists(Stored),
    /// Never created, or deleted; creating it continues at this revision.
    Missing {
        revision: u64,
    },
}

impl Things {
    /// Things kept in `journal` and ruled by `policies`.
    pub fn new(journal: Arc<dyn Journal>, policies: Arc<Policies>, limits: ThingLimits) -> Self {
        Self {
            journal,
            policies,
            locks: EntityLocks::default(),
            limits,
            retention: Retention::default(),
        }
    }

    /// Executes `command` on behalf of the principal of `context`.
    ///
    /// # Errors
    ///
    /// See [`Error`]; nothing has changed then.
    pub async fn execute(
        &self,
        context: &CommandContext,
        command: ThingCommand,
    ) -> Result<ThingResponse, Error> {
        self.execute_with(context, command, None).await
    }

    /// As [`Things::execute`], for a command with headers that few carry.
    ///
    /// # Errors
    ///
    /// See [`Error`]; nothing has changed then.
    pub async fn execute_with(
        &self,
        context: &CommandContext,
        command: ThingCommand,
        headers: Option<Arc<TwinHeaders>>,
    ) -> Result<ThingResponse, Error> {
        let ThingCommand {
            thing_id,
            resource,
            action,
        } = command;
        resource.validate()?;
        if let Some(headers) = &headers {
            headers.check_use(&action, resource.kind())?;
        }
        if let ThingAction::Retrieve { fields } = &action {
            let read = Read {
                thing_id: &thing_id,
                resource: &resource,
                fields: fields.as_ref(),
                headers: headers.as_deref(),
            };
            return self.retrieve(context, read).await;
        }
        match Change::parse(thing_id, resource, action, self.limits.thing_size_max)? {
            // Boxed so that reads, which are far more frequent, do not carry the size of writes around.
            Some(change) => {
                let change = change.with_headers(headers);
                let outcome = Box::pin(self.write(context, &change)).await;
                // Counting takes time, which only writes that fail anyway have.
                outcome.map_err(|error| {
                    let body = change.check_body(self.limits.thing_size_max);
                    body.err().unwrap_or(error)
                })
            }
            None => unreachable!("reads were answered above"),
        }
    }

    /// An id that nobody has, in `namespace` or else in the default one.
    ///
    /// # Errors
    ///
    /// [`Error::IdInvalid`] if `namespace` is none.
    pub fn generate_id(&self, namespace: Option<&str>) -> Result<ThingId, Error> {
        let namespace = namespace
            .filter(|namespace| !namespace.is_empty())
            .unwrap_or(&self.limits.default_namespace);
        let text = format!("{namespace}:{}", uuid::Uuid::new_v4());
        text.parse()
            .map_err(|source| Error::IdInvalid { text, source })
    }

    /// Who gets `event`: see [`Delivery`].
    ///
    /// # Errors
    ///
    /// [`Error::Policy`] if the policy could not be loaded: then nobody may get it.
    pub fn delivery(&self, event: &ThingEvent, now: Timestamp) -> Result<Delivery, Error> {
        let enforcer = self.enforcer(&event.thing_id, &event.policy_id, now)?;
        Ok(Delivery::new(event, enforcer))
    }

    /// Who gets `event` now, long after it happened: the policy that its thing follows today decides.
    ///
    /// If the thing is gone, the policy that it had at the event does.
    ///
    /// # Errors
    ///
    /// As [`Things::delivery`], and [`Error::Store`] if the thing could not be read.
    pub fn delivery_today(&self, event: &ThingEvent, now: Timestamp) -> Result<Delivery, Error> {
        let enforcer = match self.load(&event.thing_id)? {
            Loaded::Exists(Stored { state, .. }) => {
                self.enforcer(&event.thing_id, state.policy_id(), now)?
            }
            Loaded::Missing { .. } => self.enforcer(&event.thing_id, &event.policy_id, now)?,
        };
        Ok(Delivery::new(event, enforcer))
    }

    /// The policy that the thing follows; `None` if there is no such thing. For operators: no policy is asked.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if the thing could not be read.
    pub fn policy_of(&self, thing_id: &ThingId) -> Result<Option<PolicyId>, Error> {
        Ok(match self.load(thing_id)? {
            Loaded::Exists(Stored { state, .. }) => Some(state.policy_id().clone()),
            Loaded::Missing { .. } => None,
        })
    }

    fn load(&self, thing_id: &ThingId) -> Result<Loaded, Error> {
        let Some(entity) = self.journal.entity(&key(thing_id))? else {
            return Ok(Loaded::Missing { revision: 0 });
        };
        Ok(match ThingState::of_entity(&entity)? {
            Some(state) => Loaded::Exists(Stored { entity, state }),
            None => Loaded::Missing {
                revision: entity.revision,
            },
        })
    }

    fn enforcer(
        &self,
        thing_id: &ThingId,
        policy_id: &PolicyId,
        now: Timestamp,
    ) -> Result<Option<Arc<Enforcer>>, Error> {
        self.policies
            .enforcer(policy_id, thing_id.namespace(), now)
            .map_err(|source| policy_failure(thing_id, source))
    }
}

fn key(thing_id: &ThingId) -> EntityKey {
    EntityKey::new(EntityKind::Thing, thing_id.shared())
}

fn policy_failure(thing_id: &ThingId, source: policies::Error) -> Error {
    Error::Policy {
        thing_id: thing_id.clone(),
        source: Box::new(source),
    }
}

#[cfg(test)]
mod tests;
