//! `GET /health`: whether the gateway serves, and nothing else about it.

use std::sync::atomic::Ordering;

use actix_web::HttpResponse;

use crate::edge::RequestContext;

/// 200 `{"status":"UP"}`, or 503 `{"status":"DOWN"}`: what the last look at the process found, a few seconds old.
pub(super) fn answer(context: &RequestContext) -> HttpResponse {
    let gateway = &context.gateway;
    let (mut response, status) = if gateway.is_up() && gateway.is_healthy.load(Ordering::Relaxed) {
        (HttpResponse::Ok(), "UP")
    } else {
        (HttpResponse::ServiceUnavailable(), "DOWN")
    };
    response
        .content_type("application/json")
        .body(format!("{{\"status\":\"{status}\"}}"))
}
