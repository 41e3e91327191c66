//! What can go wrong in a store.

use crate::{EntityKey, Revision};

/// The store could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The engine or the file system below it failed.
    #[error("the store failed while {action}")]
    Engine {
        /// What was being done, e.g. "reading an entity".
        action: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Stored bytes do not say what they must.
    #[error("the store is damaged: {reason}")]
    Damaged {
        /// What was found, and where.
        reason: String,
    },
    /// Another process holds the store.
    #[error("the store at `{path}` is in use by another process")]
    Locked {
        /// The folder of the store.
        path: String,
    },
    /// Whoever runs the store keeps this part of it closed for now.
    #[error("`{part}` is closed by an operator")]
    Fenced {
        /// What is closed.
        part: String,
    },
    /// The writer is gone, after a failed write or during shutdown: nothing can be appended any more.
    #[error("the store accepts no more writes")]
    Closed,
}

/// Why nothing of an append was written.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// An entity was changed in between.
    #[error("{entity} is at revision {actual}, not {expected}")]
    Conflict {
        /// Which entity.
        entity: EntityKey,
        /// The revision that the writer counted on.
        expected: Revision,
        /// The revision that it has.
        actual: Revision,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
