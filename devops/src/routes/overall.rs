//! The whole system by role, as Ditto's operators know it: here, this process has every role.

use actix_web::HttpResponse;
use actix_web::web::{self, Data, ServiceConfig};
use serde_json::{Map, Value, json};

use super::{get, only, status};
use crate::app::Operations;
use crate::health::{DetailLevel, Health, HealthStatus};

/// The services that Ditto is made of, and whose work this process does.
pub(super) const ROLES: [&str; 5] = ["policies", "things", "search", "gateway", "connectivity"];

pub(super) fn configure(config: &mut ServiceConfig) {
    config
        .service(only(
            "GET, HEAD",
            web::resource("/status").route(get().to(retrieve_status)),
        ))
        .service(only(
            "GET, HEAD",
            web::resource("/status/health").route(get().to(retrieve_health)),
        ))
        .service(only(
            "GET, HEAD",
            web::resource("/status/cluster").route(get().to(status::retrieve_cluster)),
        ));
}

/// `GET /overall/status`: the status of this process, and the same under each role.
async fn retrieve_status(operations: Data<Operations>) -> HttpResponse {
    let mut status = operations.dependencies.status.static_status();
    let roles: Map<String, Value> = ROLES
        .into_iter()
        .map(|role| {
            let mut instance = status.clone();
            instance.insert("service".to_owned(), role.into());
            (
                role.to_owned(),
                json!({ &operations.settings.instance: instance }),
            )
        })
        .collect();
    status.insert("roles".to_owned(), roles.into());
    HttpResponse::Ok().json(status)
}

/// `GET /overall/status/health`: the checks of this process under each role, with 503 if down.
async fn retrieve_health(operations: Data<Operations>) -> HttpResponse {
    let own = operations.dependencies.health.health();
    status::respond(&overall(&own, &operations.settings.instance))
}

fn overall(own: &Health, instance: &str) -> Health {
    let expected = Health::of(HealthStatus::Up)
        .with_detail(
            DetailLevel::Info,
            json!({ "missing-roles": [], "extra-roles": [] }),
        )
        .labelled("expected-roles");
    let roles = ROLES
        .into_iter()
        .map(|role| Health::composite(vec![own.clone().labelled(instance)]).labelled(role));
    Health::composite(std::iter::once(expected).chain(roles).collect()).labelled("roles")
}
