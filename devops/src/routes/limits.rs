//! Who is limited or blocked at the public edge, and unblocking.

use std::sync::Arc;

use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use authentication::{Suspect, SuspectName};
use serde_json::{Value, json};

use super::answerers::name;
use super::{get, only};
use crate::app::Operations;
use crate::dependencies::LimitControl;
use crate::error::Refusal;

pub(super) fn configure(config: &mut ServiceConfig) {
    config
        .service(only(
            "GET, HEAD",
            web::resource("/limits").route(get().to(list)),
        ))
        .service(only(
            "DELETE",
            web::resource("/limits/{id}").route(web::delete().to(unblock)),
        ));
}

/// `GET /devops/limits`: whoever was refused something not long ago, the latest first.
async fn list(operations: Data<Operations>) -> Result<HttpResponse, Refusal> {
    control(&operations)?;
    Ok(HttpResponse::Ok().json(json!({ "limited": limited(&operations) })))
}

/// Who is limited at the public edge, and who has to wait at the operators' door.
pub(super) fn limited(operations: &Operations) -> Vec<Value> {
    let now = operations.now();
    let control = operations.dependencies.limits.as_ref();
    let mut limited = control.map(|control| control.list(now)).unwrap_or_default();
    limited.extend(operations.brute_force.list(now).iter().map(shown));
    limited
}

/// `DELETE /devops/limits/{id}`: its budget is full again.
async fn unblock(
    request: HttpRequest,
    operations: Data<Operations>,
) -> Result<HttpResponse, Refusal> {
    let id = name(&request, "id")?.unwrap_or_default();
    let unblocked = match id.strip_prefix(OPERATORS) {
        Some(who) => who.parse().map_or_else(
            |_| operations.brute_force.unblock_identity(who),
            |source| operations.brute_force.unblock_source(source),
        ),
        None => control(&operations)?.unblock(&id),
    };
    if unblocked {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(Refusal::NotFound { what: "limit" })
    }
}

/// What ids of those begin with who failed at the operator service itself.
const OPERATORS: &str = "operator~";

fn shown(suspect: &Suspect) -> Value {
    let who = match &suspect.who {
        SuspectName::Source(source) => source.to_string(),
        SuspectName::Identity(name) => name.to_string(),
    };
    json!({
        "id": format!("{OPERATORS}{}", who.trim_end_matches("/64")),
        "limit": format!("failed {}", suspect.method),
        "who": who,
        "refused": suspect.failures,
        "last": suspect.last,
        "waitSeconds": suspect.wait.map(|wait| wait.as_secs_f64().ceil()),
    })
}

fn control(operations: &Operations) -> Result<&Arc<dyn LimitControl>, Refusal> {
    let control = operations.dependencies.limits.as_ref();
    control.ok_or(Refusal::UnknownRoute)
}
