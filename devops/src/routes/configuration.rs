//! Shows the configuration in force, in the form of Ditto's `/devops/config`.
//!
//! Source: Ditto documentation, page "Operating Ditto", section "Dynamically retrieve configurations".

use actix_web::web::{self, Data, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answerers::{Answerers, name};
use super::overall::ROLES;
use super::{get, only};
use crate::app::Operations;
use crate::error::Refusal;

pub(super) fn configure(config: &mut ServiceConfig) {
    let paths = [
        "/config",
        "/config/{service}",
        "/config/{service}/{instance}",
    ];
    config.service(only(
        "GET, HEAD",
        web::resource(paths).route(get().to(retrieve_configuration)),
    ));
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    path: Option<String>,
}

/// `GET /devops/config[/{service}[/{instance}]]?path=…`: what is in force; secrets read `***`.
async fn retrieve_configuration(
    request: HttpRequest,
    operations: Data<Operations>,
) -> Result<HttpResponse, Refusal> {
    let answerers = Answerers::named_by(&request, &operations)?;
    let part =
        Query::<Part>::from_query(request.query_string()).map_err(|_| Refusal::QueryInvalid {
            expected: "Only `path` is known: names joined by dots, such as `http_server.listen_addr`.",
        })?;
    let whole = operations.dependencies.configuration.effective();
    let config = part_of(&whole, part.path.as_deref());
    let answer = json!({
        "type": "common.responses:retrieveConfig",
        "status": 200,
        "config": config,
    });
    if name(&request, "instance")?.is_some() {
        return Ok(HttpResponse::Ok().json(answer));
    }
    // Unlike `/devops/logging`, Ditto answers by service even where one is named.
    let instance = &operations.settings.instance;
    let by_service: Map<String, Value> = ROLES
        .into_iter()
        .filter(|role| answerers.include(role))
        .map(|role| (role.to_owned(), json!({ instance: answer })))
        .collect();
    Ok(HttpResponse::Ok().json(by_service))
}

/// The value of an effective configuration at a path of names joined by dots; an unknown one is told within the answer.
pub fn part_of(whole: &Value, path: Option<&str>) -> Value {
    let Some(path) = path.filter(|path| !path.is_empty()) else {
        return whole.clone();
    };
    let found = path.split('.').try_fold(whole, |value, name| match value {
        Value::Array(items) => name
            .parse::<usize>()
            .ok()
            .and_then(|index| items.get(index)),
        Value::Object(members) => members.get(name),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    });
    found.cloned().unwrap_or_else(
        || json!({ "error": "There is no such path; ask without `path` to see all there are." }),
    )
}
