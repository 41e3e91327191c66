//! The metrics, for a scraper.

use actix_web::HttpResponse;
use actix_web::web::{self, Data, ServiceConfig};

use super::{get, only};
use crate::app::Operations;

pub(super) fn configure(config: &mut ServiceConfig) {
    config.service(only(
        "GET, HEAD",
        web::resource("").route(get().to(retrieve_metrics)),
    ));
}

/// `GET /metrics`: everything in Prometheus' text format.
async fn retrieve_metrics(operations: Data<Operations>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(operations.dependencies.metrics.render())
}
