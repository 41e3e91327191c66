//! What load balancers and schedulers ask without credentials; the answers give nothing else away.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use actix_web::web::{self, Data, ServiceConfig};
use serde_json::json;

use super::{get, only};
use crate::app::Operations;
use crate::dependencies::Readiness;
use crate::error::Refusal;

pub(super) fn configure(config: &mut ServiceConfig) {
    config
        .service(only(
            "GET, HEAD",
            web::resource("/health").route(get().to(retrieve_health)),
        ))
        .service(only(
            "GET, HEAD",
            web::resource("/alive").route(get().to(retrieve_liveness)),
        ))
        .service(only(
            "GET, HEAD",
            web::resource("/ready").route(get().to(retrieve_readiness)),
        ));
}

/// `GET /health`: `{"status":"UP"}`, with 503 if down.
async fn retrieve_health(operations: Data<Operations>) -> HttpResponse {
    let health = operations.dependencies.health.health();
    let (status, word) = if health.is_healthy() {
        (StatusCode::OK, "UP")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "DOWN")
    };
    HttpResponse::build(status).json(json!({ "status": word }))
}

/// `GET /alive`: 500 if the process should be restarted.
async fn retrieve_liveness(operations: Data<Operations>) -> Result<HttpResponse, Refusal> {
    if operations.dependencies.health.health().is_healthy() {
        Ok(ok())
    } else {
        Err(Refusal::Unhealthy)
    }
}

/// `GET /ready`: 500 if requests should go elsewhere.
async fn retrieve_readiness(operations: Data<Operations>) -> Result<HttpResponse, Refusal> {
    match operations.dependencies.health.readiness() {
        Readiness::Ready => Ok(ok()),
        Readiness::NotReady { reason } => Err(Refusal::NotReady { reason }),
    }
}

fn ok() -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::plaintext())
        .body("OK")
}
