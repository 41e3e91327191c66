//! The engine below the journal: which keyspaces there are, how they are read, and the one way they are written.

use std::ops::{Bound, RangeInclusive};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use fjall::config::BlockSizePolicy;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode, Readable};
use hashbrown::HashMap;

use super::encoding;
use super::group::Group;
use super::views::{Place, Views};
use super::watermark::Mark;
use crate::{Base, Entity, EntityKey, EntityKind, Position, Record, Revision, StoreError};

/// Flushed to a table beyond this many bytes; also bounds what is replayed into memory at start.
const MEMTABLE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Beyond this many bytes of log, keyspaces that hold its oldest part are flushed: bounds the replay at start.
const LOG_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// One thread flushes and compacts: the machine's cores are for requests.
const WORKER_THREADS: usize = 1;

/// Keyspaces of one fjall database. An append writes records; histories and entities follow from them, see
/// [`Store::apply`].
pub(super) struct Store {
    database: Database,
    /// Position -> record.
    records: Keyspace,
    /// Entity and revision -> position.
    history: Keyspace,
    /// Entity -> its last state.
    entities: Keyspace,
    /// Entity -> what stands for its pruned records.
    bases: Keyspace,
    /// How far histories and entities were written.
    applied: Keyspace,
}

/// One row of a keyspace, as a copy of the store holds it.
pub(super) struct Row<'a> {
    pub(super) kind: RowKind,
    pub(super) key: &'a [u8],
    pub(super) value: &'a [u8],
}

/// Which keyspace a row is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowKind {
    Record,
    History,
    Entity,
    Base,
    Applied,
}

impl RowKind {
    const ALL: [Self; 5] = [
        Self::Record,
        Self::History,
        Self::Entity,
        Self::Base,
        Self::Applied,
    ];

    /// How copies name it.
    pub(super) const fn tag(self) -> u8 {
        match self {
            Self::Record => 1,
            Self::History => 2,
            Self::Entity => 3,
            Self::Base => 4,
            Self::Applied => 5,
        }
    }

    pub(super) fn of_tag(tag: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.tag() == tag)
    }
}

impl Row<'_> {
    /// Whether it says what it must, as far as that can be told from the row alone.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        match self.kind {
            RowKind::Record => {
                let position = encoding::decode_position(self.key)?;
                encoding::decode_record(position, self.value).map(drop)
            }
            RowKind::History => encoding::decode_position(self.value).map(drop),
            RowKind::Entity => {
                encoding::decode_entity_key(self.key)?;
                encoding::decode_entity(self.key, self.value).map(drop)
            }
            RowKind::Base => encoding::decode_base(self.key, self.value).map(drop),
            RowKind::Applied => encoding::decode_applied(self.value).map(drop),
        }
    }

    /// What a watermark remembers of a record.
    pub(super) fn mark(&self) -> Option<Mark> {
        let position = match self.kind {
            RowKind::Record => encoding::decode_position(self.key).ok()?,
            RowKind::History | RowKind::Entity | RowKind::Base | RowKind::Applied => return None,
        };
        Some(Mark {
            position,
            checksum: encoding::checksum_of(self.value),
        })
    }
}

/// Rows that follow from records, written in one batch: appends wait for it.
const ROWS_AT_ONCE: usize = 256;

/// Records pruned in one batch.
const PRUNED_AT_ONCE: usize = 1000;

impl Store {
    pub(super) fn open(path: &Path, cache_bytes: u64) -> Result<Self, StoreError> {
        // The engine trusts its files in places where it had better not; a panic there is damage like any other.
        let opened = catch_unwind(AssertUnwindSafe(|| Self::open_engine(path, cache_bytes)));
        match opened {
            Ok(Ok(store)) => Ok(store),
            Ok(Err(fjall::Error::Locked)) => Err(StoreError::Locked {
                path: path.display().to_string(),
            }),
            Ok(Err(error)) => Err(classify("opening", "the store", error)),
            Err(_) => Err(StoreError::Damaged {
                reason: format!("the engine cannot read its files in `{}`", path.display()),
            }),
        }
    }

