//! Creations: a new thing, together with the policy that it needs.

use std::sync::Arc;

use journal::{Append, Revision};
use policies::{
    CommandContext, CreatedKind, Creation, Enforcer, Permission, Placeholders, Pointer, Policy,
    PolicyId, PreconditionOutcome, Purpose, ResourceType,
};
use serde_json::Value;

use super::policy_reference::{PolicyReference, policy_id};
use super::write::{Draft, Plan, precondition_failed};
use super::{Things, policy_failure};
use crate::apply::Applied;
use crate::change::{Change, Operation};
use crate::metadata::{self, MetadataChange, MetadataHeader, Written};
use crate::model::ThingBody;
use crate::{Error, EventAction, RetrievedBody, ThingId, ThingResource, edit, merge};

/// The policy of a thing to come.
struct Grounding {
    policy_id: PolicyId,
    enforcer: Arc<Enforcer>,
    /// Creates the policy together with the thing, if it does not exist yet.
    append: Option<Append>,
}

impl Things {
    pub(super) async fn plan_creation(
        &self,
        context: &CommandContext,
        change: &Change,
        revision: Revision,
    ) -> Result<Plan, Error> {
        let thing_id = &change.thing_id;
        let made_of_patch;
        let body = match &change.operation {
            Operation::Create(body) | Operation::Replace(body) => body,
            Operation::Merge { sent, .. } if change.resource == ThingResource::Thing => {
                made_of_patch = ThingBody::parse(thing_id, merge::without_nulls(sent.clone()))?;
                &made_of_patch
            }
            Operation::Merge { .. }
            | Operation::Migrate(_)
            | Operation::Put(_)
            | Operation::Delete => {
                return Err(Error::not_found(thing_id, &ThingResource::Thing));
            }
        };
        if context.headers.precondition.evaluate(None) != PreconditionOutcome::Proceed {
            return Err(precondition_failed(change, None));
        }
        let creation = Creation {
            kind: CreatedKind::Thing,
            namespace: thing_id.namespace(),
            principal: &context.principal,
            definition: body.definition(),
        };
        if !self.policies.may_create(&creation) {
            return Err(Error::CreationRestricted {
                thing_id: thing_id.clone(),
            });
        }
        let grounding = self.ground(context, thing_id, body).await?;
        require_write(context, thing_id, &grounding.enforcer)?;
        let document = body.document(thing_id, &grounding.policy_id);
        let metadata = initial_metadata(change, body, &document)?;
        let draft = Draft {
            applied: Applied {
                document: Some(document.clone()),
                action: EventAction::Created,
                value: Some(document),
            },
            metadata,
            policy_id: grounding.policy_id,
            revision,
        };
        let mut plan = self.plan(context, change, draft)?;
        plan.appends.extend(grounding.append);
        Ok(plan)
    }

    /// Finds or prepares the policy that `body` asks for.
    async fn ground(
        &self,
        context: &CommandContext,
        thing_id: &ThingId,
        body: &ThingBody,
    ) -> Result<Grounding, Error> {
        match (&body.inline_policy, &body.copy_policy_from, &body.policy_id) {
            (Some(_), Some(_), _) => Err(Error::PolicyConflicting {
                thing_id: thing_id.clone(),
            }),
            (Some(inline), None, stated) => {
                self.ground_inline(context, thing_id, inline, stated.as_ref())
            }
            (None, Some(reference), stated) => {
                let policy_id = stated.clone().unwrap_or_else(|| thing_id.namesake());
                context.check_reach(Purpose::WritePolicy, policy_id.namespace())?;
                let policy = self
                    .copied_policy(context, thing_id, reference, &policy_id)
                    .await?;
                self.ground_new(context, thing_id, policy)
            }
            (None, None, Some(existing)) => self.ground_existing(context, thing_id, existing),
            (None, None, None) => {
                context.check_reach(Purpose::ImplyPolicy, thing_id.namespace())?;
                let creator = context
                    .principal
                    .default_subject()
                    .ok_or_else(|| Error::not_modifiable(thing_id, &ThingResource::Thing))?;
                let policy = Policy::default_for(thing_id.namesake(), creator.clone());
                self.ground_new(context, thing_id, policy)
            }
        }
    }

