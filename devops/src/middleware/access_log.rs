//! One event per request: who was let in by what, and how it ended.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, HttpRequest};
use audit::Permit;
use tracing::info;

use super::correlation_id;
use crate::access::Grant;
use crate::app::Operations;
use crate::dependencies::OperatorCall;
use crate::logging::correlated;
use crate::source::Source;
use crate::surface::Surface;

/// How the question for a credential ended, and who it was; kept with the request until its event is written.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) surface: Surface,
    pub(crate) outcome: AccessOutcome,
    pub(crate) grant: Option<Grant>,
}

/// What a call is about beyond its path, for auditors: names, never a body.
#[derive(Clone)]
struct About(String);

/// Longest such text, in characters.
const ABOUT_CHARS_MAX: usize = 512;

/// Notes what the call is about, before it is carried out.
pub(crate) fn note_about(request: &HttpRequest, about: &str) {
    let about = about.chars().take(ABOUT_CHARS_MAX).collect();
    request.extensions_mut().insert(About(about));
}

/// How the question for a credential ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AccessOutcome {
    Granted,
    NoCredential,
    Rejected,
    /// A token that is none, or was signed by nobody who is asked.
    TokenRejected,
    TokenExpired,
    TokenRevoked,
    /// A good token of nobody who is listed.
    NotAdmitted,
    Throttled,
    Forbidden,
    /// Refused before anybody was asked for a credential: it came past the proxy, or in the clear.
    NotTrusted,
}

impl AccessOutcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::NoCredential => "no_credential",
            Self::Rejected => "rejected",
            Self::TokenRejected => "token_rejected",
            Self::TokenExpired => "token_expired",
            Self::TokenRevoked => "token_revoked",
            Self::NotAdmitted => "not_admitted",
            Self::Throttled => "throttled",
            Self::Forbidden => "forbidden",
            Self::NotTrusted => "not_trusted",
        }
    }
}

/// Gives the request an id that every log line carries, and writes its event when it is answered.
pub(crate) async fn record_access(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let correlation_id = correlation_id::of(request.headers());
    let started = Instant::now();
    correlated(Arc::clone(&correlation_id), async move {
        let mut response = next.call(request).await?;
        record(&response, (&correlation_id, started.elapsed()));
        correlation_id::insert(response.headers_mut(), &correlation_id);
        Ok(response)
    })
    .await
}

/// Credentials and queries stay out of the log event, and so do paths: the route's pattern says enough.
fn record(
    response: &ServiceResponse<impl MessageBody>,
    (correlation_id, duration): (&str, Duration),
) {
    let request = response.request();
    let entry = request.extensions().get::<Entry>().cloned();
    let grant = entry.as_ref().and_then(|entry| entry.grant.as_ref());
    let outcome = entry
        .as_ref()
        .map_or("open", |entry| entry.outcome.as_str());
    let credential = grant.map_or("none", |grant| grant.kind.as_str());
    let surface = entry
        .as_ref()
        .map_or("open", |entry| entry.surface.as_str());
    let method = known_method(request);
    let route = request.match_pattern();
    let route = route.as_deref().unwrap_or("none");
    let status = response.status().as_u16();
    let source = source_of(request);
    info!(
        target: "devops::access",
        correlation_id,
        source = source.map(tracing::field::display),
        http.method = method,
        http.route = route,
        http.status = status,
        operator.surface = surface,
        operator.outcome = outcome,
        operator.credential = credential,
        duration_ms = duration.as_secs_f64() * 1000.0,
        "Operator request `{method} {route}` was answered with {status}"
    );
    let permit = request.extensions_mut().remove::<Permit>();
    let about = request.extensions_mut().remove::<About>();
    if let (Some(_), Some(operations)) = (&entry, request.app_data::<Data<Operations>>()) {
        let call = OperatorCall {
            at: operations.now(),
            operator: grant.map(|grant| &*grant.operator),
            credential,
            outcome,
            surface,
            method,
            route,
            path: request.path(),
            about: about.as_ref().map(|About(about)| &**about),
            status,
            duration,
            source: source.map(|source| source.to_string()),
            correlation_id,
        };
        operations.dependencies.audit.record(&call, permit);
    }
}

/// Who was let in with this request.
pub(crate) fn operator_of(request: &HttpRequest) -> Arc<str> {
    let entry = request.extensions().get::<Entry>().cloned();
    let grant = entry.and_then(|entry| entry.grant);
    grant.map_or_else(|| Arc::from("nobody"), |grant| grant.operator)
}

/// What let this request in.
pub(crate) fn grant_of(request: &HttpRequest) -> Option<Grant> {
    let entry = request.extensions().get::<Entry>().cloned();
    entry.and_then(|entry| entry.grant)
}

/// Where the request comes from.
pub(crate) fn source_of(request: &HttpRequest) -> Option<Source> {
    let operations = request.app_data::<Data<Operations>>()?;
    let forwarded_for: Vec<&str> = request
        .headers()
        .get_all("x-forwarded-for")
        .map(|value| value.to_str().unwrap_or_default())
        .collect();
    Some(Source::of(
        // A connection that was reset has no peer any more; its failures must count all the same.
        request
            .peer_addr()
            .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip()),
        forwarded_for.into_iter(),
        &operations.settings.trusted_proxies,
    ))
}

/// A method of our routes or a standard one; an invented one is a client's free text.
fn known_method(request: &HttpRequest) -> &str {
    match request.method().as_str() {
        method @ ("GET" | "HEAD" | "PUT" | "POST" | "PATCH" | "DELETE" | "OPTIONS" | "TRACE"
        | "CONNECT") => method,
        _ => "other",
    }
}