    fn open_engine(path: &Path, cache_bytes: u64) -> fjall::Result<Self> {
        let database = Database::builder(path)
            .cache_size(cache_bytes)
            .max_journaling_size(LOG_BYTES_MAX)
            .worker_threads(WORKER_THREADS)
            .open()?;
        let options = || {
            KeyspaceCreateOptions::default()
                .max_memtable_size(MEMTABLE_BYTES_MAX)
                .data_block_size_policy(BlockSizePolicy::all(4096))
        };
        Ok(Self {
            records: database.keyspace("records", options)?,
            history: database.keyspace("history", options)?,
            entities: database.keyspace("entities", options)?,
            bases: database.keyspace("bases", options)?,
            applied: database.keyspace("applied", options)?,
            database,
        })
    }

    /// The position of the last record and the checksum that it ends with.
    pub(super) fn last_record(&self) -> Result<Option<(Position, u32)>, StoreError> {
        let Some(guard) = self.records.last_key_value() else {
            return Ok(None);
        };
        let (key, value) = guard.into_inner().map_err(reading("the last record"))?;
        let position = encoding::decode_position(&key)?;
        encoding::decode_record(position, &value)?;
        Ok(Some((position, encoding::checksum_of(&value))))
    }

    pub(super) fn checksum_at(&self, position: Position) -> Result<Option<u32>, StoreError> {
        let value = self
            .records
            .get(encoding::record_key(position))
            .map_err(reading("a record"))?;
        Ok(value.map(|value| encoding::checksum_of(&value)))
    }

    pub(super) fn entity(&self, key: &EntityKey) -> Result<Option<Entity>, StoreError> {
        let Some(entity) = self.stored_entity(key)? else {
            return Ok(None);
        };
        let next = encoding::history_key(key, entity.revision.saturating_add(1));
        if !self
            .history
            .contains_key(next)
            .map_err(reading("a history"))?
        {
            return Ok(Some(entity));
        }
        // Usually the writer came in between; it writes the entity before its history.
        let again = self.stored_entity(key)?;
        match again {
            Some(again) if again.revision > entity.revision => Ok(Some(again)),
            Some(_) | None => Err(outdated(key, entity.revision)),
        }
    }

    fn stored_entity(&self, key: &EntityKey) -> Result<Option<Entity>, StoreError> {
        let key = encoding::entity_key(key);
        let value = self.entities.get(&key).map_err(reading("an entity"))?;
        value
            .map(|value| encoding::decode_entity(&key, &value))
            .transpose()
    }

