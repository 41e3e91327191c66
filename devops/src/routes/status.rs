//! What this process is and how it is.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{self, Data, ServiceConfig};

use super::{get, only};
use crate::app::Operations;
use crate::health::Health;

pub(super) fn configure(config: &mut ServiceConfig) {
    config
        .service(only(
            "GET, HEAD",
            web::resource("").route(get().to(retrieve_status)),
        ))
        .service(only(
            "GET, HEAD",
            web::resource("/health").route(get().to(retrieve_health)),
        ));
}

/// `GET /status`: version, host and size.
async fn retrieve_status(operations: Data<Operations>) -> HttpResponse {
    HttpResponse::Ok().json(operations.dependencies.status.static_status())
}

/// `GET /status/health`: the tree of checks, with 503 if down.
async fn retrieve_health(operations: Data<Operations>) -> HttpResponse {
    respond(&operations.dependencies.health.health())
}

pub(super) fn respond(health: &Health) -> HttpResponse {
    let status = if health.is_healthy() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    HttpResponse::build(status).json(health.to_json())
}
