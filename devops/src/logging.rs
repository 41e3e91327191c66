//! Log levels that can be changed while the process runs.

mod correlation;
mod level;
mod levels;
mod logger_name;
mod tracing_control;

pub use correlation::{
    CorrelatedLines, carried, correlated, current_correlation_id, set_correlation_id,
};
pub use level::{LogLevel, LogLevelError};
pub use levels::LogLevels;
pub use logger_name::{LoggerName, LoggerNameError};
pub use tracing_control::TracingLogControl;

use jiff::Timestamp;

/// Shows and changes log levels.
pub trait LogControl: Send + Sync {
    /// Every known logger, the root first.
    fn levels(&self) -> Vec<LoggerLevel>;

    /// Gives `logger` a level, at once and for all it stands above; with an end, the level of before returns then.
    ///
    /// # Errors
    ///
    /// [`LogControlError`] if the level is not in force afterwards.
    fn set_level(
        &self,
        logger: &LoggerName,
        level: LogLevel,
        until: Option<Timestamp>,
    ) -> Result<(), LogControlError>;

    /// Takes back the levels whose end has come; to be called every few seconds.
    ///
    /// # Errors
    ///
    /// [`LogControlError`] if the levels are not in force afterwards.
    fn expire(&self, now: Timestamp) -> Result<(), LogControlError>;
}

/// A logger and its own level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggerLevel {
    /// Its name.
    pub logger: LoggerName,
    /// Its level; `None` if it follows the logger above.
    pub level: Option<LogLevel>,
    /// When the level of before returns; `None` if it stays.
    pub until: Option<Timestamp>,
}

/// A level could not be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogControlError {
    /// More loggers than anyone needs have a level of their own.
    #[error(
        "at most {} loggers may have a level of their own",
        LogLevels::LOGGERS_MAX
    )]
    TooManyLoggers,
    /// The process no longer logs through what this controls.
    #[error("the subscriber did not take the new levels: {reason}")]
    NotApplied {
        /// What it said.
        reason: String,
    },
}
