//! A write, parsed and validated as far as that needs no knowledge of the thing's state.

use std::sync::Arc;

use policies::Pointer;
use serde_json::Value;

use crate::model::{self, ThingBody};
use crate::{Error, ResourceKind, ThingAction, ThingId, ThingResource, TwinHeaders, edit, merge};

/// One write of one resource.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) thing_id: ThingId,
    pub(crate) resource: ThingResource,
    /// Where the resource sits.
    pub(crate) pointer: Pointer,
    pub(crate) operation: Operation,
    /// What few commands carry.
    pub(crate) headers: Option<Arc<TwinHeaders>>,
}

/// How a [`Change`] writes.
#[derive(Debug)]
pub(crate) enum Operation {
    /// Creates the whole thing.
    Create(ThingBody),
    /// Replaces the whole thing, or creates it.
    Replace(ThingBody),
    /// Replaces a part.
    Put(Value),
    /// Merges a patch.
    Merge {
        /// Without what a thing does not have.
        patch: Value,
        /// As sent, for the creation of a thing that does not exist; null for parts.
        sent: Value,
    },
    /// Merges a patch with another definition into the whole thing.
    Migrate(Value),
    /// Takes the resource away.
    Delete,
}

impl Change {
    /// The same write with headers of its own.
    #[must_use]
    pub(crate) fn with_headers(mut self, headers: Option<Arc<TwinHeaders>>) -> Self {
        self.headers = headers;
        self
    }

    /// What must hold before it.
    pub(crate) fn condition(&self) -> Option<&rql::Predicate> {
        self.headers.as_ref()?.condition.as_ref()
    }

    /// Refuses a body that no thing has room for, whatever else is wrong; patches are measured when they are parsed.
    pub(crate) fn check_body(&self, length_max: usize) -> Result<(), Error> {
        let json = match &self.operation {
            Operation::Put(value) => value.to_string(),
            Operation::Create(body) | Operation::Replace(body) => {
                serde_json::to_string(&body.parts).unwrap_or_default()
            }
            Operation::Merge { .. } | Operation::Migrate(_) | Operation::Delete => return Ok(()),
        };
        check_length(&self.thing_id, json.as_bytes(), length_max)
    }

    /// Validates a write; `None` if `action` reads.
    pub(crate) fn parse(
        thing_id: ThingId,
        resource: ThingResource,
        action: ThingAction,
        length_max: usize,
    ) -> Result<Option<Self>, Error> {
        let pointer = resource.pointer();
        let operation = match action {
            ThingAction::Retrieve { .. } => return Ok(None),
            ThingAction::Create(body) => {
                if resource != ThingResource::Thing {
                    return Err(Error::PartNotCreatable {
                        thing_id,
                        resource: Box::new(resource),
                    });
                }
                check_depth(&pointer, &body)?;
                Operation::Create(ThingBody::parse(&thing_id, body)?)
            }
            ThingAction::Modify(body) => {
                check_depth(&pointer, &body)?;
                parse_modification(&thing_id, &resource, body)?
            }
            ThingAction::Merge(patch) => {
                check_depth(&pointer, &patch)?;
                parse_merge(&thing_id, &resource, patch, length_max)?
            }
            ThingAction::Delete if resource == ThingResource::PolicyId => {
                return Err(Error::PolicyIdNotDeletable { thing_id });
            }
            ThingAction::Delete => Operation::Delete,
        };
        Ok(Some(Self {
            thing_id,
            resource,
            pointer,
            operation,
            headers: None,
        }))
    }
}

fn parse_modification(
    thing_id: &ThingId,
    resource: &ThingResource,
    body: Value,
) -> Result<Operation, Error> {
    if *resource == ThingResource::Thing {
        return ThingBody::parse(thing_id, body).map(Operation::Replace);
    }
    model::parse_part(resource.kind(), body).map(Operation::Put)
}

fn parse_merge(
    thing_id: &ThingId,
    resource: &ThingResource,
    mut patch: Value,
    length_max: usize,
) -> Result<Operation, Error> {
    let removals = merge::take_removals(&mut patch).map_err(|key| Error::MergeRegex {
        thing_id: thing_id.clone(),
        key,
    })?;
    if *resource == ThingResource::Thing {
        check_root_removals(thing_id, &removals)?;
    }
    let is_empty = removals.is_empty();
    let (mut patch, sent) = match resource.kind() {
        ResourceKind::Thing => (parse_root_patch(thing_id, patch.clone(), is_empty)?, patch),
        ResourceKind::PolicyId => (model::parse_policy_id_patch(thing_id, patch)?, Value::Null),
        part @ (ResourceKind::Definition
        | ResourceKind::Attributes
        | ResourceKind::Attribute
        | ResourceKind::Features
        | ResourceKind::Feature
        | ResourceKind::FeatureDefinition
        | ResourceKind::FeatureProperties
        | ResourceKind::FeatureProperty
        | ResourceKind::FeatureDesiredProperties
        | ResourceKind::FeatureDesiredProperty) => (model::parse_part(part, patch)?, Value::Null),
    };
    merge::put_back(&mut patch, removals);
    check_length(thing_id, patch.to_string().as_bytes(), length_max)?;
    Ok(Operation::Merge { patch, sent })
}

fn parse_root_patch(
    thing_id: &ThingId,
    patch: Value,
    is_without_removals: bool,
) -> Result<Value, Error> {
    let is_empty = patch.as_object().is_some_and(serde_json::Map::is_empty);
    if patch.is_null() || is_empty && is_without_removals {
        return Err(Error::MergeEmpty {
            thing_id: thing_id.clone(),
        });
    }
    model::parse_thing_patch(thing_id, patch)
}

/// A thing keeps its id and policy id, whatever a pattern matches.
fn check_root_removals(thing_id: &ThingId, removals: &[merge::Removal]) -> Result<(), Error> {
    let thing_id = || thing_id.clone();
    if removals.iter().any(|removal| removal.hits_root("thingId")) {
        return Err(Error::IdNotDeletable {
            thing_id: thing_id(),
        });
    }
    if removals.iter().any(|removal| removal.hits_root("policyId")) {
        return Err(Error::PolicyIdNotDeletable {
            thing_id: thing_id(),
        });
    }
    Ok(())
}

fn check_depth(pointer: &Pointer, value: &Value) -> Result<(), Error> {
    if pointer.segments().len() + edit::depth(value) <= model::DEPTH_MAX {
        Ok(())
    } else {
        Err(Error::TooDeep {
            depth_max: model::DEPTH_MAX,
        })
    }
}

/// Refuses JSON of more than `length_max` UTF-16 units.
pub(crate) fn check_length(
    thing_id: &ThingId,
    json: &[u8],
    length_max: usize,
) -> Result<(), Error> {
    // There are at least as many bytes as units, so that only large things need counting.
    if json.len() <= length_max {
        return Ok(());
    }
    let length = model::utf16_length(json);
    if length <= length_max {
        return Ok(());
    }
    Err(Error::TooLarge {
        thing_id: thing_id.clone(),
        length,
        length_max,
    })
}
