//! Reads, as far as the principal may see.

use std::borrow::Cow;
use std::sync::Arc;

use journal::EntityKind;
use policies::{
    CommandContext, Enforcer, EntityTag, FieldSelector, Permission, Pointer, PolicyAction,
    PolicyCommand, PolicyId, PolicyResource, PolicyResponse, Precondition, PreconditionOutcome,
    Purpose, ResourceType, SubjectId, TagKey, Tagged,
};
use serde_json::{Map, Value};

use super::condition::Subject;
use super::{Loaded, Stored, Things, policy_failure, special};
use crate::apply::missing_feature;
use crate::metadata::{self, MetadataHeader};
use crate::{
    Error, RetrievedBody, ThingAction, ThingId, ThingResource, ThingResponse, TwinHeaders, edit,
    view,
};

/// The virtual member that embeds the policy.
const POLICY: &str = "_policy";

/// What is to be read.
#[derive(Debug, Clone, Copy)]
pub struct Read<'r> {
    /// Of which thing.
    pub thing_id: &'r ThingId,
    /// What of it.
    pub resource: &'r ThingResource,
    /// Which members; `None` for those that are visible by default.
    pub fields: Option<&'r FieldSelector>,
    /// What few commands carry.
    pub headers: Option<&'r TwinHeaders>,
}

/// Who reads which resource.
#[derive(Clone, Copy)]
pub(super) struct Reader<'r> {
    pub(super) subjects: &'r [SubjectId],
    pub(super) thing_id: &'r ThingId,
    pub(super) resource: &'r ThingResource,
    pub(super) tag_key: &'r TagKey,
}

/// A resource of which a principal may see something.
pub(super) struct Sight<'r> {
    reader: Reader<'r>,
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
        let read = Read {
            thing_id,
            resource,
            fields,
            headers: None,
        };
        self.read_at_once(context, read)
    }

    /// As [`Things::retrieve_at_once`], with headers that few commands carry.
    ///
    /// # Errors
    ///
    /// As [`Things::execute_with`].
    pub fn read_at_once(
        &self,
        context: &CommandContext,
        read: Read<'_>,
    ) -> Result<Option<ThingResponse>, Error> {
        read.resource.validate()?;
        if let Some(headers) = read.headers {
            headers.check_use(
                &ThingAction::Retrieve { fields: None },
                read.resource.kind(),
            )?;
        }
        let sight = self.look(context, read.thing_id, read.resource, read.headers)?;
        if sight.embeds_policy(read.fields) {
            return Ok(None);
        }
        let etag = sight.etag()?;
        check_precondition(&context.headers.precondition, &sight, etag)?;
        sight
            .respond(sight.body(read.fields)?, etag, &read)
            .map(Some)
    }

    pub(super) async fn retrieve(
        &self,
        context: &CommandContext,
        read: Read<'_>,
    ) -> Result<ThingResponse, Error> {
        if let Some(response) = self.read_at_once(context, read)? {
            return Ok(response);
        }
        let sight = self.look(context, read.thing_id, read.resource, read.headers)?;
        let etag = sight.etag()?;
        let body = sight.body(read.fields)?;
        let body = Box::pin(self.with_policy(context, &sight, body)).await?;
        sight.respond(body, etag, &read)
    }

    /// Finds a resource, if the principal may know that it exists.
    pub(super) fn look<'r>(
        &'r self,
        context: &'r CommandContext,
        thing_id: &'r ThingId,
        resource: &'r ThingResource,
        headers: Option<&TwinHeaders>,
    ) -> Result<Sight<'r>, Error> {
        let thing_not_found = || Error::not_found(thing_id, &ThingResource::Thing);
        let Loaded::Exists(mut stored) = self.load(thing_id)? else {
            return Err(thing_not_found());
        };
        let enforcer = self
            .enforcer(thing_id, stored.state.policy_id(), context.now)?
            .ok_or_else(thing_not_found)?;
        let reader = Reader {
            subjects: context.principal.subjects(),
            thing_id,
            resource,
            tag_key: self.policies.tag_key(),
        };
        if let Some(headers) = headers {
            // Who may read nothing learns nothing from a condition either.
            reader.check(&enforcer, &resource.pointer())?;
            stored = self.stored_under(context, thing_id, stored, (headers, &enforcer))?;
        }
        reader.look(stored, enforcer)
    }

    /// The state to read, if the condition on the current one holds.
    fn stored_under(
        &self,
        context: &CommandContext,
        thing_id: &ThingId,
        stored: Stored,
        (headers, enforcer): (&TwinHeaders, &Enforcer),
    ) -> Result<Stored, Error> {
        if let Some(condition) = &headers.condition {
            let subject = Subject {
                context,
                thing_id,
                stored: &stored,
            };
            subject.check_readable(enforcer, condition)?;
            subject.require(condition)?;
        }
        match headers.past {
            Some(past) => self.stored_at(thing_id, stored, (past, context.now)),
            None => Ok(stored),
        }
    }

    /// `body` with the policy as the principal may read it, and without if it may not.
    pub(super) async fn with_policy(
        &self,
        context: &CommandContext,
        sight: &Sight<'_>,
        body: RetrievedBody,
    ) -> Result<RetrievedBody, Error> {
        let policy_id = sight.stored.state.policy_id();
        let (purpose, namespace) = (Purpose::ReadPolicy, policy_id.namespace());
        if context.check_reach(purpose, namespace).is_err() {
            return Ok(body);
        }
        let policy = self
            .readable_policy(context, sight.reader.thing_id, policy_id)
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

impl<'r> Reader<'r> {
    /// Whether everything is readable, if anything is.
    fn check(&self, enforcer: &Enforcer, path: &Pointer) -> Result<bool, Error> {
        let thing = &ResourceType::Thing;
        if enforcer.unrestricted(self.subjects, thing, path, &Permission::READ) {
            return Ok(true);
        }
        if view::is_partially_readable(enforcer, self.subjects, path) {
            return Ok(false);
        }
        Err(Error::not_found(self.thing_id, self.resource))
    }

    pub(super) fn look(self, stored: Stored, enforcer: Arc<Enforcer>) -> Result<Sight<'r>, Error> {
        let path = self.resource.pointer();
        Ok(Sight {
            is_unrestricted: self.check(&enforcer, &path)?,
            path,
            reader: self,
            stored,
            enforcer,
        })
    }
}

