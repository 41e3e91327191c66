//! The past of an entity: read back from its records, and forgotten when it is old enough.

use bytes::Bytes;
use jiff::Timestamp;

use crate::retention::last_before;
use crate::{
    Base, Entity, EntityKey, EntityKind, Journal, Record, Retention, Revision, StoreError,
};

/// Records are read in portions of this many.
const PORTION: usize = 256;
/// How many entities one call of [`Retention::forget`] looks at.
const LOOKED_AT: usize = 64;

/// Which state of the past is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Past {
    /// The state of this revision.
    Revision(Revision),
    /// The state just before this time.
    Timestamp(Timestamp),
}

/// An entity as its records make it, one after the other; the default is before the first.
pub trait Replayed: Default {
    /// What stands for forgotten records.
    fn encode(&self) -> Bytes;

    /// Reads what [`Replayed::encode`] wrote.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] if it is something else.
    fn decode(base: &[u8]) -> Result<Self, StoreError>;

    /// Goes on to what `record` made of the entity.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] if the record cannot be read.
    fn advance(&mut self, record: &Record) -> Result<(), StoreError>;
}

/// How far [`Retention::forget`] came.
#[derive(Debug)]
pub struct Forgetting {
    /// Where to go on; `None` after the last entity.
    pub next: Option<String>,
    /// Why one of the entities looked at could not be dealt with, if so.
    pub failed: Option<StoreError>,
}

impl dyn Journal + '_ {
    /// The state after `revision`, from what stands for forgotten records or from the beginning; `None` if a part of the
    /// way is gone.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store could not be read, or a record.
    pub fn replay<R: Replayed>(
        &self,
        key: &EntityKey,
        revision: Revision,
    ) -> Result<Option<R>, StoreError> {
        let (mut reached, mut replayed) = match self.base(key)? {
            Some(base) if base.revision > revision => return Ok(None),
            Some(base) => (base.revision, R::decode(&base.state)?),
            None => (0, R::default()),
        };
        while reached < revision {
            let portion = self.history(key, reached + 1, PORTION)?;
            for record in &portion {
                if reached == revision {
                    break;
                }
                if record.revision != reached + 1 {
                    return Ok(None);
                }
                replayed.advance(record)?;
                reached = record.revision;
            }
            if portion.is_empty() {
                return Ok(None);
            }
        }
        Ok(Some(replayed))
    }
}

impl Retention {
    /// The revision that was current at `past`; `None` if there was none, or if it must not be shown any more.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store could not be read.
    pub fn revision_at(
        &self,
        journal: &dyn Journal,
        (key, entity): (&EntityKey, &Entity),
        (past, now): (Past, Timestamp),
    ) -> Result<Option<Revision>, StoreError> {
        let revision = match past {
            Past::Revision(revision) => Some(revision),
            Past::Timestamp(time) if time > now => None,
            Past::Timestamp(time) => last_before(journal, (key, entity), time)?
                // What stands for forgotten records is the oldest state that is known.
                .or(journal.base(key)?.map(|base| base.revision)),
        };
        let Some(revision) = revision.filter(|revision| *revision <= entity.revision) else {
            return Ok(None);
        };
        let oldest = self.oldest(journal, (key, entity), now)?;
        Ok((revision >= oldest).then_some(revision))
    }

    /// Forgets what is older than allowed of some entities of `kind` whose ids sort after `after`.
    ///
    /// An entity whose history cannot be read does not keep the others from being looked at.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the entities themselves could not be read.
    pub fn forget<R: Replayed>(
        &self,
        journal: &dyn Journal,
        (kind, after): (EntityKind, Option<&str>),
        now: Timestamp,
    ) -> Result<Forgetting, StoreError> {
        let entities = journal.entities(kind, after, LOOKED_AT)?;
        let mut failed = None;
        for (key, entity) in &entities {
            if let Err(error) = self.forget_of::<R>(journal, (key, entity), now) {
                failed = Some(error);
            }
        }
        let next = entities
            .last()
            .filter(|_| entities.len() == LOOKED_AT)
            .map(|(key, _)| key.id.to_string());
        Ok(Forgetting { next, failed })
    }

    fn forget_of<R: Replayed>(
        &self,
        journal: &dyn Journal,
        (key, entity): (&EntityKey, &Entity),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let known = journal.base(key)?;
        let floor = known.as_ref().map_or(0, |base| base.revision);
        let oldest = self.oldest(journal, (key, entity), now)?;
        let until = if entity.state.is_none() {
            oldest
        } else {
            // The last change of what exists says no more than what is stored anyway.
            oldest.min(entity.revision - 1)
        };
        if until <= floor {
            // Records that could not go the last time.
            if let Some(base) = known {
                journal.prune(key, &base)?;
            }
            return Ok(());
        }
        if until <= 1 && entity.state.is_some() {
            return Ok(());
        }
        let Some(replayed) = journal.replay::<R>(key, until)? else {
            return Err(StoreError::Damaged {
                reason: format!("the history of {key} has a gap"),
            });
        };
        let base = Base {
            revision: until,
            state: replayed.encode(),
        };
        journal.prune(key, &base)?;
        Ok(())
    }
}
