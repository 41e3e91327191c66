//! All policies, for operators: no principal asks, and nothing is left out.

use journal::{Entity, EntityKind};
use serde_json::Value;

use super::Policies;
use super::load::stored;
use crate::stored::StoredPolicy;
use crate::{Error, PolicyId};

/// Policies read at once.
const PORTION: usize = 256;

impl Policies {
    /// Some of the policies whose ids sort after `after`, each with its revision and times in members that begin with `_`,
    /// and where to go on if there are more.
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`] or [`Error::Damaged`].
    pub fn dump(&self, after: Option<&str>) -> Result<(Vec<Value>, Option<String>), Error> {
        let entities = self
            .journal
            .entities(EntityKind::Policy, after, PORTION)
            .map_err(|source| Error::Unreadable { source })?;
        let mut policies = Vec::with_capacity(entities.len());
        for (key, entity) in &entities {
            let policy_id = crate::model::policy_id(&key.id)?;
            let Some(stored) = stored(&policy_id, entity)? else {
                continue;
            };
            policies.push(whole(&stored, entity));
        }
        let last = entities.last().filter(|_| entities.len() == PORTION);
        Ok((policies, last.map(|(key, _)| key.id.to_string())))
    }
    /// One of them, if it is there.
    ///
    /// # Errors
    ///
    /// As [`Policies::dump`].
    pub fn dump_one(&self, policy_id: &PolicyId) -> Result<Option<Value>, Error> {
        let loaded = self.load(policy_id)?;
        Ok(loaded.map(|loaded| whole(&loaded.stored, &loaded.entity)))
    }

    /// Whether there is such a policy.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    pub fn is_there(&self, policy_id: &PolicyId) -> Result<bool, Error> {
        let entity = self.entity(policy_id)?;
        Ok(entity.is_some_and(|entity| entity.state.is_some()))
    }
}

fn whole(stored: &StoredPolicy, entity: &Entity) -> Value {
    let mut policy = stored.policy.to_json();
    if let Value::Object(members) = &mut policy {
        members.insert("_revision".to_owned(), entity.revision.into());
        members.insert("_created".to_owned(), entity.created.to_string().into());
        members.insert("_modified".to_owned(), entity.modified.to_string().into());
    }
    policy
}
