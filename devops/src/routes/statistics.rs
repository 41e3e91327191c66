//! How much is in memory and in the store, as Ditto's `/stats` shows it.
//!
//! Source: Ditto documentation, page "Operating Ditto", section "Gathering statistics".

use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Map, Value, json};

use super::{get, only};
use crate::app::Operations;
use crate::error::Refusal;

/// Most namespaces and entities that one request may name.
const PARAMETERS_MAX: usize = 100;

/// The kinds of entities, and the member that counts each.
const KINDS: [(&str, &str); 3] = [
    ("thing", "thingsNamespacesHotness"),
    ("policy", "policiesNamespacesHotness"),
    (
        "search-wildcard-updater",
        "searchWildcardUpdatersNamespacesHotness",
    ),
];

pub(super) fn configure(config: &mut ServiceConfig) {
    config
        .service(only(
            "GET, HEAD",
            web::resource("/things").route(get().to(retrieve_hot_entities)),
        ))
        .service(only(
            "GET, HEAD",
            web::resource("/search").route(get().to(count_things)),
        ));
}

/// Namespaces are names that people chose: for operators only.
pub(super) fn configure_details(config: &mut ServiceConfig) {
    config.service(only(
        "GET, HEAD",
        web::resource("").route(get().to(retrieve_hot_namespaces)),
    ));
}

/// `GET /stats/things`: how many entities are in memory.
async fn retrieve_hot_entities(operations: Data<Operations>) -> HttpResponse {
    HttpResponse::Ok().json(operations.dependencies.statistics.hot_entities())
}

/// `GET /stats/things/details?entity=&namespace=`: the same by namespace, the fullest first.
async fn retrieve_hot_namespaces(
    request: HttpRequest,
    operations: Data<Operations>,
) -> Result<HttpResponse, Refusal> {
    let asked = Asked::of(&request)?;
    let counts = operations.dependencies.statistics.hot_namespaces();
    let details: Map<String, Value> = KINDS
        .into_iter()
        .filter(|(kind, _)| asked.entities.is_empty() || asked.entities.iter().any(|e| e == kind))
        .map(|(kind, member)| {
            let by_namespace = counts.get(kind).cloned().unwrap_or_default();
            let mut shown: Vec<(String, u64)> = if asked.namespaces.is_empty() {
                by_namespace.into_iter().collect()
            } else {
                let count = |name: &String| by_namespace.get(name).copied().unwrap_or(0);
                let names = asked.namespaces.iter();
                names.map(|name| (name.clone(), count(name))).collect()
            };
            shown.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            let shown: Map<String, Value> = shown
                .into_iter()
                .map(|(name, count)| (label(name), count.into()))
                .collect();
            (member.to_owned(), shown.into())
        })
        .collect();
    Ok(HttpResponse::Ok().json(details))
}

/// `GET /stats/search`: how many things there are.
async fn count_things(operations: Data<Operations>) -> Result<HttpResponse, Refusal> {
    let count = operations.dependencies.statistics.all_things();
    let count = count.ok_or(Refusal::StoreFailed)?;
    Ok(HttpResponse::Ok().json(json!({ "allThingsCount": count })))
}

fn label(namespace: String) -> String {
    if namespace.is_empty() {
        "<empty>".to_owned()
    } else {
        namespace
    }
}

/// Both parameters may come several times.
#[derive(Default)]
struct Asked {
    entities: Vec<String>,
    namespaces: Vec<String>,
}

impl Asked {
    fn of(request: &HttpRequest) -> Result<Self, Refusal> {
        let invalid = || Refusal::QueryInvalid {
            expected: "Known are `entity` (thing, policy, search-wildcard-updater) and `namespace`, up to 100 times.",
        };
        let pairs = web::Query::<Vec<(String, String)>>::from_query(request.query_string());
        let pairs = pairs.map_err(|_| invalid())?.into_inner();
        if pairs.len() > PARAMETERS_MAX {
            return Err(invalid());
        }
        let mut asked = Self::default();
        for (name, value) in pairs {
            match name.as_str() {
                "entity" => asked.entities.push(value),
                "namespace" => asked.namespaces.push(value),
                _ => return Err(invalid()),
            }
        }
        Ok(asked)
    }
}
