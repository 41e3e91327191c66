//! One event and one measurement per request.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use policies::ProviderKind;

use super::audit::Trail;
use super::metrics;
use crate::edge::Echo;

/// Target of the access events, so that `/devops/logging` can switch them alone.
const TARGET: &str = "twinward::access";

/// What the edge learned of a request.
pub(crate) struct Access {
    /// The route's pattern.
    pub(crate) route: &'static str,
    /// Who vouched for the caller.
    pub(crate) provider: Option<ProviderKind>,
    /// Whether the client speaks TLS, with this listener or with a trusted proxy.
    pub(crate) is_secure: bool,
    /// Ties the response to its log lines and events.
    pub(crate) correlation_id: Arc<str>,
    /// What else comes back with the response.
    pub(crate) echo: Echo,
    /// What auditors will want to know.
    pub(crate) trail: Trail,
}

/// What stands for the status of an answer that nobody waited for, as in nginx.
pub(crate) fn hung_up() -> StatusCode {
    StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST)
}

/// Never logs a query or a header: credentials and ids of people may be in them.
pub(crate) fn record(
    request: &HttpRequest,
    status: StatusCode,
    duration: Duration,
    access: &Access,
) {
    metrics::roundtrip(
        access.route,
        request.method().as_str(),
        (status.as_u16(), duration),
    );
    tracing::info!(
        target: TARGET,
        correlation_id = &*access.correlation_id,
        http.method = request.method().as_str(),
        http.route = access.route,
        http.status = status.as_u16(),
        auth.provider = access.provider.map(ProviderKind::as_str),
        duration_ms = duration.as_secs_f64() * 1000.0,
        "Answered"
    );
}
