//! Policies that come from elsewhere: checked like any other, but nobody's permission is asked.

use journal::{Append, AppendError, Entity};
use serde_json::Value;

use super::{ATTEMPTS_MAX, appended};
use crate::event::Happening;
use crate::part::Part;
use crate::service::Policies;
use crate::service::load::{Loaded, key, store_error};
use crate::{
    Adopted, Adoption, Coming, Error, Existing, Placeholders, Policy, PolicyEvent, PolicyId,
    PolicyResource, rules,
};

impl Policies {
    /// Takes over the policy that `value` says; subjects that are expired already are left out.
    ///
    /// What it imports may also be `coming`.
    ///
    /// # Errors
    ///
    /// Whatever writing it would return but for permissions, [`Error::Conflict`] if there is one already that must not be.
    pub async fn adopt(
        &self,
        policy_id: PolicyId,
        value: &Value,
        adoption: &Adoption,
        coming: Coming<'_>,
    ) -> Result<Adopted, Error> {
        let mut policy = Policy::from_json(policy_id.clone(), value, Placeholders::Keep)?;
        policy.remove_expired(adoption.now);
        let Part::Policy(policy) = Part::Policy(policy).rounded(self.granularity()) else {
            unreachable!("rounding keeps the kind of a part");
        };
        let _alone = self.locks.lock(&key(&policy_id)).await;
        for _ in 0..ATTEMPTS_MAX {
            let known = self.load(&policy_id)?;
            if let Some(outcome) = settled(known.as_ref(), &policy, adoption)? {
                return Ok(outcome);
            }
            self.check_adopted(known.as_ref(), &policy, coming)?;
            let outcome = match known {
                Some(_) => Adopted::Overwritten,
                None => Adopted::Created,
            };
            if adoption.is_trial {
                return Ok(outcome);
            }
            let appends = match &known {
                Some(known) => {
                    let before = &known.stored.policy;
                    let farewells = self.farewells(before, Some(&policy), adoption.now)?;
                    let replacement = replacement(known, &policy, adoption);
                    farewells.into_iter().chain([replacement]).collect()
                }
                None => {
                    let ended = self.entity(&policy_id)?;
                    creations(&policy, ended.as_deref(), adoption)
                }
            };
            match self.journal.append(appends).await {
                Ok(_) => return Ok(outcome),
                Err(AppendError::Conflict { .. }) => {}
                Err(AppendError::Store(source)) => return Err(store_error(&policy_id, source)),
            }
        }
        Err(Error::Busy { policy_id })
    }

    fn check_adopted(
        &self,
        known: Option<&Loaded>,
        policy: &Policy,
        coming: Coming<'_>,
    ) -> Result<(), Error> {
        let policy_id = &policy.policy_id;
        let resource = PolicyResource::Policy;
        self.check_size(policy_id, &policy.to_json())?;
        self.check_import_count(policy.imports.len())?;
        let none = Policy::empty(policy_id);
        let before = known.map_or(&none, |known| &*known.stored.policy);
        rules::check_targets(before, policy, &resource)?;
        rules::check_references(policy)?;
        let entries = self.imported_entries_with(policy, coming)?;
        rules::check_lockout(policy_id, &entries, &resource)
    }
}

/// What becomes of a policy of which nothing has to be stored.
fn settled(
    known: Option<&Loaded>,
    policy: &Policy,
    adoption: &Adoption,
) -> Result<Option<Adopted>, Error> {
    let Some(known) = known else {
        return Ok(None);
    };
    let is_same = *known.stored.policy == *policy;
    match adoption.existing {
        Existing::Skip => Ok(Some(Adopted::Skipped)),
        Existing::Refuse => Err(Error::Conflict {
            policy_id: policy.policy_id.clone(),
        }),
        Existing::Overwrite => Ok(is_same.then_some(Adopted::Unchanged)),
    }
}

fn replacement(known: &Loaded, policy: &Policy, adoption: &Adoption) -> Append {
    let resource = PolicyResource::Policy;
    let event = PolicyEvent::of(
        policy,
        (&resource, Happening::Modified),
        known.entity.revision + 1,
        adoption.overwriting(known.entity.modified),
    );
    appended(event, policy)
}

/// Its creation, and its last change if that was later.
fn creations(policy: &Policy, ended: Option<&Entity>, adoption: &Adoption) -> Vec<Append> {
    let resource = PolicyResource::Policy;
    let revision = ended.map_or(0, |ended| ended.revision);
    let created = adoption.creation(ended.map(|ended| ended.modified));
    let modified = adoption.change(created);
    let at = |happening, revision, time| {
        let event = PolicyEvent::of(policy, (&resource, happening), revision, time);
        appended(event, policy)
    };
    let creation = at(Happening::Created, revision + 1, created);
    let change = (modified != created).then(|| at(Happening::Modified, revision + 2, modified));
    [creation].into_iter().chain(change).collect()
}
