//! What the newest records mean for entities and their histories, until the store has it in rows of its own.
//!
//! The records alone are durable with an append. Their effects are shown from here at once and written later, many at a
//! time: of an entity that changed often only the last state. A start makes up for those that were not.

use hashbrown::HashMap;
use parking_lot::Mutex;
use std::sync::Arc;

use super::group::Group;
use super::store::Store;
use crate::{Entity, EntityKey, Position, Record, Revision, StoreError};

/// Written once this many records wait,
const RECORDS_MAX: usize = 16_384;
/// or states of this many bytes.
const BYTES_MAX: usize = 32 * 1024 * 1024;

/// Where a revision of an entity stands in the journal.
pub(super) type Place = (EntityKey, Revision, Position);

/// The effects of durable records that are not written yet.
#[derive(Default)]
pub(super) struct Views {
    waiting: Mutex<Waiting>,
    /// Held while they are written: one after the other, so that an older state never follows a newer one.
    writing: Mutex<()>,
}

#[derive(Default)]
struct Waiting {
    entities: HashMap<EntityKey, Arc<Entity>>,
    places: Vec<Place>,
    bytes: usize,
    last: Option<Position>,
}

impl Views {
    /// Notes what a durable group means; before anything else shows it.
    pub(super) fn note(&self, group: &Group) {
        let mut waiting = self.waiting.lock();
        for (key, entity) in &group.entities {
            waiting.replace(key, entity);
        }
        for record in &group.records {
            waiting.place(record);
        }
    }

    /// Notes one record that was read back.
    pub(super) fn note_one(&self, record: &Record, entity: &Arc<Entity>) {
        let mut waiting = self.waiting.lock();
        waiting.replace(&record.entity, entity);
        waiting.place(record);
    }

    /// The entity, if what the store has of it may be older.
    pub(super) fn entity(&self, key: &EntityKey) -> Option<Arc<Entity>> {
        self.waiting.lock().entities.get(key).map(Arc::clone)
    }

    /// Whether there is so much that it should be written.
    pub(super) fn is_full(&self) -> bool {
        let waiting = self.waiting.lock();
        waiting.places.len() >= RECORDS_MAX || waiting.bytes >= BYTES_MAX
    }

    /// Writes everything that was noted before the call.
    ///
    /// Invariant: until all of it is written, [`Views::entity`] goes on to show it.
    pub(super) fn settle(&self, store: &Store) -> Result<(), StoreError> {
        let _alone = self.writing.lock();
        let (entities, places, last) = {
            let mut waiting = self.waiting.lock();
            let Some(last) = waiting.last.take() else {
                return Ok(());
            };
            waiting.bytes = 0;
            let entities = waiting.entities.clone();
            (entities, std::mem::take(&mut waiting.places), last)
        };
        let written = store.apply(&entities, &places, last);
        let mut waiting = self.waiting.lock();
        if let Err(error) = written {
            waiting.give_back(places, last);
            return Err(error);
        }
        waiting.entities.retain(|key, entity| {
            let written = entities.get(key);
            written.is_none_or(|written| written.revision != entity.revision)
        });
        Ok(())
    }

    /// As [`Views::settle`], if anything of `key` is not written yet.
    pub(super) fn settle_for(&self, key: &EntityKey, store: &Store) -> Result<(), StoreError> {
        match self.entity(key) {
            Some(_) => self.settle(store),
            None => Ok(()),
        }
    }
}

impl Waiting {
    fn replace(&mut self, key: &EntityKey, entity: &Arc<Entity>) {
        self.bytes += entity.state.as_ref().map_or(0, |state| state.len());
        self.entities.insert(key.clone(), Arc::clone(entity));
    }

    fn place(&mut self, record: &Record) {
        let place = (record.entity.clone(), record.revision, record.position);
        self.places.push(place);
        self.last = Some(record.position);
    }

    fn give_back(&mut self, mut places: Vec<Place>, last: Position) {
        places.append(&mut self.places);
        self.places = places;
        self.last = self.last.or(Some(last));
    }
}

#[cfg(test)]
mod tests;
