//! What a write makes of a thing that exists; pure.

use std::borrow::Cow;

use policies::{IfEqual, PolicyId};
use serde_json::{Map, Value};

use crate::change::{Change, Operation};
use crate::{Error, EventAction, ThingResource, edit, merge};

/// The members of a thing, in the order in which they are stored.
const MEMBERS: [&str; 5] = [
    "thingId",
    "policyId",
    "definition",
    "attributes",
    "features",
];

/// What became of the thing.
#[derive(Debug, PartialEq)]
pub(crate) struct Applied {
    /// Its JSON now; `None` if it is deleted.
    pub(crate) document: Option<Value>,
    /// What the event says happened.
    pub(crate) action: EventAction,
    /// What the event carries.
    pub(crate) value: Option<Value>,
}

/// A write that has no effect.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Nothing would change, and that is not wanted.
    Equal,
    /// Something is missing, or the state is damaged.
    Error(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Applies `change` to the thing whose JSON is `document`.
pub(crate) fn apply(
    change: &Change,
    document: Cow<'_, Value>,
    policy_id: &PolicyId,
    if_equal: IfEqual,
) -> Result<Applied, Refusal> {
    match &change.operation {
        Operation::Create(_) => Err(Error::Conflict {
            thing_id: change.thing_id.clone(),
        }
        .into()),
        Operation::Replace(body) => {
            let policy_id = body.policy_id.as_ref().unwrap_or(policy_id);
            let new = body.document(&change.thing_id, policy_id);
            refuse_equal(if_equal == IfEqual::Skip && new == *document)?;
            Ok(Applied {
                value: Some(new.clone()),
                document: Some(new),
                action: EventAction::Modified,
            })
        }
        Operation::Put(value) => put(change, document, value, if_equal),
        Operation::Merge { patch, .. } => merge(change, document, patch, if_equal),
        Operation::Migrate(patch) => {
            let mut new = document.into_owned();
            merge::apply(&mut new, &change.pointer, patch);
            Ok(Applied {
                document: Some(in_order(new)),
                action: EventAction::Migrated,
                value: Some(patch.clone()),
            })
        }
        Operation::Delete => delete(change, document).map_err(Refusal::Error),
    }
}

fn refuse_equal(is_equal: bool) -> Result<(), Refusal> {
    if is_equal {
        Err(Refusal::Equal)
    } else {
        Ok(())
    }
}

fn put(
    change: &Change,
    document: Cow<'_, Value>,
    value: &Value,
    if_equal: IfEqual,
) -> Result<Applied, Refusal> {
    require_enclosing_feature(change, &document)?;
    let current = change.pointer.resolve(&document);
    refuse_equal(if_equal == IfEqual::Skip && current == Some(value))?;
    let action = match current {
        Some(_) => EventAction::Modified,
        None => EventAction::Created,
    };
    let mut new = document.into_owned();
    edit::set(&mut new, &change.pointer, value.clone());
    Ok(Applied {
        document: Some(in_order(new)),
        action,
        value: Some(value.clone()),
    })
}

fn merge(
    change: &Change,
    document: Cow<'_, Value>,
    patch: &Value,
    if_equal: IfEqual,
) -> Result<Applied, Refusal> {
    // What is asked to differ is compared with what it was.
    let before = (if_equal != IfEqual::Update).then(|| document.clone());
    let mut new = document.into_owned();
    merge::apply(&mut new, &change.pointer, patch);
    let value = match before {
        Some(before) => {
            refuse_equal(new == *before)?;
            minimised(change, &before, patch, if_equal)
        }
        None => patch.clone(),
    };
    Ok(Applied {
        document: Some(in_order(new)),
        action: EventAction::Merged,
        value: Some(value),
    })
}

/// What the event says of a patch that changes something.
fn minimised(change: &Change, before: &Value, patch: &Value, if_equal: IfEqual) -> Value {
    let minimal = match if_equal {
        IfEqual::SkipMinimizingMerge => merge::minimise(patch, change.pointer.resolve(before)),
        IfEqual::Update | IfEqual::Skip => None,
    };
    minimal.unwrap_or_else(|| patch.clone())
}

fn delete(change: &Change, document: Cow<'_, Value>) -> Result<Applied, Error> {
    let document = if change.resource == ThingResource::Thing {
        None
    } else {
        require_enclosing_feature(change, &document)?;
        let mut new = document.into_owned();
        edit::remove(&mut new, &change.pointer)
            .ok_or_else(|| Error::not_found(&change.thing_id, &change.resource))?;
        Some(new)
    };
    Ok(Applied {
        document,
        action: EventAction::Deleted,
        value: None,
    })
}

/// Writes below a feature do not make the feature; merging patches do.
fn require_enclosing_feature(change: &Change, document: &Value) -> Result<(), Error> {
    match missing_feature(&change.resource, document) {
        Some(feature) => Err(Error::not_found(&change.thing_id, &feature)),
        None => Ok(()),
    }
}

/// The feature that `resource` is a part of, if it is missing.
pub(crate) fn missing_feature(resource: &ThingResource, document: &Value) -> Option<ThingResource> {
    resource
        .enclosing_feature()
        .filter(|feature| feature.pointer().resolve(document).is_none())
}

/// The thing with its members in their usual order, wherever a write put a new one.
pub(crate) fn in_order(document: Value) -> Value {
    let Value::Object(mut members) = document else {
        return document;
    };
    if is_in_order(&members) {
        return Value::Object(members);
    }
    let ordered: Map<String, Value> = MEMBERS
        .iter()
        .filter_map(|&name| Some((name.to_owned(), members.shift_remove(name)?)))
        .collect();
    Value::Object(ordered)
}

/// Whether only members of things are there, in their order: nearly always, because only what is new comes last.
fn is_in_order(members: &Map<String, Value>) -> bool {
    let mut rest = MEMBERS.iter();
    members.keys().all(|name| rest.any(|member| member == name))
}

#[cfg(test)]
mod tests;
