//! Refuses requests by their head alone: from peers that may not connect, with more than anybody needs to say, with a path
//! that can be read in two ways, in the clear where only HTTPS is wanted.

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, HttpRequest, ResponseError};

use super::access_log::{AccessOutcome, Entry};
use super::canonical_path::check_target;
use super::https;
use crate::app::Operations;
use crate::error::Refusal;
use crate::surface::Surface;

/// There are at most this many header fields.
const FIELDS_MAX: usize = 64;
/// Their names are at most this long.
const NAME_BYTES_MAX: usize = 64;
/// Their values are at most this long.
const VALUE_BYTES_MAX: usize = 16 * 1024;

/// They say of this process what a supervisor needs, to whoever reaches it: kubelets are nobody's proxy.
pub(super) const PROBES: [&str; 3] = ["/alive", "/health", "/ready"];

pub(crate) async fn require_plain_head<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    match check(request.request()) {
        Ok(()) => next
            .call(request)
            .await
            .map(ServiceResponse::map_into_left_body),
        Err(refusal) => {
            note_stranger(&request, &refusal);
            Ok(request
                .into_response(refusal.error_response())
                .map_into_right_body())
        }
    }
}

/// Whoever gets past the proxy is worth a record, although nobody asked who it is.
fn note_stranger(request: &ServiceRequest, refusal: &Refusal) {
    if matches!(
        refusal,
        Refusal::PeerNotTrusted | Refusal::HttpsRequired { .. }
    ) {
        request.extensions_mut().insert(Entry {
            surface: Surface::of(request.path()),
            outcome: AccessOutcome::NotTrusted,
            grant: None,
        });
    }
}

fn check(request: &HttpRequest) -> Result<(), Refusal> {
    let operations = request
        .app_data::<Data<Operations>>()
        .expect("create_app adds the operations");
    check_target(request.uri())?;
    check_peer(request, operations)?;
    check_fields(request.headers())?;
    check_length(request.headers(), operations.settings.body_bytes_max)?;
    https::check(request, operations)
}

/// Where a proxy ends TLS, what comes past it was readable on its way.
fn check_peer(request: &HttpRequest, operations: &Operations) -> Result<(), Refusal> {
    let is_admitted = !operations.settings.only_trusted_peers
        || PROBES.contains(&request.path())
        || is_from_trusted_proxy(request, operations);
    if is_admitted {
        Ok(())
    } else {
        Err(Refusal::PeerNotTrusted)
    }
}

pub(super) fn is_from_trusted_proxy(request: &HttpRequest, operations: &Operations) -> bool {
    let peer = request.peer_addr().map(|peer| peer.ip().to_canonical());
    let mut trusted = operations.settings.trusted_proxies.iter();
    peer.is_some_and(|peer| trusted.any(|net| net.contains(&peer)))
}

/// A body that says it is too large is not waited for (RFC 9110 §15.5.14).
fn check_length(fields: &HeaderMap, bytes_max: usize) -> Result<(), Refusal> {
    let length = fields.get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > bytes_max as u64) {
        Err(Refusal::BodyTooLarge { bytes_max })
    } else {
        Ok(())
    }
}

fn check_fields(fields: &HeaderMap) -> Result<(), Refusal> {
    let is_too_large = fields.len() > FIELDS_MAX
        || fields.iter().any(|(name, value)| {
            name.as_str().len() > NAME_BYTES_MAX || value.len() > VALUE_BYTES_MAX
        });
    if is_too_large {
        Err(Refusal::HeadersTooLarge)
    } else {
        Ok(())
    }
}
