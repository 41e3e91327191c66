//! Writes of policies and their parts.

mod acceptance;
mod adopt;

use std::sync::Arc;

use journal::{Append, AppendError, EntityGuard, Memo, Revision};
use json_writer::scratch::compact_json;
use serde_json::Value;

use self::acceptance::deletion;
use super::load::{Loaded, key, store_error};
use super::permit::{may_read, may_write};
use super::retrieve::may_read_part;
use super::{Policies, PreparedPolicy};
use crate::event::Happening;
use crate::model::subject_id;
use crate::part::{self, Part};
use crate::stored::StoredPolicy;
use crate::{
    CommandContext, Condition, CreatedKind, Creation, EntityTag, Error, IfEqual, Placeholders,
    Policy, PolicyEvent, PolicyId, PolicyResource, PolicyResponse, PreconditionOutcome, json,
    rules,
};

/// How often a write is tried again because others changed the policy in between.
pub(super) const ATTEMPTS_MAX: usize = 8;

/// How many writes of one policy may wait for each other.
pub(super) const WAITING_MAX: usize = 100;

/// What a write wants.
#[derive(Debug, Clone)]
enum Change {
    Put(Box<Part>),
    Remove,
}

/// A write of an existing policy, before anything was checked.
struct Write<'c> {
    context: &'c CommandContext,
    policy_id: PolicyId,
    resource: PolicyResource,
    change: Change,
}

/// What an accepted write will append and answer.
struct Accepted {
    /// Empty if nothing changes.
    appends: Vec<Append>,
    response: PolicyResponse,
}

impl Policies {
    pub(super) async fn create(
        &self,
        context: &CommandContext,
        policy_id: PolicyId,
        value: &Value,
    ) -> Result<PolicyResponse, Error> {
        let policy_id = self.with_default_namespace(policy_id)?;
        let policy = self.parse_policy(context, &policy_id, value)?;
        let _alone = self.alone(&policy_id).await?;
        self.append_creation(context, policy).await
    }

    pub(super) async fn modify(
        &self,
        context: &CommandContext,
        policy_id: PolicyId,
        resource: PolicyResource,
        value: &Value,
    ) -> Result<PolicyResponse, Error> {
        let placeholders = Placeholders::Resolve(context.principal.default_subject());
        let (mut policy_id, mut resource) = (policy_id, resource);
        if resource == PolicyResource::Policy {
            policy_id = self.with_default_namespace(policy_id)?;
        }
        if let PolicyResource::Subject(_, id) = &mut resource {
            *id = subject_id(id.as_str(), placeholders)?;
        }
        let part =
            Part::parse(&policy_id, &resource, value, placeholders)?.rounded(self.granularity());
        self.check_size(&policy_id, value)?;
        self.write(Write {
            context,
            policy_id,
            resource,
            change: Change::Put(Box::new(part)),
        })
        .await
    }

    pub(super) async fn delete(
        &self,
        context: &CommandContext,
        policy_id: PolicyId,
        resource: PolicyResource,
    ) -> Result<PolicyResponse, Error> {
        self.write(Write {
            context,
            policy_id,
            resource,
            change: Change::Remove,
        })
        .await
    }

    /// Checks that the principal may create `policy`, and makes what creates it; nothing is stored yet.
    ///
    /// # Errors
    ///
    /// Whatever creating it would return, [`Error::Conflict`] included.
    pub fn prepare_creation(
        &self,
        context: &CommandContext,
        policy: Policy,
    ) -> Result<PreparedPolicy, Error> {
        let Part::Policy(policy) = Part::Policy(policy).rounded(self.granularity()) else {
            unreachable!("rounding keeps the kind of a part");
        };
        let policy_id = policy.policy_id.clone();
        let creation = Creation {
            kind: CreatedKind::Policy,
            namespace: policy_id.namespace(),
            principal: &context.principal,
            definition: None,
        };
        let entity = self.entity(&policy_id)?;
        if !self.may_create(&creation) {
            return Err(Error::CreationRestricted { policy_id });
        }
        if entity.as_ref().is_some_and(|entity| entity.state.is_some()) {
            return Err(Error::Conflict { policy_id });
        }
        self.check_foreign(context, &Part::Policy(policy.clone()))?;
        let compiled = self.compile(&policy, context.now)?;
        let resource = PolicyResource::Policy;
        let enforcer = compiled.enforcer(None, context.now);
        if !context.headers.allow_policy_lockout
            && !may_write(&enforcer, &context.principal, &resource)
        {
            return Err(Error::NotCreatable { policy_id });
        }
        judged(&policy_id, context.headers.precondition.evaluate(None))?;
        let empty = Policy::empty(&policy_id);
        self.check_result(context, &empty, &policy, &resource)?;
        let revision = entity.map_or(0, |entity| entity.revision);
        Ok(PreparedPolicy {
            append: append(context, &resource, Happening::Created, &policy, revision),
            enforcer: compiled.enforcer(Some(policy_id.namespace()), context.now),
            policy: Arc::new(policy),
            compiled,
            now: context.now,
        })
    }

