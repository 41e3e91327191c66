//! A policy as it is kept with its journal entity: parsed once, compiled once per state of everything it depends on.

use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use jiff::Timestamp;
use journal::{EntityKey, Journal, Revision, StoreError};

use crate::effective::{self, EffectiveEntries};
use crate::{Enforcer, Error, Placeholders, Policy, PolicyId};

/// The parsed state of a policy, and what was compiled from it.
pub(crate) struct StoredPolicy {
    pub(crate) policy: Arc<Policy>,
    pub(crate) compiled: ArcSwapOption<Compiled>,
}

/// Enforcers of one state of a policy and of everything it depends on.
pub(crate) struct Compiled {
    /// The policies it was made from besides its own, with their revisions; 0 for those that never existed.
    dependencies: Box<[(EntityKey, Revision)]>,
    /// When the next subject expires.
    valid_until: Option<Timestamp>,
    /// For the policy itself, and for all things if no entry is limited to namespaces.
    enforcer: Arc<Enforcer>,
    /// The entries, if some are limited to namespaces.
    namespaced: Option<Namespaced>,
}

/// Enforcers by namespace of the thing, made when first asked for.
struct Namespaced {
    entries: EffectiveEntries,
    enforcers: ArcSwap<Vec<(Box<str>, Arc<Enforcer>)>>,
}

/// How many namespaces have enforcers of their own; if more are asked for, all are made again on demand.
const NAMESPACES_MAX: usize = 64;

impl StoredPolicy {
    pub(crate) fn new(policy: Policy) -> Self {
        Self {
            policy: Arc::new(policy),
            compiled: ArcSwapOption::empty(),
        }
    }

    /// Parses what the store holds.
    pub(crate) fn parse(policy_id: &PolicyId, state: &[u8]) -> Result<Self, Error> {
        let damaged = |reason: String| Error::Damaged {
            policy_id: policy_id.clone(),
            reason,
        };
        let value = serde_json::from_slice(state).map_err(|error| damaged(error.to_string()))?;
        Policy::from_json(policy_id.clone(), &value, Placeholders::Keep)
            .map(Self::new)
            .map_err(|error| damaged(error.to_string()))
    }
}

impl Compiled {
    pub(crate) fn new(
        entries: EffectiveEntries,
        dependencies: Vec<(EntityKey, Revision)>,
        now: Timestamp,
    ) -> Self {
        let is_namespaced = entries
            .values()
            .any(|entry| entry.namespaces.as_ref().is_some_and(|all| !all.is_empty()));
        Self {
            dependencies: dependencies.into(),
            valid_until: effective::next_expiry(&entries, now),
            enforcer: Arc::new(effective::compile(&entries, None, now)),
            namespaced: is_namespaced.then(|| Namespaced {
                entries,
                enforcers: ArcSwap::default(),
            }),
        }
    }

    /// Whether nothing changed that it was made from.
    pub(crate) fn is_current(
        &self,
        journal: &dyn Journal,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if self.valid_until.is_some_and(|until| until <= now) {
            return Ok(false);
        }
        for (key, revision) in &self.dependencies {
            let current = journal.entity(key)?.map_or(0, |entity| entity.revision);
            if current != *revision {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The enforcer for things of `namespace`, or for the policy itself if there is none.
    pub(crate) fn enforcer(&self, namespace: Option<&str>, now: Timestamp) -> Arc<Enforcer> {
        match (&self.namespaced, namespace) {
            (Some(namespaced), Some(namespace)) => namespaced.enforcer(namespace, now),
            (None, _) | (_, None) => Arc::clone(&self.enforcer),
        }
    }
}

impl Namespaced {
    fn enforcer(&self, namespace: &str, now: Timestamp) -> Arc<Enforcer> {
        let known = self.enforcers.load();
        if let Some((_, enforcer)) = known.iter().find(|(each, _)| **each == *namespace) {
            return Arc::clone(enforcer);
        }
        let enforcer = Arc::new(effective::compile(&self.entries, Some(namespace), now));
        let mut enforcers = Vec::clone(&known);
        if enforcers.len() >= NAMESPACES_MAX {
            enforcers.clear();
        }
        enforcers.push((namespace.into(), Arc::clone(&enforcer)));
        // Losing a race against another namespace only means that one of them is made again.
        self.enforcers.store(Arc::new(enforcers));
        enforcer
    }
}
