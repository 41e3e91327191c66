//! Why a policy decides as it does: the enforcer's own answer, and the entries behind it.

use std::sync::Arc;

use jiff::Timestamp;

use super::Policies;
use crate::effective::{self, EffectiveEntries};
use crate::{Error, Label, Permission, Pointer, PolicyId, ResourceKey, ResourceType, SubjectId};

/// What is asked of a policy.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Who asks.
    pub subjects: &'a [SubjectId],
    /// About what family.
    pub resource_type: &'a ResourceType,
    /// Where in an entity of that family.
    pub path: &'a Pointer,
    /// For what.
    pub permission: &'a Permission,
    /// The namespace of the thing; `None` for the policy itself.
    pub namespace: Option<&'a str>,
}

/// What the policy answers, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Whether the permission holds there and everywhere below.
    pub unrestricted: bool,
    /// Whether it holds there or anywhere below.
    pub partial: bool,
    /// Everything that entries say about it to these subjects, from the root of the resource downwards.
    pub sayings: Vec<Saying>,
}

/// What one entry says to one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saying {
    /// The entry's label; imported ones name where they come from.
    pub entry: String,
    /// To whom.
    pub subject: SubjectId,
    /// About what.
    pub resource: ResourceKey,
    /// Whether it revokes rather than grants.
    pub revokes: bool,
    /// Whether it decides at the asked path: nothing nearer says anything, and nothing there revokes what it grants.
    pub decides: bool,
}

impl Policies {
    /// The labels of a policy's own entries; `None` if there is no such policy.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if the store failed.
    pub fn entry_labels(&self, policy_id: &PolicyId) -> Result<Option<Vec<Label>>, Error> {
        let loaded = self.load(policy_id)?;
        Ok(loaded.map(|loaded| loaded.stored.policy.entries.keys().cloned().collect()))
    }

    /// Asks the enforcer that requests ask, and names the entries behind its answer; `None` if there is no such policy.
    ///
    /// # Errors
    ///
    /// As [`Policies::enforcer`].
    pub fn explain(
        &self,
        policy_id: &PolicyId,
        question: &Question<'_>,
        now: Timestamp,
    ) -> Result<Option<Explanation>, Error> {
        let Some(enforcer) = self.compiled_enforcer(policy_id, question.namespace, now)? else {
            return Ok(None);
        };
        let Some(loaded) = self.load(policy_id)? else {
            return Ok(None);
        };
        let entries = self.effective_entries(&Arc::clone(&loaded.stored.policy))?;
        let Question {
            subjects,
            resource_type,
            path,
            permission,
            ..
        } = *question;
        Ok(Some(Explanation {
            unrestricted: enforcer.unrestricted(subjects, resource_type, path, permission),
            partial: enforcer.partial(subjects, resource_type, path, permission),
            sayings: sayings(&entries, question, now),
        }))
    }
}

fn sayings(entries: &EffectiveEntries, question: &Question<'_>, now: Timestamp) -> Vec<Saying> {
    let mut sayings: Vec<Saying> = entries
        .iter()
        .filter(|(_, entry)| effective::holds(entry, question.namespace))
        .flat_map(|(label, entry)| {
            let subjects = entry
                .subjects
                .iter()
                .filter(|(id, subject)| !subject.is_expired(now) && question.subjects.contains(id))
                .map(|(id, _)| id);
            subjects.flat_map(move |subject| {
                let about = entry
                    .resources
                    .iter()
                    .filter(|(key, _)| question.concerns(key));
                about.flat_map(move |(key, permissions)| {
                    let saying = |revokes| Saying {
                        entry: label.clone(),
                        subject: subject.clone(),
                        resource: key.clone(),
                        revokes,
                        decides: false,
                    };
                    let granted = permissions.granted.contains(question.permission);
                    let revoked = permissions.revoked.contains(question.permission);
                    let granted = granted.then(|| saying(false));
                    granted.into_iter().chain(revoked.then(|| saying(true)))
                })
            })
        })
        .collect();
    sayings.sort_by_key(|saying| saying.resource.path.segments().len());
    mark_deciding(&mut sayings, question.path);
    sayings
}

/// The nearest path at or above the asked one decides; revoking wins there.
fn mark_deciding(sayings: &mut [Saying], path: &Pointer) {
    let is_above = |saying: &Saying| saying.resource.path.is_prefix_of(path);
    let depth = |saying: &Saying| saying.resource.path.segments().len();
    let Some(nearest) = sayings.iter().filter(|s| is_above(s)).map(depth).max() else {
        return;
    };
    let at_nearest = |saying: &Saying| is_above(saying) && depth(saying) == nearest;
    let revoked = sayings.iter().any(|s| at_nearest(s) && s.revokes);
    for saying in sayings {
        saying.decides = at_nearest(saying) && saying.revokes == revoked;
    }
}

impl Question<'_> {
    /// Whether a resource lies at, above or below the asked path.
    fn concerns(&self, key: &ResourceKey) -> bool {
        key.resource_type == *self.resource_type
            && (key.path.is_prefix_of(self.path) || self.path.is_prefix_of(&key.path))
    }
}
