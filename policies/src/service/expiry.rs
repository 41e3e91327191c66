//! Takes subjects out of policies when they expire, so that readers, events and history agree with what enforcers
//! decide from that moment on.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use journal::{AppendError, EntityKind, Record, Revision};
use parking_lot::Mutex;
use serde_json::{Map, Value};

use super::Policies;
use super::load::{key, store_error, stored};
use super::write::{ATTEMPTS_MAX, appended};
use crate::event::{Happening, PolicyEvent};
use crate::{Error, Label, Policy, PolicyId, PolicyResource, SubjectId};

/// When which policy has a subject that expires; may name policies that have changed since.
#[derive(Debug, Default)]
pub(super) struct Agenda(Mutex<BTreeSet<(Timestamp, PolicyId)>>);

/// So many policies are read at once when the agenda is made.
const PAGE: usize = 256;

impl Agenda {
    fn note(&self, policy: &Policy) {
        if let Some(expiry) = next_expiry(policy) {
            self.0.lock().insert((expiry, policy.policy_id.clone()));
        }
    }

    /// Takes out the first that is due.
    fn take_due(&self, now: Timestamp) -> Option<PolicyId> {
        let mut agenda = self.0.lock();
        let (expiry, _) = agenda.first()?;
        if *expiry > now {
            return None;
        }
        agenda.pop_first().map(|(_, policy_id)| policy_id)
    }

    fn put_back(&self, at: Timestamp, policy_id: PolicyId) {
        self.0.lock().insert((at, policy_id));
    }
}

impl Policies {
    /// Learns when subjects expire, now and with every change: once, before [`Policies::remove_expired_subjects`].
    ///
    /// Returns the policies with subjects that want to be told that they go, so that nobody has to look through all again.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] or [`Error::Damaged`].
    pub fn watch_subjects(self: &Arc<Self>) -> Result<Vec<PolicyId>, Error> {
        let watching = Arc::downgrade(self);
        self.journal.subscribe(Box::new(move |records| {
            if let Some(policies) = watching.upgrade() {
                policies.note_all(records);
            }
        }));
        let mut announcing = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = self
                .journal
                .entities(EntityKind::Policy, after.as_deref(), PAGE)
                .map_err(|source| Error::Unreadable { source })?;
            for (key, entity) in &page {
                if !mentions_times(entity.state.as_deref().unwrap_or_default()) {
                    continue;
                }
                let policy_id: PolicyId = crate::model::policy_id(&key.id)?;
                if let Some(stored) = stored(&policy_id, entity)? {
                    self.agenda.note(&stored.policy);
                    let mut subjects = stored.policy.subjects();
                    if subjects.any(|(_, subject)| subject.announcement.is_some()) {
                        announcing.push(policy_id);
                    }
                }
            }
            match page.last() {
                Some((key, _)) if page.len() == PAGE => after = Some(key.id.to_string()),
                Some(_) | None => return Ok(announcing),
            }
        }
    }

    fn note_all(&self, records: &[Arc<Record>]) {
        let policies = records
            .iter()
            .filter(|record| record.entity.kind == EntityKind::Policy);
        for record in policies {
            let Some(after) = &record.after else { continue };
            let noted = crate::model::policy_id(&record.entity.id)
                .and_then(|policy_id| stored(&policy_id, after));
            match noted {
                Ok(Some(stored)) => self.agenda.note(&stored.policy),
                Ok(None) => {}
                Err(error) => tracing::error!(%error, "The expiry of subjects is not watched"),
            }
        }
    }

    /// Removes every subject that is expired at `now`; returns how many policies changed.
    ///
    /// A policy that cannot be changed now is tried again after a minute; its enforcers ignore the subjects meanwhile.
    pub async fn remove_expired_subjects(&self, now: Timestamp) -> usize {
        let mut changed = 0;
        while let Some(policy_id) = self.agenda.take_due(now) {
            match self.remove_expired(&policy_id, now).await {
                Ok(is_changed) => changed += usize::from(is_changed),
                Err(error) => {
                    tracing::warn!(%policy_id, %error, "Expired subjects stay in the policy for now");
                    self.agenda
                        .put_back(now + std::time::Duration::from_secs(60), policy_id);
                }
            }
        }
        changed
    }

    async fn remove_expired(&self, policy_id: &PolicyId, now: Timestamp) -> Result<bool, Error> {
        let _alone = self.locks.lock(&key(policy_id)).await;
        for _ in 0..ATTEMPTS_MAX {
            let Some(loaded) = self.load(policy_id)? else {
                return Ok(false);
            };
            let policy = &*loaded.stored.policy;
            let expired = expired(policy, now);
            if expired.is_empty() {
                self.agenda.note(policy);
                return Ok(false);
            }
            let mut after = policy.clone();
            after.remove_expired(now);
            let place = (loaded.entity.revision + 1, now);
            let append = appended(event(&after, &expired, place), &after);
            let farewells = self.farewells(policy, Some(&after), now)?;
            let appends = farewells.into_iter().chain([append]).collect();
            match self.journal.append(appends).await {
                Ok(_) => return Ok(true),
                Err(AppendError::Conflict { .. }) => {}
                Err(AppendError::Store(source)) => return Err(store_error(policy_id, source)),
            }
        }
        Err(Error::Busy {
            policy_id: policy_id.clone(),
        })
    }
}

/// Spares parsing most policies: the members have these names.
fn mentions_times(state: &[u8]) -> bool {
    let mentions = |name: &[u8]| state.windows(name.len()).any(|window| window == name);
    mentions(b"\"expiry\"") || mentions(b"\"announcement\"")
}

fn next_expiry(policy: &Policy) -> Option<Timestamp> {
    policy
        .subjects()
        .filter_map(|(_, subject)| subject.expiry)
        .min()
}

fn expired(policy: &Policy, now: Timestamp) -> Vec<(Label, SubjectId)> {
    let entries = policy.entries.iter();
    entries
        .flat_map(|(label, entry)| {
            let subjects = entry.subjects.iter();
            subjects
                .filter(|(_, subject)| subject.is_expired(now))
                .map(|(id, _)| (label.clone(), id.clone()))
        })
        .collect()
}

fn event(
    after: &Policy,
    expired: &[(Label, SubjectId)],
    (revision, now): (Revision, Timestamp),
) -> PolicyEvent {
    if let [(label, id)] = expired {
        let resource = PolicyResource::Subject(label.clone(), id.clone());
        return PolicyEvent::of(after, (&resource, Happening::Deleted), revision, now);
    }
    let mut members = Map::new();
    for (label, id) in expired {
        let ids = members
            .entry(label.to_string())
            .or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(ids) = ids {
            ids.push(Value::from(id.as_str()));
        }
    }
    PolicyEvent::of_several_subjects(&after.policy_id, members, true, (revision, now))
}
