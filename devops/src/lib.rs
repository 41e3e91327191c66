//! The operator service: probes, status, metrics and log levels on a listener of its own.
//!
//! It shares no route, credential or middleware with the public edge, and knows the rest of the process only through
//! the traits of [`DevopsDependencies`].

mod access;
mod app;
mod challenge;
mod credentials;
mod dependencies;
mod error;
pub mod health;
mod https;
pub mod logging;
mod middleware;
mod routes;
mod server;
mod settings;
mod source;
mod surface;
#[cfg(test)]
mod tests;

pub use access::{AccessSettings, Admission, OperatorAccess};
pub use dependencies::{
    Answered, BackupSource, Clock, CommandTarget, ConfigurationSource, DenialSource,
    DevopsDependencies, Explainer, HealthSource, IssuerSource, LimitControl, LocalFuture,
    MetricsSource, OperatorAudit, OperatorCall, Piggyback, Readiness, RequestDescription,
    SessionControl, StatisticsSource, StatusSource,
};
pub use health::Health;
pub use https::{HttpsPolicy, PathUse, PlainHttp};
pub use logging::{
    LogControl, LogControlError, LogLevel, LogLevels, LoggerLevel, LoggerName, TracingLogControl,
};
pub use routes::configuration::part_of;
pub use server::serve;
pub use settings::{ConsoleSettings, DevopsSettings};
