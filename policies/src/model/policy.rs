//! A whole policy.

use std::sync::Arc;

use indexmap::IndexMap;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::entry::{PolicyEntry, label};
use super::import::{Import, imports_from_json, imports_to_json, policy_id};
use super::placeholder::Placeholders;
use super::resources::Permissions;
use super::subject::Subject;
use crate::{
    Error, Label, Permission, Pointer, PolicyId, ResourceKey, ResourceType, SubjectId, json,
};

/// A policy: entries of its own and imports of others'.
///
/// Source: Ditto documentation, page "Policy".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its id.
    pub policy_id: PolicyId,
    /// Which other policies' entries it takes over.
    pub imports: IndexMap<PolicyId, Import>,
    /// Its own entries.
    pub entries: IndexMap<Label, Arc<PolicyEntry>>,
}

impl Policy {
    /// Reads what clients write; a `policyId` in it must be `policy_id`.
    ///
    /// # Errors
    ///
    /// The first rule that it breaks.
    pub fn from_json(
        policy_id: PolicyId,
        value: &Value,
        placeholders: Placeholders<'_>,
    ) -> Result<Self, Error> {
        json::refuse_nul(value)?;
        let members = json::object(value, "policy")?;
        refuse_other_id(&policy_id, members)?;
        Ok(Self {
            imports: imports_from_json(json::members(members, "imports")?, &policy_id)?,
            entries: policy_entries_from_json(json::members(members, "entries")?, placeholders)?,
            policy_id,
        })
    }

    /// A policy without anything in it.
    pub(crate) fn empty(policy_id: &PolicyId) -> Self {
        Self {
            policy_id: policy_id.clone(),
            imports: IndexMap::new(),
            entries: IndexMap::new(),
        }
    }

    /// The policy that a thing gets when its creator names none: everything for the creator, nothing for others.
    pub fn default_for(policy_id: PolicyId, subject: SubjectId) -> Self {
        let all = [Permission::READ, Permission::WRITE];
        let resource = |resource_type| {
            (
                ResourceKey::new(resource_type, Pointer::root()),
                Permissions::granting(&all),
            )
        };
        let entry = PolicyEntry {
            subjects: IndexMap::from([(subject, Subject::permanent("generated"))]),
            resources: IndexMap::from([
                resource(ResourceType::Policy),
                resource(ResourceType::Thing),
                resource(ResourceType::Message),
            ]),
            ..PolicyEntry::default()
        };
        Self {
            policy_id,
            imports: IndexMap::new(),
            entries: "DEFAULT"
                .parse()
                .map(|label: Label| (label, Arc::new(entry)))
                .into_iter()
                .collect(),
        }
    }

    /// The JSON that clients read and the store keeps.
    pub fn to_json(&self) -> Value {
        json!({
            "policyId": self.policy_id.as_str(),
            "imports": self.imports_to_json(),
            "entries": self.entries_to_json(),
        })
    }

    /// Takes out the subjects that are expired.
    pub(crate) fn remove_expired(&mut self, now: Timestamp) {
        for entry in self.entries.values_mut() {
            if entry.subjects.values().any(|each| each.is_expired(now)) {
                let subjects = &mut Arc::make_mut(entry).subjects;
                subjects.retain(|_, subject| !subject.is_expired(now));
            }
        }
    }

    /// Every subject of every entry.
    pub(crate) fn subjects(&self) -> impl Iterator<Item = (&SubjectId, &Subject)> {
        self.entries.values().flat_map(|entry| &entry.subjects)
    }

    pub(crate) fn imports_to_json(&self) -> Value {
        imports_to_json(&self.imports)
    }

    pub(crate) fn entries_to_json(&self) -> Value {
        self.entries
            .iter()
            .map(|(label, entry)| (label.to_string(), entry.to_json()))
            .collect::<Map<_, _>>()
            .into()
    }
}

fn refuse_other_id(expected: &PolicyId, members: &Map<String, Value>) -> Result<(), Error> {
    let Some(value) = members.get("policyId") else {
        return Ok(());
    };
    if policy_id(json::string(value, "policyId")?)? == *expected {
        return Ok(());
    }
    Err(Error::IdNotSettable {
        policy_id: expected.clone(),
    })
}

/// Reads entries by label.
pub(crate) fn policy_entries_from_json<'v>(
    members: impl Iterator<Item = (&'v String, &'v Value)>,
    placeholders: Placeholders<'_>,
) -> Result<IndexMap<Label, Arc<PolicyEntry>>, Error> {
    members
        .map(|(key, value)| {
            let entry = PolicyEntry::from_json(value, placeholders)?;
            Ok((label(key)?, Arc::new(entry)))
        })
        .collect()
}
