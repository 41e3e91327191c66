//! Loads policies from the journal and compiles them.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use jiff::Timestamp;
use journal::{Entity, EntityKey, EntityKind, Journal, Revision, StoreError};

use super::Policies;
use crate::effective::{self, EffectiveEntries, PolicySource};
use crate::stored::{Compiled, StoredPolicy};
use crate::{Coming, CommandContext, Enforcer, Error, Placeholders, Policy, PolicyId, Purpose};

/// A policy as the journal has it.
pub(super) struct Loaded {
    pub(super) entity: Arc<Entity>,
    pub(super) stored: Arc<StoredPolicy>,
}

impl Loaded {
    /// The policy as it is at `now`: subjects that expired since its last change are gone.
    pub(super) fn policy_at(&self, now: Timestamp) -> Cow<'_, Policy> {
        let policy = &self.stored.policy;
        if !policy.subjects().any(|(_, each)| each.is_expired(now)) {
            return Cow::Borrowed(policy);
        }
        let mut policy = Policy::clone(policy);
        policy.remove_expired(now);
        Cow::Owned(policy)
    }
}

/// Finds policies in the journal and remembers which were looked for.
struct JournalSource<'j> {
    journal: &'j dyn Journal,
    dependencies: Vec<(EntityKey, Revision)>,
}

impl PolicySource for JournalSource<'_> {
    fn policy(&mut self, policy_id: &PolicyId) -> Result<Option<Arc<Policy>>, Error> {
        let entity = entity(self.journal, policy_id)?;
        let revision = entity.as_ref().map_or(0, |entity| entity.revision);
        let dependency = (key(policy_id), revision);
        if !self.dependencies.contains(&dependency) {
            self.dependencies.push(dependency);
        }
        let stored = entity
            .map(|entity| stored(policy_id, &entity))
            .transpose()?
            .flatten();
        Ok(stored.map(|stored| Arc::clone(&stored.policy)))
    }
}

/// Finds the same policies, but none that is out of reach.
struct InReach<'j, 'c> {
    journal: JournalSource<'j>,
    context: &'c CommandContext,
}

impl PolicySource for InReach<'_, '_> {
    fn policy(&mut self, policy_id: &PolicyId) -> Result<Option<Arc<Policy>>, Error> {
        let namespace = policy_id.namespace();
        match self.context.check_reach(Purpose::ReadPolicy, namespace) {
            Ok(()) => self.journal.policy(policy_id),
            Err(_out_of_reach) => Ok(None),
        }
    }
}

/// Finds policies that are coming, and else the same.
struct WithComing<'j, 'c> {
    journal: JournalSource<'j>,
    coming: Coming<'c>,
}

impl PolicySource for WithComing<'_, '_> {
    fn policy(&mut self, policy_id: &PolicyId) -> Result<Option<Arc<Policy>>, Error> {
        let Some(value) = (self.coming)(policy_id) else {
            return self.journal.policy(policy_id);
        };
        let policy = Policy::from_json(policy_id.clone(), &value, Placeholders::Keep)?;
        Ok(Some(Arc::new(policy)))
    }
}

impl Policies {
    /// The policy, unless it is missing or deleted.
    pub(super) fn load(&self, policy_id: &PolicyId) -> Result<Option<Loaded>, Error> {
        let Some(entity) = self.entity(policy_id)? else {
            return Ok(None);
        };
        let stored = stored(policy_id, &entity)?;
        Ok(stored.map(|stored| Loaded { entity, stored }))
    }

    /// What the journal knows of the id, deleted policies included.
    pub(super) fn entity(&self, policy_id: &PolicyId) -> Result<Option<Arc<Entity>>, Error> {
        entity(&*self.journal, policy_id)
    }

