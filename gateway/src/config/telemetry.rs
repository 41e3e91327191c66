//! `logging` and `audit`: what is written down, and where.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    database::PersistenceDirectory,
    value::{Period, Size},
};

/// What is logged, and how.
#[derive(Clone, Debug, Deserialize, serde::Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Logging {
    /// How much is logged.
    pub level: LogLevel,
    /// For people or for machines.
    pub format: LogFormat,
    /// Where traces go, by OTLP over HTTP; absent: nowhere.
    pub otlp_endpoint: Option<String>,
    /// The share of requests that are traced if their caller has not decided about it.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub otlp_sampling: f64,
    /// Edge Server: the level of its embedded database.
    pub ditto_sdk: Option<LogLevel>,
    /// Edge Server: its own logging.
    pub edge_server: Option<EdgeServerLogging>,
}

impl Default for Logging {
    fn default() -> Self {
        Self {
            level: LogLevel::default(),
            format: LogFormat::default(),
            otlp_endpoint: None,
            otlp_sampling: 0.01,
            ditto_sdk: None,
            edge_server: None,
        }
    }
}

impl Logging {
    /// The level in force: Edge Server's own if there is one.
    pub fn effective_level(&self) -> LogLevel {
        self.edge_server
            .as_ref()
            .and_then(|edge| edge.level)
            .unwrap_or(self.level)
    }
}

/// How much is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Only what someone must act on.
    Error,
    /// Also what is degraded.
    Warn,
    /// The same, as Edge Server spells it.
    Warning,
    /// Also lifecycle and access.
    #[default]
    Info,
    /// Also why a decision fell.
    Debug,
    /// Everything.
    Trace,
    /// The same, as Edge Server spells it.
    Verbose,
}

impl LogLevel {
    /// The word that a `tracing` filter knows.
    pub fn as_filter(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn | Self::Warning => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace | Self::Verbose => "trace",
        }
    }
}

/// For people or for machines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Edge Server's own logging.
#[derive(Clone, Debug, Default, Deserialize, serde::Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EdgeServerLogging {
    /// How much is logged.
    pub level: Option<LogLevel>,
    /// Where lines go.
    pub console_logs: Option<ConsoleLogs>,
    /// Log files of its own.
    pub rotating_logs: Option<serde_json::Map<String, serde_json::Value>>,
    /// Where its audit records go.
    pub audit_logs: Option<PersistenceDirectory>,
}

/// Where Edge Server's lines go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConsoleLogs {
    /// Standard output.
    StdOut,
    /// Standard error.
    StdErr,
    /// Nowhere.
    Off,
}

/// What is recorded for auditors.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Audit {
    /// The file; absent: inside `store.path`.
    pub path: Option<PathBuf>,
    /// How much is recorded.
    pub level: AuditLevel,
    /// When a new file is begun.
    pub max_size: Size,
    /// After this time a new file is begun, too; absent: by size only.
    pub max_age: Option<Period>,
    /// How many earlier files are kept.
    #[schemars(range(min = 1))]
    pub keep: u32,
    /// What happens when records come faster than they are written.
    pub on_full: AuditOnFull,
}

impl Default for Audit {
    fn default() -> Self {
        Self {
            path: None,
            level: AuditLevel::Writes,
            max_size: Size::from_kibibytes(100 * 1024),
            max_age: None,
            keep: 14,
            on_full: AuditOnFull::DropAndCount,
        }
    }
}

/// How much is recorded for auditors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AuditLevel {
    /// Changes and refusals.
    Writes,
    /// Also every read.
    Full,
}

/// What happens when records come faster than they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditOnFull {
    /// Requests wait.
    Block,
    /// Records are lost, and how many is recorded.
    DropAndCount,
    /// Requests are refused.
    FailClosed,
}
