//! Reads, as far as the principal may see.

use std::borrow::Cow;
use std::sync::Arc;

use policies::{
    CommandContext, Enforcer, EntityTag, FieldSelector, Permission, Pointer, PolicyAction,
    PolicyCommand, PolicyId, PolicyResource, PolicyResponse, Precondition, PreconditionOutcome,
    ResourceType,
};
use serde_json::{Map, Value};

use super::{Loaded, Stored, Things, policy_failure};
use crate::apply::missing_feature;
use crate::{Error, RetrievedBody, ThingId, ThingResource, ThingResponse, edit, view};

/// The virtual member that embeds the policy.
const POLICY: &str = "_policy";

/// A resource of which a principal may see something.
pub(super) struct Sight<'c> {
    context: &'c CommandContext,
    thing_id: &'c ThingId,
    resource: &'c ThingResource,
    path: Pointer,
    stored: Stored,
    enforcer: Arc<Enforcer>,
    is_unrestricted: bool,
}

impl Things {
    /// Reads without waiting for anything; `None` if the selection asks for the policy too, which [`Things::execute`]
    /// answers.
    ///
    /// # Errors
    ///
    /// As [`Things::execute`].
    pub fn retrieve_at_once(
        &self,
        context: &CommandContext,
        thing_id: &ThingId,
        resource: &ThingResource,
        fields: Option<&FieldSelector>,
    ) -> Result<Option<ThingResponse>, Error> {
        resource.validate()?;
        let sight = self.look(context, thing_id, resource)?;
        if sight.embeds_policy(fields) {
            return Ok(None);
        }
        let etag = sight.etag()?;
        check_precondition(&context.headers.precondition, &sight, etag)?;
        let body = sight.body(fields)?;
        Ok(Some(ThingResponse::Retrieved {
            body,
            etag: Some(etag),
            revision: sight.stored.entity.revision,
        }))
    }

    pub(super) async fn retrieve(
        &self,
        context: &CommandContext,
        thing_id: &ThingId,
        resource: &ThingResource,
        fields: Option<&FieldSelector>,
    ) -> Result<ThingResponse, Error> {
        if let Some(response) = self.retrieve_at_once(context, thing_id, resource, fields)? {
            return Ok(response);
        }
        let sight = self.look(context, thing_id, resource)?;
        let etag = sight.etag()?;
        let body = sight.body(fields)?;
        let body = Box::pin(self.with_policy(&sight, body)).await?;
        Ok(ThingResponse::Retrieved {
            body,
            etag: Some(etag),
            revision: sight.stored.entity.revision,
        })
    }

    /// Finds a resource, if the principal may know that it exists.
    pub(super) fn look<'c>(
        &self,
        context: &'c CommandContext,
        thing_id: &'c ThingId,
        resource: &'c ThingResource,
    ) -> Result<Sight<'c>, Error> {
        let thing_not_found = || Error::not_found(thing_id, &ThingResource::Thing);
        let Loaded::Exists(stored) = self.load(thing_id)? else {
            return Err(thing_not_found());
        };
        let enforcer = self
            .enforcer(thing_id, stored.state.policy_id(), context.now)?
            .ok_or_else(thing_not_found)?;
        let path = resource.pointer();
        let subjects = context.principal.subjects();
        let is_unrestricted =
            enforcer.unrestricted(subjects, &ResourceType::Thing, &path, &Permission::READ);
        if !is_unrestricted && !view::is_partially_readable(&enforcer, subjects, &path) {
            return Err(Error::not_found(thing_id, resource));
        }
        Ok(Sight {
            context,
            thing_id,
            resource,
            path,
            stored,
            enforcer,
            is_unrestricted,
        })
    }

    /// `body` with the policy as the principal may read it, and without if it may not.
    pub(super) async fn with_policy(
        &self,
        sight: &Sight<'_>,
        body: RetrievedBody,
    ) -> Result<RetrievedBody, Error> {
        let policy = self
            .readable_policy(
                sight.context,
                sight.thing_id,
                sight.stored.state.policy_id(),
            )
            .await?;
        let mut thing = match body {
            RetrievedBody::Value(thing) => thing,
            RetrievedBody::Json(_) => return Ok(body),
        };
        if let Some(policy) = policy {
            edit::as_object(&mut thing).insert(POLICY.to_owned(), policy);
        }
        Ok(RetrievedBody::Value(thing))
    }

    /// The policy as the principal may read it; `None` if it may not, or if there is none.
    pub(super) async fn readable_policy(
        &self,
        context: &CommandContext,
        thing_id: &ThingId,
        policy_id: &PolicyId,
    ) -> Result<Option<Value>, Error> {
        // The conditions of the command are about the thing.
        let mut context = context.clone();
        context.headers.precondition = Precondition::default();
        let command = PolicyCommand {
            policy_id: policy_id.clone(),
            resource: PolicyResource::Policy,
            action: PolicyAction::Retrieve { fields: None },
        };
        match self.policies.execute(&context, command).await {
            Ok(PolicyResponse::Retrieved { value, .. }) => Ok(Some(value)),
            Ok(
                PolicyResponse::Created { .. }
                | PolicyResponse::Modified { .. }
                | PolicyResponse::Deleted { .. },
            )
            | Err(policies::Error::NotFound { .. }) => Ok(None),
            Err(source) => Err(policy_failure(thing_id, source)),
        }
    }
}

