//! Log lines on standard error, with levels that the operator service can change.

use std::sync::Arc;

use devops::logging::CorrelatedLines;
use devops::{LogControl, LogLevel, LogLevels, TracingLogControl};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, fmt};

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Libraries whose `info` is about themselves; raise them by `/devops/logging` when needed.
const TALKATIVE: [&str; 3] = ["actix_server", "fjall", "lsm_tree"];

/// Starts logging.
///
/// # Errors
///
/// If this process logs already.
pub(crate) fn install(
    root: LogLevel,
    format: LogFormat,
) -> Result<Arc<dyn LogControl>, TryInitError> {
    let mut levels = LogLevels::new(root);
    for library in TALKATIVE.into_iter().filter_map(|name| name.parse().ok()) {
        // Only fails beyond hundreds of loggers.
        let _ = levels.set(library, LogLevel::Warn);
    }
    let (filter, handle) = reload::Layer::new(levels.targets());
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    let lines = match format {
        LogFormat::Text => lines
            .map_event_format(|lines| CorrelatedLines::new(lines, false))
            .boxed(),
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .map_event_format(|lines| CorrelatedLines::new(lines, true))
            .boxed(),
    };
    tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .try_init()?;
    Ok(Arc::new(TracingLogControl::new(levels, handle)))
}
