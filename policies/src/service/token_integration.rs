//! Lets systems act for the holder of a token: subjects that are added to policy entries until the token expires.
//!
//! Source: Ditto documentation, page "Policy", section "Actions".

use std::sync::Arc;

use jiff::Timestamp;
use journal::{AppendError, Revision};
use serde_json::Value;

use super::Policies;
use super::load::{Loaded, store_error};
use super::write::{ATTEMPTS_MAX, appended};
use crate::event::{Happening, PolicyEvent};
use crate::{
    ActionFailure, CommandContext, Enforcer, Error, Label, Permission, Pointer, Policy,
    PolicyEntry, PolicyId, PolicyResource, Principal, ResourceType, Subject, SubjectAnnouncement,
    SubjectId, part,
};

/// What is to be done with the integration subjects.
#[derive(Debug, Clone)]
pub enum TokenIntegration {
    /// Add them, or renew them.
    Activate {
        /// When the token expires, and the subjects with it.
        expiry: Timestamp,
        /// How they are told that they go.
        announcement: Option<SubjectAnnouncement>,
    },
    /// Take them away; those that are not there are none.
    Deactivate,
}

/// Makes the integration subjects for the entry of a label.
pub type SubjectsOf<'a> = &'a dyn Fn(&Label) -> Result<Vec<SubjectId>, Error>;

impl TokenIntegration {
    /// The name of the action, as in paths and resources.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Activate { .. } => "activateTokenIntegration",
            Self::Deactivate => "deactivateTokenIntegration",
        }
    }

    /// Whether the entry is for the principal and, to activate, lets it read something of a thing.
    fn is_applicable(&self, entry: &PolicyEntry, principal: &Principal) -> bool {
        let is_for_principal = principal
            .subjects()
            .iter()
            .any(|subject| entry.subjects.contains_key(subject));
        is_for_principal
            && match self {
                Self::Deactivate => true,
                Self::Activate { .. } => entry.resources.iter().any(|(key, permissions)| {
                    key.resource_type == ResourceType::Thing
                        && permissions.granted.contains(&Permission::READ)
                        && !permissions.revoked.contains(&Permission::READ)
                }),
            }
    }
}

impl Policies {
    /// Does it with the entry of `label`, or with every entry where the principal may and where it applies.
    ///
    /// # Errors
    ///
    /// [`Error::ActionFailed`] if the principal may not, if it applies to no entry, or what `subjects_of` returns;
    /// [`Error::NotFound`], and what a write of subjects may return.
    pub async fn integrate_token(
        &self,
        context: &CommandContext,
        (policy_id, label): (&PolicyId, Option<&Label>),
        integration: &TokenIntegration,
        subjects_of: SubjectsOf<'_>,
    ) -> Result<Revision, Error> {
        let _alone = self.alone(policy_id).await?;
        for _ in 0..ATTEMPTS_MAX {
            let loaded = self.load(policy_id)?.ok_or_else(|| Error::NotFound {
                policy_id: policy_id.clone(),
                resource: Box::new(PolicyResource::Policy),
            })?;
            let before = &*loaded.policy_at(context.now);
            let labels = self.labels(context, (&loaded, before), label, integration)?;
            let mut after = before.clone();
            let touched = self.apply(&mut after, (context, &labels), integration, subjects_of)?;
            let revision = loaded.entity.revision;
            if *before == after {
                return Ok(revision);
            }
            let resource = match label {
                Some(label) => PolicyResource::Subjects(label.clone()),
                None => PolicyResource::Policy,
            };
            self.check_result(context, before, &after, &resource)?;
            let place = (revision + 1, context.now);
            let event = event(before, &after, (integration, &touched), place);
            let append = appended(event, &after);
            let stored = &loaded.stored.policy;
            let farewells = self.farewells(stored, Some(&after), context.now)?;
            let appends = farewells.into_iter().chain([append]).collect();
            match self.journal.append(appends).await {
                Ok(_) => return Ok(revision + 1),
                Err(AppendError::Conflict { .. }) => {}
                Err(AppendError::Store(source)) => return Err(store_error(policy_id, source)),
            }
        }
        Err(Error::Busy {
            policy_id: policy_id.clone(),
        })
    }

