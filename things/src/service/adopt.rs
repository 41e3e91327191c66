//! Things that come from elsewhere: checked like any other, but nobody's permission is asked.

use jiff::Timestamp;
use journal::{Append, AppendError, Entity, Memo, Revision};
use policies::{Adopted, Adoption, Existing, Pointer, PolicyId};
use serde_json::Value;
use std::sync::Arc;

use super::{Loaded, Stored, Things, key};
use crate::change::{self, Change, Operation};
use crate::metadata::{self, Written};
use crate::model::ThingBody;
use crate::state::{self, ThingState};
use crate::{Error, EventAction, EventHeaders, ThingAction, ThingEvent, ThingId, ThingResource};

/// How often an adoption starts over because others changed the thing in between.
const ATTEMPTS_MAX: usize = 16;

/// Why a thing was not taken over.
#[derive(Debug, thiserror::Error)]
pub enum AdoptionError {
    /// It names no policy, and none comes with it.
    #[error("it names no policy in `policyId`")]
    PolicyMissing,
    /// It names a policy that is not there.
    #[error(
        "its policy `{policy_id}` is not there; import policies before the things that name them"
    )]
    PolicyUnknown {
        /// Which policy.
        policy_id: PolicyId,
    },
    /// There is one already that must not be.
    #[error("it exists already")]
    Exists,
    /// It is no thing, or the store failed.
    #[error(transparent)]
    Thing(#[from] Error),
}

/// A thing to take over, as it will be stored.
struct Newcomer {
    thing_id: ThingId,
    policy_id: PolicyId,
    document: Value,
    metadata: Option<Value>,
}

impl Things {
    /// Takes over the thing that `value` says. Its policy must be there.
    ///
    /// # Errors
    ///
    /// [`AdoptionError`]; nothing has changed then.
    pub async fn adopt(
        &self,
        thing_id: ThingId,
        value: Value,
        adoption: &Adoption,
    ) -> Result<Adopted, AdoptionError> {
        let newcomer = self.newcomer(thing_id, value, adoption.now)?;
        let key = key(&newcomer.thing_id);
        let _turn = self.locks.lock(&key).await;
        for _ in 0..ATTEMPTS_MAX {
            let known = self.load(&newcomer.thing_id)?;
            let appends = match &known {
                Loaded::Exists(stored) => {
                    if let Some(outcome) = settled(stored, &newcomer, adoption)? {
                        return Ok(outcome);
                    }
                    vec![newcomer.replacement(stored, adoption)?]
                }
                Loaded::Missing { .. } => {
                    let ended = self.journal.entity(&key).map_err(Error::from)?;
                    newcomer.creations(ended.as_deref(), adoption)
                }
            };
            let outcome = match known {
                Loaded::Exists(_) => Adopted::Overwritten,
                Loaded::Missing { .. } => Adopted::Created,
            };
            if adoption.is_trial {
                return Ok(outcome);
            }
            match self.journal.append(appends).await {
                Ok(_) => return Ok(outcome),
                Err(AppendError::Conflict { .. }) => {}
                Err(AppendError::Store(source)) => return Err(Error::from(source).into()),
            }
        }
        Err(AdoptionError::Thing(Error::Contended {
            thing_id: newcomer.thing_id,
        }))
    }

    fn newcomer(
        &self,
        thing_id: ThingId,
        value: Value,
        now: Timestamp,
    ) -> Result<Newcomer, AdoptionError> {
        let length_max = self.limits.thing_size_max;
        let action = ThingAction::Modify(value);
        let parsed = Change::parse(thing_id.clone(), ThingResource::Thing, action, length_max)?;
        let Some(Operation::Replace(body)) = parsed.map(|change| change.operation) else {
            unreachable!("a whole thing that is modified is replaced");
        };
        let ThingBody {
            policy_id: Some(policy_id),
            ..
        } = &body
        else {
            return Err(AdoptionError::PolicyMissing);
        };
        if self.enforcer(&thing_id, policy_id, now)?.is_none() {
            return Err(AdoptionError::PolicyUnknown {
                policy_id: policy_id.clone(),
            });
        }
        let newcomer = Newcomer {
            document: body.document(&thing_id, policy_id),
            policy_id: policy_id.clone(),
            metadata: body.metadata,
            thing_id,
        };
        let json = state::encode(&newcomer.document, newcomer.metadata.as_ref());
        change::check_length(&newcomer.thing_id, &json, length_max)?;
        Ok(newcomer)
    }
}

/// What becomes of a thing of which nothing has to be stored.
fn settled(
    stored: &Stored,
    newcomer: &Newcomer,
    adoption: &Adoption,
) -> Result<Option<Adopted>, AdoptionError> {
    match adoption.existing {
        Existing::Skip => Ok(Some(Adopted::Skipped)),
        Existing::Refuse => Err(AdoptionError::Exists),
        Existing::Overwrite => {
            let is_same = *stored.state.document()? == newcomer.document
                && stored.state.metadata()? == newcomer.metadata_after(stored)?.as_ref();
            Ok(is_same.then_some(Adopted::Unchanged))
        }
    }
}

impl Newcomer {
    fn replacement(&self, stored: &Stored, adoption: &Adoption) -> Result<Append, Error> {
        let time = adoption.overwriting(stored.entity.modified);
        let metadata = self.metadata_after(stored)?;
        let event = self.event(EventAction::Modified, stored.entity.revision + 1, time);
        Ok(self.append(event, metadata.as_ref()))
    }

    /// Its creation, and its last change if that was later.
    fn creations(&self, ended: Option<&Entity>, adoption: &Adoption) -> Vec<Append> {
        let revision = ended.map_or(0, |ended| ended.revision);
        let created = adoption.creation(ended.map(|ended| ended.modified));
        let modified = adoption.change(created);
        let at = |action, revision, time| {
            self.append(self.event(action, revision, time), self.metadata.as_ref())
        };
        let creation = at(EventAction::Created, revision + 1, created);
        let change =
            (modified != created).then(|| at(EventAction::Modified, revision + 2, modified));
        [creation].into_iter().chain(change).collect()
    }

    /// The metadata that a past read back from events will have, too.
    fn metadata_after(&self, stored: &Stored) -> Result<Option<Value>, Error> {
        let written = Written {
            pointer: &Pointer::root(),
            value: Some(&self.document),
            is_replacement: true,
            before: stored.state.document()?,
            after: &self.document,
        };
        let before = stored.state.metadata()?;
        Ok(metadata::advance(before, self.metadata.as_ref(), &written))
    }

    fn event(&self, action: EventAction, revision: Revision, timestamp: Timestamp) -> ThingEvent {
        ThingEvent {
            thing_id: self.thing_id.clone(),
            policy_id: self.policy_id.clone(),
            action,
            path: Pointer::root(),
            value: Some(self.document.clone()),
            metadata: self.metadata.clone(),
            revision,
            timestamp,
            headers: EventHeaders {
                correlation_id: "import".into(),
                ..EventHeaders::default()
            },
        }
    }

    fn append(&self, event: ThingEvent, metadata: Option<&Value>) -> Append {
        let state = state::encode(&self.document, metadata);
        Append {
            entity: key(&self.thing_id),
            expected_revision: event.revision - 1,
            timestamp: event.timestamp,
            signal: event.encode(),
            signal_memo: Memo::filled(Arc::new(event)),
            state_memo: ThingState::new(self.policy_id.clone(), &state).into_memo(),
            state: Some(state),
        }
    }
}
