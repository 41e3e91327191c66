//! One async mutex per entity: for writers above the journal that read, decide and append.
//!
//! It spares them conflicts; that no change is lost is the journal's own doing.

use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;

use crate::EntityKey;

type Slot = Arc<tokio::sync::Mutex<()>>;

/// Async mutexes by [`EntityKey`], made on demand and dropped with their last user.
#[derive(Debug, Default)]
pub struct EntityLocks {
    slots: Arc<Mutex<HashMap<EntityKey, Slot>>>,
}

impl EntityLocks {
    /// Waits until nobody else holds `key`, in order of arrival; other keys are not waited for.
    pub async fn lock(&self, key: &EntityKey) -> EntityGuard {
        let claim = self.claim(key);
        let held = Arc::clone(&claim.slot).lock_owned().await;
        EntityGuard {
            _held: held,
            _claim: claim,
        }
    }

    /// As [`EntityLocks::lock`], but `None` at once if as many as `waiting_max` wait already.
    pub async fn lock_unless_crowded(
        &self,
        key: &EntityKey,
        waiting_max: usize,
    ) -> Option<EntityGuard> {
        let claim = self.claim(key);
        let others = Arc::strong_count(&claim.slot).saturating_sub(REFERENCES_OF_LAST_CLAIM);
        // One of them holds it.
        if others / REFERENCES_OF_USER > waiting_max {
            return None;
        }
        let held = Arc::clone(&claim.slot).lock_owned().await;
        Some(EntityGuard {
            _held: held,
            _claim: claim,
        })
    }

    /// How many keys are held or waited for.
    pub fn len(&self) -> usize {
        self.slots.lock().len()
    }

    /// Whether no key is held or waited for.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn claim(&self, key: &EntityKey) -> Claim {
        let slot = Arc::clone(self.slots.lock().entry_ref(key).or_default());
        Claim {
            key: key.clone(),
            slot,
            slots: Arc::clone(&self.slots),
        }
    }
}

/// Holds one entity until dropped.
#[derive(Debug)]
pub struct EntityGuard {
    // Declared before the claim: fields drop in order, so the mutex is free before its slot may go.
    _held: OwnedMutexGuard<()>,
    _claim: Claim,
}

/// A share in a slot, taken before waiting; also given back by a waiter that is cancelled.
#[derive(Debug)]
struct Claim {
    key: EntityKey,
    slot: Slot,
    slots: Arc<Mutex<HashMap<EntityKey, Slot>>>,
}

/// Whoever holds a slot or waits for it has a claim and the mutex itself.
const REFERENCES_OF_USER: usize = 2;

/// The map's own reference and that of the claim being dropped.
const REFERENCES_OF_LAST_CLAIM: usize = 2;

impl Drop for Claim {
    fn drop(&mut self) {
        // Claims are made under the same lock, so the count cannot grow while it is read.
        let mut slots = self.slots.lock();
        if Arc::strong_count(&self.slot) <= REFERENCES_OF_LAST_CLAIM {
            slots.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests;
