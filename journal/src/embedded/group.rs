//! A group in the making: appends that were accepted and will become durable together.

use std::sync::Arc;

use hashbrown::HashMap;

use super::queue::{Job, Reply};
use crate::{Append, AppendError, Committed, Entity, EntityKey, Position, Record, StoreError};

/// Finds the durable state of an entity.
pub(super) type Lookup<'a> = dyn Fn(&EntityKey) -> Result<Option<Arc<Entity>>, StoreError> + 'a;

/// Accepted appends, in journal order.
pub(super) struct Group {
    last: Position,
    pub(super) records: Vec<Arc<Record>>,
    /// For each record, the entity before it.
    pub(super) before: Vec<Option<Arc<Entity>>>,
    pub(super) entities: HashMap<EntityKey, Arc<Entity>>,
    accepted: Vec<(Reply, Committed)>,
}

impl Group {
    /// An empty group that continues after `last`.
    pub(super) fn after(last: Position) -> Self {
        Self {
            last,
            records: Vec::new(),
            before: Vec::new(),
            entities: HashMap::new(),
            accepted: Vec::new(),
        }
    }

    /// Takes all of `job` in, or refuses it at once and stays as it was.
    pub(super) fn admit(&mut self, job: Job, lookup: &Lookup<'_>) {
        let Job { appends, reply, .. } = job;
        match self.stage(appends, lookup) {
            Ok(staged) => {
                self.last = Position(self.last.0 + staged.records.len() as u64);
                self.records.extend(staged.records.iter().cloned());
                self.before.extend(staged.before);
                self.entities.extend(staged.entities);
                let records = staged.records;
                self.accepted.push((reply, Committed { records }));
            }
            // An error here means that the caller gave up: nobody is left to tell.
            Err(error) => drop(reply.send(Err(error))),
        }
    }

    /// Tells every accepted caller that its appends are durable.
    pub(super) fn reply_committed(self) {
        for (reply, committed) in self.accepted {
            drop(reply.send(Ok(committed)));
        }
    }

    /// Tells every accepted caller that its appends failed.
    pub(super) fn reply_failed(self, mut error: StoreError) {
        for (reply, _) in self.accepted {
            drop(reply.send(Err(AppendError::Store(error))));
            error = StoreError::Closed;
        }
    }

    fn stage(&self, appends: Vec<Append>, lookup: &Lookup<'_>) -> Result<Staged, AppendError> {
        let mut staged = Staged::default();
        for append in appends {
            let current = match staged
                .entities
                .get(&append.entity)
                .or_else(|| self.entities.get(&append.entity))
            {
                Some(entity) => Some(Arc::clone(entity)),
                None => lookup(&append.entity)?,
            };
            check(&append, current.as_deref())?;
            let position = Position(self.last.0 + staged.records.len() as u64 + 1);
            staged.push(append, current, position);
        }
        Ok(staged)
    }
}

/// What one call of `append` adds to a group.
#[derive(Default)]
struct Staged {
    records: Vec<Arc<Record>>,
    before: Vec<Option<Arc<Entity>>>,
    entities: HashMap<EntityKey, Arc<Entity>>,
}

impl Staged {
    fn push(&mut self, append: Append, current: Option<Arc<Entity>>, position: Position) {
        let entity = Arc::new(Entity {
            revision: append.expected_revision + 1,
            position,
            created: created(&append, current.as_deref()),
            modified: append.timestamp,
            state: append.state,
            memo: append.state_memo,
        });
        self.records.push(Arc::new(Record {
            position,
            entity: append.entity.clone(),
            revision: entity.revision,
            timestamp: append.timestamp,
            signal: append.signal,
            signal_memo: append.signal_memo,
            after: Some(Arc::clone(&entity)),
        }));
        self.before.push(current);
        self.entities.insert(append.entity, entity);
    }
}

/// Kept over changes and over the deletion, renewed by a creation after it.
fn created(append: &Append, current: Option<&Entity>) -> jiff::Timestamp {
    match current {
        Some(entity) if entity.state.is_some() || append.state.is_none() => entity.created,
        Some(_) | None => append.timestamp,
    }
}

fn check(append: &Append, current: Option<&Entity>) -> Result<(), AppendError> {
    let id_bytes = append.entity.id.len();
    if id_bytes > EntityKey::ID_BYTES_MAX {
        let limit = EntityKey::ID_BYTES_MAX;
        return Err(AppendError::Store(StoreError::Engine {
            action: "checking an entity id",
            source: format!("{id_bytes} bytes are more than {limit}").into(),
        }));
    }
    let actual = current.map_or(0, |entity| entity.revision);
    if append.expected_revision == actual {
        return Ok(());
    }
    Err(AppendError::Conflict {
        entity: append.entity.clone(),
        expected: append.expected_revision,
        actual,
    })
}
