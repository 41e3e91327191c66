//! Subjects that expire or want to be told that they go: found in the store.

use journal::EntityKind;

use super::Policies;
use crate::{Error, PolicyId, Subject, SubjectId};

/// How many policies are looked at at once.
const PORTION: usize = 256;

impl Policies {
    /// Calls `visit` for every policy that may have a subject which expires or wants to be told.
    pub(crate) fn for_each_with_times(
        &self,
        visit: &mut dyn FnMut(&PolicyId),
    ) -> Result<(), Error> {
        let mut after: Option<String> = None;
        loop {
            let portion = self
                .journal
                .entities(EntityKind::Policy, after.as_deref(), PORTION)
                .map_err(|source| Error::Unreadable { source })?;
            let Some((last, _)) = portion.last() else {
                return Ok(());
            };
            after = Some(last.id.to_string());
            for (key, entity) in &portion {
                let state = entity.state.as_deref().unwrap_or_default();
                if let (true, Ok(policy_id)) = (mentions_times(state), key.id.parse()) {
                    visit(&policy_id);
                }
            }
        }
    }

    /// Every distinct subject of the policy as it is stored, expired ones included; none if there is no such policy.
    pub(crate) fn stored_subjects(
        &self,
        policy_id: &PolicyId,
    ) -> Result<Vec<(SubjectId, Subject)>, Error> {
        let Some(loaded) = self.load(policy_id)? else {
            return Ok(Vec::new());
        };
        let mut subjects: Vec<(SubjectId, Subject)> = Vec::new();
        for (id, subject) in loaded.stored.policy.subjects() {
            if !subjects
                .iter()
                .any(|(each, other)| each == id && other == subject)
            {
                subjects.push((id.clone(), subject.clone()));
            }
        }
        Ok(subjects)
    }
}

/// Spares parsing most policies: the members have these names.
fn mentions_times(state: &[u8]) -> bool {
    let mentions = |name: &[u8]| state.windows(name.len()).any(|window| window == name);
    mentions(b"\"expiry\"") || mentions(b"\"announcement\"")
}
