//! Metrics in Prometheus form, with names and meanings that Ditto's dashboards know and labels of bounded number.

use std::cell::RefCell;
use std::time::Duration;

use audit::AuditHealth;
use hashbrown::HashMap;
use journal::Written;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use crate::streaming::SessionKind;

/// Upper bounds in seconds; Ditto's.
const SECONDS: [f64; 37] = [
    0.001, 0.003, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5,
    0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 5.0, 7.5, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0,
    45.0, 50.0, 55.0, 60.0,
];

/// Makes metrics of this process recordable, and returns what renders them.
pub(crate) fn install() -> Result<PrometheusHandle, BuildError> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .install_recorder()
}

type Key = (&'static str, Method, u16);

thread_local! {
    /// Looking a metric up by its labels costs more than recording it; each worker keeps the few hundred it uses.
    static ROUNDTRIPS: RefCell<HashMap<Key, Histogram>> = RefCell::default();
}

/// `roundtrip_http_seconds`.
pub(crate) fn roundtrip(route: &'static str, method: &str, (status, duration): (u16, Duration)) {
    let method = Method::of(method);
    ROUNDTRIPS.with_borrow_mut(|known| {
        known
            .entry((route, method, status))
            .or_insert_with(|| {
                histogram!(
                    "roundtrip_http_seconds",
                    "ditto_request_path" => route,
                    "ditto_request_method" => method.as_str(),
                    "ditto_statusCode" => status.to_string(),
                    "segment" => "overall"
                )
            })
            .record(duration.as_secs_f64());
    });
}

/// The method, if it has a label of its own; `other` for an invented one.
pub(crate) fn known_method(method: &str) -> &'static str {
    Method::of(method).as_str()
}

/// The methods that have a label of their own: a client cannot invent more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Method {
    Get,
    Put,
    Post,
    Patch,
    Delete,
    Other,
}

impl Method {
    fn of(method: &str) -> Self {
        match method {
            "GET" => Self::Get,
            "PUT" => Self::Put,
            "POST" => Self::Post,
            "PATCH" => Self::Patch,
            "DELETE" => Self::Delete,
            _ => Self::Other,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Other => "other",
        }
    }
}

/// `streaming_sessions_count`: open sessions of one kind (`ws`, `sse`).
pub(crate) fn streaming_sessions(kind: &'static str) -> Gauge {
    gauge!("streaming_sessions_count", "type" => kind)
}

/// `streaming_messages_total` of one kind of stream (`ws`, `sse`) and direction (`in`, `out`, `dropped`).
pub(crate) fn streaming_messages(kind: &'static str, direction: &'static str) -> Counter {
    counter!("streaming_messages_total", "type" => kind, "direction" => direction)
}

thread_local! {
    /// One for each kind; counted for every event and session, so looking them up would cost more than all the rest.
    static DELIVERED: [Counter; 2] = ["ws", "sse"].map(|kind| streaming_messages(kind, "out"));
}

/// Counts events that a session's connection has taken.
pub(crate) fn delivered(kind: SessionKind, events: u64) {
    DELIVERED.with(|[ws, sse]| match kind {
        SessionKind::WebSocket => ws.increment(events),
        SessionKind::ServerSentEvents => sse.increment(events),
    });
}

/// `streaming_throttled_total` by outcome (`delayed`, `rejected`).
pub(crate) fn streaming_throttled(outcome: &'static str) -> Counter {
    counter!("streaming_throttled_total", "outcome" => outcome)
}

/// `streaming_publisher_behind_total`: how often events waited for the publisher in the journal.
pub(crate) fn publisher_behind() -> Counter {
    counter!("streaming_publisher_behind_total")
}

/// `streaming_undecided_total`: events that nobody got because nobody could say who may.
pub(crate) fn undecided_events() -> Counter {
    counter!("streaming_undecided_total")
}

/// `streaming_closes_total` by reason.
pub(crate) fn streaming_closes(reason: &'static str) -> Counter {
    counter!("streaming_closes_total", "reason" => reason)
}

/// `config_reloads_total` by outcome (`loaded`, `rejected`).
pub(crate) fn config_reloads(outcome: &'static str) -> Counter {
    counter!("config_reloads_total", "outcome" => outcome)
}

/// `config_epoch`: counts configurations since the start.
pub(crate) fn config_epoch() -> Gauge {
    gauge!("config_epoch")
}

/// `config_rejected`: 1 while the file says something that could not be put in force.
pub(crate) fn config_is_rejected() -> Gauge {
    gauge!("config_rejected")
}

/// `tls_certificate_expiry_timestamp_seconds` by listener: when its certificate ends.
pub(crate) fn certificate_expiry(listener: &'static str) -> Gauge {
    gauge!("tls_certificate_expiry_timestamp_seconds", "listener" => listener)
}

/// `audit_records_total`, `audit_lost_total`, `audit_queue_length`, `audit_writable`.
pub(crate) fn audit(health: &AuditHealth) {
    counter!("audit_records_total").absolute(health.written);
    counter!("audit_lost_total").absolute(health.lost);
    gauge!("audit_queue_length").set(health.waiting as f64);
    gauge!("audit_writable").set(f64::from(u8::from(health.failure.is_none())));
}

/// `trace_spans_total` by outcome (`sent`, `lost`): spans that the collector took, and those that nobody will see.
pub(crate) fn trace_spans(outcome: &'static str) -> Counter {
    counter!("trace_spans_total", "outcome" => outcome)
}

/// `journal_records_total`, `journal_commits_total`: what was made durable since the start, and with how many syncs.
pub(crate) fn journal(written: Written) {
    counter!("journal_records_total").absolute(written.records);
    counter!("journal_commits_total").absolute(written.commits);
}

/// `revocations`: how much is revoked now.
pub(crate) fn revocations() -> Gauge {
    gauge!("revocations")
}

/// `policies_compiled_total`: how often a policy was compiled, once for each of its states that is used.
pub(crate) fn policies_compiled(times: u64) {
    counter!("policies_compiled_total").absolute(times);
}

/// `limit_keys`: how many keys a limit's table holds.
pub(crate) fn limit_keys(limit: &'static str) -> Gauge {
    gauge!("limit_keys", "limit" => limit)
}

/// `streaming_refreshes_total` by outcome (`accepted`, `refused`, `ignored`).
pub(crate) fn refreshes(outcome: &'static str) -> Counter {
    counter!("streaming_refreshes_total", "outcome" => outcome)
}
