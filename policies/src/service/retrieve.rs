//! Reads of policies and their parts.

use journal::Past;
use serde_json::{Map, Value, json};

use super::Policies;
use super::load::Loaded;
use crate::{
    CommandContext, Enforcer, Error, FieldSelector, Permission, PolicyId, PolicyResource,
    PolicyResponse, PolicyView, PreconditionOutcome, Principal, ResourceType, part,
};
use crate::{Condition, EntityTag};

impl Policies {
    /// Today's policy, or that of `past`; today's says who may see what of it.
    pub(super) fn retrieve_at(
        &self,
        context: &CommandContext,
        (policy_id, resource): (&PolicyId, &PolicyResource),
        fields: Option<&FieldSelector>,
        past: Option<Past>,
    ) -> Result<PolicyResponse, Error> {
        let hidden = |resource| Error::NotFound {
            policy_id: policy_id.clone(),
            resource: Box::new(resource),
        };
        let loaded = self
            .load(policy_id)?
            .ok_or_else(|| hidden(PolicyResource::Policy))?;
        let enforcer = self.enforcer_of(&loaded, None, context.now)?;
        if !may_read_part(&enforcer, &context.principal, resource) {
            return Err(hidden(resource.clone()));
        }
        let is_resolved = *resource == PolicyResource::Policy
            && context.headers.policy_view == PolicyView::Resolved;
        let loaded = match past {
            Some(_) if is_resolved => return Err(Error::PastOfResolved),
            Some(past) => self.loaded_at(policy_id, loaded, (past, context.now))?,
            None => loaded,
        };
        let seen_at = match past {
            // Whoever expired since was there then.
            Some(_) => loaded.entity.modified,
            None => context.now,
        };
        let policy = &*loaded.policy_at(seen_at);
        if is_resolved {
            let value = self.resolved(context, &loaded, policy)?;
            return Ok(PolicyResponse::Retrieved {
                value: selected(&enforcer, context, (resource, &loaded), (value, fields)),
                etag: None,
                revision: loaded.entity.revision,
            });
        }
        let value =
            part::read(policy, resource).ok_or_else(|| part::not_found(policy, resource))?;
        let revision = loaded.entity.revision;
        let etag = part::read_tag(&self.tag_key, policy, revision, resource);
        check_precondition(context, policy_id, etag.as_ref())?;
        Ok(PolicyResponse::Retrieved {
            value: selected(&enforcer, context, (resource, &loaded), (value, fields)),
            etag,
            revision,
        })
    }
}

/// What the principal asked for, as far as it may see it.
fn selected(
    enforcer: &Enforcer,
    context: &CommandContext,
    (resource, loaded): (&PolicyResource, &Loaded),
    (value, fields): (Value, Option<&FieldSelector>),
) -> Value {
    let value = match (fields, resource) {
        (Some(fields), PolicyResource::Policy) => {
            fields.select(&with_special_fields(value, loaded))
        }
        // Of a part there is nothing to select: Ditto documentation, page "HTTP API", section on policies.
        (Some(_) | None, _) => value,
    };
    visible(enforcer, &context.principal, resource, value)
}

pub(super) fn may_read_part(
    enforcer: &Enforcer,
    principal: &Principal,
    resource: &PolicyResource,
) -> bool {
    enforcer.partial(
        principal.subjects(),
        &ResourceType::Policy,
        &resource.pointer(),
        &Permission::READ,
    )
}

fn check_precondition(
    context: &CommandContext,
    policy_id: &PolicyId,
    etag: Option<&EntityTag>,
) -> Result<(), Error> {
    match (context.headers.precondition.evaluate(etag), etag) {
        (PreconditionOutcome::Proceed, _) => Ok(()),
        (PreconditionOutcome::NotModified, Some(etag)) => Err(Error::NotModified { etag: *etag }),
        (PreconditionOutcome::NotModified, None) | (PreconditionOutcome::Failed, _) => {
            Err(Error::PreconditionFailed {
                policy_id: policy_id.clone(),
                condition: Condition::IfMatch,
            })
        }
    }
}

/// Adds the members that are returned only if they are asked for.
fn with_special_fields(mut value: Value, loaded: &Loaded) -> Value {
    let Some(members) = value.as_object_mut() else {
        return value;
    };
    let entity = &loaded.entity;
    let namespace = loaded.stored.policy.policy_id.namespace();
    for (field, special) in [
        ("_namespace", json!(namespace)),
        ("_revision", json!(entity.revision)),
        ("_modified", json!(entity.modified.to_string())),
        ("_created", json!(entity.created.to_string())),
        ("__lifecycle", json!("ACTIVE")),
    ] {
        members.insert(field.to_owned(), special);
    }
    value
}

/// What the principal may see: objects member by member, other parts whole; a policy's id to whoever sees any of it.
pub(super) fn visible(
    enforcer: &Enforcer,
    principal: &Principal,
    resource: &PolicyResource,
    value: Value,
) -> Value {
    if !value.is_object() {
        return value;
    }
    let mut seen = enforcer.view(
        principal.subjects(),
        &ResourceType::Policy,
        &resource.pointer(),
        &value,
    );
    if let (PolicyResource::Policy, Some(id), Some(members)) =
        (resource, value.get("policyId"), seen.as_object_mut())
        && !members.contains_key("policyId")
    {
        let rest = std::mem::replace(
            members,
            Map::from_iter([("policyId".to_owned(), id.clone())]),
        );
        members.extend(rest);
    }
    seen
}
