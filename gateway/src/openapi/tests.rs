//! The description and the routes: neither has what the other lacks.

use std::collections::BTreeSet;

use things::TwinHeaders;

use super::*;
use crate::edge::CanonicalPath;
use crate::routes::Route;

/// The path that a template stands for.
fn example(template: &str) -> String {
    template
        .replace("{thingId}", "org.acme:lamp")
        .replace("{policyId}", "org.acme:lamp")
        .replace("{importedPolicyId}", "org.acme:other")
        .replace("{featureId}", "lamp")
        .replace("{attributePath}", "site/hall")
        .replace("{propertyPath}", "on")
        .replace("{messageSubject}", "blink/twice")
        .replace("{label}", "owner")
        .replace("{subjectId}", "nginx:alice")
        .replace("{resourcePath}", "thing:/features/lamp")
        .replace("{file}", "app.js")
}

#[test]
fn every_template_leads_to_the_route_of_its_name() {
    for name in RouteName::ALL {
        let path = example(name.template());
        assert!(!path.contains(['{', '}']), "{path}");
        let route = CanonicalPath::parse(&path).and_then(|path| Route::resolve(&path));
        let route = route.unwrap_or_else(|error| panic!("{path}: {}", error.code()));
        assert_eq!(route.name(), *name, "{path}");
        for method in name.methods() {
            assert!(route.check_method(method).is_ok(), "{method} {path}");
        }
    }
}

#[test]
fn every_route_and_method_is_described() {
    let document = describe(true);
    let described: BTreeSet<String> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().keys();
            methods
                .filter(|key| *key != "parameters")
                .map(move |method| format!("{} {path}", method.to_ascii_uppercase()))
        })
        .collect();
    let served: BTreeSet<String> = RouteName::ALL
        .iter()
        .flat_map(|name| {
            let methods = name.methods().iter();
            methods.map(|method| format!("{method} {}", name.template()))
        })
        .collect();
    assert_eq!(described, served);
}

#[test]
fn every_reference_leads_somewhere_and_everything_is_referred_to() {
    check_references(&describe(true));
    check_references(&describe(false));
}

#[track_caller]
fn check_references(document: &Value) {
    let mut references = BTreeSet::new();
    collect(document, &mut references);
    let mut components = BTreeSet::new();
    for (kind, members) in document["components"].as_object().unwrap() {
        if kind != "securitySchemes" {
            let members = members.as_object().unwrap().keys();
            components.extend(members.map(|name| format!("#/components/{kind}/{name}")));
        }
    }
    assert_eq!(references, components);
}

fn collect(value: &Value, references: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get("$ref") {
                references.insert(reference.clone());
            }
            members
                .values()
                .for_each(|member| collect(member, references));
        }
        Value::Array(elements) => elements.iter().for_each(|each| collect(each, references)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn names_of_operations_are_unique() {
    let document = describe(true);
    let operations: Vec<&str> = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|item| item.as_object().unwrap().values())
        .filter_map(|operation| operation.get("operationId")?.as_str())
        .collect();
    let unique: BTreeSet<&str> = operations.iter().copied().collect();
    assert_eq!(unique.len(), operations.len());
}

#[test]
fn every_header_of_commands_is_described() {
    let parameters = parameters::all(true);
    for name in TwinHeaders::NAMES {
        assert!(parameters.contains_key(&format!("header.{name}")), "{name}");
    }
    for name in crate::edge::QUERY_PARAMETERS {
        assert!(parameters.contains_key(&format!("query.{name}")), "{name}");
    }
}

#[test]
fn who_needs_no_credential_is_told_so() {
    let document = describe(true);
    let open = |name: RouteName| {
        let operation = &document["paths"][name.template()]["get"];
        operation["security"] == json!([])
    };
    assert!(open(RouteName::Health) && open(RouteName::OpenApi) && open(RouteName::Docs));
    assert!(!open(RouteName::Thing) && !open(RouteName::WhoAmI) && !open(RouteName::WebSocket));
}

/// The statuses that an operation is said to answer with.
#[track_caller]
fn check_statuses(method: &str, name: RouteName, expected: &str) {
    let document = describe(true);
    let responses = &document["paths"][name.template()][method]["responses"];
    let mut statuses: Vec<&str> = responses
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    statuses.sort_unstable();
    assert_eq!(statuses.join(" "), expected, "{method} {}", name.template());
}

#[test]
fn an_operation_answers_with_what_can_come_of_it() {
    let always = "400 401 403 405 409 413 414 415 429 431 500 503";
    check_statuses(
        "get",
        RouteName::WhoAmI,
        "200 400 401 403 414 429 431 500 503",
    );
    check_statuses(
        "post",
        RouteName::CheckPermissions,
        &format!("200 {always}"),
    );
    check_statuses(
        "post",
        RouteName::Things,
        "200 201 202 400 401 403 404 405 408 409 412 413 414 415 424 429 431 500 503 default",
    );
    check_statuses(
        "get",
        RouteName::Thing,
        "200 304 400 401 403 404 408 409 412 414 429 431 500 503 default",
    );
    check_statuses(
        "delete",
        RouteName::Attribute,
        "200 202 204 400 401 403 404 405 408 409 412 414 424 429 431 500 503 default",
    );
    check_statuses(
        "get",
        RouteName::Policy,
        "200 304 400 401 403 404 408 409 412 414 429 431 500 503",
    );
    check_statuses(
        "post",
        RouteName::InboxMessage,
        "202 400 401 403 404 405 408 409 412 413 414 424 429 431 500 503 default",
    );
}

#[track_caller]
fn parameters_of(method: &str, name: RouteName) -> String {
    describe(true)["paths"][name.template()][method]["parameters"].to_string()
}

#[test]
fn an_operation_takes_what_it_heeds() {
    assert!(parameters_of("post", RouteName::Migration).contains("header.if-match"));
    for (method, name) in [
        ("delete", RouteName::Thing),
        ("delete", RouteName::Policy),
        ("put", RouteName::Entries),
        ("post", RouteName::Activation),
    ] {
        let parameters = parameters_of(method, name);
        assert!(
            !parameters.contains("allow-policy-lockout"),
            "{method} {name:?}"
        );
    }
    for (method, name) in [
        ("put", RouteName::Thing),
        ("post", RouteName::Things),
        ("put", RouteName::Policy),
        ("post", RouteName::Policies),
    ] {
        let parameters = parameters_of(method, name);
        assert!(
            parameters.contains("allow-policy-lockout"),
            "{method} {name:?}"
        );
    }
}

#[test]
fn the_page_is_listed_while_it_is_served() {
    let is_listed = |serves_docs| {
        let document = describe(serves_docs);
        document["paths"].get("/docs").is_some() || document["paths"].get("/docs/{file}").is_some()
    };
    assert!(is_listed(true) && !is_listed(false));
}
