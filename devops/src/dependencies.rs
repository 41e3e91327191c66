//! What the operator service asks the rest of the process for.

mod control;

use std::sync::Arc;
use std::time::Duration;

use audit::{NotAdmitted, Permit};
use authentication::Revocations;
use jiff::Timestamp;

use crate::health::Health;
use crate::logging::LogControl;
pub use control::{
    Answered, BackupSource, CommandTarget, ConfigurationSource, DenialSource, Explainer,
    IssuerSource, LimitControl, LocalFuture, Piggyback, RequestDescription, SessionControl,
    StatisticsSource,
};

/// Reads the time; asked once per request.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Everything the operator service needs from outside.
#[derive(Clone)]
pub struct DevopsDependencies {
    /// Shows and changes log levels.
    pub log_control: Arc<dyn LogControl>,
    /// Knows how the process is.
    pub health: Arc<dyn HealthSource>,
    /// Renders the metrics.
    pub metrics: Arc<dyn MetricsSource>,
    /// Knows what this process is.
    pub status: Arc<dyn StatusSource>,
    /// Knows the configuration in force.
    pub configuration: Arc<dyn ConfigurationSource>,
    /// Knows what is in memory and in the store.
    pub statistics: Arc<dyn StatisticsSource>,
    /// Copies the store.
    pub backup: Arc<dyn BackupSource>,
    /// Executes the commands of `/devops/piggyback`.
    pub commands: Arc<dyn CommandTarget>,
    /// Shows and cuts open streams; `None` where there are none.
    pub sessions: Option<Arc<dyn SessionControl>>,
    /// What is revoked; consulted for operators' own tokens too.
    pub revocations: Arc<Revocations>,
    /// Knows who is limited or blocked; `None` where nothing is.
    pub limits: Option<Arc<dyn LimitControl>>,
    /// Knows the issuers of tokens and how their keys are.
    pub issuers: Arc<dyn IssuerSource>,
    /// Knows what was refused lately.
    pub denials: Arc<dyn DenialSource>,
    /// Explains decisions of the public edge.
    pub explainer: Arc<dyn Explainer>,
    /// Keeps a record of what operators did.
    pub audit: Arc<dyn OperatorAudit>,
    /// The time.
    pub clock: Clock,
}

/// How this process is.
pub trait HealthSource: Send + Sync {
    /// The latest result of the checks; must not run them, as anyone may ask any number of times.
    fn health(&self) -> Health;

    /// Whether requests should be sent here.
    fn readiness(&self) -> Readiness;
}

/// Whether requests should be sent to this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// They should.
    Ready,
    /// They should not, for a reason that anyone may read.
    NotReady {
        /// A sentence.
        reason: String,
    },
}

/// The metrics of this process.
pub trait MetricsSource: Send + Sync {
    /// All of them in Prometheus' text format, version 0.0.4.
    fn render(&self) -> String;
}

/// What this process is.
pub trait StatusSource: Send + Sync {
    /// An object of version, host and size, as Ditto's `/status` shows it.
    fn static_status(&self) -> serde_json::Map<String, serde_json::Value>;
}

/// Keeps a record of what operators did.
pub trait OperatorAudit: Send + Sync {
    /// Makes sure that a call to `/devops` can be recorded before it is carried out.
    ///
    /// # Errors
    ///
    /// [`NotAdmitted`] if it cannot, after the time that is allowed for.
    fn admit(&self) -> LocalFuture<'_, Result<Permit, NotAdmitted>>;

    /// Notes one call, by its permit if it has one; must not wait.
    fn record(&self, call: &OperatorCall<'_>, permit: Option<Permit>);
}

/// One request to a route that asks for a credential, after its answer is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorCall<'a> {
    /// When it came.
    pub at: Timestamp,
    /// `devops`, or the subject of the token; `None` if nobody was let in.
    pub operator: Option<&'a str>,
    /// What was presented: `devops_password`, `status_password`, `metrics_token`, `token`, or `none`.
    pub credential: &'static str,
    /// `granted`, `no_credential`, `rejected`, `token_rejected`, `token_expired`, `token_revoked`, `not_admitted`, `throttled`,
    /// `forbidden` or `not_trusted`.
    pub outcome: &'static str,
    /// The surface: `devops`, `status` or `metrics`.
    pub surface: &'static str,
    /// The method; `other` for an invented one.
    pub method: &'a str,
    /// The route's pattern.
    pub route: &'a str,
    /// The path as sent: canonical, so that it says what was meant.
    pub path: &'a str,
    /// What the call is about beyond its path, e.g. the type of a command and its namespace.
    pub about: Option<&'a str>,
    /// The status of the answer.
    pub status: u16,
    /// How long the answer took; of a stream, its beginning.
    pub duration: Duration,
    /// Where it came from: an IPv4 address or an IPv6 network.
    pub source: Option<String>,
    /// Ties the call to its log lines.
    pub correlation_id: &'a str,
}
