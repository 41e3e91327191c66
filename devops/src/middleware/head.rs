//! Refuses requests by their head alone: from peers that may not connect, with more than anybody needs to say, with a path
//! that can be read in two ways.

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::HeaderMap;
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpRequest, ResponseError};

use super::canonical_path::check_target;
use crate::app::Operations;
use crate::error::Refusal;

/// There are at most this many header fields.
const FIELDS_MAX: usize = 64;
/// Their names are at most this long.
const NAME_BYTES_MAX: usize = 64;
/// Their values are at most this long.
const VALUE_BYTES_MAX: usize = 16 * 1024;

/// They say of this process what a supervisor needs, to whoever reaches it: kubelets are nobody's proxy.
const PROBES: [&str; 3] = ["/alive", "/health", "/ready"];

pub(crate) async fn require_plain_head<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    match check(request.request()) {
        Ok(()) => next
            .call(request)
            .await
            .map(ServiceResponse::map_into_left_body),
        Err(refusal) => Ok(request
            .into_response(refusal.error_response())
            .map_into_right_body()),
    }
}

fn check(request: &HttpRequest) -> Result<(), Refusal> {
    check_target(request.uri())?;
    check_peer(request)?;
    check_fields(request.headers())
}

/// Where a proxy ends TLS, what comes past it was readable on its way.
fn check_peer(request: &HttpRequest) -> Result<(), Refusal> {
    let operations = request
        .app_data::<Data<Operations>>()
        .expect("create_app adds the operations");
    let settings = &operations.settings;
    if !settings.only_trusted_peers || PROBES.contains(&request.path()) {
        return Ok(());
    }
    let peer = request.peer_addr().map(|peer| peer.ip().to_canonical());
    let is_trusted = |peer| {
        settings
            .trusted_proxies
            .iter()
            .any(|net| net.contains(&peer))
    };
    if peer.is_some_and(is_trusted) {
        Ok(())
    } else {
        Err(Refusal::PeerNotTrusted)
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
