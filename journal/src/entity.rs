//! An entity as the journal sees it: a key, a revision and the bytes of its state.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use jiff::Timestamp;

use crate::{Position, Revision};

/// The families of entities; each has its own id space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntityKind {
    /// A digital twin.
    Thing,
    /// A policy.
    Policy,
    /// A revoked credential, subject or issuer.
    Revocation,
    /// A namespace that was erased.
    Erasure,
    /// What is kept of the announcements to the subjects of one policy; its id is the policy's.
    Announcement,
}

/// Names one entity: its kind and its id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntityKey {
    /// The family that the id belongs to.
    pub kind: EntityKind,
    /// The id, at most [`EntityKey::ID_BYTES_MAX`] bytes.
    pub id: Arc<str>,
}

impl EntityKey {
    /// Ids longer than this many bytes are refused by the store.
    pub const ID_BYTES_MAX: usize = 4096;

    /// Names the entity `id` of family `kind`.
    pub fn new(kind: EntityKind, id: impl Into<Arc<str>>) -> Self {
        Self {
            kind,
            id: id.into(),
        }
    }
}

impl fmt::Display for EntityKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} `{}`", self.kind, self.id)
    }
}

/// One entity as of one revision.
#[derive(Debug)]
pub struct Entity {
    /// Grows by exactly one per change, and goes on growing when a deleted id is created again.
    pub revision: Revision,
    /// Where its last change stands in the journal.
    pub position: Position,
    /// When the entity was created; kept over changes, renewed by a creation after a deletion.
    pub created: Timestamp,
    /// When this revision was appended.
    pub modified: Timestamp,
    /// What the crate above stored; `None` after a deletion.
    pub state: Option<Bytes>,
    /// What the crate above made of `state`, kept exactly as long as this revision is current.
    pub memo: Memo,
}

/// A slot for the parsed form of a state or signal, filled at most once.
#[derive(Default)]
pub struct Memo(OnceLock<Arc<dyn Any + Send + Sync>>);

impl Memo {
    /// A memo that already holds `value`.
    pub fn filled<T: Any + Send + Sync>(value: Arc<T>) -> Self {
        Self(OnceLock::from(value as Arc<dyn Any + Send + Sync>))
    }

    /// The value kept here, made by `parse` if there is none yet.
    ///
    /// # Errors
    ///
    /// Whatever `parse` returns; nothing is kept then. A value of another type counts as none and is not replaced.
    pub fn get_or_try_init<T, E>(&self, parse: impl FnOnce() -> Result<T, E>) -> Result<Arc<T>, E>
    where
        T: Any + Send + Sync,
    {
        if let Some(value) = self
            .0
            .get()
            .and_then(|kept| Arc::clone(kept).downcast::<T>().ok())
        {
            return Ok(value);
        }
        let value = Arc::new(parse()?);
        // Losing the race only means that the winner's equal value is kept.
        let _ = self.0.set(Arc::clone(&value) as Arc<dyn Any + Send + Sync>);
        Ok(value)
    }
}

impl fmt::Debug for Memo {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.get().is_some() {
            "Memo(filled)"
        } else {
            "Memo(empty)"
        })
    }
}
