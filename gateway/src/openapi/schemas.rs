//! The JSON that is sent and received, as JSON Schema 2020-12.

mod policies;
pub(super) mod text;
mod things;

use serde_json::{Map, Value, json};

/// All of them, by name.
pub(super) fn all() -> Map<String, Value> {
    let general = [
        ("Json", any_json()),
        (
            "Payload",
            json!({ "description": "Anything, of the content type that says so." }),
        ),
        ("Error", error()),
        ("Acknowledgements", acknowledgements()),
        (
            "EntityId",
            json!({
                "type": "string",
                "description": "`<namespace>:<name>`; the namespace may be empty.",
                "pattern": "^(|[a-zA-Z][a-zA-Z0-9_]*([.-][a-zA-Z][a-zA-Z0-9_]*)*):[^/\\u0000-\\u001F\\u007F-\\u00FF]+$",
                "maxLength": 256,
                "examples": ["org.acme:lamp"],
            }),
        ),
        ("WhoAmI", who_am_i()),
        ("PermissionChecks", permission_checks()),
        (
            "PermissionAnswers",
            json!({ "type": "object", "additionalProperties": { "type": "boolean" } }),
        ),
        (
            "Health",
            json!({
                "type": "object",
                "required": ["status"],
                "properties": { "status": { "enum": ["UP", "DOWN"] } },
            }),
        ),
        (
            "OpenApi",
            json!({ "type": "object", "required": ["openapi", "paths"] }),
        ),
    ];
    general
        .into_iter()
        .chain(things::all())
        .chain(policies::all())
        .map(|(name, schema)| (name.to_owned(), schema))
        .collect()
}

/// What may stand anywhere in a thing: the keys of its objects are bounded, those within arrays are not.
fn any_json() -> Value {
    json!({ "description": "Any JSON.", "propertyNames": text::key(), "additionalProperties": named("Json") })
}

/// A reference to the schema of this name.
fn named(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// The id that the path has already; sent again, it must be the same.
fn id_in_path() -> Value {
    json!({ "allOf": [named("EntityId")], "readOnly": true })
}

/// An object whose members all have the schema of this name.
fn map_of(name: &str) -> Value {
    json!({ "type": "object", "additionalProperties": named(name) })
}

fn list_of(items: Value) -> Value {
    json!({ "type": "array", "items": items })
}

/// A list in which other elements than strings are passed over.
fn lenient_list_of(strings: Value) -> Value {
    let ignored = json!({ "not": { "type": "string" }, "description": "Ignored." });
    list_of(json!({ "anyOf": [strings, ignored] }))
}

/// Source: Ditto documentation, page "HTTP API concepts", section "Error responses".
fn error() -> Value {
    json!({
        "type": "object",
        "required": ["status", "error", "message"],
        "properties": {
            "status": { "type": "integer", "description": "The status of the response." },
            "error": { "type": "string", "description": "What went wrong, for programs.", "examples": ["things:thing.notfound"] },
            "message": { "type": "string", "description": "What went wrong, for people." },
            "description": { "type": "string", "description": "What to do about it." },
            "href": { "type": "string", "format": "uri", "description": "Where to read more." },
        },
    })
}

fn acknowledgements() -> Value {
    let one = json!({
        "type": "object",
        "required": ["status"],
        "properties": { "status": { "type": "integer" }, "payload": {}, "headers": { "type": "object" } },
    });
    json!({
        "type": "object",
        "description": "What was acknowledged, by label; several under one label are a list.",
        "additionalProperties": { "anyOf": [one, list_of(one.clone())] },
    })
}

fn who_am_i() -> Value {
    json!({
        "type": "object",
        "required": ["defaultSubject", "subjects"],
        "properties": {
            "defaultSubject": { "type": ["string", "null"] },
            "subjects": list_of(json!({ "type": "string" })),
        },
    })
}

fn permission_checks() -> Value {
    let check = json!({
        "type": "object",
        "required": ["resource", "entityId", "hasPermissions"],
        "properties": {
            "resource": { "allOf": [named("ResourceKey"), { "pattern": "^(thing|policy|message):" }] },
            "entityId": named("EntityId"),
            "hasPermissions": { "type": "array", "items": named("Permission"), "minItems": 1 },
        },
    });
    let ignored = json!({ "not": { "type": "object" }, "description": "Ignored." });
    json!({
        "type": "object",
        "description": "Checks by names of your choice, at most 1000 of them.",
        "maxProperties": 1000,
        "additionalProperties": { "anyOf": [check, ignored] },
    })
}