    /// The entries to which it applies.
    fn labels(
        &self,
        context: &CommandContext,
        (loaded, policy): (&Loaded, &Policy),
        label: Option<&Label>,
        integration: &TokenIntegration,
    ) -> Result<Vec<Label>, Error> {
        let failed = |failure| Error::ActionFailed {
            action: integration.name(),
            failure,
        };
        let enforcer = self.enforcer_of(loaded, None, context.now)?;
        let candidates: Vec<&Label> = match label {
            Some(label) => vec![label],
            None => policy.entries.keys().collect(),
        };
        let permitted: Vec<&Label> = candidates
            .into_iter()
            .filter(|label| may_execute(&enforcer, &context.principal, (label, integration)))
            .collect();
        if permitted.is_empty() {
            return Err(failed(ActionFailure::NotPermitted));
        }
        if let Some(label) = label
            && !policy.entries.contains_key(label)
        {
            return Err(part::not_found(
                policy,
                &PolicyResource::Entry(label.clone()),
            ));
        }
        let applicable: Vec<Label> = permitted
            .into_iter()
            .filter(|label| {
                policy
                    .entries
                    .get(*label)
                    .is_some_and(|entry| integration.is_applicable(entry, &context.principal))
            })
            .cloned()
            .collect();
        if applicable.is_empty() {
            return Err(failed(ActionFailure::NotApplicable));
        }
        Ok(applicable)
    }

    /// Changes the entries of `labels`; returns which subjects of which entries it was about.
    fn apply(
        &self,
        policy: &mut Policy,
        (context, labels): (&CommandContext, &[Label]),
        integration: &TokenIntegration,
        subjects_of: SubjectsOf<'_>,
    ) -> Result<Vec<(Label, Vec<SubjectId>)>, Error> {
        let mut touched = Vec::new();
        for label in labels {
            let ids = subjects_of(label)?;
            let Some(entry) = policy.entries.get_mut(label).map(Arc::make_mut) else {
                continue;
            };
            for id in &ids {
                match integration {
                    TokenIntegration::Activate {
                        expiry,
                        announcement,
                    } => {
                        let subject = Subject {
                            subject_type: format!(
                                "added via action <{}> at {}",
                                integration.name(),
                                context.now
                            ),
                            expiry: Some(*expiry),
                            announcement: announcement.clone(),
                        };
                        let rounded = subject.rounded(self.granularity());
                        entry.subjects.insert(id.clone(), rounded);
                    }
                    TokenIntegration::Deactivate => {
                        entry.subjects.shift_remove(id);
                    }
                }
            }
            touched.push((label.clone(), ids));
        }
        Ok(touched)
    }
}

fn may_execute(
    enforcer: &Enforcer,
    principal: &Principal,
    (label, integration): (&Label, &TokenIntegration),
) -> bool {
    enforcer.unrestricted(
        principal.subjects(),
        &ResourceType::Policy,
        &Pointer::from_segments(["entries", label.as_str(), "actions", integration.name()]),
        &Permission::EXECUTE,
    )
}

/// One subject of one entry has events of its own, several are told of together.
fn event(
    before: &Policy,
    after: &Policy,
    (integration, touched): (&TokenIntegration, &[(Label, Vec<SubjectId>)]),
    (revision, now): (Revision, Timestamp),
) -> PolicyEvent {
    let are_gone = matches!(integration, TokenIntegration::Deactivate);
    if let [(label, ids)] = touched
        && let [id] = ids.as_slice()
    {
        let resource = PolicyResource::Subject(label.clone(), id.clone());
        let happening = match (are_gone, part::read(before, &resource)) {
            (true, _) => Happening::Deleted,
            (false, None) => Happening::Created,
            (false, Some(_)) => Happening::Modified,
        };
        return PolicyEvent::of(after, (&resource, happening), revision, now);
    }
    let members = touched.iter().map(|(label, ids)| {
        let value = if are_gone {
            ids.iter().map(|id| Value::from(id.as_str())).collect()
        } else {
            subjects_to_json(after, label, ids)
        };
        (label.to_string(), value)
    });
    let place = (revision, now);
    PolicyEvent::of_several_subjects(&after.policy_id, members.collect(), are_gone, place)
}

fn subjects_to_json(policy: &Policy, label: &Label, ids: &[SubjectId]) -> Value {
    let subjects = policy.entries.get(label).map(|entry| &entry.subjects);
    let members = ids.iter().filter_map(|id| {
        let subject = subjects?.get(id)?;
        Some((id.to_string(), subject.to_json()))
    });
    Value::Object(members.collect())
}