    fn parse_policy(
        &self,
        context: &CommandContext,
        policy_id: &PolicyId,
        value: &Value,
    ) -> Result<Policy, Error> {
        let placeholders = Placeholders::Resolve(context.principal.default_subject());
        let policy = Policy::from_json(policy_id.clone(), value, placeholders)?;
        self.check_size(policy_id, value)?;
        Ok(policy)
    }

    async fn append_creation(
        &self,
        context: &CommandContext,
        policy: Policy,
    ) -> Result<PolicyResponse, Error> {
        let prepared = self.prepare_creation(context, policy)?;
        let policy_id = prepared.policy.policy_id.clone();
        let revision = prepared.append.expected_revision + 1;
        match self.journal.append(vec![prepared.append]).await {
            Ok(_) => Ok(PolicyResponse::Created {
                value: prepared.policy.to_json(),
                etag: Some(EntityTag::Revision(revision)),
                revision,
                policy_id,
            }),
            Err(AppendError::Conflict { .. }) => Err(Error::Conflict { policy_id }),
            Err(AppendError::Store(source)) => Err(store_error(&policy_id, source)),
        }
    }

    /// Waits until nobody else changes the policy, unless too many wait for that already.
    pub(super) async fn alone(&self, policy_id: &PolicyId) -> Result<EntityGuard, Error> {
        let key = key(policy_id);
        let guard = self.locks.lock_unless_crowded(&key, WAITING_MAX);
        guard.await.ok_or_else(|| Error::Busy {
            policy_id: policy_id.clone(),
        })
    }

    /// Tries until nobody else changes the policy in between: only a creation together with a thing could.
    async fn write(&self, write: Write<'_>) -> Result<PolicyResponse, Error> {
        let _alone = self.alone(&write.policy_id).await?;
        for _ in 0..ATTEMPTS_MAX {
            let accepted = match (self.load(&write.policy_id)?, &write.change) {
                (Some(loaded), _) => self.accept(&write, &loaded)?,
                (None, Change::Put(part)) if write.resource == PolicyResource::Policy => {
                    let Part::Policy(policy) = &**part else {
                        unreachable!("`Part::parse` makes a policy of what is put at the root");
                    };
                    match self.append_creation(write.context, policy.clone()).await {
                        Err(Error::Conflict { policy_id }) if policy_id == write.policy_id => {
                            continue;
                        }
                        other => return other,
                    }
                }
                (None, Change::Put(_) | Change::Remove) => {
                    return Err(Error::NotFound {
                        policy_id: write.policy_id,
                        resource: Box::new(PolicyResource::Policy),
                    });
                }
            };
            if accepted.appends.is_empty() {
                return Ok(accepted.response);
            }
            match self.journal.append(accepted.appends).await {
                Ok(_) => return Ok(accepted.response),
                Err(AppendError::Conflict { .. }) => {}
                Err(AppendError::Store(source)) => {
                    return Err(store_error(&write.policy_id, source));
                }
            }
        }
        Err(Error::Busy {
            policy_id: write.policy_id,
        })
    }

    /// Checks everything about a write of a policy that exists.
    fn accept(&self, write: &Write<'_>, loaded: &Loaded) -> Result<Accepted, Error> {
        let Write {
            context,
            policy_id,
            resource,
            change,
        } = write;
        if let Change::Put(part) = change {
            self.check_foreign(context, part)?;
            if let (Part::Import(import), PolicyResource::Import(id)) = (&**part, resource) {
                self.check_import(context, id, import)?;
            }
        }
        let enforcer = self.enforcer_of(loaded, None, context.now)?;
        if !may_write(&enforcer, &context.principal, resource) {
            return Err(Error::NotModifiable {
                policy_id: policy_id.clone(),
                resource: Box::new(resource.clone()),
            });
        }
        let before = &*loaded.policy_at(context.now);
        let revision = loaded.entity.revision;
        let tag = part::write_tag(&self.tag_key, before, revision, resource);
        let exists = part::read(before, resource).is_some();
        if matches!(change, Change::Put(_)) || exists {
            let precondition = &context.headers.precondition;
            let may_know = *resource == PolicyResource::Policy
                || may_read_part(&enforcer, &context.principal, resource);
            judged(
                policy_id,
                if may_know {
                    precondition.evaluate(tag.as_ref())
                } else {
                    precondition.evaluate_unseen(exists)
                },
            )?;
        }
        if matches!((change, resource), (Change::Remove, PolicyResource::Policy)) {
            let mut accepted = deletion(context, before, revision);
            let farewells = self.farewells(&loaded.stored.policy, None, context.now)?;
            accepted.appends.extend(farewells);
            return Ok(accepted);
        }
        let mut after = before.clone();
        match change.clone() {
            Change::Put(part) => part.put(resource, &mut after)?,
            Change::Remove => part::remove(&mut after, resource)?,
        }
        if may_read(&enforcer, &context.principal, resource) {
            check_if_equal(context, before, &after, change)?;
        }
        self.check_import_part(context, &after, write)?;
        self.check_result(context, before, &after, resource)?;
        let mut accepted = self.acceptance(write, (before, revision), &after);
        if !accepted.appends.is_empty() {
            let farewells = self.farewells(&loaded.stored.policy, Some(&after), context.now)?;
            accepted.appends.extend(farewells);
        }
        Ok(accepted)
    }