    fn ground_existing(
        &self,
        context: &CommandContext,
        thing_id: &ThingId,
        policy_id: &PolicyId,
    ) -> Result<Grounding, Error> {
        context.check_reach(Purpose::FollowPolicy, policy_id.namespace())?;
        let enforcer_in = |namespace: &str| {
            self.policies
                .enforcer(policy_id, namespace, context.now)
                .map_err(|source| policy_failure(thing_id, source))?
                .ok_or_else(|| Error::PolicyNotFound {
                    policy_id: policy_id.clone(),
                })
        };
        let is_readable = enforcer_in(policy_id.namespace())?.partial(
            context.principal.subjects(),
            &ResourceType::Policy,
            &Pointer::root(),
            &Permission::READ,
        );
        if !is_readable {
            return Err(Error::PolicyNotFound {
                policy_id: policy_id.clone(),
            });
        }
        Ok(Grounding {
            policy_id: policy_id.clone(),
            enforcer: enforcer_in(thing_id.namespace())?,
            append: None,
        })
    }

    fn ground_inline(
        &self,
        context: &CommandContext,
        thing_id: &ThingId,
        inline: &Value,
        stated: Option<&PolicyId>,
    ) -> Result<Grounding, Error> {
        let invalid = |source| Error::PolicyInvalid {
            thing_id: thing_id.clone(),
            source,
        };
        let policy_id = match (stated, inline.get("policyId").and_then(Value::as_str)) {
            (Some(stated), _) => stated.clone(),
            (None, Some(text)) => policy_id(text)?,
            (None, None) => thing_id.namesake(),
        };
        context.check_reach(Purpose::WritePolicy, policy_id.namespace())?;
        let placeholders = Placeholders::Resolve(context.principal.default_subject());
        let policy = Policy::from_json(policy_id, &without_id(inline.clone()), placeholders)
            .map_err(|source| invalid(Box::new(source)))?;
        self.prepare(context, thing_id, policy.clone())
            .map_err(|source| match self.lockout(context, thing_id, &policy) {
                Some(lockout) => invalid(lockout),
                None => not_creatable(thing_id, &policy.policy_id, source),
            })
    }

    /// That nobody could write `policy` for good, if so: a fault of the policy, not of who creates it.
    fn lockout(
        &self,
        context: &CommandContext,
        thing_id: &ThingId,
        policy: &Policy,
    ) -> Option<Box<policies::Error>> {
        let mut lenient = context.clone();
        lenient.headers.allow_policy_lockout = true;
        self.prepare(&lenient, thing_id, policy.clone())
            .err()
            .filter(|error| matches!(**error, policies::Error::Lockout { .. }))
    }

    fn ground_new(
        &self,
        context: &CommandContext,
        thing_id: &ThingId,
        policy: Policy,
    ) -> Result<Grounding, Error> {
        let policy_id = policy.policy_id.clone();
        self.prepare(context, thing_id, policy)
            .map_err(|source| not_creatable(thing_id, &policy_id, source))
    }

    fn prepare(
        &self,
        context: &CommandContext,
        thing_id: &ThingId,
        policy: Policy,
    ) -> Result<Grounding, Box<policies::Error>> {
        let prepared = self.policies.prepare_creation(context, policy)?;
        Ok(Grounding {
            policy_id: prepared.policy.policy_id.clone(),
            enforcer: prepared.enforcer_for(thing_id.namespace()),
            append: Some(prepared.append),
        })
    }

