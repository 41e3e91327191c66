//! The past of policies: read back from their events, and forgotten when it is old enough.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use journal::{
    Entity, EntityKind, Forgetting, Memo, Past, Record, Replayed, Retention, Revision, StoreError,
};
use serde_json::{Map, Value};

use super::Policies;
use super::load::{Loaded, key, store_error};
use super::retrieve::{may_read_part, visible};
use crate::replay::Snapshot;
use crate::stored::StoredPolicy;
use crate::{
    CommandContext, Enforcer, Error, FieldSelector, PolicyEvent, PolicyId, PolicyResource,
    PolicyResponse, Principal,
};

impl Policies {
    /// The same policies with other bounds on their past.
    #[must_use]
    pub fn with_retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// Reads a part of a policy as it was; who may see what of it, the policy of today decides.
    ///
    /// It is made from many events: away from where others wait.
    ///
    /// # Errors
    ///
    /// As a read of today's policy; [`Error::HistoryNotFound`] if there was no such state or if it is forgotten.
    pub fn retrieve_past(
        &self,
        context: &CommandContext,
        (policy_id, resource): (&PolicyId, &PolicyResource),
        fields: Option<&FieldSelector>,
        past: Past,
    ) -> Result<PolicyResponse, Error> {
        self.retrieve_at(context, (policy_id, resource), fields, Some(past))
    }

    /// The policy as it was, if that is still known.
    pub(super) fn loaded_at(
        &self,
        policy_id: &PolicyId,
        loaded: Loaded,
        (past, now): (Past, Timestamp),
    ) -> Result<Loaded, Error> {
        let not_found = || Error::HistoryNotFound {
            policy_id: policy_id.clone(),
        };
        let failed = |source| store_error(policy_id, source);
        let key = key(policy_id);
        let entity = (&key, &*loaded.entity);
        let revision = self
            .retention
            .revision_at(&*self.journal, entity, (past, now))
            .map_err(failed)?
            .ok_or_else(not_found)?;
        if revision == loaded.entity.revision {
            return Ok(loaded);
        }
        let snapshot: Option<Snapshot> = self.journal.replay(&key, revision).map_err(failed)?;
        let snapshot = snapshot.ok_or_else(not_found)?;
        Ok(Loaded {
            stored: Arc::new(StoredPolicy::new(snapshot.policy.ok_or_else(not_found)?)),
            entity: Arc::new(Entity {
                revision,
                position: loaded.entity.position,
                created: snapshot.created,
                modified: snapshot.modified,
                state: None,
                memo: Memo::default(),
            }),
        })
    }

    /// Up to `limit` records of a policy's past from a revision on, as far as they may still be shown at `now`.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if the store could not be read.
    pub fn past(
        &self,
        policy_id: &PolicyId,
        (from_revision, limit): (Revision, usize),
        now: Timestamp,
    ) -> Result<Vec<Arc<Record>>, Error> {
        let part = (&key(policy_id), from_revision, limit);
        self.retention
            .history(&*self.journal, part, now)
            .map_err(|source| store_error(policy_id, source))
    }

    /// What the principal may see of an event of the past; `None` if nothing. The policy of today decides.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the policy is gone, or as [`Policies::policy_enforcer`].
    pub fn visible_event(
        &self,
        principal: &Principal,
        event: &PolicyEvent,
        now: Timestamp,
    ) -> Result<Option<PolicyEvent>, Error> {
        let enforcer = self.policy_enforcer(&event.policy_id, now)?;
        let enforcer = enforcer.ok_or_else(|| Error::NotFound {
            policy_id: event.policy_id.clone(),
            resource: Box::new(PolicyResource::Policy),
        })?;
        if !may_read_part(&enforcer, principal, &event.resource) {
            return Ok(None);
        }
        let mut seen = event.clone();
        if let Some((_, value)) = &mut seen.value {
            let whole = value.take();
            *value = if event.is_about_several() {
                visible_subjects(&enforcer, principal, whole)
            } else {
                visible(&enforcer, principal, &event.resource, whole)
            };
            if event.is_about_several() && value.as_object().is_some_and(Map::is_empty) {
                return Ok(None);
            }
        }
        Ok(Some(seen))
    }

    /// Forgets what is older than allowed of some policies whose ids sort after `after`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the policies themselves could not be read.
    pub fn forget_past(
        &self,
        after: Option<&str>,
        now: Timestamp,
    ) -> Result<Forgetting, StoreError> {
        let place = (EntityKind::Policy, after);
        self.retention
            .forget::<Snapshot>(&*self.journal, place, now)
    }

    /// Forgets what was kept of announcements once and is not any more: it has no past that anybody may read.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it could not be read.
    pub fn forget_announcements(
        &self,
        after: Option<&str>,
        now: Timestamp,
    ) -> Result<Forgetting, StoreError> {
        let nothing = Retention {
            age: std::time::Duration::ZERO,
            revisions_max: 1,
        };
        let place = (EntityKind::Announcement, after);
        nothing.forget::<Pastless>(&*self.journal, place, now)
    }
}

/// Subjects by id, or ids of subjects, by the label of their entry: those that the principal may see.
fn visible_subjects(enforcer: &Enforcer, principal: &Principal, by_label: Value) -> Value {
    let Value::Object(by_label) = by_label else {
        return Value::Null;
    };
    let resource = |label: &str, id: &str| {
        let label = label.parse().ok()?;
        Some(PolicyResource::Subject(label, id.parse().ok()?))
    };
    let of_entry = |(label, subjects): (String, Value)| {
        let seen = match subjects {
            Value::Object(subjects) => {
                let seen = subjects.into_iter().filter_map(|(id, subject)| {
                    let resource = resource(&label, &id)?;
                    may_read_part(enforcer, principal, &resource)
                        .then(|| (id, visible(enforcer, principal, &resource, subject)))
                });
                Value::Object(seen.collect())
            }
            Value::Array(mut ids) => {
                ids.retain(|id| {
                    let resource = id.as_str().and_then(|id| resource(&label, id));
                    resource.is_some_and(|resource| may_read_part(enforcer, principal, &resource))
                });
                Value::Array(ids)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Value::Null,
        };
        let is_empty = match &seen {
            Value::Object(subjects) => subjects.is_empty(),
            Value::Array(ids) => ids.is_empty(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
        };
        (!is_empty).then_some((label, seen))
    };
    Value::Object(by_label.into_iter().filter_map(of_entry).collect())
}

/// Has a present only.
#[derive(Default)]
struct Pastless;

impl Replayed for Pastless {
    fn encode(&self) -> Bytes {
        Bytes::new()
    }

    fn decode(_base: &[u8]) -> Result<Self, StoreError> {
        Ok(Self)
    }

    fn advance(&mut self, _record: &Record) -> Result<(), StoreError> {
        Ok(())
    }
}
