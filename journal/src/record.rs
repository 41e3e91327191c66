//! What is appended, and what it becomes once it is durable.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use crate::{Entity, EntityKey, Memo};

/// Counts the changes of one entity, starting at 1.
pub type Revision = u64;

/// A place in the journal; grows with every record, without gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position(pub u64);

impl Position {
    /// Before the first record.
    pub const START: Self = Self(0);
}

/// One change to append.
#[derive(Debug)]
pub struct Append {
    /// What changes.
    pub entity: EntityKey,
    /// The revision that it must have now; 0 if it must never have existed.
    pub expected_revision: Revision,
    /// When the change happened.
    pub timestamp: Timestamp,
    /// The change itself, for history and streams.
    pub signal: Bytes,
    /// The parsed form of `signal`, handed to subscribers so that they need not parse it again.
    pub signal_memo: Memo,
    /// The whole state after the change; `None` deletes.
    pub state: Option<Bytes>,
    /// The parsed form of `state`, kept with the entity.
    pub state_memo: Memo,
}

/// One durable change.
#[derive(Debug)]
pub struct Record {
    /// Where it stands in the journal.
    pub position: Position,
    /// What changed.
    pub entity: EntityKey,
    /// Its revision after the change.
    pub revision: Revision,
    /// When the change happened.
    pub timestamp: Timestamp,
    /// The change itself.
    pub signal: Bytes,
    /// The parsed form of `signal`; empty when the record was read back from the store.
    pub signal_memo: Memo,
    /// The entity right after this change; `None` when the record was read back from the store.
    pub after: Option<Arc<Entity>>,
}

/// What an append returned: one record per [`Append`], in the same order.
#[derive(Debug)]
pub struct Committed {
    /// The records as they now stand in the journal.
    pub records: Vec<Arc<Record>>,
}

/// An entity as it was after the newest of its pruned records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// The revision of that record.
    pub revision: Revision,
    /// Whatever the crate above needs to go on from there.
    pub state: Bytes,
}
