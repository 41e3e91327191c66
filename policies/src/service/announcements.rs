//! What is kept of announcements, in the journal next to the policies that they are about.

use bytes::Bytes;
use jiff::Timestamp;
use journal::{Append, AppendError, EntityGuard, EntityKey, EntityKind, Memo, Revision};

use super::Policies;
use super::load::{key, store_error};
use crate::announcement::{Memory, Remembered};
use crate::{Error, Policy, PolicyId, Subject, SubjectId};

/// How many are looked at at once.
const PORTION: usize = 256;

impl Policies {
    /// What is appended together with a change of a policy, so that whoever leaves it is told even after a crash.
    pub(super) fn farewells(
        &self,
        before: &Policy,
        after: Option<&Policy>,
        now: Timestamp,
    ) -> Result<Option<Append>, Error> {
        let policy_id = &before.policy_id;
        let (memory, revision) = self.memory(policy_id)?;
        let next = memory.changed(before, after, now);
        Ok((next != memory).then(|| remember(policy_id, &next, (revision, now))))
    }

    /// Every policy of which something is kept.
    pub(crate) fn with_memory(&self) -> Result<Vec<PolicyId>, Error> {
        let mut found = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let portion = self
                .journal
                .entities(EntityKind::Announcement, after.as_deref(), PORTION)
                .map_err(|source| Error::Unreadable { source })?;
            let Some((last, _)) = portion.last() else {
                return Ok(found);
            };
            after = Some(last.id.to_string());
            let kept = portion.iter().filter(|(_, entity)| entity.state.is_some());
            found.extend(kept.filter_map(|(key, _)| key.id.parse::<PolicyId>().ok()));
        }
    }

    /// Keeps the policy from being changed while the guard is held.
    pub(crate) async fn unchanged(&self, policy_id: &PolicyId) -> EntityGuard {
        self.locks.lock(&key(policy_id)).await
    }

    /// What is kept of a policy's announcements.
    pub(crate) fn remembered(&self, policy_id: &PolicyId) -> Result<Memory, Error> {
        self.memory(policy_id).map(|(memory, _)| memory)
    }

    /// Keeps how telling a subject has ended, durably.
    pub(crate) async fn settle(
        &self,
        policy_id: &PolicyId,
        end: &Remembered,
        now: Timestamp,
    ) -> Result<(), Error> {
        let _alone = self.locks.lock(&key(policy_id)).await;
        let subjects = self.stored_subjects(policy_id)?;
        let is_there = subjects.iter().any(|(id, subject)| end.is_of(id, subject));
        let (memory, revision) = self.memory(policy_id)?;
        let next = memory.settled(end, is_there);
        if next == memory {
            return Ok(());
        }
        let append = remember(policy_id, &next, (revision, now));
        match self.journal.append(vec![append]).await {
            Ok(_) => Ok(()),
            Err(AppendError::Conflict { .. }) => Err(Error::Busy {
                policy_id: policy_id.clone(),
            }),
            Err(AppendError::Store(source)) => Err(store_error(policy_id, source)),
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

    fn memory(&self, policy_id: &PolicyId) -> Result<(Memory, Revision), Error> {
        let entity = self
            .journal
            .entity(&memory_key(policy_id))
            .map_err(|source| store_error(policy_id, source))?;
        let Some(entity) = entity else {
            return Ok((Memory::default(), 0));
        };
        let memory = match &entity.state {
            Some(state) => Memory::parse(policy_id, state)?,
            None => Memory::default(),
        };
        Ok((memory, entity.revision))
    }
}

/// The journal's name of what is kept.
fn memory_key(policy_id: &PolicyId) -> EntityKey {
    EntityKey::new(EntityKind::Announcement, policy_id.shared())
}

fn remember(
    policy_id: &PolicyId,
    memory: &Memory,
    (expected_revision, timestamp): (Revision, Timestamp),
) -> Append {
    Append {
        entity: memory_key(policy_id),
        expected_revision,
        timestamp,
        signal: Bytes::new(),
        signal_memo: Memo::default(),
        state: memory.to_bytes(),
        state_memo: Memo::default(),
    }
}
