//! How much of an entity's past is kept.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::{Entity, EntityKey, Journal, Record, Revision, StoreError};

/// Bounds on the past of every entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// A revision is kept this long after it was superseded.
    pub age: Duration,
    /// At most this many revisions of one entity are kept, the current one included.
    pub revisions_max: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            age: Duration::from_secs(30 * 24 * 3600),
            revisions_max: 10_000,
        }
    }
}

impl Retention {
    /// The oldest revision that may be shown at `now`.
    ///
    /// The current revision may always be shown; before it, one that was current at some time within the age.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store could not be read.
    pub fn oldest(
        &self,
        journal: &dyn Journal,
        (key, entity): (&EntityKey, &Entity),
        now: Timestamp,
    ) -> Result<Revision, StoreError> {
        let by_count = (entity.revision + 1).saturating_sub(self.revisions_max.max(1));
        let by_age = match jiff::SignedDuration::try_from(self.age)
            .ok()
            .and_then(|age| now.checked_sub(age).ok())
        {
            Some(cutoff) => last_before(journal, (key, entity), cutoff)?.unwrap_or(0),
            None => 0, // An age beyond the beginning of time ends nothing.
        };
        Ok(by_count.max(by_age).max(1))
    }

    /// As [`Journal::history`], less what may not be shown any more at `now`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store could not be read.
    pub fn history(
        &self,
        journal: &dyn Journal,
        (key, from_revision, limit): (&EntityKey, Revision, usize),
        now: Timestamp,
    ) -> Result<Vec<Arc<Record>>, StoreError> {
        let oldest = match journal.entity(key)? {
            Some(entity) => self.oldest(journal, (key, &entity), now)?,
            None => 1,
        };
        journal.history(key, from_revision.max(oldest), limit)
    }
}

/// The newest revision appended before `time`, as far as records of it are kept; `None` if there is none.
///
/// # Errors
///
/// [`StoreError`] if the store could not be read.
pub(crate) fn last_before(
    journal: &dyn Journal,
    (key, entity): (&EntityKey, &Entity),
    time: Timestamp,
) -> Result<Option<Revision>, StoreError> {
    if entity.modified < time {
        return Ok(Some(entity.revision));
    }
    let is_before = |revision| -> Result<bool, StoreError> {
        let records = journal.history(key, revision, 1)?;
        Ok(records
            .first()
            .is_some_and(|record| record.timestamp < time))
    };
    let Some(first) = journal
        .history(key, 0, 1)?
        .first()
        .map(|record| record.revision)
    else {
        return Ok(None);
    };
    if !is_before(first)? {
        return Ok(None);
    }
    let (mut known_before, mut known_after) = (first, entity.revision);
    while known_after - known_before > 1 {
        let middle = known_before + (known_after - known_before) / 2;
        if is_before(middle)? {
            known_before = middle;
        } else {
            known_after = middle;
        }
    }
    Ok(Some(known_before))
}

impl dyn Journal {
    /// The newest revision of `entity` appended before `time`, as far as its records are kept.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store could not be read.
    pub fn revision_before(
        &self,
        entity: (&EntityKey, &Entity),
        time: Timestamp,
    ) -> Result<Option<Revision>, StoreError> {
        last_before(self, entity, time)
    }
}
