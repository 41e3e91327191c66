//! One event per request: who was let in by what, and how it ended.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, HttpRequest};
use tracing::info;

use crate::app::Operations;
use crate::credentials::Grant;
use crate::source::Source;
use crate::surface::Surface;

/// How the question for a credential ended; kept with the request until its event is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) surface: Surface,
    pub(crate) outcome: AccessOutcome,
}

/// How the question for a credential ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AccessOutcome {
    Granted(Grant),
    NoCredential,
    Rejected,
    Throttled,
}

/// Writes the event. Credentials, paths and queries stay out of it: the route's pattern says enough.
pub(crate) async fn record_access(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let response = next.call(request).await?;
    let request = response.request();
    let access = request.extensions().get::<Access>().copied();
    let (outcome, credential) = words_of(access.map(|access| access.outcome));
    let surface = access.map_or("open", |access| access.surface.as_str());
    let method = known_method(request);
    let route = request.match_pattern();
    let route = route.as_deref().unwrap_or("none");
    let status = response.status().as_u16();
    let source = source_of(request).map(tracing::field::display);
    info!(
        target: "devops::access",
        source,
        http.method = method,
        http.route = route,
        http.status = status,
        operator.surface = surface,
        operator.outcome = outcome,
        operator.credential = credential,
        "Operator request `{method} {route}` was answered with {status}"
    );
    Ok(response)
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

fn words_of(outcome: Option<AccessOutcome>) -> (&'static str, &'static str) {
    match outcome {
        None => ("open", "none"),
        Some(AccessOutcome::Granted(grant)) => ("granted", grant.as_str()),
        Some(AccessOutcome::NoCredential) => ("no_credential", "none"),
        Some(AccessOutcome::Rejected) => ("rejected", "none"),
        Some(AccessOutcome::Throttled) => ("throttled", "none"),
    }
}

/// A method of our routes or a standard one; an invented one is a client's free text.
fn known_method(request: &HttpRequest) -> &str {
    match request.method().as_str() {
        method @ ("GET" | "HEAD" | "PUT" | "POST" | "PATCH" | "DELETE" | "OPTIONS" | "TRACE"
        | "CONNECT") => method,
        _ => "other",
    }
}
