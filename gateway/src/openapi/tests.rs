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
    let document = describe();
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
    let document = describe();
    let mut references = BTreeSet::new();
    collect(&document, &mut references);
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
    let document = describe();
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
    let parameters = parameters::all();
    for name in TwinHeaders::NAMES {
        assert!(parameters.contains_key(&format!("header.{name}")), "{name}");
    }
    for name in crate::edge::QUERY_PARAMETERS {
        assert!(parameters.contains_key(&format!("query.{name}")), "{name}");
    }
}

#[test]
fn who_needs_no_credential_is_told_so() {
    let document = describe();
    let open = |name: RouteName| {
        let operation = &document["paths"][name.template()]["get"];
        operation["security"] == json!([])
    };
    assert!(open(RouteName::Health) && open(RouteName::OpenApi) && open(RouteName::Docs));
    assert!(!open(RouteName::Thing) && !open(RouteName::WhoAmI) && !open(RouteName::WebSocket));
}