    pub(super) fn compiled_enforcer(
        &self,
        policy_id: &PolicyId,
        namespace: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<Arc<Enforcer>>, Error> {
        let Some(loaded) = self.load(policy_id)? else {
            return Ok(None);
        };
        self.enforcer_of(&loaded, namespace, now).map(Some)
    }

    pub(super) fn enforcer_of(
        &self,
        loaded: &Loaded,
        namespace: Option<&str>,
        now: Timestamp,
    ) -> Result<Arc<Enforcer>, Error> {
        let known = loaded.stored.compiled.load();
        if let Some(compiled) = known.as_ref() {
            let policy_id = &loaded.stored.policy.policy_id;
            if compiled
                .is_current(&*self.journal, now)
                .map_err(|source| store_error(policy_id, source))?
            {
                return Ok(compiled.enforcer(namespace, now));
            }
        }
        let compiled = Arc::new(self.compile(&loaded.stored.policy, now)?);
        loaded.stored.compiled.store(Some(Arc::clone(&compiled)));
        Ok(compiled.enforcer(namespace, now))
    }

    /// Compiles `policy`, stored or not.
    pub(super) fn compile(&self, policy: &Policy, now: Timestamp) -> Result<Compiled, Error> {
        self.compilations.fetch_add(1, Ordering::Relaxed);
        let mut source = self.source();
        let entries = self.resolve_with_roots(policy, &mut source)?;
        Ok(Compiled::new(entries, source.dependencies, now))
    }

    /// The entries of `policy` with what it imports and the root policies of its namespace.
    pub(super) fn effective_entries(&self, policy: &Policy) -> Result<EffectiveEntries, Error> {
        self.resolve_with_roots(policy, &mut self.source())
    }

    /// The same without what comes from where the sender of the command must not read.
    pub(super) fn entries_in_reach(
        &self,
        context: &CommandContext,
        policy: &Policy,
    ) -> Result<EffectiveEntries, Error> {
        let mut source = InReach {
            journal: self.source(),
            context,
        };
        self.resolve_with_roots(policy, &mut source)
    }

    /// The entries of `policy`, which is to be written, with what it imports.
    pub(super) fn imported_entries(&self, policy: &Policy) -> Result<EffectiveEntries, Error> {
        effective::resolve_strictly(policy, &mut self.source())
    }

    /// The same where some of what it imports is not stored yet.
    pub(super) fn imported_entries_with(
        &self,
        policy: &Policy,
        coming: Coming<'_>,
    ) -> Result<EffectiveEntries, Error> {
        let journal = self.source();
        effective::resolve_strictly(policy, &mut WithComing { journal, coming })
    }

    fn resolve_with_roots(
        &self,
        policy: &Policy,
        source: &mut dyn PolicySource,
    ) -> Result<EffectiveEntries, Error> {
        let mut entries = effective::resolve(policy, source)?;
        for root in self.namespace_policies.roots_of(&policy.policy_id) {
            if let Some(root) = source.policy(&root)? {
                effective::add_root(&mut entries, &root, source)?;
            }
        }
        Ok(entries)
    }

    fn source(&self) -> JournalSource<'_> {
        JournalSource {
            journal: &*self.journal,
            dependencies: Vec::new(),
        }
    }
}

/// The journal's name of a policy.
pub(super) fn key(policy_id: &PolicyId) -> EntityKey {
    EntityKey::new(EntityKind::Policy, policy_id.shared())
}

pub(super) fn store_error(policy_id: &PolicyId, source: StoreError) -> Error {
    Error::Store {
        policy_id: policy_id.clone(),
        source,
    }
}

fn entity(journal: &dyn Journal, policy_id: &PolicyId) -> Result<Option<Arc<Entity>>, Error> {
    journal
        .entity(&key(policy_id))
        .map_err(|source| store_error(policy_id, source))
}

/// The parsed state, `None` if it is deleted.
pub(super) fn stored(
    policy_id: &PolicyId,
    entity: &Entity,
) -> Result<Option<Arc<StoredPolicy>>, Error> {
    let Some(state) = &entity.state else {
        return Ok(None);
    };
    entity
        .memo
        .get_or_try_init(|| StoredPolicy::parse(policy_id, state))
        .map(Some)
}
