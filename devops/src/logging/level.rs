//! The levels a logger can have.

use std::fmt;
use std::str::FromStr;

use tracing_subscriber::filter::LevelFilter;

/// What a logger lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// Errors only.
    Error,
    /// And warnings.
    Warn,
    /// And lifecycle and access.
    Info,
    /// And why decisions fell.
    Debug,
    /// And everything else.
    Trace,
    /// Another word for [`LogLevel::Trace`].
    All,
}

/// The text names no level.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a level is one of off, error, warn, info, debug, trace and all")]
pub struct LogLevelError;

impl LogLevel {
    const EACH: [Self; 7] = [
        Self::Off,
        Self::Error,
        Self::Warn,
        Self::Info,
        Self::Debug,
        Self::Trace,
        Self::All,
    ];

    /// Its name, in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
            Self::All => "all",
        }
    }

    pub(super) const fn filter(self) -> LevelFilter {
        match self {
            Self::Off => LevelFilter::OFF,
            Self::Error => LevelFilter::ERROR,
            Self::Warn => LevelFilter::WARN,
            Self::Info => LevelFilter::INFO,
            Self::Debug => LevelFilter::DEBUG,
            Self::Trace | Self::All => LevelFilter::TRACE,
        }
    }
}

impl FromStr for LogLevel {
    type Err = LogLevelError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::EACH
            .into_iter()
            .find(|level| level.as_str().eq_ignore_ascii_case(text))
            .ok_or(LogLevelError)
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<LogLevel, LogLevelError>) {
        assert_eq!(text.parse(), expected, "text: {text:?}");
    }

    #[test]
    fn names_are_read_in_any_case() {
        check("debug", Ok(LogLevel::Debug));
        check("WARN", Ok(LogLevel::Warn));
        check("All", Ok(LogLevel::All));
        check("verbose", Err(LogLevelError));
        check("", Err(LogLevelError));
        check(" info", Err(LogLevelError));
    }
}
