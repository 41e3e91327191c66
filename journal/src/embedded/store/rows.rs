//! Rows for entities and histories: what follows from records, written later and made again where it is missing.

use std::ops::Bound;
use std::sync::Arc;

use fjall::Readable;
use hashbrown::HashMap;

use super::{Store, classify, reading};
use crate::embedded::encoding;
use crate::embedded::views::{Place, Views};
use crate::{Entity, EntityKey, Position, StoreError};

/// Rows that follow from records, written in one batch: appends wait for it.
const ROWS_AT_ONCE: usize = 256;

impl Store {
    /// Writes what the records up to `last` mean. Durable with the next sync only: the log keeps the order, so that rows
    /// that are lost were written after the last `applied` that is not.
    pub(in crate::embedded) fn apply(
        &self,
        entities: &HashMap<EntityKey, Arc<Entity>>,
        places: &[Place],
        last: Position,
    ) -> Result<(), StoreError> {
        let failed = |error| classify("writing", "entities", error);
        // First the entities: whoever finds a history longer than its entity and looks again must find the newer one.
        let mut entities: Vec<_> = entities.iter().collect();
        entities.sort_unstable_by_key(|(key, _)| *key);
        for portion in entities.chunks(ROWS_AT_ONCE) {
            let mut batch = self.database.batch();
            for (key, entity) in portion {
                let key = encoding::entity_key(key);
                let value = encoding::encode_entity(&key, entity);
                batch.insert(&self.entities, key, value);
            }
            batch.commit().map_err(failed)?;
        }
        let mut places: Vec<_> = places.iter().collect();
        places.sort_unstable();
        for portion in places.chunks(ROWS_AT_ONCE) {
            let mut batch = self.database.batch();
            for (key, revision, position) in portion {
                let history_key = encoding::history_key(key, *revision);
                batch.insert(
                    &self.history,
                    history_key,
                    encoding::encode_position(*position),
                );
            }
            batch.commit().map_err(failed)?;
        }
        self.set_applied(last)
    }

    /// How far rows were written; `None` in a store that an earlier version made, or in a new one.
    pub(in crate::embedded) fn applied(&self) -> Result<Option<Position>, StoreError> {
        let value = self.applied.get(encoding::APPLIED_KEY);
        let value = value.map_err(reading("how far rows were written"))?;
        value
            .map(|value| encoding::decode_applied(&value))
            .transpose()
    }

    /// Whether the last record is one whose rows were written with it.
    pub(in crate::embedded) fn is_of_version_1(&self, head: Position) -> Result<bool, StoreError> {
        let value = self.records.get(encoding::record_key(head));
        let Some(value) = value.map_err(reading("the last record"))? else {
            return Ok(true);
        };
        Ok(!encoding::is_change(head, &value)?)
    }

    #[cfg(test)]
    pub(in crate::embedded) fn forget_applied(&self) {
        self.applied.remove(encoding::APPLIED_KEY).unwrap();
    }

    pub(in crate::embedded) fn set_applied(&self, position: Position) -> Result<(), StoreError> {
        self.applied
            .insert(encoding::APPLIED_KEY, encoding::encode_applied(position))
            .map_err(|error| classify("writing", "how far rows were written", error))
    }

    /// Makes up for the rows of records after `applied`: hands each change that says what it means to `note`.
    pub(in crate::embedded) fn replay(
        &self,
        applied: Position,
        views: &Views,
    ) -> Result<(), StoreError> {
        let bounds = (
            Bound::Excluded(encoding::record_key(applied)),
            Bound::Unbounded,
        );
        for guard in self.database.snapshot().range(&self.records, bounds) {
            let (key, value) = guard.into_inner().map_err(reading("records"))?;
            let position = encoding::decode_position(&key)?;
            let known = |key: &EntityKey| match views.entity(key) {
                Some(known) => Ok(Some(known)),
                None => Ok(self.stored_entity(key)?.map(Arc::new)),
            };
            if let Some((record, entity)) = encoding::decode_change(position, &value, known)? {
                views.note_one(&record, &entity);
            }
        }
        Ok(())
    }
}
