//! Everything that can go wrong while audit records are opened or read.

use std::io;
use std::path::{Path, PathBuf};

/// The audit file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be opened, read or renamed.
    #[error("the audit file `{path}` cannot be used")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another process writes to it.
    #[error("the audit file `{path}` is in use by another process")]
    InUse {
        /// Which file.
        path: PathBuf,
    },
    /// It is no plain file: a link could point at somebody else's.
    #[error("`{path}` is no plain file, so no audit records are written there")]
    NoPlainFile {
        /// Which one.
        path: PathBuf,
    },
    /// The writer could not be started.
    #[error("no thread could be started for the audit records")]
    Thread(#[source] io::Error),
}

impl Error {
    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File {
            path: path.to_owned(),
            source,
        }
    }
}