impl Sight<'_> {
    /// The tag of the whole resource, whatever the principal may see of it.
    pub(super) fn etag(&self) -> Result<EntityTag, Error> {
        if *self.resource == ThingResource::Thing {
            return Ok(EntityTag::Revision(self.stored.entity.revision));
        }
        self.value().map(EntityTag::of_value)
    }

    /// Whether `fields` asks for the policy, which nothing but the whole thing embeds.
    pub(super) fn embeds_policy(&self, fields: Option<&FieldSelector>) -> bool {
        *self.resource == ThingResource::Thing
            && fields.is_some_and(|fields| fields.roots().any(|root| root == POLICY))
    }

    /// What the principal may see, reduced to `fields`.
    pub(super) fn body(&self, fields: Option<&FieldSelector>) -> Result<RetrievedBody, Error> {
        let fields = fields.filter(|_| self.resource.is_selectable());
        let is_whole = *self.resource == ThingResource::Thing && fields.is_none();
        if is_whole && self.is_unrestricted {
            return Ok(RetrievedBody::Json(self.stored.state.json().clone()));
        }
        let selected = match fields {
            None => Cow::Borrowed(self.value()?),
            Some(fields) => Cow::Owned(self.select(fields)?),
        };
        if self.is_unrestricted {
            return Ok(RetrievedBody::Value(selected.into_owned()));
        }
        let subjects = self.context.principal.subjects();
        view::of_value(&self.enforcer, subjects, &self.path, &selected)
            .map(RetrievedBody::Value)
            .ok_or_else(|| Error::not_found(self.thing_id, self.resource))
    }

    fn value(&self) -> Result<&Value, Error> {
        let document = self.stored.state.document()?;
        self.path.resolve(document).ok_or_else(|| {
            let missing = missing_feature(self.resource, document);
            Error::not_found(self.thing_id, missing.as_ref().unwrap_or(self.resource))
        })
    }

    fn select(&self, fields: &FieldSelector) -> Result<Value, Error> {
        let mut selected = fields.select_at(&self.path, self.value()?);
        if *self.resource == ThingResource::Thing {
            let special = self.special_members(fields);
            if let Value::Object(special) = fields.select_at(&self.path, &special) {
                edit::as_object(&mut selected).extend(special);
            }
        }
        Ok(selected)
    }

    /// The members that only those get to see who name them.
    fn special_members(&self, fields: &FieldSelector) -> Value {
        let entity = &self.stored.entity;
        let special = |name: &str| {
            Some(match name {
                "_namespace" => self.thing_id.namespace().into(),
                "_revision" => entity.revision.into(),
                "_created" => entity.created.to_string().into(),
                "_modified" => entity.modified.to_string().into(),
                _ => return None,
            })
        };
        let members: Map<String, Value> = fields
            .roots()
            .filter_map(|name| Some((name.to_owned(), special(name)?)))
            .collect();
        Value::Object(members)
    }
}

fn check_precondition(
    precondition: &Precondition,
    sight: &Sight<'_>,
    etag: EntityTag,
) -> Result<(), Error> {
    match precondition.evaluate(Some(&etag)) {
        PreconditionOutcome::Proceed => Ok(()),
        PreconditionOutcome::NotModified => Err(Error::NotModified {
            thing_id: sight.thing_id.clone(),
            etag,
        }),
        PreconditionOutcome::Failed => Err(Error::PreconditionFailed {
            thing_id: sight.thing_id.clone(),
            resource: Box::new(sight.resource.clone()),
            etag: Some(etag),
        }),
    }
}
