//! Hot entities in memory, never older than what the store holds.

use std::sync::Arc;

use quick_cache::sync::{Cache, GuardResult};
use quick_cache::{DefaultHashBuilder, Weighter};

use crate::{Entity, EntityKey, StoreError};

/// Fewer than this many are not worth a cache; the weight of one entity stays well below a shard's share of it.
const ENTITIES_MIN: usize = 64;
/// A larger state counts once per started slice of this size,
const WEIGHT_BYTES: usize = 4 * 1024;
/// but at most this often: an entity that outweighs a shard would be refused, and then a stale fill could win.
const WEIGHT_MAX: u64 = 16;

/// The last states of recently used entities.
pub(super) struct HotEntities(Cache<EntityKey, Arc<Entity>, StateSlices>);

impl HotEntities {
    pub(super) fn new(entities: usize) -> Self {
        let entities = entities.max(ENTITIES_MIN);
        let capacity = u64::try_from(entities).unwrap_or(u64::MAX);
        Self(Cache::with(
            entities,
            capacity,
            StateSlices,
            DefaultHashBuilder::default(),
            Default::default(),
        ))
    }

    /// The entity from memory, else from `read`; what `read` finds is kept unless [`Self::put`] came in between.
    ///
    /// Invariant: the writer notes a change where `read` looks first and calls `put` second. A reader's slot is taken before it reads, so
    /// either its read sees the change, or `put` takes the slot away and the stale state is dropped.
    pub(super) fn entity(
        &self,
        key: &EntityKey,
        read: impl FnOnce() -> Result<Option<Arc<Entity>>, StoreError>,
    ) -> Result<Option<Arc<Entity>>, StoreError> {
        if let Some(entity) = self.0.get(key) {
            return Ok(Some(entity));
        }
        match self.0.get_value_or_guard(key, None) {
            GuardResult::Value(entity) => Ok(Some(entity)),
            GuardResult::Guard(slot) => {
                let Some(entity) = read()? else {
                    return Ok(None); // Not kept: names made up by strangers must not push entities out.
                };
                let _ = slot.insert(Arc::clone(&entity));
                Ok(Some(entity))
            }
            GuardResult::Timeout => read(),
        }
    }

    /// What is kept of `key`, without counting as use.
    pub(super) fn peek(&self, key: &EntityKey) -> Option<Arc<Entity>> {
        self.0.peek(key)
    }

    /// The keys of everything that is kept.
    pub(super) fn keys(&self) -> Vec<EntityKey> {
        self.0.iter().map(|(key, _)| key).collect()
    }

    /// Drops what `fits`; returns how much that was.
    pub(super) fn forget(&self, fits: &dyn Fn(&EntityKey) -> bool) -> usize {
        let keys: Vec<EntityKey> = self.keys().into_iter().filter(fits).collect();
        keys.iter()
            .filter(|key| self.0.remove(*key).is_some())
            .count()
    }

    /// Replaces what is known of `key`; for the writer only.
    pub(super) fn put(&self, key: &EntityKey, entity: Arc<Entity>) {
        self.0.insert(key.clone(), entity);
    }
}

#[derive(Clone)]
struct StateSlices;

impl Weighter<EntityKey, Arc<Entity>> for StateSlices {
    fn weight(&self, _: &EntityKey, entity: &Arc<Entity>) -> u64 {
        let bytes = entity.state.as_ref().map_or(0, |state| state.len());
        let slices = u64::try_from(bytes.div_ceil(WEIGHT_BYTES)).unwrap_or(u64::MAX);
        slices.clamp(1, WEIGHT_MAX)
    }
}

#[cfg(test)]
mod tests;