impl Sight<'_> {
    /// What made the resource visible.
    pub(super) fn into_enforcer(self) -> Arc<Enforcer> {
        self.enforcer
    }

    /// The answer, with the metadata that was asked for.
    fn respond(
        &self,
        body: RetrievedBody,
        etag: EntityTag,
        read: &Read<'_>,
    ) -> Result<ThingResponse, Error> {
        let metadata = match read.headers.and_then(|headers| headers.metadata.as_ref()) {
            Some(MetadataHeader::Get(keys)) => {
                let readable = self.readable_metadata()?.unwrap_or_default();
                Some(Box::new(metadata::select(keys, &readable, &self.path)))
            }
            Some(MetadataHeader::Put(_) | MetadataHeader::Delete(_)) | None => None,
        };
        Ok(ThingResponse::Retrieved {
            body,
            etag: Some(etag),
            revision: self.stored.entity.revision,
            metadata,
        })
    }

    /// The metadata of what the principal may read.
    fn readable_metadata(&self) -> Result<Option<Value>, Error> {
        let Some(metadata) = self.stored.state.metadata()? else {
            return Ok(None);
        };
        if self.is_unrestricted && self.path.is_root() {
            return Ok(Some(metadata.clone()));
        }
        let (enforcer, subjects) = (&self.enforcer, self.reader.subjects);
        Ok(view::of_value(
            enforcer,
            subjects,
            &Pointer::root(),
            metadata,
        ))
    }

    /// The tag of the whole resource, whatever the principal may see of it.
    pub(super) fn etag(&self) -> Result<EntityTag, Error> {
        if *self.reader.resource == ThingResource::Thing {
            return Ok(EntityTag::Revision(self.stored.entity.revision));
        }
        let part = Tagged {
            kind: EntityKind::Thing,
            id: self.reader.thing_id.as_str(),
            path: &self.path,
        };
        let value = self.value()?;
        Ok(self.reader.tag_key.of_value(part, value))
    }

    /// Whether `fields` asks for the policy, which nothing but the whole thing embeds.
    pub(super) fn embeds_policy(&self, fields: Option<&FieldSelector>) -> bool {
        *self.reader.resource == ThingResource::Thing
            && fields.is_some_and(|fields| fields.roots().any(|root| root == POLICY))
    }

    /// What the principal may see, reduced to `fields`.
    pub(super) fn body(&self, fields: Option<&FieldSelector>) -> Result<RetrievedBody, Error> {
        let fields = fields.filter(|_| self.reader.resource.is_selectable());
        let is_whole = *self.reader.resource == ThingResource::Thing && fields.is_none();
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
        view::of_value(&self.enforcer, self.reader.subjects, &self.path, &selected)
            .map(RetrievedBody::Value)
            .ok_or_else(|| Error::not_found(self.reader.thing_id, self.reader.resource))
    }

    fn value(&self) -> Result<&Value, Error> {
        let document = self.stored.state.document()?;
        self.path.resolve(document).ok_or_else(|| {
            let missing = missing_feature(self.reader.resource, document);
            Error::not_found(
                self.reader.thing_id,
                missing.as_ref().unwrap_or(self.reader.resource),
            )
        })
    }

    fn select(&self, fields: &FieldSelector) -> Result<Value, Error> {
        let mut selected = fields.select_at(&self.path, self.value()?);
        if *self.reader.resource == ThingResource::Thing {
            let special = self.special_members(fields)?;
            if let Value::Object(special) = fields.select_at(&self.path, &special) {
                edit::as_object(&mut selected).extend(special);
            }
        }
        Ok(selected)
    }

    /// The members that only those get to see who name them.
    fn special_members(&self, fields: &FieldSelector) -> Result<Value, Error> {
        let mut members = Map::new();
        for name in fields.roots() {
            let value = if name == special::METADATA {
                self.readable_metadata()?
            } else {
                special::member(name, self.reader.thing_id, &self.stored)?
            };
            if let Some(value) = value {
                members.insert(name.to_owned(), value);
            }
        }
        Ok(Value::Object(members))
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
            thing_id: sight.reader.thing_id.clone(),
            etag,
        }),
        PreconditionOutcome::Failed => Err(Error::PreconditionFailed {
            thing_id: sight.reader.thing_id.clone(),
            resource: Box::new(sight.reader.resource.clone()),
            etag: Some(etag),
        }),
    }
}
