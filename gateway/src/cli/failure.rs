//! Why the program ends, and the exit code that says so.

use std::{io, process::ExitCode};

use authentication::SettingsError;
use journal::StoreError;
use policies::{EntityIdError, NamespacePatternError};

use crate::{bootstrap::BootstrapError, config::ConfigError, tls::TlsError};

/// Why the program ends; the codes are those of `sysexits.h`.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The arguments make no sense: 2.
    #[error("{0}")]
    Usage(String),
    /// The configuration is invalid or unsafe: 78.
    #[error("{0}")]
    Configuration(String),
    /// The store cannot be used: 74.
    #[error("{0}")]
    Store(String),
    /// Anything else: 70.
    #[error("{0}")]
    Internal(String),
}

impl Failure {
    /// The exit code that says so.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code())
    }

    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Internal(_) => 70,
            Self::Store(_) => 74,
            Self::Configuration(_) => 78,
        }
    }
}

impl From<anyhow::Error> for Failure {
    /// The first cause with an exit code of its own decides.
    fn from(error: anyhow::Error) -> Self {
        let message = format!("{error:#}");
        let is_configuration = |cause: &(dyn std::error::Error + 'static)| {
            cause.is::<ConfigError>()
                || cause.is::<TlsError>()
                || cause.is::<SettingsError>()
                || cause.is::<EntityIdError>()
                || cause.is::<NamespacePatternError>()
        };
        let is_store = |cause: &(dyn std::error::Error + 'static)| {
            cause.is::<StoreError>() || cause.is::<BootstrapError>() || cause.is::<audit::Error>()
        };
        if error.chain().any(is_configuration) {
            Self::Configuration(message)
        } else if error.chain().any(is_store) {
            Self::Store(message)
        } else {
            Self::Internal(message)
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Configuration(error.to_string())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Internal(error.to_string())
    }
}
