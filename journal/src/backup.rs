//! What is said of copies of a store.

use crate::{Position, StoreError};

/// A copy of a store, as it was at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backup {
    /// The newest record in it.
    pub head: Position,
    /// How many entities it knows, deleted ones included.
    pub entities: u64,
}

/// Why a copy could not be made or used.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The copy could not be written or read.
    #[error("{action} the backup failed")]
    Io {
        /// What was being done.
        action: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is no copy of a store, or not the whole of it, or something in it was changed.
    #[error("the backup cannot be used: {reason}")]
    Invalid {
        /// What was found.
        reason: String,
    },
    /// There is something already where the store is to be.
    #[error("`{path}` is not empty: a store is restored into a folder of its own")]
    NotEmpty {
        /// The folder.
        path: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
