//! The journal: every change of every entity, appended once, read in many ways.
//!
//! State, history and change streams are views of it. This crate stores opaque bytes: it has never
//! heard of policies, things or HTTP.

mod backup;
mod embedded;
mod entity;
mod entity_locks;
mod error;
mod past;
mod record;
mod retention;

use std::sync::Arc;

pub use backup::{Backup, BackupError};
pub use embedded::backup::{restore, verify};
pub use embedded::{Embedded, EmbeddedOptions, Written};
pub use entity::{Entity, EntityKey, EntityKind, Memo};
pub use entity_locks::{EntityGuard, EntityLocks};
pub use error::{AppendError, StoreError};
pub use past::{Forgetting, Past, Replayed};
pub use record::{Append, Base, Committed, Position, Record, Revision};
pub use retention::Retention;

/// Receives committed records, in journal order, on the journal's writer thread: it must hand them on and return.
pub type Subscriber = Box<dyn Fn(&[Arc<Record>]) + Send + Sync>;

/// A future of this crate's trait methods: `Send`, so that any runtime may drive it.
pub type JournalFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Random bytes that were made with a store, are in every copy of it, and nobody else knows.
pub type StoreSecret = [u8; 16];

/// What everything above knows of a store; the embedded one stands behind it, a replicated log could.
///
/// Invariant: nothing that these methods return can be taken back by a crash.
pub trait Journal: Send + Sync {
    /// What keys are made of that must outlive the process and be others in another store.
    fn secret(&self) -> &StoreSecret;

    /// Appends all of `appends` or none, and returns once they are durable.
    ///
    /// # Errors
    ///
    /// [`AppendError::Conflict`] if an entity is not at the expected revision, [`AppendError::Store`] if the store failed.
    fn append(&self, appends: Vec<Append>) -> JournalFuture<'_, Result<Committed, AppendError>>;

    /// The entity as of its last durable change, deleted ones included; `None` if it never existed.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store could not be read.
    fn entity(&self, key: &EntityKey) -> Result<Option<Arc<Entity>>, StoreError>;

    /// Up to `limit` entities of `kind` whose ids sort after `after`, in id order, deleted ones included.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store could not be read.
    fn entities(
        &self,
        kind: EntityKind,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(EntityKey, Arc<Entity>)>, StoreError>;

    /// Up to `limit` records after `after`, in journal order.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store could not be read.
    fn records(&self, after: Position, limit: usize) -> Result<Vec<Arc<Record>>, StoreError>;

    /// Up to `limit` records of one entity with revisions from `from_revision` on, in order.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store could not be read.
    fn history(
        &self,
        key: &EntityKey,
        from_revision: Revision,
        limit: usize,
    ) -> Result<Vec<Arc<Record>>, StoreError>;

    /// Prunes the records of an entity up to the revision of `base`, which stands for them from now on.
    ///
    /// Records that the store still needs to check itself stay until they are asked for again; returns how many went.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store could not be read or written.
    fn prune(&self, key: &EntityKey, base: &Base) -> Result<usize, StoreError>;

    /// What stands for the pruned records of an entity; `None` if none were.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store could not be read.
    fn base(&self, key: &EntityKey) -> Result<Option<Base>, StoreError>;

    /// Position of the newest durable record; [`Position::START`] if there is none.
    fn head(&self) -> Position;

    /// Adds a subscriber for every record committed from now on.
    fn subscribe(&self, subscriber: Subscriber);
}