    /// A part of an import may be written by those who may write it whole; Ditto checks nothing here.
    fn check_import_part(
        &self,
        context: &CommandContext,
        after: &Policy,
        write: &Write<'_>,
    ) -> Result<(), Error> {
        let (PolicyResource::ImportEntries(id) | PolicyResource::ImportTransitiveImports(id)) =
            &write.resource
        else {
            return Ok(());
        };
        match after.imports.get(id) {
            Some(import) => self.check_import(context, id, import),
            None => Ok(()),
        }
    }

    /// Checks a policy as it would be after a write.
    pub(super) fn check_result(
        &self,
        context: &CommandContext,
        before: &Policy,
        after: &Policy,
        resource: &PolicyResource,
    ) -> Result<(), Error> {
        self.check_size(&after.policy_id, &after.to_json())?;
        self.check_import_count(after.imports.len())?;
        rules::check_expiry(after, context.now)?;
        rules::check_targets(before, after, resource)?;
        rules::check_references(after)?;
        rules::check_lockout(&after.policy_id, &self.imported_entries(after)?, resource)
    }

    fn check_size(&self, policy_id: &PolicyId, value: &Value) -> Result<(), Error> {
        let (actual, max) = (json::size(value), self.limits.policy_size_max);
        if actual > max {
            return Err(Error::TooLarge {
                policy_id: policy_id.clone(),
                actual,
                max,
            });
        }
        Ok(())
    }

    fn with_default_namespace(&self, policy_id: PolicyId) -> Result<PolicyId, Error> {
        if !policy_id.namespace().is_empty() {
            return Ok(policy_id);
        }
        let namespace = &self.limits.default_namespace;
        crate::model::policy_id(&format!("{namespace}:{}", policy_id.name()))
    }
}

/// The error that the outcome of a precondition is for a write.
fn judged(policy_id: &PolicyId, outcome: PreconditionOutcome) -> Result<(), Error> {
    let condition = match outcome {
        PreconditionOutcome::Proceed => return Ok(()),
        PreconditionOutcome::NotModified => Condition::IfNoneMatch,
        PreconditionOutcome::Failed => Condition::IfMatch,
    };
    Err(Error::PreconditionFailed {
        policy_id: policy_id.clone(),
        condition,
    })
}

/// Refuses a put that changes nothing, if the writer wants that.
fn check_if_equal(
    context: &CommandContext,
    before: &Policy,
    after: &Policy,
    change: &Change,
) -> Result<(), Error> {
    match (context.headers.if_equal, change) {
        (IfEqual::Skip | IfEqual::SkipMinimizingMerge, Change::Put(_)) if before == after => {
            Err(Error::PreconditionFailed {
                policy_id: before.policy_id.clone(),
                condition: Condition::IfEqual,
            })
        }
        (IfEqual::Skip | IfEqual::SkipMinimizingMerge | IfEqual::Update, _) => Ok(()),
    }
}

/// What turns the policy at `expected_revision` into `after`.
fn append(
    context: &CommandContext,
    resource: &PolicyResource,
    happening: Happening,
    after: &Policy,
    expected_revision: Revision,
) -> Append {
    let revision = expected_revision + 1;
    appended(
        PolicyEvent::of(after, (resource, happening), revision, context.now),
        after,
    )
}

/// What stores `after` together with the event that led to it.
pub(super) fn appended(event: PolicyEvent, after: &Policy) -> Append {
    Append {
        entity: key(&after.policy_id),
        expected_revision: event.revision - 1,
        timestamp: event.timestamp,
        signal: compact_json(&event.to_json()),
        signal_memo: Memo::filled(Arc::new(event)),
        state: Some(compact_json(&after.to_json())),
        state_memo: Memo::filled(Arc::new(StoredPolicy::new(after.clone()))),
    }
}