    /// The policy that `reference` leads to, as far as the principal may read it, under its new id.
    async fn copied_policy(
        &self,
        context: &CommandContext,
        thing_id: &ThingId,
        reference: &Value,
        policy_id: &PolicyId,
    ) -> Result<Policy, Error> {
        let source_id = match PolicyReference::parse(reference)? {
            PolicyReference::Policy(id) => id,
            PolicyReference::Thing { thing_id, resource } => {
                context.check_reach(Purpose::ReadThing, thing_id.namespace())?;
                self.referenced_policy_id(context, &thing_id, &resource)?
            }
        };
        context.check_reach(Purpose::ReadPolicy, source_id.namespace())?;
        let source = self
            .readable_policy(context, thing_id, &source_id)
            .await?
            .ok_or(Error::PolicyNotFound {
                policy_id: source_id,
            })?;
        // What the source's subjects say was filled in when it was written.
        Policy::from_json(policy_id.clone(), &without_id(source), Placeholders::Keep)
            .map_err(|source| not_creatable(thing_id, policy_id, Box::new(source)))
    }

    fn referenced_policy_id(
        &self,
        context: &CommandContext,
        thing_id: &ThingId,
        resource: &ThingResource,
    ) -> Result<PolicyId, Error> {
        let unknown = || Error::ReferenceUnknownField {
            text: format!("{thing_id}{}", resource.pointer()),
        };
        self.look(context, thing_id, &ThingResource::Thing, None)?;
        let body = self
            .look(context, thing_id, resource, None)
            .and_then(|sight| sight.body(None))
            .map_err(|error| {
                if matches!(error, Error::NotFound { .. }) {
                    unknown()
                } else {
                    error
                }
            })?;
        match body {
            RetrievedBody::Value(Value::String(text)) => policy_id(&text),
            RetrievedBody::Value(_) | RetrievedBody::Json(_) => Err(unknown()),
        }
    }
}

/// The metadata of a new thing: what its body says, or what a header notes about it.
fn initial_metadata(
    change: &Change,
    body: &ThingBody,
    document: &Value,
) -> Result<MetadataChange, Error> {
    let header = change
        .headers
        .as_ref()
        .and_then(|headers| headers.metadata.as_ref());
    match (&body.metadata, header) {
        (Some(_), Some(MetadataHeader::Put(_))) => Err(Error::MetadataNotModifiable {
            thing_id: change.thing_id.clone(),
        }),
        (Some(inline), Some(MetadataHeader::Get(_) | MetadataHeader::Delete(_)) | None) => {
            Ok(MetadataChange {
                after: Some(inline.clone()),
                patch: Some(inline.clone()),
            })
        }
        (None, header) => {
            let written = Written {
                pointer: &Pointer::root(),
                value: Some(document),
                is_replacement: true,
                before: &Value::Null,
                after: document,
            };
            Ok(metadata::change(None, header, &written))
        }
    }
}

fn require_write(
    context: &CommandContext,
    thing_id: &ThingId,
    enforcer: &Enforcer,
) -> Result<(), Error> {
    let may_write = enforcer.unrestricted(
        context.principal.subjects(),
        &ResourceType::Thing,
        &Pointer::root(),
        &Permission::WRITE,
    );
    if may_write {
        Ok(())
    } else {
        Err(Error::not_modifiable(thing_id, &ThingResource::Thing))
    }
}

/// The policy without its id, which the thing decides.
fn without_id(mut policy: Value) -> Value {
    edit::remove(&mut policy, &Pointer::from_segments(["policyId"]));
    policy
}

/// What a failure to create a policy means for the thing: failures of the store are none of the principal's making.
fn not_creatable(thing_id: &ThingId, policy_id: &PolicyId, source: Box<policies::Error>) -> Error {
    if let policies::Error::OutOfReach(error) = *source {
        return error.into();
    }
    if matches!(
        *source,
        policies::Error::Store { .. } | policies::Error::Damaged { .. }
    ) {
        return policy_failure(thing_id, *source);
    }
    Error::NotCreatable {
        thing_id: thing_id.clone(),
        policy_id: policy_id.clone(),
        source,
    }
}
