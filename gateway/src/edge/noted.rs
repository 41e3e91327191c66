//! Who was refused and who is limited, so that operators can see it.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;

use super::context::Authenticated;
use super::source::Source;
use crate::app::Gateway;
use crate::error::DittoError;
use crate::limits::{LimitKey, Limits, TooManyRequests};
use crate::operator::Denial;
use crate::telemetry::access::Access;
use crate::telemetry::metrics;

/// So that operators can see who was refused.
pub(super) fn note_denial(
    gateway: &Gateway,
    request: &HttpRequest,
    status: StatusCode,
    access: &Access,
) {
    let source = access.trail.source.as_ref();
    gateway.denials.note(Denial {
        at: gateway.clock.now(),
        status: status.as_u16(),
        method: metrics::known_method(request.method().as_str()),
        route: access.route,
        source: source.and_then(|source| source.client),
        correlation_id: access.correlation_id.to_string(),
    });
}

/// So that operators can see who is limited.
pub(crate) fn note_source(
    gateway: &Gateway,
    exceeded: &TooManyRequests,
    (source, key): (Source, LimitKey),
) {
    let now = gateway.clock.now();
    match source.client {
        Some(client) => gateway.limits.note(exceeded, (key, &client), now),
        None => gateway.limits.note(exceeded, (key, &"unix"), now),
    }
}

/// The budget for handshakes is looked at where streams open; the others refuse, and are noted, before.
pub(super) fn note_handshake(gateway: &Gateway, error: &DittoError, access: &mut Access) {
    let Some(exceeded) = error.exceeded() else {
        return;
    };
    access.trail.limit = Some(exceeded.limit);
    if exceeded.limit != Limits::HANDSHAKES {
        return;
    }
    if let Some(source) = access.trail.source {
        let key = gateway.limits.source_key(source.client);
        note_source(gateway, exceeded, (source, key));
    }
}

pub(crate) fn note_subject(gateway: &Gateway, exceeded: &TooManyRequests, caller: &Authenticated) {
    let (limits, now) = (&gateway.limits, gateway.clock.now());
    if let Some(subject) = caller.principal().default_subject() {
        limits.note(exceeded, (caller.limit_key(), subject), now);
    }
}
