//! `GET /health`: whether the gateway serves, and nothing else about it.

use actix_web::HttpResponse;

use crate::edge::RequestContext;

/// 200 `{"status":"UP"}`, or 503 `{"status":"DOWN"}`.
pub(super) fn answer(context: &RequestContext) -> HttpResponse {
    let (mut response, status) = if context.gateway.is_up() {
        (HttpResponse::Ok(), "UP")
    } else {
        (HttpResponse::ServiceUnavailable(), "DOWN")
    };
    response
        .content_type("application/json")
        .body(format!("{{\"status\":\"{status}\"}}"))
}
