//! What this process is and how it is.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{self, Data, ServiceConfig};

use serde_json::{Map, Value, json};

use super::overall::ROLES;
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
        ))
        .service(only(
            "GET, HEAD",
            web::resource("/cluster").route(get().to(retrieve_cluster)),
        ));
}

/// `GET /status/cluster`: a cluster of one, which leads itself and has every role.
pub(super) async fn retrieve_cluster(operations: Data<Operations>) -> HttpResponse {
    let status = operations.dependencies.status.static_status();
    let address = status.get("local-address").cloned().unwrap_or_default();
    let only = json!({ "reachable": [address], "unreachable": [], "leader": address });
    let roles: Map<String, Value> = ROLES
        .into_iter()
        .map(|role| (role.to_owned(), only.clone()))
        .collect();
    HttpResponse::Ok().json(json!({
        "reachable": [address],
        "unreachable": [],
        "seen-by": [address],
        "leader": address,
        "own-roles": ROLES,
        "roles": roles,
    }))
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
