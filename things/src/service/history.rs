//! The past of things: read back from their events, and forgotten when it is old enough.

use std::sync::Arc;

use jiff::Timestamp;
use journal::{Base, Entity, EntityKey, EntityKind, Memo, Retention, Revision, StoreError};

use super::{Stored, Things, key};
use crate::headers::Past;
use crate::replay::Snapshot;
use crate::state::{self, ThingState};
use crate::{Error, ThingEvent, ThingId};

/// Events are read in portions of this many.
const PORTION: usize = 256;
/// How many things one call of [`Things::forget_past`] looks at.
const LOOKED_AT: usize = 64;

/// How far [`Things::forget_past`] came.
#[derive(Debug)]
pub struct Forgetting {
    /// Where to go on; `None` after the last thing.
    pub next: Option<String>,
    /// Why one of the things looked at could not be dealt with, if so.
    pub failed: Option<Error>,
}

impl Things {
    /// The same things with other bounds on their past.
    #[must_use]
    pub fn with_retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// The thing as it was, if that is still known.
    pub(super) fn stored_at(
        &self,
        thing_id: &ThingId,
        stored: Stored,
        (past, now): (Past, Timestamp),
    ) -> Result<Stored, Error> {
        let not_found = || Error::HistoryNotFound {
            thing_id: thing_id.clone(),
        };
        let key = key(thing_id);
        let revision = self
            .revision_at((&key, &stored.entity), past, now)?
            .ok_or_else(not_found)?;
        if revision == stored.entity.revision {
            return Ok(stored);
        }
        let snapshot = self.replay(&key, revision)?.ok_or_else(not_found)?;
        let document = snapshot.document.as_ref().ok_or_else(not_found)?;
        let bytes = state::encode(document, snapshot.metadata.as_ref());
        Ok(Stored {
            state: Arc::new(ThingState::parse(&bytes)?),
            entity: Arc::new(Entity {
                revision,
                position: stored.entity.position,
                created: snapshot.created,
                modified: snapshot.modified,
                state: Some(bytes),
                memo: Memo::default(),
            }),
        })
    }

    /// The revision that was current at `past`; `None` if there was none, or if it must not be shown any more.
    fn revision_at(
        &self,
        (key, entity): (&EntityKey, &Entity),
        past: Past,
        now: Timestamp,
    ) -> Result<Option<Revision>, Error> {
        let revision = match past {
            Past::Revision(revision) => Some(revision),
            Past::Timestamp(time) if time > now => None,
            Past::Timestamp(time) => self
                .journal
                .revision_before((key, entity), time)?
                // What stands for forgotten events is the oldest state that is known.
                .or(self.journal.base(key)?.map(|base| base.revision)),
        };
        let Some(revision) = revision.filter(|revision| *revision <= entity.revision) else {
            return Ok(None);
        };
        let oldest = self.retention.oldest(&*self.journal, (key, entity), now)?;
        Ok((revision >= oldest).then_some(revision))
    }

    /// The state after `revision`, from what stands for forgotten events or from the beginning; `None` if a part of the
    /// way is gone.
    fn replay(&self, key: &EntityKey, revision: Revision) -> Result<Option<Snapshot>, Error> {
        let (mut reached, mut snapshot) = match self.journal.base(key)? {
            Some(base) if base.revision > revision => return Ok(None),
            Some(base) => (
                base.revision,
                Snapshot::decode(&base.state).map_err(damaged)?,
            ),
            None => (0, Snapshot::default()),
        };
        while reached < revision {
            let portion = self.journal.history(key, reached + 1, PORTION)?;
            for record in &portion {
                if reached == revision {
                    break;
                }
                if record.revision != reached + 1 {
                    return Ok(None);
                }
                snapshot.advance(&*ThingEvent::of_record(record)?);
                reached = record.revision;
            }
            if portion.is_empty() {
                return Ok(None);
            }
        }
        Ok(Some(snapshot))
    }

    /// Forgets what is older than allowed of some things whose ids sort after `after`.
    ///
    /// A thing whose history cannot be read does not keep the others from being looked at.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] if the things themselves could not be read.
    pub fn forget_past(&self, after: Option<&str>, now: Timestamp) -> Result<Forgetting, Error> {
        let things = self.journal.entities(EntityKind::Thing, after, LOOKED_AT)?;
        let mut failed = None;
        for (key, entity) in &things {
            if let Err(error) = self.forget_past_of(key, entity, now) {
                failed = Some(error);
            }
        }
        let next = things
            .last()
            .filter(|_| things.len() == LOOKED_AT)
            .map(|(key, _)| key.id.to_string());
        Ok(Forgetting { next, failed })
    }

    fn forget_past_of(
        &self,
        key: &EntityKey,
        entity: &Entity,
        now: Timestamp,
    ) -> Result<(), Error> {
        let known = self.journal.base(key)?;
        let floor = known.as_ref().map_or(0, |base| base.revision);
        let oldest = self.retention.oldest(&*self.journal, (key, entity), now)?;
        let until = if entity.state.is_none() {
            oldest
        } else {
            // The last change of what exists says no more than what is stored anyway.
            oldest.min(entity.revision - 1)
        };
        if until <= floor {
            // Records that could not go the last time.
            if let Some(base) = known {
                self.journal.prune(key, &base)?;
            }
            return Ok(());
        }
        if until <= 1 && entity.state.is_some() {
            return Ok(());
        }
        let Some(snapshot) = self.replay(key, until)? else {
            return Err(damaged(format_args!("the history of {key} has a gap")));
        };
        let base = Base {
            revision: until,
            state: snapshot.encode(),
        };
        self.journal.prune(key, &base)?;
        Ok(())
    }
}

fn damaged(error: impl std::fmt::Display) -> Error {
    Error::Store(StoreError::Damaged {
        reason: error.to_string(),
    })
}
