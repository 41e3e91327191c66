//! Responses that say the same everywhere: the errors, and those without a body.

use serde_json::{Map, Value, json};

use super::headers;

/// Status, name and meaning of each.
const ERRORS: &[(&str, &str, &[&str])] = &[
    (
        "400",
        "What was sent is malformed, or cannot be meant.",
        &[],
    ),
    (
        "401",
        "The credential is missing, or does not count.",
        &["www-authenticate"],
    ),
    ("403", "The caller may not do this.", &[]),
    ("404", "There is nothing that the caller may see.", &[]),
    ("405", "The method is not defined here.", &["allow"]),
    ("408", "Nobody answered in time.", &[]),
    (
        "409",
        "It exists already, or its namespace is blocked.",
        &[],
    ),
    (
        "412",
        "A condition does not hold; nothing was done.",
        &["etag"],
    ),
    (
        "413",
        "The body, or what would come of it, is too large.",
        &[],
    ),
    ("414", "The request target is too long.", &[]),
    ("415", "The content type is not accepted here.", &[]),
    ("429", "Too many requests.", &["retry-after"]),
    ("431", "The header fields are too large.", &[]),
    ("500", "A fault of the gateway.", &[]),
    ("503", "The gateway cannot answer now.", &["retry-after"]),
];

/// All of them, by name.
pub(super) fn all() -> Map<String, Value> {
    let error = |(status, description, more): &(&str, &str, &[&str])| {
        let names: Vec<&str> = ["correlation-id"].iter().chain(*more).copied().collect();
        let response = json!({
            "description": description,
            "headers": headers::these(&names),
            "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } },
        });
        (format!("E{status}"), response)
    };
    let mut all: Map<String, Value> = ERRORS.iter().map(error).collect();
    all.insert(
        "E424".to_owned(),
        with_json(
            "Somebody did not acknowledge; what each said, by label.",
            "Acknowledgements",
            &["correlation-id"],
        ),
    );
    all.insert(
        "Accepted".to_owned(),
        without_body(
            "Carried out, and the caller waived the answer.",
            &["correlation-id"],
        ),
    );
    let mut passed = without_body(
        "What somebody else answered, with its status, payload and content type: who got the message, the device on the live \
         channel, or whoever acknowledges if one acknowledgement alone was requested.",
        &["correlation-id"],
    );
    passed["content"] = json!({ "*/*": { "schema": { "$ref": "#/components/schemas/Payload" } } });
    all.insert("Passed".to_owned(), passed);
    all.insert(
        "NotModified".to_owned(),
        without_body(
            "The caller has the current state.",
            &["correlation-id", "etag"],
        ),
    );
    all
}

/// References to the errors with these statuses.
pub(super) fn errors(statuses: &[&str]) -> Map<String, Value> {
    let reference = |status: &&str| ((*status).to_owned(), named(&format!("E{status}")));
    statuses.iter().map(reference).collect()
}

/// A reference to one of them.
pub(super) fn named(name: &str) -> Value {
    json!({ "$ref": format!("#/components/responses/{name}") })
}

pub(super) fn without_body(description: &str, names: &[&str]) -> Value {
    json!({ "description": description, "headers": headers::these(names) })
}

pub(super) fn with_json(description: &str, schema: &str, names: &[&str]) -> Value {
    let mut response = without_body(description, names);
    if let Some(members) = response.as_object_mut() {
        let schema = json!({ "$ref": format!("#/components/schemas/{schema}") });
        members.insert(
            "content".to_owned(),
            json!({ "application/json": { "schema": schema } }),
        );
    }
    response
}
