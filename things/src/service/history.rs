//! The past of things: read back from their events, and forgotten when it is old enough.

use std::sync::Arc;

use jiff::Timestamp;
use journal::{
    Entity, EntityKind, Forgetting, Memo, Past, Record, Retention, Revision, StoreError,
};

use super::{Stored, Things, key};
use crate::replay::Snapshot;
use crate::state::{self, ThingState};
use crate::{Error, ThingId};

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
        let entity = (&key, &*stored.entity);
        let revision = self
            .retention
            .revision_at(&*self.journal, entity, (past, now))?
            .ok_or_else(not_found)?;
        if revision == stored.entity.revision {
            return Ok(stored);
        }
        let snapshot: Option<Snapshot> = self.journal.replay(&key, revision)?;
        let snapshot = snapshot.ok_or_else(not_found)?;
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

    /// Up to `limit` records of a thing's past from a revision on, as far as they may still be shown at `now`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store could not be read.
    pub fn past(
        &self,
        thing_id: &ThingId,
        (from_revision, limit): (Revision, usize),
        now: Timestamp,
    ) -> Result<Vec<Arc<Record>>, StoreError> {
        let part = (&key(thing_id), from_revision, limit);
        self.retention.history(&*self.journal, part, now)
    }

    /// Forgets what is older than allowed of some things whose ids sort after `after`.
    ///
    /// A thing whose history cannot be read does not keep the others from being looked at.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the things themselves could not be read.
    pub fn forget_past(
        &self,
        after: Option<&str>,
        now: Timestamp,
    ) -> Result<Forgetting, StoreError> {
        self.retention
            .forget::<Snapshot>(&*self.journal, (EntityKind::Thing, after), now)
    }
}
