//! The engine below the journal: which keyspaces there are, how they are read, and the one way they are written.

use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use fjall::config::BlockSizePolicy;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode, Readable};

use super::encoding;
use super::group::Group;
use crate::{Base, Entity, EntityKey, EntityKind, Position, Record, Revision, StoreError};

mod copy;
mod rows;

pub(super) use self::copy::{Row, RowKind};

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