    pub(super) fn entities(
        &self,
        kind: EntityKind,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(EntityKey, Entity)>, StoreError> {
        let prefix = encoding::entity_key_prefix(kind, "");
        let first = encoding::entity_key_prefix(kind, after.unwrap_or_default());
        let snapshot = self.database.snapshot();
        snapshot
            .range(&self.entities, first.as_slice()..)
            .map(|guard| guard.into_inner().map_err(reading("entities")))
            .take_while(|read| {
                read.as_ref()
                    .map_or(true, |(key, _)| key.starts_with(&prefix))
            })
            .filter(|read| {
                let is_boundary = |key: &[u8]| after.is_some() && key == first;
                read.as_ref().map_or(true, |(key, _)| !is_boundary(key))
            })
            .take(limit)
            .map(|read| {
                let (bytes, value) = read?;
                let entity = encoding::decode_entity(&bytes, &value)?;
                let key = encoding::decode_entity_key(&bytes)?;
                let next = encoding::history_key(&key, entity.revision.saturating_add(1));
                if snapshot
                    .contains_key(&self.history, next)
                    .map_err(reading("a history"))?
                {
                    return Err(outdated(&key, entity.revision));
                }
                Ok((key, entity))
            })
            .collect()
    }

    pub(super) fn records(
        &self,
        positions: RangeInclusive<u64>,
        limit: usize,
    ) -> Result<Vec<Arc<Record>>, StoreError> {
        let bounds = positions.start().to_be_bytes()..=positions.end().to_be_bytes();
        if positions.is_empty() {
            return Ok(Vec::new());
        }
        self.database
            .snapshot()
            .range(&self.records, bounds)
            .take(limit)
            .map(|guard| {
                let (key, value) = guard.into_inner().map_err(reading("records"))?;
                let position = encoding::decode_position(&key)?;
                encoding::decode_record(position, &value).map(Arc::new)
            })
            .collect()
    }

    pub(super) fn history(
        &self,
        key: &EntityKey,
        from_revision: Revision,
        limit: usize,
    ) -> Result<Vec<Arc<Record>>, StoreError> {
        let bounds =
            encoding::history_key(key, from_revision)..=encoding::history_key(key, Revision::MAX);
        self.database
            .snapshot()
            .range(&self.history, bounds)
            .take(limit)
            .map(|guard| {
                let position = guard.value().map_err(reading("a history"))?;
                self.record_of(key, encoding::decode_position(&position)?)
            })
            .collect()
    }

    fn record_of(&self, key: &EntityKey, position: Position) -> Result<Arc<Record>, StoreError> {
        let value = self
            .records
            .get(encoding::record_key(position))
            .map_err(reading("a record"))?;
        let record = value
            .map(|value| encoding::decode_record(position, &value))
            .transpose()?;
        record
            .filter(|record| record.entity == *key)
            .map(Arc::new)
            .ok_or_else(|| StoreError::Damaged {
                reason: format!(
                    "the history of {key} names record {}, which is not its",
                    position.0
                ),
            })
    }

    /// Removes the records of an entity up to the revision of `base`, but none from `keep_from` on.
    ///
    /// The base is written with the first records that go.
    pub(super) fn prune(
        &self,
        key: &EntityKey,
        base: &Base,
        keep_from: Position,
    ) -> Result<usize, StoreError> {
        let bounds = encoding::history_key(key, 0)..=encoding::history_key(key, base.revision);
        let mut gone = Vec::new();
        for guard in self.database.snapshot().range(&self.history, bounds) {
            let (history_key, position) = guard.into_inner().map_err(reading("a history"))?;
            let position = encoding::decode_position(&position)?;
            if position < keep_from {
                gone.push((history_key, position));
            }
        }
        if gone.is_empty() {
            return Ok(0);
        }
        let base_key = encoding::entity_key(key);
        for batch_of in gone.chunks(PRUNED_AT_ONCE) {
            let mut batch = self.database.batch();
            batch.insert(
                &self.bases,
                base_key.as_slice(),
                encoding::encode_base(&base_key, base),
            );
            for (history_key, position) in batch_of {
                batch.remove(&self.history, history_key.clone());
                batch.remove(&self.records, encoding::record_key(*position));
            }
            batch
                .commit()
                .map_err(|error| classify("pruning", "records", error))?;
        }
        Ok(gone.len())
    }

    pub(super) fn base(&self, key: &EntityKey) -> Result<Option<Base>, StoreError> {
        let key = encoding::entity_key(key);
        let value = self.bases.get(&key).map_err(reading("a base"))?;
        value
            .map(|value| encoding::decode_base(&key, &value))
            .transpose()
    }

    /// Writes all records of a group or none, and returns once they are on the disk; returns the checksum of the last one.
    ///
    /// Invariant: the engine shows nothing of this to any reader before its sync returned.
    pub(super) fn commit(&self, group: &Group) -> Result<u32, StoreError> {
        let mut batch = self
            .database
            .batch()
            .durability(Some(PersistMode::SyncData));
        let mut last_checksum = 0;
        for (record, before) in group.records.iter().zip(&group.before) {
            let value = encoding::encode_record(record, before.as_deref());
            last_checksum = encoding::checksum_of(&value);
            let position = encoding::encode_position(record.position);
            batch.insert(&self.records, position, value);
        }
        let committed = catch_unwind(AssertUnwindSafe(|| batch.commit()));
        let failed = |source| StoreError::Engine {
            action: "appending to the journal",
            source,
        };
        match committed {
            Ok(Ok(())) => Ok(last_checksum),
            Ok(Err(error)) => Err(failed(Box::new(error))),
            Err(_) => Err(failed("the engine panicked".into())),
        }
    }

    /// Writes what the records up to `last` mean. Durable with the next sync only: the log keeps the order, so that rows
    /// that are lost were written after the last `applied` that is not.
    pub(super) fn apply(
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
    pub(super) fn applied(&self) -> Result<Option<Position>, StoreError> {
        let value = self.applied.get(encoding::APPLIED_KEY);
        let value = value.map_err(reading("how far rows were written"))?;
        value
            .map(|value| encoding::decode_applied(&value))
            .transpose()
    }

    /// Whether the last record is one whose rows were written with it.
    pub(super) fn is_of_version_1(&self, head: Position) -> Result<bool, StoreError> {
        let value = self.records.get(encoding::record_key(head));
        let Some(value) = value.map_err(reading("the last record"))? else {
            return Ok(true);
        };
        Ok(!encoding::is_change(head, &value)?)
    }

    #[cfg(test)]
    pub(super) fn forget_applied(&self) {
        self.applied.remove(encoding::APPLIED_KEY).unwrap();
    }

    pub(super) fn set_applied(&self, position: Position) -> Result<(), StoreError> {
        self.applied
            .insert(encoding::APPLIED_KEY, encoding::encode_applied(position))
            .map_err(|error| classify("writing", "how far rows were written", error))
    }

    /// Makes up for the rows of records after `applied`: hands each change that says what it means to `note`.
    pub(super) fn replay(&self, applied: Position, views: &Views) -> Result<(), StoreError> {
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

    /// Removes an entity with its history and the records of it, durably.
    pub(super) fn erase(&self, key: &EntityKey) -> Result<(), StoreError> {
        let bounds = encoding::history_key(key, 0)..=encoding::history_key(key, Revision::MAX);
        let mut batch = self
            .database
            .batch()
            .durability(Some(PersistMode::SyncData));
        for guard in self.database.snapshot().range(&self.history, bounds) {
            let (history_key, position) = guard.into_inner().map_err(reading("a history"))?;
            batch.remove(&self.records, position);
            batch.remove(&self.history, history_key);
        }
        batch.remove(&self.entities, encoding::entity_key(key));
        batch.remove(&self.bases, encoding::entity_key(key));
        batch
            .commit()
            .map_err(|error| classify("erasing", "an entity", error))
    }

    /// Rewrites the files, so that what was removed is in none of them.
    pub(super) fn compact(&self) -> Result<(), StoreError> {
        for keyspace in [&self.records, &self.history, &self.entities, &self.bases] {
            keyspace
                .rotate_memtable_and_wait()
                .and_then(|()| keyspace.major_compact())
                .map_err(|error| classify("compacting", "the store", error))?;
        }
        Ok(())
    }

    /// Hands every row, as of one moment, to `sink`: keyspace by keyspace, in the order of their keys.
    pub(super) fn copy<E: From<StoreError>>(
        &self,
        sink: &mut dyn FnMut(Row<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let snapshot = self.database.snapshot();
        for kind in RowKind::ALL {
            for guard in snapshot.iter(self.keyspace(kind)) {
                let (key, value) = guard.into_inner().map_err(reading("the store"))?;
                sink(Row {
                    kind,
                    key: &key,
                    value: &value,
                })?;
            }
        }
        Ok(())
    }

    /// Writes rows of a copy; durable with the next [`Store::sync`].
    pub(super) fn fill(&self, rows: Vec<(RowKind, Vec<u8>, Vec<u8>)>) -> Result<(), StoreError> {
        let mut batch = self.database.batch();
        for (kind, key, value) in rows {
            batch.insert(self.keyspace(kind), key, value);
        }
        batch
            .commit()
            .map_err(|error| classify("filling", "the store", error))
    }

    fn keyspace(&self, kind: RowKind) -> &Keyspace {
        match kind {
            RowKind::Record => &self.records,
            RowKind::History => &self.history,
            RowKind::Entity => &self.entities,
            RowKind::Base => &self.bases,
            RowKind::Applied => &self.applied,
        }
    }

    pub(super) fn sync(&self) -> Result<(), StoreError> {
        self.database
            .persist(PersistMode::SyncAll)
            .map_err(|error| classify("syncing", "the journal", error))
    }
}

/// The engine's log does not protect the order of its batches: damage there may bring an older state to the surface.
fn outdated(key: &EntityKey, revision: Revision) -> StoreError {
    StoreError::Damaged {
        reason: format!("{key} is stored at revision {revision}, but its history goes on"),
    }
}

fn reading(what: &'static str) -> impl Fn(fjall::Error) -> StoreError {
    move |error| classify("reading", what, error)
}

fn classify(verb: &'static str, what: &'static str, error: fjall::Error) -> StoreError {
    if is_damage(&error) {
        return StoreError::Damaged {
            reason: format!("{verb} {what}: {error}"),
        };
    }
    StoreError::Engine {
        action: verb,
        source: Box::new(error),
    }
}

/// Whether files are not what they were, rather than out of reach.
fn is_damage(error: &fjall::Error) -> bool {
    use std::io::ErrorKind::{InvalidData, NotFound, UnexpectedEof};
    if let fjall::Error::Io(error) | fjall::Error::Storage(fjall::LsmError::Io(error)) = error {
        return matches!(error.kind(), InvalidData | NotFound | UnexpectedEof);
    }
    !matches!(
        error,
        fjall::Error::Poisoned | fjall::Error::Locked | fjall::Error::KeyspaceDeleted
    )
}
