//! A policy as its events make it, one after the other: what its past is read from.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use journal::{Record, Replayed, StoreError};
use serde_json::{Value, json};

use crate::event::{MODIFIED_SUBJECTS, REMOVED_SUBJECTS};
use crate::model::{policy_id, subjects_from_json};
use crate::part::{self, Part};
use crate::{Error, Label, Placeholders, Policy, PolicyEvent, PolicyResource};

/// A policy after one of its events.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Snapshot {
    /// `None` if it does not exist.
    pub(crate) policy: Option<Policy>,
    pub(crate) created: Timestamp,
    pub(crate) modified: Timestamp,
}

impl Replayed for Snapshot {
    fn encode(&self) -> Bytes {
        let policy = self.policy.as_ref().map(Policy::to_json);
        json!({ "policy": policy, "created": self.created, "modified": self.modified })
            .to_string()
            .into()
    }

    fn decode(base: &[u8]) -> Result<Self, StoreError> {
        let unreadable = |reason: &str| StoreError::Damaged {
            reason: format!("what stands for forgotten events of a policy: {reason}"),
        };
        let value: Value =
            serde_json::from_slice(base).map_err(|error| unreadable(&error.to_string()))?;
        let policy = value.get("policy").filter(|policy| !policy.is_null());
        let time = |name| value.get(name).and_then(Value::as_str)?.parse().ok();
        Ok(Self {
            policy: policy
                .map(stored_policy)
                .transpose()
                .map_err(|error| unreadable(&error.to_string()))?,
            created: time("created").ok_or_else(|| unreadable("no `created`"))?,
            modified: time("modified").ok_or_else(|| unreadable("no `modified`"))?,
        })
    }

    fn advance(&mut self, record: &Record) -> Result<(), StoreError> {
        let event = PolicyEvent::of_record(record)?;
        let before = self.policy.take();
        if before.is_none() {
            self.created = event.timestamp;
        }
        self.modified = event.timestamp;
        self.policy = after(before, &event).map_err(|error| StoreError::Damaged {
            reason: format!(
                "the signal of {} does not fit what it changed: {error}",
                record.entity
            ),
        })?;
        Ok(())
    }
}

fn stored_policy(value: &Value) -> Result<Policy, Error> {
    let id = value.get("policyId").and_then(Value::as_str);
    let id = policy_id(id.unwrap_or_default())?;
    Policy::from_json(id, value, Placeholders::Keep)
}

/// What `event` made of the policy; `None` if it deleted it.
fn after(before: Option<Policy>, event: &PolicyEvent) -> Result<Option<Policy>, Error> {
    let PolicyEvent {
        policy_id,
        resource,
        value,
        ..
    } = event;
    let parsed = |value| Part::parse(policy_id, resource, value, Placeholders::Keep);
    let is_whole = *resource == PolicyResource::Policy && !event.is_about_several();
    let Some(mut policy) = before else {
        return match value {
            Some((_, value)) if is_whole => {
                Policy::from_json(policy_id.clone(), value, Placeholders::Keep).map(Some)
            }
            Some(_) => Err(part::not_found(&Policy::empty(policy_id), resource)),
            None => Ok(None),
        };
    };
    // A write sees nothing of who has expired, and leaves it out without saying so.
    policy.remove_expired(event.timestamp);
    match value {
        Some((MODIFIED_SUBJECTS, subjects)) => put_subjects(&mut policy, subjects)?,
        Some((REMOVED_SUBJECTS, ids)) => remove_subjects(&mut policy, ids),
        Some((_, value)) => parsed(value)?.put(resource, &mut policy)?,
        None if is_whole => return Ok(None),
        None => match part::remove(&mut policy, resource) {
            // It expired, or was not there for whoever wanted it to be gone.
            Ok(()) | Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(error),
        },
    }
    Ok(Some(policy))
}

fn put_subjects(policy: &mut Policy, by_label: &Value) -> Result<(), Error> {
    for (label, subjects) in by_label.as_object().into_iter().flatten() {
        let subjects = subjects.as_object().into_iter().flatten();
        let subjects = subjects_from_json(subjects, Placeholders::Keep)?;
        if let Some(entry) = entry_of(policy, label) {
            entry.subjects.extend(subjects);
        }
    }
    Ok(())
}

fn remove_subjects(policy: &mut Policy, by_label: &Value) {
    for (label, ids) in by_label.as_object().into_iter().flatten() {
        let ids = ids.as_array().into_iter().flatten();
        let ids: Vec<&str> = ids.filter_map(Value::as_str).collect();
        if let Some(entry) = entry_of(policy, label) {
            entry.subjects.retain(|id, _| !ids.contains(&id.as_str()));
        }
    }
}

fn entry_of<'p>(policy: &'p mut Policy, label: &str) -> Option<&'p mut crate::PolicyEntry> {
    let label: Label = label.parse().ok()?;
    policy.entries.get_mut(&label).map(Arc::make_mut)
}
